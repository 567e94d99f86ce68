/* writer_sheets_suite.c: whose storyboard is to be made, who makes it, and what becomes of it. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>
#include <stdlib.h>

#define ME       "node-a/2"
#define MY_PAST  "node-a/1"
#define OTHER    "node-b/1"
#define LEASE_MS 60000

static struct ry_str clip_id(struct writer_fixture *f, unsigned number)
{
    return ry_arena_printf(&f->arena, "%032x", number);
}

/* n clips with thumbnails, from number 0 on. */
static void write_completed(struct writer_fixture *f, unsigned n)
{
    (void)writer_batch_commit(f, writer_batch_make(f, 0, n), WRITER_BRISK);
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'completed'");
}

static struct ry_sheets_claimed claim(struct writer_fixture *f, const char *owner, uint64_t limit, bool first,
                                      struct ry_str after, uint64_t look)
{
    const struct ry_sheets_claim message = {
        .owner = ry_str_of(owner), .limit = limit, .lease_ms = LEASE_MS, .first = first, .after = after, .look = look};
    struct ry_sheets_claimed claimed = {0};
    IN_TRANSACTION(f, sheets_claim(f->engine, &message, &f->arena, &claimed, &err));
    return claimed;
}

/* The numbers of the clips, joined by blanks, each with its attempts. */
static void assert_clips(struct ry_sheets_claimed claimed, const char *expected)
{
    char text[512] = "";
    size_t n = 0;
    for (size_t i = 0; i < claimed.clips.n; i++) {
        const struct ry_clip_work *work = &claimed.clips.items[i];
        char id[33];
        (void)snprintf(id, sizeof id, "%.*s", RY_STR_ARG(work->clip_id));
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%lu:%lu", i ? " " : "", strtoul(id, NULL, 16),
                              (unsigned long)work->attempts);
    }
    assert_string_equal(text, expected);
}

static bool make_sheet(struct writer_fixture *f, unsigned number)
{
    struct ry_sheet sheet = {.columns = 4, .rows = 2, .count = 7, .step_s = 1.5, .width = 640, .height = 180};
    const struct ry_sheet_made made = {.clip_id = clip_id(f, number),
                                       .storage_path = ry_arena_printf(&f->arena, "sheets/%u.webp", number),
                                       .sheets = {&sheet, 1}};
    bool found = false;
    IN_TRANSACTION(f, sheet_made(f->engine, &made, &found, &err));
    return found;
}

static void fail_sheet(struct writer_fixture *f, unsigned number, bool release, enum ry_failure_class class)
{
    const struct ry_sheet_failed failed = {
        .clip_id = clip_id(f, number), .reason = RY_STR("no index"), .release = release, .class = class};
    IN_TRANSACTION(f, sheet_failed(f->engine, &failed, &err));
}

void sheets_of_clips_that_were_there_are_looked_for(void **state)
{
    struct writer_fixture *f = *state;
    write_completed(f, 5);
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'failed' WHERE filename = 'clip-1.mp4'");
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-2.mp4'");
    assert_clips(claim(f, ME, 10, true, (struct ry_str){0}, 100), ""); /* not asked to look */
    struct ry_sheets_claimed claimed = claim(f, ME, 10, false, RY_STR(""), 3);
    assert_clips(claimed, "0:1");
    ASSERT_STR(claimed.next, "00000000000000000000000000000002");
    claimed = claim(f, ME, 10, false, claimed.next, 3);
    assert_clips(claimed, "3:1 4:1");
    assert_null(claimed.next.p);
    const struct ry_clip_work *work = &claimed.clips.items[0];
    ASSERT_STR(work->guild_id, "100");
    ASSERT_STR(work->filename, "clip-3.mp4");
    ASSERT_STR(work->url, "https://cdn.discordapp.com/3/clip.mp4?ex=1");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_media"), 3);
}

void sheet_of_a_completed_clip_is_wanted_once(void **state)
{
    struct writer_fixture *f = *state;
    write_completed(f, 2);
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'failed' WHERE filename = 'clip-1.mp4'");
    for (unsigned i = 0; i < 3; i++)
        IN_TRANSACTION(f, sheet_want(f->engine, clip_id(f, i), &err));
    assert_clips(claim(f, ME, 10, true, (struct ry_str){0}, 0), "0:1");
    fail_sheet(f, 0, false, RY_FAILURE_PERMANENT);
    IN_TRANSACTION(f, sheet_want(f->engine, clip_id(f, 0), &err));
    assert_clips(claim(f, ME, 10, false, RY_STR(""), 10), "");
    writer_assert_text(f, "SELECT sheet_state || sheet_error FROM reelyard_media", "noneno index");
}

void sheet_claim_leases_and_a_fresh_start_voids(void **state)
{
    struct writer_fixture *f = *state;
    write_completed(f, 3);
    assert_clips(claim(f, MY_PAST, 1, true, RY_STR(""), 10), "0:1");
    assert_clips(claim(f, OTHER, 1, true, (struct ry_str){0}, 0), "1:1");
    struct ry_sheets_claimed claimed = claim(f, ME, 10, true, (struct ry_str){0}, 0);
    assert_clips(claimed, "0:2 2:1");
    assert_int_equal(claimed.next_due_ms, LEASE_MS);
    ry_clock_manual_advance(&f->clock, LEASE_MS);
    assert_clips(claim(f, OTHER, 10, false, (struct ry_str){0}, 0), "0:3 1:2 2:2");
}

void sheet_that_is_made_stands_with_its_layout(void **state)
{
    struct writer_fixture *f = *state;
    write_completed(f, 1);
    assert_clips(claim(f, ME, 10, true, RY_STR(""), 10), "0:1");
    for (int again = 0; again < 2; again++)
        assert_true(make_sheet(f, 0));
    assert_clips(claim(f, ME, 10, false, RY_STR(""), 10), "");
    struct ry_gallery_get get = {.limit = 10, .before_wall_ms = INT64_MAX};
    struct ry_gallery_page page;
    struct ry_error err;
    assert_int_equal(f->engine->ops->gallery_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    assert_int_equal(page.clips.n, 1);
    const struct ry_gallery_clip *clip = &page.clips.items[0];
    ASSERT_STR(clip->sheet_path, "sheets/0.webp");
    assert_true(clip->sheet_columns == 4 && clip->sheet_rows == 2 && clip->sheet_count == 7 &&
                clip->sheet_width == 640 && clip->sheet_height == 180 && clip->sheet_step_s > 1.49 &&
                clip->sheet_step_s < 1.51);
}

void sheet_of_a_clip_that_is_gone_is_to_be_deleted(void **state)
{
    struct writer_fixture *f = *state;
    write_completed(f, 1);
    assert_true(make_sheet(f, 0));
    f->store->execute(f->store, "DELETE FROM clip");
    writer_assert_text(f, "SELECT path FROM reelyard_doomed_file", "sheets/0.webp");
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK);
    assert_true(make_sheet(f, 0)); /* the clip came back, and so did its file */
    writer_assert_text(f, "SELECT path FROM reelyard_doomed_file", "");
    assert_false(make_sheet(f, 7));
    writer_assert_text(f, "SELECT path FROM reelyard_doomed_file", "sheets/7.webp");
    fail_sheet(f, 7, false, RY_FAILURE_PASSING);
}

void sheet_that_fails_is_tried_again_later_and_not_for_ever(void **state)
{
    struct writer_fixture *f = *state;
    write_completed(f, 1);
    assert_clips(claim(f, ME, 10, true, RY_STR(""), 10), "0:1");
    fail_sheet(f, 0, true, RY_FAILURE_PASSING); /* given back: due at once, and no attempt */
    int64_t wait_ms = WRITER_SHEET_WAIT_MS;
    for (unsigned attempt = 1; attempt <= WRITER_SHEET_TRIES; attempt++, wait_ms *= 2) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "0:%u", attempt);
        assert_clips(claim(f, ME, 10, false, (struct ry_str){0}, 0), expected);
        fail_sheet(f, 0, false, RY_FAILURE_PASSING);
        ry_clock_manual_advance(&f->clock, wait_ms - 1);
        assert_clips(claim(f, ME, 10, false, (struct ry_str){0}, 0), "");
        ry_clock_manual_advance(&f->clock, 1);
    }
    assert_clips(claim(f, ME, 10, false, RY_STR(""), 10), "");
    writer_assert_text(f, "SELECT sheet_state FROM reelyard_media", "failed");
    fail_sheet(f, 0, true, RY_FAILURE_PASSING); /* late: changes nothing */
    writer_assert_text(f, "SELECT sheet_state FROM reelyard_media", "failed");
}
