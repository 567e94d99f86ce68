/* batch.c: one batch_write, and the search for the rows that spoil it.
 *
 * When careful, each table's rows are tried together behind a mark; if the database refuses them, they are undone and
 * tried by halves, until the bad rows stand alone. Those are named in the answer with the database's reason; all others
 * are written. A few bad rows among n cost about log n tries each. */
#include "actors/writer/batch.h"

#include "actors/writer/text.h"

/* Of row_failure.key; only a media root can be longer. */
#define ROW_KEY_MAX_BYTES 128

struct run {
    struct writer_engine *engine;
    const struct ry_batch_write *batch;
    struct ry_arena *arena;
    struct ry_batch_written *written;
    struct writer_tally *tally;
    size_t failures_max; /* places that written->failures has */
};

size_t writer_batch_rows(const struct ry_batch_write *batch)
{
    size_t rows = 0;
    for (int table = 0; table < WRITER_TABLE_COUNT; table++)
        rows += writer_table_rows(batch, (enum writer_table)table);
    return rows > 0 ? rows : 1;
}

static struct ry_str row_key(const struct ry_batch_write *batch, enum writer_table table, size_t index)
{
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
    return writer_text_head(key, ROW_KEY_MAX_BYTES);
}

static int note_failure(struct run *run, enum writer_table table, size_t index, const struct ry_error *why,
                        struct ry_error *err)
{
    if (run->written->failures.n == run->failures_max) {
        size_t max = run->failures_max ? run->failures_max * 2 : 16;
        struct ry_row_failure *items = ry_arena_array(run->arena, max, sizeof *items);
        if (items == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for the rows that were refused");
        if (run->failures_max > 0)
            memcpy(items, run->written->failures.items, run->failures_max * sizeof *items);
        run->written->failures.items = items;
        run->failures_max = max;
    }
    struct ry_str reason = ry_arena_str(run->arena, ry_str_of(why->text));
    if (reason.p == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the rows that were refused");
    run->written->failures.items[run->written->failures.n++] = (struct ry_row_failure){
        .table = ry_str_of(writer_table_name(table)), .key = row_key(run->batch, table, index), .reason = reason};
    return RY_OK;
}

static int write_span(struct run *run, enum writer_table table, size_t first, size_t n, struct ry_error *err)
{
    struct writer_engine *engine = run->engine;
    int rc = engine->ops->mark(engine, err);
    if (rc != RY_OK)
        return rc;
    struct writer_tally tally = {0};
    struct ry_error why;
    struct writer_slice slice = {run->batch, first, n, &tally};
    rc = engine->ops->upsert(engine, table, &slice, 1, &why);
    if (rc == RY_OK)
        rc = engine->ops->settle(engine, &why);
    if (rc == RY_OK) {
        run->tally->changed += tally.changed;
        run->tally->pending += tally.pending;
        run->tally->cut += tally.cut;
        run->written->succeeded += n;
        return engine->ops->keep(engine, err);
    }
    if (ry_err_class(why.code) != RY_CLASS_REJECT) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    rc = engine->ops->undo(engine, err);
    if (rc != RY_OK)
        return rc;
    if (n == 1)
        return note_failure(run, table, first, &why, err);
    rc = write_span(run, table, first, n / 2, err);
    return rc == RY_OK ? write_span(run, table, first + n / 2, n - n / 2, err) : rc;
}

int writer_batch_run(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_care care,
                     struct ry_arena *arena, struct ry_batch_written *written, struct writer_tally *tally,
                     struct ry_error *err)
{
    *written = (struct ry_batch_written){0};
    *tally = (struct writer_tally){0};
    struct run run = {.engine = engine, .batch = batch, .arena = arena, .written = written, .tally = tally};
    enum writer_gate gate = WRITER_GATE_OPEN;
    int rc = engine->ops->gate(engine, batch, &gate, err);
    if (rc == RY_OK && care == WRITER_CAREFUL)
        rc = engine->ops->settle(engine, err);
    written->fenced = gate == WRITER_GATE_FENCED;
    written->cancelled = gate == WRITER_GATE_CANCELLED;
    if (rc != RY_OK || gate != WRITER_GATE_OPEN)
        return rc;
    for (int t = 0; rc == RY_OK && t < WRITER_TABLE_COUNT; t++) {
        enum writer_table table = (enum writer_table)t;
        size_t n = writer_table_rows(batch, table);
        if (n == 0)
            continue;
        if (care == WRITER_CAREFUL) {
            rc = write_span(&run, table, 0, n, err);
        } else {
            struct writer_slice slice = {batch, 0, n, tally};
            rc = engine->ops->upsert(engine, table, &slice, 1, err);
            written->succeeded += n;
        }
    }
    written->changed = tally->changed;
    written->pending = tally->pending;
    return rc;
}
