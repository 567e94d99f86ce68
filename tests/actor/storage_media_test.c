/* storage_media_test.c: parts of videos given out to viewers: of files of the store, and of exports' folders. */
#include "tests/bed/store_scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA256   "ab0c3f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccd"
#define FOLDER   "media/ab"
#define FILENAME "0c3f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccd.mp4"
#define KEPT     FOLDER "/" FILENAME
#define BYTES    ((uint64_t)3 << 20)

static char byte_at(uint64_t i)
{
    return (char)(i * 31 + i / 253);
}

static void write_file(const char *path, uint64_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (uint64_t i = 0; i < n; i++)
        putc(byte_at(i), file);
    assert_int_equal(fclose(file), 0);
}

static struct bed *bed_with_file(uint64_t n)
{
    struct bed *bed = store_bed();
    char path[STORE_PATH_BYTES];
    store_make_file(bed, "media", "x"); /* the folder above */
    store_make_file(bed, FOLDER, FILENAME);
    write_file(store_path(bed, KEPT, path), n);
    return bed;
}

/* The answer to a question, which is finished. */
static const struct ry_media_data *ask(struct bed *bed, const struct ry_media_read *question)
{
    uint64_t id = BED_DELIVER(bed, media_read, question, NULL);
    const struct ry_media_data *data = BED_EXPECT(bed, media_data);
    assert_int_equal(bed_envelope(bed)->correlation, id);
    return data;
}

static void expect_bytes(const struct ry_media_data *data, uint64_t offset, uint64_t n, uint64_t total)
{
    if (!data->found)
        fail_msg("%.*s", RY_STR_ARG(data->error));
    assert_int_equal(data->total, total);
    assert_int_equal(data->bytes.n, n);
    for (uint64_t i = 0; i < n; i++)
        if (((const char *)data->bytes.p)[i] != byte_at(offset + i))
            fail_msg("byte %llu is another", (unsigned long long)(offset + i));
}

static void kept_video_is_given_out_by_parts(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, length, n;
    } cases[] = {
        {0, 0, 0},         {0, 1, 1},      {0, 1048576, 1048576}, {1048577, 1048576, 1048576}, {BYTES - 5, 1048576, 5},
        {BYTES - 1, 1, 1}, {BYTES, 10, 0}, {INT64_MAX, 10, 0}};
    struct bed *bed = bed_with_file(BYTES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_media_read question = {.name = RY_STR(KEPT), .offset = cases[i].offset, .length = cases[i].length};
        const struct ry_media_data *data = ask(bed, &question);
        expect_bytes(data, cases[i].offset, cases[i].n, BYTES);
        assert_true(ry_str_is(data->validator, SHA256));
        bed_expect_done(bed, bed_envelope(bed)->correlation);
    }
    /* A local store makes no URLs. */
    const struct ry_media_data *data = ask(bed, &(struct ry_media_read){.name = RY_STR(KEPT), .redirect_s = 60});
    assert_true(data->found && data->url.p == NULL);
    bed_free(bed);
}

static void only_videos_of_the_store_are_given_out(void **state)
{
    (void)state;
    static const char *const names[] = {
        STORE_SMALL,           "media/ab/../../x",   "../../../../etc/passwd",
        "/etc/passwd",         "media/ab/short.mp4", ("sheets/guild_1/" STORE_CLIP ".webp"),
        ("media/ac/" FILENAME)};
    struct bed *bed = bed_with_file(10);
    store_make_file(bed, "thumbnails", "x");
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, STORE_CLIP "_small.webp");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ry_media_read question = {.name = ry_str_of(names[i]), .length = 10};
        const struct ry_media_data *data = ask(bed, &question);
        if (data->found || data->bytes.n > 0 || data->error.p != NULL)
            fail_msg("%s was given out", names[i]);
        bed_expect_done(bed, bed_envelope(bed)->correlation);
    }
    bed_free(bed);
}

static void exported_file_is_given_out_below_its_folder_only(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char folder[128], path[192], url[256];
    (void)snprintf(folder, sizeof folder, "%s/export", bed_data(bed));
    (void)snprintf(path, sizeof path, "%s/clip.mp4", folder);
    (void)snprintf(url, sizeof url, "file://%s", path);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_file(path, 100000);
    struct ry_media_read question = {
        .url = ry_str_of(url), .media_root = ry_str_of(folder), .offset = 99990, .length = 1000};
    expect_bytes(ask(bed, &question), 99990, 10, 100000);
    bed_expect_done(bed, bed_envelope(bed)->correlation);
    question.media_root = RY_STR("/elsewhere");
    const struct ry_media_data *data = ask(bed, &question);
    assert_true(!data->found && data->error.p != NULL);
    bed_expect_done(bed, bed_envelope(bed)->correlation);
    question.media_root = ry_str_of(folder);
    assert_int_equal(unlink(path), 0);
    data = ask(bed, &question);
    assert_false(data->found);
    bed_free(bed);
}

static void changed_file_gives_no_more_bytes(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char folder[128], path[192], url[256], validator[101];
    (void)snprintf(folder, sizeof folder, "%s/export", bed_data(bed));
    (void)snprintf(path, sizeof path, "%s/clip.mp4", folder);
    (void)snprintf(url, sizeof url, "file://%s", path);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_file(path, 1000);
    struct ry_media_read question = {.url = ry_str_of(url), .media_root = ry_str_of(folder)};
    const struct ry_media_data *data = ask(bed, &question);
    assert_true(data->found);
    (void)snprintf(validator, sizeof validator, "%.*s", RY_STR_ARG(data->validator));
    bed_expect_done(bed, bed_envelope(bed)->correlation);
    question.validator = ry_str_of(validator);
    question.length = 100;
    expect_bytes(ask(bed, &question), 0, 100, 1000);
    bed_expect_done(bed, bed_envelope(bed)->correlation);
    assert_int_equal(truncate(path, 999), 0);
    data = ask(bed, &question);
    assert_true(!data->found && data->changed && data->bytes.n == 0);
    bed_expect_done(bed, bed_envelope(bed)->correlation);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};
    write_file(path, 1000);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0); /* the same size, another time */
    assert_true(ask(bed, &question)->changed);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_video_is_given_out_by_parts),
        cmocka_unit_test(only_videos_of_the_store_are_given_out),
        cmocka_unit_test(exported_file_is_given_out_below_its_folder_only),
        cmocka_unit_test(changed_file_gives_no_more_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
