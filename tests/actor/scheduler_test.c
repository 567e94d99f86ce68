/* scheduler_test.c: the window, the leases, the suspects, and what happens when answers fail to come. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <string.h>

#include "actors/scheduler/scheduler.h"

#define GUILD "41771983423143937"

static struct bed *bed_of_window(const char *window)
{
    struct bed *bed =
        bed_new(&ry_scheduler_spec, (const char *const[][2]){{"clip_window", window},
                                                             {"clip_lease_seconds", "30"},
                                                             {"clip_attempts_max", "3"},
                                                             {"stale_scan_interval", "86400"}, /* no rounds here */
                                                             {NULL, NULL}});
    bed_pass_over(bed, RY_TAG_keep_claim); /* originals are kept by tests of their own */
    return bed;
}

/* Clip ids are 32 characters: the number, padded. */
static struct ry_clip_work work_of(unsigned number, unsigned attempts, unsigned retries, char id[33])
{
    (void)snprintf(id, 33, "%032u", number);
    return (struct ry_clip_work){.clip_id = {id, 32},
                                 .guild_id = RY_STR(GUILD),
                                 .channel_id = RY_STR("2"),
                                 .message_id = RY_STR("3"),
                                 .filename = RY_STR("a.mp4"),
                                 .url = RY_STR("https://cdn.discordapp.com/a.mp4"),
                                 .attempts = attempts,
                                 .retries = retries};
}

/* Answers the claim under way with `n` clips, numbered from `first`; all with these attempts. */
static void answer_claim(struct bed *bed, uint64_t claim, unsigned first, unsigned n, unsigned attempts)
{
    struct ry_clip_work clips[32];
    char ids[32][33];
    for (unsigned i = 0; i < n; i++)
        clips[i] = work_of(first + i, attempts, 0, ids[i]);
    struct ry_clips_claimed answer = {.clips = {clips, n}, .next_due_ms = UINT64_MAX};
    BED_ANSWER(bed, claim, clips_claimed, &answer);
}

static uint64_t expect_claim(struct bed *bed, uint64_t limit, bool first)
{
    const struct ry_clips_claim *claim = BED_EXPECT(bed, clips_claim);
    assert_int_equal(claim->limit, limit);
    assert_int_equal(claim->first, first);
    return bed_envelope(bed)->id;
}

static uint64_t expect_make(struct bed *bed, unsigned number)
{
    const struct ry_thumbnail_make *make = BED_EXPECT(bed, thumbnail_make);
    char id[33];
    (void)snprintf(id, sizeof id, "%032u", number);
    assert_int_equal(make->clips.n, 1);
    assert_true(ry_str_is(make->clips.items[0].clip_id, id));
    assert_int_equal(bed_envelope(bed)->correlation, bed_envelope(bed)->id);
    assert_int_equal(bed_envelope(bed)->tenant, 41771983423143937u);
    return bed_envelope(bed)->id;
}

static void settle(struct bed *bed, uint64_t make, bool completed)
{
    struct ry_clip_settled settled = {.clip_id = RY_STR("00000000000000000000000000000000"), .completed = completed};
    BED_ANSWER(bed, make, clip_settled, &settled);
}

static const struct ry_clip_failed *expect_failed(struct bed *bed, bool release, uint64_t origin)
{
    const struct ry_clip_failed *failed = BED_EXPECT(bed, clip_failed);
    assert_int_equal(failed->release, release);
    assert_int_equal(bed_envelope(bed)->correlation, origin ? origin : bed_envelope(bed)->id);
    return failed;
}

/* Opens a bed and leaves it with its first claim answered by n clips that were begun; makes[] are their ids. */
static struct bed *bed_with_clips(const char *window, uint64_t limit, unsigned n, uint64_t *makes)
{
    struct bed *bed = bed_of_window(window);
    bed_advance(bed, 0);
    answer_claim(bed, expect_claim(bed, limit, true), 0, n, 1);
    for (unsigned i = 0; i < n; i++)
        makes[i] = expect_make(bed, i);
    return bed;
}

static void scheduler_claims_at_start_and_voids_its_former_leases(void **state)
{
    (void)state;
    uint64_t makes[4];
    struct bed *bed = bed_with_clips("4", 4, 4, makes);
    bed_expect_nothing(bed);
    settle(bed, makes[0], true);
    answer_claim(bed, expect_claim(bed, 1, false), 9, 0, 1);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void scheduler_never_exceeds_its_window(void **state)
{
    (void)state;
    uint64_t makes[8];
    struct bed *bed = bed_with_clips("8", 8, 8, makes);
    struct ry_clips_pending hint = {.count = 100};
    BED_DELIVER(bed, clips_pending, &hint, NULL);
    bed_expect_nothing(bed);
    settle(bed, makes[0], true);
    bed_expect_nothing(bed); /* one place is no handful: claims serve several clips */
    settle(bed, makes[1], false);
    expect_claim(bed, 2, false);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void hear_pace(struct bed *bed, const char *owner, unsigned clips)
{
    const struct ry_download_pace pace = {.owner = ry_str_of(owner), .clips = clips};
    BED_DELIVER(bed, download_pace, &pace, NULL);
}

static void scheduler_follows_the_pace_of_the_downloaders(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("60");
    bed_advance(bed, 0);
    answer_claim(bed, expect_claim(bed, 16, true), 0, 16, 1);
    for (unsigned i = 0; i < 16; i++)
        expect_make(bed, i);
    hear_pace(bed, "node/downloader-1/a", 20); /* and as many as usual on their way behind it */
    uint64_t claim = expect_claim(bed, 20, false);
    hear_pace(bed, "node/downloader-2/b", 40); /* both together, within the option */
    answer_claim(bed, claim, 16, 20, 1);
    for (unsigned i = 16; i < 36; i++)
        expect_make(bed, i);
    answer_claim(bed, expect_claim(bed, 24, false), 36, 0, 0);
    hear_pace(bed, "node/downloader-1/a", 4);
    answer_claim(bed, expect_claim(bed, 24, false), 36, 0, 0);
    hear_pace(bed, "node/downloader-2/b", 4); /* there are more in progress than that: nothing is asked for */
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void scheduler_forgets_a_pace_that_is_not_repeated(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("60");
    bed_advance(bed, 0);
    answer_claim(bed, expect_claim(bed, 16, true), 0, 0, 0);
    hear_pace(bed, "node/downloader-1/a", 4);
    answer_claim(bed, expect_claim(bed, 4, false), 0, 0, 0);
    bed_advance(bed, 15000);
    answer_claim(bed, expect_claim(bed, 4, false), 0, 0, 0);
    bed_advance(bed, 15000);
    expect_claim(bed, 16, false);
    bed_free(bed);
}

static void scheduler_gives_back_what_it_has_not_asked_for(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    answer_claim(bed, expect_claim(bed, 4, true), 0, 6, 1);
    for (unsigned i = 0; i < 4; i++)
        (void)expect_make(bed, i);
    for (unsigned i = 4; i < 6; i++)
        (void)expect_failed(bed, true, 0);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void scheduler_looks_again_when_hinted_while_claiming(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    uint64_t claim = expect_claim(bed, 4, true);
    struct ry_clips_pending hint = {.count = 1};
    BED_DELIVER(bed, clips_pending, &hint, NULL);
    bed_expect_nothing(bed);
    answer_claim(bed, claim, 0, 0, 1);
    expect_claim(bed, 4, false);
    bed_free(bed);
}

static void scheduler_waits_until_the_next_clip_is_due(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    uint64_t claim = expect_claim(bed, 4, true);
    struct ry_clips_claimed none = {.next_due_ms = 7000};
    BED_ANSWER(bed, claim, clips_claimed, &none);
    bed_advance(bed, 6999);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    expect_claim(bed, 4, false);
    bed_free(bed);
}

static void scheduler_retries_a_failed_claim_ever_slower_and_still_voids_leases(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t claim = expect_claim(bed, 4, true);
        struct ry_clips_claimed error = {.error = RY_STR("database is locked")};
        BED_ANSWER(bed, claim, clips_claimed, &error);
        int64_t base_ms = i < 5 ? 1000 << i : 30000;
        bed_advance(bed, base_ms - base_ms / 10 - 1);
        bed_expect_nothing(bed);
        bed_advance(bed, base_ms / 5 + 2);
    }
    bed_free(bed);
}

static void scheduler_renews_leases_of_clips_in_the_works(void **state)
{
    (void)state;
    uint64_t makes[3];
    struct bed *bed = bed_with_clips("3", 3, 3, makes);
    bed_advance(bed, 10000);
    const struct ry_clips_renew *renew = BED_EXPECT(bed, clips_renew);
    assert_int_equal(renew->clip_ids.n, 3);
    assert_int_equal(renew->lease_ms, 30000);
    settle(bed, makes[1], true);
    answer_claim(bed, expect_claim(bed, 1, false), 9, 0, 1);
    bed_advance(bed, 10000);
    assert_int_equal(BED_EXPECT(bed, clips_renew)->clip_ids.n, 2);
    bed_free(bed);
}

/* What the scheduler said of its clips while time passed; what its other chores said is of no interest. */
struct hour {
    size_t renewed; /* clips that the last renewal named; 0: there was none of late */
    size_t failed;  /* ended for want of an outcome */
    size_t released;
};

static struct hour pass(struct bed *bed, int64_t ms)
{
    struct hour hour = {0};
    for (int64_t passed = 0; passed < ms; passed += 10000) {
        hour.renewed = 0;
        bed_advance(bed, 10000);
        while (bed_next_tag(bed) != RY_TAG_NONE) {
            enum ry_tag tag = bed_next_tag(bed);
            if (tag == RY_TAG_clips_renew) {
                hour.renewed = BED_EXPECT(bed, clips_renew)->clip_ids.n;
            } else if (tag == RY_TAG_clip_failed) {
                const struct ry_clip_failed *failed = BED_EXPECT(bed, clip_failed);
                hour.failed += ry_str_is(failed->reason, "no outcome came within two hours");
                hour.released += failed->release;
            } else {
                ry_instance_out_pop(bed_instance(bed));
            }
        }
    }
    return hour;
}

static void scheduler_gives_clips_back_that_have_no_outcome_and_renews_no_lease_for_ever(void **state)
{
    (void)state;
    uint64_t makes[2];
    struct bed *bed = bed_with_clips("2", 2, 2, makes);
    struct hour hour = pass(bed, 2 * 3600 * 1000 - 10000);
    assert_int_equal(hour.renewed, 2);
    assert_int_equal(hour.failed, 0);
    hour = pass(bed, 10000);
    assert_int_equal(hour.failed, 2);
    assert_int_equal(hour.released, 2); /* nobody knows that it is the clips' fault */
    settle(bed, makes[0], false);       /* the failure of the other one is never recorded */
    hour = pass(bed, 2 * 3600 * 1000 - 10000);
    assert_int_equal(hour.renewed, 1);
    hour = pass(bed, 10000);
    assert_int_equal(hour.failed, 0); /* nobody is told again */
    assert_int_equal(hour.renewed, 0);
    bed_free(bed);
}

static void scheduler_runs_suspects_alone(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    uint64_t claim = expect_claim(bed, 4, true);
    struct ry_clip_work clips[3];
    char ids[3][33];
    clips[0] = work_of(0, 1, 0, ids[0]);
    clips[1] = work_of(1, 2, 0, ids[1]);
    clips[2] = work_of(2, 3, 0, ids[2]);
    struct ry_clips_claimed answer = {.clips = {clips, 3}, .next_due_ms = UINT64_MAX};
    BED_ANSWER(bed, claim, clips_claimed, &answer);
    uint64_t clean = expect_make(bed, 0);
    expect_failed(bed, true, 0);
    expect_failed(bed, true, 0);
    /* It looks for more clean ones, finds only suspects, and leaves them until nothing else is in the works. */
    claim = expect_claim(bed, 3, false);
    answer_claim(bed, claim, 1, 2, 2);
    expect_failed(bed, true, 0);
    expect_failed(bed, true, 0);
    bed_expect_nothing(bed);
    settle(bed, clean, true);
    answer_claim(bed, expect_claim(bed, 1, false), 1, 1, 2);
    uint64_t suspect = expect_make(bed, 1);
    struct ry_clips_pending hint = {.count = 1};
    BED_DELIVER(bed, clips_pending, &hint, NULL);
    bed_expect_nothing(bed);
    settle(bed, suspect, true);
    expect_claim(bed, 1, false);
    bed_free(bed);
}

static void scheduler_gives_up_a_clip_that_was_there_at_too_many_crashes(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    answer_claim(bed, expect_claim(bed, 4, true), 0, 1, 4);
    const struct ry_clip_failed *failed = expect_failed(bed, false, 0);
    assert_non_null(memmem(failed->reason.p, failed->reason.n, "3 times", 7));
    bed_free(bed);
}

static void hear_encoder(struct bed *bed, const char *version)
{
    const struct ry_encoder_here here = {.version = ry_str_of(version)};
    BED_DELIVER(bed, encoder_here, &here, NULL);
}

static uint64_t expect_claim_telling(struct bed *bed, const char *version)
{
    const struct ry_clips_claim *claim = BED_EXPECT(bed, clips_claim);
    if (version)
        assert_true(ry_str_is(claim->encoder, version));
    else
        assert_null(claim->encoder.p);
    return bed_envelope(bed)->id;
}

static void scheduler_tells_the_writer_once_of_each_version_that_an_encoder_says(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("4");
    bed_advance(bed, 0);
    answer_claim(bed, expect_claim_telling(bed, NULL), 0, 0, 0);
    hear_encoder(bed, "one");
    uint64_t claim = expect_claim_telling(bed, "one");
    hear_encoder(bed, "one"); /* the writer has not answered yet: asked again when it has */
    answer_claim(bed, claim, 0, 0, 0);
    answer_claim(bed, expect_claim_telling(bed, NULL), 0, 0, 0);
    hear_encoder(bed, "one");
    bed_expect_nothing(bed);
    hear_encoder(bed, "two");
    claim = expect_claim_telling(bed, "two");
    bed_undeliverable(bed, claim, claim, RY_TAG_clips_claim, RY_UNDELIVERABLE_FULL);
    bed_advance(bed, 60000);
    answer_claim(bed, expect_claim_telling(bed, "two"), 0, 0, 0);
    hear_encoder(bed, "two");
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void scheduler_fails_a_clip_whose_mail_died_and_forgets_it_when_that_is_recorded(void **state)
{
    (void)state;
    uint64_t makes[1];
    struct bed *bed = bed_with_clips("1", 1, 1, makes);
    bed_undeliverable(bed, 4711, makes[0], RY_TAG_thumbnail_store, RY_UNDELIVERABLE_DEAD);
    expect_failed(bed, false, makes[0]);
    bed_expect_nothing(bed);
    settle(bed, makes[0], false);
    expect_claim(bed, 1, false);
    bed_free(bed);
}

static void scheduler_gives_a_clip_back_and_waits_when_the_downloader_has_no_room(void **state)
{
    (void)state;
    uint64_t makes[1];
    struct bed *bed = bed_with_clips("1", 1, 1, makes);
    bed_undeliverable(bed, makes[0], makes[0], RY_TAG_thumbnail_make, RY_UNDELIVERABLE_FULL);
    expect_failed(bed, true, makes[0]);
    settle(bed, makes[0], false);
    bed_advance(bed, 999);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    expect_claim(bed, 1, false);
    bed_free(bed);
}

static void scheduler_goes_on_when_not_even_the_failure_could_be_recorded(void **state)
{
    (void)state;
    uint64_t makes[1];
    struct bed *bed = bed_with_clips("1", 1, 1, makes);
    bed_undeliverable(bed, 4711, makes[0], RY_TAG_clip_completed, RY_UNDELIVERABLE_DEAD);
    expect_failed(bed, false, makes[0]);
    bed_undeliverable(bed, bed_envelope(bed)->id, makes[0], RY_TAG_clip_failed, RY_UNDELIVERABLE_DEAD);
    expect_claim(bed, 1, false);
    bed_free(bed);
}

static void scheduler_drains_when_all_clips_are_settled(void **state)
{
    (void)state;
    uint64_t makes[2];
    struct bed *bed = bed_with_clips("2", 2, 2, makes);
    bed_drain(bed);
    assert_false(bed_finished(bed));
    settle(bed, makes[0], true);
    bed_expect_nothing(bed);
    assert_false(bed_finished(bed));
    settle(bed, makes[1], true);
    assert_true(bed_finished(bed));
    bed_free(bed);
}

static void scheduler_gives_clips_back_that_are_claimed_while_it_drains(void **state)
{
    (void)state;
    struct bed *bed = bed_of_window("2");
    bed_advance(bed, 0);
    uint64_t claim = expect_claim(bed, 2, true);
    bed_drain(bed);
    assert_false(bed_finished(bed));
    answer_claim(bed, claim, 0, 1, 1);
    expect_failed(bed, true, 0);
    assert_true(bed_finished(bed));
    bed_free(bed);
}

static void scheduler_gives_back_what_is_in_the_works_when_half_the_drain_is_over(void **state)
{
    (void)state;
    uint64_t makes[2];
    struct bed *bed = bed_with_clips("2", 2, 2, makes);
    bed_drain(bed);
    bed_advance(bed, 12499); /* of 25 s */
    while (bed_next_tag(bed) == RY_TAG_clips_renew)
        (void)BED_EXPECT(bed, clips_renew);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    expect_failed(bed, true, makes[0]);
    expect_failed(bed, true, makes[1]);
    bed_expect_nothing(bed);
    assert_false(bed_finished(bed));
    settle(bed, makes[0], false);
    settle(bed, makes[1], false);
    assert_true(bed_finished(bed));
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scheduler_claims_at_start_and_voids_its_former_leases),
        cmocka_unit_test(scheduler_never_exceeds_its_window),
        cmocka_unit_test(scheduler_follows_the_pace_of_the_downloaders),
        cmocka_unit_test(scheduler_forgets_a_pace_that_is_not_repeated),
        cmocka_unit_test(scheduler_gives_back_what_it_has_not_asked_for),
        cmocka_unit_test(scheduler_looks_again_when_hinted_while_claiming),
        cmocka_unit_test(scheduler_waits_until_the_next_clip_is_due),
        cmocka_unit_test(scheduler_retries_a_failed_claim_ever_slower_and_still_voids_leases),
        cmocka_unit_test(scheduler_renews_leases_of_clips_in_the_works),
        cmocka_unit_test(scheduler_gives_clips_back_that_have_no_outcome_and_renews_no_lease_for_ever),
        cmocka_unit_test(scheduler_runs_suspects_alone),
        cmocka_unit_test(scheduler_gives_up_a_clip_that_was_there_at_too_many_crashes),
        cmocka_unit_test(scheduler_tells_the_writer_once_of_each_version_that_an_encoder_says),
        cmocka_unit_test(scheduler_fails_a_clip_whose_mail_died_and_forgets_it_when_that_is_recorded),
        cmocka_unit_test(scheduler_gives_a_clip_back_and_waits_when_the_downloader_has_no_room),
        cmocka_unit_test(scheduler_goes_on_when_not_even_the_failure_could_be_recorded),
        cmocka_unit_test(scheduler_drains_when_all_clips_are_settled),
        cmocka_unit_test(scheduler_gives_clips_back_that_are_claimed_while_it_drains),
        cmocka_unit_test(scheduler_gives_back_what_is_in_the_works_when_half_the_drain_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
