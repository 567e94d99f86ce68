/* engine_sqlite_search.c: keeps the search index.
 *
 * Triggers mark what changed; this works the marks off in the writer's transactions. The word index takes rows cheaply
 * only by rising docid (each step back writes out what it gathered), so everything is sorted by docid: first what goes,
 * then what comes. When it crashes, the transaction and its marks are as before. */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/search_row.h"

#include <stdlib.h>

#define ARENA_MAX_BYTES ((size_t)96 << 20)
/* Steps from a docid that is taken to the next free one. */
#define PROBES_MAX 100000
/* Rows that the word index forgets in one go: more than a slice makes go. */
#define GONE_MAX 20000

struct slice {
    struct ry_arena arena;
    struct ry_str *ids; /* of clips to be looked at */
    size_t n;
    size_t max;
    struct search_row *rows; /* that come into the index */
    size_t row_n;
};

static int run_words(struct lite *lite, enum lite_statement which, int64_t docid, struct ry_str text,
                     struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_bind_int64(s, 1, docid);
    lite_bind(s, 2, text);
    return lite_run(lite, s, NULL, err);
}

/* Rows that are gone are forgotten by the word index, before their docids are given again. *left: not all of them. */
static int forget_gone(struct lite *lite, bool *left, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_search_gone, &s, err);
    int64_t last = -1;
    size_t n = 0;
    *left = false;
    while (rc == RY_OK && (rc = lite_step(lite, s, err)) == 1) {
        struct ry_str text = {(const char *)sqlite3_column_text(s, 1), (size_t)sqlite3_column_bytes(s, 1)};
        *left = n++ == GONE_MAX;
        if (*left) {
            rc = RY_OK;
            break;
        }
        last = sqlite3_column_int64(s, 0);
        rc = run_words(lite, LITE_words_out, last, text, err);
    }
    lite_put(&s);
    if (rc != RY_OK || n == 0)
        return rc;
    rc = lite_get(lite, LITE_search_gone_end, &s, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_bind_int64(s, 1, last);
    return lite_run(lite, s, NULL, err);
}

/* ---- which clips ------------------------------------------------------------------------------------------------- */

/* Takes the first column of each row. *last: the second one of the last row, a number. */
static int take_ids(struct lite *lite, sqlite3_stmt *s, struct slice *slice, int64_t *last, struct ry_error *err)
{
    int rc;
    while ((rc = lite_step(lite, s, err)) == 1 && slice->n < slice->max) {
        struct ry_str id = lite_text(s, 0, 64, &slice->arena);
        if (id.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for the search index");
        slice->ids[slice->n++] = id;
        if (last != NULL)
            *last = sqlite3_column_int64(s, 1);
    }
    return rc < 0 ? rc : RY_OK;
}

static int take_due(struct lite *lite, struct slice *slice, bool *left, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_search_due, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_u64(s, 1, slice->max);
    rc = take_ids(lite, s, slice, NULL, err);
    lite_put(&s);
    if (rc != RY_OK || slice->n == 0)
        return rc;
    *left = slice->n == slice->max;
    return lite_run_id(lite, LITE_search_due_end, slice->ids[slice->n - 1], NULL, err);
}

static int move_renamed(struct lite *lite, const struct ry_str key[3], bool ended, int64_t behind, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, ended ? LITE_search_renamed_end : LITE_search_renamed_to, &s, err);
    if (rc != RY_OK)
        return rc;
    for (int i = 0; i < 3; i++)
        lite_bind(s, i + 1, key[i]);
    if (!ended)
        sqlite3_bind_int64(s, 4, behind);
    return lite_run(lite, s, NULL, err);
}

static int take_renamed(struct lite *lite, struct slice *slice, bool *left, struct ry_error *err)
{
    LITE_AUTO *mark = NULL;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_search_renamed, &mark, err);
    if (rc == RY_OK)
        rc = lite_step(lite, mark, err);
    if (rc <= 0)
        return rc;
    struct ry_str key[3];
    for (int i = 0; i < 3; i++)
        key[i] = lite_text(mark, i, 64, &slice->arena);
    int64_t behind = sqlite3_column_int64(mark, 3);
    lite_put(&mark);
    bool author = ry_str_is(key[0], "author");
    rc = lite_get(lite, author ? LITE_search_of_author : LITE_search_of_channel, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, key[2]);
    sqlite3_bind_int64(s, 2, behind);
    lite_bind_u64(s, 3, slice->max);
    rc = take_ids(lite, s, slice, &behind, err);
    lite_put(&s);
    *left = true;
    return rc == RY_OK ? move_renamed(lite, key, slice->n < slice->max, behind, err) : rc;
}

static int take_unfilled(struct lite *lite, struct slice *slice, bool *left, struct ry_error *err)
{
    LITE_AUTO *fill = NULL;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_search_fill, &fill, err);
    if (rc == RY_OK)
        rc = lite_step(lite, fill, err);
    if (rc <= 0 || sqlite3_column_int(fill, 1) != 0)
        return rc < 0 ? rc : RY_OK;
    struct ry_str after = lite_text(fill, 0, 64, &slice->arena);
    lite_put(&fill);
    rc = lite_get(lite, LITE_search_unfilled, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, after);
    lite_bind_u64(s, 2, slice->max);
    rc = take_ids(lite, s, slice, NULL, err);
    lite_put(&s);
    if (rc == RY_OK)
        rc = lite_get(lite, LITE_search_filled, &s, err);
    if (rc != RY_OK)
        return rc;
    *left = slice->n == slice->max;
    lite_bind(s, 1, slice->n > 0 ? slice->ids[slice->n - 1] : after);
    lite_bind_u64(s, 2, !*left);
    return lite_run(lite, s, NULL, err);
}

/* ---- what they come to ------------------------------------------------------------------------------------------- */

static struct ry_str borrow(sqlite3_stmt *s, int at)
{
    const char *p = (const char *)sqlite3_column_text(s, at);
    return (struct ry_str){p, p ? (size_t)sqlite3_column_bytes(s, at) : 0};
}

/* The row that a clip should have; its text is absent if it is not shown. */
static int make_row(sqlite3_stmt *s, struct ry_str id, struct slice *slice, struct search_row *row,
                    struct ry_error *err)
{
    int64_t posted_wall_ms = lite_time(s, 3);
    *row = (struct search_row){.clip_id = id,
                               .guild_id = lite_text(s, 0, 64, &slice->arena),
                               .channel_id = lite_text(s, 1, 64, &slice->arena),
                               .author_id = lite_text(s, 2, 64, &slice->arena),
                               .docid = search_docid(posted_wall_ms == INT64_MAX ? 0 : posted_wall_ms, id),
                               .duration_ms = search_duration_ms(sqlite3_column_double(s, 4)),
                               .bytes = (int64_t)lite_u64(s, 5),
                               .orientation = search_orientation_of(borrow(s, 6))};
    if (sqlite3_column_int(s, 7) == 0)
        return RY_OK;
    const struct ry_str fields[SEARCH_FIELD_COUNT] = {
        [SEARCH_TITLE] = borrow(s, 8),
        [SEARCH_FILENAME] = borrow(s, 9),
        [SEARCH_AUTHOR] = search_author(borrow(s, 10), borrow(s, 11), borrow(s, 12), &slice->arena),
        [SEARCH_CHANNEL] = borrow(s, 13),
        [SEARCH_CONTENT] = borrow(s, 14)};
    row->text = search_row_text(fields, &slice->arena);
    return row->text.p ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory for the search index");
}

static int change_row(struct lite *lite, const struct search_row *row, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_search_change, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->clip_id);
    lite_bind(s, 2, row->guild_id);
    lite_bind(s, 3, row->channel_id);
    lite_bind(s, 4, row->author_id);
    sqlite3_bind_int64(s, 5, row->duration_ms);
    sqlite3_bind_int64(s, 6, row->bytes);
    sqlite3_bind_int64(s, 7, row->orientation);
    return lite_run(lite, s, NULL, err);
}

/* Whether the index has the row with these words at this place of the order (or where it was moved to when that was
 * taken). */
static bool has_same_words(sqlite3_stmt *s, const struct search_row *row)
{
    int64_t docid = sqlite3_column_int64(s, 15);
    return docid >= row->docid && search_posted_wall_ms(docid) == search_posted_wall_ms(row->docid) &&
           ry_str_eq(borrow(s, 22), row->text);
}

static bool has_same_facts(sqlite3_stmt *s, const struct search_row *row)
{
    return ry_str_eq(borrow(s, 16), row->guild_id) && ry_str_eq(borrow(s, 17), row->channel_id) &&
           ry_str_eq(borrow(s, 18), row->author_id) && sqlite3_column_int64(s, 19) == row->duration_ms &&
           sqlite3_column_int64(s, 20) == row->bytes && sqlite3_column_int64(s, 21) == row->orientation;
}

/* Looks at one clip, deletes the row that no longer holds, and notes the one that comes instead. */
static int look_at(struct lite *lite, struct slice *slice, struct ry_str id, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    struct search_row row;
    int rc = lite_get(lite, LITE_search_clip, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, id);
    rc = lite_step(lite, s, err);
    if (rc <= 0)
        return rc;
    rc = make_row(s, id, slice, &row, err);
    if (rc != RY_OK)
        return rc;
    bool there = sqlite3_column_type(s, 15) != SQLITE_NULL;
    bool same_words = there && row.text.p != NULL && has_same_words(s, &row);
    bool same_facts = same_words && has_same_facts(s, &row);
    lite_put(&s);
    if (same_words)
        return same_facts ? RY_OK : change_row(lite, &row, err);
    if (there)
        rc = lite_run_id(lite, LITE_search_out, id, NULL, err);
    if (row.text.p != NULL)
        slice->rows[slice->row_n++] = row;
    return rc;
}

static int compare_rows(const void *a, const void *b)
{
    const struct search_row *left = a, *right = b;
    if (left->docid != right->docid)
        return left->docid < right->docid ? -1 : 1;
    return memcmp(left->clip_id.p, right->clip_id.p,
                  left->clip_id.n < right->clip_id.n ? left->clip_id.n : right->clip_id.n);
}

/* Inserts at the first free docid from its own on. */
static int put_row(struct lite *lite, struct search_row *row, struct ry_error *err)
{
    for (unsigned probe = 0; probe < PROBES_MAX; probe++, row->docid++) {
        LITE_AUTO *s = NULL;
        uint64_t changed = 0;
        int rc = lite_get(lite, LITE_search_in, &s, err);
        if (rc != RY_OK)
            return rc;
        const struct ry_str texts[] = {row->clip_id, row->guild_id, row->channel_id, row->author_id};
        const int64_t numbers[] = {row->duration_ms, row->bytes, row->orientation};
        sqlite3_bind_int64(s, 1, row->docid);
        for (int i = 0; i < 4; i++)
            lite_bind(s, 2 + i, texts[i]);
        for (int i = 0; i < 3; i++)
            sqlite3_bind_int64(s, 6 + i, numbers[i]);
        lite_bind(s, 9, row->text);
        rc = lite_run(lite, s, &changed, err);
        if (rc != RY_OK)
            return rc;
        if (changed > 0)
            return run_words(lite, LITE_words_in, row->docid, row->text, err);
    }
    return RY_OK; /* so many clips of one moment that this one is not found by its words */
}

static int write_slice(struct lite *lite, struct slice *slice, struct ry_error *err)
{
    slice->rows = ry_arena_array(&slice->arena, slice->n, sizeof *slice->rows);
    if (slice->rows == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the search index");
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < slice->n; i++)
        rc = look_at(lite, slice, slice->ids[i], err);
    bool left = false;
    if (rc == RY_OK)
        rc = forget_gone(lite, &left, err);
    RY_ASSERT(rc != RY_OK || !left, "a slice made more than %d rows go", GONE_MAX);
    qsort(slice->rows, slice->row_n, sizeof *slice->rows, compare_rows);
    for (size_t i = 0; rc == RY_OK && i < slice->row_n; i++)
        rc = put_row(lite, &slice->rows[i], err);
    return rc;
}

static bool is_settled(struct lite *lite, int *rc, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    *rc = lite_get(lite, LITE_search_settled, &s, err);
    if (*rc == RY_OK)
        *rc = lite_step(lite, s, err);
    bool settled = *rc == 0;
    *rc = *rc < 0 ? *rc : RY_OK;
    return settled;
}

int lite_search_write(struct writer_engine *engine, size_t limit, bool backlog, bool *left, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    int rc;
    *left = false;
    if (is_settled(lite, &rc, err) && (!backlog || rc != RY_OK))
        return rc;
    rc = forget_gone(lite, left, err);
    if (rc != RY_OK || *left)
        return rc;
    struct slice slice = {.arena = ry_arena_make(ARENA_MAX_BYTES), .max = limit};
    slice.ids = ry_arena_array(&slice.arena, limit, sizeof *slice.ids);
    rc = slice.ids ? take_due(lite, &slice, left, err) : ry_fail(err, RY_ENOMEM, "out of memory for the search index");
    if (rc == RY_OK && slice.n == 0 && backlog)
        rc = take_renamed(lite, &slice, left, err);
    if (rc == RY_OK && slice.n == 0 && backlog && !*left)
        rc = take_unfilled(lite, &slice, left, err);
    if (rc == RY_OK)
        rc = write_slice(lite, &slice, err);
    ry_arena_free(&slice.arena);
    return rc;
}
