/* instance_test.c: custody, timers, drain and the out queue of one instance, and the words of abort for its misuse. */
#include "tests/bed/bed.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/actor/state.h"
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
        {"a body that is not an array", {.id = 1, .tag = RY_TAG_archive_get, .body = RY_STR("\xc0")}},
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

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* An actor that counts what it is told. */
static int listener_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)ctx, (void)err;
    *self = calloc(1, sizeof(unsigned));
    return RY_OK;
}

static void listener_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)ctx, (void)mail;
    ++*(unsigned *)self;
}

static void listener_close(void **self)
{
    free(*self);
    *self = NULL;
}

static const struct ry_actor_spec monitor_spec = {.role = RY_ROLE_MONITOR,
                                                  .capacity = 4,
                                                  .threads = 1,
                                                  .open = listener_open,
                                                  .receive = listener_receive,
                                                  .close = listener_close};
static const struct ry_actor_spec scheduler_spec = {.role = RY_ROLE_SCHEDULER,
                                                    .capacity = 4,
                                                    .threads = 1,
                                                    .open = listener_open,
                                                    .receive = listener_receive,
                                                    .close = listener_close};

static unsigned heard(struct bed *bed)
{
    return *(unsigned *)bed_self(bed);
}

static uint64_t ask_archive(struct bed *bed)
{
    uint64_t id = RY_TELL(ctx_of(bed), archive_get, &get, &(struct ry_send){0});
    (void)BED_EXPECT(bed, archive_get);
    return id;
}

static void an_instance_is_told_only_what_it_asked_and_once(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&monitor_spec, NULL);
    const struct ry_archive_state right = {.engine = RY_STR("sqlite")};
    const struct ry_queue_state wrong = {.healthy = true};
    uint64_t id = ask_archive(bed);
    BED_ANSWER(bed, id + 1, archive_state, &right);
    BED_ANSWER(bed, id, queue_state, &wrong); /* an answer to another question */
    assert_int_equal(heard(bed), 0);
    BED_ANSWER(bed, id, archive_state, &right);
    assert_int_equal(heard(bed), 1);
    BED_ANSWER(bed, id, archive_state, &right);
    assert_int_equal(heard(bed), 1);
    id = ask_archive(bed);
    bed_undeliverable(bed, id, id, RY_TAG_archive_get, RY_UNDELIVERABLE_DEAD);
    assert_int_equal(heard(bed), 2);
    BED_ANSWER(bed, id, archive_state, &right);
    assert_int_equal(heard(bed), 2);
    bed_free(bed);
}

static void many_questions_have_each_their_answer_in_any_order(void **state)
{
    (void)state;
    enum { QUESTIONS = 1000 };
    struct bed *bed = bed_new(&monitor_spec, NULL);
    const struct ry_archive_state answer = {.engine = RY_STR("sqlite")};
    uint64_t ids[QUESTIONS];
    for (size_t i = 0; i < QUESTIONS; i++)
        ids[i] = ask_archive(bed);
    for (size_t i = 0; i < 2 * QUESTIONS; i++) /* each twice, far from the order in which they were asked */
        BED_ANSWER(bed, ids[i * 617 % QUESTIONS], archive_state, &answer);
    assert_int_equal(heard(bed), QUESTIONS);
    bed_free(bed);
}

static void an_outcome_reaches_only_the_instance_of_its_origin(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&scheduler_spec, NULL);
    const struct ry_clip_settled settled = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"), .completed = true};
    uint64_t own = (uint64_t)ctx_of(bed)->session << 32 | 1;
    BED_ANSWER(bed, own + ((uint64_t)1 << 32), clip_settled, &settled);
    assert_int_equal(heard(bed), 0);
    BED_ANSWER(bed, own, clip_settled, &settled);
    assert_int_equal(heard(bed), 1);
    bed_free(bed);
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
        cmocka_unit_test(an_instance_is_told_only_what_it_asked_and_once),
        cmocka_unit_test(many_questions_have_each_their_answer_in_any_order),
        cmocka_unit_test(an_outcome_reaches_only_the_instance_of_its_origin),
        cmocka_unit_test(instance_that_does_not_open_says_why),
        TEST(misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
