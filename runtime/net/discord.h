/* discord.h: Discord's REST API: calls that wait for their rate limits.
 *
 * Many calls run at a time on one thread. A call is queued, sent as soon as its limits allow, and comes to an end by
 * its handler, exactly once. What is kept here, so that no caller need know it:
 *   - buckets, learnt from X-RateLimit-* (a route's bucket is known only after its first answer, so
 *     before that one call of a route is under way at a time), each with its major parameter (channel, guild); the
 *     global limit; 429 in all scopes with Retry-After
 *   - answers of 401, 403 and 429 (scope shared excepted) are counted over ten minutes; well before the 10,000 that ban
 *     an address, calls are held back until the count falls
 *   - 5xx, broken and unreadable answers, and network errors are tried again after a growing, jittered wait, until the
 *     call's deadline
 * The token goes into the Authorization header of requests to the base alone: redirects are not followed, and neither
 * errors nor logs ever hold it.
 *
 * The client is one descriptor: when it is readable, ry_discord_ready does all that is due and calls handlers. All
 * calls from one thread; nothing blocks. Source: https://discord.com/developers/docs/topics/rate-limits */
#ifndef REELYARD_RUNTIME_NET_DISCORD_H
#define REELYARD_RUNTIME_NET_DISCORD_H

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/rng.h"
#include "runtime/base/str.h"

#define RY_DISCORD_BODY_MAX_BYTES ((uint64_t)16 << 20)

struct ry_discord;
struct ry_discord_call;

struct ry_discord_options {
    const struct ry_clock *clock; /* borrowed */
    struct ry_rng *rng;           /* borrowed; jitter */
    const char *base;             /* "https://discord.com/api/v10"; copied */
    const char *token;            /* copied; "" for none: every call fails with RY_ECONFIG */
    int64_t connect_timeout_ms;
    int64_t answer_timeout_ms; /* for one try */
    unsigned invalid_max;      /* answers of 401, 403, 429 in ten minutes before calls are held back; 0: 5,000 */
};

enum ry_discord_method { RY_DISCORD_GET, RY_DISCORD_POST, RY_DISCORD_DELETE };

/* on_end tells
 *   RY_OK      a 2xx; status and body (borrowed for the call; absent for 204)
 *   RY_ENOENT  404   RY_EACCES  403   RY_ECONFIG  401 (the token is not valid)   RY_EINVAL  another 4xx
 *              body is Discord's JSON with code and message, as far as it was read
 *   RY_ELIMIT  an answer over RY_DISCORD_BODY_MAX_BYTES
 *   RY_ETIMEOUT, RY_EAWAY  no answer that counts before the deadline; err says what the last try met
 * It may start and cancel calls. err's text completes a sentence and never has the token. */
typedef void ry_discord_on_end(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err);

struct ry_discord_ask {
    enum ry_discord_method method;
    const char *route;  /* the path with its minor ids left out, such as "/channels/123/messages/:id": what Discord
                         * limits together with the method; copied */
    const char *path;   /* "/channels/123/messages?limit=100&before=456", appended to the base; copied */
    struct ry_str json; /* body of a POST; copied */
    int64_t deadline_mono_ms; /* waits for limits and tries included */
    ry_discord_on_end *on_end;
    void *arg;
};

int ry_discord_new(struct ry_discord **discord, const struct ry_discord_options *options, struct ry_error *err);

/* Ends everything; no handler is called. NULL is allowed. */
void ry_discord_free(struct ry_discord **discord);

/* The descriptor (epoll) to watch for reading; the same for life. */
int ry_discord_fd(const struct ry_discord *discord);
void ry_discord_ready(struct ry_discord *discord);

/* Queues a call; calls of one bucket are sent in the order in which they were asked. On error (RY_EINVAL, RY_ENOMEM,
 * RY_ECONFIG without a token) no handler will be called. */
int ry_discord_start(struct ry_discord *discord, const struct ry_discord_ask *ask, struct ry_discord_call **call,
                     struct ry_error *err);

/* Ends a call without its handler; *call becomes NULL (may be NULL already). */
void ry_discord_cancel(struct ry_discord_call **call);

struct ry_discord_figures {
    uint64_t requests;    /* sent */
    uint64_t limited;     /* answers of 429 */
    uint64_t retried;     /* tries that were not a call's last */
    uint64_t invalid;     /* 401, 403 and 429 of the last ten minutes */
    uint64_t connections; /* TCP connections made */
    size_t waiting;       /* calls that wait for a limit or for their next try */
    size_t buckets;       /* known */
};
struct ry_discord_figures ry_discord_figures(const struct ry_discord *discord);

#endif
