#!/usr/bin/env bash
# screenshots.sh FOLDER: makes the pictures of the page that the documents show, of an archive that is made for them.
# shellcheck disable=SC2154 # archives.sh sets the variables
. "$(dirname "$0")/../scenario/scenario.sh"
. "$(dirname "$0")/archives.sh"

folder=$1
chromium=$(command -v chromium) || fail "there is no chromium (Debian package chromium): ./dev packages screenshots"
"$(dirname "$0")/install.sh" "$REELYARD_BUILD"
small_archive
small_serve

step "pictures"
export REELYARD_BUILD REELYARD_PATIENCE=$patience CHROMIUM=$chromium SMALL_URL=$small_url SMALL_CHANNEL=$small_channel
node "$(dirname "$0")/screenshots.mjs" "$folder"
