/* stats_test.c: what is counted is what is printed, and reports add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "runtime/stats/stats.h"

static void assert_prints(const struct ry_stats *stats, const char *lines)
{
    RY_BUF_AUTO out = ry_buf_make((size_t)1 << 20);
    ry_stats_prometheus(stats, &out);
    assert_false(out.failed);
    if (strstr(ry_buf_cstr(&out), lines) == NULL)
        fail_msg("'%s' is not in:\n%s", lines, out.p);
}

static void a_counter_is_printed_with_its_help_and_type(void **state)
{
    (void)state;
    struct ry_stats stats = {0};
    stats.counters[RY_COUNTER_jobs_read] = UINT64_MAX;
    assert_prints(&stats, "# HELP reelyard_jobs_read_total Jobs leased from the queue.\n"
                          "# TYPE reelyard_jobs_read_total counter\n"
                          "reelyard_jobs_read_total 18446744073709551615\n");
    assert_string_equal(ry_counter_name(RY_COUNTER_jobs_read), "jobs_read");
    assert_string_equal(ry_counter_name(RY_COUNTER_http_errors), "http_errors");
}

static void a_value_counts_in_the_first_bucket_that_holds_it(void **state)
{
    (void)state;
    static const struct {
        double value;
        size_t bucket;
    } cases[] = {{-1, 0},
                 {0, 0},
                 {1, 0},
                 {1.001, 1},
                 {10, 1},
                 {10000, 7},
                 {NAN, 0},
                 {-0.0, 0},
                 {INFINITY, 0},
                 {10000.5, RY_HISTOGRAM_BOUNDS},
                 {1e300, RY_HISTOGRAM_BOUNDS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_stats stats = {0};
        ry_stats_observe(&stats, RY_HISTOGRAM_db_batch, cases[i].value);
        for (size_t b = 0; b <= RY_HISTOGRAM_BOUNDS; b++)
            assert_int_equal(stats.histograms[RY_HISTOGRAM_db_batch].buckets[b], b == cases[i].bucket);
    }
}

static void a_histogram_is_printed_cumulative_with_its_sum(void **state)
{
    (void)state;
    struct ry_stats stats = {0};
    ry_stats_observe(&stats, RY_HISTOGRAM_db_batch, 1);
    ry_stats_observe(&stats, RY_HISTOGRAM_db_batch, 29.5);
    ry_stats_observe(&stats, RY_HISTOGRAM_db_batch, 20000);
    assert_prints(&stats, "# HELP reelyard_db_batch_rows Rows per transaction.\n"
                          "# TYPE reelyard_db_batch_rows histogram\n"
                          "reelyard_db_batch_rows_bucket{le=\"1\"} 1\n"
                          "reelyard_db_batch_rows_bucket{le=\"10\"} 1\n"
                          "reelyard_db_batch_rows_bucket{le=\"30\"} 2\n"
                          "reelyard_db_batch_rows_bucket{le=\"100\"} 2\n"
                          "reelyard_db_batch_rows_bucket{le=\"300\"} 2\n"
                          "reelyard_db_batch_rows_bucket{le=\"1000\"} 2\n"
                          "reelyard_db_batch_rows_bucket{le=\"3000\"} 2\n"
                          "reelyard_db_batch_rows_bucket{le=\"10000\"} 2\n"
                          "reelyard_db_batch_rows_bucket{le=\"+Inf\"} 3\n"
                          "reelyard_db_batch_rows_sum 20030.500000\n"
                          "reelyard_db_batch_rows_count 3\n");
}

static void every_number_has_a_flat_position_of_its_own(void **state)
{
    (void)state;
    struct ry_stats stats = {0};
    assert_int_equal(RY_STATS_FLAT, sizeof stats / sizeof(uint64_t));
    for (size_t i = 0; i < RY_STATS_FLAT; i++) {
        assert_int_equal(*ry_stats_at(&stats, i), 0);
        *ry_stats_at(&stats, i) = i + 1;
    }
    for (size_t i = 0; i < RY_STATS_FLAT; i++)
        assert_int_equal(*ry_stats_at(&stats, i), i + 1);
    assert_int_equal(stats.counters[0], 1);
    assert_int_equal(stats.histograms[RY_HISTOGRAM_COUNT - 1].sum_micro, RY_STATS_FLAT);
}

static void merging_adds_every_number(void **state)
{
    (void)state;
    struct ry_stats a = {0};
    struct ry_stats b = {0};
    for (size_t i = 0; i < RY_STATS_FLAT; i++) {
        *ry_stats_at(&a, i) = i;
        *ry_stats_at(&b, i) = 1000;
    }
    ry_stats_merge(&a, &b);
    for (size_t i = 0; i < RY_STATS_FLAT; i++)
        assert_int_equal(*ry_stats_at(&a, i), i + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_is_printed_with_its_help_and_type),
        cmocka_unit_test(a_value_counts_in_the_first_bucket_that_holds_it),
        cmocka_unit_test(a_histogram_is_printed_cumulative_with_its_sum),
        cmocka_unit_test(every_number_has_a_flat_position_of_its_own),
        cmocka_unit_test(merging_adds_every_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
