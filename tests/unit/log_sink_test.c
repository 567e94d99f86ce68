/* log_sink_test.c: a log that nobody reads holds up nobody, loses as little as it can, and says what it lost.
 *
 * Nothing here waits for time to pass: a write that waited would hang the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MANY         3000 /* lines: more than a pipe and the buffer hold */

/* ---- where the log goes ------------------------------------------------------------------------------------------ */

static bool open_pipe(int ends[2])
{
    return pipe(ends) == 0;
}

static bool open_socket(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
}

static bool open_terminal(int ends[2])
{
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
    if (ends[0] < 0 || grantpt(ends[0]) != 0 || unlockpt(ends[0]) != 0)
        return false;
    char name[64];
    ends[1] = ptsname_r(ends[0], name, sizeof name) == 0 ? open(name, O_RDWR | O_NOCTTY) : -1;
    return ends[1] >= 0;
}

static const struct place {
    const char *name;
    bool (*open)(int ends[2]);
    bool own; /* given a description of its own */
} places[] = {
    {"a pipe", open_pipe, true},
    {"a pipe that cannot be opened anew", open_pipe, false},
    {"a socket", open_socket, true},
    {"a terminal", open_terminal, true},
};

static int ends[2];
static char *read_text; /* all that was read */
static size_t read_bytes, read_room;

static void log_into(const struct place *place)
{
    if (!place->open(ends))
        fail_msg("cannot make %s", place->name);
    if (place->own)
        ry_log_own(ends[1]);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ry_log_setup(RY_INFO, RY_LOG_JSON, ends[1]);
    (void)ry_log_take_dropped();
    read_bytes = 0;
}

static void read_all(void);

static void log_elsewhere(void)
{
    read_all();
    ry_log_setup(RY_INFO, RY_LOG_JSON, STDERR_FILENO);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Takes what is there to be read. */
static void read_some(void)
{
    for (;;) {
        if (read_room - read_bytes < 4097) {
            read_room = 2 * read_room + 65536;
            read_text = realloc(read_text, read_room);
            assert_non_null(read_text);
        }
        ssize_t n = read(ends[0], read_text + read_bytes, 4096);
        if (n <= 0)
            break;
        read_bytes += (size_t)n;
    }
    read_text[read_bytes] = '\0';
}

/* Reads until nothing waits any more. */
static void read_all(void)
{
    do
        read_some();
    while (ry_log_tend(1000) < 1000);
    read_some();
}

static uint64_t number_behind(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}

/* What was read is whole lines numbered from 0 to below n, in order, and in each gap a line that tells its size;
 * returns how many lines are missing. */
static uint64_t check_lines(uint64_t n)
{
    uint64_t next = 0, missing = 0;
    for (char *line = read_text, *end; line < read_text + read_bytes; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_true(*line == '{' && (end[-1] == '}' || end[-2] == '}')); /* a terminal adds '\r' */
        uint64_t number = number_behind(line, "\"number\":");
        if (number == UINT64_MAX) {
            uint64_t lines = number_behind(line, "\"log_dropped\",\"lines\":");
            if (lines == UINT64_MAX)
                fail_msg("%s", line);
            missing += lines;
            next += lines;
        } else if (number != next++) {
            fail_msg("line %llu after %llu", (unsigned long long)number, (unsigned long long)next - 2);
        }
    }
    assert_int_equal(next, n);
    return missing;
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static void nobody_who_reads_holds_up_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        log_into(&places[i]);
        for (unsigned k = 0; k < MANY; k++)
            RY_LOG(RY_INFO, "said", "number=%u", k);
        assert_true(ry_log_tend(-1) > 0 && ry_log_tend(60000) < 60000); /* it is to be looked at soon */
        read_all();
        /* Later lines come behind what waited. */
        RY_LOG(RY_INFO, "said", "number=%u", MANY);
        read_all();
        uint64_t missing = check_lines(MANY + 1);
        if (missing == 0 || missing >= MANY || missing != ry_log_take_dropped())
            fail_msg("%s: %llu are missing", places[i].name, (unsigned long long)missing);
        assert_int_equal(ry_log_tend(60000), 60000);
        assert_int_equal(ry_log_tend(-1), -1);
        log_elsewhere();
    }
}

static void what_waited_is_written_when_there_is_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        log_into(&places[i]);
        unsigned n = 0;
        while (ry_log_tend(60000) == 60000)
            RY_LOG(RY_INFO, "said", "number=%u", n++);
        for (unsigned k = 0; k < 100; k++)
            RY_LOG(RY_INFO, "said", "number=%u", n++);
        read_all();
        if (check_lines(n) != 0 || ry_log_take_dropped() != 0)
            fail_msg("%s", places[i].name);
        log_elsewhere();
    }
}

static void an_error_finds_room_when_other_lines_do_not(void **state)
{
    (void)state;
    log_into(&places[0]);
    for (unsigned k = 0; k < MANY; k++)
        RY_LOG(RY_INFO, "said", "number=%u", k);
    RY_LOG(RY_ERROR, "said", "number=%u", MANY);
    read_all();
    assert_true(check_lines(MANY + 1) > 0);
    char last[32];
    (void)snprintf(last, sizeof last, "\"number\":%u}", MANY);
    assert_non_null(memmem(read_text, read_bytes, last, strlen(last)));
    log_elsewhere();
}

/* The description of a pipe that others have too is left as it is: their writes wait as before. */
static void flags_of_others_are_left_alone(void **state)
{
    (void)state;
    assert_true(open_pipe(ends));
    int theirs = dup(ends[1]);
    ry_log_own(ends[1]);
    assert_int_equal(fcntl(theirs, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(ends[1], F_GETFD) & FD_CLOEXEC, 0); /* it is standard error, for children too */
    assert_int_equal(close(theirs) | close(ends[0]) | close(ends[1]), 0);
}

static void a_child_says_its_own_lines_alone(void **state)
{
    (void)state;
    log_into(&places[0]);
    unsigned n = 0;
    while (ry_log_tend(60000) == 60000)
        RY_LOG(RY_INFO, "said", "number=%u", n++);
    pid_t child = fork();
    if (child == 0) {
        /* Nothing waits in the child. */
        _exit(ry_log_tend(60000) == 60000 && ry_log_take_dropped() == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    read_all();
    child = fork();
    if (child == 0) {
        RY_LOG(RY_INFO, "said", "number=%u", n);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    read_all();
    assert_int_equal(check_lines(n + 1), 0);
    log_elsewhere();
}

/* read_it: somebody reads what a program that ends could not write before; else the program ends all the same. */
static void the_end_of_a_program(bool read_it)
{
    log_into(&places[0]);
    unsigned n = 0;
    while (ry_log_tend(60000) == 60000)
        RY_LOG(RY_INFO, "said", "number=%u", n++);
    pid_t child = fork();
    if (child == 0) {
        RY_LOG(RY_CRITICAL, "said", "number=%u", n);
        exit(7);
    }
    int status = 0;
    if (read_it) {
        char number[32];
        (void)snprintf(number, sizeof number, "\"number\":%u}", n);
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};
        do {
            assert_int_equal(poll(&fd, 1, -1), 1);
            read_some();
        } while (memmem(read_text, read_bytes, number, strlen(number)) == NULL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    log_elsewhere();
}

static void last_words_are_waited_for_but_not_for_ever(void **state)
{
    (void)state;
    the_end_of_a_program(true);
    the_end_of_a_program(false);
}

static void a_full_disk_costs_lines_and_they_are_counted(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    ry_log_setup(RY_INFO, RY_LOG_JSON, full);
    (void)ry_log_take_dropped();
    for (unsigned k = 0; k < 100; k++)
        RY_LOG(RY_INFO, "said", "number=%u", k);
    assert_int_equal(ry_log_take_dropped(), 100);
    assert_int_equal(ry_log_tend(60000), 60000); /* looking again helps nobody */
    assert_int_equal(ry_log_take_dropped(), 0);
    /* Room again: the next line is written, and the loss told behind it. */
    assert_true(open_pipe(ends));
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ry_log_descriptor(ends[1]);
    read_bytes = 0;
    RY_LOG(RY_INFO, "said", "number=%u", 0);
    (void)ry_log_tend(0);
    read_some();
    assert_non_null(strstr(read_text, "\"number\":0}"));
    assert_non_null(strstr(read_text, "\"log_dropped\",\"lines\":100}"));
    close(full);
    log_elsewhere();
}

#define THREADS 4

static void *talk(void *arg)
{
    (void)arg;
    for (unsigned k = 0; k < MANY; k++) {
        RY_LOG(RY_INFO, "said", "number=%u", k);
        (void)ry_log_tend(0);
    }
    return NULL;
}

static void lines_of_threads_are_whole_and_none_is_lost_uncounted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        log_into(&places[i]);
        pthread_t threads[THREADS];
        for (size_t t = 0; t < THREADS; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, talk, NULL), 0);
        for (unsigned k = 0; k < 1000; k++)
            read_some();
        for (size_t t = 0; t < THREADS; t++)
            assert_int_equal(pthread_join(threads[t], NULL), 0);
        read_all();
        uint64_t lines = 0, told = 0;
        for (char *line = read_text, *end; line < read_text + read_bytes; line = end + 1) {
            end = strchr(line, '\n');
            assert_non_null(end);
            *end = '\0';
            uint64_t gap = number_behind(line, "\"log_dropped\",\"lines\":");
            if (*line != '{' || strchr(line + 1, '{') != NULL)
                fail_msg("%s: %s", places[i].name, line);
            lines += gap == UINT64_MAX;
            told += gap == UINT64_MAX ? 0 : gap;
        }
        if (lines + told != (uint64_t)THREADS * MANY || told != ry_log_take_dropped())
            fail_msg("%s: %llu lines and %llu told of", places[i].name, (unsigned long long)lines,
                     (unsigned long long)told);
        log_elsewhere();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_who_reads_holds_up_nobody),
        cmocka_unit_test(what_waited_is_written_when_there_is_room),
        cmocka_unit_test(an_error_finds_room_when_other_lines_do_not),
        cmocka_unit_test(flags_of_others_are_left_alone),
        cmocka_unit_test(a_child_says_its_own_lines_alone),
        cmocka_unit_test(last_words_are_waited_for_but_not_for_ever),
        cmocka_unit_test(a_full_disk_costs_lines_and_they_are_counted),
        cmocka_unit_test(lines_of_threads_are_whole_and_none_is_lost_uncounted),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(read_text);
    return failed;
}
