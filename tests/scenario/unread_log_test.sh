#!/usr/bin/env bash
# Standard error is a pipe that is full and that nobody reads: the node starts, is ready, does its work, answers, is told to read its
# settings again, and ends when it is told to, under `run` as under `up`. Who reads at last finds lines, and how many are missing.
# Where input, output and error are closed, nothing that is opened later takes their numbers, and gets lines of the log.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 400 --clips 40 --seed 3
take_port
export REELYARD_HTTP_PORT=$port REELYARD_LOG_FORMAT=json LOG_LEVEL=DEBUG
jq -n '[range(1500) | {type: "message", guild_id: "1", channel_id: "2", message_ids: ["no id"]}]' >"$tmp/bad.json"
metric() { curl -fsS "http://127.0.0.1:$port/metrics" | awk -v name="reelyard_$1" '$1 == name { print $2 }'; }
ready() { curl -fsS "http://127.0.0.1:$port/ready"; }
dropped() { [ "$(metric log_dropped_total)" -gt 0 ]; }
for verb in run up; do
    step "$verb"
    data=$tmp/$verb
    mkfifo "$tmp/$verb.fifo"
    exec 9<>"$tmp/$verb.fifo" # held open, never read
    dd if=/dev/zero of="$tmp/$verb.fifo" oflag=nonblock bs=4096 count=1024 2>/dev/null && fail "the pipe is never full"
    "$reelyard" "$verb" --data "$data" >"$tmp/$verb.out" 2>"$tmp/$verb.fifo" &
    node=$!
    await ready
    "$reelyard" import --data "$data" "$tmp/export/export.json" >"$tmp/import.out" 2>&1
    [ "$(sql "$data" "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" = 40 ] || fail "not all clips are done"
    if [ "$verb" = up ]; then
        kill -HUP "$node"
        await ready
        encoder=$("$reelyard" status --data "$data" --json | jq '[.node.instances[] | select(.role == "encoder")][0].pid')
        kill -KILL "$encoder"
    fi
    # A dead letter is a line; so many are more than anybody keeps.
    "$reelyard" enqueue --data "$data" "$tmp/bad.json" >"$tmp/enqueue.out" 2>&1
    await dropped
    await ready
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended"
    exec 9<&-
    rm "$tmp/$verb.fifo"
done

step "closed"
"$reelyard" version >&- 2>"$tmp/closed.err" && fail "what cannot be written is not told"
grep -q "cannot write the output" "$tmp/closed.err" || fail "the error is: $(cat "$tmp/closed.err")"
for verb in run up; do
    "$reelyard" "$verb" --data "$tmp/closed-$verb" <&- >&- 2>&- &
    node=$!
    await ready
    for process in "$node" $(pgrep -P "$node"); do
        for descriptor in 0 1 2; do
            where=$(readlink "/proc/$process/fd/$descriptor")
            [ "$where" = /dev/null ] || fail "$verb: descriptor $descriptor of $(tr '\0' ' ' <"/proc/$process/cmdline") is $where"
        done
    done
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended"
done
