#!/usr/bin/env bash
# The sandboxed processes of run and import are kept as those of up: one that stands still is killed and started again, every death is in the tally, and one that dies
# too often is given up: run works on and says so, an import, which would wait for ever, ends with the reason.
. "$(dirname "$0")/scenario.sh"

export REELYARD_STUCK_SECONDS=2 REELYARD_RESTART_MAX=2 REELYARD_RESTART_SECONDS=3600
data=$tmp/data
state() { "$reelyard" status --data "$data" --json 2>/dev/null | jq -r "$1"; }
child() { state ".node.children[] | select(.name == \"encoder-1\") | .$1"; }
is() { [ "$(child "$1")" = "$2" ]; }
deaths() { state "[.node.deaths[] | select(.way == \"$1\") | .count] | add // 0"; }

step "an encoder that stands still"
start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 1
node=$last
await is state running
before=$(child pid)
inside=$(child_of "$before")
kill -STOP "${inside:-$before}" # without a sandbox there is but one process
started_again() { is state running && [ "$(child pid)" != "$before" ]; }
await started_again
[ "$(deaths stuck)" = 1 ] || fail "deaths: $(state .node.deaths)"
is last_death "stuck: it made no progress and was killed" || fail "its last death: $(child last_death)"

step "one that dies too often"
killed() { is restarts "$1" && is state running; }
kill -KILL "$(child pid)"
await killed 2
kill -KILL "$(child pid)"
await is state spent
[ "$(deaths signal)" = 2 ] || fail "deaths: $(state .node.deaths)"
"$reelyard" status --data "$data" | grep -q '^encoder-1 .*spent' || fail "status does not say so"
grep -q 'child_spent.*encoder-1' "$tmp/run.log" || fail "the log does not say so: $(cat "$tmp/run.log")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"

step "an import whose encoders die too often"
media "$tmp/media" small
cdn_start "$tmp/media"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --base "$cdn" --messages 20 --clips 3 --seed 3
cdn_gate close # there is work left for as long as this takes
data=$tmp/alone
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data" --encoder 1
import=$last
for round in 0 1 2; do
    await killed "$round"
    kill -KILL "$(child pid)"
done
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 1 ] || fail "the import ended with $ended: $(cat "$tmp/import.log")"
grep -q 'encoder-1 died too often (the last time: signal 9 (Killed))' "$tmp/import.log" || fail "no reason: $(cat "$tmp/import.log")"
