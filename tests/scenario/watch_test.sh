#!/usr/bin/env bash
# Watching, as a browser's player does it: an export's file by ranges, whole and resumed, by 200 viewers at once and by 200 who do not
# read; a file that changes meanwhile, or goes; a storage that stands still; and a clip at Discord whose URL has expired, by 20 viewers
# of whom one makes it renewed.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"
data=$tmp/data
export REELYARD_HTTP_CONNECTIONS_EACH=0 REELYARD_STUCK_SECONDS=3600
take_port
web=http://127.0.0.1:$port
get() { curl -fsS --max-time "$patience" "$@"; }
status_of() { curl -sS --max-time "$patience" -o /dev/null -w '%{http_code}' "$@"; }
head_of() { curl -sS --max-time "$patience" -o /dev/null -D - "$@" | tr -d '\r'; }

step "an archive with clips of an export and of Discord"
discord_start 50 5
media "$tmp/local" small
"$export_gen" --out "$tmp/export" --media "$tmp/local" --messages 10 --clips 2 --seed 3 >"$tmp/export.log"
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/import.log" 2>&1 || fail "import: $(cat "$tmp/import.log")"
"$reelyard" scan --guild "$guild" --channel "$channel" --data "$data" >"$tmp/scan.log" 2>&1 || fail "scan: $(cat "$tmp/scan.log")"
local_clip=$(sql "$data" "SELECT id FROM clip WHERE cdn_url LIKE 'file:%' ORDER BY id LIMIT 1")
remote_clip=$(sql "$data" "SELECT id FROM clip WHERE cdn_url LIKE 'http:%' ORDER BY id LIMIT 1")
remote_file=$(sql "$data" "SELECT cdn_url FROM clip WHERE id = '$remote_clip'" | sed 's/[?].*//; s/.*\///')
video=$(sql "$data" "SELECT substr(cdn_url, 8) FROM clip WHERE id = '$local_clip'")
video=$(printf '%b' "${video//%/\\x}")
[ -f "$video" ] || fail "the export has no file $video"
sqlite3 "$data/reelyard.db" "UPDATE clip SET expires_at = '2020-01-01 00:00:00.000000+00:00' WHERE id = '$remote_clip'"
rm "$video"
head -c $((6 * 1024 * 1024 + 123)) /dev/urandom >"$video"
size=$(stat -c %s "$video")

REELYARD_HTTP_PORT=$port start "$tmp/up.log" "$reelyard" up --data "$data"
node=$last
await get "$web/ready"
watch=$web/watch/$local_clip

step "whole, by parts, resumed, its head alone"
get "$watch" | cmp - "$video" || fail "it is not the file"
for range in "0 1" "0 1048576" "1048575 3" "5000000 $((size - 5000000))" "$((size - 7)) 7"; do
    read -r first n <<<"$range"
    get -r "$first-$((first + n - 1))" "$watch" | cmp - <(tail -c +$((first + 1)) "$video" | head -c "$n") || fail "$n bytes at $first"
done
get -r -7 "$watch" | cmp - <(tail -c 7 "$video") || fail "the last 7 bytes"
head -c 3000000 "$video" >"$tmp/resumed"
get -C - -o "$tmp/resumed" "$watch"
cmp "$tmp/resumed" "$video" || fail "what was resumed is not the file"
head_of -I "$watch" | grep -qx "Content-Length: $size" || fail "HEAD does not tell the size"
[ "$(status_of -r "$size-" "$watch")" = 416 ] || fail "a range behind the end is not refused"
tag=$(head_of -I "$watch" | sed -n 's/^ETag: //p')
[ "$(status_of -H "If-None-Match: $tag" "$watch")" = 304 ] || fail "the same tag is sent again"
[ "$(status_of -r 0-9 -H "If-Range: $tag" "$watch")" = 206 ] || fail "If-Range of the same file"
get --path-as-is "$watch?download=1" -o /dev/null -D - | grep -qi '^content-disposition: attachment' || fail "no attachment"
[ "$(status_of "$web/watch/00000000000000000000000000000000")" = 404 ] || fail "a clip that there is not"

step "200 viewers at once, each gets the file"
viewers=()
for i in $(seq 200); do
    get "$watch" 2>"$tmp/viewer-$i.log" | sha256sum >"$tmp/sum-$i" &
    viewers+=($!)
done
wait "${viewers[@]}"
sha256sum <"$video" >"$tmp/sum"
for i in $(seq 200); do same "$tmp/sum" "$tmp/sum-$i" "viewer $i got another file"; done

step "200 viewers who read nothing cost less than 16 MiB each, and nobody else waits for them"
memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(pid_of monitor-1)/status"; }
pid_of() { "$reelyard" status --data "$data" --json 2>/dev/null | jq -r ".node.children[] | select(.name == \"$1\") | .pid"; }
before=$(memory_kib)
for i in $(seq 200); do
    exec {viewer}<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /watch/%s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$local_clip" >&"$viewer"
    IFS= read -r -u "$viewer" line
    [[ $line == "HTTP/1.1 200 OK"* ]] || fail "viewer $i: $line"
    still[i]=$viewer
done
get "$watch" | cmp - "$video" || fail "another viewer does not get the file"
get "$web/ping" >/dev/null
cost=$(($(memory_kib) - before))
[ "$cost" -lt $((200 * 16 * 1024)) ] || fail "200 viewers cost $cost KiB"
echo "200 viewers who read nothing: $cost KiB"
for i in $(seq 200); do viewer=${still[i]} && exec {viewer}>&-; done

step "a storage that stands still is said to, and is waited for"
for storage in storage-1 storage-2; do kill -STOP "$(pid_of "$storage")" 2>/dev/null || true; done
[ "$(status_of "$watch")" = 503 ] || fail "a storage that stands still"
for storage in storage-1 storage-2; do kill -CONT "$(pid_of "$storage")" 2>/dev/null || true; done
served() { get "$watch" | cmp - "$video"; }
await served

step "a file that has changed is another; one that is gone is said to be"
cp "$video" "$tmp/saved"
printf 'x' >>"$video"
[ "$(status_of -r 0-9 -H "If-Range: $tag" "$watch")" = 200 ] || fail "If-Range of another file"
rm "$video"
[ "$(status_of "$watch")" = 404 ] || fail "a file that is gone"
cp "$tmp/saved" "$video"
served || fail "a file that is there again"

step "20 viewers of a clip whose URL has expired: Discord is asked once, and the clip plays"
refreshed() { discord_stat refresh; }
asked=$(refreshed)
viewers=()
for i in $(seq 20); do
    head_of "$web/watch/$remote_clip" >"$tmp/remote-$i" &
    viewers+=($!)
done
wait "${viewers[@]}"
for i in $(seq 20); do
    grep -q '^HTTP/1.1 302 ' "$tmp/remote-$i" || fail "viewer $i: $(cat "$tmp/remote-$i")"
    same <(grep '^Location' "$tmp/remote-1") <(grep '^Location' "$tmp/remote-$i") "viewer $i was sent elsewhere"
done
[ "$(refreshed)" -eq $((asked + 1)) ] || fail "Discord was asked $(($(refreshed) - asked)) times"
get -L "$web/watch/$remote_clip" | cmp - "$tmp/media/$remote_file" || fail "it does not play"
get -L -r 100-199 "$web/watch/$remote_clip" | cmp - <(tail -c +101 "$tmp/media/$remote_file" | head -c 100) || fail "it cannot be sought in"
stored() { [ "$(sql "$data" "SELECT expires_at > '2021' FROM clip WHERE id = '$remote_clip'")" = 1 ]; }
await stored

step "the node ends while somebody watches"
exec {viewer}<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /watch/%s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$local_clip" >&"$viewer"
IFS= read -r -u "$viewer" line
end "$node"
[ "$ended" -eq 0 ] || fail "it ended with $ended: $(tail -5 "$tmp/up.log")"
