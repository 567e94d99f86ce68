/* net_http_test.c: the HTTP client against the fake CDN, over loopback. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/base/buf.h"
#include "runtime/net/http.h"
#include "runtime/net/http_private.h"
#include "tests/bed/between.h"
#include "tests/bed/fake.h"
#include "tests/bed/patience.h"

#define FILE_BYTES      100000
#define LOW_SPEED_MS    1000
#define LOW_SPEED_BYTES 20000

struct bench {
    char folder[64];
    struct fake *fake;
    struct ry_clock_manual clock;
    struct ry_http *http;
};

/* What came of one GET. */
struct outcome {
    struct ry_http_head head;
    unsigned heads;
    struct ry_buf body;
    bool ended;
    int code;
    struct ry_error error;
    int head_verdict; /* what on_head returns; < 0: fails so */
};

static char file_byte(size_t i)
{
    return (char)(i * 31 + i / 251);
}

static int on_head(void *arg, const struct ry_http_head *head, struct ry_error *err)
{
    struct outcome *outcome = arg;
    outcome->head = *head;
    outcome->head.etag = (struct ry_str){0}; /* borrowed */
    outcome->heads++;
    if (outcome->head_verdict < 0)
        return ry_fail(err, (enum ry_err)outcome->head_verdict, "not wanted");
    return outcome->head_verdict;
}

static int on_body(void *arg, const void *bytes, size_t n, struct ry_error *err)
{
    struct outcome *outcome = arg;
    return ry_buf_add(&outcome->body, bytes, n) == RY_OK ? 0 : ry_fail(err, RY_ENOMEM, "no memory");
}

static void on_end(void *arg, int code, const struct ry_error *err)
{
    struct outcome *outcome = arg;
    assert_false(outcome->ended);
    outcome->ended = true;
    outcome->code = code;
    outcome->error = *err;
}

static const struct ry_http_handler handler = {on_head, on_body, on_end};

static void write_file(const char *folder)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < FILE_BYTES; i++)
        putc(file_byte(i), file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    *state = bench;
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/reelyard-http-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    write_file(bench->folder);
    bench->fake = fake_start("cdn", bench->folder);
    ry_clock_manual_init(&bench->clock, 0);
    struct ry_http_options options = {.clock = &bench->clock.clock,
                                      .connect_timeout_ms = 5000,
                                      .low_speed_bytes = LOW_SPEED_BYTES,
                                      .low_speed_ms = LOW_SPEED_MS,
                                      .connections_max = 2};
    char list[64];
    (void)snprintf(list, sizeof list, "127.0.0.1:%u,127.0.0.1:1", fake_port(bench->fake));
    struct ry_error err = {0};
    assert_int_equal(ry_hosts_parse(&options.hosts, list, &err), RY_OK);
    assert_int_equal(ry_http_new(&bench->http, &options, &err), RY_OK);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ry_http_free(&bench->http);
    fake_stop(bench->fake);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->folder);
    unlink(path);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

static struct ry_http_transfer *start(struct bench *bench, const char *path, uint64_t first, uint64_t length,
                                      struct outcome *outcome)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", fake_port(bench->fake), path);
    if (outcome->body.max == 0)
        outcome->body = ry_buf_make(FILE_BYTES);
    const struct ry_http_get get = {.url = ry_str_of(url),
                                    .range_first = first,
                                    .range_length = length,
                                    .body_max_bytes = length ? length : FILE_BYTES,
                                    .deadline_mono_ms = ry_mono_ms(&bench->clock.clock) + 60000,
                                    .handler = &handler,
                                    .arg = outcome};
    struct ry_http_transfer *transfer;
    struct ry_error err = {0};
    if (ry_http_start(bench->http, &get, &transfer, &err) != RY_OK)
        fail_msg("%s: %s", path, err.text);
    return transfer;
}

/* Turns the client once there is something to do. */
static void turn(struct bench *bench)
{
    struct pollfd watched = {.fd = ry_http_fd(bench->http), .events = POLLIN};
    if (poll(&watched, 1, PATIENCE_MS) != 1)
        fail_msg("nothing happened for %d ms", PATIENCE_MS);
    ry_http_ready(bench->http);
}

static void finish(struct bench *bench, struct outcome *outcome)
{
    while (!outcome->ended)
        turn(bench);
}

static void check_body(const struct outcome *outcome, size_t first, size_t length)
{
    assert_int_equal(outcome->body.n, length);
    for (size_t i = 0; i < length; i++)
        if (outcome->body.p[i] != file_byte(first + i))
            fail_msg("byte %zu is wrong", i);
}

static void forget(struct outcome *outcome)
{
    ry_buf_free(&outcome->body);
    *outcome = (struct outcome){0};
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void net_http_brings_a_range_and_its_head(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    start(bench, "ok/clip.mp4", 500, 1000, &got);
    assert_int_equal(ry_http_active(bench->http), 1);
    finish(bench, &got);
    assert_int_equal(ry_http_active(bench->http), 0);
    assert_int_equal(got.code, RY_OK);
    assert_int_equal(got.heads, 1);
    assert_int_equal(got.head.status, 206);
    assert_int_equal(got.head.length, 1000);
    assert_true(got.head.has_range);
    assert_int_equal(got.head.range.first, 500);
    assert_int_equal(got.head.range.last, 1499);
    assert_int_equal(got.head.range.total, FILE_BYTES);
    check_body(&got, 500, 1000);
    forget(&got);
}

static void net_http_tells_the_head_of_an_answer_without_body(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    start(bench, "ok/clip.mp4", FILE_BYTES, 10, &got);
    finish(bench, &got);
    assert_int_equal(got.code, RY_OK);
    assert_int_equal(got.heads, 1);
    assert_int_equal(got.head.status, 416);
    assert_true(got.head.has_range);
    assert_false(got.head.range.has_bytes);
    assert_int_equal(got.head.range.total, FILE_BYTES);
    forget(&got);
}

static void net_http_reuses_its_connection(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < 5; i++) {
        struct outcome got = {0};
        start(bench, "ok/clip.mp4", i * 100, 100, &got);
        finish(bench, &got);
        check_body(&got, i * 100, 100);
        forget(&got);
    }
    assert_int_equal(fake_stat(bench->fake, "connections"), 2); /* ours, and that of fake_stat */
    assert_int_equal(fake_stat(bench->fake, "requests"), 5);
}

static void net_http_runs_many_over_few_connections(void **state)
{
    struct bench *bench = *state;
    enum { N = 20 };
    struct outcome got[N] = {0};
    for (unsigned i = 0; i < N; i++)
        start(bench, "ok/clip.mp4", i * 1000, 1000, &got[i]);
    for (unsigned i = 0; i < N; i++) {
        finish(bench, &got[i]);
        assert_int_equal(got[i].code, RY_OK);
        check_body(&got[i], i * 1000, 1000);
        forget(&got[i]);
    }
    assert_between(fake_stat(bench->fake, "connections"), 2, 3);
}

static void net_http_follows_a_redirect_within_the_list(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    start(bench, "redirect/clip.mp4", 7, 70, &got);
    finish(bench, &got);
    assert_int_equal(got.code, RY_OK);
    assert_int_equal(got.heads, 1);
    assert_int_equal(got.head.status, 206);
    check_body(&got, 7, 70);
    forget(&got);
}

static void net_http_says_why_it_failed_and_whether_to_try_again(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *path;
        int code;
        enum ry_err_class class;
        const char *words;
    } rows[] = {
        {"cut/clip.mp4", RY_EAWAY, RY_CLASS_RETRY, "closed the connection during"},
        {"flaky/clip.mp4", RY_EAWAY, RY_CLASS_RETRY, "closed the connection without an answer"},
        {"stall/clip.mp4", RY_ETIMEOUT, RY_CLASS_RETRY, "bytes a second for 1 s"},
        {"drip/clip.mp4", RY_ETIMEOUT, RY_CLASS_RETRY, "bytes a second for 1 s"},
        {"more/clip.mp4", RY_ELIMIT, RY_CLASS_REJECT, "more than the 50000 bytes"},
        {"loop/clip.mp4", RY_EINVAL, RY_CLASS_REJECT, "more than 5 times"},
        {"away/clip.mp4", RY_EACCES, RY_CLASS_REJECT, "169.254.169.254 (http) is not among the allowed hosts"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct outcome got = {0};
        char path[64];
        (void)snprintf(path, sizeof path, "%s?hm=secret", rows[i].path);
        start(bench, path, 0, 50000, &got);
        finish(bench, &got);
        if (got.code != rows[i].code || !strstr(got.error.text, rows[i].words))
            fail_msg("%s: %s (%s)", rows[i].path, ry_err_name((enum ry_err)got.code), got.error.text);
        assert_int_equal(ry_err_class((enum ry_err)got.code), rows[i].class);
        assert_null(strstr(got.error.text, "secret"));
        assert_null(strstr(got.error.text, "clip.mp4"));
        forget(&got);
    }
}

static void net_http_tells_a_refused_connection(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    const struct ry_http_get get = {
        .url = RY_STR("http://127.0.0.1:1/x"), .deadline_mono_ms = INT64_MAX, .handler = &handler, .arg = &got};
    struct ry_http_transfer *transfer;
    struct ry_error err = {0};
    assert_int_equal(ry_http_start(bench->http, &get, &transfer, &err), RY_OK);
    finish(bench, &got);
    assert_int_equal(got.code, RY_EAWAY);
    assert_string_equal(got.error.text, "127.0.0.1:1 cannot be connected to");
    assert_int_equal(got.heads, 0);
}

static void net_http_connects_a_public_host_to_no_private_address(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    struct ry_http_transfer *transfer = start(bench, "ok/clip.mp4", 0, 10, &got);
    transfer->rank = RY_HOST_PUBLIC; /* as a name of the list that came to point here */
    finish(bench, &got);
    assert_int_equal(got.code, RY_EACCES);
    assert_non_null(strstr(got.error.text, "an address that is loopback"));
    assert_int_equal(fake_stat(bench->fake, "requests"), 0);
    forget(&got);
}

static void net_http_refuses_urls_before_it_connects(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *url;
        int code;
    } rows[] = {
        {"http://127.0.0.1/x", RY_EACCES}, /* another port */
        {"http://localhost:1/x", RY_EACCES},
        {"https://cdn.discordapp.com:8443/x", RY_EACCES},
        {"http://cdn.discordapp.com/x", RY_EACCES},
        {"https://cdn.discordapp.com.example/x", RY_EACCES},
        {"https://cdn.discordapp.com@evil.example/x", RY_EINVAL},
        {"http://user:word@127.0.0.1:1/x", RY_EINVAL},
        {"http://evil.example#@127.0.0.1:1/x", RY_EACCES},
        {"file:///etc/passwd", RY_EINVAL},
        {"gopher://127.0.0.1:1/x", RY_EINVAL},
        {"ftp://127.0.0.1:1/x", RY_EINVAL},
        {"//127.0.0.1:1/x", RY_EINVAL},
        {"127.0.0.1:1/x", RY_EINVAL},
        {"http://127.0.0.1:1\r\nHost: x/", RY_EINVAL},
        {"http://127.0.0.1:99999/", RY_EINVAL},
        {"http://", RY_EINVAL},
        {"", RY_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ry_http_get get = {
            .url = ry_str_of(rows[i].url), .deadline_mono_ms = INT64_MAX, .handler = &handler};
        struct ry_http_transfer *transfer;
        struct ry_error err = {0};
        int code = ry_http_start(bench->http, &get, &transfer, &err);
        if (code != rows[i].code)
            fail_msg("%s: %s (%s)", rows[i].url, ry_err_name((enum ry_err)code), err.text);
        assert_null(transfer);
    }
    assert_int_equal(ry_http_active(bench->http), 0);
}

static void net_http_knows_other_spellings_of_an_address(void **state)
{
    struct bench *bench = *state;
    char url[64];
    (void)snprintf(url, sizeof url, "http://0x7f.1:%u/ok/clip.mp4", fake_port(bench->fake));
    struct outcome got = {.body = ry_buf_make(FILE_BYTES)};
    const struct ry_http_get get = {.url = ry_str_of(url),
                                    .range_length = 10,
                                    .body_max_bytes = 10,
                                    .deadline_mono_ms = INT64_MAX,
                                    .handler = &handler,
                                    .arg = &got};
    struct ry_http_transfer *transfer;
    struct ry_error err = {0};
    assert_int_equal(ry_http_start(bench->http, &get, &transfer, &err), RY_OK); /* it is 127.0.0.1, on the list */
    finish(bench, &got);
    check_body(&got, 0, 10);
    forget(&got);
}

static void net_http_ends_what_is_past_its_deadline(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    start(bench, "hang/clip.mp4", 0, 10, &got);
    turn(bench);
    ry_clock_manual_advance(&bench->clock, 59999);
    ry_http_ready(bench->http);
    assert_false(got.ended);
    ry_clock_manual_advance(&bench->clock, 1);
    ry_http_ready(bench->http);
    assert_true(got.ended);
    assert_int_equal(got.code, RY_ETIMEOUT);
    assert_non_null(strstr(got.error.text, "within the time allowed"));
}

static void net_http_wakes_its_descriptor_for_a_deadline(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    start(bench, "hang/clip.mp4", 0, 10, &got);
    ry_clock_manual_advance(&bench->clock, 60000 - 50); /* 50 ms are left, and pass in truth */
    ry_http_ready(bench->http);
    assert_false(got.ended);
    ry_clock_manual_advance(&bench->clock, 50);
    finish(bench, &got);
    assert_int_equal(got.code, RY_ETIMEOUT);
}

static void net_http_stops_when_the_head_is_not_wanted(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {.head_verdict = RY_EDATA};
    start(bench, "norange/clip.mp4", 0, 10, &got);
    finish(bench, &got);
    assert_int_equal(got.code, RY_EDATA);
    assert_string_equal(got.error.text, "not wanted");
    assert_int_equal(got.head.status, 200);
    assert_int_equal(got.head.length, FILE_BYTES);
    assert_int_equal(got.body.n, 0);
    forget(&got);
}

static void net_http_ignores_a_body_that_is_not_wanted(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {.head_verdict = 1};
    start(bench, "ok/clip.mp4", 0, 2000, &got);
    finish(bench, &got);
    assert_int_equal(got.code, RY_OK);
    assert_int_equal(got.body.n, 0);
    forget(&got);
    start(bench, "ok/clip.mp4", 0, 10, &got);
    finish(bench, &got);
    assert_int_equal(fake_stat(bench->fake, "connections"), 2); /* it was kept */
    forget(&got);
}

static void net_http_notices_a_compressed_body(void **state)
{
    struct bench *bench = *state;
    struct outcome got = {0};
    start(bench, "gzip/clip.mp4", 0, 10, &got);
    finish(bench, &got);
    assert_true(got.head.encoded);
    forget(&got);
}

static void net_http_reads_retry_after(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *path;
        unsigned status;
        int64_t wait_ms;
    } rows[] = {
        {"busy/clip.mp4", 503, 7000},
        {"never/clip.mp4", 429, INT64_C(2000000000) * 1000},
        {"until/clip.mp4", 503, INT64_C(43201) * 1000},
        {"gone/clip.mp4", 404, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome got = {0};
        start(bench, rows[i].path, 0, 10, &got);
        finish(bench, &got);
        assert_int_equal(got.head.status, rows[i].status);
        assert_int_equal(got.head.retry_after_ms, rows[i].wait_ms);
        forget(&got);
    }
}

/* The fake CDN's, which scenarios rely on. */
static void net_http_meets_signatures_as_discord_has_them(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *path;
        unsigned status;
    } cases[] = {
        {"attachments/1/2/clip.mp4?ex=7fffffff&is=1&hm=ab&", 206},
        {"attachments/1/2/clip.mp4?ex=1&is=1&hm=ab&", 404},
        {"attachments/1/2/clip.mp4?ex=7fffffff", 404},
        {"attachments/1/2/clip.mp4", 404},
        {"norange/attachments/1/2/clip.mp4?ex=1", 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome got = {0};
        start(bench, cases[i].path, 0, 10, &got);
        finish(bench, &got);
        assert_int_equal(got.head.status, cases[i].status);
        forget(&got);
    }
}

static void net_http_cancels_without_a_word(void **state)
{
    struct bench *bench = *state;
    struct outcome dropped = {0};
    struct outcome got = {0};
    struct ry_http_transfer *transfer = start(bench, "hang/clip.mp4", 0, 10, &dropped);
    turn(bench);
    ry_http_cancel(&transfer);
    assert_null(transfer);
    ry_http_cancel(&transfer);
    start(bench, "ok/clip.mp4", 0, 10, &got);
    finish(bench, &got);
    assert_false(dropped.ended);
    forget(&got);
    start(bench, "hang/clip.mp4", 0, 10, &dropped); /* left to ry_http_free */
    turn(bench);
    ry_buf_free(&dropped.body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(net_http_brings_a_range_and_its_head),
        TEST(net_http_tells_the_head_of_an_answer_without_body),
        TEST(net_http_reuses_its_connection),
        TEST(net_http_runs_many_over_few_connections),
        TEST(net_http_follows_a_redirect_within_the_list),
        TEST(net_http_says_why_it_failed_and_whether_to_try_again),
        TEST(net_http_tells_a_refused_connection),
        TEST(net_http_connects_a_public_host_to_no_private_address),
        TEST(net_http_refuses_urls_before_it_connects),
        TEST(net_http_knows_other_spellings_of_an_address),
        TEST(net_http_ends_what_is_past_its_deadline),
        TEST(net_http_wakes_its_descriptor_for_a_deadline),
        TEST(net_http_stops_when_the_head_is_not_wanted),
        TEST(net_http_ignores_a_body_that_is_not_wanted),
        TEST(net_http_notices_a_compressed_body),
        TEST(net_http_reads_retry_after),
        TEST(net_http_meets_signatures_as_discord_has_them),
        TEST(net_http_cancels_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
