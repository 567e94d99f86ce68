/* engine_pg_find.c: walks through the search index.
 *
 * A walk's rows are cut off inside, in the order of an index, and filtered outside, so that rows that do not match count
 * as work. The word index knows no order: what it finds is sorted, which is why it is asked only for words that a walk
 * did not meet. Nothing here writes. */
#include "actors/writer/engine_pg_ops.h"
#include "actors/writer/search.h"

#define SQL_MAX_BYTES 16384

#define ADD(sql, text) (void)ry_buf_add_str((sql), RY_STR(text))

/* As the index has it (schema/pg/0009_search.sql). */
#define WORDS_OF "array_to_tsvector(array_remove(string_to_array(translate(s.text, E'\\n', ''), ' '), ''))"

struct statement {
    struct pg *pg;
    struct ry_buf *sql;
    struct pg_args args;
};

/* Appends text, then the number of a new parameter. */
static void add_text(struct statement *st, const char *before, struct ry_str value, const char *behind)
{
    pg_add_text(st->pg, &st->args, value);
    (void)ry_buf_addf(st->sql, "%s$%d%s", before, st->args.n, behind);
}

static void add_number(struct statement *st, const char *before, int64_t value, const char *behind)
{
    pg_add_i64(&st->args, value);
    (void)ry_buf_addf(st->sql, "%s$%d%s", before, st->args.n, behind);
}

static void add_filters(struct statement *st, const struct search_ask *ask)
{
    ADD(st->sql, " WHERE true");
    if (ask->guild_id.p)
        add_text(st, " AND s.guild_id = ", ask->guild_id, "");
    if (ask->channel_id.p)
        add_text(st, " AND s.channel_id = ", ask->channel_id, "");
    if (ask->author_id.p)
        add_text(st, " AND s.author_id = ", ask->author_id, "");
    if (ask->status.p)
        add_text(st, " AND EXISTS (SELECT FROM clip c WHERE c.id = s.clip_id AND c.thumbnail_status = ", ask->status,
                 ")");
    if (ask->duration_min_ms > 0)
        add_number(st, " AND s.duration_ms >= ", ask->duration_min_ms, "");
    if (ask->duration_max_ms > 0)
        add_number(st, " AND s.duration_ms BETWEEN 1 AND ", ask->duration_max_ms, "");
    if (ask->bytes_min > 0)
        add_number(st, " AND s.bytes >= ", ask->bytes_min, "");
    if (ask->bytes_max > 0)
        add_number(st, " AND s.bytes <= ", ask->bytes_max, "");
    if (ask->orientation != SEARCH_ORIENTATION_UNKNOWN)
        (void)ry_buf_addf(st->sql, " AND s.orientation = %d", (int)ask->orientation);
    if (ask->kept != 0)
        (void)ry_buf_addf(
            st->sql, " AND %s (SELECT FROM reelyard_media k WHERE k.clip_id = s.clip_id AND k.keep_state = 'kept')",
            ask->kept == 1 ? "EXISTS" : "NOT EXISTS");
    if (ask->docid_min > 0)
        add_number(st, " AND s.docid >= ", ask->docid_min, "");
    if (ask->docid_max < INT64_MAX)
        add_number(st, " AND s.docid <= ", ask->docid_max, "");
}

/* What must and must not be in the text: an array each, as there may be more of them than parameters. */
static void add_words(struct statement *st, const struct search_words *words)
{
    for (int without = 0; without < 2; without++) {
        struct ry_str needles[SEARCH_TERMS_MAX];
        size_t n = 0;
        for (size_t i = 0; i < words->n; i++)
            if (words->terms[i].without == (without != 0))
                needles[n++] = words->terms[i].needle;
        if (n == 0)
            continue;
        if (n == 1) {
            add_text(st, " AND strpos(s.text, ", needles[0], without ? ") = 0" : ") > 0");
            continue;
        }
        pg_add_strs(st->pg, &st->args, needles, n);
        (void)ry_buf_addf(st->sql, " AND NOT EXISTS (SELECT FROM unnest($%d::text[]) n WHERE strpos(s.text, n) %s 0)",
                          st->args.n, without ? ">" : "=");
    }
}

static bool by_number(const struct search_walk *walk)
{
    return walk->source == SEARCH_BY_LENGTH || walk->source == SEARCH_BY_SIZE;
}

/* The columns of the order, each behind a separator. */
static void add_order(struct statement *st, const struct search_walk *walk)
{
    const char *order = walk->rising ? "ASC" : "DESC";
    if (by_number(walk))
        (void)ry_buf_addf(st->sql, " ORDER BY s.%s %s, s.docid %s, s.clip_id %s",
                          walk->source == SEARCH_BY_LENGTH ? "duration_ms" : "bytes", order, order, order);
    else
        (void)ry_buf_addf(st->sql, " ORDER BY s.docid%s %s, s.clip_id %s",
                          walk->source == SEARCH_BY_WORDS ? " + 0" : "", order, order);
}

static void add_bound(struct statement *st, const struct search_walk *walk)
{
    const char *side = walk->rising ? ">" : "<";
    if (!walk->bounded)
        return;
    if (by_number(walk)) {
        (void)ry_buf_addf(st->sql, " AND (s.%s, s.docid, s.clip_id) %s",
                          walk->source == SEARCH_BY_LENGTH ? "duration_ms" : "bytes", side);
        add_number(st, " (", walk->from.key, "");
        add_number(st, ", ", walk->from.docid, "");
        add_text(st, ", ", walk->from.clip_id, ")");
    } else if (walk->from.clip_id.p == NULL) {
        (void)ry_buf_addf(st->sql, " AND s.docid %s", side);
        add_number(st, " ", walk->from.docid, "");
    } else {
        (void)ry_buf_addf(st->sql, " AND (s.docid, s.clip_id) %s", side);
        add_text(st, " (coalesce((SELECT docid FROM reelyard_search WHERE clip_id = ", walk->from.clip_id, ")");
        add_number(st, ", ", walk->from.docid, ")");
        add_text(st, ", ", walk->from.clip_id, ")");
    }
}

/* The rows in their order, from the place to go on from. */
static void add_rows(struct statement *st, const struct search_walk *walk)
{
    const struct search_ask *ask = walk->ask;
    ADD(st->sql, "(SELECT s.* FROM reelyard_search s WHERE true");
    if (walk->source == SEARCH_BY_WORDS) {
        RY_BUF_AUTO query = ry_buf_make(4 * SEARCH_WORDS_BYTES);
        search_words_tsquery(&ask->words, &query);
        struct ry_str kept = ry_arena_str(&st->pg->scratch, ry_buf_str(&query));
        st->pg->scratch_failed |= kept.p == NULL;
        add_text(st, " AND " WORDS_OF " @@ ", kept, "::text::tsquery");
    } else if (walk->source == SEARCH_BY_TIME && ask->author_id.p) {
        add_text(st, " AND s.author_id = ", ask->author_id, "");
    } else if (walk->source == SEARCH_BY_TIME && ask->channel_id.p) {
        add_text(st, " AND s.channel_id = ", ask->channel_id, "");
    } else if (walk->source == SEARCH_BY_TIME && ask->guild_id.p) {
        add_text(st, " AND s.guild_id = ", ask->guild_id, "");
    }
    if (walk->source == SEARCH_BY_TIME && ask->docid_min > 0)
        add_number(st, " AND s.docid >= ", ask->docid_min, "");
    if (walk->source == SEARCH_BY_TIME && ask->docid_max < INT64_MAX)
        add_number(st, " AND s.docid <= ", ask->docid_max, "");
    if (walk->source == SEARCH_BY_LENGTH)
        add_number(st, " AND s.duration_ms >= ", ask->duration_min_ms, "");
    if (walk->source == SEARCH_BY_SIZE)
        add_number(st, " AND s.bytes >= ", ask->bytes_min, "");
    add_bound(st, walk);
    if (walk->source == SEARCH_BY_WORDS) {
        ADD(st->sql, " OFFSET 0) s");
        return;
    }
    add_order(st, walk);
}

struct taking {
    const struct search_walk *walk;
    struct ry_arena *arena;
    struct search_found *found;
};

static struct search_place place_of(const PGresult *result, int row, const struct search_walk *walk,
                                    struct ry_arena *arena)
{
    int64_t docid = pg_i64(result, row, 0);
    int64_t key = walk->source == SEARCH_BY_LENGTH ? pg_i64(result, row, 2)
                  : walk->source == SEARCH_BY_SIZE ? pg_i64(result, row, 3)
                                                   : search_posted_wall_ms(docid);
    return (struct search_place){key, docid, pg_text(result, row, 1, 64, arena)};
}

static int take_hits(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct taking *t = arg;
    int n = PQntuples(result);
    for (int i = 0; i < n && t->found->n < t->walk->found_max; i++) {
        struct search_hit *hit = &t->found->hits[t->found->n++];
        *hit = (struct search_hit){.place = place_of(result, i, t->walk, t->arena),
                                   .duration_ms = pg_i64(result, i, 2),
                                   .bytes = pg_i64(result, i, 3)};
        if (hit->place.clip_id.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for what a search finds");
        if (t->walk->texts)
            hit->text = pg_text(result, i, 4, SEARCH_TEXT_MAX_BYTES, t->arena);
        if (!t->walk->facets)
            continue;
        hit->guild_id = pg_text(result, i, 5, 64, t->arena);
        hit->channel_id = pg_text(result, i, 6, 64, t->arena);
        hit->author_id = pg_text(result, i, 7, 64, t->arena);
        hit->status = pg_text(result, i, 8, 20, t->arena);
    }
    return RY_OK;
}

/* The last row that the walk looked at; none: it came to its end. */
static int take_last(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct taking *t = arg;
    t->found->ended = PQntuples(result) == 0;
    if (!t->found->ended)
        t->found->last = place_of(result, 0, t->walk, t->arena);
    return RY_OK;
}

/* Says a statement that ends when it has enough. */
static int look(struct statement *st, pg_handler *handler, struct taking *taking, struct ry_error *err)
{
    const char *text = ry_buf_cstr(st->sql);
    if (text == NULL || st->sql->failed)
        return ry_fail(err, RY_ENOMEM, "out of memory for a search");
    int rc = pg_plan_by_index(st->pg, true, err);
    return rc == RY_OK ? pg_say(st->pg, text, &st->args, handler, taking, err) : rc;
}

static int look_for_last(struct pg *pg, const struct search_walk *walk, struct taking *taking, struct ry_error *err)
{
    RY_BUF_AUTO sql = ry_buf_make(SQL_MAX_BYTES);
    struct statement st = {.pg = pg, .sql = &sql};
    int rc = pg_look_begin(pg, err);
    if (rc != RY_OK)
        return rc;
    ADD(&sql, "SELECT s.docid, s.clip_id, s.duration_ms, s.bytes FROM ");
    add_rows(&st, walk);
    (void)ry_buf_addf(&sql, " OFFSET %zu LIMIT 1) s", walk->look_max - 1);
    rc = look(&st, take_last, taking, err);
    return pg_look_end(pg, rc, err);
}

static int walk_index(void *engine, const struct search_walk *walk, struct ry_arena *arena, struct search_found *found,
                      struct ry_error *err)
{
    struct pg *pg = engine;
    RY_BUF_AUTO sql = ry_buf_make(SQL_MAX_BYTES);
    struct statement st = {.pg = pg, .sql = &sql};
    struct taking taking = {walk, arena, found};
    int rc = pg_look_begin(pg, err);
    if (rc != RY_OK)
        return rc;
    (void)ry_buf_addf(&sql, "SELECT s.docid, s.clip_id, s.duration_ms, s.bytes, %s", walk->texts ? "s.text" : "NULL");
    if (walk->facets)
        ADD(&sql, ", s.guild_id, s.channel_id, s.author_id,"
                  " (SELECT c.thumbnail_status FROM clip c WHERE c.id = s.clip_id)");
    ADD(&sql, " FROM ");
    add_rows(&st, walk);
    if (walk->source != SEARCH_BY_WORDS)
        (void)ry_buf_addf(&sql, " LIMIT %zu) s", walk->look_max);
    add_filters(&st, walk->ask);
    add_words(&st, &walk->ask->words);
    add_order(&st, walk);
    (void)ry_buf_addf(&sql, " LIMIT %zu", walk->found_max);
    rc = pg_look_end(pg, look(&st, take_hits, &taking, err), err);
    found->ended = rc == RY_OK && found->n < walk->found_max;
    if (!found->ended || walk->source == SEARCH_BY_WORDS)
        return rc;
    return look_for_last(pg, walk, &taking, err);
}

static int fetch_clips(void *engine, const struct search_hit *hits, size_t n, struct ry_arena *arena,
                       struct ry_gallery_clip *clips, size_t *count, struct ry_error *err)
{
    struct ry_str *ids = ry_arena_array(arena, n, sizeof *ids);
    *count = 0;
    if (ids == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a page");
    for (size_t i = 0; i < n; i++)
        ids[i] = hits[i].place.clip_id;
    return n > 0 ? pg_gallery_fetch(engine, ids, n, arena, clips, count, err) : RY_OK;
}

static int take_indexed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    uint64_t *permille = arg;
    *permille = 1000;
    /* Clip ids are spread evenly, so how far the filling went among them is how much of the archive is in. */
    if (PQntuples(result) > 0 && !pg_bool(result, 0, 1))
        *permille = (uint64_t)search_docid(0, pg_text(result, 0, 0, 64, &pg->scratch)) * 999 >> SEARCH_ID_BITS;
    return RY_OK;
}

static int tell_indexed(void *engine, uint64_t *permille, struct ry_error *err)
{
    return pg_look(engine, "SELECT after, done FROM reelyard_search_fill WHERE id = 1", NULL, take_indexed, permille,
                   err);
}

struct naming {
    struct ry_arena *arena;
    struct ry_str *name;
};

static int take_name(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct naming *naming = arg;
    if (PQntuples(result) > 0)
        *naming->name = pg_text(result, 0, 0, 400, naming->arena);
    return RY_OK;
}

static int tell_name(void *engine, enum writer_table kind, struct ry_str guild_id, struct ry_str id,
                     struct ry_arena *arena, struct ry_str *name, struct ry_error *err)
{
    struct pg *pg = engine;
    struct pg_args args = {0};
    struct naming naming = {arena, name};
    pg_add_text(pg, &args, id);
    if (kind == WRITER_AUTHORS)
        pg_add_text(pg, &args, guild_id);
    return pg_look(pg,
                   kind == WRITER_GUILDS     ? "SELECT name FROM guild WHERE id = $1"
                   : kind == WRITER_CHANNELS ? "SELECT name FROM channel WHERE id = $1"
                                             : "SELECT coalesce(display_name, nickname, username) FROM author"
                                               " WHERE user_id = $1 AND guild_id = $2",
                   &args, take_name, &naming, err);
}

static const struct search_source_ops source = {
    .walk = walk_index, .fetch = fetch_clips, .indexed = tell_indexed, .name = tell_name};

int pg_gallery_get(struct writer_engine *engine, const struct ry_gallery_get *get, struct ry_arena *arena,
                   struct ry_gallery_page *page, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct ry_gallery_get plain;
    *page = (struct ry_gallery_page){0};
    if (!search_is_plain(get, &plain))
        return search_page(&source, pg, get, arena, page, err);
    int rc = pg_gallery_plain(pg, &plain, arena, page, err);
    if (rc == RY_OK)
        rc = search_plain_cursors(get, page, arena, err);
    return rc == RY_OK ? tell_indexed(pg, &page->indexed_permille, err) : rc;
}

int pg_facets_get(struct writer_engine *engine, const struct ry_facets_get *get, struct ry_arena *arena,
                  struct ry_facets_page *page, struct ry_error *err)
{
    return search_facets(&source, pg_of(engine), get, arena, page, err);
}
