/* writer_scans_suite.c: who may write for a scan, and how a channel's scan goes from its beginning to its end. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>

#define SCAN(column) "SELECT " column " FROM channel_scan_status WHERE channel_id = '200'"

/* A batch without rows but those of its guild and channel. */
static struct ry_batch_write *make_slice(struct writer_fixture *f, const char *job, struct ry_scan_progress progress)
{
    struct ry_batch_write *batch = writer_batch_make(f, 0, 0);
    batch->job_id = ry_str_of(job);
    batch->progress.items = ry_arena_array(&f->arena, 1, sizeof progress);
    assert_non_null(batch->progress.items);
    batch->progress.items[0] = progress;
    batch->progress.n = 1;
    return batch;
}

static void commit_slice(struct writer_fixture *f, const char *job, const char *direction, const char *newest,
                         const char *oldest)
{
    struct ry_scan_progress progress = {.direction = ry_str_of(direction),
                                        .newest_id = newest ? ry_str_of(newest) : (struct ry_str){0},
                                        .oldest_id = oldest ? ry_str_of(oldest) : (struct ry_str){0},
                                        .messages = 100};
    struct ry_batch_written written = writer_batch_commit(f, make_slice(f, job, progress), WRITER_BRISK);
    assert_int_equal(written.failures.n, 0);
    assert_false(written.fenced || written.cancelled);
}

/* The channel's row, written by another job. */
static void write_channel(struct writer_fixture *f)
{
    struct ry_batch_write *batch = writer_batch_make(f, 0, 0);
    batch->job_id = RY_STR("other job");
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
}

static struct ry_scan_begun begin_scan(struct writer_fixture *f, const char *job, uint64_t token, bool restart,
                                       bool reset)
{
    struct ry_scan_begin begin = {.job_id = ry_str_of(job),
                                  .token = token,
                                  .guild_id = RY_STR("100"),
                                  .channel_id = RY_STR("200"),
                                  .restart = restart,
                                  .reset = reset};
    struct ry_scan_begun begun = {0};
    IN_TRANSACTION(f, scan_begin(f->engine, &begin, &f->arena, &begun, &err));
    return begun;
}

static struct ry_scan_ended end_scan(struct writer_fixture *f, const char *job, uint64_t token, const char *status,
                                     const char *error_message)
{
    struct ry_scan_end end = {.job_id = ry_str_of(job),
                              .token = token,
                              .guild_id = RY_STR("100"),
                              .channel_id = RY_STR("200"),
                              .status = ry_str_of(status),
                              .error_message = error_message ? ry_str_of(error_message) : (struct ry_str){0}};
    struct ry_scan_ended ended = {0};
    IN_TRANSACTION(f, scan_end(f->engine, &end, &ended, &err));
    return ended;
}

static void assert_bounds(struct writer_fixture *f, const char *step, const char *forward, const char *backward)
{
    char text[160], expected[160];
    f->store->ask(f->store, SCAN("coalesce(forward_message_id, '-') || ' ' || coalesce(backward_message_id, '-')"),
                  text, sizeof text);
    snprintf(expected, sizeof expected, "%s %s", forward, backward);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: bounds are %s, not %s", step, text, expected);
}

/* ---- the fence ----------------------------------------------------------------------------------------------- */

/* Synced, the fence says what it is; passed by, it stops the transaction at the latest at its commit. */
static void assert_fence(struct writer_fixture *f, const struct ry_batch_write *batch, enum writer_fence expected)
{
    const struct writer_engine_ops *ops = f->engine->ops;
    enum writer_fence fence = WRITER_FENCE_OPEN;
    struct ry_error err = {0};
    assert_int_equal(ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(ops->savepoint(f->engine, &err), RY_OK);
    int rc = ops->fence(f->engine, batch, &fence, &err);
    if (rc == RY_OK)
        rc = ops->sync(f->engine, &err);
    assert_int_equal(fence, expected);
    assert_true(rc == RY_OK || (rc == RY_EFENCED && expected != WRITER_FENCE_OPEN));
    ops->rollback(f->engine);

    struct writer_tally tally = {0};
    const struct writer_slice slice = {batch, 0, batch->messages.n, &tally, false};
    fence = WRITER_FENCE_OPEN;
    assert_int_equal(ops->begin(f->engine, &err), RY_OK);
    rc = ops->fence(f->engine, batch, &fence, &err);
    bool known = rc == RY_OK && fence != WRITER_FENCE_OPEN;
    if (rc == RY_OK && !known)
        rc = ops->upsert(f->engine, WRITER_MESSAGES, &slice, 1, &err);
    if (rc == RY_OK && !known)
        rc = ops->commit(f->engine, &err);
    if (expected == WRITER_FENCE_OPEN)
        assert_int_equal(rc, RY_OK);
    else
        assert_true(known || rc == RY_EFENCED);
    ops->rollback(f->engine);
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM message WHERE id = '%.*s'",
             RY_STR_ARG(batch->messages.items[0].id));
    assert_int_equal(writer_number(f, sql), expected == WRITER_FENCE_OPEN);
}

void fence_is_closed_for_a_lost_lease_and_for_a_cancelled_scan(void **state)
{
    struct writer_fixture *f = *state;
    write_channel(f);
    static const struct {
        const char *status; /* of the scan; NULL: none */
        uint64_t token;
        bool cancellable;
        enum writer_fence fence;
    } cases[] = {
        {NULL, 5, false, WRITER_FENCE_OPEN},
        {NULL, 5, true, WRITER_FENCE_CANCELLED}, /* purged while its job was at work */
        {NULL, 4, true, WRITER_FENCE_STALE},
        {"RUNNING", 5, true, WRITER_FENCE_OPEN},
        {"RUNNING", 4, true, WRITER_FENCE_STALE},
        {"CANCELLED", 5, true, WRITER_FENCE_CANCELLED},
        {"CANCELLED", 5, false, WRITER_FENCE_OPEN},
        {"CANCELLED", 4, false, WRITER_FENCE_STALE},
        {"SUCCEEDED", 6, true, WRITER_FENCE_OPEN},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->store->execute(f->store, "DELETE FROM channel_scan_status");
        if (cases[i].status != NULL) {
            (void)end_scan(f, "third job", 1, cases[i].status, NULL);
        }
        struct ry_batch_write *batch = writer_batch_make(f, i, 1);
        batch->job_id = RY_STR("a");
        batch->token = cases[i].token;
        batch->cancellable = cases[i].cancellable;
        assert_fence(f, batch, cases[i].fence);
    }
}

void careful_batch_with_a_closed_fence_says_which(void **state)
{
    struct writer_fixture *f = *state;
    write_channel(f);
    (void)end_scan(f, "third job", 1, "CANCELLED", NULL);
    struct ry_batch_write *batch = writer_batch_make(f, 0, 2);
    batch->cancellable = true;
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_CAREFUL);
    assert_true(written.cancelled);
    assert_false(written.fenced);
    assert_int_equal(written.succeeded, 0);
    assert_int_equal(written.changed, 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message"), 0);
}

/* ---- progress ------------------------------------------------------------------------------------------------ */

void bounds_only_ever_widen(void **state)
{
    struct writer_fixture *f = *state;
    static const struct {
        const char *direction, *newest, *oldest, *forward, *backward;
    } steps[] = {
        {"backward", NULL, NULL, "-", "-"},       /* an empty slice */
        {"backward", "500", "400", "500", "400"}, /* the first slice sets both */
        {"backward", "399", "90", "500", "90"},   /* 90 is less than 400, though not as text */
        {"backward", "450", "420", "500", "90"},  /* inside */
        {"forward", "600", "501", "600", "90"},   /* its own bound alone */
        {"forward", "1000", "20", "1000", "90"},  /* 1000 is more than 600 */
        {"forward", "999", "601", "1000", "90"},  /* a late one */
        {"live", "1100", "1100", "1100", "90"},   /* raised */
        {"live", "1050", "10", "1100", "90"},     /* never lowered */
        {"backward", "80", "70", "1100", "70"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct ry_str job = ry_arena_printf(&f->arena, "job %zu", i);
        commit_slice(f, job.p, steps[i].direction, steps[i].newest, steps[i].oldest);
        char name[32];
        snprintf(name, sizeof name, "step %zu", i);
        assert_bounds(f, name, steps[i].forward, steps[i].backward);
    }
    assert_int_equal(writer_number(f, SCAN("total_messages_scanned")), 1000);
    writer_assert_text(f, SCAN("status"), "RUNNING");
}

void live_messages_make_a_row_that_waits_for_a_scan(void **state)
{
    struct writer_fixture *f = *state;
    commit_slice(f, "a", "live", "700", "700");
    assert_bounds(f, "made", "700", "-");
    writer_assert_text(f, SCAN("status || coalesce(error_message, '')"), "QUEUED");
    assert_int_equal(writer_number(f, SCAN("total_messages_scanned")), 100);
    assert_int_equal(writer_time_ms(f, SCAN("created_at")), WRITER_START_WALL_MS);
    commit_slice(f, "a", "live", "700", "700"); /* delivered again */
    commit_slice(f, "b", "live", "699", "600"); /* late: counted, and lowers nothing */
    assert_bounds(f, "late", "700", "-");
    assert_int_equal(writer_number(f, SCAN("total_messages_scanned")), 200);
    commit_slice(f, "c", "backward", "500", "400"); /* a first scan takes its own bound */
    assert_bounds(f, "scanned", "700", "400");
    (void)end_scan(f, "d", 1, "FAILED", "why");
    commit_slice(f, "e", "live", "701", "701");
    assert_bounds(f, "failed", "701", "400");
    writer_assert_text(f, SCAN("status || ' ' || error_message"), "FAILED why");
}

void live_messages_set_the_bound_of_a_row_that_has_none(void **state)
{
    struct writer_fixture *f = *state;
    write_channel(f);
    (void)end_scan(f, "a", 1, "CANCELLED", "Guild scanning disabled");
    commit_slice(f, "b", "live", "700", "700");
    assert_bounds(f, "cancelled", "700", "-");
    writer_assert_text(f, SCAN("status"), "CANCELLED");
}

/* The bot compares forward_message_id with the channel at its start, and queues a scan of what lies between. */
void row_of_live_messages_does_not_stop_the_scan_behind_it(void **state)
{
    struct writer_fixture *f = *state;
    commit_slice(f, "a", "live", "700", "700");
    ry_clock_manual_advance(&f->clock, 3600000);
    struct ry_str channel = RY_STR("200");
    struct ry_scans_stale stale = {.older_ms = 1800000, .reason = RY_STR("lost"), .channel_ids = {&channel, 1}};
    struct ry_scans_staled staled;
    IN_TRANSACTION(f, scans_stale(f->engine, &stale, &staled, &err));
    assert_int_equal(staled.count, 1);
    writer_assert_text(f, SCAN("status || coalesce(error_message, '')"), "SUCCEEDEDlost");
    assert_false(begin_scan(f, "gap", 1, false, false).cancelled);
    writer_assert_text(f, SCAN("status || coalesce(error_message, '')"), "RUNNING");
}

void progress_counts_once_for_a_job(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    struct ry_scan_progress progress = {.direction = RY_STR("backward"),
                                        .newest_id = RY_STR("500"),
                                        .oldest_id = RY_STR("400"),
                                        .messages = 100,
                                        .clips = 3,
                                        .rejected = 2,
                                        .next = RY_STR("{\"job_id\": \"next\"}")};
    batch->progress.items = &progress;
    batch->progress.n = 1;
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    ry_clock_manual_advance(&f->clock, 1000);
    progress.newest_id = RY_STR("9000");
    progress.oldest_id = RY_STR("1");
    progress.ended = true;
    assert_int_equal(writer_batch_commit(f, batch, WRITER_BRISK).changed, 0);
    assert_int_equal(writer_batch_commit(f, batch, WRITER_CAREFUL).changed, 0);
    assert_bounds(f, "twice", "500", "400");
    assert_int_equal(writer_number(f, SCAN("total_messages_scanned")), 100);
    assert_int_equal(writer_number(f, SCAN("message_count")), 3);
    writer_assert_text(f, SCAN("status"), "RUNNING");
    assert_int_equal(writer_time_ms(f, SCAN("updated_at")), WRITER_START_WALL_MS);
}

void progress_counts_clips_and_ends_a_scan(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 4), WRITER_BRISK);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-1.mp4'");
    (void)end_scan(f, "before", 1, "FAILED", "no permission");
    struct ry_batch_write *batch = writer_batch_make(f, 4, 2);
    struct ry_scan_progress progress = {.direction = RY_STR("forward"), .messages = 7, .ended = true};
    batch->job_id = RY_STR("a");
    batch->progress.items = &progress;
    batch->progress.n = 1;
    ry_clock_manual_advance(&f->clock, 1000);
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    assert_int_equal(writer_number(f, SCAN("message_count")), 5);
    assert_int_equal(writer_number(f, SCAN("total_messages_scanned")), 7);
    writer_assert_text(f, SCAN("status || coalesce(error_message, '')"), "SUCCEEDED");
    assert_int_equal(writer_time_ms(f, SCAN("updated_at")), WRITER_START_WALL_MS + 1000);
}

/* ---- beginning and end --------------------------------------------------------------------------------------- */

void scan_begins_running(void **state)
{
    struct writer_fixture *f = *state;
    write_channel(f);
    struct ry_scan_begun begun = begin_scan(f, "a", 1, false, false);
    assert_false(begun.fenced || begun.cancelled);
    assert_int_equal(begun.slices.n, 0);
    assert_null(begun.forward_message_id.p);
    writer_assert_text(f, SCAN("guild_id || status"), "100RUNNING");
    commit_slice(f, "a", "backward", "500", "400");
    (void)end_scan(f, "a", 1, "FAILED", "why");
    begun = begin_scan(f, "b", 1, false, false);
    ASSERT_STR(begun.forward_message_id, "500");
    ASSERT_STR(begun.backward_message_id, "400");
    assert_int_equal(begun.slices.n, 0);
    writer_assert_text(f, SCAN("status || coalesce(error_message, '')"), "RUNNING");
}

void cancelled_scan_begins_only_to_restart(void **state)
{
    struct writer_fixture *f = *state;
    commit_slice(f, "a", "backward", "500", "400");
    (void)end_scan(f, "a", 7, "CANCELLED", "somebody");
    ry_clock_manual_advance(&f->clock, 1000);
    assert_true(begin_scan(f, "b", 1, false, true).cancelled);
    writer_assert_text(f, SCAN("status || error_message"), "CANCELLEDsomebody");
    assert_bounds(f, "cancelled", "500", "400");
    assert_int_equal(writer_time_ms(f, SCAN("updated_at")), WRITER_START_WALL_MS);
    struct ry_scan_begun begun = begin_scan(f, "b", 1, true, false);
    assert_false(begun.cancelled);
    ASSERT_STR(begun.forward_message_id, "500");
    writer_assert_text(f, SCAN("status || coalesce(error_message, '')"), "RUNNING");
    assert_int_equal(writer_time_ms(f, SCAN("updated_at")), WRITER_START_WALL_MS + 1000);
}

void reset_forgets_bounds_and_totals(void **state)
{
    struct writer_fixture *f = *state;
    commit_slice(f, "a", "backward", "500", "400");
    struct ry_scan_begun begun = begin_scan(f, "b", 1, true, true);
    assert_null(begun.forward_message_id.p);
    assert_null(begun.backward_message_id.p);
    assert_bounds(f, "reset", "-", "-");
    assert_int_equal(writer_number(f, SCAN("total_messages_scanned")), 0);
    commit_slice(f, "b", "backward", "450", "440");
    assert_bounds(f, "first again", "450", "440");
}

void lost_lease_neither_begins_nor_ends_a_scan(void **state)
{
    struct writer_fixture *f = *state;
    write_channel(f);
    (void)begin_scan(f, "a", 5, false, false);
    assert_true(begin_scan(f, "a", 4, true, true).fenced);
    assert_true(end_scan(f, "a", 4, "FAILED", "why").fenced);
    writer_assert_text(f, SCAN("status"), "RUNNING");
    assert_false(end_scan(f, "a", 5, "FAILED", "why").fenced);
    writer_assert_text(f, SCAN("status || error_message"), "FAILEDwhy");
    struct ry_batch_write *batch = writer_batch_make(f, 0, 1);
    batch->job_id = RY_STR("a");
    batch->token = 4;
    assert_true(writer_batch_commit(f, batch, WRITER_BRISK).fenced);
}

void job_delivered_again_learns_of_its_slice(void **state)
{
    struct writer_fixture *f = *state;
    write_channel(f);
    (void)begin_scan(f, "a", 1, true, true);
    struct ry_scan_progress progress = {.direction = RY_STR("backward"),
                                        .newest_id = RY_STR("500"),
                                        .oldest_id = RY_STR("400"),
                                        .messages = 100,
                                        .clips = 3,
                                        .rejected = 2,
                                        .ended = true,
                                        .next = RY_STR("{\"job_id\": \"next\"}")};
    struct ry_batch_write *batch = make_slice(f, "a", progress);
    batch->token = 1;
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    /* It began anew and forgot before its slice; now it must do neither. */
    struct ry_scan_begun begun = begin_scan(f, "a", 2, true, true);
    assert_false(begun.fenced || begun.cancelled);
    assert_int_equal(begun.slices.n, 1);
    assert_int_equal(begun.slices.items[0].messages, 100);
    assert_int_equal(begun.slices.items[0].clips, 3);
    assert_int_equal(begun.slices.items[0].rejected, 2);
    ASSERT_STR(begun.slices.items[0].next, "{\"job_id\": \"next\"}");
    assert_bounds(f, "again", "500", "400");
    writer_assert_text(f, SCAN("status"), "SUCCEEDED");
    /* Cancelled in between, it does not go on. */
    (void)end_scan(f, "b", 1, "CANCELLED", NULL);
    assert_true(begin_scan(f, "a", 3, true, true).cancelled);
    writer_assert_text(f, SCAN("status"), "CANCELLED");
}

void scan_of_a_channel_without_a_row_is_nothing(void **state)
{
    struct writer_fixture *f = *state;
    assert_false(end_scan(f, "a", 1, "CANCELLED", "Guild or channel not found in database").fenced);
    struct ry_scan_begun begun = begin_scan(f, "a", 1, false, false);
    assert_false(begun.fenced || begun.cancelled);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM channel_scan_status"), 0);
}

void old_slices_are_forgotten_with_the_tokens(void **state)
{
    struct writer_fixture *f = *state;
    for (unsigned i = 0; i < 5; i++) {
        commit_slice(f, ry_arena_printf(&f->arena, "job %u", i).p, "backward", "500", "400");
        ry_clock_manual_advance(&f->clock, 1000);
    }
    int64_t before_wall_ms = f->clock.now_wall_ms - 2000; /* three are older */
    IN_TRANSACTION(f, fence_prune(f->engine, before_wall_ms, 2, &err));
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_slice"), 3);
    IN_TRANSACTION(f, fence_prune(f->engine, before_wall_ms, 100, &err));
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_slice"), 2);
}

/* ---- looking after scans ------------------------------------------------------------------------------------- */

/* Channels 200 to 204, a second apart, with these statuses. */
static void write_scans(struct writer_fixture *f)
{
    static const char *const statuses[] = {"RUNNING", "SUCCEEDED", "QUEUED", "RUNNING", "FAILED"};
    for (unsigned i = 0; i < 5; i++) {
        struct ry_batch_write *batch = writer_batch_make(f, i, 1);
        batch->channel_id = batch->channels.items[0].id = ry_arena_printf(&f->arena, "%u", 200 + i);
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
        struct ry_scan_end end = {.job_id = RY_STR("x"),
                                  .token = 1,
                                  .guild_id = RY_STR("100"),
                                  .channel_id = batch->channel_id,
                                  .status = ry_str_of(statuses[i])};
        struct ry_scan_ended ended;
        IN_TRANSACTION(f, scan_end(f->engine, &end, &ended, &err));
        ry_clock_manual_advance(&f->clock, 1000);
    }
}

void stale_scans_of_the_channels_named_are_cancelled(void **state)
{
    struct writer_fixture *f = *state;
    write_scans(f);
    /* Untouched for 5, 4, 3, 2 and 1 s. */
    struct ry_str channels[] = {RY_STR("200"), RY_STR("201"), RY_STR("202"), RY_STR("203"), RY_STR("999")};
    struct ry_scans_stale stale = {
        .older_ms = 3000, .reason = RY_STR("nobody went on with it"), .channel_ids = {channels + 1, 4}};
    struct ry_scans_staled staled;
    IN_TRANSACTION(f, scans_stale(f->engine, &stale, &staled, &err));
    assert_int_equal(staled.count, 1);
    writer_assert_text(f, "SELECT status FROM channel_scan_status ORDER BY channel_id",
                       "RUNNING,SUCCEEDED,CANCELLED,RUNNING,FAILED");
    stale.channel_ids = (struct ry_strs){channels, 5};
    IN_TRANSACTION(f, scans_stale(f->engine, &stale, &staled, &err));
    assert_int_equal(staled.count, 1);
    writer_assert_text(f, "SELECT status FROM channel_scan_status ORDER BY channel_id",
                       "CANCELLED,SUCCEEDED,CANCELLED,RUNNING,FAILED");
    writer_assert_text(f, SCAN("error_message"), "nobody went on with it");
    IN_TRANSACTION(f, scans_stale(f->engine, &stale, &staled, &err));
    assert_int_equal(staled.count, 0);
}

static struct ry_scans_open_got ask_open(struct writer_fixture *f, uint64_t older_ms, const char *after, uint64_t limit)
{
    struct ry_scans_open_get get = {
        .older_ms = older_ms, .after_channel_id = after ? ry_str_of(after) : (struct ry_str){0}, .limit = limit};
    struct ry_scans_open_got got;
    struct ry_error err;
    if (f->engine->ops->scans_open_get(f->engine, &get, &f->arena, &got, &err) != RY_OK)
        fail_msg("scans_open_get: %s", err.text);
    return got;
}

void open_scans_are_listed_with_what_goes_on(void **state)
{
    struct writer_fixture *f = *state;
    write_scans(f);
    struct ry_scans_open_got got = ask_open(f, 0, NULL, 10);
    assert_int_equal(got.scans.n, 3);
    assert_false(got.more);
    ASSERT_STR(got.scans.items[0].channel_id, "200");
    ASSERT_STR(got.scans.items[0].guild_id, "100");
    ASSERT_STR(got.scans.items[0].status, "RUNNING");
    assert_int_equal(got.scans.items[0].updated_wall_ms, WRITER_START_WALL_MS);
    assert_null(got.scans.items[0].next.p);
    ASSERT_STR(got.scans.items[1].channel_id, "202");
    ASSERT_STR(got.scans.items[1].status, "QUEUED");
    assert_int_equal(ask_open(f, 3000, NULL, 10).scans.n, 2);
    got = ask_open(f, 0, "200", 1);
    assert_int_equal(got.scans.n, 1);
    assert_true(got.more);
    ASSERT_STR(got.scans.items[0].channel_id, "202");

    static const char *const nexts[] = {"{\"n\": 1}", "{\"n\": 2}"};
    for (unsigned i = 0; i < 2; i++) {
        struct ry_scan_progress progress = {.direction = RY_STR("backward"), .next = ry_str_of(nexts[i])};
        (void)writer_batch_commit(f, make_slice(f, i ? "b" : "a", progress), WRITER_BRISK);
        ry_clock_manual_advance(&f->clock, 1000);
    }
    commit_slice(f, "live", "live", "9000", "9000"); /* no part of the scan */
    ASSERT_STR(ask_open(f, 0, NULL, 10).scans.items[0].next, "{\"n\": 2}");
}

void scan_is_told_with_its_clips(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_scan_get get = {.channel_id = RY_STR("200")};
    struct ry_scan_got got;
    struct ry_error err;
    assert_int_equal(f->engine->ops->scan_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.scans.n, 0);
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 6), WRITER_BRISK);
    commit_slice(f, "a", "backward", "500", "400");
    (void)end_scan(f, "a", 7, "FAILED", "why");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'processing' WHERE filename = 'clip-1.mp4'");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'failed' WHERE filename = 'clip-2.mp4'");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'completed' WHERE filename = 'clip-3.mp4'");
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-4.mp4'");
    assert_int_equal(f->engine->ops->scan_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.scans.n, 1);
    const struct ry_scan_row *scan = &got.scans.items[0];
    ASSERT_STR(scan->status, "FAILED");
    ASSERT_STR(scan->error_message, "why");
    ASSERT_STR(scan->forward_message_id, "500");
    ASSERT_STR(scan->backward_message_id, "400");
    assert_int_equal(scan->message_count, 6);
    assert_int_equal(scan->total_messages_scanned, 100);
    assert_int_equal(scan->updated_wall_ms, WRITER_START_WALL_MS);
    assert_int_equal(scan->clips_waiting, 3);
    assert_int_equal(scan->clips_failed, 1);
}
