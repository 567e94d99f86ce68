#!/usr/bin/env bash
# kill -9 at any moment of an import of 2,000 messages with 200 clips, started again until it is done, ROUNDS times over: the same
# rows and files as an undisturbed run.
. "$(dirname "$0")/scenario.sh"
rounds=${REELYARD_KILL_ROUNDS:-25}
seed=${REELYARD_SEED:-$RANDOM}
echo "rounds $rounds, seed $seed"
RANDOM=$seed

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages $((2000 * scale)) --clips $((200 * scale)) --seed 11
begin=$(date +%s%N)
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" || fail "the undisturbed import failed: $(cat "$tmp/calm.log")"
whole_ms=$((($(date +%s%N) - begin) / 1000000))
dump "$tmp/calm" >"$tmp/calm.dump"
echo "undisturbed: $whole_ms ms, $(counts "$tmp/calm")"

kills=0
for round in $(seq "$rounds"); do
    data=$tmp/round
    rm -rf "$data"
    while :; do
        start "$tmp/run.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
        # A moment somewhere in the first two thirds of an undisturbed run, so that work is left to go on with.
        sleep "$(awk -v r="$RANDOM" -v w="$whole_ms" 'BEGIN { printf "%.3f", r / 32768 * w / 1000 * 2 / 3 + 0.01 }')"
        if kill -0 "$last" 2>/dev/null; then
            end "$last" KILL
            [ "$ended" -eq 137 ] && kills=$((kills + 1)) || break
        else
            ended=0
            wait "$last" || ended=$?
            break
        fi
    done
    [ "$ended" -eq 0 ] || fail "round $round: the import ended with $ended: $(tail -5 "$tmp/run.log")"
    dump "$data" >"$tmp/round.dump"
    same "$tmp/calm.dump" "$tmp/round.dump" "round $round: not the rows and files of an undisturbed run (seed $seed)"
done
[ "$kills" -ge "$rounds" ] || fail "only $kills kills in $rounds rounds"
echo "$kills kills in $rounds rounds"
