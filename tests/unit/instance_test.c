/* instance_test.c: custody, timers, drain and the out queue of one instance, and the words of abort for its misuse. */
#include "tests/bed/bed.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"

/* An actor that does what the test tells it: a plan for its next mail. */
enum plan { PLAN_RETURN, PLAN_KEEP, PLAN_KEEP_AND_DONE, PLAN_DONE, PLAN_FAIL, PLAN_ANSWER, PLAN_EXIT };

struct puppet {
    enum plan plan;
    struct ry_mail *kept[4];
    size_t kept_count;
    char ticks[16];
    size_t tick_count;
    bool sets_timer_again;
    bool through;
};

static int puppet_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    if (ry_config_int(ry_ctx_config(ctx), RY_OPT_batch_rows) == 13)
        return ry_fail(err, RY_ECONFIG, "thirteen");
    *self = calloc(1, sizeof(struct puppet));
    return RY_OK;
}

static void puppet_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct puppet *puppet = self;
    const struct ry_error why = {.code = RY_EIO, .text = "broken"};
    switch (puppet->plan) {
    case PLAN_RETURN: break;
    case PLAN_KEEP:
        ry_mail_keep(ctx, mail);
        puppet->kept[puppet->kept_count++] = mail;
        break;
    case PLAN_KEEP_AND_DONE:
        ry_mail_keep(ctx, mail);
        ry_mail_done(ctx, mail);
        break;
    case PLAN_DONE: ry_mail_done(ctx, mail); break;
    case PLAN_FAIL: ry_mail_fail(ctx, mail, true, "not today"); break;
    case PLAN_ANSWER:
        RY_ANSWER(ctx, mail, archive_state, (&(struct ry_archive_state){.engine = RY_STR("sqlite")}));
        break;
    case PLAN_EXIT: ry_ctx_exit(ctx, &why); break;
    }
}

static void puppet_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    struct puppet *puppet = self;
    puppet->ticks[puppet->tick_count++ % 15] = (char)('a' + timer);
    if (puppet->sets_timer_again)
        ry_timer(ctx, timer, 0);
}

static bool puppet_drain(void *self, struct ry_ctx *ctx)
{
    assert_true(ry_ctx_draining(ctx));
    return ((struct puppet *)self)->through;
}

static void puppet_close(void **self)
{
    free(*self);
    *self = NULL;
}

static const struct ry_actor_spec puppet_spec = {.role = RY_ROLE_WRITER,
                                                 .capacity = 4,
                                                 .threads = 1,
                                                 .open = puppet_open,
                                                 .receive = puppet_receive,
                                                 .tick = puppet_tick,
                                                 .drain = puppet_drain,
                                                 .close = puppet_close};

static int set_up(void **state)
{
    *state = bed_new(&puppet_spec, NULL);
    return 0;
}

static int tear_down(void **state)
{
    bed_free(*state);
    return 0;
}

static const struct ry_archive_get get = {0};

static struct ry_ctx *ctx_of(struct bed *bed)
{
    return ry_instance_ctx(bed_instance(bed));
}

static uint64_t play(struct bed *bed, enum plan plan)
{
    ((struct puppet *)bed_self(bed))->plan = plan;
    return BED_DELIVER(bed, archive_get, &get, NULL);
}

static void handler_that_returns_has_finished_its_mail(void **state)
{
    static const enum plan plans[] = {PLAN_RETURN, PLAN_DONE, PLAN_KEEP_AND_DONE};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        uint64_t id = play(*state, plans[i]);
        bed_expect_done(*state, id);
        bed_expect_nothing(*state);
        assert_int_equal(bed_kept(*state), 0);
    }
}

static void answer_leaves_before_the_end_of_custody(void **state)
{
    uint64_t id = play(*state, PLAN_ANSWER);
    assert_true(ry_str_is(BED_EXPECT(*state, archive_state)->engine, "sqlite"));
    assert_true(bed_envelope(*state)->correlation == id);
    bed_expect_done(*state, id);
}

static void kept_mail_ends_later_and_lives_until_then(void **state)
{
    struct puppet *puppet = bed_self(*state);
    uint64_t first = play(*state, PLAN_KEEP);
    uint64_t second = play(*state, PLAN_KEEP);
    bed_expect_nothing(*state);
    assert_int_equal(bed_kept(*state), 2);
    ry_mail_fail(ctx_of(*state), puppet->kept[1], false, "bad");
    assert_true(puppet->kept[0]->envelope.id == first);
    assert_non_null(RY_BODY(puppet->kept[0], archive_get));
    ry_mail_done(ctx_of(*state), puppet->kept[0]);
    assert_string_equal(bed_expect_fail(*state, second, false), "bad");
    bed_expect_done(*state, first);
    assert_int_equal(bed_kept(*state), 0);
}

static void failed_mail_is_not_done_too(void **state)
{
    uint64_t id = play(*state, PLAN_FAIL);
    assert_string_equal(bed_expect_fail(*state, id, true), "not today");
    bed_expect_nothing(*state);
}

static void reason_is_always_one_that_can_be_told(void **state)
{
    char longest[600];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    longest[399] = (char)0xC3; /* a character over the limit of 400 bytes */
    longest[400] = (char)0xA9;
    const struct {
        const char *given;
        const char *told;
        size_t told_bytes;
    } cases[] = {
        {"", "no reason given", 15}, {NULL, "no reason given", 15}, {"caf\xc3\xa9", "caf\xc3\xa9", 5},
        {"caf\xe9", "caf?", 4},      {longest, NULL, 399},
    };
    struct puppet *puppet = bed_self(*state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        puppet->kept_count = 0;
        uint64_t id = play(*state, PLAN_KEEP);
        ry_mail_fail(ctx_of(*state), puppet->kept[0], false, cases[i].given);
        const char *told = bed_expect_fail(*state, id, false);
        assert_int_equal(strlen(told), cases[i].told_bytes);
        if (cases[i].told)
            assert_string_equal(told, cases[i].told);
    }
}

static void mail_that_does_not_unpack_is_a_dead_letter(void **state)
{
    struct bed *bed = *state;
    const struct {
        const char *claim;
        struct ry_envelope envelope;
    } cases[] = {
        {"a body that is no array", {.id = 1, .tag = RY_TAG_archive_get, .body = RY_STR("\xc0")}},
        {"frames that did not come", {.id = 1, .tag = RY_TAG_archive_get, .frame_count = 1, .body = RY_STR("\x90")}},
        {"mail of another role", {.id = 1, .tag = RY_TAG_thumbnail_store, .body = RY_STR("\x90")}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ry_instance_deliver(bed_instance(bed), &cases[i].envelope, NULL, 0);
        assert_true(strlen(bed_expect_fail(bed, 1, false)) > 0);
        bed_expect_nothing(bed);
    }
}

static void message_starts_a_trace_or_carries_one_on(void **state)
{
    struct bed *bed = *state;
    const struct ry_clips_pending hint = {.count = 1};
    const struct ry_trace trace = {.trace_id = {1, 2, 3}, .span_id = {4}};
    uint64_t id = RY_TELL(ctx_of(bed), clips_pending, &hint, (&(struct ry_send){.trace = &trace, .tenant = 9}));
    assert_true(id != 0);
    (void)BED_EXPECT(bed, clips_pending);
    assert_memory_equal(bed_envelope(bed)->trace.trace_id, trace.trace_id, 16);
    assert_memory_not_equal(bed_envelope(bed)->trace.span_id, trace.span_id, 8);
    assert_true(bed_envelope(bed)->id == id);
    assert_int_equal(bed_envelope(bed)->tenant, 9);
    assert_true(bed_envelope(bed)->correlation == 0); /* an EVENT starts nothing */
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
    struct puppet *puppet = bed_self(*state);
    struct ry_ctx *ctx = ctx_of(*state);
    ry_timer(ctx, 0, 30);
    ry_timer(ctx, 1, 10);
    ry_timer(ctx, 2, 20);
    ry_timer(ctx, 3, 15);
    ry_timer_cancel(ctx, 3);
    ry_timer(ctx, 1, 25); /* set anew */
    bed_advance(*state, 19);
    assert_string_equal(puppet->ticks, "");
    bed_advance(*state, 100);
    assert_string_equal(puppet->ticks, "cba");
    assert_true(ry_instance_next_mono_ms(bed_instance(*state)) == INT64_MAX);
}

static void timer_that_is_always_due_fires_once_a_tick(void **state)
{
    struct puppet *puppet = bed_self(*state);
    puppet->sets_timer_again = true;
    ry_timer(ctx_of(*state), 5, 0);
    ry_instance_tick(bed_instance(*state));
    assert_int_equal(puppet->tick_count, 1);
}

static void drain_is_asked_after_every_event(void **state)
{
    struct puppet *puppet = bed_self(*state);
    bed_drain(*state);
    assert_false(bed_finished(*state));
    puppet->through = true;
    uint64_t id = play(*state, PLAN_RETURN);
    bed_expect_done(*state, id);
    assert_true(bed_finished(*state));
    (void)play(*state, PLAN_RETURN); /* nothing is handled any more; the router gives it to another */
    bed_expect_nothing(*state);
}

static void exit_carries_its_reason(void **state)
{
    struct ry_error why;
    assert_false(bed_exited(*state, &why));
    uint64_t id = play(*state, PLAN_EXIT);
    assert_true(bed_exited(*state, &why));
    assert_int_equal(why.code, RY_EIO);
    assert_string_equal(why.text, "broken");
    bed_expect_done(*state, id);
}

static void giving_up_fails_what_is_kept(void **state)
{
    uint64_t id = play(*state, PLAN_KEEP);
    ry_instance_give_up(bed_instance(*state), "the end");
    assert_string_equal(bed_expect_fail(*state, id, true), "the end");
    assert_int_equal(bed_kept(*state), 0);
}

static void instance_that_does_not_open_says_why(void **state)
{
    (void)state;
    struct ry_error err;
    bed_new_fails(&puppet_spec, (const char *const[][2]){{"batch_rows", "13"}, {NULL, NULL}}, &err);
    assert_string_equal(err.text, "thirteen");
}

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

static void done_twice(struct bed *bed)
{
    (void)play(bed, PLAN_KEEP);
    struct ry_mail *mail = ((struct puppet *)bed_self(bed))->kept[0];
    ry_mail_done(ctx_of(bed), mail);
    ry_mail_done(ctx_of(bed), mail);
}

static void message_of_another_role(struct bed *bed)
{
    const struct ry_encode_needs needs = {0};
    const struct ry_mail mail = {.envelope = {.id = 1}};
    RY_ANSWER(ctx_of(bed), &mail, encode_needs, &needs);
}

static void message_that_breaks_its_declaration(struct bed *bed)
{
    const struct ry_clips_pending nothing = {.count = 0};
    RY_TELL(ctx_of(bed), clips_pending, &nothing, (&(struct ry_send){0}));
}

static void body_read_as_another(struct bed *bed)
{
    (void)play(bed, PLAN_KEEP);
    (void)RY_BODY(((struct puppet *)bed_self(bed))->kept[0], failed_get);
}

static void misuse_aborts(void **state)
{
    static void (*const misuses[])(struct bed *) = {done_twice, message_of_another_role,
                                                    message_that_breaks_its_declaration, body_read_as_another};
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)signal(SIGABRT, SIG_DFL);
            misuses[i](*state);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(handler_that_returns_has_finished_its_mail),
        TEST(answer_leaves_before_the_end_of_custody),
        TEST(kept_mail_ends_later_and_lives_until_then),
        TEST(failed_mail_is_not_done_too),
        TEST(reason_is_always_one_that_can_be_told),
        TEST(mail_that_does_not_unpack_is_a_dead_letter),
        TEST(message_starts_a_trace_or_carries_one_on),
        TEST(timers_fire_in_the_order_of_their_times),
        TEST(timer_that_is_always_due_fires_once_a_tick),
        TEST(drain_is_asked_after_every_event),
        TEST(exit_carries_its_reason),
        TEST(giving_up_fails_what_is_kept),
        cmocka_unit_test(instance_that_does_not_open_says_why),
        TEST(misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
