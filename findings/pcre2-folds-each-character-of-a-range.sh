#!/usr/bin/env bash
# PCRE2: a range of characters costs as much to compile as it is wide, once case does not matter; in UTF mode four milliseconds for one class.
#
# One would guess: a range is two numbers, and what it matches without case is found when it is searched for, or in a table of the 2,800 characters
# that have another case. So (?i)[\x{100}-\x{10ffff}] compiles as fast as the same without (?i).
#
# What happens: pcre2_compile asks for the other case of every character of the range, twice (once to learn the size, once to write). One class
# is compiled in 4 ms instead of 2 us, and a pattern of a few hundred bytes in a tenth of a second. Neither the limit on a pattern's length nor
# the recursion guard sees that, and there is no other limit on compiling. A range that is written out of a negated class ("not a blank") is such a
# range; \S itself is not, since properties are not folded.
#
# Why it matters here: filters that guilds write are compiled whenever a channel's settings are read. What folds nothing is put in (?-i:...), and the
# width of what does is added up and bounded before PCRE2 sees it.
#
# Seen with PCRE2 10.42 (Debian's libpcre2-8-0 10.42-1):
#   width      1000: with case    1.5 us   without      9.6 us
#   width   1113856: with case    1.7 us   without   3869.1 us
set -euo pipefail
command -v python3 >/dev/null && command -v dpkg-deb >/dev/null || { echo "needs python3 and dpkg-deb"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get download -q libpcre2-8-0=10.42-1 >/dev/null 2>&1 || { echo "libpcre2-8-0 10.42-1 is not to be had here"; exit 77; }
dpkg-deb -x libpcre2-8-0_*.deb .
cat >run.py <<'PY'
import ctypes, glob, time

lib = ctypes.CDLL(glob.glob("usr/lib/*/libpcre2-8.so.0")[0])
lib.pcre2_compile_8.restype = ctypes.c_void_p
version = ctypes.create_string_buffer(64)
lib.pcre2_config_8(11, version)
print("PCRE2", version.value.decode())

def compile_us(pattern, times):
    number, offset = ctypes.c_int(), ctypes.c_size_t()
    best = 1e9
    for _ in range(times):
        began = time.thread_time_ns()
        code = lib.pcre2_compile_8(pattern, ctypes.c_size_t(len(pattern)), ctypes.c_uint32(0x00080000),  # PCRE2_UTF
                                   ctypes.byref(number), ctypes.byref(offset), None)
        best = min(best, (time.thread_time_ns() - began) / 1000)
        assert code, number.value
        lib.pcre2_code_free_8(ctypes.c_void_p(code))
    return best

ratio = 0
for last in (0x100 + 999, 0x10ffff):
    chars = b"[\\x{100}-\\x{%x}]" % last
    with_case, without = compile_us(chars, 50), compile_us(b"(?i)" + chars, 50)
    ratio = without / with_case
    print(f"width {last - 0x100 + 1:9}: with case {with_case:6.1f} us   without {without:8.1f} us")
assert ratio > 50, "a wide range without case compiles as fast as with it"
PY
python3 run.py
