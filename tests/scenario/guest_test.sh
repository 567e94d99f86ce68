#!/usr/bin/env bash
# An encoder that joined over TCP makes the thumbnails of an import. The way is cut in silence, its process is killed, and
# so is what keeps it: it joins again by itself, its mail is done again, and nothing is lost. Who has no key gets nowhere.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
cdn_start "$tmp/media"
export REELYARD_CLIP_WINDOW=8
"$export_gen" --out "$tmp/export" --media "$tmp/media" --base "$cdn" --messages $((500 * scale)) --clips $((300 * scale)) --seed 13
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" 2>&1 || fail "the undisturbed import failed"
dump "$tmp/calm" >"$tmp/calm.dump"

node_key=$("$reelyard" keys new "$tmp/node.key")
gpu_key=$("$reelyard" keys new "$tmp/gpu.key")
"$reelyard" keys new "$tmp/stranger.key" >"$tmp/stranger.pub"
printf '# encoders\n%s gpu\n' "$gpu_key" >"$tmp/allow"
# A port that nobody listens on: the node says which it got.
data=$tmp/data
export LOG_LEVEL=INFO
REELYARD_JOIN_BIND='tcp://127.0.0.1:*' REELYARD_JOIN_KEY=$tmp/node.key REELYARD_JOIN_ALLOW=$tmp/allow \
    start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 0
node=$last
await test -S "$data/run/node.sock"
at=$(sed -n 's/.*joinable endpoint=//p' "$tmp/run.log")
[ -n "$at" ] || fail "the node does not listen: $(cat "$tmp/run.log")"

# guest LOG KEY NODE_KEY: an encoder of another host.
guest() {
    TMPDIR=$tmp REELYARD_JOIN_KEY=$2 REELYARD_JOIN_NODE_KEY=$3 start "$1" "$reelyard" actor encoder --join "$at" --name gpu@far
}
state() { "$reelyard" status --data "$data" --json | jq -r "$1"; }
encoders() { [ "$(state '[.node.instances[] | select(.role == "encoder")] | length')" -eq "$1" ]; }
done_by() { [ "$(state '[.node.instances[] | select(.role == "encoder") | .done] | add // 0')" -ge "$1" ]; }
# Counted from the encoder that stays: one that was told to stop while it joined may have been let in for a moment.
joins() { [ "$(grep -c guest_joined "$tmp/run.log")" -ge $((earlier_joins + $1)) ]; }
losses() { [ "$(grep -c guest_lost "$tmp/run.log")" -ge $((earlier_losses + $1)) ]; }
# The process that decodes: the youngest below the one that was started.
decoder() {
    local pid=$1 child
    while child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) && [ -n "$child" ]; do
        pid=${child%% *}
    done
    echo "$pid"
}

step "strangers"
guest "$tmp/stranger.log" "$tmp/stranger.key" "$node_key"
ended=0
wait "$last" || ended=$?
[ "$ended" -eq 78 ] || fail "an unknown key ended with $ended: $(cat "$tmp/stranger.log")"
grep -q 'does not know this key' "$tmp/stranger.log" || fail "no reason: $(cat "$tmp/stranger.log")"
grep -q "join_refused .*key=$(cat "$tmp/stranger.pub")" "$tmp/run.log" || fail "the node did not tell: $(cat "$tmp/run.log")"
refused() { [ "$(state .node.rejected)" -ge "$1" ]; }
await refused 1
guest "$tmp/wrong.log" "$tmp/gpu.key" "$(cat "$tmp/stranger.pub")"
await grep -q 'another key than REELYARD_JOIN_NODE_KEY' "$tmp/wrong.log"
end "$last"
[ "$ended" -eq 0 ] || fail "one that tries ended with $ended on SIGTERM: $(cat "$tmp/wrong.log")"
! grep -q guest_joined "$tmp/run.log" || fail "a stranger has joined"
# A node that takes the connection and says nothing: the stop comes in the middle of a try.
kill -STOP "$node"
guest "$tmp/waiting.log" "$tmp/gpu.key" "$node_key"
has_child() { [ -n "$(cat "/proc/$last/task/$last/children" 2>/dev/null)" ]; }
await has_child
end "$last"
kill -CONT "$node"
[ "$ended" -eq 0 ] || fail "one that waits for an answer ended with $ended on SIGTERM: $(cat "$tmp/waiting.log")"
code=0
REELYARD_JOIN_KEY=$tmp/gpu.key REELYARD_JOIN_NODE_KEY=$node_key "$reelyard" actor writer --join "$at" \
    >"$tmp/writer.log" 2>&1 || code=$?
[ "$code" -eq 2 ] || fail "a writer ended with $code: $(cat "$tmp/writer.log")"

step "what cannot be joined"
# refuses CODE WORDS...: an encoder with these words, and the keys of the environment, ends at once.
refuses() {
    local want=$1 code=0
    shift
    timeout "$patience" "$reelyard" actor encoder "$@" >"$tmp/refuses.log" 2>&1 || code=$?
    [ "$code" -eq "$want" ] || fail "actor encoder $* ended with $code, not $want: $(cat "$tmp/refuses.log")"
}
refuses 78 --join "$at"
export REELYARD_JOIN_NODE_KEY=$node_key
refuses 78 --join "$at"
export REELYARD_JOIN_KEY=$tmp/nowhere
refuses 78 --join "$at"
install -m 0644 "$tmp/gpu.key" "$tmp/open.key"
export REELYARD_JOIN_KEY=$tmp/open.key
refuses 78 --join "$at"
export REELYARD_JOIN_KEY=$tmp/gpu.key
for address in tcp:// tcp://host tcp://:7800 tcp://host: tcp://host:0 tcp://host:65536 tcp://host:http 'tcp://[]:7800' udp://host:1; do
    refuses 2 --join "$address"
done
export REELYARD_JOIN_NODE_KEY=${node_key%?}
refuses 78 --join "$at"
unset REELYARD_JOIN_KEY REELYARD_JOIN_NODE_KEY

step "an encoder of another host"
await encoders 0
earlier_joins=$(grep -c guest_joined "$tmp/run.log") || true
earlier_losses=$(grep -c guest_lost "$tmp/run.log") || true
guest "$tmp/gpu.log" "$tmp/gpu.key" "$node_key"
gpu=$last
await encoders 1
pid=$(decoder "$gpu")
if grep -q ' sandboxed ' "$tmp/gpu.log"; then
    [ -z "$(ls -A "/proc/$pid/root/")" ] || fail "it sees files: $(ls -A "/proc/$pid/root/")"
    [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink "/proc/$$/ns/net")" ] || fail "it has the host's network"
    grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status" || fail "it has no filter"
fi
cdn_gate close
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
import=$last
feed done_by 5

step "the way is cut in silence"
kill -STOP "$gpu" # what carries the bytes
await losses 1
encoders 0 || fail "the node keeps one that it has lost"
kill -CONT "$gpu"
await joins 2
feed done_by 5

step "the node is silent"
kill -STOP "$node"
await grep -q node_silent "$tmp/gpu.log"
kill -CONT "$node"
await joins 3
feed done_by 5

step "it dies at its work"
kill -KILL "$(decoder "$gpu")"
await joins 4
feed done_by 5

step "what keeps it dies"
pid=$(decoder "$gpu")
end "$gpu" KILL
gone() { [ ! -e "/proc/$pid" ]; }
await gone
await encoders 0
guest "$tmp/gpu2.log" "$tmp/gpu.key" "$node_key"
gpu=$last
await joins 5

cdn_gate open
ended=0
wait "$import" || ended=$?
[ "$ended" -eq 0 ] || fail "the import ended with $ended: $(tail -20 "$tmp/import.log")"
[ "$(state .node.rejected)" -ge 1 ] || fail "nothing was refused"
end "$gpu"
[ "$ended" -eq 0 ] || fail "the encoder ended with $ended on SIGTERM: $(cat "$tmp/gpu2.log")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended on SIGTERM: $(tail -20 "$tmp/run.log")"
dump "$data" >"$tmp/dump"
same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of an undisturbed run"
! grep -rq "$(cat "$tmp/gpu.key")" "$tmp"/*.log || fail "a secret key stands in a log"
[ "$(find "$tmp" -maxdepth 1 -name 'reelyard-guest.*' | wc -l)" -eq 1 ] || fail "not only the killed one left its folder"
