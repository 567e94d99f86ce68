#!/usr/bin/env bash
# record.sh ROOT SYSTEM WHAT COUNTS: writes a result into the part of docs/SYSTEMS.md that tells of the system; standard input: the versions,
# one 'NAME VERSION' a line (the version is the last word). A result that says the same of the same versions keeps its date.
set -euo pipefail
root=$1 system=$2 what=$3 counts=$4
page=$root/docs/SYSTEMS.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

sed -n "/^## $system\$/,/^## /p" "$page" | sed '1d;/^## /d' >"$tmp/old"
awk '{ version = $NF; $NF = ""; sub(/ $/, ""); printf "%s%s %s", (NR > 1 ? ", " : ""), $0, version } END { print "." }' | fold -s -w 118 |
    sed 's/ $//' >"$tmp/versions"
grep '^| [a-z]* | ' "$tmp/old" | grep -v '^| run |' >"$tmp/rows" || true
since=$(date -u +%F)
# The same versions and the same result: the date stays.
if sed -n '/^With /,$p' "$tmp/old" | sed '1s/^With //' | sed '/^$/,$d' | diff -q - "$tmp/versions" >/dev/null; then
    before=$(awk -F' [|] ' -v what="| $what" -v counts="$counts" '$1 == what && $2 == counts { sub(/ \|$/, "", $3); print $3 }' "$tmp/rows")
    since=${before:-$since}
else
    : >"$tmp/rows" # what passed with other versions says nothing of these
fi
grep -v "^| $what | " "$tmp/rows" >"$tmp/others" || true
printf '| %s | %s | %s |\n' "$what" "$counts" "$since" | sort - "$tmp/others" >"$tmp/rows"
{
    printf '## %s\n\n' "$system"
    sed '1s/^/With /' "$tmp/versions"
    printf '\n| run | result | since |\n| --- | --- | --- |\n'
    cat "$tmp/rows"
    echo
} >"$tmp/new"
if grep -qx "## $system" "$page"; then
    awk -v part="## $system" -v file="$tmp/new" '
        $0 == part { while ((getline line <file) > 0) print line; skip = 1; next }
        /^## / { skip = 0 }
        !skip { print }' "$page" >"$tmp/page"
else
    { cat "$page"; cat "$tmp/new"; } >"$tmp/page"
fi
cat "$tmp/page" >"$page"
