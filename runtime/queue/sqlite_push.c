/* sqlite_push.c: the producer's side of the embedded queue: push, cursor, depth, find.
 *
 * Jobs and their producer's cursor are one synced transaction: after a crash the producer goes on behind what is in the
 * queue. */
#include "runtime/queue/sqlite_queue.h"

static const char pushing[] = "push jobs";

static int push_body(struct ry_sqlite_queue *sqlite, int64_t seq, struct ry_str json, struct ry_error *err)
{
    sqlite3_stmt *insert = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_body_insert, &insert, pushing, err);
    if (rc != RY_OK)
        return rc;
    (void)sqlite3_bind_int64(insert, 1, seq);
    ry_sqlite_queue_bind_blob(insert, 2, json);
    return ry_sqlite_queue_run(sqlite, insert, pushing, NULL, err);
}

static int push_job(struct ry_sqlite_queue *sqlite, const struct ry_job_push *job, int64_t now_wall_ms, bool remembered,
                    size_t *accepted, struct ry_error *err)
{
    sqlite3_stmt *insert = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_job_insert, &insert, pushing, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(insert, 1, job->job_id);
    ry_sqlite_queue_bind_text(insert, 2, job->type);
    ry_sqlite_queue_bind_text(insert, 3, job->guild_id);
    ry_sqlite_queue_bind_text(insert, 4, job->channel_id);
    (void)sqlite3_bind_int(insert, 5, (int)job->priority);
    (void)sqlite3_bind_int64(insert, 6, now_wall_ms);
    (void)sqlite3_bind_int(insert, 7, remembered ? 1 : 0);
    bool new = false;
    int64_t seq = 0;
    rc = ry_sqlite_queue_integer(sqlite, insert, pushing, &new, &seq, err);
    if (rc != RY_OK || !new)
        return rc;
    (*accepted)++;
    return push_body(sqlite, seq, job->json, err);
}

int ry_sqlite_queue_push_next(struct ry_sqlite_queue *sqlite, const struct ry_job_push *next, size_t n,
                              const char *doing, struct ry_error *err)
{
    int64_t now_wall_ms = ry_wall_ms(sqlite->clock);
    int rc = RY_OK;
    for (size_t i = 0; i < n && rc == RY_OK; i++) {
        sqlite3_stmt *look = NULL;
        bool ended = false;
        int64_t one = 0;
        size_t accepted = 0;
        rc = ry_job_check(&next[i], err);
        if (rc == RY_OK)
            rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_ended_there, &look, doing, err);
        if (rc != RY_OK)
            break;
        ry_sqlite_queue_bind_text(look, 1, next[i].job_id);
        rc = ry_sqlite_queue_integer(sqlite, look, doing, &ended, &one, err);
        if (rc == RY_OK && !ended)
            rc = push_job(sqlite, &next[i], now_wall_ms, true, &accepted, err);
    }
    return rc;
}

static int cursor_set(struct ry_sqlite_queue *sqlite, struct ry_str key, struct ry_str cursor, struct ry_error *err)
{
    sqlite3_stmt *set = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, cursor.p ? RY_SQLITE_QUEUE_cursor_set : RY_SQLITE_QUEUE_cursor_remove,
                                       &set, pushing, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(set, 1, key);
    if (cursor.p != NULL)
        ry_sqlite_queue_bind_blob(set, 2, cursor);
    return ry_sqlite_queue_run(sqlite, set, pushing, NULL, err);
}

int ry_sqlite_queue_push(struct ry_job_queue *queue, const struct ry_job_push *jobs, size_t n, struct ry_str cursor_key,
                         struct ry_str cursor, size_t *accepted, struct ry_error *err)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    *accepted = 0;
    int rc = RY_OK;
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        rc = ry_job_check(&jobs[i], err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_DURABLE, pushing, err);
    if (rc != RY_OK)
        return rc;
    int64_t now_wall_ms = ry_wall_ms(sqlite->clock);
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        rc = push_job(sqlite, &jobs[i], now_wall_ms, false, accepted, err);
    if (rc == RY_OK && cursor_key.p != NULL)
        rc = cursor_set(sqlite, cursor_key, cursor, err);
    rc = ry_sqlite_queue_end(sqlite, rc, pushing, err);
    if (rc != RY_OK)
        *accepted = 0;
    return rc;
}

int ry_sqlite_queue_cursor_get(struct ry_job_queue *queue, struct ry_str key, struct ry_arena *arena,
                               struct ry_str *cursor, struct ry_error *err)
{
    static const char reading[] = "read a cursor";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    *cursor = (struct ry_str){NULL, 0};
    sqlite3_stmt *get = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_cursor_get, &get, reading, err);
    if (rc != RY_OK)
        return rc;
    ry_sqlite_queue_bind_text(get, 1, key);
    int step = sqlite3_step(get);
    if (step == SQLITE_ROW && ry_sqlite_queue_column(get, 0, arena, cursor) != RY_OK)
        rc = ry_fail(err, RY_ENOMEM, "no memory for the cursor %.*s", RY_STR_ARG(key));
    else if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = ry_sqlite_queue_fail(sqlite, reading, err);
    (void)sqlite3_reset(get);
    return rc;
}

int ry_sqlite_queue_depth(struct ry_job_queue *queue, struct ry_depth *depth, struct ry_error *err)
{
    static const char counting[] = "count jobs";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    *depth = (struct ry_depth){0};
    sqlite3_stmt *count = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_depth, &count, counting, err);
    if (rc != RY_OK)
        return rc;
    int step = 0;
    int64_t oldest_wall_ms = INT64_MAX;
    while ((step = sqlite3_step(count)) == SQLITE_ROW) {
        uint64_t jobs = (uint64_t)sqlite3_column_int64(count, 1);
        if (sqlite3_column_int(count, 0) == RY_JOB_LEASED) {
            depth->leased += jobs;
            continue;
        }
        depth->ready += jobs;
        if (sqlite3_column_int64(count, 2) < oldest_wall_ms)
            oldest_wall_ms = sqlite3_column_int64(count, 2);
    }
    if (step != SQLITE_DONE)
        rc = ry_sqlite_queue_fail(sqlite, counting, err);
    (void)sqlite3_reset(count);
    int64_t now_wall_ms = ry_wall_ms(sqlite->clock);
    if (oldest_wall_ms < now_wall_ms)
        depth->oldest_ms = now_wall_ms - oldest_wall_ms;

    sqlite3_stmt *dead = NULL;
    bool found = false;
    int64_t letters = 0;
    if (rc == RY_OK)
        rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_dead_count, &dead, counting, err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_integer(sqlite, dead, counting, &found, &letters, err);
    depth->dead = (uint64_t)letters;
    return rc;
}

int ry_sqlite_queue_find(struct ry_job_queue *queue, const struct ry_job_queue_channel *channels, size_t n,
                         const char *const *types, bool *found, struct ry_error *err)
{
    static const char finding[] = "find jobs";
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    sqlite3_stmt *find = NULL;
    int rc = RY_OK;
    for (size_t i = 0; i < n; i++) {
        found[i] = false;
        for (const char *const *type = types; *type && rc == RY_OK && !found[i]; type++) {
            bool row = false;
            int64_t there = 0;
            rc = ry_sqlite_queue_statement(sqlite, RY_SQLITE_QUEUE_find, &find, finding, err);
            if (rc != RY_OK)
                break;
            ry_sqlite_queue_bind_text(find, 1, channels[i].channel_id);
            ry_sqlite_queue_bind_text(find, 2, channels[i].guild_id);
            ry_sqlite_queue_bind_text(find, 3, ry_str_of(*type));
            rc = ry_sqlite_queue_integer(sqlite, find, finding, &row, &there, err);
            found[i] = rc == RY_OK && there != 0;
        }
    }
    return rc;
}
