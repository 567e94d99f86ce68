/* watch_test.c: what follows the end of a watched process: one rule for the supervisor's children and those of a pool. */
#include "tests/bed/bed.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/process/watch.h"

#define EXITED(code)     ((code) << 8)
#define SIGNALED(number) (number)

static const struct ry_restart_rule rule = {
    .first_ms = 100, .longest_ms = 5000, .calm_ms = 10000, .period_ms = 60000, .most = 10};

static struct ry_watch watch_of_a_process(bool ready, enum ry_kill_reason kill_reason)
{
    struct ry_watch watch;
    ry_watch_init(&watch, "writer-1");
    watch.pid = 1000000;
    watch.ready = ready;
    watch.kill_reason = kill_reason;
    return watch;
}

enum next { AT_ONCE, AFTER_A_WAIT, AFTER_A_WAIT_WHICH_COUNTS };

static void how_a_process_ended_decides_when_it_starts_again_and_whether_that_counts(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        bool ready;
        enum ry_kill_reason kill_reason;
        int wait_status;
        enum next next;
        bool refused;
    } cases[] = {
        {"it left as it was told", true, RY_KILL_TOLD_TO_LEAVE, EXITED(0), AT_ONCE, false},
        {"it was told to leave and failed at that", true, RY_KILL_TOLD_TO_LEAVE, EXITED(1), AT_ONCE, false},
        {"nobody had told it to leave", true, RY_KILL_NONE, EXITED(0), AFTER_A_WAIT_WHICH_COUNTS, false},
        {"it lost its router", true, RY_KILL_NONE, EXITED(RY_EXIT_ORPHAN), AFTER_A_WAIT, false},
        {"it lost its router before it was ready", false, RY_KILL_NONE, EXITED(RY_EXIT_ORPHAN), AFTER_A_WAIT, false},
        {"it was killed, its router being lost", true, RY_KILL_ORPHANED, SIGNALED(SIGKILL), AT_ONCE, false},
        {"its router died under it", true, RY_KILL_ORPHANED, EXITED(RY_EXIT_ORPHAN), AT_ONCE, false},
        {"its database is away", false, RY_KILL_NONE, EXITED(RY_EXIT_AWAY), AFTER_A_WAIT, false},
        {"who is open cannot say so", true, RY_KILL_NONE, EXITED(RY_EXIT_AWAY), AFTER_A_WAIT_WHICH_COUNTS, false},
        {"it crashed", true, RY_KILL_NONE, SIGNALED(SIGSEGV), AFTER_A_WAIT_WHICH_COUNTS, false},
        {"it did not get ready", false, RY_KILL_NONE, EXITED(1), AFTER_A_WAIT_WHICH_COUNTS, false},
        {"it was stuck", true, RY_KILL_STUCK, SIGNALED(SIGKILL), AFTER_A_WAIT_WHICH_COUNTS, false},
        {"it was late", true, RY_KILL_LATE, SIGNALED(SIGKILL), AFTER_A_WAIT_WHICH_COUNTS, false},
        {"it rejects its configuration", false, RY_KILL_NONE, EXITED(RY_EXIT_CONFIG), AFTER_A_WAIT_WHICH_COUNTS, true},
        {"who is open cannot reject it", true, RY_KILL_NONE, EXITED(RY_EXIT_CONFIG), AFTER_A_WAIT_WHICH_COUNTS, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_watch watch = watch_of_a_process(cases[i].ready, cases[i].kill_reason);
        struct ry_rng rng = {.state = 7};
        uint64_t deaths[RY_DEATH_COUNT] = {0};
        int64_t due_mono_ms = 0;
        enum ry_death death = ry_watch_ended(&watch, cases[i].wait_status, deaths);
        if (!ry_watch_again(&watch, death, &rule, &rng, 5000, &due_mono_ms))
            fail_msg("%s: it is given up", cases[i].claim);
        enum next next = due_mono_ms == 5000         ? AT_ONCE
                         : watch.restart.deaths == 0 ? AFTER_A_WAIT
                                                     : AFTER_A_WAIT_WHICH_COUNTS;
        if (next != cases[i].next || watch.refused != cases[i].refused || deaths[death] != 1)
            fail_msg("%s: due %lld, %zu deaths, refused %d", cases[i].claim, (long long)due_mono_ms,
                     watch.restart.deaths, watch.refused);
    }
}

static void what_a_process_waits_for_is_kept_as_its_last_death_in_one_line(void **state)
{
    (void)state;
    int ends[2];
    uint64_t deaths[RY_DEATH_COUNT] = {0};
    struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_AWAY};
    struct ry_watch watch = watch_of_a_process(false, RY_KILL_NONE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    watch.leash_fd = ends[0];
    (void)snprintf(msg.reason, sizeof msg.reason, "db:5432\ncannot be reached");
    assert_true(ry_leash_say(ends[1], &msg));
    assert_int_equal(ry_watch_hear(&watch, &msg, 1), RY_LEASH_MSG);
    (void)ry_watch_ended(&watch, EXITED(RY_EXIT_AWAY), deaths);
    assert_string_equal(watch.last_death, "db:5432 cannot be reached");
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_process_ended_decides_when_it_starts_again_and_whether_that_counts),
        cmocka_unit_test(what_a_process_waits_for_is_kept_as_its_last_death_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
