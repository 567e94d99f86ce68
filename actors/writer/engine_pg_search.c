/* engine_pg_search.c: keeps the search index.
 *
 * Triggers mark what changed; this takes the marks, reads what is known of their clips, and writes the rows that differ,
 * in one transaction. Writers share the marks: each takes those that no other has locked. Rows are written in the order
 * of their keys, so that two writers do not wait for each other in a circle; a clip that was deleted meanwhile is left
 * out. When it crashes, the server ends the transaction, and the marks are as before. */
#include "actors/writer/engine_pg_ops.h"
#include "actors/writer/search_row.h"

#define TEXT_BYTES 65536

struct taking {
    struct search_row *rows;
    size_t n;
    size_t marks; /* taken */
};

#define CLIP_COLUMNS \
    "c.id, c.guild_id, c.channel_id, c.author_id, m.timestamp, c.duration::double precision, c.file_size, " \
    "c.resolution," \
    " c.deleted_at IS NULL AND m.deleted_at IS NULL, c.title, c.filename, a.display_name, a.nickname, a.username, " \
    "h.name," \
    " left(m.content, 65536)"
#define CLIP_JOINS \
    " JOIN message m ON m.id = c.message_id LEFT JOIN channel h ON h.id = c.channel_id" \
    " LEFT JOIN author a ON a.user_id = c.author_id AND a.guild_id = c.guild_id"

/* ---- which clips: each statement gives how many marks or clips it took, and what is known of them ----------------- */

static const char due_sql[] =
    "WITH mine AS (SELECT seq FROM reelyard_search_due ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED),"
    " taken AS (DELETE FROM reelyard_search_due d USING mine WHERE d.seq = mine.seq RETURNING d.clip_id)"
    " SELECT (SELECT count(*) FROM taken), " CLIP_COLUMNS " FROM (SELECT DISTINCT clip_id FROM taken) t"
    " JOIN clip c ON c.id = t.clip_id" CLIP_JOINS " ORDER BY c.id";

/* The oldest mark of a name, and the next slice of its clips; a mark whose slice was not full is done. */
static const char renamed_sql[] =
    "WITH mark AS (SELECT seq, kind, id, behind FROM reelyard_search_renamed ORDER BY seq LIMIT 1 FOR UPDATE SKIP "
    "LOCKED),"
    " taken AS MATERIALIZED (SELECT s.clip_id, s.docid FROM mark CROSS JOIN LATERAL ("
    "(SELECT clip_id, docid FROM reelyard_search WHERE mark.kind = 'author' AND author_id = mark.id"
    " AND docid < mark.behind ORDER BY docid DESC LIMIT $1) UNION ALL"
    " (SELECT clip_id, docid FROM reelyard_search WHERE mark.kind = 'channel' AND channel_id = mark.id"
    " AND docid < mark.behind ORDER BY docid DESC LIMIT $1)) s),"
    " done AS (DELETE FROM reelyard_search_renamed r USING mark WHERE r.seq = mark.seq"
    " AND (SELECT count(*) FROM taken) < $1),"
    " moved AS (UPDATE reelyard_search_renamed r SET behind = (SELECT min(docid) FROM taken) FROM mark"
    " WHERE r.seq = mark.seq AND (SELECT count(*) FROM taken) >= $1)"
    " SELECT (SELECT count(*) FROM mark), " CLIP_COLUMNS " FROM taken t JOIN clip c ON c.id = t.clip_id" CLIP_JOINS
    " UNION ALL SELECT (SELECT count(*) FROM mark), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
    "NULL,"
    " NULL, NULL, NULL, NULL ORDER BY 2";

static const char fill_sql[] =
    "WITH fill AS (SELECT after FROM reelyard_search_fill WHERE id = 1 AND NOT done FOR UPDATE SKIP LOCKED),"
    " taken AS MATERIALIZED (SELECT k.id FROM fill CROSS JOIN LATERAL"
    " (SELECT id FROM clip WHERE id > fill.after ORDER BY id LIMIT $1) k),"
    " moved AS (UPDATE reelyard_search_fill f SET after = coalesce((SELECT max(id) FROM taken), f.after),"
    " done = (SELECT count(*) FROM taken) < $1 FROM fill WHERE f.id = 1)"
    " SELECT (SELECT count(*) FROM taken), " CLIP_COLUMNS " FROM taken t JOIN clip c ON c.id = t.id" CLIP_JOINS
    " ORDER BY c.id";

/* ---- what they come to ------------------------------------------------------------------------------------------- */

static int take_row(struct pg *pg, const PGresult *result, int i, struct search_row *row, struct ry_error *err)
{
    struct ry_arena *arena = &pg->scratch;
    struct ry_str id = pg_text(result, i, 1, 64, arena);
    int64_t posted_wall_ms = pg_time(result, i, 5);
    *row = (struct search_row){.clip_id = id,
                               .guild_id = pg_text(result, i, 2, 64, arena),
                               .channel_id = pg_text(result, i, 3, 64, arena),
                               .author_id = pg_text(result, i, 4, 64, arena),
                               .docid = search_docid(posted_wall_ms == INT64_MAX ? 0 : posted_wall_ms, id),
                               .duration_ms = search_duration_ms(pg_real(result, i, 6)),
                               .bytes = (int64_t)pg_u64(result, i, 7),
                               .orientation = search_orientation_of(pg_text(result, i, 8, 20, arena))};
    if (!pg_bool(result, i, 9))
        return RY_OK;
    const struct ry_str fields[SEARCH_FIELD_COUNT] = {
        [SEARCH_TITLE] = pg_text(result, i, 10, 1024, arena),
        [SEARCH_FILENAME] = pg_text(result, i, 11, 1024, arena),
        [SEARCH_AUTHOR] = search_author(pg_text(result, i, 12, 400, arena), pg_text(result, i, 13, 400, arena),
                                        pg_text(result, i, 14, 400, arena), arena),
        [SEARCH_CHANNEL] = pg_text(result, i, 15, 400, arena),
        [SEARCH_CONTENT] = pg_text(result, i, 16, TEXT_BYTES, arena)};
    row->text = search_row_text(fields, arena);
    return row->text.p ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory for the search index");
}

static int take_rows(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    struct taking *taking = arg;
    int n = PQntuples(result);
    taking->rows = ry_arena_array(&pg->scratch, (size_t)n, sizeof *taking->rows);
    if (taking->rows == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for the search index");
    int rc = RY_OK;
    taking->marks = n > 0 ? pg_u64(result, 0, 0) : 0;
    for (int i = 0; rc == RY_OK && i < n; i++)
        if (!pg_null(result, i, 1))
            rc = take_row(pg, result, i, &taking->rows[taking->n++], err);
    return rc;
}

static const char put_sql[] =
    "WITH alive AS (SELECT id FROM clip WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE)"
    " INSERT INTO reelyard_search (clip_id, guild_id, channel_id, author_id, text, docid, duration_ms, bytes, "
    "orientation)"
    " SELECT u.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],"
    " $8::bigint[], $9::bigint[]) u (clip_id, guild_id, channel_id, author_id, text, docid, duration_ms, bytes, "
    "orientation)"
    " JOIN alive ON alive.id = u.clip_id ORDER BY u.clip_id"
    " ON CONFLICT (clip_id) DO UPDATE SET guild_id = excluded.guild_id, channel_id = excluded.channel_id,"
    " author_id = excluded.author_id, text = excluded.text, docid = excluded.docid, duration_ms = excluded.duration_ms,"
    " bytes = excluded.bytes, orientation = excluded.orientation"
    " WHERE (reelyard_search.guild_id, reelyard_search.channel_id, reelyard_search.author_id, reelyard_search.text,"
    " reelyard_search.docid, reelyard_search.duration_ms, reelyard_search.bytes, reelyard_search.orientation)"
    " IS DISTINCT FROM (excluded.guild_id, excluded.channel_id, excluded.author_id, excluded.text, excluded.docid,"
    " excluded.duration_ms, excluded.bytes, excluded.orientation)";

static int put_rows(struct pg *pg, const struct taking *taking, struct ry_error *err)
{
    static const uint32_t types[] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_INT8, PG_INT8, PG_INT8, PG_INT8};
    struct pg_args args = {0};
    size_t n = 0;
    pg_columns_begin(pg, 0, types, 9);
    for (size_t i = 0; i < taking->n; i++) {
        const struct search_row *row = &taking->rows[i];
        if (row->text.p == NULL)
            continue;
        const struct ry_str texts[] = {row->clip_id, row->guild_id, row->channel_id, row->author_id, row->text};
        const int64_t numbers[] = {row->docid, row->duration_ms, row->bytes, row->orientation};
        for (size_t k = 0; k < 5; k++)
            pg_put_text(pg, k, texts[k]);
        for (size_t k = 0; k < 4; k++)
            pg_put_i64(pg, 5 + k, numbers[k]);
        n++;
    }
    pg_add_columns(pg, &args, 0, 9);
    return n > 0 ? pg_say(pg, put_sql, &args, NULL, NULL, err) : RY_OK;
}

static int delete_rows(struct pg *pg, const struct taking *taking, struct ry_error *err)
{
    struct pg_args args = {0};
    struct ry_str *ids = pg_room(pg, taking->n * sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; ids != NULL && i < taking->n; i++)
        if (taking->rows[i].text.p == NULL)
            ids[n++] = taking->rows[i].clip_id;
    if (n == 0)
        return ids ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory for the search index");
    pg_add_strs(pg, &args, ids, n);
    return pg_say(pg, "DELETE FROM reelyard_search WHERE clip_id = ANY ($1)", &args, NULL, NULL, err);
}

/* Takes clips by one of the statements above, and brings their rows up to date. */
static int write_slice(struct pg *pg, const char *sql, size_t limit, struct taking *taking, struct ry_error *err)
{
    struct pg_args args = {0};
    *taking = (struct taking){0};
    pg_add_u64(&args, limit);
    int rc = pg_say(pg, sql, &args, take_rows, taking, err);
    if (rc == RY_OK)
        rc = pg_say_sync(pg, err);
    if (rc == RY_OK && taking->n > 0)
        rc = put_rows(pg, taking, err);
    return rc == RY_OK && taking->n > 0 ? delete_rows(pg, taking, err) : rc;
}

int pg_search_write(struct writer_engine *engine, size_t limit, bool backlog, bool *left, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct taking taking;
    *left = false;
    int rc = write_slice(pg, due_sql, limit, &taking, err);
    if (rc != RY_OK)
        return rc;
    *left = taking.marks >= limit;
    if (!backlog || taking.marks > 0) {
        *left |= backlog;
        return rc;
    }
    rc = write_slice(pg, renamed_sql, limit, &taking, err);
    if (rc == RY_OK && taking.marks == 0)
        rc = write_slice(pg, fill_sql, limit, &taking, err);
    *left = rc == RY_OK && taking.marks > 0;
    return rc;
}
