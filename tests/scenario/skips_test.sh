#!/usr/bin/env bash
# Where a server or a tool is missing its tests end as skipped (exit code 77) and say what is missing: they do not pass.
. "$(dirname "$0")/scenario.sh"

mkdir "$tmp/empty"
# skipped_without WHAT COMMAND...
skipped_without() {
    local what=$1 code=0
    shift
    env REELYARD_SOURCE="$REELYARD_SOURCE" REELYARD_BIN="$REELYARD_BIN" REELYARD_BUILD="$REELYARD_BUILD" "$@" >"$tmp/out" 2>&1 || code=$?
    [ "$code" -eq 77 ] || fail "$* ended with $code: $(tail -n 3 "$tmp/out")"
    tail -n 1 "$tmp/out" | grep -q "^skipped: .*$what" || fail "$* does not say that $what is missing: $(cat "$tmp/out")"
}

step "no PostgreSQL"
for name in writer_pg writer_pg_schema writer_pg_trouble writer_pgbouncer; do
    skipped_without PostgreSQL env PG_BINDIR="$tmp/empty" "$REELYARD_BUILD/tests/conformance_${name}_test"
done

step "neither Redis nor Valkey"
for name in conformance_job_queue_redis conformance_redis_trouble actor_ingester actor_relay_nodes; do
    skipped_without valkey-server env PATH="$tmp/empty" "$REELYARD_BUILD/tests/${name}_test"
done

step "no ffmpeg"
for name in actor_encoder unit_encoder_damage unit_encoder_picture unit_encoder_ranges; do
    skipped_without ffmpeg env PATH="$tmp/empty" "$REELYARD_BUILD/tests/${name}_test"
done

step "scenarios without a tool or a server"
scenario=$REELYARD_SOURCE/tests/scenario
for name in bash dirname mktemp rm; do ln -s "$(command -v "$name")" "$tmp/empty/"; done
skipped_without ffmpeg env PATH="$tmp/empty" "$scenario/import_test.sh"
for name in ffmpeg sqlite3 curl; do ln -s "$(command -v "$name")" "$tmp/empty/"; done
skipped_without jq env PATH="$tmp/empty" "$scenario/import_test.sh"
ln -s "$(command -v jq)" "$tmp/empty/"
skipped_without valkey-server env PATH="$tmp/empty" "$scenario/redis_queue_test.sh"
