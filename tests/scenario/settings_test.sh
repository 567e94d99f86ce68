#!/usr/bin/env bash
# What the settings promise, kept by the whole program: threads of a channel, clips a day, clips that are too short; and a bad value, which
# costs one warning.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

thread=222000000000000011
archived=222000000000000012
discord_start 60 12 --thread "active:$thread:30:8" --thread "public:$archived:20:5"

# expected ID MESSAGES CLIPS: the messages with clips of a channel of the same seed, by day.
expected() {
    local i words=()
    for ((i = 0; i < ${#seed_arguments[@]}; i++)); do
        case ${seed_arguments[i]} in
            --channel) words+=(--channel "$1:$2:$3") i=$((i + 1)) ;;
            *) words+=("${seed_arguments[i]}") ;;
        esac
    done
    "$REELYARD_BUILD/tests/fakes_discord" --expect "${words[@]}" | jq -r 'select(.message) | .message as $m | .clips[] | $m'
}

# scan DATA SETTINGS: with this text as the settings file.
scan() {
    local code=0
    printf '%s\n' "$2" >"$tmp/settings.jsonc"
    DEFAULT_SETTINGS_PATH=$tmp/settings.jsonc LOG_LEVEL=INFO "$reelyard" scan --guild "$guild" --channel "$channel" --data "$1" \
        >"$tmp/scan.log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || fail "exit code $code: $(cat "$tmp/scan.log")"
}
channel_defaults() {
    echo "{\"server_admin_channel_defaults\": {\"mime_allowlist\": [\"video/mp4\"], \"video_extensions\": [\".mp4\", \".mov\", \".webm\",
        \".avi\", \".mkv\", \".flv\", \".m4v\", \".ts\", \".wmv\", \".3gp\"] $1}, \"guild_admin_settings_defaults\": {$2}}"
}
stored() { sql "$1" "SELECT message_id FROM clip ORDER BY 1" | LC_ALL=C sort; }

step "threads are read with their channel, and stored under it"
scan "$tmp/threads" "$(channel_defaults ', "include_threads": true' '')"
{
    expected "$channel" 60 12
    expected "$thread" 30 8
    expected "$archived" 20 5
} | LC_ALL=C sort >"$tmp/expected"
stored "$tmp/threads" >"$tmp/found"
same "$tmp/expected" "$tmp/found" "the clips are not those of the channel and its threads"
[ "$(sql "$tmp/threads" "SELECT count(DISTINCT channel_id) || min(channel_id) FROM clip")" = "1$channel" ] || fail "the clips' channel"
[ "$(sql "$tmp/threads" "SELECT status FROM channel_scan_status")" = SUCCEEDED ] || fail "the scan has not ended"
requests=$(discord_stat requests)
scan "$tmp/threads" "$(channel_defaults ', "include_threads": true' '')"
stored "$tmp/threads" >"$tmp/found"
same "$tmp/expected" "$tmp/found" "a second scan changed the clips"
[ $(($(discord_stat requests) - requests)) -le 20 ] || fail "a second scan asked Discord $(($(discord_stat requests) - requests)) times"

step "no more clips a day than the settings allow"
scan "$tmp/limit" "$(channel_defaults '' '"max_clips_per_channel_per_day": 5')"
most=$(sql "$tmp/limit" "SELECT max(n) FROM (SELECT count(*) AS n FROM clip c JOIN message m ON m.id = c.message_id GROUP BY date(m.timestamp))")
[ "$most" = 5 ] || fail "a day has $most clips"
scan "$tmp/limit" "$(channel_defaults '' '"max_clips_per_channel_per_day": 5')"
[ "$(sql "$tmp/limit" "SELECT count(*) FROM clip")" = 5 ] || fail "a second scan took more"

step "what is shorter than the settings allow is archived"
scan "$tmp/short" "$(channel_defaults ', "min_video_seconds": 100000' '')"
[ "$(sql "$tmp/short" "SELECT count(*) FROM clip WHERE deleted_at IS NULL AND duration IS NOT NULL")" = 0 ] || fail "short clips are shown"
[ "$(sql "$tmp/short" "SELECT count(*) > 0 FROM clip WHERE deleted_at IS NOT NULL AND thumbnail_status = 'completed'")" = 1 ] ||
    fail "no clip is archived: $(sql "$tmp/short" "SELECT thumbnail_status, duration, deleted_at FROM clip")"

step "a value that is none costs a warning, once, and no clip"
scan "$tmp/bad" "$(channel_defaults ', "text_include_regex": "("' '"default_visibility": "hidden"')"
[ "$(sql "$tmp/bad" "SELECT count(*) || min(visibility) || max(visibility) FROM clip")" = 12PUBLICPUBLIC ] || fail "clips are missing"
[ "$(grep -c settings_bad "$tmp/scan.log")" = 1 ] || fail "the warning: $(cat "$tmp/scan.log")"
