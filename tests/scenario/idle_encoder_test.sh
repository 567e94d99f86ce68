#!/usr/bin/env bash
# An encoder that is alive and does nothing: what it has is a clip, and its outer process stands still, so that nothing reaches the node, under run
# and under an import of its own. The node puts it out, ends its process and names it; another one of its name takes the clip, and nothing fails.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 20 --clips 12 --seed 3
export REELYARD_STUCK_SECONDS=2

# The process that decodes for the node of this data folder, once it takes mail.
encoder() { "$reelyard" status --data "$1" --json | jq -r '[.node.instances[]? | select(.role == "encoder" and .capacity > 0) | .pid] | first // empty'; }
has_encoder() { [ -n "$(encoder "$1")" ]; }
put_out() { "$reelyard" status --data "$1" --json | jq -e '.node.put_out >= 1' >/dev/null; }

step "under run"
data=$tmp/data
start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 1
node=$last
await test -S "$data/run/node.sock"
await has_encoder "$data"
kill -STOP "$(encoder "$data")"
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
import=$last
await put_out "$data"
"$reelyard" status --data "$data" >"$tmp/status"
grep -q '^encoder-1 .*held a mail' "$tmp/status" || fail "status does not name it: $(cat "$tmp/status")"
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 0 ] || fail "the import ended with $ended: $(tail -20 "$tmp/import.log" "$tmp/run.log")"
[ "$(counts "$data")" = "completed|12" ] || fail "clips: $(counts "$data")"
"$reelyard" status --data "$data" --json | jq -e '[.node.roles[].dead] | add == 0' >/dev/null || fail "there are dead letters"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended on SIGTERM: $(tail -20 "$tmp/run.log")"

step "under an import that is its own node"
data=$tmp/alone
cdn_start "$tmp/media"
"$export_gen" --out "$tmp/remote" --media "$tmp/media" --base "$cdn" --messages 20 --clips 12 --seed 4
cdn_gate close
start "$tmp/alone.log" "$reelyard" import "$tmp/remote/export.json" --data "$data" --encoder 1
import=$last
await test -S "$data/run/node.sock"
await has_encoder "$data"
kill -STOP "$(encoder "$data")"
cdn_gate open
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 0 ] || fail "the import ended with $ended: $(tail -20 "$tmp/alone.log")"
grep -q 'instance_put_out.*encoder-1' "$tmp/alone.log" || fail "it was not put out: $(cat "$tmp/alone.log")"
[ "$(counts "$data")" = "completed|12" ] || fail "clips: $(counts "$data")"
