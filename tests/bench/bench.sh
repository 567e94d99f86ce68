#!/usr/bin/env bash
# bench.sh BUILD [NAME...]: benchmarks against peers, side by side in one run. Machines are noisy: read the ratios.
set -euo pipefail
build=$1
shift
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(bus thumbnail clip import writer search poll pg discord up hosts filter distance watch disk)
source=$(cd "$(dirname "$0")/../.." && pwd)
for name in "${names[@]}"; do
    printf '\n## %s\n' "$name"
    case "$name" in
    # Its exit code tells whether an aim was missed; the table says so too.
    bus) cmake --build "$build" --target bench_bus_bench >&2 && { "$build/tests/bench_bus_bench" || true; } ;;
    thumbnail) cmake --build "$build" --target bench_thumbnail_bench >&2 && "$source/tests/bench/thumbnail_bench.sh" "$build" ;;
    clip) cmake --build "$build" --target bench_thumbnail_bench >&2 && "$source/tests/bench/clip_bench.sh" "$build" ;;
    import) cmake --build "$build" --target reelyard fakes_export_gen >&2 && "$source/tests/bench/import_bench.sh" "$build" ;;
    writer) cmake --build "$build" --target bench_writer_bench >&2 && "$build/tests/bench_writer_bench" 100000 ;;
    search) cmake --build "$build" --target bench_search_bench >&2 && "$build/tests/bench_search_bench" 1000000 ;;
    poll) cmake --build "$build" --target bench_poll_bench >&2 && { "$build/tests/bench_poll_bench" || true; } ;;
    pg) cmake --build "$build" --target bench_pg_bench >&2 && { "$build/tests/bench_pg_bench" "$source/tests/bench/asyncpg_peer.py" || true; } ;;
    discord) cmake --build "$build" --target reelyard fakes_discord fakes_cdn >&2 && "$source/tests/bench/discord_bench.sh" "$build" ;;
    up) cmake --build "$build" --target reelyard fakes_export_gen >&2 && "$source/tests/bench/up_bench.sh" "$build" ;;
    hosts) cmake --build "$build" --target bench_hosts_bench >&2 && "$source/tests/bench/hosts_bench.sh" "$build" ;;
    filter) cmake --build "$build" --target bench_filter_bench >&2 && "$build/tests/bench_filter_bench" ;;
    distance) cmake --build "$build" --target reelyard fakes_export_gen fakes_cdn fakes_link >&2 && "$source/tests/bench/distance_bench.sh" "$build" ;;
    watch) cmake --build "$build" --target reelyard fakes_export_gen >&2 && "$source/tests/bench/watch_bench.sh" "$build" ;;
    disk) cmake --build "$build" --target reelyard fakes_export_gen slow_disk >&2 && "$source/tests/bench/disk_bench.sh" "$build" ;;
    *)
        echo "no benchmark '$name': bus, thumbnail, clip, import, writer, search, poll, pg, discord, up, hosts, filter, distance, watch, disk" >&2
        exit 2
        ;;
    esac
done
