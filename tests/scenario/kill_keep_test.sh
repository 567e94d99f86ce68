#!/usr/bin/env bash
# kill -9 at any moment of a node that keeps originals from a server, started again until all are kept, ROUNDS times: the same files by
# their digests, verified, no row doubled, and nothing left of an assembly.
. "$(dirname "$0")/scenario.sh"
rounds=${REELYARD_KILL_ROUNDS:-4}
seed=${REELYARD_SEED:-$RANDOM}
echo "rounds $rounds, seed $seed"
RANDOM=$seed

media "$tmp/media" small
# Some of several windows, so that a kill meets them half-way.
for i in 1 2 3; do
    cp "$tmp/media/quad.mp4" "$tmp/media/long$i.mp4"
    head -c $((6000000 + i)) /dev/urandom >>"$tmp/media/long$i.mp4"
done
cdn_start "$tmp/media"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --base "$cdn" --messages 300 --clips 40 --seed 11 >/dev/null
"$reelyard" import "$tmp/export/export.json" --data "$tmp/base" >"$tmp/import.log" 2>&1 || fail "import: $(cat "$tmp/import.log")"
[ "$(sql "$tmp/base" "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" -eq 40 ] || fail "clips: $(counts "$tmp/base")"
sql "$tmp/base" "SELECT cdn_url FROM clip" | sed "s|^$cdn/|$tmp/media/|; s|[?].*||" | xargs -d '\n' sha256sum | cut -d' ' -f1 | LC_ALL=C sort -u >"$tmp/there"

all_kept() { [ "$(sql "$1" "SELECT count(*) FROM reelyard_media WHERE keep_state = 'kept'")" -eq 40 ]; }

stands_at_gate() { [ "$(cdn_stat waiting)" -ge 1 ]; }

kills=0 went_on=0
for ((round = 1; round <= rounds; round++)); do
    data=$tmp/round
    rm -rf "$data"
    cp -a "$tmp/base" "$data"
    for ((try = 0; try < 4; try++)); do
        # So many requests are let through that work is left whatever the speed of the machine is.
        cdn_gate close
        start "$tmp/run.log" env REELYARD_KEEP=all LOG_LEVEL=INFO "$reelyard" run --data "$data"
        cdn_gate "let?n=$((RANDOM % 25 + 1))"
        await stands_at_gate
        sleep "$(awk -v r="$RANDOM" 'BEGIN { printf "%.3f", r / 32768 * 0.2 }')"
        ! all_kept "$data" || fail "round $round: nothing was left to be killed in"
        end "$last" KILL
        went_on=$((went_on + $(grep -c keep_goes_on "$tmp/run.log" || true)))
        [ "$ended" -eq 137 ] || fail "round $round: it ended with $ended before: $(tail -5 "$tmp/run.log")"
        kills=$((kills + 1))
    done
    cdn_gate open
    start "$tmp/run.log" env REELYARD_KEEP=all LOG_LEVEL=INFO "$reelyard" run --data "$data"
    await "$reelyard" ping --data "$data"
    await all_kept "$data"
    end "$last"
    [ "$ended" -eq 0 ] || fail "round $round: it ended with $ended: $(tail -5 "$tmp/run.log")"
    went_on=$((went_on + $(grep -c keep_goes_on "$tmp/run.log" || true)))
    find "$data/storage/media" -type f -exec sha256sum {} + | cut -d' ' -f1 | LC_ALL=C sort >"$tmp/kept"
    same "$tmp/there" "$tmp/kept" "round $round: not the files of the server (seed $seed)"
    [ -z "$(find "$data/storage/media/partial" "$data/spool" -type f 2>/dev/null)" ] || fail "round $round: something is left of an assembly"
    "$reelyard" verify --data "$data" >"$tmp/verify.log" || fail "round $round: $(cat "$tmp/verify.log")"
    [ "$(sql "$data" "SELECT count(*) FROM reelyard_doomed_file")" -eq 0 ] || fail "round $round: files are to be deleted"
done
echo "$kills kills in $rounds rounds, $went_on files gone on with half-way"
