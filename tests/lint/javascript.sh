#!/bin/sh
# javascript.sh ROOT: the scripts of the page and of its tests parse, and look alike: no tabs, no blanks at the end of a line, double
# quotes, at most 160 columns, a comment that says at the top what the file is for. Prints what breaks a rule and fails if something does.
set -eu
cd "$1"
bad=0
for file in $(git ls-files '*.js' '*.mjs'); do
    # By its content: node takes a .js file without a package.json beside it for a module only when it is told so.
    node --input-type=module --check <"$file" || bad=1
    head -n 1 "$file" | grep -q "^// ${file##*/}: " || {
        echo "$file: the first line says what the file is for: // ${file##*/}: ..." >&2
        bad=1
    }
    if grep -nP '\t|[ \t]+$|\r' "$file" | sed "s|^|$file: blanks: |" | grep . >&2; then bad=1; fi
    if grep -nE '^.{161}' "$file" | sed "s|^|$file: too long: |" | grep . >&2; then bad=1; fi
    if grep -nE "(from|import|require\\() ?'" "$file" | sed "s|^|$file: quotes: |" | grep . >&2; then bad=1; fi
done
exit "$bad"
