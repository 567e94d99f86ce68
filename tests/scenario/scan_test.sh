#!/usr/bin/env bash
# `reelyard scan`: a channel of (a fake) Discord into the archive by one command, with nothing but a token and with servers; what it does
# the second time, when it is stopped, beside a running node, and what it says when it may not.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

messages=$((3000 * scale)) clips=$((120 * scale))
closed=222000000000000009
discord_start "$messages" "$clips" --channel "$closed" --forbidden "$closed"
total() { jq -r "select(.total) | .$1" "$tmp/expected.jsonl"; }

# scan DATA ARGUMENT...: its exit code is $code, what it said in $tmp/scan.log.
scan() {
    local data=$1
    shift
    code=0
    "$reelyard" scan --guild "$guild" --channel "$channel" --data "$data" "$@" >"$tmp/scan.log" 2>&1 || code=$?
}
expect() { [ "$code" -eq "$1" ] || fail "exit code $code, not $1: $(cat "$tmp/scan.log")"; }
says() { grep -q -- "$1" "$tmp/scan.log" || fail "it does not say '$1': $(cat "$tmp/scan.log")"; }

# whole DATA: the archive in SQLite is exactly what the seed says, each clip with its thumbnails, and nothing is left over.
whole() {
    local data=$1
    jq -r 'select(.message) | .message as $m | .clips[] | [$m, .filename, .size] | join("|")' "$tmp/expected.jsonl" |
        LC_ALL=C sort >"$tmp/clips.expected"
    sql "$data" "SELECT message_id || '|' || filename || '|' || file_size FROM clip" | LC_ALL=C sort >"$tmp/clips.found"
    same "$tmp/clips.expected" "$tmp/clips.found" "the clips are not those of the seed"
    [ "$(counts "$data")" = "completed|$(total clips)" ] || fail "clips: $(counts "$data")"
    [ "$(sql "$data" "SELECT count(*) FROM thumbnail")" -eq $((2 * $(total clips))) ] || fail "thumbnails are missing"
    [ "$(find "$data/storage" -name '*.webp' | wc -l)" -eq $((2 * $(total clips))) ] || fail "files are missing"
    [ "$(sql "$data" "SELECT forward_message_id || '|' || backward_message_id || '|' || message_count || '|' || status
        FROM channel_scan_status")" = "$(total newest)|$(total oldest)|$(total clips)|SUCCEEDED" ] ||
        fail "the scan: $(sql "$data" "SELECT * FROM channel_scan_status")"
    settled "$data" || fail "something is left in the queue"
}

step "bad flags are usage errors that name the flag"
for arguments in "--direction up" "--rescan never" "--since yesterday" "--since 2999-01-01" "--limit 0" "--limit -1" "--since 5 --direction backward" "--chanel 1"; do
    # shellcheck disable=SC2086 # several words
    scan "$tmp/none" $arguments
    expect 2
    says "${arguments%% *}"
done
code=0
"$reelyard" scan --guild "$guild" --data "$tmp/none" >"$tmp/scan.log" 2>&1 || code=$?
expect 2
says "--channel is missing"
[ ! -e "$tmp/none" ] || fail "a wrong command made a data folder"

step "without a token: 78, and no data folder"
BOT_TOKEN='' scan "$tmp/none"
expect 78
says "BOT_TOKEN"
[ ! -e "$tmp/none" ] || fail "it made a data folder"

step "a token that Discord does not know: a clear failure at once, and the right one mends it"
BOT_TOKEN=wrong-secret scan "$tmp/data"
expect 1
says "rejects the bot token (401)"
! grep -q wrong-secret "$tmp/scan.log" || fail "the token is in the output"

step "everything, with nothing but the token"
REELYARD_HTTP_PORT=8080 scan "$tmp/data"
expect 0
whole "$tmp/data"
says "messages    $messages read"
says "clips       $(total clips) new, $(total clips) completed, 0 failed"
says "reelyard run --data $tmp/data"
[ "$(sql "$tmp/data" "SELECT g.name || '|' || c.name || '|' || c.type FROM guild g JOIN channel c ON c.guild_id = g.id")" = \
    "Guild 1 né|clips-1|text" ] || fail "rows: $(sql "$tmp/data" "SELECT * FROM guild; SELECT * FROM channel")"
dump "$tmp/data" >"$tmp/dump.first"

step "a second scan changes nothing and asks little; --rescan update too"
before=$(discord_stat requests)
scan "$tmp/data"
expect 0
says "clips       0 new, 0 completed, 0 failed; the channel has $(total clips)"
[ $(($(discord_stat requests) - before)) -le 8 ] || fail "it asked Discord $(($(discord_stat requests) - before)) times"
scan "$tmp/data" --rescan update
expect 0
dump "$tmp/data" >"$tmp/dump.second"
same "$tmp/dump.first" "$tmp/dump.second" "a further scan changed the archive"

step "--limit reads so many messages, and a scan without it fetches the rest"
scan "$tmp/limit" --limit 700
expect 0
says "messages    700 read"
jq -r 'select(.message) | .message' "$tmp/expected.jsonl" | sort -n >"$tmp/ids"
found=$(sql "$tmp/limit" "SELECT count(*) FROM message")
if [ "$found" -eq 0 ] || [ "$found" -ge "$(wc -l <"$tmp/ids")" ]; then fail "$found messages are stored"; fi
sql "$tmp/limit" "SELECT id FROM message ORDER BY CAST(id AS INTEGER)" >"$tmp/ids.found"
tail -n "$found" "$tmp/ids" >"$tmp/ids.expected"
same "$tmp/ids.expected" "$tmp/ids.found" "these are not the newest messages"
scan "$tmp/limit"
expect 0
whole "$tmp/limit"

step "--since an id and --since a moment give the newer half, oldest first"
middle=$(sed -n "$(($(wc -l <"$tmp/ids") / 2))p" "$tmp/ids")
scan "$tmp/since" --since "$middle"
expect 0
sql "$tmp/since" "SELECT id FROM message ORDER BY CAST(id AS INTEGER)" >"$tmp/ids.found"
awk -v middle="$middle" 'found { print } $1 == middle { found = 1 }' "$tmp/ids" >"$tmp/ids.expected"
[ -s "$tmp/ids.expected" ] || fail "the seed has no newer half"
same "$tmp/ids.expected" "$tmp/ids.found" "these are not the messages behind $middle"
moment=$(jq -r "select(.message == \"$middle\") | .timestamp" "$tmp/expected.jsonl")
scan "$tmp/moment" --since "$moment"
expect 0
{ echo "$middle"; cat "$tmp/ids.expected"; } >"$tmp/ids.moment"
sql "$tmp/moment" "SELECT id FROM message ORDER BY CAST(id AS INTEGER)" >"$tmp/ids.found"
same "$tmp/ids.moment" "$tmp/ids.found" "these are not the messages since $moment"
scan "$tmp/since"
expect 0
whole "$tmp/since"

step "a channel that the bot may not read, and one that is not there: 1, with the reason"
"$reelyard" scan --guild "$guild" --channel "$closed" --data "$tmp/closed" >"$tmp/scan.log" 2>&1 && fail "a forbidden channel was scanned"
says "channel $closed: Discord knows none, or the bot cannot see it"
code=0
"$reelyard" scan --guild "$guild" --channel 5 --data "$tmp/closed" >"$tmp/scan.log" 2>&1 || code=$?
expect 1
says "channel 5: Discord knows none"
code=0
"$reelyard" scan --guild 7 --channel "$channel" --data "$tmp/closed" >"$tmp/scan.log" 2>&1 || code=$?
expect 1
says "the channel belongs to guild $guild"

step "Discord is down: it is told, and waited for"
down() { curl -fsS -X POST "http://127.0.0.1:$discord_port/fake/down?ms=$1"; }
down 86400000
start "$tmp/waits.log" "$reelyard" scan --guild "$guild" --channel "$channel" --data "$tmp/down-data"
await grep -q discord_waits "$tmp/waits.log"
down 0
ended=0
wait "$last" || ended=$?
[ "$ended" -eq 0 ] || fail "it ended with $ended: $(cat "$tmp/waits.log")"
whole "$tmp/down-data"

step "SIGINT in the middle, then the same command again"
pages_gate let=7
start "$tmp/stopped.log" env --default-signal=INT "$reelyard" scan --guild "$guild" \
    --channel "$channel" --data "$tmp/stopped"
scanner=$last
half_way() { [ "$(sql "$tmp/stopped" "SELECT total_messages_scanned FROM channel_scan_status")" -ge 500 ]; }
await half_way
await page_waits
kill -INT "$scanner"
await grep -q stopping "$tmp/stopped.log"
pages_gate let=1 # the page that it waited for
ended=0
wait "$scanner" || ended=$?
[ "$ended" -eq 1 ] || fail "it ended with $ended: $(cat "$tmp/stopped.log")"
grep -q "Run it again to continue where it stopped" "$tmp/stopped.log" || fail "it does not say how to go on: $(cat "$tmp/stopped.log")"
! settled "$tmp/stopped" || fail "it was stopped too late to show anything"
pages_gate open
scan "$tmp/stopped"
expect 0
whole "$tmp/stopped"

step "beside a running node of the same folder"
start "$tmp/run.log" "$reelyard" run --data "$tmp/beside"
node=$last
await "$reelyard" status --data "$tmp/beside"
BOT_TOKEN='' scan "$tmp/beside"
expect 0
whole "$tmp/beside"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"

step "with PostgreSQL and Redis: without rows and with a disabled guild it is refused, then it is done"
postgres_start
redis_start
"$reelyard" migrate --data "$tmp/servers" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
scan "$tmp/servers"
expect 1
says "guild $guild has no channel $channel in the database"
guild_rows
pg "UPDATE guild SET message_scan_enabled = false"
scan "$tmp/servers"
expect 1
says "the scan is CANCELLED: Guild scanning disabled"
pg "UPDATE guild SET message_scan_enabled = true"
scan "$tmp/servers"
expect 0
as_seed_says
thumbnails_whole "$tmp/servers"
pg "UPDATE channel SET message_scan_enabled = false"
scan "$tmp/servers"
expect 1
says "Channel scanning disabled for this channel"

step "a channel that the bot may not read, though its row allows a scan"
pg "INSERT INTO channel (id, guild_id, name, type, message_scan_enabled, created_at, updated_at)
    VALUES ('$closed', '$guild', 'closed', 'text', true, now(), now())"
code=0
"$reelyard" scan --guild "$guild" --channel "$closed" --data "$tmp/servers" >"$tmp/scan.log" 2>&1 || code=$?
expect 1
says "the scan is FAILED: Bot does not have permission to read message history in this channel"
[ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 3)"
