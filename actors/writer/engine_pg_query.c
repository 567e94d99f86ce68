/* engine_pg_query.c: questions about the archive: each one statement in a read-only transaction, one round trip.
 *
 * Nothing here writes or waits for a writer. */
#include "actors/writer/engine_pg_ops.h"

#define SETTINGS_MAX_BYTES 1048576
#define SQL_MAX_BYTES      4096

/* ---- settings ------------------------------------------------------------------------------------------------ */

static const char settings_sql[] =
    "SELECT g.id IS NOT NULL, c.id IS NOT NULL, g.message_scan_enabled, c.message_scan_enabled, c.nsfw, c.type,"
    " gs.default_channel_settings::text, gs.settings::text, cs.settings::text"
    " FROM (SELECT $1::text AS guild_id, $2::text AS channel_id) k"
    " LEFT JOIN guild g ON g.id = k.guild_id"
    " LEFT JOIN channel c ON c.id = k.channel_id AND c.guild_id = k.guild_id"
    " LEFT JOIN guild_settings gs ON gs.guild_id = k.guild_id AND gs.deleted_at IS NULL"
    " LEFT JOIN channel_settings cs ON cs.channel_id = c.id AND cs.deleted_at IS NULL";

struct asking {
    struct ry_arena *arena;
    void *answer;
    uint64_t limit;
};

/* JSON that does not fit in the answer is passed over like any other that is no object, and the channel's settings are
 * then told of as bad: half of it would be worse than none. */
static struct ry_str read_json(const PGresult *result, int column, struct ry_arena *arena)
{
    if (PQgetlength(result, 0, column) > SETTINGS_MAX_BYTES)
        return RY_STR("\"larger than 1048576 bytes\"");
    return pg_text(result, 0, column, SETTINGS_MAX_BYTES, arena);
}

static int take_settings(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct asking *asking = arg;
    struct ry_settings_got *got = asking->answer;
    if (PQntuples(result) == 0)
        return RY_OK;
    got->guild_exists = pg_bool(result, 0, 0);
    got->channel_exists = pg_bool(result, 0, 1);
    got->guild_enabled = pg_bool(result, 0, 2);
    got->channel_enabled = pg_bool(result, 0, 3);
    got->nsfw = pg_bool(result, 0, 4);
    got->channel_type = pg_text(result, 0, 5, 8, asking->arena);
    got->guild_default_channel_settings = read_json(result, 6, asking->arena);
    got->guild_settings = read_json(result, 7, asking->arena);
    got->channel_settings = read_json(result, 8, asking->arena);
    return RY_OK;
}

int pg_settings_get(struct writer_engine *engine, const struct ry_settings_get *get, struct ry_arena *arena,
                    struct ry_settings_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *got = (struct ry_settings_got){0};
    struct pg_args args = {0};
    pg_add_text(pg, &args, get->guild_id);
    pg_add_text(pg, &args, get->channel_id);
    struct asking asking = {arena, got, 1};
    return pg_look(pg, settings_sql, &args, take_settings, &asking, err);
}

/* ---- gallery ------------------------------------------------------------------------------------------------- */

/* A duration, a time in a video, a rate: within the limits of them all, or 0. */
static double read_real(const PGresult *result, int row, int column)
{
    double value = pg_real(result, row, column);
    return value > 0 && value < 1.0e9 ? value : 0;
}

/* What is known of the video, if it has a row. */
static void read_media(const PGresult *result, int row, struct ry_arena *arena, struct ry_gallery_clip *clip)
{
    clip->keep_state = pg_text(result, row, 24, 20, arena);
    clip->keep_error = pg_text(result, row, 25, 400, arena);
    clip->kept_path = pg_text(result, row, 26, 128, arena);
    clip->kept_bytes = pg_u64(result, row, 27);
    clip->container = pg_text(result, row, 28, 64, arena);
    clip->video_codec = pg_text(result, row, 29, 64, arena);
    clip->audio_codec = pg_text(result, row, 30, 64, arena);
    clip->has_audio = pg_bool(result, row, 31);
    clip->fps = read_real(result, row, 32);
    clip->frame_time_s = read_real(result, row, 33);
    clip->thumbhash = pg_text(result, row, 34, 64, arena);
    clip->sheet_path = pg_text(result, row, 35, 1024, arena);
    clip->sheet_columns = pg_u64(result, row, 36);
    clip->sheet_rows = pg_u64(result, row, 37);
    clip->sheet_count = pg_u64(result, row, 38);
    clip->sheet_step_s = read_real(result, row, 39);
    clip->playable_path = pg_text(result, row, 40, 128, arena);
    clip->playable_state = pg_text(result, row, 41, 20, arena);
    clip->sheet_width = pg_u64(result, row, 42);
    clip->sheet_height = pg_u64(result, row, 43);
}

static void read_clip(const PGresult *result, int row, struct ry_arena *arena, struct ry_gallery_clip *clip)
{
    *clip = (struct ry_gallery_clip){
        .clip_id = pg_text(result, row, 0, 32, arena),
        .guild_id = pg_text(result, row, 1, 64, arena),
        .channel_id = pg_text(result, row, 2, 64, arena),
        .message_id = pg_text(result, row, 3, 64, arena),
        .guild_name = pg_text(result, row, 4, 400, arena),
        .channel_name = pg_text(result, row, 5, 400, arena),
        .author_name = pg_text(result, row, 6, 400, arena),
        .title = pg_text(result, row, 7, 1020, arena),
        .content = pg_text(result, row, 8, 65536, arena),
        .filename = pg_text(result, row, 9, 1024, arena),
        .url = pg_text(result, row, 10, 8192, arena),
        .mime_type = pg_text(result, row, 11, 255, arena),
        .resolution = pg_text(result, row, 12, 20, arena),
        .status = pg_text(result, row, 13, 20, arena),
        .failure = pg_text(result, row, 14, 400, arena),
        .duration_s = read_real(result, row, 15),
        .file_size = pg_u64(result, row, 16),
        .posted_wall_ms = pg_time(result, row, 17),
        .small_path = pg_text(result, row, 18, 1024, arena),
        .large_path = pg_text(result, row, 19, 1024, arena),
        .small_width = pg_u64(result, row, 20),
        .small_height = pg_u64(result, row, 21),
        .class = pg_bool(result, row, 22) ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING,
        .expires_wall_ms = pg_time(result, row, 23),
    };
    read_media(result, row, arena, clip);
}

static int take_page(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct asking *asking = arg;
    struct ry_gallery_page *page = asking->answer;
    page->clips.items = ry_arena_array(asking->arena, asking->limit, sizeof *page->clips.items);
    if (page->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a page");
    size_t bytes = 0;
    for (int i = 0; i < PQntuples(result); i++) {
        page->more = page->clips.n == asking->limit || bytes >= WRITER_ANSWER_MAX_BYTES;
        if (page->more)
            break;
        struct ry_gallery_clip *clip = &page->clips.items[page->clips.n++];
        read_clip(result, i, asking->arena, clip);
        bytes += clip->content.n + clip->url.n + clip->filename.n + clip->title.n + clip->sheet_path.n + 1024;
    }
    return RY_OK;
}

static const char gallery_columns[] =
    " SELECT c.id, c.guild_id, c.channel_id, c.message_id, g.name, ch.name,"
    " coalesce(a.display_name, a.nickname, a.username), c.title, left(m.content, 65536), c.filename,"
    " left(c.cdn_url, 8192), c.mime_type, c.resolution, c.thumbnail_status, left(f.error_message, 400),"
    " c.duration::double precision, c.file_size, p.posted, s.storage_path, l.storage_path, s.width, s.height,"
    " v.clip_id IS NOT NULL, c.expires_at,"
    " k.keep_state, left(k.keep_error, 400), k.kept_path, k.kept_bytes, k.container, k.video_codec,"
    " k.audio_codec, k.has_audio, k.fps, k.frame_time_s, k.thumbhash, k.sheet_path,"
    " k.sheet_columns, k.sheet_rows, k.sheet_count, k.sheet_step_s, k.playable_path, k.playable_state,"
    " k.sheet_width, k.sheet_height"
    " FROM page p JOIN clip c ON c.id = p.id JOIN message m ON m.id = c.message_id"
    " LEFT JOIN guild g ON g.id = c.guild_id LEFT JOIN channel ch ON ch.id = c.channel_id"
    " LEFT JOIN author a ON a.user_id = c.author_id AND a.guild_id = c.guild_id"
    " LEFT JOIN thumbnail s ON s.clip_id = c.id AND s.size_type = 'small'"
    " LEFT JOIN thumbnail l ON l.clip_id = c.id AND l.size_type = 'large'"
    " LEFT JOIN LATERAL (SELECT o.error_message FROM failed_thumbnail o WHERE o.clip_id = c.id"
    " ORDER BY o.next_retry_at, o.id LIMIT 1) f ON true"
    " LEFT JOIN reelyard_permanent_failure v ON v.clip_id = c.id LEFT JOIN reelyard_media k ON k.clip_id = c.id";

static int take_roots(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    const struct asking *asking = arg;
    struct ry_gallery_page *page = asking->answer;
    struct pg_roots roots;
    int rc = pg_roots_read(pg, result, &roots, err);
    for (size_t i = 0; rc == RY_OK && i < page->clips.n; i++)
        page->clips.items[i].media_root = pg_root_of(&roots, page->clips.items[i].url, asking->arena);
    return rc;
}

/* Adds a condition and its parameter, if the question has it. */
static void where(struct pg *pg, struct ry_buf *sql, struct pg_args *args, const char *column, struct ry_str value)
{
    if (value.p == NULL)
        return;
    pg_add_text(pg, args, value);
    ry_buf_addf(sql, " AND %s = $%d", column, args->n);
}

/* First which clips, by the index that the server finds best for these conditions (with the values before its eyes, as
 * statements are planned when they run), then all that is shown of them. */
int pg_gallery_plain(struct pg *pg, const struct ry_gallery_get *get, struct ry_arena *arena,
                     struct ry_gallery_page *page, struct ry_error *err)
{
    RY_BUF_AUTO sql = ry_buf_make(SQL_MAX_BYTES);
    struct pg_args args = {0};
    pg_add_u64(&args, get->limit + 1);
    ry_buf_add_str(&sql, RY_STR("WITH page AS MATERIALIZED (SELECT c.id, m.timestamp AS posted FROM message m"
                                " JOIN clip c ON c.message_id = m.id WHERE c.deleted_at IS NULL"
                                " AND m.deleted_at IS NULL"));
    if (get->before_wall_ms != INT64_MAX) {
        pg_add_time(&args, get->before_wall_ms);
        pg_add_text(pg, &args, get->before_id.p ? get->before_id : RY_STR(""));
        ry_buf_addf(&sql, " AND m.timestamp <= $2 AND (m.timestamp < $2 OR c.id < $3)");
    }
    where(pg, &sql, &args, "c.id", get->clip_id);
    where(pg, &sql, &args, "c.thumbnail_status", get->status);
    where(pg, &sql, &args, "c.guild_id", get->guild_id);
    where(pg, &sql, &args, "c.channel_id", get->channel_id);
    where(pg, &sql, &args, "m.channel_id", get->channel_id);
    ry_buf_add_str(&sql, RY_STR(" ORDER BY m.timestamp DESC, c.id DESC LIMIT $1)"));
    ry_buf_add_str(&sql, ry_str_of(gallery_columns));
    ry_buf_add_str(&sql, RY_STR(" ORDER BY p.posted DESC, p.id DESC"));
    const char *text = ry_buf_cstr(&sql);
    if (text == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a question");
    struct asking asking = {arena, page, get->limit};
    int rc = pg_look_begin(pg, err);
    if (rc == RY_OK)
        rc = pg_say(pg, text, &args, take_page, &asking, err);
    if (rc == RY_OK && get->clip_id.p != NULL)
        rc = pg_say(pg, pg_roots_sql, NULL, take_roots, &asking, err);
    return pg_look_end(pg, rc, err);
}

struct fetching {
    struct ry_arena *arena;
    struct ry_gallery_clip *clips;
    size_t *count;
};

static int take_fetched(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct fetching *fetching = arg;
    for (int i = 0; i < PQntuples(result); i++)
        read_clip(result, i, fetching->arena, &fetching->clips[(*fetching->count)++]);
    return RY_OK;
}

int pg_gallery_fetch(struct pg *pg, const struct ry_str *ids, size_t n, struct ry_arena *arena,
                     struct ry_gallery_clip *clips, size_t *count, struct ry_error *err)
{
    struct pg_args args = {0};
    struct fetching fetching = {arena, clips, count};
    RY_BUF_AUTO sql = ry_buf_make(SQL_MAX_BYTES);
    ry_buf_add_str(&sql, RY_STR("WITH page AS MATERIALIZED (SELECT c.id, m.timestamp AS posted, u.place"
                                " FROM unnest($1::text[]) WITH ORDINALITY u (id, place) JOIN clip c ON c.id = u.id"
                                " JOIN message m ON m.id = c.message_id WHERE c.deleted_at IS NULL"
                                " AND m.deleted_at IS NULL)"));
    ry_buf_add_str(&sql, ry_str_of(gallery_columns));
    ry_buf_add_str(&sql, RY_STR(" ORDER BY p.place"));
    const char *text = ry_buf_cstr(&sql);
    if (text == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a question");
    int rc = pg_look_begin(pg, err);
    if (rc != RY_OK)
        return rc;
    pg_add_strs(pg, &args, ids, n);
    rc = pg_plan_by_index(pg, true, err);
    /* Each join is a look-up by key: thinking about their order takes longer than they do. */
    if (rc == RY_OK)
        rc = pg_say(pg, "SELECT set_config('join_collapse_limit', '1', true)", NULL, NULL, NULL, err);
    if (rc == RY_OK)
        rc = pg_say(pg, text, &args, take_fetched, &fetching, err);
    return pg_look_end(pg, rc, err);
}

/* ---- failures ------------------------------------------------------------------------------------------------ */

#define FAILED_COLUMNS \
    "SELECT c.id, c.channel_id, c.filename, left(f.error_message, 400), f.retry_count, f.last_attempted_at," \
    " f.next_retry_at, p.clip_id IS NOT NULL, p.encoder, c.cdn_url, " PG_KIND_OF_FAILURE
#define FAILED_JOINS \
    " LEFT JOIN reelyard_permanent_failure p ON p.clip_id = c.id LEFT JOIN LATERAL (SELECT * FROM failed_thumbnail o" \
    " WHERE o.clip_id = c.id ORDER BY o.next_retry_at, o.id LIMIT 1) f ON true"

/* $1 clip ids above, $2 limit, $3 a kind or NULL. */
static const char failed_sql[] = FAILED_COLUMNS
    ", 0 FROM clip c" FAILED_JOINS " WHERE c.thumbnail_status = 'failed' AND c.id > $1 AND c.deleted_at IS NULL"
    " AND ($3::text IS NULL OR " PG_KIND_OF_FAILURE " = $3) ORDER BY c.id LIMIT $2";

/* Some clips of every kind, the most frequent kind first: $1 at most so many of each, $2 limit. Looks at a bounded
 * number. */
static const char failed_kinds_sql[] =
    "WITH looked AS MATERIALIZED (SELECT c.id, " PG_KIND_OF_FAILURE " AS kind FROM clip c" FAILED_JOINS
    " WHERE c.thumbnail_status = 'failed' AND c.deleted_at IS NULL LIMIT 20000),"
    " ranked AS (SELECT id, kind, count(*) OVER (PARTITION BY kind) AS alike,"
    " row_number() OVER (PARTITION BY kind ORDER BY id) AS place FROM looked) " FAILED_COLUMNS
    ", r.alike FROM ranked r JOIN clip c ON c.id = r.id" FAILED_JOINS
    " WHERE r.place <= $1 ORDER BY r.alike DESC, r.kind, c.id LIMIT $2";
#undef FAILED_JOINS
#undef FAILED_COLUMNS

static int take_failed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct asking *asking = arg;
    struct ry_failed_page *page = asking->answer;
    size_t n = (size_t)PQntuples(result);
    page->more = n > asking->limit;
    page->clips.n = page->more ? asking->limit : n;
    page->clips.items = ry_arena_array(asking->arena, n, sizeof *page->clips.items);
    if (page->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a page");
    for (size_t at = 0; at < page->clips.n; at++) {
        int i = (int)at;
        struct ry_str reason = pg_text(result, i, 3, 400, asking->arena);
        page->clips.items[at] = (struct ry_failed_clip){
            .clip_id = pg_text(result, i, 0, 64, asking->arena),
            .channel_id = pg_text(result, i, 1, 64, asking->arena),
            .filename = pg_text(result, i, 2, 1024, asking->arena),
            .reason = reason.p ? reason : RY_STR("unknown"),
            .retries = pg_u64(result, i, 4),
            .last_wall_ms = pg_time(result, i, 5),
            .next_wall_ms = pg_time(result, i, 6),
            .class = pg_bool(result, i, 7) ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING,
            .encoder = pg_text(result, i, 8, 100, asking->arena),
            .url = pg_text(result, i, 9, 8192, asking->arena),
            .kind = pg_text(result, i, 10, 400, asking->arena),
            .alike = pg_u64(result, i, 11),
        };
    }
    return RY_OK;
}

int pg_failed_get(struct writer_engine *engine, const struct ry_failed_get *get, struct ry_arena *arena,
                  struct ry_failed_page *page, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *page = (struct ry_failed_page){0};
    struct pg_args args = {0};
    if (get->each > 0)
        pg_add_u64(&args, get->each);
    else
        pg_add_text(pg, &args, get->after_id.p ? get->after_id : RY_STR(""));
    pg_add_u64(&args, get->limit + 1);
    if (get->each == 0)
        pg_add_text(pg, &args, get->kind.n > 0 ? get->kind : (struct ry_str){NULL, 0});
    struct asking asking = {arena, page, get->limit};
    return pg_look(pg, get->each > 0 ? failed_kinds_sql : failed_sql, &args, take_failed, &asking, err);
}

/* ---- what is known ------------------------------------------------------------------------------------------- */

/* Positions ($1 from 1) of ids that have a row in guild $2. */
#define KNOWN(table, column) \
    "SELECT k.ord FROM unnest($1::text[]) WITH ORDINALITY k (id, ord) WHERE EXISTS (SELECT FROM " table \
    " t WHERE t." column " = k.id AND t.guild_id = $2) ORDER BY k.ord"
static const char known_messages_sql[] = KNOWN("message", "id");
static const char known_authors_sql[] = KNOWN("author", "user_id");
static const char known_clips_sql[] =
    "SELECT k.ord FROM unnest($1::text[]) WITH ORDINALITY k (id, ord) WHERE EXISTS (SELECT FROM clip"
    " t WHERE t.id = k.id AND t.channel_id = $2) ORDER BY k.ord";
#undef KNOWN

struct knowing {
    const struct ry_strs *ids;
    struct ry_strs *known;
    struct ry_arena *arena;
};

static int take_known(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct knowing *k = arg;
    size_t n = (size_t)PQntuples(result);
    k->known->items = ry_arena_array(k->arena, n, sizeof *k->known->items);
    if (k->known->items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the ids of an answer");
    for (size_t i = 0; i < n; i++) {
        uint64_t at = pg_u64(result, (int)i, 0);
        if (at >= 1 && at <= k->ids->n)
            k->known->items[k->known->n++] = k->ids->items[at - 1];
    }
    return RY_OK;
}

static int ask_known(struct pg *pg, const char *sql, struct ry_str guild_id, struct knowing *k, struct ry_error *err)
{
    struct pg_args args = {0};
    pg_add_strs(pg, &args, k->ids->items, k->ids->n);
    pg_add_text(pg, &args, guild_id);
    return pg_say(pg, sql, &args, take_known, k, err);
}

int pg_known_get(struct writer_engine *engine, const struct ry_known_get *get, struct ry_arena *arena,
                 struct ry_known_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *got = (struct ry_known_got){0};
    struct knowing messages = {&get->message_ids, &got->message_ids, arena};
    struct knowing authors = {&get->user_ids, &got->user_ids, arena};
    int rc = pg_look_begin(pg, err);
    if (rc != RY_OK)
        return rc;
    rc = ask_known(pg, known_messages_sql, get->guild_id, &messages, err);
    if (rc == RY_OK)
        rc = ask_known(pg, known_authors_sql, get->guild_id, &authors, err);
    return pg_look_end(pg, rc, err);
}

/* ---- what days hold ------------------------------------------------------------------------------------------ */

/* Positions of the days (beginnings, $1) and how many clips channel $2 has of each. */
static const char days_sql[] =
    "SELECT d.ord, (SELECT count(*) FROM message m JOIN clip c ON c.message_id = m.id WHERE m.channel_id = $2"
    " AND m.timestamp >= d.day AND m.timestamp < d.day + interval '1 day')"
    " FROM unnest($1::timestamptz[]) WITH ORDINALITY d (day, ord) ORDER BY d.ord";

struct counting {
    const struct ry_days_get *get;
    struct ry_days_got *got;
    struct ry_arena *arena;
};

static int take_days(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct counting *c = arg;
    size_t n = (size_t)PQntuples(result);
    c->got->days.items = ry_arena_array(c->arena, n, sizeof *c->got->days.items);
    if (c->got->days.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the days of an answer");
    for (; c->got->days.n < n; c->got->days.n++) {
        int row = (int)c->got->days.n;
        c->got->days.items[row] =
            (struct ry_day_clips){.day_wall_ms = c->get->days.items[row].day_wall_ms, .count = pg_u64(result, row, 1)};
    }
    return RY_OK;
}

int pg_days_get(struct writer_engine *engine, const struct ry_days_get *get, struct ry_arena *arena,
                struct ry_days_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *got = (struct ry_days_got){0};
    struct counting counting = {get, got, arena};
    struct knowing clips = {&get->clip_ids, &got->clip_ids, arena};
    int rc = pg_look_begin(pg, err);
    if (rc != RY_OK)
        return rc;
    struct pg_args args = {0};
    static const uint32_t types[] = {PG_TIME};
    pg_columns_begin(pg, 0, types, 1);
    for (size_t i = 0; i < get->days.n; i++)
        pg_put_time(pg, 0, get->days.items[i].day_wall_ms);
    pg_add_columns(pg, &args, 0, 1);
    pg_add_text(pg, &args, get->channel_id);
    rc = pg_say(pg, days_sql, &args, take_days, &counting, err);
    if (rc == RY_OK)
        rc = ask_known(pg, known_clips_sql, get->channel_id, &clips, err);
    return pg_look_end(pg, rc, err);
}
