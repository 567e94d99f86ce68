/* engine_pg_value.c: values to and from PostgreSQL in its binary form.
 *
 * Arrays are built in one buffer a column, which needs no escaping and is read by the server without a parser. Times
 * are microseconds since 2000-01-01 (integer_datetimes, the only form since version 10).
 * Source: PostgreSQL 15, array_recv and timestamptz_recv. */
#include "actors/writer/engine_pg_value.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

#include <endian.h>
#include <limits.h>

#define EPOCH_2000_WALL_MS INT64_C(946684800000)
/* The first moment of year 1: what ry_time_format clamps to. */
#define FIRST_WALL_MS (-INT64_C(62135596800000))

#define COLUMN_MAX_BYTES ((size_t)512 << 20)
#define ARRAY_HEAD_BYTES 20

void *pg_room(struct pg *pg, size_t n)
{
    void *p = ry_arena_alloc(&pg->scratch, n);
    if (p == NULL)
        pg->scratch_failed = true;
    return p;
}

static struct ry_str without_nul(struct pg *pg, struct ry_str text)
{
    if (text.n == 0 || memchr(text.p, '\0', text.n) == NULL)
        return text;
    uint64_t cut = 0;
    return writer_text_fit(text, WRITER_WIDTH_ANY, &pg->scratch, &cut, &pg->scratch_failed);
}

static int64_t to_pg_us(int64_t wall_ms)
{
    if (wall_ms > PG_NEVER_WALL_MS)
        wall_ms = PG_NEVER_WALL_MS;
    if (wall_ms < FIRST_WALL_MS)
        wall_ms = FIRST_WALL_MS;
    return (wall_ms - EPOCH_2000_WALL_MS) * 1000;
}

int64_t pg_before_now(int64_t now_wall_ms, uint64_t older_ms)
{
    return now_wall_ms > 0 && older_ms < (uint64_t)now_wall_ms ? now_wall_ms - (int64_t)older_ms : 0;
}

/* ---- single parameters --------------------------------------------------------------------------------------- */

static void add(struct pg_args *args, Oid type, const void *value, size_t n)
{
    RY_ASSERT(args->n < PG_ARGS_MAX && n <= INT_MAX, "%d parameters, one of %zu bytes", args->n, n);
    int i = args->n++;
    args->types[i] = type;
    args->values[i] = value;
    args->lengths[i] = (int)n;
    args->formats[i] = 1;
    args->bytes += n;
}

void pg_add_text(struct pg *pg, struct pg_args *args, struct ry_str text)
{
    text = without_nul(pg, text);
    add(args, PG_TEXT, text.p, text.n);
}

static void add_word(struct pg_args *args, Oid type, uint64_t word)
{
    RY_ASSERT(args->n < PG_ARGS_MAX, "%d parameters", args->n);
    args->words[args->n] = htobe64(word);
    add(args, type, &args->words[args->n], 8);
}

void pg_add_i64(struct pg_args *args, int64_t value)
{
    add_word(args, PG_INT8, (uint64_t)value);
}

void pg_add_u64(struct pg_args *args, uint64_t value)
{
    add_word(args, PG_INT8, value > INT64_MAX ? INT64_MAX : value);
}

void pg_add_time(struct pg_args *args, int64_t wall_ms)
{
    add_word(args, PG_TIME, (uint64_t)to_pg_us(wall_ms));
}

void pg_add_bool(struct pg_args *args, bool value)
{
    RY_ASSERT(args->n < PG_ARGS_MAX, "%d parameters", args->n);
    args->words[args->n] = 0;
    memcpy(&args->words[args->n], value ? "\1" : "\0", 1);
    add(args, PG_BOOL, &args->words[args->n], 1);
}

void pg_add_real(struct pg_args *args, double value)
{
    uint64_t word = 0;
    memcpy(&word, &value, sizeof word);
    if (value > 0)
        add_word(args, PG_REAL, word);
    else
        add(args, PG_REAL, NULL, 0);
}

/* ---- arrays -------------------------------------------------------------------------------------------------- */

static Oid array_type(uint32_t type)
{
    switch (type) {
    case PG_BOOL: return 1000;
    case PG_INT8: return 1016;
    case PG_TIME: return 1185;
    default: return 1009; /* text[] */
    }
}

static void column_begin(struct pg_column *column, uint32_t type)
{
    if (column->buf.max == 0)
        column->buf = ry_buf_make(COLUMN_MAX_BYTES);
    ry_buf_reset(&column->buf);
    column->n = 0;
    column->type = type;
    column->nulls = false;
    static const char head[ARRAY_HEAD_BYTES] = "";
    ry_buf_add(&column->buf, head, sizeof head);
}

void pg_columns_begin(struct pg *pg, size_t first, const uint32_t *types, size_t count)
{
    RY_ASSERT(first + count <= PG_ARGS_MAX + PG_FENCE_COLUMNS, "columns %zu..%zu", first, first + count);
    for (size_t i = 0; i < count; i++)
        column_begin(&pg->columns[first + i], types[i]);
}

static void put(struct pg_column *column, const void *value, size_t n)
{
    RY_ASSERT(column->buf.n >= ARRAY_HEAD_BYTES || column->buf.failed, "a column that was not begun");
    RY_ASSERT(n < UINT32_MAX, "a value of %zu bytes", n);
    uint32_t length = htobe32(value ? (uint32_t)n : UINT32_MAX);
    char *p = ry_buf_reserve(&column->buf, sizeof length + n);
    column->n++;
    if (p == NULL)
        return;
    memcpy(p, &length, sizeof length);
    if (value != NULL && n > 0)
        memcpy(p + sizeof length, value, n);
    column->nulls |= value == NULL;
    column->buf.n += sizeof length + (value ? n : 0);
}

void pg_put_text(struct pg *pg, size_t column, struct ry_str text)
{
    text = without_nul(pg, text);
    put(&pg->columns[column], text.p, text.n);
}

void pg_put_i64(struct pg *pg, size_t column, int64_t value)
{
    uint64_t word = htobe64((uint64_t)value);
    put(&pg->columns[column], &word, sizeof word);
}

void pg_put_time(struct pg *pg, size_t column, int64_t wall_ms)
{
    pg_put_i64(pg, column, to_pg_us(wall_ms));
}

void pg_put_bool(struct pg *pg, size_t column, bool value)
{
    put(&pg->columns[column], value ? "\1" : "\0", 1);
}

void pg_add_columns(struct pg *pg, struct pg_args *args, size_t first, size_t count)
{
    RY_ASSERT(first + count <= PG_ARGS_MAX + PG_FENCE_COLUMNS, "columns %zu..%zu", first, first + count);
    for (size_t i = 0; i < count; i++) {
        struct pg_column *column = &pg->columns[first + i];
        if (column->buf.failed || column->buf.p == NULL) {
            pg->scratch_failed = true;
            add(args, array_type(column->type), NULL, 0);
            continue;
        }
        /* Dimensions, whether there are NULLs, type; then of the one dimension: elements, first index. */
        const uint32_t head[5] = {htobe32(column->n > 0), htobe32(column->nulls), htobe32(column->type),
                                  htobe32(column->n), htobe32(1)};
        memcpy(column->buf.p, head, sizeof head);
        add(args, array_type(column->type), column->buf.p, column->n > 0 ? column->buf.n : 12);
    }
}

void pg_add_strs(struct pg *pg, struct pg_args *args, const struct ry_str *items, size_t n)
{
    /* A column of its own, behind those that statements fill by position. */
    struct pg_column column = {.buf = ry_buf_make(COLUMN_MAX_BYTES)};
    column_begin(&column, PG_TEXT);
    for (size_t i = 0; i < n; i++) {
        struct ry_str text = without_nul(pg, items[i]);
        put(&column, text.p, text.n);
    }
    const uint32_t head[5] = {htobe32(n > 0), htobe32(column.nulls), htobe32(PG_TEXT), htobe32((uint32_t)n),
                              htobe32(1)};
    size_t bytes = n > 0 ? column.buf.n : 12;
    char *copy = column.buf.failed ? NULL : pg_room(pg, bytes);
    if (copy != NULL) {
        memcpy(column.buf.p, head, sizeof head);
        memcpy(copy, column.buf.p, bytes);
    } else {
        pg->scratch_failed = true;
    }
    add(args, array_type(PG_TEXT), copy, copy ? bytes : 0);
    ry_buf_free(&column.buf);
}

/* ---- results ------------------------------------------------------------------------------------------------- */

bool pg_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) != 0;
}

struct ry_str pg_text(const PGresult *result, int row, int column, size_t max, struct ry_arena *arena)
{
    if (pg_null(result, row, column))
        return (struct ry_str){0};
    struct ry_str stored = {PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
    stored = ry_utf8_head(stored, max);
    char *copy = ry_arena_alloc(arena, stored.n + 1);
    if (copy == NULL)
        return (struct ry_str){0};
    memcpy(copy, stored.p, stored.n);
    copy[stored.n] = '\0';
    /* The server gives what it has checked; what stands between may not. */
    ry_utf8_mend(copy, stored.n);
    return (struct ry_str){copy, stored.n};
}

int64_t pg_i64(const PGresult *result, int row, int column)
{
    if (pg_null(result, row, column))
        return 0;
    const char *p = PQgetvalue(result, row, column);
    uint64_t value = 0;
    int n = PQgetlength(result, row, column);
    for (int i = 0; i < n && i < 8; i++)
        value = value << 8 | (unsigned char)p[i];
    if (n == 2)
        return (int16_t)value;
    return n == 4 ? (int32_t)value : (int64_t)value;
}

uint64_t pg_u64(const PGresult *result, int row, int column)
{
    int64_t value = pg_i64(result, row, column);
    return value < 0 ? 0 : (uint64_t)value;
}

bool pg_bool(const PGresult *result, int row, int column)
{
    return !pg_null(result, row, column) && PQgetlength(result, row, column) == 1 &&
           PQgetvalue(result, row, column)[0] != 0;
}

double pg_real(const PGresult *result, int row, int column)
{
    double value = 0;
    int64_t word = pg_i64(result, row, column);
    if (!pg_null(result, row, column) && PQgetlength(result, row, column) == 8)
        memcpy(&value, &word, sizeof value);
    return value;
}

int64_t pg_time(const PGresult *result, int row, int column)
{
    if (pg_null(result, row, column))
        return INT64_MAX;
    int64_t us = pg_i64(result, row, column);
    if (us == INT64_MAX || us == INT64_MIN) /* infinity */
        return us == INT64_MAX ? INT64_MAX : INT64_MIN;
    int64_t ms = us / 1000 - (us % 1000 < 0);
    return ms + EPOCH_2000_WALL_MS;
}

int pg_take_count(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    *(uint64_t *)arg = pg_u64(result, 0, 0);
    return RY_OK;
}
