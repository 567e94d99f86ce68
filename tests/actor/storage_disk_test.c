/* storage_disk_test.c: a disk that fails or is full, and processes that die: files are whole or not there. */
#include "tests/bed/store_scene.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a disk that does not take it -------------------------------------------------------------------------------- */

static void storage_gives_up_after_five_tries_on_a_disk_that_fails(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char obstacle[STORE_PATH_BYTES];
    assert_int_equal(mkdir(store_path(bed, "thumbnails/guild_" STORE_GUILD, obstacle), 0755), 0);
    assert_int_equal(mkdir(store_path(bed, STORE_LARGE, obstacle), 0755), 0);
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    for (uint64_t tries = 1; tries < 5; tries++) {
        bed_expect_nothing(bed);
        assert_int_equal(bed_kept(bed), 1);
        assert_int_equal(bed_counter(bed, RY_COUNTER_storage_errors), tries);
        store_advance(bed, (INT64_C(1000) << (tries - 1)) * 12 / 10); /* with all of its jitter */
    }
    assert_non_null(strstr(bed_expect_fail(bed, id, false), "Is a directory"));
    assert_int_equal(bed_kept(bed), 0);
    store_advance(bed, STORE_HOUR_MS);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void storage_waits_for_room_on_a_full_disk(void **state)
{
    (void)state;
    struct bed *bed =
        bed_new(&ry_storage_spec, (const char *const[][2]){{"disk_reserve", "1099511627776"}, {NULL, NULL}});
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    (void)store_deliver(bed, &letter);
    store_advance(bed, STORE_HOUR_MS);
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 1);
    assert_true(bed_counter(bed, RY_COUNTER_storage_errors) > 10);
    assert_false(store_has(bed, STORE_SMALL));
    bed_free(bed);
}

static void storage_tries_again_until_the_disk_takes_it(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char obstacle[STORE_PATH_BYTES];
    assert_int_equal(mkdir(store_path(bed, "thumbnails/guild_" STORE_GUILD, obstacle), 0755), 0);
    assert_int_equal(mkdir(store_path(bed, STORE_LARGE, obstacle), 0755), 0);
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    bed_expect_nothing(bed);
    assert_int_equal(rmdir(obstacle), 0);
    store_advance(bed, 1200);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    assert_int_equal(bed_kept(bed), 0);
    store_expect_file(bed, STORE_LARGE, "two");
    /* Aside lies nothing. */
    assert_int_equal(rmdir(store_path(bed, STORE_ASIDE, obstacle)), 0);
    bed_free(bed);
}

static void storage_leaves_what_waits_to_the_router_when_it_drains(void **state)
{
    (void)state;
    struct bed *bed =
        bed_new(&ry_storage_spec, (const char *const[][2]){{"disk_reserve", "1099511627776"}, {NULL, NULL}});
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    (void)store_deliver(bed, &letter);
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
    char locked[STORE_PATH_BYTES];
    char missing[STORE_PATH_BYTES];
    char file[STORE_PATH_BYTES];
    assert_int_equal(mkdir(store_path(bed, "locked", locked), 0555), 0);
    assert_int_equal(chmod(bed_data(bed), 0755), 0);
    (void)store_path(bed, "no/folder", missing);
    FILE *made = fopen(store_path(bed, "file", file), "w");
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
static int incoming(struct bed *bed, char path[STORE_PATH_BYTES])
{
    char command[STORE_PATH_BYTES + 64];
    char folder[STORE_PATH_BYTES];
    (void)snprintf(command, sizeof command, "find %s -type f", store_path(bed, STORE_ASIDE, folder));
    FILE *find = popen(command, "r");
    assert_non_null(find);
    int n = 0;
    while (fgets(path, STORE_PATH_BYTES, find) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        n++;
    }
    (void)pclose(find);
    return n;
}

/* Puts the images of a mail in a process that the kernel kills when it writes past 4096 bytes. */
static void put_and_be_killed(const char *root, const struct store_letter *letter)
{
    const struct rlimit size = {4096, 4096};
    const struct rlimit none = {0, 0};
    struct ry_rng rng = {.state = 1};
    const struct store_local_options options = {.root = root, .access = "owner", .rng = &rng};
    struct store *store = NULL;
    struct store_written written = {0};
    const struct store_file files[] = {
        {STORE_SMALL, {letter->files[0].bytes, letter->files[0].n}},
        {STORE_LARGE, {letter->files[1].bytes, letter->files[1].n}},
    };
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGXFSZ, SIG_DFL);
    if (store_local_open(&options, &store, NULL) == RY_OK && setrlimit(RLIMIT_FSIZE, &size) == 0)
        (void)store->ops->put(store, files, 2, &written, NULL);
}

static void storage_finishes_after_it_was_killed_in_the_middle_of_a_file(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    static char large[9000];
    memset(large, 'x', sizeof large - 1);
    struct store_letter letter;
    store_letter_write(&letter, "small", large);
    char root[STORE_PATH_BYTES];
    (void)store_path(bed, "", root);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        put_and_be_killed(root, &letter);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    /* Nothing has its name before all of it is written. */
    assert_false(store_has(bed, STORE_SMALL));
    assert_false(store_has(bed, STORE_LARGE));
    char leftover[STORE_PATH_BYTES];
    assert_int_equal(incoming(bed, leftover), 2);

    uint64_t id = store_deliver(bed, &letter);
    store_expect_completed(bed, "small", large);
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_files), 2);
    bed_free(bed);
}

static void storage_removes_leftovers_of_the_dead_when_it_opens(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    char path[STORE_PATH_BYTES];
    int dead_fd = open(store_path(bed, STORE_ASIDE "/a_small.webp.tmp.1", path), O_WRONLY | O_CREAT, 0644);
    assert_true(dead_fd >= 0);
    assert_int_equal(close(dead_fd), 0);
    int live_fd = open(store_path(bed, STORE_ASIDE "/b_small.webp.tmp.2", path), O_WRONLY | O_CREAT, 0644);
    assert_true(live_fd >= 0);
    assert_int_equal(flock(live_fd, LOCK_EX), 0);
    bed_restart(bed);
    assert_false(store_has(bed, STORE_ASIDE "/a_small.webp.tmp.1"));
    assert_true(store_has(bed, STORE_ASIDE "/b_small.webp.tmp.2"));
    assert_int_equal(close(live_fd), 0);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage_gives_up_after_five_tries_on_a_disk_that_fails),
        cmocka_unit_test(storage_waits_for_room_on_a_full_disk),
        cmocka_unit_test(storage_tries_again_until_the_disk_takes_it),
        cmocka_unit_test(storage_leaves_what_waits_to_the_router_when_it_drains),
        cmocka_unit_test(storage_says_why_its_folder_cannot_be_used),
        cmocka_unit_test(storage_finishes_after_it_was_killed_in_the_middle_of_a_file),
        cmocka_unit_test(storage_removes_leftovers_of_the_dead_when_it_opens),
    };
    return cmocka_run_group_tests_name("storage_disk", tests, NULL, NULL);
}
