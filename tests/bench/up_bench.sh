#!/usr/bin/env bash
# up_bench.sh BUILD: thumbnails per second of `reelyard up` (a process for each instance) against `reelyard run` (threads), in turn
# on copies of one archive, CLIPS clips of many shapes, two encoders each. Aim: 0.9. From the start of the program, so the start of the
# processes counts too. CPU time is that of all processes, and says more on a machine that others use as well.
set -euo pipefail
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
clips=${CLIPS:-3000} rounds=${ROUNDS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/reelyard-bench.XXXXXX")
node=
finish() {
    [ -z "$node" ] || kill -KILL "$node" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
export REELYARD_HTTP_PORT=0 LOG_LEVEL=ERROR
unset REELYARD_DATA REELYARD_DATABASE REELYARD_QUEUE DATABASE_URL DB_TYPE DB_HOST DB_USER DB_PASSWORD DB_NAME REDIS_URL

"$source/tests/bed/make_media.sh" "$work/media" quad.mp4 quad_fast.mp4 quad.mov quad.mkv rot90.mp4 vp8.webm vp9.webm hevc.mp4 \
    mpeg4.avi sar.mp4 odd.webm black_intro.mp4
"$build/tests/fakes_export_gen" --out "$work/export" --media "$work/media" --messages "$clips" --clips "$clips" --seed 5
"$build/reelyard" import "$work/export/export.json" --data "$work/rows" --rows-only >/dev/null

left() { sqlite3 -batch -noheader "file:$work/data/reelyard.db?mode=ro" "SELECT count(*) FROM clip WHERE thumbnail_status IN ('pending', 'processing')"; }

# cpu_ms: CPU time of the children of this shell that have ended, into $cpu_ms. (In a pipe, times would tell of another shell.)
cpu_ms() {
    times >"$work/times"
    cpu_ms=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += t[1] * 60000 + t[2] * 1000 } print int(sum) }' "$work/times")
}

# one COMMAND: works off a copy of the archive; prints milliseconds, and those of CPU time.
one() {
    local begin end cpu
    rm -rf "$work/data"
    cp -a "$work/rows" "$work/data"
    cpu_ms
    cpu=$cpu_ms
    begin=$(date +%s%N)
    "$build/reelyard" "$1" --data "$work/data" --encoder 2 >"$work/log" 2>&1 &
    node=$!
    while [ "$(left 2>/dev/null)" != 0 ]; do
        kill -0 "$node" || {
            cat "$work/log" >&2
            return 1
        }
        sleep 0.2
    done
    end=$(date +%s%N)
    kill -TERM "$node"
    wait "$node" || true
    node=
    cpu_ms
    echo $(((end - begin) / 1000000)) $((cpu_ms - cpu))
}

for ((i = 0; i < rounds; i++)); do
    echo "$(one run) $(one up)"
done >"$work/rounds"
median() { sort -n -k "$1,$1" "$work/rounds" | awk -v c="$1" '{v[NR] = $c} END {print v[int((NR + 1) / 2)]}'; }
awk -v run="$(median 1)" -v run_cpu="$(median 2)" -v up="$(median 3)" -v up_cpu="$(median 4)" -v clips="$clips" -v rounds="$rounds" 'BEGIN {
    printf "%d clips, two encoders, SQLite, median of %d rounds in turn\n", clips, rounds
    printf "%-24s %8.1f clips/s                          %6.2f ms of CPU a clip\n", "reelyard run", clips * 1000 / run, run_cpu / clips
    printf "%-24s %8.1f clips/s, %.2f of run (aim 0.90) %6.2f ms of CPU a clip, %.2f of run\n", "reelyard up", clips * 1000 / up, run / up,
        up_cpu / clips, run_cpu / up_cpu
}'
