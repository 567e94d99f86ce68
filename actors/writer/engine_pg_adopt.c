/* engine_pg_adopt.c: is this database ours to use?
 *
 * One without tables is. One with the interface's tables is, if they have every column and rule that the engine's
 * statements rely on; whatever else is there is nobody's business. Anything else is refused with what is missing, and
 * left as it was. */
#include "actors/writer/engine_pg_schema.h"

#include <stdlib.h>

#define NAMED_MAX 6 /* missing things that an error names */

#define TEXTUAL "character varying|text|character"
#define MOMENT  "timestamp with time zone"
#define TRUTH   "boolean"
#define WHOLE   "smallint|integer|bigint"
#define REAL    "double precision|real|numeric"
#define JSON    "json|jsonb"
#define ID      "uuid|character varying|text"

/* Tables that are missing, then columns and rules of those that are there. */
static const char lacks_sql[] =
    "WITH columns (tab, col, kind) AS (VALUES "
#define COLUMN(table, column, kind) "('" table "', '" column "', '" kind "'), "
#define UNIQUE(table, columns)
#include "actors/writer/engine_pg_needs.def"
#undef COLUMN
#undef UNIQUE
    "(NULL, NULL, NULL)), rules (tab, cols) AS (VALUES "
#define COLUMN(table, column, kind)
#define UNIQUE(table, columns) "('" table "', '" columns "'), "
#include "actors/writer/engine_pg_needs.def"
#undef COLUMN
#undef UNIQUE
    "(NULL, NULL)), there AS (SELECT table_name::text AS name FROM information_schema.tables"
    " WHERE table_schema = current_schema())"
    " SELECT 'table ' || tab, 1 AS part FROM columns WHERE tab NOT IN (SELECT name FROM there) GROUP BY tab"
    " UNION ALL SELECT n.tab || '.' || n.col || coalesce(' (is ' || c.data_type || ')', ''), 2 FROM columns n"
    " LEFT JOIN information_schema.columns c ON c.table_schema = current_schema() AND c.table_name = n.tab"
    " AND c.column_name = n.col WHERE n.tab IN (SELECT name FROM there)"
    " AND c.data_type ~ ('^(' || n.kind || ')$') IS NOT TRUE"
    " UNION ALL SELECT 'UNIQUE rule on ' || n.tab || ' (' || n.cols || ')', 3 FROM rules n"
    " WHERE n.tab IN (SELECT name FROM there) AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid ="
    " to_regclass(quote_ident(n.tab)) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND n.cols ="
    " (SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = i.indrelid"
    " AND a.attnum = ANY (i.indkey))) ORDER BY 2, 1";

/* How many tables there are but reelyard's, how many of them are ones that it needs, and the name of another. */
static const char tables_sql[] =
    "WITH t AS (SELECT table_name AS name, table_name IN (''"
#define COLUMN(table, column, kind)
#define UNIQUE(table, columns) ", '" table "'"
#include "actors/writer/engine_pg_needs.def"
#undef COLUMN
#undef UNIQUE
    ") AS known FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
    " AND table_name NOT LIKE 'reelyard\\_%')"
    " SELECT current_schema(), count(*), count(*) FILTER (WHERE known), min(name) FILTER (WHERE NOT known) FROM t";

static int refuse(struct pg_link *link, const PGresult *lacks, struct ry_error *err)
{
    char names[256] = "";
    int n = PQntuples(lacks);
    size_t used = 0;
    for (int i = 0; i < n && i < NAMED_MAX && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", PQgetvalue(lacks, i, 0));
    return ry_fail(err, RY_ECONFIG, "%s is not a DiscordClipSaver database that this program can use: it lacks %s%s",
                   link->address->where, names, n > NAMED_MAX ? " and more" : "");
}

int pg_adopt_check(struct pg_link *link, int64_t wait_ms, enum pg_kind *kind, struct ry_error *err)
{
    PGresult *tables = NULL, *lacks = NULL;
    *kind = PG_KIND_EMPTY;
    int rc = pg_link_run(link, tables_sql, 0, NULL, wait_ms, &tables, err);
    if (rc != RY_OK)
        return rc;
    bool schema = !PQgetisnull(tables, 0, 0);
    unsigned long count = strtoul(PQgetvalue(tables, 0, 1), NULL, 10);
    unsigned long known = strtoul(PQgetvalue(tables, 0, 2), NULL, 10);
    if (!schema)
        rc = ry_fail(err, RY_ECONFIG, "%s has no schema to use: check the user's search_path", link->address->where);
    else if (count > 0 && known == 0)
        rc = ry_fail(err, RY_ECONFIG,
                     "%s is a database of something else (it has a table %s): name an empty one, or DiscordClipSaver's",
                     link->address->where, PQgetvalue(tables, 0, 3));
    PQclear(tables);
    if (rc != RY_OK || count == 0)
        return rc;
    *kind = PG_KIND_ARCHIVE;
    rc = pg_link_run(link, lacks_sql, 0, NULL, wait_ms, &lacks, err);
    if (rc == RY_OK && PQntuples(lacks) > 0)
        rc = refuse(link, lacks, err);
    PQclear(lacks);
    return rc;
}
