#!/usr/bin/env bash
# shellcheck disable=SC2154 # what the scenarios set
# discord_bench.sh BUILD: messages a second from a (fake) Discord over Redis to committed rows in PostgreSQL, with one writer and with two, and
# the largest memory at 10,000 and 1,000,000 messages; and what a slice of 100 messages costs the database. Thumbnails are left out: they have a
# benchmark of their own.
set -euo pipefail
REELYARD_BUILD=$1
REELYARD_SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
REELYARD_BIN=$REELYARD_BUILD/reelyard
export REELYARD_BUILD REELYARD_SOURCE REELYARD_BIN
here=$REELYARD_SOURCE/tests/scenario
. "$here/scenario.sh"
. "$here/servers.sh"
. "$here/production.sh"

mkdir -p "$tmp/media"
: >"$tmp/media/clip.mp4"
postgres_start
redis_start
"$reelyard" migrate --data "$tmp/data" >/dev/null

# transactions: how many the archive has seen, in $made. Sessions tell it when they end, at the latest.
transactions() {
    sleep 1.5
    made=$(psql_query postgres "SELECT xact_commit FROM pg_stat_database WHERE datname = 'archive'")
}

# measure MESSAGES WRITERS [SLICE]: four channels at a time, so that there is more than one chain of slices.
measure() {
    local messages=$1 writers=$2 slice=${3:-1000} each=$(($1 / 4)) began ended_at peak i node
    discord_start "$each" $((each / 5)) --channel 222000000000000002 --channel 222000000000000003 --channel 222000000000000004
    # Messages hang on no guild, and a scan that meets known ones stops there.
    pg "SET client_min_messages = error; TRUNCATE guild, message CASCADE; TRUNCATE reelyard_slice, reelyard_fence" >/dev/null
    pg "INSERT INTO guild (id, name, message_scan_enabled, created_at, updated_at) VALUES ('$guild', 'Guild', true, now(), now());
        INSERT INTO channel (id, guild_id, name, type, message_scan_enabled, created_at, updated_at)
        SELECT '22200000000000000' || n, '$guild', 'clips', 'text', true, now(), now() FROM generate_series(1, 4) n" >/dev/null
    start "$tmp/run.log" "$reelyard" run --data "$tmp/data" --roles ingester,scanner,writer --writer "$writers"
    node=$last
    await 20 test -S "$tmp/data/run/node.sock"
    transactions
    before=$made
    began=$(date +%s%N)
    for i in 1 2 3 4; do
        push batch "11111111-2222-4333-8444-$(printf %06d "$messages")00$writers$i$RANDOM" \
            ",\"direction\":\"backward\",\"limit\":$slice,\"auto_continue\":true,\"rescan\":\"stop\"" "$guild" "22200000000000000$i"
    done
    looks=0
    four_ended() { looks=$((looks + 1)) && [ "$(pg "SELECT count(*) FROM channel_scan_status WHERE status = 'SUCCEEDED'")" = 4 ]; }
    await 900 four_ended
    ended_at=$(date +%s%N)
    peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$node/status")
    [ "$(pg "SELECT sum(total_messages_scanned) FROM channel_scan_status")" -eq $((each * 4)) ] || fail "not every message was scanned"
    sleep 1
    "$reelyard" status --json --data "$tmp/data" >"$tmp/status.json"
    misses=$(jq '.node.counters.settings_cache_misses // 0' "$tmp/status.json")
    end "$node"
    transactions
    per_slice=$(awk -v n="$((made - before - looks))" -v s="$((messages / slice))" 'BEGIN { printf "%.2f", n / s }')
    printf '%10d messages, %d writer(s): %7.1f s, %8.0f messages/s, peak %6.1f MB\n' "$messages" "$writers" \
        "$(((ended_at - began) / 1000000))e-3" "$(awk -v n="$messages" -v t="$((ended_at - began))" 'BEGIN { print n / t * 1e9 }')" \
        "$(awk -v k="$peak" 'BEGIN { print k / 1024 }')"
    last_peak=$peak
}

measure 10000 1
small=$last_peak
measure 100000 1
measure 100000 2
measure 10000 1 100
echo "a slice of 100 messages: $per_slice transactions, each one round trip (aim: at most 4); settings asked $misses times for 4 channels and 100 slices"
measure 1000000 1
awk -v a="$last_peak" -v b="$small" 'BEGIN { printf "peak memory, 1,000,000 over 10,000: %.2f\n", a / b }'
