#!/usr/bin/env bash
# Three hosts with a network between them, each a network namespace of its own: A has all but the hard work, PostgreSQL, Redis and the
# fakes; B and C download and decode. B is cut off in the middle of its work, C is killed and comes back, and both lines are slow
# and lose packets; nothing is lost. The namespaces belong to this process's own, so they go with it, however it ends.
inside=${REELYARD_INSIDE_NETWORK:-}
if [ -z "$inside" ]; then
    command -v ip >/dev/null || {
        echo "skipped: there is no ip (Debian package iproute2)"
        exit 77
    }
    if [ "$(id -u)" -ne 0 ] || ! unshare --net --mount true 2>/dev/null; then
        echo "skipped: namespaces cannot be made here: run as root (or with CAP_SYS_ADMIN and CAP_NET_ADMIN)"
        exit 77
    fi
    REELYARD_INSIDE_NETWORK=yes exec unshare --net --mount "$0" "$@"
fi
. "$(dirname "$0")/scenario.sh"

a_address=10.77.0.1
# host NAME ADDRESS: a namespace with one line to A's bridge; A's end of it is line-NAME.
host() {
    ip netns add "$1"
    ip link add "line-$1" type veth peer name eth0 netns "$1"
    ip link set "line-$1" master hosts up
    nsenter --net="/run/netns/$1" ip link set lo up
    nsenter --net="/run/netns/$1" ip addr add "$2/24" dev eth0
    nsenter --net="/run/netns/$1" ip link set eth0 up
}
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
ip link set lo up
if ! ip link add hosts type bridge 2>"$tmp/ip.log" || ! ip link add probe type veth peer name probe2 2>"$tmp/ip.log"; then
    skip "this kernel makes no bridge or no veth pair: $(cat "$tmp/ip.log")"
fi
ip link del probe
ip addr add "$a_address/24" dev hosts
ip link set hosts up
host b 10.77.0.2
host c 10.77.0.3

. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"
messages=$((1000 * scale)) clips=$((120 * scale)) cut_seconds=${REELYARD_CUT_SECONDS:-10} cdn_address=$a_address
export REELYARD_FLEET_KEY=$fleet_key REELYARD_MAIL_LEASE_SECONDS=3 REELYARD_MAIL_ATTEMPTS_MAX=100 REELYARD_CLIP_WINDOW=8
postgres_start
redis_start --bind "$a_address" 127.0.0.1 --protected-mode no
redis_line=redis://$a_address:$redis_port/0
discord_start "$messages" "$clips"
"$reelyard" migrate --data "$tmp/a" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows

declare -A node
begin_a() {
    start "$tmp/run-a.log" env REELYARD_NODE=host-a "$reelyard" run --data "$tmp/a" --roles ingester,scanner,writer,scheduler,monitor,storage
    node[a]=$last
}
# begin_host NAME: reelyard on B or C, which knows nothing but where Redis is.
begin_host() {
    start "$tmp/run-$1.log" nsenter --net="/run/netns/$1" env -u DATABASE_URL -u BOT_TOKEN -u REELYARD_DISCORD_API REDIS_URL="$redis_line" \
        REELYARD_NODE="host-$1" "$reelyard" run --data "$tmp/$1" --roles downloader,encoder
    node[$1]=$last
}
counter() {
    "$reelyard" status --json --data "$tmp/$1" >"$tmp/status.json" 2>/dev/null || true
    jq -r ".node.counters.$2 // 0" "$tmp/status.json"
}
again() { pg "UPDATE clip SET thumbnail_status = 'pending'; DELETE FROM thumbnail; DELETE FROM reelyard_clip_lease" >/dev/null; }
some_made() { [ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" -ge "$1" ]; }
no_dead_letters() { [ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 3)"; }
mail_empty() {
    local stream
    while read -r stream; do
        [ "$(redis XLEN "$stream")" = 0 ] || return 1
    done < <(redis --scan --pattern 'reelyard:mail:*' | grep -v ':node:') # words to a start that is gone expire
}
settled_whole() {
    await clips_settled
    thumbnails_whole "$tmp/a"
    no_dead_letters
    await mail_empty
}
decodes_more_than() { [ "$(counter b encode_done)" -gt "$1" ]; }

step "the job is done on three hosts"
begin_a
begin_host b
begin_host c
scan_job
await all_done
as_seed_says
thumbnails_whole "$tmp/a"
await decodes_more_than 0
for name in b c; do echo "$name downloaded $(counter $name download_requests) times and decoded $(counter $name encode_done)"; done

step "B is cut off for $cut_seconds s and C killed, in the middle of their work"
cdn_gate close
again
feed some_made 5
ip link set line-b down
end "${node[c]}" KILL
begin_host c
cdn_gate open
since=$(redis TIME | head -n 1)
cut_long() { [ "$(redis TIME | head -n 1)" -gt $((since + cut_seconds)) ] && [ "$(redis EXISTS reelyard:node:host-b)" = 0 ]; }
await cut_long
ip link set line-b up
settled_whole

step "B is back by itself"
before=$(counter b encode_done)
cdn_gate close
again
feed decodes_more_than "$before"
cdn_gate open
settled_whole

step "lines of 50 ms that lose 2 % of the packets"
poor_lines() {
    local name
    for name in b c; do
        tc qdisc add dev "line-$name" root netem delay 50ms loss 2% 2>"$tmp/tc.log" || return 1
        nsenter --net="/run/netns/$name" tc qdisc add dev eth0 root netem delay 50ms loss 2% 2>"$tmp/tc.log" || return 1
    done
}
if ! poor_lines; then
    echo "this kernel has no netem ($(head -1 "$tmp/tc.log")): Redis is reached over a fake of such a line"
    fake link --address "$a_address" --port 0 --to "127.0.0.1:$redis_port" --delay-ms 50 --loss-percent 2
    redis_line=redis://$a_address:$fake_port/0
    for name in b c; do
        end "${node[$name]}"
        begin_host "$name"
    done
fi
again
settled_whole

for name in c b a; do
    end "${node[$name]}"
    [ "$ended" -eq 0 ] || fail "host $name ended with $ended: $(tail -3 "$tmp/run-$name.log")"
done
