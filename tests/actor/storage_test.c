/* storage_test.c: thumbnails are kept whole, with the right modes, given out and deleted; nothing else is touched. */
#include "tests/bed/store_scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bed/skip.h"

static ino_t inode_of(struct bed *bed, const char *name)
{
    char path[STORE_PATH_BYTES];
    struct stat st;
    assert_int_equal(stat(store_path(bed, name, path), &st), 0);
    return st.st_ino;
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

static void storage_keeps_the_images_and_then_tells_the_writer(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    struct store_letter letter;
    store_letter_write(&letter, "a small one", "a large one!");
    uint64_t id = store_deliver(bed, &letter);
    store_expect_completed(bed, "a small one", "a large one!");
    bed_expect_done(bed, id);
    store_expect_file(bed, STORE_SMALL, "a small one");
    store_expect_file(bed, STORE_LARGE, "a large one!");
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_bytes),
                     store_webp_bytes("a small one") + store_webp_bytes("a large one!"));
    bed_free(bed);
}

static void storage_writes_only_what_has_changed_when_a_mail_comes_again(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    ino_t small = inode_of(bed, STORE_SMALL);
    bed_redeliver(bed, id, 2, RY_TAG_thumbnail_store, &letter.message, &store_from_encoder);
    store_settle(bed);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 2);
    assert_int_equal(inode_of(bed, STORE_SMALL), small);

    store_letter_write(&letter, "one", "owt"); /* the same size, other bytes */
    id = store_deliver(bed, &letter);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 3);
    assert_int_equal(inode_of(bed, STORE_SMALL), small);
    store_expect_file(bed, STORE_LARGE, "owt");
    bed_free(bed);
}

static void storage_refuses_what_is_no_thumbnail(void **state)
{
    (void)state;
    const struct {
        const char *clip;
        const char *first;
        const char *second;
        const char *says;
    } cases[] = {
        {"D1523646FD8F70DD6E199D427AE00606", "small", "large", "not a clip id"},
        {"../../../../../../../../etc/pass", "small", "large", "not a clip id"},
        {STORE_CLIP, "small", "../x", "not a size"},
        {STORE_CLIP, "small", "small", "two images"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed *bed = store_bed();
        struct store_letter letter;
        store_letter_write(&letter, "one", "two");
        letter.message.clip_id = ry_str_of(cases[i].clip);
        letter.images[0].size_type = ry_str_of(cases[i].first);
        letter.images[1].size_type = ry_str_of(cases[i].second);
        uint64_t id = store_deliver(bed, &letter);
        const char *reason = bed_expect_fail(bed, id, false);
        if (strstr(reason, cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, reason);
        bed_expect_nothing(bed);
        assert_false(store_has(bed, "thumbnails/guild_" STORE_GUILD));
        bed_free(bed);
    }
}

static void storage_refuses_facts_that_are_none(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    letter.facts.video_codec = RY_STR("avc1 <b>");
    uint64_t id = store_deliver(bed, &letter);
    assert_non_null(strstr(bed_expect_fail(bed, id, false), "codec"));
    bed_expect_nothing(bed);
    assert_false(store_has(bed, "thumbnails/guild_" STORE_GUILD));
    bed_free(bed);
}

/* An image in place of the small one. */
struct image_case {
    const void *bytes;
    size_t n;
    unsigned width, height; /* claimed */
    const char *says;       /* NULL: it is kept */
};

static void expect_kept(size_t number, const struct image_case *image)
{
    struct bed *bed = store_bed();
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    letter.images[0].webp = (struct ry_blob){image->bytes, image->n, NULL};
    letter.images[0].width = image->width;
    letter.images[0].height = image->height;
    uint64_t id = store_deliver(bed, &letter);
    if (image->says == NULL) {
        (void)BED_EXPECT(bed, clip_completed);
        bed_expect_done(bed, id);
    } else {
        const char *reason = bed_expect_fail(bed, id, false);
        if (strstr(reason, image->says) == NULL)
            fail_msg("case %zu: %s", number, reason);
    }
    bed_expect_nothing(bed);
    assert_int_equal(store_has(bed, STORE_SMALL), image->says == NULL);
    assert_int_equal(store_has(bed, STORE_LARGE), image->says == NULL);
    bed_free(bed);
}

static void storage_keeps_only_a_webp_of_the_claimed_size_that_was_asked_for(void **state)
{
    (void)state;
    static const unsigned char vp8l[] = "RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\x3f\xc1\x2c\0"; /* 320x180 */
    static const unsigned char vp8x[] = "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xb3\0\0";
    static const unsigned char vp8l_version[] = "RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\x3f\xc1\x2c\xe0";
    static struct store_webp good, cut, long_one, no_start, inter, no_pixels, riff, huge, chunk;
    static char fat[64 + (320 * 180 * 4) + 65536];
    store_webp_write(&good, 320, 180, "good");
    store_webp_write(&no_pixels, 320, 0, "flat");
    store_webp_write(&huge, 640, 360, "large");
    cut = long_one = no_start = inter = riff = chunk = good;
    cut.n -= 2;
    long_one.n += 2;
    no_start.bytes[23] = 0;
    inter.bytes[20] = 1;
    riff.bytes[8] = 'w';
    store_put_number(chunk.bytes + 16, 9, 4);
    memcpy(fat, good.bytes, good.n);
    store_put_number(fat + 4, sizeof fat - 8, 4);
    const struct image_case cases[] = {
        {good.bytes, good.n, 320, 180, NULL},
        {vp8l, 26, 320, 180, NULL},
        {vp8x, 30, 320, 180, NULL},
        {vp8l_version, 26, 320, 180, "not a WebP"},
        {"hello world", 11, 1, 1, "not a WebP"},
        {good.bytes, 19, 320, 180, "not a WebP"},
        {good.bytes, 1, 320, 180, "not a WebP"},
        {cut.bytes, cut.n, 320, 180, "not a WebP"},
        {long_one.bytes, long_one.n, 320, 180, "not a WebP"},
        {no_start.bytes, no_start.n, 320, 180, "not a WebP"},
        {inter.bytes, inter.n, 320, 180, "not a WebP"},
        {no_pixels.bytes, no_pixels.n, 320, 180, "not a WebP"},
        {riff.bytes, riff.n, 320, 180, "not a WebP"},
        {chunk.bytes, chunk.n, 320, 180, "not a WebP"},
        {good.bytes, good.n, 319, 180, "319x180 were claimed"},
        {good.bytes, good.n, 320, 181, "320x181 were claimed"},
        {huge.bytes, huge.n, 640, 360, "THUMBNAIL_"},
        {fat, sizeof fat, 320, 180, "too many"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_kept(i, &cases[i]);
}

static void storage_follows_no_link_out_of_its_folder(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char link[STORE_PATH_BYTES];
    char outside[STORE_PATH_BYTES];
    (void)snprintf(outside, sizeof outside, "%s/outside", bed_data(bed));
    assert_int_equal(mkdir(outside, 0755), 0);
    assert_int_equal(symlink(outside, store_path(bed, "thumbnails/guild_" STORE_GUILD, link)), 0);
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    assert_non_null(strstr(bed_expect_fail(bed, id, false), "symbolic links are not followed"));
    assert_int_equal(rmdir(outside), 0); /* so nothing was written there */
    bed_free(bed);
}

/* ---- who may read ------------------------------------------------------------------------------------------------ */

static void expect_mode(struct bed *bed, const char *name, mode_t mode)
{
    char path[STORE_PATH_BYTES];
    struct stat st;
    assert_int_equal(stat(store_path(bed, name, path), &st), 0);
    if ((st.st_mode & 0777) != mode)
        fail_msg("%s has %04o, not %04o", name, st.st_mode & 0777, mode);
}

static void thumbnails_have_the_modes_that_the_operator_sets(void **state)
{
    (void)state;
    static const struct {
        const char *access;
        mode_t folder, file;
    } cases[] = {{"owner", 0700, 0600}, {"group", 0750, 0640}, {"all", 0755, 0644}};
    static const mode_t masks[] = {0, 022, 077};
    for (size_t i = 0; i < 9; i++) {
        mode_t former = umask(masks[i / 3]);
        struct bed *bed = bed_new(
            &ry_storage_spec,
            (const char *const[][2]){{"disk_reserve", "0"}, {"storage_access", cases[i % 3].access}, {NULL, NULL}});
        struct store_letter letter;
        store_letter_write(&letter, "one", "two");
        uint64_t id = store_deliver(bed, &letter);
        store_expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        expect_mode(bed, "", cases[i % 3].folder);
        expect_mode(bed, "thumbnails", cases[i % 3].folder);
        expect_mode(bed, "thumbnails/guild_" STORE_GUILD, cases[i % 3].folder);
        expect_mode(bed, STORE_SMALL, cases[i % 3].file);
        expect_mode(bed, STORE_LARGE, cases[i % 3].file);
        expect_mode(bed, STORE_ASIDE, 0700);
        bed_free(bed);
        (void)umask(former);
    }
}

static void modes_of_an_earlier_start_are_mended_and_nothing_else_is_touched(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, STORE_SMALL);
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, "thumbnails/guild_" STORE_GUILD "/notes.txt");
    store_make_file(bed, "thumbnails/own", "thumbnails/own/" STORE_CLIP "_small.webp");
    store_shell(bed_data(bed), "chmod -R u=rwX,go=rX storage && ln -s /etc/passwd storage/thumbnails/guild_" STORE_GUILD
                               "/00000000000000000000000000000000_small.webp");
    struct stat before;
    struct stat after;
    assert_int_equal(stat("/etc/passwd", &before), 0);
    bed_restart(bed);
    expect_mode(bed, "thumbnails", 0700);
    expect_mode(bed, STORE_ASIDE, 0700);
    expect_mode(bed, "thumbnails/guild_" STORE_GUILD, 0700);
    expect_mode(bed, STORE_SMALL, 0600);
    expect_mode(bed, "thumbnails/guild_" STORE_GUILD "/notes.txt", 0644);
    expect_mode(bed, "thumbnails/own", 0755);
    expect_mode(bed, "thumbnails/own/" STORE_CLIP "_small.webp", 0644);
    assert_int_equal(stat("/etc/passwd", &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    bed_free(bed);
}

/* ---- giving out -------------------------------------------------------------------------------------------------- */

static void storage_gives_out_thumbnails_and_nothing_else(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    char path[STORE_PATH_BYTES];
    assert_int_equal(symlink("/etc/passwd", store_path(bed, "thumbnails/guild_1", path)), 0);
    assert_int_equal(mkdir(store_path(bed, "thumbnails/guild_2", path), 0755), 0);
    assert_int_equal(symlink("/etc/passwd", store_path(bed, "thumbnails/guild_2/" STORE_CLIP "_small.webp", path)), 0);
    assert_int_equal(mkdir(store_path(bed, "thumbnails/guild_2/" STORE_CLIP "_large.webp", path), 0755), 0);
    const struct {
        const char *path;
        const char *want; /* NULL: not found */
        bool error;
    } cases[] = {
        {STORE_SMALL, "one", false},
        {STORE_LARGE, "two", false},
        {"thumbnails/guild_3/" STORE_CLIP "_small.webp", NULL, false},
        {"thumbnails/guild_" STORE_GUILD "/00000000000000000000000000000000_small.webp", NULL, false},
        {"thumbnails/guild_1/" STORE_CLIP "_small.webp", NULL, true},
        {"thumbnails/guild_2/" STORE_CLIP "_small.webp", NULL, true},
        {"thumbnails/guild_2/" STORE_CLIP "_large.webp", NULL, true},
        {"/etc/passwd", NULL, false},
        {"../reelyard.db", NULL, false},
        {"thumbnails/guild_" STORE_GUILD "/../guild_" STORE_GUILD "/" STORE_CLIP "_small.webp", NULL, false},
        {"thumbnails/guild_" STORE_GUILD "/" STORE_CLIP "_small.webp/", NULL, false},
        {"thumbnails/guild_" STORE_GUILD "/" STORE_CLIP "_small", NULL, false},
        {"thumbnails/guild_0" STORE_GUILD "/" STORE_CLIP "_small.webp", NULL, false},
        {"thumbnails", NULL, false},
        {"_/_.", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_thumbnail_read read_message = {.storage_path = ry_str_of(cases[i].path)};
        id = BED_DELIVER(bed, thumbnail_read, &read_message, NULL);
        const struct ry_thumbnail_data *data = BED_EXPECT(bed, thumbnail_data);
        assert_int_equal(bed_envelope(bed)->correlation, id);
        struct ry_str got = {data->bytes.p, data->bytes.n};
        if (cases[i].want != NULL) /* behind the head */
            got = (struct ry_str){got.p + STORE_WEBP_HEAD_BYTES, strlen(cases[i].want)};
        if (data->found != (cases[i].want != NULL) || (data->error.p != NULL) != cases[i].error ||
            !ry_str_is(got, cases[i].want))
            fail_msg("%s: found %d, '%.*s', error '%.*s'", cases[i].path, data->found, RY_STR_ARG(got),
                     RY_STR_ARG(data->error));
        bed_expect_done(bed, id);
    }
    bed_free(bed);
}

static void storage_gives_out_no_file_that_is_too_large(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char path[STORE_PATH_BYTES];
    assert_int_equal(mkdir(store_path(bed, "thumbnails/guild_" STORE_GUILD, path), 0755), 0);
    int fd = open(store_path(bed, STORE_SMALL, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)STORE_FILE_MAX_BYTES + 1), 0);
    assert_int_equal(close(fd), 0);
    struct ry_thumbnail_read read_message = {.storage_path = RY_STR(STORE_SMALL)};
    uint64_t id = BED_DELIVER(bed, thumbnail_read, &read_message, NULL);
    const struct ry_thumbnail_data *data = BED_EXPECT(bed, thumbnail_data);
    assert_false(data->found);
    assert_non_null(memmem(data->error.p, data->error.n, "at most", 7));
    bed_expect_done(bed, id);
    bed_free(bed);
}

/* ---- deleting ---------------------------------------------------------------------------------------------------- */

static void storage_deletes_files_and_the_folder_they_leave_empty(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, STORE_SMALL);
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, STORE_LARGE);
    store_make_file(bed, "thumbnails/guild_7", "thumbnails/guild_7/" STORE_CLIP "_small.webp");
    store_delete_files(bed, (const char *const[]){STORE_SMALL, "thumbnails/guild_7/" STORE_CLIP "_small.webp"}, 2, 2,
                       NULL);
    assert_false(store_has(bed, STORE_SMALL));
    assert_true(store_has(bed, STORE_LARGE));
    assert_false(store_has(bed, "thumbnails/guild_7"));
    assert_int_equal(bed_counter(bed, RY_COUNTER_files_deleted), 2);
    store_delete_files(bed, (const char *const[]){STORE_SMALL, STORE_LARGE}, 2, 2, NULL); /* one is gone already */
    assert_false(store_has(bed, "thumbnails/guild_" STORE_GUILD));
    store_delete_files(bed, (const char *const[]){STORE_SMALL, STORE_LARGE}, 2, 2, NULL); /* with its folder */
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    store_expect_file(bed, STORE_SMALL, "one");
    bed_free(bed);
}

static void storage_touches_nothing_that_is_no_thumbnail_when_it_deletes(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char path[STORE_PATH_BYTES];
    char link[STORE_PATH_BYTES];
    store_make_file(bed, "keep", "keep/" STORE_CLIP "_small.webp");
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, "thumbnails/guild_" STORE_GUILD "/notes.txt");
    assert_int_equal(symlink(store_path(bed, "keep", path), store_path(bed, "thumbnails/guild_8", link)), 0);
    assert_int_equal(mkdir(store_path(bed, STORE_SMALL, path), 0755), 0);
    static const char *const paths[] = {
        "keep/" STORE_CLIP "_small.webp",
        "thumbnails/../keep/" STORE_CLIP "_small.webp",
        "/etc/passwd",
        "thumbnails/guild_" STORE_GUILD "/notes.txt",
        "thumbnails/guild_" STORE_GUILD,
        "thumbnails/guild_8/" STORE_CLIP "_small.webp",
        STORE_SMALL, /* a folder of that name */
    };
    store_delete_files(bed, paths, 7, 7, NULL);
    assert_true(store_has(bed, "keep/" STORE_CLIP "_small.webp"));
    assert_true(store_has(bed, "thumbnails/guild_" STORE_GUILD "/notes.txt"));
    assert_true(store_has(bed, STORE_SMALL));
    bed_free(bed);
}

static void storage_leaves_out_what_it_may_not_delete_yet(void **state)
{
    (void)state;
    if (geteuid() == 0 && setegid(65534) != 0)
        skip_test("root may not change its group here");
    uid_t former = geteuid();
    struct bed *bed = bed_new(&ry_storage_spec,
                              (const char *const[][2]){{"disk_reserve", "0"}, {"storage_access", "all"}, {NULL, NULL}});
    char path[STORE_PATH_BYTES];
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, STORE_SMALL);
    store_make_file(bed, "thumbnails/guild_7", "thumbnails/guild_7/" STORE_CLIP "_small.webp");
    assert_int_equal(chown(store_path(bed, "thumbnails/guild_7", path), 65534, (gid_t)-1), former == 0 ? 0 : -1);
    bool as_other = former == 0 && chmod(bed_data(bed), 0755) == 0 && seteuid(65534) == 0;
    if (!as_other)
        assert_int_equal(chmod(store_path(bed, "thumbnails/guild_" STORE_GUILD, path), 0555), 0);
    store_delete_files(bed, (const char *const[]){STORE_SMALL, "thumbnails/guild_7/" STORE_CLIP "_small.webp"}, 2, 1,
                       "cannot delete");
    if (as_other)
        assert_int_equal(seteuid(former), 0);
    assert_true(store_has(bed, STORE_SMALL));
    assert_false(store_has(bed, "thumbnails/guild_7/" STORE_CLIP "_small.webp"));
    assert_int_equal(chmod(store_path(bed, "thumbnails/guild_" STORE_GUILD, path), 0755), 0);
    store_delete_files(bed, (const char *const[]){STORE_SMALL}, 1, 1, NULL);
    if (former == 0)
        assert_int_equal(setegid(0), 0);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage_keeps_the_images_and_then_tells_the_writer),
        cmocka_unit_test(storage_writes_only_what_has_changed_when_a_mail_comes_again),
        cmocka_unit_test(storage_refuses_what_is_no_thumbnail),
        cmocka_unit_test(storage_refuses_facts_that_are_none),
        cmocka_unit_test(storage_keeps_only_a_webp_of_the_claimed_size_that_was_asked_for),
        cmocka_unit_test(storage_follows_no_link_out_of_its_folder),
        cmocka_unit_test(thumbnails_have_the_modes_that_the_operator_sets),
        cmocka_unit_test(modes_of_an_earlier_start_are_mended_and_nothing_else_is_touched),
        cmocka_unit_test(storage_gives_out_thumbnails_and_nothing_else),
        cmocka_unit_test(storage_gives_out_no_file_that_is_too_large),
        cmocka_unit_test(storage_deletes_files_and_the_folder_they_leave_empty),
        cmocka_unit_test(storage_touches_nothing_that_is_no_thumbnail_when_it_deletes),
        cmocka_unit_test(storage_leaves_out_what_it_may_not_delete_yet),
    };
    return skip_exit_code(cmocka_run_group_tests_name("storage", tests, NULL, NULL));
}
