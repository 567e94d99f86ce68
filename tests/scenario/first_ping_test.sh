#!/usr/bin/env bash
# From the first good ping on a node is there for commands: an import, a question, jobs, each right behind it, wait for instances that
# are still on their way instead of failing.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 6 --clips 3 --seed 3
jq -n '{type: "rescan", guild_id: "1", channel_id: "2"}' >"$tmp/job.json"
# right_behind_ping VERB COMMAND...: starts a node, and runs the command as soon as a ping is answered.
right_behind_ping() {
    local verb=$1 node
    shift
    rm -rf "$tmp/data"
    start "$tmp/node.log" "$reelyard" "$verb" --data "$tmp/data"
    node=$last
    until "$reelyard" ping --data "$tmp/data" >/dev/null 2>&1; do kill -0 "$node" || fail "$(cat "$tmp/node.log")"; done
    "$reelyard" "$@" --data "$tmp/data" >"$tmp/out" 2>&1 || fail "$verb, $1: $(cat "$tmp/out")"
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended: $(cat "$tmp/node.log")"
}
for verb in run up; do
    step "$verb"
    for _ in 1 2 3; do
        right_behind_ping "$verb" import "$tmp/export/export.json"
        right_behind_ping "$verb" failed list
        right_behind_ping "$verb" enqueue "$tmp/job.json"
    done
done
