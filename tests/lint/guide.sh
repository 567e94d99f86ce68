#!/usr/bin/env bash
# guide.sh ROOT: the diffs of docs/CONTRIBUTING.md show the code as it is. Prints each line after a `+` that does not stand in the file which
# the `+++` line before it names (white space at both ends apart), and fails if there is one, or if there is no diff at all.
set -euo pipefail
cd "$1"
bad=0 lines=0 file=
while IFS= read -r line; do
    line=${line#"${line%%[![:space:]]*}"}
    case $line in
    '```'*)
        file=
        inside=
        [ "$line" != '```diff' ] || inside=yes
        ;;
    '+++ '*) [ -z "${inside:-}" ] || file=${line#+++ } ;;
    '+'*)
        [ -n "${inside:-}" ] || continue
        text=${line#+}
        text=${text#"${text%%[![:space:]]*}"}
        lines=$((lines + 1))
        if [ -z "$file" ] || ! grep -qF -- "$text" "$file"; then
            printf '%s: not there: %s\n' "${file:-no file}" "$text" >&2
            bad=1
        fi
        ;;
    esac
done <docs/CONTRIBUTING.md
[ "$lines" -gt 0 ] || bad=1
exit "$bad"
