#!/bin/sh
# headers.sh ROOT BUILD: every header compiles by itself, so that including it is enough.
set -eu
cd "$1"
flags=$(pkg-config --cflags libczmq libmicrohttpd libpcre2-8 sqlite3 libpq libcurl libavformat libwebp cmocka)
bad=0
for header in $(git ls-files --cached --others --exclude-standard '*.h' | grep -v -e '^proto/undef\.h$' -e '^runtime/json/yyjson/'); do
    # shellcheck disable=SC2086
    printf '#include "%s"\n' "$header" | gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I. \
        -I"$2/generated" -Iruntime/json/yyjson $flags -x c - || {
        echo "$header does not compile alone" >&2
        bad=1
    }
done
exit $bad
