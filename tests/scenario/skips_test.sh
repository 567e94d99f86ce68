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

# The built tests whose sources match a pattern.
tests_with() {
    local source
    for source in "$REELYARD_SOURCE"/tests/{unit,actor,conformance}/*_test.c; do
        ! grep -qE "$1" "$source" || printf '%s/tests/%s_%s\n' "$REELYARD_BUILD" "$(basename "$(dirname "$source")")" "$(basename "$source" .c)"
    done
}

step "no PostgreSQL"
for program in $(tests_with 'postgres_server_(make|start)'); do
    skipped_without PostgreSQL env PG_BINDIR="$tmp/empty" "$program"
done

step "neither Redis nor Valkey"
for program in $(tests_with 'redis_server_start'); do
    skipped_without valkey-server env PATH="$tmp/empty" "$program"
done

step "no ffmpeg"
for program in $(tests_with 'media_folder_make'); do
    skipped_without ffmpeg env PATH="$tmp/empty" "$program"
done

step "scenarios without a tool or a server"
scenario=$REELYARD_SOURCE/tests/scenario
for name in bash dirname mktemp rm; do ln -s "$(command -v "$name")" "$tmp/empty/"; done
skipped_without ffmpeg env PATH="$tmp/empty" "$scenario/import_test.sh"
for name in ffmpeg sqlite3 curl; do ln -s "$(command -v "$name")" "$tmp/empty/"; done
skipped_without jq env PATH="$tmp/empty" "$scenario/import_test.sh"
ln -s "$(command -v jq)" "$tmp/empty/"
skipped_without valkey-server env PATH="$tmp/empty" "$scenario/redis_queue_test.sh"
