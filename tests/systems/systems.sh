#!/usr/bin/env bash
# systems.sh [--run WHAT] [--fresh] [--no-record] [SYSTEM...]: builds and tests this checkout on other systems, each in a root of its own
# that debootstrap makes below build/systems/ from the mirror that this machine's apt uses.
#
#   SYSTEM   debian-12 debian-13 debian-testing (amd64), debian-13-arm64 (cross-built, run by qemu-user); all of them if none is named
#   WHAT     build    compiles
#            quick    ./dev test --quick: the gcc build and its tests (the default)
#            demo     ./dev demo
#            test     ./dev test
#            lint     ./dev lint
#            image    what deploy/docker/Dockerfile does, in roots of its Debian: builds with the packages of its first stage, runs with
#                     those of its second (debian-13)
#            A system for another machine is cross-built and compared with amd64, whatever WHAT is (see cross.sh).
#   --fresh  begins with a minimal root again, in which there is nothing but git; otherwise the packages, the checkout and its build
#            are those of the last time, so that the second time is quick
#
# The checkout's commit is tested, with what is not committed. Packages are installed with the machine's network; what is built
# and tested runs in namespaces of its own (mount, pid, ipc, uts, network with only a loopback), under an init that reaps. The
# results, with the versions of what matters, go to docs/SYSTEMS.md. Needs root.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
store=$root/build/systems
all=(debian-12 debian-13 debian-testing debian-13-arm64)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() {
    printf 'systems: %s\n' "$*" >&2
    exit 1
}

suite_of() {
    case $1 in
    debian-12*) echo bookworm ;;
    debian-13*) echo trixie ;;
    debian-testing*) echo testing ;;
    *) die "no system '$1': ${all[*]}" ;;
    esac
}

# What this machine's apt calls the mirror of Debian itself.
mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(ORIGIN) $(SITE)' 'Created-By: Packages' | awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }'
}

# inside ROOT NETWORK COMMAND...: runs a command in a root, in namespaces that end with it. NETWORK: the machine's, or none.
inside() {
    local where=$1 network=()
    [ "$2" != none ] || network=(--net)
    shift 2
    unshare --mount --pid --ipc --uts "${network[@]}" --fork --kill-child "$here/init.sh" "$where" "$@"
}

# make_base SYSTEM: the minimal root, once.
make_base() {
    local base=$store/$1/base suite script
    [ ! -e "$base/.made" ] || return 0
    suite=$(suite_of "$1")
    script=/usr/share/debootstrap/scripts/$suite
    # An older debootstrap does not know the newest names; all of Debian's are made alike.
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    say "$1: debootstrap"
    rm -rf "$base"
    mkdir -p "$base"
    unshare --mount --pid --fork --mount-proc --kill-child debootstrap --variant=minbase --include=ca-certificates,git \
        "$suite" "$base" "$(mirror)" "$script" >"$store/$1/debootstrap.log" 2>&1 ||
        die "$1: debootstrap failed; see $store/$1/debootstrap.log"
    rm -f "$base"/var/cache/apt/archives/*.deb
    touch "$base/.made"
}

# make_root SYSTEM FRESH: the root to work in, with this checkout at /src/reelyard.
make_root() {
    local where=$store/$1/root
    make_base "$1"
    [ -z "$2" ] || rm -rf "$where"
    if [ ! -e "$where/.made" ]; then
        rm -rf "$where"
        cp -a --reflink=auto "$store/$1/base" "$where"
        # Packages of servers would start them.
        printf '#!/bin/sh\nexit 101\n' >"$where/usr/sbin/policy-rc.d"
        chmod +x "$where/usr/sbin/policy-rc.d"
    fi
    [ -d "$where/src/reelyard/.git" ] || git clone -q --no-checkout "$root" "$where/src/reelyard"
    local git=(git -c advice.detachedHead=false -c safe.directory='*' -C "$where/src/reelyard")
    "${git[@]}" fetch -q "$root" HEAD
    "${git[@]}" checkout -q --force FETCH_HEAD
    "${git[@]}" clean -q -d --force
    git -C "$root" diff --binary HEAD | "${git[@]}" apply --allow-empty
    git -C "$root" ls-files -z --others --exclude-standard | (cd "$root" && xargs -0 -r cp --parents -t "$where/src/reelyard")
    chown -R 0:0 "$where/src/reelyard"
}

# versions ROOT: what matters, one 'NAME VERSION' a line.
versions() {
    local row name package
    while IFS='|' read -r name package; do
        row=$(chroot "$1" dpkg-query -W -f='${db:Status-Status} ${Version}\n' $package 2>/dev/null |
            awk '$1 == "installed" { sub(/^[0-9]+:/, "", $2); print $2; exit }')
        [ -z "$row" ] || printf '%s %s\n' "$name" "$row"
    done <<'END'
gcc|gcc-[0-9]*
clang|clang-[0-9]*
C library|libc6
FFmpeg|libavcodec-dev
curl|libcurl4-openssl-dev
hiredis|libhiredis-dev
ZeroMQ|libzmq3-dev
czmq|libczmq-dev
PCRE2|libpcre2-dev
SQLite|libsqlite3-dev
libmicrohttpd|libmicrohttpd-dev
libseccomp|libseccomp-dev
cmocka|libcmocka-dev
PostgreSQL|postgresql-[0-9]*
PgBouncer|pgbouncer
Redis|redis-server
Valkey|valkey-server
END
}

# record SYSTEM WHAT COUNTS: puts the result into docs/SYSTEMS.md.
record() {
    "$here/record.sh" "$root" "$1" "$2" "$3" < <(versions "$store/$1/root")
}

# try SYSTEM WHAT: the log is build/systems/SYSTEM/WHAT.log, the last line of it the result.
try() {
    local where=$store/$1/root log=$store/$1/$2.log code=0 command
    case $2 in
    build) command="./dev build && echo '1 passed, 0 failed, 0 skipped'" ;;
    quick) command='./dev test --quick' ;;
    demo) command="./dev demo && echo '1 passed, 0 failed, 0 skipped'" ;;
    *) command="./dev $2" ;;
    esac
    say "$1: packages"
    inside "$where" machine bash -c "cd /src/reelyard && ./dev packages ${2/quick/test}" >"$store/$1/packages.log" 2>&1 ||
        die "$1: packages cannot be installed; see $store/$1/packages.log"
    say "$1: $2 (log: $log)"
    inside "$where" none bash -c "cd /src/reelyard && $command" >"$log" 2>&1 || code=$?
    counts=$(tail -n 1 "$log")
    [[ $counts == *' passed, '*' failed, '*' skipped' ]] || counts="0 passed, 1 failed, 0 skipped"
    return "$code"
}

# stage FIRST LAST: the Debian packages that the Dockerfile installs between two lines that match.
stage() {
    sed -n "/$1/,/$2/p" "$root/deploy/docker/Dockerfile" | sed -n '/apt-get install/,$p' | sed 's/.*--no-install-recommends//; /&&/q' |
        sed 's/&&.*//' | tr -s ' \\' '\n\n' | grep -E '^[a-z0-9][a-z0-9.+-]+$'
}

# try_image SYSTEM: the two stages of the Dockerfile, each in a root with nothing but its packages.
try_image() {
    local log=$store/$1/image.log build=$store/$1/image-build run=$store/$1/image-run
    counts='0 passed, 1 failed, 0 skipped'
    grep -q "^FROM .*:${1#debian-} AS build" "$root/deploy/docker/Dockerfile" || die "the image is not $1"
    rm -rf "$build" "$run"
    cp -a --reflink=auto "$store/$1/base" "$build"
    cp -a --reflink=auto "$store/$1/base" "$run"
    mkdir -p "$build/src"
    cp -a "$store/$1/root/src/reelyard" "$build/src/"
    rm -rf "$build/src/reelyard/build"
    say "$1: image (log: $log)"
    {
        inside "$build" machine bash -c "apt-get update -q && apt-get install -q -y --no-install-recommends $(stage '^FROM .* AS build' '^WORKDIR' | tr '\n' ' ')" &&
            inside "$build" none bash -ec "cd /src/reelyard; $(sed -n '/^RUN cmake/,/[^\\]$/p' "$root/deploy/docker/Dockerfile" | sed '1s/^RUN //')" &&
            inside "$run" machine bash -c "apt-get update -q && apt-get install -q -y --no-install-recommends $(stage '^FROM .*-slim' '^COPY' | tr '\n' ' ')" &&
            cp "$build/out/usr/bin/reelyard" "$run/usr/bin/" &&
            inside "$run" none bash -c '! ldd /usr/bin/reelyard | grep "not found" && reelyard version'
    } >"$log" 2>&1 || return 1
    counts='1 passed, 0 failed, 0 skipped'
}

# try_cross SYSTEM: builds for arm64, runs what can be run, and imports one export with both builds (cross.sh).
try_cross() {
    local log=$store/$1/cross.log arm=$store/$1/root peer=${1%-arm64} amd cross=/src/reelyard/tests/systems/cross.sh code=0
    amd=$store/$peer/root
    make_root "$peer" ''
    counts='0 passed, 1 failed, 0 skipped'
    say "$1: cross (log: $log)"
    {
        inside "$amd" machine bash -c 'cd /src/reelyard && ./dev packages test' &&
            inside "$amd" none bash -c "cd /src/reelyard && ./dev build && $cross export && $cross import >/src/rows" &&
            inside "$arm" machine $cross packages &&
            inside "$arm" none $cross build
    } >"$log" 2>&1 || return 1
    rm -rf "$arm/src/export" "$arm/src/media"
    cp -a "$amd/src/export" "$amd/src/media" "$arm/src/"
    inside "$arm" none env EMULATOR=qemu-aarch64 bash -c "$cross import >/src/rows" >>"$log" 2>&1 || return 1
    cmp "$amd/src/rows" "$arm/src/rows" >>"$log" 2>&1 || return 1
    inside "$arm" none $cross tests >>"$log" 2>&1 || code=$?
    counts=$(tail -n 1 "$log" | awk '{ $1 += 1; print }')
    return "$code"
}

what=quick fresh='' recording=yes systems=()
while [ $# -gt 0 ]; do
    case $1 in
    --run)
        what=${2:-}
        shift
        ;;
    --help)
        sed -n '2,/^set -/p' "$0" | sed '$d; s/^# \{0,1\}//'
        exit 0
        ;;
    --fresh) fresh=yes ;;
    --no-record) recording='' ;;
    -*) die "no option '$1'" ;;
    *) systems+=("$1") ;;
    esac
    shift
done
[[ " build quick demo test lint image " == *" $what "* ]] || die "--run takes build, quick, demo, test, lint or image"
[ ${#systems[@]} -gt 0 ] || systems=("${all[@]}")
[ "$(id -u)" -eq 0 ] || die "roots and namespaces need root"
[ -n "$(mirror)" ] || die "this machine's apt names no mirror of Debian"

bad=0
for system in "${systems[@]}"; do
    suite_of "$system" >/dev/null
    make_root "$system" "$fresh"
    code=0
    case $system in
    *-arm64)
        kind=cross
        try_cross "$system" || code=$?
        ;;
    *)
        kind=$what
        if [ "$what" = image ]; then
            try_image "$system" || code=$?
        else
            try "$system" "$what" || code=$?
        fi
        ;;
    esac
    printf '%s, %s: %s\n' "$system" "$kind" "$counts"
    [ "$code" -eq 0 ] || bad=1
    [ -z "$recording" ] || record "$system" "$kind" "$counts"
done
exit "$bad"
