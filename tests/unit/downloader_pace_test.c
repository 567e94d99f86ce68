/* downloader_pace_test.c: the pace against simulated servers and encoders, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "actors/downloader/pace.h"
#include "tests/bed/between.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define US_PER_S     1000000
#define TICK_US      500
#define CLIPS_MAX    (PACE_MAX + 1)

/* What the clips of a simulation meet. */
struct world {
    int64_t round_trip_us; /* of a request, without its bytes; 0: a file of this machine */
    int64_t bytes_us;      /* the line is busy with one clip's bytes for so long */
    unsigned encoders;
    int64_t encode_us;
    unsigned refused_above; /* with more requests at a time the server answers 503; 0: never */
    unsigned waiting_clips; /* there are never more than so many; 0: enough */
};

enum place { NOWHERE, ON_THE_WAY, AT_ENCODER };

struct clip {
    enum place place;
    int64_t begun_us; /* of this place */
    int64_t due_us;   /* ON_THE_WAY: arrives; AT_ENCODER: done, 0 while it waits */
    bool refused;
};

struct simulation {
    struct world world;
    struct pace pace;
    struct clip clips[CLIPS_MAX];
    int64_t now_us;
    int64_t line_free_us;
    unsigned served;
    unsigned window_most; /* since counting began */
};

static unsigned count_in(const struct simulation *sim, enum place place)
{
    unsigned n = 0;
    for (size_t i = 0; i < CLIPS_MAX; i++)
        n += sim->clips[i].place == place;
    return n;
}

static void begin_clip(struct simulation *sim, struct clip *clip)
{
    const struct world *world = &sim->world;
    *clip = (struct clip){.place = ON_THE_WAY, .begun_us = sim->now_us};
    clip->refused = world->refused_above > 0 && count_in(sim, ON_THE_WAY) > world->refused_above;
    int64_t here_us = sim->now_us + world->round_trip_us;
    if (clip->refused) {
        clip->due_us = here_us;
        return;
    }
    sim->line_free_us = (sim->line_free_us > here_us ? sim->line_free_us : here_us) + world->bytes_us;
    clip->due_us = sim->line_free_us;
}

static void arrive(struct simulation *sim, struct clip *clip)
{
    if (clip->refused) {
        pace_on_trouble(&sim->pace);
        clip->place = NOWHERE;
        return;
    }
    if (sim->world.round_trip_us > 0)
        pace_on_range(&sim->pace, (sim->now_us - clip->begun_us) / 1000);
    *clip = (struct clip){.place = AT_ENCODER, .begun_us = sim->now_us};
}

/* Free encoders take the clips that have waited longest. */
static void encode(struct simulation *sim)
{
    unsigned busy = 0;
    for (size_t i = 0; i < CLIPS_MAX; i++)
        busy += sim->clips[i].place == AT_ENCODER && sim->clips[i].due_us > 0;
    for (; busy < sim->world.encoders; busy++) {
        struct clip *next = NULL;
        for (size_t i = 0; i < CLIPS_MAX; i++) {
            struct clip *clip = &sim->clips[i];
            if (clip->place == AT_ENCODER && clip->due_us == 0 && (!next || clip->begun_us < next->begun_us))
                next = clip;
        }
        if (!next)
            return;
        next->due_us = sim->now_us + sim->world.encode_us;
    }
}

static void step(struct simulation *sim)
{
    sim->now_us += TICK_US;
    for (size_t i = 0; i < CLIPS_MAX; i++) {
        struct clip *clip = &sim->clips[i];
        if (clip->place == ON_THE_WAY && clip->due_us <= sim->now_us)
            arrive(sim, clip);
        if (clip->place == AT_ENCODER && clip->due_us > 0 && clip->due_us <= sim->now_us) {
            pace_on_encoded(&sim->pace, sim->now_us - clip->begun_us, (uint64_t)sim->world.encode_us);
            clip->place = NOWHERE;
            sim->served++;
        }
    }
    encode(sim);
    unsigned most = sim->pace.window;
    if (sim->world.waiting_clips > 0 && sim->world.waiting_clips < most)
        most = sim->world.waiting_clips;
    unsigned active = CLIPS_MAX - count_in(sim, NOWHERE);
    for (size_t i = 0; i < CLIPS_MAX && active < most; i++)
        if (sim->clips[i].place == NOWHERE) {
            begin_clip(sim, &sim->clips[i]);
            active++;
        }
    pace_on_active(&sim->pace, active);
    pace_turn(&sim->pace, sim->now_us / 1000);
    if (sim->pace.window > sim->window_most)
        sim->window_most = sim->pace.window;
}

/* Runs so long and returns the clips served in a second. */
static double run(struct simulation *sim, int64_t seconds)
{
    sim->served = 0;
    sim->window_most = 0;
    for (int64_t end_us = sim->now_us + seconds * US_PER_S; sim->now_us < end_us;)
        step(sim);
    return (double)sim->served / (double)seconds;
}

static struct simulation *simulate(const struct world *world)
{
    static struct simulation sim;
    memset(&sim, 0, sizeof sim);
    sim.world = *world;
    pace_open(&sim.pace, 0);
    return &sim;
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static void pace_hides_distance(void **state)
{
    (void)state;
    static const struct {
        struct world world;
        double rate; /* what its narrowest place allows */
    } cases[] = {
        {{.round_trip_us = 1000, .bytes_us = 100, .encoders = 2, .encode_us = 10000}, 200},
        {{.round_trip_us = 30000, .bytes_us = 100, .encoders = 2, .encode_us = 10000}, 200},
        {{.round_trip_us = 100000, .bytes_us = 100, .encoders = 2, .encode_us = 10000}, 200},
        {{.round_trip_us = 300000, .bytes_us = 100, .encoders = 2, .encode_us = 10000}, 200},
        {{.round_trip_us = 100000, .bytes_us = 100, .encoders = 8, .encode_us = 10000}, 800},
        {{.round_trip_us = 100000, .bytes_us = 100, .encoders = 1, .encode_us = 200000}, 5},
        {{.round_trip_us = 100000, .bytes_us = 20000, .encoders = 4, .encode_us = 10000}, 50},
        {{.encoders = 32, .encode_us = 10000}, 3200},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct simulation *sim = simulate(&cases[i].world);
        run(sim, 3);
        assert_true(run(sim, 30) >= 0.9 * cases[i].rate);
    }
}

static void pace_is_found_within_two_seconds(void **state)
{
    (void)state;
    struct simulation *sim =
        simulate(&(struct world){.round_trip_us = 100000, .bytes_us = 100, .encoders = 2, .encode_us = 10000});
    run(sim, 2);
    assert_between(sim->pace.window, 22, 64);
}

static void pace_stays_small_for_local_files(void **state)
{
    (void)state;
    struct simulation *sim = simulate(&(struct world){.encoders = 2, .encode_us = 10000});
    run(sim, 30);
    assert_int_equal(sim->window_most, PACE_BASE);
}

static void pace_does_not_pile_clips_up(void **state)
{
    (void)state;
    /* The encoders are the limit: 2 in work, 20 on the way, and a few that wait. */
    struct simulation *sim =
        simulate(&(struct world){.round_trip_us = 100000, .bytes_us = 100, .encoders = 2, .encode_us = 10000});
    run(sim, 10);
    run(sim, 30);
    assert_between(sim->window_most, 22, 48);
    /* The line is the limit: more requests only wait in it. */
    sim = simulate(&(struct world){.round_trip_us = 50000, .bytes_us = 20000, .encoders = 4, .encode_us = 1000});
    run(sim, 10);
    run(sim, 30);
    assert_between(sim->window_most, PACE_BASE, 40);
}

static void pace_gives_way_to_a_server_that_refuses(void **state)
{
    (void)state;
    struct simulation *sim = simulate(&(struct world){
        .round_trip_us = 100000, .bytes_us = 100, .encoders = 8, .encode_us = 10000, .refused_above = 10});
    run(sim, 5);
    run(sim, 60);
    assert_between(sim->window_most, PACE_MIN, 20);
    /* Once it refuses no longer, all is as before. */
    sim->world.refused_above = 0;
    run(sim, 120);
    assert_true(run(sim, 10) >= 0.9 * 800);
}

static void pace_bears_a_video_that_is_missing(void **state)
{
    (void)state;
    struct pace pace;
    pace_open(&pace, 0);
    for (int64_t now = 0; now < 10000; now += 10) {
        pace_on_active(&pace, pace.window);
        pace_on_range(&pace, 100);
        pace_on_encoded(&pace, 60000, 10000);
        if (now % 500 == 0)
            pace_on_trouble(&pace);
        pace_turn(&pace, now);
        assert_true(pace.window >= PACE_BASE);
    }
}

static void pace_wants_no_places_for_clips_that_are_not_there(void **state)
{
    (void)state;
    struct simulation *sim = simulate(&(struct world){
        .round_trip_us = 100000, .bytes_us = 100, .encoders = 2, .encode_us = 10000, .waiting_clips = 6});
    run(sim, 30);
    assert_int_equal(sim->window_most, PACE_BASE);
}

static void pace_believes_no_encoder_that_works_longer_than_it_had(void **state)
{
    (void)state;
    struct pace pace;
    pace_open(&pace, 0);
    pace_on_encoded(&pace, 1000, UINT64_MAX);
    pace_on_encoded(&pace, 5000, 6000);
    assert_int_equal(pace.waited_us_sum, 0);
    pace_on_encoded(&pace, 5000, 1000);
    assert_int_equal(pace.waited_us_sum, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace_hides_distance),
        cmocka_unit_test(pace_is_found_within_two_seconds),
        cmocka_unit_test(pace_stays_small_for_local_files),
        cmocka_unit_test(pace_does_not_pile_clips_up),
        cmocka_unit_test(pace_gives_way_to_a_server_that_refuses),
        cmocka_unit_test(pace_bears_a_video_that_is_missing),
        cmocka_unit_test(pace_wants_no_places_for_clips_that_are_not_there),
        cmocka_unit_test(pace_believes_no_encoder_that_works_longer_than_it_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
