#!/usr/bin/env bash
# No command leaves a file that others may read, even under a umask that would let them; what was left open is shut at the next start.
# shellcheck source=tests/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
umask 000

data=$tmp/data
none_is_open() {
    local open
    open=$(find "$@" ! -type l -perm /077)
    [ -z "$open" ] || fail "others may read: $open"
}

is_open() { [ -S "$data/run/node.sock" ] && [ -f "$data/reelyard.db-wal" ] && "$reelyard" ping --data "$data"; }

step "import, enqueue, keys"
media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 30 --clips 2 --seed 7
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/import.log" 2>&1 || fail "$(tail -5 "$tmp/import.log")"
[ -n "$(find "$data/storage" -name '*.webp')" ] || fail "no thumbnails were made"
none_is_open "$data"
echo '{}' | "$reelyard" enqueue - --data "$data" >"$tmp/out" 2>&1 || true
"$reelyard" keys new "$tmp/node.key" >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
none_is_open "$data" "$tmp/node.key"

for way in run up; do
    step "$way: the database's log, the sockets, the locks"
    start "$tmp/$way.log" "$reelyard" "$way" --data "$data" --http-port 0
    node=$last
    await is_open
    none_is_open "$data"
    end "$node"
    [ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/$way.log")"
done

step "what an earlier version left open is shut, with a note, and thumbnails as REELYARD_STORAGE_ACCESS says"
chmod -R u=rwX,go=rwX "$data"
chmod 700 "$data/run"
REELYARD_STORAGE_ACCESS=all start "$tmp/run.log" "$reelyard" run --data "$data" --http-port 0
node=$last
await is_open
none_is_open "$data/run" "$data"/reelyard.db*
[ "$(stat -c %a "$data")" = 700 ] || fail "the data folder has $(stat -c %a "$data")"
[ "$(grep -c 'modes_mended .*database' "$tmp/run.log")" = 1 ] || fail "not one note: $(cat "$tmp/run.log")"
[ -z "$(find "$data/storage/thumbnails/guild_"* -type f ! -perm 644)" ] || fail "thumbnails are not for all"
[ -z "$(find "$data/storage/thumbnails/guild_"* -type d ! -perm 755)" ] || fail "folders of thumbnails are not for all"
end "$node"
