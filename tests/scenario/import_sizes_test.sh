#!/usr/bin/env bash
# An export tells sizes of files that can be none (beyond 64 bits, negative, no numbers): the import ends, every clip is
# archived with its thumbnails, and its size is not known.
. "$(dirname "$0")/scenario.sh"

"$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/export" quad.mp4
sizes=(9223372036854775807 9223372036854775807 9223372036854775808 18446744073709551616 100000000000000000000
    1099511627777 -1 -9223372036854775809 1.5 1e400 '"12"' null true '[1]' absent)

# message NUMBER SIZE: one message with one attachment.
message() {
    local size=",\"fileSizeBytes\":$2"
    [ "$2" != absent ] || size=
    printf '{"id":"%s","type":"Default","timestamp":"2024-10-19T15:03:09.159+00:00","content":"","author":{"id":"3","name":"u",
        "discriminator":"0000"},"attachments":[{"id":"%s","url":"quad.mp4","fileName":"clip%s.mp4"%s}]}' \
        "$((1000 + $1))" "$((2000 + $1))" "$1" "$size"
}

step "an export with ${#sizes[@]} sizes that are none, and one that is"
real=$(stat -c %s "$tmp/export/quad.mp4")
{
    printf '{"guild":{"id":"1","name":"g"},"channel":{"id":"2","type":"GuildTextChat","name":"c"},"messages":['
    for i in "${!sizes[@]}"; do
        message "$i" "${sizes[$i]}"
        printf ','
    done
    message 999 "$real"
    printf ']}'
} >"$tmp/export/export.json"

"$reelyard" import "$tmp/export/export.json" --data "$tmp/data" --json >"$tmp/summary.json" ||
    fail "the import failed: $(cat "$tmp/summary.json")"
for i in "${!sizes[@]}"; do
    row=$(sql "$tmp/data" "SELECT file_size, thumbnail_status FROM clip WHERE filename = 'clip$i.mp4'")
    [ "$row" = "0|completed" ] || fail "fileSizeBytes ${sizes[$i]} became $row"
done
row=$(sql "$tmp/data" "SELECT file_size, thumbnail_status FROM clip WHERE filename = 'clip999.mp4'")
[ "$row" = "$real|completed" ] || fail "fileSizeBytes $real became $row"

step "and again"
"$reelyard" import "$tmp/export/export.json" --data "$tmp/data" >"$tmp/second.log" || fail "$(cat "$tmp/second.log")"
echo "$((${#sizes[@]} + 1)) clips"
