/* engine_pg_claim.c: which clips are worked on next, and by whom.
 *
 * A claim takes, until it has enough: pending clips that nobody had before, in the order in which they came; then those
 * that some program of another kind left in `processing`; then clips whose lease ended or was given back, those that
 * were left least often first, so that a video that kills its decoder comes last; then failed ones whose next try is
 * due.
 *
 * One statement finds, locks, marks and leases them. Rows that another claim holds are passed over (SKIP LOCKED), so
 * claims of many nodes go side by side; and because a statement's view may be older than a claim that has just been
 * committed, what counts in the end is the lease: who finds that another's still runs has not got the clip.
 *
 * A claim walks indexes and ends when it has enough, so it costs what it takes, not what waits. The planner does not
 * know that where a table was not analyzed yet: it believes that three of a million clips are pending, and sorts them.
 * So it is told to take what is sorted already, by indexes, and the conditions on the status that must not choose an
 * index are written so that they cannot. */
#include "actors/writer/engine_pg_ops.h"

#include <stdlib.h>

/* The status of a clip that is not deleted, where its id is what finds it. */
#define STATUS "(CASE WHEN c.deleted_at IS NULL THEN c.thumbnail_status END)"

/* $1 now, $2 limit, $3 owner, $4 end of the lease, $5 most bytes of an answer. */
#define CANDIDATES(name, source, from, condition, order, attempts, taken) \
    name " AS MATERIALIZED (SELECT c.id, " source " AS source, " attempts " AS left_often, c.created_at AS came," \
         " c.cdn_url, c.filename FROM " from " WHERE " condition " ORDER BY " order " LIMIT greatest(0, $2" taken \
         ") FOR UPDATE OF c SKIP LOCKED)"
#define NUMBER_OF(name) " - (SELECT count(*) FROM " name ")"
#define UNLEASED        " AND c.deleted_at IS NULL AND NOT EXISTS (SELECT FROM reelyard_clip_lease l WHERE l.clip_id = c.id)"
#define FRESH \
    CANDIDATES("fresh", "1", "clip c", "c.thumbnail_status = 'pending'" UNLEASED, "c.created_at, c.id", "0", "")
#define ORPHANED \
    CANDIDATES("orphaned", "2", "clip c", "c.thumbnail_status = 'processing'" UNLEASED, "c.created_at, c.id", "0", \
               NUMBER_OF("fresh"))
#define GONE \
    CANDIDATES("gone", "3", "reelyard_clip_lease l JOIN clip c ON c.id = l.clip_id", \
               "(l.owner IS NULL OR l.lease_until <= $1) AND " STATUS " IN ('pending', 'processing')", \
               "l.attempts, c.created_at, c.id", "l.attempts", NUMBER_OF("fresh") NUMBER_OF("orphaned"))
#define DUE \
    CANDIDATES("due", "4", "failed_thumbnail f JOIN clip c ON c.id = f.clip_id", \
               "f.next_retry_at <= $1 AND " STATUS " = 'failed' AND NOT EXISTS (SELECT FROM failed_thumbnail o" \
               " WHERE o.clip_id = f.clip_id AND (o.next_retry_at, o.id) < (f.next_retry_at, f.id))", \
               "f.next_retry_at, c.id", "0", NUMBER_OF("fresh") NUMBER_OF("orphaned") NUMBER_OF("gone"))
#define BYTES "(octet_length(cdn_url) + octet_length(filename) + 256)"
static const char claim_sql[] =
    "WITH " FRESH ", " ORPHANED ", " GONE ", " DUE ", found AS (SELECT *, row_number() OVER () AS ord"
    " FROM (SELECT * FROM fresh UNION ALL SELECT * FROM orphaned UNION ALL SELECT * FROM gone UNION ALL SELECT * FROM "
    "due)"
    " u), sized AS (SELECT id, source, ord, sum(" BYTES ") OVER (ORDER BY ord) - " BYTES " AS bytes_before FROM found),"
    " taken AS (SELECT id, source, ord FROM sized WHERE bytes_before < $5),"
    " leased AS (INSERT INTO reelyard_clip_lease AS l (clip_id, owner, lease_until, attempts)"
    " SELECT id, $3, $4, 1 FROM taken ORDER BY id ON CONFLICT (clip_id) DO UPDATE SET owner = excluded.owner,"
    " lease_until = excluded.lease_until, attempts = l.attempts + 1 WHERE l.owner IS NULL OR l.lease_until <= $1"
    " OR l.clip_id IN (SELECT id FROM taken WHERE source = 4) RETURNING clip_id, attempts),"
    " marked AS (UPDATE clip SET thumbnail_status = 'processing', updated_at = $1"
    " WHERE id IN (SELECT clip_id FROM leased))"
    " SELECT c.id, c.guild_id, c.channel_id, c.message_id, c.filename, c.cdn_url, c.expires_at, c.file_size,"
    " l.attempts, (SELECT max(f.retry_count) FROM failed_thumbnail f WHERE f.clip_id = c.id),"
    " (SELECT count(*) FROM found) FROM taken t JOIN leased l ON l.clip_id = t.id JOIN clip c ON c.id = t.id"
    " ORDER BY t.ord";
#undef UNLEASED
#undef NUMBER_OF
#undef CANDIDATES

/* $1 this owner, $2 the beginning that all incarnations of its node share. */
static const char void_sql[] =
    "UPDATE reelyard_clip_lease SET owner = NULL WHERE owner <> $1 AND left(owner, length($2)) = $2";

/* When the next lease ends, and the next retry is due. */
static const char due_sql[] =
    "SELECT least((SELECT min(l.lease_until) FROM reelyard_clip_lease l JOIN clip c ON c.id = l.clip_id"
    " WHERE l.owner IS NOT NULL AND " STATUS " IN ('pending', 'processing')),"
    " (SELECT f.next_retry_at FROM failed_thumbnail f JOIN clip c ON c.id = f.clip_id"
    " WHERE " STATUS " = 'failed' ORDER BY f.next_retry_at LIMIT 1))";

static const char renew_sql[] =
    "WITH k AS (SELECT clip_id FROM reelyard_clip_lease WHERE clip_id = ANY ($1) AND owner = $2 ORDER BY clip_id"
    " FOR UPDATE), r AS (UPDATE reelyard_clip_lease l SET lease_until = $3 FROM k WHERE l.clip_id = k.clip_id"
    " RETURNING 1) SELECT count(*) FROM r";

/* $1 now, $2 what nothing is put off beyond, $3 never. The server's clock has a say too: a node whose own is behind
 * takes nobody's lease. */
#define AHEAD " > greatest($2, now() + ($2 - $1))"
static const char clock_sql[] =
    "WITH r AS (UPDATE failed_thumbnail SET next_retry_at = $1, updated_at = $1 WHERE next_retry_at" AHEAD
    " AND next_retry_at < $3 AND last_attempted_at" AHEAD " RETURNING 1),"
    " l AS (UPDATE reelyard_clip_lease SET owner = NULL WHERE owner IS NOT NULL AND lease_until" AHEAD " RETURNING 1),"
    " m AS (UPDATE reelyard_media SET keep_owner = NULL, keep_lease_until = NULL, keep_due_at = $1"
    " WHERE keep_state = 'wanted' AND keep_due_at" AHEAD " AND keep_due_at < $3),"
    " s AS (UPDATE channel_scan_status SET updated_at = $1 WHERE status IN ('QUEUED', 'RUNNING') AND updated_at" AHEAD
    ")"
    " SELECT (SELECT count(*) FROM r) + (SELECT count(*) FROM l)";

struct claiming {
    struct ry_arena *arena;
    struct ry_clips_claimed *claimed;
    size_t limit;
    bool full;
};

/* ---- the claim ----------------------------------------------------------------------------------------------- */

void pg_read_work(const PGresult *result, int row, struct ry_arena *arena, struct ry_clip_work *work)
{
    *work = (struct ry_clip_work){
        .clip_id = pg_text(result, row, 0, CLAIM_ID_BYTES, arena),
        .guild_id = pg_text(result, row, 1, CLAIM_ID_BYTES, arena),
        .channel_id = pg_text(result, row, 2, CLAIM_ID_BYTES, arena),
        .message_id = pg_text(result, row, 3, CLAIM_ID_BYTES, arena),
        .filename = pg_text(result, row, 4, CLAIM_NAME_BYTES, arena),
        .url = pg_text(result, row, 5, CLAIM_URL_BYTES, arena),
        .expires_wall_ms = pg_time(result, row, 6),
        .file_size = pg_u64(result, row, 7),
        .attempts = pg_u64(result, row, 8),
        .retries = pg_u64(result, row, 9),
    };
}

static int take_clips(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    struct claiming *c = arg;
    int n = PQntuples(result);
    size_t bytes = 0;
    c->claimed->clips.items = ry_arena_array(c->arena, (size_t)n, sizeof *c->claimed->clips.items);
    if (c->claimed->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    for (int i = 0; i < n; i++) {
        struct ry_clip_work *work = &c->claimed->clips.items[i];
        pg_read_work(result, i, c->arena, work);
        if (work->url.p == NULL || work->filename.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
        bytes += work->url.n + work->filename.n + 256;
    }
    c->claimed->clips.n = (size_t)n;
    c->full = n > 0 && (pg_u64(result, 0, 10) >= c->limit || bytes >= WRITER_ANSWER_MAX_BYTES);
    return RY_OK;
}

static int take_roots(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    struct claiming *c = arg;
    struct pg_roots roots;
    int rc = pg_roots_read(pg, result, &roots, err);
    for (size_t i = 0; rc == RY_OK && i < c->claimed->clips.n; i++) {
        struct ry_clip_work *work = &c->claimed->clips.items[i];
        work->media_root = pg_root_of(&roots, work->url, c->arena);
    }
    return rc;
}

static int take_due(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    const struct claiming *c = arg;
    int64_t due_wall_ms = pg_time(result, 0, 0);
    c->claimed->next_due_ms = 0;
    if (c->full)
        return RY_OK;
    if (due_wall_ms >= PG_NEVER_WALL_MS)
        c->claimed->next_due_ms = UINT64_MAX;
    else if (due_wall_ms > pg->now_wall_ms)
        c->claimed->next_due_ms = (uint64_t)(due_wall_ms - pg->now_wall_ms);
    return RY_OK;
}

/* The leases of this node's previous incarnations count no longer: a node knows that it is alone under its name. */
static int void_leases(struct pg *pg, struct ry_str owner, struct ry_error *err)
{
    size_t n = owner.n;
    while (n > 0 && owner.p[n - 1] != '/')
        n--;
    if (n == 0)
        return RY_OK;
    struct pg_args args = {0};
    pg_add_text(pg, &args, owner);
    pg_add_text(pg, &args, (struct ry_str){owner.p, n});
    return pg_say(pg, void_sql, &args, NULL, NULL, err);
}

int pg_clips_claim(struct writer_engine *engine, const struct ry_clips_claim *claim, struct ry_arena *arena,
                   struct ry_clips_claimed *claimed, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *claimed = (struct ry_clips_claimed){0};
    struct claiming *c = pg_room(pg, sizeof *c);
    if (c == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    *c = (struct claiming){.arena = arena, .claimed = claimed, .limit = claim->limit};
    int rc = claim->first ? void_leases(pg, claim->owner, err) : RY_OK;
    if (rc == RY_OK && claim->encoder.p != NULL)
        rc = pg_encoder_seen(pg, claim->encoder, err);
    if (rc != RY_OK)
        return rc;
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_u64(&args, claim->limit);
    pg_add_text(pg, &args, claim->owner);
    pg_add_time(&args, pg->now_wall_ms + (int64_t)claim->lease_ms);
    pg_add_u64(&args, WRITER_ANSWER_MAX_BYTES);
    rc = pg_plan_by_index(pg, true, err);
    if (rc == RY_OK)
        rc = pg_say(pg, claim_sql, &args, take_clips, c, err);
    if (rc == RY_OK)
        rc = pg_say(pg, pg_roots_sql, NULL, take_roots, c, err);
    if (rc == RY_OK)
        rc = pg_say(pg, due_sql, NULL, take_due, c, err);
    return rc == RY_OK ? pg_plan_by_index(pg, false, err) : rc;
}

static int take_renewed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    ((struct ry_clips_renewed *)arg)->renewed = pg_u64(result, 0, 0);
    return RY_OK;
}

int pg_clips_renew(struct writer_engine *engine, const struct ry_clips_renew *renew, struct ry_clips_renewed *renewed,
                   struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *renewed = (struct ry_clips_renewed){0};
    struct pg_args args = {0};
    pg_add_strs(pg, &args, renew->clip_ids.items, renew->clip_ids.n);
    pg_add_text(pg, &args, renew->owner);
    pg_add_time(&args, pg->now_wall_ms + (int64_t)renew->lease_ms);
    return pg_say(pg, renew_sql, &args, take_renewed, renewed, err);
}

int pg_clock_correct(struct writer_engine *engine, uint64_t *corrected, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_args args = {0};
    *corrected = 0;
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_time(&args, pg->now_wall_ms + WRITER_PUT_OFF_MAX_MS);
    pg_add_time(&args, WRITER_NEVER_WALL_MS);
    return pg_say(pg, clock_sql, &args, pg_take_count, corrected, err);
}
