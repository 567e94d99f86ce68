#!/usr/bin/env bash
# thumbnail_bench.sh BUILD: CPU time of one clip's thumbnails, side by side in one run: reelyard's engine, the command
# ffmpegthumbnailer with and without its start, and the steps of the old worker (ffprobe; ffmpeg to PNG at 1 s; two LANCZOS resizes by
# Pillow; WebP method 6). Aims: 3 and 20 times less. The clip: 30 s, 1080p60 H.264, about 34 MB, its index at the end, made
# of a real film if MEDIA (../shared/media by default) has one. What is not installed is left out with a line.
set -euo pipefail
program=$1/tests/bench_thumbnail_bench
source=$(cd "$(dirname "$0")/../.." && pwd)
media=${MEDIA:-$source/../shared/media}
rounds=${ROUNDS:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

film=(-f lavfi -i "testsrc2=s=1920x1080:r=60:d=30")
[ ! -e "$media/crystal.mp4" ] || film=(-stream_loop 2 -i "$media/crystal.mp4")
ffmpeg -nostdin -v error -y "${film[@]}" -t 30 -vf scale=1920:1080,fps=60 -c:v libx264 -preset ultrafast -b:v 9M \
    -maxrate 12M -bufsize 12M -g 250 -pix_fmt yuv420p -c:a aac -b:a 128k "$work/clip.mp4"
size=$(stat -c %s "$work/clip.mp4")

cat >"$work/old.py" <<'PYTHON'
import io, os, subprocess, sys, json
from PIL import Image
clip, png = sys.argv[1], sys.argv[2]
begin = sum(os.times()[:4])
probe = subprocess.run(["ffprobe", "-v", "quiet", "-print_format", "json", "-show_format", "-show_streams", clip],
                       stdout=subprocess.PIPE, check=True)
json.loads(probe.stdout)
subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-ss", "1.0", "-i", clip, "-frames:v", "1", png], check=True)
for box in ((320, 180), (640, 360)):
    image = Image.open(png).convert("RGB")
    image.thumbnail(box, Image.Resampling.LANCZOS)
    image.save(io.BytesIO(), "WEBP", quality=85, method=6)
print("%.2f" % ((sum(os.times()[:4]) - begin) * 1e3))
PYTHON
python=python3
if ! python3 -c 'import PIL' 2>/dev/null; then
    python=
    if python3 -m venv "$work/venv" 2>/dev/null && "$work/venv/bin/pip" -q install Pillow 2>/dev/null; then
        python=$work/venv/bin/python
    else
        echo "the old worker's steps are left out: Pillow cannot be installed"
    fi
fi
command -v ffmpegthumbnailer >/dev/null || echo "ffmpegthumbnailer is left out: it is not installed"

for ((i = 0; i < rounds; i++)); do
    ours=$("$program" "$work/clip.mp4" 1)
    old=-1
    [ -z "$python" ] || old=$("$python" "$work/old.py" "$work/clip.mp4" "$work/frame.png")
    echo "$ours $old"
done >"$work/rounds"

# Medians of the columns: engine, ffmpegthumbnailer, its start, requests, bytes, old steps.
median() {
    sort -n -k "$1,$1" "$work/rounds" | awk -v c="$1" '{v[NR] = $c} END {print v[int((NR + 1) / 2)]}'
}
awk -v ours="$(median 1)" -v peer="$(median 2)" -v start="$(median 3)" -v requests="$(median 4)" \
    -v bytes="$(median 5)" -v old="$(median 6)" -v size="$size" -v rounds="$rounds" 'BEGIN {
    printf "one clip of %.1f MB, 1080p60, index at the end; CPU, median of %d rounds in turn\n", size / 1e6, rounds
    printf "%-44s %8.1f ms  %d requests, %d bytes (%.2f %%)\n", "reelyard, both images", ours, requests, bytes, 100 * bytes / size
    if (peer > 0)
        printf "%-44s %8.1f ms  %.1f times reelyard (aim 3); without its start %.1f ms, %.1f times\n", "ffmpegthumbnailer, one image as PNG", peer, peer / ours, peer - start, (peer - start) / ours
    if (old > 0)
        printf "%-44s %8.1f ms  %.1f times reelyard (aim 20)\n", "the old worker, both images", old, old / ours
}'
"$program" --methods "$work/clip.mp4"
