#!/usr/bin/env bash
# Two nodes on the same streams and database share one scan: exactly the seed's rows and files, and neither is idle: each did jobs and
# each made thumbnails.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"

messages=$((6000 * scale)) clips=$((400 * scale))
postgres_start
redis_start
discord_start "$messages" "$clips"
"$reelyard" migrate --data "$tmp/a" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
export STORAGE_PATH=$tmp/a/storage # both write to one storage, as two nodes of one host would

declare -A node
for which in a b; do
    start "$tmp/run-$which.log" env REELYARD_NODE="node-$which" "$reelyard" run --data "$tmp/$which"
    node[$which]=$last
done
up() { "$reelyard" status --json --data "$tmp/$1" >"$tmp/status-$1.json" 2>/dev/null; }
await up a
await up b
scan_job
await all_done
as_seed_says
thumbnails_whole "$tmp/a"

step "each did a share"
sleep 1 # instances report their counters four times a second
for which in a b; do
    up "$which" || fail "node $which does not answer"
    read -r jobs clips_made < <(jq -r '[.node.counters.jobs_done, .node.counters.clips_completed] | @tsv' "$tmp/status-$which.json")
    echo "node $which: $jobs of $((messages / 100)) jobs, $clips_made of $clips clips"
    [ "$jobs" -ge $((messages / 100 / 20)) ] || fail "node $which did $jobs jobs"
    [ "$clips_made" -ge $((clips / 20)) ] || fail "node $which made the thumbnails of $clips_made clips"
done
for which in a b; do
    end "${node[$which]}"
    [ "$ended" -eq 0 ] || fail "node $which ended with $ended: $(tail -3 "$tmp/run-$which.log")"
done
