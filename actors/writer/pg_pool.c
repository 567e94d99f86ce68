/* pg_pool.c: the connections of this process to PostgreSQL.
 *
 * The limits of a pool are promises to the server's administrator about a process, so pools are the one piece of state
 * here that all writers of a process share (ADR 0007). Idle connections wait in a stack, the one used last on top,
 * so that those which are not needed age at its bottom and are closed when somebody passes by; nothing runs here by
 * itself. A connection is made outside of the lock, by the thread that needs it, on a place that it has taken before.
 */
#include "actors/writer/pg_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

struct pg_pool {
    struct pg_address address;
    unsigned users; /* openers; under all_lock */
    struct pg_pool *next;

    pthread_mutex_t lock;
    pthread_cond_t freed;  /* a link or a place came free */
    struct pg_link **idle; /* limit places; the last one was used last */
    struct pg_pool_figures figures;
    unsigned kept;        /* idle connections that stay however long they are idle */
    uint64_t queries_max; /* statements of one connection */
    int64_t idle_max_ms;
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pg_pool *all;

/* What the address itself says of its pool goes before the options. */
static struct pg_pool *make(const struct ry_config *config, struct pg_address *address)
{
    const struct pg_pool_limits *limits = &address->pool;
    unsigned limit = limits->max ? limits->max : (unsigned)ry_config_int(config, RY_OPT_db_pool_max);
    struct pg_pool *pool = calloc(1, sizeof *pool);
    struct pg_link **idle = calloc(limit, sizeof *idle);
    if (pool == NULL || idle == NULL) {
        free(pool);
        free(idle);
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->freed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&pool->lock, NULL);
    pool->address = *address;
    pool->idle = idle;
    pool->figures.limit = limit;
    pool->kept = limits->min ? limits->min : (unsigned)ry_config_int(config, RY_OPT_db_pool_min);
    pool->queries_max =
        limits->queries_max ? limits->queries_max : (uint64_t)ry_config_int(config, RY_OPT_db_max_queries);
    double idle_max_s =
        limits->idle_max_s ? (double)limits->idle_max_s : ry_config_real(config, RY_OPT_db_max_idle_time);
    pool->idle_max_ms = idle_max_s > 0 ? (int64_t)(idle_max_s * 1000) : INT64_MAX / 4;
    if (address->ignored[0] != '\0')
        RY_LOG(RY_WARNING, "database_parameters_ignored", "where=%s parameters=%s", address->where, address->ignored);
    return pool;
}

int pg_pool_open(const struct ry_config *config, struct pg_pool **pool, struct ry_error *err)
{
    struct pg_address address;
    *pool = NULL;
    int rc = pg_address_read(config, &address, err);
    if (rc != RY_OK)
        return rc;
    pthread_mutex_lock(&all_lock);
    for (struct pg_pool *p = all; p != NULL && *pool == NULL; p = p->next)
        if (pg_address_eq(&p->address, &address))
            *pool = p;
    bool known = *pool != NULL;
    if (!known) {
        *pool = make(config, &address);
        if (*pool != NULL) {
            (*pool)->next = all;
            all = *pool;
        }
    }
    if (*pool != NULL)
        (*pool)->users++;
    pthread_mutex_unlock(&all_lock);
    if (known || *pool == NULL)
        pg_address_free(&address);
    return *pool ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory for a pool of connections");
}

void pg_pool_close(struct pg_pool **pool)
{
    struct pg_pool *p = *pool;
    *pool = NULL;
    if (p == NULL)
        return;
    pthread_mutex_lock(&all_lock);
    RY_ASSERT(p->users > 0);
    bool last = --p->users == 0;
    for (struct pg_pool **at = &all; last && *at != NULL; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    pthread_mutex_unlock(&all_lock);
    if (!last)
        return;
    for (unsigned i = 0; i < p->figures.idle; i++)
        pg_link_close(&p->idle[i]);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    pg_address_free(&p->address);
    free(p->idle);
    free(p);
}

/* Under the lock: ends idle links that nobody used for long, from the bottom. */
static void end_aged(struct pg_pool *pool)
{
    RY_ASSERT(pool->figures.idle <= pool->figures.open, "%u idle of %u open", pool->figures.idle, pool->figures.open);
    int64_t before_mono_ms = pg_now_mono_ms() - pool->idle_max_ms;
    unsigned ended = 0;
    while (ended < pool->figures.idle && pool->figures.open > pool->kept &&
           pool->idle[ended]->idle_since_mono_ms < before_mono_ms) {
        pg_link_close(&pool->idle[ended++]);
        pool->figures.open--;
    }
    if (ended == 0)
        return;
    pool->figures.idle -= ended;
    memmove(pool->idle, pool->idle + ended, pool->figures.idle * sizeof *pool->idle);
}

/* Under the lock: an idle link that is alive, or NULL. */
static struct pg_link *pop(struct pg_pool *pool)
{
    while (pool->figures.idle > 0) {
        struct pg_link *link = pool->idle[--pool->figures.idle];
        if (pg_link_alive(link))
            return link;
        pg_link_close(&link);
        pool->figures.open--;
    }
    return NULL;
}

/* Under the lock: waits until something came free; false at the deadline. */
static bool wait_freed(struct pg_pool *pool, int64_t deadline_mono_ms)
{
    struct timespec until = {.tv_sec = deadline_mono_ms / 1000, .tv_nsec = deadline_mono_ms % 1000 * 1000000};
    return pthread_cond_timedwait(&pool->freed, &pool->lock, &until) != ETIMEDOUT;
}

int pg_pool_take(struct pg_pool *pool, int64_t deadline_mono_ms, struct pg_link **link, struct ry_error *err)
{
    bool waited = false, in_time = true;
    pthread_mutex_lock(&pool->lock);
    while ((*link = pop(pool)) == NULL && pool->figures.open >= pool->figures.limit && in_time) {
        pool->figures.waits += !waited;
        waited = true;
        in_time = wait_freed(pool, deadline_mono_ms);
    }
    bool place = *link == NULL && pool->figures.open < pool->figures.limit;
    pool->figures.open += place;
    pthread_mutex_unlock(&pool->lock);
    if (*link != NULL)
        return RY_OK;
    if (!place)
        return ry_fail(err, RY_EBUSY, "all %u connections of this process to %s are in use (DB_POOL_MAX)",
                       pool->figures.limit, pool->address.where);
    int rc = pg_link_open(&pool->address, true, deadline_mono_ms, link, err);
    pthread_mutex_lock(&pool->lock);
    pool->figures.made += rc == RY_OK;
    pool->figures.failures += rc != RY_OK;
    if (rc != RY_OK) {
        pool->figures.open--;
        pthread_cond_signal(&pool->freed);
    }
    pthread_mutex_unlock(&pool->lock);
    return rc;
}

void pg_pool_put(struct pg_pool *pool, struct pg_link **link)
{
    struct pg_link *l = *link;
    *link = NULL;
    if (l == NULL)
        return;
    bool keep = !l->discard && l->statements < pool->queries_max && PQstatus(l->conn) == CONNECTION_OK;
    if (!keep)
        pg_link_close(&l);
    pthread_mutex_lock(&pool->lock);
    if (keep) {
        l->idle_since_mono_ms = pg_now_mono_ms();
        RY_ASSERT(pool->figures.idle < pool->figures.open && pool->figures.open <= pool->figures.limit,
                  "%u idle of %u open of %u", pool->figures.idle, pool->figures.open, pool->figures.limit);
        pool->idle[pool->figures.idle++] = l;
    } else {
        pool->figures.open--;
    }
    end_aged(pool);
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

const struct pg_address *pg_pool_address(const struct pg_pool *pool)
{
    return &pool->address;
}

struct pg_pool_figures pg_pool_figures(struct pg_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pg_pool_figures figures = pool->figures;
    pthread_mutex_unlock(&pool->lock);
    return figures;
}
