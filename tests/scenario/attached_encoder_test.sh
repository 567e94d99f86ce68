#!/usr/bin/env bash
# An encoder process attached over ipc takes work while the thread encoder does too; kill -9 of it with a clip in its hands loses nothing.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
cdn_start "$tmp/media"
export REELYARD_CLIP_WINDOW=8
"$export_gen" --out "$tmp/export" --media "$tmp/media" --base "$cdn" --messages $((600 * scale)) --clips $((300 * scale)) --seed 5
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" || fail "the undisturbed import failed"
dump "$tmp/calm" >"$tmp/calm.dump"

data=$tmp/data
start "$tmp/run.log" "$reelyard" run --data "$data" --no-isolate
node=$last
await test -S "$data/run/node.sock"
# encoders REMOTE FIELD: the sum over the encoders of other processes (true) or of the node itself (false).
encoders() { "$reelyard" status --data "$data" --json | jq "[.node.instances[] | select(.role == \"encoder\" and .remote == $1) | .$2] | add // 0"; }
attached() { [ "$(encoders true capacity)" -gt 0 ]; }
detached() { [ "$(encoders true capacity)" -eq 0 ]; }
done_by() { [ "$(encoders "$1" "done")" -ge "$2" ]; }
attached_holds() { [ "$(encoders true held)" -gt 0 ]; }
attach() {
    start "$tmp/encoder.log" "$reelyard" actor encoder --data "$data"
    encoder=$last
    await attached
}

attach
cdn_gate close
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
import=$last
step "the attached encoder works, and so does the node's own"
feed done_by true 10
feed done_by false 1
step "it is killed three times at its work"
for _ in 1 2 3; do
    kill -STOP "$(encoders true pid)" # the process that decodes keeps what it gets
    feed attached_holds
    end "$encoder" KILL
    await detached
    attach
    feed done_by true 10
done
step "it is killed three times in the middle of its words"
for _ in 1 2 3; do
    seen=$(encoders true "done")
    feed done_by true $((seen + 5))
    end "$encoder" KILL
    await detached
    attach
done
cdn_gate open
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 0 ] || fail "the import ended with $ended: $(tail -20 "$tmp/import.log")"
"$reelyard" status --data "$data" --json >"$tmp/status.json"
end "$encoder"
[ "$ended" -eq 0 ] || fail "the encoder ended with $ended on SIGTERM: $(cat "$tmp/encoder.log")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended on SIGTERM: $(tail -20 "$tmp/run.log")"
dump "$data" >"$tmp/dump"
same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of an undisturbed run"
# What a killed one said last is no stranger's noise.
jq -e '.node.rejected == 0' "$tmp/status.json" >/dev/null || fail "$(jq .node.rejected "$tmp/status.json") were rejected: $(grep bus_malformed "$tmp/run.log")"
jq -e '.node.roles[] | select(.role == "encoder") | .redelivered >= 3 and .dead == 0' "$tmp/status.json" >/dev/null ||
    fail "$(jq -c '.node.roles[] | select(.role == "encoder")' "$tmp/status.json")"
