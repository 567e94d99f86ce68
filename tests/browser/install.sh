#!/usr/bin/env bash
# install.sh BUILD: installs what the browser tests need from npm into BUILD/browser, once for each package-lock.json.
#
# Nothing of it runs at install time, and no browser is fetched: that is Debian's chromium.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1/browser
mkdir -p "$folder"
exec 9>"$folder/install.lock"
flock 9
! cmp -s "$here/package-lock.json" "$folder/installed.json" || exit 0
cp "$here/package.json" "$here/package-lock.json" "$folder/"
(cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
cp "$here/package-lock.json" "$folder/installed.json"
