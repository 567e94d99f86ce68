#!/usr/bin/env bash
# distance_bench.sh BUILD: clips per second of an import of the same CLIPS clips from local files, from a server beside it, and from a
# server DELAY milliseconds away (there and back), in turn, two encoders each. Aim: far at least 0.9 of local. From the start of the
# program to its end. The largest memory of the node's main process stands beside it.
set -euo pipefail
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
clips=${CLIPS:-1200} rounds=${ROUNDS:-3} delay=${DELAY:-100}
work=$(mktemp -d "${TMPDIR:-/tmp}/reelyard-bench.XXXXXX")
pids=()
finish() {
    [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
export REELYARD_HTTP_PORT=0 LOG_LEVEL=ERROR
unset REELYARD_DATA REELYARD_DATABASE REELYARD_QUEUE DATABASE_URL DB_TYPE DB_HOST DB_USER DB_PASSWORD DB_NAME REDIS_URL

# serve LOG COMMAND...: starts a server and sets $port.
serve() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    pids+=($!)
    while ! grep -q '^port ' "$log"; do
        kill -0 "${pids[-1]}"
        sleep 0.05
    done
    port=$(awk '/^port / { print $2; exit }' "$log")
}

"$source/tests/bed/make_media.sh" "$work/media" quad.mp4 quad_fast.mp4 quad.mov quad.mkv rot90.mp4 vp8.webm vp9.webm sar.mp4 odd.webm
serve "$work/cdn.log" "$build/tests/fakes_cdn" --port 0 "$work/media"
near=$port
serve "$work/link.log" "$build/tests/fakes_link" --address 127.0.0.1 --port 0 --to "127.0.0.1:$near" --delay-ms $((delay / 2)) --loss-percent 0
far=$port
export REELYARD_ALLOWED_HOSTS=127.0.0.1:$near,127.0.0.1:$far
generate() { "$build/tests/fakes_export_gen" --out "$work/$1" --media "$work/media" --messages "$clips" --clips "$clips" --seed 5 "${@:2}" >/dev/null; }
generate local
generate near --base "http://127.0.0.1:$near/ok"
generate far --base "http://127.0.0.1:$far/ok"

# one WHERE: imports, appends clips per second and the peak in kB to $work/WHERE.txt.
one() {
    local begin end peak
    rm -rf "$work/data"
    begin=$(date +%s%N)
    "$build/reelyard" import "$work/$1/export.json" --data "$work/data" --json --encoder 2 >"$work/summary.json" 2>"$work/log"
    end=$(date +%s%N)
    [ "$(jq .clips_completed "$work/summary.json")" = "$clips" ] || {
        cat "$work/summary.json" "$work/log" >&2
        return 1
    }
    peak=$(jq .peak_rss_kb "$work/summary.json")
    awk -v c="$clips" -v ns="$((end - begin))" -v p="$peak" 'BEGIN { print c / ns * 1e9, p }' >>"$work/$1.txt"
}

for ((round = 0; round < rounds; round++)); do
    for where in local near far; do one "$where"; done
done
middle() { sort -n "$work/$1.txt" | awk -v k="$2" '{ v[NR] = $k } END { print v[int((NR + 1) / 2)] }'; }
for where in local near far; do
    printf '%-6s %7.1f clips/s, peak %6.1f MB\n' "$where" "$(middle "$where" 1)" "$(awk -v k="$(middle "$where" 2)" 'BEGIN { print k / 1024 }')"
done
awk -v n="$(middle near 1)" -v f="$(middle far 1)" -v l="$(middle local 1)" -v d="$delay" \
    'BEGIN { printf "near over local: %.2f; %d ms away over local: %.2f (aim: at least 0.90)\n", n / l, d, f / l }'
