#!/usr/bin/env bash
# With every mailbox at its smallest size and full load in all directions, work flows to the end.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 1500 --clips 300 --seed 3
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" || fail "the undisturbed import failed"
dump "$tmp/calm" >"$tmp/calm.dump"

for bytes in 67108864 4096; do
    step "mailboxes of one mail and $bytes bytes; several instances of each worker"
    rm -rf "$tmp/data"
    timeout "$patience" "$reelyard" import "$tmp/export/export.json" --data "$tmp/data" --mailbox 1 --mailbox-bytes "$bytes" --encoder 3 \
        --downloader 2 --storage 2 --scanner 2 --writer 2 >"$tmp/log" || fail "it ended with $?: $(tail -20 "$tmp/log")"
    dump "$tmp/data" >"$tmp/dump"
    same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of roomy mailboxes"
done
