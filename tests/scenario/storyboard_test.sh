#!/usr/bin/env bash
# Storyboards: off by default; once on, also of clips that were there before; as many pictures as there are key frames, up to 16, each the
# key frame of its time; reads ranges only; survives a kill; goes with its clip.
# shellcheck source=tests/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
needs ffmpeg ffmpeg
needs jq jq

data=$tmp/data
"$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/all" board.mp4 board.mkv board.flv board_rot.mp4 black.mp4 >/dev/null 2>&1
mkdir "$tmp/media"
cp "$tmp"/all/{board.mp4,board.mkv,board.flv,board_rot.mp4,black.mp4} "$tmp/media"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 20 --clips 5 --seed 7
media_sql() { sql "$data" "SELECT $1 FROM reelyard_media $2"; }

step "off by default"
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/import.log" 2>&1 || fail "$(tail -5 "$tmp/import.log")"
[ "$(counts "$data")" = "completed|5" ] || fail "clips: $(counts "$data")"
[ "$(media_sql "count(*)" "WHERE sheet_state IS NOT NULL")" = 0 ] || fail "somebody wants storyboards"
[ ! -e "$data/storage/sheets" ] || [ -z "$(find "$data/storage/sheets" -name '*.webp')" ] || fail "there are storyboards"

step "on: of clips that are there, killed once on the way"
take_port
export REELYARD_PREVIEW=on
start "$tmp/run.log" "$reelyard" run --data "$data" --http-port "$port"
some_made() { [ "$(media_sql "count(*)" "WHERE sheet_state = 'made'")" -gt 0 ]; }
await some_made
end "$last" KILL
start "$tmp/run.log" "$reelyard" run --data "$data" --http-port "$port"
node=$last
all_settled() { [ "$(media_sql "count(*)" "WHERE sheet_state IN ('made', 'none')")" = 5 ]; }
await all_settled
[ "$(media_sql "sheet_state" "m JOIN clip c ON c.id = m.clip_id WHERE c.mime_type = 'video/x-flv'")" = none ] || fail "a storyboard of FLV"
[ "$(media_sql "count(*)" "WHERE sheet_state = 'made'")" = 4 ] || fail "not four storyboards"
[ "$(media_sql "count(*)" "WHERE sheet_count = 16 AND sheet_columns = 4 AND sheet_rows = 4 AND sheet_step_s > 2.4 AND sheet_step_s < 2.6")" = 3 ] ||
    fail "layouts: $(media_sql "sheet_count, sheet_columns, sheet_rows, sheet_step_s")"
[ "$(find "$data/storage/sheets" -name '*.webp' | wc -l)" = 4 ] || fail "not four files"

step "each tile is its time's key frame"
clip=$(sql "$data" "SELECT id FROM clip WHERE resolution = '640x360' AND mime_type = 'video/mp4'")
base=http://127.0.0.1:$port
await curl -fsS "$base/ping"
curl -fsSL "$base/sheet/$clip" -o "$tmp/sheet.webp" || fail "no sheet"
curl -fsS "$base/sheet/$clip.vtt" -o "$tmp/sheet.vtt" || fail "no index"
[ "$(grep -c -- ' --> ' "$tmp/sheet.vtt")" = 16 ] || fail "not 16 cues: $(cat "$tmp/sheet.vtt")"
curl -fsS "$base/api/clips" | jq -e --arg id "$clip" '.clips[] | select(.clip_id == $id) | .sheet_count == 16 and .sheet_width == 640 and
    (.video_codec | startswith("avc1.")) and (.thumbhash | length) > 20' >/dev/null || fail "the API says: $(curl -fsS "$base/api/clips")"
i=0
grep -o 'xywh=.*' "$tmp/sheet.vtt" | tr -c '0-9\n' ' ' | while read -r x y w h; do
    # The key frames are 2 s apart, and the parts 2.5 s long.
    key=$(awk -v i="$i" 'BEGIN { m = (i + 0.5) * 2.5; k = int(m / 2 + 0.4999) * 2; print (k > 38 ? 38 : k) }')
    ffmpeg -nostdin -v error -y -ss "$key" -i "$tmp/media/board.mp4" -frames:v 1 -vf "scale=$w:$h" "$tmp/right.png"
    psnr=$(ffmpeg -nostdin -hide_banner -i "$tmp/sheet.webp" -i "$tmp/right.png" -filter_complex \
        "[0]crop=$w:$h:$x:$y,format=rgb24[a];[1]format=rgb24[b];[a][b]psnr" -f null - 2>&1 | grep -o 'average:[0-9.]*' | cut -d: -f2)
    awk -v p="$psnr" 'BEGIN { exit !(p > 21) }' || fail "tile $i at $x,$y is $psnr dB from the picture of $key s"
    i=$((i + 1))
done

step "a clip that goes takes its storyboard along; one that comes gets one"
sqlite3 -cmd '.timeout 10000' "$data/reelyard.db" "PRAGMA foreign_keys = ON; DELETE FROM clip WHERE id = '$clip'"
end "$node"
[ "$ended" -eq 0 ] || fail "the node ended with $ended: $(tail -5 "$tmp/run.log")"
[ "$(sql "$data" "SELECT count(*) FROM reelyard_doomed_file WHERE path LIKE 'sheets/%/$clip.webp'")" = 1 ] ||
    fail "the file is on no list: $(sql "$data" "SELECT path FROM reelyard_doomed_file")"
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/import.log" 2>&1 || fail "$(tail -5 "$tmp/import.log")"
start "$tmp/run.log" "$reelyard" run --data "$data" --http-port "$port"
node=$last
made_again() { [ "$(media_sql "count(*)" "WHERE sheet_state = 'made'")" = 4 ]; }
await made_again
[ -n "$(find "$data/storage/sheets" -name "$clip.webp")" ] || fail "the file of the clip that came back is gone"
end "$node"
