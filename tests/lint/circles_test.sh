#!/usr/bin/env bash
# circles_test.sh: circles.sh finds planted circles, names the files and the symbols, and lets calls pass that run one way.
set -euo pipefail
check=$(cd "$(dirname "$0")" && pwd)/circles.sh
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cd "$root"
failed=0

# plant FILE CODE: writes a file of the planted folder, and compiles it if it is a source.
plant() {
    mkdir -p runtime/planted build/CMakeFiles/planted.dir/runtime/planted
    printf '%s\n' "$2" >"runtime/planted/$1"
    case $1 in
    *.c) "${CC:-cc}" -c "runtime/planted/$1" -o "build/CMakeFiles/planted.dir/runtime/planted/$1.o" ;;
    esac
}

# claim NAME CODE PATTERN...: the check of what is planted ends with this code and prints a line for each pattern; then all is removed.
claim() {
    local name=$1 expected=$2 code=0 pattern
    shift 2
    mkdir -p actors proto
    "$check" build runtime/planted >output 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || {
        printf 'FAILED %s: exit code %d\n' "$name" "$code"
        failed=1
    }
    for pattern in "$@"; do
        grep -qE "$pattern" output || {
            printf 'FAILED %s: no line is like "%s" in:\n' "$name" "$pattern"
            cat output
            failed=1
        }
    done
    rm -rf runtime build
}

plant top.c 'int middle(void); int bottom(void); int top(void) { return middle() + bottom(); }'
plant middle.c 'int bottom(void); int middle(void) { return bottom(); }'
plant bottom.c 'int bottom(void) { return 1; }'
claim calls_down_pass 0

plant a.c 'int b(void); int a(void) { return b(); } int a2(void) { return 2; }'
plant b.c 'int a2(void); int b(void) { return a2(); }'
claim two_files_are_found 1 '^runtime/planted: sources call each other in a circle:$' '^  a\.c -> b\.c: b$' '^  b\.c -> a\.c: a2$'

plant top.c 'int a(void); int top(void) { return a(); }'
plant a.c 'int b(void); int a(void) { return b(); }'
plant b.c 'int c(void); int b(void) { return c(); }'
plant c.c 'int a(void); int bottom(void); int c(void) { return a() + bottom(); }'
plant bottom.c 'int bottom(void) { return 1; }'
claim a_circle_of_three_is_found 1 '^  a\.c -> b\.c: b$' '^  b\.c -> c\.c: c$' '^  c\.c -> a\.c: a$'

plant a.c 'extern int (*const table[])(void); int a(void) { return table[0](); }'
plant b.c 'int a(void); static int b(void) { return a(); } int (*const table[])(void) = {b};'
claim a_table_by_name_is_a_use 1 '^  a\.c -> b\.c: table$' '^  b\.c -> a\.c: a$'

plant a.c 'static int same(void) { return 1; } int a(void) { return same(); }'
plant b.c 'int a(void); static int same(void) { return 2; } int b(void) { return a() + same(); }'
claim static_functions_of_one_name_are_no_use 0

plant a.c 'int b(void); int a(void) { return b(); }'
plant b.c 'int a(void); int b(void) { return a(); }'
rm runtime/planted/b.c
claim objects_of_removed_sources_are_ignored 0

plant a.c 'int a(void) { return 1; }'
rm -r build/CMakeFiles/planted.dir/runtime/planted/a.c.o
claim a_source_without_object_fails 1 'a\.c has no object'

plant a.c 'int a(void) { return 1; }'
plant a.h '#include "runtime/planted/b.h"'
plant b.h '#include "runtime/planted/a.h"'
claim headers_that_include_each_other_are_found 1 'headers include each other' 'a\.h -> runtime/planted/b\.h: #include'

exit $failed
