/* discord_limits.h: when Discord may be asked next: pure bookkeeping, with the time handed in.
 *
 * A route is a method and a path with its minor ids left out. What limits it is learnt from answers: its bucket, which
 * it may share with other routes of the same major parameter (channel, guild, webhook). Before its first answer a route
 * has one call under way; after an answer that names no bucket it is not limited. What is under way counts as used even
 * when the bucket's window turns, since it may be counted in either.
 *
 * Over all of it stand our own rate (Discord receives at most 50 in any second), a global Retry-After, and the
 * brake: answers of 401, 403 and 429 (scope shared excepted) of the last ten minutes, together with what is under way,
 * stay below invalid_max.
 *
 * Times are monotonic milliseconds. One owner, no thread-safety, no clock, no input or output.
 * Source: https://discord.com/developers/docs/topics/rate-limits */
#ifndef REELYARD_RUNTIME_NET_DISCORD_LIMITS_H
#define REELYARD_RUNTIME_NET_DISCORD_LIMITS_H

#include "runtime/base/error.h"
#include "runtime/base/str.h"

#define RY_LIMIT_BUCKET_MAX  64 /* bytes of a bucket's name, the NUL included */
#define RY_LIMIT_RATE        50
#define RY_LIMIT_RATE_MS     1005
#define RY_LIMIT_INVALID_MAX 5000
#define RY_LIMIT_ROUTES_MAX  1024 /* known at a time before those not in use are forgotten */

struct ry_limits;
struct ry_limit_route;

enum ry_limit_scope { RY_LIMIT_USER, RY_LIMIT_GLOBAL, RY_LIMIT_SHARED };

/* Why a route has to wait. */
enum ry_limit_reason {
    RY_LIMIT_NONE,
    RY_LIMIT_UNKNOWN,     /* its bucket is not known and a call is under way that will tell */
    RY_LIMIT_EMPTY,       /* its bucket is used up until it resets */
    RY_LIMIT_ASKED,       /* a 429 asked for it */
    RY_LIMIT_ASKED_ALL,   /* a global 429 asked for it */
    RY_LIMIT_OWN_RATE,    /* our own rate */
    RY_LIMIT_INVALID_MANY /* the brake */
};

/* What an answer says of limits. */
struct ry_limit_answer {
    unsigned status;
    char bucket[RY_LIMIT_BUCKET_MAX]; /* "": not told */
    int64_t limit;                    /* -1: not told; so are all below */
    int64_t remaining;
    int64_t resets_after_ms;
    int64_t resets_wall_ms; /* by Discord's clock; tells windows apart, never used as a time */
    int64_t retry_after_ms; /* of a 429 */
    enum ry_limit_scope scope;
};

/* invalid_max 0: RY_LIMIT_INVALID_MAX. NULL: no memory. */
struct ry_limits *ry_limits_new(unsigned invalid_max);
void ry_limits_free(struct ry_limits **limits);

/* The route, known or made; valid until let go as often as held. NULL: no memory. */
struct ry_limit_route *ry_limits_hold(struct ry_limits *limits, const char *method, const char *route, int64_t now_ms);
void ry_limits_let_go(struct ry_limit_route *route);

/* How long a call of the route has to wait: 0 not at all, INT64_MAX until some answer has come. reason: why. */
int64_t ry_limits_wait_ms(struct ry_limits *limits, const struct ry_limit_route *route, int64_t now_ms,
                          enum ry_limit_reason *reason);

/* A call goes out. It must be followed by exactly one of the two below. */
void ry_limits_sent(struct ry_limits *limits, struct ry_limit_route *route);

/* Its answer came. */
void ry_limits_answered(struct ry_limits *limits, struct ry_limit_route *route, const struct ry_limit_answer *answer,
                        int64_t now_ms);

/* No answer came, or it was not waited for; Discord may have counted the call. */
void ry_limits_unanswered(struct ry_limits *limits, struct ry_limit_route *route, int64_t now_ms);

/* Answers that count against the address in the last ten minutes. */
uint64_t ry_limits_invalid(struct ry_limits *limits, int64_t now_ms);
size_t ry_limits_buckets(const struct ry_limits *limits);
size_t ry_limits_routes(const struct ry_limits *limits);

/* "its rate limit is used up": completes "waits because". Static. */
const char *ry_limit_reason_text(enum ry_limit_reason reason);

#endif
