/* engine_sqlite_outcome.c: what became of a clip.
 *
 * Mails come at least once and sometimes late, so an outcome is judged by the clip's row, not by the mail: completed
 * wins over everything, and the first one stays; a failure counts only for a clip that is being worked on, so that its
 * repetition does not count twice; a clip that is gone is settled as such. */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/uuid.h"
#include "runtime/base/assert.h"

#include <stdio.h>

struct clip_state {
    bool found;
    bool processing;
    bool completed;
    uint64_t retry_count;       /* failures before */
    int64_t next_retry_wall_ms; /* INT64_MAX: none */
};

static int read_state(struct lite *lite, struct ry_str clip_id, struct clip_state *state, struct ry_error *err)
{
    *state = (struct clip_state){.next_retry_wall_ms = INT64_MAX};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clip_state, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    rc = lite_step(lite, s, err);
    if (rc < 0)
        return rc;
    const char *status = rc == 1 ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (status == NULL)
        return RY_OK;
    state->found = true;
    state->processing = strcmp(status, "processing") == 0;
    state->completed = strcmp(status, "completed") == 0;
    state->next_retry_wall_ms = lite_time(s, 1);
    state->retry_count = lite_u64(s, 2);
    return RY_OK;
}

static void settle(struct lite *lite, const struct clip_state *state, struct ry_str clip_id,
                   struct ry_clip_settled *settled)
{
    *settled = (struct ry_clip_settled){.clip_id = clip_id, .completed = state->completed, .retry_ms = UINT64_MAX};
    if (state->completed || state->next_retry_wall_ms >= LITE_NEVER_WALL_MS)
        return;
    int64_t wait_ms = state->next_retry_wall_ms - lite->now_wall_ms;
    settled->retry_ms = wait_ms > 0 ? (uint64_t)wait_ms : 0;
}

/* ---- completed ----------------------------------------------------------------------------------------------- */

static int store_thumbnail(struct lite *lite, struct ry_str clip_id, const struct ry_thumbnail_row *row,
                           struct ry_error *err)
{
    char uuid[RY_UUID_BYTES];
    writer_uuid_of_clip(clip_id, row->size_type, uuid);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_thumbnail_upsert, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, ry_str_of(uuid));
    lite_bind(s, 2, clip_id);
    lite_bind(s, 3, row->size_type);
    lite_bind(s, 4, row->storage_path);
    lite_bind_u64(s, 5, row->width);
    lite_bind_u64(s, 6, row->height);
    lite_bind_u64(s, 7, row->file_size);
    lite_bind_now(lite, s, 8);
    return lite_run(lite, s, NULL, err);
}

static int complete(struct lite *lite, struct ry_str clip_id, const struct ry_video_facts *facts, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clip_complete, &s, err);
    if (rc != RY_OK)
        return rc;
    char resolution[48];
    int n = snprintf(resolution, sizeof resolution, "%llux%llu", (unsigned long long)facts->width,
                     (unsigned long long)facts->height);
    uint64_t cut = 0;
    lite_bind(s, 1, clip_id);
    if (facts->duration_s > 0)
        sqlite3_bind_double(s, 2, facts->duration_s);
    lite_bind(s, 3, (struct ry_str){resolution, (size_t)n});
    lite_bind_fit(lite, s, 4, facts->mime_type, WRITER_WIDTH_MIME, &cut);
    lite_bind_now(lite, s, 5);
    return lite_run(lite, s, NULL, err);
}

/* What an encoder of this version says of a video; an older one says nothing, and what is known stays. */
static int store_facts(struct lite *lite, struct ry_str clip_id, const struct ry_video_facts *facts,
                       struct ry_error *err)
{
    if (facts->container.p == NULL)
        return RY_OK;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_media_facts, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    lite_bind(s, 2, facts->container);
    lite_bind(s, 3, facts->video_codec);
    lite_bind(s, 4, facts->audio_codec);
    if (facts->fps > 0)
        sqlite3_bind_double(s, 5, facts->fps);
    if (facts->bitrate > 0)
        lite_bind_u64(s, 6, facts->bitrate);
    lite_bind_u64(s, 7, facts->rotation);
    lite_bind_u64(s, 8, facts->has_audio);
    sqlite3_bind_double(s, 9, facts->frame_time_s);
    lite_bind(s, 10, facts->thumbhash);
    return lite_run(lite, s, NULL, err);
}

int lite_clip_completed(struct writer_engine *engine, const struct ry_clip_completed *completed, bool *found,
                        struct ry_clip_settled *settled, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    struct ry_str clip_id = completed->clip_id;
    struct clip_state state;
    int rc = read_state(lite, clip_id, &state, err);
    if (rc != RY_OK)
        return rc;
    *found = state.found;
    for (size_t i = 0; !state.found && rc == RY_OK && i < completed->thumbnails.n; i++)
        rc = lite_file_mark_pending_delete(lite, completed->thumbnails.items[i].storage_path, err);
    if (state.found && !state.completed) { /* one that is has its outcome; nothing replaces it but a claim */
        for (size_t i = 0; rc == RY_OK && i < completed->thumbnails.n; i++) {
            rc = store_thumbnail(lite, clip_id, &completed->thumbnails.items[i], err);
            if (rc == RY_OK) /* its name may stand there from the row's former life */
                rc = lite_file_forget(lite, completed->thumbnails.items[i].storage_path, err);
        }
        if (rc == RY_OK)
            rc = complete(lite, clip_id, &completed->facts.items[0], err);
        if (rc == RY_OK)
            rc = store_facts(lite, clip_id, &completed->facts.items[0], err);
        if (rc == RY_OK)
            rc = lite_clip_judge(lite, clip_id, completed->facts.items[0].duration_s, err);
        if (rc == RY_OK)
            rc = lite_run_id(lite, LITE_failure_end, clip_id, NULL, err);
        if (rc == RY_OK)
            rc = lite_run_id(lite, LITE_verdict_end, clip_id, NULL, err);
        if (rc == RY_OK)
            rc = lite_run_id(lite, LITE_lease_end, clip_id, NULL, err);
        state.completed = true;
    }
    settle(lite, &state, clip_id, settled);
    return rc;
}

/* ---- failed -------------------------------------------------------------------------------------------------- */

static int set_status(struct lite *lite, struct ry_str clip_id, const char *status, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clip_status, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    lite_bind(s, 2, ry_str_of(status));
    lite_bind_now(lite, s, 3);
    return lite_run(lite, s, NULL, err);
}

/* Writes the failure with one of the two statements; *changed tells whether there was a row for it. */
static int store_failure(struct lite *lite, enum lite_statement which, const struct ry_clip_failed *failed,
                         int64_t next_wall_ms, uint64_t *changed, struct ry_error *err)
{
    char uuid[RY_UUID_BYTES];
    writer_uuid_of_clip(failed->clip_id, RY_STR("failed"), uuid);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    uint64_t cut = 0;
    lite_bind(s, 1, failed->clip_id);
    lite_bind_fit(lite, s, 2, failed->reason, WRITER_WIDTH_ANY, &cut);
    lite_bind_now(lite, s, 3);
    lite_bind_time(lite, s, 4, next_wall_ms);
    if (which == LITE_failure_first)
        lite_bind(s, 5, ry_str_of(uuid));
    return lite_run(lite, s, changed, err);
}

int lite_encoder_seen(struct lite *lite, struct ry_str version, struct ry_error *err)
{
    LITE_AUTO *seen = NULL;
    int rc = lite_get(lite, LITE_encoder_seen, &seen, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(seen, 1, version);
    lite_bind_now(lite, seen, 2);
    return lite_run(lite, seen, NULL, err);
}

static int make_due(struct lite *lite, struct ry_str clip_id, uint64_t *due, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_verdict_due, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    lite_bind_now(lite, s, 2);
    return lite_run(lite, s, due, err);
}

int lite_verdicts_review(struct writer_engine *engine, struct writer_review *review, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    LITE_AUTO *s = NULL;
    size_t looked = 0;
    review->due = 0;
    review->more = false;
    int rc = lite_get(lite, LITE_verdicts_list, &s, err);
    if (rc != RY_OK)
        return rc;
    char after[sizeof review->after];
    (void)snprintf(after, sizeof after, "%s", review->after);
    lite_bind(s, 1, ry_str_of(after));
    lite_bind_u64(s, 2, review->max);
    while ((rc = lite_step(lite, s, err)) == 1) {
        looked++;
        (void)snprintf(review->after, sizeof review->after, "%s", (const char *)sqlite3_column_text(s, 0));
        if (sqlite3_column_int(s, 1) != 0)
            rc = make_due(lite, ry_str_of(review->after), &review->due, err);
        if (rc < 0)
            return rc;
    }
    review->more = looked == review->max;
    return rc;
}

/* Whose verdict it is that the failure is permanent; of a passing one nobody's is kept. */
static int store_verdict(struct lite *lite, const struct ry_clip_failed *failed, struct ry_error *err)
{
    if (failed->class != RY_FAILURE_PERMANENT)
        return lite_run_id(lite, LITE_verdict_end, failed->clip_id, NULL, err);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_verdict_store, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, failed->clip_id);
    lite_bind(s, 2, failed->encoder);
    lite_bind_now(lite, s, 3);
    return lite_run(lite, s, NULL, err);
}

/* wait_ms: until the next try; of a permanent failure there is none. */
static int fail_clip(struct lite *lite, const struct ry_clip_failed *failed, int64_t wait_ms, struct clip_state *state,
                     struct ry_error *err)
{
    RY_ASSERT(wait_ms >= 0, "%lld ms", (long long)wait_ms);
    int64_t most_ms = LITE_NEVER_WALL_MS - lite->now_wall_ms;
    bool permanent = failed->class == RY_FAILURE_PERMANENT;
    state->next_retry_wall_ms = lite->now_wall_ms + (!permanent && wait_ms < most_ms ? wait_ms : most_ms);
    uint64_t changed = 0;
    int rc = store_failure(lite, LITE_failure_again, failed, state->next_retry_wall_ms, &changed, err);
    if (rc == RY_OK && changed == 0)
        rc = store_failure(lite, LITE_failure_first, failed, state->next_retry_wall_ms, &changed, err);
    if (rc == RY_OK)
        rc = store_verdict(lite, failed, err);
    if (rc == RY_OK)
        rc = set_status(lite, failed->clip_id, "failed", err);
    return rc == RY_OK ? lite_run_id(lite, LITE_lease_end, failed->clip_id, NULL, err) : rc;
}

int lite_clip_failed(struct writer_engine *engine, const struct ry_clip_failed *failed, const struct retry_waits *waits,
                     bool *found, struct ry_clip_settled *settled, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    struct clip_state state;
    int rc = read_state(lite, failed->clip_id, &state, err);
    if (rc != RY_OK)
        return rc;
    *found = state.found;
    if (state.processing && failed->release) {
        state.next_retry_wall_ms = lite->now_wall_ms;
        rc = set_status(lite, failed->clip_id, "pending", err);
        if (rc == RY_OK)
            rc = lite_run_id(lite, LITE_lease_return_first, failed->clip_id, NULL, err);
        if (rc == RY_OK)
            rc = lite_run_id(lite, LITE_lease_return_again, failed->clip_id, NULL, err);
    } else if (state.processing) {
        if (ry_encoder_is_known(failed->encoder))
            rc = lite_encoder_seen(lite, failed->encoder, err);
        if (rc == RY_OK)
            rc = fail_clip(lite, failed, retry_wait_ms(waits, state.retry_count), &state, err);
    }
    settle(lite, &state, failed->clip_id, settled);
    return rc;
}

int lite_failed_retry(struct writer_engine *engine, const struct ry_failed_retry *retry,
                      struct ry_failed_retried *retried, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *retried = (struct ry_failed_retried){0};
    bool all = retry->clip_ids.n == 0;
    size_t runs = all ? 1 : retry->clip_ids.n;
    for (size_t i = 0; i < runs; i++) {
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, all ? LITE_retry_all : LITE_retry_one, &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind_now(lite, s, all ? 1 : 2);
        if (all) {
            lite_bind(s, 2, retry->kind.n > 0 ? retry->kind : (struct ry_str){NULL, 0});
        } else {
            lite_bind(s, 1, retry->clip_ids.items[i]);
            lite_bind_u64(s, 3, retry->completed);
        }
        rc = lite_run(lite, s, &retried->count, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

/* ---- looking after ------------------------------------------------------------------------------------------- */

/* Ids first, changes after: a walk must not change its own index under itself. */
static int find_stale(struct lite *lite, const struct ry_clips_stale *stale, struct ry_str *ids, size_t *n,
                      struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clips_stale, &s, err);
    if (rc != RY_OK)
        return rc;
    bool all = stale->guild_id.n == 0 || ry_str_is(stale->guild_id, "global");
    uint64_t now_ms = (uint64_t)lite->now_wall_ms;
    lite_bind_time(lite, s, 1, stale->older_ms < now_ms ? (int64_t)(now_ms - stale->older_ms) : 0);
    lite_bind(s, 2, all ? (struct ry_str){0} : stale->guild_id);
    lite_bind_now(lite, s, 3);
    lite_bind_u64(s, 4, stale->limit);
    while ((rc = lite_step(lite, s, err)) == 1) {
        ids[*n] = lite_text(s, 0, 64, &lite->scratch);
        if (ids[(*n)++].p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a clip's id");
    }
    return rc;
}

int lite_clips_stale(struct writer_engine *engine, const struct ry_clips_stale *stale, struct ry_clips_staled *staled,
                     struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *staled = (struct ry_clips_staled){0};
    struct ry_str *ids = ry_arena_array(&lite->scratch, stale->limit, sizeof *ids);
    if (ids == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of clips");
    size_t n = 0;
    int rc = find_stale(lite, stale, ids, &n, err);
    for (size_t i = 0; rc == RY_OK && i < n; i++) {
        struct ry_clip_failed failed = {.clip_id = ids[i], .reason = stale->reason};
        struct clip_state state = {0};
        rc = fail_clip(lite, &failed, 0, &state, err);
    }
    staled->count = n;
    return rc;
}

int lite_urls_store(struct writer_engine *engine, const struct ry_urls_store *store, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    for (size_t i = 0; i < store->urls.n; i++) {
        const struct ry_url_row *row = &store->urls.items[i];
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, LITE_url_store, &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind(s, 1, row->clip_id);
        lite_bind(s, 2, row->url);
        lite_bind_time(lite, s, 3, row->expires_wall_ms);
        lite_bind_now(lite, s, 4);
        rc = lite_run(lite, s, NULL, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}
