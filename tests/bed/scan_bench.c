/* scan_bench.c: a scanner on the bed with the fake Discord behind it; see scan_bench.h. */
#include "tests/bed/scan_bench.h"

#include "actors/scanner/scanner_internal.h"
#include "actors/scanner/scanner.h"
#include "tests/bed/patience.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED    11
#define LEAP_MS 250

static const char *const MEDIA[] = {"clip.mp4", "more.webm", "other.mov"};

void scan_bench_open(struct scan_bench *bench, const struct scan_bench_setup *setup)
{
    char seed[16];
    char channel[96];
    char api[64];
    (void)snprintf(seed, sizeof seed, "%d", SEED);
    (void)snprintf(channel, sizeof channel, "%s:%" PRIu64 ":%" PRIu64,
                   setup->channel_is_absent ? "1424914917202464799" : SCAN_BENCH_CHANNEL, setup->messages,
                   setup->clips);
    const char *arguments[40] = {"--seed",    seed,           "--guild", SCAN_BENCH_GUILD,
                                 "--channel", channel,        "--media", "clip.mp4,more.webm,other.mov",
                                 "--cdn",     SCAN_BENCH_CDN, "--proxy", SCAN_BENCH_PROXY};
    for (size_t i = 0; i < 16 && setup->fake[i]; i++)
        arguments[12 + i] = setup->fake[i];
    *bench = (struct scan_bench){.discord = fake_start_with("discord", arguments),
                                 .leap_ms = setup->leap_ms ? setup->leap_ms : LEAP_MS,
                                 .channel = {.id = strtoull(SCAN_BENCH_CHANNEL, NULL, 10),
                                             .guild = strtoull(SCAN_BENCH_GUILD, NULL, 10),
                                             .seed = SEED,
                                             .messages = setup->messages,
                                             .clips = setup->clips,
                                             .media = MEDIA,
                                             .media_count = 3}};
    (void)snprintf(api, sizeof api, "http://127.0.0.1:%u", fake_port(bench->discord));
    const char *options[8][2] = {{"discord_api", api},
                                 {"bot_token", setup->bot_token ? setup->bot_token : "test-token"},
                                 {"settings_cache_ttl", "0"},
                                 {"discord_timeout", "600"}};
    for (size_t i = 0; i < 3 && setup->options[i][0]; i++)
        memcpy(options[4 + i], setup->options[i], sizeof options[0]);
    bench->bed = bed_new(&ry_scanner_spec, (bed_option *)options);
}

void scan_bench_close(struct scan_bench *bench)
{
    bed_free(bench->bed);
    fake_stop(bench->discord);
}

/* ---- to the scanner ---------------------------------------------------------------------------------------------- */

void scan_bench_run_as(struct scan_bench *bench, const char *type, const char *more, unsigned attempts, bool local)
{
    char *json = NULL;
    assert_true(asprintf(&json,
                         "{\"job_id\":\"" SCAN_BENCH_JOB "\",\"type\":\"%s\",\"guild_id\":\"" SCAN_BENCH_GUILD
                         "\",\"channel_id\":\"" SCAN_BENCH_CHANNEL "\",\"created_at\":\"2024-10-19T15:03:09Z\"%s}",
                         type, more) > 0);
    struct ry_job_run run = {.job_id = RY_STR(SCAN_BENCH_JOB),
                             .type = ry_str_of(type),
                             .token = SCAN_BENCH_TOKEN,
                             .local_media = local,
                             .attempts = attempts,
                             .job = {.p = json, .n = strlen(json)}};
    if (bench->mail_attempt == 0) {
        bench->job = BED_DELIVER(bench->bed, job_run, &run, NULL);
    } else {
        bench->job = UINT64_C(0xBED2) << 32 | bench->mail_attempt;
        bed_redeliver(bench->bed, bench->job, bench->mail_attempt, RY_TAG_job_run, &run, NULL);
    }
    free(json);
}

void scan_bench_run(struct scan_bench *bench, const char *type, const char *more)
{
    scan_bench_run_as(bench, type, more, 1, false);
}

void scan_bench_answer_settings(struct scan_bench *bench)
{
    const struct ry_settings_get *get = BED_EXPECT(bench->bed, settings_get);
    scan_bench_text_is(get->guild_id, SCAN_BENCH_GUILD);
    scan_bench_text_is(get->channel_id, SCAN_BENCH_CHANNEL);
    struct ry_settings_got got = {.guild_exists = true,
                                  .channel_exists = true,
                                  .guild_enabled = true,
                                  .channel_enabled = true,
                                  .channel_type = RY_STR("text")};
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, settings_got, &got);
}

void scan_bench_answer_begin(struct scan_bench *bench, const struct ry_scan_begun *begun)
{
    static const struct ry_scan_begun begins;
    const struct ry_scan_begin *begin = BED_EXPECT(bench->bed, scan_begin);
    scan_bench_text_is(begin->job_id, SCAN_BENCH_JOB);
    scan_bench_text_is(begin->channel_id, SCAN_BENCH_CHANNEL);
    assert_int_equal(begin->token, SCAN_BENCH_TOKEN);
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, scan_begun, begun ? begun : &begins);
}

void scan_bench_answer_known(struct scan_bench *bench, struct ry_strs messages, bool authors)
{
    scan_bench_listen(bench);
    const struct ry_known_get *get = BED_EXPECT(bench->bed, known_get);
    scan_bench_text_is(get->guild_id, SCAN_BENCH_GUILD);
    struct ry_known_got got = {.message_ids = messages, .user_ids = authors ? get->user_ids : (struct ry_strs){0}};
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, known_got, &got);
}

void scan_bench_answer_written(struct scan_bench *bench)
{
    struct ry_batch_written written = {.succeeded = 1};
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, batch_written, &written);
}

/* ---- from the scanner -------------------------------------------------------------------------------------------- */

/* Whether all calls to Discord wait for the clock: none is under way. */
static bool waits_for_the_clock(const struct scan_bench *bench)
{
    const struct scanner *scanner = bed_self(bench->bed);
    const struct scan *scan;
    size_t calls = LIST_EMPTY(&scanner->refreshes) ? 0 : 1; /* tests have one at a time */
    LIST_FOREACH(scan, &scanner->scans, link)
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++)
        calls += scan->calls[i].call != NULL;
    return calls > 0 && ry_discord_figures(scanner->discord).waiting == calls;
}

/* The clock goes on by leaps while only it is waited for, so that no request is late because the fake is slow; and by a
 * little otherwise, because the client's timers are real and ring for ever before a clock that stands. */
void scan_bench_listen(struct scan_bench *bench)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    while (bed_next_tag(bench->bed) == RY_TAG_NONE) {
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            fail_msg("nothing was said for %d ms", PATIENCE_MS);
        bool waits = waits_for_the_clock(bench);
        ry_clock_manual_advance(bed_clock(bench->bed), waits ? bench->leap_ms : 1);
        if (waits)
            ry_instance_ready(bed_instance(bench->bed));
        else
            (void)bed_wait_engine(bench->bed, PATIENCE_MS);
    }
}

static const struct ry_clip_row *find_clip(const struct ry_batch_write *batch, struct ry_str message_id,
                                           const struct discord_attachment *attachment)
{
    char part[32];
    (void)snprintf(part, sizeof part, "/%" PRIu64 "/", attachment->id);
    for (size_t i = 0; i < batch->clips.n; i++) {
        const struct ry_clip_row *clip = &batch->clips.items[i];
        if (ry_str_eq(clip->message_id, message_id) && memmem(clip->url.p, clip->url.n, part, strlen(part)))
            return clip;
    }
    fail_msg("attachment %" PRIu64 " of message %.*s is not in the batch", attachment->id, RY_STR_ARG(message_id));
    return NULL;
}

static const struct ry_message_row *find_message(const struct ry_batch_write *batch, const char *id)
{
    for (size_t i = 0; i < batch->messages.n; i++)
        if (ry_str_is(batch->messages.items[i].id, id))
            return &batch->messages.items[i];
    fail_msg("message %s is not in the batch", id);
    return NULL;
}

/* The message's rows must be there as they should be; returns how many clips it has. */
static size_t check_message(const struct ry_batch_write *batch, const struct discord_message *made)
{
    char id[24];
    size_t clips = 0;
    (void)snprintf(id, sizeof id, "%" PRIu64, made->id);
    for (size_t i = 0; i < made->attachment_count; i++) {
        const struct discord_attachment *attachment = &made->attachments[i];
        if (!attachment->is_clip)
            continue;
        const struct ry_message_row *message = find_message(batch, id);
        scan_bench_text_is(message->content, made->content);
        assert_int_equal(message->timestamp_wall_ms, made->wall_ms);
        const struct ry_clip_row *clip = find_clip(batch, message->id, attachment);
        scan_bench_text_is(clip->filename, attachment->filename);
        scan_bench_text_is(clip->mime_type, attachment->content_type);
        assert_int_equal(clip->file_size, attachment->size_bytes);
        clips++;
    }
    return clips;
}

const struct ry_batch_write *scan_bench_expect_rows(struct scan_bench *bench, uint64_t first, uint64_t end,
                                                    bool (*take)(uint64_t k))
{
    scan_bench_listen(bench);
    const struct ry_batch_write *batch = BED_EXPECT(bench->bed, batch_write);
    scan_bench_text_is(batch->job_id, SCAN_BENCH_JOB);
    scan_bench_text_is(batch->channel_id, SCAN_BENCH_CHANNEL);
    assert_int_equal(batch->token, SCAN_BENCH_TOKEN);
    size_t messages = 0;
    size_t clips = 0;
    for (uint64_t k = first; k < end; k++) {
        struct discord_message made;
        discord_message_make(&bench->channel, k, &made);
        size_t found = take == NULL || take(k) ? check_message(batch, &made) : 0;
        messages += found > 0;
        clips += found;
    }
    assert_int_equal(batch->messages.n, messages);
    assert_int_equal(batch->clips.n, clips);
    return batch;
}

static void expect_end(struct scan_bench *bench)
{
    assert_int_equal(bed_envelope(bench->bed)->correlation, bench->job);
    bed_expect_done(bench->bed, bench->job);
    bed_expect_nothing(bench->bed);
    assert_int_equal(bed_kept(bench->bed), 0);
}

const struct ry_job_done *scan_bench_expect_done(struct scan_bench *bench, uint64_t messages, uint64_t clips)
{
    scan_bench_listen(bench);
    const struct ry_job_done *done = BED_EXPECT(bench->bed, job_done);
    scan_bench_text_is(done->job_id, SCAN_BENCH_JOB);
    assert_int_equal(done->messages, messages);
    assert_int_equal(done->clips, clips);
    assert_int_equal(done->rejected, 0);
    expect_end(bench);
    return done;
}

bool scan_bench_expect_failed(struct scan_bench *bench, bool retry, const char *words)
{
    scan_bench_listen(bench);
    const struct ry_job_failed *failed = BED_EXPECT(bench->bed, job_failed);
    if (failed->retry != retry || memmem(failed->reason.p, failed->reason.n, words, strlen(words)) == NULL)
        fail_msg("not \"%s\", but (retry %d) %.*s", words, failed->retry, RY_STR_ARG(failed->reason));
    bool held = failed->held;
    expect_end(bench);
    return held;
}

/* ---- what the channel has ---------------------------------------------------------------------------------------- */

struct scan_bench_id scan_bench_id(const struct scan_bench *bench, uint64_t k)
{
    struct scan_bench_id id;
    (void)snprintf(id.text, sizeof id.text, "%" PRIu64, discord_message_id(&bench->channel, k));
    return id;
}

uint64_t scan_bench_clips(const struct scan_bench *bench, uint64_t first, uint64_t end)
{
    uint64_t clips = 0;
    for (uint64_t k = first; k < end; k++) {
        struct discord_message made;
        discord_message_make(&bench->channel, k, &made);
        for (size_t i = 0; i < made.attachment_count; i++)
            clips += made.attachments[i].is_clip;
    }
    return clips;
}

uint64_t scan_bench_with_clips(const struct scan_bench *bench, uint64_t from)
{
    while (scan_bench_clips(bench, from, from + 1) == 0)
        from++;
    return from;
}

void scan_bench_text_is(struct ry_str got, const char *wanted)
{
    if (!ry_str_is(got, wanted))
        fail_msg("'%.*s' instead of '%s'", RY_STR_ARG(got), wanted ? wanted : "nothing");
}
