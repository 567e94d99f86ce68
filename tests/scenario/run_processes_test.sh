#!/usr/bin/env bash
# The sandboxed processes of run and import are kept as those of up: one that stands still is killed and started again, every death is in the tally, and one that dies
# too often, or again and again before it is ready, is given up: run works on and says so; import and scan, which would wait for ever, end with
# the reason, and their clips are finished by the next one.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/production.sh"

export REELYARD_STUCK_SECONDS=2 REELYARD_RESTART_MAX=2 REELYARD_RESTART_SECONDS=3600
data=$tmp/data
state() { "$reelyard" status --data "$data" --json 2>/dev/null | jq -r "$1"; }
child() { state ".node.children[] | select(.name == \"encoder-1\") | .$1"; }
is() { [ "$(child "$1")" = "$2" ]; }
deaths() { state "[.node.deaths[] | select(.way == \"$1\") | .count] | add // 0"; }

step "an encoder that stands still"
start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 1
node=$last
await is state running
before=$(child pid)
inside=$(child_of "$before")
kill -STOP "${inside:-$before}" # without a sandbox there is but one process
started_again() { is state running && [ "$(child pid)" != "$before" ]; }
await started_again
[ "$(deaths stuck)" = 1 ] || fail "deaths: $(state .node.deaths)"
is last_death "stuck: it made no progress and was killed" || fail "its last death: $(child last_death)"

step "one that dies too often"
killed() { is restarts "$1" && is state running; }
kill -KILL "$(child pid)"
await killed 2
kill -KILL "$(child pid)"
await is state spent
[ "$(deaths signal)" = 2 ] || fail "deaths: $(state .node.deaths)"
"$reelyard" status --data "$data" | grep -q '^encoder-1 .*spent' || fail "status does not say so"
grep -q 'child_spent.*encoder-1' "$tmp/run.log" || fail "the log does not say so: $(cat "$tmp/run.log")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"

step "an import whose encoders die too often"
media "$tmp/media" small
cdn_start "$tmp/media"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --base "$cdn" --messages 20 --clips 3 --seed 3
cdn_gate close # there is work left for as long as this takes
data=$tmp/alone
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data" --encoder 1
import=$last
for round in 0 1 2; do
    await killed "$round"
    kill -KILL "$(child pid)"
done
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 1 ] || fail "the import ended with $ended: $(cat "$tmp/import.log")"
grep -q 'encoder-1 died too often (the last time: signal 9 (Killed))' "$tmp/import.log" || fail "no reason: $(cat "$tmp/import.log")"

step "encoders that cannot start, with the default budget, whose waits it outlasts"
unset REELYARD_RESTART_MAX REELYARD_RESTART_SECONDS
cdn_gate open
take_port
broken=(env LD_PRELOAD="$REELYARD_BUILD/tests/libdying_encoder.so")
denied=("${broken[@]}" MALLOC_DYING_ENCODER=SIGSYS)
start "$tmp/broken-import.log" "${broken[@]}" "$reelyard" import "$tmp/export/export.json" --data "$tmp/broken" --encoder 2
broken_import=$last
hosts=$REELYARD_ALLOWED_HOSTS
discord_start 20 3
start "$tmp/broken-scan.log" "${denied[@]}" "$reelyard" scan --guild "$guild" --channel "$channel" --data "$tmp/scanned"
broken_scan=$last
node_key=$("$reelyard" keys new "$tmp/node.key")
"$reelyard" keys new "$tmp/far.key" >"$tmp/allow"
REELYARD_JOIN_BIND='tcp://127.0.0.1:*' REELYARD_JOIN_KEY=$tmp/node.key REELYARD_JOIN_ALLOW=$tmp/allow LOG_LEVEL=INFO \
    start "$tmp/broken-run.log" "${denied[@]}" "$reelyard" run --data "$tmp/ran" --encoder 1 --http-port "$port"
broken_run=$last
await grep -q 'joinable endpoint=' "$tmp/broken-run.log"
REELYARD_JOIN_KEY=$tmp/far.key REELYARD_JOIN_NODE_KEY=$node_key start "$tmp/broken-far.log" \
    "${broken[@]}" MALLOC_DYING_ENCODER=FORK "$reelyard" actor encoder --name broken@far \
    --join "$(sed -n 's/.*joinable endpoint=//p' "$tmp/broken-run.log")"
broken_far=$last
start "$tmp/broken-up.log" "${broken[@]}" "$reelyard" up --data "$tmp/up" --encoder 1
broken_up=$last

# ends_with_reason PID DATA LOG REASON: a command ends by itself with the reason, and its clips wait for another try.
ends_with_reason() {
    ended=0
    wait "$1" || ended=$?
    [ "$ended" -eq 1 ] || fail "$3 ended with $ended: $(cat "$3")"
    grep -Eq "encoder-[12] died 8 times in a row before it was ready \(the last time: $4\)" "$3" || fail "no reason: $(cat "$3")"
    [ "$(sql "$2" "SELECT count(*) FROM clip WHERE thumbnail_status NOT IN ('pending', 'processing')")" = 0 ] || fail "clips: $(counts "$2")"
}
ends_with_reason "$broken_import" "$tmp/broken" "$tmp/broken-import.log" 'exit code 127'
ends_with_reason "$broken_scan" "$tmp/scanned" "$tmp/broken-scan.log" 'a system call that its sandbox denies'

ended=0
wait "$broken_far" || ended=$?
[ "$ended" -eq 1 ] || fail "an encoder of another host ended with $ended: $(cat "$tmp/broken-far.log")"
grep -q 'broken@far died 8 times in a row before the node welcomed it (the last time: a system call' "$tmp/broken-far.log" ||
    fail "no reason: $(cat "$tmp/broken-far.log")"

# given_up DATA WAY REASON: the node works on without encoders, and says why.
given_up() {
    data=$1
    await is state spent
    [ "$(child restarts)" = 7 ] || fail "restarts: $(child restarts)"
    [ "$(deaths "$2")" = 8 ] || fail "deaths: $(state .node.deaths)"
    is last_death "$3" || fail "its last death: $(child last_death)"
}
given_up "$tmp/ran" seccomp 'a system call that its sandbox denies'
grep -q 'child_spent.*encoder-1.*unready=8' "$tmp/broken-run.log" || fail "the log does not say so: $(cat "$tmp/broken-run.log")"
[ "$(curl -s -o "$tmp/ready.json" -w '%{http_code}' "http://127.0.0.1:$port/ready")" = 503 ] || fail "/ready: $(cat "$tmp/ready.json")"
jq -e '.degraded == ["died too often: encoder-1"]' "$tmp/ready.json" >/dev/null || fail "/ready: $(cat "$tmp/ready.json")"
curl -fsS "http://127.0.0.1:$port/" >/dev/null || fail "there is no page"
end "$broken_run"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/broken-run.log")"
given_up "$tmp/up" exit 'exit code 127'
end "$broken_up"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/broken-up.log")"

step "an import after the installation is mended finishes the clips"
REELYARD_ALLOWED_HOSTS=$hosts "$reelyard" import "$tmp/export/export.json" --data "$tmp/broken" --encoder 1 >"$tmp/mended.log" 2>&1 || fail "$(cat "$tmp/mended.log")"
[ "$(counts "$tmp/broken")" = 'completed|3' ] || fail "clips: $(counts "$tmp/broken")"
