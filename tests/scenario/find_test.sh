#!/usr/bin/env bash
# Clips are found by `reelyard clips` and /api/clips alike, while a node runs and without one.
. "$(dirname "$0")/scenario.sh"

data=$tmp/data
find=("$reelyard" clips --data "$data")
media "$tmp/media" small
for file in tor.mp4 save-2.mp4 goal.mp4; do cp "$tmp/media/quad.mp4" "$tmp/$file"; done

# clip NUMBER CONTENT FILE [AUTHOR]: a message of an export.
clip() {
    jq -cn --arg number "$1" --arg id "129721345678901$(printf %04d "$1")" --arg content "$2" --arg file "$3" --arg name "${4:-nina}" '{id: $id, type: "Default",
        timestamp: "2024-10-19T15:03:0\($number)+00:00", content: $content, author: {id: ("3000" + ($name | length | tostring)), name: $name,
        discriminator: "0000", nickname: $name, isBot: false}, attachments: [{id: $id, url: $file,
        fileName: $file, fileSizeBytes: 1000}]}'
}

# found EXPECTED WORDS...: the file names that come out of a search, joined by blanks.
found() {
    local expected=$1 got
    shift
    got=$("${find[@]}" --csv "$@" | tail -n +2 | cut -d, -f7 | tr -d '\r' | paste -sd' ')
    [ "$got" = "$expected" ] || fail "clips $*: '$got' instead of '$expected'"
}

step "import"
{
    echo '{"guild": {"id": "100", "name": "A guild"}, "channel": {"id": "200", "type": "GuildTextChat", "name": "highlights"}, "messages": ['
    clip 1 'Was für ein schönes Tor' 'tor.mp4'
    echo ,
    clip 2 'the goalkeeper saves' 'save-2.mp4' 'Björn'
    echo ,
    clip 3 '=HYPERLINK("http://evil","goal")' 'goal.mp4'
    echo ']}'
} >"$tmp/export.json"
"$reelyard" import "$tmp/export.json" --data "$data" >"$tmp/out" 2>&1 || fail "import: $(cat "$tmp/out")"

step "words, phrases, exclusions, accents"
found 'goal.mp4 save-2.mp4' GOAL
found 'tor.mp4' schones tor
found 'save-2.mp4' bjorn
found 'goal.mp4' '"goal"'
found 'save-2.mp4' -- goal '-"goal mp4"'
found 'goal.mp4 save-2.mp4 tor.mp4' highlights
found 'tor.mp4 save-2.mp4 goal.mp4' --sort oldest
found 'goal.mp4' --limit 1
found '' --channel 201
found '' --to 2024-10-19

step "a message is no formula"
"${find[@]}" --csv '"goal"' | grep -q "\"'=HYPERLINK(\"\"http://evil\"\",\"\"goal\"\")\"" || fail "$("${find[@]}" --csv)"
"${find[@]}" --json goal | jq -e 'length == 2 and .[0].filename == "goal.mp4"' >/dev/null || fail "JSON: $("${find[@]}" --json goal)"
"${find[@]}" goal | grep -q 'goal.mp4' || fail "table: $("${find[@]}" goal)"

step "what cannot be asked is said"
for words in '--sort best' '--longer soon' '--guild x' '--json --csv' '--limit 0'; do
    code=0
    # shellcheck disable=SC2086
    "${find[@]}" $words >"$tmp/out" 2>&1 || code=$?
    [ "$code" -eq 2 ] || fail "$words ended with $code: $(cat "$tmp/out")"
done
code=0
"${find[@]}" "$(head -c 3000 /dev/zero | tr '\0' x)" >"$tmp/out" 2>&1 || code=$?
{ [ "$code" -eq 1 ] && grep -q 'longer than 2000 bytes' "$tmp/out"; } || fail "a long search: $code $(cat "$tmp/out")"
