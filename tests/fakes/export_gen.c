/* export_gen.c: makes a DiscordChatExporter export for tests and benchmarks: the same one for the same seed.
 *
 *   fakes_export_gen --out DIR [--messages N] [--clips N] [--text-clips N] [--media DIR] [--all-media] [--demo]
 *                    [--seed N] [--guild ID] [--channel ID] [--base URL] [--bad] [--compact]
 *
 * Writes DIR/export.json with N messages, of which some hold one clip each, spread evenly. Clips are hard links (copies
 * where that is not possible) in DIR/export.json_Files of the files of the media folder, in turn by name; with --base
 * they are that URL with the file's name, as a server of the same folder has it; without a media folder they are URLs
 * that nobody can fetch. --bad adds one message of every kind in BAD below. Prints what it
 * wrote as one line of JSON. Nothing is kept in memory, so N may be millions. */
#include "runtime/base/rng.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_FOLDER    "export.json_Files"
#define MEDIA_MAX       1000
#define FIRST_SNOWFLAKE UINT64_C(1297213456789012480)
#define SNOWFLAKE_STEP  (UINT64_C(60000) << 22) /* a message a minute */
#define DISCORD_EPOCH_S 1420070400
#define AUTHORS         200
#define WORDS_PER_TEXT  24

struct options {
    const char *out;
    const char *media;
    uint64_t messages;
    uint64_t clips;
    uint64_t text_clips;
    uint64_t seed;
    const char *guild;
    const char *channel;
    const char *base; /* NULL: the clips lie beside the export */
    bool all_media;
    bool bad;
    bool compact; /* no line breaks and indents, as the exporter can be told */
};

struct generator {
    struct options options;
    FILE *file;
    struct ry_rng rng;
    char *media[MEDIA_MAX];
    size_t media_count;
    uint64_t written;
    uint64_t clips; /* written so far */
    uint64_t text_clips;
    uint64_t bad;
};

/* Messages that an import must put aside, or whose clip must fail, each alone. */
static const struct {
    const char *kind;
    const char *attachment; /* printed as the message's only attachment; NULL: `message` says it all */
    const char *message;    /* printed instead of a whole message */
} BAD[] = {
    {"id_is_no_snowflake", NULL,
     "{\"id\":\"not-a-number\",\"timestamp\":\"2024-10-19T15:03:09+00:00\",\"content\":\"\",\"author\":{\"id\":\"7\","
     "\"name\":\"x\"},\"attachments\":[{\"id\":\"1\",\"url\":\"a.mp4\",\"fileName\":\"a.mp4\",\"fileSizeBytes\":1}]}"},
    {"not_an_object", NULL, "\"attachments\""},
    {"no_author", NULL,
     "{\"id\":\"1297213456789012481\",\"timestamp\":\"2024-10-19T15:03:09+00:00\",\"content\":\"\",\"attachments\":[{"
     "\"id\":\"1\",\"url\":\"a.mp4\",\"fileName\":\"a.mp4\",\"fileSizeBytes\":1}]}"},
    {"bad_timestamp", NULL,
     "{\"id\":\"1297213456789012482\",\"timestamp\":\"yesterday\",\"content\":\"\",\"author\":{\"id\":\"7\",\"name\":"
     "\"x\"},\"attachments\":[{\"id\":\"1\",\"url\":\"a.mp4\",\"fileName\":\"a.mp4\",\"fileSizeBytes\":1}]}"},
    {"attachment_without_url", "{\"id\":\"11\",\"fileName\":\"no-url.mp4\",\"fileSizeBytes\":1}", NULL},
    {"file_missing",
     "{\"id\":\"12\",\"url\":\"" FILES_FOLDER "/missing.mp4\",\"fileName\":\"missing.mp4\","
     "\"fileSizeBytes\":1}",
     NULL},
    {"file_empty",
     "{\"id\":\"13\",\"url\":\"" FILES_FOLDER "/empty.mp4\",\"fileName\":\"empty.mp4\","
     "\"fileSizeBytes\":0}",
     NULL},
    {"file_no_video",
     "{\"id\":\"14\",\"url\":\"" FILES_FOLDER "/text.mp4\",\"fileName\":\"text.mp4\","
     "\"fileSizeBytes\":15}",
     NULL},
    {"leaves_the_folder",
     "{\"id\":\"15\",\"url\":\"../../../../../../../../etc/hostname\",\"fileName\":\"leaves.mp4\","
     "\"fileSizeBytes\":1}",
     NULL},
};

static void die(const char *what, const char *which)
{
    fprintf(stderr, "export_gen: %s %s: %s\n", what, which, strerror(errno));
    exit(1);
}

static void usage(void)
{
    fputs("usage: fakes_export_gen --out DIR [--messages N] [--clips N] [--text-clips N] [--media DIR] [--all-media]\n"
          "                        [--demo] [--seed N] [--guild ID] [--channel ID] [--base URL] [--bad] [--compact]\n",
          stderr);
    exit(2);
}

/* ---- media ------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_media(struct generator *generator)
{
    DIR *folder = opendir(generator->options.media);
    if (folder == NULL)
        die("cannot open", generator->options.media);
    struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL && generator->media_count < MEDIA_MAX) {
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".md") != 0 && strcmp(dot, ".txt") != 0)
            generator->media[generator->media_count++] = strdup(entry->d_name);
    }
    closedir(folder);
    if (generator->media_count == 0)
        die("no files in", generator->options.media);
    qsort(generator->media, generator->media_count, sizeof generator->media[0], by_name);
}

static void copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (in < 0 || out < 0)
        die("cannot copy to", to);
    char chunk[65536];
    ssize_t n = 0;
    while ((n = read(in, chunk, sizeof chunk)) > 0)
        if (write(out, chunk, (size_t)n) != n)
            die("cannot write", to);
    close(in);
    close(out);
}

/* Puts clip number `index` beside the export, unless it is served elsewhere, and returns its size. */
static uint64_t place_clip(const struct generator *generator, uint64_t index, const char *name)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    const char *media = generator->media[index % generator->media_count];
    if (snprintf(from, sizeof from, "%s/%s", generator->options.media, media) >= (int)sizeof from ||
        snprintf(to, sizeof to, "%s/" FILES_FOLDER "/%s", generator->options.out, name) >= (int)sizeof to)
        die("path too long:", name);
    if (generator->options.base == NULL) {
        unlink(to);
        if (link(from, to) != 0)
            copy_file(from, to);
    }
    struct stat st;
    if (stat(from, &st) != 0)
        die("cannot look at", from);
    return (uint64_t)st.st_size;
}

static void write_file(const struct generator *generator, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" FILES_FOLDER "/%s", generator->options.out, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        die("cannot write", path);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void print_time(FILE *file, uint64_t snowflake)
{
    uint64_t ms = snowflake >> 22;
    time_t seconds = (time_t)(ms / 1000 + DISCORD_EPOCH_S);
    struct tm tm;
    char text[32];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(file, "\"%s.%03u+00:00\"", text, (unsigned)(ms % 1000));
}

static void print_text(struct generator *generator)
{
    static const char *const WORDS[] = {"clip", "look", "at", "this", "the",     "goal",   "\\\"wow\\\"", "gg",
                                        "und",  "das",  "né", "😀",    "raid\\n", "b\\\\c", "later",       "yes"};
    uint64_t n = ry_rng_below(&generator->rng, WORDS_PER_TEXT);
    for (uint64_t i = 0; i < n; i++)
        fprintf(generator->file, "%s%s", i > 0 ? " " : "",
                WORDS[ry_rng_below(&generator->rng, sizeof WORDS / sizeof WORDS[0])]);
}

static void print_clip(struct generator *generator)
{
    uint64_t index = generator->clips++;
    const char *media = generator->media_count > 0 ? generator->media[index % generator->media_count] : "clip.mp4";
    char name[NAME_MAX];
    char url[PATH_MAX];
    if (generator->options.all_media)
        snprintf(name, sizeof name, "%s", media);
    else
        snprintf(name, sizeof name, "clip %05" PRIu64 "%s", index, strrchr(media, '.'));
    uint64_t size = 1000000 + index;
    if (generator->media_count > 0) {
        size = place_clip(generator, index, name);
        if (generator->options.base != NULL)
            snprintf(url, sizeof url, "%s/%s?ex=7fffffff", generator->options.base, media);
        else
            snprintf(url, sizeof url, FILES_FOLDER "/%s", name);
    } else {
        snprintf(url, sizeof url, "https://cdn.discordapp.com/attachments/%s/%" PRIu64 "/clip.mp4?ex=5f000000",
                 generator->options.channel, index);
    }
    fprintf(generator->file,
            "{\"id\":\"%" PRIu64 "\",\"url\":\"%s\",\"fileName\":\"%s\",\"fileSizeBytes\":%" PRIu64 "}",
            FIRST_SNOWFLAKE / 2 + index, url, name, size);
}

static void print_text_clip(struct generator *generator)
{
    uint64_t index = generator->text_clips++;
    fprintf(generator->file,
            "{\"id\":\"%" PRIu64 "\",\"url\":\"" FILES_FOLDER
            "/text.mp4\",\"fileName\":\"text.mp4\",\"fileSizeBytes\":15}",
            FIRST_SNOWFLAKE / 3 + index);
}

static void begin_message(struct generator *generator)
{
    const char *line = generator->options.compact ? "" : "\n    ";
    fprintf(generator->file, "%s%s", generator->written++ > 0 ? "," : "", line);
}

enum holds { NOTHING, CLIP, TEXT_CLIP };

/* The members that an exporter prints, in its order; attachment: its JSON, or NULL. */
static void print_message(struct generator *generator, enum holds holds, const char *attachment)
{
    FILE *file = generator->file;
    const char *line = generator->options.compact ? "" : "\n      ";
    uint64_t id = FIRST_SNOWFLAKE + generator->written * SNOWFLAKE_STEP / 64;
    uint64_t author = ry_rng_below(&generator->rng, AUTHORS) + 1;
    begin_message(generator);
    fprintf(file, "{%s\"id\":\"%" PRIu64 "\",%s\"type\":\"Default\",%s\"timestamp\":", line, id, line, line);
    print_time(file, id);
    fprintf(file, ",%s\"timestampEdited\":null,%s\"isPinned\":false,%s\"content\":\"", line, line, line);
    print_text(generator);
    fprintf(file,
            "\",%s\"author\":{\"id\":\"%" PRIu64 "\",\"name\":\"user%" PRIu64
            "\",\"discriminator\":\"0000\",\"nickname\":\"Näme %" PRIu64
            "\",\"color\":null,\"isBot\":false,\"roles\":[],\"avatarUrl\":\"https://cdn.discordapp.com/embed/avatars/"
            "%" PRIu64 ".png\"},%s\"attachments\":[",
            line, author * 1000003, author, author, author % 6, line);
    if (attachment != NULL)
        fputs(attachment, file);
    else if (holds == CLIP)
        print_clip(generator);
    else if (holds == TEXT_CLIP)
        print_text_clip(generator);
    fprintf(file, "],%s\"embeds\":[],%s\"stickers\":[],%s\"reactions\":[],%s\"mentions\":[]}", line, line, line, line);
}

static void print_bad(struct generator *generator)
{
    write_file(generator, "empty.mp4", "");
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        generator->bad++;
        if (BAD[i].message != NULL) {
            begin_message(generator);
            fputs(BAD[i].message, generator->file);
        } else {
            print_message(generator, NOTHING, BAD[i].attachment);
        }
        fprintf(stderr, "bad: %s\n", BAD[i].kind);
    }
}

/* Whether the i-th of n steps is one of `some`, spread evenly (Bresenham). */
static bool is_one_of(uint64_t i, uint64_t n, uint64_t some)
{
    return (i + 1) * some / n > i * some / n;
}

static void generate(struct generator *generator)
{
    const struct options *options = &generator->options;
    uint64_t filled = options->clips + options->text_clips;
    write_file(generator, "text.mp4", "This is no mp4.");
    fprintf(generator->file,
            "\xef\xbb\xbf{\n  \"guild\":{\"id\":\"%s\",\"name\":\"Generated guild\",\"iconUrl\":null},\n"
            "  \"channel\":{\"id\":\"%s\",\"type\":\"GuildTextChat\",\"categoryId\":null,\"category\":null,"
            "\"name\":\"clips\",\"topic\":null},\n  \"dateRange\":{\"after\":null,\"before\":null},\n"
            "  \"exportedAt\":\"2024-11-01T00:00:00+00:00\",\n  \"messages\":[",
            options->guild, options->channel);
    for (uint64_t i = 0; i < options->messages; i++) {
        enum holds holds = NOTHING;
        if (is_one_of(i, options->messages, filled))
            holds = is_one_of(generator->clips + generator->text_clips, filled, options->clips) ? CLIP : TEXT_CLIP;
        print_message(generator, holds, NULL);
    }
    if (options->bad)
        print_bad(generator);
    fprintf(generator->file, "\n  ],\n  \"messageCount\":%" PRIu64 "\n}\n", generator->written);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"out", required_argument, NULL, 'o'},     {"messages", required_argument, NULL, 'm'},
        {"clips", required_argument, NULL, 'c'},   {"media", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},    {"guild", required_argument, NULL, 'g'},
        {"channel", required_argument, NULL, 'n'}, {"base", required_argument, NULL, 'u'},
        {"bad", no_argument, NULL, 'b'},           {"compact", no_argument, NULL, 'p'},
        {"all-media", no_argument, NULL, 'a'},     {"text-clips", required_argument, NULL, 't'},
        {"demo", no_argument, NULL, 'd'},          {NULL, 0, NULL, 0},
    };
    struct options options = {
        .messages = 100, .clips = 10, .seed = 1, .guild = "1000000000000000001", .channel = "1000000000000000002"};
    int c = 0;
    while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1)
        switch (c) {
        case 'o': options.out = optarg; break;
        case 'm': options.messages = strtoull(optarg, NULL, 10); break;
        case 'c': options.clips = strtoull(optarg, NULL, 10); break;
        case 't': options.text_clips = strtoull(optarg, NULL, 10); break;
        case 'f': options.media = optarg; break;
        case 's': options.seed = strtoull(optarg, NULL, 10); break;
        case 'g': options.guild = optarg; break;
        case 'n': options.channel = optarg; break;
        case 'd': options.messages = 60, options.all_media = true; break;
        case 'a': options.all_media = true; break;
        case 'u': options.base = optarg; break;
        case 'b': options.bad = true; break;
        case 'p': options.compact = true; break;
        default: usage();
        }
    if (options.out == NULL || optind != argc || (options.all_media && options.media == NULL))
        usage();
    return options;
}

int main(int argc, char **argv)
{
    struct generator generator = {.options = read_options(argc, argv)};
    char path[PATH_MAX];
    generator.rng.state = generator.options.seed;
    snprintf(path, sizeof path, "%s/" FILES_FOLDER, generator.options.out);
    if ((mkdir(generator.options.out, 0755) != 0 && errno != EEXIST) || (mkdir(path, 0755) != 0 && errno != EEXIST))
        die("cannot make", path);
    if (generator.options.media != NULL)
        list_media(&generator);
    if (generator.options.all_media)
        generator.options.clips = generator.media_count;
    if (generator.options.clips + generator.options.text_clips > generator.options.messages) {
        fputs("export_gen: more clips than messages\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s/export.json", generator.options.out);
    generator.file = fopen(path, "w");
    if (generator.file == NULL)
        die("cannot write", path);
    generate(&generator);
    if (fclose(generator.file) != 0)
        die("cannot write", path);
    for (size_t i = 0; i < generator.media_count; i++)
        free(generator.media[i]);
    printf("{\"export\":\"%s\",\"messages\":%" PRIu64 ",\"clips\":%" PRIu64 ",\"bad\":%" PRIu64 "}\n", path,
           generator.written, generator.clips + generator.text_clips, generator.bad);
    return 0;
}
