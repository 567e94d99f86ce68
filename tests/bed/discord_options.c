/* discord_options.c: the fake Discord's command line; see discord_options.h. */
#include "tests/bed/discord_options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORBIDDEN_MAX 256
#define FIRST_CHANNEL UINT64_C(1424914917202464798)
#define FIRST_GUILD   UINT64_C(1424914917202464700)

const char *const discord_scope_names[4] = {"user", "global", "shared", "mix"};

static int help(void)
{
    puts("usage: fakes_discord [OPTION...]\n\n"
         "Answers like Discord's REST API on 127.0.0.1 and prints \"port N\" when it listens.\n\n"
         "  --port N               listen on this port (0: any)\n"
         "  --token TEXT           the bot token to ask for (test-token)\n"
         "history:\n"
         "  --seed N               what the history is made from (1)\n"
         "  --messages N           messages of each channel (1000)\n"
         "  --clips N              video attachments of each channel (50)\n"
         "  --media NAME,NAME      file names of the clips (clip.mp4)\n"
         "  --guild ID             guild of the channels named behind it; may be repeated\n"
         "  --channel ID[:MESSAGES:CLIPS]   a channel; may be repeated\n"
         "  --thread active|public|private:ID[:MESSAGES:CLIPS]   a thread of the channel named before it, active or\n"
         "                         archived; may be repeated\n"
         "  --archived N           N further archived public threads of it, of one message with one clip each\n"
         "  --forum                the channel named before it has threads alone\n"
         "  --channels N           N further channels with ids of the fake's choice\n"
         "  --forbidden ID         403 for this channel; may be repeated\n"
         "  --cdn BASE             what the URLs of clips begin with (http://127.0.0.1:1); then\n"
         "                         /attachments/CHANNEL/ATTACHMENT/NAME?ex=..&is=..&hm=..\n"
         "  --proxy BASE           the same for proxy_url (as --cdn)\n"
         "  --url-life-s N         how long URLs are good; negative: expired already (86400)\n"
         "  --no-refresh           404 for POST /attachments/refresh-urls\n"
         "  --expect               print, a JSON object a line, each message with clips and the totals; no server\n"
         "limits and faults:\n"
         "  --bucket-limit N       requests of one route and channel or guild in a window (0: no limit)\n"
         "  --bucket-window-ms N   the window (1000)\n"
         "  --global-per-second N  requests of all routes in any second (0: no limit)\n"
         "  --latency-ms N         each answer waits so long (0)\n"
         "  --fault-429 PERCENT    429 out of the blue\n"
         "  --fault-scope user|global|shared|mix    its scope (user)\n"
         "  --fault-retry-after-ms N                its Retry-After (50)\n"
         "  --fault-500 PERCENT    500 or 502\n"
         "  --fault-truncate PERCENT   half of the body, then the end\n"
         "  --fault-close PERCENT  hang up without an answer\n\n"
         "control, without a token:\n"
         "  GET  /stats                          counts, as JSON\n"
         "  POST /fake/down?ms=N                 hang up on everything for so long; 0: no longer\n"
         "  POST /fake/gate?close|open|let=N     pages of messages wait; no longer; N more of them go through\n"
         "  POST /fake/delete?message=ID         delete a message\n"
         "  POST /fake/post?channel=ID&filename=NAME   post a message; answers its id\n"
         "  any  /fake/redirect/..               302 to /api/v10/..\n"
         "  any  /fake/echo/..                   418 with the token in its message");
    return 0;
}

static void add_channel(struct discord_options *options, uint64_t id, uint64_t guild, uint64_t messages, uint64_t clips)
{
    if (options->channel_count == DISCORD_CHANNELS_MAX) {
        fprintf(stderr, "fakes_discord: more than %d channels\n", DISCORD_CHANNELS_MAX);
        exit(2);
    }
    options->channels[options->channel_count++].made =
        (struct discord_channel){.id = id, .guild = guild, .messages = messages, .clips = clips};
}

static void parse_channel(struct discord_options *options, const char *text, uint64_t guild)
{
    uint64_t id = 0;
    uint64_t messages = UINT64_MAX; /* as --messages says, which may stand behind */
    uint64_t clips = UINT64_MAX;
    if (sscanf(text, "%" SCNu64 ":%" SCNu64 ":%" SCNu64, &id, &messages, &clips) < 1 || id == 0) {
        fprintf(stderr, "fakes_discord: --channel %s is not ID[:MESSAGES:CLIPS]\n", text);
        exit(2);
    }
    add_channel(options, id, guild, messages, clips);
}

static struct discord_history *last_channel(struct discord_options *options)
{
    size_t i = options->channel_count;
    while (i > 0 && options->channels[i - 1].thread != DISCORD_NO_THREAD)
        i--;
    if (i == 0) {
        fprintf(stderr, "fakes_discord: --thread and --forum stand behind a --channel\n");
        exit(2);
    }
    return &options->channels[i - 1];
}

static void parse_thread(struct discord_options *options, const char *text)
{
    static const char *const kinds[] = {
        [DISCORD_ACTIVE] = "active:", [DISCORD_PUBLIC] = "public:", [DISCORD_PRIVATE] = "private:"};
    const struct discord_history *parent = last_channel(options);
    for (int kind = DISCORD_ACTIVE; kind <= DISCORD_PRIVATE; kind++) {
        if (strncmp(text, kinds[kind], strlen(kinds[kind])) != 0)
            continue;
        parse_channel(options, text + strlen(kinds[kind]), parent->made.guild);
        struct discord_history *thread = &options->channels[options->channel_count - 1];
        thread->thread = (enum discord_thread)kind;
        thread->parent = parent->made.id;
        return;
    }
    fprintf(stderr, "fakes_discord: --thread %s is not active, public or private:ID[:MESSAGES:CLIPS]\n", text);
    exit(2);
}

static void add_archived(struct discord_options *options, uint64_t count)
{
    const struct discord_history *parent = last_channel(options);
    for (uint64_t i = 0; i < count; i++) {
        add_channel(options, parent->made.id + ((i + 1) << 22), parent->made.guild, 1, 1);
        struct discord_history *thread = &options->channels[options->channel_count - 1];
        thread->thread = DISCORD_PUBLIC;
        thread->parent = parent->made.id;
    }
}

static void parse_media(struct discord_options *options, char *list)
{
    options->media_count = 0;
    for (char *name = list; name && options->media_count < DISCORD_MEDIA_MAX;) {
        options->media[options->media_count++] = name;
        name = strchr(name, ',');
        if (name)
            *name++ = '\0';
    }
}

static enum discord_scope parse_scope(const char *text)
{
    for (size_t i = 0; i < sizeof discord_scope_names / sizeof *discord_scope_names; i++)
        if (strcmp(discord_scope_names[i], text) == 0)
            return (enum discord_scope)i;
    fprintf(stderr, "fakes_discord: --fault-scope takes user, global, shared or mix\n");
    exit(2);
}

enum option_code {
    PORT = 1,
    TOKEN,
    SEED,
    MESSAGES,
    CLIPS,
    MEDIA,
    GUILD,
    CHANNEL,
    THREAD,
    ARCHIVED,
    FORUM,
    CHANNELS,
    FORBIDDEN,
    CDN,
    PROXY,
    URL_LIFE,
    NO_REFRESH,
    EXPECT,
    BUCKET_LIMIT,
    BUCKET_WINDOW,
    GLOBAL_LIMIT,
    LATENCY,
    FAULT_429,
    FAULT_SCOPE,
    FAULT_RETRY_AFTER,
    FAULT_500,
    FAULT_TRUNCATE,
    FAULT_CLOSE,
    HELP
};

static const struct option long_options[] = {
    {"port", 1, NULL, PORT},
    {"token", 1, NULL, TOKEN},
    {"seed", 1, NULL, SEED},
    {"messages", 1, NULL, MESSAGES},
    {"clips", 1, NULL, CLIPS},
    {"media", 1, NULL, MEDIA},
    {"guild", 1, NULL, GUILD},
    {"channel", 1, NULL, CHANNEL},
    {"thread", 1, NULL, THREAD},
    {"archived", 1, NULL, ARCHIVED},
    {"forum", 0, NULL, FORUM},
    {"channels", 1, NULL, CHANNELS},
    {"forbidden", 1, NULL, FORBIDDEN},
    {"cdn", 1, NULL, CDN},
    {"proxy", 1, NULL, PROXY},
    {"url-life-s", 1, NULL, URL_LIFE},
    {"no-refresh", 0, NULL, NO_REFRESH},
    {"expect", 0, NULL, EXPECT},
    {"bucket-limit", 1, NULL, BUCKET_LIMIT},
    {"bucket-window-ms", 1, NULL, BUCKET_WINDOW},
    {"global-per-second", 1, NULL, GLOBAL_LIMIT},
    {"latency-ms", 1, NULL, LATENCY},
    {"fault-429", 1, NULL, FAULT_429},
    {"fault-scope", 1, NULL, FAULT_SCOPE},
    {"fault-retry-after-ms", 1, NULL, FAULT_RETRY_AFTER},
    {"fault-500", 1, NULL, FAULT_500},
    {"fault-truncate", 1, NULL, FAULT_TRUNCATE},
    {"fault-close", 1, NULL, FAULT_CLOSE},
    {"help", 0, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void read_words(struct discord_options *options, int argc, char **argv)
{
    uint64_t guild = FIRST_GUILD;
    uint64_t further = 0;
    uint64_t forbidden[FORBIDDEN_MAX];
    size_t forbidden_count = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch ((enum option_code)option) {
        case PORT: options->port = (unsigned)number; break;
        case TOKEN: options->token = optarg; break;
        case SEED: options->seed = number; break;
        case MESSAGES: options->messages = number; break;
        case CLIPS: options->clips = number; break;
        case MEDIA: parse_media(options, optarg); break;
        case GUILD: guild = number; break;
        case CHANNEL: parse_channel(options, optarg, guild); break;
        case THREAD: parse_thread(options, optarg); break;
        case ARCHIVED: add_archived(options, number); break;
        case FORUM: last_channel(options)->forum = true; break;
        case CHANNELS: further = number; break;
        case FORBIDDEN:
            if (forbidden_count < FORBIDDEN_MAX)
                forbidden[forbidden_count++] = number;
            break;
        case CDN: options->urls.base = optarg; break;
        case PROXY: options->urls.proxy = optarg; break;
        case URL_LIFE: options->urls.life_s = strtoll(optarg, NULL, 10); break;
        case NO_REFRESH: options->no_refresh = true; break;
        case EXPECT: options->expect = true; break;
        case BUCKET_LIMIT: options->bucket_limit = (unsigned)number; break;
        case BUCKET_WINDOW: options->bucket_window_ms = (int64_t)number; break;
        case GLOBAL_LIMIT: options->global_per_second = (unsigned)number; break;
        case LATENCY: options->latency_ms = (int64_t)number; break;
        case FAULT_429: options->fault_429_percent = (unsigned)number; break;
        case FAULT_SCOPE: options->fault_scope = parse_scope(optarg); break;
        case FAULT_RETRY_AFTER: options->fault_retry_after_ms = (int64_t)number; break;
        case FAULT_500: options->fault_500_percent = (unsigned)number; break;
        case FAULT_TRUNCATE: options->fault_truncate_percent = (unsigned)number; break;
        case FAULT_CLOSE: options->fault_close_percent = (unsigned)number; break;
        case HELP: exit(help());
        default: fputs("usage: fakes_discord [OPTION...] (see --help)\n", stderr); exit(2);
        }
    }
    if (options->channel_count + further == 0)
        further = 1;
    for (uint64_t i = 0; i < further; i++)
        add_channel(options, FIRST_CHANNEL + i * 1000003, guild, UINT64_MAX, UINT64_MAX);
    for (size_t i = 0; i < forbidden_count; i++) {
        for (size_t j = 0; j < options->channel_count; j++)
            if (options->channels[j].made.id == forbidden[i])
                options->channels[j].forbidden = true;
    }
}

/* What an option behind a channel may still have decided. */
static void complete_channels(struct discord_options *options)
{
    for (size_t i = 0; i < options->channel_count; i++) {
        struct discord_channel *channel = &options->channels[i].made;
        if (channel->messages == UINT64_MAX)
            channel->messages = options->messages;
        if (channel->clips == UINT64_MAX)
            channel->clips = options->clips;
        if (channel->clips > channel->messages * 8)
            channel->clips = channel->messages * 8;
        channel->seed = options->seed;
        channel->media = options->media;
        channel->media_count = options->media_count;
    }
}

void discord_options_parse(struct discord_options *options, int argc, char **argv)
{
    *options = (struct discord_options){.token = "test-token",
                                        .seed = 1,
                                        .messages = 1000,
                                        .clips = 50,
                                        .bucket_window_ms = 1000,
                                        .fault_retry_after_ms = 50,
                                        .urls = {.base = "http://127.0.0.1:1", .life_s = DISCORD_URL_LIFE_S},
                                        .media = {"clip.mp4"},
                                        .media_count = 1};
    options->channels = calloc(DISCORD_CHANNELS_MAX, sizeof *options->channels);
    if (!options->channels)
        abort();
    read_words(options, argc, argv);
    complete_channels(options);
    if (!options->urls.proxy)
        options->urls.proxy = options->urls.base;
}
