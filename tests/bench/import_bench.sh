#!/usr/bin/env bash
# import_bench.sh BUILD: messages per second from export file to committed rows, and peak memory, at 10,000 and at 1,000,000
# messages. No message's video is there to be decoded: this measures reading, rules and rows. Aim: memory equal within 10 %.
set -euo pipefail
build=$1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/reelyard-bench.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# one MESSAGES ATTACHMENTS: imports an export of so many; prints a row and leaves the peak in $peak.
one() {
    local messages=$1 clips=$2 begin end
    "$build/tests/fakes_export_gen" --out "$tmp/export" --messages "$messages" --clips "$clips" --seed 1
    begin=$(date +%s%N)
    REELYARD_HTTP_PORT=0 LOG_LEVEL=ERROR "$build/reelyard" import "$tmp/export/export.json" --data "$tmp/data" --json \
        --rows-only >"$tmp/summary.json" || true
    end=$(date +%s%N)
    peak=$(jq .peak_rss_kb "$tmp/summary.json")
    awk -v m="$messages" -v c="$clips" -v s="$(((end - begin) / 1000000))" -v p="$peak" -v b="$(stat -c %s "$tmp/export/export.json")" \
        'BEGIN { printf "%10d messages, %7d with videos: %7.1f s, %8.0f messages/s, %6.1f MB/s, peak %6.1f MB\n", m, c, s / 1000, m * 1000 / s, b / s / 1000, p / 1024 }'
    rm -rf "$tmp/export" "$tmp/data"
}

one 10000 2000
small=$peak
one 1000000 200000
awk -v a="$small" -v b="$peak" 'BEGIN { printf "peak memory, 1,000,000 over 10,000: %.3f (aim: at most 1.10)\n", b / a }'
