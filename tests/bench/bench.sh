#!/usr/bin/env bash
# bench.sh BUILD [NAME...]: benchmarks against peers, side by side in one run. Machines are noisy: read the ratios.
set -euo pipefail
build=$1
shift
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(bus thumbnail import writer pg)
source=$(cd "$(dirname "$0")/../.." && pwd)
for name in "${names[@]}"; do
    printf '\n## %s\n' "$name"
    case "$name" in
    # Its exit code tells whether an aim was missed; the table says so too.
    bus) cmake --build "$build" --target bench_bus_bench >&2 && { "$build/tests/bench_bus_bench" || true; } ;;
    thumbnail) cmake --build "$build" --target bench_thumbnail_bench >&2 && "$source/tests/bench/thumbnail_bench.sh" "$build" ;;
    import) cmake --build "$build" --target reelyard fakes_export_gen >&2 && "$source/tests/bench/import_bench.sh" "$build" ;;
    writer) cmake --build "$build" --target bench_writer_bench >&2 && "$build/tests/bench_writer_bench" 100000 ;;
    pg) cmake --build "$build" --target bench_pg_bench >&2 && { "$build/tests/bench_pg_bench" || true; } ;;
    *)
        echo "no benchmark '$name': bus, thumbnail, import, writer, pg" >&2
        exit 2
        ;;
    esac
done
