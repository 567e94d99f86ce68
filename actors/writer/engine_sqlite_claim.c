/* engine_sqlite_claim.c: which clips are worked on next, and by whom.
 *
 * A claim takes, until it has enough: pending clips that nobody had before, in the order in which they came; then those
 * that some program of another kind left in `processing`; then clips whose lease ended or was given back, those that
 * were left least often first, so that a video that kills its decoder comes last; then failed ones whose next try is
 * due. Each is marked `processing` and leased in the same transaction. Every path walks an index and ends when the
 * claim is full (the leases are no more than the clips in the works), so a claim costs what it takes, not what waits.
 */
#include "actors/writer/engine_sqlite_ops.h"

struct claiming {
    struct lite *lite;
    struct ry_arena *arena;
    struct ry_clips_claimed *claimed;
    size_t limit;
    size_t bytes; /* of the answer so far */
    bool full;
};

int lite_root_of(struct lite *lite, struct ry_str url, struct ry_arena *arena, struct ry_str *root,
                 struct ry_error *err)
{
    *root = (struct ry_str){0};
    struct ry_str path = writer_text_file_path(url, arena);
    while (path.n > 1) {
        do
            path.n--;
        while (path.n > 0 && path.p[path.n] != '/');
        struct ry_str folder = path.n > 0 ? path : (struct ry_str){path.p, 1};
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, LITE_media_root_get, &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind(s, 1, folder);
        rc = lite_step(lite, s, err);
        if (rc != 0) {
            *root = folder;
            return rc < 0 ? rc : RY_OK;
        }
    }
    return RY_OK;
}

void lite_read_work(sqlite3_stmt *s, struct ry_arena *arena, struct ry_clip_work *work)
{
    int64_t expires_wall_ms = lite_time(s, 6);
    *work = (struct ry_clip_work){
        .clip_id = lite_text(s, 0, CLAIM_ID_BYTES, arena),
        .guild_id = lite_text(s, 1, CLAIM_ID_BYTES, arena),
        .channel_id = lite_text(s, 2, CLAIM_ID_BYTES, arena),
        .message_id = lite_text(s, 3, CLAIM_ID_BYTES, arena),
        .filename = lite_text(s, 4, CLAIM_NAME_BYTES, arena),
        .url = lite_text(s, 5, CLAIM_URL_BYTES, arena),
        .expires_wall_ms = expires_wall_ms,
        .file_size = lite_u64(s, 7),
        .attempts = lite_u64(s, 8),
        .retries = lite_u64(s, 9),
    };
}

/* Reads candidates to the end of the claim; marking them comes after the walk, which its own index must not change
 * under. */
static int collect(struct claiming *c, enum lite_statement which, struct ry_error *err)
{
    if (c->full)
        return RY_OK;
    LITE_AUTO *s = NULL;
    int rc = lite_get(c->lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(c->lite, s, 1);
    lite_bind_u64(s, 2, c->limit - c->claimed->clips.n);
    while (!c->full && (rc = lite_step(c->lite, s, err)) == 1) {
        struct ry_clip_work *work = &c->claimed->clips.items[c->claimed->clips.n];
        lite_read_work(s, c->arena, work);
        if (work->url.p == NULL || work->filename.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
        c->claimed->clips.n++;
        c->bytes += work->url.n + work->filename.n + 256;
        c->full = c->claimed->clips.n == c->limit || c->bytes >= WRITER_ANSWER_MAX_BYTES;
    }
    return rc < 0 ? rc : RY_OK;
}

static int take(struct claiming *c, const struct ry_clips_claim *claim, struct ry_clip_work *work, struct ry_error *err)
{
    struct lite *lite = c->lite;
    LITE_AUTO *mark = NULL;
    int rc = lite_get(lite, LITE_claim_mark, &mark, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(mark, 1, work->clip_id);
    lite_bind_now(lite, mark, 2);
    rc = lite_run(lite, mark, NULL, err);
    if (rc != RY_OK)
        return rc;
    LITE_AUTO *lease = NULL;
    rc = lite_get(lite, LITE_lease_take, &lease, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(lease, 1, work->clip_id);
    lite_bind(lease, 2, claim->owner);
    lite_bind_time(lite, lease, 3, lite->now_wall_ms + (int64_t)claim->lease_ms);
    rc = lite_run(lite, lease, NULL, err);
    return rc == RY_OK ? lite_root_of(lite, work->url, c->arena, &work->media_root, err) : rc;
}

/* The leases of this node's previous incarnations count no longer: a node knows that it is alone under its name. */
static int void_leases(struct lite *lite, struct ry_str owner, struct ry_error *err)
{
    size_t n = owner.n;
    while (n > 0 && owner.p[n - 1] != '/')
        n--;
    if (n == 0)
        return RY_OK;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_lease_void, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, owner);
    lite_bind(s, 2, (struct ry_str){owner.p, n});
    return lite_run(lite, s, NULL, err);
}

/* The earliest time that a statement of one column gives; INT64_MAX: none. */
static int earliest(struct lite *lite, enum lite_statement which, int64_t *wall_ms, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, which, &s, err);
    if (rc == RY_OK)
        rc = lite_step(lite, s, err);
    if (rc == 1) {
        int64_t found = lite_time(s, 0);
        if (found < *wall_ms && found < LITE_NEVER_WALL_MS)
            *wall_ms = found;
    }
    return rc < 0 ? rc : RY_OK;
}

static int find_next_due(struct claiming *c, struct ry_error *err)
{
    c->claimed->next_due_ms = 0;
    if (c->full)
        return RY_OK;
    int64_t due_wall_ms = INT64_MAX;
    int rc = earliest(c->lite, LITE_next_lease_end, &due_wall_ms, err);
    if (rc == RY_OK)
        rc = earliest(c->lite, LITE_next_retry, &due_wall_ms, err);
    if (due_wall_ms == INT64_MAX)
        c->claimed->next_due_ms = UINT64_MAX;
    else if (due_wall_ms > c->lite->now_wall_ms)
        c->claimed->next_due_ms = (uint64_t)(due_wall_ms - c->lite->now_wall_ms);
    return rc;
}

int lite_clips_claim(struct writer_engine *engine, const struct ry_clips_claim *claim, struct ry_arena *arena,
                     struct ry_clips_claimed *claimed, struct ry_error *err)
{
    *claimed = (struct ry_clips_claimed){0};
    struct claiming c = {.lite = lite_of(engine), .arena = arena, .claimed = claimed, .limit = claim->limit};
    claimed->clips.items = ry_arena_array(arena, c.limit, sizeof *claimed->clips.items);
    if (claimed->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    int rc = claim->first ? void_leases(c.lite, claim->owner, err) : RY_OK;
    if (rc == RY_OK && claim->encoder.p != NULL)
        rc = lite_encoder_seen(c.lite, claim->encoder, err);
    if (rc == RY_OK)
        rc = collect(&c, LITE_claim_pending, err);
    if (rc == RY_OK)
        rc = collect(&c, LITE_claim_orphaned, err);
    if (rc == RY_OK)
        rc = collect(&c, LITE_claim_left, err);
    if (rc == RY_OK)
        rc = collect(&c, LITE_claim_due, err);
    for (size_t i = 0; rc == RY_OK && i < claimed->clips.n; i++)
        rc = take(&c, claim, &claimed->clips.items[i], err);
    return rc == RY_OK ? find_next_due(&c, err) : rc;
}

int lite_clips_renew(struct writer_engine *engine, const struct ry_clips_renew *renew, struct ry_clips_renewed *renewed,
                     struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *renewed = (struct ry_clips_renewed){0};
    for (size_t i = 0; i < renew->clip_ids.n; i++) {
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, LITE_lease_renew, &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind(s, 1, renew->clip_ids.items[i]);
        lite_bind(s, 2, renew->owner);
        lite_bind_time(lite, s, 3, lite->now_wall_ms + (int64_t)renew->lease_ms);
        rc = lite_run(lite, s, &renewed->renewed, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

int lite_clock_correct(struct writer_engine *engine, uint64_t *corrected, struct ry_error *err)
{
    static const enum lite_statement statements[] = {LITE_clock_scans, LITE_clock_retries, LITE_clock_leases,
                                                     LITE_clock_keeps};
    struct lite *lite = lite_of(engine);
    *corrected = 0;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        LITE_AUTO *s = NULL;
        uint64_t rows = 0;
        int rc = lite_get(lite, statements[i], &s, err);
        if (rc != RY_OK)
            return rc;
        lite_bind_now(lite, s, 1);
        lite_bind_time(lite, s, 2, lite->now_wall_ms + WRITER_PUT_OFF_MAX_MS);
        lite_bind_time(lite, s, 3, WRITER_NEVER_WALL_MS);
        rc = lite_run(lite, s, &rows, err);
        if (rc != RY_OK)
            return rc;
        *corrected += statements[i] == LITE_clock_scans ? 0 : rows;
    }
    return RY_OK;
}
