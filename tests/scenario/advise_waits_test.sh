#!/usr/bin/env bash
# What `reelyard advise` says while the node waits for others: for a slow video server, and for Discord's rate limit.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"

guild=111000000000000001
channel=222000000000000001
export BOT_TOKEN=test-token
media "$tmp/media" small
names=$(find "$tmp/media" -type f -printf '%f\n' | LC_ALL=C sort | paste -sd,)
cdn_start "$tmp/media"

# scanned DATA ARGUMENT...: a node of its own, and a scan of a fake Discord with these habits; ids in $node and $scan.
scanned() {
    local data=$1
    shift
    fake discord --port 0 --guild "$guild" --channel "$channel" --media "$names" "$@"
    export REELYARD_DISCORD_API=http://127.0.0.1:$fake_port
    start "$data.run.log" "$reelyard" run --data "$data"
    node=$last
    await test -S "$data/run/node.sock"
    start "$data.scan.log" "$reelyard" scan --guild "$guild" --channel "$channel" --data "$data"
    scan=$last
}
# limited DATA LIMIT: advise names it, while the scan goes on.
limited() {
    "$reelyard" advise --data "$1" --seconds 4 --json >"$tmp/advice.json" || fail "advise failed"
    kill -0 "$scan" || fail "the scan was over too early: $(tail -3 "$1.scan.log")"
    jq -r '.advice[]' "$tmp/advice.json"
    [ "$(jq -r .limit "$tmp/advice.json")" = "$2" ] || fail "not $2: $(cat "$tmp/advice.json")"
    [ "$(jq -r .bottleneck "$tmp/advice.json")" = null ] || fail "a role is blamed: $(cat "$tmp/advice.json")"
    end "$scan" KILL
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended on SIGTERM: $(tail -5 "$1.run.log")"
}

step "the video server takes 2 s for each answer"
scanned "$tmp/slow" --messages 1000 --clips 1000 --cdn "$cdn_server/slower" --proxy "$cdn_server/slower"
some_made() { [ "$(sql "$tmp/slow" "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" -ge 20 ]; }
rows() { [ "$(sql "$tmp/slow" 'SELECT count(*) FROM reelyard_queue_job')" = 0 ]; }
await some_made
await rows
limited "$tmp/slow" network

step "Discord answers once in two seconds"
scanned "$tmp/limited" --messages 20000 --clips 0 --bucket-limit 1 --bucket-window-ms 2000
some_read() { [ "$(curl -s "$REELYARD_DISCORD_API/stats" | jq '[.. | numbers] | add')" -ge 3 ]; }
await some_read
limited "$tmp/limited" discord
