/* store_local_test.c: the store in a folder passes the claims of store.h, and keeps large files without copying. */
#include "tests/conformance/store_suite.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/storage/local.h"

#define PATH_BYTES 512

struct place {
    char root[PATH_BYTES];
    struct ry_rng rng;
};

static void *place_new(void)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    const char *folder = getenv("TMPDIR");
    (void)snprintf(place->root, sizeof place->root, "%s/reelyard-store-XXXXXX", folder != NULL ? folder : "/tmp");
    assert_non_null(mkdtemp(place->root));
    place->rng = (struct ry_rng){.state = 1};
    return place;
}

static struct store *place_open(void *arg)
{
    struct place *place = arg;
    struct store_local_options options = {.root = place->root, .access = "owner", .rng = &place->rng};
    struct store *store = NULL;
    struct ry_error err;
    if (store_local_open(&options, &store, &err) != RY_OK)
        fail_msg("%s", err.text);
    return store;
}

static void place_free(void *arg)
{
    struct place *place = arg;
    char command[PATH_BYTES + 16];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", place->root);
    assert_int_equal(system(command), 0);
    free(place);
}

static void place_smuggle(void *arg, const char *name, struct ry_str bytes)
{
    struct place *place = arg;
    char path[2 * PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", place->root, name);
    for (char *slash = path + strlen(place->root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        (void)mkdir(path, 0755);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, file), bytes.n);
    assert_int_equal(fclose(file), 0);
}

static const struct store_factory local_factory = {
    .name = "store_local",
    .place_new = place_new,
    .open = place_open,
    .place_free = place_free,
    .smuggle = place_smuggle,
};

/* ---- what only a folder has -------------------------------------------------------------------------------------- */

#define NAME "media/ab/cdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789.mp4"

static void store_local_takes_a_partial_file_by_renaming(void **state)
{
    (void)state;
    struct place *place = place_new();
    struct store *store = place_open(place);
    struct ry_error err;
    char path[2 * PATH_BYTES];
    place_smuggle(place, "media/partial/one.part", RY_STR("the other"));
    place_smuggle(place, "media/partial/two.part", RY_STR("whole file"));
    (void)snprintf(path, sizeof path, "%s/media/partial/two.part", place->root);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat before;
    struct stat after;
    assert_int_equal(fstat(fd, &before), 0);
    assert_int_equal(store->ops->keep(store, NAME, fd, 10, &err), RY_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/media/partial/one.part", place->root);
    assert_int_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/" NAME, place->root);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mode & 0777, 0600);
    assert_int_equal(close(fd), 0);
    store->ops->close(store);
    place_free(place);
}

static void store_local_leaves_a_file_from_elsewhere_where_it_is(void **state)
{
    (void)state;
    struct place *place = place_new();
    struct store *store = place_open(place);
    struct ry_error err;
    char path[2 * PATH_BYTES];
    place_smuggle(place, "elsewhere.mp4", RY_STR("whole file"));
    (void)snprintf(path, sizeof path, "%s/elsewhere.mp4", place->root);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(store->ops->keep(store, NAME, fd, 10, &err), RY_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(close(fd), 0);
    struct ry_frame *frame = NULL;
    assert_int_equal(store->ops->get(store, NAME, &frame, &err), RY_OK);
    assert_memory_equal(ry_frame_data(frame), "whole file", 10);
    ry_frame_unref(frame);
    store->ops->close(store);
    /* Aside lies nothing. */
    (void)snprintf(path, sizeof path, "%s/media/.incoming", place->root);
    assert_int_equal(rmdir(path), 0);
    place_free(place);
}

static void store_local_follows_no_link_in_the_folders_of_its_kinds(void **state)
{
    (void)state;
    struct place *place = place_new();
    struct store *store = place_open(place);
    struct ry_error err = {0};
    char path[2 * PATH_BYTES];
    char outside[2 * PATH_BYTES];
    place_smuggle(place, "outside/x", RY_STR("untouched"));
    (void)snprintf(outside, sizeof outside, "%s/outside", place->root);
    (void)snprintf(path, sizeof path, "%s/media", place->root);
    assert_int_equal(symlink(outside, path), 0);
    struct store_file file = {NAME, RY_STR("bytes")};
    struct store_written written = {0};
    struct ry_frame *frame = NULL;
    assert_int_not_equal(store->ops->put(store, &file, 1, &written, &err), RY_OK);
    assert_non_null(strstr(err.text, "symbolic links are not followed"));
    assert_int_not_equal(store->ops->get(store, NAME, &frame, &err), RY_OK);
    (void)snprintf(path, sizeof path, "%s/outside/ab", place->root);
    assert_int_not_equal(access(path, F_OK), 0);
    store->ops->close(store);
    place_free(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_local_takes_a_partial_file_by_renaming),
        cmocka_unit_test(store_local_leaves_a_file_from_elsewhere_where_it_is),
        cmocka_unit_test(store_local_follows_no_link_in_the_folders_of_its_kinds),
    };
    return store_suite_run(&local_factory) + cmocka_run_group_tests(tests, NULL, NULL);
}
