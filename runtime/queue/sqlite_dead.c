/* sqlite_dead.c: the dead letters of the embedded queue: what failed for good, whole and with its reason, until a
 * person drops or replays it.
 *
 * A letter is taken away, or its job put back, in one transaction, so that a crash leaves it where it was or done. */
#include "runtime/queue/sqlite_queue.h"

static const char adding[] = "keep a dead letter";
static const char reading[] = "read dead letters";
static const char dropping[] = "drop a dead letter";
static const char replaying[] = "replay a dead letter";

static int unknown(int64_t id, struct ry_error *err)
{
    return ry_fail(err, RY_ENOENT, "there is no dead letter %lld", (long long)id);
}

int ry_sqlite_queue_dead_add(struct ry_job_queue *queue, const struct ry_dead *dead, struct ry_error *err)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, adding, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_stmt *add = NULL;
    rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_dead_add, &add, adding, err);
    if (rc == RY_OK) {
        (void)sqlite3_bind_int(add, 1, (int)dead->kind);
        ry_sqlite_queue_bind_text(add, 2, dead->job_id);
        ry_sqlite_queue_bind_text(add, 3, dead->type);
        ry_sqlite_queue_bind_text(add, 4, dead->guild_id);
        ry_sqlite_queue_bind_text(add, 5, dead->channel_id);
        ry_sqlite_queue_bind_text(add, 6, dead->reason);
        ry_sqlite_queue_bind_text(add, 7, dead->summary);
        (void)sqlite3_bind_int(add, 8, (int)dead->priority);
        (void)sqlite3_bind_int64(add, 9, dead->attempts);
        (void)sqlite3_bind_int64(add, 10, dead->died_wall_ms);
        ry_sqlite_queue_bind_blob(add, 11, dead->body);
        rc = ry_sqlite_queue_run(sqlite, add, adding, NULL, err);
    }
    return ry_sqlite_queue_end(sqlite, rc, adding, err);
}

/* The columns in the order of the statements dead_list and dead_get. */
static int take_letter(sqlite3_stmt *row, struct ry_arena *arena, bool with_body, struct ry_dead *letter,
                       struct ry_error *err)
{
    int64_t id = sqlite3_column_int64(row, 0);
    *letter = (struct ry_dead){
        .id = id,
        .kind = sqlite3_column_int(row, 1) == RY_DEAD_MAIL ? RY_DEAD_MAIL : RY_DEAD_JOB,
        .priority = (enum ry_priority)sqlite3_column_int(row, 8),
        .attempts = (unsigned)sqlite3_column_int64(row, 9),
        .died_wall_ms = sqlite3_column_int64(row, 10),
    };
    struct ry_str *texts[] = {&letter->job_id,     &letter->type,   &letter->guild_id,
                              &letter->channel_id, &letter->reason, &letter->summary};
    int rc = RY_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && rc == RY_OK; i++)
        rc = ry_sqlite_queue_column(row, (int)i + 2, arena, texts[i]);
    if (rc == RY_OK && with_body)
        rc = ry_sqlite_queue_column(row, 11, arena, &letter->body);
    return rc == RY_OK ? RY_OK : ry_fail(err, rc, "no room to read dead letter %lld", (long long)id);
}

int ry_sqlite_queue_dead_list(struct ry_job_queue *queue, int64_t after_id, size_t max, struct ry_arena *arena,
                              struct ry_dead *letters, size_t *n, struct ry_error *err)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    *n = 0;
    sqlite3_stmt *list = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_dead_list, &list, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(list, 1, after_id);
    (void)sqlite3_bind_int64(list, 2, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    int step = 0;
    while (rc == RY_OK && (step = sqlite3_step(list)) == SQLITE_ROW) {
        rc = take_letter(list, arena, false, &letters[*n], err);
        if (rc == RY_OK)
            (*n)++;
    }
    if (rc == RY_OK && step != SQLITE_DONE)
        rc = ry_sqlite_queue_fail(sqlite, reading, err);
    (void)sqlite3_reset(list);
    return rc;
}

int ry_sqlite_queue_dead_get(struct ry_job_queue *queue, int64_t id, struct ry_arena *arena, struct ry_dead *letter,
                             struct ry_error *err)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    sqlite3_stmt *get = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_dead_get, &get, reading, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(get, 1, id);
    switch (sqlite3_step(get)) {
    case SQLITE_ROW: rc = take_letter(get, arena, true, letter, err); break;
    case SQLITE_DONE: rc = unknown(id, err); break;
    default: rc = ry_sqlite_queue_fail(sqlite, reading, err); break;
    }
    (void)sqlite3_reset(get);
    return rc;
}

/* Takes one letter away, inside a transaction. */
static int drop(struct ry_sqlite_queue *sqlite, int64_t id, const char *doing, struct ry_error *err)
{
    sqlite3_stmt *remove = NULL;
    size_t changed = 0;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_dead_drop, &remove, doing, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(remove, 1, id);
    rc = ry_sqlite_queue_run(sqlite, remove, doing, &changed, err);
    return rc == RY_OK && changed == 0 ? unknown(id, err) : rc;
}

/* Copies the letter's job into the queue, inside a transaction. */
static int requeue(struct ry_sqlite_queue *sqlite, int64_t id, struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;
    int64_t kind = 0;
    int64_t seq = 0;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_dead_kind, &statement, replaying, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(statement, 1, id);
    rc = ry_sqlite_queue_integer(sqlite, statement, replaying, &found, &kind, err);
    if (rc != RY_OK || !found)
        return rc != RY_OK ? rc : unknown(id, err);
    if (kind != RY_DEAD_JOB)
        return ry_fail(err, RY_EUNSUPPORTED, "dead letter %lld is a mail, which only a running node can replay",
                       (long long)id);

    rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_replay_job, &statement, replaying, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(statement, 1, id);
    (void)sqlite3_bind_int64(statement, 2, ry_wall_ms(sqlite->clock));
    rc = ry_sqlite_queue_integer(sqlite, statement, replaying, &found, &seq, err);
    if (rc != RY_OK)
        return rc;
    if (!found)
        return ry_fail(err, RY_EDATA,
                       "the job of dead letter %lld is in the queue already; wait for it, or drop the letter",
                       (long long)id);
    rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_replay_body, &statement, replaying, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(statement, 1, id);
    (void)sqlite3_bind_int64(statement, 2, seq);
    return ry_sqlite_queue_run(sqlite, statement, replaying, NULL, err);
}

/* An error of the letter leaves nothing behind, so the transaction goes on with the others. */
static bool is_of_letter(int rc)
{
    return rc == RY_ENOENT || rc == RY_EUNSUPPORTED || rc == RY_EDATA;
}

int ry_sqlite_queue_dead_take(struct ry_job_queue *queue, const int64_t *ids, size_t n, bool replay,
                              struct ry_error *outcomes, struct ry_error *err)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    const char *doing = replay ? replaying : dropping;
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_DURABLE, doing, err);
    if (rc != RY_OK)
        return rc;
    for (size_t i = 0; i < n && rc == RY_OK; i++) {
        outcomes[i] = (struct ry_error){.code = RY_OK};
        int done = replay ? requeue(sqlite, ids[i], &outcomes[i]) : RY_OK;
        if (done == RY_OK)
            done = drop(sqlite, ids[i], doing, &outcomes[i]);
        if (done != RY_OK && !is_of_letter(done))
            rc = ry_fail(err, (enum ry_err)done, "%s", outcomes[i].text);
    }
    return ry_sqlite_queue_end(sqlite, rc, doing, err);
}
