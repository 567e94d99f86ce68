#!/usr/bin/env bash
# chaos.sh [ROUNDS]: the scenarios of bad days, longer and larger than in the tests: an import of ten times the size killed at random
# moments, ROUNDS times over (10), and a node that keeps originals; a writer that stands still for a minute; a scan while PostgreSQL, Redis and reelyard itself are
# restarted and killed; processes of `reelyard up` that die every 5 s for 10 minutes; mailboxes of one place under full load, ROUNDS times; hosts
# of which one is cut off for a minute (where this machine has network namespaces, and at the size of the test: its lines are slow); an
# encoder that was taken over, for 10 minutes (taken_over.sh).
set -euo pipefail
rounds=${1:-10}
here=$(cd "$(dirname "$0")/../scenario" && pwd)
export REELYARD_SCALE=${REELYARD_SCALE:-10} REELYARD_KILL_ROUNDS=$rounds REELYARD_STOP_SECONDS=60 REELYARD_RESTARTS=5 REELYARD_KILLS=30
export REELYARD_UP_ROUNDS=120 REELYARD_UP_PAUSE=5
for scenario in kill_import kill_keep stopped_writer attached_encoder production production_chaos up; do
    printf '\n== %s, scale %s\n' "$scenario" "$REELYARD_SCALE"
    "$here/${scenario}_test.sh"
done
for round in $(seq "$rounds"); do
    printf '\n== smallest_mailbox, round %s\n' "$round"
    "$here/smallest_mailbox_test.sh"
done
printf '\n== hosts_network\n'
REELYARD_SCALE=1 REELYARD_CUT_SECONDS=60 "$here/hosts_network_test.sh" || [ $? = 77 ]
printf '\n== taken_over\n'
REELYARD_SCALE=1 "$(dirname "$0")/taken_over.sh"
