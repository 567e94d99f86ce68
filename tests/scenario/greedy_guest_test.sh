#!/usr/bin/env bash
# Encoders of other hosts whose keys are allowed send messages of 2 GB: of parts that are too large, of many parts of which each may be,
# and several such messages at once. Each connection is cut before the node has gathered much of it, and the node goes on.
. "$(dirname "$0")/scenario.sh"

greedy=$REELYARD_BUILD/tests/fakes_greedy
# What all of them together may have waiting (runtime/bus/intake.h), and what may come between two looks.
most_kb=$(((256 + 192) * 1024))

node_key=$("$reelyard" keys new "$tmp/node.key")
: >"$tmp/allow"
data=$tmp/data
export LOG_LEVEL=INFO
REELYARD_JOIN_BIND='tcp://127.0.0.1:*' REELYARD_JOIN_KEY=$tmp/node.key REELYARD_JOIN_ALLOW=$tmp/allow \
    start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 0
node=$last
await test -S "$data/run/node.sock"
at=$(sed -n 's/.*joinable endpoint=//p' "$tmp/run.log")
peak_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$node/status"; }
before_kb=$(peak_kb)

# send PARTS BYTES COUNT: so many at once, each with a key of its own, since that of one who was put out is barred.
names=0
send() {
    local senders=() i
    for ((i = 0; i < $3; i++)); do
        names=$((names + 1))
        printf '%s\n' "$("$reelyard" keys new "$tmp/gpu-$names.key")" >>"$tmp/allow"
        start "$tmp/greedy-$names.log" "$greedy" --join "$at" --key "$tmp/gpu-$names.key" --node-key "$node_key" \
            --name "greedy-$names@far" --parts "$1" --bytes "$2"
        senders+=("$last")
    done
    await cut_or_too_much "${senders[@]}"
    [ $(($(peak_kb) - before_kb)) -le "$most_kb" ] || fail "$3 messages of $1 parts of $2 bytes: the node grew from $before_kb to $(peak_kb) KiB"
    for ((i = names - $3 + 1; i <= names; i++)); do
        grep -qx cut "$tmp/greedy-$i.log" || fail "it ended otherwise: $(cat "$tmp/greedy-$i.log")"
    done
    "$reelyard" status --data "$data" >/dev/null || fail "the node does not answer"
    echo "$3 x $1 x $2 bytes: $before_kb KiB before, at most $(peak_kb)"
}
cut_or_too_much() {
    local pid
    [ $(($(peak_kb) - before_kb)) -le "$most_kb" ] || return 0
    for pid; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
}

step "parts that are too large"
send 20 100000000 1
step "many parts of the largest size"
send 125 16000000 1
step "several at once"
send 125 16000000 4
