#!/usr/bin/env bash
# One job on several nodes that share PostgreSQL and Redis and nothing else: A has everything but downloading and decoding, B downloads, C and
# D decode. Then D is killed in the middle and C is stopped for longer than a lease, and nothing is lost; last a node alone gets help.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

messages=$((2000 * scale)) clips=$((150 * scale))
export REELYARD_FLEET_KEY=$fleet_key REELYARD_MAIL_LEASE_SECONDS=2 REELYARD_MAIL_ATTEMPTS_MAX=100 REELYARD_CLIP_WINDOW=8
postgres_start
redis_start
discord_start "$messages" "$clips"
"$reelyard" migrate --data "$tmp/a" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
declare -A node
begin_node() {
    local name=$1
    shift
    start "$tmp/run-$name.log" env "$@" REELYARD_NODE="node-$name" REELYARD_HTTP_PORT=0 "$reelyard" "${verb[$name]:-run}" --data "$tmp/$name" --roles "${roles[$name]}"
    node[$name]=$last
}
declare -A verb=([d]=up) # D is a node of processes
declare -A roles=([a]="ingester,scanner,writer,storage,scheduler,monitor" [b]=downloader [c]=encoder [d]=encoder)
# A node without a writer tells no figures of the archive, and says so by its exit code.
counter() {
    "$reelyard" status --json --data "$tmp/$1" >"$tmp/status.json" 2>/dev/null || true
    jq -r ".node.counters.$2 // 0" "$tmp/status.json"
}
# What a host without PostgreSQL and Discord needs not know.
bare=(-u DATABASE_URL -u BOT_TOKEN)
# C has no other rights in Redis than docs/REDIS.md gives a host that helps.
read -ra rights <<<"$(sed -n 's/^ *ACL SETUSER helper //p' "$(dirname "$0")/../../docs/REDIS.md")"
# Redis keeps its users in its configuration, not with its data.
make_helper() {
    redis ACL SETUSER helper "${rights[@]}" >"$tmp/acl"
    grep -qx OK "$tmp/acl" || fail "ACL SETUSER: $(cat "$tmp/acl")"
}
make_helper
as_helper=(REDIS_URL="${REDIS_URL/:\/\//://helper:PASSWORD@}")

step "the job is done by four nodes"
begin_node a
begin_node b "${bare[@]}"
begin_node c "${bare[@]}" "${as_helper[@]}"
begin_node d "${bare[@]}"
known() { "$reelyard" status --cluster --data "$tmp/a" >"$tmp/cluster" && [ "$(grep -c '^node-[a-d] ' "$tmp/cluster")" -eq 4 ]; }
await known
both_decode() { [ "$(counter c encode_done)" -gt 0 ] && [ "$(counter d encode_done)" -gt 0 ]; }
cdn_gate close
scan_job
feed both_decode
cdn_gate open
await all_done
as_seed_says
thumbnails_whole "$tmp/a"
told() { # counters are told four times a second
    downloads=$(counter b download_requests) c=$(counter c encode_done) d=$(counter d encode_done)
    [ "$downloads" -ge "$clips" ] && [ $((c + d)) -ge "$clips" ]
}
await told
[ -z "$(redis ACL LOG)" ] || fail "Redis has refused something: $(redis ACL LOG)"
echo "B downloaded $downloads times, C decoded $c clips, D $d"

await known
for name in a b c d; do grep -q "^node-$name .*${roles[$name]%%,*}" "$tmp/cluster" || fail "status --cluster: $(cat "$tmp/cluster")"; done

"$reelyard" advise --seconds 1 --json --data "$tmp/a" >"$tmp/advice.json" || fail "advise: $(cat "$tmp/advice.json")"
others=$(jq -c '[.roles[] | select(.remote_instances > 0) | "\(.role) \(.remote_instances)"] | sort' "$tmp/advice.json")
[ "$others" = '["downloader 1","encoder 4"]' ] || fail "advise counts these instances of other nodes: $others"

step "D is killed, C stands still for longer than a lease, both come back"
again() {
    pg "UPDATE clip SET thumbnail_status = 'pending'; DELETE FROM thumbnail; DELETE FROM reelyard_clip_lease" >/dev/null
}
some_made() { [ "$(pg "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'")" -ge "$1" ]; }
# As seen by the others: its entry in Redis expires when it is not heard of.
unheard() { [ "$(redis EXISTS reelyard:node:node-c)" = 0 ]; }
cdn_gate close
again
feed some_made 5
end "${node[d]}" KILL
kill -STOP "${node[c]}"
cdn_gate open
await unheard
kill -CONT "${node[c]}"
begin_node d "${bare[@]}"
await clips_settled
thumbnails_whole "$tmp/a"
[ "$(redis XLEN reelyard:dead)" = 0 ] || fail "dead letters: $(redis XRANGE reelyard:dead - + COUNT 3)"
mail_empty() {
    local stream
    while read -r stream; do
        [ "$(redis XLEN "$stream")" = 0 ] || return 1
    done < <(redis --scan --pattern 'reelyard:mail:*' | grep -v ':node:') # words to a start that is gone expire
}
await mail_empty

step "Redis is killed and comes back"
cdn_gate close
again
feed some_made 5
redis_stop KILL
cdn_gate open
missed() { grep -q mail_away "$tmp/run-a.log" && grep -q mail_away "$tmp/run-b.log"; }
await missed
redis_start
make_helper
await clips_settled
thumbnails_whole "$tmp/a"
await mail_empty

for name in d c b a; do
    end "${node[$name]}"
    [ "$ended" -eq 0 ] || fail "node $name ended with $ended: $(tail -3 "$tmp/run-$name.log")"
done
