/* sqlite_fair_read.c: which jobs are leased next.
 *
 * By priority; within one the guilds take turns, and within a guild the oldest comes first. The turn is kept here, in
 * memory: the next pick is the first job of the first guild behind the one served last, around the alphabet. That is
 * one seek in an index, so a pick costs the same with ten jobs waiting or with a hundred thousand of one guild, and a
 * guild that has one job waits for at most one job of every other. Several readers each turn by themselves.
 *
 * Leases end by the injected wall clock, because they must outlive processes. If the clock jumps ahead, leases end
 * early: the job is worked on twice, and the first holder is fenced off. If it jumps back, a lease of a dead holder
 * lasts longer by the jump, unless its node comes back and releases it. */
#include "runtime/queue/sqlite_queue.h"

static const char reading[] = "read jobs";

/* Jobs whose time has come, made ready in one read; more than any reader takes at a time, and a bound on how long the
 * write lock is held. */
#define WAKE_MAX 1000

/* Whether anything is to be done at all, without taking the write lock: an idle queue is looked at several times a
 * second. */
static int work_there(struct ry_sqlite_queue *sqlite, int64_t now_wall_ms, bool *there, struct ry_error *err)
{
    sqlite3_stmt *look = NULL;
    bool found = false;
    int64_t yes = 0;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_work_there, &look, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(look, 1, now_wall_ms);
    (void)sqlite3_bind_int64(look, 2, now_wall_ms + RY_JOB_PUT_OFF_MAX_MS);
    rc = ry_sqlite_queue_integer(sqlite, look, reading, &found, &yes, err);
    *there = rc == RY_OK && found && yes != 0;
    return rc;
}

static int wake(struct ry_sqlite_queue *sqlite, int64_t now_wall_ms, struct ry_error *err)
{
    sqlite3_stmt *update = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_wake, &update, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(update, 1, now_wall_ms);
    (void)sqlite3_bind_int(update, 2, WAKE_MAX);
    (void)sqlite3_bind_int64(update, 3, now_wall_ms + RY_JOB_PUT_OFF_MAX_MS);
    return ry_sqlite_queue_run(sqlite, update, reading, NULL, err);
}

struct pick {
    int64_t seq;
    struct ry_lease lease;
};

/* Copies the row that the statement stands on. */
static int take_row(sqlite3_stmt *row, struct ry_arena *arena, struct pick *pick, struct ry_error *err)
{
    struct ry_lease *lease = &pick->lease;
    pick->seq = sqlite3_column_int64(row, 0);
    lease->attempts = (unsigned)sqlite3_column_int(row, 5) + 1;
    lease->pushed_wall_ms = sqlite3_column_int64(row, 6);
    struct ry_str *texts[] = {&lease->job_id, &lease->type, &lease->guild_id, &lease->channel_id};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (ry_sqlite_queue_column(row, (int)i + 1, arena, texts[i]) != RY_OK)
            return ry_fail(err, RY_ELIMIT, "no room to read a job");
    return RY_OK;
}

static int take_body(struct ry_sqlite_queue *sqlite, struct ry_arena *arena, struct pick *pick, struct ry_error *err)
{
    sqlite3_stmt *get = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_body_get, &get, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(get, 1, pick->seq);
    int step = sqlite3_step(get);
    if (step == SQLITE_ROW && ry_sqlite_queue_column(get, 0, arena, &pick->lease.json) != RY_OK)
        rc = ry_fail(err, RY_ELIMIT, "no room to read job %.*s of %d bytes", RY_STR_ARG(pick->lease.job_id),
                     sqlite3_column_bytes(get, 0));
    else if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = ry_sqlite_queue_fail(sqlite, reading, err);
    (void)sqlite3_reset(get);
    return rc;
}

/* The first job of the first guild behind the one served last (pick_after), or of the first guild of all. */
static int pick_by(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_statement name, enum ry_priority priority,
                   struct ry_arena *arena, struct pick *pick, bool *found, struct ry_error *err)
{
    sqlite3_stmt *select = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, name, &select, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int(select, 1, (int)priority);
    if (name == RY_SQLITE_QUEUE_pick_after)
        ry_sqlite_queue_bind_text(select, 2, (struct ry_str){sqlite->served[priority], sqlite->served_bytes[priority]});
    int step = sqlite3_step(select);
    *found = step == SQLITE_ROW;
    if (*found)
        rc = take_row(select, arena, pick, err);
    else if (step != SQLITE_DONE)
        rc = ry_sqlite_queue_fail(sqlite, reading, err);
    (void)sqlite3_reset(select);
    pick->lease.priority = priority;
    return rc;
}

static int pick_next(struct ry_sqlite_queue *sqlite, enum ry_priority least, struct ry_arena *arena, struct pick *pick,
                     bool *found, struct ry_error *err)
{
    *pick = (struct pick){0};
    *found = false;
    int rc = RY_OK;
    for (unsigned i = 0; i <= (unsigned)least && rc == RY_OK && !*found; i++) {
        enum ry_priority priority = (enum ry_priority)i;
        rc = pick_by(sqlite, RY_SQLITE_QUEUE_pick_after, priority, arena, pick, found, err);
        if (rc == RY_OK && !*found)
            rc = pick_by(sqlite, RY_SQLITE_QUEUE_pick_first, priority, arena, pick, found, err);
    }
    return rc == RY_OK && *found ? take_body(sqlite, arena, pick, err) : rc;
}

static int lease_job(struct ry_sqlite_queue *sqlite, struct pick *pick, struct ry_str consumer, int64_t end_wall_ms,
                     struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;
    int64_t token = 0;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_token_take, &statement, reading, err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_integer(sqlite, statement, reading, &found, &token, err);
    if (rc == RY_OK && !found)
        rc = ry_fail(err, RY_ECORRUPT, "the queue in %s has lost its token row; restore a backup", sqlite->path);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_lease, &statement, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(statement, 1, pick->seq);
    (void)sqlite3_bind_int64(statement, 2, end_wall_ms);
    ry_sqlite_queue_bind_text(statement, 3, consumer);
    (void)sqlite3_bind_int64(statement, 4, token);
    pick->lease.token = (uint64_t)token;
    return ry_sqlite_queue_run(sqlite, statement, reading, NULL, err);
}

static void remember_guild(struct ry_sqlite_queue *sqlite, const struct ry_lease *lease)
{
    size_t n = lease->guild_id.n < RY_JOB_GUILD_MAX ? lease->guild_id.n : RY_JOB_GUILD_MAX;
    memcpy(sqlite->served[lease->priority], lease->guild_id.p, n);
    sqlite->served_bytes[lease->priority] = n;
}

int ry_sqlite_queue_read(struct ry_job_queue *queue, struct ry_str consumer, size_t max, enum ry_priority least,
                         int64_t lease_ms, struct ry_arena *arena, struct ry_lease *leases, size_t *n,
                         struct ry_error *err)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    *n = 0;
    int64_t now_wall_ms = ry_wall_ms(sqlite->clock);
    bool there = false;
    int rc = max == 0 ? RY_OK : work_there(sqlite, now_wall_ms, &there, err);
    if (!there)
        return rc;
    rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, reading, err);
    if (rc != RY_OK)
        return rc;
    rc = wake(sqlite, now_wall_ms, err);
    size_t taken = 0;
    while (rc == RY_OK && taken < max) {
        struct pick pick;
        bool found = false;
        rc = pick_next(sqlite, least, arena, &pick, &found, err);
        if (rc == RY_ELIMIT && taken > 0) {
            rc = RY_OK; /* what is read already fills the arena; the rest waits for the next read */
            break;
        }
        if (rc != RY_OK || !found)
            break;
        rc = lease_job(sqlite, &pick, consumer, now_wall_ms + lease_ms, err);
        remember_guild(sqlite, &pick.lease);
        leases[taken++] = pick.lease;
    }
    rc = ry_sqlite_queue_end(sqlite, rc, reading, err);
    if (rc == RY_OK)
        *n = taken;
    return rc;
}
