#!/usr/bin/env bash
# An encoder process attached over ipc takes work while the thread encoder does too; kill -9 of it loses nothing.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages $((900 * scale)) --clips $((600 * scale)) --seed 5
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" || fail "the undisturbed import failed"
dump "$tmp/calm" >"$tmp/calm.dump"

data=$tmp/data
start "$tmp/run.log" "$reelyard" run --data "$data" --no-isolate
node=$last
await 20 test -S "$data/run/node.sock"
# attached: how many encoders from other processes have finished something.
done_by() { "$reelyard" status --data "$data" --json | jq "[.node.instances[] | select(.role == \"encoder\" and .remote == $1) | .done] | add // 0"; }
busy() { [ "$(done_by true)" -ge "$1" ]; }

start "$tmp/encoder.log" "$reelyard" actor encoder --data "$data"
first=$last
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
import=$last
step "the attached encoder works"
await 60 busy 10
step "it is killed three times"
for _ in 1 2 3; do
    end "$first" KILL
    start "$tmp/encoder.log" "$reelyard" actor encoder --data "$data"
    first=$last
    await 60 busy 10
done
[ "$(done_by false)" -gt 0 ] || fail "the thread encoder did nothing"
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 0 ] || fail "the import ended with $ended: $(tail -20 "$tmp/import.log")"
"$reelyard" status --data "$data" --json >"$tmp/status.json"
end "$first"
[ "$ended" -eq 0 ] || fail "the encoder ended with $ended on SIGTERM: $(cat "$tmp/encoder.log")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended on SIGTERM: $(tail -20 "$tmp/run.log")"
dump "$data" >"$tmp/dump"
same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of an undisturbed run"
jq -r '.node.roles[] | select(.role == "encoder") | "redelivered \(.redelivered), dead \(.dead)"' "$tmp/status.json"
