/* engine_sqlite_find.c: walks through the search index.
 *
 * A row's filters are told beside it and not left to the statement, so that rows that do not match count as work and a
 * walk ends when it should. Statements are put together for each question. Nothing here writes. */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/search.h"

#include <stdlib.h>

#define SQL_MAX_BYTES 8192

#define ADD(sql, text) (void)ry_buf_add_str((sql), RY_STR(text))

enum column {
    COLUMN_DOCID,
    COLUMN_CLIP,
    COLUMN_ADMITTED,
    COLUMN_DURATION,
    COLUMN_BYTES,
    COLUMN_TEXT,
    COLUMN_GUILD,
    COLUMN_CHANNEL,
    COLUMN_AUTHOR,
    COLUMN_STATUS
};

/* ?1 guild, ?2 channel, ?3 author, ?4 status, ?5 and ?6 durations, ?7 and ?8 bytes, ?9 and ?10 docids, ?11 orientation,
 * ?12 and ?13 key and docid of the place to go on from, ?14 its clip, ?15 words. */
static void add_filters(const struct search_ask *ask, struct ry_buf *sql)
{
    ADD(sql, "(s.docid BETWEEN ?9 AND ?10");
    if (ask->guild_id.p)
        ADD(sql, " AND s.guild_id = ?1");
    if (ask->channel_id.p)
        ADD(sql, " AND s.channel_id = ?2");
    if (ask->author_id.p)
        ADD(sql, " AND s.author_id = ?3");
    if (ask->status.p)
        ADD(sql, " AND EXISTS (SELECT 1 FROM clip c WHERE c.id = s.clip_id AND c.thumbnail_status = ?4)");
    if (ask->duration_min_ms > 0)
        ADD(sql, " AND s.duration_ms >= ?5");
    if (ask->duration_max_ms > 0)
        ADD(sql, " AND s.duration_ms BETWEEN 1 AND ?6");
    if (ask->bytes_min > 0)
        ADD(sql, " AND s.bytes >= ?7");
    if (ask->bytes_max > 0)
        ADD(sql, " AND s.bytes <= ?8");
    if (ask->orientation != SEARCH_ORIENTATION_UNKNOWN)
        ADD(sql, " AND s.orientation = ?11");
    if (ask->kept != 0)
        (void)ry_buf_addf(
            sql, " AND %s (SELECT 1 FROM reelyard_media k WHERE k.clip_id = s.clip_id AND k.keep_state = 'kept')",
            ask->kept == 1 ? "EXISTS" : "NOT EXISTS");
    ADD(sql, ")");
}

/* The rows in their order, from the place to go on from. */
static void add_time(const struct search_walk *walk, struct ry_buf *sql)
{
    const struct search_ask *ask = walk->ask;
    const char *docid = walk->source == SEARCH_BY_WORDS ? "w.rowid" : "s.docid";
    if (walk->source == SEARCH_BY_WORDS)
        ADD(sql, "reelyard_words w CROSS JOIN reelyard_search s ON s.docid = w.rowid WHERE reelyard_words MATCH ?15");
    else if (ask->author_id.p)
        ADD(sql, "reelyard_search s INDEXED BY reelyard_search_author_id WHERE s.author_id = ?3");
    else if (ask->channel_id.p)
        ADD(sql, "reelyard_search s INDEXED BY reelyard_search_channel_id WHERE s.channel_id = ?2");
    else if (ask->guild_id.p)
        ADD(sql, "reelyard_search s INDEXED BY reelyard_search_guild_id WHERE s.guild_id = ?1");
    else
        ADD(sql, "reelyard_search s NOT INDEXED WHERE 1");
    (void)ry_buf_addf(sql, " AND %s >= ?9 AND %s <= ?10", docid, docid);
    if (walk->bounded)
        (void)ry_buf_addf(sql, " AND %s %s coalesce((SELECT docid FROM reelyard_search WHERE clip_id = ?14), ?13)",
                          docid, walk->rising ? ">" : "<");
    (void)ry_buf_addf(sql, " ORDER BY %s %s", docid, walk->rising ? "ASC" : "DESC");
}

static void add_number(const struct search_walk *walk, struct ry_buf *sql)
{
    bool length = walk->source == SEARCH_BY_LENGTH;
    const char *column = length ? "duration_ms" : "bytes";
    const char *order = walk->rising ? "ASC" : "DESC";
    (void)ry_buf_addf(sql, "reelyard_search s INDEXED BY reelyard_search_%s WHERE s.%s >= %s", column, column,
                      length ? "?5" : "?7");
    if (walk->bounded)
        (void)ry_buf_addf(sql, " AND (s.%s, s.docid) %s (?12, ?13)", column, walk->rising ? ">" : "<");
    (void)ry_buf_addf(sql, " ORDER BY s.%s %s, s.docid %s", column, order, order);
}

static void add_walk(const struct search_walk *walk, struct ry_buf *sql)
{
    bool text = walk->texts || walk->ask->words.n > 0;
    ADD(sql, "SELECT s.docid, s.clip_id, ");
    add_filters(walk->ask, sql);
    (void)ry_buf_addf(sql, ", s.duration_ms, s.bytes, %s", text ? "s.text" : "NULL");
    if (walk->facets)
        ADD(sql, ", s.guild_id, s.channel_id, s.author_id,"
                 " (SELECT c.thumbnail_status FROM clip c WHERE c.id = s.clip_id)");
    ADD(sql, " FROM ");
    if (walk->source == SEARCH_BY_LENGTH || walk->source == SEARCH_BY_SIZE)
        add_number(walk, sql);
    else
        add_time(walk, sql);
}

/* Parameters that the statement does not have are not bound. */
static void bind_walk(sqlite3_stmt *s, const struct search_walk *walk, struct ry_str words)
{
    const struct search_ask *ask = walk->ask;
    const struct ry_str texts[] = {ask->guild_id, ask->channel_id, ask->author_id, ask->status};
    const int64_t numbers[] = {ask->duration_min_ms, ask->duration_max_ms, ask->bytes_min,
                               ask->bytes_max,       ask->docid_min,       ask->docid_max,
                               ask->orientation,     walk->from.key,       walk->from.docid};
    int n = sqlite3_bind_parameter_count(s);
    for (int i = 0; i < 4 && i < n; i++)
        lite_bind(s, 1 + i, texts[i]);
    for (int i = 0; i < 9 && 4 + i < n; i++)
        sqlite3_bind_int64(s, 5 + i, numbers[i]);
    if (n >= 14)
        lite_bind(s, 14, walk->from.clip_id);
    if (n >= 15)
        lite_bind(s, 15, words);
}

static struct ry_str borrow(sqlite3_stmt *s, int at)
{
    const char *p = (const char *)sqlite3_column_text(s, at);
    return (struct ry_str){p, p ? (size_t)sqlite3_column_bytes(s, at) : 0};
}

static struct search_place place_of(sqlite3_stmt *s, const struct search_walk *walk, struct ry_arena *arena)
{
    int64_t docid = sqlite3_column_int64(s, COLUMN_DOCID);
    int64_t key = walk->source == SEARCH_BY_LENGTH ? sqlite3_column_int64(s, COLUMN_DURATION)
                  : walk->source == SEARCH_BY_SIZE ? sqlite3_column_int64(s, COLUMN_BYTES)
                                                   : search_posted_wall_ms(docid);
    return (struct search_place){key, docid, lite_text(s, COLUMN_CLIP, 64, arena)};
}

static int take_hit(sqlite3_stmt *s, const struct search_walk *walk, struct ry_arena *arena, struct search_hit *hit,
                    struct ry_error *err)
{
    *hit = (struct search_hit){.place = place_of(s, walk, arena),
                               .duration_ms = sqlite3_column_int64(s, COLUMN_DURATION),
                               .bytes = sqlite3_column_int64(s, COLUMN_BYTES)};
    if (walk->texts)
        hit->text = lite_text(s, COLUMN_TEXT, SEARCH_TEXT_MAX_BYTES, arena);
    if (walk->facets) {
        hit->guild_id = lite_text(s, COLUMN_GUILD, 64, arena);
        hit->channel_id = lite_text(s, COLUMN_CHANNEL, 64, arena);
        hit->author_id = lite_text(s, COLUMN_AUTHOR, 64, arena);
        hit->status = lite_text(s, COLUMN_STATUS, 20, arena);
    }
    return hit->place.clip_id.p ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory for what a search finds");
}

static int step_through(struct lite *lite, sqlite3_stmt *s, const struct search_walk *walk, struct ry_arena *arena,
                        struct search_found *found, struct ry_error *err)
{
    size_t looked = 0;
    int rc = 0;
    while (looked < walk->look_max && found->n < walk->found_max && (rc = lite_step(lite, s, err)) == 1) {
        looked++;
        if (looked == walk->look_max)
            found->last = place_of(s, walk, arena);
        if (sqlite3_column_int(s, COLUMN_ADMITTED) == 0 ||
            !search_words_match(&walk->ask->words, borrow(s, COLUMN_TEXT)))
            continue;
        int taken = take_hit(s, walk, arena, &found->hits[found->n++], err);
        if (taken != RY_OK)
            return taken;
    }
    if (rc < 0)
        return rc;
    /* 1: it stopped at a row, and there may be more. */
    found->ended = rc == 0;
    return RY_OK;
}

static int walk_index(void *engine, const struct search_walk *walk, struct ry_arena *arena, struct search_found *found,
                      struct ry_error *err)
{
    struct lite *lite = engine;
    RY_BUF_AUTO sql = ry_buf_make(SQL_MAX_BYTES);
    RY_BUF_AUTO words = ry_buf_make(4 * SEARCH_WORDS_BYTES);
    add_walk(walk, &sql);
    if (walk->source == SEARCH_BY_WORDS)
        search_words_fts5(&walk->ask->words, &words);
    const char *text = ry_buf_cstr(&sql);
    if (text == NULL || sql.failed || words.failed)
        return ry_fail(err, RY_ENOMEM, "out of memory for a search");
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(lite->db, text, -1, &s, NULL);
    if (rc != SQLITE_OK)
        return lite_fail(lite, rc, err);
    bind_walk(s, walk, ry_buf_str(&words));
    rc = step_through(lite, s, walk, arena, found, err);
    sqlite3_finalize(s);
    return rc;
}

static int fetch_clips(void *engine, const struct search_hit *hits, size_t n, struct ry_arena *arena,
                       struct ry_gallery_clip *clips, size_t *count, struct ry_error *err)
{
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        int rc = lite_gallery_fetch(engine, hits[i].place.clip_id, arena, &clips[*count], err);
        if (rc < 0)
            return rc;
        *count += rc == 1;
    }
    return RY_OK;
}

/* Clip ids are spread evenly, so how far the filling went among them is how much of the archive is in. */
static int tell_indexed(void *engine, uint64_t *permille, struct ry_error *err)
{
    struct lite *lite = engine;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_search_fill, &s, err);
    if (rc == RY_OK)
        rc = lite_step(lite, s, err);
    if (rc < 0)
        return rc;
    *permille = 1000;
    if (rc == 1 && sqlite3_column_int(s, 1) == 0)
        *permille = (uint64_t)search_docid(0, borrow(s, 0)) * 999 >> SEARCH_ID_BITS;
    return RY_OK;
}

static int tell_name(void *engine, enum writer_table kind, struct ry_str guild_id, struct ry_str id,
                     struct ry_arena *arena, struct ry_str *name, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(engine,
                      kind == WRITER_GUILDS     ? LITE_guild_name
                      : kind == WRITER_CHANNELS ? LITE_channel_name
                                                : LITE_author_name,
                      &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, guild_id);
    lite_bind(s, 2, id);
    rc = lite_step(engine, s, err);
    if (rc == 1)
        *name = lite_text(s, 0, 400, arena);
    return rc < 0 ? rc : RY_OK;
}

static const struct search_source_ops source = {
    .walk = walk_index, .fetch = fetch_clips, .indexed = tell_indexed, .name = tell_name};

int lite_gallery_get(struct writer_engine *engine, const struct ry_gallery_get *get, struct ry_arena *arena,
                     struct ry_gallery_page *page, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    struct ry_gallery_get plain;
    *page = (struct ry_gallery_page){0};
    if (!search_is_plain(get, &plain))
        return search_page(&source, lite, get, arena, page, err);
    int rc = lite_gallery_plain(lite, &plain, arena, page, err);
    if (rc == RY_OK)
        rc = search_plain_cursors(get, page, arena, err);
    return rc == RY_OK ? tell_indexed(lite, &page->indexed_permille, err) : rc;
}

int lite_facets_get(struct writer_engine *engine, const struct ry_facets_get *get, struct ry_arena *arena,
                    struct ry_facets_page *page, struct ry_error *err)
{
    return search_facets(&source, lite_look(engine), get, arena, page, err);
}
