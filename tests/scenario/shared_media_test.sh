#!/usr/bin/env bash
# Exports made on other machines: a shared media folder (absolute paths of that machine, Windows ones too) is named by --media, and a folder of
# exports is read as a whole; what is no export there is passed over and named, and a file outside all folders is never read.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
# export FILE CHANNEL MESSAGE URL NAME...: an export with a message for each URL and its file's name.
export_of() {
    local file=$1 channel=$2 message=$3
    shift 3
    while [ $# -gt 0 ]; do
        jq -cn --arg id "$message" --arg url "$1" --arg name "$2" '{id: $id, timestamp: "2024-10-19T15:03:09+00:00", content: "",
            author: {id: "100000000000000001", name: "ann"}, attachments: [{id: $id, url: $url, fileName: $name, fileSizeBytes: 1000}]}'
        message=$((message + 4194304))
        shift 2
    done | jq -s --arg channel "$channel" '{guild: {id: "41771983423143937", name: "g"},
        channel: {id: $channel, name: "c", type: "GuildTextChat"}, messages: .}' >"$file"
}
clips_of() { sql "$1" "SELECT filename || ' ' || thumbnail_status FROM clip ORDER BY 1" | paste -sd, -; }

step "without --media the reason says what helps"
mkdir -p "$tmp/exports" "$tmp/shared/deep"
cp "$tmp/media/quad.mp4" "$tmp/shared/one-1B2C3.mp4"
cp "$tmp/media/vp8.webm" "$tmp/shared/deep/two-0123456789ABCDEF.webm"
cp "$tmp/media/quad.mp4" "$tmp/exports/three.mp4"
export_of "$tmp/exports/a.json" 41771983423143938 1297213456789012480 'C:\Users\ann\shared\one-1B2C3.mp4' one.mp4 \
    '/home/ann/deep/two-0123456789ABCDEF.webm' two.webm three.mp4 three.mp4 "$tmp/shared/one-1B2C3.mp4" four.mp4
data=$tmp/data
code=0
"$reelyard" import "$tmp/exports/a.json" --data "$data" >"$tmp/out" 2>&1 || code=$?
[ "$code" -eq 1 ] && [ "$(clips_of "$data")" = "four.mp4 failed,one.mp4 failed,three.mp4 completed,two.webm failed" ] || fail "$code: $(clips_of "$data"): $(cat "$tmp/out")"
[ "$(grep -c -e 'with --media FOLDER' "$tmp/out")" -eq 3 ] || fail "the reasons: $(cat "$tmp/out")"

step "with it, all are found"
"$reelyard" import "$tmp/exports/a.json" --media "$tmp/shared" --data "$data" >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
[ "$(clips_of "$data")" = "four.mp4 completed,one.mp4 completed,three.mp4 completed,two.webm completed" ] || fail "$(clips_of "$data")"
[ "$(sql "$data" "SELECT path FROM reelyard_media_root ORDER BY 1" | paste -sd, -)" = "$tmp/exports,$tmp/shared" ] || fail "the registered folders"

step "a link in a media folder that leads out of it is not followed"
mkdir "$tmp/trap"
ln -s "$tmp/media/quad.mp4" "$tmp/trap/linked.mp4"
export_of "$tmp/trap.json" 41771983423143939 1297213456789012480 'C:\linked.mp4' linked.mp4
code=0
"$reelyard" import "$tmp/trap.json" --media "$tmp/trap" --data "$tmp/data3" >"$tmp/out" 2>&1 || code=$?
[ "$code" -eq 1 ] && [ "$(clips_of "$tmp/data3")" = "linked.mp4 failed" ] || fail "$code: $(cat "$tmp/out")"
grep -q "is outside the export's folder" "$tmp/out" || fail "the reason: $(cat "$tmp/out")"

step "a folder of exports, with parts and with what is none"
folder="$tmp/guild of ann"
mkdir -p "$folder/sub/media"
cp "$tmp/media/quad.mp4" "$folder/sub/media/five-ABCDE.mp4"
export_of "$folder/c.json" 41771983423143940 1297213456789012480 'D:\dce\sub\media\five-ABCDE.mp4' five.mp4
export_of "$folder/sub/c [part 2].json" 41771983423143940 1297313456789012480 'media/five-ABCDE.mp4' six.mp4
export_of "$folder/sub/c [part 10].JSON" 41771983423143940 1297413456789012480 '/srv/dce/media/five-ABCDE.mp4' seven.mp4
echo '{"some": "thing"}' >"$folder/sub/settings.json"
echo 'no json' >"$folder/notes.txt"
"$reelyard" import "$folder" --data "$tmp/data2" --json >"$tmp/summary.json" 2>"$tmp/log" || fail "$(cat "$tmp/summary.json" "$tmp/log")"
[ "$(clips_of "$tmp/data2")" = "five.mp4 completed,seven.mp4 completed,six.mp4 completed" ] || fail "$(clips_of "$tmp/data2")"
jq -e '.files == 3 and .passed_over.count == 1 and (.passed_over.reasons[0] | test("settings.json")) and .complete' "$tmp/summary.json" >/dev/null ||
    fail "summary: $(cat "$tmp/summary.json")"
dump "$tmp/data2" >"$tmp/first"
"$reelyard" import "$folder" --data "$tmp/data2" >"$tmp/out" 2>&1 || fail "the second import: $(cat "$tmp/out")"
grep -q '^files passed over: 1$' "$tmp/out" || fail "the second import: $(cat "$tmp/out")"
dump "$tmp/data2" >"$tmp/second"
same "$tmp/first" "$tmp/second" "the second import changed rows"

step "folders that are none, and folders without exports"
mkdir "$tmp/empty"
code=0
"$reelyard" import "$tmp/empty" --data "$tmp/data4" >"$tmp/out" 2>&1 || code=$?
[ "$code" -eq 1 ] && grep -q "the folder $tmp/empty has no file whose name ends in .json" "$tmp/out" || fail "$code: $(cat "$tmp/out")"
code=0
"$reelyard" import "$tmp/exports/a.json" --media "$tmp/exports/a.json" --data "$tmp/data4" >"$tmp/out" 2>&1 || code=$?
[ "$code" -eq 2 ] && grep -q -e "--media: $tmp/exports/a.json is not a folder" "$tmp/out" || fail "$code: $(cat "$tmp/out")"
[ ! -e "$tmp/data4" ] || fail "an import of nothing made a data folder"
