/* scanner_members_test.c: the authors of a scan's messages: who is looked up as a member of the guild, against the fake
 * Discord, and how those who are none are shown. */
#include "tests/bed/scan_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES 250

static const struct ry_strs NONE;

/* Author rows must be as the guild shows the members, and as the message shows those who left. */
static void assert_authors(const struct scan_bench *bench, const struct ry_batch_write *batch, size_t *members)
{
    size_t found = 0;
    *members = 0;
    for (unsigned number = 0; number < DISCORD_AUTHORS; number++) {
        struct discord_author author;
        char id[24];
        discord_author_make(bench->channel.guild, bench->channel.seed, number, &author);
        (void)snprintf(id, sizeof id, "%" PRIu64, author.id);
        for (size_t i = 0; i < batch->authors.n; i++) {
            const struct ry_author_row *row = &batch->authors.items[i];
            if (!ry_str_is(row->user_id, id))
                continue;
            const char *nick = author.is_member ? author.nick : NULL;
            scan_bench_text_is(row->username, author.username);
            scan_bench_text_is(row->nickname, nick);
            scan_bench_text_is(row->discriminator, author.discriminator);
            scan_bench_text_is(row->display_name, nick                 ? nick
                                                  : author.global_name ? author.global_name
                                                                       : author.username);
            bool of_guild = memmem(row->guild_avatar_url.p, row->guild_avatar_url.n, "/guilds/", 8) != NULL;
            assert_int_equal(of_guild, author.is_member && author.guild_avatar[0]);
            *members += author.is_member;
            found++;
        }
    }
    assert_int_equal(found, batch->authors.n);
}

static void new_authors_are_looked_up_as_members_and_those_who_left_stay_as_their_message_shows_them(void **state)
{
    (void)state;
    struct scan_bench bench;
    size_t members = 0;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = MESSAGES, .clips = 90});
    scan_bench_run(&bench, "batch", ",\"limit\":250");
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    scan_bench_answer_known(&bench, NONE, false);
    const struct ry_batch_write *batch = scan_bench_expect_rows(&bench, 0, 250, NULL);
    assert_authors(&bench, batch, &members);
    assert_true(batch->authors.n > 16); /* more than are looked up at a time */
    assert_between(members, 1, batch->authors.n - 1);
    assert_int_equal(fake_stat(bench.discord, "member"), batch->authors.n);
    scan_bench_close(&bench);
}

static void only_authors_without_a_row_are_looked_up(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = MESSAGES, .clips = 90});
    scan_bench_run(&bench, "batch", ",\"limit\":250");
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    scan_bench_listen(&bench);
    const struct ry_known_get *get = BED_EXPECT(bench.bed, known_get);
    struct ry_strs all_but_three = {get->user_ids.items, get->user_ids.n - 3};
    struct ry_known_got got = {.user_ids = all_but_three};
    BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, known_got, &got);
    scan_bench_expect_rows(&bench, 0, 250, NULL);
    assert_int_equal(fake_stat(bench.discord, "member"), 3);
    scan_bench_close(&bench);
}

static void authors_of_what_is_left_out_are_not_looked_up(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = MESSAGES, .clips = 90});
    scan_bench_run(&bench, "batch", ",\"rescan\":\"continue\",\"auto_continue\":true");
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    scan_bench_listen(&bench);
    const struct ry_known_get *get = BED_EXPECT(bench.bed, known_get);
    uint64_t stored = get->message_ids.n;
    assert_between(get->user_ids.n, 1, stored);
    struct ry_known_got got = {.message_ids = get->message_ids};
    BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, known_got, &got);
    const struct ry_batch_write *batch = scan_bench_expect_rows(&bench, 0, 0, NULL);
    assert_int_equal(batch->authors.n, 0);
    assert_int_equal(batch->progress.items[0].messages, 100 - stored);
    assert_int_equal(fake_stat(bench.discord, "member"), 0);
    scan_bench_answer_written(&bench);
    scan_bench_expect_done(&bench, 100 - stored, 0);
    scan_bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_authors_are_looked_up_as_members_and_those_who_left_stay_as_their_message_shows_them),
        cmocka_unit_test(only_authors_without_a_row_are_looked_up),
        cmocka_unit_test(authors_of_what_is_left_out_are_not_looked_up),
    };
    return cmocka_run_group_tests_name("scanner_members", tests, NULL, NULL);
}
