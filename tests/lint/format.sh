#!/bin/sh
# format.sh ROOT: clang-format 14 would change nothing. Other versions format otherwise, so without it this is skipped (77).
set -eu
cd "$1"
command -v clang-format-14 >/dev/null || {
    echo "there is no clang-format-14 (Debian 12 has it), and other versions format otherwise"
    exit 77
}
# Code of others keeps its form.
git ls-files -z '*.c' '*.h' | grep -zvE '(^|/)yyjson[./]' | xargs -0 clang-format-14 --dry-run --Werror
