#!/usr/bin/env bash
# Instances that were taken over say every message about every subject in every state in which they should not, and
# nothing comes of it: rows, files, the queue, its dead letters, mailboxes and instances are as before. The work that
# they were given goes on with honest ones, and ends like an undisturbed one.
#
#   rogue_test.sh [WORLD...]   run, up, guest, relay; ROGUE_STEP=yes looks after each message, which tells which one it was
. "$(dirname "$0")/scenario.sh"

rogue=$REELYARD_BUILD/tests/fakes_rogue
read -ra worlds <<<"${*:-run up guest relay}"
# What a scenario sees must not depend on a wait that ends.
export REELYARD_CLIP_WINDOW=8 REELYARD_STUCK_SECONDS=86400 REELYARD_SANDBOX=off REELYARD_DRAIN_SECONDS=2 REELYARD_RESTART_MAX=63 REELYARD_MAIL_ATTEMPTS_MAX=100

# An archive with one guild whose clips are done, but for one that never will be, and an export of another guild.
mkdir "$tmp/media"
"$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/media" quad.mp4 rot90.mp4 vp8.webm
cp -r "$tmp/media" "$tmp/media-bad"
printf 'this is a text\n' >"$tmp/media-bad/text.mp4"
"$export_gen" --out "$tmp/archived" --media "$tmp/media-bad" --all-media --messages 12 --clips 8 --guild 41771983423143937 --channel 41771983423143938 --seed 1
"$export_gen" --out "$tmp/more" --media "$tmp/media" --messages 12 --clips 6 --guild 51771983423143937 --channel 51771983423143938 --seed 2
sed -i 's/"1297213/"1397213/g' "$tmp/more/export.json" # messages of its own, not those of the other guild
code=0
"$rogue" import "$tmp/archived/export.json" --data "$tmp/base" >"$tmp/base.log" 2>&1 || code=$?
[ "$code" -eq 1 ] || fail "the import with a text that is not a video ended with $code: $(cat "$tmp/base.log")"
cp -r "$tmp/base" "$tmp/calm"
"$rogue" import "$tmp/more/export.json" --data "$tmp/calm" >"$tmp/calm.log" 2>&1 || fail "the undisturbed import failed: $(cat "$tmp/calm.log")"
dump "$tmp/calm" >"$tmp/calm.dump"

# begin WORLD: a node whose working roles have no instance yet.
begin_run() {
    start "$tmp/node-run.log" "$rogue" run --data "$data" --scanner 0 --downloader 0 --encoder 0 --storage 0
    node=$last
}
start_run() { start "$tmp/run-$1-$((++names)).log" "$rogue" actor "$1" --data "$data" --name "$1-x$names"; }
begin_up() {
    start "$tmp/node-up.log" "$rogue" up --data "$data" --scanner 0 --downloader 0 --encoder 0 --storage 0
    node=$last
}
start_up() { await "$rogue" scale --data "$data" "$1=$2"; }
begin_guest() {
    node_key=$("$rogue" keys new "$tmp/node.key")
    : >"$tmp/allow"
    REELYARD_JOIN_BIND='tcp://127.0.0.1:*' REELYARD_JOIN_KEY=$tmp/node.key REELYARD_JOIN_ALLOW=$tmp/allow LOG_LEVEL=INFO \
        start "$tmp/node-guest.log" "$rogue" run --data "$data" --encoder 0
    node=$last
    await grep -q 'joinable endpoint=' "$tmp/node-guest.log"
    at=$(sed -n 's/.*joinable endpoint=//p' "$tmp/node-guest.log")
}
start_guest() { # each with a key of its own: that of one that was put out may be barred
    names=$((names + 1))
    printf '%s gpu\n' "$("$rogue" keys new "$tmp/gpu-$names.key")" >>"$tmp/allow"
    REELYARD_JOIN_KEY=$tmp/gpu-$names.key REELYARD_JOIN_NODE_KEY=$node_key TMPDIR=$tmp \
        start "$tmp/guest-$1-$names.log" "$rogue" actor "$1" --join "$at" --name "x$names@far"
}

# A node of a fleet, alone, and somebody who can write to its Redis. There is no work: all is as it was.
begin_relay() {
    start "$tmp/node-relay.log" "$rogue" run --data "$data" --encoder 1
    node=$last
}

names=0 total=0 failed=()
for world in "${worlds[@]}"; do
    step "$world"
    data=$tmp/data-$world
    cp -r "$tmp/base" "$data"
    export ROGUE_CONTROL=$data/run/rogue.ctl
    install -d -m 0700 "$data/run"
    if [ "$world" = relay ]; then
        find_redis
        take_port
        start "$tmp/redis.log" "$redis_name-server" --port "$port" --bind 127.0.0.1 --dir "$tmp" --save ''
        await "$redis_name-cli" -p "$port" PING
        # Rows are in the data folder.
        export REDIS_URL=redis://127.0.0.1:$port/0 REELYARD_DATABASE=sqlite
        export REELYARD_FLEET_KEY=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    fi
    exec 5< <("$rogue" judge "$world" --data "$data" ${ROGUE_STEP:+--step})
    judge=$!
    bad=
    while read -r -u 5 word rest; do
        case $word in
        ready)
            "begin_$world"
            await test -S "$data/run/node.sock"
            [ "$world" = relay ] || start "$tmp/import-$world.log" "$rogue" import "$tmp/more/export.json" --data "$data"
            import=$last
            ;;
        start) "start_$world" ${rest} ;;
        cells) total=$((total + ${rest#* })) && echo "$word $rest" ;;
        bad) bad=${rest#* } && echo "$word $rest" ;;
        *) echo "$word $rest" ;;
        esac
    done
    exec 5<&-
    code=0
    wait "$judge" || code=$?
    [ -n "$bad" ] && [ "$code" -lt 2 ] || fail "$world: nothing was judged"
    [ "$bad" = 0 ] || failed+=("$world")
    ended=0
    if [ "$world" = relay ]; then
        dump "$tmp/base" >"$tmp/calm.dump"
    else
        wait "$import" || ended=$?
    fi
    [ "$ended" -eq 0 ] || fail "$world: the import ended with $ended: $(tail -5 "$tmp/import-$world.log")"
    end "$node"
    dump "$data" >"$tmp/$world.dump"
    same "$tmp/calm.dump" "$tmp/$world.dump" "$world: not the rows and files of an undisturbed run"
done
echo "$total cells"
[ ${#failed[@]} -eq 0 ] || fail "cells had an effect: ${failed[*]}"
