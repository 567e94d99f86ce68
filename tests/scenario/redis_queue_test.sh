#!/usr/bin/env bash
# The queue on a real Redis, on the built program: commands, a node that works it off, a node and a Redis that are killed.
. "$(dirname "$0")/scenario.sh"
find_redis

data=$tmp/data
mkdir "$tmp/redis"
guild=41771983423143937

take_port
serve() {
    start "$tmp/redis/out" "$redis_name-server" --port "$port" --bind 127.0.0.1 --dir "$tmp/redis" --save '' --appendonly yes --appendfsync always
    redis=$last
    await say ping
}
say() { "$redis_name-cli" -p "$port" "$@"; }
serve
export REDIS_URL=redis://127.0.0.1:$port REELYARD_REDIS_DISCOVERY_MS=200 REELYARD_LEASE_SECONDS=2

job() {
    jq -cn --arg job "$1" --arg guild "$guild" --arg type "${2:-messages}" '{job_id: $job, type: $type, guild_id: $guild,
        channel_id: "41771983423143938", created_at: "2024-10-19T15:03:09+00:00", messages: []}'
}
push() { say XADD "jobs:guild:$guild:$1" '*' job "$2" guild_id "$guild" channel_id 41771983423143938 job_type "$1" job_id x >/dev/null; }
# Nothing waits and nothing is leased.
worked_off() {
    "$reelyard" status --data "$data" --json >"$tmp/status" && jq -e '.queue.ready == 0 and .queue.leased == 0' "$tmp/status"
}

step "enqueue and status speak to Redis"
job a0000000-0000-4000-8000-000000000001 >"$tmp/job.json"
"$reelyard" enqueue "$tmp/job.json" --data "$data" >"$tmp/out" 2>&1 || fail "enqueue: $(cat "$tmp/out")"
[ "$(say XLEN "jobs:guild:$guild:messages")" = 1 ] || fail "the job is not in its stream"
"$reelyard" migrate --data "$data" >"$tmp/out" 2>&1 || fail "migrate: $(cat "$tmp/out")"
"$reelyard" status --data "$data" --json >"$tmp/out" || fail "status: $(cat "$tmp/out")"
jq -e '.queue.ready == 1 and .queue.engine == "redis"' "$tmp/out" >/dev/null || fail "status: $(cat "$tmp/out")"

step "a node works them off, bad ones become dead letters"
start "$tmp/node" "$reelyard" run --data "$data"
node=$last
for i in $(seq 2 40); do push messages "$(job "a0000000-0000-4000-8000-0000000000$((10 + i))")"; done
push messages 'no json'
push dance "$(job a0000000-0000-4000-8000-000000000099 dance)"
say XADD "jobs:guild:$guild:message" '*' colour red >/dev/null
await worked_off
# Streams that nobody has discovered yet count nowhere, so the dead letters themselves are waited for.
three_dead() { "$reelyard" dead list --data "$data" --json >"$tmp/out" && [ "$(jq '[.. | .reason? // empty] | length' "$tmp/out")" = 3 ]; }
await three_dead
for reason in 'not JSON' 'not a type of job' 'no field job'; do
    jq -e --arg reason "$reason" '[.. | .reason? // empty | select(contains($reason))] | length == 1' "$tmp/out" >/dev/null ||
        fail "no dead letter says '$reason': $(cat "$tmp/out")"
done

step "an import beside it is refused: nobody would read its jobs"
jq -cn '{guild: {id: "1", name: "G", iconUrl: ""}, channel: {id: "2", type: "GuildTextChat", name: "c"}, messages: [], messageCount: 0}' >"$tmp/export.json"
rc=0
"$reelyard" import "$tmp/export.json" --data "$data" >"$tmp/out" 2>&1 || rc=$?
[ "$rc" = 78 ] || fail "import ended with $rc: $(cat "$tmp/out")"
grep -q 'reads its jobs from redis' "$tmp/out" || fail "import: $(cat "$tmp/out")"

step "a node is killed, and its next self goes on"
kill -STOP "$node"
for i in $(seq 1 30); do push messages "$(job "b0000000-0000-4000-8000-0000000000$((10 + i))")"; done
end "$node" KILL
start "$tmp/node" "$reelyard" run --data "$data"
node=$last
await worked_off

step "Redis is killed, and comes back"
end "$redis" KILL
before=$(wc -l <"$tmp/node") since=$SECONDS
await grep -q redis_away "$tmp/node"
sleep 2 # some tries; more of them do no harm
[ $(($(wc -l <"$tmp/node") - before)) -lt $((10 + SECONDS - since)) ] || fail "too many lines while Redis is away: $(tail -20 "$tmp/node")"
"$reelyard" status --data "$data" >"$tmp/out" 2>&1 || true
grep -q 'see whether it runs' "$tmp/out" || fail "status does not say that Redis is away: $(cat "$tmp/out")"
serve
for i in $(seq 1 30); do push messages "$(job "c0000000-0000-4000-8000-0000000000$((10 + i))")"; done
await worked_off
end "$node" TERM
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/node")"
[ "$(say HLEN reelyard:leases)" = 0 ] || fail "leases were left"

step "a password does not show"
REDIS_URL=redis://me:hush-hush@127.0.0.1:$port "$reelyard" status --data "$data" >"$tmp/out" 2>&1 || true
grep -q hush "$tmp/out" && fail "status prints a secret"
code=0
REDIS_URL=rediss://me:hush-hush@127.0.0.1:$port "$reelyard" run --data "$data" >"$tmp/out" 2>&1 || code=$?
[ "$code" -eq 78 ] || fail "a URL for TLS ended with $code: $(cat "$tmp/out")"
grep -q hush "$tmp/out" && fail "run prints a secret"
exit 0
