/* workers.c: a queue of work, the threads that take from it, and a descriptor that tells of what is done; see
 * workers.h.
 *
 * Owns the threads, their stores and the descriptor; pieces of work are the caller's. A lock guards the lists. A crash
 * of the process loses what was run or not: the mails behind it are the router's. */
#include "actors/storage/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

#define WORKERS_MAGIC 0x776f726bu
#define WORKERS_MAX   16

struct list {
    struct work *first;
    struct work *last;
};

struct worker {
    struct workers *workers;
    struct store *store;
    struct work *running; /* NULL: none */
    pthread_t thread;
    bool started;
};

struct workers {
    unsigned magic;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t some;  /* there is work, or the end */
    struct list wanted;
    struct list done;
    size_t out; /* handed over and not taken */
    bool ending;
    int done_fd; /* an eventfd */
    struct worker worker[WORKERS_MAX];
    size_t n;
};

static struct workers *workers_of(const struct workers *workers)
{
    RY_ASSERT(workers->magic == WORKERS_MAGIC);
    return (struct workers *)(uintptr_t)workers;
}

static void append(struct list *list, struct work *work)
{
    work->next = NULL;
    if (list->first == NULL)
        list->first = work;
    else
        list->last->next = work;
    list->last = work;
}

static struct work *take_first(struct list *list)
{
    struct work *work = list->first;
    if (work != NULL)
        list->first = work->next;
    return work;
}

static void *worker_thread(void *arg)
{
    struct worker *worker = arg;
    struct workers *workers = workers_of(worker->workers);
    (void)pthread_mutex_lock(&workers->lock);
    while (!workers->ending) {
        struct work *work = take_first(&workers->wanted);
        if (work == NULL) {
            (void)pthread_cond_wait(&workers->some, &workers->lock);
            continue;
        }
        worker->running = work;
        work->begun_mono_ms = ry_mono_ms(ry_clock_system());
        (void)pthread_mutex_unlock(&workers->lock);
        work->run(work, worker->store);
        (void)pthread_mutex_lock(&workers->lock);
        worker->running = NULL;
        append(&workers->done, work);
        (void)eventfd_write(workers->done_fd, 1);
    }
    (void)pthread_mutex_unlock(&workers->lock);
    return NULL;
}

int workers_open(struct workers **out, struct store *const *stores, size_t n, struct ry_error *err)
{
    RY_ASSERT(n > 0 && n <= WORKERS_MAX, "%zu workers", n);
    struct workers *workers = calloc(1, sizeof *workers);
    *out = workers;
    if (workers == NULL) {
        for (size_t i = 0; i < n; i++)
            stores[i]->ops->close(stores[i]);
        return ry_fail(err, RY_ENOMEM, "no memory for the storage's threads");
    }
    *workers = (struct workers){.magic = WORKERS_MAGIC, .n = n, .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    (void)pthread_mutex_init(&workers->lock, NULL);
    (void)pthread_cond_init(&workers->some, NULL);
    for (size_t i = 0; i < n; i++)
        workers->worker[i] = (struct worker){.workers = workers, .store = stores[i]};
    if (workers->done_fd < 0)
        return ry_fail(err, RY_EIO, "cannot make a descriptor for the storage's threads: %m");
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (size_t i = 0; i < n && failed == 0; i++) {
        failed = pthread_create(&workers->worker[i].thread, NULL, worker_thread, &workers->worker[i]);
        workers->worker[i].started = failed == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    return failed == 0 ? RY_OK : ry_fail(err, RY_EIO, "cannot start a thread of the storage: %m");
}

void workers_submit(struct workers *arg, struct work *work)
{
    struct workers *workers = workers_of(arg);
    (void)pthread_mutex_lock(&workers->lock);
    append(&workers->wanted, work);
    workers->out++;
    (void)pthread_cond_signal(&workers->some);
    (void)pthread_mutex_unlock(&workers->lock);
}

struct work *workers_take(struct workers *arg)
{
    struct workers *workers = workers_of(arg);
    eventfd_t count;
    (void)pthread_mutex_lock(&workers->lock);
    struct work *work = take_first(&workers->done);
    if (work == NULL)
        (void)eventfd_read(workers->done_fd, &count);
    else
        workers->out--;
    (void)pthread_mutex_unlock(&workers->lock);
    return work;
}

int workers_fd(const struct workers *arg)
{
    struct workers *workers = workers_of(arg);
    (void)pthread_mutex_lock(&workers->lock);
    int fd = workers->out > 0 ? workers->done_fd : -1;
    (void)pthread_mutex_unlock(&workers->lock);
    return fd;
}

int64_t workers_oldest_mono_ms(struct workers *arg)
{
    struct workers *workers = workers_of(arg);
    int64_t oldest = 0;
    (void)pthread_mutex_lock(&workers->lock);
    for (size_t i = 0; i < workers->n; i++) {
        const struct work *work = workers->worker[i].running;
        if (work != NULL && (oldest == 0 || work->begun_mono_ms < oldest))
            oldest = work->begun_mono_ms;
    }
    (void)pthread_mutex_unlock(&workers->lock);
    return oldest;
}

void workers_close(struct workers **out)
{
    if (*out == NULL)
        return;
    struct workers *workers = workers_of(*out);
    (void)pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    (void)pthread_cond_broadcast(&workers->some);
    (void)pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->n; i++)
        if (workers->worker[i].started)
            (void)pthread_join(workers->worker[i].thread, NULL);
    for (size_t i = 0; i < workers->n; i++)
        workers->worker[i].store->ops->close(workers->worker[i].store);
    if (workers->done_fd >= 0)
        (void)close(workers->done_fd);
    (void)pthread_cond_destroy(&workers->some);
    (void)pthread_mutex_destroy(&workers->lock);
    workers->magic = 0;
    free(workers);
    *out = NULL;
}
