/* writer_search_suite.c: clips are found by their words, filtered, sorted, paged and counted, on every engine alike. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/actor.h"

#define CLIPS 12u

/* Clip i is of message i, posted i seconds after the clock's time; even ones are user 0's ("User 0"), odd ones user 1's
 * ("Björn"). */
static const struct {
    const char *content;
    const char *filename;
} clips[CLIPS] = {
    {"look at this goal", "goal-1.mp4"},                        /* 0 */
    {"Überraschung am Sonntag", "clip_2.MOV"},                  /* 1 */
    {"goalkeeper saves it", "save.mp4"},                        /* 2 */
    {"東京タワー night walk", "tokyo.webm"},                    /* 3 */
    {"fire 🔥🔥 tonight", "x.mp4"},                               /* 4 */
    {"don't look back", "back.mp4"},                            /* 5 */
    {"this goal look", "again.mp4"},                            /* 6 */
    {"", "IMG 2024 final cut.mp4"},                             /* 7 */
    {"STRASSE und Straße", "weg.mp4"},                          /* 8 */
    {"cafe\xcc\x81 naïve ﬁlm", "decomposed.mp4"},               /* 9 */
    {"goal goal goal", "goal.mp4"},                             /* 10 */
    {"100% (sure) o'clock; DROP TABLE 'x' AND \"y\"", "q.mp4"}, /* 11 */
};

static void search_write(struct writer_fixture *f, bool backlog)
{
    bool left = false;
    IN_TRANSACTION(f, search_write(f->engine, 10000, backlog, &left, &err));
}

static struct ry_batch_write *clips_make(struct writer_fixture *f)
{
    struct ry_batch_write *batch = writer_batch_make(f, 0, CLIPS);
    batch->authors.items[1].display_name = RY_STR("Björn");
    for (unsigned i = 0; i < CLIPS; i++) {
        batch->messages.items[i].content = ry_str_of(clips[i].content);
        batch->clips.items[i].filename = ry_str_of(clips[i].filename);
    }
    return batch;
}

static void fill(struct writer_fixture *f)
{
    (void)writer_batch_commit(f, clips_make(f), WRITER_BRISK);
}

static struct ry_gallery_page ask(struct writer_fixture *f, struct ry_gallery_get get)
{
    struct ry_gallery_page page;
    struct ry_error err;
    if (get.limit == 0)
        get.limit = 50;
    get.before_wall_ms = INT64_MAX;
    if (f->engine->ops->gallery_get(f->engine, &get, &f->arena, &page, &err) != RY_OK)
        fail_msg("'%.*s': %s", RY_STR_ARG(get.query), err.text);
    assert_int_equal(ry_check(RY_TAG_gallery_page, &page, &err), RY_OK);
    return page;
}

/* The numbers of a page's clips, "3 1 0". */
static size_t add_numbers(const struct ry_gallery_page *page, char *text, size_t bytes, size_t n)
{
    for (size_t i = 0; i < page->clips.n; i++) {
        uint64_t id = 0;
        assert_true(ry_str_u64(page->clips.items[i].message_id, &id));
        n += (size_t)snprintf(text + n, bytes - n, "%s%lu", n ? " " : "", (unsigned long)id - 100000);
    }
    return n;
}

static void assert_found(struct writer_fixture *f, struct ry_gallery_get get, const char *expected)
{
    char text[256] = "";
    struct ry_gallery_page page = ask(f, get);
    if (page.refused.p)
        fail_msg("'%.*s' is refused: %.*s", RY_STR_ARG(get.query), RY_STR_ARG(page.refused));
    (void)add_numbers(&page, text, sizeof text, 0);
    if (strcmp(text, expected) != 0)
        fail_msg("'%.*s' (sort %d) finds '%s', not '%s'", RY_STR_ARG(get.query), (int)get.sort, text, expected);
}

void search_finds_words_in_any_script(void **state)
{
    static const struct {
        const char *query;
        const char *found;
    } cases[] = {
        {"goal", "10 6 2 0"},
        {"GOAL look", "6 0"},
        {"look goal", "6 0"},
        {"\"goal\"", "10 6 0"},
        {"\"this goal\"", "6 0"},
        {"\"goal look\"", "6"},
        {"goal -look", "10 2"},
        {"goal -\"this goal\"", "10 2"},
        {"-goal -björn", "8 4 2"}, /* a goalkeeper is no goal */
        {"uberraschung", "1"},
        {"Überr", "1"},
        {"strasse", "8"},
        {"straße", "8"},
        {"café", "9"},
        {"cafe naive film", "9"},
        {"bjorn", "11 9 7 5 3 1"},
        {"user 0 goal", "10 6 2 0"},
        {"東京", "3"},
        {"京", "3"},
        {"京東", ""},
        {"タワー", "3"},
        {"🔥", "4"},
        {"🔥🔥", "4"},
        {"🔥🔥🔥", ""},
        {"don't", "5"},
        {"don", "5"},
        {"mp4", "11 10 9 8 7 6 5 4 2 0"},
        {"final cut", "7"},
        {"img 2024", "7"},
        {"clip_2.mov", "1"},
        {"clips", "11 10 9 8 7 6 5 4 3 2 1 0"},
        {"100% (sure)", "11"},
        {"\"o'clock\" drop", "11"},
        {"goalx", ""},
        {"oal", ""},
        {"\"cut mp4 bjorn\"", ""}, /* no phrase runs from a field into the next */
    };
    struct writer_fixture *f = *state;
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("goal")}, "");
    fill(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_found(f, (struct ry_gallery_get){.query = ry_str_of(cases[i].query)}, cases[i].found);
}

void search_takes_whatever_is_typed(void **state)
{
    static const char *const empty[] = {"", "\"", "\"\"", "-", "--", "- -", "!?%&", "\"\" -\"\"", "()*:^~", "\t\n"};
    static const char *const any[] = {
        "\"goal",   "goal\"",       "go\"al", "AND",    "goal AND look", "NEAR(goal, look)",
        "goal* OR", "col:goal",     "'; --",  "\\",     "goal:*",        "a & b | !c",
        "\x7f",     "\xf0\x9f\x94", "%s%n%d", "^goal$", "-\"",           "a\xcc\x81\xcc\x81",
        "﷽"};
    struct writer_fixture *f = *state;
    fill(f);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        assert_int_equal(ask(f, (struct ry_gallery_get){.query = ry_str_of(empty[i]), .count = true}).clips.n, CLIPS);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        for (unsigned sort = 0; sort <= RY_GALLERY_RELEVANCE; sort++)
            assert_null(ask(f, (struct ry_gallery_get){.query = ry_str_of(any[i]), .sort = sort}).refused.p);
    assert_found(f, (struct ry_gallery_get){.query = {"go\0al", 5}}, "");
    assert_found(f, (struct ry_gallery_get){.query = {"goal\0look", 9}}, "6 0");
    char *lengthy = ry_arena_alloc(&f->arena, 10240);
    assert_non_null(lengthy);
    for (size_t i = 0; i < 10240; i++)
        lengthy[i] = i % 6 == 5 ? ' ' : 'g';
    assert_non_null(ask(f, (struct ry_gallery_get){.query = {lengthy, 10240}}).refused.p);
    assert_non_null(ask(f, (struct ry_gallery_get){.query = {lengthy, 1900}}).refused.p); /* too many words */
    memset(lengthy, 'g', 2000);
    assert_found(f, (struct ry_gallery_get){.query = {lengthy, 2000}}, "");
}

/* Lengths rise with the number, but for clip 3, of which none is known; every third stands upright. */
static void fill_facts(struct writer_fixture *f)
{
    fill(f);
    for (unsigned i = 0; i < CLIPS; i++) {
        struct ry_clip_completed completed = writer_completed_make(f, i);
        struct ry_clip_settled settled;
        bool found, left;
        completed.facts.items->duration_s = 10.0 + i;
        if (i % 3 == 1)
            completed.facts.items->width = 720, completed.facts.items->height = 1280;
        else if (i == 2)
            completed.facts.items->width = completed.facts.items->height = 600;
        if (i != 3)
            IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
        IN_TRANSACTION(f, search_write(f->engine, 100, false, &left, &err));
    }
    f->store->execute(f->store,
                      "INSERT INTO reelyard_media (clip_id, keep_state, keep_attempts, playable_attempts, sha256,"
                      " kept_path, kept_bytes) SELECT id, 'kept', 0, 0,"
                      " 'ab0c3f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccd', 'media/ab/0c.mp4', 5"
                      " FROM clip WHERE file_size IN (1002, 1005)");
}

void search_filters_and_sorts(void **state)
{
#define SECONDS(n) (WRITER_START_WALL_MS + (n)*1000)
    static const struct {
        struct ry_gallery_get get;
        const char *found;
    } cases[] = {
        {{.sort = RY_GALLERY_OLDEST}, "0 1 2 3 4 5 6 7 8 9 10 11"},
        {{.sort = RY_GALLERY_LONGEST}, "11 10 9 8 7 6 5 4 2 1 0 3"},
        {{.sort = RY_GALLERY_LARGEST}, "11 10 9 8 7 6 5 4 3 2 1 0"},
        {{.sort = RY_GALLERY_LONGEST, .query = {"goal", 4}}, "10 6 2 0"},
        {{.sort = RY_GALLERY_RELEVANCE, .query = {"goal", 4}}, "10 0 6 2"},
        {{.sort = RY_GALLERY_OLDEST, .query = {"goal", 4}}, "0 2 6 10"},
        {{.author_id = {"300", 3}}, "10 8 6 4 2 0"},
        {{.author_id = {"300", 3}, .query = {"goal look", 9}}, "6 0"},
        {{.author_id = {"301", 3}, .query = {"goal", 4}}, ""},
        {{.guild_id = {"100", 3}, .channel_id = {"200", 3}, .author_id = {"301", 3}}, "11 9 7 5 3 1"},
        {{.guild_id = {"101", 3}, .query = {"goal", 4}}, ""},
        {{.channel_id = {"201", 3}, .sort = RY_GALLERY_LONGEST}, ""},
        {{.duration_min_ms = 20000}, "11 10"},
        {{.duration_max_ms = 12000}, "2 1 0"},
        {{.duration_min_ms = 11500, .duration_max_ms = 16000, .sort = RY_GALLERY_LONGEST}, "6 5 4 2"},
        {{.bytes_min = 1010}, "11 10"},
        {{.bytes_max = 1001, .sort = RY_GALLERY_LARGEST}, "1 0"},
        {{.orientation = {"portrait", 8}}, "10 7 4 1"},
        {{.orientation = {"square", 6}}, "2"},
        {{.orientation = {"landscape", 9}}, "11 9 8 6 5 0"},
        {{.orientation = {"round", 5}}, ""},
        {{.status = {"pending", 7}, .sort = RY_GALLERY_OLDEST}, "3"},
        {{.status = {"completed", 9}, .query = {"goal", 4}}, "10 6 2 0"},
        {{.kept = 1}, "5 2"},
        {{.kept = 2, .query = {"look", 4}}, "6 0"},
        {{.from_wall_ms = SECONDS(9)}, "11 10 9"},
        {{.to_wall_ms = SECONDS(2)}, "1 0"},
        {{.from_wall_ms = SECONDS(3), .to_wall_ms = SECONDS(7), .query = {"goal", 4}}, "6"},
        {{.from_wall_ms = SECONDS(7), .to_wall_ms = SECONDS(3)}, ""},
        {{.from_wall_ms = SECONDS(9), .sort = RY_GALLERY_LONGEST}, "11 10 9"},
    };
#undef SECONDS
    struct writer_fixture *f = *state;
    fill_facts(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_found(f, cases[i].get, cases[i].found);
}

/* All pages from the first on, or from the last back, are the one page that holds all. */
static void assert_pages(struct writer_fixture *f, struct ry_gallery_get get, const char *expected)
{
    char text[512] = "", back[512] = "";
    size_t n = 0, pages = 0;
    struct ry_gallery_page page = ask(f, get);
    assert_null(page.previous.p);
    for (;; page = ask(f, get)) {
        n = add_numbers(&page, text, sizeof text, n);
        assert_true(page.clips.n <= get.limit);
        assert_true(++pages < 100);
        if (page.next.p == NULL)
            break;
        get.cursor = page.next;
    }
    assert_string_equal(text, expected);
    (void)add_numbers(&page, back, sizeof back, 0);
    get.backwards = true;
    for (pages = 0; page.previous.p != NULL; pages++) {
        char head[512] = "";
        get.cursor = page.previous;
        page = ask(f, get);
        assert_true(pages < 100);
        size_t n_head = add_numbers(&page, head, sizeof head, 0);
        if (n_head > 0 && back[0] != '\0')
            head[n_head++] = ' ';
        assert_true(n_head + strlen(back) < sizeof back);
        memmove(back + n_head, back, strlen(back) + 1);
        memcpy(back, head, n_head);
    }
    if (strcmp(back, expected) != 0)
        fail_msg("backwards, sort %d: '%s', not '%s'", (int)get.sort, back, expected);
}

void search_pages_in_both_directions(void **state)
{
    static const struct {
        struct ry_gallery_get get;
        const char *found;
    } cases[] = {
        {{.sort = RY_GALLERY_NEWEST}, "11 10 9 8 7 6 5 4 3 2 1 0"},
        {{.sort = RY_GALLERY_NEWEST, .query = {"mp4", 3}}, "11 10 9 8 7 6 5 4 2 0"},
        {{.sort = RY_GALLERY_OLDEST, .query = {"mp4", 3}}, "0 2 4 5 6 7 8 9 10 11"},
        {{.sort = RY_GALLERY_LONGEST}, "11 10 9 8 7 6 5 4 2 1 0 3"},
        {{.sort = RY_GALLERY_LONGEST, .query = {"mp4", 3}, .author_id = {"301", 3}}, "11 9 7 5"},
        {{.sort = RY_GALLERY_LARGEST, .channel_id = {"200", 3}}, "11 10 9 8 7 6 5 4 3 2 1 0"},
        {{.sort = RY_GALLERY_RELEVANCE, .query = {"goal", 4}}, "10 0 6 2"},
        {{.sort = RY_GALLERY_RELEVANCE, .query = {"clips", 5}}, "11 10 9 8 7 6 5 4 3 2 1 0"},
        {{.sort = RY_GALLERY_NEWEST, .orientation = {"portrait", 8}}, "10 7 4 1"},
    };
    struct writer_fixture *f = *state;
    fill_facts(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned limit = 1; limit <= 13; limit++) {
            struct ry_gallery_get get = cases[i].get;
            get.limit = limit;
            assert_pages(f, get, cases[i].found);
        }
    /* Whoever makes up a cursor, or brings another order's, is told. */
    static const char *const wrong[] = {
        "x", "0", "1.2.3", "0.0.0.0.2.ab", "1.0.0.0.0.ab", "0..0.0.0.ab", "0.00000000000000000.0.0.0.ab", "0.0.0.0.0."};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(ask(f, (struct ry_gallery_get){.cursor = ry_str_of(wrong[i])}).refused.p);
    for (unsigned sort = 0; sort <= RY_GALLERY_RELEVANCE; sort++) {
        char made_up[64];
        (void)snprintf(made_up, sizeof made_up, "%u.8000000000000000.ffffffffffffffff.0.1.zz", sort);
        (void)ask(f, (struct ry_gallery_get){.sort = sort, .cursor = ry_str_of(made_up), .query = RY_STR("goal")});
    }
}

void search_follows_every_change(void **state)
{
    struct writer_fixture *f = *state;
    const struct ry_gallery_get goal = {.query = RY_STR("goal")}, renamed = {.query = RY_STR("renamed")};
    fill(f);
    /* Another program: a title, a deleted clip and message, one that comes back. */
    f->store->execute(f->store, "UPDATE clip SET title = 'The Renamed Goal' WHERE file_size = 1004");
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE file_size = 1000");
    f->store->execute(f->store, "UPDATE message SET deleted_at = updated_at WHERE id = '100002'");
    assert_found(f, goal, "10 6"); /* what is gone is not shown even before the index knows */
    search_write(f, false);
    assert_found(f, goal, "10 6 4");
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("goal"), .sort = RY_GALLERY_RELEVANCE}, "4 10 6");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_search"), CLIPS - 2);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = NULL, title = NULL");
    f->store->execute(f->store, "UPDATE message SET deleted_at = NULL");
    search_write(f, false);
    assert_found(f, goal, "10 6 2 0");
    assert_found(f, renamed, "");
    /* A scan finds a message edited, an author and a channel renamed; names follow in the backlog. */
    struct ry_batch_write *batch = clips_make(f);
    batch->messages.items[10].content = RY_STR("nothing");
    batch->clips.items[10].filename = RY_STR("still goal.mp4");
    batch->authors.items[0].display_name = RY_STR("Renamed");
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("nothing")}, "10");
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("\"goal goal\"")}, "");
    bool left = true;
    for (unsigned i = 0; left && i < 50; i++)
        IN_TRANSACTION(f, search_write(f->engine, 2, true, &left, &err));
    assert_false(left);
    assert_found(f, renamed, "10 8 6 4 2 0");
    batch->channels.items[0].name = RY_STR("best-of");
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    search_write(f, true);
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("best of"), .limit = 3}, "11 10 9");
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("clips")}, "");
    /* A purge takes all. */
    const struct ry_purge purge = {.job_id = RY_STR("purge"),
                                   .token = 1,
                                   .scope = RY_PURGE_MESSAGE,
                                   .guild_id = RY_STR("100"),
                                   .channel_id = RY_STR("200"),
                                   .message_id = RY_STR("100006"),
                                   .limit = 100};
    struct ry_purged purged;
    IN_TRANSACTION(f, purge(f->engine, &purge, &purged, &err));
    search_write(f, false);
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("goal")}, "10 2 0");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_search"), CLIPS - 1);
    (void)writer_batch_commit(f, clips_make(f), WRITER_BRISK);
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("goal")}, "10 6 2 0");
}

void search_fills_an_older_archive_in_slices(void **state)
{
    struct writer_fixture *f = *state;
    fill(f);
    /* As the migration leaves it. */
    f->store->execute(f->store, "DELETE FROM reelyard_search");
    search_write(f, false);
    f->store->execute(f->store, "UPDATE clip SET id = 'f' || substr(id, 2) WHERE file_size >= 1006");
    f->store->execute(f->store, "DELETE FROM reelyard_search_due");
    f->store->execute(f->store, "DELETE FROM reelyard_search_fill");
    f->store->execute(f->store, "INSERT INTO reelyard_search_fill (id, after, done) VALUES (1, '', (1 = 0))");
    assert_int_equal(ask(f, (struct ry_gallery_get){.query = RY_STR("goal")}).indexed_permille, 0);
    assert_int_equal(ask(f, (struct ry_gallery_get){0}).clips.n, CLIPS); /* browsing needs no index */
    bool left = true;
    unsigned slices = 0;
    for (uint64_t before = 0; left; slices++) {
        IN_TRANSACTION(f, search_write(f->engine, 5, true, &left, &err));
        uint64_t now = ask(f, (struct ry_gallery_get){.query = RY_STR("goal")}).indexed_permille;
        assert_true(now >= before && slices < 10);
        before = now;
    }
    assert_true(slices >= 3);
    assert_int_equal(ask(f, (struct ry_gallery_get){.query = RY_STR("goal")}).indexed_permille, 1000);
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("goal")}, "10 6 2 0");
}

static void assert_facets(const struct ry_facet *items, size_t n, const char *expected)
{
    char text[256] = "";
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "%s%.*s/%.*s:%lu", i ? " " : "",
                                  RY_STR_ARG(items[i].id), RY_STR_ARG(items[i].name), (unsigned long)items[i].count);
    assert_string_equal(text, expected);
}

void search_counts_what_it_finds(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_facets_page page;
    struct ry_error err;
    fill_facts(f);
    struct ry_facets_get get = {.limit = 10, .query = RY_STR("goal")};
    assert_int_equal(f->engine->ops->facets_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    assert_int_equal(ry_check(RY_TAG_facets_page, &page, &err), RY_OK);
    assert_facets(page.guilds.items, page.guilds.n, "100/A guild:4");
    assert_facets(page.channels.items, page.channels.n, "200/clips:4");
    assert_facets(page.authors.items, page.authors.n, "300/User 0:4");
    assert_facets(page.states.items, page.states.n, "completed/:4");
    assert_int_equal(page.counted, 4);
    assert_false(page.more);
    get = (struct ry_facets_get){.limit = 1, .duration_max_ms = 0};
    assert_int_equal(f->engine->ops->facets_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    assert_facets(page.authors.items, page.authors.n, "300/User 0:6");
    assert_facets(page.states.items, page.states.n, "completed/:11");
    get = (struct ry_facets_get){.limit = 5, .query = RY_STR("nowhere")};
    assert_int_equal(f->engine->ops->facets_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    assert_int_equal(page.guilds.n + page.states.n + page.counted, 0);
    struct ry_gallery_page found = ask(f, (struct ry_gallery_get){.query = RY_STR("mp4"), .limit = 2, .count = true});
    assert_int_equal(found.total, 10);
    assert_false(found.total_more);
    assert_int_equal(found.clips.n, 2);
}

/* More clips than a walk looks at: few that match are found by the word index, pages that are cut short go on. */
void search_is_bounded_and_complete(void **state)
{
    struct writer_fixture *f = *state;
    const unsigned n = 5000, part = 500;
    for (unsigned first = 0; first < n; first += part) {
        struct ry_batch_write *batch = writer_batch_make(f, first, part);
        for (unsigned i = 0; i < part; i++) {
            unsigned number = first + i;
            batch->messages.items[i].content = number % 1000 == 7 ? RY_STR("needle in hay")
                                               : number < 1000    ? RY_STR("only old hay")
                                                                  : RY_STR("hay");
        }
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
        ry_arena_reset(&f->arena);
    }
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("needle")}, "4007 3007 2007 1007 7");
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("needle"), .sort = RY_GALLERY_OLDEST},
                 "7 1007 2007 3007 4007");
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("needle"), .sort = RY_GALLERY_LARGEST, .limit = 3},
                 "4007 3007 2007");
    assert_found(f, (struct ry_gallery_get){.query = RY_STR("\"only old\""), .limit = 2}, "999 998");
    assert_pages(f, (struct ry_gallery_get){.query = RY_STR("needle"), .limit = 2}, "4007 3007 2007 1007 7");
    struct ry_gallery_page page = ask(f, (struct ry_gallery_get){.query = RY_STR("h"), .count = true});
    assert_int_equal(page.clips.n, 50);
    assert_int_equal(page.total, 1000);
    assert_true(page.total_more);
    /* Relevance ranks some at a time; its pages hold every clip once, and go back. */
    struct ry_gallery_get get = {.query = RY_STR("old"), .sort = RY_GALLERY_RELEVANCE, .limit = 150};
    size_t walked = 0, pages = 0;
    for (page = ask(f, get);; page = ask(f, get), pages++) {
        walked += page.clips.n;
        assert_true(pages < 100);
        if (page.next.p == NULL)
            break;
        get.cursor = page.next;
    }
    assert_int_equal(walked, 999);
    size_t back = page.clips.n;
    get.backwards = true;
    for (pages = 0; page.previous.p != NULL; pages++) {
        get.cursor = page.previous;
        page = ask(f, get);
        back += page.clips.n;
        assert_true(pages < 100);
    }
    assert_int_equal(back, 999);
}
