#!/usr/bin/env bash
# speeds.sh [MODE...] [-n TIMES] [-t TEST-PATTERN]: shows that the machine's speed decides no test. Runs each chosen test TIMES times (20), one
# at a time, in each MODE, and prints how many of the runs passed:
#   quiet      with the machine to itself
#   loaded     beside `stress-ng --cpu 8`
#   throttled  on a quarter of one core (a cgroup's quota of the CPU, version 1 or 2; needs root)
# TEST-PATTERN is a regular expression of ctest names; by default the tests that were once decided by speed, and all scenarios.
# Logs of failures stay in $REELYARD_BUILD/speeds. Exit code 1 if any run failed, 77 if a mode cannot be had here.
set -euo pipefail
: "${REELYARD_SOURCE:?the checkout}" "${REELYARD_BUILD:?the build folder}"
times=20 modes=()
pattern='scenario/|conformance/(writer_(pg|sqlite)|redis_trouble)_test|actor/(downloader|relay_nodes)_test'
while [ $# -gt 0 ]; do
    case $1 in
    -n) times=$2 && shift ;;
    -t) pattern=$2 && shift ;;
    quiet | loaded | throttled) modes+=("$1") ;;
    *) echo "speeds: '$1' is not a mode" >&2 && exit 2 ;;
    esac
    shift
done
[ ${#modes[@]} -gt 0 ] || modes=(quiet loaded throttled)
logs=$REELYARD_BUILD/speeds
mkdir -p "$logs"
mapfile -t tests < <(ctest --test-dir "$REELYARD_BUILD" -N -R "$pattern" | sed -n 's/^ *Test *#[0-9]*: //p')
[ ${#tests[@]} -gt 0 ] || { echo "speeds: no test is called like $pattern" >&2 && exit 2; }

stress='' group='' skipped='' failed=0
finish() {
    [ -z "$stress" ] || kill "$stress" 2>/dev/null || true
    [ -z "$group" ] || rmdir "$group" 2>/dev/null || true
}
trap finish EXIT

# quarter_core: makes a group of processes that get a quarter of a core together; $group is its folder.
quarter_core() {
    local root
    for root in /sys/fs/cgroup /sys/fs/cgroup/cpu; do
        group=$root/reelyard-speeds-$$
        mkdir "$group" 2>/dev/null || continue
        if [ -e "$group/cgroup.procs" ] && echo 25000 2>/dev/null >"$group/cpu.cfs_quota_us"; then return; fi
        if [ -e "$group/cgroup.procs" ] && echo '25000 100000' 2>/dev/null >"$group/cpu.max"; then return; fi
        rmdir "$group"
    done
    group=''
    return 1
}

# begin MODE: prepares the machine; false if it cannot.
begin() {
    case $1 in
    loaded)
        command -v stress-ng >/dev/null || return 1
        stress-ng --cpu 8 --quiet &
        stress=$!
        ;;
    throttled) quarter_core ;;
    esac
}
end() {
    finish
    stress='' group=''
}

# run_one TEST LOG: one run of it, in the group if there is one.
run_one() (
    [ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
    exec ctest --test-dir "$REELYARD_BUILD" -R "^$1\$" --output-on-failure --output-log "$2" >/dev/null 2>&1
)

printf '%-10s %-40s %s\n' mode test 'passed of runs, longest'
for mode in "${modes[@]}"; do
    if ! begin "$mode"; then
        echo "$mode cannot be had here" && skipped=yes && continue
    fi
    for test in "${tests[@]}"; do
        passed=0 longest=0
        for ((i = 1; i <= times; i++)); do
            log=$logs/$mode-${test//\//-}.$i.log began=$SECONDS
            if run_one "$test" "$log"; then
                passed=$((passed + 1))
                rm -f "$log"
            fi
            took=$((SECONDS - began))
            [ "$took" -le "$longest" ] || longest=$took
        done
        printf '%-10s %-40s %d of %d, %d s\n' "$mode" "$test" "$passed" "$times" "$longest"
        [ "$passed" -eq "$times" ] || failed=1
    done
    end
done
[ "$failed" -eq 0 ] || exit 1
[ -z "$skipped" ] || exit 77
