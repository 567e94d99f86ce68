#!/usr/bin/env bash
# A data folder, an export and a video whose names are no UTF-8, or hold escape codes: all that the node says of them (log,
# status, /ready, /metrics, the page, errors) is one line of UTF-8 each and JSON where it should be, and its work is done.
. "$(dirname "$0")/scenario.sh"

is_utf8() { iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || fail "$1 is not UTF-8"; }
# no_controls FILE: nothing but line ends.
no_controls() { ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$1" || fail "$1 holds control characters"; }

media "$tmp/media" small
take_port
for name in $'caf\xe9' $'cut \xf0\x9f\x8e' $'bell \a\e[31m' $'\xed\xa0\x80'; do
    step "$(printf %q "$name")"
    data=$tmp/$name/data
    mkdir -p "$tmp/$name"
    "$export_gen" --out "$tmp/$name/export" --media "$tmp/media" --messages 40 --clips 3 --seed 5
    start "$tmp/run.log" env REELYARD_HTTP_PORT="$port" REELYARD_LOG_FORMAT=json LOG_LEVEL=DEBUG "$reelyard" run --data "$data"
    node=$last
    await curl -fsS "http://127.0.0.1:$port/ping"
    # A path that is no text cannot stand in a row: it is refused in words.
    imported=0
    "$reelyard" import --data "$data" "$tmp/$name/export/export.json" >"$tmp/import.out" 2>&1 || imported=$?
    "$reelyard" import --data "$data" "$tmp/$name/missing.json" >"$tmp/missing.out" 2>&1 && fail "what is not there was imported"
    "$reelyard" status --data "$data" --json >"$tmp/status.json"
    "$reelyard" status --data "$data" >"$tmp/status.txt"
    "$reelyard" doctor --data "$data" >"$tmp/doctor.txt" 2>&1 || true
    "$reelyard" config --data "$data" >"$tmp/config.txt" 2>&1 || true
    curl -sS "http://127.0.0.1:$port/ready" >"$tmp/ready.json"
    curl -fsS "http://127.0.0.1:$port/metrics" >"$tmp/metrics.txt"
    curl -fsS "http://127.0.0.1:$port/" >"$tmp/page.html"
    curl -sS "http://127.0.0.1:$port/api/clips?guild=%ff%00&status=%c3" >"$tmp/refused.json"
    curl -sS "http://127.0.0.1:$port/thumbnails/%ff%fe%1b" >"$tmp/no_thumbnail"
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended"
    jq -e .node "$tmp/status.json" >/dev/null
    jq -e .ready "$tmp/ready.json" >/dev/null
    jq -e . "$tmp/run.log" >/dev/null
    for file in "$tmp"/{import.out,missing.out,status.json,status.txt,doctor.txt,config.txt,ready.json,metrics.txt,page.html,refused.json,no_thumbnail,run.log}; do
        is_utf8 "$file"
        no_controls "$file"
    done
    [ "$name" = $'bell \a\e[31m' ] || [ "$imported" -ne 0 ] || fail "a path that is no text was imported"
done
