/* writer_batch_test.c: batches on an engine that learns late: what it was told is done, and told of, at sync or
 * commit.
 *
 * The fake beside the interface keeps a list of what was said since the last sync. SQLite, which knows everything at
 * once, cannot show what must hold with such an engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/batch.h"
#include "tests/bed/between.h"

#include <string.h>

#define STEPS_MAX 64

enum manner { TELLS_FENCES, FAILS_FENCES }; /* what a sync that finds a fence closed */

struct step {
    enum { FENCE, UPSERT, PROGRESS } kind;
    const struct ry_batch_write *batch; /* FENCE, PROGRESS */
    enum writer_fence *fence;
    enum writer_table table;
    const struct writer_slice *slices;
    size_t slice_count;
};

struct late {
    struct writer_engine engine;
    enum manner manner;
    struct step steps[STEPS_MAX];
    size_t n;
    unsigned upserts;    /* calls in all */
    unsigned savepoints; /* open */
};

static struct step *say(struct writer_engine *engine)
{
    struct late *late = (struct late *)engine;
    assert_between(late->n, 0, STEPS_MAX - 1);
    return &late->steps[late->n++];
}

static int late_savepoint(struct writer_engine *engine, struct ry_error *err)
{
    (void)err;
    ((struct late *)engine)->savepoints++;
    return RY_OK;
}

static int late_release(struct writer_engine *engine, struct ry_error *err)
{
    (void)err;
    assert_true(((struct late *)engine)->savepoints-- > 0);
    return RY_OK;
}

/* A job's name says what becomes of its fence; a clip of the author 666 is refused. */
static int do_step(struct late *late, const struct step *step, bool committing, struct ry_error *err)
{
    if (step->kind == FENCE) {
        bool fenced = ry_str_is(step->batch->job_id, "fenced"), cancelled = ry_str_is(step->batch->job_id, "cancelled");
        if (late->manner == TELLS_FENCES && !committing)
            *step->fence = fenced ? WRITER_FENCE_STALE : cancelled ? WRITER_FENCE_CANCELLED : WRITER_FENCE_OPEN;
        else if (fenced || cancelled)
            return ry_fail(err, RY_EFENCED, "a fence is closed");
    }
    for (size_t i = 0; step->kind == UPSERT && i < step->slice_count; i++) {
        const struct writer_slice *slice = &step->slices[i];
        slice->tally->changed += slice->n;
        for (size_t row = slice->first; step->table == WRITER_CLIPS && row < slice->first + slice->n; row++)
            if (ry_str_is(slice->batch->clips.items[row].author_id, "666"))
                return ry_fail(err, RY_EDATA, "no such author");
    }
    if (step->kind == PROGRESS && ry_str_is(step->batch->channel_id, "666"))
        return ry_fail(err, RY_EDATA, "no such channel");
    return RY_OK;
}

static int do_all(struct writer_engine *engine, bool committing, struct ry_error *err)
{
    struct late *late = (struct late *)engine;
    size_t n = late->n;
    late->n = 0;
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < n; i++)
        rc = do_step(late, &late->steps[i], committing, err);
    return rc;
}

static int late_sync(struct writer_engine *engine, struct ry_error *err)
{
    return do_all(engine, false, err);
}

static int late_commit(struct writer_engine *engine, struct ry_error *err)
{
    return do_all(engine, true, err);
}

static int late_fence(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_fence *fence,
                      struct ry_error *err)
{
    (void)err;
    *say(engine) = (struct step){.kind = FENCE, .batch = batch, .fence = fence};
    return RY_OK;
}

static int late_upsert(struct writer_engine *engine, enum writer_table table, const struct writer_slice *slices,
                       size_t slice_count, struct ry_error *err)
{
    (void)err;
    ((struct late *)engine)->upserts++;
    *say(engine) = (struct step){.kind = UPSERT, .table = table, .slices = slices, .slice_count = slice_count};
    return RY_OK;
}

static int late_progress(struct writer_engine *engine, const struct ry_batch_write *batch, struct ry_error *err)
{
    (void)err;
    *say(engine) = (struct step){.kind = PROGRESS, .batch = batch};
    return RY_OK;
}

static int late_refuse(struct writer_engine *engine, const struct ry_batch_write *batch,
                       const struct ry_row_failure *rows, size_t n, struct ry_error *err)
{
    (void)engine;
    (void)batch;
    (void)err;
    assert_true(rows != NULL && n > 0);
    return RY_OK;
}

static const struct writer_engine_ops late_ops = {
    .name = "late",
    .savepoint = late_savepoint,
    .rollback_to = late_release,
    .release = late_release,
    .sync = late_sync,
    .commit = late_commit,
    .fence = late_fence,
    .upsert = late_upsert,
    .refuse = late_refuse,
    .progress = late_progress,
};

struct fixture {
    struct late late;
    struct ry_arena arena;
    struct ry_message_row messages[4];
    struct ry_clip_row clips[4];
    struct ry_scan_progress progress;
};

static struct ry_batch_write make(struct fixture *f, const char *job)
{
    for (size_t i = 0; i < 4; i++)
        f->clips[i].author_id = RY_STR("300");
    return (struct ry_batch_write){
        .job_id = ry_str_of(job), .messages = {f->messages, 4}, .clips = {f->clips, 4}, .progress = {&f->progress, 1}};
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.late.engine.ops = &late_ops, .arena = ry_arena_make((size_t)1 << 20)};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    ry_arena_free(&((struct fixture *)*state)->arena);
    return 0;
}

static void many_batches_cost_one_call_a_table(void **state)
{
    struct fixture *f = *state;
    struct ry_batch_write writes[8];
    struct writer_batch batches[8], *list[8];
    for (size_t i = 0; i < 8; i++) {
        writes[i] = make(f, "job");
        batches[i] = (struct writer_batch){.write = &writes[i]};
        list[i] = &batches[i];
    }
    struct ry_error err;
    assert_int_equal(writer_batches_write(&f->late.engine, list, 8, &f->arena, &err), RY_OK);
    assert_int_equal(f->late.upserts, 2); /* messages, clips */
    assert_int_equal(batches[7].tally.changed, 0);
    assert_int_equal(late_commit(&f->late.engine, &err), RY_OK);
    for (size_t i = 0; i < 8; i++) {
        writer_batch_sum(&batches[i]);
        assert_int_equal(batches[i].written.succeeded, 8);
        assert_int_equal(batches[i].written.changed, 8);
    }
}

static void fence_found_closed_late_fails_the_brisk_and_is_named_by_the_careful(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *job;
        enum manner manner;
        bool fenced, cancelled;
    } cases[] = {
        {"fenced", TELLS_FENCES, true, false},
        {"cancelled", TELLS_FENCES, false, true},
        {"fenced", FAILS_FENCES, true, false},
        {"open", TELLS_FENCES, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool shut = cases[i].fenced || cases[i].cancelled;
        struct ry_batch_write write = make(f, cases[i].job);
        struct writer_batch batch = {.write = &write}, *list[] = {&batch};
        struct ry_error err;
        f->late.manner = cases[i].manner;
        assert_int_equal(writer_batches_write(&f->late.engine, list, 1, &f->arena, &err), RY_OK);
        assert_int_equal(late_commit(&f->late.engine, &err), shut ? RY_EFENCED : RY_OK);
        f->late.upserts = 0;
        assert_int_equal(writer_batch_write_carefully(&f->late.engine, &batch, WRITER_CAREFUL, &f->arena, &err), RY_OK);
        writer_batch_sum(&batch);
        assert_int_equal(batch.written.fenced, cases[i].fenced);
        assert_int_equal(batch.written.cancelled, cases[i].cancelled);
        assert_int_equal(batch.written.succeeded, shut ? 0 : 8);
        assert_int_equal(f->late.upserts, shut ? 0 : 2);
        assert_int_equal(f->late.savepoints, 0);
    }
}

static void rows_that_are_refused_late_are_found_and_not_tallied(void **state)
{
    struct fixture *f = *state;
    struct ry_batch_write write = make(f, "job");
    f->clips[1].author_id = f->clips[2].author_id = RY_STR("666");
    f->clips[1].id = RY_STR("one");
    f->clips[2].id = RY_STR("two");
    write.channel_id = RY_STR("666");
    struct writer_batch batch = {.write = &write};
    struct ry_error err;
    assert_int_equal(writer_batch_write_carefully(&f->late.engine, &batch, WRITER_CAREFUL, &f->arena, &err), RY_OK);
    writer_batch_sum(&batch);
    assert_int_equal(batch.written.failures.n, 3);
    assert_true(ry_str_is(batch.written.failures.items[0].key, "one"));
    assert_true(ry_str_is(batch.written.failures.items[1].key, "two"));
    assert_true(ry_str_is(batch.written.failures.items[2].table, "channel_scan_status"));
    assert_int_equal(batch.written.succeeded, 4 + 2);
    assert_int_equal(batch.written.changed, 4 + 2);
    assert_int_equal(f->late.savepoints, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_batches_cost_one_call_a_table, setup, teardown),
        cmocka_unit_test_setup_teardown(fence_found_closed_late_fails_the_brisk_and_is_named_by_the_careful, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_that_are_refused_late_are_found_and_not_tallied, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
