#!/usr/bin/env bash
# Bad input fails alone, with a reason that names it, and never stops its neighbours.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
good=$tmp/media/quad.mp4
folder=$tmp/export
mkdir -p "$folder/files"
cp "$good" "$folder/files/good.mp4"
cp "$good" "$folder/files/日本語 ünï (1).mp4"
: >"$folder/files/empty.mp4"
printf 'this is a text and not a video, whatever its name says\n' >"$folder/files/text.mp4"
ffmpeg -v error -f lavfi -i sine=duration=1 -c:a aac "$folder/files/audio.mp4"
head -c 700 "$good" >"$folder/files/cut.mp4"
# A file whose first box says it is as large as 64 bits allow.
printf '\0\0\0\1ftyp\377\377\377\377\377\377\377\377isom' >"$folder/files/huge.mp4"
cp "$good" "$tmp/outside.mp4"
mkfifo "$folder/files/pipe.mp4"
ln -s /etc/passwd "$folder/files/link.mp4"

# message ID URL [NAME]
message() {
    jq -cn --arg id "$1" --arg url "$2" --arg name "${3:-$(basename "$2")}" '{id: $id, type: "Default",
        timestamp: "2024-10-19T15:03:09.159+00:00", isPinned: false, content: ("text of " + $id),
        author: {id: "100000000000000001", name: "ann", discriminator: "0000", nickname: "Ann", isBot: false, avatarUrl: ""},
        attachments: [{id: ($id | .[0:-2] + "99"), url: $url, fileName: $name, fileSizeBytes: 1000}], embeds: [], reactions: []}'
}
head_of() {
    printf '{"guild":{"id":"41771983423143937","name":"A guild","iconUrl":""},"channel":{"id":"41771983423143938","type":"GuildTextChat","categoryId":null,"category":null,"name":"clips","topic":null},"dateRange":{"after":null,"before":null},"exportedAt":"2024-10-20T00:00:00+00:00","messages":['
}

step "one export with everything in it"
{
    head_of
    message 1297213456789012001 files/good.mp4 && printf ,
    message 1297213456789012002 'files/日本語 ünï (1).mp4' && printf ,
    message 1297213456789012003 files/missing.mp4 && printf ,
    message 1297213456789012004 files/empty.mp4 && printf ,
    message 1297213456789012005 files/text.mp4 && printf ,
    message 1297213456789012006 files/audio.mp4 && printf ,
    message 1297213456789012007 files/cut.mp4 && printf ,
    message 1297213456789012008 files/huge.mp4 && printf ,
    message 1297213456789012009 ../outside.mp4 && printf ,
    message 1297213456789012010 /etc/passwd passwd.mp4 && printf ,
    message 1297213456789012011 files/pipe.mp4 && printf ,
    message 1297213456789012012 files/link.mp4 && printf ,
    message 1297213456789012016 https://cdn.example/picture.png && printf ,
    message 1297213456789012017 https://cdn.example/notes.txt && printf ,
    message 1297213456789012018 https://cdn.example/program.ts && printf ,
    message no-snowflake files/good.mp4 && printf ,
    printf '{"id":"1297213456789012014","attachments":"none"},'
    printf '17,'
    # Two attachments of one message with the same name.
    message 1297213456789012015 files/good.mp4 | jq -c '.attachments += [.attachments[0] | .id = "1297213456789012098"]'
    printf '],"messageCount":15}'
} >"$folder/export.json"
code=0
timeout "$patience" "$reelyard" import "$folder/export.json" --data "$tmp/data" --json >"$tmp/summary.json" 2>"$tmp/err" || code=$?
[ "$code" -eq 1 ] || fail "the import ended with $code instead of 1: $(cat "$tmp/err")"
data=$tmp/data
[ "$(sql "$data" "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" = 4 ] || fail "$(counts "$data")"
[ "$(sql "$data" "SELECT count(*) FROM clip WHERE thumbnail_status = 'failed'")" = 10 ] || fail "$(counts "$data")"
[ "$(sql "$data" "SELECT count(DISTINCT id) FROM clip WHERE message_id = '1297213456789012015'")" = 2 ] || fail "same names"
jq -e '.skipped == {images: 1, sounds: 0, texts: 2, archives: 0, videos: 0, others: 0, embeds: 0}' "$tmp/summary.json" >/dev/null ||
    fail "skipped: $(jq -c .skipped "$tmp/summary.json")"
# reason MESSAGE WORD: the failure's reason says this.
reason() {
    local text
    text=$(sql "$data" "SELECT error_message FROM failed_thumbnail f JOIN clip c ON c.id = f.clip_id WHERE c.message_id = '12972134567890120$1'")
    echo "$1: $text"
    grep -qi -- "$2" <<<"$text" || fail "the reason of $1 does not say '$2': $text"
}
reason 03 'missing\|no such\|not found\|does not exist'
reason 04 'empty'
reason 05 'is a text file, not a video'
reason 06 'has sound but no video'
reason 07 'cut off\|damaged'
reason 08 'not a video\|cut off\|damaged'
reason 09 'leaves\|outside\|below'
reason 10 'outside'
reason 11 'regular'
reason 12 'leaves\|outside\|below\|link'

step "the same again doubles nothing"
sql "$data" "SELECT id, thumbnail_status FROM clip ORDER BY 1" >"$tmp/before"
timeout "$patience" "$reelyard" import "$folder/export.json" --data "$data" >/dev/null 2>&1 && fail "the second import ended with 0"
sql "$data" "SELECT id, thumbnail_status FROM clip ORDER BY 1" >"$tmp/after"
same "$tmp/before" "$tmp/after" "the second import changed clips"

step "an import that was killed tells the failures of its first run too"
start "$tmp/killed.log" "$reelyard" import "$folder/export.json" --data "$tmp/killed"
failed_some() { [ "$(sql "$tmp/killed" "SELECT count(*) FROM failed_thumbnail")" -ge 3 ]; }
await failed_some
end "$last" KILL
code=0
"$reelyard" import "$folder/export.json" --data "$tmp/killed" --json >"$tmp/killed.json" 2>/dev/null || code=$?
[ "$code" -eq 1 ] && jq -e '.clips_failed == 10' "$tmp/killed.json" >/dev/null || fail "after a kill: $code, $(cat "$tmp/killed.json")"

step "a mended file is made by failed retry"
cp "$good" "$folder/files/missing.mp4"
"$reelyard" failed list --data "$data" | grep -q missing.mp4 || fail "failed list does not name missing.mp4"
start "$tmp/run.log" "$reelyard" run --data "$data"
node=$last
await test -S "$data/run/node.sock"
"$reelyard" failed retry --all --data "$data" >/dev/null || fail "failed retry failed"
mended() { [ "$(sql "$data" "SELECT thumbnail_status FROM clip WHERE message_id = '1297213456789012003'")" = completed ]; }
await mended
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended"

# refused NAME WORD FILE: exit code 1, a message that names the file, and says this; what came before the damage is imported.
refused() {
    local code=0
    timeout "$patience" "$reelyard" import "$3" --data "$tmp/refused" >"$tmp/out" 2>&1 || code=$?
    [ "$code" -eq 1 ] || fail "$1 ended with $code: $(cat "$tmp/out")"
    grep -q "$(basename "$3")" "$tmp/out" || fail "$1: the message does not name the file: $(cat "$tmp/out")"
    grep -qi -- "$2" "$tmp/out" || fail "$1: the message does not say '$2': $(cat "$tmp/out")"
}
step "exports that are none"
printf 'PK\3\4 no JSON at all' >"$tmp/zip.json"
refused "not JSON" 'json\|export' "$tmp/zip.json"
printf '{"a": [1, 2, 3]}' >"$tmp/other.json"
refused "another JSON" 'export' "$tmp/other.json"
: >"$tmp/nothing.json"
refused "an empty file" 'empty\|export' "$tmp/nothing.json"
refused "a missing file" 'no such\|not found\|does not exist\|missing' "$tmp/there-is-none.json"
refused "a folder" 'director\|folder\|regular' "$tmp"
{ head_of && message 1297213456789012001 files/good.mp4 && printf , && message 1297213456789012002 files/good.mp4 | head -c 100; } >"$folder/truncated.json"
rm -rf "$tmp/refused"
refused "a truncated export" 'truncated\|ends\|end of' "$folder/truncated.json"
[ "$(sql "$tmp/refused" "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" = 1 ] || fail "what came before the cut is not there"

step "more exports than a process may have files open"
mkdir "$tmp/server"
for channel in $(seq 101 250); do
    sed "s/\"CHANNEL\"/\"$channel\"/g" >"$tmp/server/$channel.json" <<'EOF'
{"guild": {"id": "1", "name": "g"}, "channel": {"id": "CHANNEL", "type": "GuildTextChat", "name": "c"}, "messages": [
{"id": "CHANNEL", "timestamp": "2024-01-01T00:00:00+00:00", "content": "", "author": {"id": "5", "name": "a"},
"attachments": [{"id": "CHANNEL", "url": "https://cdn.discordapp.com/a.mp4", "fileName": "a.mp4", "fileSizeBytes": 5}]}],
"messageCount": 1}
EOF
done
(ulimit -n 128 && exec "$reelyard" import --rows-only "$tmp"/server/*.json --data "$tmp/server/data" >"$tmp/out" 2>&1) ||
    fail "an import of many files failed: $(tail -3 "$tmp/out")"
[ "$(sql "$tmp/server/data" "SELECT count(*) FROM clip")" = 150 ] || fail "files of many were left out: $(tail -3 "$tmp/out")"

step "a data folder that cannot be used"
mkdir "$tmp/corrupt"
head -c 20000 /dev/urandom >"$tmp/corrupt/reelyard.db"
code=0
"$reelyard" import "$folder/export.json" --data "$tmp/corrupt" >"$tmp/out" 2>&1 || code=$?
[ "$code" -ne 0 ] || fail "a corrupt database was taken"
grep -q 'reelyard.db' "$tmp/out" || fail "a corrupt database: $(cat "$tmp/out")"
touch "$tmp/a-file"
code=0
"$reelyard" import "$folder/export.json" --data "$tmp/a-file/data" >"$tmp/out" 2>&1 || code=$?
[ "$code" -ne 0 ] && grep -q 'a-file' "$tmp/out" || fail "a data folder below a file: $(cat "$tmp/out")"
if [ "$(id -u)" -eq 0 ]; then
    mkdir -m 0555 "$tmp/readonly"
    chmod 0755 "$tmp"
    code=0
    setpriv --reuid 65534 --regid 65534 --clear-groups "$reelyard" import "$folder/export.json" --data "$tmp/readonly/data" >"$tmp/out" 2>&1 || code=$?
    [ "$code" -ne 0 ] && grep -qi 'permission\|read-only\|not allowed' "$tmp/out" || fail "a read-only folder: $(cat "$tmp/out")"
fi

step "a locked database is waited for"
rm -rf "$tmp/locked"
"$reelyard" migrate --data "$tmp/locked" >/dev/null || fail "migrate failed"
mkfifo "$tmp/release"
start "$tmp/lock.log" sqlite3 "$tmp/locked/reelyard.db" "BEGIN IMMEDIATE;" ".shell echo locked" ".shell read -r _ <$tmp/release" "COMMIT;"
await grep -q locked "$tmp/lock.log"
start "$tmp/out" "$reelyard" import "$folder/export.json" --data "$tmp/locked"
import=$last
has_opened() { find "/proc/$import/fd" -lname "$tmp/locked/reelyard.db" 2>/dev/null | grep -q .; }
await has_opened
sleep 1 # a moment for it to meet the lock, on which nothing depends
echo go >"$tmp/release"
wait "$import" || true
[ "$(sql "$tmp/locked" "SELECT count(*) FROM clip")" = 14 ] || fail "rows were lost to a lock: $(cat "$tmp/out")"

step "a full disk: it says so, waits, and goes on when there is room"
if [ "$(id -u)" -eq 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=24m none "$tmp/small" 2>/dev/null; then
    "$export_gen" --out "$tmp/many" --media "$tmp/media" --messages 400 --clips 150 --seed 2
    "$reelyard" migrate --data "$tmp/small/data" >/dev/null
    head -c 100m /dev/zero 2>/dev/null >"$tmp/small/filler" || true
    truncate -s -300K "$tmp/small/filler"
    start "$tmp/full.log" env REELYARD_DISK_RESERVE=0 "$reelyard" import "$tmp/many/export.json" --data "$tmp/small/data"
    import=$last
    await grep -qiE 'full|no space|free' "$tmp/full.log"
    kill -0 "$import" 2>/dev/null || fail "the import gave up: $(cat "$tmp/full.log")"
    rm "$tmp/small/filler"
    await settled "$tmp/small/data"
    ended=0
    wait "$import" || ended=$?
    made=$(counts "$tmp/small/data")
    umount -l "$tmp/small"
    [ "$made" = "completed|150" ] && [ "$ended" -eq 0 ] || fail "after a full disk: $ended, $made: $(tail -5 "$tmp/full.log")"
fi
