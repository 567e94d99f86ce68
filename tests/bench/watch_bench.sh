#!/usr/bin/env bash
# watch_bench.sh BUILD: 1 GiB through /watch beside nginx's sendfile, in turns on the same file, and what 32 viewers at once cost.
# REELYARD_BENCH_BYTES: another size; REELYARD_BENCH_ROUNDS: another number of turns.
set -euo pipefail
build=$(cd "$1" && pwd)
bytes=${REELYARD_BENCH_BYTES:-1073741824} rounds=${REELYARD_BENCH_ROUNDS:-5}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/reelyard-bench.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$tmp"
}
trap finish EXIT
free_port() { while port=$((20000 + RANDOM % 12000)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done; }
await() {
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    return 1
}

mkdir "$tmp/media"
"$(dirname "$0")/../bed/make_media.sh" "$tmp/media" quad.mp4
"$build/tests/fakes_export_gen" --out "$tmp/export" --media "$tmp/media" --messages 4 --clips 1 >/dev/null
LOG_LEVEL=ERROR REELYARD_HTTP_PORT=0 "$build/reelyard" import "$tmp/export/export.json" --data "$tmp/data" >/dev/null 2>&1
video=$(find "$tmp/export" -name '*.mp4' | head -1)
clip=$(sqlite3 "$tmp/data/reelyard.db" "SELECT id FROM clip WHERE cdn_url LIKE 'file:%' LIMIT 1")
rm "$video"
head -c "$bytes" /dev/urandom >"$video"
ln "$video" "$tmp/video.mp4"

free_port
watch=http://127.0.0.1:$port/watch/$clip
LOG_LEVEL=ERROR REELYARD_HTTP_PORT=$port REELYARD_HTTP_CONNECTIONS_EACH=0 "$build/reelyard" run --data "$tmp/data" --roles writer,storage,monitor 2>"$tmp/run.log" &
node=$!
pids+=("$node")
await curl -fs "${watch%/watch/*}/ping"
free_port
cat >"$tmp/nginx.conf" <<END
user root;
daemon off;
worker_processes 1;
error_log $tmp/nginx.err;
pid $tmp/nginx.pid;
events { worker_connections 512; }
http {
    access_log off; sendfile on; tcp_nopush on;
    client_body_temp_path $tmp; proxy_temp_path $tmp; fastcgi_temp_path $tmp; uwsgi_temp_path $tmp; scgi_temp_path $tmp;
    server { listen 127.0.0.1:$port; root $tmp; }
}
END
PATH=$PATH:/usr/sbin nginx -c "$tmp/nginx.conf" 2>/dev/null &
pids+=($!)
await curl -fsI "http://127.0.0.1:$port/video.mp4"

curl -fs "$watch" | cmp - "$video" # it is the file, and in memory
for _ in $(seq "$rounds"); do
    curl -fs -o /dev/null -w 'nginx %{speed_download}\n' "http://127.0.0.1:$port/video.mp4"
    curl -fs -o /dev/null -w 'watch %{speed_download}\n' "$watch"
done >"$tmp/rates"
median() { awk -v of="$1" '$1 == of { print $2 }' "$tmp/rates" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$node/status"; }
before=$(resident) most=0 viewers=()
for _ in $(seq 32); do curl -fs --limit-rate 20M -r 0-100000000 -o /dev/null "$watch" & viewers+=($!); done
for _ in $(seq 40); do
    now=$(resident)
    [ "$now" -le "$most" ] || most=$now
    sleep 0.05
done
wait "${viewers[@]}"
awk -v n="$(median nginx)" -v w="$(median watch)" -v kib="$((most > before ? most - before : 0))" 'BEGIN {
    printf "| | MB/s |\n|---|---:|\n| nginx, sendfile | %.0f |\n| /watch | %.0f |\n\n", n / 1e6, w / 1e6
    printf "ratio %.2f (aim: 0.5 or more); memory per viewer, 32 at once: %.1f MiB (aim: less than 16)\n", w / n, kib / 1024 / 32 }'
