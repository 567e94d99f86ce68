/* discord.c: Discord's REST API for tests, over real HTTP, with its limits and its bad days.
 *
 *   fakes_discord [OPTION...]    answers on 127.0.0.1; prints "port N" when it listens; --help lists the options
 *
 * Histories are made from a seed (tests/bed/discord_history.h), so a channel of any size is there at once and --expect
 * prints what a reader of it must have found. Paths may begin with /api/v10. What the fake does beyond Discord stands
 * below /fake/ and in GET /stats, neither of which is limited, slowed or asked for a token.
 *
 * A test that needs a scan to stay unfinished holds it back here: after POST /fake/gate?close requests for pages of
 * messages wait, POST /fake/gate?let=3 lets three through, POST /fake/gate?open all; "waiting" in /stats says how many
 * wait.
 *
 * A request goes through: down, token, limits (global, then its bucket), faults, and only then its endpoint. One thread
 * per connection; one lock around what is remembered. It keeps nothing, so killing it is how it ends. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <microhttpd.h>

#include "tests/bed/discord_options.h"
#include "runtime/json/json.h"
#include "tests/bed/turnstile.h"

#define GUILDS_MAX     256
#define BODY_MAX_BYTES ((size_t)256 << 10)
#define REFRESH_MAX    50
#define RECENT_MAX     65536 /* requests of the last second that are remembered */

enum kind {
    LIST_MESSAGES,
    ONE_MESSAGE,
    ONE_CHANNEL,
    ACTIVE_THREADS,
    PUBLIC_THREADS,
    PRIVATE_THREADS,
    ONE_GUILD,
    ONE_MEMBER,
    REFRESH,
    LEAVE,
    KINDS
};

static const char *const kind_names[KINDS] = {
    "messages",        "message", "channel", "active_threads", "public_threads",
    "private_threads", "guild",   "member",  "refresh",        "leave"};

struct bucket {
    enum kind kind;
    uint64_t major;
    unsigned used;
    int64_t resets_mono_ms;
    int64_t quiet_until_mono_ms; /* a made-up 429 asked for this */
};

struct server {
    struct discord_options options;
    struct turnstile pages;
    pthread_mutex_t lock;
    uint64_t left[GUILDS_MAX];
    size_t left_count;
    struct bucket *buckets;
    size_t bucket_count;
    int64_t down_until_mono_ms;
    int64_t quiet_until_mono_ms; /* a made-up global 429 asked for this */
    int64_t recent_mono_ms[RECENT_MAX];
    size_t recent_first;
    size_t recent_count;
    uint64_t chance; /* faults drawn */
    struct {
        uint64_t requests;
        uint64_t by_kind[KINDS];
        uint64_t unauthorized;
        uint64_t limited;    /* 429 of any origin */
        uint64_t violations; /* requests into a bucket that was told to be empty */
        uint64_t early;      /* requests before a made-up 429's time was over */
        uint64_t server_errors;
        uint64_t truncated;
        uint64_t closed;
        uint64_t connections;
        uint64_t per_second_max;
    } stats;
};

/* A request as it was read, and the answer being made. */
struct exchange {
    enum method { GET, POST, DELETE } method;
    char body[BODY_MAX_BYTES];
    size_t body_bytes;
};

struct answer {
    unsigned status;
    char *text;
    size_t n;
    FILE *out; /* writes text */
    char headers[12][2][64];
    size_t header_count;
    bool close;
    bool truncate;
};

static int64_t now_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
        ;
}

static void header(struct answer *answer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void header(struct answer *answer, const char *name, const char *format, ...)
{
    char(*slot)[64] = answer->headers[answer->header_count++];
    va_list args;
    va_start(args, format);
    snprintf(slot[0], 64, "%s", name);
    vsnprintf(slot[1], 64, format, args);
    va_end(args);
}

static void error(struct answer *answer, unsigned status, unsigned code, const char *message)
{
    answer->status = status;
    fputs("{\"message\": ", answer->out);
    discord_json_string(answer->out, message);
    fprintf(answer->out, ", \"code\": %u}", code);
}

/* ---- the history ------------------------------------------------------------------------------------------------- */

static struct discord_history *find_channel(struct server *server, uint64_t id)
{
    for (size_t i = 0; i < server->options.channel_count; i++)
        if (server->options.channels[i].made.id == id)
            return &server->options.channels[i];
    return NULL;
}

/* ---- endpoints --------------------------------------------------------------------------------------------------- */

static uint64_t argument(struct MHD_Connection *connection, const char *name, uint64_t fallback)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static bool has_left(const struct server *server, uint64_t guild)
{
    for (size_t i = 0; i < server->left_count; i++)
        if (server->left[i] == guild)
            return true;
    return false;
}

static const struct discord_history *channel_of_guild(const struct server *server, uint64_t guild)
{
    for (size_t i = 0; i < server->options.channel_count; i++)
        if (server->options.channels[i].made.guild == guild)
            return &server->options.channels[i];
    return NULL;
}

static void answer_page(struct server *server, const struct discord_history *channel, struct MHD_Connection *connection,
                        struct answer *answer)
{
    uint64_t limit = argument(connection, "limit", 50);
    uint64_t before = argument(connection, "before", 0);
    uint64_t after = argument(connection, "after", UINT64_MAX);
    uint64_t around = argument(connection, "around", 0);
    if (limit < 1 || limit > 100 || (before != 0) + (after != UINT64_MAX) + (around != 0) > 1) {
        error(answer, 400, 50035, "Invalid Form Body");
        return;
    }
    unsigned n = (unsigned)limit;
    if (after != UINT64_MAX)
        discord_history_page(channel, answer->out, &server->options.urls, discord_history_before(channel, after + 1), 0,
                             n);
    else if (around != 0)
        discord_history_page(channel, answer->out, &server->options.urls, discord_history_before(channel, around),
                             n / 2, n - n / 2);
    else
        discord_history_page(channel, answer->out, &server->options.urls,
                             before ? discord_history_before(channel, before) : discord_history_length(channel), n, 0);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* When a thread was archived: at the time that its id tells, in the form that Discord gives. */
static void archive_time(const struct discord_history *thread, char text[40])
{
    int64_t wall_ms = (int64_t)(thread->made.id >> 22) + DISCORD_EPOCH_MS;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, 40 - n, ".%03d000+00:00", (int)(wall_ms % 1000));
}

static void print_thread(const struct discord_history *thread, struct answer *answer)
{
    char time[40];
    uint64_t length = discord_history_length(thread);
    archive_time(thread, time);
    fprintf(answer->out,
            "{\"id\": \"%" PRIu64 "\", \"type\": %d, \"guild_id\": \"%" PRIu64 "\", \"parent_id\": \"%" PRIu64
            "\", \"name\": \"a thread\", \"thread_metadata\": {\"archived\": %s, \"archive_timestamp\": \"%s\"}, "
            "\"last_message_id\": ",
            thread->made.id, thread->thread == DISCORD_PRIVATE ? 12 : 11, thread->made.guild, thread->parent,
            thread->thread == DISCORD_ACTIVE ? "false" : "true", time);
    if (length == 0)
        fputs("null}", answer->out);
    else if (thread->live_count > 0)
        fprintf(answer->out, "\"%" PRIu64 "\"}", thread->live[thread->live_count - 1].id);
    else
        fprintf(answer->out, "\"%" PRIu64 "\"}", discord_message_id(&thread->made, length - 1));
}

static void answer_active(const struct server *server, uint64_t guild, struct answer *answer)
{
    const char *comma = "";
    fputs("{\"threads\": [", answer->out);
    for (size_t i = 0; i < server->options.channel_count; i++) {
        const struct discord_history *thread = &server->options.channels[i];
        if (thread->thread != DISCORD_ACTIVE || thread->made.guild != guild)
            continue;
        fputs(comma, answer->out);
        print_thread(thread, answer);
        comma = ", ";
    }
    fputs("], \"members\": []}", answer->out);
}

/* The thread of this kind that was archived last before `before`; NULL: none. */
static const struct discord_history *archived_before(const struct server *server, enum discord_thread kind,
                                                     uint64_t parent, const char *before)
{
    const struct discord_history *found = NULL;
    char time[40], best[40] = "";
    for (size_t i = 0; i < server->options.channel_count; i++) {
        const struct discord_history *thread = &server->options.channels[i];
        if (thread->thread != kind || thread->parent != parent)
            continue;
        archive_time(thread, time);
        if (strcmp(time, before) < 0 && strcmp(time, best) > 0) {
            found = thread;
            memcpy(best, time, sizeof best);
        }
    }
    return found;
}

/* Without a private thread the bot is one that may not see any. */
static void answer_archived(struct server *server, enum discord_thread kind, uint64_t parent,
                            struct MHD_Connection *connection, struct answer *answer)
{
    const char *asked = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "before");
    uint64_t limit = argument(connection, "limit", 50);
    char before[40] = "9";
    const struct discord_history *thread = archived_before(server, kind, parent, before);
    if (!find_channel(server, parent)) {
        error(answer, 404, 10003, "Unknown Channel");
        return;
    }
    if (kind == DISCORD_PRIVATE && thread == NULL) {
        error(answer, 403, 50013, "Missing Permissions");
        return;
    }
    if (asked != NULL)
        snprintf(before, sizeof before, "%s", asked);
    fputs("{\"threads\": [", answer->out);
    for (uint64_t n = 0; n < limit && (thread = archived_before(server, kind, parent, before)) != NULL; n++) {
        fputs(n > 0 ? ", " : "", answer->out);
        print_thread(thread, answer);
        archive_time(thread, before);
    }
    fprintf(answer->out, "], \"members\": [], \"has_more\": %s}",
            archived_before(server, kind, parent, before) != NULL ? "true" : "false");
}

static void answer_channel(struct server *server, enum kind kind, uint64_t id, uint64_t minor,
                           struct MHD_Connection *connection, struct answer *answer)
{
    struct discord_history *channel = find_channel(server, id);
    struct discord_message message;
    if (!channel)
        error(answer, 404, 10003, "Unknown Channel");
    else if (has_left(server, channel->made.guild))
        error(answer, 403, 50001, "Missing Access");
    else if (channel->forbidden)
        error(answer, 403, 50013, "Missing Permissions");
    else if (kind == LIST_MESSAGES && channel->forum)
        error(answer, 400, 50024, "Cannot execute action on this channel type");
    else if (kind == LIST_MESSAGES)
        answer_page(server, channel, connection, answer);
    else if (kind == ONE_CHANNEL && channel->thread != DISCORD_NO_THREAD)
        print_thread(channel, answer);
    else if (kind == ONE_CHANNEL)
        fprintf(answer->out,
                "{\"id\": \"%" PRIu64 "\", \"type\": %d, \"guild_id\": \"%" PRIu64 "\", \"name\": \"clips-%" PRIu64
                "\", \"position\": %zu, \"parent_id\": null, \"topic\": \"Clips, né\", \"nsfw\": false}",
                id, channel->forum ? 15 : 0, channel->made.guild, id % 1000,
                (size_t)(channel - server->options.channels));
    else if (discord_history_find(channel, minor, &message))
        discord_json_message(answer->out, &channel->made, &message, &server->options.urls);
    else
        error(answer, 404, 10008, "Unknown Message");
}

static void answer_guild(struct server *server, enum kind kind, uint64_t guild, uint64_t minor, struct answer *answer)
{
    const struct discord_history *channel = channel_of_guild(server, guild);
    if (!channel || has_left(server, guild)) {
        error(answer, 404, 10004, "Unknown Guild");
        return;
    }
    if (kind == LEAVE) {
        if (server->left_count < GUILDS_MAX)
            server->left[server->left_count++] = guild;
        answer->status = 204;
        return;
    }
    if (kind == ONE_GUILD) {
        fprintf(answer->out,
                "{\"id\": \"%" PRIu64 "\", \"name\": \"Guild %" PRIu64
                " né\", \"icon\": \"a_0123456789abcdef0123456789abcdef\", \"owner_id\": \"80351110224678912\"}",
                guild, guild % 1000);
        return;
    }
    for (unsigned i = 0; i < DISCORD_AUTHORS; i++) {
        struct discord_author author;
        discord_author_make(guild, server->options.seed, i, &author);
        if (author.id == minor && author.is_member) {
            discord_json_member(answer->out, &author);
            return;
        }
    }
    error(answer, 404, 10007, "Unknown Member");
}

static void print_refreshed(const struct server *server, const char *original, struct answer *answer)
{
    const char *base = server->options.urls.base;
    fputs("{\"original\": ", answer->out);
    discord_json_string(answer->out, original);
    fputs(", \"refreshed\": ", answer->out);
    size_t n = strcspn(original, "?");
    if (strncmp(original, base, strlen(base)) == 0 && n < 1024) {
        char path[1025];
        snprintf(path, sizeof path, "%.*s", (int)n, original);
        fprintf(answer->out, "\"%s?", path);
        discord_json_signature(answer->out, path + strlen(base), DISCORD_URL_LIFE_S);
        putc('"', answer->out);
    } else {
        discord_json_string(answer->out, original);
    }
    putc('}', answer->out);
}

static void answer_refresh(const struct server *server, const struct exchange *exchange, struct answer *answer)
{
    if (server->options.no_refresh) {
        error(answer, 404, 0, "404: Not Found");
        return;
    }
    RY_JSON_AUTO *asked = NULL;
    const struct ry_json *root = NULL;
    (void)ry_json_parse_object(ry_str_of(exchange->body), &asked, &root, NULL);
    struct ry_json_walk urls = ry_json_walk(ry_json_get(root, "attachment_urls"));
    if (urls.left == 0 || urls.left > REFRESH_MAX) {
        error(answer, 400, 50035, "Invalid Form Body");
        return;
    }
    fputs("{\"refreshed_urls\": [", answer->out);
    const struct ry_json *url = NULL;
    for (size_t i = 0; ry_json_next(&urls, &url); i++) {
        struct ry_str text = ry_json_str(url);
        fputs(i ? ", " : "", answer->out);
        print_refreshed(server, text.p ? text.p : "", answer);
    }
    fputs("]}", answer->out);
}

/* ---- limits and faults ------------------------------------------------------------------------------------------- */

static struct bucket *find_bucket(struct server *server, enum kind kind, uint64_t major)
{
    for (size_t i = 0; i < server->bucket_count; i++)
        if (server->buckets[i].kind == kind && server->buckets[i].major == major)
            return &server->buckets[i];
    struct bucket *longer = realloc(server->buckets, (server->bucket_count + 1) * sizeof *longer);
    if (!longer)
        abort();
    server->buckets = longer;
    longer[server->bucket_count] = (struct bucket){.kind = kind, .major = major};
    return &longer[server->bucket_count++];
}

/* Counts a request; how many came within the last second, this one included. */
static size_t count_recent(struct server *server, int64_t now)
{
    while (server->recent_count > 0 &&
           (server->recent_count == RECENT_MAX || server->recent_mono_ms[server->recent_first] <= now - 1000)) {
        server->recent_first = (server->recent_first + 1) % RECENT_MAX;
        server->recent_count--;
    }
    server->recent_mono_ms[(server->recent_first + server->recent_count++) % RECENT_MAX] = now;
    if (server->recent_count > server->stats.per_second_max)
        server->stats.per_second_max = server->recent_count;
    return server->recent_count;
}

static void too_many(struct server *server, struct answer *answer, enum discord_scope scope, int64_t wait_ms)
{
    server->stats.limited++;
    answer->status = 429;
    header(answer, "Retry-After", "%" PRId64, (wait_ms + 999) / 1000);
    header(answer, "X-RateLimit-Scope", "%s", discord_scope_names[scope]);
    if (scope == GLOBAL)
        header(answer, "X-RateLimit-Global", "true");
    fprintf(answer->out,
            "{\"message\": \"You are being rate limited.\", \"retry_after\": %" PRId64 ".%03d, \"global\": %s}",
            wait_ms / 1000, (int)(wait_ms % 1000), scope == GLOBAL ? "true" : "false");
}

/* False: the bucket was empty, and the request has its answer. */
static bool pass_bucket(struct server *server, struct bucket *bucket, struct answer *answer, int64_t now)
{
    const struct discord_options *options = &server->options;
    if (options->bucket_limit == 0)
        return true;
    if (now >= bucket->resets_mono_ms) {
        bucket->used = 0;
        bucket->resets_mono_ms = now + options->bucket_window_ms;
    }
    int64_t left_ms = bucket->resets_mono_ms - now;
    int64_t resets_wall_ms = now_wall_ms() + left_ms;
    bool passes = bucket->used < options->bucket_limit;
    if (passes)
        bucket->used++;
    header(answer, "X-RateLimit-Limit", "%u", options->bucket_limit);
    header(answer, "X-RateLimit-Remaining", "%u", options->bucket_limit - bucket->used);
    header(answer, "X-RateLimit-Reset", "%" PRId64 ".%03d", resets_wall_ms / 1000, (int)(resets_wall_ms % 1000));
    header(answer, "X-RateLimit-Reset-After", "%" PRId64 ".%03d", left_ms / 1000, (int)(left_ms % 1000));
    header(answer, "X-RateLimit-Bucket", "%016" PRIx64, discord_hash(options->seed, (uint64_t)bucket->kind));
    if (!passes) {
        server->stats.violations++;
        too_many(server, answer, USER, left_ms);
    }
    return passes;
}

static bool draw(struct server *server, unsigned percent)
{
    return percent > 0 && discord_hash(server->options.seed ^ 0xFA017, server->chance++) % 100 < percent;
}

/* Bad luck; true: the request has its answer. */
static bool suffer_fault(struct server *server, struct bucket *bucket, struct answer *answer, int64_t now)
{
    const struct discord_options *options = &server->options;
    if (now < server->quiet_until_mono_ms || now < bucket->quiet_until_mono_ms)
        server->stats.early++;
    if (draw(server, options->fault_close_percent)) {
        server->stats.closed++;
        answer->close = true;
        return true;
    }
    if (draw(server, options->fault_429_percent)) {
        enum discord_scope scope = options->fault_scope;
        if (scope == MIX)
            scope = (enum discord_scope)(discord_hash(options->seed, server->chance++) % 3);
        int64_t until = now + options->fault_retry_after_ms;
        *(scope == GLOBAL ? &server->quiet_until_mono_ms : &bucket->quiet_until_mono_ms) = until;
        too_many(server, answer, scope, options->fault_retry_after_ms);
        return true;
    }
    if (draw(server, options->fault_500_percent)) {
        server->stats.server_errors++;
        error(answer, server->chance % 2 ? 500 : 502, 0, "Internal Server Error");
        return true;
    }
    if (draw(server, options->fault_truncate_percent)) {
        server->stats.truncated++;
        answer->truncate = true;
    }
    return false;
}

static bool is_authorized(const struct server *server, struct MHD_Connection *connection)
{
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    return given && strncmp(given, "Bot ", 4) == 0 && strcmp(given + 4, server->options.token) == 0;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static const struct {
    enum kind kind;
    int method;
    const char *pattern;
    int ids;
} routes[] = {
    {LIST_MESSAGES, GET, "/channels/%" SCNu64 "/messages%n", 1},
    {ONE_MESSAGE, GET, "/channels/%" SCNu64 "/messages/%" SCNu64 "%n", 2},
    {ONE_CHANNEL, GET, "/channels/%" SCNu64 "%n", 1},
    {ACTIVE_THREADS, GET, "/guilds/%" SCNu64 "/threads/active%n", 1},
    {PUBLIC_THREADS, GET, "/channels/%" SCNu64 "/threads/archived/public%n", 1},
    {PRIVATE_THREADS, GET, "/channels/%" SCNu64 "/threads/archived/private%n", 1},
    {ONE_GUILD, GET, "/guilds/%" SCNu64 "%n", 1},
    {ONE_MEMBER, GET, "/guilds/%" SCNu64 "/members/%" SCNu64 "%n", 2},
    {LEAVE, DELETE, "/users/@me/guilds/%" SCNu64 "%n", 1},
    {REFRESH, POST, "/attachments/refresh-urls%n", 0},
};

static bool find_route(int method, const char *path, enum kind *kind, uint64_t *major, uint64_t *minor)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        int end = -1;
        *major = *minor = 0;
        if (routes[i].method != method)
            continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (routes[i].ids == 2)
            sscanf(path, routes[i].pattern, major, minor, &end);
        else if (routes[i].ids == 1)
            sscanf(path, routes[i].pattern, major, &end);
        else
            sscanf(path, routes[i].pattern, &end);
#pragma GCC diagnostic pop
        if (end < 0 || path[end] != '\0')
            continue;
        *kind = routes[i].kind;
        return true;
    }
    return false;
}

static void answer_api(struct server *server, struct MHD_Connection *connection, const struct exchange *exchange,
                       const char *path, struct answer *answer)
{
    int64_t now = now_mono_ms();
    size_t recent = count_recent(server, now);
    server->stats.requests++;
    enum kind kind;
    uint64_t major;
    uint64_t minor;
    if (now < server->down_until_mono_ms) {
        server->stats.closed++;
        answer->close = true;
        return;
    }
    if (!is_authorized(server, connection)) {
        server->stats.unauthorized++;
        error(answer, 401, 0, "401: Unauthorized");
        return;
    }
    if (!find_route((int)exchange->method, path, &kind, &major, &minor)) {
        error(answer, 404, 0, "404: Not Found");
        return;
    }
    server->stats.by_kind[kind]++;
    if (server->options.global_per_second > 0 && recent > server->options.global_per_second) {
        too_many(server, answer, GLOBAL, 1000);
        return;
    }
    struct bucket *bucket = find_bucket(server, kind, kind == LEAVE ? 0 : major);
    if (!pass_bucket(server, bucket, answer, now) || suffer_fault(server, bucket, answer, now))
        return;
    switch (kind) {
    case LIST_MESSAGES:
    case ONE_MESSAGE:
    case ONE_CHANNEL: answer_channel(server, kind, major, minor, connection, answer); break;
    case ACTIVE_THREADS: answer_active(server, major, answer); break;
    case PUBLIC_THREADS: answer_archived(server, DISCORD_PUBLIC, major, connection, answer); break;
    case PRIVATE_THREADS: answer_archived(server, DISCORD_PRIVATE, major, connection, answer); break;
    case ONE_GUILD:
    case ONE_MEMBER:
    case LEAVE: answer_guild(server, kind, major, minor, answer); break;
    case REFRESH: answer_refresh(server, exchange, answer); break;
    case KINDS: abort();
    }
}

/* ---- beyond Discord ---------------------------------------------------------------------------------------------- */

static void print_stats(struct server *server, FILE *out)
{
    uint64_t waiting, passed;
    turnstile_counts(&server->pages, &waiting, &passed);
    fprintf(out, "{\"requests\": %" PRIu64, server->stats.requests);
    for (size_t i = 0; i < KINDS; i++)
        fprintf(out, ", \"%s\": %" PRIu64, kind_names[i], server->stats.by_kind[i]);
    fprintf(out,
            ", \"unauthorized\": %" PRIu64 ", \"limited\": %" PRIu64 ", \"violations\": %" PRIu64
            ", \"early\": %" PRIu64 ", \"server_errors\": %" PRIu64 ", \"truncated\": %" PRIu64 ", \"closed\": %" PRIu64
            ", \"connections\": %" PRIu64 ", \"per_second_max\": %" PRIu64 ", \"waiting\": %" PRIu64
            ", \"passed\": %" PRIu64 ", \"left_guilds\": [",
            server->stats.unauthorized, server->stats.limited, server->stats.violations, server->stats.early,
            server->stats.server_errors, server->stats.truncated, server->stats.closed, server->stats.connections,
            server->stats.per_second_max, waiting, passed);
    for (size_t i = 0; i < server->left_count; i++)
        fprintf(out, "%s\"%" PRIu64 "\"", i ? ", " : "", server->left[i]);
    fputs("]}\n", out);
}

static void delete_message(struct server *server, uint64_t id, struct answer *answer)
{
    for (size_t i = 0; i < server->options.channel_count; i++) {
        if (discord_history_delete(&server->options.channels[i], id)) {
            answer->status = 204;
            return;
        }
    }
    error(answer, 404, 10008, "Unknown Message");
}

static void post_message(struct server *server, struct MHD_Connection *connection, struct answer *answer)
{
    uint64_t id = argument(connection, "channel", server->options.channels[0].made.id);
    struct discord_history *channel = find_channel(server, id);
    if (!channel) {
        error(answer, 404, 10003, "Unknown Channel");
        return;
    }
    const char *filename = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "filename");
    fprintf(answer->out, "{\"id\": \"%" PRIu64 "\"}\n", discord_history_post(channel, filename, now_wall_ms()));
}

static void move_gate(struct server *server, struct MHD_Connection *connection, struct answer *answer)
{
    uint64_t n = argument(connection, "let", 0);
    if (MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "close", 5, NULL, NULL) == MHD_YES)
        turnstile_close(&server->pages);
    else if (MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "open", 4, NULL, NULL) == MHD_YES)
        turnstile_open(&server->pages);
    else if (n > 0)
        turnstile_let(&server->pages, n);
    else
        error(answer, 400, 0, "close, open or let=N");
}

/* What no good server does: repeats the token it was given. */
static void echo_token(struct MHD_Connection *connection, struct answer *answer)
{
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    error(answer, 418, 0, given ? given : "");
}

/* False: not one of these paths. */
static bool answer_control(struct server *server, struct MHD_Connection *connection, int method, const char *path,
                           struct answer *answer)
{
    if (method == GET && strcmp(path, "/stats") == 0)
        print_stats(server, answer->out);
    else if (method == POST && strcmp(path, "/fake/down") == 0)
        server->down_until_mono_ms = now_mono_ms() + (int64_t)argument(connection, "ms", 1000);
    else if (method == POST && strcmp(path, "/fake/gate") == 0)
        move_gate(server, connection, answer);
    else if (method == POST && strcmp(path, "/fake/delete") == 0)
        delete_message(server, argument(connection, "message", 0), answer);
    else if (method == POST && strcmp(path, "/fake/post") == 0)
        post_message(server, connection, answer);
    else if (strncmp(path, "/fake/echo/", 11) == 0)
        echo_token(connection, answer);
    else if (strncmp(path, "/fake/redirect/", 15) == 0) {
        answer->status = 302;
        header(answer, "Location", "/api/v10/%.48s", path + 15);
    } else
        return false;
    return true;
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

struct cut_text {
    char *text;
    size_t n;
};

static ssize_t read_half(void *arg, uint64_t at, char *out, size_t most)
{
    const struct cut_text *cut = arg;
    size_t half = cut->n / 2;
    if (at >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = half - (size_t)at < most ? half - (size_t)at : most;
    memcpy(out, cut->text + at, n);
    return (ssize_t)n;
}

static void free_cut(void *arg)
{
    struct cut_text *cut = arg;
    free(cut->text);
    free(cut);
}

static struct MHD_Response *make_response(struct answer *answer)
{
    if (!answer->truncate)
        return MHD_create_response_from_buffer(answer->n, answer->text, MHD_RESPMEM_MUST_FREE);
    struct cut_text *cut = malloc(sizeof *cut);
    if (!cut)
        abort();
    *cut = (struct cut_text){answer->text, answer->n};
    return MHD_create_response_from_callback(answer->n, 4096, read_half, cut, free_cut);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response = make_response(answer);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    for (size_t i = 0; i < answer->header_count; i++)
        MHD_add_response_header(response, answer->headers[i][0], answer->headers[i][1]);
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond(struct server *server, struct MHD_Connection *connection,
                               const struct exchange *exchange, const char *path)
{
    struct answer answer = {.status = 200};
    answer.out = open_memstream(&answer.text, &answer.n);
    if (!answer.out)
        abort();
    const char *prefix = "/api/v10";
    if (strncmp(path, prefix, strlen(prefix)) == 0)
        path += strlen(prefix);
    enum kind kind;
    uint64_t major, minor;
    if (find_route((int)exchange->method, path, &kind, &major, &minor) && kind == LIST_MESSAGES)
        turnstile_pass(&server->pages);
    pthread_mutex_lock(&server->lock);
    bool controlled = answer_control(server, connection, (int)exchange->method, path, &answer);
    if (!controlled)
        answer_api(server, connection, exchange, path, &answer);
    pthread_mutex_unlock(&server->lock);
    fclose(answer.out);
    if (!controlled && server->options.latency_ms > 0)
        pause_ms(server->options.latency_ms);
    if (answer.close) {
        free(answer.text);
        return MHD_NO; /* closes the connection without a word */
    }
    return send_answer(connection, &answer);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **state)
{
    (void)version;
    struct exchange *exchange = *state;
    if (!exchange) {
        *state = exchange = calloc(1, sizeof *exchange);
        if (!exchange)
            return MHD_NO;
        exchange->method = strcmp(method, "POST") == 0 ? POST : strcmp(method, "DELETE") == 0 ? DELETE : GET;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        if (*upload_bytes >= BODY_MAX_BYTES - exchange->body_bytes)
            return MHD_NO;
        memcpy(exchange->body + exchange->body_bytes, upload, *upload_bytes);
        exchange->body_bytes += *upload_bytes;
        *upload_bytes = 0;
        return MHD_YES;
    }
    return respond(arg, connection, exchange, url);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg, (void)connection, (void)code;
    free(*state);
    *state = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection, (void)state;
    struct server *server = arg;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    pthread_mutex_lock(&server->lock);
    server->stats.connections++;
    pthread_mutex_unlock(&server->lock);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int expect(const struct discord_options *options)
{
    for (size_t i = 0; i < options->channel_count; i++)
        discord_history_expect(&options->channels[i], stdout);
    return 0;
}

int main(int argc, char **argv)
{
    static struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER, .pages = TURNSTILE_INIT};
    discord_options_parse(&server.options, argc, argv);
    if (server.options.expect)
        return expect(&server.options);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server.options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, (uint16_t)server.options.port,
        NULL, NULL, on_request, &server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, &server, MHD_OPTION_LISTENING_ADDRESS_REUSE,
        1u, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "fakes_discord: cannot listen on port %u: %s\n", server.options.port, strerror(errno));
        return 1;
    }
    printf("port %u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (;;)
        pause();
}
