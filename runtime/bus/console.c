/* console.c: asks one question at a time.
 *
 * A console is an instance without an actor: it joins the router as role console, sends a message and waits in its own
 * thread for what comes back to that message's id. Answers to questions that were given up are dropped. It holds no
 * custody, so nothing is lost with it. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node_internal.h"

#define GREET_TIMEOUT_MS 5000
#define ANSWER_MAX_BYTES ((size_t)256 << 20)

struct ry_console {
    struct ry_link link;
    struct ry_arena arena; /* of the last answer */
    struct ry_mail answer;
};

int ry_console_open(struct ry_console **console, struct ry_node *node, const char *ipc_path,
                    const struct ry_config *config, struct ry_error *err)
{
    (void)config;
    static atomic_uint opened; /* consoles of this process, for names that are not in use */
    *console = NULL;
    struct ry_console *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a console");
    made->arena = ry_arena_make(ANSWER_MAX_BYTES);
    char name[64], endpoint[300];
    (void)snprintf(name, sizeof name, "console-%d-%u", getpid(), atomic_fetch_add(&opened, 1) + 1);
    if (node)
        (void)snprintf(endpoint, sizeof endpoint, "%s", ry_node_endpoint(node));
    else
        (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", ipc_path);
    int rc = ry_link_open(&made->link, endpoint, RY_ROLE_CONSOLE, name, GREET_TIMEOUT_MS, err);
    if (rc != RY_OK) {
        free(made);
        return rc;
    }
    *console = made;
    return RY_OK;
}

void ry_console_close(struct ry_console **console)
{
    struct ry_console *old = *console;
    *console = NULL;
    if (old == NULL)
        return;
    ry_link_close(&old->link);
    ry_arena_free(&old->arena);
    free(old);
}

/* Reads an envelope as the answer to question `id`. RY_OK: it is one; RY_ENOENT: it is something else. */
static int answer_take(struct ry_console *console, uint64_t id, struct ry_str bytes, struct ry_frame *const *frames,
                       size_t frame_count, struct ry_error *err)
{
    struct ry_mail *answer = &console->answer;
    int rc = ry_envelope_unpack(bytes, &answer->envelope, err);
    if (rc != RY_OK)
        return rc;
    if (answer->envelope.tag == RY_TAG_unwelcome)
        return ry_fail(err, RY_EAWAY, "the node ends");
    if (answer->envelope.correlation != id)
        return RY_ENOENT;
    answer->descriptor = ry_descriptor(answer->envelope.tag);
    if (answer->descriptor == NULL)
        return ry_fail(err, RY_EINVAL, "an answer of an unknown tag");
    void *body = NULL;
    rc = ry_unpack(answer->descriptor, answer->envelope.body, frames, frame_count, &console->arena, &body, err);
    answer->body = body;
    if (rc != RY_OK || answer->envelope.tag != RY_TAG_undeliverable)
        return rc;
    const struct ry_undeliverable *undelivered = body;
    return ry_fail(err, undelivered->cause == RY_UNDELIVERABLE_DEAD ? RY_EIO : RY_EBUSY, "%.*s",
                   RY_STR_ARG(undelivered->reason));
}

/* Looks for the answer in the bag that was received. RY_ENOENT: it is not there. */
static int bag_look(struct ry_console *console, uint64_t id, struct ry_error *err)
{
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad;
    while (ry_bag_reader_next(console->link.reader, &bytes, &frames, &frame_count, &bad)) {
        int rc = answer_take(console, id, bytes, frames, frame_count, err);
        if (rc != RY_ENOENT)
            return rc;
    }
    return RY_ENOENT;
}

/* Waits for the next bag, at most until until_mono_ms. */
static int await_bag(struct ry_console *console, int64_t until_mono_ms, struct ry_error *err)
{
    for (;;) {
        bool bad = false;
        if (ry_bag_reader_receive(console->link.reader, ry_socket_raw(console->link.dealer), NULL, &bad))
            return RY_OK;
        int64_t left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
        if (left_ms <= 0)
            return ry_fail(err, RY_ETIMEOUT, "no answer in time");
        zmq_pollitem_t items[2] = {
            {.socket = ry_socket_raw(console->link.dealer), .events = ZMQ_POLLIN},
            {.fd = console->link.router_pidfd, .events = ZMQ_POLLIN},
        };
        int n = console->link.router_pidfd >= 0 ? 2 : 1;
        if (zmq_poll(items, n, left_ms < 60000 ? (long)left_ms : 60000) < 0 && errno != EINTR)
            return ry_fail(err, RY_EIO, "cannot wait for an answer: %s", zmq_strerror(errno));
        if (n == 2 && items[1].revents && !items[0].revents)
            return ry_fail(err, RY_EAWAY, "the node's process ended");
    }
}

int ry_console_ask(struct ry_console *console, enum ry_tag tag, const void *message, int64_t timeout_ms,
                   const struct ry_mail **answer, struct ry_error *err)
{
    *answer = NULL;
    ry_arena_reset(&console->arena);
    int rc = ry_check(tag, message, err);
    if (rc != RY_OK)
        return rc;
    uint64_t id = ry_link_say(&console->link, tag, message);
    if (id == 0)
        return ry_fail(err, RY_ENOMEM, "the question cannot be packed");
    rc = ry_bag_send(&console->link.bag, ry_socket_raw(console->link.dealer), NULL, err);
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + timeout_ms;
    while (rc == RY_OK) {
        rc = await_bag(console, until_mono_ms, err);
        if (rc == RY_OK)
            rc = bag_look(console, id, err);
        if (rc == RY_OK)
            *answer = &console->answer;
        if (rc != RY_ENOENT)
            return rc;
        rc = RY_OK;
    }
    return rc;
}
