/* engine_sqlite_purge.c: deletes what is to be gone, some rows at a time. Its files go on the list of files to delete.
 *
 * Each step takes at most `limit` messages; their clips, thumbnails, failures and whatever else points at them go by
 * the foreign keys, after the files of the thumbnails were put on the list in the same transaction. What a purge
 * forbids (scanning on) it forbids in its first step; what it says at the end (the cooldown, no scan) it says in its
 * last. Every step does the same again when it is repeated, and finds nothing. */
#include "actors/writer/engine_sqlite_ops.h"

struct purging {
    struct lite *lite;
    const struct ry_purge *purge;
    struct ry_purged *purged;
    uint64_t left; /* rows that this step may still delete */
};

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int get_step(const struct purging *p, enum lite_statement which, struct ry_str key, sqlite3_stmt **s,
                    struct ry_error *err)
{
    int rc = lite_get(p->lite, which, s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(*s, 1, key);
    lite_bind_u64(*s, 2, p->left);
    lite_bind(*s, 3, p->purge->guild_id);
    return RY_OK;
}

static int list_files(struct purging *p, enum lite_statement which, struct ry_str key, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = get_step(p, which, key, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(p->lite, s, 4);
    return lite_run(p->lite, s, &p->purged->files, err);
}

static int count_clips(struct purging *p, enum lite_statement which, struct ry_str key, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = get_step(p, which, key, &s, err);
    if (rc == RY_OK)
        rc = lite_step(p->lite, s, err);
    if (rc == 1)
        p->purged->clips = lite_u64(s, 0);
    return rc < 0 ? rc : RY_OK;
}

static int delete_messages(struct purging *p, struct ry_str key, struct ry_error *err)
{
    static const struct {
        enum lite_statement files, clips, rows;
    } by_scope[] = {
        [RY_PURGE_MESSAGE] = {LITE_purge_message_files, LITE_purge_message_clips, LITE_purge_message_rows},
        [RY_PURGE_CHANNEL] = {LITE_purge_channel_files, LITE_purge_channel_clips, LITE_purge_channel_rows},
        [RY_PURGE_GUILD] = {LITE_purge_guild_files, LITE_purge_guild_clips, LITE_purge_guild_rows},
    };
    int rc = list_files(p, by_scope[p->purge->scope].files, key, err);
    if (rc == RY_OK)
        rc = count_clips(p, by_scope[p->purge->scope].clips, key, err);
    if (rc != RY_OK)
        return rc;
    LITE_AUTO *s = NULL;
    rc = get_step(p, by_scope[p->purge->scope].rows, key, &s, err);
    if (rc == RY_OK)
        rc = lite_run(p->lite, s, &p->purged->messages, err);
    p->left -= p->purged->messages < p->left ? p->purged->messages : p->left;
    return rc;
}

/* ---- what a channel and a guild have beside them ------------------------------------------------------------- */

/* Runs a statement of ?1, ?2 and now as ?3, and a time or NULL as ?4. */
static int run_channel(struct purging *p, enum lite_statement which, int64_t cooldown_wall_ms, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(p->lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, p->purge->channel_id);
    lite_bind(s, 2, p->purge->guild_id);
    if (which != LITE_purge_channel_scan)
        lite_bind_now(p->lite, s, 3);
    if (cooldown_wall_ms > 0)
        lite_bind_time(p->lite, s, 4, cooldown_wall_ms);
    return lite_run(p->lite, s, NULL, err);
}

static int purge_channel(struct purging *p, struct ry_error *err)
{
    int rc = run_channel(p, LITE_purge_channel_begin, 0, err);
    if (rc == RY_OK)
        rc = delete_messages(p, p->purge->channel_id, err);
    p->purged->more = p->left == 0;
    if (rc != RY_OK || p->purged->more)
        return rc;
    rc = lite_run_id(p->lite, LITE_refused_purge_channel, p->purge->channel_id, NULL, err);
    if (rc == RY_OK)
        rc = run_channel(p, LITE_purge_channel_scan, 0, err);
    return rc == RY_OK ? run_channel(p, LITE_purge_channel_end,
                                     writer_cooldown_end_wall_ms(p->purge, p->lite->now_wall_ms), err)
                       : rc;
}

static int stop_guild(struct purging *p, enum lite_statement which, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(p->lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, p->purge->guild_id);
    lite_bind_now(p->lite, s, 2);
    return lite_run(p->lite, s, NULL, err);
}

static int delete_of_guild(struct purging *p, enum lite_statement which, struct ry_error *err)
{
    if (p->left == 0)
        return RY_OK;
    LITE_AUTO *s = NULL;
    int rc = lite_get(p->lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    uint64_t deleted = 0;
    lite_bind(s, 1, p->purge->guild_id);
    lite_bind_u64(s, 2, p->left);
    rc = lite_run(p->lite, s, &deleted, err);
    p->left -= deleted < p->left ? deleted : p->left;
    return rc;
}

static int purge_guild(struct purging *p, struct ry_error *err)
{
    int rc = stop_guild(p, LITE_purge_guild_begin, err);
    if (rc == RY_OK)
        rc = stop_guild(p, LITE_purge_guild_scans, err);
    if (rc == RY_OK)
        rc = delete_messages(p, p->purge->guild_id, err);
    if (rc == RY_OK)
        rc = delete_of_guild(p, LITE_purge_guild_authors, err);
    if (rc == RY_OK)
        rc = delete_of_guild(p, LITE_purge_guild_channels, err);
    p->purged->more = p->left == 0;
    if (rc == RY_OK && !p->purged->more)
        rc = lite_run_id(p->lite, LITE_refused_purge_guild, p->purge->guild_id, NULL, err);
    return rc;
}

int lite_purge(struct writer_engine *engine, const struct ry_purge *purge, struct ry_purged *purged,
               struct ry_error *err)
{
    struct purging p = {.lite = lite_of(engine), .purge = purge, .purged = purged, .left = purge->limit};
    *purged = (struct ry_purged){0};
    int rc = lite_token_check(p.lite, purge->job_id, purge->token, &purged->fenced, err);
    if (rc != RY_OK || purged->fenced)
        return rc;
    switch ((enum ry_purge_scope)purge->scope) {
    case RY_PURGE_MESSAGE: return delete_messages(&p, purge->message_id, err);
    case RY_PURGE_CHANNEL: return purge_channel(&p, err);
    case RY_PURGE_GUILD: return purge_guild(&p, err);
    }
    return ry_fail(err, RY_EDATA, "nothing is known of a purge of scope %u", (unsigned)purge->scope);
}
