/* bus_bench.c: what the router costs: a bare ROUTER between two DEALERs against reelyard's router, in one run.
 *
 * Both carry the same bytes from a sender to a receiver with the same number under way, over inproc and ipc, in
 * alternating rounds so that a busy machine is busy for both. On the bare side a message is a ZeroMQ message and the
 * receiver grants the next ones by a message for every GRANT of them. On reelyard's side the sender and the receiver
 * are actors: requests go through a mailbox, credit and custody to `done`, and the receiver grants by an ANSWER for
 * every GRANT of them. Prints a table: best rate of each, their ratio, the target, and the least processor time that a
 * message cost each of them, in all threads together: it tells more than the rate when others use the machine.
 *
 *   bus_bench [rounds [seconds a round [the only case, from 0]]] */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node.h"
#include "runtime/bus/node_internal.h"
#include "runtime/bus/router_thread.h"

#define WINDOW 2048 /* messages under way */
#define GRANT  256  /* messages that one grant stands for */

/* One measurement: a sender, a receiver, a count. */
struct course {
    size_t bytes; /* of a small message, or of the frame */
    bool frame;   /* the bytes travel as a frame */
    bool lent;    /* the same frame over and over; else each message has bytes of its own, as real ones have */
    const char *endpoint;
    double cpu_ns; /* a message cost in the round that was measured last */
    atomic_ullong received;
    atomic_bool stop;
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Lets the course run and tells its rate in messages a second; the first part of the time is not counted. */
static double measure(struct course *course, double seconds)
{
    (void)poll(NULL, 0, (int)(seconds * 200));
    unsigned long long before = atomic_load(&course->received);
    int64_t start_ns = now_ns(CLOCK_MONOTONIC), start_cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    (void)poll(NULL, 0, (int)(seconds * 1000));
    double received = (double)(atomic_load(&course->received) - before);
    course->cpu_ns = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_ns) / received;
    return received * 1e9 / (double)(now_ns(CLOCK_MONOTONIC) - start_ns);
}

/* ---- the bare router --------------------------------------------------------------------------------------------- */

static zsock_t *bare_dealer(const struct course *course, const char *identity)
{
    zsock_t *socket = zsock_new(ZMQ_DEALER);
    zsock_set_identity(socket, identity);
    zsock_set_sndhwm(socket, 0);
    zsock_set_rcvhwm(socket, 0);
    zsock_set_rcvtimeo(socket, 50);
    if (zsock_connect(socket, "%s", course->endpoint) < 0)
        abort();
    return socket;
}

static void drop_frame(void *data, void *hint)
{
    (void)data, (void)hint; /* the bytes are the sender's and outlive the socket */
}

static void *bare_sender(void *arg)
{
    struct course *course = arg;
    zsock_t *socket = bare_dealer(course, "S");
    void *raw = zsock_resolve(socket);
    char *bytes = calloc(1, course->bytes);
    zmq_msg_t message;
    long credit = WINDOW;
    (void)zmq_send(raw, "", 0, 0);
    while (!atomic_load(&course->stop)) {
        while (credit > 0) {
            if (course->lent)
                (void)zmq_msg_init_data(&message, bytes, course->bytes, drop_frame, NULL);
            else {
                (void)zmq_msg_init_size(&message, course->bytes);
                memcpy(zmq_msg_data(&message), bytes, course->bytes);
            }
            if (zmq_msg_send(&message, raw, 0) < 0)
                abort();
            credit--;
        }
        char grant;
        while (credit == 0 ? zmq_recv(raw, &grant, 1, 0) >= 0 : zmq_recv(raw, &grant, 1, ZMQ_DONTWAIT) >= 0)
            credit += GRANT;
    }
    zsock_destroy(&socket);
    free(bytes);
    return NULL;
}

static void *bare_receiver(void *arg)
{
    struct course *course = arg;
    zsock_t *socket = bare_dealer(course, "R");
    void *raw = zsock_resolve(socket);
    zmq_msg_t message;
    unsigned pending = 0;
    (void)zmq_send(raw, "", 0, 0);
    while (!atomic_load(&course->stop)) {
        (void)zmq_msg_init(&message);
        if (zmq_msg_recv(&message, raw, 0) > 0) {
            (void)atomic_fetch_add_explicit(&course->received, 1, memory_order_relaxed);
            if (++pending == GRANT) {
                pending = 0;
                (void)zmq_send(raw, "g", 1, 0);
            }
        }
        (void)zmq_msg_close(&message);
    }
    zsock_destroy(&socket);
    return NULL;
}

/* Carries every message of S to R and of R to S. */
static void *bare_router(void *arg)
{
    void *raw = zsock_resolve(((void **)arg)[0]);
    struct course *course = ((void **)arg)[1];
    bool sender_there = false, receiver_there = false;
    zmq_msg_t id, body;
    while (!atomic_load(&course->stop)) {
        (void)zmq_msg_init(&id);
        if (zmq_msg_recv(&id, raw, 0) < 0) {
            (void)zmq_msg_close(&id);
            continue;
        }
        (void)zmq_msg_init(&body);
        (void)zmq_msg_recv(&body, raw, 0);
        bool from_sender = *(const char *)zmq_msg_data(&id) == 'S';
        if (zmq_msg_size(&body) == 0) {
            sender_there |= from_sender;
            receiver_there |= !from_sender;
        } else {
            /* The first messages may be faster than the other's hello, which one that begins too late does not say. */
            while ((!receiver_there || !sender_there) && !atomic_load(&course->stop)) {
                zmq_msg_t hello;
                (void)zmq_msg_init(&hello);
                (void)zmq_msg_recv(&hello, raw, 0);
                char who = zmq_msg_size(&hello) ? *(const char *)zmq_msg_data(&hello) : 0;
                (void)zmq_msg_recv(&hello, raw, 0);
                receiver_there |= who == 'R';
                sender_there |= who == 'S';
                (void)zmq_msg_close(&hello);
            }
            (void)zmq_send(raw, from_sender ? "R" : "S", 1, ZMQ_SNDMORE);
            (void)zmq_msg_send(&body, raw, 0);
        }
        (void)zmq_msg_close(&id);
        (void)zmq_msg_close(&body);
    }
    return NULL;
}

static double bare_round(struct course *course, double seconds)
{
    zsock_t *router = zsock_new(ZMQ_ROUTER);
    zsock_set_sndhwm(router, 0);
    zsock_set_rcvhwm(router, 0);
    zsock_set_rcvtimeo(router, 50);
    if (zsock_bind(router, "%s", course->endpoint) < 0)
        abort();
    atomic_store(&course->received, 0);
    atomic_store(&course->stop, false);
    void *of_router[] = {router, course};
    pthread_t threads[3];
    (void)pthread_create(&threads[0], NULL, bare_router, of_router);
    (void)pthread_create(&threads[1], NULL, bare_receiver, course);
    (void)pthread_create(&threads[2], NULL, bare_sender, course);
    double rate = measure(course, seconds);
    atomic_store(&course->stop, true);
    for (int i = 0; i < 3; i++)
        (void)pthread_join(threads[i], NULL);
    zsock_destroy(&router);
    return rate;
}

/* ---- reelyard's router ------------------------------------------------------------------------------------------- */

/* The course of the round that runs; set before its threads start. */
static struct course *current;

struct source {
    unsigned credit;
    char *filler;
    struct ry_frame *frame;
};

static int source_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    (void)err;
    source->credit = WINDOW;
    source->filler = malloc(current->bytes + 1);
    memset(source->filler, 'x', current->bytes);
    if (current->frame)
        source->frame = ry_frame_copy(source->filler, current->bytes);
    *self = source;
    ry_timer(ctx, 0, 0);
    return RY_OK;
}

static void source_send(struct source *source, struct ry_ctx *ctx)
{
    static const struct ry_send plain = {.priority = RY_PRIORITY_BACKFILL};
    for (; source->credit > 0; source->credit--) {
        struct ry_frame *frame =
            current->lent ? ry_frame_ref(source->frame) : ry_frame_copy(source->filler, current->bytes);
        const struct ry_job_run message = {.job_id = RY_STR("j"),
                                           .type = RY_STR("messages"),
                                           .token = 1,
                                           .job = {.p = ry_frame_data(frame), .n = current->bytes, .frame = frame}};
        RY_TELL(ctx, job_run, &message, &plain);
        ry_frame_unref(frame);
    }
}

/* At 200 bytes the message has no frame: a clip's failure, from the scheduler to the writer. */
static void source_send_small(struct source *source, struct ry_ctx *ctx)
{
    static const struct ry_send plain = {.priority = RY_PRIORITY_BACKFILL};
    for (; source->credit > 0; source->credit--) {
        const struct ry_clip_failed message = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                               .reason = {source->filler, current->bytes - 112}};
        RY_TELL(ctx, clip_failed, &message, &plain);
    }
}

static void source_go_on(struct source *source, struct ry_ctx *ctx)
{
    if (current->frame)
        source_send(source, ctx);
    else
        source_send_small(source, ctx);
}

static void source_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)timer;
    source_go_on(self, ctx);
}

static void source_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct source *source = self;
    if (mail->envelope.tag == RY_TAG_undeliverable)
        abort(); /* the window is smaller than the mailbox */
    source->credit += GRANT;
    source_go_on(source, ctx);
}

static bool source_drain(void *self, struct ry_ctx *ctx)
{
    (void)self, (void)ctx;
    return true;
}

static void source_close(void **self)
{
    struct source *source = *self;
    ry_frame_unref(source->frame);
    free(source->filler);
    free(source);
    *self = NULL;
}

struct sink {
    unsigned pending;
};

static int sink_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)ctx, (void)err;
    *self = calloc(1, sizeof(struct sink));
    return RY_OK;
}

static void sink_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct sink *sink = self;
    (void)atomic_fetch_add_explicit(&current->received, 1, memory_order_relaxed);
    if (++sink->pending < GRANT)
        return;
    sink->pending = 0;
    if (current->frame) {
        const struct ry_job_done grant = {.job_id = RY_STR("j")};
        RY_ANSWER(ctx, mail, job_done, &grant);
    } else {
        const struct ry_clip_settled grant = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef")};
        RY_ANSWER_ORIGIN(ctx, mail, clip_settled, &grant);
    }
}

static void sink_close(void **self)
{
    free(*self);
    *self = NULL;
}

static void *attach_thread(void *arg)
{
    struct ry_run *run = arg;
    struct ry_error err = {0};
    (void)pthread_setname_np(pthread_self(), run->name);
    if (ry_instance_run(run, &err) != RY_OK)
        fprintf(stderr, "%s: %s\n", run->name, err.text);
    return NULL;
}

static double reelyard_round(struct course *course, const char *ipc_path, const struct ry_config *config,
                             double seconds)
{
    const struct ry_actor_spec source = {.role = course->frame ? RY_ROLE_INGESTER : RY_ROLE_SCHEDULER,
                                         .capacity = 16,
                                         .open = source_open,
                                         .receive = source_receive,
                                         .tick = source_tick,
                                         .drain = source_drain,
                                         .close = source_close};
    const struct ry_actor_spec sink = {.role = course->frame ? RY_ROLE_SCANNER : RY_ROLE_WRITER,
                                       .capacity = WINDOW,
                                       .open = sink_open,
                                       .receive = sink_receive,
                                       .close = sink_close};
    struct ry_error err = {0};
    struct ry_router_thread *thread = NULL;
    const struct ry_router_thread_options options = {.node = "bench",
                                                     .clock = ry_clock_system(),
                                                     .mailbox_max =
                                                         (size_t)WINDOW * 16, /* the source has a share of it */
                                                     .mailbox_max_bytes = (size_t)1 << 30,
                                                     .attempts_max = 3,
                                                     .endpoint = "inproc://bench",
                                                     .ipc_path = ipc_path};
    current = course;
    atomic_store(&course->received, 0);
    if (ry_router_thread_start(&thread, &options, &err) != RY_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    struct ry_run runs[2] = {
        {.spec = &sink, .name = "sink", .config = config, .endpoint = course->endpoint, .stop_fd = -1},
        {.spec = &source, .name = "source", .config = config, .endpoint = course->endpoint, .stop_fd = -1},
    };
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        (void)pthread_create(&threads[i], NULL, attach_thread, &runs[i]);
    double rate = measure(course, seconds);
    ry_router_thread_dismiss(thread);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    ry_router_thread_stop(&thread);
    return rate;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    double seconds = argc > 2 ? atof(argv[2]) : 0.5;
    int only = argc > 3 ? atoi(argv[3]) : -1;
    ry_log_setup(RY_ERROR, RY_LOG_TEXT, 2);
    char folder[] = "/tmp/reelyard-bench-XXXXXX", ours[80], ours_endpoint[96], bare_endpoint[96];
    struct ry_error err = {0};
    struct ry_config *config = NULL;
    char *const no_environment[] = {NULL};
    if (mkdtemp(folder) == NULL || ry_config_load(&config, no_environment, &err) != RY_OK ||
        ry_config_finish(config, &err) != RY_OK)
        return 1;
    (void)snprintf(ours, sizeof ours, "%s/ours", folder);
    (void)snprintf(ours_endpoint, sizeof ours_endpoint, "ipc://%s", ours);
    (void)snprintf(bare_endpoint, sizeof bare_endpoint, "ipc://%s/bare", folder);
    const struct {
        const char *name;
        size_t bytes;
        bool frame, lent, ipc;
        double target;
    } cases[] = {
        {"200 B, inproc", 200, false, false, false, 0.5},      {"200 B, ipc", 200, false, false, true, 0.5},
        {"20 kB, inproc", 20000, true, false, false, 0.9},     {"20 kB, ipc", 20000, true, false, true, 0.9},
        {"20 kB lent, inproc", 20000, true, true, false, 0.9},
    };
    printf("%-20s %12s %12s %12s %12s %7s %7s\n", "", "bare/s", "bare cpu ns", "reelyard/s", "cpu ns", "ratio",
           "target");
    int missed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (only >= 0 && (size_t)only != i)
            continue;
        double bare = 0, own = 0, bare_cpu_ns = INFINITY, own_cpu_ns = INFINITY;
        for (int round = 0; round < rounds; round++) {
            struct course course = {.bytes = cases[i].bytes, .frame = cases[i].frame, .lent = cases[i].lent};
            course.endpoint = cases[i].ipc ? ours_endpoint : "inproc://bench";
            double rate = reelyard_round(&course, cases[i].ipc ? ours : NULL, config, seconds);
            own = fmax(own, rate);
            own_cpu_ns = fmin(own_cpu_ns, course.cpu_ns);
            course.endpoint = cases[i].ipc ? bare_endpoint : "inproc://bare";
            rate = bare_round(&course, seconds);
            bare = fmax(bare, rate);
            bare_cpu_ns = fmin(bare_cpu_ns, course.cpu_ns);
        }
        printf("%-20s %12.0f %12.0f %12.0f %12.0f %7.2f %7.2f%s\n", cases[i].name, bare, bare_cpu_ns, own, own_cpu_ns,
               own / bare, cases[i].target, own / bare < cases[i].target ? "  missed" : "");
        (void)fflush(stdout);
        missed += own / bare < cases[i].target;
    }
    ry_config_free(&config);
    (void)snprintf(bare_endpoint, sizeof bare_endpoint, "%s/bare", folder);
    (void)unlink(bare_endpoint);
    (void)rmdir(folder);
    return missed > 0;
}
