/* batch.c: the batch_writes of a transaction, and the search for the rows that spoil one.
 *
 * Briskly, the rows of all batches go to the engine table by table, so that a table costs one statement however many
 * scanners speak at a time. Carefully, a batch's rows of a table are tried together behind a savepoint; if the database
 * refuses them, they are rolled back and tried by halves, until the bad rows stand alone. Those are named in the answer
 * with the database's reason; all others are written. A few bad rows among n cost about log n tries each. What is
 * refused not for a row's own data but because the schema is not as it should be would befall every row: such a batch
 * is rolled back as a whole, and its sender told to come again, so that nothing is counted as written that was not.
 *
 * What a batch says of its rows being fresh is believed briskly and not carefully: when it turns out wrong, the
 * transaction fails and is done again row for row as it should. Owns nothing; a crash rolls the transaction back. */
#include "actors/writer/batch.h"

#include "actors/writer/text.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

/* Of row_failure.key; only a media root can be longer. */
#define ROW_KEY_MAX_BYTES 128

static size_t rows_of(const struct ry_batch_write *batch)
{
    size_t rows = 0;
    for (int table = 0; table < WRITER_TABLE_COUNT; table++)
        rows += writer_table_rows(batch, (enum writer_table)table);
    return rows;
}

size_t writer_batch_rows(const struct ry_batch_write *batch)
{
    size_t rows = rows_of(batch);
    return rows > 0 ? rows : 1;
}

void writer_batch_sum(struct writer_batch *batch)
{
    struct ry_batch_written *written = &batch->written;
    written->fenced = batch->fence == WRITER_FENCE_STALE;
    written->cancelled = batch->fence == WRITER_FENCE_CANCELLED;
    written->changed = batch->tally.changed;
    written->pending = batch->tally.pending;
    if (batch->fence != WRITER_FENCE_OPEN || batch->schema_refused)
        return;
    RY_ASSERT(written->failures.n >= batch->progress_refused &&
                  written->failures.n - batch->progress_refused <= rows_of(batch->write),
              "%zu failures of %zu rows", written->failures.n, rows_of(batch->write));
    written->succeeded = rows_of(batch->write) - (written->failures.n - batch->progress_refused);
}

/* ---- rows that are refused --------------------------------------------------------------------------------------- */

struct run {
    struct writer_engine *engine;
    struct writer_batch *batch;
    struct ry_arena *arena;
    enum writer_care care;
};

static struct ry_str row_key(const struct ry_batch_write *batch, enum writer_table table, size_t index)
{
    RY_ASSERT(index < writer_table_rows(batch, table), "row %zu of %s", index, writer_table_name(table));
    struct ry_str key = {0};
    switch (table) {
    case WRITER_MEDIA_ROOTS: key = batch->media_root; break;
    case WRITER_GUILDS: key = batch->guilds.items[index].id; break;
    case WRITER_CHANNELS: key = batch->channels.items[index].id; break;
    case WRITER_AUTHORS: key = batch->authors.items[index].user_id; break;
    case WRITER_MESSAGES: key = batch->messages.items[index].id; break;
    case WRITER_CLIPS: key = batch->clips.items[index].id; break;
    case WRITER_TABLE_COUNT: break;
    }
    return ry_utf8_head(key, ROW_KEY_MAX_BYTES);
}

static int note_failure(struct run *run, const char *table, struct ry_str key, const struct ry_error *why,
                        struct ry_error *err)
{
    struct ry_batch_written *written = &run->batch->written;
    RY_ASSERT(written->failures.n <= run->batch->failures_max, "%zu failures", written->failures.n);
    if (written->failures.n == run->batch->failures_max) {
        size_t max = run->batch->failures_max ? run->batch->failures_max * 2 : 16;
        struct ry_row_failure *items = ry_arena_array(run->arena, max, sizeof *items);
        if (items == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for the rows that were refused");
        if (written->failures.n > 0)
            memcpy(items, written->failures.items, written->failures.n * sizeof *items);
        written->failures.items = items;
        run->batch->failures_max = max;
    }
    struct ry_str reason = ry_arena_str(run->arena, ry_str_of(why->text));
    if (reason.p == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the rows that were refused");
    written->failures.items[written->failures.n++] =
        (struct ry_row_failure){.table = ry_str_of(table), .key = key, .reason = reason};
    return RY_OK;
}

/* What no engine need be asked: a batch's guild is the one that it names. */
static int check_rows(const struct ry_batch_write *batch, enum writer_table table, struct ry_error *err)
{
    for (size_t i = 0; table == WRITER_GUILDS && i < batch->guilds.n; i++)
        if (!ry_str_eq(batch->guilds.items[i].id, batch->guild_id))
            return ry_fail(err, RY_EDATA, "a batch of guild %.*s brings the row of another guild",
                           RY_STR_ARG(batch->guild_id));
    return RY_OK;
}

static int note_foreign_channel(struct run *run, struct ry_error *err)
{
    struct ry_error why;
    (void)ry_fail(&why, RY_EDATA, "the channel is another guild's");
    return note_failure(run, writer_table_name(WRITER_CHANNELS), run->batch->write->channel_id, &why, err);
}

/* ---- briskly --------------------------------------------------------------------------------------------------- */

/* Clips come and go with their message. */
static bool is_of_message(enum writer_table table)
{
    return table == WRITER_MESSAGES || table == WRITER_CLIPS;
}

static int write_table(struct writer_engine *engine, enum writer_table table, struct writer_batch *const *batches,
                       size_t n, struct ry_arena *arena, struct ry_error *err)
{
    struct writer_slice *slices = ry_arena_array(arena, n, sizeof *slices);
    if (slices == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a transaction of %zu batches", n);
    size_t slice_count = 0;
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < n; i++) {
        size_t rows = writer_table_rows(batches[i]->write, table);
        if (rows == 0 || batches[i]->fence != WRITER_FENCE_OPEN)
            continue;
        rc = check_rows(batches[i]->write, table, err);
        slices[slice_count++] = (struct writer_slice){batches[i]->write, 0, rows, &batches[i]->tally,
                                                      batches[i]->write->fresh && is_of_message(table)};
    }
    return rc == RY_OK && slice_count > 0 ? engine->ops->upsert(engine, table, slices, slice_count, err) : rc;
}

int writer_batches_write(struct writer_engine *engine, struct writer_batch *const *batches, size_t n,
                         struct ry_arena *arena, struct ry_error *err)
{
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < n; i++) {
        *batches[i] = (struct writer_batch){.write = batches[i]->write};
        rc = engine->ops->fence(engine, batches[i]->write, &batches[i]->fence, err);
        if (rc == RY_OK && batches[i]->fence == WRITER_FENCE_FOREIGN)
            rc = note_foreign_channel(&(struct run){engine, batches[i], arena, WRITER_BRISK}, err);
    }
    for (int table = 0; rc == RY_OK && table < WRITER_TABLE_COUNT; table++)
        rc = write_table(engine, (enum writer_table)table, batches, n, arena, err);
    for (size_t i = 0; rc == RY_OK && i < n; i++)
        if (batches[i]->write->progress.n > 0 && batches[i]->fence == WRITER_FENCE_OPEN)
            rc = engine->ops->progress(engine, batches[i]->write, err);
    return rc;
}

/* ---- carefully ------------------------------------------------------------------------------------------------- */

/* The end of what a step says. */
static int settle_step(struct run *run, struct ry_error *err)
{
    const struct writer_engine_ops *ops = run->engine->ops;
    return run->care == WRITER_STRICT ? ops->check_deferred(run->engine, err) : ops->sync(run->engine, err);
}

/* After a step behind a savepoint whose error is *why, if rc says so: releases it; or rolls back to it (*refused) when
 * its data are at fault; or fails, with RY_ESCHEMA when it is rolled back and nothing else is to be tried. */
static int end_step(struct writer_engine *engine, int rc, const struct ry_error *why, bool *refused,
                    struct ry_error *err)
{
    RY_ASSERT(rc == RY_OK || why->code != RY_OK, "an error %d without a reason", rc);
    *refused = false;
    if (rc == RY_OK)
        return engine->ops->release(engine, err);
    *refused = ry_err_class(why->code) == RY_CLASS_REJECT;
    bool undo = *refused || why->code == RY_ESCHEMA;
    rc = undo ? engine->ops->rollback_to(engine, err) : rc;
    if ((undo && rc != RY_OK) || *refused)
        return rc;
    if (err != NULL)
        *err = *why;
    return why->code;
}

static int write_span(struct run *run, enum writer_table table, size_t first, size_t n, struct ry_error *err)
{
    struct writer_engine *engine = run->engine;
    struct writer_batch *batch = run->batch;
    RY_ASSERT(n > 0 && first + n <= writer_table_rows(batch->write, table), "rows %zu..%zu of %s", first, first + n,
              writer_table_name(table));
    int rc = engine->ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    struct writer_tally tally = {0};
    struct ry_error why = {0};
    struct writer_slice slice = {batch->write, first, n, &tally, false};
    rc = check_rows(batch->write, table, &why);
    if (rc == RY_OK)
        rc = engine->ops->upsert(engine, table, &slice, 1, &why);
    if (rc == RY_OK)
        rc = settle_step(run, &why);
    bool refused = false;
    rc = end_step(engine, rc, &why, &refused, err);
    if (rc != RY_OK)
        return rc;
    if (!refused) {
        batch->tally.changed += tally.changed;
        batch->tally.pending += tally.pending;
        batch->tally.cut += tally.cut;
        return RY_OK;
    }
    if (n == 1)
        return note_failure(run, writer_table_name(table), row_key(batch->write, table, first), &why, err);
    rc = write_span(run, table, first, n / 2, err);
    return rc == RY_OK ? write_span(run, table, first + n / 2, n - n / 2, err) : rc;
}

/* An engine may report a closed fence by failing. */
static int pass_fence(struct run *run, struct ry_error *err)
{
    struct writer_engine *engine = run->engine;
    struct writer_batch *batch = run->batch;
    int rc = engine->ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    struct ry_error why = {0};
    rc = engine->ops->fence(engine, batch->write, &batch->fence, &why);
    if (rc == RY_OK)
        rc = settle_step(run, &why);
    bool refused = false;
    rc = end_step(engine, rc, &why, &refused, err);
    if (refused && batch->fence == WRITER_FENCE_OPEN)
        batch->fence = WRITER_FENCE_STALE;
    return rc == RY_OK && batch->fence == WRITER_FENCE_FOREIGN ? note_foreign_channel(run, err) : rc;
}

/* The batch with the rows that were refused counted in its progress; NULL without memory. */
static const struct ry_batch_write *count_refused(struct run *run)
{
    const struct ry_batch_write *write = run->batch->write;
    RY_ASSERT(write->progress.n == 1, "%zu progresses", write->progress.n);
    struct ry_batch_write *counted = ry_arena_array(run->arena, 1, sizeof *counted);
    struct ry_scan_progress *progress = ry_arena_array(run->arena, 1, sizeof *progress);
    if (counted == NULL || progress == NULL)
        return NULL;
    *counted = *write;
    *progress = write->progress.items[0];
    progress->rejected += run->batch->written.failures.n;
    counted->progress.items = progress;
    return counted;
}

static int write_progress(struct run *run, struct ry_error *err)
{
    struct writer_engine *engine = run->engine;
    const struct ry_batch_write *counted = count_refused(run);
    if (counted == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a scan's progress");
    int rc = engine->ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    struct ry_error why = {0};
    rc = engine->ops->progress(engine, counted, &why);
    if (rc == RY_OK)
        rc = settle_step(run, &why);
    bool refused = false;
    rc = end_step(engine, rc, &why, &refused, err);
    if (rc != RY_OK || !refused)
        return rc;
    run->batch->progress_refused = true;
    return note_failure(run, "channel_scan_status", run->batch->write->channel_id, &why, err);
}

/* The list is a table of the database too, and may refuse a text that the row's own table refused: then the log has it.
 */
static int list_span(struct run *run, size_t first, size_t n, struct ry_error *err)
{
    struct writer_engine *engine = run->engine;
    const struct ry_row_failure *rows = run->batch->written.failures.items + first;
    RY_ASSERT(n > 0 && first + n <= run->batch->written.failures.n, "failures %zu..%zu", first, first + n);
    int rc = engine->ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    struct ry_error why = {0};
    rc = engine->ops->refuse(engine, run->batch->write, rows, n, &why);
    if (rc == RY_OK)
        rc = settle_step(run, &why);
    bool refused = false;
    rc = end_step(engine, rc, &why, &refused, err);
    if (rc != RY_OK || !refused)
        return rc;
    if (n > 1) {
        rc = list_span(run, first, n / 2, err);
        return rc == RY_OK ? list_span(run, first + n / 2, n - n / 2, err) : rc;
    }
    RY_LOG(RY_ERROR, "refused_row_not_listed", "channel=%.*s table=%.*s key=%.*s reason=%.*s list=%s",
           RY_STR_ARG(run->batch->write->channel_id), RY_STR_ARG(rows->table), RY_STR_ARG(rows->key),
           RY_STR_ARG(rows->reason), why.text);
    return RY_OK;
}

/* Nobody finds in a log what was refused weeks ago. */
static int list_refused(struct run *run, struct ry_error *err)
{
    size_t n = run->batch->written.failures.n;
    return n > 0 ? list_span(run, 0, n, err) : RY_OK;
}

static int write_all(struct run *run, struct ry_error *err)
{
    struct writer_batch *batch = run->batch;
    int rc = pass_fence(run, err);
    if (rc != RY_OK || batch->fence != WRITER_FENCE_OPEN)
        return rc;
    for (int t = 0; rc == RY_OK && t < WRITER_TABLE_COUNT; t++) {
        size_t n = writer_table_rows(batch->write, (enum writer_table)t);
        if (n > 0)
            rc = write_span(run, (enum writer_table)t, 0, n, err);
    }
    if (rc == RY_OK)
        rc = list_refused(run, err);
    return rc == RY_OK && batch->write->progress.n > 0 ? write_progress(run, err) : rc;
}

int writer_batch_write_carefully(struct writer_engine *engine, struct writer_batch *batch, enum writer_care care,
                                 struct ry_arena *arena, struct ry_error *err)
{
    *batch = (struct writer_batch){.write = batch->write};
    struct run run = {engine, batch, arena, care};
    struct ry_error why = {0};
    int rc = engine->ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    rc = write_all(&run, &why);
    if (rc == RY_OK)
        return engine->ops->release(engine, err);
    if (rc != RY_ESCHEMA) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    *batch = (struct writer_batch){.write = batch->write, .schema_refused = true};
    batch->written.error = ry_arena_str(arena, ry_str_of(why.text));
    if (batch->written.error.p == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for what is wrong with the schema");
    return engine->ops->rollback_to(engine, err);
}
