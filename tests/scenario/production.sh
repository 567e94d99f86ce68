# production.sh: sourced after servers.sh by scenarios of the whole production side: PostgreSQL, Redis, a fake Discord and a fake CDN,
# jobs as the bot writes them, and the comparison of what came out with what the seed says.
# shellcheck shell=bash disable=SC2034,SC2154 # set here and used there, and the other way round

guild=111000000000000001
channel=222000000000000001
export BOT_TOKEN=test-token

# discord_start MESSAGES CLIPS [ARGUMENT...]: the CDN with its media (on cdn_address, 127.0.0.1 if unset), and Discord in front of it; $seed_arguments make the same history.
discord_start() {
    local messages=$1 clips=$2
    shift 2
    [ -d "$tmp/media" ] || media "$tmp/media" small
    cdn_start "$tmp/media"
    local names
    names=$(find "$tmp/media" -type f -printf '%f\n' | LC_ALL=C sort | paste -sd,)
    seed_arguments=(--seed 5 --messages "$messages" --clips "$clips" --guild "$guild" --channel "$channel" --media "$names" --cdn "$cdn_server"
        --proxy "$cdn_server")
    fake discord --port 0 "${seed_arguments[@]}" "$@"
    discord_port=$fake_port
    export REELYARD_DISCORD_API=http://127.0.0.1:$fake_port
    "$REELYARD_BUILD/tests/fakes_discord" --expect "${seed_arguments[@]}" >"$tmp/expected.jsonl"
}
discord_stat() { curl -fsS "http://127.0.0.1:$discord_port/stats" | jq -r ".$1"; }
# pages_gate close|open|let=N: holds back Discord's pages of messages, or lets all or N of them through.
pages_gate() { curl -fsS -X POST "http://127.0.0.1:$discord_port/fake/gate?$1"; }
page_waits() { [ "$(discord_stat waiting)" -ge 1 ]; }

# guild_rows: the rows that the bot makes before it queues a job.
guild_rows() {
    pg "INSERT INTO guild (id, name, message_scan_enabled, created_at, updated_at) VALUES ('$guild', 'Guild', true, now(), now())
        ON CONFLICT DO NOTHING;
        INSERT INTO channel (id, guild_id, name, type, position, nsfw, message_scan_enabled, channel_sync_cooldown_level, created_at,
        updated_at) VALUES ('$channel', '$guild', 'clips', 'text', 0, false, true, 0, now(), now()) ON CONFLICT DO NOTHING"
}

# push TYPE ID FIELDS [GUILD [CHANNEL]]: a job as the bot pushes it. FIELDS: further members of its JSON, each with a comma before it.
push() {
    local type=$1 id=$2 more=$3 g=${4:-$guild} c=${5:-$channel} job
    job="{\"job_id\":\"$id\",\"type\":\"$type\",\"guild_id\":\"$g\",\"channel_id\":\"$c\",\"created_at\":\"2024-10-19T15:03:09.159000+00:00\"$more}"
    redis XADD "jobs:guild:$g:$type" MAXLEN '~' 10000 '*' job "$job" guild_id "$g" channel_id "$c" job_type "$type" job_id "$id" >/dev/null
}

# scan_job [LIMIT]: the backward scan of the whole channel.
scan_job() {
    push batch 11111111-2222-4333-8444-000000000001 \
        ",\"direction\":\"backward\",\"limit\":${1:-100},\"before_message_id\":null,\"after_message_id\":null,\"auto_continue\":true,\"rescan\":\"stop\""
}

# streams_empty: no entry waits or is worked on in any stream of jobs.
streams_empty() {
    local stream
    while read -r stream; do
        [ "$(redis XLEN "$stream")" = 0 ] || return 1
    done < <(redis --scan --pattern 'jobs:guild:*')
}
scan_status() { pg "SELECT status FROM channel_scan_status WHERE channel_id = '$channel'" 2>/dev/null; }
scan_ended() { [ "$(scan_status)" = SUCCEEDED ] && streams_empty; }
clips_settled() { [ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status IN ('pending', 'processing')")" = 0 ]; }
all_done() { scan_ended && clips_settled; }

# as_seed_says: rows, bounds and counts are exactly those of the seed, and nothing was given up.
as_seed_says() {
    jq -r 'select(.message) | [.message, .channel, .author, (.timestamp | sub("\\+00:00$"; "")), (.content | @json)] | join("|")' \
        "$tmp/expected.jsonl" | sed -E 's/\.([0-9]{3})000\|/.\1|/' | LC_ALL=C sort >"$tmp/messages.expected"
    pg "SELECT id || '|' || channel_id || '|' || author_id || '|' || to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')
        || '|' || to_json(content) FROM message" | jq -R -r 'split("|") as $p | ($p[0:4] | join("|")) + "|" + ($p[4:] | join("|") | fromjson | @json)' |
        LC_ALL=C sort >"$tmp/messages.found"
    same "$tmp/messages.expected" "$tmp/messages.found" "the messages are not those of the seed"
    jq -r 'select(.message) | .message as $m | .clips[] | [$m, .filename, .size] | join("|")' "$tmp/expected.jsonl" |
        LC_ALL=C sort >"$tmp/clips.expected"
    pg "SELECT message_id || '|' || filename || '|' || file_size FROM clip" | LC_ALL=C sort >"$tmp/clips.found"
    same "$tmp/clips.expected" "$tmp/clips.found" "the clips are not those of the seed"
    local expected found
    expected=$(jq -r 'select(.total) | [.newest, .oldest, .messages, .clips] | join("|")' "$tmp/expected.jsonl")
    found=$(pg "SELECT forward_message_id || '|' || backward_message_id || '|' || total_messages_scanned || '|' || message_count
        FROM channel_scan_status WHERE channel_id = '$channel' AND status = 'SUCCEEDED' AND error_message IS NULL")
    [ "$found" = "$expected" ] || fail "the scan's status is '$found', not '$expected'"
    [ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 3)"
    streams_empty || fail "a stream still has entries"
    [ "$(redis HLEN reelyard:leases)" = 0 ] || fail "leases are left over"
}

# thumbnails_whole DATA: every clip is completed, with two files that are as long as their rows say.
thumbnails_whole() {
    [ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status <> 'completed'")" = 0 ] ||
        fail "clips: $(pg "SELECT thumbnail_status, count(*), min((SELECT error_message FROM failed_thumbnail f WHERE f.clip_id = c.id))
            FROM clip c GROUP BY 1" | paste -sd' ')"
    [ "$(pg "SELECT count(*) FROM thumbnail")" -eq $((2 * $(pg "SELECT count(*) FROM clip"))) ] || fail "thumbnails are missing"
    pg "SELECT storage_path || ' ' || file_size FROM thumbnail ORDER BY 1" >"$tmp/files.expected"
    (cd "$1/storage" && find thumbnails -type f -printf '%p %s\n' | LC_ALL=C sort) >"$tmp/files.found"
    LC_ALL=C sort -o "$tmp/files.expected" "$tmp/files.expected"
    same "$tmp/files.expected" "$tmp/files.found" "the files are not those of the rows"
}
