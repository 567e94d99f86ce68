#!/usr/bin/env bash
# An export of real clips becomes an archive: exit code 0, every clip completed with two thumbnails whose pixels are right; a
# second import changes no row and makes no file.
. "$(dirname "$0")/scenario.sh"

media "$tmp/media" all
clips_made=$(find "$tmp/media" -type f | wc -l)
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 300 --clips "$clips_made" --seed 7
data=$tmp/data

step "first import"
code=0
"$reelyard" import "$tmp/export/export.json" --data "$data" --json >"$tmp/summary.json" || code=$?
[ "$code" -eq 0 ] || fail "import ended with $code: $(cat "$tmp/summary.json")"
clips=$(sql "$data" "SELECT count(*) FROM clip")
[ "$clips" -eq "$clips_made" ] && [ "$clips" -ge 35 ] || fail "only $clips clips of $clips_made"
[ "$(counts "$data")" = "completed|$clips" ] || fail "clips: $(counts "$data")"
[ "$(sql "$data" "SELECT count(*) FROM thumbnail")" -eq $((2 * clips)) ] || fail "thumbnails are missing"
jq -e ".clips_completed == $clips and .clips_failed == 0" "$tmp/summary.json" >/dev/null || fail "summary: $(cat "$tmp/summary.json")"

step "rows say what the files are"
sql "$data" "SELECT storage_path, width, height, file_size, size_type FROM thumbnail" | while IFS='|' read -r path width height size type; do
    file=$data/storage/$path
    [ "$(stat -c %s "$file")" = "$size" ] || fail "$path has not $size bytes"
    real=$(ffprobe -v error -select_streams v -show_entries stream=codec_name,width,height -of csv=p=0 "$file" </dev/null)
    [ "$real" = "webp,$width,$height" ] || fail "$path is $real, the row says $width x $height"
    case $type in
    small) [ "$width" -le 320 ] && [ "$height" -le 180 ] || fail "$path is too large" ;;
    large) [ "$width" -le 640 ] && [ "$height" -le 360 ] || fail "$path is too large" ;;
    esac
done

step "aspect is kept and pictures are not black"
sql "$data" "SELECT c.filename, c.resolution, t.width, t.height, t.storage_path FROM clip c JOIN thumbnail t ON t.clip_id = c.id
    WHERE t.size_type = 'large'" | while IFS='|' read -r name resolution width height path; do
    awk -v r="$resolution" -v w="$width" -v h="$height" 'BEGIN { split(r, d, "x"); a = d[1] / d[2]; b = w / h;
        # one pixel of rounding either way
        exit !((w - 1) / (h + 1) <= a && a <= (w + 1) / (h - 0.999)) }' || fail "$name: $resolution became $width x $height"
    # Clips are named by the place of their medium in the folder.
    number=${name//[!0-9]/}
    medium=$(find "$tmp/media" -type f -printf '%f\n' | LC_ALL=C sort | sed -n "$((10#${number:0:5} + 1))p")
    [ "$medium" != black.mp4 ] || continue
    light=$(ffmpeg -nostdin -v error -i "$data/storage/$path" -vf scale=1:1 -pix_fmt gray -f rawvideo - | od -An -tu1 | tr -d ' ')
    [ "$light" -gt 8 ] || fail "$medium: the thumbnail is black ($light)"
done

step "second import changes nothing"
dump "$data" >"$tmp/first"
sql "$data" "SELECT id, updated_at FROM clip ORDER BY 1" >"$tmp/first-times"
find "$data/storage" -type f -printf '%p %T@ %i\n' | sort >"$tmp/first-files"
"$reelyard" import "$tmp/export/export.json" --data "$data" >"$tmp/second.log" || fail "the second import failed: $(cat "$tmp/second.log")"
dump "$data" >"$tmp/second"
sql "$data" "SELECT id, updated_at FROM clip ORDER BY 1" >"$tmp/second-times"
find "$data/storage" -type f -printf '%p %T@ %i\n' | sort >"$tmp/second-files"
same "$tmp/first" "$tmp/second" "the second import changed rows"
same "$tmp/first-times" "$tmp/second-times" "the second import touched clips"
same "$tmp/first-files" "$tmp/second-files" "the second import made files"
echo "$clips clips, $((2 * clips)) thumbnails"
