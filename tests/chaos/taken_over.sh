#!/usr/bin/env bash
# taken_over.sh [SECONDS]: an encoder that was taken over, at full effort for so long (600), beside an honest one.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export REELYARD_SOURCE=$root REELYARD_BIN=$root/build/reelyard REELYARD_BUILD=$root/build REELYARD_EFFORT_SECONDS=${1:-600}
exec "$root/tests/scenario/taken_over_test.sh"
