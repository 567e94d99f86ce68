/* scheduler_keeper_test.c: which originals are kept next: after the thumbnails, a few at a time, with leases. */
#include "tests/bed/bed.h"

#include <stdio.h>

#include "actors/scheduler/keeper.h"
#include "actors/scheduler/scheduler.h"

#define CLIPS_MAX 8

static struct bed *keeper_bed(const char *keep)
{
    struct bed *bed = bed_new(&ry_scheduler_spec, (const char *const[][2]){{"clip_window", "4"},
                                                                           {"clip_lease_seconds", "30"},
                                                                           {"stale_scan_interval", "86400"},
                                                                           {"keep", keep},
                                                                           {NULL, NULL}});
    bed_pass_over(bed, RY_TAG_clips_claim); /* thumbnails are made by tests of their own */
    bed_advance(bed, 0);
    return bed;
}

/* n clips, numbered from `first`; the URLs expired unless `good`. */
static void fill(struct ry_clip_work clips[CLIPS_MAX], char ids[CLIPS_MAX][33], unsigned first, unsigned n, bool good)
{
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(ids[i], 33, "%032x", first + i);
        clips[i] = (struct ry_clip_work){.clip_id = ry_str_of(ids[i]),
                                         .guild_id = RY_STR("1"),
                                         .channel_id = RY_STR("2"),
                                         .message_id = RY_STR("3"),
                                         .filename = RY_STR("clip.mp4"),
                                         .url = RY_STR("https://cdn.discordapp.com/attachments/2/3/clip.mp4?ex=1"),
                                         .expires_wall_ms = BED_START_WALL_MS + (good ? 86400000 : -1000),
                                         .attempts = 1};
    }
}

/* Answers the claim that comes next with n clips. Returns how many were asked for. */
static uint64_t answer_claim(struct bed *bed, unsigned first, unsigned n, bool good)
{
    struct ry_clip_work clips[CLIPS_MAX];
    char ids[CLIPS_MAX][33];
    const struct ry_keep_claim *claim = BED_EXPECT(bed, keep_claim);
    uint64_t id = bed_envelope(bed)->id, limit = claim->limit;
    fill(clips, ids, first, n, good);
    const struct ry_keep_claimed claimed = {.clips = {clips, n}, .next_due_ms = UINT64_MAX};
    BED_ANSWER(bed, id, keep_claimed, &claimed);
    return limit;
}

static uint64_t expect_keep(struct bed *bed, unsigned number)
{
    char id[33];
    (void)snprintf(id, sizeof id, "%032x", number);
    const struct ry_media_keep *keep = BED_EXPECT(bed, media_keep);
    assert_true(ry_str_is(keep->clips.items[0].clip_id, id));
    return bed_envelope(bed)->id;
}

static void settle(struct bed *bed, uint64_t origin, bool kept, bool away)
{
    const struct ry_keep_settled settled = {
        .clip_id = RY_STR("00000000000000000000000000000000"), .kept = kept, .away = away, .retry_ms = UINT64_MAX};
    BED_ANSWER(bed, origin, keep_settled, &settled);
}

static void keeper_has_a_few_in_progress_and_claims_for_the_rest(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    assert_int_equal(answer_claim(bed, 0, KEEPER_MAX, true), KEEPER_MAX);
    uint64_t origins[KEEPER_MAX];
    for (unsigned i = 0; i < KEEPER_MAX; i++)
        origins[i] = expect_keep(bed, i);
    bed_expect_nothing(bed);
    settle(bed, origins[1], true, false);
    assert_int_equal(answer_claim(bed, 3, 1, true), 1);
    (void)expect_keep(bed, 3);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void keeper_renews_its_leases(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    (void)answer_claim(bed, 0, 2, true);
    (void)expect_keep(bed, 0);
    (void)expect_keep(bed, 1);
    assert_int_equal(answer_claim(bed, 0, 0, true), 1); /* there was room for one more */
    bed_advance(bed, 10000);
    const struct ry_keep_renew *renew = BED_EXPECT(bed, keep_renew);
    assert_int_equal(renew->clip_ids.n, 2);
    assert_int_equal(renew->lease_ms, 30000);
    bed_free(bed);
}

static void keeper_has_expired_urls_renewed_first(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    (void)answer_claim(bed, 0, 1, false);
    const struct ry_urls_refresh *refresh = BED_EXPECT(bed, urls_refresh);
    uint64_t id = bed_envelope(bed)->id;
    assert_int_equal(refresh->urls.n, 1);
    (void)answer_claim(bed, 0, 0, false);
    struct ry_url_fresh fresh = {.clip_id = RY_STR("00000000000000000000000000000000"),
                                 .url = RY_STR("https://cdn.discordapp.com/attachments/2/3/clip.mp4?ex=ffffffff"),
                                 .expires_wall_ms = BED_START_WALL_MS + 86400000};
    const struct ry_urls_refreshed refreshed = {.urls = {&fresh, 1}};
    BED_ANSWER(bed, id, urls_refreshed, &refreshed);
    const struct ry_media_keep *keep = BED_EXPECT(bed, media_keep);
    assert_true(ry_str_eq(keep->clips.items[0].url, fresh.url));
    (void)BED_EXPECT(bed, urls_store);
    bed_free(bed);
}

static void clip_that_is_deleted_at_discord_is_gone(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    (void)answer_claim(bed, 0, 1, false);
    (void)BED_EXPECT(bed, urls_refresh);
    uint64_t id = bed_envelope(bed)->id;
    (void)answer_claim(bed, 0, 0, false);
    struct ry_url_fresh fresh = {.clip_id = RY_STR("00000000000000000000000000000000"), .gone = true};
    const struct ry_urls_refreshed refreshed = {.urls = {&fresh, 1}};
    BED_ANSWER(bed, id, urls_refreshed, &refreshed);
    const struct ry_clip_keep_failed *failed = BED_EXPECT(bed, clip_keep_failed);
    assert_true(failed->gone && failed->class == RY_FAILURE_PERMANENT && !failed->release);
    bed_free(bed);
}

static void store_without_room_is_tried_again_ever_later(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    int64_t waits[3];
    for (unsigned i = 0; i < 3; i++) {
        (void)answer_claim(bed, 0, KEEPER_MAX, true);
        for (unsigned k = 0; k < KEEPER_MAX; k++)
            settle(bed, expect_keep(bed, k), false, true);
        bed_expect_nothing(bed);
        int64_t begin = bed_clock(bed)->now_mono_ms;
        bed_pass_over(bed, RY_TAG_clips_claim);
        while (bed_next_tag(bed) == RY_TAG_NONE)
            bed_advance(bed, 500);
        waits[i] = bed_clock(bed)->now_mono_ms - begin;
    }
    assert_true(waits[0] >= 1000 && waits[1] > waits[0] && waits[2] > waits[1]);
    bed_free(bed);
}

static void lost_mail_gives_the_clip_back_or_fails_it(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    (void)answer_claim(bed, 0, 2, true);
    uint64_t first = expect_keep(bed, 0), second = expect_keep(bed, 1);
    (void)answer_claim(bed, 0, 0, true);
    bed_undeliverable(bed, first, first, RY_TAG_media_keep, RY_UNDELIVERABLE_FULL);
    assert_true(BED_EXPECT(bed, clip_keep_failed)->release);
    assert_int_equal(bed_envelope(bed)->correlation, first);
    bed_undeliverable(bed, second + 1000, second, RY_TAG_clip_kept, RY_UNDELIVERABLE_DEAD);
    assert_false(BED_EXPECT(bed, clip_keep_failed)->release);
    assert_int_equal(bed_envelope(bed)->correlation, second);
    bed_free(bed);
}

static void all_clips_are_wanted_by_a_round_in_steps(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("all");
    const struct ry_keep_want *want = BED_EXPECT(bed, keep_want);
    assert_true(want->after_id.p == NULL && want->channel_id.p == NULL);
    uint64_t id = bed_envelope(bed)->id;
    (void)answer_claim(bed, 0, 0, true);
    const struct ry_keep_wanted step = {.more = true, .next_id = RY_STR("00000000000000000000000000000007")};
    BED_ANSWER(bed, id, keep_wanted, &step);
    bed_pass_over(bed, RY_TAG_keep_claim);
    while (bed_next_tag(bed) != RY_TAG_keep_want) {
        if (bed_next_tag(bed) == RY_TAG_clips_claim)
            (void)BED_EXPECT(bed, clips_claim);
        else
            bed_advance(bed, 100);
    }
    assert_true(ry_str_is(BED_EXPECT(bed, keep_want)->after_id, "00000000000000000000000000000007"));
    bed_free(bed);
}

static void drain_gives_back_what_is_in_progress(void **state)
{
    (void)state;
    struct bed *bed = keeper_bed("off");
    (void)answer_claim(bed, 0, 1, true);
    uint64_t origin = expect_keep(bed, 0);
    (void)answer_claim(bed, 0, 0, true);
    bed_drain(bed);
    assert_true(BED_EXPECT(bed, clip_keep_failed)->release);
    settle(bed, origin, false, false);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeper_has_a_few_in_progress_and_claims_for_the_rest),
        cmocka_unit_test(keeper_renews_its_leases),
        cmocka_unit_test(keeper_has_expired_urls_renewed_first),
        cmocka_unit_test(clip_that_is_deleted_at_discord_is_gone),
        cmocka_unit_test(store_without_room_is_tried_again_ever_later),
        cmocka_unit_test(lost_mail_gives_the_clip_back_or_fails_it),
        cmocka_unit_test(all_clips_are_wanted_by_a_round_in_steps),
        cmocka_unit_test(drain_gives_back_what_is_in_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
