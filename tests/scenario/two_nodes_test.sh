#!/usr/bin/env bash
# Two nodes on the same streams and database share the work: exactly the seed's rows and files, and neither is idle. While Discord and
# the video server answer nobody, each node holds jobs and clips up to its bound, and leaves the rest to the other.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

messages=$((3000 * scale)) clips=$((200 * scale))
other=222000000000000002 # a channel that the bot may not read
export REELYARD_FLEET_KEY=$fleet_key REELYARD_CLIP_WINDOW=8 WORKER_JOB_BATCH_SIZE=1
postgres_start
redis_start
discord_start "$messages" "$clips" --channel "$other" --forbidden "$other"
"$reelyard" migrate --data "$tmp/a" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
pg "INSERT INTO channel (id, guild_id, name, type, message_scan_enabled, created_at, updated_at)
    VALUES ('$other', '$guild', 'closed', 'text', true, now(), now())"
export STORAGE_PATH=$tmp/a/storage # both write to one storage, as two nodes of one host would

declare -A node
for which in a b; do
    start "$tmp/run-$which.log" env REELYARD_NODE="node-$which" "$reelyard" run --data "$tmp/$which"
    node[$which]=$last
done
up() { "$reelyard" status --json --data "$tmp/$1" >"$tmp/status-$1.json" 2>/dev/null; }
await up a
await up b

step "each holds a job"
pages_gate close
cdn_gate close
scan_job
push batch 11111111-2222-4333-8444-000000000002 ',"direction":"backward","auto_continue":true,"rescan":"stop"' "$guild" "$other"
# Three lines of all that is leased, then two for each consumer.
both_hold_jobs() { [ "$(redis XPENDING "jobs:guild:$guild:batch" worker_group | wc -l)" -eq 7 ]; }
await both_hold_jobs
pages_gate open

step "each holds clips, at least half of its window"
both_hold_clips() { [ "$(pg "SELECT count(*) FROM (SELECT owner FROM reelyard_clip_lease GROUP BY owner HAVING count(*) >= 4) o")" = 2 ]; }
await both_hold_clips
cdn_gate open

step "all is done, and each did its share"
await all_done
as_seed_says
thumbnails_whole "$tmp/a"
shared() { # counters are told four times a second
    for which in a b; do
        up "$which" && jq -e '.node.counters.jobs_done >= 1 and .node.counters.clips_completed >= 4' "$tmp/status-$which.json" || return 1
    done
}
await shared
for which in a b; do
    jq -r '"node '"$which"': \(.node.counters.jobs_done) jobs, \(.node.counters.clips_completed) clips"' "$tmp/status-$which.json"
done
for which in a b; do
    end "${node[$which]}"
    [ "$ended" -eq 0 ] || fail "node $which ended with $ended: $(tail -3 "$tmp/run-$which.log")"
done
