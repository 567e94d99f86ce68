#!/usr/bin/env bash
# Originals: kept by `import --keep` and `scan --keep`, the same file once, there when every server is gone; a purge takes a file with its
# last clip only; `verify` and `sweep` find what does not fit.
. "$(dirname "$0")/scenario.sh"
. "$(dirname "$0")/production.sh"

media "$tmp/media" small

# hashes FOLDER: the digests of the files below it, each once.
hashes() { find "$1" -type f -exec sha256sum {} + | cut -d' ' -f1 | LC_ALL=C sort -u; }
# kept_whole DATA: the store holds each original of its rows under the name of its content, and nothing is left of their assembly.
kept_whole() {
    (cd "$1/storage" && find media -name '*.*' -type f | while read -r file; do
        name=${file#media/} digest=$(sha256sum "$file" | cut -d' ' -f1)
        name=${name/\//}
        [ "${name%%.*}" = "$digest" ] || echo "$file has the digest $digest"
    done) >"$tmp/wrong"
    [ ! -s "$tmp/wrong" ] || fail "$(cat "$tmp/wrong")"
    [ -z "$(find "$1/storage/media/partial" "$1/spool" -type f 2>/dev/null)" ] || fail "something is left of an assembly"
    sql "$1" "SELECT DISTINCT kept_path FROM reelyard_media WHERE keep_state = 'kept'" | LC_ALL=C sort >"$tmp/named"
    (cd "$1/storage" && find media -name '*.*' -type f) | LC_ALL=C sort >"$tmp/found"
    same "$tmp/named" "$tmp/found" "the files are not those of the rows"
}

step "import --keep: every video of the export, the same one once"
"$export_gen" --out "$tmp/export" --media "$tmp/media" --messages 400 --clips 60 --seed 11 >/dev/null
"$reelyard" import "$tmp/export/export.json" --data "$tmp/data" --keep >"$tmp/import.log" 2>&1 || fail "import: $(cat "$tmp/import.log")"
grep -q "originals   60 kept" "$tmp/import.log" || fail "it does not say what it kept: $(cat "$tmp/import.log")"
sql "$tmp/data" "SELECT cdn_url FROM clip" | sed 's|^file://||; s|%20| |g' | xargs -d '\n' sha256sum | cut -d' ' -f1 | LC_ALL=C sort -u >"$tmp/there"
hashes "$tmp/data/storage/media" >"$tmp/kept"
same "$tmp/there" "$tmp/kept" "the kept files are not those of the export"
kept_whole "$tmp/data"
[ "$("$reelyard" status --json --data "$tmp/data" | jq .archive.clips_kept)" -eq 60 ] || fail "status does not tell 60 kept"
"$reelyard" verify --data "$tmp/data" >/dev/null || fail "verify finds something"

step "a second time: nothing is written"
before=$(find "$tmp/data/storage/media" -type f -printf '%i %T@ %p\n' | LC_ALL=C sort)
"$reelyard" import "$tmp/export/export.json" --data "$tmp/data" --keep --json >"$tmp/import.json" 2>/dev/null || fail "import: $(cat "$tmp/import.json")"
[ "$(jq .originals.kept "$tmp/import.json")" -eq 60 ] || fail "$(cat "$tmp/import.json")"
[ "$before" = "$(find "$tmp/data/storage/media" -type f -printf '%i %T@ %p\n' | LC_ALL=C sort)" ] || fail "files were written again"

step "verify names what is damaged, missing and cut off"
mapfile -t files < <(cd "$tmp/data/storage" && find media -type f | LC_ALL=C sort | head -3)
cp -a "$tmp/data/storage/media" "$tmp/saved"
printf X | dd of="$tmp/data/storage/${files[0]}" bs=1 seek=100 conv=notrunc status=none
rm "$tmp/data/storage/${files[1]}"
truncate -s -1 "$tmp/data/storage/${files[2]}"
code=0
"$reelyard" verify --json --data "$tmp/data" >"$tmp/verify.json" || code=$?
[ "$code" -eq 1 ] || fail "verify ends with $code"
[ "$(jq -r '.problems[].path' "$tmp/verify.json" | LC_ALL=C sort | paste -sd' ')" = "${files[*]}" ] || fail "$(cat "$tmp/verify.json")"
rm -r "$tmp/data/storage/media"
mv "$tmp/saved" "$tmp/data/storage/media"
"$reelyard" verify --data "$tmp/data" >/dev/null || fail "verify finds something that is whole"

step "sweep: an old file of no row goes, a young one stays, a row without its file is told"
stray=media/aa/$(printf 'b%.0s' {1..62}).mp4 young=media/aa/$(printf 'c%.0s' {1..62}).mp4
mkdir -p "$tmp/data/storage/media/aa"
cp "$tmp/data/storage/${files[0]}" "$tmp/data/storage/$stray"
cp "$tmp/data/storage/${files[0]}" "$tmp/data/storage/$young"
touch -d '2 days ago' "$tmp/data/storage/$stray" "$tmp/data/storage/${files[0]}"
"$reelyard" sweep --dry-run --data "$tmp/data" >"$tmp/sweep.log" || fail "sweep: $(cat "$tmp/sweep.log")"
grep -q "^$stray" "$tmp/sweep.log" || fail "the stray file is not told: $(cat "$tmp/sweep.log")"
[ -e "$tmp/data/storage/$stray" ] || fail "a dry run deleted it"
"$reelyard" sweep --data "$tmp/data" >"$tmp/sweep.log" || fail "sweep: $(cat "$tmp/sweep.log")"
[ ! -e "$tmp/data/storage/$stray" ] || fail "the stray file is there"
[ -e "$tmp/data/storage/$young" ] || fail "the young file is gone"
rm "$tmp/data/storage/$young"
kept_whole "$tmp/data"
mv "$tmp/data/storage/${files[0]}" "$tmp/aside"
code=0
"$reelyard" sweep --json --data "$tmp/data" >"$tmp/sweep.json" || code=$?
[ "$code" -eq 1 ] && [ "$(jq .rows_without_files "$tmp/sweep.json")" -eq 1 ] || fail "sweep: $code $(cat "$tmp/sweep.json")"
mv "$tmp/aside" "$tmp/data/storage/${files[0]}"

step "a file goes with its last clip"
mapfile -t ids < <(sql "$tmp/data" "SELECT c.message_id FROM clip c JOIN reelyard_media m ON m.clip_id = c.id WHERE m.kept_path = '${files[0]}'")
[ "${#ids[@]}" -ge 2 ] || fail "no two clips have ${files[0]}"
read -r guild_id channel_id < <(sql "$tmp/data" "SELECT guild_id || ' ' || channel_id FROM clip LIMIT 1")
start "$tmp/run.log" "$reelyard" run --data "$tmp/data"
run=$last
await "$reelyard" ping --data "$tmp/data"
gone_row() { [ "$(sql "$tmp/data" "SELECT count(*) FROM message WHERE id = '$1'")" -eq 0 ]; }
number=0
# delete MESSAGE: by a job, as the bot asks for it.
delete() {
    number=$((number + 1))
    printf '{"job_id":"11111111-2222-4333-8444-%012d","type":"message_deletion","guild_id":"%s","channel_id":"%s","message_id":"%s","created_at":"2026-01-01T00:00:00Z"}' \
        "$number" "$guild_id" "$channel_id" "$1" | "$reelyard" enqueue - --data "$tmp/data" >/dev/null
    await gone_row "$1"
}
for id in "${ids[@]::${#ids[@]}-1}"; do delete "$id"; done
[ -e "$tmp/data/storage/${files[0]}" ] || fail "the file is gone, and a clip has it"
delete "${ids[-1]}"
await [ ! -e "$tmp/data/storage/${files[0]}" ]
end "$run"
kept_whole "$tmp/data"

step "scan --keep: then every server is stopped, and every clip's original is there"
discord_start 300 40
BOT_TOKEN=${BOT_TOKEN:-fake} "$reelyard" scan --guild "$guild" --channel "$channel" --data "$tmp/scanned" --keep >"$tmp/scan.log" 2>&1 ||
    fail "scan: $(cat "$tmp/scan.log")"
for pid in $(jobs -pr); do end "$pid"; done
clips=$(jq -r 'select(.total) | .clips' "$tmp/expected.jsonl")
[ "$(sql "$tmp/scanned" "SELECT count(*) FROM reelyard_media WHERE keep_state = 'kept'")" -eq "$clips" ] || fail "not all are kept: $(cat "$tmp/scan.log")"
kept_whole "$tmp/scanned"
"$reelyard" verify --data "$tmp/scanned" >/dev/null || fail "verify finds something"
while IFS='|' read -r name path; do
    cmp -s "$tmp/media/$name" "$tmp/scanned/storage/$path" || fail "$path is not $name"
done < <(sql "$tmp/scanned" "SELECT c.filename, m.kept_path FROM clip c JOIN reelyard_media m ON m.clip_id = c.id")

step "no room: keeping waits, with a reason in status, and goes on when there is room"
"$reelyard" import "$tmp/export/export.json" --data "$tmp/tight" >"$tmp/import.log" 2>&1 || fail "import: $(cat "$tmp/import.log")"
start "$tmp/tight.log" env REELYARD_KEEP=all REELYARD_DISK_RESERVE=1099511627776 "$reelyard" run --data "$tmp/tight"
tight=$last
waits() { "$reelyard" status --json --data "$tmp/tight" | jq -e '.archive.keep_trouble | contains("DISK_RESERVE")'; }
[ "$(df --output=avail -B1 "$tmp" | tail -1)" -lt 1099511627776 ] || skip "the disk has more than a terabyte free"
await waits
[ "$(sql "$tmp/tight" "SELECT count(*) FROM reelyard_media WHERE keep_state = 'kept'")" -eq 0 ] || fail "something was kept without room"
end "$tight"
start "$tmp/tight.log" env REELYARD_KEEP=all "$reelyard" run --data "$tmp/tight"
tight=$last
all_kept() { [ "$(sql "$tmp/tight" "SELECT count(*) FROM reelyard_media WHERE keep_state = 'kept'")" -eq 60 ]; }
await all_kept
end "$tight"
kept_whole "$tmp/tight"
