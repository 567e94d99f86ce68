/* engine_pg_refused.c: the list of rows that were refused for their own data.
 *
 * A row comes on it in the transaction that leaves it out, and goes when it is found in its table behind a later slice
 * or live message of its channel, when its channel or guild is purged, or after a month. */
#include "actors/writer/engine_pg_ops.h"

/* $1 tables, $2 keys, $3 reasons, $4 channel, $5 guild, $6 job, $7 now. */
static const char refuse_sql[] =
    "INSERT INTO reelyard_refused (channel_id, tab, key, guild_id, job_id, reason, refused_at)"
    " SELECT DISTINCT ON (r.tab, r.key) $4, r.tab, r.key, $5, $6, r.reason, $7"
    " FROM unnest($1::text[], $2::text[], $3::text[]) r (tab, key, reason) ORDER BY r.tab, r.key"
    " ON CONFLICT (channel_id, tab, key) DO UPDATE SET guild_id = excluded.guild_id, job_id = excluded.job_id,"
    " reason = excluded.reason, refused_at = excluded.refused_at";

/* $1 channel. */
static const char went_in_sql[] =
    "DELETE FROM reelyard_refused r WHERE r.channel_id = $1 AND CASE r.tab"
    " WHEN 'clip' THEN EXISTS (SELECT FROM clip c WHERE c.id = r.key AND c.guild_id = r.guild_id)"
    " WHEN 'message' THEN EXISTS (SELECT FROM message m WHERE m.id = r.key AND m.guild_id = r.guild_id)"
    " WHEN 'author' THEN EXISTS (SELECT FROM author a WHERE a.user_id = r.key AND a.guild_id = r.guild_id)"
    " WHEN 'channel' THEN EXISTS (SELECT FROM channel h WHERE h.id = r.key AND h.guild_id = r.guild_id)"
    " WHEN 'guild' THEN EXISTS (SELECT FROM guild g WHERE g.id = r.key) ELSE true END";

static const char refused_sql[] =
    "SELECT tab, left(key, 128), channel_id, left(reason, 400), refused_at FROM reelyard_refused"
    " ORDER BY refused_at DESC, channel_id, tab, key LIMIT $1";

int pg_refuse(struct writer_engine *engine, const struct ry_batch_write *batch, const struct ry_row_failure *rows,
              size_t n, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    pg_columns_begin(pg, 0, (const uint32_t[]){PG_TEXT, PG_TEXT, PG_TEXT}, 3);
    for (size_t i = 0; i < n; i++) {
        pg_put_text(pg, 0, rows[i].table);
        pg_put_text(pg, 1, rows[i].key);
        pg_put_text(pg, 2, rows[i].reason);
    }
    struct pg_args args = {0};
    pg_add_columns(pg, &args, 0, 3);
    pg_add_text(pg, &args, batch->channel_id);
    pg_add_text(pg, &args, batch->guild_id);
    pg_add_text(pg, &args, batch->job_id);
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, refuse_sql, &args, NULL, NULL, err);
}

int pg_refused_went_in(struct pg *pg, struct ry_str channel_id, struct ry_error *err)
{
    struct pg_args args = {0};
    pg_add_text(pg, &args, channel_id);
    return pg_say(pg, went_in_sql, &args, NULL, NULL, err);
}

struct refused_asking {
    struct ry_arena *arena;
    struct ry_refused_page *page;
    size_t limit;
};

static int take_refused(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct refused_asking *asking = arg;
    size_t n = (size_t)PQntuples(result);
    asking->page->more = n > asking->limit;
    asking->page->rows.n = asking->page->more ? asking->limit : n;
    asking->page->rows.items = ry_arena_array(asking->arena, n, sizeof *asking->page->rows.items);
    if (asking->page->rows.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of rows");
    for (size_t at = 0; at < asking->page->rows.n; at++) {
        int i = (int)at;
        asking->page->rows.items[at] = (struct ry_refused_row){
            .table = pg_text(result, i, 0, 64, asking->arena),
            .key = pg_text(result, i, 1, 128, asking->arena),
            .channel_id = pg_text(result, i, 2, 64, asking->arena),
            .reason = pg_text(result, i, 3, 400, asking->arena),
            .refused_wall_ms = pg_time(result, i, 4),
        };
    }
    return RY_OK;
}

int pg_refused_get(struct writer_engine *engine, const struct ry_refused_get *get, struct ry_arena *arena,
                   struct ry_refused_page *page, struct ry_error *err)
{
    *page = (struct ry_refused_page){0};
    struct refused_asking asking = {arena, page, get->limit};
    struct pg_args args = {0};
    pg_add_u64(&args, get->limit + 1);
    return pg_look(pg_of(engine), refused_sql, &args, take_refused, &asking, err);
}
