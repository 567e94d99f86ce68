#!/usr/bin/env bash
# An encoder that was taken over and uses up what it can, inside its sandbox: one that sends its node a message without an end is cut off before the node's memory
# has grown, counted and named; one that spins and hears nothing ends with its node, however that is killed.
. "$(dirname "$0")/scenario.sh"

"$reelyard" doctor --sandbox >"$tmp/doctor.log" 2>&1 ||
    skip "no whole sandbox can be had here: $(grep -m1 -E 'BAD|sanitizer' "$tmp/doctor.log")"
rogue=$REELYARD_BUILD/tests/fakes_rogue
export REELYARD_START_SECONDS=3600 # under up nothing else ends a rogue that does not join
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; } # KiB
said() { grep -q "rogue: $1" "$tmp/$2.log"; }

step "a message of 4 GiB in parts"
export REELYARD_NODE=endless
start "$tmp/endless.log" "$rogue" run --data "$tmp/endless" --encoder 1
node=$last
await test -S "$tmp/endless/run/node.sock"
await "$rogue" status --data "$tmp/endless" # it has all its memory
before=$(peak "$node")
await said sends endless
until grep -q 'sandbox_killed.*encoder-1.*too large, or has no end' "$tmp/endless.log"; do
    [ $(($(peak "$node") - before)) -le $((64 * 1024)) ] || fail "the node's memory grew from $before to $(peak "$node") KiB"
    sleep 0.1
done
[ $(($(peak "$node") - before)) -le $((64 * 1024)) ] || fail "the node's memory grew from $before to $(peak "$node") KiB"
echo "the node's memory: $before KiB before, at most $(peak "$node") KiB"
await grep -q 'child_died.*encoder-1.*way=limit' "$tmp/endless.log"
"$rogue" status --data "$tmp/endless" >"$tmp/status" || fail "the node does not answer"
grep -q '^encoder-1 .*a message too large' "$tmp/status" || fail "status does not name it: $(cat "$tmp/status")"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/endless.log")"

# It has ended; whoever is to wait for it may not have.
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }
# outside_of PID: the outer process of the encoder that it has started.
outside_of() {
    local pid
    for pid in $(children_of "$1"); do
        [ "$(cat "/proc/$pid/comm")" != sandbox-outside ] || echo "$pid"
    done
}
# ends_with KEEPER VICTIM: kills a node; its encoder and its outer process end.
ends_with() {
    local outer inner
    outer=$(outside_of "$1")
    inner=$(child_of "$outer")
    [ -n "$inner" ] || fail "there is no encoder in a sandbox: $(ps -ef)"
    kill -KILL "$2"
    await gone "$inner"
    await gone "$outer"
}
export REELYARD_NODE=spinning

step "the node of run is killed"
start "$tmp/run.log" "$rogue" run --data "$tmp/run" --encoder 1
await said spins run
ends_with "$last" "$last"

step "an import is killed"
media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 20 --clips 3 --seed 3
start "$tmp/import.log" "$rogue" import "$tmp/export/export.json" --data "$tmp/import" --encoder 1
await said spins import
ends_with "$last" "$last"

step "the supervisor of up is killed"
start "$tmp/up.log" "$rogue" up --data "$tmp/up" --encoder 1
await said spins up
ends_with "$last" "$last"

step "the router of up is killed"
start "$tmp/router.log" "$rogue" up --data "$tmp/router" --encoder 1
await said spins router
ends_with "$last" "$("$rogue" status --data "$tmp/router" --json | jq '.node.children[] | select(.role == "router") | .pid')"
end "$last"
