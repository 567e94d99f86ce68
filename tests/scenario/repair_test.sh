#!/usr/bin/env bash
# What was lost outside of reelyard comes back from the database: jobs that Redis lost in the middle of a scan are queued again and
# the scan ends with exactly the seed's rows; a scan that nothing is known of is cancelled with a reason; and clips whose signed URLs
# have all expired get fresh ones from Discord.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

postgres_start
redis_start
discord_start $((3000 * scale)) $((40 * scale)) --url-life-s -60
data=$tmp/data
echo '{"worker_settings_defaults": {"stale_scan_cleanup_interval_seconds": 30}}' >"$tmp/settings.jsonc"
export DEFAULT_SETTINGS_PATH=$tmp/settings.jsonc
"$reelyard" migrate --data "$data" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows

step "killed in the middle of the scan, and Redis is flushed"
pages_gate let=5
scan_job
start "$tmp/first.log" "$reelyard" run --data "$data"
begun() { [ "$(pg "SELECT total_messages_scanned FROM channel_scan_status")" -ge 300 ]; }
await begun
await page_waits
kill -KILL "$last"
wait "$last" 2>/dev/null || true
[ "$(scan_status)" = RUNNING ] || fail "the scan is $(scan_status) already"
redis FLUSHALL >/dev/null
pages_gate open

step "the next start queues the lost job again; another channel's scan, of which no job is known, is cancelled"
pg "UPDATE channel_scan_status SET updated_at = now() - interval '2 minutes';
    INSERT INTO channel (id, guild_id, name, type, created_at, updated_at) VALUES ('333', '$guild', 'lost', 'text', now(), now());
    INSERT INTO channel_scan_status (guild_id, channel_id, status, created_at, updated_at)
    VALUES ('$guild', '333', 'QUEUED', now(), now() - interval '31 minutes')"
start "$tmp/run.log" "$reelyard" run --data "$data"
node=$last
await all_done
grep -q scans_mended "$tmp/run.log" || fail "the log does not tell that a scan was mended"
[ "$(pg "SELECT status || ': ' || error_message FROM channel_scan_status WHERE channel_id = '333'")" = \
    "CANCELLED: No worker went on with this scan for 30 minutes" ] || fail "the scan of 333: $(pg "SELECT * FROM channel_scan_status")"
pg "DELETE FROM channel_scan_status WHERE channel_id = '333'"
as_seed_says

step "every URL had expired; all were renewed, and the rows have the fresh ones"
thumbnails_whole "$data"
refreshed() { "$reelyard" status --json --data "$data" | jq -e '.node.counters.urls_refreshed > 0'; } # told four times a second
await refreshed
[ "$(pg "SELECT count(*) FROM clip WHERE expires_at < now()")" = 0 ] || fail "rows still have their old URLs"

end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"
