/* search_bench.c [CLIPS] [URL]: what finding costs in an archive of so many clips (1,000,000 unless told otherwise), in
 * the embedded database or, with a URL, in an empty PostgreSQL database.
 *
 * Messages of 2 to 12 words, where word k is about as frequent as 1/k; twenty channels, a thousand authors. Prints the
 * speed of writing without and with the index (a tenth of the clips each, then all), then for each question the median
 * and the slowest of some tries, each with another word of its kind. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "actors/writer/batch.h"
#include "actors/writer/engine_open.h"
#include "actors/writer/search_index.h"
#include "runtime/base/log.h"
#include "runtime/base/rng.h"
#include "runtime/config/config.h"

#define BATCH_MESSAGES        100
#define BATCHES_A_TRANSACTION 20
#define WORDS                 20000
#define CHANNELS              20
#define AUTHORS               1000
#define TRIES                 21
#define START_WALL_MS         INT64_C(1500000000000)
#define PERIOD_MS             240000
#define ARENA_MAX_BYTES       ((size_t)512 << 20)

struct bench {
    struct writer_engine *engine;
    struct ry_arena arena;
    struct ry_error err;
    struct ry_rng rng;
};

static double now_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(const struct bench *b, int rc)
{
    if (rc == RY_OK)
        return;
    fprintf(stderr, "search_bench: %s\n", b->err.text);
    exit(1);
}

/* Word 0 is the most frequent; the letters follow from the number. */
static void add_word(struct ry_buf *text, uint64_t number)
{
    static const char syllables[16][3] = {"ka", "lo", "mi", "ne", "ru", "sa", "ti", "vo",
                                          "be", "du", "fa", "gi", "ho", "pe", "wu", "zo"};
    (void)ry_buf_addf(text, "%s", text->n ? " " : "");
    for (uint64_t rest = number * 7919 % 65536, i = 0; i < 4; i++, rest /= 16)
        (void)ry_buf_add(text, syllables[rest % 16], 2);
}

static struct ry_str sentence(struct bench *b)
{
    RY_BUF_AUTO text = ry_buf_make(1024);
    for (uint64_t n = 2 + ry_rng_u64(&b->rng) % 11; n > 0; n--) {
        double u = (double)(ry_rng_u64(&b->rng) % 1000000 + 1) / 1e6;
        double k = 1;
        for (double power = WORDS; power > 1 && u < 1; power /= 2, u *= 1.07)
            k *= u < 0.93 ? 1 + (double)(ry_rng_u64(&b->rng) % 1000) / 1000 : 1;
        add_word(&text, (uint64_t)k % WORDS);
    }
    return ry_arena_str(&b->arena, ry_buf_str(&text));
}

static struct ry_batch_write make(struct bench *b, unsigned first)
{
    struct ry_arena *arena = &b->arena;
    unsigned channel = first / BATCH_MESSAGES % CHANNELS;
    struct ry_batch_write batch = {.job_id = ry_arena_printf(arena, "job-%u", first),
                                   .token = 1,
                                   .guild_id = RY_STR("41771983423143937"),
                                   .channel_id = ry_arena_printf(arena, "%u", 5000 + channel)};
    batch.guilds.n = batch.channels.n = 1;
    batch.guilds.items = ry_arena_array(arena, 1, sizeof *batch.guilds.items);
    batch.channels.items = ry_arena_array(arena, 1, sizeof *batch.channels.items);
    batch.authors.items = ry_arena_array(arena, BATCH_MESSAGES, sizeof *batch.authors.items);
    batch.messages.items = ry_arena_array(arena, BATCH_MESSAGES, sizeof *batch.messages.items);
    batch.clips.items = ry_arena_array(arena, BATCH_MESSAGES, sizeof *batch.clips.items);
    batch.messages.n = batch.clips.n = batch.authors.n = BATCH_MESSAGES;
    batch.guilds.items[0] = (struct ry_guild_row){.id = batch.guild_id, .name = RY_STR("A guild")};
    batch.channels.items[0] = (struct ry_channel_row){
        .id = batch.channel_id, .name = ry_arena_printf(arena, "place-%u", channel), .type = RY_STR("text")};
    unsigned author = (unsigned)(ry_rng_u64(&b->rng) % AUTHORS);
    for (unsigned i = 0; i < BATCH_MESSAGES; i++) {
        uint64_t number = first + i;
        struct ry_rng spread = {number};
        struct ry_str id = ry_arena_printf(arena, "%" PRIu64, UINT64_C(1297213456789012480) + (number << 24));
        struct ry_str user = ry_arena_printf(arena, "%u", 90000 + (author + i) % AUTHORS);
        batch.authors.items[i] =
            (struct ry_author_row){.user_id = user,
                                   .username = ry_arena_printf(arena, "user%u", (author + i) % AUTHORS),
                                   .discriminator = RY_STR("0")};
        batch.messages.items[i] =
            (struct ry_message_row){.id = id,
                                    .author_id = user,
                                    .content = sentence(b),
                                    .timestamp_wall_ms = START_WALL_MS + (int64_t)number * PERIOD_MS};
        batch.clips.items[i] = (struct ry_clip_row){
            .id = ry_arena_printf(arena, "%016" PRIx64 "%016" PRIx64, ry_rng_u64(&spread), ry_rng_u64(&spread)),
            .message_id = id,
            .author_id = user,
            .filename = ry_arena_printf(arena, "recording-%" PRIu64 ".mp4", number),
            .file_size = 1000000 + ry_rng_u64(&spread) % 50000000,
            .mime_type = RY_STR("video/mp4"),
            .visibility = RY_STR("PUBLIC"),
            .settings_hash = RY_STR("27b3234951922ec2213c626963892154"),
            .url = ry_arena_printf(arena, "https://cdn.discordapp.com/attachments/1/%" PRIu64 "/recording.mp4", number),
            .expires_wall_ms = START_WALL_MS + (int64_t)number * PERIOD_MS};
    }
    return batch;
}

static void write_some(struct bench *b, unsigned first, unsigned end, bool index, const char *name)
{
    const struct writer_engine_ops *ops = b->engine->ops;
    double began_s = now_s(CLOCK_MONOTONIC), cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned at = first; at < end;) {
        struct ry_batch_write writes[BATCHES_A_TRANSACTION];
        struct writer_batch batches[BATCHES_A_TRANSACTION], *list[BATCHES_A_TRANSACTION];
        size_t n = 0;
        for (; n < BATCHES_A_TRANSACTION && at < end; n++, at += BATCH_MESSAGES) {
            writes[n] = make(b, at);
            batches[n] = (struct writer_batch){.write = &writes[n]};
            list[n] = &batches[n];
        }
        check(b, ops->begin(b->engine, &b->err));
        check(b, writer_batches_write(b->engine, list, n, &b->arena, &b->err));
        if (index)
            check(b, search_index_write(b->engine, WRITER_BRISK, &b->err));
        check(b, ops->commit(b->engine, &b->err));
        ry_arena_reset(&b->arena);
    }
    double n = end - first;
    printf("%-44s %10.0f clips/s, %6.1f us of CPU here each\n", name, n / (now_s(CLOCK_MONOTONIC) - began_s),
           (now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s) / n * 1e6);
}

/* What the triggers marked while the index was left out. */
static void index_rest(struct bench *b)
{
    bool left = true;
    double began_s = now_s(CLOCK_MONOTONIC);
    while (left) {
        check(b, b->engine->ops->begin(b->engine, &b->err));
        check(b, b->engine->ops->search_write(b->engine, 1000, true, &left, &b->err));
        check(b, b->engine->ops->commit(b->engine, &b->err));
    }
    printf("%-44s %10.1f s\n", "what was left out, indexed in slices", now_s(CLOCK_MONOTONIC) - began_s);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* kind: the number of the first of the words to ask for; negative: no word. */
static void ask(struct bench *b, const char *name, struct ry_gallery_get get, int kind, size_t letters,
                const char *more)
{
    double took_ms[TRIES];
    size_t found = 0;
    get.limit = 50;
    get.before_wall_ms = INT64_MAX;
    for (unsigned i = 0; i < TRIES; i++) {
        RY_BUF_AUTO query = ry_buf_make(256);
        struct ry_gallery_page page;
        if (kind >= 0)
            add_word(&query, (uint64_t)kind + i);
        if (letters > 0)
            query.n = letters;
        (void)ry_buf_addf(&query, "%s", more);
        get.query = ry_buf_str(&query);
        double began_s = now_s(CLOCK_MONOTONIC);
        check(b, b->engine->ops->gallery_get(b->engine, &get, &b->arena, &page, &b->err));
        took_ms[i] = (now_s(CLOCK_MONOTONIC) - began_s) * 1e3;
        found += page.clips.n;
        ry_arena_reset(&b->arena);
    }
    qsort(took_ms, TRIES, sizeof *took_ms, compare);
    printf("%-44s %10.2f ms median, %8.2f ms at most, %4zu clips a page\n", name, took_ms[TRIES / 2],
           took_ms[TRIES - 1], found / TRIES);
}

static void ask_all(struct bench *b)
{
    const struct ry_gallery_get none = {0}, oldest = {.sort = RY_GALLERY_OLDEST},
                                longest = {.sort = RY_GALLERY_LONGEST}, largest = {.sort = RY_GALLERY_LARGEST},
                                relevant = {.sort = RY_GALLERY_RELEVANCE}, counted = {.count = true},
                                author = {.author_id = RY_STR("90007")},
                                channel = {.channel_id = RY_STR("5003"), .sort = RY_GALLERY_LARGEST},
                                portrait = {.orientation = RY_STR("portrait")}, kept = {.kept = 1},
                                day = {.from_wall_ms = START_WALL_MS + 86400000,
                                       .to_wall_ms = START_WALL_MS + 172800000};
    ask(b, "newest, no words", none, -1, 0, "");
    ask(b, "oldest (the last page), no words", oldest, -1, 0, "");
    ask(b, "longest, no words", longest, -1, 0, "");
    ask(b, "largest, no words", largest, -1, 0, "");
    ask(b, "largest of a channel", channel, -1, 0, "");
    ask(b, "an author's", author, -1, 0, "");
    ask(b, "a day's", day, -1, 0, "");
    ask(b, "portrait (none is): bounded", portrait, -1, 0, "");
    ask(b, "kept (none is): bounded", kept, -1, 0, "");
    ask(b, "a common word", none, 1, 0, "");
    ask(b, "a common word, oldest (the last page)", oldest, 1, 0, "");
    ask(b, "a common word, relevance", relevant, 1, 0, "");
    ask(b, "a common word, largest", largest, 1, 0, "");
    ask(b, "a common word, counted", counted, 1, 0, "");
    ask(b, "one letter", none, 1, 1, "");
    ask(b, "one letter, relevance", relevant, 1, 1, "");
    ask(b, "a word of the middle", none, 300, 0, "");
    ask(b, "a word of the middle, relevance", relevant, 300, 0, "");
    ask(b, "a rare word", none, 15000, 0, "");
    ask(b, "a rare word, oldest (the last page)", oldest, 15000, 0, "");
    ask(b, "a rare word, largest", largest, 15000, 0, "");
    ask(b, "a common and a rare word", none, 15000, 0, " ka");
    ask(b, "a file's number", none, -1, 0, "\"recording 4711\"");
    ask(b, "a word that there is not", none, -1, 0, "nowhereatall");
    ask(b, "a word of an author's", author, 1, 0, "");
}

static void open_engine(struct bench *b, const char *path, char *url)
{
    char *const nothing[] = {NULL};
    struct ry_config *config = NULL;
    if (url == NULL) {
        const struct writer_sqlite_options options = {.path = path, .clock = ry_clock_system(), .busy_ms = 1000};
        check(b, writer_engine_sqlite_open(&options, &b->engine, &b->err));
        return;
    }
    check(b, ry_config_load(&config, nothing, &b->err));
    check(b, ry_config_set(config, RY_OPT_database_url, url, &b->err));
    const struct writer_pg_options options = {.config = config, .clock = ry_clock_system()};
    check(b, writer_engine_pg_open(&options, &b->engine, &b->err));
    ry_config_free(&config);
}

int main(int argc, char **argv)
{
    unsigned clips = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
    unsigned part = clips / 10 / BATCH_MESSAGES * BATCH_MESSAGES;
    const char *place = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char folder[200], path[240], command[240];
    (void)snprintf(folder, sizeof folder, "%.150s/reelyard-bench-XXXXXX", place);
    setlinebuf(stdout);
    if (part == 0 || mkdtemp(folder) == NULL)
        return 2;
    clips -= clips % BATCH_MESSAGES;
    (void)snprintf(path, sizeof path, "%s/bench.db", folder);
    ry_log_setup(RY_ERROR, RY_LOG_AUTO, STDERR_FILENO);
    struct bench b = {.arena = ry_arena_make(ARENA_MAX_BYTES), .rng = {7}};
    open_engine(&b, path, argc > 2 ? argv[2] : NULL);
    write_some(&b, 0, part, false, "insert, index left out");
    index_rest(&b);
    write_some(&b, part, 2 * part, true, "insert with the index");
    write_some(&b, 2 * part, clips, true, "insert the rest");
    ask_all(&b);
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%-44s %10ld KiB\n", "largest memory", usage.ru_maxrss);
    writer_engine_close(&b.engine);
    ry_arena_free(&b.arena);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
