/* engine_pg_outcome.c: what became of a clip.
 *
 * Mails come at least once and sometimes late, so an outcome is judged by the clip's row, not by the mail: completed
 * wins over everything, and the first one stays; a failure counts only for a clip that is being worked on, so that its
 * repetition does not count twice; a clip that is gone is settled as such. The row is locked first, so two mails about
 * one clip are judged one after the other, and each outcome is one statement. */
#include "actors/writer/engine_pg_ops.h"
#include "actors/writer/uuid.h"
#include "runtime/base/assert.h"

#include <stdio.h>

struct settling {
    bool *found;
    struct ry_clip_settled *settled;
    struct ry_str clip_id;
    bool completes; /* the statement completes a clip that has a row */
};

/* $1 clip, $2 now, $3 duration, $4 resolution, $5 mime_type; thumbnails: $6 id, $7 size_type, $8 path, $9 width, $10
 * height, $11 bytes. Files of a clip without a row belong to nobody; those of one with a row may stand on the list of
 * files to delete from its former life. One that is completed has its outcome: nothing replaces it but a claim. */
static const char complete_sql[] =
    "WITH c AS MATERIALIZED (SELECT id, thumbnail_status FROM clip WHERE id = $1 FOR UPDATE),"
    " w AS (SELECT id FROM c WHERE thumbnail_status <> 'completed'),"
    " t AS (SELECT * FROM unnest($6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[])"
    " t (id, size_type, storage_path, width, height, file_size)),"
    " files AS (INSERT INTO thumbnail AS o (id, clip_id, size_type, storage_path, width, height, file_size, mime_type,"
    " created_at, updated_at) SELECT t.id::uuid, w.id, t.size_type, t.storage_path, t.width, t.height, t.file_size,"
    " 'image/webp', $2, $2 FROM w, t ON CONFLICT (clip_id, size_type) DO UPDATE SET storage_path ="
    " excluded.storage_path, width = excluded.width, height = excluded.height, file_size = excluded.file_size,"
    " updated_at = excluded.updated_at WHERE (o.storage_path, o.width, o.height, o.file_size) IS DISTINCT FROM"
    " (excluded.storage_path, excluded.width, excluded.height, excluded.file_size)),"
    " done AS (UPDATE clip o SET thumbnail_status = 'completed', duration = $3, resolution = $4, mime_type = $5,"
    " updated_at = $2 FROM w WHERE o.id = w.id),"
    " failures AS (DELETE FROM failed_thumbnail WHERE clip_id IN (SELECT id FROM w)),"
    " verdict AS (DELETE FROM reelyard_permanent_failure WHERE clip_id IN (SELECT id FROM w)),"
    " lease AS (DELETE FROM reelyard_clip_lease WHERE clip_id IN (SELECT id FROM w)),"
    " doomed AS (INSERT INTO reelyard_doomed_file (path, created_at) SELECT storage_path, $2 FROM t"
    " WHERE NOT EXISTS (SELECT FROM c) ORDER BY storage_path ON CONFLICT DO NOTHING),"
    " kept AS (DELETE FROM reelyard_doomed_file WHERE path IN (SELECT storage_path FROM t) AND EXISTS (SELECT FROM w))"
    " SELECT thumbnail_status, NULL::timestamptz FROM c";

/* $1 clip, $2 now, $3 reason, $4 next tries by the number of failures before, $5 id of a first failure's row, $6
 * whether it is permanent, $7 by which encoder. */
static const char fail_sql[] =
    "WITH c AS MATERIALIZED (SELECT id, thumbnail_status FROM clip WHERE id = $1 FOR UPDATE),"
    " w AS (SELECT id, $4[greatest(1, least(cardinality($4), 1 + coalesce((SELECT max(f.retry_count)"
    " FROM failed_thumbnail f WHERE f.clip_id = c.id), 0)))] AS next FROM c WHERE thumbnail_status = 'processing'),"
    " again AS (UPDATE failed_thumbnail f SET error_message = $3, retry_count = f.retry_count + 1,"
    " last_attempted_at = $2, next_retry_at = w.next, updated_at = $2 FROM w WHERE f.clip_id = w.id RETURNING 1),"
    " first AS (INSERT INTO failed_thumbnail (id, clip_id, error_message, retry_count, last_attempted_at,"
    " next_retry_at, created_at, updated_at) SELECT $5::uuid, w.id, $3, 1, $2, w.next, $2, $2 FROM w"
    " WHERE NOT EXISTS (SELECT FROM again)),"
    " verdict AS (INSERT INTO reelyard_permanent_failure (clip_id, encoder, judged_at) SELECT w.id, $7, $2 FROM w"
    " WHERE $6 ON CONFLICT (clip_id) DO UPDATE SET encoder = excluded.encoder, judged_at = excluded.judged_at),"
    " no_verdict AS (DELETE FROM reelyard_permanent_failure WHERE NOT $6 AND clip_id IN (SELECT id FROM w)),"
    " marked AS (UPDATE clip o SET thumbnail_status = 'failed', updated_at = $2 FROM w WHERE o.id = w.id),"
    " lease AS (DELETE FROM reelyard_clip_lease WHERE clip_id IN (SELECT id FROM w))"
    " SELECT c.thumbnail_status, coalesce((SELECT next FROM w),"
    " (SELECT min(f.next_retry_at) FROM failed_thumbnail f WHERE f.clip_id = c.id)) FROM c";

/* Of a clip that is not completed yet, as in complete_sql. $1 clip, $2 container, $3 video codec, $4 audio codec, $5
 * fps, $6 bitrate, $7 rotation, $8 whether it has sound, $9 time of the picture, $10 ThumbHash. */
static const char facts_sql[] =
    "WITH c AS MATERIALIZED (SELECT id FROM clip WHERE id = $1 AND thumbnail_status <> 'completed' FOR UPDATE)"
    " INSERT INTO reelyard_media (clip_id, container, video_codec, audio_codec, fps, bitrate, rotation, has_audio,"
    " frame_time_s, thumbhash) SELECT c.id, $2, $3, $4, nullif($5, 0), nullif($6, 0), $7, $8, coalesce($9, 0), $10 "
    "FROM c"
    " ON CONFLICT (clip_id) DO UPDATE SET container = excluded.container, video_codec = excluded.video_codec,"
    " audio_codec = excluded.audio_codec, fps = excluded.fps, bitrate = excluded.bitrate,"
    " rotation = excluded.rotation, has_audio = excluded.has_audio, frame_time_s = excluded.frame_time_s,"
    " thumbhash = excluded.thumbhash";

/* $1 version, $2 now. Whoever sends versions without end fills the table no further. */
static const char encoder_sql[] = "INSERT INTO reelyard_encoder_version (version, seen_at) SELECT $1, $2 WHERE"
                                  " (SELECT count(*) FROM reelyard_encoder_version) < 1000 ON CONFLICT DO NOTHING";

/* $1 now, $2 clip behind which to look, $3 how many verdicts. One that was made due is tried, and then judged anew. */
static const char review_sql[] =
    "WITH looked AS MATERIALIZED (SELECT clip_id, encoder, judged_at FROM reelyard_permanent_failure WHERE clip_id > $2"
    " ORDER BY clip_id LIMIT $3),"
    " made AS (UPDATE failed_thumbnail f SET next_retry_at = $1, updated_at = $1 FROM looked p WHERE f.clip_id = "
    "p.clip_id"
    " AND f.next_retry_at > $1 AND p.judged_at <= (SELECT max(v.seen_at) FROM reelyard_encoder_version v"
    " WHERE v.version <> p.encoder) RETURNING 1)"
    " SELECT (SELECT count(*) FROM made), count(*), coalesce(max(clip_id), '') FROM looked";

/* Takes back a claim: the lease of a first one goes. $1 clip, $2 now. */
static const char release_sql[] =
    "WITH c AS MATERIALIZED (SELECT id, thumbnail_status FROM clip WHERE id = $1 FOR UPDATE),"
    " w AS (SELECT id FROM c WHERE thumbnail_status = 'processing'),"
    " marked AS (UPDATE clip o SET thumbnail_status = 'pending', updated_at = $2 FROM w WHERE o.id = w.id),"
    " ended AS (DELETE FROM reelyard_clip_lease l USING w WHERE l.clip_id = w.id AND l.attempts <= 1),"
    " given AS (UPDATE reelyard_clip_lease l SET owner = NULL, attempts = l.attempts - 1 FROM w"
    " WHERE l.clip_id = w.id AND l.attempts > 1)"
    " SELECT c.thumbnail_status, coalesce((SELECT $2 FROM w),"
    " (SELECT min(f.next_retry_at) FROM failed_thumbnail f WHERE f.clip_id = c.id)) FROM c";

/* $1 now, $2 clips or NULL for all, $3 a kind of failure or NULL for any, $4 also clips with thumbnails. */
static const char retry_sql[] =
    "WITH k AS (SELECT c.id FROM clip c WHERE ($2::text[] IS NULL OR c.id = ANY ($2))"
    " AND (c.thumbnail_status = 'failed' OR ($4 AND $2 IS NOT NULL AND c.thumbnail_status = 'completed'))"
    " AND c.deleted_at IS NULL AND ($3::text IS NULL OR $3 = coalesce((SELECT " PG_KIND_OF_FAILURE
    " FROM failed_thumbnail f WHERE f.clip_id = c.id ORDER BY f.next_retry_at, f.id LIMIT 1), 'unknown'))"
    " ORDER BY c.id FOR UPDATE OF c),"
    " r AS (UPDATE clip c SET thumbnail_status = 'pending', updated_at = $1 FROM k WHERE c.id = k.id RETURNING 1)"
    " SELECT count(*) FROM r";

/* A lease that has not ended means that somebody works on the clip. $1 unchanged since, $2 guild or NULL, $3 now, $4
 * limit, $5 reason. */
static const char stale_sql[] =
    "WITH k AS MATERIALIZED (SELECT c.id FROM clip c WHERE c.thumbnail_status IN ('pending', 'processing')"
    " AND c.updated_at <= $1 AND ($2::text IS NULL OR c.guild_id = $2) AND c.deleted_at IS NULL AND NOT EXISTS"
    " (SELECT FROM reelyard_clip_lease l WHERE l.clip_id = c.id AND l.owner IS NOT NULL AND l.lease_until > $3)"
    " LIMIT $4 FOR UPDATE OF c SKIP LOCKED),"
    " again AS (UPDATE failed_thumbnail f SET error_message = $5, retry_count = f.retry_count + 1,"
    " last_attempted_at = $3, next_retry_at = $3, updated_at = $3 FROM k WHERE f.clip_id = k.id RETURNING f.clip_id),"
    " first AS (INSERT INTO failed_thumbnail (id, clip_id, error_message, retry_count, last_attempted_at,"
    " next_retry_at, created_at, updated_at) SELECT md5('failed:' || k.id)::uuid, k.id, $5, 1, $3, $3, $3, $3 FROM k"
    " WHERE k.id NOT IN (SELECT clip_id FROM again)),"
    " marked AS (UPDATE clip o SET thumbnail_status = 'failed', updated_at = $3 FROM k WHERE o.id = k.id),"
    " verdict AS (DELETE FROM reelyard_permanent_failure WHERE clip_id IN (SELECT id FROM k)),"
    " lease AS (DELETE FROM reelyard_clip_lease WHERE clip_id IN (SELECT id FROM k))"
    " SELECT count(*) FROM k";

/* $1 clips, $2 URLs, $3 expiries, $4 now; of two for one clip the later one holds. */
static const char urls_sql[] =
    "WITH r AS (SELECT DISTINCT ON (id) * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY"
    " r (id, url, expires_at, ord) ORDER BY id, ord DESC),"
    " k AS (SELECT c.id, r.url, r.expires_at FROM clip c JOIN r ON r.id = c.id WHERE c.cdn_url <> r.url"
    " OR c.expires_at <> r.expires_at ORDER BY c.id FOR UPDATE OF c)"
    " UPDATE clip c SET cdn_url = k.url, expires_at = k.expires_at, updated_at = $4 FROM k WHERE c.id = k.id";

static bool is_status(const PGresult *result, const char *status)
{
    return (size_t)PQgetlength(result, 0, 0) == strlen(status) &&
           memcmp(PQgetvalue(result, 0, 0), status, strlen(status)) == 0;
}

/* Reads how the row stood before the statement and when the clip is tried next, and reports how it stands now. */
static int take_outcome(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    const struct settling *s = arg;
    *s->found = PQntuples(result) == 1;
    *s->settled = (struct ry_clip_settled){.clip_id = s->clip_id, .retry_ms = UINT64_MAX};
    if (!*s->found)
        return RY_OK;
    s->settled->completed = s->completes || is_status(result, "completed");
    int64_t retry_at_wall_ms = pg_time(result, 0, 1);
    if (s->settled->completed || retry_at_wall_ms >= PG_NEVER_WALL_MS)
        return RY_OK;
    int64_t wait_ms = retry_at_wall_ms - pg->now_wall_ms;
    s->settled->retry_ms = wait_ms > 0 ? (uint64_t)wait_ms : 0;
    return RY_OK;
}

static struct settling *begin_settling(struct pg *pg, struct ry_str clip_id, bool *found,
                                       struct ry_clip_settled *settled)
{
    *found = false;
    *settled = (struct ry_clip_settled){.clip_id = clip_id, .retry_ms = UINT64_MAX};
    struct settling *s = pg_room(pg, sizeof *s);
    if (s != NULL)
        *s = (struct settling){.found = found, .settled = settled, .clip_id = clip_id};
    return s;
}

/* What an encoder of this version says of a video; an older one says nothing, and what is known stays. */
static int store_facts(struct pg *pg, struct ry_str clip_id, const struct ry_video_facts *facts, struct ry_error *err)
{
    if (facts->container.p == NULL)
        return RY_OK;
    struct pg_args args = {0};
    pg_add_text(pg, &args, clip_id);
    pg_add_text(pg, &args, facts->container);
    pg_add_text(pg, &args, facts->video_codec);
    pg_add_text(pg, &args, facts->audio_codec);
    pg_add_real(&args, facts->fps);
    pg_add_u64(&args, facts->bitrate);
    pg_add_u64(&args, facts->rotation);
    pg_add_bool(&args, facts->has_audio);
    pg_add_real(&args, facts->frame_time_s);
    pg_add_text(pg, &args, facts->thumbhash);
    return pg_say(pg, facts_sql, &args, NULL, NULL, err);
}

int pg_clip_completed(struct writer_engine *engine, const struct ry_clip_completed *completed, bool *found,
                      struct ry_clip_settled *settled, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    const struct ry_video_facts *facts = &completed->facts.items[0];
    struct settling *s = begin_settling(pg, completed->clip_id, found, settled);
    if (s == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for an outcome");
    s->completes = true;
    int rc = store_facts(pg, completed->clip_id, facts, err);
    if (rc != RY_OK)
        return rc;
    uint64_t cut = 0;
    struct pg_args args = {0};
    pg_add_text(pg, &args, completed->clip_id);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_real(&args, facts->duration_s);
    pg_add_text(pg, &args,
                ry_arena_printf(&pg->scratch, "%llux%llu", (unsigned long long)facts->width,
                                (unsigned long long)facts->height));
    pg_add_text(pg, &args,
                writer_text_fit(facts->mime_type, WRITER_WIDTH_MIME, &pg->scratch, &cut, &pg->scratch_failed));
    pg_columns_begin(pg, 0, (const uint32_t[]){PG_TEXT, PG_TEXT, PG_TEXT, PG_INT8, PG_INT8, PG_INT8}, 6);
    for (size_t i = 0; i < completed->thumbnails.n; i++) {
        const struct ry_thumbnail_row *row = &completed->thumbnails.items[i];
        char uuid[RY_UUID_BYTES];
        writer_uuid_of_clip(completed->clip_id, row->size_type, uuid);
        pg_put_text(pg, 0, ry_str_of(uuid));
        pg_put_text(pg, 1, row->size_type);
        pg_put_text(pg, 2, row->storage_path);
        pg_put_i64(pg, 3, (int64_t)row->width);
        pg_put_i64(pg, 4, (int64_t)row->height);
        pg_put_i64(pg, 5, (int64_t)row->file_size);
    }
    pg_add_columns(pg, &args, 0, 6);
    rc = pg_say(pg, complete_sql, &args, take_outcome, s, err);
    return rc == RY_OK ? pg_clip_judge(pg, completed->clip_id, facts->duration_s, err) : rc;
}

int pg_encoder_seen(struct pg *pg, struct ry_str version, struct ry_error *err)
{
    struct pg_args args = {0};
    pg_add_text(pg, &args, version);
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, encoder_sql, &args, NULL, NULL, err);
}

static int take_review(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    struct writer_review *review = arg;
    review->due = pg_u64(result, 0, 0);
    review->more = pg_u64(result, 0, 1) >= review->max;
    (void)snprintf(review->after, sizeof review->after, "%s", PQgetvalue(result, 0, 2));
    return RY_OK;
}

int pg_verdicts_review(struct writer_engine *engine, struct writer_review *review, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_text(pg, &args, ry_str_of(review->after));
    pg_add_u64(&args, review->max);
    int rc = pg_plan_by_index(pg, true, err);
    if (rc == RY_OK)
        rc = pg_say(pg, review_sql, &args, take_review, review, err);
    return rc == RY_OK ? pg_plan_by_index(pg, false, err) : rc;
}

/* The moments of the next try, as the statement's array; of a permanent failure there is none. */
static void add_next_tries(struct pg *pg, struct pg_args *args, bool permanent, const struct retry_waits *waits)
{
    RY_ASSERT(waits->n > 0 && waits->n <= RETRY_WAITS_MAX, "%zu waits", waits->n);
    pg_columns_begin(pg, 0, (const uint32_t[]){PG_TIME}, 1);
    int64_t most_ms = PG_NEVER_WALL_MS - pg->now_wall_ms;
    for (size_t i = 0; i < (permanent ? 1 : waits->n); i++)
        pg_put_time(pg, 0, pg->now_wall_ms + (!permanent && waits->ms[i] < most_ms ? waits->ms[i] : most_ms));
    pg_add_columns(pg, args, 0, 1);
}

int pg_clip_failed(struct writer_engine *engine, const struct ry_clip_failed *failed, const struct retry_waits *waits,
                   bool *found, struct ry_clip_settled *settled, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct settling *s = begin_settling(pg, failed->clip_id, found, settled);
    if (s == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for an outcome");
    struct pg_args args = {0};
    pg_add_text(pg, &args, failed->clip_id);
    pg_add_time(&args, pg->now_wall_ms);
    if (failed->release)
        return pg_say(pg, release_sql, &args, take_outcome, s, err);
    if (ry_encoder_is_known(failed->encoder)) {
        int rc = pg_encoder_seen(pg, failed->encoder, err);
        if (rc != RY_OK)
            return rc;
    }
    bool permanent = failed->class == RY_FAILURE_PERMANENT;
    char uuid[RY_UUID_BYTES];
    writer_uuid_of_clip(failed->clip_id, RY_STR("failed"), uuid);
    pg_add_text(pg, &args, failed->reason);
    add_next_tries(pg, &args, permanent, waits);
    pg_add_text(pg, &args, ry_str_of(uuid));
    pg_add_bool(&args, permanent);
    pg_add_text(pg, &args, failed->encoder);
    return pg_say(pg, fail_sql, &args, take_outcome, s, err);
}

int pg_failed_retry(struct writer_engine *engine, const struct ry_failed_retry *retry,
                    struct ry_failed_retried *retried, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *retried = (struct ry_failed_retried){0};
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    if (retry->clip_ids.n > 0)
        pg_add_strs(pg, &args, retry->clip_ids.items, retry->clip_ids.n);
    else
        pg_add_text(pg, &args, (struct ry_str){0});
    if (retry->clip_ids.n == 0)
        args.types[1] = 0; /* the statement says that it is an array */
    pg_add_text(pg, &args, retry->kind.n > 0 ? retry->kind : (struct ry_str){0});
    pg_add_bool(&args, retry->completed);
    return pg_say(pg, retry_sql, &args, pg_take_count, &retried->count, err);
}

/* ---- looking after ------------------------------------------------------------------------------------------- */

int pg_clips_stale(struct writer_engine *engine, const struct ry_clips_stale *stale, struct ry_clips_staled *staled,
                   struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *staled = (struct ry_clips_staled){0};
    bool all = stale->guild_id.n == 0 || ry_str_is(stale->guild_id, "global");
    struct pg_args args = {0};
    pg_add_time(&args, pg_before_now(pg->now_wall_ms, stale->older_ms));
    pg_add_text(pg, &args, all ? (struct ry_str){0} : stale->guild_id);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_u64(&args, stale->limit);
    pg_add_text(pg, &args, stale->reason);
    return pg_say(pg, stale_sql, &args, pg_take_count, &staled->count, err);
}

int pg_urls_store(struct writer_engine *engine, const struct ry_urls_store *store, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    pg_columns_begin(pg, 0, (const uint32_t[]){PG_TEXT, PG_TEXT, PG_TIME}, 3);
    for (size_t i = 0; i < store->urls.n; i++) {
        const struct ry_url_row *row = &store->urls.items[i];
        pg_put_text(pg, 0, row->clip_id);
        pg_put_text(pg, 1, row->url);
        pg_put_time(pg, 2, row->expires_wall_ms);
    }
    struct pg_args args = {0};
    pg_add_columns(pg, &args, 0, 3);
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, urls_sql, &args, NULL, NULL, err);
}
