/* engine_sqlite_refused.c: the list of rows that were refused for their own data: when a row comes on it and goes is as
 * in PostgreSQL (engine_pg_refused.c). */
#include "actors/writer/engine_sqlite_ops.h"

static int refuse_one(struct lite *lite, const struct ry_batch_write *batch, const struct ry_row_failure *row,
                      struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_refuse, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, batch->channel_id);
    lite_bind(s, 2, row->table);
    lite_bind(s, 3, row->key);
    lite_bind(s, 4, batch->guild_id);
    lite_bind(s, 5, batch->job_id);
    lite_bind(s, 6, row->reason);
    lite_bind_now(lite, s, 7);
    return lite_run(lite, s, NULL, err);
}

int lite_refuse(struct writer_engine *engine, const struct ry_batch_write *batch, const struct ry_row_failure *rows,
                size_t n, struct ry_error *err)
{
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < n; i++)
        rc = refuse_one(lite_of(engine), batch, &rows[i], err);
    return rc;
}

int lite_refused_went_in(struct lite *lite, struct ry_str channel_id, struct ry_error *err)
{
    return lite_run_id(lite, LITE_refused_went_in, channel_id, NULL, err);
}

int lite_refused_get(struct writer_engine *engine, const struct ry_refused_get *get, struct ry_arena *arena,
                     struct ry_refused_page *page, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *page = (struct ry_refused_page){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_refused, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_u64(s, 1, get->limit + 1);
    page->rows.items = ry_arena_array(arena, get->limit, sizeof *page->rows.items);
    if (page->rows.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of rows");
    while ((rc = lite_step(lite, s, err)) == 1) {
        page->more = page->rows.n == get->limit;
        if (page->more)
            break;
        page->rows.items[page->rows.n++] = (struct ry_refused_row){
            .table = lite_text(s, 0, 64, arena),
            .key = lite_text(s, 1, 128, arena),
            .channel_id = lite_text(s, 2, 64, arena),
            .reason = lite_text(s, 3, 400, arena),
            .refused_wall_ms = lite_time(s, 4),
        };
    }
    return rc < 0 ? rc : RY_OK;
}
