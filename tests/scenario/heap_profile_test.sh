#!/usr/bin/env bash
# Heap profiles: a leak that was planted from outside is found by `reelyard debug heap`, every process of `reelyard up` writes
# a profile, and what cannot be profiled says why. Needs a program that was built with jemalloc.
. "$(dirname "$0")/scenario.sh"
[[ $(ldd "$reelyard") == *libjemalloc* ]] || {
    echo "the program was built without jemalloc"
    exit 77
}
command -v jeprof >/dev/null || {
    echo "jeprof (libjemalloc-dev) is not there"
    exit 77
}
data=$tmp/data

step "a planted leak is at the top of what was allocated since the first profile"
"$export_gen" --out "$tmp/export" --messages 20000 --clips 2000 --seed 4
start "$tmp/run.log" env LD_PRELOAD="$REELYARD_BUILD/tests/libleaking_sqlite.so" "$reelyard" run --data "$data" --heap-profile
node=$last
await "$reelyard" ping --data "$data"
heap_bytes() { "$reelyard" status --data "$data" --json | jq '[.node.instances[] | select(.role == "writer") | .heap_bytes] | add'; }
reported() { [ "$(heap_bytes)" -gt 0 ]; }
await reported
before_bytes=$(heap_bytes)
first=$("$reelyard" debug heap writer-1 --data "$data")
[ -s "$first" ] || fail "no profile at $first"
"$reelyard" import "$tmp/export/export.json" --data "$data" --rows-only >"$tmp/import.log" 2>&1 || true
[ "$(sql "$data" "SELECT count(*) FROM clip")" -eq 2000 ] || fail "the import did not end: $(tail -n 3 "$tmp/import.log")"
grown() { [ "$(heap_bytes)" -gt $((before_bytes + 1000000)) ]; }
await grown
second=$("$reelyard" debug heap writer-1 --data "$data")
jeprof --text --lines --base="$first" "$reelyard" "$second" >"$tmp/text" 2>"$tmp/jeprof.log" || true
grep -m 1 -E '^ +[0-9]' "$tmp/text" | grep -q leaking_sqlite_leak || {
    head -n 20 "$tmp/text" >&2
    fail "the leak is not at the top"
}
"$reelyard" debug heap writer-1 --stop --data "$data"

step "what has no profile says why"
refused() {
    local name=$1 text=$2
    ! "$reelyard" debug heap "$name" --seconds 0 --data "$data" >"$tmp/out" 2>&1 || fail "$name was profiled"
    grep -q "$text" "$tmp/out" || fail "of $name it says: $(cat "$tmp/out")"
}
refused nobody-1 "there is no instance nobody-1"
if "$reelyard" status --data "$data" --json | jq -e '[.node.instances[] | select(.sandboxed)] | length > 0' >/dev/null; then
    refused "$("$reelyard" status --data "$data" --json | jq -r 'first(.node.instances[] | select(.sandboxed)).name')" "in a sandbox"
fi
end "$node"

step "each process of up writes its own"
start "$tmp/up.log" "$reelyard" up --data "$data" --isolate=false
node=$last
await "$reelyard" ping --data "$data"
all_ready() { [ "$("$reelyard" status --data "$data" --json | jq '[.node.instances[] | select(.role != "console")] | length')" -ge 9 ]; }
await all_ready
pids=()
for name in router $("$reelyard" status --data "$data" --json | jq -r '.node.instances[] | select(.sandboxed | not) | select(.role != "console") | .name'); do
    file=$("$reelyard" debug heap "$name" --seconds 0 --data "$data") || fail "$name wrote no profile"
    head -n 1 "$file" | grep -q '^heap_v2/' || fail "$file is not a profile"
    pids+=("$(basename "$file" | sed -E 's/.*-([0-9]+)-[0-9]+\.heap$/\1/')")
done
[ "$(printf '%s\n' "${pids[@]}" | sort -u | wc -l)" -eq "${#pids[@]}" ] || fail "not a process for each: ${pids[*]}"
end "$node"
