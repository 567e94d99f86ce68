/* assert.h: what must hold whatever a peer, a user or the system does.
 *
 * An assertion that fails is a fault of this program, never of its input: input that may be wrong is an error
 * (error.h). Assertions are on in every build. One that fails prints a line with the expression, the file and the
 * state, and ends the process by SIGABRT (the inner process of a sandbox is PID 1 of its namespace, which SIGABRT does
 * not reach: there abort() ends it by SIGSEGV). By custody that loses nothing: the jobs and mails of a process that ended go
 * to another one. */
#ifndef REELYARD_RUNTIME_BASE_ASSERT_H
#define REELYARD_RUNTIME_BASE_ASSERT_H

/* RY_ASSERT(truth) or RY_ASSERT(truth, format, ...): ends the process unless truth holds. The format, a literal as
 * printf's, describes the state in one line; its arguments are evaluated only on failure, truth exactly once.
 *   RY_ASSERT(held <= credit, "held %zu, credit %zu", held, credit); */
#define RY_ASSERT(truth, ...) \
    /* The blank keeps a format of no state from being an empty one, which compilers reject. */ \
    (__builtin_expect(!(truth), 0) ? ry_assert_failed(#truth, __FILE__, __LINE__, " " __VA_ARGS__) : (void)0)

/* Reports the line (as `assertion_failed` once the log is set up, which waits a little for its reader:
 * RY_LOG_LAST_WORDS_MS) and aborts. Any thread. */
void ry_assert_failed(const char *expression, const char *file, int line, const char *format, ...)
    __attribute__((noreturn, cold, format(printf, 4, 5)));

/* Writes the line of an assertion that failed. */
typedef void ry_assert_report(const char *expression, const char *file, int line, const char *state);
/* Lines are written by this function from now on. Before threads. */
void ry_assert_report_by(ry_assert_report *report);

#endif
