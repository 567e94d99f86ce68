/* scheduler_refresher_test.c: clips with expired URLs get fresh ones first, or fail with the reason. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <string.h>

#include "actors/scheduler/scheduler.h"

#define EXPIRED "https://cdn.discordapp.com/attachments/2/9/a.mp4?ex=67000000&is=1&hm=2"
#define FRESH   "https://cdn.discordapp.com/attachments/2/9/a.mp4?ex=68000000&is=1&hm=2"
#define PAST    (BED_START_WALL_MS - 1)

static const char *const ids[] = {"00000000000000000000000000000000", "00000000000000000000000000000001",
                                  "00000000000000000000000000000002"};

static struct ry_clip_work work_of(size_t i, const char *url, int64_t expires_wall_ms, uint64_t attempts)
{
    return (struct ry_clip_work){.clip_id = ry_str_of(ids[i]),
                                 .guild_id = RY_STR("1"),
                                 .channel_id = RY_STR("2"),
                                 .message_id = RY_STR("3"),
                                 .filename = RY_STR("a.mp4"),
                                 .url = ry_str_of(url),
                                 .expires_wall_ms = expires_wall_ms,
                                 .attempts = attempts};
}

/* A bed whose first claim brought these clips. */
static struct bed *bed_with(struct ry_clip_work *works, size_t n)
{
    struct bed *bed = bed_new(&ry_scheduler_spec, (const char *const[][2]){{"clip_window", "4"},
                                                                           {"clip_lease_seconds", "30"},
                                                                           {"stale_scan_interval", "86400"},
                                                                           {NULL, NULL}});
    bed_pass_over(bed, RY_TAG_keep_claim); /* originals are kept by tests of their own */
    bed_advance(bed, 0);
    (void)BED_EXPECT(bed, clips_claim);
    struct ry_clips_claimed claimed = {.clips = {works, n}, .next_due_ms = UINT64_MAX};
    BED_ANSWER(bed, bed_envelope(bed)->id, clips_claimed, &claimed);
    return bed;
}

static uint64_t expect_refresh(struct bed *bed, size_t first, size_t n)
{
    const struct ry_urls_refresh *refresh = BED_EXPECT(bed, urls_refresh);
    assert_int_equal(refresh->urls.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(ry_str_is(refresh->urls.items[i].clip_id, ids[first + i]));
        assert_true(ry_str_is(refresh->urls.items[i].url, EXPIRED));
        assert_true(ry_str_is(refresh->urls.items[i].channel_id, "2"));
        assert_true(ry_str_is(refresh->urls.items[i].message_id, "3"));
    }
    return bed_envelope(bed)->id;
}

static struct ry_url_fresh fresh_of(size_t i)
{
    return (struct ry_url_fresh){
        .clip_id = ry_str_of(ids[i]), .url = RY_STR(FRESH), .expires_wall_ms = BED_START_WALL_MS + 86400000};
}

static void expect_make(struct bed *bed, size_t i, const char *url)
{
    const struct ry_thumbnail_make *make = BED_EXPECT(bed, thumbnail_make);
    assert_true(ry_str_is(make->clips.items[0].clip_id, ids[i]));
    assert_true(ry_str_is(make->clips.items[0].url, url));
}

static const struct ry_clip_failed *expect_failed(struct bed *bed, size_t i, bool release)
{
    const struct ry_clip_failed *failed = BED_EXPECT(bed, clip_failed);
    assert_true(ry_str_is(failed->clip_id, ids[i]));
    assert_int_equal(failed->release, release);
    return failed;
}

static void an_expired_url_is_renewed_recorded_and_used(void **state)
{
    (void)state;
    struct ry_clip_work works[] = {work_of(0, EXPIRED, PAST, 1), work_of(1, EXPIRED, BED_START_WALL_MS + 59000, 1)};
    struct bed *bed = bed_with(works, 2);
    uint64_t first = expect_refresh(bed, 0, 1); /* the other one came meanwhile */
    (void)BED_EXPECT(bed, clips_claim);         /* for the two places that are left */
    bed_expect_nothing(bed);
    struct ry_url_fresh fresh = fresh_of(0);
    BED_ANSWER(bed, first, urls_refreshed, (&(struct ry_urls_refreshed){.urls = {&fresh, 1}}));
    expect_make(bed, 0, FRESH);
    const struct ry_urls_store *store = BED_EXPECT(bed, urls_store);
    assert_int_equal(store->urls.n, 1);
    assert_true(ry_str_is(store->urls.items[0].url, FRESH));
    assert_int_equal(store->urls.items[0].expires_wall_ms, BED_START_WALL_MS + 86400000);
    (void)expect_refresh(bed, 1, 1);
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_urls_refreshed), 1);
    bed_free(bed);
}

static void urls_that_are_unsigned_or_good_or_files_are_used_as_they_are(void **state)
{
    (void)state;
    static const char UNSIGNED[] = "https://videos.example/a.mp4?expires=1";
    static const char LOCAL[] = "file:///media/a.mp4?ex=1";
    struct ry_clip_work works[] = {work_of(0, UNSIGNED, PAST, 1), work_of(1, LOCAL, PAST, 1),
                                   work_of(2, EXPIRED, BED_START_WALL_MS + 61000, 1)};
    struct bed *bed = bed_with(works, 3);
    expect_make(bed, 0, UNSIGNED);
    expect_make(bed, 1, LOCAL);
    expect_make(bed, 2, EXPIRED);
    (void)BED_EXPECT(bed, clips_claim);
    bed_expect_nothing(bed);
    bed_free(bed);
}

/* Each way in which there is no fresh URL ends in a failure that says why, and leaves room for others. */
static void a_clip_without_a_fresh_url_fails_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        struct ry_urls_refreshed answer;
        bool lost;
        bool named; /* by the answer */
        struct ry_url_fresh fresh;
        const char *reason;
    } cases[] = {
        {.named = true, .fresh = {.gone = true}, .reason = "the message or its attachment was deleted on Discord"},
        {.named = true,
         .fresh = {.reason = {"403 Forbidden", 13}},
         .reason = "its URL has expired and there is no fresh one: 403 Forbidden"},
        {.reason = "its URL has expired and there is no fresh one: Discord's answer does not name it"},
        {.answer = {.error = {"503 Service Unavailable", 23}},
         .reason = "its URL has expired and there is no fresh one: 503 Service Unavailable"},
        {.lost = true, .reason = "its URL has expired and there is no fresh one: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_clip_work work = work_of(0, EXPIRED, PAST, 2); /* a suspect: alone until it has ended */
        struct bed *bed = bed_with(&work, 1);
        uint64_t id = expect_refresh(bed, 0, 1);
        bed_expect_nothing(bed);
        struct ry_url_fresh fresh = cases[i].fresh;
        fresh.clip_id = ry_str_of(ids[0]);
        struct ry_urls_refreshed answer = cases[i].answer;
        if (cases[i].named)
            answer.urls.items = &fresh, answer.urls.n = 1;
        if (cases[i].lost)
            bed_undeliverable(bed, id, id, RY_TAG_urls_refresh, RY_UNDELIVERABLE_DEAD);
        else
            BED_ANSWER(bed, id, urls_refreshed, &answer);
        const struct ry_clip_failed *failed = expect_failed(bed, 0, false);
        if (strncmp(failed->reason.p, cases[i].reason, strlen(cases[i].reason)) != 0)
            fail_msg("case %zu: %.*s", i, RY_STR_ARG(failed->reason));
        assert_int_equal(failed->class, cases[i].fresh.gone ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING);
        if (!cases[i].lost) /* what is lost was no sign of room */
            (void)BED_EXPECT(bed, clips_claim);
        bed_expect_nothing(bed);
        bed_free(bed);
    }
}

static void leases_of_clips_that_wait_for_a_url_are_renewed(void **state)
{
    (void)state;
    struct ry_clip_work works[] = {work_of(0, EXPIRED, PAST, 1), work_of(1, EXPIRED, PAST, 1),
                                   work_of(2, EXPIRED, BED_START_WALL_MS + 600000, 1)};
    struct bed *bed = bed_with(works, 3);
    (void)expect_refresh(bed, 0, 1);
    expect_make(bed, 2, EXPIRED);
    (void)BED_EXPECT(bed, clips_claim);
    bed_advance(bed, 10000);
    const struct ry_clips_renew *renew = BED_EXPECT(bed, clips_renew);
    assert_int_equal(renew->clip_ids.n, 3);
    assert_true(ry_str_is(renew->clip_ids.items[0], ids[2]));
    assert_true(ry_str_is(renew->clip_ids.items[1], ids[0]));
    assert_true(ry_str_is(renew->clip_ids.items[2], ids[1]));
    bed_free(bed);
}

static void clips_that_wait_for_a_url_are_given_back_when_the_node_stops(void **state)
{
    (void)state;
    struct ry_clip_work works[] = {work_of(0, EXPIRED, PAST, 1), work_of(1, EXPIRED, PAST, 1)};
    struct bed *bed = bed_with(works, 2);
    uint64_t id = expect_refresh(bed, 0, 1);
    (void)BED_EXPECT(bed, clips_claim);
    uint64_t claim = bed_envelope(bed)->id;
    bed_drain(bed);
    BED_ANSWER(bed, claim, clips_claimed, (&(struct ry_clips_claimed){.next_due_ms = UINT64_MAX}));
    assert_false(bed_finished(bed));
    struct ry_url_fresh fresh = fresh_of(0);
    BED_ANSWER(bed, id, urls_refreshed, (&(struct ry_urls_refreshed){.urls = {&fresh, 1}}));
    (void)expect_failed(bed, 0, true);
    (void)BED_EXPECT(bed, urls_store);
    (void)expect_failed(bed, 1, true);
    bed_expect_nothing(bed);
    assert_true(bed_finished(bed));
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_url_is_renewed_recorded_and_used),
        cmocka_unit_test(urls_that_are_unsigned_or_good_or_files_are_used_as_they_are),
        cmocka_unit_test(a_clip_without_a_fresh_url_fails_with_the_reason),
        cmocka_unit_test(leases_of_clips_that_wait_for_a_url_are_renewed),
        cmocka_unit_test(clips_that_wait_for_a_url_are_given_back_when_the_node_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
