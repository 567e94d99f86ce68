#!/usr/bin/env bash
# kill -9 at any moment of an import of 2,000 messages with 200 clips, started again until it is done, until ROUNDS imports were killed:
# the same rows and files as an undisturbed run.
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

kills=0 killed=0 range_ms=$((whole_ms * 2 / 3))
for ((round = 1; killed < rounds; round++)); do
    data=$tmp/round before=$kills
    rm -rf "$data"
    while :; do
        start "$tmp/run.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
        # A moment in the first two thirds of a run, so that work is left to go on with.
        sleep "$(awk -v r="$RANDOM" -v range="$range_ms" 'BEGIN { printf "%.3f", (r / 32768 * range + 10) / 1000 }')"
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
    if [ "$kills" -gt "$before" ]; then
        killed=$((killed + 1))
    else
        range_ms=$((range_ms * 3 / 4)) # the machine has become faster since the undisturbed run
    fi
    dump "$data" >"$tmp/round.dump"
    same "$tmp/calm.dump" "$tmp/round.dump" "round $round: not the rows and files of an undisturbed run (seed $seed)"
done
echo "$kills kills of $killed imports in $((round - 1)) rounds"
