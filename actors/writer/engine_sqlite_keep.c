/* engine_sqlite_keep.c: whose original is to be kept, who works on it, and what became of it.
 *
 * A clip that is to be kept is due at keep_due_at; while somebody works on it, that is the end of the lease, so one
 * index tells what is next. Clips with the same content have one file. It goes on the list of files to delete when the
 * last row that refers to it goes (by triggers of the schema); while it is on the list, or if it was deleted after the
 * store had made sure of it, no row may refer to it: the clip is kept again a little later. */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/media_waits.h"
#include "proto/store_name.h"

/* ---- asking for it ------------------------------------------------------------------------------------------- */

static int want_all(struct lite *lite, const struct ry_keep_want *want, struct ry_arena *arena,
                    struct ry_keep_wanted *wanted, struct ry_error *err)
{
    struct ry_str after = want->after_id.p != NULL ? want->after_id : RY_STR("");
    LITE_AUTO *end = NULL;
    int rc = lite_get(lite, LITE_keep_want_end, &end, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(end, 1, after);
    lite_bind_u64(end, 2, want->limit);
    rc = lite_step(lite, end, err);
    if (rc < 0)
        return rc;
    wanted->more = lite_u64(end, 1) == want->limit;
    wanted->next_id = lite_text(end, 0, 64, arena);
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, LITE_keep_want_all, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    lite_bind(s, 2, after);
    lite_bind_u64(s, 3, want->limit);
    return lite_run(lite, s, &wanted->count, err);
}

int lite_keep_want(struct writer_engine *engine, const struct ry_keep_want *want, struct ry_arena *arena,
                   struct ry_keep_wanted *wanted, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *wanted = (struct ry_keep_wanted){0};
    if (want->channel_id.n == 0)
        return want_all(lite, want, arena, wanted, err);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_want_channel, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    lite_bind(s, 2, want->channel_id);
    lite_bind_u64(s, 3, want->limit);
    lite_bind_u64(s, 4, want->again);
    rc = lite_run(lite, s, &wanted->count, err);
    wanted->more = wanted->count == want->limit;
    return rc;
}

int lite_clip_want(struct writer_engine *engine, struct ry_str clip_id, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clip_want, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    lite_bind(s, 2, clip_id);
    return lite_run(lite, s, NULL, err);
}

/* ---- claims -------------------------------------------------------------------------------------------------- */

/* The leases of this node's previous incarnations count no longer. */
static int void_leases(struct lite *lite, struct ry_str owner, struct ry_error *err)
{
    size_t n = owner.n;
    while (n > 0 && owner.p[n - 1] != '/')
        n--;
    if (n == 0)
        return RY_OK;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_void, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, owner);
    lite_bind(s, 2, (struct ry_str){owner.p, n});
    lite_bind_now(lite, s, 3);
    return lite_run(lite, s, NULL, err);
}

/* Marking comes after the walk, which its own index must not change under. */
static int collect(struct lite *lite, const struct ry_keep_claim *claim, struct ry_arena *arena,
                   struct ry_keep_claimed *claimed, struct ry_error *err)
{
    size_t bytes = 0;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_claim, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    lite_bind_u64(s, 2, claim->limit);
    while (bytes < WRITER_ANSWER_MAX_BYTES && (rc = lite_step(lite, s, err)) == 1) {
        struct ry_clip_work *work = &claimed->clips.items[claimed->clips.n++];
        lite_read_work(s, arena, work);
        if (work->url.p == NULL || work->filename.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
        bytes += work->url.n + work->filename.n + 256;
    }
    return rc < 0 ? rc : RY_OK;
}

static int take(struct lite *lite, const struct ry_keep_claim *claim, struct ry_arena *arena, struct ry_clip_work *work,
                struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_take, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, work->clip_id);
    lite_bind(s, 2, claim->owner);
    lite_bind_time(lite, s, 3, lite->now_wall_ms + (int64_t)claim->lease_ms);
    rc = lite_run(lite, s, NULL, err);
    return rc == RY_OK ? lite_root_of(lite, work->url, arena, &work->media_root, err) : rc;
}

static int find_next_due(struct lite *lite, struct ry_keep_claimed *claimed, struct ry_error *err)
{
    claimed->next_due_ms = UINT64_MAX;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_next, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    rc = lite_step(lite, s, err);
    int64_t due_wall_ms = rc == 1 ? lite_time(s, 0) : INT64_MAX;
    if (due_wall_ms < LITE_NEVER_WALL_MS)
        claimed->next_due_ms = (uint64_t)(due_wall_ms - lite->now_wall_ms);
    return rc < 0 ? rc : RY_OK;
}

int lite_keep_claim(struct writer_engine *engine, const struct ry_keep_claim *claim, struct ry_arena *arena,
                    struct ry_keep_claimed *claimed, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *claimed = (struct ry_keep_claimed){0};
    claimed->clips.items = ry_arena_array(arena, claim->limit, sizeof *claimed->clips.items);
    if (claimed->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    int rc = claim->first ? void_leases(lite, claim->owner, err) : RY_OK;
    if (rc == RY_OK)
        rc = collect(lite, claim, arena, claimed, err);
    for (size_t i = 0; rc == RY_OK && i < claimed->clips.n; i++)
        rc = take(lite, claim, arena, &claimed->clips.items[i], err);
    return rc == RY_OK ? find_next_due(lite, claimed, err) : rc;
}

int lite_keep_renew(struct writer_engine *engine, const struct ry_keep_renew *renew, struct ry_keep_renewed *renewed,
                    struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *renewed = (struct ry_keep_renewed){0};
    for (size_t i = 0; i < renew->clip_ids.n; i++) {
        LITE_AUTO *s = NULL;
        int rc = lite_get(lite, LITE_keep_renew, &s, err);
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

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

struct keep_row {
    bool found; /* the clip has a row */
    bool wanted;
    bool kept;
    uint64_t attempts;
    int64_t due_wall_ms; /* INT64_MAX: none */
};

static int look(struct lite *lite, struct ry_str clip_id, struct keep_row *row, struct ry_error *err)
{
    *row = (struct keep_row){.due_wall_ms = INT64_MAX};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_look, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    rc = lite_step(lite, s, err);
    const char *state = rc == 1 ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (rc < 0 || state == NULL)
        return rc < 0 ? rc : RY_OK;
    row->found = true;
    row->wanted = strcmp(state, "wanted") == 0;
    row->kept = strcmp(state, "kept") == 0;
    row->attempts = lite_u64(s, 1);
    row->due_wall_ms = lite_time(s, 2);
    return RY_OK;
}

/* due_wall_ms INT64_MAX: never. reason absent: the one before stays. */
static int set_state(struct lite *lite, struct ry_str clip_id, const char *state, int64_t due_wall_ms,
                     uint64_t attempts, struct ry_str reason, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_again, &s, err);
    if (rc != RY_OK)
        return rc;
    uint64_t cut = 0;
    lite_bind(s, 1, clip_id);
    lite_bind(s, 2, ry_str_of(state));
    if (due_wall_ms < LITE_NEVER_WALL_MS)
        lite_bind_time(lite, s, 3, due_wall_ms);
    lite_bind_u64(s, 4, attempts);
    lite_bind_fit(lite, s, 5, reason, WRITER_WIDTH_ANY, &cut);
    return lite_run(lite, s, NULL, err);
}

static int is_leaving(struct lite *lite, const struct ry_clip_kept *kept, bool *leaving, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_file_is_leaving, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, kept->kept_path);
    lite_bind_time(lite, s, 2, kept->kept_wall_ms - MEDIA_CLOCKS_MS);
    rc = lite_step(lite, s, err);
    *leaving = rc == 1;
    return rc < 0 ? rc : RY_OK;
}

static int list_orphan(struct lite *lite, struct ry_str path, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_file_orphan, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, path);
    lite_bind_now(lite, s, 2);
    return lite_run(lite, s, NULL, err);
}

static int store(struct lite *lite, const struct ry_clip_kept *kept, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_store, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, kept->clip_id);
    lite_bind(s, 2, kept->sha256);
    lite_bind(s, 3, kept->kept_path);
    lite_bind_u64(s, 4, kept->bytes);
    lite_bind_now(lite, s, 5);
    return lite_run(lite, s, NULL, err);
}

int lite_clip_kept(struct writer_engine *engine, const struct ry_clip_kept *kept, struct ry_keep_settled *settled,
                   struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    struct keep_row row;
    bool leaving = false;
    *settled = (struct ry_keep_settled){.clip_id = kept->clip_id, .retry_ms = UINT64_MAX};
    int rc = look(lite, kept->clip_id, &row, err);
    if (rc == RY_OK && !row.found)
        return list_orphan(lite, kept->kept_path, err);
    if (rc == RY_OK)
        rc = is_leaving(lite, kept, &leaving, err);
    if (rc != RY_OK)
        return rc;
    if (!leaving) {
        settled->kept = true;
        return store(lite, kept, err);
    }
    settled->retry_ms = MEDIA_LEAVING_MS;
    return row.wanted ? set_state(lite, kept->clip_id, "wanted", lite->now_wall_ms + MEDIA_LEAVING_MS, 0,
                                  RY_STR(MEDIA_LEAVING), err)
                      : RY_OK;
}

int lite_clip_keep_failed(struct writer_engine *engine, const struct ry_clip_keep_failed *failed,
                          const struct retry_waits *waits, struct ry_keep_settled *settled, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    struct keep_row row;
    *settled = (struct ry_keep_settled){.clip_id = failed->clip_id, .retry_ms = UINT64_MAX, .away = failed->away};
    int rc = look(lite, failed->clip_id, &row, err);
    settled->kept = row.kept;
    if (rc != RY_OK || !row.wanted)
        return rc;
    if (failed->class == RY_FAILURE_PERMANENT && !failed->release)
        return set_state(lite, failed->clip_id, failed->gone ? "gone" : "failed", INT64_MAX, 1, failed->reason, err);
    int64_t wait_ms = failed->release ? (failed->away ? MEDIA_AWAY_MS : 0) : retry_wait_ms(waits, row.attempts);
    settled->retry_ms = (uint64_t)wait_ms;
    return set_state(lite, failed->clip_id, "wanted", lite->now_wall_ms + wait_ms, !failed->release,
                     failed->release && !failed->away ? (struct ry_str){0} : failed->reason, err);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static int is_named(struct lite *lite, struct ry_str path, bool *named, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_file_is_named, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, path);
    lite_bind(s, 2, media_clip_of(path));
    rc = lite_step(lite, s, err);
    *named = rc == 1;
    return rc < 0 ? rc : RY_OK;
}

int lite_files_claim(struct writer_engine *engine, const struct ry_files_claim *claim, struct ry_arena *arena,
                     struct ry_files_claimed *claimed, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *claimed = (struct ry_files_claimed){0};
    claimed->paths.items = ry_arena_array(arena, claim->paths.n, sizeof *claimed->paths.items);
    if (claimed->paths.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    for (size_t i = 0; i < claim->paths.n; i++) {
        bool named = true;
        int rc = is_named(lite, claim->paths.items[i], &named, err);
        if (rc == RY_OK && !named && claim->doom)
            rc = lite_file_mark_pending_delete(lite, claim->paths.items[i], err);
        if (rc != RY_OK)
            return rc;
        if (!named)
            claimed->paths.items[claimed->paths.n++] = claim->paths.items[i];
    }
    return RY_OK;
}

int lite_files_get(struct writer_engine *engine, const struct ry_files_get *get, struct ry_arena *arena,
                   struct ry_files_got *got, struct ry_error *err)
{
    static const enum lite_statement by_kind[] = {[RY_STORE_THUMBNAIL] = LITE_files_thumbnails,
                                                  [RY_STORE_SHEET] = LITE_files_sheets,
                                                  [RY_STORE_MEDIA] = LITE_files_media,
                                                  [RY_STORE_PLAYABLE] = LITE_files_playable};
    struct lite *lite = lite_look(engine);
    *got = (struct ry_files_got){0};
    LITE_AUTO *s = NULL;
    RY_ASSERT(get->kind > RY_STORE_NONE && get->kind < RY_STORE_KINDS, "kind %llu", (unsigned long long)get->kind);
    int rc = lite_get(lite, by_kind[get->kind], &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, get->after.p != NULL ? get->after : RY_STR(""));
    lite_bind_u64(s, 2, get->limit);
    got->files.items = ry_arena_array(arena, get->limit, sizeof *got->files.items);
    if (got->files.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    while ((rc = lite_step(lite, s, err)) == 1)
        got->files.items[got->files.n++] = (struct ry_stored_file){.key = lite_text(s, 0, 1025, arena),
                                                                   .path = lite_text(s, 1, 1025, arena),
                                                                   .bytes = lite_u64(s, 2),
                                                                   .sha256 = lite_text(s, 3, 65, arena),
                                                                   .clips = lite_u64(s, 4)};
    got->more = got->files.n == get->limit;
    return rc < 0 ? rc : RY_OK;
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

int lite_keep_get(struct writer_engine *engine, const struct ry_keep_get *get, struct ry_arena *arena,
                  struct ry_keep_state *state, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *state = (struct ry_keep_state){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_keep_state, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, get->channel_id);
    while ((rc = lite_step(lite, s, err)) == 1) {
        struct ry_str name = lite_text(s, 0, 16, arena);
        media_count_state(state, name, lite_u64(s, 1), lite_u64(s, 5), lite_u64(s, 2), lite_u64(s, 3));
        if (ry_str_is(name, "wanted"))
            state->trouble = lite_text(s, 4, 400, arena);
    }
    return rc < 0 ? rc : RY_OK;
}

int lite_media_totals(struct lite *lite, struct ry_archive_state *state, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_media_totals, &s, err);
    if (rc == RY_OK)
        rc = lite_step(lite, s, err);
    if (rc != 1)
        return rc < 0 ? rc : ry_fail(err, RY_ECORRUPT, "%s has lost its row of totals", lite->path);
    state->clips_kept = lite_u64(s, 0);
    state->clips_to_keep = lite_u64(s, 1);
    state->clips_keep_failed = lite_u64(s, 2);
    state->clips_keep_gone = lite_u64(s, 3);
    state->bytes_kept = lite_u64(s, 4);
    state->keep_trouble = lite_text(s, 5, 400, &lite->scratch);
    return RY_OK;
}
