#!/usr/bin/env bash
# paths.sh ROOT: every path that a comment or a document names exists. Prints those that do not, and fails if there is one.
#
# What counts as a path: words that begin with a folder of the root (runtime/bus, tests/unit/*_test.c); words that end like a source or a
# document of ours (router.c, bus/router.h, REDIS.md) and are not the name of a system header that some source includes; targets and anchors
# of relative links; decisions by number (ADR 0007). `<name>` stands for any name, `*` and `{a,b}` are read as the shell reads them.
# Comments are what the language of the file takes for one; a document (*.md) counts as a whole.
set -euo pipefail
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git ls-files --cached --others --exclude-standard >"$work/files"
# Code of others speaks of the files of others.
grep -vE '(^|/)yyjson/|^LICENSE$' "$work/files" | grep -E '\.(c|h|def|sql|lua|js|cjs|css|html|sh|py|cmake|jq|yaml|yml|example|md|service|recipes)$|(^|/)(CMakeLists\.txt|Dockerfile|dev|run|\.clang-[a-z]+)$' >"$work/read"
grep -E '\.[ch]$' "$work/files" | xargs grep -hoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<[^>]+' | sed 's/.*<//' | sort -u >"$work/system" || true
# Files that an example of a guide makes (lint/examples_test) are there for whoever follows it.
git ls-files '*.md' | xargs grep -hoE '^```[a-z]+ new=[^ ]+' | sed 's/.*new=//' >>"$work/files" || true

# Prints "file:line<TAB>text" for each line of a comment or a document.
xargs awk '
    FNR == 1 {
        inside = 0
        form = FILENAME ~ /\.md$/ ? "text" : FILENAME ~ /\.(c|h|def|js|cjs|css)$/ ? "c" : FILENAME ~ /\.html$/ ? "html" : FILENAME ~ /\.(sql|lua)$/ ? "--" : "#"
    }
    function say(text) { if (text ~ /[A-Za-z]/) print FILENAME ":" FNR "\t" text }
    form == "text" { say($0) }
    form == "#" && match($0, /(^|[ \t;])#/) { say(substr($0, RSTART + RLENGTH)) }
    form == "--" && match($0, /--/) { say(substr($0, RSTART + 2)) }
    form == "html" {
        rest = $0
        while (rest != "") {
            if (!inside && !match(rest, /<!--/)) break
            if (!inside) { rest = substr(rest, RSTART + 4); inside = 1 }
            if (match(rest, /-->/)) { say(substr(rest, 1, RSTART - 1)); rest = substr(rest, RSTART + 3); inside = 0 }
            else { say(rest); rest = "" }
        }
    }
    form == "c" {
        rest = $0
        while (rest != "") {
            if (inside) {
                at = index(rest, "*/")
                say(at ? substr(rest, 1, at - 1) : rest)
                rest = at ? substr(rest, at + 2) : ""
                inside = !at
            } else if (match(rest, /"([^"\\]|\\.)*"|\47([^\47\\]|\\.)*\47|\/[*]|\/\//)) {
                found = substr(rest, RSTART, RLENGTH)
                rest = substr(rest, RSTART + RLENGTH)
                if (found == "//") { say(rest); rest = "" }
                inside = found == "/*"
            } else rest = ""
        }
    }' <"$work/read" >"$work/comments"

# Prints "place<TAB>kind<TAB>word".
awk -F '\t' '
    function words(text, pattern, kind,    before, found) {
        before = ""
        while (match(text, pattern)) {
            found = substr(text, RSTART, RLENGTH)
            if (RSTART > 1) before = substr(text, RSTART - 1, 1)
            text = substr(text, RSTART + RLENGTH)
            sub(/[.]+$/, "", found)
            if (before !~ /[$}~@%]/) print $1 "\t" kind "\t" found
            before = substr(found, length(found))
        }
    }
    {
        text = $2
        gsub(/[a-z]+:\/\/[^ \t)>]*/, " ", text)
        if ($1 ~ /\.md:/) {
            links = text
            while (match(links, /\]\([^) ]+/)) {
                print $1 "\tlink\t" substr(links, RSTART + 2, RLENGTH - 2)
                links = substr(links, RSTART + RLENGTH)
            }
            gsub(/\]\([^)]*\)/, "]", text)
        }
        words(text, "[A-Za-z0-9_.*{},/<>-]*[A-Za-z0-9_*}>/-]", "word")
        words(text, "ADR [0-9][0-9][0-9][0-9]", "decision")
    }' "$work/comments" >"$work/words"
# Prints what does not exist.
awk -F '\t' -v files="$work/files" -v system_headers="$work/system" '
    function folder_of(path) { return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : "." }
    # Adds a path, its folders and each of their tails to what exists.
    function add(path,    tail) {
        for (tail = path; ; tail = substr(tail, index(tail, "/") + 1)) {
            tails[tail]
            if (tail !~ /\//) break
        }
        for (; path != "."; path = folder_of(path)) exists[path]
    }
    # Whether one of the set is what the pattern says.
    function any(set, pattern,    name, regex) {
        if (pattern !~ /[*]/) return pattern in set
        regex = pattern
        gsub(/[.]/, "[.]", regex)
        gsub(/[*]+/, "[^/]*", regex)
        regex = "^" regex "$"
        for (name in set) if (name ~ regex) return 1
        return 0
    }
    # Whether everything that the word names exists: each of the names that braces make of it.
    function named(set, word,    open, close_, i, n, choices) {
        if (!(match(word, /[{][^{}]*[}]/))) return any(set, word)
        open = substr(word, 1, RSTART - 1)
        close_ = substr(word, RSTART + RLENGTH)
        n = split(substr(word, RSTART + 1, RLENGTH - 2), choices, ",")
        for (i = 1; i <= n; i++) if (!named(set, open choices[i] close_)) return 0
        return 1
    }
    # The path of a link, seen from the folder of the document.
    function resolve(folder, link,    path) {
        path = folder "/" link
        while (sub(/\/\.\//, "/", path) || sub(/^\.\//, "", path)) continue
        while (sub(/[^\/]+\/\.\.\//, "", path) || sub(/\/[^\/]+\/\.\.$/, "", path)) continue
        sub(/\/$/, "", path)
        return path
    }
    # The anchor that a heading makes, as GitHub makes it.
    function anchor(heading) {
        sub(/^#+ */, "", heading)
        heading = tolower(heading)
        gsub(/[^a-z0-9 _-]/, "", heading)
        gsub(/ /, "-", heading)
        return heading
    }
    function anchors_of(path,    line) {
        if (path in read) return
        read[path]
        while ((getline line < path) > 0) if (line ~ /^#+ /) anchors[path, anchor(line)]
    }
    function miss(word) { print $1 "\t" word }
    BEGIN {
        while ((getline line < files) > 0) { add(line); if (line ~ /\//) { split(line, part, "/"); root[part[1]] } }
        while ((getline line < system_headers) > 0) tails[line]
    }
    $2 == "link" {
        split($1, place, ":")
        n = split($3, part, "#")
        path = part[1] == "" ? place[1] : resolve(folder_of(place[1]), part[1])
        if (!(path in exists)) miss($3)
        else if (n > 1) { anchors_of(path); if (!((path, part[2]) in anchors)) miss($3) }
        next
    }
    $2 == "decision" { if (!any(exists, "docs/adr/" substr($3, 5) "-*.md")) miss($3); next }
    {
        word = $3
        gsub(/<[^<>]*>/, "*", word)
        gsub(/^[<>,*]*[<>,]|[<>,\/]+$/, "", word)
        sub(/^[.]\//, "", word)
        first = word
        sub(/\/.*/, "", first)
        if (word ~ /\// && first in root) { if (!named(exists, word)) miss(word) }
        else if (word ~ /^[A-Za-z0-9_*{][A-Za-z0-9_.*{},\/-]*[.](c|h|def|sh|md|lua|sql|jq|cmake|recipes)$/ && !named(tails, word)) miss(word)
    }' "$work/words" >"$work/missing"

# What git ignores is made by a build or by a user.
bad=0
while IFS=$'\t' read -r place word; do
    git check-ignore -q --no-index -- "$word" 2>/dev/null || {
        printf '%s: there is no %s\n' "$place" "$word" >&2
        bad=1
    }
done <"$work/missing"
exit $bad
