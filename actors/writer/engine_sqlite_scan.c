/* engine_sqlite_scan.c: the course of a channel's scan: its status, its bounds, and the slices that are committed.
 *
 * A slice's record is written with its progress, in the transaction of its rows. It is what makes a job that is
 * delivered again harmless: its progress counts once, and its beginning does not take back what it has done. */
#include "actors/writer/engine_sqlite_ops.h"

/* ---- a slice's progress -------------------------------------------------------------------------------------- */

/* *fresh: the job had none on record. */
static int put_slice(struct lite *lite, const struct ry_batch_write *batch, const struct ry_scan_progress *progress,
                     bool live, bool *fresh, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_slice_put, &s, err);
    if (rc != RY_OK)
        return rc;
    uint64_t changed = 0;
    lite_bind(s, 1, batch->job_id);
    lite_bind(s, 2, live ? (struct ry_str){0} : batch->channel_id);
    lite_bind_u64(s, 3, progress->messages);
    lite_bind_u64(s, 4, progress->clips);
    lite_bind_u64(s, 5, progress->rejected);
    lite_bind(s, 6, progress->next);
    lite_bind_now(lite, s, 7);
    rc = lite_run(lite, s, &changed, err);
    *fresh = changed > 0;
    return rc;
}

static int raise_live(struct lite *lite, const struct ry_batch_write *batch, const struct ry_scan_progress *progress,
                      struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_scan_progress_live, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, batch->channel_id);
    lite_bind(s, 2, progress->newest_id);
    lite_bind_u64(s, 3, progress->messages);
    lite_bind_now(lite, s, 4);
    lite_bind(s, 5, batch->guild_id);
    return lite_run(lite, s, NULL, err);
}

int lite_progress(struct writer_engine *engine, const struct ry_batch_write *batch, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    const struct ry_scan_progress *progress = &batch->progress.items[0];
    bool live = ry_str_is(progress->direction, "live"), fresh = false;
    int rc = lite_refused_went_in(lite, batch->channel_id, err);
    if (rc == RY_OK)
        rc = put_slice(lite, batch, progress, live, &fresh, err);
    if (rc != RY_OK || !fresh)
        return rc;
    if (live)
        return raise_live(lite, batch, progress, err);
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, LITE_scan_progress, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, batch->guild_id);
    lite_bind(s, 2, batch->channel_id);
    lite_bind(s, 3, progress->ended ? RY_STR("SUCCEEDED") : RY_STR("RUNNING"));
    lite_bind(s, 4, progress->newest_id);
    lite_bind(s, 5, progress->oldest_id);
    lite_bind_u64(s, 6, progress->messages);
    lite_bind_now(lite, s, 7);
    lite_bind(s, 8, progress->direction);
    return lite_run(lite, s, NULL, err);
}

/* ---- beginning and end --------------------------------------------------------------------------------------- */

static int read_slice(struct lite *lite, struct ry_str job_id, struct ry_arena *arena, struct ry_scan_begun *begun,
                      struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_slice_get, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, job_id);
    rc = lite_step(lite, s, err);
    if (rc <= 0)
        return rc;
    struct ry_slice_record *slice = ry_arena_array(arena, 1, sizeof *slice);
    if (slice == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a slice");
    *slice = (struct ry_slice_record){.messages = lite_u64(s, 0),
                                      .clips = lite_u64(s, 1),
                                      .rejected = lite_u64(s, 2),
                                      .next = lite_text(s, 3, 65536, arena)};
    begun->slices.items = slice;
    begun->slices.n = 1;
    return RY_OK;
}

static int read_status(struct lite *lite, struct ry_str channel_id, struct ry_arena *arena, struct ry_scan_begun *begun,
                       struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_scan_status, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, channel_id);
    rc = lite_step(lite, s, err);
    if (rc <= 0)
        return rc;
    begun->cancelled = strcmp((const char *)sqlite3_column_text(s, 0), "CANCELLED") == 0;
    begun->forward_message_id = lite_text(s, 1, 64, arena);
    begun->backward_message_id = lite_text(s, 2, 64, arena);
    return RY_OK;
}

int lite_scan_begin(struct writer_engine *engine, const struct ry_scan_begin *begin, struct ry_arena *arena,
                    struct ry_scan_begun *begun, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *begun = (struct ry_scan_begun){0};
    int rc = lite_token_check(lite, begin->job_id, begin->token, &begun->fenced, err);
    if (rc != RY_OK || begun->fenced)
        return rc;
    rc = read_slice(lite, begin->job_id, arena, begun, err);
    if (rc == RY_OK)
        rc = read_status(lite, begin->channel_id, arena, begun, err);
    /* A job whose slice is committed has begun before: it neither restarts nor forgets again. */
    if (rc != RY_OK || begun->slices.n > 0)
        return rc;
    if (begun->cancelled && !begin->restart)
        return rc;
    begun->cancelled = false;
    if (begin->reset)
        begun->forward_message_id = begun->backward_message_id = (struct ry_str){0};
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, LITE_scan_begin, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, begin->guild_id);
    lite_bind(s, 2, begin->channel_id);
    lite_bind_now(lite, s, 3);
    lite_bind_u64(s, 4, begin->reset);
    return lite_run(lite, s, NULL, err);
}

int lite_scan_end(struct writer_engine *engine, const struct ry_scan_end *end, struct ry_scan_ended *ended,
                  struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *ended = (struct ry_scan_ended){0};
    int rc = lite_token_check(lite, end->job_id, end->token, &ended->fenced, err);
    if (rc != RY_OK || ended->fenced)
        return rc;
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, LITE_scan_end, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, end->guild_id);
    lite_bind(s, 2, end->channel_id);
    lite_bind_now(lite, s, 3);
    lite_bind(s, 4, end->status);
    lite_bind(s, 5, end->error_message);
    return lite_run(lite, s, NULL, err);
}

/* The moment that lies older_ms before now; the beginning of time when that is longer ago. */
static int64_t before_now(const struct lite *lite, uint64_t older_ms)
{
    return older_ms < (uint64_t)lite->now_wall_ms ? lite->now_wall_ms - (int64_t)older_ms : 0;
}

int lite_scans_stale(struct writer_engine *engine, const struct ry_scans_stale *stale, struct ry_scans_staled *staled,
                     struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *staled = (struct ry_scans_staled){0};
    for (size_t i = 0; i < stale->channel_ids.n; i++) {
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, LITE_scans_stale, &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind_time(lite, s, 1, before_now(lite, stale->older_ms));
        lite_bind(s, 2, stale->reason);
        lite_bind_now(lite, s, 3);
        lite_bind(s, 4, stale->channel_ids.items[i]);
        rc = lite_run(lite, s, &staled->count, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

/* ---- questions ----------------------------------------------------------------------------------------------- */

static void read_scan(sqlite3_stmt *s, struct ry_arena *arena, struct ry_scan_row *row)
{
    *row = (struct ry_scan_row){
        .guild_id = lite_text(s, 0, 64, arena),
        .channel_id = lite_text(s, 1, 64, arena),
        .status = lite_text(s, 2, 9, arena),
        .forward_message_id = lite_text(s, 3, 64, arena),
        .backward_message_id = lite_text(s, 4, 64, arena),
        .message_count = lite_u64(s, 5),
        .total_messages_scanned = lite_u64(s, 6),
        .error_message = lite_text(s, 7, 400, arena),
        .updated_wall_ms = lite_time(s, 8),
        .clips_waiting = lite_u64(s, 9),
        .clips_failed = lite_u64(s, 10),
    };
}

int lite_scan_get(struct writer_engine *engine, const struct ry_scan_get *get, struct ry_arena *arena,
                  struct ry_scan_got *got, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *got = (struct ry_scan_got){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_scan_get, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, get->channel_id);
    rc = lite_step(lite, s, err);
    if (rc <= 0)
        return rc;
    got->scans.items = ry_arena_array(arena, 1, sizeof *got->scans.items);
    if (got->scans.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a scan");
    got->scans.n = 1;
    read_scan(s, arena, &got->scans.items[0]);
    return RY_OK;
}

int lite_scans_open_get(struct writer_engine *engine, const struct ry_scans_open_get *get, struct ry_arena *arena,
                        struct ry_scans_open_got *got, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *got = (struct ry_scans_open_got){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_scans_open, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, get->after_channel_id.p ? get->after_channel_id : RY_STR(""));
    lite_bind_time(lite, s, 2, before_now(lite, get->older_ms));
    lite_bind_u64(s, 3, get->limit + 1);
    got->scans.items = ry_arena_array(arena, get->limit, sizeof *got->scans.items);
    if (got->scans.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of scans");
    size_t bytes = 0;
    while ((rc = lite_step(lite, s, err)) == 1) {
        got->more = got->scans.n == get->limit || bytes >= WRITER_ANSWER_MAX_BYTES;
        if (got->more)
            break;
        struct ry_scan_row *row = &got->scans.items[got->scans.n++];
        read_scan(s, arena, row);
        row->next = lite_text(s, 11, 65536, arena);
        bytes += row->next.n + row->error_message.n + 512;
    }
    return rc < 0 ? rc : RY_OK;
}
