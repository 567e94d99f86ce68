#!/usr/bin/env bash
# guide_test.sh: guide.sh lets pass a guide that shows the code as it is, and finds one that does not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir "$root/docs"
printf 'int one;\n    int two;\n' >"$root/a.c"
failed=0

# claim CODE TEXT: the check ends with this code when the guide has this text.
claim() {
    local expected=$1 code=0
    printf '%b' "$2" >"$root/docs/CONTRIBUTING.md"
    "$here/guide.sh" "$root" 2>"$root/output" || code=$?
    [ "$code" -eq "$expected" ] && return
    printf 'FAILED: exit code %d for:\n%b\n' "$code" "$2"
    cat "$root/output"
    failed=1
}

claim 0 '```diff\n+++ a.c\n+int one;\n```\n'
claim 0 'A list:\n\n   ```diff\n   +++ a.c\n   +int two;\n   ```\n\n+ no diff\n'
claim 0 '```diff\n+++ a.c\n+int two;\n-int three;\n int four;\n```\n'
claim 1 '```diff\n+++ a.c\n+int three;\n```\n'
claim 1 '```diff\n+++ b.c\n+int one;\n```\n'
claim 1 '```diff\n+int one;\n```\n'
claim 1 'No diff at all.\n'
"$here/guide.sh" "$here/../.." || failed=1
exit "$failed"
