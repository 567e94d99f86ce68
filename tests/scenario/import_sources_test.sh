#!/usr/bin/env bash
# Where videos stand in exports beside the attachments of a guild's channel: in direct messages and group chats, in forwarded messages
# (as the exporter writes them since 2.47), and in embeds, downloaded or not. Each becomes a clip that is told apart, or is counted.
. "$(dirname "$0")/scenario.sh"

"$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/export" quad.mp4
mkdir -p "$tmp/export/chat.json_Files"
for name in own-1A2B3 forwarded-2B3C4 embedded-3C4D5; do cp "$tmp/export/quad.mp4" "$tmp/export/chat.json_Files/$name.mp4"; done
data=$tmp/data

author='{"id": "900000000000000009", "name": "friend", "discriminator": "0000", "nickname": "Friend", "color": null, "isBot": false, "roles": [], "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png"}'
# attachment ID FILE
attachment() { printf '{"id": "%s", "url": "chat.json_Files/%s", "fileName": "video.mp4", "fileSizeBytes": 1}' "$1" "$2"; }
embed() { printf '{"title": "", "url": "%s", "timestamp": null, "description": "", "thumbnail": null, "video": {"url": "%s", "canonicalUrl": "%s", "width": 1, "height": 1}, "images": [], "fields": []}' "$1" "$2" "$3"; }
# message ID CONTENT ATTACHMENTS EMBEDS MORE
message() {
    printf '{"id": "%s", "type": "Default", "timestamp": "2024-10-19T15:03:09.159+00:00", "timestampEdited": null, "callEndedTimestamp": null, "isPinned": false, "content": "%s", "author": %s, "attachments": [%s], "embeds": [%s], "stickers": [], "reactions": [], "mentions": []%s}' \
        "$1" "$2" "$author" "$3" "$4" "$5"
}
{
    printf '{"guild": {"id": "0", "name": "Direct Messages", "iconUrl": "https://cdn.discordapp.com/embed/avatars/0.png"}, "channel": {"id": "900000000000000001", "type": "DirectGroupTextChat", "categoryId": null, "category": null, "name": "film club", "topic": null}, "dateRange": {"after": null, "before": null}, "exportedAt": "2026-01-01T00:00:00+00:00", "messages": ['
    message 1297213456789012480 own "$(attachment 1 own-1A2B3.mp4)" '' ''
    printf ','
    message 1297213456789012481 text '' '' ''
    printf ','
    message 1297213456789012482 '' '' '' ", \"reference\": {\"type\": \"Forward\", \"messageId\": \"5\", \"channelId\": \"6\", \"guildId\": null}, \"forwardedMessage\": {\"timestamp\": \"2024-10-18T00:00:00+00:00\", \"timestampEdited\": null, \"content\": \"from elsewhere\", \"attachments\": [$(attachment 2 forwarded-2B3C4.mp4)], \"embeds\": [], \"stickers\": [], \"reactions\": [], \"mentions\": []}"
    printf ','
    message 1297213456789012483 link '' "$(embed https://videos.example/page chat.json_Files/embedded-3C4D5.mp4 https://videos.example/v.mp4)" ''
    printf ','
    message 1297213456789012484 tube '' "$(embed https://www.youtube.com/watch?v=x https://www.youtube.com/embed/x https://www.youtube.com/embed/x)" ''
    printf '], "messageCount": 5}'
} >"$tmp/export/chat.json"
jq -e . "$tmp/export/chat.json" >/dev/null || fail "the export is no JSON"

step "a group chat with a video of its own, a forwarded one, an embedded one and a link"
"$reelyard" import "$tmp/export/chat.json" --data "$data" --json >"$tmp/summary.json" 2>"$tmp/log" || fail "import: $(cat "$tmp/summary.json" "$tmp/log")"
[ "$(jq -c '[.clips_found, .clips_completed, .skipped.embeds]' "$tmp/summary.json")" = '[3,3,1]' ] || fail "summary: $(cat "$tmp/summary.json")"
[ "$(sql "$data" 'SELECT id, name FROM guild')" = "1000|Direct Messages" ] || fail "guild: $(sql "$data" 'SELECT id, name FROM guild')"
[ "$(sql "$data" 'SELECT name FROM channel')" = "film club" ] || fail "channel: $(sql "$data" 'SELECT name FROM channel')"
[ "$(sql "$data" 'SELECT count(DISTINCT id), count(*) FROM clip')" = "3|3" ] || fail "clips: $(sql "$data" 'SELECT * FROM clip')"
told=$(sql "$data" "SELECT m.source_kind FROM clip c LEFT JOIN reelyard_media m ON m.clip_id = c.id ORDER BY c.message_id" | tr '\n' ',')
[ "$told" = ",forward,embed," ] || fail "where they come from: $told"

step "again, nothing is twice"
"$reelyard" import "$tmp/export/chat.json" --data "$data" --json >"$tmp/summary.json" 2>"$tmp/log" || fail "import: $(cat "$tmp/summary.json" "$tmp/log")"
[ "$(sql "$data" 'SELECT count(*) FROM clip')" = 3 ] || fail "clips: $(sql "$data" 'SELECT * FROM clip')"
