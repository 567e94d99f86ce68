#!/usr/bin/env bash
# ffmpeg's Matroska and WebM muxer: Duration is the time of the end, not how long the file lasts.
#
# One would guess: a clip of 4 s whose timestamps begin at 100 s has a Duration of 4 s, as RFC 9559 defines it ("Duration of the Segment") and
# as other muxers write it; and that FFmpeg, which reads the first timestamp too, reports 4 s for it in every container.
#
# What happens: the muxer writes 104 s, and the demuxer repeats it, without taking the start away. The same clip in MPEG-TS, whose
# duration FFmpeg finds by itself, is 4 s; remuxing the Matroska file to MPEG-TS makes it 4 s again. MP4 says 4 s, too. So who cuts clips out of a stream with -copyts, or records one that runs for hours, gets files that say
# they last for hours.
#
# Why it matters here: a reader cannot take Duration at its word. If pictures are indexed behind it, it is a length; else it is an end, and
# the first timestamp has to be taken off.
#
# Seen with imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2) and PyAV 14.2.0 (libavformat 61):
#   mkv     container 104.0 s from 100.0 s, stream None
#   webm    container 104.0 s from 100.0 s, stream None
#   ts      container 4.0 s from 101.4 s, stream 4.0 s
#   mp4     container 4.0 s from 100.0 s, stream 4.0 s
set -euo pipefail
command -v python3 >/dev/null || { echo "needs python3"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv v
v/bin/pip install -q --disable-pip-version-check av==14.2.0 imageio-ffmpeg==0.6.0
cat >run.py <<'PY'
import subprocess, av, imageio_ffmpeg

ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version(), "libavformat", *av.library_versions["libavformat"])
for kind in ("mkv", "webm", "ts", "mp4"):
    codec = ["libvpx", "-deadline", "realtime"] if kind == "webm" else ["mpeg4", "-bf", "0"]
    subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=4", "-c:v", *codec,
                    "-output_ts_offset", "100", "a." + kind], check=True)
    with av.open("a." + kind) as c:
        s = c.streams.video[0]
        length = s.duration and f"{round(float(s.duration * s.time_base), 1)} s"
        print(f"{kind:7} container {round(c.duration / 1e6, 1)} s from {round(c.start_time / 1e6, 1)} s, stream {length}")
PY
v/bin/python run.py | tee out
for line in 'mkv     container 104.0 s from 100.0 s, stream None' 'ts      container 4.0 s from 101.4 s, stream 4.0 s'; do
    grep -qxF "$line" out || { echo "CHANGED: $line"; exit 1; }
done
