#!/usr/bin/env bash
# A channel's whole history through PostgreSQL, Redis and Discord's API, by batch jobs that go on by themselves: exactly the rows that
# the seed says, every job acknowledged, no dead letters, the scan's status right; then a rescan that changes nothing, a live message,
# its deletion, and the purges.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

messages=$((5000 * scale)) clips=$((250 * scale))
postgres_start
redis_start
discord_start "$messages" "$clips"

step "migrate, and the first scan"
data=$tmp/data
"$reelyard" migrate --data "$data" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
scan_job
began=$SECONDS
start "$tmp/run.log" "$reelyard" run --data "$data"
node=$last
await all_done
echo "$messages messages, $clips clips in $((SECONDS - began)) s"
as_seed_says
thumbnails_whole "$data"

step "a rescan in mode update changes no row of a message or clip and makes no thumbnail"
pg "SELECT id, updated_at FROM message UNION ALL SELECT id, updated_at FROM clip ORDER BY 1" >"$tmp/times.before"
find "$data/storage" -type f -printf '%p %T@ %i\n' | sort >"$tmp/files.before"
push batch 11111111-2222-4333-8444-000000000002 ',"direction":"backward","auto_continue":true,"rescan":"update"'
rescanned() { [ "$(pg "SELECT total_messages_scanned FROM channel_scan_status")" -ge $((2 * messages)) ] && scan_ended; }
await rescanned
pg "SELECT id, updated_at FROM message UNION ALL SELECT id, updated_at FROM clip ORDER BY 1" >"$tmp/times.after"
find "$data/storage" -type f -printf '%p %T@ %i\n' | sort >"$tmp/files.after"
same "$tmp/times.before" "$tmp/times.after" "the rescan wrote rows"
same "$tmp/files.before" "$tmp/files.after" "the rescan made files"

step "a scan in mode stop ends at once"
before=$(discord_stat requests)
push batch 11111111-2222-4333-8444-000000000003 ',"direction":"backward","auto_continue":true,"rescan":"stop"'
await streams_empty
await scan_ended
[ $(($(discord_stat requests) - before)) -le 3 ] || fail "it asked Discord $(($(discord_stat requests) - before)) times"

step "a live message, and its deletion"
posted=$(curl -s -X POST "http://127.0.0.1:$discord_port/fake/post?channel=$channel&filename=quad.mp4" | tr -dc "0-9")
push message 11111111-2222-4333-8444-000000000004 ",\"message_ids\":[\"$posted\"]"
live_done() { [ "$(pg "SELECT thumbnail_status FROM clip WHERE message_id = '$posted'")" = completed ]; }
await live_done
[ "$(pg "SELECT forward_message_id FROM channel_scan_status")" = "$posted" ] || fail "the live message did not raise forward_message_id"
clip=$(pg "SELECT id FROM clip WHERE message_id = '$posted'")
[ -f "$data/storage/thumbnails/guild_$guild/${clip}_small.webp" ] || fail "its thumbnail is not a file"
push message_deletion 11111111-2222-4333-8444-000000000005 ",\"message_id\":\"$posted\""
message_gone() { [ "$(pg "SELECT count(*) FROM message WHERE id = '$posted'")" = 0 ] && [ ! -e "$data/storage/thumbnails/guild_$guild/${clip}_small.webp" ]; }
await message_gone

step "bad jobs are dead letters with their reasons; others go on"
redis XADD "jobs:guild:$guild:batch" '*' job '{not json' guild_id "$guild" job_type batch >/dev/null
redis XADD "jobs:guild:$guild:batch" '*' nothing here >/dev/null
push dance 11111111-2222-4333-8444-000000000006 ''
push batch 11111111-2222-4333-8444-000000000007 ',"direction":"sideways"'
push message 11111111-2222-4333-8444-000000000008 ',"message_ids":"1"'
five_dead() { [ "$(redis XLEN reelyard:dead)" = 5 ] && streams_empty; }
await five_dead
"$reelyard" dead list --data "$data" >"$tmp/dead.log" || fail "dead list: $(cat "$tmp/dead.log")"
[ "$(grep -c . "$tmp/dead.log")" -ge 5 ] || fail "dead list shows $(cat "$tmp/dead.log")"

step "purge of the channel, then of the guild"
push purge_channel 11111111-2222-4333-8444-000000000009 ''
channel_gone() {
    [ "$(pg "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM clip) + (SELECT count(*) FROM thumbnail)
        + (SELECT count(*) FROM channel_scan_status)")" = 0 ] && [ -z "$(find "$data/storage" -type f)" ]
}
await channel_gone
[ "$(pg "SELECT purge_cooldown > now() + interval '4 minutes' FROM channel")" = t ] || fail "the channel has no cool-down"
push purge_guild 11111111-2222-4333-8444-00000000000a '' "$guild" 0
guild_gone() { [ "$(pg "SELECT (SELECT count(*) FROM channel) || ' ' || (deleted_at IS NOT NULL) || ' ' || message_scan_enabled FROM guild")" = '0 true false' ]; }
await guild_gone
await streams_empty
[ "$(discord_stat left_guilds | grep -c "$guild")" = 1 ] || fail "the bot has not left the guild: $(discord_stat left_guilds)"

end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"
