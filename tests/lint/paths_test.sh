#!/usr/bin/env bash
# paths_test.sh: paths.sh finds each kind of path that does not exist, and lets pass what exists and what names no path of ours.
set -euo pipefail
check=$(cd "$(dirname "$0")" && pwd)/paths.sh
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cd "$root"
git init -q
mkdir -p docs/adr base
printf '#include <sys/queue.h>\n#include "base/error.h"\n' >base/error.c
printf '#define E 1\n' >base/error.h
printf '# Guide\n\n## Two words, and more\n' >docs/GUIDE.md
printf '# 3. One\n' >docs/adr/0003-one.md
printf '*.env\n/build/\n' >.gitignore
failed=0

# claim CODE FILE TEXT: the check ends with this code when FILE has this text, and names the file's first line if it fails.
claim() {
    local expected=$1 file=$2 text=$3 code=0
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$text" >"$file"
    "$check" . >output 2>&1 || code=$?
    if [ "$code" -ne "$expected" ] || { [ "$code" -ne 0 ] && ! grep -q "^$file:1: there is no " output; }; then
        printf 'FAILED: %s with "%s": exit code %d\n' "$file" "$text" "$code"
        cat output
        failed=1
    fi
    rm -f "$file" output
}
passes() { claim 0 "$@"; }
misses() { claim 1 "$@"; }

# Words that begin with a folder of the root.
passes base/a.c '/* see base/error.c, base/, and base/error.h. */'
misses base/a.c '/* see base/gone.c */'
misses base/a.c 'int a; // base/gone'
misses base/a.c '/* base/gone.c: a head of another name */'
passes base/a.c 'const char *a = "base/gone.c"; /* a string is not a comment */'
passes base/a.c 'const char *a = "/* base/gone.c */";'
passes docs/A.md 'https://example.org/base/gone.c, $root/base/gone.c and /usr/base/gone.c are not ours.'
misses docs/A.md 'The table is in `base/gone.c`.'
misses a.sh '# runs base/gone.sh'
passes a.sh 'exec base/gone.sh'
misses base/a.sql '-- as base/gone.sql'
misses base/a.html '<p><!-- base/gone.c -->'
misses CMakeLists.txt '# base/gone.c is generated'
# Patterns.
passes docs/A.md '`base/*.c`, `base/error.{c,h}`, `docs/adr/<number>-one.md`'
misses docs/A.md '`base/*.sql`'
misses docs/A.md '`base/error.{c,cc}`'
misses docs/A.md '`<name>/gone.c`'
# Names and tails of paths.
passes base/a.c '/* error.h, adr/0003-one.md, <sys/queue.h>, self->error, e.g. this. */'
misses base/a.c '/* gone.h */'
misses base/a.c '/* other/error.h */'
misses docs/A.md 'See GONE.md.'
# Links.
passes docs/A.md '[a](GUIDE.md), [b](../base/error.c), [c](GUIDE.md#two-words-and-more), [d](https://example.org/x), [e](./adr)'
misses docs/A.md '[a](gone.png)'
misses docs/A.md '[a](../GUIDE.md)'
misses docs/A.md '[a](GUIDE.md#three-words)'
misses docs/A.md '[a](#here)'
# Decisions, and files that git ignores.
passes base/a.c '/* ADR 0003 */'
misses base/a.c '/* ADR 0004 */'
passes docs/A.md 'base/local.env is written by the user, build/generated/table.c by the build.'

exit $failed
