/* engine_pg.c: PostgreSQL behind the writer's table of operations.
 *
 * Owns nothing on the server but the transaction it is in. Connections are the process's (pg_pool.h); one is held from
 * begin to commit or rollback. Statements are said in a pipeline and their results read at sync and commit, so a
 * transaction costs one round trip however many statements it has.
 *
 * When it crashes, the server ends the transaction. When the server does, the error is one to retry. */
#include "actors/writer/engine_pg_ops.h"
#include "actors/writer/engine_pg_schema.h"

#include <stdlib.h>

/* Values rewritten in one transaction, and what handlers need; the transaction fails when it needs more. */
#define SCRATCH_MAX_BYTES ((size_t)256 << 20)

int pg_ping(struct writer_engine *engine, struct ry_error *err)
{
    return pg_look(pg_of(engine), "SELECT 1", NULL, NULL, NULL, err);
}

void pg_close(struct writer_engine *engine)
{
    struct pg *pg = pg_of(engine);
    pg_rollback(engine);
    pg_pool_close(&pg->pool);
    for (size_t i = 0; i < PG_ARGS_MAX + PG_FENCE_COLUMNS; i++)
        ry_buf_free(&pg->columns[i].buf);
    ry_arena_free(&pg->scratch);
    pg->magic = 0;
    free(pg);
}

static const struct writer_engine_ops pg_ops = {
    .name = "postgresql",
#define OPERATION(name, parameters)     .name = pg_##name,
#define PROCEDURE(name, parameters)     .name = pg_##name,
#define QUESTION(name, answer, damaged) .name = pg_##name,
#include "actors/writer/engine_ops.def"
};

int writer_engine_pg_open(const struct writer_pg_options *options, struct writer_engine **engine, struct ry_error *err)
{
    *engine = NULL;
    struct pg *pg = calloc(1, sizeof *pg);
    if (pg == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    pg->engine.ops = &pg_ops;
    pg->magic = PG_MAGIC;
    pg->clock = options->clock;
    pg->video_min_s = ry_config_real(options->config, RY_OPT_video_min_s);
    pg->timeout_ms = ry_config_int(options->config, RY_OPT_db_timeout_ms);
    pg->scratch = ry_arena_make(SCRATCH_MAX_BYTES);
    pg->figures.counted_mono_ms = INT64_MIN;
    int rc = pg_pool_open(options->config, &pg->pool, err);
    if (rc == RY_OK)
        rc = pg_migrate(options->config, pg->pool, err);
    if (rc != RY_OK) {
        pg_close(&pg->engine);
        return rc;
    }
    *engine = &pg->engine;
    return RY_OK;
}
