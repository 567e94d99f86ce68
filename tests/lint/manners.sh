#!/bin/sh
# manners.sh ROOT: rules of names and files that a machine can check.
set -eu
cd "$1"
bad=0
complain() {
    if [ -n "$2" ]; then
        printf '%s:\n%s\n' "$1" "$2" >&2
        bad=1
    fi
}
complain 'no file is called util, misc, common or helper' \
    "$(git ls-files | grep -iE '(^|/)(util|utils|misc|common|helper|helpers)\.[a-z]+$' || true)"
complain 'headers stay below 200 lines' \
    "$(git ls-files 'actors/*.h' 'proto/*.h' 'runtime/*.h' ':!runtime/json/yyjson' | xargs wc -l | awk '$2 != "total" && $1 > 200 {print $2, $1}')"
complain 'sources stay below 700 lines' \
    "$(git ls-files 'actors/*.c' 'proto/*.c' 'runtime/*.c' ':!runtime/json/yyjson' | xargs wc -l | awk '$2 != "total" && $1 > 700 {print $2, $1}')"
# clang-format puts the braces of a function, and of nothing else, at the beginning of a line of their own.
complain 'functions have at most 60 lines' \
    "$(git ls-files '*.[ch]' ':!runtime/json/yyjson' | xargs awk -v most=60 '
        FNR == 1 || /^}$/ { if (FNR > 1 && start && FNR - start + 1 > most) print FILENAME ":" start ": " FNR - start + 1 " lines"; start = 0 }
        /^[A-Za-z_]/ { head = FNR }
        /^{$/ { start = head }')"
complain 'unit, actor and conformance tests await events, they do not sleep' \
    "$(git grep -nE '\b(usleep|nanosleep|sleep)\s*\(' -- tests/unit tests/actor tests/conformance || true)"
complain 'tests are skipped by tests/bed/skip.h, so that their program tells' \
    "$(git grep -nE '(^|[^a-z_])skip\(\)|passed over' -- 'tests/*.c' 'tests/*.h' ':!tests/bed/skip.c' || true)"
complain 'numbers are compared by tests/bed/between.h: cmocka 2 deprecates this' \
    "$(git grep -nE '\bassert_(not_)?in_range\s*\(' -- 'tests/*.c' 'tests/*.h' || true)"
complain 'unfinished marks' "$(git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.sh' dev ':!tests/lint/manners.sh' ':!runtime/json/yyjson' || true)"
complain 'unbounded string functions' \
    "$(git grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(' -- 'actors/*.c' 'proto/*.c' 'runtime/*.c' ':!runtime/json/yyjson' || true)"
# shellcheck disable=SC2016 # it is awk's
# The logger makes fields of these words, and cannot tell which argument belongs to what behind any other.
complain 'formats of RY_LOG are words key=%conversion' \
    "$(git ls-files 'actors/*.c' 'proto/*.c' 'runtime/*.c' | xargs awk -v RS='RY_LOG\\(' 'FNR > 1 {
        rest = $0
        format = ""
        sub(/^[^"]*"[a-z_0-9]+"[ \n]*,[ \n]*/, "", rest)
        while (match(rest, /^("([^"\\]|\\.)*"|PRI[a-zA-Z0-9]+)[ \n]*/)) {
            part = substr(rest, 1, RLENGTH)
            rest = substr(rest, RLENGTH + 1)
            sub(/[ \n]*$/, "", part)
            format = format (part ~ /^PRI/ ? "u" : substr(part, 2, length(part) - 2))
        }
        n = split(format, words, " ")
        for (i = 1; i <= n; i++)
            if (words[i] !~ /^[a-z_0-9]+=%[-#0+]*[0-9*]*(\.[0-9*]+)?(hh|h|ll|l|z|j|t|q)?[diuxXoscfgGeEpm]$/)
                print FILENAME ": " format
    }' || true)"
exit $bad
