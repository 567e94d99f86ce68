#!/usr/bin/env bash
# Every type of job on databases without one default of a column: one that reelyard made and somebody took the defaults from, and
# the bot's tables as Tortoise 1.1.1 and newer make them. The rows are the seed's, and no job is a dead letter.
# shellcheck disable=SC2119
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

origin=$REELYARD_SOURCE/tests/bed/origin
messages=600 clips=30
postgres_start
redis_start
sql_file() { psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U reelyard -d archive -f "$1" >/dev/null || fail "$1"; }
new_database() {
    psql_query postgres "DROP DATABASE archive"
    psql_query postgres "CREATE DATABASE archive"
    redis FLUSHALL >/dev/null
}
migrate() { "$reelyard" migrate --data "$data" >"$tmp/migrate.log" 2>&1 || fail "migrate: $(cat "$tmp/migrate.log")"; }
no_default_is_left() {
    [ "$(pg "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'reelyard\\_%' AND column_default IS NOT NULL
        AND column_default NOT LIKE 'nextval(%'")" = 0 ] || fail "a column has a default"
}

# post FILE: a live message with a clip, and the bot's job for it; its id is $posted.
post() {
    posted=$(curl -s -X POST "http://127.0.0.1:$discord_port/fake/post?channel=$channel&filename=$1" | tr -dc "0-9")
    push message "$2" ",\"message_ids\":[\"$posted\"]"
}
status_of_posted() { pg "SELECT thumbnail_status FROM clip WHERE message_id = '$posted'"; }
posted_is() { [ "$(status_of_posted)" = "$1" ]; }
done_with() { streams_empty && clips_settled; }

# every_job NAME: from an empty database with the guild's rows to a purged guild.
every_job() {
    local name=$1
    step "$name: a live message before any scan makes the channel's row"
    cp "$tmp/media/quad.mp4" "$tmp/kept.mp4"
    guild_rows
    post quad.mp4 11111111-2222-4333-8444-000000000010
    await posted_is completed
    [ "$(pg "SELECT status || ' ' || forward_message_id || ' ' || coalesce(backward_message_id, '-') FROM channel_scan_status")" = \
        "QUEUED $posted -" ] || fail "the row is $(pg "SELECT * FROM channel_scan_status")"
    push message_deletion 11111111-2222-4333-8444-000000000011 ",\"message_id\":\"$posted\""
    message_gone() { [ "$(pg "SELECT count(*) FROM message WHERE id = '$posted'")" = 0 ]; }
    await message_gone
    curl -s -X POST "http://127.0.0.1:$discord_port/fake/delete?message=$posted" >/dev/null
    await streams_empty
    pg "DELETE FROM channel_scan_status"

    step "$name: batch jobs bring the seed's rows"
    scan_job
    await all_done
    as_seed_says
    thumbnails_whole "$data"

    step "$name: a rescan finds the same"
    push rescan 11111111-2222-4333-8444-000000000012 ',"reason":"settings changed","reset_scan_status":true'
    await done_with
    await scan_ended
    pg "UPDATE channel_scan_status SET total_messages_scanned = $messages" # a rescan in mode stop counts what is new
    as_seed_says

    step "$name: a clip that cannot be read, and its retry"
    head -c 2000 /dev/zero >"$tmp/media/late.mp4"
    post late.mp4 11111111-2222-4333-8444-000000000013
    await posted_is failed
    [ "$(pg "SELECT retry_count FROM failed_thumbnail")" = 1 ] || fail "failed_thumbnail: $(pg "SELECT * FROM failed_thumbnail")"
    cp "$tmp/kept.mp4" "$tmp/media/late.mp4"
    push thumbnail_retry 11111111-2222-4333-8444-000000000014 \
        ",\"clip_ids\":[\"$(pg "SELECT id FROM clip WHERE message_id = '$posted'")\"],\"retry_count\":0"
    await posted_is completed
    [ "$(pg "SELECT count(*) FROM failed_thumbnail")" = 0 ] || fail "failed_thumbnail: $(pg "SELECT * FROM failed_thumbnail")"

    step "$name: clips that another worker left behind"
    pg "UPDATE clip SET thumbnail_status = 'processing', updated_at = now() - interval '2 hours' WHERE message_id = '$posted'"
    push thumbnail_cleanup 11111111-2222-4333-8444-000000000015 ',"timeout_minutes":30'
    await posted_is completed
    await done_with

    step "$name: the message's deletion, and the purges"
    push message_deletion 11111111-2222-4333-8444-000000000016 ",\"message_id\":\"$posted\""
    await message_gone
    curl -s -X POST "http://127.0.0.1:$discord_port/fake/delete?message=$posted" >/dev/null
    push purge_channel 11111111-2222-4333-8444-000000000017 ''
    channel_gone() {
        [ "$(pg "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM clip) + (SELECT count(*) FROM thumbnail)
            + (SELECT count(*) FROM channel_scan_status)")" = 0 ] && [ -z "$(find "$data/storage" -type f)" ]
    }
    await channel_gone
    push purge_guild 11111111-2222-4333-8444-000000000018 '' "$guild" 0
    guild_gone() { [ "$(pg "SELECT (SELECT count(*) FROM channel) || ' ' || (deleted_at IS NOT NULL) FROM guild")" = '0 true' ]; }
    await guild_gone
    await streams_empty
    [ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 3)"
    no_default_is_left
}

for name in "reelyard's tables" "the bot's tables"; do
    new_database
    rm -f "$tmp/media/late.mp4"
    discord_start "$messages" "$clips" # the bot leaves the guild at the end
    data=$tmp/data-${name%% *}
    if [ "$name" = "the bot's tables" ]; then
        sql_file "$origin/tables.sql"
        migrate
    else
        migrate
        sql_file "$origin/without_defaults.sql"
    fi
    start "$tmp/run-${name%% *}.log" "$reelyard" run --data "$data"
    node=$last
    every_job "$name"
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run-${name%% *}.log")"
done
