#!/usr/bin/env bash
# The writer, a process of its own, is stopped (SIGSTOP) under full input: the node's memory grows by less than its mailboxes may
# hold, nothing is dropped, and when the writer goes on so does everything else.
. "$(dirname "$0")/scenario.sh"
stopped_s=${REELYARD_STOP_SECONDS:-20}

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages $((60000 * scale)) --clips 300 --text-clips $((30000 * scale)) --seed 9
"$reelyard" import "$tmp/export/export.json" --data "$tmp/calm" >"$tmp/calm.log" || true
dump "$tmp/calm" >"$tmp/calm.dump"

data=$tmp/data
start "$tmp/run.log" "$reelyard" run --data "$data" --writer 0 --mailbox 64 --mailbox-bytes 8388608
node=$last
await test -S "$data/run/node.sock"
start "$tmp/writer.log" "$reelyard" actor writer --data "$data"
writer=$last
start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
import=$last
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
moving() { [ "$(sql "$data" "SELECT count(*) FROM clip")" -ge 2000 ]; }
await moving
kill -STOP "$writer"
sleep 1
before=$(rss_kb "$node")
rows=$(sql "$data" "SELECT count(*) FROM clip")
sleep "$stopped_s"
after=$(rss_kb "$node")
[ "$(sql "$data" "SELECT count(*) FROM clip")" = "$rows" ] || fail "something wrote while the writer was stopped"
kill -CONT "$writer"
# Eight mailboxes of 8 MiB each.
[ $((after - before)) -lt $((8 * 8192)) ] || fail "memory grew by $((after - before)) kB"
echo "stopped for $stopped_s s: memory $before kB -> $after kB"
ended=0
wait "$import" || ended=$?
dump "$data" >"$tmp/dump"
same "$tmp/calm.dump" "$tmp/dump" "not the rows and files of an undisturbed run"
"$reelyard" status --data "$data" --json | jq -e '[.node.roles[].dead] | add == 0' >/dev/null || fail "there are dead letters"
end "$writer"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended"
