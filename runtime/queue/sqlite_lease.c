/* sqlite_lease.c: what a lease's holder says: renew, ack, nack, bury; and the end of a dead node's leases.
 *
 * The fence is in each statement: it touches the row only while the row has this very token and is leased. Tokens come
 * from one counter of the whole sqlite, so they grow over the redeliveries of a job and also over a later push of the
 * same id. */
#include "runtime/queue/sqlite_queue.h"

/* The statement changed nothing: tells why. */
static int lost(struct ry_sqlite_queue *sqlite, struct ry_str job_id, const char *doing, struct ry_error *err)
{
    sqlite3_stmt *look = NULL;
    bool there = false;
    int64_t one = 0;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_job_there, &look, doing, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(look, 1, job_id);
    rc = ry_sqlite_queue_integer(sqlite, look, doing, &there, &one, err);
    if (rc != RY_OK)
        return rc;
    return there ? ry_fail(err, RY_EFENCED, "the lease of job %.*s was lost to another worker", RY_STR_ARG(job_id))
                 : ry_fail(err, RY_ENOENT, "there is no job %.*s in the queue", RY_STR_ARG(job_id));
}

/* A statement of the holder with job id and token bound. */
static int holder_statement(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_statement name, struct ry_str job_id,
                            uint64_t token, sqlite3_stmt **statement, const char *doing, struct ry_error *err)
{
    int rc = ry_sqlite_queue_statement(sqlite, name, statement, doing, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(*statement, 1, job_id);
    (void)sqlite3_bind_int64(*statement, 2, (int64_t)token);
    return RY_OK;
}

int ry_sqlite_queue_renew(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t lease_ms,
                          struct ry_error *err)
{
    static const char renewing[] = "renew a lease";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, renewing, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_stmt *renew = NULL;
    size_t changed = 0;
    rc = holder_statement(sqlite, RY_SQLITE_QUEUE_renew, job_id, token, &renew, renewing, err);
    if (rc == RY_OK) {
        (void)sqlite3_bind_int64(renew, 3, ry_wall_ms(sqlite->clock) + lease_ms);
        rc = ry_sqlite_queue_run(sqlite, renew, renewing, &changed, err);
    }
    if (rc == RY_OK && changed == 0)
        rc = lost(sqlite, job_id, renewing, err);
    return ry_sqlite_queue_end(sqlite, rc, renewing, err);
}

int ry_sqlite_queue_nack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t delay_ms,
                         bool counted, struct ry_error *err)
{
    static const char giving[] = "give a job back";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, giving, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_stmt *give = NULL;
    size_t changed = 0;
    rc = holder_statement(sqlite, RY_SQLITE_QUEUE_give_back, job_id, token, &give, giving, err);
    if (rc == RY_OK) {
        (void)sqlite3_bind_int64(give, 3, ry_wall_ms(sqlite->clock) + delay_ms);
        (void)sqlite3_bind_int(give, 4, counted ? 0 : 1);
        (void)sqlite3_bind_int(give, 5, !counted && delay_ms > 0);
        rc = ry_sqlite_queue_run(sqlite, give, giving, &changed, err);
    }
    if (rc == RY_OK && changed == 0)
        rc = lost(sqlite, job_id, giving, err);
    return ry_sqlite_queue_end(sqlite, rc, giving, err);
}

int ry_sqlite_queue_hurry(struct ry_job_queue *queue, struct ry_error *err)
{
    static const char hurrying[] = "make held jobs ready";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, hurrying, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_stmt *hurry = NULL;
    rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_hurry, &hurry, hurrying, err);
    if (rc == RY_OK) {
        (void)sqlite3_bind_int64(hurry, 1, ry_wall_ms(sqlite->clock));
        rc = ry_sqlite_queue_run(sqlite, hurry, hurrying, NULL, err);
    }
    return ry_sqlite_queue_end(sqlite, rc, hurrying, err);
}

/* Takes a leased job and its body away, inside a transaction. */
static int remove_job(struct ry_sqlite_queue *sqlite, struct ry_str job_id, uint64_t token, const char *doing,
                      struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool held = false;
    int64_t seq = 0;
    int rc = holder_statement(sqlite, RY_SQLITE_QUEUE_job_remove, job_id, token, &statement, doing, err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_integer(sqlite, statement, doing, &held, &seq, err);
    if (rc == RY_OK && !held)
        rc = lost(sqlite, job_id, doing, err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_body_remove, &statement, doing, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(statement, 1, seq);
    return ry_sqlite_queue_run(sqlite, statement, doing, NULL, err);
}

/* A job that an ack has pushed is remembered after its end, inside the transaction that ends it. */
static int remember(struct ry_sqlite_queue *sqlite, struct ry_str job_id, const char *doing, struct ry_error *err)
{
    int64_t now_wall_ms = ry_wall_ms(sqlite->clock);
    sqlite3_stmt *statement = NULL;
    bool there = false;
    int64_t remembered = 0;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_ended_forget, &statement, doing, err);
    if (rc == RY_OK) {
        (void)sqlite3_bind_int64(statement, 1, now_wall_ms);
        rc = ry_sqlite_queue_run(sqlite, statement, doing, NULL, err);
    }
    if (rc == RY_OK)
        rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_job_remembered, &statement, doing, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(statement, 1, job_id);
    rc = ry_sqlite_queue_integer(sqlite, statement, doing, &there, &remembered, err);
    if (rc != RY_OK || remembered == 0)
        return rc;
    rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_ended_add, &statement, doing, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(statement, 1, job_id);
    (void)sqlite3_bind_int64(statement, 2, now_wall_ms + RY_JOB_REMEMBERED_MS);
    return ry_sqlite_queue_run(sqlite, statement, doing, NULL, err);
}

int ry_sqlite_queue_ack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token,
                        const struct ry_job_push *next, size_t n, struct ry_error *err)
{
    static const char ending[] = "take a finished job out of the queue";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, ending, err);
    if (rc != RY_OK)
        return rc;
    rc = remember(sqlite, job_id, ending, err);
    if (rc == RY_OK)
        rc = remove_job(sqlite, job_id, token, ending, err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_push_next(sqlite, next, n, ending, err);
    return ry_sqlite_queue_end(sqlite, rc, ending, err);
}

int ry_sqlite_queue_bury(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, struct ry_str reason,
                         struct ry_error *err)
{
    static const char burying[] = "put a job with the dead letters";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, burying, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_stmt *copy = NULL;
    rc = holder_statement(sqlite, RY_SQLITE_QUEUE_job_bury, job_id, token, &copy, burying, err);
    if (rc == RY_OK) {
        ry_sqlite_queue_bind_text(copy, 3, reason);
        (void)sqlite3_bind_int64(copy, 4, ry_wall_ms(sqlite->clock));
        rc = ry_sqlite_queue_run(sqlite, copy, burying, NULL, err);
    }
    if (rc == RY_OK)
        rc = remove_job(sqlite, job_id, token, burying, err);
    return ry_sqlite_queue_end(sqlite, rc, burying, err);
}

int ry_sqlite_queue_release(struct ry_job_queue *queue, struct ry_str consumer_prefix, struct ry_str except,
                            size_t *released, struct ry_error *err)
{
    static const char releasing[] = "end the leases of a former run";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    *released = 0;
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_ORDERED, releasing, err);
    if (rc != RY_OK)
        return rc;
    sqlite3_stmt *release = NULL;
    rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_release, &release, releasing, err);
    if (rc == RY_OK) {
        ry_sqlite_queue_bind_text(release, 1, consumer_prefix);
        ry_sqlite_queue_bind_text_or_null(release, 2, except);
        (void)sqlite3_bind_int64(release, 3, ry_wall_ms(sqlite->clock));
        rc = ry_sqlite_queue_run(sqlite, release, releasing, released, err);
    }
    return ry_sqlite_queue_end(sqlite, rc, releasing, err);
}
