#!/usr/bin/env bash
# examples_test.sh: the examples of docs/CONTRIBUTING.md fit the tree, compile, and do what the guide says.
#
# Takes the blocks of the guide in their order into a copy of the tree: blocks of the kind `diff apply` are applied; a block with new=FILE becomes that file
# (NNNN in its name is the next number of the folder), one with append=FILE is added to it. Compiles every source that the examples touch, and
# builds and runs the tests of the example of a message and of an actor. Needs the packages of `./dev build`, and git.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# The same folder each time, so that a compiler cache finds what it compiled before.
work=${REELYARD_BUILD:-$root/build}/examples
for tool in git cmake ninja pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "skipped: $tool is not installed"
        exit 77
    }
done
[ -n "${CMAKE_C_COMPILER_LAUNCHER:-}" ] || ! command -v ccache >/dev/null || export CMAKE_C_COMPILER_LAUNCHER=ccache
rm -rf "$work"
mkdir -p "$work/tree" "$work/blocks"
(cd "$root" && git ls-files --cached --others --exclude-standard -z | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar -c --null -T -) | tar -x -C "$work/tree"

# blocks/NN.KIND[.FILE-WITH-COMMAS-FOR-SLASHES]: the text of each block.
awk -v out="$work/blocks" '
    /^```/ && inside { inside = 0; close(file); next }
    /^```/ {
        inside = 1; n++; kind = ""; path = ""
        if ($0 == "```diff apply") kind = "diff"
        if ($2 ~ /^(new|append)=/) { split($2, part, "="); kind = part[1]; path = part[2]; gsub("/", ",", path) }
        file = kind == "" ? "/dev/null" : sprintf("%s/%02d.%s.%s", out, n, kind, path)
        next
    }
    inside { print >file }' "$root/docs/CONTRIBUTING.md"

cd "$work/tree"
git init -q .
: >"$work/sources"
# next FOLDER: the number behind the last one of the numbered files of a folder.
next() {
    find "$1" -maxdepth 1 -name '[0-9][0-9][0-9][0-9]_*' | sed 's/.*\/0*\([0-9]*\)_.*/\1/' | sort -n | tail -n 1 | awk '{ printf "%04d", $1 + 1 }'
}
for block in "$work"/blocks/*; do
    IFS=. read -r number kind path <<<"$(basename "$block")"
    path=${path//,//}
    case $kind in
    diff)
        git apply -p0 "$block" || {
            echo "FAILED: block $number of docs/CONTRIBUTING.md, which begins '$(head -n 1 "$block")', does not fit the tree: bring it up to date"
            exit 1
        }
        sed -n 's/^+++ //p' "$block" >>"$work/sources"
        ;;
    new)
        [[ $path != *NNNN* ]] || path=${path/NNNN/$(next "$(dirname "$path")")}
        [ ! -e "$path" ] || {
            echo "FAILED: docs/CONTRIBUTING.md makes $path, which is there"
            exit 1
        }
        mkdir -p "$(dirname "$path")"
        cp "$block" "$path"
        echo "$path" >>"$work/sources"
        ;;
    append) cat "$block" >>"$path" ;;
    esac
done

# The two tests with only what they need of the product, so that not all of it is compiled.
cat >>tests/CMakeLists.txt <<'END'
add_executable(example_message actor/storage_space_test.c bed/bed.c)
target_link_libraries(example_message PRIVATE reelyard_storage PkgConfig::CMOCKA)
add_executable(example_actor actor/timekeeper_test.c bed/bed.c)
target_link_libraries(example_actor PRIVATE reelyard_timekeeper PkgConfig::CMOCKA)
END
git add -A
cmake -G Ninja -S . -B "$work/build" -DCMAKE_BUILD_TYPE=Debug >"$work/configure.log" 2>&1 || {
    cat "$work/configure.log"
    exit 1
}
sort -u "$work/sources" | grep '\.c$' | grep -v '^tests/' | sed "s|.*|$work/tree/&^|" >"$work/objects"
[ -s "$work/objects" ] || {
    echo "FAILED: docs/CONTRIBUTING.md has no example"
    exit 1
}
xargs ninja -C "$work/build" example_message example_actor <"$work/objects" >"$work/build.log" 2>&1 || {
    grep -A 20 -E 'error|FAILED' "$work/build.log" || cat "$work/build.log"
    exit 1
}
"$work/build/tests/example_message"
"$work/build/tests/example_actor"
