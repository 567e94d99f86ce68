#!/usr/bin/env bash
# `reelyard up` without servers: a process that dies too often is given up and the rest works on and says so; the writer's loss ends the
# node with an error, and so does a configuration that a process refuses; a server that is away is waited for. What cannot be drained is told by the exit code, a second
# SIGTERM ends at once, and systemd hears of it all.
. "$(dirname "$0")/scenario.sh"
data=$tmp/data
export REELYARD_RESTART_MAX=1 LOG_LEVEL=INFO
take_port
status() { "$reelyard" status --data "$data" --json 2>/dev/null; }
state() { status | jq -e "$1"; }
all_run() { state '.node.children | length > 0 and all(.state == "running")'; }
pid_of() { status | jq -r ".node.children[] | select(.name == \"$1\" and .state == \"running\") | .pid"; }
runs() { [ -n "$(pid_of "$1")" ]; }
is_spent() { state ".node.children[] | select(.name == \"$1\") | .state == \"spent\""; }
# kill_spent NAME: kills a process until it is given up.
kill_twice() {
    local old
    old=$(pid_of "$1")
    kill -KILL "$old"
    another() { runs "$1" && [ "$(pid_of "$1")" != "$old" ]; }
    await another "$1"
    kill -KILL "$(pid_of "$1")"
}

step "an encoder is given up, the other one works on"
start "$tmp/up.log" "$reelyard" up --data "$data" --encoder 2 --storage 1 --http-port "$port"
node=$last
await all_run
kill_twice encoder-1
await is_spent encoder-1
runs encoder-2 || fail "the other encoder does not run"
"$reelyard" status --data "$data" >"$tmp/status.txt"
grep -Eq 'encoder-1 +0 +spent +1 +signal 9' "$tmp/status.txt" || fail "status: $(grep encoder "$tmp/status.txt")"
ready() { curl -s -o "$tmp/ready.json" -w '%{http_code}' "http://127.0.0.1:$port/ready" | grep -qx "$1"; }
await ready 200
jq -e '.degraded == ["died too often: encoder-1"]' "$tmp/ready.json" >/dev/null || fail "/ready: $(cat "$tmp/ready.json")"

step "without the last encoder it is not ready; a new one is asked for"
kill_twice encoder-2
await is_spent encoder-2
await ready 503
"$reelyard" scale encoder=3 --data "$data"
await runs encoder-3
await ready 200

step "without a writer the node ends"
kill_twice writer-1
ended=0
wait "$node" || ended=$?
[ "$ended" -eq 1 ] || fail "the node ended with $ended"
grep -q 'writer-1 died too often' "$tmp/up.log" || fail "$(tail -5 "$tmp/up.log")"

step "a writer whose server is away is not given up, and says why it restarts"
take_port
DATABASE_URL=postgresql://nobody:x@127.0.0.1:$port/none REELYARD_QUEUE=embedded \
    start "$tmp/away.log" "$reelyard" up --data "$tmp/away" --http-port 0
node=$last
restarts() { [ "$("$reelyard" status --data "$tmp/away" --json | jq '.node.children[] | select(.name == "writer-1") | .restarts')" -ge 3 ]; }
await restarts
grep -q 'open_failed.*name=writer-1.*cannot be reached' "$tmp/away.log" || fail "no reason: $(tail -5 "$tmp/away.log")"
! grep -q child_spent "$tmp/away.log" || fail "given up: $(grep child_spent "$tmp/away.log")"
end "$node"

step "a process refuses its configuration"
ended=0
"$reelyard" up --data "$data" --roles storage --storage-path /dev/null/nowhere >"$tmp/refused.log" 2>&1 || ended=$?
[ "$ended" -ne 0 ] || fail "up ended with $ended: $(tail -3 "$tmp/refused.log")"
ended=0
"$reelyard" up --data "$data" --writer 2 >"$tmp/refused.log" 2>&1 || ended=$?
[ "$ended" -eq 78 ] || fail "up --writer 2 ended with $ended"
grep -q 'DATABASE_URL' "$tmp/refused.log" || fail "$(tail -3 "$tmp/refused.log")"

step "a configuration with which a process does not start is taken back"
echo REELYARD_CLIP_WINDOW=9 >"$tmp/node.env"
start "$tmp/up.log" "$reelyard" up --data "$data" --http-port 0 --env-file "$tmp/node.env"
node=$last
await all_run
environment() { tr '\0' '\n' <"/proc/$(pid_of storage-1)/environ"; }
printf 'REELYARD_CLIP_WINDOW=9\nSTORAGE_PATH=/dev/null/nowhere\n' >"$tmp/node.env"
kill -HUP "$node"
await grep -q reload_refused "$tmp/up.log"
await all_run
! environment | grep -q nowhere || fail "storage-1 has the configuration that was refused"
echo REELYARD_NODE=other >"$tmp/node.env"
kill -HUP "$node"
await grep -q 'node cannot be changed' "$tmp/up.log"
printf 'REELYARD_CLIP_WINDOW=8\n' >"$tmp/node.env"
kill -HUP "$node"
await grep -q ' reloaded' "$tmp/up.log"
all_run >/dev/null || fail "not all run after the reload"
environment | grep -qx REELYARD_CLIP_WINDOW=8 || fail "storage-1 has not the new configuration"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/up.log")"

step "what stands still is not drained, and the exit code tells"
start "$tmp/up.log" "$reelyard" up --data "$data" --http-port 0 --drain-seconds 2
node=$last
await all_run
kill -STOP "$(pid_of scheduler-1)"
end "$node"
[ "$ended" -eq 1 ] || fail "the node ended with $ended: $(tail -5 "$tmp/up.log")"
grep -q drain_incomplete "$tmp/up.log" || fail "$(tail -5 "$tmp/up.log")"

step "a second SIGTERM ends at once"
start "$tmp/up.log" "$reelyard" up --data "$data" --http-port 0 --drain-seconds 600
node=$last
await all_run
kill -STOP "$(pid_of scheduler-1)"
kill -TERM "$node"
await grep -q stopping "$tmp/up.log"
end "$node"
[ "$ended" -eq 1 ] || fail "the node ended with $ended: $(tail -5 "$tmp/up.log")"
