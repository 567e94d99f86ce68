#!/usr/bin/env bash
# hosts_bench.sh BUILD: one node gives work to 1, 2, 4 and 8 hosts over a real Redis. An encoder is a stub that rests 200 ms for each mail of
# 256 KiB, so what is measured is what the relay loses; the aim is 0.9 of linear. Then the time to an answer for a question
# of priority CONTROL behind a hundred mails of backfill that take a writer elsewhere 20 ms each.
set -euo pipefail
program=$1/tests/bench_hosts_bench
work=$(mktemp -d "${TMPDIR:-/tmp}/reelyard-hosts.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
port=$((20000 + RANDOM % 12000))
redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save '' >"$work/redis.log" 2>&1 &
pids+=($!)
export REDIS_URL=redis://127.0.0.1:$port/0
REELYARD_FLEET_KEY=$(od -An -tx1 -v -N32 /dev/urandom | tr -d ' \n')
export REELYARD_FLEET_KEY
until redis-cli -p "$port" PING >/dev/null 2>&1; do sleep 0.1; done

mkfifo "$work/hold"
exec 7<>"$work/hold" # the hosts' standard input: it never ends, they are ended by id
names=0
# hosts N ROLE MS: until there are N of them and everybody has said so.
hosts() {
    while [ "$names" -lt "$1" ]; do
        names=$((names + 1))
        "$program" host "$2" "$2-$names" "$3" <&7 >"$work/host-$names.log" 2>&1 7>&- &
        pids+=($!)
    done
    until [ "$(redis-cli -p "$port" --raw EVAL "local n = 0 for _, k in ipairs(redis.call('KEYS', 'reelyard:node:$2*')) do
        if #cmsgpack.unpack(redis.call('GET', k):match('\\n(.*)'))[2] > 0 then n = n + 1 end end return n" 0)" = "$1" ]; do sleep 0.2; done
}

echo "| hosts | mails/s | of linear |"
echo "| ---: | ---: | ---: |"
for n in 1 2 4 8; do
    hosts "$n" encoder 200
    rate=$("$program" encode $((n * 40)) $((n * 2 + 2)) 262144)
    awk -v n="$n" -v rate="$rate" 'BEGIN { printf "| %d | %.2f | %.2f |\n", n, rate, rate / (n * 5) }'
done
redis-cli -p "$port" FLUSHALL >/dev/null
names=0
hosts 1 writer 20
read -r median longest < <("$program" control 40)
echo
echo "question of priority CONTROL behind backfill, 20 ms a mail: median $median ms, longest $longest ms"
