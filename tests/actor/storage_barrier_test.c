/* storage_barrier_test.c: what is said to be kept survives a power cut, and many clips share a barrier.
 *
 * The calls that write, rename and sync are this program's own here: they note what a power cut would leave, may be
 * held up, and may fail. A disk of the mind: bytes are durable after a barrier that covers their file, a name after one
 * that covers its folder. */
#include "tests/bed/store_scene.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GUILD     "41771983423143937"
#define FILES_MAX 1024
#define CLIPS_MAX 64

/* A file that was written, by its inode. */
struct known {
    ino_t inode;
    bool bytes_durable;
    bool named;
    bool name_durable;
    bool named_too_early; /* before its bytes were durable */
    bool fails;           /* asking for it alone fails */
};

static struct disk {
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct known files[FILES_MAX];
    size_t n;
    unsigned barriers;
    unsigned whole;    /* of them syncfs */
    bool held;         /* barriers wait */
    unsigned waiting;  /* barriers that do */
    unsigned let_pass; /* held ones that may go on */
    bool whole_fails;  /* the next syncfs does */
    bool watched;      /* the rest is not looked at */
    size_t bad;        /* which of the files written fails when it alone is asked for, from 1; 0: none */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static struct known *known_of(ino_t inode)
{
    for (size_t i = 0; i < disk.n; i++)
        if (disk.files[i].inode == inode)
            return &disk.files[i];
    assert_true(disk.n < FILES_MAX);
    disk.files[disk.n] = (struct known){.inode = inode};
    return &disk.files[disk.n++];
}

static ino_t inode_of_fd(int fd, mode_t *mode)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return 0;
    *mode = st.st_mode;
    return st.st_ino;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    mode_t mode = 0;
    (void)pthread_mutex_lock(&disk.lock);
    ino_t inode = disk.watched ? inode_of_fd(fd, &mode) : 0;
    if (inode != 0 && S_ISREG(mode)) {
        struct known *known = known_of(inode);
        known->bytes_durable = false;
        known->fails = known == &disk.files[disk.n - 1] && disk.n == disk.bad;
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return syscall(SYS_write, fd, bytes, n);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat st;
    (void)pthread_mutex_lock(&disk.lock);
    if (disk.watched && fstatat(from_fd, from, &st, 0) == 0) {
        struct known *known = known_of(st.st_ino);
        known->named = true;
        known->name_durable = false;
        known->named_too_early = known->named_too_early || !known->bytes_durable;
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

/* Waits as long as barriers are held. The lock is held. */
static void begin_barrier(void)
{
    disk.barriers++;
    disk.waiting++;
    (void)pthread_cond_broadcast(&disk.change);
    while (disk.held && disk.let_pass == 0)
        (void)pthread_cond_wait(&disk.change, &disk.lock);
    if (disk.held)
        disk.let_pass--;
    disk.waiting--;
}

int syncfs(int fd)
{
    (void)fd;
    (void)pthread_mutex_lock(&disk.lock);
    bool fails = false;
    if (disk.watched) {
        begin_barrier();
        disk.whole++;
        fails = disk.whole_fails;
        disk.whole_fails = false;
        for (size_t i = 0; i < disk.n && !fails; i++) {
            disk.files[i].bytes_durable = true;
            disk.files[i].name_durable = disk.files[i].named;
        }
    }
    (void)pthread_mutex_unlock(&disk.lock);
    errno = EIO;
    return fails ? -1 : 0;
}

int fsync(int fd)
{
    mode_t mode = 0;
    (void)pthread_mutex_lock(&disk.lock);
    ino_t inode = disk.watched ? inode_of_fd(fd, &mode) : 0;
    bool fails = false;
    if (inode != 0) {
        begin_barrier();
        if (S_ISREG(mode)) {
            fails = known_of(inode)->fails;
            known_of(inode)->bytes_durable = !fails;
        }
        for (size_t i = 0; i < disk.n && S_ISDIR(mode);
             i++) /* there is one folder of names in these tests, or syncfs */
            disk.files[i].name_durable = disk.files[i].named;
    }
    (void)pthread_mutex_unlock(&disk.lock);
    errno = EIO;
    return fails ? -1 : 0;
}

static void watch_disk(bool watched)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.n = disk.bad = 0;
    disk.barriers = disk.whole = disk.let_pass = 0;
    disk.held = disk.whole_fails = false;
    disk.watched = watched;
    (void)pthread_mutex_unlock(&disk.lock);
}

/* Whether a power cut now would leave this file under its name. */
static bool is_durable(struct bed *bed, const char *name)
{
    char path[STORE_PATH_BYTES];
    struct stat st;
    if (stat(store_path(bed, name, path), &st) != 0)
        return false;
    (void)pthread_mutex_lock(&disk.lock);
    const struct known *known = known_of(st.st_ino);
    bool durable = known->bytes_durable && known->named && known->name_durable && !known->named_too_early;
    (void)pthread_mutex_unlock(&disk.lock);
    return durable;
}

/* ---- mails of many clips ----------------------------------------------------------------------------------------- */

static struct bed *watched_bed(void)
{
    struct bed *bed = store_bed();
    watch_disk(true);
    return bed;
}

static void free_bed(struct bed *bed)
{
    watch_disk(false);
    bed_free(bed);
}

static void clip_name(size_t i, char clip[33])
{
    (void)snprintf(clip, 33, "%032zx", i + 1);
}

static uint64_t deliver_clip(struct bed *bed, size_t i, const char *guild)
{
    struct store_letter letter;
    char clip[33];
    clip_name(i, clip);
    store_letter_write(&letter, clip, clip);
    letter.message.clip_id = ry_str_of(clip);
    letter.message.guild_id = ry_str_of(guild);
    return BED_DELIVER(bed, thumbnail_store, &letter.message, &store_from_encoder);
}

static void expect_durable(struct bed *bed, size_t i, const char *guild)
{
    char clip[33];
    ry_store_name name;
    clip_name(i, clip);
    assert_int_equal(ry_store_name_thumbnail(ry_str_of(guild), ry_str_of(clip), RY_STR("small"), name, NULL), RY_OK);
    assert_true(is_durable(bed, name));
    assert_int_equal(ry_store_name_thumbnail(ry_str_of(guild), ry_str_of(clip), RY_STR("large"), name, NULL), RY_OK);
    assert_true(is_durable(bed, name));
}

/* Waits until a barrier is held up. */
static void await_barrier(void)
{
    (void)pthread_mutex_lock(&disk.lock);
    while (disk.waiting == 0)
        (void)pthread_cond_wait(&disk.change, &disk.lock);
    (void)pthread_mutex_unlock(&disk.lock);
}

static void hold_barriers(bool held)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.held = held;
    (void)pthread_cond_broadcast(&disk.change);
    (void)pthread_mutex_unlock(&disk.lock);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

/* Lets one barrier pass that is held up, if there is one. */
static bool let_one_pass(void)
{
    (void)pthread_mutex_lock(&disk.lock);
    bool waits = disk.waiting > disk.let_pass;
    disk.let_pass += waits;
    (void)pthread_cond_broadcast(&disk.change);
    (void)pthread_mutex_unlock(&disk.lock);
    return waits;
}

static void expect_completed(struct bed *bed, size_t i, const char *guild, uint64_t id)
{
    char clip[33];
    clip_name(i, clip);
    const struct ry_clip_completed *completed = BED_EXPECT(bed, clip_completed);
    assert_true(ry_str_is(completed->clip_id, clip));
    assert_int_equal(completed->thumbnails.n, 2);
    expect_durable(bed, i, guild);
    bed_expect_done(bed, id);
}

static void tell_after_barriers(size_t clips, unsigned barriers)
{
    struct bed *bed = watched_bed();
    uint64_t ids[CLIPS_MAX];
    unsigned passed = 0;
    hold_barriers(true);
    for (size_t i = 0; i < clips; i++)
        ids[i] = deliver_clip(bed, i, GUILD);
    bed_advance(bed, STORE_GATHER_MS);
    while (!bed_wait_engine(bed, 1)) {
        bed_expect_nothing(bed);
        passed += let_one_pass();
    }
    assert_true(passed >= barriers);
    hold_barriers(false);
    store_settle(bed);
    for (size_t i = 0; i < clips; i++)
        expect_completed(bed, i, GUILD, ids[i]);
    free_bed(bed);
}

static void storage_tells_of_no_clip_before_its_barriers(void **state)
{
    (void)state;
    tell_after_barriers(1, 4);  /* a new folder, two files, their names */
    tell_after_barriers(12, 3); /* a new folder, all files of the first group, their names */
}

static void storage_answers_while_a_barrier_takes_its_time(void **state)
{
    (void)state;
    struct bed *bed = watched_bed();
    uint64_t id = deliver_clip(bed, 0, GUILD);
    store_settle(bed);
    expect_completed(bed, 0, GUILD, id);
    hold_barriers(true);
    id = deliver_clip(bed, 1, GUILD);
    bed_advance(bed, STORE_GATHER_MS);
    await_barrier();
    const struct ry_thumbnail_read ask = {
        .storage_path = RY_STR("thumbnails/guild_" GUILD "/00000000000000000000000000000001_small.webp")};
    uint64_t question = BED_DELIVER(bed, thumbnail_read, &ask, NULL);
    const struct ry_thumbnail_data *data = BED_EXPECT(bed, thumbnail_data);
    assert_true(data->found);
    bed_expect_done(bed, question);
    hold_barriers(false);
    store_settle(bed);
    expect_completed(bed, 1, GUILD, id);
    free_bed(bed);
}

static void storage_shares_barriers_among_clips_in_hand(void **state)
{
    (void)state;
    struct bed *bed = watched_bed();
    uint64_t ids[CLIPS_MAX];
    for (size_t i = 0; i < CLIPS_MAX; i++)
        ids[i] = deliver_clip(bed, i, i % 3 == 0 ? "5" : GUILD);
    store_settle(bed);
    for (size_t i = 0; i < CLIPS_MAX; i++)
        expect_completed(bed, i, i % 3 == 0 ? "5" : GUILD, ids[i]);
    /* Those of the folders of two guilds, which are made, included. */
    if (disk.barriers * 10 > CLIPS_MAX * 3)
        fail_msg("%u barriers for %d clips", disk.barriers, CLIPS_MAX);
    assert_true(disk.whole > 0);
    free_bed(bed);
}

static void storage_fails_a_bad_file_alone(void **state)
{
    (void)state;
    struct bed *bed = watched_bed();
    uint64_t ids[8];
    disk.whole_fails = true;
    disk.bad = 6; /* the large image of the third clip */
    for (size_t i = 0; i < 8; i++)
        ids[i] = deliver_clip(bed, i, GUILD);
    store_settle(bed);
    for (size_t i = 0; i < 8; i++)
        if (i != 2)
            expect_completed(bed, i, GUILD, ids[i]);
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_storage_errors), 1);
    store_advance(bed, STORE_HOUR_MS);
    expect_completed(bed, 2, GUILD, ids[2]);
    free_bed(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage_tells_of_no_clip_before_its_barriers),
        cmocka_unit_test(storage_answers_while_a_barrier_takes_its_time),
        cmocka_unit_test(storage_shares_barriers_among_clips_in_hand),
        cmocka_unit_test(storage_fails_a_bad_file_alone),
    };
    return cmocka_run_group_tests_name("storage_barrier", tests, NULL, NULL);
}
