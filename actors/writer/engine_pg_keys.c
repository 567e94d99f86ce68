/* engine_pg_keys.c: validates the foreign keys that 0003_models.sql adds to tables with rows.
 *
 * A key that is NOT VALID holds for new rows and takes rows away with their guild or channel; what is missing is the
 * check of the rows that were there before. Some of them may have lost their guild or channel while no key took them
 * along. They are deleted first, some at a time, each time in a transaction of its own, and their thumbnails' files put
 * on the list of files to delete. The check itself reads the table while others write to it. */
#include "actors/writer/engine_pg_schema.h"
#include "runtime/base/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* Rows deleted in one transaction. */
#define STEP_ROWS "2000"
/* Longest wait for one look at, or check of, a large table. */
#define TABLE_WAIT_MS (INT64_C(6) * 3600 * 1000)

static const struct {
    const char *table;
    const char *name;
} keys[] = {
    {"message", "reelyard_message_guild_id_fkey"},
    {"message", "reelyard_message_channel_id_fkey"},
    {"clip", "reelyard_clip_guild_id_fkey"},
    {"clip", "reelyard_clip_channel_id_fkey"},
};

#define KEY_COUNT (sizeof keys / sizeof keys[0])

static const char unchecked_sql[] =
    "SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated AND conname = $1"
    " AND conrelid = to_regclass($2)";

static int is_unchecked(struct pg_link *link, size_t key, int64_t wait_ms, bool *unchecked, struct ry_error *err)
{
    const char *values[] = {keys[key].name, keys[key].table};
    PGresult *result = NULL;
    int rc = pg_link_run(link, unchecked_sql, 2, values, wait_ms, &result, err);
    *unchecked = rc == RY_OK && PQntuples(result) > 0;
    PQclear(result);
    return rc;
}

int pg_keys_unchecked(struct pg_link *link, int64_t wait_ms, size_t *unchecked, struct ry_error *err)
{
    int rc = RY_OK;
    *unchecked = 0;
    for (size_t i = 0; rc == RY_OK && i < KEY_COUNT; i++) {
        bool one = false;
        rc = is_unchecked(link, i, wait_ms, &one, err);
        *unchecked += one;
    }
    return rc;
}

/* ---- rows that belong to nothing --------------------------------------------------------------------------------- */

/* Channels, by guild, whose rows have lost one of both. */
#define LOST(table) \
    "SELECT r.guild_id, r.channel_id FROM (SELECT DISTINCT guild_id, channel_id FROM " table ") r" \
    " WHERE NOT EXISTS (SELECT FROM guild g WHERE g.id = r.guild_id)" \
    " OR NOT EXISTS (SELECT FROM channel c WHERE c.id = r.channel_id)"
/* What goes with a clip goes by the clip's own foreign keys. $1 guild, $2 channel, which are looked for again: somebody
 * may have brought them since the list was made. */
#define DELETE_STEP(clips, table) \
    "WITH v AS MATERIALIZED (SELECT id FROM " table " WHERE guild_id = $1 AND channel_id = $2" \
    " AND (NOT EXISTS (SELECT FROM guild WHERE id = $1) OR NOT EXISTS (SELECT FROM channel WHERE id = $2))" \
    " LIMIT " STEP_ROWS ")," \
    " f AS (INSERT INTO reelyard_doomed_file (path, created_at) SELECT DISTINCT t.storage_path, now() FROM thumbnail " \
    "t" \
    " JOIN clip c ON c.id = t.clip_id WHERE " clips " AND t.storage_path <> '' ORDER BY 1 ON CONFLICT DO NOTHING)," \
    " d AS (DELETE FROM " table " WHERE id IN (SELECT id FROM v) RETURNING 1) SELECT count(*) FROM d"

static const struct {
    const char *table;
    const char *lost;
    const char *step;
} tables[] = {
    {"message", LOST("message"), DELETE_STEP("c.message_id IN (SELECT id FROM v)", "message")},
    {"clip", LOST("clip"), DELETE_STEP("c.id IN (SELECT id FROM v)", "clip")},
};

static int delete_of_channel(struct pg_link *link, size_t table, const char *const *place, struct ry_error *err)
{
    uint64_t deleted = 0, step = 1;
    int rc = RY_OK;
    while (rc == RY_OK && step > 0) {
        PGresult *result = NULL;
        rc = pg_link_run(link, tables[table].step, 2, place, TABLE_WAIT_MS, &result, err);
        step = rc == RY_OK ? strtoull(PQgetvalue(result, 0, 0), NULL, 10) : 0;
        deleted += step;
        PQclear(result);
    }
    if (rc == RY_OK && deleted > 0)
        RY_LOG(RY_WARNING, "rows_without_place_deleted", "table=%s guild=%s channel=%s rows=%" PRIu64,
               tables[table].table, place[0], place[1], deleted);
    return rc;
}

static int delete_lost(struct pg_link *link, size_t table, struct ry_error *err)
{
    PGresult *lost = NULL;
    int rc = pg_link_run(link, tables[table].lost, 0, NULL, TABLE_WAIT_MS, &lost, err);
    for (int i = 0; rc == RY_OK && i < PQntuples(lost); i++) {
        const char *place[] = {PQgetvalue(lost, i, 0), PQgetvalue(lost, i, 1)};
        rc = delete_of_channel(link, table, place, err);
    }
    PQclear(lost);
    return rc;
}

int pg_keys_validate(struct pg_link *link, int64_t wait_ms, struct ry_error *err)
{
    size_t unchecked = 0;
    int rc = pg_keys_unchecked(link, wait_ms, &unchecked, err);
    for (size_t i = 0; rc == RY_OK && unchecked > 0 && i < sizeof tables / sizeof tables[0]; i++)
        rc = delete_lost(link, i, err);
    for (size_t i = 0; rc == RY_OK && i < KEY_COUNT; i++) {
        bool one = false;
        char sql[160];
        rc = is_unchecked(link, i, wait_ms, &one, err);
        if (rc != RY_OK || !one)
            continue;
        RY_LOG(RY_INFO, "key_checking", "table=%s key=%s", keys[i].table, keys[i].name);
        snprintf(sql, sizeof sql, "ALTER TABLE %s VALIDATE CONSTRAINT %s", keys[i].table, keys[i].name);
        rc = pg_link_run(link, sql, 0, NULL, TABLE_WAIT_MS, NULL, err);
    }
    return rc;
}
