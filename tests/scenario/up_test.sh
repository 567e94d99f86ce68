#!/usr/bin/env bash
# `reelyard up` on PostgreSQL and Redis: under load its processes are killed, crash and stand still, one after the other: the rows and
# files are those of the seed, there is no dead letter, and every death is in the tally. Each process has the secrets of its own role
# only. A reload under load drops nothing, a bad one changes nothing. SIGTERM under load ends in time and another node goes on at once.
# Who kills the supervisor itself leaves no process behind.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"
rounds=${REELYARD_UP_ROUNDS:-20} pause=${REELYARD_UP_PAUSE:-1}
seed=${REELYARD_SEED:-$RANDOM}
RANDOM=$seed
messages=$((6000 * scale)) clips=$((400 * scale))
echo "seed $seed: $rounds deaths, one every $pause s"
export REELYARD_LEASE_SECONDS=5 REELYARD_CLIP_LEASE_SECONDS=10 REELYARD_STUCK_SECONDS=8 REELYARD_DRAIN_SECONDS=300 REELYARD_RESTART_MAX=60
export DB_RETRY_MAX_DELAY=2 REDIS_CONNECT_BACKOFF_MAX_SECONDS=2
postgres_start
redis_start
discord_start "$messages" "$clips" --latency-ms 20
data=$tmp/data
"$reelyard" migrate --data "$data" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows

printf '# the node\nREELYARD_INSTANCES=encoder=2,writer=2\nREELYARD_CLIP_WINDOW=16\n' >"$tmp/node.env"
up() { start "$tmp/up.log" env LOG_LEVEL=INFO "$reelyard" up --data "$data" --env-file "$tmp/node.env"; }
state() { "$reelyard" status --data "$data" --json 2>/dev/null | jq -e "$1"; }
all_run() { state '.node.children | length > 0 and all(.state == "running")'; }
pids() { "$reelyard" status --data "$data" --json | jq -r '.node.children[].pid'; }
pid_of() { "$reelyard" status --data "$data" --json 2>/dev/null | jq -r ".node.children[] | select(.name == \"$1\" and .state == \"running\") | .pid"; }
deaths() { "$reelyard" status --data "$data" --json | jq "[.node.deaths[] | select(.way == \"$1\") | .count] | add // 0"; }
scanned() { pg "SELECT coalesce(max(total_messages_scanned), 0) FROM channel_scan_status" 2>/dev/null || echo 0; }
begun() { [ "$(scanned)" -gt 0 ]; }
more_work() {
    [ "$(scan_status)" = SUCCEEDED ] || return 0
    extra=$((extra + 1))
    push batch "11111111-2222-4333-8444-$(printf %012d "$((1000 + extra))")" ',"direction":"backward","auto_continue":true,"rescan":"continue"'
}
extra=0

up
node=$last
await all_run

step "each process has the secrets of its own role, and no other"
has() { tr '\0' '\n' <"/proc/$(pid_of "$1")/environ" | grep -q "^$2="; }
for child in router writer-1 writer-2 storage-1 encoder-1 downloader-1 scanner-1 scheduler-1 ingester-1 monitor-1; do
    for secret in writer:DATABASE_URL scanner:BOT_TOKEN ingester:REDIS_URL; do
        if [ "${child%-*}" = "${secret%:*}" ]; then
            has "$child" "${secret#*:}" || fail "$child lacks ${secret#*:}"
        elif has "$child" "${secret#*:}"; then
            fail "$child knows ${secret#*:}"
        fi
    done
done

step "a stranger at the socket gets in as nothing but a command"
ended=0
LOG_LEVEL=ERROR "$reelyard" actor writer --data "$data" --name writer-3 >"$tmp/stranger.log" 2>&1 || ended=$?
[ "$ended" -eq 1 ] || fail "a stranger ended with $ended: $(cat "$tmp/stranger.log")"
grep -q "reelyard up" "$tmp/stranger.log" || fail "a stranger was told: $(cat "$tmp/stranger.log")"
[ "$(state .node.rejected)" -gt 0 ] || fail "a stranger was not counted"

step "$rounds deaths under load"
scan_job
await begun
signals=0 stuck=0
for ((round = 0; round < rounds; round++)); do
    more_work
    await all_run
    mapfile -t victims < <("$reelyard" status --data "$data" --json | jq -r '.node.children[] | "\(.pid) \(.name)"')
    read -r victim name <<<"${victims[RANDOM % ${#victims[@]}]}"
    case $((RANDOM % 3)) in
    0) signal=KILL signals=$((signals + 1)) ;;
    1) signal=SEGV signals=$((signals + 1)) ;;
    *)
        signal=STOP stuck=$((stuck + 1))
        # The process that works, which in a sandbox is another than the one that was started.
        inner=$(child_of "$victim")
        victim=${inner:-$victim}
        ;;
    esac
    kill -$signal "$victim" || fail "$name ($victim) is not there"
    sleep "$pause" # a moment of its life, on which nothing depends
    if [ "$signal" = STOP ]; then # noticed by the stuck limit
        noticed() { [ "$(deaths stuck 2>/dev/null)" = "$stuck" ]; }
        await noticed
    fi
done
await all_run
echo "tally: $("$reelyard" status --data "$data" --json | jq -c .node.deaths)"
[ "$(deaths signal)" -eq "$signals" ] || fail "$(deaths signal) deaths by signals in the tally, not $signals"
[ "$(deaths stuck)" -eq "$stuck" ] || fail "$(deaths stuck) deaths of stuck ones in the tally, not $stuck"
for way in exit seccomp limit late; do
    [ "$(deaths $way)" -eq 0 ] || fail "$(deaths $way) deaths by $way: $(grep child_died "$tmp/up.log" | tail -5)"
done
await all_done
[ "$extra" -eq 0 ] || pg "UPDATE channel_scan_status SET total_messages_scanned = $messages" >/dev/null
as_seed_says
thumbnails_whole "$data"

step "a reload under load replaces every process and drops nothing; a bad one changes nothing"
before=$(pids)
pg "UPDATE clip SET thumbnail_status = 'pending'; DELETE FROM thumbnail" >/dev/null
printf 'REELYARD_INSTANCES=encoder=many\n' >"$tmp/node.env"
kill -HUP "$node"
await grep -q reload_refused "$tmp/up.log"
[ "$(pids)" = "$before" ] || fail "a bad configuration replaced processes"
printf 'REELYARD_INSTANCES=encoder=3,writer=2\nREELYARD_CLIP_WINDOW=12\n' >"$tmp/node.env"
kill -HUP "$node"
replaced() { all_run && [ "$(comm -12 <(sort <<<"$before") <(pids | sort) | wc -l)" -eq 1 ]; } # the router stays
await replaced
[ "$(state '[.node.children[] | select(.role == "encoder")] | length')" -eq 3 ] || fail "there are not three encoders"
await clips_settled
[ "$(redis XLEN reelyard:dead)" = 0 ] || fail "the reload made dead letters"
thumbnails_whole "$data"

step "scale"
"$reelyard" scale encoder=1 storage=1 --data "$data" || fail "scale"
scaled() { all_run && [ "$(state '[.node.children[] | select(.role == "encoder" or .role == "storage")] | length')" -eq 2 ]; }
await scaled
ended=0
"$reelyard" scale writer=0 --data "$data" 2>"$tmp/scale.log" || ended=$?
[ "$ended" -ne 0 ] || fail "scale took the last writer away"

step "quiet: no new work until it goes on"
kill -TSTP "$node"
quiet() { state '[.node.children[] | select(.state == "quiet") | .role] | sort == ["ingester", "scheduler"]'; }
await quiet
pg "UPDATE clip SET thumbnail_status = 'pending' WHERE id IN (SELECT id FROM clip ORDER BY id LIMIT 50)" >/dev/null
kill -CONT "$node"
await all_run
await clips_settled

step "SIGTERM under load: the node ends in time, and another goes on at once"
pg "UPDATE clip SET thumbnail_status = 'pending'; DELETE FROM thumbnail" >/dev/null
in_work() { [ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'processing'")" -gt 0 ]; }
await in_work
await all_run # one that is still starting is killed, and mail of a role that has no other stays for its lease
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -40 "$tmp/up.log")"
[ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'processing'")" -eq 0 ] || fail "clips stayed claimed"
[ "$(redis HLEN reelyard:leases)" = 0 ] || fail "jobs stayed leased"
export STORAGE_PATH=$data/storage
data=$tmp/second
start "$tmp/second.log" env LOG_LEVEL=INFO REELYARD_NODE=second "$reelyard" up --data "$data"
second=$last
await clips_settled
data=$tmp/data thumbnails_whole "$tmp/data"

step "the supervisor is killed: its processes are gone"
data=$tmp/second
await all_run
mapfile -t children < <(pids)
end "$second" KILL
none_left() {
    local pid
    for pid in "${children[@]}"; do kill -0 "$pid" 2>/dev/null && return 1; done
    return 0
}
await none_left
