/* writer_keep_suite.c: whose original is to be kept, who works on it, what becomes of it, and of the files. */
#include "tests/conformance/writer_suite_cases.h"

#include "proto/store_name.h"

#include <stdio.h>

#define ME       "node-a/2"
#define MY_PAST  "node-a/1"
#define OTHER    "node-b/1"
#define LEASE_MS 60000

static struct ry_str clip_id(struct writer_fixture *f, unsigned number)
{
    return ry_arena_printf(&f->arena, "%032x", number);
}

/* n clips with thumbnails, from number `first`. */
static void fill(struct writer_fixture *f, unsigned first, unsigned n)
{
    (void)writer_batch_commit(f, writer_batch_make(f, first, n), WRITER_BRISK);
    for (unsigned i = first; i < first + n; i++) {
        struct ry_clip_completed completed = writer_completed_make(f, i);
        struct ry_clip_settled settled = {0};
        bool found = false;
        IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
        assert_true(found);
    }
}

static struct ry_keep_wanted want(struct writer_fixture *f, struct ry_keep_want want)
{
    struct ry_keep_wanted wanted = {0};
    IN_TRANSACTION(f, keep_want(f->engine, &want, &f->arena, &wanted, &err));
    return wanted;
}

static uint64_t want_channel(struct writer_fixture *f, bool again)
{
    return want(f, (struct ry_keep_want){.channel_id = RY_STR("200"), .limit = 1000, .again = again}).count;
}

static struct ry_keep_claimed claim(struct writer_fixture *f, const char *owner, uint64_t limit, bool first)
{
    const struct ry_keep_claim claim = {
        .owner = ry_str_of(owner), .limit = limit, .lease_ms = LEASE_MS, .first = first};
    struct ry_keep_claimed claimed = {0};
    IN_TRANSACTION(f, keep_claim(f->engine, &claim, &f->arena, &claimed, &err));
    return claimed;
}

/* Files by a letter: their SHA-256 is 64 of them. */
static struct ry_str sha256_of(struct writer_fixture *f, char letter)
{
    char text[65];
    memset(text, letter, 64);
    text[64] = '\0';
    return ry_arena_str(&f->arena, ry_str_of(text));
}

static struct ry_str path_of(struct writer_fixture *f, char letter)
{
    ry_store_name name;
    struct ry_error err;
    assert_int_equal(ry_store_name_media(sha256_of(f, letter), RY_STR("mp4"), name, &err), RY_OK);
    return ry_arena_str(&f->arena, ry_str_of(name));
}

static struct ry_keep_settled keep(struct writer_fixture *f, unsigned number, char letter)
{
    const struct ry_clip_kept kept = {.clip_id = clip_id(f, number),
                                      .sha256 = sha256_of(f, letter),
                                      .kept_path = path_of(f, letter),
                                      .bytes = 1000 + number,
                                      .kept_wall_ms = f->clock.now_wall_ms};
    struct ry_keep_settled settled = {0};
    IN_TRANSACTION(f, clip_kept(f->engine, &kept, &settled, &err));
    return settled;
}

static struct ry_keep_settled fail_keep(struct writer_fixture *f, struct ry_clip_keep_failed failed, int64_t wait_ms)
{
    failed.reason = RY_STR("the server said no");
    struct ry_keep_settled settled = {0};
    IN_TRANSACTION(f, clip_keep_failed(f->engine, &failed, WRITER_WAIT(wait_ms), &settled, &err));
    return settled;
}

static void assert_states(struct writer_fixture *f, const char *expected)
{
    writer_assert_text(f, "SELECT keep_state FROM reelyard_media ORDER BY clip_id", expected);
    struct ry_archive_state state;
    struct ry_error err;
    assert_int_equal(f->engine->ops->archive_get(f->engine, &state, &err), RY_OK);
    static const char count[] = "SELECT count(*) FROM reelyard_media WHERE keep_state = '%s'";
    const struct {
        const char *state;
        uint64_t told;
    } figures[] = {{"kept", state.clips_kept},
                   {"wanted", state.clips_to_keep},
                   {"failed", state.clips_keep_failed},
                   {"gone", state.clips_keep_gone}};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, count, figures[i].state);
        assert_int_equal(writer_number(f, sql), (int64_t)figures[i].told);
    }
    assert_int_equal(
        writer_number(f, "SELECT coalesce(sum(kept_bytes), 0) FROM reelyard_media WHERE keep_state = 'kept'"),
        (int64_t)state.bytes_kept);
}

static void assert_doomed(struct writer_fixture *f, struct ry_str path, bool doomed)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM reelyard_doomed_file WHERE path = '%.*s'", RY_STR_ARG(path));
    assert_int_equal(writer_number(f, sql), doomed);
}

/* ---- wishes and claims --------------------------------------------------------------------------------------- */

void wanted_are_clips_whose_thumbnails_are_settled(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 3);
    (void)writer_batch_commit(f, writer_batch_make(f, 3, 1), WRITER_BRISK); /* pending */
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'failed' WHERE filename = 'clip-1.mp4'");
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-2.mp4'");
    assert_int_equal(want_channel(f, false), 2);
    assert_int_equal(want_channel(f, false), 0);
    assert_states(f, "wanted,wanted");
    IN_TRANSACTION(f, clip_want(f->engine, clip_id(f, 3), &err));
    assert_states(f, "wanted,wanted");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'completed' WHERE filename = 'clip-3.mp4'");
    IN_TRANSACTION(f, clip_want(f->engine, clip_id(f, 3), &err));
    IN_TRANSACTION(f, clip_want(f->engine, clip_id(f, 3), &err));
    assert_states(f, "wanted,wanted,wanted");
}

void wish_for_all_goes_through_the_archive_in_steps(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 5);
    struct ry_keep_want step = {.limit = 2};
    uint64_t count = 0;
    unsigned steps = 0;
    for (bool more = true; more; steps++) {
        struct ry_keep_wanted wanted = want(f, step);
        count += wanted.count;
        more = wanted.more;
        step.after_id = wanted.next_id;
    }
    assert_int_equal(count, 5);
    assert_int_equal(steps, 3);
    assert_int_equal(want(f, (struct ry_keep_want){.limit = 100}).count, 0);
}

void keep_claim_leases_what_is_due(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 3);
    (void)want_channel(f, false);
    struct ry_keep_claimed claimed = claim(f, ME, 2, false);
    assert_int_equal(claimed.clips.n, 2);
    ASSERT_STR(claimed.clips.items[1].filename, "clip-1.mp4");
    assert_int_equal(claimed.clips.items[1].file_size, 1001);
    assert_int_equal(claimed.clips.items[1].attempts, 1);
    assert_int_equal(claimed.next_due_ms, LEASE_MS);
    assert_int_equal(claim(f, OTHER, 10, false).clips.n, 1);
    assert_int_equal(claim(f, OTHER, 10, false).clips.n, 0);
    ry_clock_manual_advance(&f->clock, LEASE_MS / 2);
    struct ry_str ids[] = {clip_id(f, 0), clip_id(f, 2)};
    const struct ry_keep_renew renew = {.owner = RY_STR(ME), .lease_ms = LEASE_MS, .clip_ids = {ids, 2}};
    struct ry_keep_renewed renewed = {0};
    IN_TRANSACTION(f, keep_renew(f->engine, &renew, &renewed, &err));
    assert_int_equal(renewed.renewed, 1);
    ry_clock_manual_advance(&f->clock, LEASE_MS / 2);
    assert_int_equal(claim(f, OTHER, 10, false).clips.n, 2); /* 1 and 2, whose leases ended */
}

void keep_claim_passes_over_clips_whose_thumbnails_come_first(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 2);
    (void)want_channel(f, false);
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'pending' WHERE filename = 'clip-0.mp4'");
    struct ry_keep_claimed claimed = claim(f, ME, 10, false);
    assert_int_equal(claimed.clips.n, 1);
    ASSERT_STR(claimed.clips.items[0].filename, "clip-1.mp4");
}

void keep_claim_of_a_fresh_start_voids_its_former_self_only(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 2);
    (void)want_channel(f, false);
    assert_int_equal(claim(f, MY_PAST, 1, false).clips.n, 1);
    assert_int_equal(claim(f, OTHER, 1, false).clips.n, 1);
    struct ry_keep_claimed claimed = claim(f, ME, 10, true);
    assert_int_equal(claimed.clips.n, 1);
    ASSERT_STR(claimed.clips.items[0].filename, "clip-0.mp4");
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

void kept_is_recorded_once_and_wins(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 2);
    (void)want_channel(f, false);
    (void)claim(f, ME, 10, false);
    assert_true(keep(f, 0, 'a').kept);
    assert_true(keep(f, 0, 'a').kept);
    struct ry_keep_settled settled = fail_keep(f, (struct ry_clip_keep_failed){.clip_id = clip_id(f, 0)}, 5000);
    assert_true(settled.kept);
    assert_int_equal(settled.retry_ms, UINT64_MAX);
    assert_states(f, "kept,wanted");
    writer_assert_text(f, "SELECT kept_path FROM reelyard_media WHERE keep_state = 'kept'", path_of(f, 'a').p);
    const struct ry_keep_get get = {.channel_id = RY_STR("200")};
    struct ry_keep_state told = {0};
    struct ry_error err;
    assert_int_equal(f->engine->ops->keep_get(f->engine, &get, &f->arena, &told, &err), RY_OK);
    assert_int_equal(told.kept, 1);
    assert_int_equal(told.wanted, 1);
    assert_int_equal(told.bytes_kept, 1000);
    assert_int_equal(told.bytes_wanted, 1001);
}

void keep_failure_waits_counts_or_is_final(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 4);
    (void)want_channel(f, false);
    (void)claim(f, ME, 10, false);
    struct ry_clip_keep_failed failed = {.clip_id = clip_id(f, 0)};
    assert_int_equal(fail_keep(f, failed, 5000).retry_ms, 5000);
    failed = (struct ry_clip_keep_failed){.clip_id = clip_id(f, 1), .class = RY_FAILURE_PERMANENT, .gone = true};
    assert_int_equal(fail_keep(f, failed, 5000).retry_ms, UINT64_MAX);
    failed = (struct ry_clip_keep_failed){.clip_id = clip_id(f, 2), .class = RY_FAILURE_PERMANENT};
    assert_int_equal(fail_keep(f, failed, 5000).retry_ms, UINT64_MAX);
    failed = (struct ry_clip_keep_failed){.clip_id = clip_id(f, 3), .release = true};
    assert_int_equal(fail_keep(f, failed, 5000).retry_ms, 0);
    assert_states(f, "wanted,gone,failed,wanted");
    writer_assert_text(f, "SELECT keep_attempts FROM reelyard_media ORDER BY clip_id", "1,1,1,0");
    struct ry_keep_claimed claimed = claim(f, ME, 10, false);
    assert_int_equal(claimed.clips.n, 1);
    ASSERT_STR(claimed.clips.items[0].filename, "clip-3.mp4");
    failed.away = true;
    struct ry_keep_settled settled = fail_keep(f, failed, 5000);
    assert_true(settled.away && settled.retry_ms > 0 && settled.retry_ms < UINT64_MAX);
    struct ry_archive_state figures;
    struct ry_error err;
    assert_int_equal(f->engine->ops->archive_get(f->engine, &figures, &err), RY_OK);
    ASSERT_STR(figures.keep_trouble, "the server said no");
    ry_clock_manual_advance(&f->clock, 5000);
    claimed = claim(f, ME, 10, false);
    assert_int_equal(claimed.clips.n, 1);
    assert_int_equal(claimed.clips.items[0].attempts, 2);
    assert_int_equal(want_channel(f, false), 0);
    assert_int_equal(want_channel(f, true), 2);
    assert_states(f, "wanted,wanted,wanted,wanted");
}

void shared_file_goes_with_its_last_clip(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 3);
    (void)want_channel(f, false);
    assert_true(keep(f, 0, 'a').kept && keep(f, 1, 'a').kept && keep(f, 2, 'b').kept);
    f->store->execute(f->store, "DELETE FROM message WHERE id = '100000'");
    assert_doomed(f, path_of(f, 'a'), false);
    f->store->execute(f->store, "DELETE FROM message WHERE id = '100001'");
    assert_doomed(f, path_of(f, 'a'), true);
    assert_doomed(f, path_of(f, 'b'), false);
    assert_true(keep(f, 2, 'c').kept);
    assert_doomed(f, path_of(f, 'b'), true);
    assert_states(f, "kept");
}

void clips_that_go_together_take_their_file_along(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 3);
    (void)want_channel(f, false);
    assert_true(keep(f, 0, 'a').kept && keep(f, 1, 'a').kept && keep(f, 2, 'a').kept);
    f->store->execute(f->store, "DELETE FROM message");
    assert_doomed(f, path_of(f, 'a'), true);
}

void file_that_is_being_deleted_is_kept_again_later(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 2);
    (void)want_channel(f, false);
    assert_true(keep(f, 0, 'a').kept);
    f->store->execute(f->store, "DELETE FROM message WHERE id = '100000'");
    assert_doomed(f, path_of(f, 'a'), true);
    struct ry_keep_settled settled = keep(f, 1, 'a');
    assert_false(settled.kept);
    assert_true(settled.retry_ms > 0 && settled.retry_ms < UINT64_MAX);
    assert_states(f, "wanted");
    assert_doomed(f, path_of(f, 'a'), true);
    /* The file is gone; who made sure of it before must do so again. */
    struct ry_str path = path_of(f, 'a');
    const struct ry_files_forget forget = {.paths = {&path, 1}};
    IN_TRANSACTION(f, files_forget(f->engine, &forget, &err));
    assert_doomed(f, path, false);
    assert_false(keep(f, 1, 'a').kept);
    ry_clock_manual_advance(&f->clock, 10 * 60000);
    assert_true(keep(f, 1, 'a').kept);
    assert_states(f, "kept");
}

void file_kept_for_a_clip_that_is_gone_is_deleted(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 1);
    assert_false(keep(f, 77, 'a').kept);
    assert_doomed(f, path_of(f, 'a'), true);
    (void)want_channel(f, false);
    assert_true(keep(f, 0, 'b').kept);
    assert_false(keep(f, 77, 'b').kept);
    assert_doomed(f, path_of(f, 'b'), false);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

void files_without_rows_are_told_and_doomed(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 2);
    (void)want_channel(f, false);
    assert_true(keep(f, 0, 'a').kept);
    f->store->execute(f->store,
                      "UPDATE thumbnail SET storage_path = 'thumbnails/guild_100/' || clip_id || '_small.webp'"
                      " WHERE size_type = 'small'");
    (void)writer_batch_commit(f, writer_batch_make(f, 2, 1), WRITER_BRISK); /* pending: its files may be on the way */
    struct ry_str paths[] = {
        path_of(f, 'a'),
        path_of(f, 'd'),
        ry_arena_printf(&f->arena, "thumbnails/guild_100/%032x_small.webp", 1),
        ry_arena_printf(&f->arena, "thumbnails/guild_100/%032x_large.webp", 1),
        ry_arena_printf(&f->arena, "thumbnails/guild_100/%032x_large.webp", 2),
        ry_arena_printf(&f->arena, "thumbnails/guild_100/%032x_large.webp", 99),
    };
    struct ry_files_claim ask = {.paths = {paths, sizeof paths / sizeof paths[0]}};
    struct ry_files_claimed claimed;
    IN_TRANSACTION(f, files_claim(f->engine, &ask, &f->arena, &claimed, &err));
    assert_int_equal(claimed.paths.n, 3);
    assert_doomed(f, paths[1], false);
    ask.doom = true;
    IN_TRANSACTION(f, files_claim(f->engine, &ask, &f->arena, &claimed, &err));
    assert_int_equal(claimed.paths.n, 3);
    assert_doomed(f, paths[0], false);
    assert_doomed(f, paths[1], true);
    assert_doomed(f, paths[3], true);
    assert_doomed(f, paths[5], true);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_doomed_file"), 3);
}

void files_of_rows_are_paged(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, 0, 3);
    (void)want_channel(f, false);
    assert_true(keep(f, 0, 'b').kept && keep(f, 1, 'a').kept && keep(f, 2, 'a').kept);
    static const struct {
        enum ry_store_kind kind;
        size_t files;
    } kinds[] = {{RY_STORE_THUMBNAIL, 6}, {RY_STORE_MEDIA, 2}, {RY_STORE_SHEET, 0}, {RY_STORE_PLAYABLE, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t files = 0;
        struct ry_files_get get = {.kind = kinds[i].kind, .limit = 2};
        for (bool more = true; more;) {
            struct ry_files_got got;
            struct ry_error err;
            assert_int_equal(f->engine->ops->files_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
            if (kinds[i].kind == RY_STORE_MEDIA && files == 0) {
                assert_true(ry_str_eq(got.files.items[0].path, path_of(f, 'a')));
                assert_true(ry_str_eq(got.files.items[0].sha256, sha256_of(f, 'a')));
                assert_int_equal(got.files.items[0].clips, 2);
            }
            files += got.files.n;
            more = got.more;
            if (got.files.n > 0)
                get.after = got.files.items[got.files.n - 1].key;
            assert_true(files <= 6);
        }
        assert_int_equal(files, kinds[i].files);
    }
}
