/* storage_away_test.c: a store that is away: not mounted, replaced, read-only, without rights; it is waited for. */
#include "tests/bed/store_scene.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/storage/local_root.h"
#include "tests/bed/skip.h"

static struct bed *bed_at(const char *root)
{
    return bed_new(&ry_storage_spec,
                   (const char *const[][2]){{"disk_reserve", "0"}, {"storage_path", root}, {NULL, NULL}});
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
        store_shell(disk, cases[i].damage);
        struct store_letter letter;
        store_letter_write(&letter, "one", "two");
        uint64_t id = store_deliver(bed, &letter);
        store_advance(bed, STORE_HOUR_MS);
        bed_expect_nothing(bed);
        assert_int_equal(bed_kept(bed), 1);
        if (strstr(trouble_of(bed), cases[i].says) == NULL || strstr(trouble_of(bed), root) == NULL)
            fail_msg("case %zu: %s", i, trouble_of(bed));
        if (cases[i].repair != NULL)
            store_shell(disk, cases[i].repair);
        else
            assert_int_equal(mkdir(disk, 0755), 0);
        store_advance(bed, STORE_HOUR_MS);
        store_expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        assert_string_equal(trouble_of(bed), "");
        store_shell(root, "test -f " STORE_SMALL " && test -f " STORE_LARGE);
        bed_free(bed);
        store_shell(base, "rm -rf disk");
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
        "rm -r storage/thumbnails/guild_" STORE_GUILD,
        "cp -a storage copy && mv storage former && mv copy storage",
        "mv storage/thumbnails/guild_" STORE_GUILD " elsewhere",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bed *bed = store_bed();
        struct store_letter letter;
        store_letter_write(&letter, "one", "two");
        uint64_t id = store_deliver(bed, &letter);
        store_expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        store_shell(bed_data(bed), changes[i]);
        id = store_deliver(bed, &letter);
        store_expect_completed(bed, "one", "two");
        bed_expect_done(bed, id);
        store_expect_file(bed, STORE_SMALL, "one");
        store_expect_file(bed, STORE_LARGE, "two");
        bed_free(bed);
    }
}

static void storage_deletes_nothing_on_a_list_while_its_root_is_away(void **state)
{
    (void)state;
    struct bed *bed = store_bed();
    store_make_file(bed, "thumbnails/guild_" STORE_GUILD, STORE_SMALL);
    store_shell(bed_data(bed), "mv storage elsewhere");
    store_delete_files(bed, (const char *const[]){STORE_SMALL}, 1, 0, "moved away");
    store_shell(bed_data(bed), "mv elsewhere storage");
    store_delete_files(bed, (const char *const[]){STORE_SMALL}, 1, 1, NULL);
    assert_false(store_has(bed, STORE_SMALL));
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
        struct bed *bed = store_bed();
        char path[STORE_PATH_BYTES];
        struct local_root root = local_root_make(store_path(bed, "", path), 0700);
        struct ry_error err = {0};
        assert_int_equal(local_root_settle(&root, &err), RY_OK);
        assert_int_equal(local_root_check(&root, RY_STORE_THUMBNAIL, &err), RY_OK);
        store_shell(bed_data(bed), changes[i]);
        assert_int_equal(local_root_check(&root, RY_STORE_THUMBNAIL, &err), RY_EAWAY);
        assert_non_null(strstr(err.text, "moved, replaced or deleted"));
        local_root_close(&root);
        bed_free(bed);
    }
}

/* Whether the small image can be read, and is the one that was made of this text. */
static void expect_readable(struct bed *bed, const char *text)
{
    struct ry_thumbnail_read message = {.storage_path = RY_STR(STORE_SMALL)};
    uint64_t id = BED_DELIVER(bed, thumbnail_read, &message, NULL);
    const struct ry_thumbnail_data *data = BED_EXPECT(bed, thumbnail_data);
    assert_true(data->found && data->error.p == NULL);
    assert_memory_equal((const char *)data->bytes.p + STORE_WEBP_HEAD_BYTES, text, strlen(text));
    bed_expect_done(bed, id);
}

static void use_a_read_only_disk(const char *base, const char *root)
{
    assert_int_equal(mount("tmpfs", base, "tmpfs", 0, NULL), 0);
    struct bed *bed = bed_at(root);
    struct store_letter letter;
    store_letter_write(&letter, "ONE", "TWO");
    uint64_t id = store_deliver(bed, &letter);
    store_expect_completed(bed, "ONE", "TWO");
    bed_expect_done(bed, id);
    store_letter_write(&letter, "one", "two");
    assert_int_equal(mount(NULL, base, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    (void)store_deliver(bed, &letter);
    store_advance(bed, STORE_HOUR_MS);
    bed_expect_nothing(bed);
    assert_non_null(strstr(trouble_of(bed), "Read-only file system"));
    expect_readable(bed, "ONE"); /* for visitors of the page, whom the repair does not concern */
    bed_restart(bed);            /* such a disk does not keep it from starting */
    assert_non_null(strstr(trouble_of(bed), "Read-only file system"));
    expect_readable(bed, "ONE");
    id = store_deliver(bed, &letter);
    bed_expect_nothing(bed);
    assert_int_equal(mount(NULL, base, NULL, MS_REMOUNT, NULL), 0);
    store_advance(bed, STORE_HOUR_MS);
    store_expect_completed(bed, "one", "two");
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
    struct store_letter letter;
    store_letter_write(&letter, "one", "two");
    uint64_t id = store_deliver(bed, &letter);
    store_advance(bed, STORE_HOUR_MS);
    bed_expect_nothing(bed);
    assert_non_null(strstr(trouble_of(bed), "another device"));
    assert_int_not_equal(access(root, F_OK), 0); /* nothing was begun on the disk below */
    assert_int_equal(mkdir(root, 0700), 0);
    store_advance(bed, STORE_HOUR_MS);
    bed_expect_nothing(bed); /* nor where there is a folder for the mount */
    assert_int_equal(rmdir(root), 0);
    assert_int_equal(mount(keep, disk, NULL, MS_BIND, NULL), 0);
    store_advance(bed, STORE_HOUR_MS);
    store_expect_completed(bed, "one", "two");
    bed_expect_done(bed, id);
    bed_free(bed);
    assert_int_equal(umount2(disk, MNT_DETACH) + umount2(keep, MNT_DETACH), 0);
    assert_int_equal(rmdir(disk) + rmdir(keep), 0);
}

/* In a mount namespace of its own. */
static int use_disks(const char *base)
{
    char root[STORE_PATH_BYTES];
    char disk[STORE_PATH_BYTES];
    char keep[STORE_PATH_BYTES];
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
    char root[STORE_PATH_BYTES];
    (void)snprintf(root, sizeof root, "%s/store", base);
    if (geteuid() == 0 && (chown(base, 65534, 65534) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        return 77;
    assert_int_equal(setenv("TMPDIR", base, 1), 0); /* where this user may write */
    struct bed *bed = bed_at(root);
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        struct store_letter letter;
        store_letter_write(&letter, i % 2 ? "one" : "ONE", i % 2 ? "two" : "TWO");
        store_shell(base, damage[i]);
        uint64_t id = store_deliver(bed, &letter);
        store_advance(bed, STORE_HOUR_MS);
        bed_expect_nothing(bed);
        assert_non_null(strstr(trouble_of(bed), "Permission denied"));
        assert_int_equal(chmod(base, 0700), 0);
        store_shell(base, "chmod 700 store store/thumbnails/.incoming");
        store_advance(bed, STORE_HOUR_MS);
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
    store_shell(base, "rm -rf store");
    assert_int_equal(rmdir(base), 0);
    judge(status, "root may not become another user here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage_waits_for_a_store_that_is_away_and_goes_on_when_it_is_mended),
        cmocka_unit_test(storage_makes_a_deleted_root_again_and_takes_one_that_replaced_it),
        cmocka_unit_test(storage_deletes_nothing_on_a_list_while_its_root_is_away),
        cmocka_unit_test(a_root_that_lost_its_name_is_noticed_by_its_open_descriptors),
        cmocka_unit_test(storage_waits_for_a_disk_that_is_read_only_or_not_mounted),
        cmocka_unit_test(storage_waits_for_rights_that_were_taken_away),
    };
    return skip_exit_code(cmocka_run_group_tests_name("storage_away", tests, NULL, NULL));
}
