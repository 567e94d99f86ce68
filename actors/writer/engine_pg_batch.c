/* engine_pg_batch.c: the rows of batches: one statement a table, however many batches.
 *
 * Rows travel as arrays, one a column, sorted by key and each key once (the later row holds). The statement looks each
 * up, passes over those that are already so, and inserts or updates the rest in the order of their keys: a rescan
 * writes nothing to the log, and two writers with the same rows lock them in the same order. The conflict
 * clause judges once more, because another writer may have been there in between.
 *
 * What was written comes back by key, which tells whose batch it was. Rows that are fresh in all batches of a
 * transaction are inserted plainly; if one was there after all, the server refuses the transaction, and it is done
 * again carefully. */
#include "actors/writer/engine_pg_ops.h"

#include <stdlib.h>

struct row {
    struct ry_str key; /* as the statement returns it */
    const struct writer_slice *slice;
    size_t index; /* in the batch */
    size_t order; /* in which the caller gave it */
};

struct table {
    size_t columns;
    const uint32_t types[12];
    void (*put)(struct pg *pg, const struct row *row);
};

static const char *const upserts[WRITER_TABLE_COUNT] = {
#define UPSERT(table, sql) [WRITER_##table] = (sql),
#define INSERT(table, sql)
#include "actors/writer/engine_pg_upserts.def"
#undef INSERT
#undef UPSERT
};

/* NULL: none, fresh rows are upserted too. */
static const char *const inserts[WRITER_TABLE_COUNT] = {
#define UPSERT(table, sql)
#define INSERT(table, sql) [WRITER_##table] = (sql),
#include "actors/writer/engine_pg_upserts.def"
#undef INSERT
#undef UPSERT
};

/* ---- rows ---------------------------------------------------------------------------------------------------- */

/* Puts a text into a column, cut to its width. */
static void fit(struct pg *pg, const struct row *row, size_t column, struct ry_str text, enum writer_width width)
{
    pg_put_text(pg, column, writer_text_fit(text, width, &pg->scratch, &row->slice->tally->cut, &pg->scratch_failed));
}

static void put_media_root(struct pg *pg, const struct row *row)
{
    pg_put_text(pg, 0, row->key);
}

static void put_guild(struct pg *pg, const struct row *row)
{
    const struct ry_guild_row *r = &row->slice->batch->guilds.items[row->index];
    pg_put_text(pg, 0, r->id);
    fit(pg, row, 1, r->name, WRITER_WIDTH_PLACE);
    fit(pg, row, 2, r->icon_url, WRITER_WIDTH_ANY);
}

static void put_channel(struct pg *pg, const struct row *row)
{
    const struct ry_channel_row *r = &row->slice->batch->channels.items[row->index];
    pg_put_text(pg, 0, r->id);
    pg_put_text(pg, 1, row->slice->batch->guild_id);
    fit(pg, row, 2, r->name, WRITER_WIDTH_PLACE);
    pg_put_text(pg, 3, r->type);
    pg_put_text(pg, 4, r->parent_id);
    fit(pg, row, 5, r->topic, WRITER_WIDTH_ANY);
}

static void put_author(struct pg *pg, const struct row *row)
{
    const struct ry_author_row *r = &row->slice->batch->authors.items[row->index];
    pg_put_text(pg, 0, r->user_id);
    pg_put_text(pg, 1, row->slice->batch->guild_id);
    fit(pg, row, 2, r->username, WRITER_WIDTH_PERSON);
    fit(pg, row, 3, r->discriminator, WRITER_WIDTH_ANY);
    fit(pg, row, 4, r->avatar_url, WRITER_WIDTH_ANY);
    fit(pg, row, 5, r->nickname, WRITER_WIDTH_PERSON);
    fit(pg, row, 6, r->display_name, WRITER_WIDTH_PERSON);
    fit(pg, row, 7, r->guild_avatar_url, WRITER_WIDTH_ANY);
}

static void put_message(struct pg *pg, const struct row *row)
{
    const struct ry_message_row *r = &row->slice->batch->messages.items[row->index];
    pg_put_text(pg, 0, r->id);
    pg_put_text(pg, 1, row->slice->batch->guild_id);
    pg_put_text(pg, 2, row->slice->batch->channel_id);
    pg_put_text(pg, 3, r->author_id);
    fit(pg, row, 4, r->content, WRITER_WIDTH_ANY);
    pg_put_time(pg, 5, r->timestamp_wall_ms);
}

static void put_clip(struct pg *pg, const struct row *row)
{
    const struct ry_clip_row *r = &row->slice->batch->clips.items[row->index];
    pg_put_text(pg, 0, r->id);
    pg_put_text(pg, 1, r->message_id);
    pg_put_text(pg, 2, row->slice->batch->guild_id);
    pg_put_text(pg, 3, row->slice->batch->channel_id);
    pg_put_text(pg, 4, r->author_id);
    pg_put_text(pg, 5, r->visibility);
    fit(pg, row, 6, r->filename, WRITER_WIDTH_FILENAME);
    pg_put_i64(pg, 7, r->file_size > INT64_MAX ? INT64_MAX : (int64_t)r->file_size);
    fit(pg, row, 8, r->mime_type, WRITER_WIDTH_MIME);
    pg_put_text(pg, 9, r->settings_hash);
    fit(pg, row, 10, r->url, WRITER_WIDTH_ANY);
    pg_put_time(pg, 11, r->expires_wall_ms);
}

#define T PG_TEXT
static const struct table tables[WRITER_TABLE_COUNT] = {
    [WRITER_MEDIA_ROOTS] = {1, {T}, put_media_root},
    [WRITER_GUILDS] = {3, {T, T, T}, put_guild},
    [WRITER_CHANNELS] = {6, {T, T, T, T, T, T}, put_channel},
    [WRITER_AUTHORS] = {8, {T, T, T, T, T, T, T, T}, put_author},
    [WRITER_MESSAGES] = {6, {T, T, T, T, T, PG_TIME}, put_message},
    [WRITER_CLIPS] = {12, {T, T, T, T, T, T, T, PG_INT8, T, T, T, PG_TIME}, put_clip},
};
#undef T

static struct ry_str key_of(struct pg *pg, enum writer_table table, const struct ry_batch_write *batch, size_t index)
{
    switch (table) {
    case WRITER_MEDIA_ROOTS: {
        uint64_t cut = 0;
        struct ry_str root =
            writer_text_fit(batch->media_root, WRITER_WIDTH_ANY, &pg->scratch, &cut, &pg->scratch_failed);
        while (root.n > 1 && root.p[root.n - 1] == '/')
            root.n--;
        return root;
    }
    case WRITER_GUILDS: return batch->guilds.items[index].id;
    case WRITER_CHANNELS: return batch->channels.items[index].id;
    case WRITER_AUTHORS: {
        struct ry_str key = ry_arena_printf(&pg->scratch, "%.*s/%.*s", RY_STR_ARG(batch->authors.items[index].user_id),
                                            RY_STR_ARG(batch->guild_id));
        pg->scratch_failed |= key.p == NULL;
        return key;
    }
    case WRITER_MESSAGES: return batch->messages.items[index].id;
    case WRITER_CLIPS: return batch->clips.items[index].id;
    case WRITER_TABLE_COUNT: break;
    }
    return (struct ry_str){0};
}

/* ---- what Discord tells of clips beyond the interface's columns ------------------------------------------------ */

/* A ThumbHash is taken only where there is none. */
static const char media_sql[] =
    "INSERT INTO reelyard_media AS m (clip_id, keep_state, keep_attempts, playable_attempts, thumbhash, source_kind,"
    " source_url, edited_at, pinned)"
    " SELECT r.clip_id, 'none', 0, 0, r.thumbhash, r.source_kind, r.source_url, r.edited_at, r.pinned"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bool[]) WITH ORDINALITY"
    " r (clip_id, thumbhash, source_kind, source_url, edited_at, pinned, ord) ORDER BY r.ord"
    " ON CONFLICT (clip_id) DO UPDATE SET thumbhash = coalesce(m.thumbhash, excluded.thumbhash),"
    " source_kind = excluded.source_kind, source_url = excluded.source_url, edited_at = excluded.edited_at,"
    " pinned = excluded.pinned WHERE (coalesce(m.thumbhash, excluded.thumbhash), excluded.source_kind,"
    " excluded.source_url, excluded.edited_at, excluded.pinned) IS DISTINCT FROM (m.thumbhash, m.source_kind,"
    " m.source_url, m.edited_at, m.pinned)";

/* ---- the order ----------------------------------------------------------------------------------------------- */

static int compare_str(struct ry_str a, struct ry_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int by = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return by != 0 ? by : a.n < b.n ? -1 : a.n > b.n;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int by = compare_str(left->key, right->key);
    return by != 0 ? by : left->order < right->order ? -1 : left->order > right->order;
}

static int compare_key(const void *key, const void *row)
{
    return compare_str(*(const struct ry_str *)key, ((const struct row *)row)->key);
}

struct rows {
    struct row *items; /* by key; once they are sorted out, each once */
    size_t n;
};

static bool is_of_guild(enum writer_table table)
{
    return table == WRITER_CHANNELS || table == WRITER_MESSAGES || table == WRITER_CLIPS;
}

/* Of rows with one key the last is kept, if they are of one guild; false: they are not. */
static bool keep_last(enum writer_table table, struct rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i], *next = row + 1;
        bool last = i + 1 == rows->n || compare_str(row->key, next->key) != 0;
        if (last)
            rows->items[kept++] = *row;
        else if (is_of_guild(table) && !ry_str_eq(row->slice->batch->guild_id, next->slice->batch->guild_id))
            return false;
    }
    rows->n = kept;
    return true;
}

static struct rows *gather(struct pg *pg, enum writer_table table, const struct writer_slice *slices,
                           size_t slice_count)
{
    size_t n = 0;
    for (size_t s = 0; s < slice_count; s++)
        n += slices[s].n;
    struct rows *rows = pg_room(pg, sizeof *rows);
    struct writer_slice *copies = pg_room(pg, slice_count * sizeof *copies);
    struct row *items = pg_room(pg, n * sizeof *items);
    if (rows == NULL || copies == NULL || items == NULL)
        return NULL;
    n = 0;
    for (size_t s = 0; s < slice_count; s++) {
        copies[s] = slices[s];
        for (size_t i = slices[s].first; i < slices[s].first + slices[s].n; i++, n++)
            items[n] = (struct row){key_of(pg, table, slices[s].batch, i), &copies[s], i, n};
    }
    qsort(items, n, sizeof *items, compare_rows);
    *rows = (struct rows){items, n};
    return rows;
}

static int take_written(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct rows *rows = arg;
    int n = PQntuples(result);
    for (int i = 0; i < n; i++) {
        struct ry_str key = {PQgetvalue(result, i, 0), (size_t)PQgetlength(result, i, 0)};
        const struct row *row = bsearch(&key, rows->items, rows->n, sizeof *rows->items, compare_key);
        if (row == NULL)
            return ry_fail(err, RY_EBUG, "the database wrote a row that nobody gave it");
        row->slice->tally->changed++;
        row->slice->tally->pending += pg_bool(result, i, 1);
    }
    return RY_OK;
}

static bool all_fresh(const struct writer_slice *slices, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!slices[i].fresh)
            return false;
    return true;
}

static void note_inserted(const struct rows *rows, bool pending)
{
    for (size_t i = 0; i < rows->n; i++) {
        rows->items[i].slice->tally->changed++;
        rows->items[i].slice->tally->pending += pending;
    }
}

static int tell_media(struct pg *pg, const struct rows *rows, struct ry_error *err)
{
    static const uint32_t types[] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TIME, PG_BOOL};
    const size_t columns = sizeof types / sizeof *types;
    size_t told = 0;
    pg_columns_begin(pg, 0, types, columns);
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        const struct ry_clip_row *r = &row->slice->batch->clips.items[row->index];
        if (!writer_clip_tells(r))
            continue;
        pg_put_text(pg, 0, r->id);
        pg_put_text(pg, 1, r->placeholder);
        pg_put_text(pg, 2, r->source_kind);
        pg_put_text(pg, 3, r->source_url);
        if (r->edited_wall_ms > 0)
            pg_put_time(pg, 4, r->edited_wall_ms);
        else
            pg_put_text(pg, 4, (struct ry_str){0});
        pg_put_bool(pg, 5, r->pinned);
        told++;
    }
    if (told == 0)
        return RY_OK;
    struct pg_args args = {0};
    pg_add_columns(pg, &args, 0, columns);
    return pg_say(pg, media_sql, &args, NULL, NULL, err);
}

int pg_upsert(struct writer_engine *engine, enum writer_table table, const struct writer_slice *slices,
              size_t slice_count, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    if (table >= WRITER_TABLE_COUNT)
        return ry_fail(err, RY_EBUG, "there is no table %d", (int)table);
    struct rows *rows = gather(pg, table, slices, slice_count);
    if (rows == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a table's rows");
    if (!keep_last(table, rows))
        return ry_fail(err, RY_EDATA, "batches of two guilds bring one id");
    if (rows->n == 0)
        return RY_OK;
    pg_columns_begin(pg, 0, tables[table].types, tables[table].columns);
    for (size_t i = 0; i < rows->n; i++)
        tables[table].put(pg, &rows->items[i]);
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_columns(pg, &args, 0, tables[table].columns);
    const char *insert = all_fresh(slices, slice_count) ? inserts[table] : NULL;
    int rc = RY_OK;
    if (insert == NULL) {
        rc = pg_say(pg, upserts[table], &args, take_written, rows, err);
    } else {
        note_inserted(rows, table == WRITER_CLIPS); /* or the transaction fails */
        rc = pg_say(pg, insert, &args, NULL, NULL, err);
    }
    return rc == RY_OK && table == WRITER_CLIPS ? tell_media(pg, rows, err) : rc;
}
