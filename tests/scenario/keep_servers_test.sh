#!/usr/bin/env bash
# Originals with PostgreSQL: an import that keeps them, verified; the last row of a file deleted by somebody else, as the interface would,
# and the file goes; sweep and verify.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/servers.sh"

postgres_start
media "$tmp/media" small
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 200 --clips 40 --seed 11 >/dev/null

step "import --keep"
"$reelyard" import "$tmp/export/export.json" --data "$tmp/data" --keep >"$tmp/import.log" 2>&1 || fail "import: $(cat "$tmp/import.log")"
grep -q "originals   40 kept" "$tmp/import.log" || fail "it does not say what it kept: $(cat "$tmp/import.log")"
pg "SELECT DISTINCT sha256 FROM reelyard_media" | LC_ALL=C sort >"$tmp/rows"
find "$tmp/data/storage/media" -type f -exec sha256sum {} + | cut -d' ' -f1 | LC_ALL=C sort >"$tmp/files"
same "$tmp/rows" "$tmp/files" "the files are not those of the rows"
"$reelyard" verify --data "$tmp/data" >/dev/null || fail "verify finds something"
[ "$("$reelyard" status --json --data "$tmp/data" | jq .archive.clips_kept)" -eq 40 ] || fail "status does not tell 40 kept"

step "rows deleted by somebody else: the file goes with the last one"
path=$(pg "SELECT kept_path FROM reelyard_media GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1")
start "$tmp/run.log" "$reelyard" run --data "$tmp/data"
run=$last
await "$reelyard" ping --data "$tmp/data"
last_clip=$(pg "SELECT max(clip_id) FROM reelyard_media WHERE kept_path = '$path'")
pg "DELETE FROM clip WHERE id IN (SELECT clip_id FROM reelyard_media WHERE kept_path = '$path') AND id <> '$last_clip'" >/dev/null
[ "$(pg "SELECT count(*) FROM reelyard_doomed_file WHERE path = '$path'")" -eq 0 ] || fail "a file that a clip has is to be deleted"
pg "DELETE FROM clip WHERE id = '$last_clip'" >/dev/null
[ "$(pg "SELECT count(*) FROM reelyard_doomed_file WHERE path = '$path'")" -eq 1 ] || fail "the file is not on the list"
end "$run"
"$reelyard" sweep --data "$tmp/data" >"$tmp/sweep.log" || fail "sweep: $(cat "$tmp/sweep.log")"
[ ! -e "$tmp/data/storage/$path" ] || fail "the file is there"
[ "$(pg "SELECT count(*) FROM reelyard_removed_file WHERE path = '$path'")" -eq 1 ] || fail "its deletion is not remembered"
"$reelyard" verify --data "$tmp/data" >/dev/null || fail "verify finds something"
