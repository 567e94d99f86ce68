#!/usr/bin/env bash
# Two nodes on one Redis, of which one decodes: without a key they exchange nothing and say what to do; with one they are whole. Then
# somebody who has Redis and no key writes there: nothing comes of it, and the node says so.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"

redis_start --loglevel warning
unset DATABASE_URL
key=$tmp/fleet.key
take_port
http=$port
declare -A node
# begin NAME VARIABLE=VALUE...: a has all roles but the encoder's, b the encoder as processes.
begin() {
    local name=$1
    shift
    case $name in
    a) start "$tmp/run-a.log" env "$@" REELYARD_NODE=a REELYARD_HTTP_PORT="$http" "$reelyard" run --data "$tmp/a" --encoder 0 ;;
    b) start "$tmp/run-b.log" env "$@" REELYARD_NODE=b REELYARD_HTTP_PORT=0 "$reelyard" up --data "$tmp/b" --roles encoder,relay ;;
    esac
    node[$name]=$last
}
# ready CODE TEXT: /ready of a has this code, and says this.
ready() { [ "$(curl -s -o "$tmp/ready" -w '%{http_code}' "http://127.0.0.1:$http/ready")" = "$1" ] && grep -q "$2" "$tmp/ready"; }
status() { "$reelyard" status --data "$tmp/$1" >"$tmp/status" 2>&1 && grep -q "$2" "$tmp/status"; }
logged() { grep -q "$2" "$tmp/run-$1.log"; }
stop_all() {
    local name
    for name in b a; do
        end "${node[$name]}"
        [ "$ended" -eq 0 ] || fail "node $name ended with $ended: $(tail -3 "$tmp/run-$name.log")"
    done
}

step "without a key nothing crosses, and both say what helps"
begin a
begin b
await logged a relay_has_no_key
await logged b relay_has_no_key
await ready 503 "relay: another node (b) shares this Redis, and this one has no fleet key"
await status a "reelyard keys fleet FILE"
[ "$(redis EXISTS reelyard:mail:encoder)" = 0 ] || fail "a gave mail away"
stop_all

step "a key that others may read is not used"
id=$("$reelyard" keys fleet "$key") || fail "keys fleet"
[ "$(stat -c %a "$key")" = 600 ] || fail "the key file has the mode $(stat -c %a "$key")"
! "$reelyard" keys fleet "$key" >"$tmp/out" 2>&1 && grep -q "exists already" "$tmp/out" || fail "the key was written over: $(cat "$tmp/out")"
chmod 0640 "$key"
code=0
REELYARD_FLEET_KEY_FILE=$key "$reelyard" run --data "$tmp/a" >"$tmp/out" 2>&1 || code=$?
[ "$code" -eq 78 ] && grep -q "chmod 600" "$tmp/out" || fail "ended with $code: $(cat "$tmp/out")"
chmod 0600 "$key"

step "with a key the nodes are whole"
begin a REELYARD_FLEET_KEY_FILE="$key"
begin b REELYARD_FLEET_KEY="$(cat "$key")"
await ready 200 '"ready":true'
REELYARD_FLEET_KEY_FILE=$key "$reelyard" status --cluster --data "$tmp/a" >"$tmp/out" || fail "status --cluster: $(cat "$tmp/out")"
grep -q '^b .*encoder' "$tmp/out" || fail "status --cluster: $(cat "$tmp/out")"
redis GET reelyard:node:a | head -n 1 | grep -qaE "^${id}[0-9a-f]{64}$" || fail "the record of a bears no seal of the key $id: $(redis GET reelyard:node:a | head -n 1)"

step "the key is in the environment of the relay alone"
for pid in $(pgrep -P "${node[b]}"); do
    role=$(tr '\0' ' ' <"/proc/$pid/cmdline")
    has=$(grep -c "$(cat "$key")" "/proc/$pid/environ" || true)
    case $role in
    *" relay "*) [ "$has" -gt 0 ] || fail "the relay has no key: $role" ;;
    *) [ "$has" -eq 0 ] || fail "this process has the key: $role" ;;
    esac
done

step "who has no key is refused, and named"
owner=$(REELYARD_FLEET_KEY_FILE=$key "$reelyard" status --cluster --json --data "$tmp/a" | jq -r '.nodes[] | select(.node == "a").owner')
for ((i = 0; i < 50; i++)); do
    redis XADD reelyard:mail:scanner '*' from "$owner" id 7 home "$owner" origin 7 mail x seal "$id$(printf '0%.0s' {1..64})" >/dev/null
    redis XADD "reelyard:mail:node:$owner" '*' kind settled id 7 >/dev/null
done
redis SADD reelyard:nodes evil >/dev/null
redis EVAL "return redis.call('SET', 'reelyard:node:evil', '\\n' .. cmsgpack.pack({'evil/1', {{'scanner', 1, 1}}, 0, 0, 0}))" 0 >/dev/null
redis SET reelyard:mail:storage "no stream at all" >/dev/null
refused() {
    curl -fsS "http://127.0.0.1:$http/metrics" >"$tmp/metrics"
    awk '$1 == "reelyard_relay_refused_total" { refused = $2 } $1 == "reelyard_relay_aside_total" { aside = $2 } END { exit !(refused >= 101 && aside >= 1) }' "$tmp/metrics"
}
await refused
await status a "^refused  1[0-9][0-9] entries in Redis rejected: not of this fleet"
logged a relay_refused || fail "no line in the log"
[ "$(grep -c relay_refused "$tmp/run-a.log")" -lt 20 ] || fail "a line in the log for each"
await ready 200 "reelyard:node evil: it has no seal"
[ "$(redis EXISTS reelyard:malformed:reelyard:mail:storage)" = 1 ] || fail "the key of another type is not put aside"
stop_all
