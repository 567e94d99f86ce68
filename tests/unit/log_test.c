/* Claims about the log: what is written can always be read back, and tells no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/str.h"
#include "runtime/json/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int pipe_fds[2];
static char line[8192];

static int set_up(void **state)
{
    (void)state;
    return pipe(pipe_fds);
}

static int tear_down(void **state)
{
    (void)state;
    ry_log_thread("");
    ry_log_setup(RY_INFO, RY_LOG_JSON, STDERR_FILENO);
    return close(pipe_fds[0]) | close(pipe_fds[1]);
}

/* The one line that was written, without its newline. */
static const char *read_line(void)
{
    ssize_t n = read(pipe_fds[0], line, sizeof line - 1);
    assert_true(n > 0 && n <= PIPE_BUF);
    line[n] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    line[n - 1] = '\0';
    return line;
}

/* The line as JSON; the caller frees it. */
static struct ry_json_doc *read_json(void)
{
    struct ry_json_doc *doc = NULL;
    struct ry_error err;
    if (ry_json_parse(ry_str_of(read_line()), &doc, &err) != RY_OK)
        fail_msg("%s: %s", err.text, line);
    return doc;
}

static const struct ry_json *value_of(const struct ry_json_doc *doc, const char *name)
{
    const struct ry_json *value = ry_json_get(ry_json_root(doc), name);
    if (value == NULL)
        fail_msg("no %s in %s", name, line);
    return value;
}

static const char *member(const struct ry_json_doc *doc, const char *name)
{
    return ry_json_str(value_of(doc, name)).p;
}

static void a_json_line_has_time_level_instance_event_and_fields(void **state)
{
    (void)state;
    ry_log_setup(RY_DEBUG, RY_LOG_AUTO, pipe_fds[1]);
    ry_log_thread("writer-1");
    RY_LOG(RY_WARNING, "clip_failed", "clip=%s bytes=%zu share=%.2f code=%d ok=%lld hex=%x name=%.*s", "d1523646",
           (size_t)7, 0.5, -3, 1234567890123LL, 255u, 2, "abc");
    RY_JSON_AUTO *object = read_json();
    assert_int_equal(strlen(member(object, "time")), strlen("2024-10-19T15:03:09.159Z"));
    assert_string_equal(member(object, "level"), "warning");
    assert_string_equal(member(object, "instance"), "writer-1");
    assert_string_equal(member(object, "event"), "clip_failed");
    assert_string_equal(member(object, "clip"), "d1523646");
    assert_string_equal(member(object, "name"), "ab");
    assert_string_equal(member(object, "hex"), "ff");
    int64_t number = 0;
    assert_int_equal(ry_json_type(value_of(object, "bytes")), RY_JSON_INT);
    assert_int_equal(ry_json_type(value_of(object, "share")), RY_JSON_REAL);
    assert_true(ry_json_i64(value_of(object, "code"), &number) && number == -3);
    assert_true(ry_json_i64(value_of(object, "ok"), &number) && number == 1234567890123);
}

static void any_value_comes_back_from_json(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *read;
    } cases[] = {
        {"", ""},
        {"two words", "two words"},
        {"\"quoted\\\"", "\"quoted\\\""},
        {"line\nfeed\ttab\x01\x7f", "line\nfeed\ttab\x01\x7f"},
        {"Ünïcode 名前 🎬", "Ünïcode 名前 🎬"},
        {"bad \xff\xc3( utf-8", "bad \xef\xbf\xbd\xef\xbf\xbd( utf-8"},
        {"c1 \xc2\x9b"
         "31m",
         "c1 \xc2\x9b"
         "31m"},
        {"key=value, {\"a\":1}", "key=value, {\"a\":1}"},
        {"%s %n", "%s %n"},
    };
    ry_log_setup(RY_INFO, RY_LOG_JSON, pipe_fds[1]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        RY_LOG(RY_INFO, "event", "before=%d value=%s after=%d", 1, cases[i].value, 2);
        RY_JSON_AUTO *object = read_json();
        assert_string_equal(member(object, "value"), cases[i].read);
        int64_t after = 0;
        assert_true(ry_json_i64(value_of(object, "after"), &after) && after == 2);
    }
}

static void a_text_line_has_no_control_characters(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *text;
    } cases[] = {
        {"plain", "value=plain"},
        {"", "value=\"\""},
        {"two words", "value=\"two words\""},
        {"a=b", "value=\"a=b\""},
        {"\033[2J\x07", "value=\"\\u001b[2J\\u0007\""},
        {"\xc2\x9b"
         "2J",
         "value=\"\\u009b2J\""},
        {"\xff", "value=\"\\xff\""},
        {"\"", "value=\"\\\"\""},
        {"名", "value=\"名\""},
    };
    ry_log_setup(RY_INFO, RY_LOG_TEXT, pipe_fds[1]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        RY_LOG(RY_ERROR, "event", "value=%s", cases[i].value);
        const char *at = strstr(read_line(), "ERROR    event ");
        assert_non_null(at);
        assert_string_equal(at + strlen("ERROR    event "), cases[i].text);
    }
}

static void urls_lose_what_is_secret(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *text;
    } cases[] = {
        {"https://cdn.example/a.mp4?ex=1&hm=2", "https://cdn.example/a.mp4?"},
        {"https://cdn.example/a.mp4", "https://cdn.example/a.mp4"},
        {"https://cdn.example/a#b?c", "https://cdn.example/a?"},
        {"GET https://h/a?x=1: timed out", "GET https://h/a? timed out"},
        {"two: <https://h/a?x> 'http://g/b?y'", "two: <https://h/a?> 'http://g/b?'"},
        {"redis://user:hunter2@host:6379/0", "redis://@host:6379/0"},
        {"https://h/@me?x", "https://h/@me?"},
        {"what? no url", "what? no url"},
        {"https://", "https://"},
        {"://?", "://?"},
    };
    ry_log_setup(RY_INFO, RY_LOG_JSON, pipe_fds[1]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        RY_LOG(RY_INFO, "event", "value=%s", cases[i].value);
        RY_JSON_AUTO *object = read_json();
        assert_string_equal(member(object, "value"), cases[i].text);
    }
}

static void a_line_is_whole_whatever_its_values(void **state)
{
    (void)state;
    static char value[20000];
    ry_log_setup(RY_INFO, RY_LOG_JSON, pipe_fds[1]);
    static const char fillers[] = {'x', '\x01', '"', '\xff'};
    for (size_t i = 0; i < COUNT(fillers); i++) {
        memset(value, fillers[i], sizeof value - 1);
        RY_LOG(RY_INFO, "event", "a=%s b=%s c=%s d=%s e=%s last=%d", value, value, value, value, value, 1);
        RY_JSON_AUTO *object = read_json();
        assert_true(strlen(member(object, "a")) > 100);
    }
}

static void a_format_that_breaks_the_rules_reads_no_wrong_argument(void **state)
{
    (void)state;
    ry_log_setup(RY_INFO, RY_LOG_JSON, pipe_fds[1]);
    RY_LOG(RY_INFO, "event", "good=%d size=%dx%d name=%s", 1, 2, 3, "x");
    RY_JSON_AUTO *object = read_json();
    int64_t good = 0;
    assert_true(ry_json_i64(value_of(object, "good"), &good) && good == 1);
    assert_string_equal(member(object, "bad_log_format"), "size=%dx%d name=%s");
}

static void errno_is_printed_and_kept(void **state)
{
    (void)state;
    ry_log_setup(RY_INFO, RY_LOG_JSON, pipe_fds[1]);
    errno = ENOSPC;
    RY_LOG(RY_INFO, "event", "error=%m");
    assert_int_equal(errno, ENOSPC);
    RY_JSON_AUTO *object = read_json();
    assert_string_equal(member(object, "error"), strerror(ENOSPC));
}

static void what_is_below_the_least_severity_is_not_written(void **state)
{
    (void)state;
    ry_log_setup(RY_WARNING, RY_LOG_TEXT, pipe_fds[1]);
    RY_LOG(RY_INFO, "quiet", "");
    RY_LOG(RY_WARNING, "loud", "");
    assert_non_null(strstr(read_line(), "WARNING  loud"));
    assert_null(strstr(line, "quiet"));
}

static void a_place_may_log_so_often_and_then_tells_what_it_held_back(void **state)
{
    (void)state;
    struct ry_log_limit limit = {0};
    unsigned suppressed = 99;
    assert_true(ry_log_allowed(&limit, 2, 1000000000, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_true(ry_log_allowed(&limit, 2, 1000000000, &suppressed));
    for (int i = 0; i < 3; i++)
        assert_false(ry_log_allowed(&limit, 2, 1000000000, &suppressed));
    /* As if the window had begun a period ago. */
    limit.window_start_ms -= 1000000000;
    assert_true(ry_log_allowed(&limit, 2, 1000000000, &suppressed));
    assert_int_equal(suppressed, 3);
    assert_true(ry_log_allowed(&limit, 2, 1000000000, &suppressed));
    assert_int_equal(suppressed, 0);
}

/* A pseudo-terminal: what its user would see can be read from the master. */
static void a_line_takes_the_place_of_a_progress_line_that_stands_there_and_else_has_no_escape_code(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master) | unlockpt(master), 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_int_equal(setenv("NO_COLOR", "1", 1) | setenv("TERM", "xterm", 1), 0);
    static const struct {
        enum ry_log_format format;
        bool drawn;
    } cases[] = {{RY_LOG_AUTO, false}, {RY_LOG_AUTO, true},  {RY_LOG_AUTO, false}, {RY_LOG_JSON, false},
                 {RY_LOG_JSON, true},  {RY_LOG_JSON, false}, {RY_LOG_TEXT, true},  {RY_LOG_TEXT, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        ry_log_setup(RY_INFO, cases[i].format, terminal);
        if (cases[i].drawn)
            ry_log_progress(true);
        RY_LOG(RY_INFO, "something", "count=%d", 5);
        ssize_t n = read(master, line, sizeof line - 1);
        assert_true(n > 0);
        line[n] = '\0';
        assert_int_equal(strncmp(line, "\r\033[K", 4) == 0, cases[i].drawn);
        const char *rest = line + (cases[i].drawn ? 4 : 0);
        assert_null(strchr(rest, '\033'));
        assert_int_equal(rest[0] == '{', cases[i].format == RY_LOG_JSON);
        assert_non_null(strstr(rest, cases[i].format == RY_LOG_JSON ? "{\"time\":" : " something count=5"));
    }
    /* A progress line that was ended is left alone. */
    ry_log_progress(true);
    ry_log_progress(false);
    RY_LOG(RY_INFO, "something", "");
    assert_true(read(master, line, sizeof line - 1) > 0);
    assert_true(line[0] != '\r');
    assert_int_equal(close(terminal) | close(master), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_json_line_has_time_level_instance_event_and_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_value_comes_back_from_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_line_has_no_control_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(urls_lose_what_is_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_is_whole_whatever_its_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_format_that_breaks_the_rules_reads_no_wrong_argument, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errno_is_printed_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_below_the_least_severity_is_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_line_takes_the_place_of_a_progress_line_that_stands_there_and_else_has_no_escape_code, set_up, tear_down),
        cmocka_unit_test(a_place_may_log_so_often_and_then_tells_what_it_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
