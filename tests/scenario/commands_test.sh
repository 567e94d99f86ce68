#!/usr/bin/env bash
# The commands and the web page, on the built program: jobs enqueued while a node runs, what it says of itself, dead letters.
. "$(dirname "$0")/scenario.sh"

data=$tmp/data
media "$tmp/media" small
clip=$tmp/media/quad.mp4
mkdir "$tmp/clips"
cp "$clip" "$tmp/clips/one.mp4"

# expect CODE COMMAND...: its exit code; output in $tmp/out.
expect() {
    local want=$1 code=0
    shift
    "$@" >"$tmp/out" 2>&1 || code=$?
    [ "$code" -eq "$want" ] || fail "$* ended with $code instead of $want: $(cat "$tmp/out")"
}

step "usage"
expect 0 "$reelyard" version
grep -q '^reelyard [0-9]' "$tmp/out" || fail "version: $(cat "$tmp/out")"
expect 0 "$reelyard" help
expect 0 "$reelyard" help import
expect 2 "$reelyard" imprt
grep -q import "$tmp/out" || fail "the nearest command is not named: $(cat "$tmp/out")"
expect 2 "$reelyard" import
expect 78 "$reelyard" run --data "$data" --http-port 99999
expect 78 env LOG_LEVEL=LOUD "$reelyard" status --data "$data"
grep -q LOG_LEVEL "$tmp/out" || fail "the variable is not named: $(cat "$tmp/out")"
expect 0 env REELYARD_WEB_TOKEN=hush-hush "$reelyard" config
grep -q hush "$tmp/out" && fail "config prints a secret"

step "status without anything there makes nothing"
"$reelyard" status --data "$tmp/nowhere" >"$tmp/out" 2>&1 || true
[ ! -e "$tmp/nowhere/reelyard.db" ] || fail "status made a database"

step "status says what does not answer"
expect 1 env REDIS_URL=redis://127.0.0.1:1 "$reelyard" status --data "$tmp/nowhere"
grep -q '^queue    not known' "$tmp/out" && grep -q 'Redis at 127.0.0.1:1 cannot be reached' "$tmp/out" || fail "status: $(cat "$tmp/out")"
[ ! -e "$tmp/nowhere" ] || fail "status made a data folder"

step "a bad env file, and settings that do not exist"
expect 78 "$reelyard" up --data "$data" --env-file "$tmp/no.env"
grep -q "^reelyard up: --env-file: cannot open $tmp/no.env: No such file" "$tmp/out" || fail "up: $(cat "$tmp/out")"
printf 'A=1\nBOT_TOKEN: hunter2\n' >"$tmp/bad.env"
expect 78 "$reelyard" up --data "$data" --env-file "$tmp/bad.env"
grep -q "bad.env, line 2: there is no" "$tmp/out" || fail "up: $(cat "$tmp/out")"
grep -q hunter2 "$tmp/out" && fail "up prints a secret"
expect 0 env REELYARD_HTTP_PROT=1 "$reelyard" config
[ "$(grep -c 'did you mean REELYARD_HTTP_PORT?' "$tmp/out")" = 1 ] || fail "config: $(cat "$tmp/out")"

step "migrate"
expect 0 "$reelyard" migrate --data "$data"
expect 0 "$reelyard" migrate --data "$data"

step "enqueue"
job() {
    jq -cn --arg root "$tmp/clips" --arg url "file://$tmp/clips/one.mp4" --arg job "$1" --arg message "$2" '{job_id: $job, type: "messages",
        guild_id: "41771983423143937", channel_id: "41771983423143938", created_at: "2024-10-19T15:03:09+00:00", media_root: $root,
        guild: {id: "41771983423143937", name: "A <guild> & more"}, channel: {id: "41771983423143938", name: "clips", type: "text"},
        messages: [{id: $message, channel_id: "41771983423143938", content: "<script>alert(1)</script>", timestamp: "2024-10-19T15:03:09+00:00",
        author: {id: "100000000000000001", username: "ann", discriminator: "0"},
        attachments: [{id: "7", filename: "one.mp4", size: 1000, url: $url, content_type: "video/mp4"}]}]}'
}
job a0000000-0000-4000-8000-000000000001 1297213456789012480 >"$tmp/job.json"
expect 0 "$reelyard" enqueue "$tmp/job.json" --data "$data"
expect 0 "$reelyard" enqueue "$tmp/job.json" --data "$data"
grep -qi 'dupl\|already' "$tmp/out" || fail "the second push of one job is not named: $(cat "$tmp/out")"
{ printf 'no json\n' && jq -c '.job_id = "a0000000-0000-4000-8000-000000000002" | .type = "unheard_of"' "$tmp/job.json" && jq -c 'del(.guild_id)' "$tmp/job.json"; } >"$tmp/bad.ndjson"
"$reelyard" enqueue "$tmp/bad.ndjson" --data "$data" >"$tmp/out" 2>&1 && fail "bad jobs were taken: $(cat "$tmp/out")"
# A job whose head the queue takes and whose body the scanner will not.
jq -c '.job_id = "a0000000-0000-4000-8000-000000000003" | .type = "batch" | .direction = "sideways"' "$tmp/job.json" | "$reelyard" enqueue - --data "$data" >"$tmp/out" 2>&1 ||
    fail "a well-formed job was refused: $(cat "$tmp/out")"
expect 0 "$reelyard" status --data "$data" --json
jq -e '.queue.ready == 2' "$tmp/out" >/dev/null || fail "status: $(cat "$tmp/out")"

step "run"
take_port
start "$tmp/run.log" env REELYARD_HTTP_PORT="$port" "$reelyard" run --data "$data"
node=$last
url=http://127.0.0.1:$port
await curl -fsS "$url/ping"
await curl -fsS "$url/ready"
expect 0 "$reelyard" ping --data "$data"
expect 1 "$reelyard" ping --data "$tmp/nowhere"
[ ! -e "$tmp/nowhere" ] || fail "ping made a data folder"
await settled "$data"
[ "$(counts "$data")" = "completed|1" ] || fail "$(counts "$data")"
[ "$(sql "$data" "SELECT id FROM clip")" = "$(printf '1297213456789012480:41771983423143938:one.mp4:2024-10-19T15:03:09.159000+00:00' | md5sum | cut -d' ' -f1)" ] ||
    fail "clip id"
expect 1 "$reelyard" run --data "$data"
grep -q "process $node" "$tmp/out" || fail "a second run: $(cat "$tmp/out")"

step "web"
curl -fsS "$url/" >"$tmp/page.html"
grep -q 'one.mp4' "$tmp/page.html" || fail "the gallery does not show the clip"
grep -q '<script>alert' "$tmp/page.html" && fail "the gallery does not escape"
grep -q 'A &lt;guild&gt; &amp; more' "$tmp/page.html" || fail "the guild's name is not there"
thumbnail=$(grep -oE '/thumbnails/[^"]*_small\.webp' "$tmp/page.html" | head -1)
curl -fsS "$url$thumbnail" | cmp - "$data/storage$thumbnail" || fail "the thumbnail is not the file"
curl -fsS "$url/api/clips" | jq -e '.clips | length == 1' >/dev/null || fail "/api/clips"
curl -fsS "$url/api/status" | jq -e . >/dev/null || fail "/api/status"
# Instances report a few times a second.
counted() { curl -fsS "$url/metrics" >"$tmp/metrics" && grep -q '^reelyard_clips_completed_total 1' "$tmp/metrics"; }
await counted
[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/thumbnails/../reelyard.db" --path-as-is)" != 200 ] || fail "a path leaves the storage"
[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "$url/")" != 200 ] || fail "any host name is answered"
[ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/")" = 405 ] || fail "POST is not refused"

step "dead letters"
expect 0 "$reelyard" dead list --data "$data"
grep -q 'batch.*direction is neither' "$tmp/out" || fail "the dead job is not listed: $(cat "$tmp/out")"
id=$(sql "$data" "SELECT id FROM reelyard_queue_dead")
expect 0 "$reelyard" dead show "$id" --data "$data"
grep -q a0000000-0000-4000-8000-000000000003 "$tmp/out" && grep -q '"messages"' "$tmp/out" || fail "the job is not shown: $(cat "$tmp/out")"
expect 0 "$reelyard" dead replay "$id" --data "$data"
again() { [ "$(sql "$data" "SELECT count(*) FROM reelyard_queue_dead WHERE id <> $id")" = 1 ]; }
await again
expect 0 "$reelyard" dead drop --all --data "$data"
[ "$(sql "$data" "SELECT count(*) FROM reelyard_queue_dead")" = 0 ] || fail "drop left something"

step "enqueue while it runs"
job a0000000-0000-4000-8000-000000000009 1297213456789012481 | "$reelyard" enqueue - --data "$data" >/dev/null
two() { [ "$(counts "$data")" = "completed|2" ]; }
await two
expect 0 "$reelyard" status --data "$data"
grep -q "^page     $url/\$" "$tmp/out" || fail "status does not name the page: $(cat "$tmp/out")"

step "an import tells where the page of the node that runs is, or how to start one"
jq -n '{guild: {id: "41771983423143937", name: "g"}, channel: {id: "41771983423143938", name: "clips", type: "GuildTextChat"}, messages: []}' >"$tmp/export.json"
expect 0 env REELYARD_HTTP_PORT=8080 "$reelyard" import "$tmp/export.json" --data "$data"
grep -q "^To look at it: $url/\$" "$tmp/out" || fail "import: $(cat "$tmp/out")"
expect 0 env REELYARD_HTTP_PORT=8080 "$reelyard" import "$tmp/export.json" --data "$tmp/other data"
grep -q "^To look at it: reelyard run --data '$tmp/other data', then http://127.0.0.1:8080/\$" "$tmp/out" || fail "import: $(cat "$tmp/out")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(cat "$tmp/run.log")"

step "a token for the web page"
start "$tmp/run.log" env REELYARD_HTTP_PORT="$port" REELYARD_WEB_TOKEN=s3cret "$reelyard" run --data "$data"
node=$last
await curl -fsS "$url/ping"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/clips")" = 401 ] || fail "no token is asked for"
[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer s3cret' "$url/api/clips")" = 200 ] || fail "the token is refused"
grep -q s3cret "$tmp/run.log" && fail "the token is in the log"
end "$node" INT
[ "$ended" -eq 0 ] || fail "the node ended with $ended"
