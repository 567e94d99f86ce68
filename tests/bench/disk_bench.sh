#!/usr/bin/env bash
# disk_bench.sh BUILD: clips per second of an import of the same CLIPS clips onto this disk, and onto one whose barriers (fsync, fdatasync,
# syncfs, sync_file_range) take DELAY ms longer, in turn, two encoders each; and how many barriers the store asked for. From the start of
# the program to its end. Aims: slow at least 0.9 of plain, at most 0.3 barriers a clip.
set -euo pipefail
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
clips=${CLIPS:-600} rounds=${ROUNDS:-3} delay=${DELAY:-10}
work=$(realpath "$(mktemp -d "${TMPDIR:-/tmp}/reelyard-bench.XXXXXX")")
trap 'rm -rf "$work"' EXIT
export REELYARD_HTTP_PORT=0 LOG_LEVEL=ERROR
unset REELYARD_DATA REELYARD_DATABASE REELYARD_QUEUE DATABASE_URL DB_TYPE DB_HOST DB_USER DB_PASSWORD DB_NAME REDIS_URL

"$source/tests/bed/make_media.sh" "$work/media" quad.mp4 quad_fast.mp4 quad.mov quad.mkv rot90.mp4 vp8.webm vp9.webm sar.mp4 odd.webm
"$build/tests/fakes_export_gen" --out "$work/export" --media "$work/media" --messages "$clips" --clips "$clips" --seed 5 >/dev/null
shim=$(find "$build/tests" -name 'libslow_disk.so')

# one DISK US: imports, appends clips per second and barriers a clip to $work/DISK.txt.
one() {
    local begin end
    rm -rf "$work/data" "$work/counts"
    touch "$work/counts"
    begin=$(date +%s%N)
    LD_PRELOAD=$shim REELYARD_SLOW_DISK_US=$2 REELYARD_SLOW_DISK_FOLDER=$work/data/storage REELYARD_SLOW_DISK_COUNTS=$work/counts \
        "$build/reelyard" import "$work/export/export.json" --data "$work/data" --json --encoder 2 >"$work/summary.json" 2>"$work/log"
    end=$(date +%s%N)
    [ "$(jq .clips_completed "$work/summary.json")" = "$clips" ] || {
        cat "$work/summary.json" "$work/log" >&2
        return 1
    }
    awk -v c="$clips" -v ns="$((end - begin))" '{ n += $1 } END { print c / ns * 1e9, n / c }' "$work/counts" >>"$work/$1.txt"
}

for ((round = 0; round < rounds; round++)); do
    one plain 0
    one slow $((delay * 1000))
done
median() { awk -v column="$2" '{ print $column }' "$work/$1.txt" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
printf '%-28s %10s %16s\n' disk clips/s barriers/clip
printf '%-28s %10.1f %16.2f\n' plain "$(median plain 1)" "$(median plain 2)" "barriers $delay ms longer" "$(median slow 1)" "$(median slow 2)"
awk -v p="$(median plain 1)" -v s="$(median slow 1)" -v b="$(median slow 2)" \
    'BEGIN { printf "slow to plain: %.2f (aim: at least 0.9), barriers a clip: %.2f (aim: at most 0.3)\n", s / p, b }'
