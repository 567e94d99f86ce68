#!/usr/bin/env bash
# The environment of the bot, as it stands: parts of PostgreSQL's address without its host, addresses with Tortoise's parameters, the log
# level VERBOSE, no REDIS_URL; and a job for the channel "global".
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

discord_start 40 6
postgres_start
url=$DATABASE_URL
unset DATABASE_URL
export DB_USER=reelyard DB_PASSWORD=secret DB_NAME=archive DB_PORT=$pg_port LOG_LEVEL=VERBOSE
data=$tmp/data

step "without DB_HOST it is PostgreSQL here, and jobs are expected in a Redis here"
"$reelyard" doctor --data "$data" >"$tmp/doctor.log" 2>&1 || true # whether there is a Redis at the usual place or not
grep -q "ok .*database: PostgreSQL .*(PostgreSQL at localhost:$pg_port/archive; a DB_ variable is set, and not DB_HOST)" "$tmp/doctor.log" ||
    fail "doctor: $(cat "$tmp/doctor.log")"
grep -q "queue: Redis .*(Redis at localhost:6379; usual beside PostgreSQL without REDIS_URL;" "$tmp/doctor.log" || fail "doctor: $(cat "$tmp/doctor.log")"
"$reelyard" migrate --data "$data" >"$tmp/migrate.log" 2>&1 || fail "migrate: $(cat "$tmp/migrate.log")"
grep -q "PostgreSQL at localhost:$pg_port/archive is at schema version" "$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
[ ! -e "$data/reelyard.db" ] || fail "an embedded database was made"

step "the node's own queue serves when it is asked for"
REELYARD_QUEUE=embedded "$reelyard" scan --guild "$guild" --channel "$channel" --data "$data" >"$tmp/scan.log" 2>&1 ||
    fail "scan: $(cat "$tmp/scan.log")"
[ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" = 6 ] || fail "clips: $(pg "SELECT thumbnail_status FROM clip")"
REELYARD_QUEUE=embedded "$reelyard" status --data "$data" >"$tmp/status.log" 2>&1 || fail "status: $(cat "$tmp/status.log")"
grep -q "^database PostgreSQL at localhost:$pg_port/archive (" "$tmp/status.log" || fail "status: $(cat "$tmp/status.log")"
grep -q "^jobs     embedded, $data/reelyard.db (REELYARD_QUEUE)" "$tmp/status.log" || fail "status: $(cat "$tmp/status.log")"

step "an import has its own queue, wherever others' jobs come from"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 20 --clips 3 --seed 7
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/import.log" 2>&1 || fail "import: $(cat "$tmp/import.log")"
[ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" = 9 ] || fail "clips: $(pg "SELECT thumbnail_status FROM clip")"

step "direct messages are not for a database that others read"
jq '.guild = {id: "0", name: "Direct Messages"} | .channel.type = "DirectTextChat"' "$tmp/export/export.json" >"$tmp/export/direct.json"
! "$reelyard" import "$tmp/export/direct.json" --data "$data" >"$tmp/direct.log" 2>&1 || fail "they were imported: $(cat "$tmp/direct.log")"
grep -q "direct.json: direct messages and group chats belong to no guild, so they are imported into an embedded archive only" "$tmp/direct.log" ||
    fail "the refusal: $(cat "$tmp/direct.log")"
[ "$(pg "SELECT count(*) FROM guild WHERE id IN ('0', '1000')")" = 0 ] || fail "a guild of them was made"

step "an address with Tortoise's parameters is taken, and what is strange in it named once"
redis_start
export DATABASE_URL="asyncpg://${url#postgresql://}?minsize=1&maxsize=3&max_queries=500&statement_cache_size=0&ssl=false"
start "$tmp/run.log" "$reelyard" run --data "$data"
await grep -q "event=node_started\| node_started" "$tmp/run.log"
[ "$(grep -c "database_parameters_ignored.*parameters=statement_cache_size" "$tmp/run.log")" = 1 ] || fail "the warning: $(cat "$tmp/run.log")"
grep -q "database .*where=\"PostgreSQL at 127.0.0.1:$pg_port/archive\" because=DATABASE_URL" "$tmp/run.log" || fail "the start: $(cat "$tmp/run.log")"
grep -q "queue .*where=\"Redis at 127.0.0.1:$redis_port/0\" because=REDIS_URL" "$tmp/run.log" || fail "the start: $(cat "$tmp/run.log")"
! grep -q secret "$tmp/run.log" || fail "the password is in the log"

step "a job for the channel \"global\" is worked on"
pg "UPDATE clip SET thumbnail_status = 'processing', updated_at = now() - interval '2 hours' WHERE id = (SELECT min(id) FROM clip)"
push thumbnail_cleanup 11111111-2222-4333-8444-000000000002 ',"timeout_minutes":0.5' global global
await streams_empty
await clips_settled
[ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 3)"
[ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" = 9 ] || fail "clips: $(pg "SELECT thumbnail_status FROM clip")"
end "$last"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"

step "what docs/OPERATIONS.md says to drop on the way back is all that is reelyard's"
pg "$(sed -n '/^Going back:/,$s/^  *\(DROP [A-Z]* reelyard_.*;\)$/\1/p' "$(dirname "$0")/../../docs/OPERATIONS.md")" >"$tmp/drop.log" 2>&1 || fail "DROP: $(cat "$tmp/drop.log")"
left=$(pg "SELECT relname FROM pg_class WHERE relname LIKE 'reelyard%' AND relkind IN ('r', 'v', 'S') UNION SELECT proname FROM pg_proc WHERE proname LIKE 'reelyard%'")
[ -z "$left" ] || fail "still there: $left"
