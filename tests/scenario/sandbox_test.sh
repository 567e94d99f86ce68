#!/usr/bin/env bash
# Encoders in their sandbox: what the system says of a running one, the same thumbnails as without it, and a clip that makes
# its decoder ask for a socket: killed, started again, tried again, failed with a reason, and no other clip with it.
. "$(dirname "$0")/scenario.sh"

"$reelyard" doctor --sandbox >"$tmp/doctor.log" 2>&1 ||
    skip "no whole sandbox can be had here: $(grep -m1 -E 'BAD|sanitizer' "$tmp/doctor.log")"

media "$tmp/media" all
clips=$(find "$tmp/media" -type f | wc -l)
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 300 --clips "$clips" --seed 7

step "the same thumbnails as without a sandbox"
"$reelyard" import "$tmp/export/export.json" --data "$tmp/threads" --no-isolate >"$tmp/threads.log" 2>&1 ||
    fail "the import with threads failed: $(cat "$tmp/threads.log")"
dump "$tmp/threads" >"$tmp/threads.dump"
data=$tmp/data
BOT_TOKEN=a-secret-of-the-scanner REELYARD_SANDBOX=strict start "$tmp/run.log" "$reelyard" run --data "$data" --encoder 1
node=$last
encoder() { "$reelyard" status --data "$data" --json | jq -e '.node.instances[] | select(.role == "encoder") | .pid'; }
await encoder
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/import.log" 2>&1 || fail "the import failed: $(cat "$tmp/import.log")"
dump "$data" >"$tmp/data.dump"
same "$tmp/threads.dump" "$tmp/data.dump" "not the thumbnails that threads make"

step "what the system says of the process"
# The node sees the process outside; in the sandbox is its child.
outer=$(encoder)
pid=$(child_of "$outer")
grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status" || fail "no filter: $(grep Seccomp "/proc/$pid/status")"
grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status" || fail "new privileges are possible"
grep -q '^CapEff:[[:space:]]*0*$' "/proc/$pid/status" || fail "it has capabilities"
grep -q '^CapPrm:[[:space:]]*0*$' "/proc/$pid/status" || fail "it may have capabilities"
for thread in "/proc/$pid/task/"*; do
    grep -q '^Seccomp:[[:space:]]*2$' "$thread/status" || fail "the thread $(cat "$thread/comm") has no filter"
done
[ -z "$(ls -A "/proc/$pid/root/")" ] || fail "it sees files: $(ls -A "/proc/$pid/root/")"
[ ! -e "/proc/$pid/root/etc/passwd" ] || fail "it sees /etc/passwd"
[ "$(awk 'NR > 2 { print $1 }' "/proc/$pid/net/dev")" = lo: ] || fail "it has a network: $(cat "/proc/$pid/net/dev")"
[ ! -s "/proc/$pid/net/if_inet6" ] || fail "its loopback is up"
for space in user mnt net pid ipc uts; do
    [ "$(readlink "/proc/$pid/ns/$space")" != "$(readlink "/proc/$$/ns/$space")" ] || fail "it shares the namespace $space"
done
! tr '\0' '\n' <"/proc/$pid/environ" | grep -q secret || fail "its environment holds a secret"
# Those of docs/BARRIERS.md.
(cd "/proc/$pid/fd" && for fd in *; do echo "$fd $(readlink "$fd" | sed 's/:\[[0-9]*\]$//')"; done) >"$tmp/descriptors"
awk '($1 < 2 && $2 == "/dev/null") || ($1 == 2 && $2 == "pipe") || ($1 > 2 && $2 ~ /^(socket|anon_inode:\[(signalfd|eventfd|eventpoll)\])$/)
    { known++ } $2 == "socket" { sockets++ } END { exit known != NR || sockets != 2 }' "$tmp/descriptors" ||
    fail "descriptors: $(cat "$tmp/descriptors")"

step "threads are no sandbox"
code=0
"$reelyard" run --data "$tmp/strict" --sandbox strict --no-isolate >"$tmp/strict.log" 2>&1 || code=$?
[ "$code" -eq 78 ] || fail "run --sandbox strict --no-isolate ended with $code: $(cat "$tmp/strict.log")"
[ ! -e "$tmp/strict" ] || fail "a node that refused to run made a data folder"
grep -q not_sandboxed "$tmp/threads.log" || fail "nothing says that threads are no sandbox"

step "a machine that is fit"
"$reelyard" doctor --data "$data" --sandbox strict >"$tmp/doctor.log" || fail "doctor: $(cat "$tmp/doctor.log")"
grep -q 'ok .*database: embedded .*schema version' "$tmp/doctor.log" || fail "doctor: $(cat "$tmp/doctor.log")"

step "it ends with its node"
end "$node" KILL
gone() { [ ! -e "/proc/$pid" ]; }
await gone

step "a clip that makes its decoder ask for a socket"
# The one clip of its kind, by a decoder that is not quite the real one.
cat >"$tmp/poison.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
const void *avcodec_find_decoder_by_name(const char *name)
{
    const void *(*real)(const char *) = (const void *(*)(const char *))dlsym(RTLD_NEXT, "avcodec_find_decoder_by_name");
    if (strcmp(name, "wmv2") == 0)
        (void)socket(AF_INET, SOCK_STREAM, 0);
    return real(name);
}
END
cc -shared -fPIC -o "$tmp/poison.so" "$tmp/poison.c" -ldl
code=0
LD_PRELOAD=$tmp/poison.so "$reelyard" import "$tmp/export/export.json" --data "$tmp/poisoned" \
    >"$tmp/poisoned.log" 2>&1 || code=$?
[ "$code" -eq 1 ] || fail "the import ended with $code: $(cat "$tmp/poisoned.log")"
grep -q "Bad system call" "$tmp/poisoned.log" || fail "nothing was killed: $(cat "$tmp/poisoned.log")"
[ "$(counts "$tmp/poisoned")" = "completed|$((clips - 1)) failed|1" ] || fail "clips: $(counts "$tmp/poisoned")"
"$reelyard" failed list --data "$tmp/poisoned" >"$tmp/failed.log"
grep -q '\.wmv' "$tmp/failed.log" || fail "not the poisoned clip failed: $(cat "$tmp/failed.log")"
cat "$tmp/failed.log"
