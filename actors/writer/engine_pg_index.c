/* engine_pg_index.c: makes the indexes that are missing.
 *
 * On a database in use they are made CONCURRENTLY, outside of any transaction, so that nobody who writes has to wait.
 * Such an index that was interrupted stays behind as INVALID: it costs and serves nothing; one of ours is dropped and
 * made anew. */
#include "actors/writer/engine_pg_schema.h"
#include "runtime/base/log.h"

#include <stdlib.h>

/* Longest wait for one index. A large table takes its time, and nothing else waits for it but this start. */
#define BUILD_WAIT_MS (INT64_C(6) * 3600 * 1000)

struct index {
    const char *name;
    const char *table;
    const char *columns;
    const char *where;
};

static const struct index indexes[] = {
#define INDEX(name, table, columns, where) {name, table, columns, where},
#include "actors/writer/engine_pg_index.def"
#undef INDEX
};

#define INDEX_COUNT (sizeof indexes / sizeof indexes[0])

/* Which are missing, by position, and whether an invalid one is in the way of a name. */
static const char missing_sql[] =
    "SELECT w.at, EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = w.name"
    " AND c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid) FROM (VALUES "
#define INDEX(name, table, columns, where) \
    "(" \
    "'" name "', '" table "', '" columns "', length($$" where "$$) > 0), "
#include "actors/writer/engine_pg_index.def"
#undef INDEX
    "(NULL, NULL, NULL, NULL)) v (name, tab, columns, partial),"
    " LATERAL (SELECT v.name, v.tab, v.columns, v.partial, array_position($1::text[], v.name) - 1 AS at) w"
    " WHERE w.name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE i.indrelid = to_regclass(quote_ident(w.tab)) AND i.indisvalid AND CASE WHEN w.partial"
    " THEN c.relname = w.name ELSE i.indpred IS NULL AND w.columns = (SELECT string_agg(a.attname, ',' ORDER BY k.n)"
    " FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, n) JOIN pg_attribute a ON a.attrelid = i.indrelid"
    " AND a.attnum = k.attnum) END) ORDER BY w.at";

static int find_missing(struct pg_link *link, int64_t wait_ms, PGresult **result, struct ry_error *err)
{
    RY_BUF_AUTO names = ry_buf_make(8192);
    for (size_t i = 0; i < INDEX_COUNT; i++)
        ry_buf_addf(&names, "%s%s", i ? "," : "{", indexes[i].name);
    ry_buf_add(&names, "}", 1);
    const char *value = ry_buf_cstr(&names);
    return value ? pg_link_run(link, missing_sql, 1, &value, wait_ms, result, err)
                 : ry_fail(err, RY_ENOMEM, "out of memory for the list of indexes");
}

int pg_index_missing(struct pg_link *link, int64_t wait_ms, size_t *missing, struct ry_error *err)
{
    PGresult *result = NULL;
    int rc = find_missing(link, wait_ms, &result, err);
    *missing = rc == RY_OK ? (size_t)PQntuples(result) : 0;
    PQclear(result);
    return rc;
}

static int make_one(struct pg_link *link, const struct index *index, bool invalid, bool concurrently,
                    struct ry_error *err)
{
    char sql[512];
    const char *how = concurrently ? "CONCURRENTLY " : "";
    int rc = RY_OK;
    if (invalid) {
        snprintf(sql, sizeof sql, "DROP INDEX %s%s", how, index->name);
        rc = pg_link_run(link, sql, 0, NULL, BUILD_WAIT_MS, NULL, err);
    }
    if (rc != RY_OK)
        return rc;
    snprintf(sql, sizeof sql, "CREATE INDEX %s%s ON \"%s\" (%s)%s%s", how, index->name, index->table, index->columns,
             index->where[0] ? " WHERE " : "", index->where);
    if (concurrently)
        RY_LOG(RY_INFO, "index_making", "index=%s table=%s", index->name, index->table);
    return pg_link_run(link, sql, 0, NULL, BUILD_WAIT_MS, NULL, err);
}

int pg_index_make(struct pg_link *link, int64_t wait_ms, bool concurrently, struct ry_error *err)
{
    PGresult *result = NULL;
    int rc = find_missing(link, wait_ms, &result, err);
    for (int i = 0; rc == RY_OK && i < PQntuples(result); i++) {
        size_t at = (size_t)strtoul(PQgetvalue(result, i, 0), NULL, 10);
        if (at < INDEX_COUNT)
            rc = make_one(link, &indexes[at], PQgetvalue(result, i, 1)[0] == 't', concurrently, err);
    }
    PQclear(result);
    return rc;
}
