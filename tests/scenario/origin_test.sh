#!/usr/bin/env bash
# Beside the bot's and the interface's own code, from a checkout of DiscordClipSaver in the folder REELYARD_ORIGIN: Tortoise 1.1.0 and the
# newest release make the schema before and after `reelyard migrate`; all models read and write; every producer's job is worked on;
# every query of the interface answers; deletions take along what belongs to a row. Packages come by pip and npm, once.
# (Table shapes and job shapes without that checkout: conformance/writer_pg_origin_test and scenario/bare_schema_test.)
# shellcheck disable=SC2119
set -euo pipefail
skip() {
    echo "skipped: $*"
    exit 77
}
[ -n "${REELYARD_ORIGIN:-}" ] || skip "REELYARD_ORIGIN names no checkout of DiscordClipSaver"
[ -f "$REELYARD_ORIGIN/python/shared/db/models.py" ] || skip "$REELYARD_ORIGIN has no python/shared/db/models.py"
for tool in python3 node npm; do command -v "$tool" >/dev/null || skip "there is no $tool"; done
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

peers=$REELYARD_SOURCE/tests/bed/origin
cache=$REELYARD_BUILD/origin
# python NAME PACKAGE...: a virtual environment with these packages.
python() {
    local name=$1
    shift
    [ -f "$cache/$name/installed" ] && return
    rm -rf "${cache:?}/$name"
    python3 -m venv "$cache/$name" && "$cache/$name/bin/pip" -q install "$@" && touch "$cache/$name/installed"
}
mkdir -p "$cache/js"
python old 'tortoise-orm[asyncpg]==1.1.0' >"$tmp/pip.log" 2>&1 || skip "pip cannot install Tortoise: $(tail -1 "$tmp/pip.log")"
python new 'tortoise-orm[asyncpg]' redis pydantic >"$tmp/pip.log" 2>&1 || skip "pip cannot install Tortoise: $(tail -1 "$tmp/pip.log")"
[ -f "$cache/js/installed" ] || (cd "$cache/js" && npm install --silent --no-audit --no-fund kysely@0.28 pg@8 ioredis@5 esbuild@0.25 &&
    touch installed) >"$tmp/npm.log" 2>&1 || skip "npm cannot install kysely: $(tail -1 "$tmp/npm.log")"
"$peers/bundle.sh" "$REELYARD_ORIGIN" "$cache/js/node_modules" "$tmp/bundle" >"$tmp/bundle.log" 2>&1 || fail "bundle: $(tail -5 "$tmp/bundle.log")"
for name in old new; do "$cache/$name/bin/python" -c "import tortoise; print('Tortoise', tortoise.__version__)"; done

messages=400 clips=20
postgres_start
redis_start
models() { # VERSION WHAT
    "$cache/$1/bin/python" "$peers/models.py" "$2" "$REELYARD_ORIGIN" "postgres://reelyard:secret@127.0.0.1:$pg_port/archive" \
        >"$tmp/models.log" 2>&1 || fail "models $*: $(tail -15 "$tmp/models.log")"
    cat "$tmp/models.log"
}
new_database() {
    psql_query postgres "DROP DATABASE archive"
    psql_query postgres "CREATE DATABASE archive"
    redis FLUSHALL >/dev/null
}
migrate() { "$reelyard" migrate --data "$tmp/data" >"$tmp/migrate.log" 2>&1 || fail "migrate: $(cat "$tmp/migrate.log")"; }
shape() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U reelyard -d archive -f "$peers/shape.sql" >"$tmp/shape.$1"; }
defaults() {
    pg "SELECT table_name, column_name, column_default FROM information_schema.columns WHERE table_schema = 'public'
        AND column_default IS NOT NULL ORDER BY 1, 2" >"$tmp/defaults.$1"
}
indexes() { pg "SELECT count(*) FROM pg_indexes WHERE tablename IN ('message', 'clip', 'channel', 'failed_thumbnail')"; }

step "the tables that this test knows are the models'"
new_database
psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U reelyard -d archive -f "$peers/tables.sql" >/dev/null
shape known
defaults known.new
psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U reelyard -d archive -f "$peers/defaults.sql" >/dev/null
defaults known.old

for version in old new; do
    step "Tortoise $version, then reelyard: nothing of the bot's is touched"
    new_database
    models "$version" schema
    shape models
    defaults models
    same "$tmp/shape.known" "$tmp/shape.models" "tests/bed/origin/tables.sql is not what the models make"
    same "$tmp/defaults.known.$version" "$tmp/defaults.models" "tests/bed/origin: defaults are not those of the models"
    migrate
    shape ours
    defaults ours
    same "$tmp/shape.models" "$tmp/shape.ours" "reelyard migrate changed the bot's tables"
    sed -i '/^reelyard_/d' "$tmp/defaults.ours"
    same "$tmp/defaults.models" "$tmp/defaults.ours" "reelyard migrate changed the bot's defaults"
    models "$version" schema
    step "reelyard, then Tortoise $version: the same tables, and no index twice"
    new_database
    migrate
    before=$(indexes)
    models "$version" schema
    shape ours
    same "$tmp/shape.models" "$tmp/shape.ours" "reelyard's tables are not the models'"
    [ "$(indexes)" = "$before" ] || fail "the bot made $(($(indexes) - before)) indexes beside ours"
done

# all_work VERSION: a scan, then everything that bot and interface say.
all_work() {
    discord_start "$messages" "$clips"
    guild_rows
    start "$tmp/run.log" "$reelyard" run --data "$tmp/data"
    node=$last
    scan_job
    await all_done
    as_seed_says
    local message clip
    message=$(pg "SELECT min(id) FROM message")
    clip=$(pg "SELECT min(id) FROM clip")
    step "all models, and all queries"
    models "$1" rows
    DATABASE_URL=postgresql://reelyard:secret@127.0.0.1:$pg_port/archive node "$peers/queries.cjs" "$tmp/bundle/queries.cjs" \
        >"$tmp/queries.log" 2>&1 || fail "queries: $(tail -20 "$tmp/queries.log")"
    cat "$tmp/queries.log"
    step "every producer's job"
    "$cache/new/bin/python" "$peers/jobs.py" "$REELYARD_ORIGIN" "$guild" "$channel" "$message" "$clip" >"$tmp/jobs.log" 2>&1 ||
        fail "jobs.py: $(tail -5 "$tmp/jobs.log")"
    node "$peers/jobs.cjs" "$tmp/bundle/jobs.cjs" "$guild" "$channel" "$message" >"$tmp/jobs.log" 2>&1 || fail "jobs.cjs: $(tail -5 "$tmp/jobs.log")"
    await streams_empty
    await clips_settled
    [ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 5)"
    [ "$(pg "SELECT count(*) FROM message")" = "$(jq -r 'select(.message) | .message' "$tmp/expected.jsonl" | wc -l)" ] ||
        fail "messages were lost or doubled"
    [ "$(pg "SELECT count(*) FROM clip")" = "$clips" ] || fail "clips were lost or doubled"
}

step "reelyard's tables, Tortoise 1.1.0: a scan; the guild's deletion by the models takes all along"
new_database
migrate
models old schema
all_work old
models old gone
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"

step "the tables of the newest Tortoise: a scan; the interface's purges"
rm -rf "$tmp/data"
new_database
models new schema
migrate
all_work new
node "$peers/jobs.cjs" "$tmp/bundle/jobs.cjs" "$guild" "$channel" 0 purge >"$tmp/jobs.log" 2>&1 || fail "jobs.cjs: $(tail -5 "$tmp/jobs.log")"
guild_gone() { [ "$(pg "SELECT (SELECT count(*) FROM channel) || ' ' || (deleted_at IS NOT NULL) FROM guild")" = '0 true' ]; }
await guild_gone
await streams_empty
[ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 5)"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"
