#!/usr/bin/env bash
# bundle.sh ORIGIN NODE_MODULES FOLDER: bundles the interface's queries and its producers of jobs, as they stand in the checkout ORIGIN,
# into FOLDER/queries.cjs and FOLDER/jobs.cjs.
set -euo pipefail
source=$1/interface/src modules=$2 out=$3
mkdir -p "$out"
echo '' >"$out/nothing.js"
{
    for module in users guilds guild_settings channels authors scan_status install_intents tags clips; do
        echo "export * as $module from '$source/server/db/queries/$module';"
    done
    echo "export * as favorites from '$source/server/db/queries/_helpers/favorites';"
    echo "export * as db from '$source/server/db/db';"
} >"$out/queries.ts"
echo "export * from '$source/lib/redis/jobs'; export * from '$source/lib/redis/client';" >"$out/jobs.ts"
for name in queries jobs; do
    NODE_PATH=$modules "$modules/.bin/esbuild" "$out/$name.ts" --bundle --platform=node --format=cjs --log-level=error \
        --alias:server-only="$out/nothing.js" --external:pg-native --outfile="$out/$name.cjs"
done
