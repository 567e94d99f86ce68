#!/usr/bin/env bash
# A store that is away costs nothing but time: while its folder is moved away, and the node is killed meanwhile, no clip fails and
# no dead letter is kept; status and /ready name folder and reason; brought back, every clip is completed.
# shellcheck source=tests/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"

data=$tmp/data
media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 60 --clips 20 --seed 7
take_port
start_node() { start "$tmp/$1.log" env REELYARD_HTTP_PORT="$port" "$reelyard" "$1" --data "$data"; }
answers() { "$reelyard" ping --data "$data"; }
clips() { sql "$data" "SELECT count(*) FROM clip WHERE thumbnail_status = '$1'"; }
waits() { "$reelyard" status --data "$data" --json 2>/dev/null | jq -e '[.node.instances[].trouble | select(. != null)] | any(test("'"$data/storage"'.*moved away"))'; }
not_ready() { curl -s "http://127.0.0.1:$port/ready" | jq -e '.ready == false and (.reasons | any(test("storage: .*moved away")))'; }
ready() { curl -fs "http://127.0.0.1:$port/ready"; }
imported() { [ "$(sql "$data" "SELECT count(*) FROM clip")" = 20 ]; }
all_done() { [ "$(clips completed)" = 20 ]; }
nothing_failed() {
    [ "$(clips failed)" = 0 ] || fail "clips failed: $(sql "$data" "SELECT error_message FROM failed_thumbnail LIMIT 3")"
    [ "$(sql "$data" "SELECT count(*) FROM reelyard_queue_dead")" = 0 ] || fail "there are dead letters"
}

for way in run up; do
    step "$way: the folder is moved away under the node"
    rm -rf "$data"
    start_node "$way"
    node=$last
    await ready
    mv "$data/storage" "$tmp/elsewhere"
    start "$tmp/import.log" "$reelyard" import "$tmp/export/export.json" --data "$data"
    import=$last
    await imported
    await waits
    await not_ready
    "$reelyard" status --data "$data" | grep -q "storage-[0-9]  *.*moved away" || fail "status says nothing: $("$reelyard" status --data "$data")"
    nothing_failed

    step "$way: the node is killed, and the folder comes back"
    end "$node" KILL
    end "$import" KILL
    [ ! -e "$data/storage" ] || fail "a folder was made in place of the one that was moved"
    mv "$tmp/elsewhere" "$data/storage"
    start_node "$way"
    node=$last
    await ready
    await all_done
    nothing_failed
    [ "$(find "$data/storage/thumbnails" -name '*.webp' | wc -l)" = 40 ] || fail "files are missing"
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/$way.log")"
done
