/* writer_bench.c [MESSAGES]: what the embedded database costs: rows per second, and questions to a large archive.
 *
 * Batches of 100 messages with a clip each, 20 batches a transaction, as an import makes them; then the same once more
 * (a rescan); then claims, pages, figures, the progress of scans and a purge. Prints a table and the largest
 * memory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "actors/writer/batch.h"
#include "actors/writer/engine_open.h"
#include "runtime/base/log.h"
#include "runtime/base/rng.h"

#define BATCH_MESSAGES        100
#define BATCHES_A_TRANSACTION 20
#define START_WALL_MS         INT64_C(1600000000000)
#define QUESTIONS             100
#define CLIPS_A_CLAIM         16
#define MESSAGES_A_PURGE      100
#define ARENA_MAX_BYTES       ((size_t)64 << 20)
#define LEASE_MS              60000
#define MESSAGE_PERIOD_MS     7000

struct bench {
    struct writer_engine *engine;
    struct ry_arena arena;
    struct ry_error err;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(const struct bench *b, int rc)
{
    if (rc == RY_OK)
        return;
    fprintf(stderr, "writer_bench: %s\n", b->err.text);
    exit(1);
}

/* Ids as Discord and MD5 make them: messages rise, clips are spread over the whole index. */
static struct ry_batch_write make(struct bench *b, unsigned first)
{
    struct ry_arena *arena = &b->arena;
    struct ry_batch_write batch = {.job_id = ry_arena_printf(arena, "job-%u", first),
                                   .token = first + 2,
                                   .guild_id = RY_STR("41771983423143937"),
                                   .channel_id = RY_STR("1424914917202464798")};
    batch.guilds.n = batch.channels.n = batch.authors.n = 1;
    batch.guilds.items = ry_arena_array(arena, 1, sizeof *batch.guilds.items);
    batch.channels.items = ry_arena_array(arena, 1, sizeof *batch.channels.items);
    batch.authors.items = ry_arena_array(arena, 1, sizeof *batch.authors.items);
    batch.messages.items = ry_arena_array(arena, BATCH_MESSAGES, sizeof *batch.messages.items);
    batch.clips.items = ry_arena_array(arena, BATCH_MESSAGES, sizeof *batch.clips.items);
    batch.messages.n = batch.clips.n = BATCH_MESSAGES;
    batch.guilds.items[0] = (struct ry_guild_row){.id = batch.guild_id, .name = RY_STR("A guild")};
    batch.channels.items[0] =
        (struct ry_channel_row){.id = batch.channel_id, .name = RY_STR("clips"), .type = RY_STR("text")};
    batch.authors.items[0] = (struct ry_author_row){
        .user_id = RY_STR("175928847299117063"), .username = RY_STR("somebody"), .discriminator = RY_STR("0")};
    for (unsigned i = 0; i < BATCH_MESSAGES; i++) {
        uint64_t number = first + i;
        struct ry_rng spread = {number};
        struct ry_str id = ry_arena_printf(arena, "%" PRIu64, UINT64_C(1297213456789012480) + (number << 24));
        batch.messages.items[i] =
            (struct ry_message_row){.id = id,
                                    .author_id = batch.authors.items[0].user_id,
                                    .content = RY_STR("look at this one, recorded it last night"),
                                    .timestamp_wall_ms = START_WALL_MS + (int64_t)number * MESSAGE_PERIOD_MS};
        batch.clips.items[i] = (struct ry_clip_row){
            .id = ry_arena_printf(arena, "%016" PRIx64 "%016" PRIx64, ry_rng_u64(&spread), ry_rng_u64(&spread)),
            .message_id = id,
            .author_id = batch.authors.items[0].user_id,
            .filename = ry_arena_printf(arena, "recording-%" PRIu64 ".mp4", number),
            .file_size = 1000000 + number,
            .mime_type = RY_STR("video/mp4"),
            .visibility = RY_STR("PUBLIC"),
            .settings_hash = RY_STR("27b3234951922ec2213c626963892154"),
            .url = ry_arena_printf(arena, "https://cdn.discordapp.com/attachments/1/%" PRIu64 "/recording.mp4?ex=6",
                                   number),
            .expires_wall_ms = START_WALL_MS + (int64_t)number * MESSAGE_PERIOD_MS};
    }
    return batch;
}

static uint64_t write_all(struct bench *b, unsigned messages)
{
    const struct writer_engine_ops *ops = b->engine->ops;
    uint64_t changed = 0;
    for (unsigned at = 0; at < messages;) {
        check(b, ops->begin(b->engine, &b->err));
        struct ry_batch_write writes[BATCHES_A_TRANSACTION];
        struct writer_batch batches[BATCHES_A_TRANSACTION], *list[BATCHES_A_TRANSACTION];
        size_t n = 0;
        for (; n < BATCHES_A_TRANSACTION && at < messages; n++, at += BATCH_MESSAGES) {
            writes[n] = make(b, at);
            batches[n] = (struct writer_batch){.write = &writes[n]};
            list[n] = &batches[n];
        }
        check(b, writer_batches_write(b->engine, list, n, &b->arena, &b->err));
        check(b, ops->commit(b->engine, &b->err));
        for (size_t i = 0; i < n; i++)
            changed += batches[i].tally.changed;
        ry_arena_reset(&b->arena);
    }
    return changed;
}

static void ask_page(struct bench *b)
{
    struct ry_gallery_get get = {.limit = 50, .before_wall_ms = INT64_MAX};
    struct ry_gallery_page page;
    check(b, b->engine->ops->gallery_get(b->engine, &get, &b->arena, &page, &b->err));
}

static void ask_middle_page(struct bench *b)
{
    struct ry_gallery_get get = {.limit = 50, .before_wall_ms = START_WALL_MS + 1000 * (int64_t)MESSAGE_PERIOD_MS};
    struct ry_gallery_page page;
    check(b, b->engine->ops->gallery_get(b->engine, &get, &b->arena, &page, &b->err));
}

static void ask_archive(struct bench *b)
{
    struct ry_archive_state state;
    check(b, b->engine->ops->archive_get(b->engine, &state, &b->err));
}

static void claim(struct bench *b)
{
    struct ry_clips_claim claim = {.owner = RY_STR("node/1"), .limit = CLIPS_A_CLAIM, .lease_ms = LEASE_MS};
    struct ry_clips_claimed claimed;
    check(b, b->engine->ops->begin(b->engine, &b->err));
    check(b, b->engine->ops->clips_claim(b->engine, &claim, &b->arena, &claimed, &b->err));
    check(b, b->engine->ops->commit(b->engine, &b->err));
}

/* In the channel that has all clips. */
static void progress(struct bench *b)
{
    static unsigned number;
    struct ry_scan_progress scanned = {.direction = RY_STR("backward"), .messages = BATCH_MESSAGES};
    struct ry_batch_write batch = make(b, 0);
    batch.job_id = ry_arena_printf(&b->arena, "slice-%u", number++);
    batch.progress.items = &scanned;
    batch.progress.n = 1;
    check(b, b->engine->ops->begin(b->engine, &b->err));
    check(b, b->engine->ops->progress(b->engine, &batch, &b->err));
    check(b, b->engine->ops->commit(b->engine, &b->err));
}

static void purge(struct bench *b)
{
    struct ry_batch_write batch = make(b, 0);
    struct ry_purge purge = {.job_id = RY_STR("purge"),
                             .token = 1,
                             .scope = RY_PURGE_CHANNEL,
                             .guild_id = batch.guild_id,
                             .channel_id = batch.channel_id,
                             .limit = MESSAGES_A_PURGE};
    struct ry_purged purged;
    check(b, b->engine->ops->begin(b->engine, &b->err));
    check(b, b->engine->ops->purge(b->engine, &purge, &purged, &b->err));
    check(b, b->engine->ops->commit(b->engine, &b->err));
}

static void measure(struct bench *b, const char *name, void (*question)(struct bench *b))
{
    double began_s = now_s();
    for (unsigned i = 0; i < QUESTIONS; i++) {
        question(b);
        ry_arena_reset(&b->arena);
    }
    printf("%-28s %10.0f us each\n", name, (now_s() - began_s) / QUESTIONS * 1e6);
}

int main(int argc, char **argv)
{
    unsigned messages = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    messages -= messages % BATCH_MESSAGES;
    char folder[] = "/tmp/reelyard-bench-XXXXXX", path[64], command[80];
    if (messages == 0 || mkdtemp(folder) == NULL)
        return 2;
    (void)snprintf(path, sizeof path, "%s/bench.db", folder);
    ry_log_setup(RY_ERROR, RY_LOG_AUTO, STDERR_FILENO);
    struct bench b = {.arena = ry_arena_make(ARENA_MAX_BYTES)};
    const struct writer_sqlite_options options = {.path = path, .clock = ry_clock_system(), .busy_ms = 1000};
    check(&b, writer_engine_sqlite_open(&options, &b.engine, &b.err));
    static const char *const passes[] = {"insert", "write again, unchanged"};
    for (size_t i = 0; i < 2; i++) {
        double began_s = now_s();
        uint64_t changed = write_all(&b, messages);
        double took_s = now_s() - began_s;
        printf("%-28s %10.0f messages/s with a clip each (%" PRIu64 " rows changed, %.1f s)\n", passes[i],
               messages / took_s, changed, took_s);
    }
    measure(&b, "newest page of 50", ask_page);
    measure(&b, "page of 50 far down", ask_middle_page);
    measure(&b, "figures of the archive", ask_archive);
    measure(&b, "claim of 16", claim);
    measure(&b, "progress of a slice", progress);
    measure(&b, "purge of 100 messages", purge);
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%-28s %10ld KiB\n", "largest memory", usage.ru_maxrss);
    writer_engine_close(&b.engine);
    ry_arena_free(&b.arena);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
