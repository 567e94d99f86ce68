/* store_suite.c: the claims of store.h, as tests of any implementation. */
#include "tests/conformance/store_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define GUILD   "thumbnails/guild_41771983423143937/"
#define CLIP    "d1523646fd8f70dd6e199d427ae00606"
#define SMALL   GUILD CLIP "_small.webp"
#define LARGE   GUILD CLIP "_large.webp"
#define OTHER   "thumbnails/guild_5/" CLIP "_small.webp"
#define SHEET   "sheets/guild_5/" CLIP ".webp"
#define REST    "cdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
#define MEDIA   "media/ab/" REST ".mp4"
#define MEDIA_2 "media/ac/" REST ".mkv"
#define PLAYS   "playable/ab/" REST ".mp4"

/* More than one part of a multipart upload, and no multiple of anything. */
#define LARGE_BYTES (((size_t)17 << 20) + 4711)
#define MANY        1203 /* more than S3 deletes or lists at a time */

/* One place with two stores on it, as two instances would have. */
struct bench {
    const struct store_factory *factory;
    void *place;
    struct store *a;
    struct store *b;
    struct store_written written;
    struct ry_error err;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->factory = *state;
    bench->place = bench->factory->place_new();
    bench->a = bench->factory->open(bench->place);
    bench->b = bench->factory->open(bench->place);
    assert_non_null(bench->a);
    assert_non_null(bench->b);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    bench->a->ops->close(bench->a);
    bench->b->ops->close(bench->b);
    bench->factory->place_free(bench->place);
    *state = (void *)(uintptr_t)bench->factory;
    free(bench);
    return 0;
}

#define OK(bench, call) \
    do { \
        int rc_ = (call); \
        if (rc_ != RY_OK) \
            fail_msg("%s: %s: %s", #call, ry_err_name((enum ry_err)rc_), (bench)->err.text); \
    } while (0)

/* The call fails with this code, and says something. */
#define FAILS(bench, code_, call) \
    do { \
        (bench)->err = (struct ry_error){0}; \
        assert_int_equal((call), (code_)); \
        assert_int_equal((bench)->err.code, (code_)); \
        assert_true((bench)->err.text[0] != '\0'); \
    } while (0)

static void put(struct bench *bench, struct store *store, const char *name, const char *text)
{
    struct store_file file = {.bytes = ry_str_of(text)};
    (void)snprintf(file.name, sizeof file.name, "%s", name);
    OK(bench, store->ops->put(store, &file, 1, &bench->written, &bench->err));
}

static void expect(struct bench *bench, struct store *store, const char *name, const char *text)
{
    struct ry_frame *frame = NULL;
    OK(bench, store->ops->get(store, name, &frame, &bench->err));
    assert_int_equal(ry_frame_size(frame), strlen(text));
    assert_memory_equal(ry_frame_data(frame), text, strlen(text));
    ry_frame_unref(frame);
}

static void expect_absent(struct bench *bench, struct store *store, const char *name)
{
    struct ry_frame *frame = NULL;
    uint64_t total = 0;
    FAILS(bench, RY_ENOENT, store->ops->get(store, name, &frame, &bench->err));
    assert_null(frame);
    FAILS(bench, RY_ENOENT, store->ops->read(store, name, 0, 1, &frame, &total, &bench->err));
    assert_null(frame);
}

/* ---- put and get ------------------------------------------------------------------------------------------------- */

static void store_gives_back_what_was_put(void **state)
{
    struct bench *bench = *state;
    struct store_file files[2] = {{SMALL, RY_STR("a small one")}, {LARGE, {"\0\xff\r\n+% \x80", 8}}};
    OK(bench, bench->a->ops->ready(bench->a, &bench->err));
    OK(bench, bench->a->ops->put(bench->a, files, 2, &bench->written, &bench->err));
    assert_int_equal(bench->written.files, 2);
    assert_int_equal(bench->written.bytes, 11 + 8);
    expect(bench, bench->b, SMALL, "a small one");
    struct ry_frame *frame = NULL;
    OK(bench, bench->b->ops->get(bench->b, LARGE, &frame, &bench->err));
    assert_int_equal(ry_frame_size(frame), 8);
    assert_memory_equal(ry_frame_data(frame), files[1].bytes.p, 8);
    ry_frame_unref(frame);
}

static void store_writes_nothing_that_is_there(void **state)
{
    struct bench *bench = *state;
    put(bench, bench->a, SMALL, "one");
    assert_int_equal(bench->written.files, 1);
    put(bench, bench->a, SMALL, "one");
    put(bench, bench->b, SMALL, "one");
    assert_int_equal(bench->written.files, 1);
    put(bench, bench->b, SMALL, "two"); /* the same size, other bytes */
    assert_int_equal(bench->written.files, 2);
    expect(bench, bench->a, SMALL, "two");
    put(bench, bench->a, SMALL, "longer than that");
    expect(bench, bench->b, SMALL, "longer than that");
}

static void store_has_files_of_all_kinds(void **state)
{
    struct bench *bench = *state;
    static const char *const names[] = {SMALL, SHEET, MEDIA, PLAYS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect_absent(bench, bench->a, names[i]);
        put(bench, bench->a, names[i], names[i]);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect(bench, bench->b, names[i], names[i]);
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

static void store_gives_out_ranges(void **state)
{
    struct bench *bench = *state;
    static const struct {
        uint64_t offset;
        size_t length;
        const char *text;
    } cases[] = {
        {0, 1, "0"}, {0, 10, "0123456789"}, {3, 4, "3456"},
        {9, 1, "9"}, {9, 100, "9"},         {0, 1000, "0123456789"},
        {10, 1, ""}, {11, 5, ""},           {UINT64_MAX / 4, 1, ""},
    };
    put(bench, bench->a, MEDIA, "0123456789");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_frame *frame = NULL;
        uint64_t total = 0;
        OK(bench, bench->a->ops->read(bench->a, MEDIA, cases[i].offset, cases[i].length, &frame, &total, &bench->err));
        assert_int_equal(total, 10);
        assert_int_equal(ry_frame_size(frame), strlen(cases[i].text));
        assert_memory_equal(ry_frame_data(frame), cases[i].text, strlen(cases[i].text));
        ry_frame_unref(frame);
    }
}

static void store_gives_out_an_empty_file(void **state)
{
    struct bench *bench = *state;
    struct ry_frame *frame = NULL;
    uint64_t total = 99;
    put(bench, bench->a, MEDIA, "");
    expect(bench, bench->b, MEDIA, "");
    OK(bench, bench->a->ops->read(bench->a, MEDIA, 0, 5, &frame, &total, &bench->err));
    assert_int_equal(total, 0);
    assert_int_equal(ry_frame_size(frame), 0);
    ry_frame_unref(frame);
}

/* ---- keep -------------------------------------------------------------------------------------------------------- */

/* Byte i of a large file that was made with this seed. */
static unsigned char byte_at(size_t i, unsigned seed)
{
    return (unsigned char)((i * 2654435761u + seed) >> 13);
}

static int file_of(size_t bytes, unsigned seed)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    for (size_t i = 0; i < bytes; i++)
        assert_true(fputc(byte_at(i, seed), file) != EOF);
    assert_int_equal(fflush(file), 0);
    int fd = dup(fileno(file));
    assert_true(fd >= 0);
    assert_int_equal(fclose(file), 0);
    return fd;
}

static void expect_made(struct bench *bench, struct store *store, const char *name, size_t bytes, unsigned seed)
{
    for (size_t offset = 0; offset < bytes;) {
        struct ry_frame *frame = NULL;
        uint64_t total = 0;
        OK(bench, store->ops->read(store, name, offset, (size_t)3 << 20, &frame, &total, &bench->err));
        assert_int_equal(total, bytes);
        assert_true(ry_frame_size(frame) > 0);
        const unsigned char *data = ry_frame_data(frame);
        for (size_t i = 0; i < ry_frame_size(frame); i++)
            if (data[i] != byte_at(offset + i, seed))
                fail_msg("%s differs at %zu", name, offset + i);
        offset += ry_frame_size(frame);
        ry_frame_unref(frame);
    }
}

static void store_keeps_a_large_file_whole(void **state)
{
    struct bench *bench = *state;
    int fd = file_of(LARGE_BYTES, 1);
    OK(bench, bench->a->ops->keep(bench->a, MEDIA, fd, LARGE_BYTES, &bench->err));
    expect_made(bench, bench->b, MEDIA, LARGE_BYTES, 1);
    struct ry_frame *frame = NULL;
    FAILS(bench, RY_ELIMIT, bench->b->ops->get(bench->b, MEDIA, &frame, &bench->err));
    assert_null(frame);
    assert_int_equal(close(fd), 0);
}

static void store_keeps_small_and_empty_files(void **state)
{
    struct bench *bench = *state;
    int fd = file_of(100, 2);
    int empty = file_of(0, 0);
    OK(bench, bench->a->ops->keep(bench->a, PLAYS, fd, 100, &bench->err));
    OK(bench, bench->a->ops->keep(bench->a, MEDIA, empty, 0, &bench->err));
    expect_made(bench, bench->b, PLAYS, 100, 2);
    expect(bench, bench->b, MEDIA, "");
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(empty), 0);
}

static void store_keeps_a_file_that_is_there_once(void **state)
{
    struct bench *bench = *state;
    int first = file_of(1000, 3);
    int other = file_of(1000, 4);
    int longer = file_of(1001, 5);
    OK(bench, bench->a->ops->keep(bench->a, MEDIA, first, 1000, &bench->err));
    OK(bench, bench->b->ops->keep(bench->b, MEDIA, other, 1000, &bench->err));
    expect_made(bench, bench->a, MEDIA, 1000, 3); /* the same name and size are the same content */
    OK(bench, bench->b->ops->keep(bench->b, MEDIA, longer, 1001, &bench->err));
    expect_made(bench, bench->a, MEDIA, 1001, 5); /* one that was cut off is mended */
    assert_int_equal(close(first), 0);
    assert_int_equal(close(other), 0);
    assert_int_equal(close(longer), 0);
}

static void store_keeps_no_file_of_another_size(void **state)
{
    struct bench *bench = *state;
    int fd = file_of(1000, 6);
    FAILS(bench, RY_EDATA, bench->a->ops->keep(bench->a, MEDIA, fd, 999, &bench->err));
    FAILS(bench, RY_EDATA, bench->a->ops->keep(bench->a, MEDIA, fd, 1001, &bench->err));
    expect_absent(bench, bench->b, MEDIA);
    assert_int_equal(close(fd), 0);
}

/* ---- remove ------------------------------------------------------------------------------------------------------ */

static void store_removes_files_for_good(void **state)
{
    struct bench *bench = *state;
    const ry_store_name names[] = {SMALL, LARGE, OTHER, MEDIA, PLAYS};
    bool gone[sizeof names / sizeof *names];
    put(bench, bench->a, SMALL, "one");
    put(bench, bench->a, OTHER, "two");
    put(bench, bench->a, SHEET, "three");
    put(bench, bench->a, MEDIA, "four");
    OK(bench, bench->b->ops->remove(bench->b, names, sizeof names / sizeof *names, gone, &bench->err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(gone[i]);
        expect_absent(bench, bench->a, names[i]);
    }
    expect(bench, bench->a, SHEET, "three");
    put(bench, bench->a, SMALL, "again");
    expect(bench, bench->b, SMALL, "again");
}

static void name_number(size_t i, ry_store_name name)
{
    (void)snprintf(name, sizeof(ry_store_name), "media/%02x/%062zx.mp4", (unsigned)(i % 7), i);
}

static void put_many(struct bench *bench)
{
    for (size_t i = 0; i < MANY; i++) {
        ry_store_name name;
        name_number(i, name);
        bench->factory->smuggle(bench->place, name, RY_STR("x"));
    }
}

static void count_entry(void *arg, const struct store_entry *entry)
{
    (void)entry;
    (*(size_t *)arg)++;
}

static void store_removes_many_files(void **state)
{
    struct bench *bench = *state;
    put_many(bench);
    ry_store_name *names = calloc(MANY, sizeof *names);
    bool *gone = calloc(MANY, sizeof *gone);
    assert_true(names != NULL && gone != NULL);
    for (size_t i = 0; i < MANY; i++)
        name_number(i, names[i]);
    OK(bench, bench->b->ops->remove(bench->b, (const ry_store_name *)names, MANY - 1, gone, &bench->err));
    for (size_t i = 0; i < MANY - 1; i++)
        assert_true(gone[i]);
    size_t left = 0;
    OK(bench, bench->a->ops->list(bench->a, "media/", "", 10, count_entry, &left, &bench->err));
    assert_int_equal(left, 1);
    expect(bench, bench->a, names[MANY - 1], "x");
    free(names);
    free(gone);
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

/* What a listing told. */
struct listed {
    ry_store_name names[MANY];
    uint64_t bytes[MANY];
    int64_t modified_wall_ms[MANY];
    size_t n;
};

static void note(void *arg, const struct store_entry *entry)
{
    struct listed *listed = arg;
    assert_true(listed->n < MANY);
    (void)snprintf(listed->names[listed->n], sizeof listed->names[0], "%s", entry->name);
    listed->bytes[listed->n] = entry->bytes;
    listed->modified_wall_ms[listed->n++] = entry->modified_wall_ms;
}

static void store_lists_files_by_rising_name(void **state)
{
    struct bench *bench = *state;
    static struct listed listed;
    static const char *const rising[] = {MEDIA, MEDIA_2, PLAYS, SHEET, LARGE, SMALL, OTHER};
    const size_t n = sizeof rising / sizeof *rising;
    int64_t before_ms = ((int64_t)time(NULL) - 120) * 1000;
    for (size_t i = n; i-- > 0;)
        put(bench, bench->a, rising[i], &rising[i][i]);
    listed.n = 0;
    OK(bench, bench->b->ops->list(bench->b, "", "", STORE_LIST_MAX, note, &listed, &bench->err));
    assert_int_equal(listed.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(listed.names[i], rising[i]);
        assert_int_equal(listed.bytes[i], strlen(rising[i]) - i);
        assert_true(listed.modified_wall_ms[i] >= before_ms);
        assert_true(listed.modified_wall_ms[i] <= before_ms + 600000);
    }
}

static void store_lists_what_has_a_prefix_and_comes_after(void **state)
{
    struct bench *bench = *state;
    static struct listed listed;
    static const struct {
        const char *prefix;
        const char *after;
        size_t limit;
        const char *first; /* NULL: none */
        size_t n;
    } cases[] = {
        {"media/", "", 10, MEDIA, 2},
        {"media/", MEDIA, 10, MEDIA_2, 1},
        {"media/", MEDIA_2, 10, NULL, 0},
        {"media/ac/", "", 10, MEDIA_2, 1},
        {"media/ab/" REST ".mp4", "", 10, MEDIA, 1},
        {"media/ad", "", 10, NULL, 0},
        {"thumbnails/guild_5", "", 10, OTHER, 1},
        {"thumbnails/", "", 2, LARGE, 2},
        {"thumbnails/", LARGE, 1, SMALL, 1},
        {"", "n", 1, PLAYS, 1},
        {"", "", 3, MEDIA, 3},
        {"x", "", 3, NULL, 0},
        {"sheets/", "thumbnails/", 3, NULL, 0},
    };
    static const char *const there[] = {MEDIA, MEDIA_2, PLAYS, SHEET, LARGE, SMALL, OTHER};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        put(bench, bench->a, there[i], "x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        listed.n = 0;
        OK(bench,
           bench->b->ops->list(bench->b, cases[i].prefix, cases[i].after, cases[i].limit, note, &listed, &bench->err));
        if (listed.n != cases[i].n || (listed.n > 0 && strcmp(listed.names[0], cases[i].first) != 0))
            fail_msg("case %zu: %zu, first %s", i, listed.n, listed.n > 0 ? listed.names[0] : "none");
    }
}

static void store_lists_many_files_by_pages(void **state)
{
    struct bench *bench = *state;
    static struct listed listed;
    static const size_t limits[] = {100, 1000, STORE_LIST_MAX};
    put_many(bench);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        ry_store_name after = "";
        size_t before;
        listed.n = 0;
        do {
            before = listed.n;
            OK(bench, bench->a->ops->list(bench->a, "media/", after, limits[i], note, &listed, &bench->err));
            if (listed.n > 0)
                (void)snprintf(after, sizeof after, "%s", listed.names[listed.n - 1]);
        } while (listed.n == before + limits[i]);
        assert_int_equal(listed.n, MANY);
        for (size_t k = 1; k < listed.n; k++)
            assert_true(strcmp(listed.names[k - 1], listed.names[k]) < 0);
    }
}

static void store_lists_only_names_of_ours(void **state)
{
    struct bench *bench = *state;
    static struct listed listed;
    static const char *const strange[] = {
        "media/ab/notes.txt",         "media/partial/x", "media/readme",
        "thumbnails/guild_5/x.webp",  "other/x",         "index.html",
        "media/ab/deep/" REST ".mp4",
    };
    put(bench, bench->a, MEDIA, "ours");
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        bench->factory->smuggle(bench->place, strange[i], RY_STR("strange"));
    bench->factory->smuggle(bench->place, MEDIA_2, RY_STR("by its name ours"));
    listed.n = 0;
    OK(bench, bench->a->ops->list(bench->a, "", "", 2, note, &listed, &bench->err));
    assert_int_equal(listed.n, 2);
    assert_string_equal(listed.names[0], MEDIA);
    assert_string_equal(listed.names[1], MEDIA_2);
    assert_int_equal(listed.bytes[1], strlen("by its name ours"));
}

/* ---- URLs -------------------------------------------------------------------------------------------------------- */

static void store_presigns_urls_or_says_that_it_has_none(void **state)
{
    struct bench *bench = *state;
    RY_BUF_AUTO url = ry_buf_make(8192);
    RY_BUF_AUTO body = ry_buf_make(4096);
    put(bench, bench->a, MEDIA, "0123456789");
    if (bench->factory->fetch == NULL) {
        FAILS(bench, RY_EUNSUPPORTED, bench->a->ops->presign(bench->a, MEDIA, 60, &url, &bench->err));
        assert_int_equal(url.n, 0);
        return;
    }
    OK(bench, bench->a->ops->presign(bench->a, MEDIA, 60, &url, &bench->err));
    assert_int_equal(bench->factory->fetch(bench->place, ry_buf_cstr(&url), "3-6", &body), 206);
    assert_true(ry_str_is(ry_buf_str(&body), "3456"));
    struct ry_buf tiny = ry_buf_make(10);
    FAILS(bench, RY_ELIMIT, bench->a->ops->presign(bench->a, MEDIA, 60, &tiny, &bench->err));
    ry_buf_free(&tiny);
    /* It is good for this name alone. */
    char *at = strstr(url.p, "mp4");
    assert_non_null(at);
    memcpy(at, "mov", 3);
    ry_buf_reset(&body);
    assert_int_equal(bench->factory->fetch(bench->place, ry_buf_cstr(&url), "0-0", &body), 403);
}

#define CLAIM(name) \
    { \
#name, name, set_up, tear_down, (void *)(uintptr_t)factory \
    }

int store_suite_run(const struct store_factory *factory)
{
    const struct CMUnitTest claims[] = {
        CLAIM(store_gives_back_what_was_put),
        CLAIM(store_writes_nothing_that_is_there),
        CLAIM(store_has_files_of_all_kinds),
        CLAIM(store_gives_out_ranges),
        CLAIM(store_gives_out_an_empty_file),
        CLAIM(store_keeps_a_large_file_whole),
        CLAIM(store_keeps_small_and_empty_files),
        CLAIM(store_keeps_a_file_that_is_there_once),
        CLAIM(store_keeps_no_file_of_another_size),
        CLAIM(store_removes_files_for_good),
        CLAIM(store_removes_many_files),
        CLAIM(store_lists_files_by_rising_name),
        CLAIM(store_lists_what_has_a_prefix_and_comes_after),
        CLAIM(store_lists_many_files_by_pages),
        CLAIM(store_lists_only_names_of_ours),
        CLAIM(store_presigns_urls_or_says_that_it_has_none),
    };
    return cmocka_run_group_tests_name(factory->name, claims, NULL, NULL);
}
