/* ghost_node.c: a node of a fleet played by a test. Owns its thread and its connection to Redis until it is ended. */
#include "tests/bed/ghost_node.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bed/bed.h"

#define ROUND_MS    20
#define NEWS_ROUNDS 25 /* between its news */
#define NEWS_TTL_S  10
#define MSGS_MAX    64
#define MSG_TTL_S   60

struct ghost_node {
    char owner[100];
    char name[100];
    char stream[160];
    struct ry_mail_stream *mail;
    pthread_mutex_t lock; /* of all below, and of the mail stream */
    pthread_cond_t wake;
    pthread_t thread;
    bool ended;
    bool here;
    uint32_t roles;
    const char *verdict; /* NULL: its words stay unread */
    uint64_t number;
    int64_t said_wall_ms;
    unsigned claims;
    unsigned ends;
};

/* ---- under the lock ---------------------------------------------------------------------------------------------- */

static void leave_news(struct ghost_node *ghost, int64_t wall_ms)
{
    struct ry_role_offer roles[RY_ROLE_COUNT];
    struct ry_node_record record = {.owner = ry_str_of(ghost->owner), .roles.items = roles, .said_wall_ms = wall_ms};
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (ghost->roles & RY_ROLE_BIT(role))
            roles[record.roles.n++] = (struct ry_role_offer){.role = ry_str_of(ry_role_name((enum ry_role)role))};
    (void)ry_mail_stream_announce(ghost->mail, ghost->name, &record, NEWS_TTL_S, NULL);
}

static void say_news(struct ghost_node *ghost)
{
    int64_t now_wall_ms = ry_wall_ms(ry_clock_system());
    ghost->said_wall_ms = now_wall_ms > ghost->said_wall_ms ? now_wall_ms : ghost->said_wall_ms + 1;
    leave_news(ghost, ghost->said_wall_ms);
}

static void say(struct ghost_node *ghost, const char *to, const char *kind, const char *id, const char *name,
                const char *value)
{
    char stream[RY_MAIL_STREAM_BYTES];
    char number[24];
    (void)snprintf(stream, sizeof stream, "reelyard:mail:node:%s", to);
    (void)snprintf(number, sizeof number, "%" PRIu64, ++ghost->number);
    const struct ry_mail_field fields[] = {{RY_STR("kind"), ry_str_of(kind)},
                                           {RY_STR("from"), ry_str_of(ghost->owner)},
                                           {RY_STR("number"), ry_str_of(number)},
                                           {RY_STR("id"), ry_str_of(id)},
                                           {ry_str_of(name), ry_str_of(value)}};
    (void)ry_mail_stream_add(ghost->mail, stream, fields, name != NULL ? 5 : 4, MSG_TTL_S, NULL, NULL);
}

static void copy_text(char *to, size_t size, const struct ry_mail_entry *entry, const char *name)
{
    struct ry_str value = ry_mail_entry_get(entry, name);
    (void)snprintf(to, size, "%.*s", RY_STR_ARG(value));
}

/* What claims ask, copied: nothing can be said while a reply is read. */
struct claims {
    char from[MSGS_MAX][200];
    char ask[MSGS_MAX][24];
    size_t n;
    unsigned ends;
};

static void on_peer_msg(void *arg, const struct ry_mail_entry *entry)
{
    struct claims *claims = arg;
    struct ry_str kind = ry_mail_entry_get(entry, "kind");
    if (ry_str_is(kind, "settled"))
        claims->ends++;
    if (!ry_str_is(kind, "claim") || claims->n == MSGS_MAX)
        return;
    copy_text(claims->from[claims->n], sizeof claims->from[0], entry, "from");
    copy_text(claims->ask[claims->n++], sizeof claims->ask[0], entry, "ask");
}

static void answer(struct ghost_node *ghost)
{
    static _Thread_local struct claims claims;
    claims.n = claims.ends = 0;
    if (ry_mail_stream_take(ghost->mail, ghost->stream, MSGS_MAX, on_peer_msg, &claims, NULL) != RY_OK)
        return;
    for (size_t i = 0; i < claims.n; i++)
        say(ghost, claims.from[i], "claimed", claims.ask[i], "verdict", ghost->verdict);
    ghost->claims += (unsigned)claims.n;
    ghost->ends += claims.ends;
}

static void *work(void *arg)
{
    struct ghost_node *ghost = arg;
    pthread_mutex_lock(&ghost->lock);
    for (unsigned rounds = 0; !ghost->ended; rounds++) {
        struct timespec until;
        if (ghost->here && rounds % NEWS_ROUNDS == 0)
            say_news(ghost);
        if (ghost->here && ghost->verdict != NULL)
            answer(ghost);
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += ROUND_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&ghost->wake, &ghost->lock, &until);
    }
    pthread_mutex_unlock(&ghost->lock);
    return NULL;
}

/* ---- from outside ------------------------------------------------------------------------------------------------ */

#define LOCKED(ghost, ...) \
    do { \
        pthread_mutex_lock(&(ghost)->lock); \
        __VA_ARGS__; \
        pthread_mutex_unlock(&(ghost)->lock); \
    } while (0)

struct ghost_node *ghost_node_new(const char *redis_url, const char *owner, const char *fleet_key)
{
    struct ghost_node *ghost = calloc(1, sizeof *ghost);
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    assert_non_null(ghost);
    assert_int_equal(ry_config_load(&config, no_environment, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_redis_url, redis_url, &err), RY_OK);
    if (fleet_key != NULL)
        assert_int_equal(ry_config_set(config, RY_OPT_fleet_key, fleet_key, &err), RY_OK);
    (void)snprintf(ghost->owner, sizeof ghost->owner, "%s", owner);
    (void)snprintf(ghost->name, sizeof ghost->name, "%.*s", (int)strcspn(owner, "/"), owner);
    (void)snprintf(ghost->stream, sizeof ghost->stream, "reelyard:mail:node:%s", owner);
    if (ry_mail_stream_new(&ghost->mail, config, owner, ry_clock_system(), &err) != RY_OK)
        fail_msg("%s", err.text);
    ry_config_free(&config);
    assert_int_equal(pthread_mutex_init(&ghost->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&ghost->wake, NULL), 0);
    assert_int_equal(pthread_create(&ghost->thread, NULL, work, ghost), 0);
    return ghost;
}

void ghost_node_free(struct ghost_node *ghost)
{
    if (ghost == NULL)
        return;
    LOCKED(ghost, ghost->ended = true; pthread_cond_signal(&ghost->wake));
    (void)pthread_join(ghost->thread, NULL);
    ry_mail_stream_free(&ghost->mail);
    (void)pthread_mutex_destroy(&ghost->lock);
    (void)pthread_cond_destroy(&ghost->wake);
    free(ghost);
}

void ghost_node_appear(struct ghost_node *ghost, uint32_t roles)
{
    LOCKED(ghost, ghost->here = true; ghost->roles = roles; say_news(ghost));
}

void ghost_node_go(struct ghost_node *ghost)
{
    LOCKED(ghost, ghost->here = false; (void)ry_mail_stream_renounce(ghost->mail, ghost->name, NULL));
}

void ghost_node_say_old_news(struct ghost_node *ghost, int64_t age_s)
{
    LOCKED(ghost, leave_news(ghost, ry_wall_ms(ry_clock_system()) - age_s * 1000));
}

void ghost_node_answer(struct ghost_node *ghost, const char *verdict)
{
    LOCKED(ghost, ghost->verdict = verdict);
}

unsigned ghost_node_claims(struct ghost_node *ghost)
{
    unsigned n = 0;
    LOCKED(ghost, n = ghost->claims);
    return n;
}

unsigned ghost_node_ends(struct ghost_node *ghost)
{
    unsigned n = 0;
    LOCKED(ghost, n = ghost->ends);
    return n;
}

void ghost_node_say(struct ghost_node *ghost, const char *to, const char *kind, const char *id, const char *name,
                    const char *value)
{
    LOCKED(ghost, say(ghost, to, kind, id, name, value));
}

void ghost_node_add(struct ghost_node *ghost, const char *stream, const struct ry_mail_field *fields, size_t n)
{
    struct ry_error err = {0};
    int rc = RY_OK;
    LOCKED(ghost, rc = ry_mail_stream_add(ghost->mail, stream, fields, n, 0, NULL, &err));
    if (rc != RY_OK)
        fail_msg("%s", err.text);
}
