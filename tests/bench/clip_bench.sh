#!/usr/bin/env bash
# clip_bench.sh BUILD [BASE_BUILD]: what a thumbnail of a real film costs, in bytes fetched and CPU, by container and by what the
# film begins with. Aims: 1 % of the bytes in the median, 6 % at most; behind a dark start 2.5 times the CPU of the ordinary clip
# of the same codec. With BASE_BUILD, another build's CPU and bytes, measured in turn, stand beside.
# The film: 20 s of crystal.mp4 of MEDIA (../shared/media by default), 1080p, 30 frames/s, 6 Mbit/s; else moving test pictures.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
media=${MEDIA:-$source/../shared/media}
rounds=${ROUNDS:-7}
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"

film=(-f lavfi -i "testsrc2=s=1920x1080:r=30:d=20")
[ ! -e "$media/crystal.mp4" ] || film=(-stream_loop 9 -i "$media/crystal.mp4")
shape='[0:v]scale=1920:1080,fps=30,setsar=1,format=yuv420p'
dark='color=black:s=1920x1080:r=30:d=3,format=yuv420p,setsar=1[dark];'

# make NAME FILTER ARGUMENTS...
make() {
    local name=$1 filter=$2
    shift 2
    [ -e "$work/$name" ] || ffmpeg -nostdin -v error -y "${film[@]}" -t 20 -filter_complex "$filter" -map '[out]' "$@" "$work/$name" ||
        { echo "$name is left out: this ffmpeg cannot make it" && rm -f "$work/$name"; }
}
ordinary="${shape}[out]"
black="${dark}${shape}[film];[dark][film]concat[out]"
fade="$shape,fade=in:d=3[out]"
x264=(-c:v libx264 -preset ultrafast -b:v 6M -maxrate 8M -bufsize 8M -sc_threshold 0)
x265=(-c:v libx265 -preset ultrafast -b:v 6M -tag:v hvc1 -x265-params log-level=error:keyint=250:scenecut=0)
vp8=(-c:v libvpx -deadline realtime -cpu-used 12 -b:v 6M -g 250 -keyint_min 250)

make ordinary.mp4 "$ordinary" "${x264[@]}" -g 250
make ordinary_2s.mp4 "$ordinary" "${x264[@]}" -g 60
make ordinary_hevc.mp4 "$ordinary" "${x265[@]}"
make ordinary_vp8.webm "$ordinary" "${vp8[@]}"
make black.mp4 "$black" "${x264[@]}" -g 250
make black_2s.mp4 "$black" "${x264[@]}" -g 60
make black_endless.mp4 "$black" "${x264[@]}" -g 2000
make black_hevc.mp4 "$black" "${x265[@]}"
make black_vp8.webm "$black" "${vp8[@]}"
make fade.mp4 "$fade" "${x264[@]}" -g 250
for kind in mkv mov avi flv ts; do
    [ -e "$work/ordinary.$kind" ] || ffmpeg -nostdin -v error -y -i "$work/ordinary_2s.mp4" -c copy "$work/ordinary.$kind"
done
for kind in ordinary black; do
    [ ! -e "$work/${kind}_vp8.webm" ] || [ -e "$work/${kind}_live_vp8.webm" ] ||
        ffmpeg -nostdin -v error -y -i "$work/${kind}_vp8.webm" -c copy -f webm -live 1 "$work/${kind}_live_vp8.webm"
    [ ! -e "$work/${kind}_hevc.mp4" ] || [ -e "$work/${kind}_hevc.ts" ] ||
        ffmpeg -nostdin -v error -y -i "$work/${kind}_hevc.mp4" -c copy "$work/${kind}_hevc.ts"
done
for flags in faststart frag_keyframe+empty_moov; do
    [ -e "$work/ordinary_$flags.mp4" ] ||
        ffmpeg -nostdin -v error -y -i "$work/ordinary_2s.mp4" -c copy -movflags $flags "$work/ordinary_$flags.mp4"
done

# Columns of thumbnail_bench: CPU, two of another program, requests, bytes.
for clip in "$work"/*.*; do
    for ((i = 0; i < rounds; i++)); do
        now=$("$1/tests/bench_thumbnail_bench" "$clip" 1)
        base='0 0 0 0 0'
        [ -z "${2:-}" ] || base=$("$2/tests/bench_thumbnail_bench" "$clip" 1 2>/dev/null) || base='0 0 0 0 0'
        echo "$now $base"
    done | sort -n | awk -v name="${clip##*/}" -v size="$(stat -c %s "$clip")" -v rounds="$rounds" '
        { ours[NR] = $1; other[NR] = $6; requests = $4; bytes = $5; before = $10 }
        END {
            for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++) if (other[j] < other[i]) { t = other[i]; other[i] = other[j]; other[j] = t }
            middle = int((NR + 1) / 2)
            printf "%-36s %6.1f MB %6.1f ms (before %6.1f) %2d requests %8d bytes (before %8d) %.3f %%\n", name, size / 1e6, ours[middle], other[middle], requests, bytes, before, 100 * bytes / size
        }'
done | tee "$work/figures"
awk '{ print $(NF - 1) }' "$work/figures" | sort -n | awk '{ v[NR] = $1 } END { printf "fetched: median %.2f %%, most %.2f %%\n", v[int((NR + 1) / 2)], v[NR] }'
awk '{ cpu[$1] = $4 } END {
    split("black.mp4 ordinary.mp4 black_2s.mp4 ordinary_2s.mp4 black_endless.mp4 ordinary.mp4 black_hevc.mp4 ordinary_hevc.mp4 black_vp8.webm ordinary_vp8.webm black_live_vp8.webm ordinary_live_vp8.webm black_hevc.ts ordinary_hevc.ts fade.mp4 ordinary.mp4", pair)
    for (i = 1; i < 16; i += 2)
        if (cpu[pair[i + 1]] > 0) printf "%-20s %.2f times %s\n", pair[i], cpu[pair[i]] / cpu[pair[i + 1]], pair[i + 1]
}' "$work/figures"
