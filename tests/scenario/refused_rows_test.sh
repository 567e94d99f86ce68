#!/usr/bin/env bash
# What a database refuses is never silent. A schema that is not as it should be: nothing counts as written, the job stays, status, /ready
# and metrics name the column, and all goes on when it is mended. A row whose own data do not fit: it alone is left out, listed and
# counted until it goes in.
# shellcheck disable=SC2119
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

messages=600 clips=30
postgres_start
redis_start
discord_start "$messages" "$clips"
data=$tmp/data
take_port
http=$port
"$reelyard" migrate --data "$data" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
start "$tmp/run.log" env REELYARD_HTTP_PORT="$http" "$reelyard" run --data "$data"
node=$last
ready() { curl -s -o "$tmp/ready" -w '%{http_code}' "http://127.0.0.1:$http/ready"; }
is_ready() { [ "$(ready)" = 200 ]; }
metric() { curl -s "http://127.0.0.1:$http/metrics" | awk -v name="reelyard_$1" '$1 == name { print $2 }'; }
await is_ready

step "a column that nobody gives a value"
pg "ALTER TABLE clip ADD COLUMN new_one INT NOT NULL"
scan_job
told() { [ "$(ready)" = 503 ] && grep -q 'clip.new_one must not be empty' "$tmp/ready"; }
await told
"$reelyard" status --data "$data" >"$tmp/status" 2>&1 || true
grep -q 'clip.new_one must not be empty' "$tmp/status" || fail "status: $(cat "$tmp/status")"
counted() { [ "$(metric schema_refusals_total)" -ge 2 ]; } # it is tried again
await counted
[ "$(pg "SELECT count(*) FROM message")" = 0 ] || fail "half of a batch was written"
[ "$(scan_status)" != SUCCEEDED ] || fail "the scan says that all went well"
! streams_empty || fail "the job is gone"
[ "$(redis XLEN reelyard:dead)" = 0 ] || fail "the job is a dead letter"
[ "$(metric rows_failed_total)" = 0 ] || fail "rows that are as good as others were refused"

step "mended, it goes on by itself"
pg "ALTER TABLE clip DROP COLUMN new_one"
await all_done
as_seed_says
await is_ready

step "a clip whose name does not fit its column is refused alone, and listed"
pg "ALTER TABLE clip ALTER COLUMN filename TYPE VARCHAR(40)"
name=$(printf 'x%.0s' $(seq 60)).mp4
posted=$(curl -s -X POST "http://127.0.0.1:$discord_port/fake/post?channel=$channel&filename=$name" | tr -dc "0-9")
push message 11111111-2222-4333-8444-000000000002 ",\"message_ids\":[\"$posted\"]"
listed() { [ "$(pg "SELECT count(*) FROM reelyard_refused")" = 1 ] && streams_empty; }
await listed
[ "$(pg "SELECT count(*) FROM message WHERE id = '$posted'")" = 1 ] || fail "the message was not stored"
"$reelyard" failed list --data "$data" >"$tmp/failed" || fail "failed list: $(cat "$tmp/failed")"
grep -qE "clip +[0-9a-f]{32} .*$channel.*a value is too long for its column" "$tmp/failed" || fail "failed list: $(cat "$tmp/failed")"
"$reelyard" failed list --json --data "$data" | jq -e 'map(select(.table == "clip" and .channel_id == "'"$channel"'")) | length == 1' \
    >/dev/null || fail "failed list --json does not have it"
"$reelyard" status --data "$data" >"$tmp/status" || fail "status: $(cat "$tmp/status")"
grep -q '^refused  1 rows' "$tmp/status" || fail "status: $(cat "$tmp/status")"
[ "$(metric archive_rows_refused)" = 1 ] || fail "the metric is $(metric archive_rows_refused)"

step "a scan says so in the channel's row; when the column fits, the clip goes in and the list is empty"
push batch 11111111-2222-4333-8444-000000000003 ',"direction":"backward","auto_continue":false,"rescan":"update"'
await scan_ended
pg "SELECT error_message FROM channel_scan_status" | grep -q 'rows of this channel that the database refused: 1; the last one: clip' ||
    fail "the scan's row: $(pg "SELECT * FROM channel_scan_status")"
pg "ALTER TABLE clip ALTER COLUMN filename TYPE VARCHAR(255)"
push batch 11111111-2222-4333-8444-000000000004 ',"direction":"backward","auto_continue":false,"rescan":"update"'
gone_in() { [ "$(pg "SELECT count(*) FROM reelyard_refused")" = 0 ] && [ "$(pg "SELECT count(*) FROM clip WHERE message_id = '$posted'")" = 1 ]; }
await gone_in
await scan_ended
[ -z "$(pg "SELECT error_message FROM channel_scan_status")" ] || fail "the scan's row still tells of it"

end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"
