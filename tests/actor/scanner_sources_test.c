/* scanner_sources_test.c: videos that a message has besides its own attachments: those of the message that it forwards
 * and those of its embeds; and what is kept of where they come from. */
#include "tests/bed/bed.h"

#include "actors/scanner/scanner.h"
#include "proto/direct_guild.h"
#include "runtime/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID     "4194304005"
#define AUTHOR "\"author\":{\"id\":\"9\",\"username\":\"u\"}"
#define MADE   "2015-01-01T00:00:01+00:00"

static struct bed *bed;
static uint64_t job; /* the last one */

static int open_bed(void **state)
{
    (void)state;
    bed = bed_new(&ry_scanner_spec, (bed_option[]){{"settings_cache_ttl", "0"}, {NULL, NULL}});
    return 0;
}

static int close_bed(void **state)
{
    (void)state;
    bed_free(bed);
    return 0;
}

/* Runs a job of the node's own queue with one message that has these members too; returns the batch it becomes. */
static const struct ry_batch_write *rows_of(const char *guild, bool local, const char *members)
{
    char *json = NULL;
    assert_true(
        asprintf(&json,
                 "{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"%s\",\"channel_id\":\"2\",\"created_at\":"
                 "\"2024-10-19T15:03:09Z\",\"guild\":{\"id\":\"%s\",\"name\":\"G\"},\"channel\":{\"id\":\"2\","
                 "\"name\":\"C\",\"type\":\"text\"},\"media_root\":\"/media\",\"messages\":[{\"id\":\"" ID "\"," AUTHOR
                 ",%s}]}",
                 guild, guild, members) > 0);
    struct ry_job_run run = {.job_id = RY_STR("j"),
                             .type = RY_STR("messages"),
                             .token = 7,
                             .local_media = local,
                             .job = {.p = json, .n = strlen(json)}};
    job = BED_DELIVER(bed, job_run, &run, NULL);
    free(json);
    BED_EXPECT(bed, settings_get);
    struct ry_settings_got got = {.guild_exists = true,
                                  .channel_exists = true,
                                  .guild_enabled = true,
                                  .channel_enabled = true,
                                  .channel_type = RY_STR("text")};
    BED_ANSWER(bed, bed_envelope(bed)->id, settings_got, &got);
    return BED_EXPECT(bed, batch_write);
}

static void assert_text(struct ry_str got, const char *wanted)
{
    if (!ry_str_is(got, wanted))
        fail_msg("'%.*s' instead of '%s'", RY_STR_ARG(got), wanted ? wanted : "nothing");
}

/* Whether the clip's id is that of a file of this name, with this behind it ("": nothing). */
static void assert_id(const struct ry_clip_row *clip, const char *filename, const char *suffix)
{
    char text[256], hex[RY_MD5_HEX_BYTES];
    snprintf(text, sizeof text, ID ":2:%s:" MADE "%s%s", filename, *suffix ? ":" : "", suffix);
    ry_md5_hex(ry_str_of(text), hex);
    assert_text(clip->id, hex);
    assert_text(clip->filename, filename);
}

#define FILE_OF(id, name, more) \
    "{\"id\":\"" id "\",\"filename\":\"" name "\",\"size\":5,\"url\":\"https://x/" id "\"" more "}"
#define SNAPSHOT(members) "\"message_snapshots\":[{\"message\":{" members "}}]"

static void a_forwarded_message_s_videos_are_clips_that_say_where_they_come_from(void **state)
{
    (void)state;
    const struct ry_batch_write *batch = rows_of(
        "1", false,
        "\"type\":0,\"content\":\"\",\"attachments\":[],\"message_reference\":{\"type\":1,\"message_id\":\"77\","
        "\"channel_id\":\"66\",\"guild_id\":\"55\"}," SNAPSHOT("\"content\":\"what a goal\",\"attachments\":[" FILE_OF(
            "11", "a.mp4", "") "," FILE_OF("12", "b.png", "") "],\"timestamp\":\"2014-01-01T00:00:00Z\""));
    assert_int_equal(batch->clips.n, 1);
    const struct ry_clip_row *clip = batch->clips.items;
    assert_id(clip, "a.mp4", "");
    assert_text(clip->source_kind, "forward");
    assert_text(clip->source_url, "https://discord.com/channels/55/66/77");
    assert_text(batch->messages.items[0].content, "what a goal");
    assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_images), 1);
}

static void no_id_of_a_source_is_another_s(void **state)
{
    (void)state;
    const struct ry_batch_write *batch =
        rows_of("1", true,
                "\"attachments\":[" FILE_OF("11", "a.mp4", "") "," FILE_OF(
                    "12", "a.mp4",
                    "") "],\"embeds\":[{\"video\":{\"url\":"
                        "\"https://v.example/a.mp4\",\"proxy_url\":\"file:///media/"
                        "a-1.mp4\"}},{\"video\":{\"url\":\"https://w.example/"
                        "x/a.mp4?t=1\",\"proxy_url\":\"file:///media/a-2.mp4\"}}]," SNAPSHOT(
                            "\"attachments\":[" FILE_OF("13", "a.mp4", "") "," FILE_OF(
                                "11", "a.mp4", "") "],\"embeds\":[{\"video\":{"
                                                   "\"url\":\"file:///media/a.mp4\"}},{\"video\":{\"url\":\"https://"
                                                   "v.example/a.mp4\",\"proxy_url\":"
                                                   "\"file:///media/a-1.mp4\"}}]"));
    static const char *const SUFFIXES[] = {"", "12", "13", "embed", "embed:2", "embed:3"};
    static const char *const KINDS[] = {NULL, NULL, "forward", "embed", "embed", "embed"};
    assert_int_equal(batch->clips.n, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_id(&batch->clips.items[i], "a.mp4", SUFFIXES[i]);
        assert_text(batch->clips.items[i].source_kind, KINDS[i]);
    }
    assert_null(batch->clips.items[2].source_url.p); /* a forward that names no message */
    assert_text(batch->clips.items[3].source_url, "https://v.example/a.mp4");
    assert_text(batch->clips.items[4].url, "file:///media/a-2.mp4");
    assert_null(batch->clips.items[5].source_url.p);
}

static void embeds_that_are_not_ours_are_counted(void **state)
{
    (void)state;
    const struct ry_batch_write *batch = rows_of(
        "1", true,
        "\"attachments\":[" FILE_OF(
            "11", "a.mp4",
            "") "],\"embeds\":[7,{\"image\":{\"url\":\"https://x/i.png\"}},"
                "{\"video\":{\"url\":\"https://www.youtube.com/embed/dQw4w9WgXcQ\"}},"
                "{\"video\":{\"url\":\"https://www.youtube.com/embed/q\",\"proxy_url\":\"file:///media/q-1B2C3\"}},"
                "{\"video\":{\"url\":\"https://media.tenor.com/x/cat.mp4\",\"proxy_url\":\"file:///media/cat-1.mp4\"}},"
                "{\"video\":{\"url\":\"https://not-tenor.com/cat.mp4\",\"proxy_url\":\"file:///media/cat-2.mp4\"}},"
                "{\"video\":{\"url\":\"https://v.example/Stra%C3%9Fe%2Fx.mp4\",\"proxy_url\":\"file:///media/"
                "stra%20sse-1.mp4\"}},"
                "{\"video\":{\"url\":\"https://v.example/DASH_720\",\"proxy_url\":\"file:///media/dash.mp4\"}}]");
    assert_int_equal(batch->clips.n, 4);
    assert_text(batch->clips.items[1].filename, "cat.mp4");
    assert_text(batch->clips.items[2].filename, "stra sse-1.mp4"); /* a name with a slash is none */
    assert_text(batch->clips.items[3].filename, "dash.mp4");
    assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_embeds), 3);
}

static void an_embed_names_no_file_of_this_machine_in_the_jobs_of_others(void **state)
{
    (void)state;
    const struct ry_batch_write *batch =
        rows_of("1", false,
                "\"attachments\":[" FILE_OF(
                    "11", "a.mp4",
                    "") "],\"embeds\":[{\"video\":{\"url\":\"https://x/b.mp4\","
                        "\"proxy_url\":\"file:///etc/passwd.mp4\"}},{\"video\":{\"url\":\"file:///etc/passwd.mp4\"}}]");
    assert_int_equal(batch->clips.n, 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_embeds), 2);
}

static void a_reply_s_clip_says_what_it_answers(void **state)
{
    (void)state;
    static const struct {
        const char *guild, *reference, *kind, *link;
    } CASES[] = {
        {"1", "\"type\":19,\"message_reference\":{\"message_id\":\"77\",\"channel_id\":\"66\"}", "reply",
         "https://discord.com/channels/1/66/77"},
        {RY_DIRECT_GUILD_ID, "\"type\":19,\"message_reference\":{\"message_id\":\"77\",\"channel_id\":\"66\"}", "reply",
         "https://discord.com/channels/@me/66/77"},
        {"1", "\"type\":19,\"message_reference\":{\"message_id\":\"x\",\"channel_id\":\"66\"}", "reply", NULL},
        {"1", "\"type\":0,\"message_reference\":{\"message_id\":\"77\",\"channel_id\":\"66\"}", NULL, NULL},
        {"1", "\"type\":19,\"message_reference\":null", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char members[512];
        snprintf(members, sizeof members, "\"attachments\":[" FILE_OF("11", "a.mp4", "") "],%s", CASES[i].reference);
        const struct ry_batch_write *batch = rows_of(CASES[i].guild, false, members);
        assert_int_equal(batch->clips.n, 1);
        assert_text(batch->clips.items[0].source_kind, CASES[i].kind);
        assert_text(batch->clips.items[0].source_url, CASES[i].link);
        assert_id(&batch->clips.items[0], "a.mp4", "");
        struct ry_batch_written written = {.succeeded = 1};
        BED_ANSWER(bed, bed_envelope(bed)->id, batch_written, &written);
        (void)BED_EXPECT(bed, job_done);
        bed_expect_done(bed, job);
    }
}

static void what_discord_tells_of_an_attachment_is_carried(void **state)
{
    (void)state;
    const struct ry_batch_write *batch = rows_of(
        "1", false,
        "\"edited_timestamp\":\"2015-01-01T00:00:02Z\",\"pinned\":true,\"attachments\":"
        "[" FILE_OF("11", "a.mp4", ",\"placeholder\":\"3OcRJYB4d3h/iIeHeEh3eIhw+j2w\",\"placeholder_version\":1") "," FILE_OF(
            "12", "b.mp4",
            ",\"placeholder\":\"3OcRJYB4d3h\",\"placeholder_version\":2") "," FILE_OF("13", "c.mp4",
                                                                                      ",\"place"
                                                                                      "holder\""
                                                                                      ":\"<b>"
                                                                                      "\","
                                                                                      "\"placeh"
                                                                                      "older_"
                                                                                      "version"
                                                                                      "\":1") "," FILE_OF("14", "d.mp4",
                                                                                                          ",\"placehold"
                                                                                                          "er\":7") "]");
    assert_int_equal(batch->clips.n, 4);
    assert_text(batch->clips.items[0].placeholder, "3OcRJYB4d3h/iIeHeEh3eIhw+j2w");
    for (size_t i = 1; i < 4; i++)
        assert_null(batch->clips.items[i].placeholder.p);
    for (size_t i = 0; i < 4; i++) {
        assert_true(batch->clips.items[i].pinned);
        assert_int_equal(batch->clips.items[i].edited_wall_ms, 1420070402000);
    }
}

static void a_message_of_too_many_videos_gives_the_first_ones(void **state)
{
    (void)state;
    RY_BUF_AUTO members = ry_buf_make((size_t)64 << 10);
    ry_buf_addf(&members, "\"attachments\":[");
    for (int i = 0; i < 60; i++)
        ry_buf_addf(&members, "%s{\"id\":\"%d\",\"filename\":\"a.mp4\",\"url\":\"https://x/\"}", i ? "," : "", 100 + i);
    ry_buf_addf(&members, "],\"message_snapshots\":[{\"message\":{\"attachments\":[");
    for (int i = 0; i < 60; i++)
        ry_buf_addf(&members, "%s{\"id\":\"%d\",\"filename\":\"a.mp4\",\"url\":\"https://x/\"}", i ? "," : "", 200 + i);
    ry_buf_addf(&members, "]}}]");
    const struct ry_batch_write *batch = rows_of("1", false, ry_buf_cstr(&members));
    assert_int_equal(batch->clips.n, 100);
    assert_id(&batch->clips.items[99], "a.mp4", "239");
}

#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BED(a_forwarded_message_s_videos_are_clips_that_say_where_they_come_from),
        WITH_BED(no_id_of_a_source_is_another_s),
        WITH_BED(embeds_that_are_not_ours_are_counted),
        WITH_BED(an_embed_names_no_file_of_this_machine_in_the_jobs_of_others),
        WITH_BED(a_reply_s_clip_says_what_it_answers),
        WITH_BED(what_discord_tells_of_an_attachment_is_carried),
        WITH_BED(a_message_of_too_many_videos_gives_the_first_ones),
    };
    return cmocka_run_group_tests_name("scanner_sources", tests, NULL, NULL);
}
