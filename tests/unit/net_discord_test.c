/* net_discord_test.c: Discord's client against the fake Discord, over loopback.
 *
 * Where only our own waits matter (backoff, deadlines) the clock is the test's and moves whenever nothing happens;
 * where the fake's windows matter it is the system's. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/base/buf.h"
#include "runtime/net/discord.h"
#include "tests/bed/between.h"
#include "tests/bed/fake.h"
#include "tests/bed/patience.h"

#define TOKEN     "MTA.sEcReT-bot.t0ken"
#define CHANNEL   "1424914917202464798"
#define GUILD     "1424914917202464700"
#define HOUR_MS   INT64_C(3600000)
#define CALLS_MAX 400

struct bench {
    struct fake *fake;
    unsigned pending; /* calls that have neither ended nor been cancelled */
    bool silent;      /* as in struct setup */
    struct ry_clock_manual manual;
    const struct ry_clock *clock;
    struct ry_rng rng;
    struct ry_discord *discord;
    unsigned ended; /* calls, in all */
};

/* What came of one call. */
struct outcome {
    struct bench *bench;
    bool ended;
    unsigned place; /* among those that ended, from 1 */
    int code;
    unsigned status;
    struct ry_buf body;
    struct ry_error error;
};

static void on_end(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    struct outcome *outcome = arg;
    assert_false(outcome->ended);
    assert_int_equal(code, err->code);
    outcome->ended = true;
    outcome->place = ++outcome->bench->ended;
    outcome->bench->pending--;
    outcome->code = code;
    outcome->status = status;
    outcome->error = *err;
    outcome->body = ry_buf_make(RY_DISCORD_BODY_MAX_BYTES);
    if (body.p)
        assert_int_equal(ry_buf_add_str(&outcome->body, body), RY_OK);
    if (code != RY_OK)
        assert_null(strstr(err->text, TOKEN)); /* whatever went wrong */
}

/* ---- the bench --------------------------------------------------------------------------------------------------- */

struct setup {
    const char *fake[12]; /* further arguments of the fake */
    const char *base;     /* printf format with the fake's port; NULL: the usual */
    const char *token;    /* NULL: the right one */
    unsigned invalid_max;
    bool real_time;
    bool silent; /* no answer comes, so none is awaited */
};

static void open_bench(struct bench *bench, const struct setup *setup)
{
    const char *arguments[16] = {"--token", TOKEN};
    for (size_t i = 0; i < 12 && setup->fake[i]; i++)
        arguments[i + 2] = setup->fake[i];
    *bench = (struct bench){.fake = fake_start_with("discord", arguments), .rng = {7}, .silent = setup->silent};
    ry_clock_manual_init(&bench->manual, 0);
    bench->manual.now_mono_ms = 1000000;
    bench->clock = setup->real_time ? ry_clock_system() : &bench->manual.clock;
    char base[128];
    (void)snprintf(base, sizeof base, "http://127.0.0.1:%u%s", fake_port(bench->fake),
                   setup->base ? setup->base : "/api/v10");
    struct ry_discord_options options = {.clock = bench->clock,
                                         .rng = &bench->rng,
                                         .base = base,
                                         .token = setup->token ? setup->token : TOKEN,
                                         .connect_timeout_ms = 5000,
                                         .answer_timeout_ms = 10000,
                                         .invalid_max = setup->invalid_max};
    struct ry_error err;
    assert_int_equal(ry_discord_new(&bench->discord, &options, &err), RY_OK);
}

static void close_bench(struct bench *bench)
{
    ry_discord_free(&bench->discord);
    fake_stop(bench->fake);
}

static struct ry_discord_call *start(struct bench *bench, struct outcome *outcome, enum ry_discord_method method,
                                     const char *route, const char *path, const char *json, int64_t within_ms)
{
    *outcome = (struct outcome){.bench = bench};
    struct ry_discord_ask ask = {.method = method,
                                 .route = route,
                                 .path = path,
                                 .json = ry_str_of(json),
                                 .deadline_mono_ms = ry_mono_ms(bench->clock) + within_ms,
                                 .on_end = on_end,
                                 .arg = outcome};
    struct ry_discord_call *call;
    struct ry_error err;
    assert_int_equal(ry_discord_start(bench->discord, &ask, &call, &err), RY_OK);
    bench->pending++;
    return call;
}

static struct ry_discord_call *get(struct bench *bench, struct outcome *outcome, const char *path, int64_t within_ms)
{
    char route[128];
    (void)snprintf(route, sizeof route, "%.*s", (int)strcspn(path, "?"), path);
    return start(bench, outcome, RY_DISCORD_GET, route, path, NULL, within_ms);
}

/* Runs until so many calls have ended. The test's clock goes on by leaps while nothing happens and no answer is awaited,
 * for which the fake may take as long as it wants; and a little all the same: the client's timers are real, so one that
 * waits for less than a poll would ring for ever before a clock that stands. */
static void run(struct bench *bench, unsigned ended)
{
    struct pollfd pfd = {.fd = ry_discord_fd(bench->discord), .events = POLLIN};
    int64_t until_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    while (bench->ended < ended) {
        if (ry_mono_ms(ry_clock_system()) > until_ms)
            fail_msg("%u of %u calls have ended", bench->ended, ended);
        bool idle = bench->silent || ry_discord_figures(bench->discord).waiting == bench->pending;
        ry_clock_manual_advance(&bench->manual, poll(&pfd, 1, 10) == 0 && idle ? 250 : 1);
        ry_discord_ready(bench->discord);
    }
}

/* One GET until its end; the body is freed by the caller. */
static void fetch(struct bench *bench, struct outcome *outcome, const char *path)
{
    get(bench, outcome, path, HOUR_MS);
    run(bench, bench->ended + 1);
}

static void free_all(struct outcome *outcomes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ry_buf_free(&outcomes[i].body);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void net_discord_brings_bodies(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){0});
    struct outcome outcome;
    fetch(&bench, &outcome, "/channels/" CHANNEL "/messages?limit=2");
    assert_int_equal(outcome.code, RY_OK);
    assert_int_equal(outcome.status, 200);
    assert_non_null(strstr(ry_buf_cstr(&outcome.body), "\"channel_id\": \"" CHANNEL "\""));
    ry_buf_free(&outcome.body);
    start(&bench, &outcome, RY_DISCORD_POST, "/attachments/refresh-urls", "/attachments/refresh-urls",
          "{\"attachment_urls\": [\"http://127.0.0.1:1/attachments/1/2/a.mp4?ex=1\"]}", HOUR_MS);
    run(&bench, 2);
    assert_int_equal(outcome.status, 200);
    assert_non_null(
        strstr(ry_buf_cstr(&outcome.body), "\"refreshed\": \"http://127.0.0.1:1/attachments/1/2/a.mp4?ex="));
    ry_buf_free(&outcome.body);
    start(&bench, &outcome, RY_DISCORD_DELETE, "/users/@me/guilds/:id", "/users/@me/guilds/" GUILD, NULL, HOUR_MS);
    run(&bench, 3);
    assert_int_equal(outcome.status, 204);
    assert_int_equal(outcome.body.n, 0);
    ry_buf_free(&outcome.body);
    assert_int_equal(fake_stat(bench.fake, "leave"), 1);
    close_bench(&bench);
}

static void net_discord_ends_at_answers_that_will_not_change(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *token;
        int code;
        unsigned status;
        const char *text;
    } cases[] = {
        {"/channels/" CHANNEL "/messages/5", NULL, RY_ENOENT, 404, "answered 404: Unknown Message (code 10008)"},
        {"/channels/77/messages", NULL, RY_EACCES, 403, "answered 403: Missing Permissions (code 50013)"},
        {"/channels/" CHANNEL "/messages?limit=101", NULL, RY_EINVAL, 400, "answered 400: Invalid Form Body"},
        {"/channels/" CHANNEL, "wrong", RY_ECONFIG, 401, "rejects the bot token (401); set BOT_TOKEN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench;
        open_bench(&bench, &(struct setup){.token = cases[i].token,
                                           .fake = {"--channel", CHANNEL, "--channel", "77", "--forbidden", "77"}});
        struct outcome outcome;
        fetch(&bench, &outcome, cases[i].path);
        assert_int_equal(outcome.code, cases[i].code);
        assert_int_equal(outcome.status, cases[i].status);
        if (!strstr(outcome.error.text, cases[i].text))
            fail_msg("%s: %s", cases[i].path, outcome.error.text);
        assert_true(outcome.body.n > 0);
        assert_int_equal(fake_stat(bench.fake, "requests"), 1);
        assert_int_equal(ry_discord_figures(bench.discord).invalid, cases[i].status == 401 || cases[i].status == 403);
        ry_buf_free(&outcome.body);
        close_bench(&bench);
    }
}

static void net_discord_does_not_follow_a_redirect(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.base = "/fake/redirect"});
    struct outcome outcome;
    fetch(&bench, &outcome, "/channels/" CHANNEL);
    assert_int_equal(outcome.code, RY_EINVAL);
    assert_int_equal(outcome.status, 302);
    assert_int_equal(fake_stat(bench.fake, "requests"), 0);
    ry_buf_free(&outcome.body);
    close_bench(&bench);
}

static void net_discord_never_repeats_the_token_that_an_answer_echoes(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.base = "/fake/echo"});
    struct outcome outcome;
    fetch(&bench, &outcome, "/channels/" CHANNEL);
    assert_int_equal(outcome.code, RY_EINVAL);
    assert_non_null(strstr(ry_buf_cstr(&outcome.body), TOKEN)); /* the fake did */
    assert_non_null(strstr(outcome.error.text, "answered 418"));
    ry_buf_free(&outcome.body);
    close_bench(&bench);
}

/* ---- bad days ---------------------------------------------------------------------------------------------------- */

static void net_discord_gets_everything_on_a_bad_day(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        const char *scope;
        const char *counter;
    } cases[] = {
        {"--fault-500", "user", "server_errors"}, {"--fault-truncate", "user", "truncated"},
        {"--fault-close", "user", "closed"},      {"--fault-429", "user", "limited"},
        {"--fault-429", "shared", "limited"},     {"--fault-429", "global", "limited"},
        {"--fault-429", "mix", "limited"},
    };
    enum { CALLS = 24 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench;
        open_bench(&bench, &(struct setup){.fake = {cases[i].fault, "30", "--fault-scope", cases[i].scope}});
        struct outcome outcomes[CALLS];
        for (size_t k = 0; k < CALLS; k++)
            get(&bench, &outcomes[k], "/channels/" CHANNEL "/messages?limit=3", HOUR_MS);
        run(&bench, CALLS);
        for (size_t k = 0; k < CALLS; k++) {
            if (outcomes[k].code != RY_OK)
                fail_msg("%s %s: %s", cases[i].fault, cases[i].scope, outcomes[k].error.text);
            assert_int_equal(outcomes[k].body.n, outcomes[0].body.n); /* no half of one */
        }
        struct ry_discord_figures figures = ry_discord_figures(bench.discord);
        uint64_t faults = fake_stat(bench.fake, cases[i].counter);
        assert_true(faults > 0);
        /* On a connection used before, curl repeats a request that nobody answered of its own accord. */
        assert_true(figures.retried >= faults || strcmp(cases[i].counter, "closed") == 0);
        bool shared = strcmp(cases[i].scope, "shared") == 0;
        if (strcmp(cases[i].counter, "limited") == 0) {
            assert_int_equal(figures.limited, faults);
            assert_true(figures.invalid <= faults && (shared ? figures.invalid == 0 : figures.invalid > 0));
        }
        free_all(outcomes, CALLS);
        close_bench(&bench);
    }
}

/* Until so many answers were 429. */
static void await_limited(struct bench *bench, uint64_t n)
{
    struct pollfd pfd = {.fd = ry_discord_fd(bench->discord), .events = POLLIN};
    while (ry_discord_figures(bench->discord).limited < n) {
        assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
        ry_discord_ready(bench->discord);
    }
}

static void net_discord_waits_as_long_as_a_429_asks(void **state)
{
    (void)state;
    static const struct {
        const char *scope;
        bool holds_all;
    } cases[] = {{"user", false}, {"shared", false}, {"global", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench;
        open_bench(&bench, &(struct setup){.fake = {"--fault-429", "100", "--fault-scope", cases[i].scope,
                                                    "--fault-retry-after-ms", "7200500"}});
        struct outcome first;
        struct outcome other;
        get(&bench, &first, "/channels/" CHANNEL, HOUR_MS);
        await_limited(&bench, 1);
        get(&bench, &other, "/guilds/" GUILD, HOUR_MS / 2);
        ry_discord_ready(bench.discord);
        await_limited(&bench, cases[i].holds_all ? 1 : 2);
        ry_clock_manual_advance(&bench.manual, HOUR_MS / 2);
        run(&bench, 1);
        assert_true(other.ended && !first.ended);
        ry_clock_manual_advance(&bench.manual, HOUR_MS / 2);
        run(&bench, 2);
        assert_int_equal(first.code, RY_ETIMEOUT);
        assert_non_null(strstr(first.error.text, "asked to wait 7200.5 s"));
        assert_int_equal(other.code, RY_ETIMEOUT);
        assert_int_equal(fake_stat(bench.fake, "requests"), cases[i].holds_all ? 1 : 2);
        if (cases[i].holds_all)
            assert_non_null(strstr(other.error.text, "Discord asked to wait with all calls (global 429)"));
        close_bench(&bench);
    }
}

static void net_discord_goes_on_when_discord_is_back(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.real_time = true});
    assert_int_equal(fake_ask(bench.fake, "POST", "/fake/down?ms=200", NULL, 0), 200);
    struct outcome outcome;
    fetch(&bench, &outcome, "/channels/" CHANNEL);
    assert_int_equal(outcome.code, RY_OK);
    assert_true(ry_discord_figures(bench.discord).retried > 0);
    ry_buf_free(&outcome.body);
    close_bench(&bench);
}

static void net_discord_tells_at_the_deadline_what_it_met(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        int code;
        const char *text;
    } cases[] = {
        {"--fault-500", RY_EAWAY, "answered 50"},
        {"--fault-close", RY_EAWAY, "closed the connection without an answer"},
        {"--fault-truncate", RY_EAWAY, "closed the connection during its answer"},
        {"--fault-429", RY_ETIMEOUT, "answered 429 (limit of this bot)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench;
        open_bench(&bench, &(struct setup){.fake = {cases[i].fault, "100"}});
        struct outcome outcome;
        get(&bench, &outcome, "/channels/" CHANNEL, 20000);
        run(&bench, 1);
        if (outcome.code != cases[i].code || !strstr(outcome.error.text, cases[i].text))
            fail_msg("%s: %d, %s", cases[i].fault, outcome.code, outcome.error.text);
        assert_int_equal(outcome.status, 0);
        uint64_t tries = fake_stat(bench.fake, "requests");
        assert_true(tries > 2);
        if (i < 3)
            assert_true(tries < 20); /* the waits grow */
        close_bench(&bench);
    }
}

static void net_discord_gives_up_an_answer_that_does_not_come(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.fake = {"--latency-ms", "3600000"}, .silent = true});
    struct outcome outcome;
    get(&bench, &outcome, "/channels/" CHANNEL, 15000);
    run(&bench, 1);
    assert_int_equal(outcome.code, RY_ETIMEOUT);
    assert_non_null(strstr(outcome.error.text, "did not answer within the time allowed"));
    assert_int_equal(ry_discord_figures(bench.discord).requests, 2); /* the first was given up after 10 s */
    close_bench(&bench);
}

static void net_discord_brakes_at_too_many_refusals(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.invalid_max = 5, .fake = {"--forbidden", CHANNEL, "--channel", CHANNEL}});
    struct outcome outcomes[8];
    for (size_t i = 0; i < 8; i++)
        get(&bench, &outcomes[i], "/channels/" CHANNEL, 20000);
    run(&bench, 8);
    size_t refused = 0;
    for (size_t i = 0; i < 8; i++) {
        refused += outcomes[i].code == RY_EACCES;
        if (outcomes[i].code != RY_EACCES)
            assert_non_null(strstr(outcomes[i].error.text, "too many answers of 401, 403 and 429"));
    }
    assert_int_equal(refused, 5);
    assert_int_equal(fake_stat(bench.fake, "requests"), 5);
    free_all(outcomes, 8);
    close_bench(&bench);
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

static void net_discord_sends_nothing_into_an_empty_bucket(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.real_time = true,
                                       .fake = {"--bucket-limit", "5", "--bucket-window-ms", "60", "--latency-ms", "3",
                                                "--global-per-second", "50", "--channels", "3"}});
    static struct outcome outcomes[CALLS_MAX];
    enum { CALLS = 120 };
    for (size_t i = 0; i < CALLS; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/channels/%llu/messages?limit=2", 1424914917202464798ull + i % 3 * 1000003);
        get(&bench, &outcomes[i], path, HOUR_MS);
    }
    run(&bench, CALLS);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(outcomes[i].code, RY_OK);
    assert_int_equal(fake_stat(bench.fake, "violations"), 0);
    assert_int_equal(fake_stat(bench.fake, "limited"), 0);
    assert_int_equal(fake_stat(bench.fake, "requests"), CALLS);
    assert_true(fake_stat(bench.fake, "per_second_max") <= 50);
    assert_int_equal(ry_discord_figures(bench.discord).buckets, 3);
    free_all(outcomes, CALLS);
    close_bench(&bench);
}

static void net_discord_keeps_its_connections(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){0});
    static struct outcome outcomes[CALLS_MAX];
    enum { CALLS = 200 };
    for (size_t i = 0; i < CALLS; i++)
        get(&bench, &outcomes[i], "/channels/" CHANNEL, HOUR_MS);
    run(&bench, CALLS);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(outcomes[i].code, RY_OK);
    struct ry_discord_figures figures = ry_discord_figures(bench.discord);
    assert_int_equal(figures.requests, CALLS);
    assert_between(figures.connections, 1, 6);
    assert_between(fake_stat(bench.fake, "connections"), figures.connections, 7); /* one asks for the number */
    free_all(outcomes, CALLS);
    close_bench(&bench);
}

static void net_discord_keeps_the_order_of_a_bucket(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.real_time = true, .fake = {"--bucket-limit", "1", "--bucket-window-ms", "5"}});
    struct outcome outcomes[20];
    for (size_t i = 0; i < 20; i++)
        start(&bench, &outcomes[i], RY_DISCORD_GET, "/channels/" CHANNEL "/messages",
              "/channels/" CHANNEL "/messages?limit=1", NULL, HOUR_MS);
    run(&bench, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(outcomes[i].place, i + 1);
    free_all(outcomes, 20);
    close_bench(&bench);
}

static void net_discord_cancels_without_a_word(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct setup){.fake = {"--latency-ms", "20"}});
    struct outcome outcomes[3];
    struct ry_discord_call *calls[3];
    for (size_t i = 0; i < 3; i++)
        calls[i] = get(&bench, &outcomes[i], "/channels/" CHANNEL, HOUR_MS);
    while (ry_discord_figures(bench.discord).requests == 0)
        ry_discord_ready(bench.discord);
    ry_discord_cancel(&calls[0]); /* under way */
    ry_discord_cancel(&calls[1]); /* waiting */
    bench.pending -= 2;
    assert_null(calls[0]);
    ry_discord_cancel(&calls[0]);
    run(&bench, 1);
    assert_true(outcomes[2].ended && !outcomes[0].ended && !outcomes[1].ended);
    ry_buf_free(&outcomes[2].body);
    get(&bench, &outcomes[0], "/channels/" CHANNEL, HOUR_MS);
    close_bench(&bench); /* ends it without a word too */
    assert_false(outcomes[0].ended);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void net_discord_refuses_options_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *base;
        const char *token;
        const char *text;
    } cases[] = {
        {"ftp://discord.com/api", TOKEN, "not a URL that begins with https://"},
        {"discord.com/api", TOKEN, "not a URL that begins with https://"},
        {"https://user@discord.com/api", TOKEN, "no user, query or fragment"},
        {"https://discord.com/api?x=1", TOKEN, "no user, query or fragment"},
        {"https://discord.com/api", TOKEN "\r\nX: y", "the bot token holds"},
        {"https://discord.com/api", TOKEN " ", "the bot token holds"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_rng rng = {1};
        struct ry_discord_options options = {
            .clock = ry_clock_system(), .rng = &rng, .base = cases[i].base, .token = cases[i].token};
        struct ry_discord *discord;
        struct ry_error err;
        assert_int_equal(ry_discord_new(&discord, &options, &err), RY_ECONFIG);
        assert_null(discord);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_null(strstr(err.text, TOKEN));
    }
}

static void net_discord_refuses_calls_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        const char *path;
        int code;
    } cases[] = {
        {"", "/channels/1", RY_ECONFIG},
        {TOKEN, "channels/1", RY_EINVAL},
        {TOKEN, "@evil.example/", RY_EINVAL},
        {TOKEN, "/channels/1/../../x", RY_EINVAL},
        {TOKEN, "/channels/1 HTTP/1.1", RY_EINVAL},
        {TOKEN, "/channels/1\r\n", RY_EINVAL},
        {TOKEN, "/channels/1#x", RY_EINVAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_rng rng = {1};
        struct ry_discord_options options = {.clock = ry_clock_system(),
                                             .rng = &rng,
                                             .base = "https://discord.com/api/v10/",
                                             .token = cases[i].token,
                                             .connect_timeout_ms = 1000,
                                             .answer_timeout_ms = 1000};
        struct ry_discord *discord;
        struct ry_discord_call *call;
        struct ry_error err;
        assert_int_equal(ry_discord_new(&discord, &options, &err), RY_OK);
        struct ry_discord_ask ask = {.route = "/channels/1", .path = cases[i].path, .on_end = on_end};
        assert_int_equal(ry_discord_start(discord, &ask, &call, &err), cases[i].code);
        assert_null(call);
        ry_discord_free(&discord);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(net_discord_brings_bodies),
        cmocka_unit_test(net_discord_ends_at_answers_that_will_not_change),
        cmocka_unit_test(net_discord_does_not_follow_a_redirect),
        cmocka_unit_test(net_discord_never_repeats_the_token_that_an_answer_echoes),
        cmocka_unit_test(net_discord_gets_everything_on_a_bad_day),
        cmocka_unit_test(net_discord_waits_as_long_as_a_429_asks),
        cmocka_unit_test(net_discord_goes_on_when_discord_is_back),
        cmocka_unit_test(net_discord_tells_at_the_deadline_what_it_met),
        cmocka_unit_test(net_discord_gives_up_an_answer_that_does_not_come),
        cmocka_unit_test(net_discord_brakes_at_too_many_refusals),
        cmocka_unit_test(net_discord_sends_nothing_into_an_empty_bucket),
        cmocka_unit_test(net_discord_keeps_its_connections),
        cmocka_unit_test(net_discord_keeps_the_order_of_a_bucket),
        cmocka_unit_test(net_discord_cancels_without_a_word),
        cmocka_unit_test(net_discord_refuses_options_that_cannot_be),
        cmocka_unit_test(net_discord_refuses_calls_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
