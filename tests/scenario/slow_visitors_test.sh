#!/usr/bin/env bash
# Visitors who send their requests a byte at a time, 140 and 1,000 of them, shut nobody out of /ping, /ready and the page: neither
# from their own address nor from another. Their time is not over meanwhile: REELYARD_HTTP_TIMEOUT is an hour.
. "$(dirname "$0")/scenario.sh"
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 1100 ] || skip "a program may open fewer than 1,100 files here"

take_port
export REELYARD_HTTP_PORT=$port REELYARD_HTTP_TIMEOUT=3600 REELYARD_SANDBOX=off
start "$tmp/run.log" "$reelyard" run --data "$tmp/data"
node=$last
get() { curl -fsS --max-time "$patience" "$@"; }
await get "http://127.0.0.1:$port/ready"

# slow COUNT SOURCE: starts visitors, who have all begun when it returns; more "" makes each send another byte.
slow() {
    mkfifo "$tmp/more-$2"
    "$REELYARD_BUILD/tests/fakes_slow" "$port" "$1" "$2" <"$tmp/more-$2" >"$tmp/slow-$2.log" 2>&1 &
    last=$!
    exec {more}>"$tmp/more-$2"
    await grep -q "^open $1\$" "$tmp/slow-$2.log"
}

# have_sent N: whether the visitors have each sent N bytes more.
have_sent() { [ "$(grep -c '^again' "$tmp/slow-127.0.0.1.log")" -ge "$1" ]; }

everybody_is_served() {
    local from
    for from in 127.0.0.1 127.0.0.2; do
        [ "$(get --interface "$from" "http://127.0.0.1:$port/ping")" = alive ] || fail "/ping from $from"
        get --interface "$from" "http://127.0.0.1:$port/ready" | jq -e .ready >/dev/null || fail "/ready from $from"
        get --interface "$from" "http://127.0.0.1:$port/" | grep Reelyard >/dev/null || fail "the page from $from"
    done
}

for n in 140 1000; do
    step "$n slow visitors"
    slow "$n" 127.0.0.1
    everybody_is_served
    for turn in 1 2 3; do
        echo >&"$more"
        await have_sent "$turn"
        everybody_is_served
    done
    exec {more}>&-
    wait "$last"
    rm "$tmp/more-127.0.0.1"
done

step "the node ends as ever"
end "$node"
[ "$ended" -eq 0 ] || fail "it ended with $ended: $(cat "$tmp/run.log")"
