/* engine_pg_scan.c: the course of a channel's scan: its status, its bounds, and the slices that are committed.
 *
 * A slice's record is written with its progress, in the transaction of its rows. It is what makes a job that is
 * delivered again harmless: its progress counts once, and its beginning does not take back what it has done. Whoever
 * changes a scan here holds its lock (engine_pg_fence.c), so what one statement finds still holds for the next. */
#include "actors/writer/engine_pg_ops.h"

/* Of two ids: longer is larger, they have no leading zeros. */
#define LARGER(a, b) \
    "(length(" a ") > length(" b ") OR (length(" a ") = length(" b ") AND " a " COLLATE \"C\" > " b "))"
/* What a person should know of a channel whose scan went well otherwise. */
#define REFUSED_OF(channel) \
    "(SELECT 'rows of this channel that the database refused: ' || count(*) || '; the last one: ' || (array_agg(tab " \
    "||" \
    " ' ' || key || ': ' || reason ORDER BY refused_at DESC, tab, key))[1] FROM reelyard_refused WHERE channel_id " \
    "= " channel " HAVING count(*) > 0)"
#define CLIPS_OF(channel) "(SELECT count(*) FROM clip WHERE channel_id = " channel " AND deleted_at IS NULL)"
#define SUM(a, b)         "least(" a "::bigint + " b ", 2147483647)"

/* $1 job, $2 channel (NULL for live messages, which are no part of a scan), $3 messages, $4 clips, $5 rejected, $6
 * next, $7 now. Gives a row when the job had none on record. */
#define PUT_SLICE \
    "WITH put AS (INSERT INTO reelyard_slice (job_id, channel_id, messages, clips, rejected, next, updated_at)" \
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1)"

/* $8 guild, $9 status, $10 newest, $11 oldest, $12 whether forward. The first bounds are taken as they are. */
#define CLIPS_NOW CLIPS_OF("$2")
#define NEWER     LARGER("excluded.forward_message_id", "s.forward_message_id")
#define OLDER     LARGER("s.backward_message_id", "excluded.backward_message_id")
#define TOTAL     SUM("s.total_messages_scanned", "excluded.total_messages_scanned")
static const char progress_sql[] = PUT_SLICE
    " INSERT INTO channel_scan_status AS s (guild_id, channel_id, status, forward_message_id,"
    " backward_message_id, total_messages_scanned, message_count, error_message, created_at, updated_at)"
    " SELECT $8, $2, $9, $10, $11, least($3, 2147483647), " CLIPS_NOW ", " REFUSED_OF(
        "$2") ", $7, $7 FROM put"
              " ON CONFLICT (channel_id) DO UPDATE SET status = excluded.status,"
              " error_message = excluded.error_message,"
              " forward_message_id = CASE WHEN excluded.forward_message_id IS NULL THEN s.forward_message_id"
              " WHEN s.forward_message_id IS NULL AND (s.backward_message_id IS NULL OR $12) OR $12 AND " NEWER
              " THEN excluded.forward_message_id ELSE s.forward_message_id END,"
              " backward_message_id = CASE WHEN excluded.backward_message_id IS NULL THEN s.backward_message_id"
              " WHEN s.backward_message_id IS NULL AND (s.forward_message_id IS NULL OR NOT $12) OR NOT $12 AND " OLDER
              " THEN excluded.backward_message_id ELSE s.backward_message_id END, total_messages_scanned = " TOTAL ","
              " message_count = excluded.message_count, updated_at = excluded.updated_at";

/* Live messages tell how far the channel is known, for whoever looks for a gap behind it. They are no scan: a row that
 * they make waits for one, and of one that is there they leave the status. $8 channel, $9 newest, $10 guild. */
#define LIVE_CLIPS_NOW CLIPS_OF("$8")
static const char progress_live_sql[] =
    PUT_SLICE " INSERT INTO channel_scan_status AS s (guild_id, channel_id, status, forward_message_id,"
              " total_messages_scanned, message_count, created_at, updated_at)"
              " SELECT $10, $8, 'QUEUED', $9, least($3, 2147483647), " LIVE_CLIPS_NOW ", $7, $7 FROM put"
              " ON CONFLICT (channel_id) DO UPDATE SET forward_message_id ="
              " CASE WHEN s.forward_message_id IS NULL OR " NEWER
              " THEN coalesce(excluded.forward_message_id, s.forward_message_id) ELSE s.forward_message_id END,"
              " total_messages_scanned = " TOTAL ", message_count = excluded.message_count,"
              " updated_at = excluded.updated_at";

/* Whether a larger token than $2 has written for job $1. */
#define FENCED "EXISTS (SELECT FROM reelyard_fence WHERE job_id = $1 AND token > $2)"

/* $1 job, $2 channel. */
static const char begun_sql[] =
    "SELECT s.status = 'CANCELLED', s.forward_message_id, s.backward_message_id, r.job_id IS NOT NULL, r.messages,"
    " r.clips, r.rejected, left(r.next, 65536) FROM (SELECT 1) one"
    " LEFT JOIN channel_scan_status s ON s.channel_id = $2 LEFT JOIN reelyard_slice r ON r.job_id = $1";

/* A job whose slice is committed has begun before: it neither restarts nor forgets again. $1 job, $2 token, $3 guild,
 * $4 channel, $5 now, $6 restart, $7 reset. */
static const char begin_sql[] =
    "INSERT INTO channel_scan_status AS s (guild_id, channel_id, status, message_count, total_messages_scanned,"
    " created_at, updated_at) SELECT c.guild_id, c.id, 'RUNNING', 0, 0, $5, $5 FROM channel c WHERE c.id = $4 AND "
    "c.guild_id = $3 AND NOT " FENCED
    " AND NOT EXISTS (SELECT FROM reelyard_slice WHERE job_id = $1) AND ($6 OR NOT EXISTS (SELECT FROM"
    " channel_scan_status o WHERE o.channel_id = $4 AND o.status = 'CANCELLED'))"
    " ON CONFLICT (channel_id) DO UPDATE SET status = 'RUNNING', error_message = NULL, updated_at = "
    "excluded.updated_at,"
    " forward_message_id = CASE WHEN $7 THEN NULL ELSE s.forward_message_id END,"
    " backward_message_id = CASE WHEN $7 THEN NULL ELSE s.backward_message_id END,"
    " total_messages_scanned = CASE WHEN $7 THEN 0 ELSE s.total_messages_scanned END";

/* $1 job, $2 token, $3 guild, $4 channel, $5 now, $6 status, $7 why. */
static const char end_sql[] =
    "INSERT INTO channel_scan_status (guild_id, channel_id, status, error_message, message_count,"
    " total_messages_scanned, created_at, updated_at) SELECT c.guild_id, c.id, $6, $7, 0, 0, $5, $5 FROM channel c "
    "WHERE c.id = $4 AND c.guild_id = $3 AND NOT " FENCED
    " ON CONFLICT (channel_id) DO UPDATE SET status = excluded.status, error_message = excluded.error_message,"
    " updated_at = excluded.updated_at";

/* A row that live messages made may wait for a scan that nobody asked for: it is no cancelled one, which would stop the
 * scan that closes the gap behind it. If one was asked for and lost, the message tells. */
#define LIVE_ONLY "s.status = 'QUEUED' AND s.forward_message_id IS NOT NULL AND s.backward_message_id IS NULL"
static const char stale_sql[] =
    "WITH k AS (SELECT id FROM channel_scan_status WHERE status IN ('QUEUED', 'RUNNING') AND updated_at <= $1"
    " AND channel_id = ANY ($4) ORDER BY channel_id FOR UPDATE), u AS (UPDATE channel_scan_status s SET"
    " status = CASE WHEN " LIVE_ONLY " THEN 'SUCCEEDED' ELSE 'CANCELLED' END,"
    " error_message = $2, updated_at = $3 FROM k WHERE s.id = k.id RETURNING 1) SELECT count(*) FROM u";
#undef LIVE_ONLY

/* ---- a slice's progress -------------------------------------------------------------------------------------- */

int pg_progress(struct writer_engine *engine, const struct ry_batch_write *batch, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    const struct ry_scan_progress *progress = &batch->progress.items[0];
    bool live = ry_str_is(progress->direction, "live");
    int rc = pg_refused_went_in(pg, batch->channel_id, err);
    if (rc != RY_OK)
        return rc;
    struct pg_args args = {0};
    pg_add_text(pg, &args, batch->job_id);
    pg_add_text(pg, &args, live ? (struct ry_str){0} : batch->channel_id);
    pg_add_u64(&args, progress->messages);
    pg_add_u64(&args, progress->clips);
    pg_add_u64(&args, progress->rejected);
    pg_add_text(pg, &args, progress->next);
    pg_add_time(&args, pg->now_wall_ms);
    if (live) {
        pg_add_text(pg, &args, batch->channel_id);
        pg_add_text(pg, &args, progress->newest_id);
        pg_add_text(pg, &args, batch->guild_id);
        return pg_say(pg, progress_live_sql, &args, NULL, NULL, err);
    }
    pg_add_text(pg, &args, batch->guild_id);
    pg_add_text(pg, &args, progress->ended ? RY_STR("SUCCEEDED") : RY_STR("RUNNING"));
    pg_add_text(pg, &args, progress->newest_id);
    pg_add_text(pg, &args, progress->oldest_id);
    pg_add_bool(&args, ry_str_is(progress->direction, "forward"));
    return pg_say(pg, progress_sql, &args, NULL, NULL, err);
}

/* ---- beginning and end --------------------------------------------------------------------------------------- */

struct beginning {
    const struct ry_scan_begin *begin;
    struct ry_scan_begun *begun;
    struct ry_arena *arena;
};

static int take_begun(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct beginning *b = arg;
    struct ry_scan_begun *begun = b->begun;
    if (begun->fenced)
        return RY_OK;
    begun->cancelled = pg_bool(result, 0, 0);
    begun->forward_message_id = pg_text(result, 0, 1, 64, b->arena);
    begun->backward_message_id = pg_text(result, 0, 2, 64, b->arena);
    if (pg_bool(result, 0, 3)) {
        struct ry_slice_record *slice = ry_arena_array(b->arena, 1, sizeof *slice);
        if (slice == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a slice");
        *slice = (struct ry_slice_record){.messages = pg_u64(result, 0, 4),
                                          .clips = pg_u64(result, 0, 5),
                                          .rejected = pg_u64(result, 0, 6),
                                          .next = pg_text(result, 0, 7, 65536, b->arena)};
        begun->slices.items = slice;
        begun->slices.n = 1;
        return RY_OK;
    }
    if (begun->cancelled && !b->begin->restart)
        return RY_OK;
    begun->cancelled = false;
    if (b->begin->reset)
        begun->forward_message_id = begun->backward_message_id = (struct ry_str){0};
    return RY_OK;
}

int pg_scan_begin(struct writer_engine *engine, const struct ry_scan_begin *begin, struct ry_arena *arena,
                  struct ry_scan_begun *begun, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *begun = (struct ry_scan_begun){0};
    struct beginning *b = pg_room(pg, sizeof *b);
    if (b == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a scan");
    *b = (struct beginning){begin, begun, arena};
    int rc = pg_lock(pg, begin->job_id, begin->channel_id, err);
    if (rc == RY_OK)
        rc = pg_token_check(pg, begin->job_id, begin->token, &begun->fenced, err);
    struct pg_args look = {0}, args = {0};
    pg_add_text(pg, &look, begin->job_id);
    pg_add_text(pg, &look, begin->channel_id);
    if (rc == RY_OK)
        rc = pg_say(pg, begun_sql, &look, take_begun, b, err);
    pg_add_text(pg, &args, begin->job_id);
    pg_add_u64(&args, begin->token);
    pg_add_text(pg, &args, begin->guild_id);
    pg_add_text(pg, &args, begin->channel_id);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_bool(&args, begin->restart);
    pg_add_bool(&args, begin->reset);
    return rc == RY_OK ? pg_say(pg, begin_sql, &args, NULL, NULL, err) : rc;
}

int pg_scan_end(struct writer_engine *engine, const struct ry_scan_end *end, struct ry_scan_ended *ended,
                struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *ended = (struct ry_scan_ended){0};
    int rc = pg_lock(pg, end->job_id, end->channel_id, err);
    if (rc == RY_OK)
        rc = pg_token_check(pg, end->job_id, end->token, &ended->fenced, err);
    struct pg_args args = {0};
    pg_add_text(pg, &args, end->job_id);
    pg_add_u64(&args, end->token);
    pg_add_text(pg, &args, end->guild_id);
    pg_add_text(pg, &args, end->channel_id);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_text(pg, &args, end->status);
    pg_add_text(pg, &args, end->error_message);
    return rc == RY_OK ? pg_say(pg, end_sql, &args, NULL, NULL, err) : rc;
}

int pg_scans_stale(struct writer_engine *engine, const struct ry_scans_stale *stale, struct ry_scans_staled *staled,
                   struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *staled = (struct ry_scans_staled){0};
    struct pg_args args = {0};
    pg_add_time(&args, pg_before_now(pg->now_wall_ms, stale->older_ms));
    pg_add_text(pg, &args, stale->reason);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_strs(pg, &args, stale->channel_ids.items, stale->channel_ids.n);
    return pg_say(pg, stale_sql, &args, pg_take_count, &staled->count, err);
}

/* ---- questions ----------------------------------------------------------------------------------------------- */

#define SCAN_COLUMNS \
    "s.guild_id, s.channel_id, s.status, s.forward_message_id, s.backward_message_id, s.message_count," \
    " s.total_messages_scanned, left(s.error_message, 400), s.updated_at"
static const char scan_sql[] =
    "SELECT " SCAN_COLUMNS ", (SELECT count(*) FROM clip WHERE channel_id = $1"
    " AND thumbnail_status IN ('pending', 'processing') AND deleted_at IS NULL),"
    " (SELECT count(*) FROM clip WHERE channel_id = $1 AND thumbnail_status = 'failed' AND deleted_at IS NULL),"
    " NULL::text FROM channel_scan_status s WHERE s.channel_id = $1 LIMIT $2";
/* $1 channels behind this one, $2 limit, $3 untouched since. */
static const char open_sql[] =
    "SELECT " SCAN_COLUMNS ", 0, 0, (SELECT left(r.next, 65536) FROM reelyard_slice r"
    " WHERE r.channel_id = s.channel_id ORDER BY r.updated_at DESC LIMIT 1) FROM channel_scan_status s"
    " WHERE s.channel_id > $1 AND s.status IN ('QUEUED', 'RUNNING') AND s.updated_at <= $3"
    " ORDER BY s.channel_id LIMIT $2";

struct listing {
    struct ry_arena *arena;
    size_t limit;
    struct ry_scan_row *rows;
    size_t n;
    bool more;
};

static int take_scans(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    struct listing *l = arg;
    size_t bytes = 0;
    l->rows = ry_arena_array(l->arena, (size_t)PQntuples(result), sizeof *l->rows);
    if (l->rows == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of scans");
    for (int i = 0; i < PQntuples(result); i++) {
        l->more = l->n == l->limit || bytes >= WRITER_ANSWER_MAX_BYTES;
        if (l->more)
            break;
        struct ry_scan_row *row = &l->rows[l->n++];
        *row = (struct ry_scan_row){
            .guild_id = pg_text(result, i, 0, 64, l->arena),
            .channel_id = pg_text(result, i, 1, 64, l->arena),
            .status = pg_text(result, i, 2, 9, l->arena),
            .forward_message_id = pg_text(result, i, 3, 64, l->arena),
            .backward_message_id = pg_text(result, i, 4, 64, l->arena),
            .message_count = pg_u64(result, i, 5),
            .total_messages_scanned = pg_u64(result, i, 6),
            .error_message = pg_text(result, i, 7, 400, l->arena),
            .updated_wall_ms = pg_time(result, i, 8),
            .clips_waiting = pg_u64(result, i, 9),
            .clips_failed = pg_u64(result, i, 10),
            .next = pg_text(result, i, 11, 65536, l->arena),
        };
        bytes += row->next.n + row->error_message.n + 512;
    }
    return RY_OK;
}

int pg_scan_get(struct writer_engine *engine, const struct ry_scan_get *get, struct ry_arena *arena,
                struct ry_scan_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *got = (struct ry_scan_got){0};
    struct listing listing = {.arena = arena, .limit = 1};
    struct pg_args args = {0};
    pg_add_text(pg, &args, get->channel_id);
    pg_add_u64(&args, 1);
    int rc = pg_look(pg, scan_sql, &args, take_scans, &listing, err);
    got->scans.items = listing.rows;
    got->scans.n = listing.n;
    return rc;
}

int pg_scans_open_get(struct writer_engine *engine, const struct ry_scans_open_get *get, struct ry_arena *arena,
                      struct ry_scans_open_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *got = (struct ry_scans_open_got){0};
    struct listing listing = {.arena = arena, .limit = get->limit};
    struct pg_args args = {0};
    pg_add_text(pg, &args, get->after_channel_id.p ? get->after_channel_id : RY_STR(""));
    pg_add_u64(&args, get->limit + 1);
    pg_add_time(&args, pg_before_now(ry_wall_ms(pg->clock), get->older_ms));
    int rc = pg_look(pg, open_sql, &args, take_scans, &listing, err);
    got->scans.items = listing.rows;
    got->scans.n = listing.n;
    got->more = listing.more;
    return rc;
}
