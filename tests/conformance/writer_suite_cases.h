/* writer_suite_cases.h: the claims of the suite by subject, and what they share. */
#ifndef REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_CASES_H
#define REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/conformance/writer_suite.h"

#define WRITER_CASES \
    /* writer_batch_suite.c */ \
    CASE(batch_brings_every_row) \
    CASE(batch_written_again_changes_nothing) \
    CASE(batch_changes_only_what_differs) \
    CASE(upsert_leaves_what_people_and_the_bot_own) \
    CASE(clip_becomes_pending_unless_completed_with_the_same_settings) \
    CASE(text_is_cut_to_its_column_between_characters) \
    CASE(bad_rows_stand_alone) \
    CASE(rows_without_what_they_belong_to_are_refused) \
    CASE(brisk_batch_with_a_bad_row_fails_as_a_whole) \
    CASE(smaller_token_is_fenced) \
    CASE(old_tokens_are_forgotten_a_few_at_a_time) \
    CASE(rollback_leaves_nothing) \
    CASE(marks_nest) \
    /* writer_clips_suite.c */ \
    CASE(claim_takes_new_then_left_then_due) \
    CASE(claim_marks_and_leases) \
    CASE(claim_passes_over_what_is_leased_or_deleted) \
    CASE(claim_of_a_fresh_start_voids_its_former_self_only) \
    CASE(claim_says_when_to_come_again) \
    CASE(claim_brings_the_longest_media_root) \
    CASE(renew_prolongs_own_leases_only) \
    CASE(completed_records_everything_and_bears_repetition) \
    CASE(failed_counts_once_and_waits) \
    CASE(completed_wins_over_a_late_failure) \
    CASE(released_clip_is_pending_and_uncounted) \
    CASE(outcome_of_a_clip_that_is_gone) \
    CASE(failed_retry_takes_named_or_all) \
    /* writer_queries_suite.c */ \
    CASE(settings_tell_flags_and_json) \
    CASE(gallery_pages_through_all_newest_first) \
    CASE(gallery_filters) \
    CASE(long_texts_end_a_list_early) \
    CASE(gallery_shows_names_files_and_failures) \
    CASE(archive_counts_what_is_there) \
    CASE(failed_clips_are_listed_by_pages)

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

void writer_assert_text(struct writer_fixture *fixture, const char *sql, const char *expected);

#define ASSERT_STR(s, expected) \
    do { \
        struct ry_str s_ = (s); \
        if (!ry_str_is(s_, (expected))) \
            fail_msg("%s is '%.*s', not '%s'", #s, RY_STR_ARG(s_), (expected)); \
    } while (0)

#endif
