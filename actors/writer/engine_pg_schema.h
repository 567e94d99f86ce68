/* engine_pg_schema.h: the schema in PostgreSQL: migrations, adoption of a foreign one, indexes, foreign keys. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_SCHEMA_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_SCHEMA_H

#include "actors/writer/engine_pg.h"

/* Brings the schema up to date, or says why this database is not for this program. */
int pg_migrate(const struct ry_config *config, struct pg_pool *pool, struct ry_error *err);

enum pg_kind { PG_KIND_EMPTY, PG_KIND_ARCHIVE };
/* Looks at the tables that are there: none, or the interface's with all that reelyard needs; else RY_ECONFIG names what
 * is missing or foreign. */
int pg_adopt_check(struct pg_link *link, int64_t wait_ms, enum pg_kind *kind, struct ry_error *err);

/* Makes the indexes that are missing. concurrently: outside of a transaction, without stopping writers. *missing: only
 * looks how many are. */
int pg_index_missing(struct pg_link *link, int64_t wait_ms, size_t *missing, struct ry_error *err);
int pg_index_make(struct pg_link *link, int64_t wait_ms, bool concurrently, struct ry_error *err);

/* Validates the foreign keys that a migration added to tables with rows, after it has deleted the rows whose guild or
 * channel is gone: those that the key would have deleted with it. Their files go on the list of files to delete. Stops
 * no writer; takes as long as reading the tables does. *unchecked: how many keys are to be validated. */
int pg_keys_unchecked(struct pg_link *link, int64_t wait_ms, size_t *unchecked, struct ry_error *err);
int pg_keys_validate(struct pg_link *link, int64_t wait_ms, struct ry_error *err);

#endif
