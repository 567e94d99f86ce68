#!/bin/sh
# make_media.sh FOLDER [NAME...]: makes small video clips of many shapes with the ffmpeg command; all of them, or those
# named (without their folder). What each one shows is told beside it. MEDIA (environment) may name a folder with real
# clips; crystal.mp4 there gives real.mp4. A clip whose encoder this ffmpeg lacks is left out with a line on standard
# error.
set -eu
folder=$1
shift
names=" $* "
mkdir -p "$folder"
cd "$folder"

wanted() {
    [ "$names" = "  " ] || case $names in *" $1 "*) true ;; *) false ;; esac
}
# make NAME ARGUMENTS-OF-FFMPEG...
make() {
    name=$1
    shift
    wanted "$name" || return 0
    if ! ffmpeg -nostdin -v error -y "$@" "$name" </dev/null 2>ffmpeg.log; then
        printf 'make_media: %s is left out: %s\n' "$name" "$(head -n 1 ffmpeg.log)" >&2
        rm -f "$name"
    fi
    rm -f ffmpeg.log
}
# rotated NAME DEGREES SOURCE: the same stream, to be turned clockwise by its display matrix alone.
rotated() {
    # The option is new in FFmpeg 6; 7 no longer takes the metadata that stood for it.
    if ffmpeg -v error -h full 2>/dev/null | grep -q -- '-display_rotation'; then
        make "$1" -display_rotation "$2" -i "$3" -c copy
    else
        make "$1" -i "$3" -c copy -metadata:s:v "rotate=$2"
    fi
}
# For clips made from other clips: those must be there first.
needs() {
    [ -e "$1" ] || (names=" $1 " && base)
}

# A tone of as many seconds as the pictures: versions of ffmpeg differ in where -shortest cuts a source that does not end.
sound() {
    printf -- '-f lavfi -i sine=frequency=440:sample_rate=44100:d=%s' "$1"
}
# What setparams is to say of the colours: colours MATRIX PRIMARIES TRANSFER. From ffmpeg 7 on the encoder takes it from the frames, and the
# options that tell it otherwise do nothing; before, it took the options.
colours() {
    printf 'range=tv:colorspace=%s:color_primaries=%s:color_trc=%s' "$1" "$2" "$3"
}
tagged() {
    printf -- '-color_range tv -colorspace %s -color_primaries %s -color_trc %s' "$1" "$2" "$3"
}
x264='-c:v libx264 -preset ultrafast -pix_fmt yuv420p'

# Four quarters: red, green over blue, white; 160x120, 10 frames/s, a key frame each second, 3 s.
quarters() {
    printf 'color=red:s=%s:r=10:d=3[a];color=lime:s=%s:r=10:d=3[b];color=blue:s=%s:r=10:d=3[c];color=white:s=%s:r=10:d=3[d];' \
        "$1" "$1" "$1" "$1"
    printf '[a][b]hstack[t];[c][d]hstack[u];[t][u]vstack,scale=out_color_matrix=bt601:out_range=tv,setparams=%s' "${2:-colorspace=unknown}"
}
# A moving test picture: moving SIZE SECONDS
moving() {
    printf 'testsrc2=s=%s:r=10:d=%s' "$1" "$2"
}
# 2 s of black before it: dark SIZE
dark() {
    printf 'color=black:s=%s:r=10:d=2,format=yuv420p[a];testsrc2=s=%s:r=10:d=1,format=yuv420p[b];[a][b]concat' "$1" "$1"
}
quad="-f lavfi -i $(quarters 80x60)"

base() {
    # shellcheck disable=SC2086,SC2046 # the variables and what the functions print are lists of arguments
    make big.mp4 -f lavfi -i testsrc2=s=1280x720:r=30:d=8 $(sound 8) $x264 -g 60 -sc_threshold 0 -c:a aac
    # shellcheck disable=SC2086,SC2046
    make quad.mp4 -f lavfi -i "$(quarters 80x60 "$(colours smpte170m smpte170m smpte170m)")" $(sound 3) $x264 -g 10 -c:a aac \
        $(tagged smpte170m smpte170m smpte170m)
}

# shellcheck disable=SC2086,SC2046
{
    base
    # The same pictures in other containers and layouts.
    for name in quad_fast.mp4 quad_frag.mp4 quad.mov quad.mkv quad.flv quad.ts rot90.mp4 rot180.mp4 rot270.mp4; do
        wanted $name && needs quad.mp4
    done
    make quad_fast.mp4 -i quad.mp4 -c copy -movflags +faststart
    make quad_frag.mp4 -i quad.mp4 -c copy -movflags frag_keyframe+empty_moov+default_base_moof
    make quad.mov -i quad.mp4 -c copy
    make quad.mkv -i quad.mp4 -c copy
    make quad.flv -i quad.mp4 -c copy
    make quad.ts -i quad.mp4 -c copy
    # Turned by the display matrix alone.
    for turn in 90 180 270; do
        rotated rot$turn.mp4 $turn quad.mp4
    done

    # The same pictures by other codecs.
    # 2 s of black, then a moving picture, in one group of pictures.
    make dark_vp8.webm -f lavfi -i "$(dark 160x120)" -c:v libvpx -deadline realtime -cpu-used 8 -g 100
    make dark.mp4 -f lavfi -i "$(dark 160x120)" $x264 -g 100 -sc_threshold 0
    make vp8.webm $quad $(sound 3) -c:v libvpx -deadline realtime -cpu-used 8 -g 10 -c:a libvorbis
    make vp9.webm $quad -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10
    make av1.mp4 $quad -c:v libaom-av1 -cpu-used 8 -usage realtime -g 10
    make hevc.mp4 $quad -c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=10 -tag:v hvc1
    make mpeg4.avi $quad $(sound 3) -c:v mpeg4 -q:v 3 -g 10 -c:a mp3
    make msmpeg4.avi $quad -c:v msmpeg4 -q:v 3 -g 10
    make mjpeg.avi $quad -c:v mjpeg -q:v 3
    make mpeg2.mpg $quad $(sound 3) -r 25 -c:v mpeg2video -q:v 3 -g 12 -c:a mp2
    make wmv2.wmv $quad $(sound 3) -c:v wmv2 -q:v 3 -g 10 -c:a wmav2
    make flv1.flv $quad $(sound 3) -c:v flv -q:v 3 -g 10 -ar 44100 -c:a mp3
    # A corner that changes with every frame: libtheora drops those in which nothing does, and readers differ in what that lasts.
    make theora.ogv $quad $(sound 3) -vf "drawbox=w=4:h=4:color=black:t=fill:enable='mod(n,2)'" -c:v libtheora -q:v 8 -g 10 -c:a libvorbis
    make prores.mov $quad -c:v prores_ks -profile:v 0
    make ten_bit.mp4 $quad -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -g 10
    # The right half transparent.
    make alpha.mov -f lavfi -i "color=red:s=160x120:r=10:d=1,format=yuva444p10,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(X,80),1023,0)'" \
        -c:v prores_ks -profile:v 4444

    # Shapes: pixels of 4:3, odd sizes, very narrow.
    make sar.mp4 -f lavfi -i "$(moving 144x96 2),setsar=4/3" $x264 -g 10
    make odd.webm -f lavfi -i testsrc=s=641x361:r=10:d=1 -pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8
    make narrow.avi -f lavfi -i "$(moving 3000x2 1)" -c:v mjpeg -q:v 3
    make large.mp4 -f lavfi -i "$(moving 1280x720 2)" $x264 -g 10
    # Two seconds and a half of black, then pictures; a key frame each second, B-frames between.
    make black_intro.mp4 -f lavfi -i "color=black:s=160x120:r=10:d=2.5" -f lavfi -i "$(moving 160x120 2.5)" \
        -filter_complex '[0][1]concat' -c:v libx264 -preset fast -pix_fmt yuv420p -g 10 -bf 2 -sc_threshold 0
    make black.mp4 -f lavfi -i "color=black:s=160x120:r=10:d=2" $x264 -g 10
    # Frame n is a plain area of luma 16 + 5 n; key frames each two seconds, B-frames between.
    make counter.mp4 -f lavfi -i "nullsrc=s=64x64:r=10:d=4,format=yuv420p,geq=lum='16+5*N':cb=128:cr=128" \
        -c:v libx264 -preset fast -g 20 -bf 2 -sc_threshold 0 -qp 4

    # A plain grey of 40 %, in limited and in full range; a plain orange by two matrices.
    make grey_limited.mp4 -f lavfi -i "color=0x666666:s=64x64:r=10:d=1,scale=out_range=tv,setparams=range=tv" $x264 -color_range tv
    make grey_full.mp4 -f lavfi -i "color=0x666666:s=64x64:r=10:d=1,scale=out_range=pc,setparams=range=pc" -c:v libx264 -preset ultrafast -pix_fmt yuvj420p -color_range pc
    make orange_601.mp4 -f lavfi -i "color=0xC06020:s=64x64:r=10:d=1,format=rgb24,scale=out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=colorspace=smpte170m" $x264 -colorspace smpte170m
    make orange_709.mp4 -f lavfi -i "color=0xC06020:s=64x64:r=10:d=1,format=rgb24,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709" $x264 -colorspace bt709

    # HDR, grey in four columns. PQ: 0, 10, 203 and 1000 cd/m2; HLG: code values of 0, 38, 75 and 100 %.
    pq="nullsrc=s=160x40:r=10:d=1,format=yuv420p10le,geq=lum='if(lt(X,40),64,if(lt(X,80),329,if(lt(X,120),573,723)))':cb=512:cr=512"
    hlg="nullsrc=s=160x40:r=10:d=1,format=yuv420p10le,geq=lum='if(lt(X,40),64,if(lt(X,80),397,if(lt(X,120),721,940)))':cb=512:cr=512"
    hdr='-c:v libx264 -preset ultrafast -qp 4 -pix_fmt yuv420p10le'
    make pq.mp4 -f lavfi -i "$pq,setparams=$(colours bt2020nc bt2020 smpte2084)" $hdr $(tagged bt2020nc bt2020 smpte2084)
    make hlg.mp4 -f lavfi -i "$hlg,setparams=$(colours bt2020nc bt2020 arib-std-b67)" $hdr $(tagged bt2020nc bt2020 arib-std-b67)

    # Eight megabytes: what a range costs shows. A key frame each two seconds, 8 s; the index is at the end of big.mp4.
    for name in big_fast.mp4 big_frag.mp4 big_bits.mp4 big.mkv big.flv big.ts; do
        wanted $name && needs big.mp4
    done
    make big_fast.mp4 -i big.mp4 -c copy -movflags +faststart
    make big_frag.mp4 -i big.mp4 -c copy -movflags frag_keyframe+empty_moov
    # Fragments much shorter than the time between key frames.
    make big_bits.mp4 -i big.mp4 -c copy -movflags empty_moov -frag_duration 100000
    for kind in mkv flv ts; do
        make big.$kind -i big.mp4 -c copy
    done
    # Not copied, and without sound: versions of ffmpeg differ in the time base that a copy gets, which gives empty frames and so a
    # larger index, and in the pieces of the sound.
    make big.avi -f lavfi -i testsrc2=s=1280x720:r=30:d=8 $x264 -g 60 -sc_threshold 0
    # WebM without cues, as a browser records it.
    make live.webm -f lavfi -i "$(moving 640x360 6)" -c:v libvpx -deadline realtime -cpu-used 8 -b:v 4M -g 20 -f webm -live 1 -cluster_time_limit 1000

    # For storyboards: 40 s, a key frame each 2 s; the same in other containers; upright; one whose pictures come ever more seldom.
    make board.mp4 -f lavfi -i "$(moving 640x360 40)" $(sound 40) $x264 -g 20 -sc_threshold 0 -c:a aac
    for name in board.mkv board.avi board.flv board_frag.mp4 board_rot.mp4; do
        wanted $name && needs board.mp4
    done
    make board.mkv -i board.mp4 -c copy
    make board.avi -i board.mp4 -c copy
    make board.flv -i board.mp4 -c copy
    make board_frag.mp4 -i board.mp4 -c copy -movflags frag_keyframe+empty_moov
    rotated board_rot.mp4 90 board.mp4
    make board_vfr.mp4 -f lavfi -i "$(moving 320x180 60)" -vf "select='lt(t,10)+not(mod(n,50))'" -vsync vfr $x264 -g 10 -sc_threshold 0
    make board_one.mp4 -f lavfi -i "$(moving 320x180 8)" $x264 -g 1000 -sc_threshold 0

    # What is no video.
    make audio.m4a $(sound 1) -c:a aac
    make cover.m4a $(sound 1) -f lavfi -i "$(moving 64x64 1),fps=1" -map 0 -map 1 -c:a aac -c:v mjpeg -disposition:v attached_pic
    make cover.mp3 $(sound 1) -f lavfi -i "$(moving 64x64 1),fps=1" -map 0 -map 1 -c:a mp3 -c:v mjpeg -id3v2_version 3
    make picture.gif -f lavfi -i "$(moving 64x64 1)"
    if wanted empty.mp4; then : >empty.mp4; fi
    if wanted text.mp4; then printf 'This is no video at all.\n%.0s' 1 2 3 4 5 6 7 8 >text.mp4; fi

    if wanted real.mp4 && [ -n "${MEDIA:-}" ] && [ -e "$MEDIA/crystal.mp4" ]; then cp "$MEDIA/crystal.mp4" real.mp4; fi
}
