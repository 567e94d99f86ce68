/* node.c: a node: the router's thread, the instances' threads, and their end in order.
 *
 * Owns the threads. They share nothing with the starter but sockets and one pipe, into which each instance writes a
 * record when it is ready and another if it ends with an error; so the pipe is also what tells the program that the
 * node cannot go on. The end goes from the sources down (drain.c).
 *
 * A thread that does not come to its end in time is told to end at once; one that hangs in its engine is left behind,
 * with what it uses, and logged. */
#include "runtime/bus/node.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/bus/drain.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node_internal.h"
#include "runtime/bus/router_thread.h"

/* Wait for a thread that was told to end at once, seconds. */
#define JOIN_WAIT_S 10

#define WORKER_MAGIC 0x776f726bu

struct worker {
    unsigned magic; /* WORKER_MAGIC */
    struct ry_node *node;
    const struct ry_actor_spec *spec;
    char name[48];
    pthread_t thread;
    bool started;
};

struct ry_node {
    struct ry_router_thread *router;
    struct ry_config *config;
    char node_name[65];
    char owner[128];
    char endpoint[64];
    struct worker *workers;
    size_t worker_count;
    int report_pipe[2]; /* read end: failures, once all are ready */
};

/* What a thread tells; smaller than PIPE_BUF, so written whole. */
struct thread_report {
    bool ready;
    char name[48];
    struct ry_error err;
};

/* ---- instances --------------------------------------------------------------------------------------------------- */

static void tell_node(const struct worker *worker, bool ready, const struct ry_error *err)
{
    struct thread_report report = {.ready = ready};
    (void)snprintf(report.name, sizeof report.name, "%s", worker->name);
    if (err)
        report.err = *err;
    while (write(worker->node->report_pipe[1], &report, sizeof report) < 0 && errno == EINTR)
        continue;
}

static struct worker *worker_of(void *arg)
{
    struct worker *worker = arg;
    RY_ASSERT(worker->magic == WORKER_MAGIC);
    return worker;
}

static void worker_ready(void *arg)
{
    tell_node(worker_of(arg), true, NULL);
}

static void *worker_thread(void *arg)
{
    struct worker *worker = worker_of(arg);
    char thread_name[16];
    (void)snprintf(thread_name, sizeof thread_name, "%.15s", worker->name);
    (void)pthread_setname_np(pthread_self(), thread_name);
    ry_log_thread(worker->name);
    const struct ry_run run = {
        .spec = worker->spec,
        .name = worker->name,
        .config = worker->node->config,
        .endpoint = worker->node->endpoint,
        .stop_fd = -1,
        .ready = worker_ready,
        .ready_arg = worker,
    };
    struct ry_error err = {0};
    if (ry_instance_run(&run, &err) != RY_OK) {
        RY_LOG(RY_ERROR, "instance_failed", "error=%s reason=%s", ry_err_name(err.code), err.text);
        tell_node(worker, false, &err);
    }
    return NULL;
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

void ry_node_names(const struct ry_config *config, char node_name[65], char owner[128])
{
    const char *given = ry_config_str(config, RY_OPT_node);
    if (given[0]) {
        (void)snprintf(node_name, 65, "%s", given);
    } else if (gethostname(node_name, 65) != 0 || node_name[0] == '\0') {
        (void)snprintf(node_name, 65, "node");
    }
    node_name[64] = '\0';
    uint64_t incarnation = 0;
    if (getentropy(&incarnation, sizeof incarnation) != 0)
        incarnation = (uint64_t)ry_wall_ms(ry_clock_system());
    (void)snprintf(owner, 128, "%s/%016" PRIx64, node_name, incarnation);
}

const char *ry_node_endpoint(const struct ry_node *node)
{
    return node->endpoint;
}

static void node_free(struct ry_node *node)
{
    ry_router_thread_stop(&node->router);
    ry_config_free(&node->config);
    free(node->workers);
    for (int i = 0; i < 2; i++)
        if (node->report_pipe[i] >= 0)
            (void)close(node->report_pipe[i]);
    free(node);
}

/* What other hosts need to join; *listening is NULL where they may not. */
static int tcp_of(const struct ry_config *config, struct ry_router_thread_tcp *tcp,
                  const struct ry_router_thread_tcp **listening, struct ry_error *err)
{
    *tcp = (struct ry_router_thread_tcp){.bind = ry_config_str(config, RY_OPT_join_bind),
                                         .allow_path = ry_config_str(config, RY_OPT_join_allow)};
    *listening = NULL;
    if (*tcp->bind == '\0')
        return RY_OK;
    if (strncmp(tcp->bind, "tcp://", 6) != 0)
        return ry_fail(err, RY_ECONFIG, "REELYARD_JOIN_BIND: \"%s\" must be tcp://ADDRESS:PORT", tcp->bind);
    const char *key = ry_config_str(config, RY_OPT_join_key);
    if (*key == '\0' || *tcp->allow_path == '\0')
        return ry_fail(err, RY_ECONFIG,
                       "REELYARD_JOIN_BIND needs REELYARD_JOIN_KEY (a file of `reelyard keys new`) and "
                       "REELYARD_JOIN_ALLOW (a file of public keys)");
    *listening = tcp;
    return ry_keypair_read(&tcp->own, key, err);
}

static int node_open(struct ry_node *node, const struct ry_node_options *options, struct ry_error *err)
{
    node->config = ry_config_copy(options->config);
    if (node->config == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the configuration");
    if (pipe2(node->report_pipe, O_CLOEXEC) != 0)
        return ry_fail(err, RY_EIO, "cannot make a pipe: %m");
    for (size_t i = 0; i < options->role_count; i++)
        node->worker_count += options->roles[i].instances;
    node->workers = calloc(node->worker_count ? node->worker_count : 1, sizeof *node->workers);
    if (node->workers == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %zu instances", node->worker_count);
    ry_node_names(node->config, node->node_name, node->owner);
    /* A number, for ZeroMQ gives a name free only some time after its socket was closed. */
    static atomic_uint nodes;
    (void)snprintf(node->endpoint, sizeof node->endpoint, "inproc://node-%u", atomic_fetch_add(&nodes, 1));
    char versions[RY_ROLE_COUNT][RY_VERSION_BYTES] = {""};
    for (size_t i = 0; i < options->role_count; i++)
        if (options->roles[i].spec->version)
            options->roles[i].spec->version(versions[options->roles[i].spec->role]);
    struct ry_router_thread_tcp tcp;
    const struct ry_router_thread_tcp *listening;
    int rc = tcp_of(node->config, &tcp, &listening, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_router_thread_options router = {
        .node = node->node_name,
        .owner = node->owner,
        .clock = ry_clock_system(),
        .mailbox_max = (size_t)ry_config_int(node->config, RY_OPT_mailbox),
        .mailbox_max_bytes = (size_t)ry_config_int(node->config, RY_OPT_mailbox_bytes),
        .attempts_max = (unsigned)ry_config_int(node->config, RY_OPT_mail_attempts_max),
        .heap_folder = ry_config_str(node->config, RY_OPT_heap_folder),
        .versions = (const char(*)[RY_VERSION_BYTES])versions,
        .endpoint = node->endpoint,
        .ipc_path = options->ipc_path,
        .guarded = options->guarded,
        .hold_ms_max = ry_config_int(node->config, RY_OPT_stuck_seconds) * 1000,
        .tcp = listening,
    };
    rc = ry_router_thread_start(&node->router, &router, err);
    ry_keypair_forget(&tcp.own);
    return rc;
}

static int worker_start(struct worker *worker, struct ry_error *err)
{
    int failed = pthread_create(&worker->thread, NULL, worker_thread, worker);
    if (failed)
        return ry_fail(err, RY_EIO, "cannot start the thread %s: %s", worker->name, strerror(failed));
    worker->started = true;
    return RY_OK;
}

static ssize_t read_report(struct ry_node *node, struct thread_report *report)
{
    ssize_t n;
    do
        n = read(node->report_pipe[0], report, sizeof *report);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Waits until so many more instances are ready, or one has failed. */
static int await_ready(struct ry_node *node, size_t count, struct ry_error *err)
{
    struct thread_report report;
    for (size_t i = 0; i < count; i++) {
        if (read_report(node, &report) != (ssize_t)sizeof report)
            return ry_fail(err, RY_EIO, "cannot hear from the instances: %m");
        if (!report.ready)
            return ry_fail(err, report.err.code, "%s: %s", report.name, report.err.text);
    }
    return RY_OK;
}

static int start_workers(struct ry_node *node, const struct ry_node_options *options, struct ry_error *err)
{
    size_t started = 0;
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < options->role_count; i++) {
        const struct ry_node_role *role = &options->roles[i];
        size_t first = started;
        for (unsigned k = 0; rc == RY_OK && k < role->instances; k++) {
            struct worker *worker = &node->workers[started++];
            worker->magic = WORKER_MAGIC;
            worker->node = node;
            worker->spec = role->spec;
            (void)snprintf(worker->name, sizeof worker->name, "%s-%u", ry_role_name(role->spec->role), k + 1);
            rc = worker_start(worker, err);
        }
        /* One role after the other: an actor's first word finds those before it in the list. */
        if (rc == RY_OK)
            rc = await_ready(node, started - first, err);
    }
    return rc;
}

static bool join_workers(struct ry_node *node);

int ry_node_start(struct ry_node **node, const struct ry_node_options *options, struct ry_error *err)
{
    *node = NULL;
    struct ry_node *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the node");
    made->report_pipe[0] = made->report_pipe[1] = -1;
    int rc = node_open(made, options, err);
    if (rc == RY_OK)
        rc = start_workers(made, options, err);
    if (rc == RY_OK) {
        *node = made;
        return RY_OK;
    }
    if (made->router)
        ry_router_thread_dismiss(made->router);
    if (join_workers(made))
        node_free(made);
    return rc;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* False: a thread hangs; it and what it uses are left behind. */
static bool join_workers(struct ry_node *node)
{
    bool all = true;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += JOIN_WAIT_S;
    for (size_t i = 0; i < node->worker_count; i++) {
        struct worker *worker = &node->workers[i];
        if (!worker->started)
            continue;
        if (pthread_timedjoin_np(worker->thread, NULL, &until) != 0) {
            RY_LOG(RY_CRITICAL, "instance_hangs", "name=%s", worker->name);
            all = false;
        }
    }
    return all;
}

int ry_node_stop(struct ry_node **node, int64_t drain_ms, struct ry_error *err)
{
    struct ry_node *old = *node;
    *node = NULL;
    if (old == NULL)
        return RY_OK;
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + drain_ms;
    bool finished = drain_all(old->router, until_mono_ms);
    char where[DRAIN_LEFT_BYTES];
    uint32_t left = drain_left(old->router, where);
    ry_router_thread_dismiss(old->router);
    if (join_workers(old))
        node_free(old);
    if (!finished || left > 0)
        return ry_fail(err, RY_ETIMEOUT,
                       "%" PRIu32 " mails were left%s, within %" PRId64 " ms; they come back by their leases", left,
                       where, drain_ms);
    return RY_OK;
}

/* ---- a supervisor's processes -------------------------------------------------------------------------------------
 */

void ry_node_admit(struct ry_node *node, const struct ry_ticket *ticket)
{
    ry_router_thread_admit(node->router, ticket);
}

void ry_node_revoke(struct ry_node *node, const char *name)
{
    ry_router_thread_revoke(node->router, name);
}

void ry_node_children(struct ry_node *node, const struct ry_children_report *report)
{
    ry_router_thread_children(node->router, report);
}

void ry_node_touch(struct ry_node *node)
{
    (void)ry_router_thread_load(node->router, RY_ROLE_NONE);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

void ry_node_fail(struct ry_node *node, const char *name, const struct ry_error *why)
{
    struct thread_report report = {.err = *why};
    (void)snprintf(report.name, sizeof report.name, "%s", name);
    while (write(node->report_pipe[1], &report, sizeof report) < 0 && errno == EINTR)
        continue;
}

int ry_node_failed_fd(struct ry_node *node)
{
    return node->report_pipe[0];
}

void ry_node_failure(struct ry_node *node, struct ry_error *why)
{
    struct thread_report report;
    *why = (struct ry_error){0};
    struct pollfd readable = {.fd = node->report_pipe[0], .events = POLLIN};
    if (poll(&readable, 1, 0) == 1 && read_report(node, &report) == (ssize_t)sizeof report)
        (void)ry_fail(why, report.err.code, "%s: %s", report.name, report.err.text);
}

int ry_node_attach(const struct ry_attachment *attachment, struct ry_error *err)
{
    char endpoint[300];
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", attachment->ipc_path);
    ry_log_thread(attachment->name);
    const struct ry_run run = {
        .spec = attachment->spec,
        .name = attachment->name,
        .config = attachment->config,
        .endpoint = endpoint,
        .stop_fd = attachment->stop_fd,
        .drain_ms = ry_config_int(attachment->config, RY_OPT_drain_seconds) * 1000,
        .seal = attachment->seal,
        .supervised = attachment->supervised,
        .curve = attachment->curve,
        .ready = attachment->ready,
        .ready_arg = attachment->ready_arg,
        .stage = attachment->stage,
    };
    return ry_instance_run(&run, err);
}
