/* job_queue_sqlite_test.c: the embedded queue passes the suite of job queues, and bears what a file can suffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/queue/sqlite_queue.h"
#include "tests/conformance/job_queue_suite.h"

#define PATH_BYTES 256

struct folder {
    char path[PATH_BYTES];
    char file[PATH_BYTES + 16];
};

static void *folder_new(void)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(folder->path, sizeof folder->path, "%s/reelyard-queue-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder->path));
    (void)snprintf(folder->file, sizeof folder->file, "%s/reelyard.db", folder->path);
    return folder;
}

static void folder_free(void *arg)
{
    struct folder *folder = arg;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[PATH_BYTES + 32];
        (void)snprintf(path, sizeof path, "%s%s", folder->file, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder->path), 0);
    free(folder);
}

static struct ry_job_queue *folder_open(void *arg, const struct ry_clock *clock)
{
    struct folder *folder = arg;
    struct ry_job_queue *queue = NULL;
    struct ry_error err;
    if (ry_job_queue_sqlite_open(folder->file, clock, &queue, &err) != RY_OK)
        print_error("%s\n", err.text);
    return queue;
}

static const struct job_queue_factory sqlite_factory = {
    .name = "stream_sqlite",
    .store_new = folder_new,
    .open = folder_open,
    .store_free = folder_free,
};

static int set_up(void **state)
{
    *state = folder_new();
    return 0;
}

static int tear_down(void **state)
{
    folder_free(*state);
    return 0;
}

static struct ry_job_push job_of(const char *id, const char *guild)
{
    return (struct ry_job_push){
        .job_id = ry_str_of(id),
        .type = RY_STR("messages"),
        .guild_id = ry_str_of(guild),
        .priority = RY_PRIORITY_BACKFILL,
        .json = RY_STR("{}"),
    };
}

static void push_ok(struct ry_job_queue *queue, const struct ry_job_push *jobs, size_t n, struct ry_str cursor)
{
    size_t accepted = 0;
    struct ry_error err;
    if (queue->ops->push(queue, jobs, n, RY_STR("k"), cursor, &accepted, &err) != RY_OK)
        fail_msg("%s", err.text);
    assert_int_equal(accepted, n);
}

/* Runs one statement on a connection of its own. */
static void sql(const struct folder *folder, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(folder->file, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    (void)sqlite3_close(db);
}

/* ---- a crash in the middle --------------------------------------------------------------------------------------- */

#define JOBS_A_PUSH 7

/* Pushes for ever, each time JOBS_A_PUSH jobs and the number of the push as the cursor; writes a byte for each. */
static void push_until_killed(struct folder *folder, int tell)
{
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    for (unsigned number = 1; queue != NULL; number++) {
        char ids[JOBS_A_PUSH][24];
        struct ry_job_push jobs[JOBS_A_PUSH];
        char cursor[16];
        for (unsigned i = 0; i < JOBS_A_PUSH; i++) {
            (void)snprintf(ids[i], sizeof ids[i], "%u-%u", number, i);
            jobs[i] = job_of(ids[i], "1");
        }
        (void)snprintf(cursor, sizeof cursor, "%u", number);
        size_t accepted = 0;
        if (queue->ops->push(queue, jobs, JOBS_A_PUSH, RY_STR("k"), ry_str_of(cursor), &accepted, NULL) != RY_OK ||
            write(tell, "+", 1) != 1)
            break;
    }
    _exit(1);
}

static void queue_has_whole_pushes_only_after_a_kill(void **state)
{
    struct folder *folder = *state;
    unsigned told = 0;
    for (int round = 0; round < 5; round++) {
        int tell[2];
        assert_int_equal(pipe(tell), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            push_until_killed(folder, tell[1]);
        (void)close(tell[1]);
        char byte = 0;
        for (told = 0; told < 20 + 3 * (unsigned)round && read(tell[0], &byte, 1) == 1;)
            told++;
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(tell[0], &byte, 1) == 1)
            told++;
        (void)close(tell[0]);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));

        struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
        struct ry_depth depth;
        struct ry_str cursor;
        RY_ARENA_AUTO arena = ry_arena_make(4096);
        uint64_t pushes = 0;
        assert_int_equal(queue->ops->depth(queue, &depth, NULL), RY_OK);
        assert_int_equal(queue->ops->cursor_get(queue, RY_STR("k"), &arena, &cursor, NULL), RY_OK);
        assert_true(ry_str_u64(cursor, &pushes));
        assert_true(pushes == told || pushes == told + 1);
        assert_int_equal(depth.ready, pushes * JOBS_A_PUSH);
        ry_job_queue_close(&queue);
        sql(folder, "DELETE FROM reelyard_queue_job; DELETE FROM reelyard_queue_body");
    }
}

/* ---- several at once --------------------------------------------------------------------------------------------- */

#define WORKERS      6
#define JOBS_A_CHILD 10

/* Opens the file that nobody has made yet once `start` is closed, pushes, and takes as many jobs as it pushed to their
 * end. */
static void work_beside_others(struct folder *folder, int number, int start)
{
    char byte = 0;
    while (read(start, &byte, 1) < 0 && errno == EINTR)
        continue;
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
    char consumer[16];
    (void)snprintf(consumer, sizeof consumer, "n/%d", number);
    bool well = queue != NULL;
    for (int i = 0; i < JOBS_A_CHILD && well; i++) {
        char id[32];
        size_t n = 0;
        struct ry_lease lease;
        (void)snprintf(id, sizeof id, "%d-%d", number, i);
        struct ry_job_push job = job_of(id, "1");
        well = queue->ops->push(queue, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &n, NULL) == RY_OK &&
               queue->ops->read(queue, ry_str_of(consumer), 1, RY_PRIORITY_BACKFILL, 60000, &arena, &lease, &n, NULL) ==
                   RY_OK &&
               n == 1 && queue->ops->ack(queue, lease.job_id, lease.token, NULL, 0, NULL) == RY_OK;
    }
    _exit(well ? 0 : 1);
}

static void queue_serves_several_processes_that_open_a_new_file_at_once(void **state)
{
    struct folder *folder = *state;
    for (int round = 0; round < 5; round++) {
        pid_t children[WORKERS];
        int start[2];
        assert_int_equal(pipe(start), 0);
        for (int i = 0; i < WORKERS; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0) {
                (void)close(start[1]);
                work_beside_others(folder, i, start[0]);
            }
        }
        (void)close(start[0]);
        (void)close(start[1]);
        for (int i = 0; i < WORKERS; i++) {
            int status = 0;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
        }
        struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
        struct ry_depth depth;
        assert_int_equal(queue->ops->depth(queue, &depth, NULL), RY_OK);
        assert_int_equal(depth.ready + depth.leased, 0);
        ry_job_queue_close(&queue);
        assert_int_equal(unlink(folder->file), 0);
    }
}

/* ---- files that are not as they should be ------------------------------------------------------------------------ */

static int open_code(const char *path, struct ry_error *err)
{
    struct ry_job_queue *queue = NULL;
    int rc = ry_job_queue_sqlite_open(path, ry_clock_system(), &queue, err);
    ry_job_queue_close(&queue);
    return rc;
}

static void queue_says_what_is_wrong_with_its_file(void **state)
{
    struct folder *folder = *state;
    char missing[PATH_BYTES + 16];
    (void)snprintf(missing, sizeof missing, "%s/none/x.db", folder->path);
    static char junk[8192];
    memset(junk, 'x', sizeof junk);
    const struct {
        const char *what;
        const char *path;
        size_t junk_bytes;
        const char *sql; /* run on the file before */
        int want;
        const char *says;
    } cases[] = {
        {"no folder", missing, 0, NULL, RY_EIO, "No such file or directory"},
        {"a folder", folder->path, 0, NULL, RY_EIO, "unable to open"},
        {"junk", folder->file, sizeof junk, NULL, RY_ECORRUPT, "restore a backup"},
        {"of the future", folder->file, 0, "UPDATE reelyard_queue_meta SET value = 9 WHERE name = 'version'",
         RY_ECORRUPT, "has version 9 and this program knows version 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)unlink(folder->file);
        if (cases[i].sql != NULL) {
            struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
            ry_job_queue_close(&queue);
            sql(folder, cases[i].sql);
        }
        if (cases[i].junk_bytes > 0) {
            FILE *file = fopen(folder->file, "w");
            assert_non_null(file);
            assert_int_equal(fwrite(junk, 1, cases[i].junk_bytes, file), cases[i].junk_bytes);
            assert_int_equal(fclose(file), 0);
        }
        struct ry_error err = {0};
        int rc = open_code(cases[i].path, &err);
        if (rc != cases[i].want || strstr(err.text, cases[i].says) == NULL || strstr(err.text, cases[i].path) == NULL)
            fail_msg("%s: %d, %s", cases[i].what, rc, err.text);
    }
}

/* What version 1 had, as its programs made it. */
static void queue_of_an_older_program_is_upgraded_with_its_jobs(void **state)
{
    struct folder *folder = *state;
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    struct ry_job_push jobs[] = {job_of("x", "1"), job_of("y", "1")};
    push_ok(queue, jobs, 2, RY_STR("7"));
    ry_job_queue_close(&queue);
    sql(folder, "DROP INDEX reelyard_queue_job_channel; DROP TABLE reelyard_queue_ended;"
                "ALTER TABLE reelyard_queue_job DROP COLUMN remembered;"
                "UPDATE reelyard_queue_meta SET value = 1 WHERE name = 'version'");
    for (int opened = 0; opened < 2; opened++) {
        queue = folder_open(folder, ry_clock_system());
        assert_non_null(queue);
        RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
        struct ry_lease lease;
        size_t n = 0;
        assert_int_equal(
            queue->ops->read(queue, RY_STR("n/1"), 1, RY_PRIORITY_BACKFILL, 60000, &arena, &lease, &n, NULL), RY_OK);
        assert_int_equal(n, 1);
        assert_true(ry_str_is(lease.job_id, opened == 0 ? "x" : "y"));
        const struct ry_job_push next = job_of("z", "1");
        assert_int_equal(queue->ops->ack(queue, lease.job_id, lease.token, &next, 1, NULL), RY_OK);
        ry_job_queue_close(&queue);
    }
    sql(folder, "CREATE TABLE expectation (a CHECK (a = 2), b CHECK (b = 1));"
                "INSERT INTO expectation SELECT value, (SELECT count(*) FROM reelyard_queue_job)"
                " FROM reelyard_queue_meta WHERE name = 'version'");
}

/* A child without root's rights opens the file; its exit status is the negated code. */
static int open_code_of_nobody(const struct folder *folder)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(100);
        _exit(-open_code(folder->file, NULL));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void queue_says_when_it_may_not_write(void **state)
{
    struct folder *folder = *state;
    assert_int_equal(chmod(folder->path, 0555), 0);
    assert_int_equal(open_code_of_nobody(folder), RY_EACCES); /* no file, and it may not be made */
    assert_int_equal(chmod(folder->path, 0755), 0);
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    ry_job_queue_close(&queue);
    assert_int_equal(chmod(folder->file, 0444), 0);
    assert_int_equal(chmod(folder->path, 0555), 0);
    assert_int_equal(open_code_of_nobody(folder), RY_EACCES);
    assert_int_equal(chmod(folder->path, 0755), 0);
}

static void queue_is_as_before_when_the_disk_is_full(void **state)
{
    struct ry_job_queue *queue = folder_open(*state, ry_clock_system());
    struct ry_job_push small = job_of("small", "1");
    push_ok(queue, &small, 1, RY_STR("1"));
    sqlite3 *db = ry_sqlite_queue_of(queue)->db;
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count = 30", NULL, NULL, NULL), SQLITE_OK);

    static char body[1 << 20];
    struct ry_job_push jobs[] = {job_of("other", "1"), job_of("large", "1")};
    jobs[1].json = (struct ry_str){body, sizeof body};
    size_t accepted = 0;
    struct ry_error err;
    assert_int_equal(queue->ops->push(queue, jobs, 2, RY_STR("k"), RY_STR("2"), &accepted, &err), RY_EFULL);
    assert_non_null(strstr(err.text, "free some space"));
    RY_ARENA_AUTO arena = ry_arena_make(4096);
    struct ry_str cursor;
    struct ry_depth depth;
    assert_int_equal(queue->ops->cursor_get(queue, RY_STR("k"), &arena, &cursor, NULL), RY_OK);
    assert_true(ry_str_is(cursor, "1"));
    assert_int_equal(queue->ops->depth(queue, &depth, NULL), RY_OK);
    assert_int_equal(depth.ready, 1);

    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL), SQLITE_OK);
    push_ok(queue, jobs, 2, RY_STR("2"));
    ry_job_queue_close(&queue);
}

static void queue_says_when_another_holds_its_lock(void **state)
{
    struct folder *folder = *state;
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    (void)sqlite3_busy_timeout(ry_sqlite_queue_of(queue)->db, 0);
    struct ry_job_push job = job_of("x", "1");
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(folder->file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    size_t accepted = 0;
    struct ry_error err;
    assert_int_equal(queue->ops->push(queue, &job, 1, RY_STR("k"), RY_STR("1"), &accepted, &err), RY_EBUSY);
    assert_non_null(strstr(err.text, folder->file));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    push_ok(queue, &job, 1, RY_STR("1"));
    ry_job_queue_close(&queue);
}

static void queue_leaves_the_rest_of_the_file_alone(void **state)
{
    struct folder *folder = *state;
    sql(folder, "PRAGMA user_version = 42; PRAGMA application_id = 7; CREATE TABLE clip (id TEXT)");
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    assert_non_null(queue);
    ry_job_queue_close(&queue);
    sql(folder, "CREATE TABLE expectation (a CHECK (a = 42), b CHECK (b = 7));"
                "INSERT INTO expectation SELECT user_version, application_id FROM pragma_user_version,"
                " pragma_application_id");
}

static void queue_gives_a_job_without_body_to_be_buried(void **state)
{
    struct folder *folder = *state;
    struct ry_job_queue *queue = folder_open(folder, ry_clock_system());
    struct ry_job_push job = job_of("x", "1");
    push_ok(queue, &job, 1, RY_STR("1"));
    sql(folder, "DELETE FROM reelyard_queue_body");
    RY_ARENA_AUTO arena = ry_arena_make(4096);
    struct ry_lease lease;
    size_t n = 0;
    assert_int_equal(queue->ops->read(queue, RY_STR("n/1"), 1, RY_PRIORITY_BACKFILL, 1000, &arena, &lease, &n, NULL),
                     RY_OK);
    assert_int_equal(n, 1);
    assert_null(lease.json.p);
    assert_int_equal(queue->ops->bury(queue, lease.job_id, lease.token, RY_STR("its body is gone"), NULL), RY_OK);
    ry_job_queue_close(&queue);
}

/* ---- many jobs --------------------------------------------------------------------------------------------------- */

#define MANY_JOBS 100000
#define MANY_TEXT "100000"

/* Counts the virtual machine's steps of all that SQLite runs on a connection. */
static int count_steps(void *arg)
{
    (*(unsigned long *)arg)++;
    return 0;
}

static unsigned long steps_of_a_read(struct ry_job_queue *queue, const char *const want[2])
{
    unsigned long steps = 0;
    RY_ARENA_AUTO arena = ry_arena_make(8192);
    struct ry_lease leases[2];
    size_t n = 0;
    sqlite3_progress_handler(ry_sqlite_queue_of(queue)->db, 1, count_steps, &steps);
    assert_int_equal(queue->ops->read(queue, RY_STR("n/1"), 2, RY_PRIORITY_BACKFILL, 1000, &arena, leases, &n, NULL),
                     RY_OK);
    sqlite3_progress_handler(ry_sqlite_queue_of(queue)->db, 0, NULL, NULL);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++)
        if (!ry_str_is(leases[i].job_id, want[i]))
            fail_msg("read %.*s, not %s", RY_STR_ARG(leases[i].job_id), want[i]);
    return steps;
}

static void queue_reads_in_bounded_work_however_many_jobs_wait(void **state)
{
    struct folder *folder = *state;
    struct ry_clock_manual clock;
    ry_clock_manual_init(&clock, 0);
    struct ry_job_queue *queue = folder_open(folder, &clock.clock);
    struct ry_job_push jobs[] = {job_of("a", "1"), job_of("b", "1"), job_of("c", "1"), job_of("z", "2"),
                                 job_of("y", "2")};
    push_ok(queue, jobs, 5, RY_STR("1"));
    unsigned long few = steps_of_a_read(queue, (const char *const[]){"a", "z"});
    sql(folder, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " MANY_TEXT ")"
                "INSERT INTO reelyard_queue_job (job_id, type, guild_id, channel_id, priority, pushed_wall_ms)"
                " SELECT printf('m%d', i), 'messages', '1', '', 4, 0 FROM n;"
                "INSERT INTO reelyard_queue_body SELECT seq, '{}' FROM reelyard_queue_job WHERE job_id LIKE 'm%'");
    unsigned long many = steps_of_a_read(queue, (const char *const[]){"b", "y"});
    /* A statement may be prepared anew after the other connection's write; a scan would take 100,000 steps. */
    if (many > few + 200)
        fail_msg("%lu steps with few jobs, %lu with %d", few, many, MANY_JOBS);
    ry_job_queue_close(&queue);
}

static int count_commit(void *arg)
{
    (*(unsigned *)arg)++;
    return 0;
}

/* A commit waits for the disk. */
static void queue_takes_many_dead_letters_in_one_commit(void **state)
{
    struct folder *folder = *state;
    enum { LETTERS = 200 };
    struct ry_clock_manual clock;
    ry_clock_manual_init(&clock, 0);
    struct ry_job_queue *queue = folder_open(folder, &clock.clock);
    sql(folder, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
                "INSERT INTO reelyard_queue_dead (kind, job_id, type, guild_id, channel_id, reason, summary, priority,"
                " attempts, died_wall_ms, body) SELECT 0, printf('j%d', i), 'messages', '1', '', 'r', '', 4, 1, 0, '{}'"
                " FROM n");
    for (int replay = 0; replay < 2; replay++) {
        int64_t ids[LETTERS];
        struct ry_error outcomes[LETTERS];
        unsigned commits = 0;
        for (int i = 0; i < LETTERS; i++)
            ids[i] = replay * LETTERS + i + 1;
        (void)sqlite3_commit_hook(ry_sqlite_queue_of(queue)->db, count_commit, &commits);
        assert_int_equal(queue->ops->dead_take(queue, ids, LETTERS, replay, outcomes, NULL), RY_OK);
        (void)sqlite3_commit_hook(ry_sqlite_queue_of(queue)->db, NULL, NULL);
        for (int i = 0; i < LETTERS; i++)
            assert_int_equal(outcomes[i].code, RY_OK);
        assert_int_equal(commits, 1);
    }
    ry_job_queue_close(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queue_has_whole_pushes_only_after_a_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_serves_several_processes_that_open_a_new_file_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_says_what_is_wrong_with_its_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_of_an_older_program_is_upgraded_with_its_jobs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_says_when_it_may_not_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_is_as_before_when_the_disk_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_says_when_another_holds_its_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_leaves_the_rest_of_the_file_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_gives_a_job_without_body_to_be_buried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_takes_many_dead_letters_in_one_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_reads_in_bounded_work_however_many_jobs_wait, set_up, tear_down),
    };
    int failed = job_queue_suite_run(&sqlite_factory);
    return failed + cmocka_run_group_tests_name("stream_sqlite_file", tests, NULL, NULL);
}
