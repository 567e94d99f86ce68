#!/usr/bin/env bash
# The same scan on bad days, with two reelyards on the same streams: PostgreSQL and Redis are restarted, Discord answers 10 % 429 and 2 %
# 500, and one reelyard or the other is killed at random moments: the same rows.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"
restarts=${REELYARD_RESTARTS:-2} kills=${REELYARD_KILLS:-6}
seed=${REELYARD_SEED:-$RANDOM}
RANDOM=$seed
messages=$((6000 * scale)) clips=$((300 * scale))
echo "seed $seed: $restarts restarts of each server, $kills kills"
export REELYARD_LEASE_SECONDS=5 REELYARD_CLIP_LEASE_SECONDS=10 DB_RETRY_MAX_DELAY=2 REDIS_CONNECT_BACKOFF_MAX_SECONDS=2
postgres_start
redis_start
discord_start "$messages" "$clips" --fault-429 10 --fault-500 2 --fault-scope mix --latency-ms 5
"$reelyard" migrate --data "$tmp/a" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
# Both write to one storage, as two nodes of one host would.
export STORAGE_PATH=$tmp/a/storage

declare -A node
begin_node() {
    start "$tmp/run-$1.log" env REELYARD_NODE="node-$1" LOG_LEVEL=INFO "$reelyard" run --data "$tmp/$1"
    node[$1]=$last
}
begin_node a
begin_node b
scan_job

# One kill or restart at a time, spread over the scan's course.
events=()
for ((i = 0; i < kills; i++)); do events+=("kill"); done
for ((i = 0; i < restarts; i++)); do events+=("postgres" "redis"); done
mapfile -t events < <(printf '%s\n' "${events[@]}" | shuf --random-source=<(yes "$seed"))
scanned() { pg "SELECT coalesce(max(total_messages_scanned), 0) FROM channel_scan_status" 2>/dev/null || echo 0; }
reached() { [ "$(scanned)" -ge "$1" ]; }
done_events=0
for event in "${events[@]}"; do
    await reached $((messages * done_events / (${#events[@]} + 1)))
    sleep "0.$((RANDOM % 9 + 1))" # a moment of the scan, on which nothing depends
    done_events=$((done_events + 1))
    case $event in
    kill)
        which=$([ $((RANDOM % 2)) = 0 ] && echo a || echo b)
        end "${node[$which]}" KILL
        begin_node "$which"
        ;;
    postgres)
        postgres_stop "$([ $((RANDOM % 2)) = 0 ] && echo fast || echo immediate)"
        sleep "0.$((RANDOM % 9))"
        postgres_start
        ;;
    redis)
        redis_stop "$([ $((RANDOM % 2)) = 0 ] && echo TERM || echo KILL)"
        sleep "0.$((RANDOM % 9))"
        redis_start
        ;;
    esac
done
echo "all events are over at $(scanned) of $messages messages"
await all_done
as_seed_says
await clips_settled
pg "SELECT count(*) FROM failed_thumbnail" | grep -qx 0 || "$reelyard" failed retry --data "$tmp/a" >/dev/null
await clips_settled
thumbnails_whole "$tmp/a"
for which in a b; do
    end "${node[$which]}"
    [ "$ended" -eq 0 ] || fail "node $which ended with $ended: $(tail -3 "$tmp/run-$which.log")"
done
