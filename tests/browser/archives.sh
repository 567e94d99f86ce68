# archives.sh: sourced after scenario.sh by what looks at the page in a browser; two archives and the nodes that serve them.
#
#   $big     10,000 clips without media, served by a node that works on nothing
#   $small   clips with thumbnails, some that fail, and some of Discord's whose URLs have expired; served by a whole node
# shellcheck shell=bash disable=SC2034,SC2154 # set here and used there, and the other way round

big=$tmp/big small=$tmp/small
big_channel=333000000000000001 small_channel=333000000000000002
guild=111000000000000001 channel=222000000000000001

# serve NAME DATA ARGUMENT...: a node on the data; its URL is put into the variable NAME.
serve() {
    local name=$1 data=$2
    shift 2
    take_port
    start "$tmp/$name.log" "$reelyard" run --data "$data" --http-port "$port" "$@"
    printf -v "$name" 'http://127.0.0.1:%s' "$port"
    await curl -fsS "http://127.0.0.1:$port/ping"
}

# Pictures of different kinds and full of detail, so that thumbnails are as large as those of real clips.
film() {
    local i=0 picture
    mkdir -p "$tmp/films"
    for picture in mandelbrot=size=1280x720:rate=10:start_scale=0.2 testsrc2=size=1280x720:rate=10 \
        life=size=320x180:mold=25:rate=10:ratio=0.2:death_color=#203080:life_color=#ffd040,scale=1280:720:flags=neighbor \
        mandelbrot=size=1280x720:rate=10:start_scale=0.02:start_x=-0.74 smptehdbars=size=1280x720:rate=10 \
        rgbtestsrc=size=1280x720:rate=10; do
        i=$((i + 1))
        ffmpeg -nostdin -v error -y -f lavfi -i "$picture" -f lavfi -i sine=frequency=440 -t 6 -pix_fmt yuv420p -c:v libx264 -preset ultrafast \
            -g 10 -c:a aac -movflags +faststart "$tmp/films/film-$i.mp4" </dev/null
    done
}

big_archive() {
    step "10,000 clips"
    "$export_gen" --out "$tmp/big-export" --messages 10000 --clips 10000 --seed 3 --channel "$big_channel" >/dev/null
    "$reelyard" import "$tmp/big-export/export.json" --data "$big" --rows-only >"$tmp/import.log" 2>&1 || true
    [ "$(counts "$big")" = "pending|10000" ] || fail "clips: $(counts "$big"); $(tail -5 "$tmp/import.log")"
    serve big_url "$big" --roles ingester,writer,storage,monitor
}

small_archive() {
    step "60 clips with thumbnails, and some that fail"
    film
    "$export_gen" --out "$tmp/films-export" --messages 60 --clips 60 --seed 4 --channel "$small_channel" --media "$tmp/films" >/dev/null
    "$reelyard" import "$tmp/films-export/export.json" --data "$small" >"$tmp/import.log" 2>&1 || fail "$(tail -5 "$tmp/import.log")"
    "$REELYARD_SOURCE/tests/bed/make_media.sh" "$tmp/odd" hevc.mp4 mpeg4.avi rot90.mp4
    "$export_gen" --out "$tmp/odd-export" --messages 20 --clips 3 --bad --seed 5 --channel 333000000000000003 --media "$tmp/odd" >/dev/null
    # The generator gives all exports the same messages; these are others.
    sed -i -E 's/"id": ?"12972/"id": "12982/' "$tmp/odd-export/export.json"
    "$reelyard" import "$tmp/odd-export/export.json" --data "$small" >"$tmp/import.log" 2>&1 || true
    settled "$small" || fail "clips are left over: $(counts "$small")"
}

# A storyboard for one clip: its row, and a file in its place.
storyboard() {
    local clip guild path
    IFS='|' read -r clip guild <<<"$(sql "$small" "SELECT id, guild_id FROM clip WHERE channel_id = '$small_channel' AND thumbnail_status = 'completed'
        ORDER BY id LIMIT 1")"
    path=sheets/guild_$guild/$clip.webp
    mkdir -p "$small/storage/sheets/guild_$guild"
    cp "$small/storage/thumbnails/guild_$guild/${clip}_large.webp" "$small/storage/$path"
    sqlite3 -batch "$small/reelyard.db" "UPDATE reelyard_media SET sheet_path = '$path', sheet_columns = 4, sheet_rows = 2, sheet_count = 8, sheet_step_s = 0.75
        WHERE clip_id = '$clip'"
    [ "$(sql "$small" "SELECT count(*) FROM reelyard_media WHERE sheet_path = '$path'")" = 1 ] || fail "the clip has no row for its video"
}

# Clips of a fake Discord whose links have expired since.
scanned_archive() {
    step "clips of Discord, whose links have expired"
    cdn_start "$tmp/films"
    fake discord --port 0 --seed 6 --messages 20 --clips 4 --guild "$guild" --channel "$channel" --media film-1.mp4,film-2.mp4 \
        --cdn "$cdn_server" --proxy "$cdn_server" --url-life-s "${url_life:-86400}"
    export BOT_TOKEN=test-token REELYARD_DISCORD_API=http://127.0.0.1:$fake_port
    discord_url=http://127.0.0.1:$fake_port
    "$reelyard" scan --guild "$guild" --channel "$channel" --data "$small" >"$tmp/scan.log" 2>&1 || fail "$(tail -5 "$tmp/scan.log")"
    sqlite3 -batch "$small/reelyard.db" "UPDATE clip SET cdn_url = replace(cdn_url, '?ex=', '?ex=1&was='),
        expires_at = '2024-01-01T00:00:00.000Z' WHERE guild_id = '$guild'"
}

small_serve() { serve small_url "$small"; }
