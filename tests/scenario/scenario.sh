# scenario.sh: sourced by scenarios; a temporary folder, programs that are ended by id at the end, and what is asked of an archive.
#
# No claim of a scenario rests on how fast the machine is. What must have happened is awaited; work that must not be over yet is held
# back at the gate of a fake server; that nothing happens is shown by something later that does. `patience` only ends what hangs.
# shellcheck shell=bash disable=SC2034 # what is set here is used by those that source it
set -euo pipefail

: "${REELYARD_SOURCE:?the checkout}" "${REELYARD_BIN:?the program}" "${REELYARD_BUILD:?the build folder}"
reelyard=$REELYARD_BIN
export_gen=$REELYARD_BUILD/tests/fakes_export_gen
scale=${REELYARD_SCALE:-1} # how many times as large as the tests the chaos is
patience=${REELYARD_PATIENCE:-900} # s
tmp=$(mktemp -d "${TMPDIR:-/tmp}/reelyard-scenario.XXXXXX")
ports=()
export LOG_LEVEL=${LOG_LEVEL:-WARNING} REELYARD_HTTP_PORT=0 REELYARD_LOG_FORMAT=text
# What the tests are told by looks like settings of the program, which would warn of it.
export -n REELYARD_SOURCE REELYARD_BIN REELYARD_BUILD REELYARD_SCALE REELYARD_SEED REELYARD_KILLS REELYARD_KILL_ROUNDS \
    REELYARD_RESTARTS REELYARD_STOP_SECONDS REELYARD_CUT_SECONDS REELYARD_UP_PAUSE REELYARD_UP_ROUNDS REELYARD_PATIENCE REELYARD_INSIDE_NETWORK REELYARD_EFFORT_SECONDS REELYARD_EFFORT_CLIPS
unset REELYARD_DATA REELYARD_DATABASE REELYARD_QUEUE DATABASE_URL DB_TYPE DB_HOST DB_USER DB_PASSWORD DB_NAME REDIS_URL

# skip REASON: this machine cannot run the scenario; ctest counts 77 as skipped.
skip() {
    echo "skipped: $*"
    exit 77
}

# needs PROGRAM PACKAGE: skips the scenario where a program is not installed.
needs() { command -v "$1" >/dev/null || skip "there is no $1 (Debian package $2)"; }

# find_redis: sets redis_name to redis, or else to valkey, which some systems have in its place; the programs are $redis_name-server
# and $redis_name-cli.
find_redis() {
    redis_name=redis
    command -v redis-server >/dev/null || redis_name=valkey
    needs "$redis_name-server" "redis-server or valkey-server"
}

# Only what still runs: the id of a program that has ended may be another's by now.
finish() {
    local code=$? pid
    for pid in $(jobs -pr); do
        kill -CONT "$pid" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -f "${ports[@]}"
    if [ "$code" -eq 0 ] || [ "$code" -eq 77 ]; then
        rm -rf "$tmp"
    else
        echo "scenario failed; its folder is $tmp" >&2
    fi
}
trap finish EXIT
needs ffmpeg ffmpeg
needs sqlite3 sqlite3
needs curl curl
needs jq jq

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

step() { echo "--- $*"; }

# start LOG COMMAND...: in the background; its id is $last.
start() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    last=$!
}

# end PID [SIGNAL]: ends a program and waits for it; its exit code is $ended.
end() {
    local pid=$1
    [[ $'\n'$(jobs -pr)$'\n' != *$'\n'$pid$'\n'* ]] || kill -"${2:-TERM}" "$pid" 2>/dev/null || true
    ended=0
    wait "$pid" 2>/dev/null || ended=$?
}

# child_of PID: the process that it has started; of an encoder's outer process, the one inside its sandbox.
child_of() { children_of "$1" | sed -n 1p; }
# Processes that end meanwhile make grep fail.
children_of() { { grep -lsE "^PPid:[[:space:]]+$1\$" /proc/[0-9]*/status || true; } | cut -d/ -f3; }

# await COMMAND...: until the command succeeds.
await() {
    local until=$((SECONDS + patience))
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "in $patience s this did not come true: $*"
        sleep 0.1
    done
}

# take_port: sets $port to one of the loopback that nobody listens on. It stays this scenario's until it ends, for what is stopped and
# comes back: a lock says so to scenarios beside it. Below the ports that the kernel gives out by itself.
take_port() {
    local locks=${TMPDIR:-/tmp}/reelyard-ports-$UID lock
    mkdir -p "$locks"
    while :; do
        port=$((20000 + RANDOM % 12000))
        exec {lock}>"$locks/$port"
        if flock -n "$lock" && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            ports+=("$locks/$port")
            return
        fi
        exec {lock}>&-
    done
}

# fake NAME ARGUMENT...: a fake of tests/fakes; its port is $fake_port, its id $last.
fake() {
    local name=$1 log=$tmp/fake-$1.log
    shift
    rm -f "$log" # of an earlier one, whose port it tells
    start "$log" "$REELYARD_BUILD/tests/fakes_$name" "$@"
    await grep -q '^port ' "$log"
    fake_port=$(awk '/^port / { print $2; exit }' "$log")
}

# cdn_start FOLDER: a video server on cdn_address (127.0.0.1 if unset) whose clips reelyard may fetch: $cdn/FILE.
cdn_start() {
    local at
    fake cdn --address "${cdn_address:-127.0.0.1}" --port 0 "$1"
    at=${cdn_address:-127.0.0.1}:$fake_port
    cdn_server=http://$at cdn=http://$at/ok
    # What waits at the gate is slow for a reason: no limit of time ends it.
    export REELYARD_ALLOWED_HOSTS=$at REELYARD_DOWNLOAD_LOW_SPEED=0 VIDEO_DOWNLOAD_TIMEOUT=86400 REELYARD_DISCORD_TIMEOUT=600
}
# cdn_gate close|open|let?n=N: holds back requests for clips, or lets all or N of them through.
cdn_gate() { curl -fsS "$cdn_server/gate/$1"; }
cdn_stat() { curl -fsS "$cdn_server/stats" | jq ".$1"; }

# feed COMMAND...: opens the gate for a window of clips (REELYARD_CLIP_WINDOW) at a time until the command succeeds, each time when the
# same requests as before stand at it: what was let through is done then.
feed() {
    local until=$((SECONDS + patience)) now='' seen
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "in $patience s this did not come true: $*"
        seen=$now now=$(curl -fsS "$cdn_server/stats" | jq -r '"\(.waiting) \(.passed)"')
        [ "$now" != "$seen" ] || [ "${now%% *}" -eq 0 ] || cdn_gate "let?n=${REELYARD_CLIP_WINDOW:?}"
        sleep 0.05
    done
}

sql() { sqlite3 -batch -noheader "file:$1/reelyard.db?mode=ro" "$2"; }

# settled DATA: the queue is empty and no clip waits or is worked on.
settled() {
    [ "$(sql "$1" "SELECT (SELECT count(*) FROM clip WHERE thumbnail_status IN ('pending','processing'))
        + (SELECT count(*) FROM reelyard_queue_job)")" = 0 ]
}

# dump DATA: every row of the archive and every file, without times and without numbers that the database gives out.
dump() {
    local data=$1 table columns
    for table in guild channel author message clip thumbnail failed_thumbnail guild_settings channel_settings; do
        columns=$(sql "$data" "SELECT group_concat('quote(\"' || name || '\")', ' || ''|'' || ') FROM (SELECT name FROM
            pragma_table_info('$table') WHERE name NOT IN ('created_at', 'updated_at', 'last_attempted_at', 'next_retry_at')
            AND NOT (name = 'id' AND type = 'INTEGER') ORDER BY cid)")
        sql "$data" "SELECT '$table', $columns FROM \"$table\" ORDER BY 2"
    done
    sql "$data" "SELECT 'lease', * FROM reelyard_clip_lease ORDER BY 1, 2"
    sql "$data" "SELECT 'queue', count(*) FROM reelyard_queue_job"
    sql "$data" "SELECT 'dead', count(*) FROM reelyard_queue_dead"
    (cd "$data" && find storage -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

# counts DATA: clips by status, for messages.
counts() { sql "$1" "SELECT thumbnail_status, count(*) FROM clip GROUP BY 1 ORDER BY 1" | paste -sd' '; }

# same A B WHAT: two dumps are equal.
same() {
    diff -u "$1" "$2" >"$tmp/diff" || {
        head -40 "$tmp/diff" >&2
        fail "$3"
    }
}

# media FOLDER all|small: good clips of many shapes, made here; `all` brings real ones too where the checkout has some
# beside it.
media() {
    local shared=$REELYARD_SOURCE/../shared/media
    local small=(quad.mp4 quad_fast.mp4 quad_frag.mp4 quad.mov quad.mkv quad.flv rot90.mp4 rot180.mp4 rot270.mp4 vp8.webm
        vp9.webm hevc.mp4 mpeg4.avi wmv2.wmv sar.mp4 odd.webm counter.mp4 black_intro.mp4 ten_bit.mp4)
    local more=(av1.mp4 msmpeg4.avi mjpeg.avi flv1.flv prores.mov alpha.mov narrow.avi large.mp4 black.mp4 grey_full.mp4
        grey_limited.mp4 orange_601.mp4 orange_709.mp4 pq.mp4 hlg.mp4 big.mp4 big_fast.mp4 big_frag.mp4 big_bits.mp4
        big.mkv big.avi big.flv live.webm)
    if [ "$2" = all ]; then
        small+=("${more[@]}")
        [ ! -d "$shared" ] || find "$shared" -type f ! -name '*.md' -exec install -D -m 0644 -t "$1" {} +
    fi
    "$REELYARD_SOURCE/tests/bed/make_media.sh" "$1" "${small[@]}"
}
