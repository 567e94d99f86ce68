#!/usr/bin/env bash
# make_shapes.sh FOLDER CARD: makes the clips of the table of clip shapes, as many at a time as there are processors. CARD is the
# program fakes_card. The recipes are lines of tests/bed/shapes/*.recipes:
#
#   NAME : SHELL COMMANDS          the commands write the file $out; `card` and `ff` (ffmpeg, quiet) are there
#   NAME < OTHER : SHELL COMMANDS  made of another clip, $from, whose recipe is of the first kind
#
# A line that ends with \ goes on. A clip is made again when its recipe, this script, the card program's sources or ffmpeg
# change, so the folder may be kept. Where this ffmpeg lacks what a recipe needs there is NAME.skipped with the reason instead;
# every other failure is NAME.failed with ffmpeg's words.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# Short names for recipes.
# shellcheck disable=SC2034 # the recipes use them
{
    x264='-c:v libx264 -preset veryfast -threads 1'
    x265='-c:v libx265 -preset ultrafast -x265-params log-level=error:pools=1'
    vp8='-c:v libvpx -deadline realtime -cpu-used 8 -threads 1 -b:v 1M'
    vp9='-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -threads 1 -b:v 1M'
    av1='-c:v libsvtav1 -preset 12'
    sound='-f lavfi -t 4 -i sine=frequency=440:sample_rate=44100'
}

card() {
    "$CARD" "$@"
}
ff() {
    ffmpeg -nostdin -v error -y -bitexact "$@"
}

# silent_range FILE FORMAT: fails unless its stream, taken out of the container, says nothing of its range.
silent_range() {
    local said
    ff -i "$1" -map 0:v -c copy -f "$2" "$1.raw"
    said=$(ffprobe -v error -f "$2" -show_entries stream=color_range -of csv=p=0 "$1.raw")
    rm "$1.raw"
    [ "$said" = unknown ] || { echo "the stream says '$said' of its range" && return 1; }
}

recipes() {
    sed -e ':again' -e '/\\$/{N;s/\\\n[ \t]*//;b again' -e '}' "$here"/shapes/*.recipes | grep -v -e '^#' -e '^[[:space:]]*$'
}

# one FOLDER LINE
one() {
    local folder=$1 line=$2 name from='' key part log
    name=${line%% *}
    [[ ${line%% : *} != *' < '* ]] || from=$folder/$(sed 's/.* < //' <<<"${line%% : *}")
    key=$(printf '%s\n' "$STATE" "$line" "$(cat "$from.key" 2>/dev/null || true)" | sha256sum)
    [ "$(cat "$folder/$name.key" 2>/dev/null || true)" != "$key" ] || return 0
    rm -f "$folder/$name" "$folder/$name".{key,failed,skipped}
    part=$folder/making.$name.$$
    log=$part/log
    mkdir -p "$part"
    out=$part/$name
    if [ -n "$from" ] && [ ! -e "$from" ]; then
        cp "$from.skipped" "$folder/$name.skipped" 2>/dev/null || echo "it is made of ${from##*/}, which is not there" >"$folder/$name.failed"
    elif (set -euo pipefail; eval "${line#* : }") >"$log" 2>&1 && [ -s "$out" ]; then
        mv "$out" "$folder/$name"
    elif grep -qiE 'unknown encoder|encoder .* not found|unknown decoder|no such filter|unrecognized option|requested output format|command not found' "$log"; then
        head -n 1 "$log" >"$folder/$name.skipped"
    else
        head -n 5 "$log" | tr '\n' ' ' >"$folder/$name.failed"
    fi
    rm -rf "$part"
    [ -e "$folder/$name.failed" ] || printf '%s\n' "$key" >"$folder/$name.key"
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit
fi

folder=$1
export CARD=$2
mkdir -p "$folder"
STATE=$(ffmpeg -version | sed -n '1p;/^configuration/p'; cat "$0" "$here/card.c" "$here/../fakes/card.c" | sha256sum)
export STATE
for kind in base made; do
    recipes | if [ $kind = base ]; then grep -vE '^[^ ]+ < '; else grep -E '^[^ ]+ < ' || true; fi | tr '\n' '\0' |
        xargs -0 -r -n 1 -P "$(nproc)" "$0" --one "$folder"
done
