#!/usr/bin/env bash
# `reelyard up` while PostgreSQL is down: the node waits, says in its log, in status and at /ready which server it waits for and why, and
# becomes ready when the server starts. The waits between the attempts grow.
# shellcheck disable=SC2119 # the servers start without arguments
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
export LOG_LEVEL=INFO REELYARD_RESTART_MAX=1
postgres_start
redis_start
postgres_stop
data=$tmp/data
take_port
attempts() { grep -c open_failed "$tmp/up.log" || true; }

step "the database is down at the start: the node waits and says for what"
start "$tmp/up.log" "$reelyard" up --data "$data" --http-port "$port"
node=$last
tried() { [ "$(attempts)" -ge "$1" ]; }
await tried 10 # more than the 8 deaths before it was ready, and than the restart budget
kill -0 "$node" || fail "the node ended: $(tail -5 "$tmp/up.log")"
grep open_failed "$tmp/up.log" | grep -q "127.0.0.1:$pg_port/archive" || fail "the log does not name the database: $(grep open_failed "$tmp/up.log" | tail -1)"
in_status() { { "$reelyard" status --data "$data" --json 2>/dev/null || true; } | jq -e --arg at "127.0.0.1:$pg_port" '.node.children[] | select(.name == "writer-1") | .last_death | contains($at)'; } # status fails: it has no answer of the archive
await in_status
not_ready() { curl -s "http://127.0.0.1:$port/ready" | jq -e --arg at "127.0.0.1:$pg_port" '.ready == false and (.reasons | any(startswith("writer: ") and contains($at)))'; }
await not_ready

step "the waits have grown: ten attempts took the sum of their waits"
# 0.1 s, doubled up to 5 s, less 10 % of jitter: 9 waits are at least 0.9 * (0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 3 * 5) s.
stamps() { grep open_failed "$tmp/up.log" | sed -n '1p;10p' | cut -d' ' -f1 | xargs -n 1 date +%s -d; }
mapfile -t ends < <(stamps)
[ "$((ends[1] - ends[0]))" -ge 18 ] || fail "ten attempts within $((ends[1] - ends[0])) s"

step "the server starts: the node becomes ready"
postgres_start
ready() { curl -fs "http://127.0.0.1:$port/ready"; }
await ready
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/up.log")"
