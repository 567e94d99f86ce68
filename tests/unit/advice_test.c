/* Claims about the advice: made-up samples of a node, of which it is known what holds it up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/advice/advice.h"
#include "runtime/stats/stats.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SECONDS      10
#define SAMPLES      3

/* ---- made-up nodes ----------------------------------------------------------------------------------------------- */

/* What a role did in the ten seconds. */
struct course {
    enum ry_role role;
    unsigned instances;
    double utilisation;
    unsigned done;   /* by its instances */
    unsigned others; /* by those of other nodes */
    unsigned queued; /* at every sample.. */
    unsigned growth; /* ..but the last, which has so many more */
    unsigned held;
    unsigned capacity;
};

struct story {
    const char *name;
    struct course courses[5];
    struct ry_advice_setting setting;
    double db_share; /* of the writer's busy time, in 100 transactions */
    enum ry_advice_limit limit;
    enum ry_role bottleneck;
    unsigned wanted;
    const char *says; /* part of a sentence */
};

static void play(const struct story *story, struct ry_advice_sample samples[SAMPLES])
{
    memset(samples, 0, SAMPLES * sizeof *samples);
    for (unsigned s = 0; s < SAMPLES; s++) {
        struct ry_advice_sample *sample = &samples[s];
        sample->uptime_ms = 77000 + s * SECONDS * 1000 / (SAMPLES - 1);
        sample->transactions = 5000 + 100 * s / (SAMPLES - 1);
        for (size_t i = 0; i < COUNT(story->courses) && story->courses[i].role; i++) {
            const struct course *course = &story->courses[i];
            unsigned queued = course->queued + (s == SAMPLES - 1 ? course->growth : 0);
            double busy_ms = course->utilisation * course->instances * SECONDS * 1000 * s / (SAMPLES - 1);
            sample->roles[course->role] = (struct ry_advice_mark){
                .queued = queued,
                .held = course->held,
                .oldest_ms = queued ? 1500 : 0,
                .instances = course->instances,
                .capacity = course->capacity,
                .accepted = 900 + queued + course->held + (course->done + course->others) * s / (SAMPLES - 1),
                .done = 400 + course->done * s / (SAMPLES - 1),
                .busy_ms = 123000 + (uint64_t)llround(busy_ms),
            };
            if (course->role == RY_ROLE_WRITER)
                sample->transactions_us = (uint64_t)llround(busy_ms * 1000 * story->db_share);
        }
    }
}

static bool says(const struct ry_advice *advice, const char *part)
{
    for (size_t i = 0; i < advice->sentence_count; i++)
        if (strstr(advice->sentences[i], part))
            return true;
    return false;
}

#define ROOMY \
    { \
        .cpus = 16, .cpus_busy = 3, .clip_window = 16 \
    }
#define REMOTE \
    { \
        .cpus = 16, .cpus_busy = 3, .clip_window = 16, .remote = { [RY_ROLE_ENCODER] = 3 } \
    }
#define PG \
    { \
        .cpus = 16, .cpus_busy = 3, .clip_window = 16, .postgres = true \
    }

static const struct story stories[] = {
    {.name = "nothing goes on",
     .courses = {{.role = RY_ROLE_ENCODER, .instances = 2, .utilisation = 0.01, .done = 3},
                 {.role = RY_ROLE_WRITER, .instances = 1, .utilisation = 0.02, .done = 9}},
     .setting = ROOMY,
     .limit = RY_LIMIT_TOO_LITTLE,
     .says = "Not enough load"},
    {.name = "one encoder at its limit: its load of 0.95 instances over 0.7 makes two",
     .courses = {{RY_ROLE_ENCODER, 1, 0.95, 190, .queued = 10, .held = 1},
                 {.role = RY_ROLE_WRITER, .instances = 1, .utilisation = 0.2, .done = 400}},
     .setting = ROOMY,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 2,
     .says = "the writer is next, 20% busy: it would reach 70% at 3.5 times"},
    {.name = "two encoders always busy: 2 / 0.7 makes three",
     .courses = {{RY_ROLE_ENCODER, 2, 1, 200, .queued = 10, .held = 2}},
     .setting = ROOMY,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 3,
     .says = "100% busy, takes 100.0 ms for each mail and so cannot do more than 20.0 a second"},
    {.name = "and 50 mails more than they could do, of 0.1 s each, make four",
     .courses = {{RY_ROLE_ENCODER, 2, 1, 200, .growth = 50, .held = 2}},
     .setting = ROOMY,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 4},
    {.name = "no more are wanted than a command takes",
     .courses = {{RY_ROLE_ENCODER, 1, 1, 10, .growth = 1000000, .held = 1}},
     .setting = {.clip_window = 16},
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 256},
    {.name = "exactly at the target one more is asked for",
     .courses = {{.role = RY_ROLE_SCANNER, .instances = 3, .utilisation = 0.7, .done = 60}},
     .setting = ROOMY,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_SCANNER,
     .wanted = 4},
    {.name = "a little below it none is",
     .courses = {{.role = RY_ROLE_SCANNER, .instances = 3, .utilisation = 0.69, .done = 60}},
     .setting = ROOMY,
     .limit = RY_LIMIT_NONE,
     .says = "keeps up"},
    {.name = "instances of other nodes count: 2 + 30/s * 0.1 s over 0.7 is eight, of which they have three",
     .courses = {{RY_ROLE_ENCODER, 2, 1, 200, .others = 300, .queued = 10, .held = 5}},
     .setting = REMOTE,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 5,
     .says = "3 instances of other nodes do 30.0 a second"},
    {.name = "no CPU is idle: more instances here do not help",
     .courses = {{RY_ROLE_ENCODER, 2, 0.97, 200, .queued = 10, .held = 2}},
     .setting = {.cpus = 2, .cpus_busy = 1.9, .clip_window = 16},
     .limit = RY_LIMIT_CPUS,
     .bottleneck = RY_ROLE_ENCODER,
     .says = "Another host would help: `reelyard run --roles encoder`"},
    {.name = "one CPU is idle: one of the two that are wanted has room",
     .courses = {{RY_ROLE_ENCODER, 4, 1, 200, .queued = 10, .held = 4}},
     .setting = {.cpus = 8, .cpus_busy = 6.8, .clip_window = 16},
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 5,
     .says = "6 would bring it to 70%, but only 1.2 CPUs are idle"},
    {.name = "no CPU is idle for a scanner, whose jobs a whole node must share",
     .courses = {{RY_ROLE_SCANNER, 1, 0.8, 200, .queued = 2, .held = 2}},
     .setting = {.cpus = 2, .cpus_busy = 2, .clip_window = 16},
     .limit = RY_LIMIT_CPUS,
     .bottleneck = RY_ROLE_SCANNER,
     .says = "a whole node there"},
    {.name = "no role is busy alone, but together they use the CPUs up",
     .courses = {{RY_ROLE_ENCODER, 2, 0.6, 200, .queued = 2, .held = 2}, {RY_ROLE_STORAGE, 2, 0.5, 200, .held = 2}},
     .setting = {.cpus = 4, .cpus_busy = 4, .clip_window = 16},
     .limit = RY_LIMIT_CPUS},
    {.name = "of two that are about as busy the one with work before it",
     .courses = {{RY_ROLE_DOWNLOADER, 1, 0.99, 200, .held = 8},
                 {RY_ROLE_ENCODER, 1, 0.97, 200, .queued = 7, .held = 1}},
     .setting = ROOMY,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 2,
     .says = "The downloader is next: it is 99% busy too"},
    {.name = "the writer waits for PostgreSQL",
     .courses = {{RY_ROLE_WRITER, 1, 0.9, 500, .queued = 20, .held = 4}},
     .setting = PG,
     .db_share = 0.8,
     .limit = RY_LIMIT_DATABASE,
     .bottleneck = RY_ROLE_WRITER,
     .says = "80% of the writer's time goes into waiting for PostgreSQL, 72.0 ms for each transaction"},
    {.name = "the writer is busy with its own work: a second one helps",
     .courses = {{RY_ROLE_WRITER, 1, 0.9, 500, .queued = 20, .held = 4}},
     .setting = PG,
     .db_share = 0.2,
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_WRITER,
     .wanted = 2},
    {.name = "SQLite has one writer",
     .courses = {{RY_ROLE_WRITER, 1, 0.9, 500, .queued = 20, .held = 4}},
     .setting = ROOMY,
     .db_share = 0.3,
     .limit = RY_LIMIT_DATABASE,
     .bottleneck = RY_ROLE_WRITER,
     .says = "SQLite takes one writer at a time"},
    {.name = "clips wait for bytes while the encoders have nothing to do",
     .courses = {{RY_ROLE_DOWNLOADER, 1, 0.1, 40, .held = 15, .capacity = 16},
                 {RY_ROLE_ENCODER, 2, 0.2, 60, .held = 1}},
     .setting = ROOMY,
     .limit = RY_LIMIT_NETWORK,
     .says = "14.0 of 15.0 clips in progress wait for bytes"},
    {.name = "others use the CPUs up, but it is bytes that clips wait for",
     .courses = {{RY_ROLE_DOWNLOADER, 1, 0.1, 40, .held = 15, .capacity = 16},
                 {RY_ROLE_ENCODER, 2, 0.2, 60, .held = 1}},
     .setting = {.cpus = 2, .cpus_busy = 2, .clip_window = 16},
     .limit = RY_LIMIT_NETWORK},
    {.name = "with the window full a larger one is named, with full downloaders one more",
     .courses = {{RY_ROLE_DOWNLOADER, 1, 0.1, 40, .held = 15, .capacity = 16},
                 {RY_ROLE_ENCODER, 2, 0.2, 60, .held = 1}},
     .setting = ROOMY,
     .limit = RY_LIMIT_NETWORK,
     .says = "--downloader 2"},
    {.name = "a window smaller than the number of encoders",
     .courses = {{RY_ROLE_DOWNLOADER, 1, 0.1, 40, .held = 2, .capacity = 16}, {RY_ROLE_ENCODER, 4, 0.4, 60, .held = 2}},
     .setting = {.cpus = 16, .cpus_busy = 3, .clip_window = 2},
     .limit = RY_LIMIT_CLIP_WINDOW,
     .says = "--clip-window 4"},
    {.name = "jobs wait in the scanner, and not for the writer",
     .courses = {{RY_ROLE_SCANNER, 1, 0.05, 3, .held = 2},
                 {.role = RY_ROLE_WRITER, .instances = 1, .utilisation = 0.03, .done = 9}},
     .setting = ROOMY,
     .limit = RY_LIMIT_DISCORD,
     .says = "rate limit"},
    {.name = "jobs wait in the scanner for the writer",
     .courses = {{RY_ROLE_SCANNER, 1, 0.05, 30, .held = 2}, {RY_ROLE_WRITER, 1, 0.4, 90, .held = 2}},
     .setting = ROOMY,
     .limit = RY_LIMIT_NONE},
    {.name = "nobody has the role that mail waits for",
     .courses = {{RY_ROLE_ENCODER, 0, 0, 0, .queued = 6}, {RY_ROLE_DOWNLOADER, 1, 0, 0, .held = 6}},
     .setting = ROOMY,
     .limit = RY_LIMIT_NOBODY,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 1,
     .says = "6 mails are queued for the encoder, which has no instance"},
    {.name = "too few mails of a busy role tell nothing",
     .courses = {{RY_ROLE_ENCODER, 1, 0.9, 4, .queued = 6, .held = 1}},
     .setting = ROOMY,
     .limit = RY_LIMIT_TOO_LITTLE,
     .says = "--seconds"},
    {.name = "the node keeps up, and it is told how far it would",
     .courses = {{.role = RY_ROLE_ENCODER, .instances = 2, .utilisation = 0.35, .done = 100},
                 {.role = RY_ROLE_WRITER, .instances = 1, .utilisation = 0.2, .done = 100}},
     .setting = ROOMY,
     .limit = RY_LIMIT_NONE,
     .says = "2.0 times the work"},
    {.name = "without knowing the CPUs instances are not capped",
     .courses = {{RY_ROLE_ENCODER, 4, 1, 200, .queued = 10, .held = 4}},
     .setting = {.clip_window = 16},
     .limit = RY_LIMIT_INSTANCES,
     .bottleneck = RY_ROLE_ENCODER,
     .wanted = 6},
};

static void limit_is_named_for_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct ry_advice_sample samples[SAMPLES];
        struct ry_advice advice;
        play(story, samples);
        assert_int_equal(ry_advise(samples, SAMPLES, &story->setting, &advice, NULL), RY_OK);
        if (advice.limit != story->limit || advice.bottleneck != story->bottleneck || advice.wanted != story->wanted)
            fail_msg("%s: limit %s, bottleneck %s, wanted %u: %s", story->name, ry_advice_limit_name(advice.limit),
                     ry_role_name(advice.bottleneck), advice.wanted, advice.sentences[0]);
        if (advice.sentence_count == 0 || (story->says && !says(&advice, story->says)))
            fail_msg("%s: does not say \"%s\": %s %s %s", story->name, story->says, advice.sentences[0],
                     advice.sentences[1], advice.sentences[2]);
    }
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static void assert_about(double value, double wished)
{
    if (fabs(value - wished) > 1e-6)
        fail_msg("%f is not %f", value, wished);
}

static void figures_follow_the_two_laws(void **state)
{
    (void)state;
    /* 100 mails in 10 s, 5 s of work by 2 instances; 4 wait at a time. */
    const struct story story = {.courses = {{RY_ROLE_ENCODER, 2, 0.25, 100, .queued = 4, .held = 2, .capacity = 2}},
                                .setting = ROOMY};
    struct ry_advice_sample samples[SAMPLES];
    struct ry_advice advice;
    play(&story, samples);
    assert_int_equal(ry_advise(samples, SAMPLES, &story.setting, &advice, NULL), RY_OK);
    const struct ry_advice_role *encoder = &advice.roles[RY_ROLE_ENCODER];
    assert_about(advice.seconds, SECONDS);
    assert_about(encoder->instances, 2);
    assert_about(encoder->done_per_s, 10);
    assert_about(encoder->service_ms, 50);
    assert_about(encoder->utilisation, 0.25); /* X * S / n = 10/s * 0.05 s / 2 */
    assert_about(encoder->most_per_s, 40);    /* n / S */
    assert_about(encoder->waiting, 4);
    assert_about(encoder->wait_ms, 400); /* L / X = 4 / (10/s) */
    assert_about(encoder->held, 2);
    assert_about(encoder->remote_done_per_s, 0);
    assert_int_equal(encoder->oldest_ms, 1500);
}

static void node_that_started_anew_is_not_judged(void **state)
{
    (void)state;
    struct ry_advice_sample samples[SAMPLES];
    struct ry_advice advice;
    struct ry_error err = {0};
    play(&stories[1], samples);
    samples[2].uptime_ms = 1000;
    assert_int_equal(ry_advise(samples, SAMPLES, &stories[1].setting, &advice, &err), RY_EINVAL);
    assert_non_null(strstr(err.text, "was restarted"));
    assert_int_equal(ry_advise(samples, 1, &stories[1].setting, &advice, &err), RY_EINVAL);
}

static void sample_has_what_the_router_says(void **state)
{
    (void)state;
    struct ry_role_state roles[] = {
        {.role = RY_STR("encoder"),
         .queued = 1,
         .held = 2,
         .oldest_ms = 3,
         .instances = 4,
         .capacity = 5,
         .accepted = 6,
         .done = 7,
         .busy_ms = 8},
        {.role = RY_STR("painter"), .queued = 9}, /* of a newer router */
    };
    struct ry_stats stats = {.counters = {0}};
    ry_stats_observe(&stats, RY_HISTOGRAM_db_transaction, 0.003);
    ry_stats_observe(&stats, RY_HISTOGRAM_db_transaction, 100);
    ry_stats_observe(&stats, RY_HISTOGRAM_db_ping, 1);
    struct ry_counter_value values[RY_STATS_FLAT + 1];
    for (size_t i = 0; i < RY_STATS_FLAT; i++)
        values[i] = (struct ry_counter_value){.index = i, .value = *ry_stats_at(&stats, i)};
    values[RY_STATS_FLAT] = (struct ry_counter_value){.index = 4095, .value = 1};
    const struct ry_node_state node = {
        .uptime_ms = 1234, .roles = {roles, COUNT(roles)}, .counters = {values, COUNT(values)}};
    struct ry_advice_sample sample;
    ry_advice_sample(&node, &sample);
    const struct ry_advice_mark wished = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(sample.uptime_ms, 1234);
    assert_memory_equal(&sample.roles[RY_ROLE_ENCODER], &wished, sizeof wished);
    assert_int_equal(sample.transactions, 2);
    assert_int_equal(sample.transactions_us, 100003000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_is_named_for_what_it_is),
        cmocka_unit_test(figures_follow_the_two_laws),
        cmocka_unit_test(node_that_started_anew_is_not_judged),
        cmocka_unit_test(sample_has_what_the_router_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
