#!/usr/bin/env bash
# circles.sh BUILD [FOLDER...]: between the files of a folder, calls and includes run one way. Run in the root of the sources.
#
# Reads the symbols of the objects in BUILD (a build of the current sources, without link time optimisation): a file depends on another
# file of its folder if it uses a symbol that the other file defines. Headers depend on the headers that they include. Prints each group of
# files that depend on each other in a circle, with the symbols, and fails if there is one. Without FOLDER: all folders with sources.
set -euo pipefail
build=$1
shift
folders=("$@")
[ ${#folders[@]} -gt 0 ] || mapfile -t folders < <(find actors proto runtime -name '*.c' -printf '%h\n' | sort -u)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# circles FILE: reads lines "FROM TO WHAT", prints the groups whose members reach each other, and fails if there is one.
circles() {
    awk '
        function know(name) { if (!(name in known)) { known[name]; order[++n] = name } }
        { know($1); know($2); reach[$1, $2]; what[$1, $2] = what[$1, $2] " " $3 }
        END {
            for (k in known) for (i in known) if ((i, k) in reach) for (j in known) if ((k, j) in reach) reach[i, j]
            for (i = 1; i <= n; i++) if ((order[i], order[i]) in reach && !(order[i] in printed)) {
                bad = 1
                print "a circle:"
                for (j = 1; j <= n; j++) if ((order[i], order[j]) in reach && (order[j], order[i]) in reach) {
                    printed[order[j]]
                    for (k = 1; k <= n; k++)
                        if ((order[j], order[k]) in what && (order[k], order[i]) in reach)
                            print "  " order[j] " -> " order[k] ":" what[order[j], order[k]]
                }
            }
            exit bad
        }' "$1"
}

# objects FOLDER: prints the object of each source of the folder. Objects of sources that were moved are ignored.
objects() {
    local source object
    for source in "$1"/*.c; do
        for object in "$build"/CMakeFiles/*.dir/"$source.o"; do
            [ ! -e "$object" ] || break
        done
        [ -e "$object" ] || {
            echo "$source has no object in $build: build first" >&2
            return 1
        }
        printf '%s\n' "$object"
    done
}

bad=0
for folder in "${folders[@]}"; do
    objects "$folder" >"$work/objects"
    # Lines of nm: "path/of/file.c.o: symbol type value size".
    xargs nm -A -g --format=posix <"$work/objects" | awk '
        { source = $1; sub(/\.o:$/, "", source); sub(/.*\//, "", source) }
        $3 ~ /^[Uwv]$/ { used[source, $2]; next }
        { owner[$2] = source }
        END {
            for (pair in used) {
                split(pair, part, SUBSEP)
                if (part[2] in owner && owner[part[2]] != part[1]) print part[1], owner[part[2]], part[2]
            }
        }' | sort >"$work/uses"
    circles "$work/uses" >"$work/found" || {
        bad=1
        printf '%s: sources call each other in ' "$folder" >&2
        cat "$work/found" >&2
    }
done

# Headers of all these folders at once: a circle of includes can lead through several.
find "${folders[@]}" -maxdepth 1 -name '*.h' -exec grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+\.h' {} + |
    sed -E 's/^([^:]+):.*"(.*)$/\1 \2 #include/' >"$work/uses" || true
circles "$work/uses" >"$work/found" || {
    bad=1
    printf 'headers include each other in ' >&2
    cat "$work/found" >&2
}
exit $bad
