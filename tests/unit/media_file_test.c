/* media_file_test.c: which files of an export's folder are opened, what is known of them, and which are refused why. */
#include "runtime/base/media_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIP_BYTES 3000
#define NOBODY     65534

static char folder[] = "/tmp/reelyard-media-XXXXXX";
static char root[64];

static void write_file(const char *path, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)n), 0);
    assert_int_equal(close(fd), 0);
}

static const char *const entries[] = {
    "export/clip.mp4",
    "export/empty.mp4",
    "export/inside.mp4",
    "export/outside.mp4",
    "export/absolute.mp4",
    "export/loop.mp4",
    "export/magic.mp4",
    "export/fifo.mp4",
    "export/folder.mp4",
    "export/a b\xC3\xBC.mp4",
    "exported/clip.mp4",
    "exported",
    "secret.mp4",
    "export",
    "nothing",
};

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return -1;
    (void)snprintf(root, sizeof root, "%s/export", folder);
    assert_int_equal(mkdir("export", 0700) + mkdir("exported", 0700) + mkdir("nothing", 0700), 0);
    write_file("export/clip.mp4", CLIP_BYTES);
    write_file("export/a b\xC3\xBC.mp4", CLIP_BYTES);
    write_file("export/empty.mp4", 0);
    write_file("exported/clip.mp4", CLIP_BYTES);
    write_file("secret.mp4", CLIP_BYTES);
    assert_int_equal(symlink("clip.mp4", "export/inside.mp4") + symlink("../secret.mp4", "export/outside.mp4") +
                         symlink("/etc/passwd", "export/absolute.mp4") + symlink("loop.mp4", "export/loop.mp4") +
                         symlink("/proc/self/fd/0", "export/magic.mp4"),
                     0);
    assert_int_equal(mkfifo("export/fifo.mp4", 0600) + mkdir("export/folder.mp4", 0700), 0);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        failed += remove(entries[i]) != 0;
    return failed + rmdir(folder);
}

/* Opens what a path behind the root names. */
static int open_path(struct ry_media_roots *roots, const char *path, struct ry_media_file *file, struct ry_error *err)
{
    char url[256];
    (void)snprintf(url, sizeof url, "file://%s%s", root, path);
    return ry_media_file_open(roots, ry_str_of(url), ry_str_of(root), file, err);
}

static void file_is_opened_by_any_name_that_stays_inside(void **state)
{
    (void)state;
    static const char *const paths[] = {"/clip.mp4",        "//clip.mp4",      "/inside.mp4", "/folder.mp4/../clip.mp4",
                                        "/a%20b%C3%BC.mp4", "/a b\xC3\xBC.mp4"};
    struct ry_media_roots roots = {0};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct ry_media_file file;
        struct ry_error err = {0};
        struct stat st;
        if (open_path(&roots, paths[i], &file, &err) != RY_OK)
            fail_msg("%s %s", paths[i], err.text);
        assert_int_equal(file.bytes, CLIP_BYTES);
        assert_int_equal(fstat(file.fd, &st), 0);
        assert_int_equal(file.modified_wall_ns, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
        assert_int_equal(fcntl(file.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(file.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(close(file.fd), 0);
    }
    assert_int_equal(roots.count, 1);
}

static void what_is_wrong_with_a_file_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum ry_err code;
        const char *words;
    } rows[] = {
        {"/absent.mp4", RY_ENOENT, "is missing from the export's folder"},
        {"/clip.mp4/x", RY_ENOENT, "is missing from the export's folder"},
        {"/empty.mp4", RY_EDATA, "is empty (0 bytes)"},
        {"/folder.mp4", RY_EINVAL, "is not a regular file"},
        {"/fifo.mp4", RY_EINVAL, "is not a regular file"},
        {"/outside.mp4", RY_EACCES, "is outside the export's folder"},
        {"/absolute.mp4", RY_EACCES, "is outside the export's folder"},
        {"/magic.mp4", RY_EACCES, "is outside the export's folder"},
        {"/loop.mp4", RY_EACCES, "is outside the export's folder"},
        {"/../secret.mp4", RY_EACCES, "is outside the export's folder"},
        {"/%2e%2e/secret.mp4", RY_EACCES, "is outside the export's folder"},
        {"/folder.mp4/../../secret.mp4", RY_EACCES, "is outside the export's folder"},
        {"ed/clip.mp4", RY_EACCES, "is not below the registered folder"}, /* a folder that begins like it */
        {"/", RY_EACCES, "is not below the registered folder"},
        {"", RY_EACCES, "is not below the registered folder"},
        {"/clip.mp4%00", RY_EINVAL, "malformed file URL"},
        {"/clip%zz.mp4", RY_EINVAL, "malformed file URL"},
    };
    struct ry_media_roots roots = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ry_media_file file;
        struct ry_error err = {0};
        int rc = open_path(&roots, rows[i].path, &file, &err);
        if (rc != (int)rows[i].code || file.fd != -1 || strstr(err.text, rows[i].words) == NULL)
            fail_msg("%s: %d %s", rows[i].path, rc, err.text);
    }
}

static void no_file_is_opened_without_its_registered_folder(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *root;
        enum ry_err code;
    } rows[] = {
        {"file:///etc/passwd", NULL, RY_EACCES},
        {"file:///etc/passwd", "relative", RY_EACCES},
        {"file:///etc/passwd", "/nowhere", RY_EACCES},
        {"file:///nowhere/x.mp4", "/nowhere", RY_EAWAY},
        {"file:///tmp/nowhere.mp4", "/tmp", RY_ENOENT},
        {"file://other.example/etc/passwd", "/etc", RY_EINVAL},
        {"https://cdn.discordapp.com/x.mp4", "/", RY_EINVAL},
    };
    struct ry_media_roots roots = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ry_media_file file;
        struct ry_error err = {0};
        int rc = ry_media_file_open(&roots, ry_str_of(rows[i].url), ry_str_of(rows[i].root), &file, &err);
        if (rc != (int)rows[i].code || file.fd != -1)
            fail_msg("%s: %d %s", rows[i].url, rc, err.text);
    }
}

/* A mount point without its disk is an empty folder, or one on another device than before. */
static void file_of_an_export_that_is_away_is_not_missing_for_good(void **state)
{
    (void)state;
    struct ry_media_roots roots = {0};
    struct ry_media_file file;
    struct ry_error err = {0};
    char url[128];
    char empty[64];
    (void)snprintf(empty, sizeof empty, "%s/nothing", folder);
    (void)snprintf(url, sizeof url, "file://%s/clip.mp4", empty);
    assert_int_equal(ry_media_file_open(&roots, ry_str_of(url), ry_str_of(empty), &file, &err), RY_EAWAY);
    assert_non_null(strstr(err.text, "there is nothing in the folder of its export"));
    for (int other = 0; other < 2; other++) {
        assert_int_equal(open_path(&roots, "/clip.mp4", &file, &err), RY_OK);
        assert_int_equal(close(file.fd), 0);
        assert_int_equal(roots.count, 1);
        roots.items[0].device += (dev_t)other;
        assert_int_equal(open_path(&roots, "/absent.mp4", &file, &err), other ? RY_EAWAY : RY_ENOENT);
    }
    assert_non_null(strstr(err.text, "on another device than before"));
}

static void file_that_may_not_be_read_is_not(void **state)
{
    (void)state;
    struct ry_media_roots roots = {0};
    struct ry_media_file file;
    struct ry_error err = {0};
    assert_int_equal(chmod("export/clip.mp4", 0), 0);
    int user = setfsuid(NOBODY); /* root, who may read everything, looks as somebody else; others cannot change */
    int rc = open_path(&roots, "/clip.mp4", &file, &err);
    setfsuid((uid_t)user);
    assert_int_equal(chmod("export/clip.mp4", 0600), 0);
    assert_int_equal(rc, RY_EACCES);
    assert_non_null(strstr(err.text, "permission denied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_opened_by_any_name_that_stays_inside),
        cmocka_unit_test(what_is_wrong_with_a_file_is_said),
        cmocka_unit_test(no_file_is_opened_without_its_registered_folder),
        cmocka_unit_test(file_of_an_export_that_is_away_is_not_missing_for_good),
        cmocka_unit_test(file_that_may_not_be_read_is_not),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
