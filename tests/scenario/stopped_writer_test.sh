#!/usr/bin/env bash
# The writer, a process of its own, is stopped (SIGSTOP) under full input: the node's memory grows by less than its mailboxes may
# hold, nothing is dropped, and when the writer goes on so does everything else.
. "$(dirname "$0")/scenario.sh"
stopped_s=${REELYARD_STOP_SECONDS:-0} # how long it stays stopped when memory stands still

media "$tmp/media" small
data=$tmp/data
rows() { sql "$data" "SELECT count(*) FROM message"; }
moving() { [ "$(rows)" -gt 0 ]; }
writes() { "$reelyard" status --data "$data" --json | jq -e '.node.instances[] | select(.role == "writer" and .remote)'; }
# stop_under_input MESSAGES: an import, whose writer is stopped when the first rows are there; fails if they were all there.
stop_under_input() {
    rm -rf "$data" "$tmp/export"
    "$export_gen" --out "$tmp/export" --media "$tmp/media" --messages "$1" --clips 300 --text-clips $(($1 / 2)) --seed 9
    start "$tmp/run.log" "$reelyard" run --data "$data" --writer 0 --mailbox 64 --mailbox-bytes 8388608
    node=$last
    await test -S "$data/run/node.sock"
    start "$tmp/writer.log" "$reelyard" actor writer --data "$data"
    writer=$last
    await writes
    works=$(writes | jq .pid) # the process that works, which may be another than the one that was started
    start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
    import=$last
    await moving
    kill -STOP "$works"
    [ "$(rows)" -lt $(($1 / 2 + 300)) ] # those with clips
}
messages=$((20000 * scale))
until stop_under_input "$messages"; do
    echo "$messages messages were read before the writer could be stopped: twice as many"
    messages=$((2 * messages))
    kill -CONT "$works"
    for pid in "$import" "$writer" "$node"; do end "$pid" KILL; done
done

rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
before=$(rss_kb "$node")
written=$(rows)
# At twenty looks there is no more memory than before.
looks=0 seen=0
stands_still() {
    local now
    now=$(rss_kb "$node")
    [ "$now" -eq "$seen" ] || looks=0
    seen=$now
    looks=$((looks + 1))
    [ "$looks" -ge 20 ]
}
await stands_still
sleep "$stopped_s"
after=$(rss_kb "$node")
# What the router knows is told all the same; what the writer would know is named as not answered.
timeout 60 "$reelyard" status --data "$data" --json >"$tmp/status.json" && fail "status says that all is well"
jq -e '(.node.instances | length > 0) and (.problems | any(startswith("archive: the writer did not answer within")))' "$tmp/status.json" >/dev/null ||
    fail "status says: $(cat "$tmp/status.json")"
timeout 60 "$reelyard" status --data "$data" >"$tmp/status.txt" 2>&1 && fail "status says that all is well"
grep -q '^archive  not known' "$tmp/status.txt" || fail "status says: $(cat "$tmp/status.txt")"
[ "$(rows)" = "$written" ] || fail "something wrote while the writer was stopped"
kill -CONT "$works"
# Eight mailboxes of 8 MiB each.
[ $((after - before)) -lt $((8 * 8192)) ] || fail "memory grew by $((after - before)) kB"
echo "stopped after $written messages: memory $before kB -> $after kB"
ended=0
wait "$import" || ended=$?
dump "$data" >"$tmp/dump"
"$reelyard" status --data "$data" --json | jq -e '[.node.roles[].dead] | add == 0' >/dev/null || fail "there are dead letters"
end "$writer"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended"
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" || true
dump "$tmp/calm" >"$tmp/calm.dump"
same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of an undisturbed run"
