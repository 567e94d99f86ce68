/* search.c: chooses walks and makes pages of what they find.
 *
 * A word that many clips have is met soon by walking through all of them in the order that is asked for; one that few
 * have is found by the word index, which would have to be read whole for the former. So the walk comes first, for a
 * few thousand rows, and the word index takes over when that was not enough. Relevance is judged among the newest
 * SEARCH_RANKED clips that match, then among the next ones, so that it costs the same however many match.
 *
 * Owns nothing. */
#include "actors/writer/search.h"

#include <stdlib.h>

struct search {
    const struct search_source_ops *ops;
    void *engine;
    struct ry_arena *arena;
    struct search_ask *ask;
    enum ry_gallery_sort sort;
    size_t limit;
    bool backwards;
    bool rising; /* the direction of the walks */
    bool bounded;
    struct search_cursor cursor; /* if bounded */
    struct search_found found;
};

/* ---- the question ------------------------------------------------------------------------------------------------ */

/* gallery_get and facets_get ask alike. */
#define READ_ASK(get, ask) \
    do { \
        (ask)->guild_id = (get)->guild_id.n ? (get)->guild_id : (struct ry_str){0}; \
        (ask)->channel_id = (get)->channel_id.n ? (get)->channel_id : (struct ry_str){0}; \
        (ask)->author_id = (get)->author_id.n ? (get)->author_id : (struct ry_str){0}; \
        (ask)->status = (get)->status.n ? (get)->status : (struct ry_str){0}; \
        (ask)->duration_min_ms = (int64_t)(get)->duration_min_ms; \
        (ask)->duration_max_ms = (int64_t)(get)->duration_max_ms; \
        (ask)->bytes_min = (int64_t)(get)->bytes_min; \
        (ask)->bytes_max = (int64_t)(get)->bytes_max; \
        (ask)->orientation = search_orientation_named((get)->orientation); \
        (ask)->kept = (unsigned)(get)->kept; \
        (ask)->impossible = (get)->orientation.n > 0 && (ask)->orientation == SEARCH_ORIENTATION_UNKNOWN; \
        read_times(ask, (get)->from_wall_ms, (get)->to_wall_ms); \
    } while (0)

static void read_times(struct search_ask *ask, int64_t from_wall_ms, int64_t to_wall_ms)
{
    ask->docid_min = from_wall_ms != 0 ? search_docid(from_wall_ms, RY_STR("")) : 0;
    ask->docid_max = to_wall_ms != 0 ? search_docid(to_wall_ms, RY_STR("")) - 1 : INT64_MAX;
    ask->impossible |= ask->docid_min > ask->docid_max;
}

static struct search_ask *ask_make(struct ry_arena *arena, struct ry_error *err)
{
    struct search_ask *ask = ry_arena_alloc(arena, sizeof *ask);
    if (ask == NULL)
        (void)ry_fail(err, RY_ENOMEM, "out of memory for a search");
    return ask;
}

/* ---- walks ------------------------------------------------------------------------------------------------------- */

static int walk(struct search *s, struct search_walk *walk, struct ry_error *err)
{
    walk->ask = s->ask;
    s->found = (struct search_found){.hits = ry_arena_array(s->arena, walk->found_max, sizeof *s->found.hits)};
    if (s->found.hits == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for what a search finds");
    s->found.ended = s->ask->impossible;
    return s->ask->impossible ? RY_OK : s->ops->walk(s->engine, walk, s->arena, &s->found, err);
}

/* By time: walks first, then asks the word index. */
static int find_by_time(struct search *s, struct search_walk w, size_t look_first, struct ry_error *err)
{
    bool words = s->ask->words.with > 0;
    w.source = SEARCH_BY_TIME;
    w.look_max = words ? look_first : SEARCH_LOOK_MAX;
    int rc = walk(s, &w, err);
    if (rc != RY_OK || !words || s->found.ended || s->found.n == w.found_max)
        return rc;
    w.source = SEARCH_BY_WORDS;
    w.look_max = SEARCH_LOOK_MAX;
    return walk(s, &w, err);
}

static int compare_falling(const void *a, const void *b)
{
    const struct search_place *left = &((const struct search_hit *)a)->place;
    const struct search_place *right = &((const struct search_hit *)b)->place;
    if (left->key != right->key)
        return left->key > right->key ? -1 : 1;
    if (left->docid != right->docid)
        return left->docid > right->docid ? -1 : 1;
    size_t n = left->clip_id.n < right->clip_id.n ? left->clip_id.n : right->clip_id.n;
    return -memcmp(left->clip_id.p, right->clip_id.p, n);
}

static void reverse(struct search_hit *hits, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct search_hit other = hits[i];
        hits[i] = hits[n - 1 - i];
        hits[n - 1 - i] = other;
    }
}

/* Sorts what was found, in the direction of the walk, and keeps what lies behind the cursor, at most `most`. */
static void sort_out(struct search *s, size_t most)
{
    struct search_found *found = &s->found;
    if (found->n > 1)
        qsort(found->hits, found->n, sizeof *found->hits, compare_falling);
    if (s->rising)
        reverse(found->hits, found->n);
    size_t first = 0;
    const struct search_hit edge = {.place = s->cursor.place};
    while (s->bounded && first < found->n) {
        int by = compare_falling(&found->hits[first], &edge);
        if (s->rising ? by < 0 : by > 0)
            break;
        first++;
    }
    found->hits += first;
    found->n -= first;
    found->ended = found->n <= most;
    if (found->n > most)
        found->n = most;
}

/* By length or size. A narrow question is answered by gathering all that match and sorting them, when walking the
 * order itself does not find a page soon. */
static int find_by_number(struct search *s, struct ry_error *err)
{
    const struct search_ask *ask = s->ask;
    bool words = ask->words.with > 0;
    bool narrow = words || ask->channel_id.p || ask->author_id.p || ask->guild_id.p;
    struct search_walk w = {.source = s->sort == RY_GALLERY_LONGEST ? SEARCH_BY_LENGTH : SEARCH_BY_SIZE,
                            .rising = s->rising,
                            .bounded = s->bounded,
                            .from = s->cursor.place,
                            .look_max = narrow ? SEARCH_LOOK_FIRST : SEARCH_LOOK_MAX,
                            .found_max = s->limit + 1};
    int rc = walk(s, &w, err);
    if (rc != RY_OK || !narrow || s->found.ended || s->found.n == w.found_max)
        return rc;
    struct search_walk all = {.source = words ? SEARCH_BY_WORDS : SEARCH_BY_TIME,
                              .look_max = SEARCH_GATHER_MAX,
                              .found_max = SEARCH_GATHER_MAX};
    rc = walk(s, &all, err);
    if (rc != RY_OK)
        return rc;
    if (s->found.ended || words) {
        for (size_t i = 0; i < s->found.n; i++)
            s->found.hits[i].place.key =
                s->sort == RY_GALLERY_LONGEST ? s->found.hits[i].duration_ms : s->found.hits[i].bytes;
        sort_out(s, s->limit + 1);
        return RY_OK;
    }
    w.look_max = SEARCH_LOOK_MAX;
    return walk(s, &w, err);
}

/* ---- relevance --------------------------------------------------------------------------------------------------- */

static void judge(struct search *s)
{
    for (size_t i = 0; i < s->found.n; i++) {
        struct search_hit *hit = &s->found.hits[i];
        hit->place.key = search_words_score(&s->ask->words, hit->text);
        hit->text = (struct ry_str){0};
    }
}

/* The clips to be ranked: the newest below the anchor. */
static int rank_window(struct search *s, bool *ended, int64_t *below, struct ry_error *err)
{
    struct search_walk w = {.bounded = s->cursor.anchor != INT64_MAX,
                            .from = {.docid = s->cursor.anchor},
                            .found_max = SEARCH_RANKED,
                            .texts = true};
    int rc = find_by_time(s, w, 2 * SEARCH_LOOK_FIRST, err);
    if (rc != RY_OK)
        return rc;
    *ended = s->found.ended && s->found.n < SEARCH_RANKED;
    *below = s->found.n == SEARCH_RANKED ? s->found.hits[s->found.n - 1].place.docid : s->found.last.docid;
    judge(s);
    return RY_OK;
}

/* The window before the one of the cursor; its anchor becomes the cursor's. */
static int rank_window_before(struct search *s, struct ry_error *err)
{
    struct search_walk w = {.rising = true,
                            .bounded = true,
                            .from = {.docid = s->cursor.anchor - 1},
                            .found_max = SEARCH_RANKED,
                            .texts = true};
    int rc = find_by_time(s, w, 2 * SEARCH_LOOK_FIRST, err);
    if (rc != RY_OK)
        return rc;
    bool first = s->found.ended && s->found.n < SEARCH_RANKED;
    s->cursor.anchor = first            ? INT64_MAX
                       : s->found.n > 0 ? s->found.hits[s->found.n - 1].place.docid + 1
                                        : s->found.last.docid + 1;
    s->cursor.whole = true;
    judge(s);
    return RY_OK;
}

/* A page of what is ranked together. *outward: the cursor behind it, if there is more. */
static int find_by_relevance(struct search *s, struct search_cursor *outward, bool *more, struct ry_error *err)
{
    bool ended = false;
    int64_t below = 0;
    if (!s->bounded)
        s->cursor = (struct search_cursor){.anchor = INT64_MAX, .whole = true};
    bool before = s->backwards && s->cursor.whole && s->cursor.anchor != INT64_MAX;
    int rc = before ? rank_window_before(s, err) : rank_window(s, &ended, &below, err);
    if (rc != RY_OK)
        return rc;
    s->bounded = !s->cursor.whole;
    sort_out(s, s->limit + 1);
    *more = s->found.n > s->limit;
    *outward = (struct search_cursor){.sort = s->sort, .anchor = s->cursor.anchor};
    if (*more)
        outward->place = s->found.hits[s->limit - 1].place;
    else if (s->backwards) {
        *more = s->cursor.anchor != INT64_MAX;
        outward->whole = true;
    } else {
        *more = !ended;
        outward->anchor = below;
        outward->whole = true;
    }
    return RY_OK;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static int put_cursor(struct ry_str *into, const struct search_cursor *cursor, struct ry_arena *arena,
                      struct ry_error *err)
{
    *into = search_cursor_write(cursor, arena);
    return into->p ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory for a cursor");
}

static size_t clip_bytes(const struct ry_gallery_clip *clip)
{
    return clip->content.n + clip->url.n + clip->filename.n + clip->title.n + 1024;
}

/* Fetches the clips found, as many as fit in an answer. *taken: how many of the hits that used up. */
static int fetch(struct search *s, struct ry_gallery_page *page, size_t *taken, struct ry_error *err)
{
    size_t n = s->found.n < s->limit ? s->found.n : s->limit;
    page->clips.items = ry_arena_array(s->arena, n, sizeof *page->clips.items);
    if (page->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a page");
    int rc = s->ops->fetch(s->engine, s->found.hits, n, s->arena, page->clips.items, &page->clips.n, err);
    size_t bytes = 0, fits = 0;
    while (fits < page->clips.n && bytes < WRITER_ANSWER_MAX_BYTES)
        bytes += clip_bytes(&page->clips.items[fits++]);
    *taken = n;
    if (fits == page->clips.n || rc != RY_OK)
        return rc;
    page->clips.n = fits;
    for (size_t i = 0; i < n; i++)
        if (ry_str_eq(s->found.hits[i].place.clip_id, page->clips.items[fits - 1].clip_id))
            *taken = i + 1;
    return rc;
}

static void turn(struct ry_gallery_page *page)
{
    struct ry_gallery_clip *clips = page->clips.items;
    for (size_t i = 0; i < page->clips.n / 2; i++) {
        struct ry_gallery_clip other = clips[i];
        clips[i] = clips[page->clips.n - 1 - i];
        clips[page->clips.n - 1 - i] = other;
    }
}

/* How many clips match, or so many as were counted within the bound. */
static int count(struct search *s, struct ry_gallery_page *page, struct ry_error *err)
{
    struct search_walk w = {.found_max = SEARCH_COUNT_MAX + 1};
    int rc = find_by_time(s, w, 2 * SEARCH_LOOK_FIRST, err);
    page->total = s->found.n > SEARCH_COUNT_MAX ? SEARCH_COUNT_MAX : s->found.n;
    page->total_more = !s->found.ended || s->found.n > SEARCH_COUNT_MAX;
    return rc;
}

/* Finds, and says where to go on. */
static int find(struct search *s, struct search_cursor *outward, bool *more, struct ry_error *err)
{
    if (s->sort == RY_GALLERY_RELEVANCE)
        return find_by_relevance(s, outward, more, err);
    struct search_walk w = {
        .rising = s->rising, .bounded = s->bounded, .from = s->cursor.place, .found_max = s->limit + 1};
    int rc = s->sort == RY_GALLERY_LONGEST || s->sort == RY_GALLERY_LARGEST
                 ? find_by_number(s, err)
                 : find_by_time(s, w, SEARCH_LOOK_FIRST, err);
    bool full = s->found.n > s->limit;
    *more = full || !s->found.ended;
    *outward = (struct search_cursor){.sort = s->sort, .anchor = INT64_MAX};
    outward->place = full ? s->found.hits[s->limit - 1].place : s->found.last;
    return rc;
}

static int make_page(struct search *s, struct ry_gallery_page *page, struct ry_error *err)
{
    struct search_cursor outward = {0}, inward = s->cursor;
    bool more = false;
    const bool came_by_cursor = s->bounded;
    size_t taken = 0;
    int rc = find(s, &outward, &more, err);
    if (rc == RY_OK)
        rc = fetch(s, page, &taken, err);
    if (rc != RY_OK)
        return rc;
    if (taken > 0 && taken < s->found.n && taken < s->limit) { /* cut by the answer's size */
        more = true;
        outward.whole = false;
        outward.anchor = s->cursor.anchor;
        outward.place = s->found.hits[taken - 1].place;
    }
    inward.sort = s->sort;
    inward.anchor = s->sort == RY_GALLERY_RELEVANCE ? s->cursor.anchor : INT64_MAX;
    if (s->found.n > 0 && !(came_by_cursor && inward.whole && !s->backwards)) {
        inward.place = s->found.hits[0].place;
        inward.whole = false;
    }
    if (more)
        rc = put_cursor(s->backwards ? &page->previous : &page->next, &outward, s->arena, err);
    if (rc == RY_OK && came_by_cursor)
        rc = put_cursor(s->backwards ? &page->next : &page->previous, &inward, s->arena, err);
    if (s->backwards)
        turn(page);
    page->more = page->next.p != NULL;
    return rc;
}

/* The question's own faults are told in page->refused. */
static bool read_question(struct search *s, const struct ry_gallery_get *get, struct ry_gallery_page *page,
                          struct ry_arena *arena)
{
    struct ry_error why;
    if (get->query.n > 0 && search_words_read(get->query, &s->ask->words, &why) != RY_OK) {
        page->refused = ry_arena_str(arena, ry_str_of(why.text));
        return false;
    }
    READ_ASK(get, s->ask);
    s->sort = (enum ry_gallery_sort)get->sort;
    if (s->sort == RY_GALLERY_RELEVANCE && s->ask->words.with == 0)
        s->sort = RY_GALLERY_NEWEST;
    s->bounded = get->cursor.n > 0;
    if (s->bounded && !search_cursor_read(get->cursor, s->sort, &s->cursor)) {
        page->refused = RY_STR("the cursor is none of this question; start again without it");
        return false;
    }
    if (!s->bounded && s->sort == RY_GALLERY_NEWEST && get->before_wall_ms != INT64_MAX && get->before_id.n > 0) {
        s->bounded = true;
        s->cursor.place = (struct search_place){get->before_wall_ms, search_docid(get->before_wall_ms, get->before_id),
                                                get->before_id};
    }
    s->backwards = get->backwards && s->bounded;
    s->rising = (s->sort == RY_GALLERY_OLDEST) != s->backwards;
    return true;
}

int search_page(const struct search_source_ops *ops, void *engine, const struct ry_gallery_get *get,
                struct ry_arena *arena, struct ry_gallery_page *page, struct ry_error *err)
{
    struct search s = {.ops = ops, .engine = engine, .arena = arena, .limit = get->limit};
    *page = (struct ry_gallery_page){0};
    s.ask = ask_make(arena, err);
    if (s.ask == NULL)
        return RY_ENOMEM;
    int rc = ops->indexed(engine, &page->indexed_permille, err);
    if (rc != RY_OK || !read_question(&s, get, page, arena))
        return rc;
    rc = make_page(&s, page, err);
    if (rc == RY_OK && get->count)
        rc = count(&s, page, err);
    return rc;
}

/* ---- a plain question -------------------------------------------------------------------------------------------- */

bool search_is_plain(const struct ry_gallery_get *get, struct ry_gallery_get *plain)
{
    struct search_cursor cursor;
    *plain = *get;
    if (get->clip_id.n > 0)
        return true;
    if (get->query.n > 0 || get->author_id.n > 0 || get->duration_min_ms || get->duration_max_ms || get->bytes_min ||
        get->bytes_max || get->from_wall_ms || get->to_wall_ms || get->orientation.n > 0 || get->kept ||
        get->backwards || get->count || get->sort != RY_GALLERY_NEWEST)
        return false;
    if (get->cursor.n == 0)
        return true;
    if (!search_cursor_read(get->cursor, RY_GALLERY_NEWEST, &cursor))
        return false;
    plain->before_wall_ms = cursor.place.key;
    plain->before_id = cursor.place.clip_id;
    return true;
}

static struct search_cursor cursor_of(const struct ry_gallery_clip *clip)
{
    return (struct search_cursor){
        .sort = RY_GALLERY_NEWEST,
        .place = {clip->posted_wall_ms, search_docid(clip->posted_wall_ms, clip->clip_id), clip->clip_id},
        .anchor = INT64_MAX};
}

int search_plain_cursors(const struct ry_gallery_get *get, struct ry_gallery_page *page, struct ry_arena *arena,
                         struct ry_error *err)
{
    int rc = RY_OK;
    if (page->clips.n == 0 || get->clip_id.n > 0)
        return rc;
    if (page->more) {
        const struct search_cursor last = cursor_of(&page->clips.items[page->clips.n - 1]);
        rc = put_cursor(&page->next, &last, arena, err);
    }
    if (rc == RY_OK && (get->cursor.n > 0 || get->before_wall_ms != INT64_MAX)) {
        const struct search_cursor first = cursor_of(&page->clips.items[0]);
        rc = put_cursor(&page->previous, &first, arena, err);
    }
    return rc;
}

/* ---- counts ------------------------------------------------------------------------------------------------------ */

struct tally {
    struct ry_str guild_id;
    struct ry_str id;
    uint64_t count;
};

static int compare_ids(const void *a, const void *b)
{
    const struct tally *left = a, *right = b;
    size_t n = left->id.n < right->id.n ? left->id.n : right->id.n;
    int by = n > 0 ? memcmp(left->id.p, right->id.p, n) : 0;
    return by != 0 ? by : left->id.n < right->id.n ? -1 : left->id.n > right->id.n;
}

static int compare_counts(const void *a, const void *b)
{
    const struct tally *left = a, *right = b;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return compare_ids(a, b);
}

/* Brings equal ids together; returns how many there are. */
static size_t add_up(struct tally *tallies, size_t n)
{
    size_t kinds = 0;
    qsort(tallies, n, sizeof *tallies, compare_ids);
    for (size_t i = 0; i < n; i++) {
        if (kinds > 0 && ry_str_eq(tallies[kinds - 1].id, tallies[i].id))
            tallies[kinds - 1].count++;
        else
            tallies[kinds++] = tallies[i];
    }
    qsort(tallies, kinds, sizeof *tallies, compare_counts);
    return kinds;
}

static int tell_facets(struct search *s, struct tally *tallies, enum writer_table kind, struct ry_facet **items,
                       size_t *n, struct ry_error *err)
{
    size_t kinds = s->found.n > 0 ? add_up(tallies, s->found.n) : 0;
    *n = kinds < s->limit ? kinds : s->limit;
    *items = ry_arena_array(s->arena, *n, sizeof **items);
    if (*items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for counts");
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < *n; i++) {
        struct ry_facet *facet = &(*items)[i];
        *facet = (struct ry_facet){.id = tallies[i].id, .count = tallies[i].count};
        if (kind != WRITER_CLIPS)
            rc = s->ops->name(s->engine, kind, tallies[i].guild_id, tallies[i].id, s->arena, &facet->name, err);
    }
    return rc;
}

/* The values of one kind, of every clip found. */
static struct tally *values_of(struct search *s, size_t offset)
{
    struct tally *tallies = ry_arena_array(s->arena, s->found.n, sizeof *tallies);
    for (size_t i = 0; tallies != NULL && i < s->found.n; i++) {
        const struct search_hit *hit = &s->found.hits[i];
        tallies[i] =
            (struct tally){hit->guild_id, *(const struct ry_str *)(const void *)((const char *)hit + offset), 1};
    }
    return tallies;
}

#define TELL(page, list, field, kind) \
    tell_facets(s, values_of(s, offsetof(struct search_hit, field)), kind, &(page)->list.items, &(page)->list.n, err)

static int tell_all(struct search *s, struct ry_facets_page *page, struct ry_error *err)
{
    page->counted = s->found.n;
    page->more = !s->found.ended;
    int rc = TELL(page, guilds, guild_id, WRITER_GUILDS);
    if (rc == RY_OK)
        rc = TELL(page, channels, channel_id, WRITER_CHANNELS);
    if (rc == RY_OK)
        rc = TELL(page, authors, author_id, WRITER_AUTHORS);
    return rc == RY_OK ? TELL(page, states, status, WRITER_CLIPS) : rc;
}

int search_facets(const struct search_source_ops *ops, void *engine, const struct ry_facets_get *get,
                  struct ry_arena *arena, struct ry_facets_page *page, struct ry_error *err)
{
    struct search s = {.ops = ops, .engine = engine, .arena = arena, .limit = get->limit};
    struct ry_error why;
    *page = (struct ry_facets_page){0};
    s.ask = ask_make(arena, err);
    if (s.ask == NULL)
        return RY_ENOMEM;
    int rc = ops->indexed(engine, &page->indexed_permille, err);
    if (rc != RY_OK)
        return rc;
    if (get->query.n > 0 && search_words_read(get->query, &s.ask->words, &why) != RY_OK) {
        page->refused = ry_arena_str(arena, ry_str_of(why.text));
        return RY_OK;
    }
    READ_ASK(get, s.ask);
    struct search_walk w = {.found_max = SEARCH_GATHER_MAX, .facets = true};
    rc = find_by_time(&s, w, SEARCH_LOOK_FIRST, err);
    return rc == RY_OK ? tell_all(&s, page, err) : rc;
}
