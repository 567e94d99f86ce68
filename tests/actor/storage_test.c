/* storage_test.c: files that are whole or not there, whatever the disk does. */
#include "tests/bed/bed.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/storage/local.h"
#include "actors/storage/local_root.h"
#include "actors/storage/storage.h"
#include "tests/bed/skip.h"

#define GUILD      "41771983423143937"
#define CLIP       "d1523646fd8f70dd6e199d427ae00606"
#define SMALL      "thumbnails/guild_" GUILD "/" CLIP "_small.webp"
#define LARGE      "thumbnails/guild_" GUILD "/" CLIP "_large.webp"
#define ASIDE      "thumbnails/.incoming"
#define PATH_BYTES 512
#define HOUR_MS    (60 * 60 * 1000)

#define WEBP_HEAD_BYTES 30
#define TEXT_MAX_BYTES  10000

static struct bed *bed_plain(void)
{
    return bed_new(&ry_storage_spec, (const char *const[][2]){{"disk_reserve", "0"}, {NULL, NULL}});
}

static const char *path_of(struct bed *bed, const char *name, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/storage/%s", bed_data(bed), name);
    return path;
}

/* A file that begins as a lossy WebP of these pixels and goes on with a text; the end is padded to an even size. */
struct webp_file {
    char bytes[WEBP_HEAD_BYTES + TEXT_MAX_BYTES];
    size_t n;
};

static void put_number(char *to, size_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (char)(value >> (8 * i) & 0xff);
}

static size_t webp_bytes(const char *text)
{
    return WEBP_HEAD_BYTES + (strlen(text) + 1) / 2 * 2;
}

static void webp_write(struct webp_file *file, unsigned width, unsigned height, const char *text)
{
    *file = (struct webp_file){.n = webp_bytes(text)};
    assert_true(file->n <= sizeof file->bytes);
    memcpy(file->bytes, "RIFF....WEBPVP8 ", 16);
    put_number(file->bytes + 4, file->n - 8, 4);
    put_number(file->bytes + 16, 10 + strlen(text), 4);
    memcpy(file->bytes + 23, "\x9d\x01\x2a", 3);
    put_number(file->bytes + 26, width, 2);
    put_number(file->bytes + 28, height, 2);
    memcpy(file->bytes + WEBP_HEAD_BYTES, text, strlen(text));
}

/* The file has these bytes behind a WebP's head of its kind. */
static void expect_file(struct bed *bed, const char *name, const char *want)
{
    char path[PATH_BYTES];
    static struct webp_file expected;
    static char got[sizeof expected.bytes + 1];
    bool small = strstr(name, "_small") != NULL;
    webp_write(&expected, small ? 320 : 640, small ? 180 : 360, want);
    FILE *file = fopen(path_of(bed, name, path), "r");
    if (file == NULL)
        fail_msg("%s is not there", path);
    size_t n = fread(got, 1, sizeof got, file);
    (void)fclose(file);
    assert_int_equal(n, expected.n);
    assert_memory_equal(got, expected.bytes, n);
}

static bool is_there(struct bed *bed, const char *name)
{
    char path[PATH_BYTES];
    return access(path_of(bed, name, path), F_OK) == 0;
}

static ino_t inode_of(struct bed *bed, const char *name)
{
    char path[PATH_BYTES];
    struct stat st;
    assert_int_equal(stat(path_of(bed, name, path), &st), 0);
    return st.st_ino;
}

/* A mail to store two images; its lists stay with the caller. */
struct letter {
    struct webp_file files[2];
    struct ry_image images[2];
    struct ry_video_facts facts;
    struct ry_thumbnail_store message;
};

static void letter_write(struct letter *letter, const char *small, const char *large)
{
    *letter = (struct letter){
        .images = {{.size_type = RY_STR("small"), .width = 320, .height = 180},
                   {.size_type = RY_STR("large"), .width = 640, .height = 360}},
        .facts = {.duration_s = 30.0, .width = 1920, .height = 1080, .mime_type = RY_STR("video/mp4")},
    };
    webp_write(&letter->files[0], 320, 180, small);
    webp_write(&letter->files[1], 640, 360, large);
    for (size_t i = 0; i < 2; i++)
        letter->images[i].webp = (struct ry_blob){letter->files[i].bytes, letter->files[i].n, NULL};
    letter->message = (struct ry_thumbnail_store){
        .clip_id = RY_STR(CLIP),
        .guild_id = RY_STR(GUILD),
        .images = {letter->images, 2},
        .facts = {&letter->facts, 1},
        .bytes_read = 88453,
    };
}

static const struct ry_send from_encoder = {.correlation = 77, .tenant = 41771983423143937, .priority = 3};

static void expect_completed(struct bed *bed, const char *small, const char *large)
{
    const struct ry_clip_completed *completed = BED_EXPECT(bed, clip_completed);
    assert_true(ry_str_is(completed->clip_id, CLIP));
    assert_int_equal(completed->bytes_read, 88453);
    assert_int_equal(completed->thumbnails.n, 2);
    const struct ry_thumbnail_row *rows = completed->thumbnails.items;
    assert_true(ry_str_is(rows[0].size_type, "small"));
    assert_true(ry_str_is(rows[0].storage_path, SMALL));
    assert_int_equal(rows[0].width, 320);
    assert_int_equal(rows[0].height, 180);
    assert_int_equal(rows[0].file_size, webp_bytes(small));
    assert_true(ry_str_is(rows[1].size_type, "large"));
    assert_true(ry_str_is(rows[1].storage_path, LARGE));
    assert_int_equal(rows[1].file_size, webp_bytes(large));
    assert_int_equal(completed->facts.n, 1);
    assert_int_equal(completed->facts.items[0].width, 1920);
    assert_true(ry_str_is(completed->facts.items[0].mime_type, "video/mp4"));
    assert_int_equal(bed_envelope(bed)->correlation, from_encoder.correlation);
    assert_int_equal(bed_envelope(bed)->tenant, from_encoder.tenant);
    assert_int_equal(bed_envelope(bed)->priority, from_encoder.priority);
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

static void storage_keeps_the_images_and_then_tells_the_writer(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    struct letter letter;
    letter_write(&letter, "a small one", "a large one!");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "a small one", "a large one!");
    bed_expect_done(bed, id);
    expect_file(bed, SMALL, "a small one");
    expect_file(bed, LARGE, "a large one!");
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_bytes),
                     webp_bytes("a small one") + webp_bytes("a large one!"));
    bed_free(bed);
}

static void storage_writes_only_what_has_changed_when_a_mail_comes_again(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    ino_t small = inode_of(bed, SMALL);
    bed_redeliver(bed, id, 2, RY_TAG_thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 2);
    assert_int_equal(inode_of(bed, SMALL), small);

    letter_write(&letter, "one", "owt"); /* the same size, other bytes */
    id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 3);
    assert_int_equal(inode_of(bed, SMALL), small);
    expect_file(bed, LARGE, "owt");
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
        {"D1523646FD8F70DD6E199D427AE00606", "small", "large", "no clip id"},
        {"../../../../../../../../etc/pass", "small", "large", "no clip id"},
        {CLIP, "small", "../x", "no size"},
        {CLIP, "small", "small", "two images"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed *bed = bed_plain();
        struct letter letter;
        letter_write(&letter, "one", "two");
        letter.message.clip_id = ry_str_of(cases[i].clip);
        letter.images[0].size_type = ry_str_of(cases[i].first);
        letter.images[1].size_type = ry_str_of(cases[i].second);
        uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        const char *reason = bed_expect_fail(bed, id, false);
        if (strstr(reason, cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, reason);
        bed_expect_nothing(bed);
        assert_false(is_there(bed, "thumbnails/guild_" GUILD));
        bed_free(bed);
    }
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
    struct bed *bed = bed_plain();
    struct letter letter;
    letter_write(&letter, "one", "two");
    letter.images[0].webp = (struct ry_blob){image->bytes, image->n, NULL};
    letter.images[0].width = image->width;
    letter.images[0].height = image->height;
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    if (image->says == NULL) {
        (void)BED_EXPECT(bed, clip_completed);
        bed_expect_done(bed, id);
    } else {
        const char *reason = bed_expect_fail(bed, id, false);
        if (strstr(reason, image->says) == NULL)
            fail_msg("case %zu: %s", number, reason);
    }
    bed_expect_nothing(bed);
    assert_int_equal(is_there(bed, SMALL), image->says == NULL);
    assert_int_equal(is_there(bed, LARGE), image->says == NULL);
    bed_free(bed);
}

static void storage_keeps_only_a_webp_of_the_claimed_size_that_was_asked_for(void **state)
{
    (void)state;
    static const unsigned char vp8l[] = "RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\x3f\xc1\x2c\0"; /* 320x180 */
    static const unsigned char vp8x[] = "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xb3\0\0";
    static const unsigned char vp8l_version[] = "RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\x3f\xc1\x2c\xe0";
    static struct webp_file good, cut, long_one, no_start, inter, no_pixels, riff, huge, chunk;
    static char fat[64 + (320 * 180 * 4) + 65536];
    webp_write(&good, 320, 180, "good");
    webp_write(&no_pixels, 320, 0, "flat");
    webp_write(&huge, 640, 360, "large");
    cut = long_one = no_start = inter = riff = chunk = good;
    cut.n -= 2;
    long_one.n += 2;
    no_start.bytes[23] = 0;
    inter.bytes[20] = 1;
    riff.bytes[8] = 'w';
    put_number(chunk.bytes + 16, 9, 4);
    memcpy(fat, good.bytes, good.n);
    put_number(fat + 4, sizeof fat - 8, 4);
    const struct image_case cases[] = {
        {good.bytes, good.n, 320, 180, NULL},
        {vp8l, 26, 320, 180, NULL},
        {vp8x, 30, 320, 180, NULL},
        {vp8l_version, 26, 320, 180, "no WebP"},
        {"hello world", 11, 1, 1, "no WebP"},
        {good.bytes, 19, 320, 180, "no WebP"},
        {good.bytes, 1, 320, 180, "no WebP"},
        {cut.bytes, cut.n, 320, 180, "no WebP"},
        {long_one.bytes, long_one.n, 320, 180, "no WebP"},
        {no_start.bytes, no_start.n, 320, 180, "no WebP"},
        {inter.bytes, inter.n, 320, 180, "no WebP"},
        {no_pixels.bytes, no_pixels.n, 320, 180, "no WebP"},
        {riff.bytes, riff.n, 320, 180, "no WebP"},
        {chunk.bytes, chunk.n, 320, 180, "no WebP"},
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
    struct bed *bed = bed_plain();
    char link[PATH_BYTES];
    char outside[PATH_BYTES];
    (void)snprintf(outside, sizeof outside, "%s/outside", bed_data(bed));
    assert_int_equal(mkdir(outside, 0755), 0);
    assert_int_equal(symlink(outside, path_of(bed, "thumbnails/guild_" GUILD, link)), 0);
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    assert_non_null(strstr(bed_expect_fail(bed, id, false), "symbolic links are not followed"));
    assert_int_equal(rmdir(outside), 0); /* so nothing was written there */
    bed_free(bed);
}

/* ---- a disk that does not take it -------------------------------------------------------------------------------- */

static void storage_gives_up_after_five_tries_on_a_disk_that_fails(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    char obstacle[PATH_BYTES];
    assert_int_equal(mkdir(path_of(bed, "thumbnails/guild_" GUILD, obstacle), 0755), 0);
    assert_int_equal(mkdir(path_of(bed, LARGE, obstacle), 0755), 0);
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    for (uint64_t tries = 1; tries < 5; tries++) {
        bed_expect_nothing(bed);
        assert_int_equal(bed_kept(bed), 1);
        assert_int_equal(bed_counter(bed, RY_COUNTER_storage_errors), tries);
        bed_advance(bed, (INT64_C(1000) << (tries - 1)) * 12 / 10); /* with all of its jitter */
    }
    assert_non_null(strstr(bed_expect_fail(bed, id, false), "Is a directory"));
    assert_int_equal(bed_kept(bed), 0);
    bed_advance(bed, HOUR_MS);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void storage_waits_for_room_on_a_full_disk(void **state)
{
    (void)state;
    struct bed *bed =
        bed_new(&ry_storage_spec, (const char *const[][2]){{"disk_reserve", "1099511627776"}, {NULL, NULL}});
    struct letter letter;
    letter_write(&letter, "one", "two");
    (void)BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    bed_advance(bed, HOUR_MS);
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 1);
    assert_true(bed_counter(bed, RY_COUNTER_storage_errors) > 10);
    assert_false(is_there(bed, SMALL));
    bed_free(bed);
}

static void storage_tries_again_until_the_disk_takes_it(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    char obstacle[PATH_BYTES];
    assert_int_equal(mkdir(path_of(bed, "thumbnails/guild_" GUILD, obstacle), 0755), 0);
    assert_int_equal(mkdir(path_of(bed, LARGE, obstacle), 0755), 0);
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    bed_expect_nothing(bed);
    assert_int_equal(rmdir(obstacle), 0);
    bed_advance(bed, 1200);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    assert_int_equal(bed_kept(bed), 0);
    expect_file(bed, LARGE, "two");
    /* Aside lies nothing. */
    assert_int_equal(rmdir(path_of(bed, ASIDE, obstacle)), 0);
    bed_free(bed);
}

static void storage_leaves_what_waits_to_the_router_when_it_drains(void **state)
{
    (void)state;
    struct bed *bed =
        bed_new(&ry_storage_spec, (const char *const[][2]){{"disk_reserve", "1099511627776"}, {NULL, NULL}});
    struct letter letter;
    letter_write(&letter, "one", "two");
    (void)BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    bed_drain(bed);
    assert_true(bed_finished(bed));
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void storage_says_why_its_folder_cannot_be_used(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&ry_storage_spec,
                              (const char *const[][2]){{"disk_reserve", "0"}, {"storage_access", "all"}, {NULL, NULL}});
    char locked[PATH_BYTES];
    char missing[PATH_BYTES];
    char file[PATH_BYTES];
    assert_int_equal(mkdir(path_of(bed, "locked", locked), 0555), 0);
    assert_int_equal(chmod(bed_data(bed), 0755), 0);
    (void)path_of(bed, "no/folder", missing);
    FILE *made = fopen(path_of(bed, "file", file), "w");
    assert_non_null(made);
    assert_int_equal(fclose(made), 0);
    const struct {
        const char *root;
        const char *says;
    } cases[] = {
        {locked, "Permission denied"},
        {missing, "No such file or directory"},
        {file, "Not a directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* In a child that root's rights are taken from. */
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct store_local_options options = {.root = cases[i].root, .access = "owner"};
            struct store *store = NULL;
            struct ry_error err = {0};
            if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
                _exit(10);
            if (store_local_open(&options, &store, &err) != RY_ECONFIG)
                _exit(11);
            bool clear =
                strstr(err.text, cases[i].root) && strstr(err.text, cases[i].says) && strstr(err.text, "STORAGE_PATH");
            _exit(clear ? 0 : 12);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("%s: status %#x", cases[i].says, (unsigned)status);
    }
    bed_free(bed);
}

/* ---- crashes ----------------------------------------------------------------------------------------------------- */

/* The names in .incoming: how many, and the path of one of them. */
static int incoming(struct bed *bed, char path[PATH_BYTES])
{
    char command[PATH_BYTES + 64];
    char folder[PATH_BYTES];
    (void)snprintf(command, sizeof command, "find %s -type f", path_of(bed, ASIDE, folder));
    FILE *find = popen(command, "r");
    assert_non_null(find);
    int n = 0;
    while (fgets(path, PATH_BYTES, find) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        n++;
    }
    (void)pclose(find);
    return n;
}

static void storage_finishes_after_it_was_killed_in_the_middle_of_a_file(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    static char large[9000];
    memset(large, 'x', sizeof large - 1);
    struct letter letter;
    letter_write(&letter, "small", large);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* The kernel kills whoever writes past this size. */
        const struct rlimit size = {4096, 4096};
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGXFSZ, SIG_DFL);
        if (setrlimit(RLIMIT_FSIZE, &size) == 0)
            (void)BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    expect_file(bed, SMALL, "small");
    assert_false(is_there(bed, LARGE));
    char leftover[PATH_BYTES];
    assert_int_equal(incoming(bed, leftover), 1);

    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "small", large);
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 1); /* the small one was there */
    bed_free(bed);
}

static void storage_removes_leftovers_of_the_dead_when_it_opens(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    char path[PATH_BYTES];
    int dead_fd = open(path_of(bed, ASIDE "/a_small.webp.tmp.1", path), O_WRONLY | O_CREAT, 0644);
    assert_true(dead_fd >= 0);
    assert_int_equal(close(dead_fd), 0);
    int live_fd = open(path_of(bed, ASIDE "/b_small.webp.tmp.2", path), O_WRONLY | O_CREAT, 0644);
    assert_true(live_fd >= 0);
    assert_int_equal(flock(live_fd, LOCK_EX), 0);
    bed_restart(bed);
    assert_false(is_there(bed, ASIDE "/a_small.webp.tmp.1"));
    assert_true(is_there(bed, ASIDE "/b_small.webp.tmp.2"));
    assert_int_equal(close(live_fd), 0);
    bed_free(bed);
}

static void make_file(struct bed *bed, const char *folder, const char *name)
{
    char path[PATH_BYTES];
    if (!is_there(bed, folder))
        assert_int_equal(mkdir(path_of(bed, folder, path), 0755), 0);
    int fd = open(path_of(bed, name, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* Asks for the files' deletion and expects that so many are gone, and an error that says so (NULL: none). */
static void delete_files(struct bed *bed, const char *const *paths, size_t n, size_t gone, const char *says)
{
    struct ry_str items[16];
    for (size_t i = 0; i < n; i++)
        items[i] = ry_str_of(paths[i]);
    struct ry_files_delete message = {.paths = {items, n}};
    uint64_t id = BED_DELIVER(bed, files_delete, &message, NULL);
    const struct ry_files_deleted *answer = BED_EXPECT(bed, files_deleted);
    assert_int_equal(bed_envelope(bed)->correlation, id);
    assert_int_equal(answer->paths.n, gone);
    assert_int_equal(answer->error.p != NULL, says != NULL);
    if (says != NULL && memmem(answer->error.p, answer->error.n, says, strlen(says)) == NULL)
        fail_msg("'%.*s' does not say '%s'", RY_STR_ARG(answer->error), says);
    bed_expect_done(bed, id);
}

/* ---- a store that is not to be had ------------------------------------------------------------------------------- */

static struct bed *bed_at(const char *root)
{
    return bed_new(&ry_storage_spec,
                   (const char *const[][2]){{"disk_reserve", "0"}, {"storage_path", root}, {NULL, NULL}});
}

/* Runs a command of the shell in a folder. */
static void shell_in(const char *folder, const char *command)
{
    char line[2 * PATH_BYTES];
    (void)snprintf(line, sizeof line, "cd '%s' && %s", folder, command);
    if (system(line) != 0)
        fail_msg("%s", line);
}

static const char *trouble_of(struct bed *bed)
{
    return ry_instance_trouble(bed_instance(bed));
}

static void storage_waits_for_a_store_that_is_away_and_goes_on_when_it_is_mended(void **state)
{
    (void)state;
    static const struct {
        const char *damage; /* in the folder above the root, which is store */
        const char *says;
        const char *repair;
    } cases[] = {
        {"mv store elsewhere", "moved away", "mv elsewhere store"},
        {"mv store elsewhere", "moved away", "mkdir store"},
        {"mv store elsewhere && touch store", "Not a directory", "rm store && mkdir store"},
        {"rm -r store && touch store", "Not a directory", "rm store"},
        {"rm -r store && ln -s nowhere store", "No such file or directory", "mkdir nowhere"},
        {"rm -r store/thumbnails && touch store/thumbnails", "store/thumbnails: Not a directory",
         "rm store/thumbnails"},
        {"mv store/thumbnails t && ln -s ../t store/thumbnails", "symbolic links are not followed",
         "rm store/thumbnails && mv t store/thumbnails"},
        {"rm -r store/thumbnails/.incoming && touch store/thumbnails/.incoming", ".incoming: Not a directory",
         "rm store/thumbnails/.incoming"},
        {"cd .. && rm -r disk", "No such file or directory", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char base[] = "/tmp/reelyard-away-XXXXXX";
        char disk[64];
        char root[80];
        assert_non_null(mkdtemp(base));
        (void)snprintf(disk, sizeof disk, "%s/disk", base);
        (void)snprintf(root, sizeof root, "%s/store", disk);
        assert_int_equal(mkdir(disk, 0755), 0);
        struct bed *bed = bed_at(root);
        assert_string_equal(trouble_of(bed), "");
        shell_in(disk, cases[i].damage);
        struct letter letter;
        letter_write(&letter, "one", "two");
        uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        bed_advance(bed, HOUR_MS);
        bed_expect_nothing(bed);
        assert_int_equal(bed_kept(bed), 1);
        if (strstr(trouble_of(bed), cases[i].says) == NULL || strstr(trouble_of(bed), root) == NULL)
            fail_msg("case %zu: %s", i, trouble_of(bed));
        if (cases[i].repair != NULL)
            shell_in(disk, cases[i].repair);
        else
            assert_int_equal(mkdir(disk, 0755), 0);
        bed_advance(bed, HOUR_MS);
        expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        assert_string_equal(trouble_of(bed), "");
        shell_in(root, "test -f " SMALL " && test -f " LARGE);
        bed_free(bed);
        shell_in(base, "rm -rf disk");
        assert_int_equal(rmdir(base), 0);
    }
}

static void storage_makes_a_deleted_root_again_and_takes_one_that_replaced_it(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "rm -r storage",
        "rm -r storage && mkdir storage",
        "rm -r storage/thumbnails",
        "rm -r storage/thumbnails/.incoming",
        "rm -r storage/thumbnails/guild_" GUILD,
        "cp -a storage copy && mv storage former && mv copy storage",
        "mv storage/thumbnails/guild_" GUILD " elsewhere",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bed *bed = bed_plain();
        struct letter letter;
        letter_write(&letter, "one", "two");
        uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        shell_in(bed_data(bed), changes[i]);
        id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        expect_file(bed, SMALL, "one");
        expect_file(bed, LARGE, "two");
        bed_free(bed);
    }
}

static void storage_deletes_nothing_on_a_list_while_its_root_is_away(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    make_file(bed, "thumbnails/guild_" GUILD, SMALL);
    shell_in(bed_data(bed), "mv storage elsewhere");
    delete_files(bed, (const char *const[]){SMALL}, 1, 0, "moved away");
    shell_in(bed_data(bed), "mv elsewhere storage");
    delete_files(bed, (const char *const[]){SMALL}, 1, 1, NULL);
    assert_false(is_there(bed, SMALL));
    bed_free(bed);
}

/* What a change between the last write and the word of success would be seen by. */
static void a_root_that_lost_its_name_is_noticed_by_its_open_descriptors(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "mv storage elsewhere",
        "rm -r storage",
        "mv storage elsewhere && mkdir -p storage/thumbnails/.incoming",
        "mv storage/thumbnails elsewhere",
        "mv storage/thumbnails elsewhere && mkdir -p storage/thumbnails/.incoming",
        "rm -r storage/thumbnails/.incoming && mkdir storage/thumbnails/.incoming && mkdir x",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bed *bed = bed_plain();
        char path[PATH_BYTES];
        struct local_root root = {
            .path = path_of(bed, "", path), .folder_mode = 0700, .root_fd = -1, .thumbnails_fd = -1, .incoming_fd = -1};
        struct ry_error err = {0};
        assert_int_equal(local_root_settle(&root, &err), RY_OK);
        assert_int_equal(local_root_check(&root, &err), RY_OK);
        shell_in(bed_data(bed), changes[i]);
        assert_int_equal(local_root_check(&root, &err), RY_EAWAY);
        assert_non_null(strstr(err.text, "moved, replaced or deleted"));
        local_root_close(&root);
        bed_free(bed);
    }
}

/* Whether the small image can be read, and is the one that was made of this text. */
static void expect_readable(struct bed *bed, const char *text)
{
    struct ry_thumbnail_read message = {.storage_path = RY_STR(SMALL)};
    uint64_t id = BED_DELIVER(bed, thumbnail_read, &message, NULL);
    const struct ry_thumbnail_data *data = BED_EXPECT(bed, thumbnail_data);
    assert_true(data->found && data->error.p == NULL);
    assert_memory_equal((const char *)data->bytes.p + WEBP_HEAD_BYTES, text, strlen(text));
    bed_expect_done(bed, id);
}

static void use_a_read_only_disk(const char *base, const char *root)
{
    assert_int_equal(mount("tmpfs", base, "tmpfs", 0, NULL), 0);
    struct bed *bed = bed_at(root);
    struct letter letter;
    letter_write(&letter, "ONE", "TWO");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "ONE", "TWO");
    bed_expect_done(bed, id);
    letter_write(&letter, "one", "two");
    assert_int_equal(mount(NULL, base, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    (void)BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    bed_advance(bed, HOUR_MS);
    bed_expect_nothing(bed);
    assert_non_null(strstr(trouble_of(bed), "Read-only file system"));
    expect_readable(bed, "ONE"); /* for visitors of the page, whom the repair does not concern */
    bed_restart(bed);            /* such a disk does not keep it from starting */
    assert_non_null(strstr(trouble_of(bed), "Read-only file system"));
    expect_readable(bed, "ONE");
    id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    bed_expect_nothing(bed);
    assert_int_equal(mount(NULL, base, NULL, MS_REMOUNT, NULL), 0);
    bed_advance(bed, HOUR_MS);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    bed_free(bed);
    assert_int_equal(umount2(base, MNT_DETACH), 0);
}

/* A second mount keeps the disk while it is not in its place, so that it comes back with what it had. */
static void use_a_disk_that_comes_back(const char *keep, const char *disk, const char *root)
{
    assert_int_equal(mkdir(keep, 0700) + mkdir(disk, 0700), 0);
    assert_int_equal(mount("tmpfs", keep, "tmpfs", 0, NULL), 0);
    assert_int_equal(mount(keep, disk, NULL, MS_BIND, NULL), 0);
    struct bed *bed = bed_at(root);
    assert_int_equal(umount2(disk, MNT_DETACH), 0);
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    bed_advance(bed, HOUR_MS);
    bed_expect_nothing(bed);
    assert_non_null(strstr(trouble_of(bed), "another device"));
    assert_int_not_equal(access(root, F_OK), 0); /* nothing was begun on the disk below */
    assert_int_equal(mkdir(root, 0700), 0);
    bed_advance(bed, HOUR_MS);
    bed_expect_nothing(bed); /* nor where there is a folder for the mount */
    assert_int_equal(rmdir(root), 0);
    assert_int_equal(mount(keep, disk, NULL, MS_BIND, NULL), 0);
    bed_advance(bed, HOUR_MS);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    bed_free(bed);
    assert_int_equal(umount2(disk, MNT_DETACH) + umount2(keep, MNT_DETACH), 0);
    assert_int_equal(rmdir(disk) + rmdir(keep), 0);
}

/* In a mount namespace of its own. */
static int use_disks(const char *base)
{
    char root[PATH_BYTES];
    char disk[PATH_BYTES];
    char keep[PATH_BYTES];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return 77;
    (void)snprintf(root, sizeof root, "%s/store", base);
    use_a_read_only_disk(base, root);
    (void)snprintf(keep, sizeof keep, "%s/keep", base);
    (void)snprintf(disk, sizeof disk, "%s/disk", base);
    (void)snprintf(root, sizeof root, "%s/disk/store", base);
    use_a_disk_that_comes_back(keep, disk, root);
    return 0;
}

/* Works in a process of its own, since it changes what the process may do or see. Its status. */
static int status_of(int (*work)(const char *base), const char *base)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(work(base));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Skips the test where the process ended with 77; fails it where it did not end with 0. */
static void judge(int status, const char *why_not)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip_test("%s", why_not);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("status %#x", (unsigned)status);
}

static void storage_waits_for_a_disk_that_is_read_only_or_not_mounted(void **state)
{
    (void)state;
    char base[] = "/tmp/reelyard-disk-XXXXXX";
    assert_non_null(mkdtemp(base));
    int status = status_of(use_disks, base);
    assert_int_equal(rmdir(base), 0);
    judge(status, "mounting is not allowed here");
}

static int lose_rights(const char *base)
{
    static const char *const damage[] = {"chmod 0 store", "chmod 500 store/thumbnails/.incoming", "chmod 0 ."};
    char root[PATH_BYTES];
    (void)snprintf(root, sizeof root, "%s/store", base);
    if (geteuid() == 0 && (chown(base, 65534, 65534) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        return 77;
    assert_int_equal(setenv("TMPDIR", base, 1), 0); /* where this user may write */
    struct bed *bed = bed_at(root);
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        struct letter letter;
        letter_write(&letter, i % 2 ? "one" : "ONE", i % 2 ? "two" : "TWO");
        shell_in(base, damage[i]);
        uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        bed_advance(bed, HOUR_MS);
        bed_expect_nothing(bed);
        assert_non_null(strstr(trouble_of(bed), "Permission denied"));
        assert_int_equal(chmod(base, 0700), 0);
        shell_in(base, "chmod 700 store store/thumbnails/.incoming");
        bed_advance(bed, HOUR_MS);
        (void)BED_EXPECT(bed, clip_completed);
        bed_expect_done(bed, id);
        assert_string_equal(trouble_of(bed), "");
    }
    bed_free(bed);
    return 0;
}

static void storage_waits_for_rights_that_were_taken_away(void **state)
{
    (void)state;
    char base[] = "/tmp/reelyard-disk-XXXXXX";
    assert_non_null(mkdtemp(base));
    int status = status_of(lose_rights, base);
    shell_in(base, "rm -rf store");
    assert_int_equal(rmdir(base), 0);
    judge(status, "root may not become another user here");
}

/* ---- who may read ------------------------------------------------------------------------------------------------ */

static void expect_mode(struct bed *bed, const char *name, mode_t mode)
{
    char path[PATH_BYTES];
    struct stat st;
    assert_int_equal(stat(path_of(bed, name, path), &st), 0);
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
        struct letter letter;
        letter_write(&letter, "one", "two");
        uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
        expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        expect_mode(bed, "", cases[i % 3].folder);
        expect_mode(bed, "thumbnails", cases[i % 3].folder);
        expect_mode(bed, "thumbnails/guild_" GUILD, cases[i % 3].folder);
        expect_mode(bed, SMALL, cases[i % 3].file);
        expect_mode(bed, LARGE, cases[i % 3].file);
        expect_mode(bed, ASIDE, 0700);
        bed_free(bed);
        (void)umask(former);
    }
}

static void modes_of_an_earlier_start_are_mended_and_nothing_else_is_touched(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    make_file(bed, "thumbnails/guild_" GUILD, SMALL);
    make_file(bed, "thumbnails/guild_" GUILD, "thumbnails/guild_" GUILD "/notes.txt");
    make_file(bed, "thumbnails/own", "thumbnails/own/" CLIP "_small.webp");
    shell_in(bed_data(bed), "chmod -R u=rwX,go=rX storage && ln -s /etc/passwd storage/thumbnails/guild_" GUILD
                            "/00000000000000000000000000000000_small.webp");
    struct stat before;
    struct stat after;
    assert_int_equal(stat("/etc/passwd", &before), 0);
    bed_restart(bed);
    expect_mode(bed, "thumbnails", 0700);
    expect_mode(bed, ASIDE, 0700);
    expect_mode(bed, "thumbnails/guild_" GUILD, 0700);
    expect_mode(bed, SMALL, 0600);
    expect_mode(bed, "thumbnails/guild_" GUILD "/notes.txt", 0644);
    expect_mode(bed, "thumbnails/own", 0755);
    expect_mode(bed, "thumbnails/own/" CLIP "_small.webp", 0644);
    assert_int_equal(stat("/etc/passwd", &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    bed_free(bed);
}

/* ---- giving out -------------------------------------------------------------------------------------------------- */

static void storage_gives_out_thumbnails_and_nothing_else(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    char path[PATH_BYTES];
    assert_int_equal(symlink("/etc/passwd", path_of(bed, "thumbnails/guild_1", path)), 0);
    assert_int_equal(mkdir(path_of(bed, "thumbnails/guild_2", path), 0755), 0);
    assert_int_equal(symlink("/etc/passwd", path_of(bed, "thumbnails/guild_2/" CLIP "_small.webp", path)), 0);
    assert_int_equal(mkdir(path_of(bed, "thumbnails/guild_2/" CLIP "_large.webp", path), 0755), 0);
    const struct {
        const char *path;
        const char *want; /* NULL: not found */
        bool error;
    } cases[] = {
        {SMALL, "one", false},
        {LARGE, "two", false},
        {"thumbnails/guild_3/" CLIP "_small.webp", NULL, false},
        {"thumbnails/guild_" GUILD "/00000000000000000000000000000000_small.webp", NULL, false},
        {"thumbnails/guild_1/" CLIP "_small.webp", NULL, true},
        {"thumbnails/guild_2/" CLIP "_small.webp", NULL, true},
        {"thumbnails/guild_2/" CLIP "_large.webp", NULL, true},
        {"/etc/passwd", NULL, false},
        {"../reelyard.db", NULL, false},
        {"thumbnails/guild_" GUILD "/../guild_" GUILD "/" CLIP "_small.webp", NULL, false},
        {"thumbnails/guild_" GUILD "/" CLIP "_small.webp/", NULL, false},
        {"thumbnails/guild_" GUILD "/" CLIP "_small", NULL, false},
        {"thumbnails/guild_0" GUILD "/" CLIP "_small.webp", NULL, false},
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
            got = (struct ry_str){got.p + WEBP_HEAD_BYTES, strlen(cases[i].want)};
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
    struct bed *bed = bed_plain();
    char path[PATH_BYTES];
    assert_int_equal(mkdir(path_of(bed, "thumbnails/guild_" GUILD, path), 0755), 0);
    int fd = open(path_of(bed, SMALL, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)STORE_FILE_MAX_BYTES + 1), 0);
    assert_int_equal(close(fd), 0);
    struct ry_thumbnail_read read_message = {.storage_path = RY_STR(SMALL)};
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
    struct bed *bed = bed_plain();
    make_file(bed, "thumbnails/guild_" GUILD, SMALL);
    make_file(bed, "thumbnails/guild_" GUILD, LARGE);
    make_file(bed, "thumbnails/guild_7", "thumbnails/guild_7/" CLIP "_small.webp");
    delete_files(bed, (const char *const[]){SMALL, "thumbnails/guild_7/" CLIP "_small.webp"}, 2, 2, NULL);
    assert_false(is_there(bed, SMALL));
    assert_true(is_there(bed, LARGE));
    assert_false(is_there(bed, "thumbnails/guild_7"));
    assert_int_equal(bed_counter(bed, RY_COUNTER_files_deleted), 2);
    delete_files(bed, (const char *const[]){SMALL, LARGE}, 2, 2, NULL); /* one is gone already */
    assert_false(is_there(bed, "thumbnails/guild_" GUILD));
    delete_files(bed, (const char *const[]){SMALL, LARGE}, 2, 2, NULL); /* with its folder */
    struct letter letter;
    letter_write(&letter, "one", "two");
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter.message, &from_encoder);
    expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    expect_file(bed, SMALL, "one");
    bed_free(bed);
}

static void storage_touches_nothing_that_is_no_thumbnail_when_it_deletes(void **state)
{
    (void)state;
    struct bed *bed = bed_plain();
    char path[PATH_BYTES];
    char link[PATH_BYTES];
    make_file(bed, "keep", "keep/" CLIP "_small.webp");
    make_file(bed, "thumbnails/guild_" GUILD, "thumbnails/guild_" GUILD "/notes.txt");
    assert_int_equal(symlink(path_of(bed, "keep", path), path_of(bed, "thumbnails/guild_8", link)), 0);
    assert_int_equal(mkdir(path_of(bed, SMALL, path), 0755), 0);
    static const char *const paths[] = {
        "keep/" CLIP "_small.webp",
        "thumbnails/../keep/" CLIP "_small.webp",
        "/etc/passwd",
        "thumbnails/guild_" GUILD "/notes.txt",
        "thumbnails/guild_" GUILD,
        "thumbnails/guild_8/" CLIP "_small.webp",
        SMALL, /* a folder of that name */
    };
    delete_files(bed, paths, 7, 7, NULL);
    assert_true(is_there(bed, "keep/" CLIP "_small.webp"));
    assert_true(is_there(bed, "thumbnails/guild_" GUILD "/notes.txt"));
    assert_true(is_there(bed, SMALL));
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
    char path[PATH_BYTES];
    make_file(bed, "thumbnails/guild_" GUILD, SMALL);
    make_file(bed, "thumbnails/guild_7", "thumbnails/guild_7/" CLIP "_small.webp");
    assert_int_equal(chown(path_of(bed, "thumbnails/guild_7", path), 65534, (gid_t)-1), former == 0 ? 0 : -1);
    bool as_other = former == 0 && chmod(bed_data(bed), 0755) == 0 && seteuid(65534) == 0;
    if (!as_other)
        assert_int_equal(chmod(path_of(bed, "thumbnails/guild_" GUILD, path), 0555), 0);
    delete_files(bed, (const char *const[]){SMALL, "thumbnails/guild_7/" CLIP "_small.webp"}, 2, 1, "cannot delete");
    if (as_other)
        assert_int_equal(seteuid(former), 0);
    assert_true(is_there(bed, SMALL));
    assert_false(is_there(bed, "thumbnails/guild_7/" CLIP "_small.webp"));
    assert_int_equal(chmod(path_of(bed, "thumbnails/guild_" GUILD, path), 0755), 0);
    delete_files(bed, (const char *const[]){SMALL}, 1, 1, NULL);
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
        cmocka_unit_test(storage_keeps_only_a_webp_of_the_claimed_size_that_was_asked_for),
        cmocka_unit_test(storage_follows_no_link_out_of_its_folder),
        cmocka_unit_test(storage_gives_up_after_five_tries_on_a_disk_that_fails),
        cmocka_unit_test(storage_waits_for_room_on_a_full_disk),
        cmocka_unit_test(storage_tries_again_until_the_disk_takes_it),
        cmocka_unit_test(storage_leaves_what_waits_to_the_router_when_it_drains),
        cmocka_unit_test(storage_says_why_its_folder_cannot_be_used),
        cmocka_unit_test(storage_finishes_after_it_was_killed_in_the_middle_of_a_file),
        cmocka_unit_test(storage_removes_leftovers_of_the_dead_when_it_opens),
        cmocka_unit_test(storage_waits_for_a_store_that_is_away_and_goes_on_when_it_is_mended),
        cmocka_unit_test(storage_makes_a_deleted_root_again_and_takes_one_that_replaced_it),
        cmocka_unit_test(storage_deletes_nothing_on_a_list_while_its_root_is_away),
        cmocka_unit_test(a_root_that_lost_its_name_is_noticed_by_its_open_descriptors),
        cmocka_unit_test(storage_waits_for_a_disk_that_is_read_only_or_not_mounted),
        cmocka_unit_test(storage_waits_for_rights_that_were_taken_away),
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
