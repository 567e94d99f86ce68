/* engine_sqlite_query.c: questions about the archive; each is one statement, and so one consistent look (but
 * for the rows that are known, where nothing hangs on it).
 *
 * Nothing here writes or takes a lock that a writer would wait for. */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/schema.h"

#define DAY_MS INT64_C(86400000)

/* Filters that leave fewer clips than this are answered by sorting those clips; larger ones by walking down the
 * archive, where a page is soon full. */
#define FEW_CLIPS 20000

#define SETTINGS_MAX_BYTES 1048576

/* ---- settings ------------------------------------------------------------------------------------------------ */

/* JSON that does not fit in the answer is passed over like any other that is no object, and the channel's settings are
 * then told of as bad: half of it would be worse than none. */
static struct ry_str read_json(sqlite3_stmt *s, int at, struct ry_arena *arena)
{
    if (sqlite3_column_bytes(s, at) > SETTINGS_MAX_BYTES)
        return RY_STR("\"larger than 1048576 bytes\"");
    return lite_text(s, at, SETTINGS_MAX_BYTES, arena);
}

int lite_settings_get(struct writer_engine *engine, const struct ry_settings_get *get, struct ry_arena *arena,
                      struct ry_settings_got *got, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *got = (struct ry_settings_got){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_settings, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, get->guild_id);
    lite_bind(s, 2, get->channel_id);
    rc = lite_step(lite, s, err);
    if (rc <= 0)
        return rc;
    got->guild_exists = sqlite3_column_type(s, 0) != SQLITE_NULL;
    got->channel_exists = sqlite3_column_type(s, 1) != SQLITE_NULL;
    got->guild_enabled = sqlite3_column_int(s, 2) != 0;
    got->channel_enabled = sqlite3_column_int(s, 3) != 0;
    got->nsfw = sqlite3_column_int(s, 4) != 0;
    got->channel_type = lite_text(s, 5, 8, arena);
    got->guild_default_channel_settings = read_json(s, 6, arena);
    got->guild_settings = read_json(s, 7, arena);
    got->channel_settings = read_json(s, 8, arena);
    return RY_OK;
}

/* ---- gallery ------------------------------------------------------------------------------------------------- */

static int is_few(struct lite *lite, enum lite_statement which, struct ry_str value, bool *few, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, value);
    lite_bind_u64(s, 2, FEW_CLIPS);
    rc = lite_step(lite, s, err);
    *few = rc == 1 && sqlite3_column_int(s, 0) != 0;
    return rc < 0 ? rc : RY_OK;
}

/* The path to a page that does not depend on how large the archive is. */
static int choose_path(struct lite *lite, const struct ry_gallery_get *get, enum lite_statement *which,
                       struct ry_error *err)
{
    bool few = false;
    int rc = RY_OK;
    *which = LITE_gallery_clip;
    if (get->clip_id.p != NULL)
        return rc;
    *which = LITE_gallery_status;
    if (get->status.p != NULL)
        rc = is_few(lite, LITE_few_of_status, get->status, &few, err);
    if (rc != RY_OK || few)
        return rc;
    *which = LITE_gallery_channel;
    if (get->channel_id.p != NULL)
        return rc;
    *which = LITE_gallery_guild;
    if (get->guild_id.p != NULL)
        rc = is_few(lite, LITE_few_of_guild, get->guild_id, &few, err);
    if (rc == RY_OK && !few)
        *which = LITE_gallery_all;
    return rc;
}

/* A duration, a time in a video, a rate: within the limits of them all, or 0. */
static double read_real(sqlite3_stmt *s, int at)
{
    double value = sqlite3_column_double(s, at);
    return value > 0 && value < 1.0e9 ? value : 0;
}

/* What is known of the video, if it has a row. */
static void read_media(sqlite3_stmt *s, struct ry_arena *arena, struct ry_gallery_clip *clip)
{
    clip->keep_state = lite_text(s, 24, 20, arena);
    clip->keep_error = lite_text(s, 25, 400, arena);
    clip->kept_path = lite_text(s, 26, 128, arena);
    clip->kept_bytes = lite_u64(s, 27);
    clip->container = lite_text(s, 28, 64, arena);
    clip->video_codec = lite_text(s, 29, 64, arena);
    clip->audio_codec = lite_text(s, 30, 64, arena);
    clip->has_audio = sqlite3_column_int(s, 31) != 0;
    clip->fps = read_real(s, 32);
    clip->frame_time_s = read_real(s, 33);
    clip->thumbhash = lite_text(s, 34, 64, arena);
    clip->sheet_path = lite_text(s, 35, 1024, arena);
    clip->sheet_columns = lite_u64(s, 36);
    clip->sheet_rows = lite_u64(s, 37);
    clip->sheet_count = lite_u64(s, 38);
    clip->sheet_step_s = read_real(s, 39);
    clip->playable_path = lite_text(s, 40, 128, arena);
    clip->playable_state = lite_text(s, 41, 20, arena);
    clip->sheet_width = lite_u64(s, 42);
    clip->sheet_height = lite_u64(s, 43);
}

static void read_clip(sqlite3_stmt *s, struct ry_arena *arena, struct ry_gallery_clip *clip)
{
    *clip = (struct ry_gallery_clip){
        .clip_id = lite_text(s, 0, 32, arena),
        .guild_id = lite_text(s, 1, 64, arena),
        .channel_id = lite_text(s, 2, 64, arena),
        .message_id = lite_text(s, 3, 64, arena),
        .guild_name = lite_text(s, 4, 400, arena),
        .channel_name = lite_text(s, 5, 400, arena),
        .author_name = lite_text(s, 6, 400, arena),
        .title = lite_text(s, 7, 1020, arena),
        .content = lite_text(s, 8, 65536, arena),
        .filename = lite_text(s, 9, 1024, arena),
        .url = lite_text(s, 10, 8192, arena),
        .mime_type = lite_text(s, 11, 255, arena),
        .resolution = lite_text(s, 12, 20, arena),
        .status = lite_text(s, 13, 20, arena),
        .failure = lite_text(s, 14, 400, arena),
        .duration_s = read_real(s, 15),
        .file_size = lite_u64(s, 16),
        .posted_wall_ms = lite_time(s, 17),
        .small_path = lite_text(s, 18, 1024, arena),
        .large_path = lite_text(s, 19, 1024, arena),
        .small_width = lite_u64(s, 20),
        .small_height = lite_u64(s, 21),
        .class = lite_u64(s, 22) ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING,
        .expires_wall_ms = lite_time(s, 23),
    };
    read_media(s, arena, clip);
}

static void bind_page(struct lite *lite, sqlite3_stmt *s, const struct ry_gallery_get *get)
{
    /* Every time sorts below "A": from the newest. */
    if (get->before_wall_ms == INT64_MAX)
        lite_bind(s, 1, RY_STR("A"));
    else
        lite_bind_time(lite, s, 1, get->before_wall_ms);
    lite_bind(s, 2, get->before_id.p ? get->before_id : RY_STR(""));
    lite_bind_u64(s, 3, get->limit + 1);
    lite_bind(s, 4, get->guild_id);
    lite_bind(s, 5, get->channel_id);
    lite_bind(s, 6, get->status);
    lite_bind(s, 7, get->clip_id);
}

int lite_gallery_fetch(struct lite *lite, struct ry_str clip_id, struct ry_arena *arena, struct ry_gallery_clip *clip,
                       struct ry_error *err)
{
    const struct ry_gallery_get get = {.limit = 1, .before_wall_ms = INT64_MAX, .clip_id = clip_id};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_gallery_clip, &s, err);
    if (rc != RY_OK)
        return rc;
    bind_page(lite, s, &get);
    rc = lite_step(lite, s, err);
    if (rc == 1)
        read_clip(s, arena, clip);
    return rc;
}

int lite_gallery_plain(struct lite *lite, const struct ry_gallery_get *get, struct ry_arena *arena,
                       struct ry_gallery_page *page, struct ry_error *err)
{
    enum lite_statement which;
    int rc = choose_path(lite, get, &which, err);
    if (rc != RY_OK)
        return rc;
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    bind_page(lite, s, get);
    page->clips.items = ry_arena_array(arena, get->limit, sizeof *page->clips.items);
    if (page->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a page");
    size_t bytes = 0;
    while ((rc = lite_step(lite, s, err)) == 1) {
        page->more = page->clips.n == get->limit || bytes >= WRITER_ANSWER_MAX_BYTES;
        if (page->more)
            break;
        struct ry_gallery_clip *clip = &page->clips.items[page->clips.n++];
        read_clip(s, arena, clip);
        bytes += clip->content.n + clip->url.n + clip->filename.n + clip->title.n + clip->sheet_path.n + 1024;
        rc = get->clip_id.p ? lite_root_of(lite, clip->url, arena, &clip->media_root, err) : RY_OK;
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : RY_OK;
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

int lite_archive_get(struct writer_engine *engine, struct ry_archive_state *state, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *state = (struct ry_archive_state){.engine = ry_str_of(engine->ops->name),
                                       .schema_version = (uint64_t)writer_migration_count};
    LITE_AUTO *s = NULL;
    int rc = lite_check_place(lite, err);
    if (rc == RY_OK)
        rc = lite_get(lite, LITE_archive, &s, err);
    if (rc == RY_OK)
        rc = lite_step(lite, s, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return ry_fail(err, RY_ECORRUPT, "%s has lost its row of totals", lite->path);
    state->guilds = lite_u64(s, 0);
    state->channels = lite_u64(s, 1);
    state->authors = lite_u64(s, 2);
    state->messages = lite_u64(s, 3);
    state->clips_pending = lite_u64(s, 4);
    state->clips_processing = lite_u64(s, 5);
    state->clips_completed = lite_u64(s, 6);
    state->clips_failed = lite_u64(s, 7);
    state->thumbnails = lite_u64(s, 8);
    state->bytes_videos = lite_u64(s, 9);
    state->bytes_thumbnails = lite_u64(s, 10);
    state->rows_refused = lite_u64(s, 11);
    state->clips_permanent = lite_u64(s, 12);
    return lite_media_totals(lite, state, err);
}

/* ---- failures ------------------------------------------------------------------------------------------------ */

int lite_failed_get(struct writer_engine *engine, const struct ry_failed_get *get, struct ry_arena *arena,
                    struct ry_failed_page *page, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *page = (struct ry_failed_page){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, get->each > 0 ? LITE_failed_kinds : LITE_failed, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_u64(s, 2, get->limit + 1);
    if (get->each > 0) {
        lite_bind_u64(s, 1, get->each);
    } else {
        lite_bind(s, 1, get->after_id.p ? get->after_id : RY_STR(""));
        lite_bind(s, 3, get->kind.n > 0 ? get->kind : (struct ry_str){NULL, 0});
    }
    page->clips.items = ry_arena_array(arena, get->limit, sizeof *page->clips.items);
    if (page->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a page");
    while ((rc = lite_step(lite, s, err)) == 1) {
        page->more = page->clips.n == get->limit;
        if (page->more)
            break;
        struct ry_str reason = lite_text(s, 3, 400, arena);
        page->clips.items[page->clips.n++] = (struct ry_failed_clip){
            .clip_id = lite_text(s, 0, 64, arena),
            .channel_id = lite_text(s, 1, 64, arena),
            .filename = lite_text(s, 2, 1024, arena),
            .reason = reason.p ? reason : RY_STR("unknown"),
            .retries = lite_u64(s, 4),
            .last_wall_ms = lite_time(s, 5),
            .next_wall_ms = lite_time(s, 6),
            .class = lite_u64(s, 7) ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING,
            .encoder = lite_text(s, 8, 100, arena),
            .url = lite_text(s, 9, 8192, arena),
            .kind = lite_text(s, 10, 400, arena),
            .alike = lite_u64(s, 11),
        };
    }
    return rc < 0 ? rc : RY_OK;
}

/* ---- what is known ------------------------------------------------------------------------------------------- */

static int find_known(struct lite *lite, enum lite_statement which, struct ry_str guild_id, const struct ry_strs *ids,
                      struct ry_arena *arena, struct ry_strs *known, struct ry_error *err)
{
    known->items = ry_arena_array(arena, ids->n, sizeof *known->items);
    if (known->items == NULL && ids->n > 0)
        return ry_fail(err, RY_ENOMEM, "out of memory for the ids of an answer");
    for (size_t i = 0; i < ids->n; i++) {
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, which, &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind(s, 1, ids->items[i]);
        lite_bind(s, 2, guild_id);
        rc = lite_step(lite, s, err);
        if (rc < 0)
            return rc;
        if (rc == 1)
            known->items[known->n++] = ids->items[i];
    }
    return RY_OK;
}

int lite_known_get(struct writer_engine *engine, const struct ry_known_get *get, struct ry_arena *arena,
                   struct ry_known_got *got, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *got = (struct ry_known_got){0};
    int rc = find_known(lite, LITE_known_message, get->guild_id, &get->message_ids, arena, &got->message_ids, err);
    return rc == RY_OK ? find_known(lite, LITE_known_author, get->guild_id, &get->user_ids, arena, &got->user_ids, err)
                       : rc;
}

int lite_days_get(struct writer_engine *engine, const struct ry_days_get *get, struct ry_arena *arena,
                  struct ry_days_got *got, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *got = (struct ry_days_got){.days = {ry_arena_array(arena, get->days.n, sizeof *got->days.items), 0}};
    if (got->days.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the days of an answer");
    for (size_t i = 0; i < get->days.n; i++) {
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, LITE_day_clips, &s, err);
        if (rc != RY_OK)
            return rc;
        int64_t day_wall_ms = get->days.items[i].day_wall_ms;
        lite_bind(s, 1, get->channel_id);
        lite_bind_time(lite, s, 2, day_wall_ms);
        lite_bind_time(lite, s, 3, day_wall_ms + DAY_MS);
        rc = lite_step(lite, s, err);
        if (rc < 0)
            return rc;
        got->days.items[got->days.n++] = (struct ry_day_clips){.day_wall_ms = day_wall_ms, .count = lite_u64(s, 0)};
    }
    return find_known(lite, LITE_known_clip, get->channel_id, &get->clip_ids, arena, &got->clip_ids, err);
}

int lite_ping(struct writer_engine *engine, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    LITE_AUTO *s = NULL;
    int rc = lite_check_place(lite, err);
    if (rc == RY_OK)
        rc = lite_get(lite, LITE_ping, &s, err);
    if (rc == RY_OK)
        rc = lite_step(lite, s, err);
    return rc < 0 ? rc : RY_OK;
}
