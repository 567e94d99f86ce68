/* relay_bed.c: nodes of one process that share a Redis. Owns the nodes, their threads and folders until it is closed;
 * waits for events, with the patience of patience.h. */
#include "tests/bed/relay_bed.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "actors/relay/relay.h"
#include "proto/codec.h"
#include "tests/bed/bed.h"
#include "tests/bed/patience.h"

void relay_bed_begin(struct relay_bed *bed, const char *name, const struct ry_actor_spec *const *specs,
                     const struct relay_bed_option *options, size_t n)
{
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    struct ry_node_role roles[8] = {{&ry_relay_spec, 1}};
    size_t role_count = 1;
    char *const no_environment[] = {NULL};
    for (; *specs != NULL; specs++)
        roles[role_count++] = (struct ry_node_role){*specs, 1};
    assert_int_equal(ry_config_load(&config, no_environment, &err), RY_OK);
    const struct relay_bed_option usual[] = {{RY_OPT_node, name},
                                             {RY_OPT_redis_url, redis_server_url(bed->redis)},
                                             {RY_OPT_database_url, "postgresql://nobody@127.0.0.1:1/nothing"},
                                             {RY_OPT_mail_lease_seconds, "1"},
                                             {RY_OPT_relay_window, "4"}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual + n; i++) {
        const struct relay_bed_option *set =
            i < sizeof usual / sizeof *usual ? &usual[i] : &options[i - sizeof usual / sizeof *usual];
        if (ry_config_set(config, set->option, set->value, &err) != RY_OK)
            fail_msg("%s", err.text);
    }
    if (ry_config_finish(config, &err) != RY_OK)
        fail_msg("%s", err.text);
    const struct ry_node_options whole = {.roles = roles, .role_count = role_count, .config = config};
    if (ry_node_start(&bed->nodes[bed->n], &whole, &err) != RY_OK)
        fail_msg("%s", err.text);
    bed->n++;
    ry_config_free(&config);
}

const char *relay_bed_owner_of(const struct relay_bed *bed, const char *name)
{
    static char owner[200];
    /* Behind the seal's line stands the packed record, whose first field is the owner. */
    static const char script[] = "local value = redis.call('GET', 'reelyard:node:' .. ARGV[1])"
                                 " return value and cmsgpack.unpack(value:match('\\n(.*)'))[1] or ''";
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    do {
        if (time(NULL) > until)
            fail_msg("%s has written no record", name);
        (void)snprintf(owner, sizeof owner, "%s", redis_server_say(bed->redis, "EVAL", script, "0", name, NULL));
    } while (owner[0] == '\0');
    return owner;
}

struct ry_console *relay_bed_console(struct relay_bed *bed, size_t node)
{
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    if (bed->consoles[node] != NULL)
        return bed->consoles[node];
    assert_int_equal(ry_config_load(&config, no_environment, &err), RY_OK);
    if (ry_console_open(&bed->consoles[node], bed->nodes[node], NULL, config, &err) != RY_OK)
        fail_msg("%s", err.text);
    ry_config_free(&config);
    return bed->consoles[node];
}

void relay_bed_end_last(struct relay_bed *bed)
{
    struct ry_error err;
    if (bed->consoles[bed->n - 1] != NULL)
        ry_console_close(&bed->consoles[bed->n - 1]);
    (void)ry_node_stop(&bed->nodes[--bed->n], 0, &err);
}

void relay_bed_end(struct relay_bed *bed)
{
    while (bed->n > 0)
        relay_bed_end_last(bed);
}

/* ---- stub actors ------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void relay_bed_lock(void)
{
    pthread_mutex_lock(&lock);
}

void relay_bed_unlock(void)
{
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void relay_bed_await_count(const unsigned *count, unsigned n, const char *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&lock);
    int rc = 0;
    while (*count < n && rc == 0)
        rc = pthread_cond_timedwait(&changed, &lock, &until);
    unsigned reached = *count;
    pthread_mutex_unlock(&lock);
    if (reached < n)
        fail_msg("%s: %u of %u", what, reached, n);
}

unsigned relay_bed_seen(const unsigned *count)
{
    pthread_mutex_lock(&lock);
    unsigned n = *count;
    pthread_mutex_unlock(&lock);
    return n;
}

int relay_bed_open_actor(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)self, (void)err;
    ry_timer(ctx, 0, 0);
    return RY_OK;
}

void relay_bed_close_actor(void **self)
{
    (void)self;
}

void relay_bed_ignore_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self, (void)ctx, (void)timer;
}

/* ---- Redis ------------------------------------------------------------------------------------------------------- */

void relay_bed_await_length(const struct relay_bed *bed, const char *stream, int64_t n)
{
    int64_t length = 0;
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    while ((length = redis_server_int(bed->redis, "XLEN", stream, NULL)) != n)
        if (time(NULL) > until)
            fail_msg("%s has %" PRId64 " entries, not %" PRId64, stream, length, n);
}

void freeze_mail(enum ry_tag tag, const void *message, uint64_t id, struct ry_buf *out)
{
    const struct ry_descriptor *descriptor = ry_descriptor(tag);
    struct ry_frames frames;
    struct ry_error err = {0};
    RY_BUF_AUTO body = ry_buf_make(1 << 20);
    frames.n = 0;
    if (ry_pack(descriptor, message, &body, &frames, &err) != RY_OK)
        fail_msg("%s", err.text);
    const struct ry_envelope envelope = {.id = id,
                                         .correlation = id,
                                         .tag = (uint16_t)tag,
                                         .priority = RY_PRIORITY_BACKFILL,
                                         .attempt = 1,
                                         .frame_count = (uint16_t)frames.n,
                                         .body = ry_buf_str(&body)};
    assert_int_equal(ry_mail_freeze(&envelope, frames.items, out), RY_OK);
    ry_frames_clear(&frames);
}
