#!/usr/bin/env bash
# An encoder that was taken over floods its node from inside its sandbox, beside an honest one: it is put out and named, again and again,
# and the archive becomes what it becomes without it. With REELYARD_EFFORT_SECONDS the work goes on for so long, and what depends on speed
# is claimed too: neighbours keep 90 % of their throughput, measured in turn with it and without it, and the node 64 MiB of its memory.
. "$(dirname "$0")/scenario.sh"

rogue=$REELYARD_BUILD/tests/fakes_rogue
seconds=${REELYARD_EFFORT_SECONDS:-0} span=5 # as in effort.h
clips=$((seconds > 0 ? seconds * ${REELYARD_EFFORT_CLIPS:-150} : 60)) # more than are made meanwhile
mkdir "$tmp/media"
shapes=(quad.mp4 rot90.mp4 vp8.webm)
[ "$seconds" -eq 0 ] || shapes=(big.mp4 big_bits.mp4 large.mp4) # those that take an encoder longer
"$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/media" "${shapes[@]}"
cdn_start "$tmp/media"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --base "$cdn" --messages $((clips * 2)) --clips "$clips" --seed 7 >/dev/null
"$rogue" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" 2>&1 || fail "the undisturbed import failed: $(cat "$tmp/calm.log")"
dump "$tmp/calm" >"$tmp/calm.dump"

# A mail goes to another when its encoder is put out; no clip may be given up for having met it too often.
export REELYARD_NODE=taken-over REELYARD_MAIL_ATTEMPTS_MAX=1000
data=$tmp/data
start "$tmp/run.log" "$rogue" run --data "$data" --encoder 2
node=$last
await test -S "$data/run/node.sock"
state() { "$rogue" status --data "$data" --json 2>/dev/null | jq -r "$1"; }
made() { sql "$data" "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'"; }
named() { [ "$(state '[.node.outcasts[]? | select(.name == "encoder-1")] | length')" -gt 0 ]; }
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$node/status"; }
[ "$seconds" -gt 0 ] || cdn_gate close
start "$tmp/import.log" "$rogue" import "$tmp/export/export.json" --data "$data"
import=$last

if [ "$seconds" -gt 0 ]; then
    begun() { [ "$(made)" -gt 10 ]; }
    await begun
    before=$(memory) with=0 without=0 most=0
    until=$((SECONDS + seconds))
    while [ "$SECONDS" -lt "$until" ]; do
        sleep "$(awk -v now="$(date +%s.%N)" -v span="$span" 'BEGIN { print span - (now - int(now / span) * span) }')"
        turn=$(($(date +%s) / span % 2)) first=$(made)
        sleep $((span - 1))
        n=$(($(made) - first))
        if [ "$turn" = 1 ]; then with=$((with + n)); else without=$((without + n)); fi
        now=$(memory)
        [ "$now" -le "$most" ] || most=$now
    done
    [ "$(made)" -lt "$clips" ] || fail "all was done before the time was over: set REELYARD_EFFORT_CLIPS to more clips a second"
    echo "clips in turns with it: $with, without it: $without; memory before: $before KiB, at most: $most KiB; put out $(state .node.put_out) times"
    [ $((with * 100)) -ge $((without * 90)) ] || fail "its neighbours keep less than 90 % of their throughput"
    [ $((most - before)) -le $((64 * 1024)) ] || fail "the node has grown by more than 64 MiB"
fi
await named
"$rogue" status --data "$data" | grep -q encoder-1 || fail "status does not name it"
[ "$seconds" -gt 0 ] || cdn_gate open
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 0 ] || fail "the import ended with $ended: $(tail -5 "$tmp/import.log")"
end "$node"
dump "$data" >"$tmp/dump"
same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of an undisturbed run"
