#!/usr/bin/env bash
# The page in a browser: Debian's chromium, driven by playwright-core (install.sh), on two archives (archives.sh).
# shellcheck disable=SC2154 # archives.sh sets the variables
. "$(dirname "$0")/../scenario/scenario.sh"
. "$(dirname "$0")/archives.sh"

chromium=$(command -v chromium) || fail "there is no chromium (Debian package chromium): ./dev packages test"
command -v node >/dev/null || fail "there is no node (Debian package nodejs): ./dev packages test"
"$(dirname "$0")/install.sh" "$REELYARD_BUILD"

big_archive
small_archive
storyboard
scanned_archive
small_serve

step "tests"
export REELYARD_BUILD REELYARD_PATIENCE=$patience CHROMIUM=$chromium BIG_URL=$big_url SMALL_URL=$small_url SMALL_CHANNEL=$small_channel
export SCANNED_GUILD=$guild
node --test --test-reporter=spec "$(dirname "$0")"/*.test.mjs
