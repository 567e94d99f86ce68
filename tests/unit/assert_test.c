/* Claims about assertions: what holds costs nothing, and what does not ends the process with one line that says it all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
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

static void what_does_not_hold_ends_the_process_with_expression_place_and_state(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* cmocka's own handler would report the signal as a failure of the parent's test. */
        (void)signal(SIGABRT, SIG_DFL);
        ry_log_setup(RY_INFO, RY_LOG_JSON, fds[1]);
        int held = 3, credit = 2;
        RY_ASSERT(held <= credit, "held %d, credit %d", held, credit);
        _exit(0);
    }
    (void)close(fds[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    char line[2048];
    ssize_t n = read(fds[0], line, sizeof line - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_non_null(strstr(line, "assertion_failed"));
    assert_non_null(strstr(line, "held <= credit"));
    assert_non_null(strstr(line, "assert_test.c\",\"line\":"));
    assert_non_null(strstr(line, "held 3, credit 2"));
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    (void)close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_is_evaluated_once_and_its_state_never),
        cmocka_unit_test(what_does_not_hold_ends_the_process_with_expression_place_and_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
