/* scanner_test.c: the scanner turns jobs into rows, puts bad messages aside one by one, and ends every job. */
#include "tests/bed/bed.h"

#include "actors/scanner/rows.h"
#include "actors/scanner/scanner.h"
#include "runtime/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN   7
#define HASH    "27b3234951922ec2213c626963892154" /* of the built-in defaults */
#define GUILD   "\"guild\":{\"id\":\"1\",\"name\":\"G\",\"icon_url\":null}"
#define CHANNEL "\"channel\":{\"id\":\"2\",\"name\":\"C\",\"type\":\"text\",\"parent_id\":\"5\",\"topic\":\"T\"}"
#define HEAD \
    "\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"1\",\"channel_id\":\"2\"," \
    "\"created_at\":\"2024-10-19T15:03:09Z\""
#define AUTHOR "\"author\":{\"id\":\"9\",\"username\":\"u\"}"
#define VIDEO  "{\"id\":\"11\",\"filename\":\"a.webm\",\"size\":5,\"url\":\"https://x/a.webm?ex=65f0c0de\"}"

static struct bed *bed;

/* Without the cache, so that every job asks for its settings. */
static int open_bed(void **state)
{
    (void)state;
    bed = bed_new(&ry_scanner_spec, (bed_option[]){{"settings_cache_ttl", "0"}, {NULL, NULL}});
    return 0;
}

static int open_bed_with_cache(void **state)
{
    (void)state;
    bed = bed_new(&ry_scanner_spec, NULL);
    return 0;
}

static int close_bed(void **state)
{
    (void)state;
    bed_free(bed);
    return 0;
}

/* ---- shorthand --------------------------------------------------------------------------------------------------- */

static uint64_t run_job(const char *json, bool local)
{
    struct ry_job_run run = {.job_id = RY_STR("j"),
                             .type = RY_STR("messages"),
                             .token = TOKEN,
                             .local_media = local,
                             .job = {.p = json, .n = strlen(json)}};
    return BED_DELIVER(bed, job_run, &run, NULL);
}

static char *job_text(const char *more, const char *messages)
{
    char *text = NULL;
    assert_true(asprintf(&text, "{%s%s,\"messages\":[%s]}", HEAD, more, messages) > 0);
    return text;
}

/* A job of the node's own queue that brings its guild and channel. */
static uint64_t run_local(const char *messages)
{
    char *json = job_text("," GUILD "," CHANNEL ",\"media_root\":\"/media\"", messages);
    uint64_t id = run_job(json, true);
    free(json);
    return id;
}

static uint64_t run_remote(const char *messages)
{
    char *json = job_text("," GUILD "," CHANNEL ",\"media_root\":\"/media\"", messages);
    uint64_t id = run_job(json, false);
    free(json);
    return id;
}

static struct ry_settings_got enabled(void)
{
    return (struct ry_settings_got){.guild_exists = true,
                                    .channel_exists = true,
                                    .guild_enabled = true,
                                    .channel_enabled = true,
                                    .channel_type = RY_STR("text")};
}

static void answer_settings(struct ry_settings_got got)
{
    const struct ry_settings_get *get = BED_EXPECT(bed, settings_get);
    assert_true(ry_str_is(get->guild_id, "1"));
    assert_true(ry_str_is(get->channel_id, "2"));
    BED_ANSWER(bed, bed_envelope(bed)->id, settings_got, &got);
}

static void answer_written(void)
{
    struct ry_batch_written written = {.succeeded = 1};
    BED_ANSWER(bed, bed_envelope(bed)->id, batch_written, &written);
}

static void expect_done(uint64_t job, uint64_t messages, uint64_t clips, uint64_t rejected)
{
    const struct ry_job_done *done = BED_EXPECT(bed, job_done);
    assert_true(ry_str_is(done->job_id, "j"));
    assert_int_equal(done->messages, messages);
    assert_int_equal(done->clips, clips);
    assert_int_equal(done->rejected, rejected);
    assert_int_equal(bed_envelope(bed)->correlation, job);
    bed_expect_done(bed, job);
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 0);
}

static void expect_failed(uint64_t job, bool retry, const char *says)
{
    const struct ry_job_failed *failed = BED_EXPECT(bed, job_failed);
    assert_int_equal(bed_envelope(bed)->correlation, job);
    if (failed->retry != retry || memmem(failed->reason.p, failed->reason.n, says, strlen(says)) == NULL)
        fail_msg("retry %d: %.*s", failed->retry, RY_STR_ARG(failed->reason));
    bed_expect_done(bed, job);
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 0);
}

static void assert_text(struct ry_str got, const char *wanted)
{
    if (!ry_str_is(got, wanted))
        fail_msg("'%.*s' instead of '%s'", RY_STR_ARG(got), wanted ? wanted : "nothing");
}

/* ---- the course of a job ----------------------------------------------------------------------------------------- */

static void a_local_job_becomes_rows(void **state)
{
    (void)state;
    uint64_t job =
        run_local("{\"id\":\"4194304005\",\"timestamp\":\"2015-01-01T00:00:01.5+00:00\",\"content\":\"hi\","
                  "\"author\":{\"id\":\"9\",\"username\":\"u\",\"discriminator\":\"0\",\"global_name\":\"Gn\","
                  "\"avatar_url\":\"https://a/b.png\"},\"member\":{\"nick\":\"Nn\"},\"attachments\":[" VIDEO
                  ",{\"id\":\"12\",\"filename\":\"picture.png\",\"url\":\"https://x/p.png\"},"
                  "{\"id\":\"13\",\"filename\":\"a.webm\",\"size\":6,\"url\":\"file:///media/a%20b.webm\"}]}");
    answer_settings((struct ry_settings_got){.guild_exists = false});
    const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
    assert_text(batch->job_id, "j");
    assert_int_equal(batch->token, TOKEN);
    assert_text(batch->media_root, "/media");
    assert_int_equal(batch->guilds.n, 1);
    assert_text(batch->guilds.items[0].name, "G");
    assert_null(batch->guilds.items[0].icon_url.p);
    assert_int_equal(batch->channels.n, 1);
    assert_text(batch->channels.items[0].type, "text");
    assert_text(batch->channels.items[0].parent_id, "5");
    assert_text(batch->channels.items[0].topic, "T");
    assert_int_equal(batch->messages.n, 1);
    assert_text(batch->messages.items[0].id, "4194304005");
    assert_text(batch->messages.items[0].author_id, "9");
    assert_text(batch->messages.items[0].content, "hi");
    assert_int_equal(batch->messages.items[0].timestamp_wall_ms, 1420070401500);
    assert_int_equal(batch->authors.n, 1);
    assert_text(batch->authors.items[0].avatar_url, "https://a/b.png");
    assert_text(batch->authors.items[0].display_name, "Nn");
    assert_int_equal(batch->clips.n, 2);
    const struct ry_clip_row *clip = &batch->clips.items[0];
    assert_text(clip->id, "5d94a4cfa35f4efe78fdd246657b3e8e");
    assert_text(clip->filename, "a.webm");
    assert_int_equal(clip->file_size, 5);
    assert_text(clip->mime_type, "video/webm");
    assert_text(clip->visibility, "PUBLIC");
    assert_text(clip->settings_hash, HASH);
    assert_int_equal(clip->expires_wall_ms, (int64_t)0x65f0c0de * 1000);
    assert_text(clip[1].url, "file:///media/a%20b.webm");
    assert_int_equal(clip[1].expires_wall_ms, 253402300799000);
    assert_false(ry_str_eq(clip[0].id, clip[1].id));
    answer_written();
    expect_done(job, 1, 2, 0);
    assert_int_equal(bed_counter(bed, RY_COUNTER_messages_scanned), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_found), 2);
}

/* An attachment of each kind, two further videos among them. */
#define KINDS \
    "{\"id\":\"4194304005\",\"author\":{\"id\":\"9\",\"username\":\"u\"},\"attachments\":[" VIDEO \
    ",{\"id\":\"12\",\"filename\":\"b.mpg\",\"size\":7,\"url\":\"https://x/b\"}" \
    ",{\"id\":\"13\",\"filename\":\"c.ts\",\"content_type\":\"video/mp2t\",\"size\":7,\"url\":\"https://x/c\"}" \
    ",{\"id\":\"14\",\"filename\":\"d.png\",\"url\":\"https://x/" \
    "d\"},{\"id\":\"15\",\"filename\":\"e.png\",\"url\":\"https://x/e\"}" \
    ",{\"id\":\"16\",\"filename\":\"f.txt\",\"url\":\"https://x/" \
    "f\"},{\"id\":\"17\",\"filename\":\"g\",\"url\":\"https://x/g\"}]}"

static void own_jobs_take_further_videos_and_others_the_channels_list(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        uint64_t images = bed_counter(bed, RY_COUNTER_skipped_images),
                 texts = bed_counter(bed, RY_COUNTER_skipped_texts),
                 videos = bed_counter(bed, RY_COUNTER_skipped_videos),
                 others = bed_counter(bed, RY_COUNTER_skipped_others);
        uint64_t job = own ? run_local(KINDS) : run_remote(KINDS);
        answer_settings(own ? (struct ry_settings_got){.guild_exists = false} : enabled());
        const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
        assert_int_equal(batch->clips.n, own ? 3 : 1);
        answer_written();
        expect_done(job, 1, own ? 3 : 1, 0);
        assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_images) - images, 2);
        assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_texts) - texts, 1);
        assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_videos) - videos, own ? 0 : 2);
        assert_int_equal(bed_counter(bed, RY_COUNTER_skipped_others) - others, 1);
    }
}

static void what_only_own_jobs_may_bring_is_not_taken_from_others(void **state)
{
    (void)state;
    uint64_t job = run_remote("{\"id\":\"4194304005\",\"author\":{\"id\":\"9\",\"username\":\"u\",\"avatar_url\":"
                              "\"https://evil/\"},\"attachments\":[" VIDEO ",{\"id\":\"12\",\"filename\":\"b.mp4\","
                              "\"url\":\"file:///etc/passwd\"}]}");
    answer_settings(enabled());
    const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
    assert_int_equal(batch->guilds.n, 0);
    assert_int_equal(batch->channels.n, 0);
    assert_null(batch->media_root.p);
    assert_int_equal(batch->clips.n, 1);
    assert_null(batch->authors.items[0].avatar_url.p);
    answer_written();
    expect_done(job, 1, 1, 1);
}

static void a_channel_that_is_not_to_be_scanned_is_skipped(void **state)
{
    (void)state;
    struct ry_settings_got cases[6];
    for (size_t i = 0; i < 6; i++)
        cases[i] = enabled();
    cases[0].guild_exists = false;
    cases[1].channel_exists = false;
    cases[2].guild_enabled = false;
    cases[3].channel_enabled = false;
    cases[4].channel_type = RY_STR("category");
    cases[5].nsfw = true;
    cases[5].guild_settings = RY_STR("{\"ignore_nsfw_channels\":true}");
    for (size_t i = 0; i < 6; i++) {
        uint64_t job = run_remote("{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
        answer_settings(cases[i]);
        expect_done(job, 0, 0, 0);
        assert_int_equal(bed_counter(bed, RY_COUNTER_jobs_skipped), i + 1);
    }
}

static void an_nsfw_channel_is_scanned_unless_settings_say_otherwise(void **state)
{
    (void)state;
    struct ry_settings_got got = enabled();
    got.nsfw = true;
    uint64_t job = run_remote("{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
    answer_settings(got);
    (void)BED_EXPECT(bed, batch_write);
    answer_written();
    expect_done(job, 1, 1, 0);
}

static void a_local_job_without_rows_needs_them_in_the_database(void **state)
{
    (void)state;
    char *json = job_text("", "{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
    uint64_t job = run_job(json, true);
    answer_settings((struct ry_settings_got){.guild_exists = false});
    expect_failed(job, false, "guild 1 is not in the database");
    job = run_job(json, true);
    answer_settings((struct ry_settings_got){.guild_exists = true});
    expect_failed(job, false, "channel 2 is not in the database");
    job = run_job(json, true);
    answer_settings((struct ry_settings_got){.guild_exists = true, .channel_exists = true});
    (void)BED_EXPECT(bed, batch_write);
    answer_written();
    expect_done(job, 1, 1, 0);
    free(json);
}

static void settings_come_from_the_cache_unless_the_channel_is_refused(void **state)
{
    (void)state;
    uint64_t job = run_local("");
    answer_settings(enabled());
    expect_done(job, 0, 0, 0);
    job = run_local("");
    expect_done(job, 0, 0, 0);
    assert_int_equal(bed_counter(bed, RY_COUNTER_settings_cache_hits), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_settings_cache_misses), 1);
    /* The flags of this channel allow a scan, so others' jobs may believe them too. */
    job = run_remote("");
    expect_done(job, 0, 0, 0);
    assert_int_equal(bed_counter(bed, RY_COUNTER_settings_cache_hits), 2);
    bed_advance(bed, 300000);
    struct ry_settings_got refused = enabled();
    refused.channel_enabled = false;
    for (int i = 0; i < 2; i++) {
        job = run_remote("");
        answer_settings(refused);
        expect_done(job, 0, 0, 0);
    }
    /* A job of the node's own queue may have what was read for a refused one. */
    job = run_local("");
    expect_done(job, 0, 0, 0);
    bed_advance(bed, 300000);
    job = run_local("");
    answer_settings(enabled());
    expect_done(job, 0, 0, 0);
}

static void several_jobs_are_worked_on_side_by_side(void **state)
{
    (void)state;
    uint64_t jobs[3];
    uint64_t asks[3];
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = run_remote("{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
        (void)BED_EXPECT(bed, settings_get);
        asks[i] = bed_envelope(bed)->id;
    }
    assert_int_equal(bed_kept(bed), 3);
    struct ry_settings_got got = enabled();
    struct ry_batch_written written = {.succeeded = 1};
    for (size_t i = 3; i-- > 0;) {
        BED_ANSWER(bed, asks[i], settings_got, &got);
        (void)BED_EXPECT(bed, batch_write);
        asks[i] = bed_envelope(bed)->id;
    }
    for (size_t i = 0; i < 3; i++) {
        BED_ANSWER(bed, asks[i], batch_written, &written);
        assert_int_equal(BED_EXPECT(bed, job_done)->clips, 1);
        assert_int_equal(bed_envelope(bed)->correlation, jobs[i]);
        bed_expect_done(bed, jobs[i]);
    }
    bed_expect_nothing(bed);
}

/* ---- bad input --------------------------------------------------------------------------------------------------- */

static void a_bad_message_or_attachment_is_put_aside_alone(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        uint64_t clips;
        uint64_t rejected;
    } CASES[] = {
        {"null", 0, 1},
        {"17", 0, 1},
        {"{}", 0, 1},
        {"{\"id\":3}", 0, 1},
        {"{\"id\":\"0\"}", 0, 1},
        {"{\"id\":\"99999999999999999999\"}", 0, 1},
        {"{\"id\":\"3\",\"timestamp\":\"yesterday\"}", 0, 1},
        {"{\"id\":\"3\",\"content\":7}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":{}}", 0, 1},
        {"{\"id\":\"3\"}", 0, 0},
        {"{\"id\":\"3\",\"attachments\":[]}", 0, 0},
        {"{\"id\":\"3\",\"attachments\":[1]," AUTHOR "}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":[{\"id\":\"1\"}," VIDEO "]," AUTHOR "}", 1, 1},
        {"{\"id\":\"3\",\"attachments\":[{\"filename\":\"a.mp4\"}]," AUTHOR "}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":[{\"id\":\"x\",\"filename\":\"a.mp4\",\"url\":\"https://x\"}]," AUTHOR "}", 0,
         1},
        {"{\"id\":\"3\",\"attachments\":[{\"id\":\"1\",\"filename\":\"a.mp4\"}]," AUTHOR "}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":[{\"id\":\"1\",\"filename\":\"a.mp4\",\"url\":\"ftp://x\"}]," AUTHOR "}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":[{\"id\":\"1\",\"filename\":\"\",\"content_type\":\"video/mp4\",\"url\":"
         "\"https://x\"}]," AUTHOR "}",
         0, 1},
        {"{\"id\":\"3\",\"attachments\":[" VIDEO "]}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":[" VIDEO "],\"author\":{\"id\":\"9\"}}", 0, 1},
        {"{\"id\":\"3\",\"attachments\":[" VIDEO "],\"author\":{\"id\":\"9\",\"username\":\"u\",\"avatar\":\"../x\"}}",
         0, 1},
        {"{\"id\":\"3\",\"attachments\":[" VIDEO "],\"author\":{\"id\":\"9\",\"username\":\"u\",\"discriminator\":"
         "\"12345\"}}",
         0, 1},
        {"{\"id\":\"3\",\"attachments\":[" VIDEO "," VIDEO "]," AUTHOR "}", 1, 0}, /* the very same twice */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *messages = NULL;
        assert_true(asprintf(&messages, "%s,{\"id\":\"4\",\"attachments\":[" VIDEO "]," AUTHOR "}", CASES[i].message) >
                    0);
        uint64_t before = bed_counter(bed, RY_COUNTER_messages_rejected);
        uint64_t job = run_remote(messages);
        answer_settings(enabled());
        if (BED_EXPECT(bed, batch_write)->clips.n != CASES[i].clips + 1)
            fail_msg("%s", CASES[i].message);
        answer_written();
        const struct ry_job_done *done = BED_EXPECT(bed, job_done);
        if (done->rejected != CASES[i].rejected || done->messages != 2)
            fail_msg("%s", CASES[i].message);
        assert_int_equal(bed_counter(bed, RY_COUNTER_messages_rejected), before + CASES[i].rejected);
        bed_expect_done(bed, job);
        free(messages);
    }
}

static void a_size_that_can_be_none_is_not_known(void **state)
{
    (void)state;
    static const struct {
        const char *size; /* NULL: absent */
        uint64_t stored;
    } CASES[] = {
        {"0", 0},
        {"1", 1},
        {"1099511627776", RY_CLIP_BYTES_MAX},
        {"1099511627777", 0},
        {"9223372036854775807", 0},
        {"9223372036854775808", 0},
        {"18446744073709551616", 0},
        {"100000000000000000000", 0},
        {"-1", 0},
        {"-9223372036854775809", 0},
        {"1.5", 0},
        {"5.0", 0},
        {"1e400", 0},
        {"\"5\"", 0},
        {"null", 0},
        {"true", 0},
        {"[5]", 0},
        {NULL, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *message = NULL;
        assert_true(asprintf(&message,
                             "{\"id\":\"3\",\"attachments\":[{\"id\":\"1\",\"filename\":\"a.mp4\",%s%s%s\"url\":"
                             "\"https://x\"}]," AUTHOR "}",
                             CASES[i].size ? "\"size\":" : "", CASES[i].size ? CASES[i].size : "",
                             CASES[i].size ? "," : "") > 0);
        uint64_t job = run_remote(message);
        answer_settings(enabled());
        const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
        if (batch->clips.n != 1 || batch->clips.items[0].file_size != CASES[i].stored)
            fail_msg("%s", message);
        answer_written();
        expect_done(job, 1, 1, 0);
        free(message);
    }
}

static void a_bad_job_is_a_dead_letter_that_names_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *says;
    } CASES[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "job_id is missing"},
        {"{\"job_id\":\"j\"}", "type is missing"},
        {"{\"job_id\":\"j\",\"type\":\"batch\"}", "type is not 'messages'"},
        {"{\"job_id\":\"j\",\"type\":\"messages\"}", "guild_id is missing"},
        {"{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":1}", "guild_id is not a string"},
        {"{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"x\"}", "guild_id 'x' is not a snowflake"},
        {"{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"1\"}", "channel_id is missing"},
        {"{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "created_at is missing"},
        {"{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"1\",\"channel_id\":\"2\",\"created_at\":\"x\"}",
         "created_at is not an ISO 8601 time"},
        {"{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"1\",\"channel_id\":\"2\","
         "\"created_at\":\"2024-10-19T15:03:09.159000\"}",
         "messages is missing"}, /* a time as Python prints it is none of what is wrong */
        {"{" HEAD "}", "messages is missing"},
        {"{" HEAD ",\"messages\":{}}", "messages is not an array"},
        {"{" HEAD ",\"messages\":[],\"guild\":7}", "guild is not an object"},
        {"{" HEAD ",\"messages\":[],\"guild\":{\"id\":\"3\",\"name\":\"\"}}", "guild.id is not guild_id"},
        {"{" HEAD ",\"messages\":[],\"channel\":{\"id\":\"2\",\"name\":\"\",\"type\":\"news\"}}", "channel.type"},
        {"{" HEAD ",\"messages\":[],\"media_root\":\"relative\"}", "media_root"},
        {"{" HEAD ",\"messages\":[\"\xff\"]}", "not UTF-8"},
        {"{" HEAD ",\"messages\":[\"\xc1\x9e\"]}", "not UTF-8"},     /* an overlong form */
        {"{" HEAD ",\"messages\":[\"\xed\xa0\x80\"]}", "not UTF-8"}, /* a surrogate */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        expect_failed(run_job(CASES[i].json[0] ? CASES[i].json : " ", true), false, CASES[i].says);
}

static void a_type_that_is_unknown_is_a_dead_letter(void **state)
{
    (void)state;
    static const char JSON[] = "{\"job_id\":\"j\",\"type\":\"dance\"}";
    struct ry_job_run run = {
        .job_id = RY_STR("j"), .type = RY_STR("dance"), .token = 1, .job = {.p = JSON, .n = sizeof JSON - 1}};
    expect_failed(BED_DELIVER(bed, job_run, &run, NULL), false, "there is no such type of job as 'dance'");
}

/* ---- the limit of clips a day ------------------------------------------------------------------------------------ */

/* A message of the given day of October 2024 with so many videos, and a comma before it unless it is the first. */
static void add_message(char *text, size_t size, unsigned id, unsigned day, unsigned videos)
{
    size_t n = strlen(text);
    n += (size_t)snprintf(text + n, size - n,
                          "%s{\"id\":\"%u\",\"timestamp\":\"2024-10-%02uT23:59:59Z\"," AUTHOR ",\"attachments\":[",
                          n ? "," : "", id, day);
    for (unsigned i = 0; i < videos; i++)
        n += (size_t)snprintf(text + n, size - n, "%s{\"id\":\"%u\",\"filename\":\"%u.mp4\",\"url\":\"https://x/a\"}",
                              i ? "," : "", 100 * id + i + 1, i);
    (void)snprintf(text + n, size - n, "]}");
}

static struct ry_settings_got limited(const char *settings)
{
    struct ry_settings_got got = enabled();
    got.guild_settings = ry_str_of(settings);
    return got;
}

static void no_more_new_clips_of_a_day_than_the_settings_allow(void **state)
{
    (void)state;
    char messages[4096] = "";
    add_message(messages, sizeof messages, 3, 19, 2);
    add_message(messages, sizeof messages, 4, 20, 2);
    add_message(messages, sizeof messages, 5, 19, 3);
    add_message(messages, sizeof messages, 6, 19, 1);
    uint64_t job = run_remote(messages);
    answer_settings(limited("{\"max_clips_per_channel_per_day\":3}"));
    const struct ry_days_get *get = BED_EXPECT(bed, days_get);
    assert_text(get->channel_id, "2");
    assert_int_equal(get->days.n, 2);
    assert_int_equal(get->days.items[0].day_wall_ms, INT64_C(1729296000000)); /* the 19th */
    assert_int_equal(get->days.items[1].day_wall_ms, INT64_C(1729382400000));
    assert_int_equal(get->clip_ids.n, 8);
    struct ry_day_clips days[] = {{INT64_C(1729296000000), 2}, {INT64_C(1729382400000), 4}};
    struct ry_str stored[] = {get->clip_ids.items[5]}; /* of message 5, and one of the two of its day */
    char stored_id[33];
    (void)snprintf(stored_id, sizeof stored_id, "%.*s", RY_STR_ARG(stored[0]));
    struct ry_days_got got = {.days = {days, 2}, .clip_ids = {stored, 1}};
    BED_ANSWER(bed, bed_envelope(bed)->id, days_got, &got);
    const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
    /* The 19th has room for one: the first of message 3. The 20th is full. The stored one stays. */
    assert_int_equal(batch->messages.n, 2);
    assert_text(batch->messages.items[0].id, "3");
    assert_text(batch->messages.items[1].id, "5");
    assert_int_equal(batch->clips.n, 2);
    assert_text(batch->clips.items[0].filename, "0.mp4");
    assert_text(batch->clips.items[1].id, stored_id);
    assert_int_equal(batch->authors.n, 1);
    answer_written();
    expect_done(job, 4, 2, 0);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_over_limit), 6);
}

static void nothing_is_written_of_days_that_are_full(void **state)
{
    (void)state;
    char messages[1024] = "";
    add_message(messages, sizeof messages, 3, 19, 2);
    uint64_t job = run_remote(messages);
    answer_settings(limited("{\"max_clips_per_channel_per_day\":1}"));
    (void)BED_EXPECT(bed, days_get);
    struct ry_day_clips days[] = {{INT64_C(1729296000000), 1}};
    struct ry_days_got got = {.days = {days, 1}};
    BED_ANSWER(bed, bed_envelope(bed)->id, days_got, &got);
    expect_done(job, 1, 0, 0);
}

static void days_that_cannot_be_asked_for_mean_again_later(void **state)
{
    (void)state;
    char messages[1024] = "";
    add_message(messages, sizeof messages, 3, 19, 2);
    uint64_t job = run_remote(messages);
    answer_settings(limited("{\"max_clips_per_channel_per_day\":1}"));
    (void)BED_EXPECT(bed, days_get);
    struct ry_days_got got = {.error = RY_STR("database is locked")};
    BED_ANSWER(bed, bed_envelope(bed)->id, days_got, &got);
    expect_failed(job, true, "clips of the days: database is locked");
}

static void bad_settings_are_counted_once_a_channel_and_fail_no_job(void **state)
{
    (void)state;
    static const char BAD[] = "{\"text_include_regex\":\"(\",\"default_visibility\":\"hidden\"}";
    for (unsigned i = 0; i < 3; i++) {
        struct ry_settings_got got = enabled();
        got.guild_settings = RY_STR("{\"default_visibility\":\"private\"}");
        got.channel_settings = ry_str_of(BAD);
        if (i == 2)
            got.channel_settings = RY_STR("{\"text_include_regex\":\"[\"}"); /* changed, so it is told anew */
        uint64_t job = run_remote("{\"id\":\"3\",\"content\":\"a\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
        answer_settings(got);
        const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
        assert_int_equal(batch->clips.n, 1);
        assert_text(batch->clips.items[0].visibility, "PRIVATE");
        answer_written();
        expect_done(job, 1, 1, 0);
        bed_advance(bed, 301000); /* the settings are asked for again */
        assert_int_equal(bed_counter(bed, RY_COUNTER_settings_bad), i == 2 ? 2 : 1);
    }
}

/* How many lines with the word the log has so far. */
static int lines_with(FILE *log, const char *word)
{
    char line[2048];
    int n = 0;
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL)
        n += strstr(line, word) != NULL;
    return n;
}

/* The pattern takes longer than any budget on any machine. */
static void a_regex_without_end_counts_as_not_found_and_is_told_of_once(void **state)
{
    (void)state;
    FILE *log = tmpfile();
    assert_non_null(log);
    ry_log_setup(RY_WARNING, RY_LOG_TEXT, fileno(log));
    static const struct {
        const char *settings;
        unsigned kept;
    } CASES[] = {{"{\"text_include_regex\":\"(a+)+$\"}", 1}, {"{\"text_exclude_regex\":\"(a+)+[$c]$\"}", 3}};
    for (unsigned i = 0; i < 2; i++) {
        struct ry_settings_got got = enabled();
        got.channel_settings = ry_str_of(CASES[i].settings);
        uint64_t job = run_remote(
            "{\"id\":\"3\",\"content\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"," AUTHOR ",\"attachments\":[" VIDEO
            "]},{\"id\":\"4\",\"content\":\"a\"," AUTHOR ",\"attachments\":[" VIDEO "]},{\"id\":\"5\",\"content\":"
            "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
        answer_settings(got);
        assert_int_equal(BED_EXPECT(bed, batch_write)->messages.n, CASES[i].kept);
        answer_written();
        expect_done(job, 3, CASES[i].kept, 0);
        bed_advance(bed, 301000); /* the settings are asked for again */
        assert_int_equal(lines_with(log, "filter_slow"), i + 1);
        assert_int_equal(bed_counter(bed, RY_COUNTER_filters_given_up), 2 * (i + 1));
    }
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    (void)fclose(log);
}

/* ---- the writer's troubles --------------------------------------------------------------------------------------- */

static uint64_t job_at_write(void)
{
    uint64_t job = run_remote("{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
    answer_settings(enabled());
    (void)BED_EXPECT(bed, batch_write);
    return job;
}

static void a_writer_that_is_away_or_busy_means_again_later(void **state)
{
    (void)state;
    uint64_t job = run_remote("");
    struct ry_settings_got got = {.error = RY_STR("locked")};
    answer_settings(got);
    expect_failed(job, true, "locked");

    job = run_remote("");
    (void)BED_EXPECT(bed, settings_get);
    bed_undeliverable(bed, bed_envelope(bed)->id, job, RY_TAG_settings_get, RY_UNDELIVERABLE_DEAD);
    expect_failed(job, true, "could not be asked");

    job = job_at_write();
    struct ry_batch_written written = {.error = RY_STR("disk full")};
    BED_ANSWER(bed, bed_envelope(bed)->id, batch_written, &written);
    expect_failed(job, true, "disk full");

    job = job_at_write();
    bed_undeliverable(bed, bed_envelope(bed)->id, job, RY_TAG_batch_write, RY_UNDELIVERABLE_DEAD);
    expect_failed(job, true, "could not be asked");
}

static void a_fenced_job_is_given_up(void **state)
{
    (void)state;
    uint64_t job = job_at_write();
    struct ry_batch_written written = {.fenced = true};
    BED_ANSWER(bed, bed_envelope(bed)->id, batch_written, &written);
    expect_failed(job, true, "another worker");
}

static void rows_that_the_database_refuses_are_counted(void **state)
{
    (void)state;
    uint64_t job = job_at_write();
    struct ry_row_failure failures[] = {{RY_STR("clip"), RY_STR("x"), RY_STR("why")},
                                        {RY_STR("message"), RY_STR("3"), RY_STR("why")}};
    struct ry_batch_written written = {.failures = {.items = failures, .n = 2}};
    BED_ANSWER(bed, bed_envelope(bed)->id, batch_written, &written);
    expect_done(job, 1, 1, 2);
}

static void an_answer_that_nobody_waits_for_is_left_alone(void **state)
{
    (void)state;
    uint64_t job = job_at_write();
    uint64_t ask = bed_envelope(bed)->id;
    struct ry_settings_got got = enabled();
    BED_ANSWER(bed, ask, settings_got, &got);
    struct ry_batch_written written = {.succeeded = 1};
    BED_ANSWER(bed, ask + 1000, batch_written, &written);
    bed_expect_nothing(bed);
    BED_ANSWER(bed, ask, batch_written, &written);
    expect_done(job, 1, 1, 0);
    BED_ANSWER(bed, ask, batch_written, &written);
    bed_expect_nothing(bed);
}

/* ---- size and identity ------------------------------------------------------------------------------------------- */

static void a_large_job_is_written_in_parts_each_whole_in_itself(void **state)
{
    (void)state;
    enum { MESSAGES = 5000 };
    char *messages = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&messages, &size);
    for (int i = 0; i < MESSAGES; i++)
        fprintf(stream, "%s{\"id\":\"%d\",\"author\":{\"id\":\"%d\",\"username\":\"u\"},\"attachments\":[" VIDEO "]}",
                i ? "," : "", i + 1, i % 3 + 1);
    fclose(stream);
    uint64_t job = run_local(messages);
    free(messages);
    answer_settings(enabled());
    size_t sum = 0;
    size_t parts = 0;
    while (bed_next_tag(bed) == RY_TAG_batch_write) {
        const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
        assert_int_equal(batch->guilds.n, 1);
        assert_int_equal(batch->authors.n, 3);
        assert_int_equal(batch->messages.n, batch->clips.n);
        assert_true(batch->messages.n + batch->clips.n + batch->authors.n <= 2000);
        for (size_t i = 0; i < batch->messages.n; i++)
            assert_true(ry_str_eq(batch->clips.items[i].message_id, batch->messages.items[i].id));
        sum += batch->messages.n;
        parts++;
        answer_written();
    }
    assert_int_equal(sum, MESSAGES);
    assert_true(parts >= 5);
    expect_done(job, MESSAGES, MESSAGES, 0);
}

static void long_texts_never_make_a_part_too_large_for_a_mail(void **state)
{
    (void)state;
    enum { MESSAGES = 40, CONTENT = 65536 };
    char *content = malloc(CONTENT + 1);
    char *messages = NULL;
    size_t size = 0;
    memset(content, 'x', CONTENT);
    content[CONTENT] = '\0';
    FILE *stream = open_memstream(&messages, &size);
    for (int i = 0; i < MESSAGES; i++)
        fprintf(stream, "%s{\"id\":\"%d\",\"content\":\"%s\"," AUTHOR ",\"attachments\":[" VIDEO "]}", i ? "," : "",
                i + 1, content);
    fprintf(stream, ",{\"id\":\"99\",\"content\":\"%sy\"," AUTHOR ",\"attachments\":[" VIDEO "]}", content);
    fclose(stream);
    uint64_t job = run_remote(messages);
    free(messages);
    free(content);
    answer_settings(enabled());
    size_t sum = 0;
    while (bed_next_tag(bed) == RY_TAG_batch_write) {
        sum += BED_EXPECT(bed, batch_write)->messages.n;
        assert_true(bed_envelope(bed)->body.n < ((size_t)2 << 20));
        answer_written();
    }
    assert_int_equal(sum, MESSAGES);
    expect_done(job, MESSAGES + 1, MESSAGES, 1);
}

static void a_message_that_stands_there_twice_is_written_once(void **state)
{
    (void)state;
    uint64_t job = run_remote("{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]},{\"id\":\"3\"," AUTHOR
                              ",\"attachments\":[" VIDEO "]}");
    answer_settings(enabled());
    assert_int_equal(BED_EXPECT(bed, batch_write)->messages.n, 1);
    answer_written();
    expect_done(job, 2, 1, 0);
}

static void the_same_job_again_gives_the_same_rows(void **state)
{
    (void)state;
    char first[33];
    for (int round = 0; round < 2; round++) {
        uint64_t job = run_remote("{\"id\":\"3\"," AUTHOR ",\"attachments\":[" VIDEO "]}");
        answer_settings(enabled());
        const struct ry_batch_write *batch = BED_EXPECT(bed, batch_write);
        if (round == 0)
            snprintf(first, sizeof first, "%.*s", RY_STR_ARG(batch->clips.items[0].id));
        else
            assert_text(batch->clips.items[0].id, first);
        answer_written();
        expect_done(job, 1, 1, 0);
        bed_restart(bed);
    }
}

static void an_author_looks_as_discord_shows_them(void **state)
{
    (void)state;
    static const struct {
        const char *author;
        const char *member;
        const char *display_name;
        const char *discriminator;
        const char *avatar_url;
        const char *guild_avatar_url;
    } CASES[] = {
        {"\"username\":\"u\"", "{}", "u", "0", NULL, "https://cdn.discordapp.com/embed/avatars/2.png"},
        {"\"username\":\"u\",\"global_name\":\"g\",\"discriminator\":\"0\"", "{\"nick\":null}", "g", "0", NULL,
         "https://cdn.discordapp.com/embed/avatars/2.png"},
        {"\"username\":\"u\",\"global_name\":\"g\",\"discriminator\":\"0007\"", "{\"nick\":\"n\"}", "n", "0007", NULL,
         "https://cdn.discordapp.com/embed/avatars/2.png"},
        {"\"username\":\"u\",\"avatar\":\"abc\"", "{}", "u", "0",
         "https://cdn.discordapp.com/avatars/175928847299117063/abc.png?size=1024",
         "https://cdn.discordapp.com/avatars/175928847299117063/abc.png?size=1024"},
        {"\"username\":\"u\",\"avatar\":\"a_bc\"", "{\"avatar\":\"def\"}", "u", "0",
         "https://cdn.discordapp.com/avatars/175928847299117063/a_bc.gif?size=1024",
         "https://cdn.discordapp.com/guilds/1/users/175928847299117063/avatars/def.png?size=1024"},
        {"\"username\":\"u\",\"avatar\":\"abc\"", "{\"avatar\":\"a_def\"}", "u", "0",
         "https://cdn.discordapp.com/avatars/175928847299117063/abc.png?size=1024",
         "https://cdn.discordapp.com/guilds/1/users/175928847299117063/avatars/a_def.gif?size=1024"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *message = NULL;
        assert_true(asprintf(&message,
                             "{\"id\":\"3\",\"author\":{\"id\":\"175928847299117063\",%s},\"member\":%s,"
                             "\"attachments\":[" VIDEO "]}",
                             CASES[i].author, CASES[i].member) > 0);
        uint64_t job = run_remote(message);
        free(message);
        answer_settings(enabled());
        const struct ry_author_row *author = &BED_EXPECT(bed, batch_write)->authors.items[0];
        assert_text(author->display_name, CASES[i].display_name);
        assert_text(author->discriminator, CASES[i].discriminator);
        assert_text(author->avatar_url, CASES[i].avatar_url);
        assert_text(author->guild_avatar_url, CASES[i].guild_avatar_url);
        answer_written();
        expect_done(job, 1, 1, 0);
    }
}

#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BED(a_local_job_becomes_rows),
        WITH_BED(own_jobs_take_further_videos_and_others_the_channels_list),
        WITH_BED(what_only_own_jobs_may_bring_is_not_taken_from_others),
        WITH_BED(a_channel_that_is_not_to_be_scanned_is_skipped),
        WITH_BED(an_nsfw_channel_is_scanned_unless_settings_say_otherwise),
        WITH_BED(a_local_job_without_rows_needs_them_in_the_database),
        cmocka_unit_test_setup_teardown(settings_come_from_the_cache_unless_the_channel_is_refused, open_bed_with_cache,
                                        close_bed),
        WITH_BED(several_jobs_are_worked_on_side_by_side),
        WITH_BED(a_bad_message_or_attachment_is_put_aside_alone),
        WITH_BED(a_size_that_can_be_none_is_not_known),
        WITH_BED(a_bad_job_is_a_dead_letter_that_names_the_field),
        WITH_BED(a_type_that_is_unknown_is_a_dead_letter),
        WITH_BED(no_more_new_clips_of_a_day_than_the_settings_allow),
        WITH_BED(nothing_is_written_of_days_that_are_full),
        WITH_BED(days_that_cannot_be_asked_for_mean_again_later),
        WITH_BED(bad_settings_are_counted_once_a_channel_and_fail_no_job),
        WITH_BED(a_regex_without_end_counts_as_not_found_and_is_told_of_once),
        WITH_BED(a_writer_that_is_away_or_busy_means_again_later),
        WITH_BED(a_fenced_job_is_given_up),
        WITH_BED(rows_that_the_database_refuses_are_counted),
        WITH_BED(an_answer_that_nobody_waits_for_is_left_alone),
        WITH_BED(a_large_job_is_written_in_parts_each_whole_in_itself),
        WITH_BED(long_texts_never_make_a_part_too_large_for_a_mail),
        WITH_BED(a_message_that_stands_there_twice_is_written_once),
        WITH_BED(the_same_job_again_gives_the_same_rows),
        WITH_BED(an_author_looks_as_discord_shows_them),
    };
    return cmocka_run_group_tests_name("scanner", tests, NULL, NULL);
}
