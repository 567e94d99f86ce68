/* fake_discord_test.c: the fake Discord's history is what it says, since scenarios are held against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bed/discord_history.h"

static const char *const media[] = {"a.mp4", "b.webm"};

static struct discord_history history_of(uint64_t messages, uint64_t clips)
{
    return (struct discord_history){
        .made = {
            .id = 5, .guild = 6, .seed = 7, .messages = messages, .clips = clips, .media = media, .media_count = 2}};
}

static void fake_discord_has_rising_ids_and_all_its_clips(void **state)
{
    (void)state;
    static const uint64_t cases[][2] = {{1, 0}, {1, 1}, {1, 8}, {10, 3}, {1000, 50}, {1000, 1000}, {500, 4000}, {7, 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct discord_history history = history_of(cases[i][0], cases[i][1]);
        uint64_t last = 0;
        uint64_t clips = 0;
        for (uint64_t k = 0; k < history.made.messages; k++) {
            struct discord_message message;
            discord_message_make(&history.made, k, &message);
            assert_true(message.id > last);
            assert_int_equal(discord_messages_before(&history.made, message.id), k);
            assert_int_equal(discord_messages_before(&history.made, message.id + 1), k + 1);
            last = message.id;
            for (size_t j = 0; j < message.attachment_count; j++)
                clips += message.attachments[j].is_clip;
        }
        assert_int_equal(clips, history.made.clips);
        assert_int_equal(discord_messages_before(&history.made, 0), 0);
        assert_int_equal(discord_messages_before(&history.made, UINT64_MAX), history.made.messages);
    }
}

/* The ids of a page. */
static size_t page(const struct discord_history *history, uint64_t middle, unsigned older, unsigned newer,
                   uint64_t *ids)
{
    static const struct discord_urls urls = {.base = "http://cdn", .proxy = "http://proxy", .life_s = 60};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    discord_history_page(history, out, &urls, middle, older, newer);
    assert_int_equal(fclose(out), 0);
    size_t n = 0;
    static const char key[] = "\"type\": 0, \"id\": \"";
    for (const char *at = text; (at = strstr(at, key)); at += sizeof key - 1)
        ids[n++] = strtoull(at + sizeof key - 1, NULL, 10);
    free(text);
    return n;
}

static void fake_discord_pages_are_newest_first(void **state)
{
    (void)state;
    struct discord_history history = history_of(10, 2);
    static const struct {
        uint64_t middle;
        unsigned older;
        unsigned newer;
        int first; /* number of the newest on the page; -1: an empty page */
        int last;
    } cases[] = {
        {10, 3, 0, 9, 7},   /* the newest */
        {4, 3, 0, 3, 1},    /* before number 4 */
        {2, 100, 0, 1, 0},  /* less than asked for */
        {0, 3, 0, -1, -1},  /* before the oldest */
        {0, 0, 3, 2, 0},    /* after 0 */
        {5, 0, 100, 9, 5},  /* after number 4 */
        {10, 0, 3, -1, -1}, /* after the newest */
        {5, 2, 2, 6, 3},    /* around number 5 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ids[200];
        size_t n = page(&history, cases[i].middle, cases[i].older, cases[i].newer, ids);
        assert_int_equal(n, cases[i].first < 0 ? 0 : cases[i].first - cases[i].last + 1);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(ids[k], discord_message_id(&history.made, (uint64_t)cases[i].first - k));
    }
}

static void fake_discord_forgets_what_was_deleted_and_shows_what_was_posted(void **state)
{
    (void)state;
    struct discord_history history = history_of(10, 2);
    uint64_t newest = discord_message_id(&history.made, 9);
    assert_true(discord_history_delete(&history, newest));
    assert_false(discord_history_delete(&history, newest));
    assert_false(discord_history_delete(&history, 5));
    uint64_t posted = discord_history_post(&history, "live.mp4", 0); /* a clock that is behind */
    assert_true(posted > newest);
    uint64_t ids[200];
    assert_int_equal(page(&history, discord_history_length(&history), 3, 0, ids), 3);
    assert_int_equal(ids[0], posted);
    assert_int_equal(ids[1], discord_message_id(&history.made, 8));
    assert_int_equal(page(&history, discord_history_before(&history, newest + 1), 0, 5, ids), 1);
    struct discord_message message;
    assert_true(discord_history_find(&history, posted, &message));
    assert_string_equal(message.attachments[0].filename, "live.mp4");
    assert_false(discord_history_find(&history, newest, &message));
    free((char *)(uintptr_t)history.live[0].attachments[0].filename);
    free(history.live);
    free(history.deleted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_discord_has_rising_ids_and_all_its_clips),
        cmocka_unit_test(fake_discord_pages_are_newest_first),
        cmocka_unit_test(fake_discord_forgets_what_was_deleted_and_shows_what_was_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
