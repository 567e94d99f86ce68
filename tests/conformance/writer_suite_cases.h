/* writer_suite_cases.h: the claims of the suite by subject, and what they share. */
#ifndef REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_CASES_H
#define REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/bed/between.h"
#include "tests/conformance/writer_suite.h"

#define WRITER_CASES \
    /* writer_batch_suite.c */ \
    CASE(batch_brings_every_row) \
    CASE(batch_written_again_changes_nothing) \
    CASE(batch_changes_only_what_differs) \
    CASE(what_discord_tells_of_a_clip_stands_beside_it) \
    CASE(upsert_leaves_what_people_and_the_bot_own) \
    CASE(clip_becomes_pending_unless_completed_with_the_same_settings) \
    CASE(text_is_cut_to_its_column_between_characters) \
    CASE(slices_of_many_batches_are_one_upsert) \
    CASE(batches_of_a_transaction_are_tallied_each) \
    CASE(fresh_rows_are_inserted) \
    CASE(rows_that_are_not_fresh_after_all_lose_nothing) \
    CASE(bad_rows_stand_alone) \
    CASE(rows_without_what_they_belong_to_are_refused) \
    CASE(brisk_batch_with_a_bad_row_fails_as_a_whole) \
    CASE(rows_of_another_guild_are_left_alone) \
    CASE(brisk_batch_with_an_id_of_another_guild_fails_as_a_whole) \
    CASE(one_id_from_two_guilds_in_a_transaction_is_the_first_ones) \
    CASE(batch_for_a_channel_of_another_guild_writes_nothing) \
    CASE(guild_row_of_another_guild_is_refused) \
    CASE(smaller_token_is_fenced) \
    CASE(old_tokens_are_forgotten_a_few_at_a_time) \
    CASE(rollback_leaves_nothing) \
    CASE(marks_nest) \
    /* writer_scans_suite.c */ \
    CASE(fence_is_closed_for_a_lost_lease_and_for_a_cancelled_scan) \
    CASE(careful_batch_with_a_closed_fence_says_which) \
    CASE(bounds_only_ever_widen) \
    CASE(live_messages_make_a_row_that_waits_for_a_scan) \
    CASE(live_messages_set_the_bound_of_a_row_that_has_none) \
    CASE(row_of_live_messages_does_not_stop_the_scan_behind_it) \
    CASE(progress_counts_once_for_a_job) \
    CASE(progress_counts_clips_and_ends_a_scan) \
    CASE(scan_begins_running) \
    CASE(cancelled_scan_begins_only_to_restart) \
    CASE(reset_forgets_bounds_and_totals) \
    CASE(lost_lease_neither_begins_nor_ends_a_scan) \
    CASE(job_delivered_again_learns_of_its_slice) \
    CASE(scan_of_a_channel_without_a_row_is_nothing) \
    CASE(old_slices_are_forgotten_with_the_tokens) \
    CASE(stale_scans_of_the_channels_named_are_cancelled) \
    CASE(open_scans_are_listed_with_what_goes_on) \
    CASE(scan_is_told_with_its_clips) \
    /* writer_search_suite.c */ \
    CASE(search_finds_words_in_any_script) \
    CASE(search_takes_whatever_is_typed) \
    CASE(search_filters_and_sorts) \
    CASE(search_pages_in_both_directions) \
    CASE(search_follows_every_change) \
    CASE(search_fills_an_older_archive_in_slices) \
    CASE(search_counts_what_it_finds) \
    CASE(search_is_bounded_and_complete) \
    /* writer_purge_suite.c */ \
    CASE(purged_message_takes_its_rows_and_lists_its_files) \
    CASE(purged_channel_goes_in_steps) \
    CASE(purged_guild_goes_with_its_channels) \
    CASE(purge_without_the_lease_deletes_nothing) \
    CASE(purge_leaves_other_tables_to_their_keys) \
    CASE(doomed_files_are_listed_oldest_first_until_forgotten) \
    CASE(clip_completed_after_its_row_went_has_its_files_deleted) \
    /* writer_clips_suite.c */ \
    CASE(claim_takes_new_then_left_then_due) \
    CASE(claim_marks_and_leases) \
    CASE(claim_passes_over_what_is_leased_or_deleted) \
    CASE(claim_of_a_fresh_start_voids_its_former_self_only) \
    CASE(claim_says_when_to_come_again) \
    CASE(claim_brings_the_longest_media_root) \
    CASE(renew_prolongs_own_leases_only) \
    CASE(completed_records_everything_and_bears_repetition) \
    CASE(completed_clip_keeps_its_images_until_it_is_claimed_again) \
    CASE(completed_clip_has_its_video_s_facts) \
    CASE(failed_counts_once_and_waits) \
    CASE(failure_waits_by_the_retry_count_of_its_row) \
    CASE(permanent_failure_is_due_never_but_for_people) \
    CASE(another_version_of_the_encoder_tries_permanent_failures_once) \
    CASE(completed_wins_over_a_late_failure) \
    CASE(released_clip_is_pending_and_uncounted) \
    CASE(outcome_of_a_clip_that_is_gone) \
    CASE(failed_retry_takes_named_or_all) \
    CASE(failures_of_one_kind_are_counted_listed_and_retried_together) \
    CASE(clock_that_was_ahead_puts_nothing_off) \
    CASE(stale_clips_fail_and_are_due_at_once) \
    CASE(fresh_urls_are_stored) \
    /* writer_keep_suite.c */ \
    CASE(wanted_are_clips_whose_thumbnails_are_settled) \
    CASE(wish_for_all_goes_through_the_archive_in_steps) \
    CASE(keep_claim_leases_what_is_due) \
    CASE(keep_claim_passes_over_clips_whose_thumbnails_come_first) \
    CASE(keep_claim_of_a_fresh_start_voids_its_former_self_only) \
    CASE(kept_is_recorded_once_and_wins) \
    CASE(keep_failure_waits_counts_or_is_final) \
    CASE(shared_file_goes_with_its_last_clip) \
    CASE(clips_that_go_together_take_their_file_along) \
    CASE(file_that_is_being_deleted_is_kept_again_later) \
    CASE(file_kept_for_a_clip_that_is_gone_is_deleted) \
    CASE(files_without_rows_are_told_and_doomed) \
    CASE(files_of_rows_are_paged) \
    /* writer_sheets_suite.c */ \
    CASE(sheets_of_clips_that_were_there_are_looked_for) \
    CASE(sheet_of_a_completed_clip_is_wanted_once) \
    CASE(sheet_claim_leases_and_a_fresh_start_voids) \
    CASE(sheet_that_is_made_stands_with_its_layout) \
    CASE(sheet_of_a_clip_that_is_gone_is_to_be_deleted) \
    CASE(sheet_that_fails_is_tried_again_later_and_not_for_ever) \
    /* writer_archive_suite.c */ \
    CASE(short_clip_is_archived_once) \
    CASE(clip_that_is_long_enough_again_is_restored) \
    CASE(shortness_is_judged_by_the_uppermost_layer_that_says_it) \
    CASE(old_clips_are_archived_once) \
    CASE(round_of_the_archivist_looks_at_each_clip_once) \
    CASE(age_is_judged_by_the_uppermost_layer_that_says_it) \
    /* writer_queries_suite.c */ \
    CASE(settings_tell_flags_and_json) \
    CASE(gallery_pages_through_all_newest_first) \
    CASE(gallery_filters) \
    CASE(long_texts_end_a_list_early) \
    CASE(gallery_shows_names_files_and_failures) \
    CASE(gallery_names_a_local_files_folder_for_one_clip) \
    CASE(gallery_tells_what_is_known_of_a_video) \
    CASE(archive_counts_what_is_there) \
    CASE(refused_rows_are_told_until_they_go_in) \
    CASE(refused_rows_go_with_a_purge_or_after_a_month) \
    CASE(failed_clips_are_listed_by_pages) \
    CASE(known_rows_are_told) \
    CASE(clips_of_a_channels_days_are_counted) \
    CASE(ping_is_answered)

#define CASE(name) void name(void **state);
WRITER_CASES
#undef CASE

/* Runs one operation of the engine in a transaction of its own; fails the test if it fails. */
#define IN_TRANSACTION(fixture, call) \
    do { \
        struct ry_error err = {0}; \
        const struct writer_engine_ops *ops_ = (fixture)->engine->ops; \
        if (ops_->begin((fixture)->engine, &err) != RY_OK || ops_->call != RY_OK || \
            ops_->commit((fixture)->engine, &err) != RY_OK) \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* The waits of a failure, whatever failed before. */
#define WRITER_WAIT(wait_ms) (&(const struct retry_waits){.ms = {(wait_ms)}, .n = 1})

/* The archive's figures are what the tables say. */
void writer_assert_archive(struct writer_fixture *fixture);

/* The outcome of clip `number`: two thumbnails, thumbnails/<number>_small.webp and _large.webp. In the arena. */
struct ry_clip_completed writer_completed_make(struct writer_fixture *fixture, unsigned number);

void writer_assert_text(struct writer_fixture *fixture, const char *sql, const char *expected);

#define ASSERT_STR(s, expected) \
    do { \
        struct ry_str s_ = (s); \
        if (!ry_str_is(s_, (expected))) \
            fail_msg("%s is '%.*s', not '%s'", #s, RY_STR_ARG(s_), (expected)); \
    } while (0)

#endif
