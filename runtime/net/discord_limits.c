/* discord_limits.c: routes, buckets, the own rate and the brake; see discord_limits.h.
 *
 * A bucket's window is known by Discord's own time of its end (X-RateLimit-Reset), which does not depend on how long an
 * answer was on its way. Within a window the least `remaining` told counts; a later window's is taken as told; an
 * earlier one's answer is late and says nothing. When the window is over, all of `limit` is there again, less what is
 * under way. A call that was never answered stays counted for as long as a window lasts. */
#include "runtime/net/discord_limits.h"

#include "runtime/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#define WINDOW_SLACK_MS  5 /* between two tellings of the same window's end */
#define RETRY_DEFAULT_MS 1000
#define RETRY_MAX_MS     (INT64_C(48) * 3600 * 1000) /* more is an answer gone wrong */
#define INVALID_SLOTS    60
#define INVALID_SLOT_MS  10000 /* the slots together: ten minutes */
#define KEY_MAX          256

struct bucket {
    char key[KEY_MAX]; /* name and major parameter */
    UT_hash_handle hh;
    struct ry_limit_route *routes; /* that are bound to it */
    int64_t limit;
    int64_t remaining; /* in this window, by the least that was told */
    int64_t resets_ms; /* INT64_MIN: no window is known */
    int64_t resets_wall_ms;
    int64_t window_ms;      /* the longest seen */
    int64_t quiet_until_ms; /* a 429 asked for this */
};

struct ry_limit_route {
    char key[KEY_MAX]; /* method and route */
    UT_hash_handle hh;
    struct bucket *bucket;       /* NULL: none, or not known */
    struct ry_limit_route *next; /* of the same bucket */
    bool answered;               /* by an answer that counts: what limits it is known */
    unsigned held;
    unsigned under_way;
    int64_t quiet_until_ms; /* a 429 asked for this before the bucket was known */
};

struct invalid_slot {
    int64_t number; /* of the ten seconds it counts */
    uint64_t count;
};

struct ry_limits {
    struct ry_limit_route *routes;
    struct bucket *buckets;
    uint64_t invalid_max;
    uint64_t under_way;
    int64_t all_quiet_until_ms;
    int64_t ended_ms[RY_LIMIT_RATE]; /* ring of the last calls' ends */
    size_t ended_next;               /* the oldest */
    struct invalid_slot invalid[INVALID_SLOTS + 1];
};

struct ry_limits *ry_limits_new(unsigned invalid_max)
{
    struct ry_limits *limits = calloc(1, sizeof *limits);
    if (!limits)
        return NULL;
    limits->invalid_max = invalid_max ? invalid_max : RY_LIMIT_INVALID_MAX;
    limits->all_quiet_until_ms = INT64_MIN;
    for (size_t i = 0; i < RY_LIMIT_RATE; i++)
        limits->ended_ms[i] = INT64_MIN;
    for (size_t i = 0; i <= INVALID_SLOTS; i++)
        limits->invalid[i].number = INT64_MIN;
    return limits;
}

/* ---- routes and buckets ------------------------------------------------------------------------------------------ */

static void unbind(struct ry_limits *limits, struct ry_limit_route *route)
{
    struct bucket *bucket = route->bucket;
    if (!bucket)
        return;
    struct ry_limit_route **at = &bucket->routes;
    while (*at != route) {
        RY_ASSERT(*at != NULL, "%s is not among the routes of %s", route->key, bucket->key);
        at = &(*at)->next;
    }
    *at = route->next;
    route->bucket = NULL;
    route->next = NULL;
    if (bucket->routes)
        return;
    HASH_DEL(limits->buckets, bucket);
    free(bucket);
}

static void forget(struct ry_limits *limits, struct ry_limit_route *route)
{
    unbind(limits, route);
    HASH_DEL(limits->routes, route);
    free(route);
}

void ry_limits_free(struct ry_limits **limits)
{
    struct ry_limits *self = *limits;
    *limits = NULL;
    if (!self)
        return;
    while (self->routes)
        forget(self, self->routes);
    free(self);
}

/* Forgets routes that nobody holds and that hold nobody back. */
static void forget_idle(struct ry_limits *limits, int64_t now_ms)
{
    struct ry_limit_route *route;
    struct ry_limit_route *next;
    HASH_ITER(hh, limits->routes, route, next)
    {
        const struct bucket *bucket = route->bucket;
        bool waits = route->quiet_until_ms > now_ms ||
                     (bucket && (bucket->quiet_until_ms > now_ms || bucket->resets_ms > now_ms));
        if (route->held == 0 && route->under_way == 0 && !waits)
            forget(limits, route);
    }
}

struct ry_limit_route *ry_limits_hold(struct ry_limits *limits, const char *method, const char *route, int64_t now_ms)
{
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s %s", method, route);
    struct ry_limit_route *found;
    HASH_FIND_STR(limits->routes, key, found);
    if (!found) {
        if (HASH_COUNT(limits->routes) >= RY_LIMIT_ROUTES_MAX)
            forget_idle(limits, now_ms);
        found = calloc(1, sizeof *found);
        if (!found)
            return NULL;
        memcpy(found->key, key, sizeof key);
        found->quiet_until_ms = INT64_MIN;
        HASH_ADD_STR(limits->routes, key, found);
    }
    found->held++;
    return found;
}

void ry_limits_let_go(struct ry_limit_route *route)
{
    RY_ASSERT(route->held > 0, "%s", route->key);
    route->held--;
}

/* The major parameter of a route, such as "/channels/123"; "" if it has none. */
static struct ry_str major_of(const struct ry_limit_route *route)
{
    static const char *const majors[] = {"/channels/", "/guilds/", "/webhooks/"};
    const char *path = strchr(route->key, ' ');
    RY_ASSERT(path != NULL, "%s", route->key);
    path++;
    for (size_t i = 0; i < sizeof majors / sizeof *majors; i++) {
        size_t n = strlen(majors[i]);
        if (strncmp(path, majors[i], n) == 0)
            return (struct ry_str){path, n + strcspn(path + n, "/?")};
    }
    return RY_STR("");
}

/* Binds the route to the bucket of this name; without memory it stays as it was, and slow. */
static void bind(struct ry_limits *limits, struct ry_limit_route *route, const char *name)
{
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s %.*s", name, RY_STR_ARG(major_of(route)));
    if (route->bucket && strcmp(route->bucket->key, key) == 0)
        return;
    struct bucket *bucket;
    HASH_FIND_STR(limits->buckets, key, bucket);
    if (!bucket) {
        bucket = calloc(1, sizeof *bucket);
        if (!bucket)
            return;
        *bucket = (struct bucket){.limit = 1, .resets_ms = INT64_MIN, .quiet_until_ms = INT64_MIN};
        memcpy(bucket->key, key, sizeof key);
        HASH_ADD_STR(limits->buckets, key, bucket);
    }
    unbind(limits, route);
    route->bucket = bucket;
    route->next = bucket->routes;
    bucket->routes = route;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int64_t bucket_under_way(const struct bucket *bucket)
{
    int64_t sum = 0;
    for (const struct ry_limit_route *route = bucket->routes; route; route = route->next)
        sum += route->under_way;
    return sum;
}

static int64_t until(int64_t due_ms, int64_t now_ms)
{
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

static int64_t bucket_wait_ms(const struct bucket *bucket, int64_t now_ms, enum ry_limit_reason *reason)
{
    if (bucket->quiet_until_ms > now_ms) {
        *reason = RY_LIMIT_ASKED;
        return bucket->quiet_until_ms - now_ms;
    }
    RY_ASSERT(bucket->limit > 0, "%s has a limit of %lld", bucket->key, (long long)bucket->limit);
    bool in_window = bucket->resets_ms > now_ms;
    int64_t left = (in_window ? bucket->remaining : bucket->limit) - bucket_under_way(bucket);
    if (left > 0)
        return 0;
    *reason = RY_LIMIT_EMPTY;
    return in_window ? bucket->resets_ms - now_ms : INT64_MAX;
}

static int64_t route_wait_ms(const struct ry_limit_route *route, int64_t now_ms, enum ry_limit_reason *reason)
{
    if (route->quiet_until_ms > now_ms) {
        *reason = RY_LIMIT_ASKED;
        return route->quiet_until_ms - now_ms;
    }
    if (route->bucket)
        return bucket_wait_ms(route->bucket, now_ms, reason);
    if (route->answered || route->under_way == 0)
        return 0;
    *reason = RY_LIMIT_UNKNOWN;
    return INT64_MAX;
}

static int64_t brake_wait_ms(struct ry_limits *limits, int64_t now_ms)
{
    uint64_t count = ry_limits_invalid(limits, now_ms);
    if (count + limits->under_way < limits->invalid_max)
        return 0;
    if (count == 0)
        return INT64_MAX;
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i <= INVALID_SLOTS; i++) {
        const struct invalid_slot *slot = &limits->invalid[i];
        if (slot->count > 0 && slot->number >= now_ms / INVALID_SLOT_MS - INVALID_SLOTS && slot->number < oldest)
            oldest = slot->number;
    }
    return (oldest + INVALID_SLOTS + 1) * INVALID_SLOT_MS - now_ms;
}

/* A call holds one of RY_LIMIT_RATE places from before it is sent until RY_LIMIT_RATE_MS after its answer. All calls
 * that Discord receives within a second hold a place at the same moment, however long they are on their way. */
static int64_t rate_wait_ms(const struct ry_limits *limits, int64_t now_ms)
{
    uint64_t held = limits->under_way;
    for (size_t i = 0; i < RY_LIMIT_RATE; i++)
        held += limits->ended_ms[i] != INT64_MIN && limits->ended_ms[i] + RY_LIMIT_RATE_MS > now_ms;
    if (held < RY_LIMIT_RATE)
        return 0;
    uint64_t too_many = held - RY_LIMIT_RATE + 1;
    for (size_t i = 0; i < RY_LIMIT_RATE; i++) {
        int64_t ended_ms = limits->ended_ms[(limits->ended_next + i) % RY_LIMIT_RATE];
        if (ended_ms != INT64_MIN && ended_ms + RY_LIMIT_RATE_MS > now_ms && --too_many == 0)
            return ended_ms + RY_LIMIT_RATE_MS - now_ms;
    }
    return INT64_MAX;
}

int64_t ry_limits_wait_ms(struct ry_limits *limits, const struct ry_limit_route *route, int64_t now_ms,
                          enum ry_limit_reason *reason)
{
    *reason = RY_LIMIT_NONE;
    int64_t wait_ms = brake_wait_ms(limits, now_ms);
    if (wait_ms > 0) {
        *reason = RY_LIMIT_INVALID_MANY;
        return wait_ms;
    }
    wait_ms = until(limits->all_quiet_until_ms, now_ms);
    if (wait_ms > 0) {
        *reason = RY_LIMIT_ASKED_ALL;
        return wait_ms;
    }
    wait_ms = route_wait_ms(route, now_ms, reason);
    if (wait_ms > 0)
        return wait_ms;
    wait_ms = rate_wait_ms(limits, now_ms);
    if (wait_ms > 0)
        *reason = RY_LIMIT_OWN_RATE;
    return wait_ms;
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

void ry_limits_sent(struct ry_limits *limits, struct ry_limit_route *route)
{
    RY_ASSERT(route->held > 0, "%s is sent without being held", route->key);
    limits->under_way++;
    route->under_way++;
}

static void learn_window(struct bucket *bucket, const struct ry_limit_answer *answer, int64_t now_ms)
{
    if (answer->limit > 0)
        bucket->limit = answer->limit;
    if (answer->remaining < 0 || answer->resets_after_ms < 0)
        return;
    if (answer->resets_after_ms > bucket->window_ms)
        bucket->window_ms = answer->resets_after_ms;
    int64_t resets_ms = now_ms + answer->resets_after_ms;
    bool in_window = bucket->resets_ms > now_ms;
    int64_t later_ms = answer->resets_wall_ms < 0 ? 0 : answer->resets_wall_ms - bucket->resets_wall_ms;
    if (!in_window || later_ms > WINDOW_SLACK_MS) {
        bool is_late = bucket->resets_wall_ms > 0 && later_ms < -WINDOW_SLACK_MS;
        if (is_late)
            return;
        bucket->remaining = answer->remaining;
        bucket->resets_ms = resets_ms;
        bucket->resets_wall_ms = answer->resets_wall_ms;
    } else if (later_ms >= -WINDOW_SLACK_MS) {
        if (answer->remaining < bucket->remaining)
            bucket->remaining = answer->remaining;
        if (resets_ms < bucket->resets_ms && answer->resets_wall_ms >= 0)
            bucket->resets_ms = resets_ms; /* this answer was on its way for less time */
    }
}

static void count_invalid(struct ry_limits *limits, int64_t now_ms)
{
    RY_ASSERT(now_ms >= 0, "%lld", (long long)now_ms);
    int64_t number = now_ms / INVALID_SLOT_MS;
    struct invalid_slot *slot = &limits->invalid[(uint64_t)number % (INVALID_SLOTS + 1)];
    if (slot->number != number)
        *slot = (struct invalid_slot){.number = number};
    slot->count++;
}

static void keep_quiet(struct ry_limits *limits, struct ry_limit_route *route, const struct ry_limit_answer *answer,
                       int64_t now_ms)
{
    int64_t wait_ms = answer->retry_after_ms >= 0    ? answer->retry_after_ms
                      : answer->resets_after_ms >= 0 ? answer->resets_after_ms
                                                     : RETRY_DEFAULT_MS;
    int64_t *quiet = answer->scope == RY_LIMIT_GLOBAL ? &limits->all_quiet_until_ms
                     : route->bucket                  ? &route->bucket->quiet_until_ms
                                                      : &route->quiet_until_ms;
    int64_t due_ms = now_ms + (wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS);
    if (due_ms > *quiet)
        *quiet = due_ms;
}

static void back(struct ry_limits *limits, struct ry_limit_route *route, int64_t now_ms)
{
    RY_ASSERT(limits->under_way > 0 && route->under_way > 0, "%llu calls under way, %u of %s",
              (unsigned long long)limits->under_way, route->under_way, route->key);
    limits->ended_ms[limits->ended_next] = now_ms;
    limits->ended_next = (limits->ended_next + 1) % RY_LIMIT_RATE;
    limits->under_way--;
    route->under_way--;
}

void ry_limits_answered(struct ry_limits *limits, struct ry_limit_route *route, const struct ry_limit_answer *answer,
                        int64_t now_ms)
{
    back(limits, route, now_ms);
    if (answer->bucket[0])
        bind(limits, route, answer->bucket);
    if (answer->status < 500 && answer->status != 429)
        route->answered = true;
    if (route->bucket && answer->bucket[0])
        learn_window(route->bucket, answer, now_ms);
    if (answer->status == 429)
        keep_quiet(limits, route, answer, now_ms);
    bool counts =
        answer->status == 401 || answer->status == 403 || (answer->status == 429 && answer->scope != RY_LIMIT_SHARED);
    if (counts)
        count_invalid(limits, now_ms);
}

void ry_limits_unanswered(struct ry_limits *limits, struct ry_limit_route *route, int64_t now_ms)
{
    back(limits, route, now_ms);
    struct bucket *bucket = route->bucket;
    if (!bucket)
        return;
    if (bucket->resets_ms <= now_ms) {
        /* It may have opened a window that nobody told us of; that is over after the longest we have seen. */
        bucket->remaining = bucket->limit;
        bucket->resets_ms = now_ms + bucket->window_ms;
    }
    if (bucket->remaining > 0)
        bucket->remaining--;
}

uint64_t ry_limits_invalid(struct ry_limits *limits, int64_t now_ms)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= INVALID_SLOTS; i++)
        if (limits->invalid[i].number >= now_ms / INVALID_SLOT_MS - INVALID_SLOTS)
            sum += limits->invalid[i].count;
    return sum;
}

size_t ry_limits_buckets(const struct ry_limits *limits)
{
    return HASH_COUNT(limits->buckets);
}

size_t ry_limits_routes(const struct ry_limits *limits)
{
    return HASH_COUNT(limits->routes);
}

const char *ry_limit_reason_text(enum ry_limit_reason reason)
{
    switch (reason) {
    case RY_LIMIT_UNKNOWN: return "another call of its kind is under way, and no limit of it is known yet";
    case RY_LIMIT_EMPTY: return "its rate limit is used up";
    case RY_LIMIT_ASKED: return "Discord asked to wait (429)";
    case RY_LIMIT_ASKED_ALL: return "Discord asked to wait with all calls (global 429)";
    case RY_LIMIT_OWN_RATE: return "50 calls a second are the most";
    case RY_LIMIT_INVALID_MANY: return "too many answers of 401, 403 and 429 came in ten minutes";
    case RY_LIMIT_NONE: break;
    }
    return "many calls stand before it";
}
