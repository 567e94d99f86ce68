#!/usr/bin/env bash
# A job that takes more than five times its lease is worked on once: its lease is renewed, a second reelyard on the same streams leaves it
# alone, and gives its time to others.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/production.sh"
lease_s=3
export REELYARD_LEASE_SECONDS=$lease_s
postgres_start
redis_start
discord_start 1000 40
"$reelyard" migrate --data "$tmp/a" >"$tmp/migrate.log" || fail "migrate: $(cat "$tmp/migrate.log")"
guild_rows
export STORAGE_PATH=$tmp/a/storage
start "$tmp/run-a.log" env REELYARD_NODE=node-a "$reelyard" run --data "$tmp/a"
a=$last
start "$tmp/run-b.log" env REELYARD_NODE=node-b "$reelyard" run --data "$tmp/b"
b=$last
# One slice of ten pages, of which the fourth does not come.
pages_gate let=3
scan_job 1000
# pending: how many entries are leased, the first one's id, and by whom.
pending() { redis XPENDING "jobs:guild:$guild:batch" worker_group | awk '{ line[NR] = $0 } END { print line[1], line[2], line[NR - 1] }'; }
leased() { [ "$(pending | cut -d' ' -f1)" = 1 ]; }
await leased
await page_waits
holder=$(pending)
since=$(redis TIME | head -n 1)
entry=$(cut -d' ' -f2 <<<"$holder")
# The job that goes on from this one is another entry, which anybody may take.
changed=
held_by_one() {
    local now
    now=$(pending)
    [ "$(cut -d' ' -f2 <<<"$now")" != "$entry" ] || [ "$now" = "$holder" ] || changed=$now
    "$@"
}
five_leases_passed() { [ "$(redis TIME | head -n 1)" -gt $((since + 5 * lease_s)) ]; }
succeeded() { [ "$(scan_status)" = SUCCEEDED ]; }
await held_by_one five_leases_passed
page_waits || fail "the job did not wait for its page"
pages_gate open
await held_by_one succeeded
[ -z "$changed" ] || fail "the lease went from $holder to $changed"
await all_done
as_seed_says
# Ten full pages, and one that finds the channel's beginning.
pages=$(discord_stat messages)
[ "$pages" -ge 10 ] && [ "$pages" -le 11 ] || fail "the history was read in $pages pages, so by more than one"
end "$a"
[ "$ended" -eq 0 ] || fail "node a ended with $ended"
end "$b"
[ "$ended" -eq 0 ] || fail "node b ended with $ended"
