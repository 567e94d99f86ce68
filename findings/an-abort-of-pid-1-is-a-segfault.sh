#!/usr/bin/env bash
# Linux, glibc and process 1 of a pid namespace: abort() ends it by SIGSEGV, not by SIGABRT.
#
# One would guess: a program whose assertion fails ends by SIGABRT (exit code 134 of a shell or a container) wherever it runs; an exit code
# of 139 means that it touched memory that is not its own.
#
# What happens: the kernel gives process 1 of a namespace no signal for which it has no handler, those of its own raise() included. abort()
# raises SIGABRT twice, is still there, and executes an instruction that is not allowed; the exception is forced and reads as SIGSEGV. A
# container that is started without an init (--init, dumb-init, tini) is such a process. Behind dumb-init the same program ends by SIGABRT.
#
# Why it matters here: a sandboxed encoder is process 1 of its namespace. "Segmentation fault" in a log or an exit code of 139 may be an
# assertion with its line in the log, and a crash reporter that groups by signal files it under the wrong fault.
#
# Seen with dumb-init 1.2.5 (PyPI), node 22.11.0 (npm), Python 3.11.7, glibc 2.36:
#   python, ordinary process    134
#   python, process 1           139
#   python, behind dumb-init    134
#   node, process 1             139
set -euo pipefail
for tool in python3 npm unshare; do
    command -v "$tool" >/dev/null || { echo "needs $tool"; exit 77; }
done
unshare --user --map-root-user --pid --fork true 2>/dev/null || { echo "needs user namespaces"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
ulimit -c 0
python3 -m venv v
v/bin/pip install -q --disable-pip-version-check dumb-init==1.2.5
npm install --silent --no-fund --no-audit --prefix n node@22.11.0 >/dev/null
echo "dumb-init 1.2.5, node $(n/node_modules/.bin/node --version), $(python3 --version), $(getconf GNU_LIBC_VERSION)"
first() { unshare --user --map-root-user --pid --fork "$@"; }
abort=(v/bin/python -c 'import os; os.abort()')
bad=0
see() { # TITLE EXPECTED COMMAND...
    local title=$1 expected=$2 code=0
    shift 2
    ("$@" || exit) 2>/dev/null || code=$?
    printf '%-27s %s\n' "$title" "$code"
    [ "$code" -eq "$expected" ] || bad=1
}
see "python, ordinary process" 134 "${abort[@]}"
see "python, process 1" 139 first "${abort[@]}"
see "python, behind dumb-init" 134 first v/bin/dumb-init "${abort[@]}"
see "node, process 1" 139 first n/node_modules/.bin/node -e 'process.abort()'
exit $bad
