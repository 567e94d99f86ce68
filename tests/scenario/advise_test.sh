#!/usr/bin/env bash
# What `reelyard advise` says of a real node: nothing while it is idle, the encoder while one encoder decodes large videos.
. "$(dirname "$0")/scenario.sh"

data=$tmp/data
code=0
"$reelyard" advise --data "$data" --seconds 1 >"$tmp/none.log" 2>&1 || code=$?
[ "$code" -eq 1 ] || fail "without a node it ended with $code"
grep -q "no node runs" "$tmp/none.log" || fail "it does not say that no node runs: $(cat "$tmp/none.log")"
code=0
"$reelyard" advise --data "$data" --seconds 0 >"$tmp/wrong.log" 2>&1 || code=$?
[ "$code" -eq 2 ] || fail "--seconds 0 ended with $code"

"$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/media" big.mp4
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 12000 --clips 12000 --seed 7
start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 1
node=$last
await test -S "$data/run/node.sock"

step "an idle node tells nothing"
"$reelyard" advise --data "$data" --seconds 2 --json >"$tmp/idle.json" || fail "of an idle node it failed"
[ "$(jq -r '"\(.limit) \(.bottleneck)"' "$tmp/idle.json")" = "too_little null" ] || fail "of an idle node: $(cat "$tmp/idle.json")"

step "one encoder holds up an import of large videos"
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
import=$last
encoded() { [ "$("$reelyard" status --data "$data" --json | jq '.node.counters.encode_done')" -ge 20 ]; }
# Until the rows are there: they come first and are the writer's.
rows() { [ "$(sql "$data" 'SELECT count(*) FROM reelyard_queue_job')" = 0 ]; }
await encoded
await rows
"$reelyard" advise --data "$data" --seconds 5 --json >"$tmp/busy.json" || fail "of a busy node it failed"
kill -0 "$import" || fail "the import was over too early: more clips are needed"
jq -r '.advice[]' "$tmp/busy.json"
[ "$(jq -r .bottleneck "$tmp/busy.json")" = encoder ] || fail "not the encoder: $(cat "$tmp/busy.json")"
# With a CPU to spare it asks for more, without one it says so.
jq -e '(.limit == "instances" and .wanted >= 2) or (.limit == "cpus" and .wanted == null)' "$tmp/busy.json" >/dev/null ||
    fail "the encoder's limit is odd: $(cat "$tmp/busy.json")"
jq -e '.roles[] | select(.role == "encoder") | .utilisation >= 0.7 and .done_per_s > 1 and .service_ms > 1' "$tmp/busy.json" >/dev/null ||
    fail "the encoder's figures are odd: $(cat "$tmp/busy.json")"

step "status tells how busy each role is"
"$reelyard" status --data "$data" >"$tmp/status.txt"
grep -Eq '^encoder +1 .* [0-9]+%' "$tmp/status.txt" || fail "status has no busy fraction: $(cat "$tmp/status.txt")"

end "$import"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended on SIGTERM: $(tail -20 "$tmp/run.log")"
