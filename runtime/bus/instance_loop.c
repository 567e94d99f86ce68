/* instance_loop.c: the loop of one instance.
 *
 * Owns the loop of one thread: bags from the router go into the instance, what it says goes into one bag that leaves
 * when all mail of the received one was handled, and the ends of custody travel together as one `done`. Watches the
 * actor's engine, its timers, the router's process and a descriptor that asks to stop. Reports counters a few
 * times a second when they changed.
 *
 * Ends when the instance has finished, when the router dismisses it, or when the router's process is dead (RY_EAWAY).
 * An instance that ends in an error gives what it keeps back as tried; what it did not look at goes back untouched. If
 * the process dies, the router's pidfd tells; then all its mail counts as tried. */
#include "runtime/bus/instance_loop.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>

#include "proto/codec.h"
#include "runtime/actor/instance.h"
#include "runtime/base/assert.h"
#include "runtime/base/heap.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"
#include "runtime/bus/heap_answer.h"
#include "runtime/bus/last_words.h"
#include "runtime/bus/node.h"
#include "runtime/process/leash.h"

#define GREET_TIMEOUT_MS 10000
#define REPORT_PERIOD_MS RY_BEAT_MS
#define HEAP_PERIOD_MS   1000 /* the allocator's figures cost more than ours */
#define DONE_BATCH       4096
#define BAGS_A_ROUND     16

struct loop {
    struct ry_link link;
    const struct ry_run *run;
    struct ry_instance *instance;
    struct ry_last_words *last_words; /* NULL: none */
    uint64_t done_ids[DONE_BATCH];
    size_t done_count;
    struct ry_stats reported;
    uint64_t reported_busy_ms;
    char reported_trouble[401];
    struct ry_heap heap; /* what this thread allocates */
    uint64_t heap_bytes, reported_heap_bytes;
    int64_t next_heap_mono_ms;
    int64_t next_report_mono_ms;
    int64_t drain_until_mono_ms; /* INT64_MAX: no deadline of our own */
    bool draining;
    bool dismissed;
    bool router_dead;
    bool keeper_dead;
};

/* ---- out --------------------------------------------------------------------------------------------------------- */

static void say_done(struct loop *loop)
{
    RY_ASSERT(loop->done_count <= DONE_BATCH, "%zu", loop->done_count);
    if (loop->done_count == 0)
        return;
    const struct ry_done message = {.ids = {.p = loop->done_ids, .n = loop->done_count * sizeof *loop->done_ids}};
    (void)ry_link_say(&loop->link, RY_TAG_done, &message);
    loop->done_count = 0;
}

static void send_bag(struct loop *loop)
{
    struct ry_error err;
    if (ry_bag_send(&loop->link.bag, ry_socket_raw(loop->link.dealer), NULL, &err) != RY_OK)
        RY_LOG(RY_ERROR, "bag_lost", "reason=%s", err.text);
}

static void put_mail(struct loop *loop, const struct ry_out *out)
{
    if (ry_bag_full(&loop->link.bag))
        send_bag(loop);
    int rc = ry_bag_add(&loop->link.bag, out->bytes, out->frames, out->frame_count);
    if (rc != RY_OK) {
        send_bag(loop);
        rc = ry_bag_add(&loop->link.bag, out->bytes, out->frames, out->frame_count);
    }
    if (rc != RY_OK)
        RY_LOG(RY_CRITICAL, "bag_lost", "id=%" PRIu64 " reason=%s", out->envelope.id, ry_err_name((enum ry_err)rc));
}

/* Carries what the instance said into the bag. Ends of custody come behind all mail that was said before them. */
static void gather(struct loop *loop)
{
    const struct ry_out *out;
    while ((out = ry_instance_out(loop->instance)) != NULL) {
        if (out->kind == RY_OUT_MAIL) {
            put_mail(loop, out);
        } else if (out->kind == RY_OUT_DONE) {
            loop->done_ids[loop->done_count++] = out->id;
            if (loop->done_count == DONE_BATCH)
                say_done(loop);
        } else {
            const struct ry_fail message = {.id = out->id, .retry = out->retry, .reason = ry_str_of(out->reason)};
            (void)ry_link_say(&loop->link, RY_TAG_fail, &message);
        }
        ry_instance_out_pop(loop->instance);
    }
}

static void flush(struct loop *loop)
{
    gather(loop);
    say_done(loop);
    send_bag(loop);
}

static void report(struct loop *loop)
{
    const struct ry_stats *stats = ry_instance_stats(loop->instance);
    ry_count(ry_instance_ctx(loop->instance), RY_COUNTER_log_dropped, ry_log_take_dropped());
    uint64_t busy_ms = ry_instance_busy_ms(loop->instance);
    int64_t now_mono_ms = ry_mono_ms(ry_clock_system());
    if (now_mono_ms >= loop->next_heap_mono_ms) {
        loop->next_heap_mono_ms = now_mono_ms + HEAP_PERIOD_MS;
        loop->heap_bytes = ry_heap_bytes(&loop->heap);
    }
    const char *trouble = ry_instance_trouble(loop->instance);
    if (strcmp(trouble, loop->reported_trouble) == 0 && busy_ms == loop->reported_busy_ms &&
        loop->heap_bytes == loop->reported_heap_bytes && memcmp(stats, &loop->reported, sizeof *stats) == 0)
        return;
    struct ry_counter_value values[RY_STATS_FLAT];
    struct ry_report message = {.busy_ms = busy_ms, .heap_bytes = loop->heap_bytes, .counters = {.items = values}};
    (void)snprintf(loop->reported_trouble, sizeof loop->reported_trouble, "%s", trouble);
    if (*trouble)
        message.trouble = ry_str_of(trouble);
    loop->reported = *stats;
    loop->reported_busy_ms = busy_ms;
    loop->reported_heap_bytes = loop->heap_bytes;
    for (size_t i = 0; i < RY_STATS_FLAT; i++) {
        uint64_t value = *ry_stats_at(&loop->reported, i);
        if (value != 0)
            values[message.counters.n++] = (struct ry_counter_value){.index = i, .value = value};
    }
    (void)ry_link_say(&loop->link, RY_TAG_report, &message);
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static void begin_drain(struct loop *loop, int64_t drain_ms)
{
    if (loop->draining)
        return;
    loop->draining = true;
    if (drain_ms >= 0)
        loop->drain_until_mono_ms = ry_mono_ms(ry_clock_system()) + drain_ms;
    const struct ry_credit quiet = {.capacity = 0};
    (void)ry_link_say(&loop->link, RY_TAG_credit, &quiet);
    ry_instance_drain(loop->instance);
}

static void make_heap_profile(struct loop *loop, const struct ry_envelope *envelope)
{
    RY_ARENA_AUTO arena = ry_arena_make(4096);
    struct ry_error err = {0};
    void *body = NULL;
    if (ry_unpack(ry_descriptor(RY_TAG_heap_make), envelope->body, NULL, 0, &arena, &body, &err) != RY_OK) {
        RY_LOG(RY_ERROR, "bus_malformed", "reason=%s", err.text);
        return;
    }
    const struct ry_heap_make *asked = body;
    struct ry_heap_answer answer;
    ry_heap_answer(&answer, ry_config_str(loop->run->config, RY_OPT_heap_folder), loop->run->name,
                   (enum ry_heap_action)asked->action);
    (void)ry_link_answer(&loop->link, RY_TAG_heap_made, &answer.message, envelope->correlation);
}

static void take_envelope(struct loop *loop, const struct ry_envelope *envelope, struct ry_frame *const *frames,
                          size_t frame_count)
{
    if (envelope->tag == RY_TAG_stop) {
        begin_drain(loop, -1);
    } else if (envelope->tag == RY_TAG_unwelcome) {
        loop->dismissed = true;
    } else if (envelope->tag == RY_TAG_heap_make) {
        make_heap_profile(loop, envelope);
    } else {
        if (loop->run->seal)
            loop->run->seal->turn(loop->run->seal->arg);
        ry_last_words_of(loop->last_words, envelope->id);
        ry_instance_deliver(loop->instance, envelope, frames, frame_count);
        ry_last_words_of(loop->last_words, 0);
    }
}

static void take_bag(struct loop *loop)
{
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad = false;
    while (ry_bag_reader_next(loop->link.reader, &bytes, &frames, &frame_count, &bad)) {
        struct ry_envelope envelope;
        struct ry_error err;
        if (ry_envelope_unpack(bytes, &envelope, &err) != RY_OK) {
            bad = true;
            break;
        }
        take_envelope(loop, &envelope, frames, frame_count);
        if (ry_bag_full(&loop->link.bag) || loop->done_count > DONE_BATCH / 2)
            flush(loop);
        else
            gather(loop);
    }
    if (bad)
        RY_LOG(RY_ERROR, "bus_malformed", "reason=%s", "the router sent a bag whose heads do not fit its bytes");
}

static unsigned take_bags(struct loop *loop)
{
    unsigned taken = 0;
    bool bad = false;
    while (taken < BAGS_A_ROUND && !ry_instance_finished(loop->instance, NULL) &&
           ry_bag_reader_receive(loop->link.reader, ry_socket_raw(loop->link.dealer), NULL, &bad)) {
        int64_t start_mono_ms = ry_mono_ms(ry_clock_system());
        taken++;
        take_bag(loop);
        ry_instance_was_busy(loop->instance, start_mono_ms);
        flush(loop);
    }
    return taken;
}

/* ---- the keeper -------------------------------------------------------------------------------------------------- */

static void tell_keeper(const struct loop *loop, enum ry_leash_msg_kind kind)
{
    const struct ry_leash_msg msg = {.kind = kind};
    if (loop->run->supervised)
        (void)ry_leash_say(loop->run->supervised->leash_fd, &msg);
}

static void hear_keeper(struct loop *loop)
{
    struct ry_leash_msg msg;
    enum ry_leash_got got;
    while ((got = ry_leash_hear(loop->run->supervised->leash_fd, &msg, sizeof msg)) == RY_LEASH_MSG)
        if (msg.kind == RY_LEASH_MSG_LEAVE)
            begin_drain(loop, msg.ms);
    loop->keeper_dead = got == RY_LEASH_ENDED;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static long timeout_ms(const struct loop *loop)
{
    int64_t next_mono_ms = ry_instance_next_mono_ms(loop->instance);
    if (loop->drain_until_mono_ms < next_mono_ms)
        next_mono_ms = loop->drain_until_mono_ms;
    if (loop->next_report_mono_ms < next_mono_ms)
        next_mono_ms = loop->next_report_mono_ms;
    int64_t left_ms = next_mono_ms - ry_mono_ms(ry_clock_system());
    return left_ms < 0 ? 0 : left_ms < 60000 ? (long)left_ms : 60000;
}

/* Waits (or, busy, only looks) for the socket and the descriptors, and handles the latter. */
static void wait_for_something(struct loop *loop, bool busy)
{
    int engine_fd = ry_instance_engine_fd(loop->instance);
    int stop_fd = loop->draining ? -1 : loop->run->stop_fd;
    zmq_pollitem_t items[6] = {{.socket = ry_socket_raw(loop->link.dealer), .events = ZMQ_POLLIN}};
    int n = 1, engine = 0, stop = 0, router = 0, loss = 0, keeper = 0;
    if (engine_fd >= 0)
        items[engine = n++] = (zmq_pollitem_t){.fd = engine_fd, .events = ZMQ_POLLIN};
    if (stop_fd >= 0)
        items[stop = n++] = (zmq_pollitem_t){.fd = stop_fd, .events = ZMQ_POLLIN};
    if (loop->link.router_pidfd >= 0)
        items[router = n++] = (zmq_pollitem_t){.fd = loop->link.router_pidfd, .events = ZMQ_POLLIN};
    if (loop->link.losses)
        items[loss = n++] = (zmq_pollitem_t){.socket = ry_socket_raw(loop->link.losses), .events = ZMQ_POLLIN};
    if (loop->run->supervised)
        items[keeper = n++] = (zmq_pollitem_t){.fd = loop->run->supervised->leash_fd, .events = ZMQ_POLLIN};
    if (busy && n == 1)
        return;
    if (zmq_poll(items, n, busy ? 0 : (long)ry_log_tend(timeout_ms(loop))) <= 0)
        return;
    if (engine && items[engine].revents)
        ry_instance_ready(loop->instance);
    if (stop && items[stop].revents)
        begin_drain(loop, loop->run->drain_ms);
    if ((router && items[router].revents) || (loss && items[loss].revents))
        loop->router_dead = true;
    if (keeper && items[keeper].revents)
        hear_keeper(loop);
}

/* True when the loop has come to its end. */
static bool loop_over(const struct loop *loop)
{
    return loop->dismissed || loop->router_dead || loop->keeper_dead || ry_instance_finished(loop->instance, NULL) ||
           (loop->drain_until_mono_ms != INT64_MAX && ry_mono_ms(ry_clock_system()) >= loop->drain_until_mono_ms);
}

static void loop_run(struct loop *loop)
{
    while (!loop_over(loop)) {
        unsigned taken = take_bags(loop);
        if (loop_over(loop))
            break;
        wait_for_something(loop, taken > 0);
        ry_instance_tick(loop->instance);
        int64_t now_mono_ms = ry_mono_ms(ry_clock_system());
        if (now_mono_ms >= loop->next_report_mono_ms) {
            loop->next_report_mono_ms = now_mono_ms + REPORT_PERIOD_MS;
            report(loop);
            tell_keeper(loop, RY_LEASH_MSG_BEAT);
        }
        flush(loop);
    }
}

static void note_stage(const struct ry_run *run, enum ry_attach_stage stage)
{
    if (run->stage)
        *run->stage = stage;
}

static int loop_end(struct loop *loop, struct ry_error *err)
{
    struct ry_error why = {0};
    int rc = RY_OK;
    if (loop->router_dead || loop->keeper_dead) {
        note_stage(loop->run, RY_ATTACH_ORPHANED);
        return ry_fail(err, RY_EAWAY, "%s ended", loop->router_dead ? "the node's process" : "its keeper");
    }
    if (ry_instance_finished(loop->instance, &why) && why.code != RY_OK) {
        rc = ry_fail(err, why.code, "%s", why.text);
        char reason[RY_TIME_TEXT_BYTES + sizeof why.text];
        (void)ry_utf8_print(reason, sizeof reason, "the instance ended: %s", why.text);
        ry_instance_give_up(loop->instance, reason);
    } else if (!ry_instance_finished(loop->instance, NULL) && !loop->dismissed) {
        rc = ry_fail(err, RY_ETIMEOUT, "%s did not finish within %" PRId64 " ms", loop->run->name, loop->run->drain_ms);
    }
    report(loop);
    flush(loop);
    return rc;
}

/* Opens the actor, and shuts its sandbox if it has one. On error there is no instance. */
static int loop_open(struct loop *loop, struct ry_error *err)
{
    uint64_t seed = 0;
    if (getentropy(&seed, sizeof seed) != 0)
        seed = loop->link.session;
    const struct ry_instance_options options = {
        .spec = loop->run->spec,
        .name = loop->run->name,
        .owner = loop->link.owner,
        .config = loop->run->config,
        .clock = ry_clock_system(),
        .seed = seed,
        .session = loop->link.session,
    };
    note_stage(loop->run, RY_ATTACH_OPENING);
    int rc = ry_instance_new(&loop->instance, &options, err);
    if (rc == RY_OK) {
        note_stage(loop->run, RY_ATTACH_OPEN);
        rc = ry_last_words_start(&loop->last_words, &loop->link, loop->run->seal, err);
    }
    if (rc == RY_OK && loop->run->seal) {
        rc = loop->run->seal->shut(loop->run->seal->arg, err);
        if (rc != RY_OK)
            ry_instance_free(&loop->instance);
    }
    return rc;
}

int ry_instance_run(const struct ry_run *run, struct ry_error *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the instance %s", run->name);
    loop->run = run;
    note_stage(run, RY_ATTACH_JOINING);
    ry_heap_enter(&loop->heap);
    loop->drain_until_mono_ms = INT64_MAX;
    const struct ry_link_options link = {
        .endpoint = run->endpoint,
        .role = run->spec->role,
        .name = run->name,
        .timeout_ms = GREET_TIMEOUT_MS,
        .pid = run->seal ? run->seal->pid : 0,
        .once = run->seal != NULL,
        .sandboxed = run->seal != NULL,
        .curve = run->curve,
        .ticket = run->supervised ? run->supervised->ticket : NULL,
    };
    int rc = ry_link_open_with(&loop->link, &link, err);
    if (rc != RY_OK) {
        free(loop);
        return rc;
    }
    rc = loop_open(loop, err);
    if (rc == RY_OK) {
        const struct ry_credit credit = {.capacity = run->spec->capacity};
        (void)ry_link_say(&loop->link, RY_TAG_credit, &credit);
        flush(loop);
        tell_keeper(loop, RY_LEASH_MSG_READY);
        if (run->ready)
            run->ready(run->ready_arg);
        loop_run(loop);
        rc = loop_end(loop, err);
        ry_instance_free(&loop->instance);
    }
    ry_link_close(&loop->link);
    free(loop);
    return rc;
}
