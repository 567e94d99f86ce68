#!/usr/bin/env bash
# cross.sh STEP: arm64 on amd64, inside a root that systems.sh made, in the checkout.
#
#   packages   the cross compiler, and the libraries of arm64 beside those of amd64
#   build      everything, into build/arm64
#   tests      the tests that start no program (qemu-user cannot execute another one for us) and fork no process beside threads (it
#              hangs): prints them as ctest does, and a last
#              line 'N passed, N failed, N skipped'
#   export     on amd64: clips, and an export that has them, in /src/export
#   import     imports /src/export and prints every row and the checksum of every file; EMULATOR runs the program
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
emulator=${EMULATOR:-}

step_packages() {
    local names name list=(gcc-aarch64-linux-gnu qemu-user cmake ninja-build pkg-config uthash-dev sqlite3 jq curl ffmpeg)
    dpkg --add-architecture arm64
    apt-get update -q
    names=$(sed -n '/^packages_build=/,/)/p' dev | tr -d '()' | sed 's/packages_build=//')
    for name in $names; do
        case $name in
        gcc | cmake | ninja-build | pkg-config | uthash-dev) ;;
        *) list+=("$name:arm64") ;;
        esac
    done
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${list[@]}"
}

step_build() {
    cmake -G Ninja -S . -B build/arm64 -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_TOOLCHAIN_FILE="$root/tests/systems/arm64.cmake"
    cmake --build build/arm64 --parallel
}

step_tests() {
    local report=$root/build/arm64/report.xml tests failures skips
    # Left out: tests whose programs start others (fakes, servers, children of the supervisor), and those that wait for seconds to pass.
    ctest --test-dir build/arm64 -L 'unit|actor' -E "$(starts_programs)" --timeout 600 -j 2 --output-on-failure --output-junit "$report" || true
    tests=$(grep -c '<testcase ' "$report") || tests=0
    skips=$(grep -c 'message="SKIP_RETURN_CODE' "$report") || skips=0
    failures=$(grep -cE 'status="(fail|notrun|disabled)"' "$report") || failures=0
    failures=$((failures - skips))
    printf '%d passed, %d failed, %d skipped\n' $((tests - failures - skips)) "$failures" "$skips"
    [ "$failures" -eq 0 ]
}

# A pattern of the tests that cannot run here: they start programs, or use socket options that qemu-user does not pass on
# (TCP_INFO, of which it returns a few bytes, and IP_BIND_ADDRESS_NO_PORT).
starts_programs() {
    local name pattern=
    for name in tests/unit/*_test.c tests/actor/*_test.c; do
        ! grep -qE 'mail_of_a_killed_process|fake_start|redis_server_start|postgres_server_make|media_folder_make|scan_bench|ry_supervisor|REELYARD_BIN|ry_sandbox_enter|exec[lv]|ry_spawn|ry_intake|IP_BIND_ADDRESS_NO_PORT' "$name" ||
            pattern+="|$(basename "$(dirname "$name")")/$(basename "$name" .c)\$"
    done
    echo "^(${pattern#|})"
}

step_export() {
    rm -rf /src/media /src/export
    tests/bed/make_media.sh /src/media
    find /src/media -size 0 -delete
    build/tests/fakes_export_gen --out /src/export --media /src/media --messages 400 --clips 80 --seed 7
}

step_import() {
    export REELYARD_SOURCE=$root REELYARD_BUILD=$root/build REELYARD_BIN=$root/build/reelyard
    [ -z "$emulator" ] || export REELYARD_BIN=$root/build/arm64/reelyard
    # In one process and without a sandbox: qemu-user can neither execute the program again nor load a filter.
    export REELYARD_SANDBOX=off REELYARD_ISOLATE=false
    . tests/scenario/scenario.sh
    rm -rf /src/data
    # shellcheck disable=SC2086 # the emulator and its arguments
    $emulator "$REELYARD_BIN" import /src/export/export.json --data /src/data >&2 || [ $? -eq 1 ]
    dump /src/data
}

"step_$1"
