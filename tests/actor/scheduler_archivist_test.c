/* scheduler_archivist_test.c: clips that are too old are archived round by round, whatever answers fail to come. */
#include "tests/bed/bed.h"

#include "actors/scheduler/scheduler.h"

#define FIRST_MS 900000
#define ROUND_MS 3600000
#define FULL     1000
/* A thirtieth of stale_scan_interval. */
#define RECONCILER_MS 2880000

static const char *const usual[][2] = {{"stale_scan_interval", "86400"}, {"clip_lease_seconds", "86400"}, {NULL, NULL}};

static const struct ry_clips_archive *expect_question(struct bed *bed, uint64_t *id)
{
    const struct ry_clips_archive *ask = BED_EXPECT(bed, clips_archive);
    *id = bed_envelope(bed)->id;
    return ask;
}

/* Behind what `answer` says that the slice ended at, or at the beginning. */
static void expect_cursor(const struct ry_clips_archive *ask, bool begun)
{
    assert_int_equal(ask->after.n, begun ? 3 : 0);
    if (begun) {
        assert_true(ry_str_is(ask->after.items[0], "200"));
        assert_true(ry_str_is(ask->after.items[1], "300"));
        assert_true(ry_str_is(ask->after.items[2], "d1523646fd8f70dd6e199d427ae00606"));
    }
}

/* A bed whose first claim came to nothing, at the archivist's first round. */
static struct bed *bed_in_first_round(const char *const (*options)[2], uint64_t *id, const char *defaults)
{
    struct bed *bed = bed_new(&ry_scheduler_spec, options);
    bed_pass_over(bed, RY_TAG_keep_claim); /* originals are kept by tests of their own */
    bed_advance(bed, 0);
    (void)BED_EXPECT(bed, clips_claim); /* never answered: no further one is made */
    bed_advance(bed, 299999);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    (void)BED_EXPECT(bed, files_doomed_get); /* the janitor's; never answered */
    bed_advance(bed, FIRST_MS - 300000 - 1);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    const struct ry_clips_archive *ask = expect_question(bed, id);
    assert_true(ry_str_is(ask->defaults, defaults));
    assert_int_equal(ask->limit, FULL);
    return bed;
}

/* more: the slice is not the round's last. */
static void answer(struct bed *bed, uint64_t id, bool more, struct ry_str error)
{
    struct ry_str next[3] = {RY_STR("200"), RY_STR("300"), RY_STR("d1523646fd8f70dd6e199d427ae00606")};
    struct ry_clips_archived archived = {.count = 7, .error = error, .next = {next, more ? 3 : 0}};
    BED_ANSWER(bed, id, clips_archived, &archived);
}

static void archivist_asks_until_there_are_no_more_and_again_in_an_hour(void **state)
{
    (void)state;
    uint64_t id = 0;
    struct bed *bed = bed_in_first_round(usual, &id, "{\"auto_archive_after\":{\"unit\": \"never\", \"count\": 0}}");
    answer(bed, id, true, (struct ry_str){0});
    expect_cursor(expect_question(bed, &id), true);
    answer(bed, id, true, RY_STR("database is locked"));
    bed_advance(bed, 5500);
    expect_cursor(expect_question(bed, &id), true); /* the same slice again */
    answer(bed, id, false, (struct ry_str){0});
    bed_advance(bed, RECONCILER_MS - FIRST_MS - 5500);
    (void)BED_EXPECT(bed, scans_open_get); /* the reconciler's; never answered */
    bed_advance(bed, FIRST_MS + 5500 + ROUND_MS - RECONCILER_MS - 1);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    expect_cursor(expect_question(bed, &id), false);
    bed_free(bed);
}

static void the_defaults_are_those_of_the_settings_file_if_they_are_an_object(void **state)
{
    (void)state;
    static const struct {
        const char *option, *defaults;
    } cases[] = {
        {"{\"unit\": \"days\", \"count\": 3}", "{\"auto_archive_after\":{\"unit\": \"days\", \"count\": 3}}"},
        {"never", "{\"auto_archive_after\":null}"},
        {"[1]", "{\"auto_archive_after\":null}"},
        {"{\"unit\": ", "{\"auto_archive_after\":null}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t id = 0;
        const char *const options[][2] = {{"stale_scan_interval", "86400"},
                                          {"clip_lease_seconds", "86400"},
                                          {"auto_archive_after", cases[i].option},
                                          {NULL, NULL}};
        bed_free(bed_in_first_round(options, &id, cases[i].defaults));
    }
}

static void archivist_starts_again_later_when_an_answer_is_an_error_or_lost(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        uint64_t id = 0;
        struct bed *bed =
            bed_in_first_round(usual, &id, "{\"auto_archive_after\":{\"unit\": \"never\", \"count\": 0}}");
        if (lost)
            bed_undeliverable(bed, id, id, RY_TAG_clips_archive, RY_UNDELIVERABLE_DEAD);
        else
            answer(bed, id, false, RY_STR("database is locked"));
        bed_advance(bed, 4499); /* 5 s +-10 % */
        bed_expect_nothing(bed);
        bed_advance(bed, 1002);
        (void)expect_question(bed, &id);
        bed_expect_nothing(bed);
        bed_free(bed);
    }
}

static void archivist_asks_nothing_while_the_node_drains(void **state)
{
    (void)state;
    uint64_t id = 0;
    struct bed *bed = bed_in_first_round(usual, &id, "{\"auto_archive_after\":{\"unit\": \"never\", \"count\": 0}}");
    bed_drain(bed);
    answer(bed, id, true, (struct ry_str){0});
    bed_expect_nothing(bed);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archivist_asks_until_there_are_no_more_and_again_in_an_hour),
        cmocka_unit_test(the_defaults_are_those_of_the_settings_file_if_they_are_an_object),
        cmocka_unit_test(archivist_starts_again_later_when_an_answer_is_an_error_or_lost),
        cmocka_unit_test(archivist_asks_nothing_while_the_node_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
