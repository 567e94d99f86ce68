/* scheduler_janitor_test.c: files on the list of files to delete are deleted and leave it, whatever answers fail to
 * come. */
#include "tests/bed/bed.h"

#include "actors/scheduler/scheduler.h"

static struct ry_str paths[] = {{"thumbnails/a", 12}, {"thumbnails/b", 12}};

/* A bed whose first claim is answered, with a hint given and the list asked for; *get is that question. */
static struct bed *bed_hinted(uint64_t *get)
{
    struct bed *bed =
        bed_new(&ry_scheduler_spec, (const char *const[][2]){{"stale_scan_interval", "86400"}, {NULL, NULL}});
    bed_pass_over(bed, RY_TAG_keep_claim); /* originals are kept by tests of their own */
    bed_advance(bed, 0);
    (void)BED_EXPECT(bed, clips_claim);
    struct ry_files_doomed hint = {.count = 2};
    BED_DELIVER(bed, files_doomed, &hint, NULL);
    (void)BED_EXPECT(bed, files_doomed_get);
    *get = bed_envelope(bed)->id;
    return bed;
}

static void answer_list(struct bed *bed, uint64_t get, size_t n)
{
    struct ry_files_doomed_got got = {.paths = {paths, n}};
    BED_ANSWER(bed, get, files_doomed_got, &got);
}

static uint64_t expect_delete(struct bed *bed, size_t n)
{
    assert_int_equal(BED_EXPECT(bed, files_delete)->paths.n, n);
    return bed_envelope(bed)->id;
}

static uint64_t answer_delete(struct bed *bed, uint64_t id, size_t n, struct ry_str error)
{
    struct ry_files_deleted deleted = {.paths = {paths, n}, .error = error};
    BED_ANSWER(bed, id, files_deleted, &deleted);
    assert_int_equal(BED_EXPECT(bed, files_forget)->paths.n, n);
    return bed_envelope(bed)->id;
}

/* The next round comes after the first wait of the backoff, 1 s +-10 %, and not before. */
static void expect_later(struct bed *bed)
{
    bed_advance(bed, 899);
    bed_expect_nothing(bed);
    bed_advance(bed, 202);
    (void)BED_EXPECT(bed, files_doomed_get);
    bed_expect_nothing(bed);
}

static void janitor_deletes_what_is_listed_and_looks_again_if_hinted_meanwhile(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_hinted(&get);
    struct ry_files_doomed hint = {.count = 1};
    BED_DELIVER(bed, files_doomed, &hint, NULL);
    bed_expect_nothing(bed); /* one conversation at a time */
    answer_list(bed, get, 2);
    uint64_t forget = answer_delete(bed, expect_delete(bed, 2), 2, (struct ry_str){0});
    struct ry_files_forgotten forgotten = {0};
    BED_ANSWER(bed, forget, files_forgotten, &forgotten);
    (void)BED_EXPECT(bed, files_doomed_get);
    answer_list(bed, bed_envelope(bed)->id, 0);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void janitor_forgets_what_is_gone_and_comes_back_for_the_rest(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_hinted(&get);
    answer_list(bed, get, 2);
    uint64_t forget = answer_delete(bed, expect_delete(bed, 2), 1, RY_STR("cannot delete b"));
    struct ry_files_forgotten forgotten = {0};
    BED_ANSWER(bed, forget, files_forgotten, &forgotten);
    expect_later(bed);
    bed_free(bed);
}

static void janitor_starts_again_later_when_an_answer_is_an_error_or_lost(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        uint64_t get = 0;
        struct bed *bed = bed_hinted(&get);
        struct ry_files_doomed_got got = {.error = RY_STR("database is locked")};
        if (lost)
            bed_undeliverable(bed, get, get, RY_TAG_files_doomed_get, RY_UNDELIVERABLE_DEAD);
        else
            BED_ANSWER(bed, get, files_doomed_got, &got);
        expect_later(bed);
        bed_free(bed);
    }
}

static void janitor_begins_no_step_while_the_node_drains(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_hinted(&get);
    bed_drain(bed);
    answer_list(bed, get, 2);
    bed_advance(bed, 600000);
    bed_expect_nothing(bed);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(janitor_deletes_what_is_listed_and_looks_again_if_hinted_meanwhile),
        cmocka_unit_test(janitor_forgets_what_is_gone_and_comes_back_for_the_rest),
        cmocka_unit_test(janitor_starts_again_later_when_an_answer_is_an_error_or_lost),
        cmocka_unit_test(janitor_begins_no_step_while_the_node_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
