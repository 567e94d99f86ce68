/* engine_pg_value.h: values to and from PostgreSQL in its binary form. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_VALUE_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_VALUE_H

#include "actors/writer/engine_pg.h"

/* n zeroed bytes of the scratch arena; NULL marks it failed, which pg_say then reports. */
void *pg_room(struct pg *pg, size_t n);

/* Parameters, numbered from 1 in the order in which they are added. Texts are borrowed until the statement is said and
 * lose NUL bytes, which no text of PostgreSQL can hold. */
void pg_add_text(struct pg *pg, struct pg_args *args, struct ry_str text); /* absent: NULL */
void pg_add_i64(struct pg_args *args, int64_t value);
void pg_add_u64(struct pg_args *args, uint64_t value); /* at most INT64_MAX is stored */
void pg_add_time(struct pg_args *args, int64_t wall_ms);
void pg_add_bool(struct pg_args *args, bool value);
void pg_add_real(struct pg_args *args, double value); /* 0 or less: NULL */
void pg_add_strs(struct pg *pg, struct pg_args *args, const struct ry_str *items, size_t n);

/* Arrays, one column each, by position first, first + 1, ...: begun, filled, then added in one go. */
void pg_columns_begin(struct pg *pg, size_t first, const uint32_t *types, size_t count);
void pg_put_text(struct pg *pg, size_t column, struct ry_str text);
void pg_put_i64(struct pg *pg, size_t column, int64_t value);
void pg_put_time(struct pg *pg, size_t column, int64_t wall_ms);
void pg_put_bool(struct pg *pg, size_t column, bool value);
void pg_add_columns(struct pg *pg, struct pg_args *args, size_t first, size_t count);

/* Types (pg_type.dat). */
#define PG_BOOL 16u
#define PG_INT8 20u
#define PG_TEXT 25u
#define PG_REAL 701u
#define PG_TIME 1184u

/* Columns of a result. Text is copied to the arena, at most max bytes; NULL is absent. Integers of any width; NULL and
 * what is negative where a u64 is wanted are 0. Time: INT64_MAX for NULL and infinity. */
struct ry_str pg_text(const PGresult *result, int row, int column, size_t max, struct ry_arena *arena);
int64_t pg_i64(const PGresult *result, int row, int column);
uint64_t pg_u64(const PGresult *result, int row, int column);
bool pg_bool(const PGresult *result, int row, int column);
double pg_real(const PGresult *result, int row, int column);
int64_t pg_time(const PGresult *result, int row, int column);
bool pg_null(const PGresult *result, int row, int column);

/* A handler: puts the one number that a statement gives into *(uint64_t *)arg. */
pg_handler pg_take_count;

/* The moment that lies older_ms before now; 1970 when that is longer ago. */
int64_t pg_before_now(int64_t now_wall_ms, uint64_t older_ms);

#endif
