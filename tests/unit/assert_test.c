/* Claims about assertions: what holds costs nothing, and what does not ends the process with one line that says it all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

static int evaluated;

static int count(int truth)
{
    evaluated++;
    return truth;
}

static void what_holds_is_evaluated_once_and_its_state_never(void **state)
{
    (void)state;
    evaluated = 0;
    RY_ASSERT(count(1));
    RY_ASSERT(count(1), "evaluated %d", count(1));
    assert_int_equal(evaluated, 2);
}

/* Runs an assertion that does not hold in a child, whose log or else standard error is a pipe; reads the line. */
static void fail_in_child(bool log, char *line, size_t size)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* cmocka's own handler would report the signal as a failure of the parent's test. */
        (void)signal(SIGABRT, SIG_DFL);
        if (log)
            ry_log_setup(RY_INFO, RY_LOG_JSON, fds[1]);
        else
            (void)dup2(fds[1], STDERR_FILENO);
        int held = 3, credit = 2;
        RY_ASSERT(held <= credit, "held %d, credit %d", held, credit);
        _exit(0);
    }
    (void)close(fds[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    ssize_t n = read(fds[0], line, size - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    (void)close(fds[0]);
}

static void what_does_not_hold_ends_the_process_with_expression_place_and_state(void **state)
{
    static const struct {
        bool log;
        const char *words[4];
    } cases[] = {
        {true, {"assertion_failed", "held <= credit", "assert_test.c\",\"line\":", "held 3, credit 2"}},
        {false, {"assertion failed", "held <= credit", "assert_test.c:", "held 3, credit 2"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[2048];
        fail_in_child(cases[i].log, line, sizeof line);
        for (size_t k = 0; k < 4; k++)
            assert_non_null(strstr(line, cases[i].words[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_is_evaluated_once_and_its_state_never),
        cmocka_unit_test(what_does_not_hold_ends_the_process_with_expression_place_and_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
