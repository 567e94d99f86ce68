/* discord_private.h: what discord.c (the client: queue, waits, deadlines) and discord_call.c (one call and its tries)
 * know of each other. */
#ifndef REELYARD_RUNTIME_NET_DISCORD_PRIVATE_H
#define REELYARD_RUNTIME_NET_DISCORD_PRIVATE_H

#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "runtime/net/discord.h"
#include "runtime/net/discord_limits.h"
#include "runtime/net/multi.h"

#define DISCORD_MAGIC    0x64697363u
#define CALL_MAGIC       0x63616c6cu
#define HOST_TEXT_MAX    300
#define BASE_MAX_BYTES   512
#define PATH_MAX_BYTES   2048
#define RETRY_BASE_MS    500
#define RETRY_MAX_MS     30000
#define RETRY_PERCENT    25
#define UNDER_WAY_MAX    16 /* tries at a time; further calls wait here */
#define CONNECTIONS_MAX  6  /* without HTTP/2 */
#define HEADER_MAX_BYTES 65536
#define TROUBLE_TRIES    3 /* of a call, before a person is told */
#define TROUBLE_WAIT_MS  10000
#define TROUBLE_LOG_MS   30000

struct ry_discord {
    unsigned magic;
    struct ry_discord_options options; /* base and token are not used behind the making */
    char base[BASE_MAX_BYTES];         /* without a slash at its end */
    char host[HOST_TEXT_MAX];          /* for people */
    const char *scheme;                /* the base's; static */
    char *authorization;               /* the header line; NULL without a token */
    size_t authorization_bytes;
    const char *token; /* in authorization */
    struct curl_slist *headers;
    struct curl_slist *post_headers;
    struct net_multi multi;
    struct ry_limits *limits;
    struct ry_discord_call *first; /* doubly linked, in the order in which they were asked */
    struct ry_discord_call *last;
    size_t calls;
    size_t under_way;
    struct ry_discord_figures figures;
    struct ry_log_limit trouble_log; /* of calls that are not getting on */
};

struct ry_discord_call {
    unsigned magic;
    struct ry_discord *discord;
    struct ry_discord_call *next;
    struct ry_discord_call *prev;
    struct ry_limit_route *route;
    enum ry_discord_method method;
    struct ry_buf json;
    CURL *easy;
    int64_t deadline_mono_ms;
    int64_t try_deadline_mono_ms; /* while under way */
    int64_t not_before_mono_ms;   /* of the next try */
    unsigned tries;
    bool under_way;
    struct ry_buf body;  /* of the try's answer */
    size_t header_bytes; /* of the try's answer */
    bool too_large;      /* the answer was given up for its size */
    struct ry_error met; /* by the last try; code RY_OK: no try yet */
    ry_discord_on_end *on_end;
    void *arg;
};

/* What a try came to. */
enum verdict { VERDICT_END, VERDICT_AGAIN };

/* Makes a call that is not queued; on error *call is NULL. */
int discord_call_new(struct ry_discord_call **call, struct ry_discord *discord, const struct ry_discord_ask *ask,
                     struct ry_error *err);
void discord_call_free(struct ry_discord_call *call);

/* Empties what the last try left, before the next one goes out. */
void discord_call_rewind(struct ry_discord_call *call);

/* curl is through with a try that had an answer. Fills limits, and met (RY_OK for a 2xx). */
enum verdict discord_call_judge(struct ry_discord_call *call, struct ry_limit_answer *limits);

/* curl is through with a try that had none. Fills met. */
enum verdict discord_call_lost(struct ry_discord_call *call, CURLcode result);

/* "GET" and so on. */
const char *discord_method_name(enum ry_discord_method method);

#endif
