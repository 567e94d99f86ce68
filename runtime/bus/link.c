/* link.c: the connection of an instance, or of a console, to its router.
 *
 * Owns the DEALER and the bag that is filled for it. The first word is hello, with no credit yet: the router gives mail
 * only when the instance has opened and says how much it will hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/ticket.h"

static int link_send(struct ry_link *link, struct ry_error *err)
{
    return ry_bag_send(&link->bag, ry_socket_raw(link->dealer), NULL, err);
}

/* correlation 0: none, or of what is no control message its own id. */
static uint64_t link_put(struct ry_link *link, enum ry_tag tag, const void *message, uint64_t correlation)
{
    struct ry_frames frames;
    frames.n = 0;
    struct ry_error err = {0};
    ry_buf_reset(&link->body);
    ry_buf_reset(&link->bytes);
    const struct ry_descriptor *descriptor = ry_descriptor(tag);
    uint64_t id = (uint64_t)link->session << 32 | --link->last_id;
    int rc = ry_pack_mended(descriptor, message, &link->body, &frames, &err);
    if (rc == RY_OK) {
        const struct ry_envelope envelope = {
            .id = id,
            .correlation = correlation != 0 || descriptor->kind == RY_KIND_CONTROL ? correlation : id,
            .tag = (uint16_t)tag,
            .priority = RY_PRIORITY_CONTROL,
            .attempt = 1,
            .frame_count = (uint16_t)frames.n,
            .body = ry_buf_str(&link->body),
        };
        rc = ry_envelope_pack(&envelope, &link->bytes);
        if (rc == RY_OK)
            rc = ry_bag_add(&link->bag, ry_buf_str(&link->bytes), frames.items, frames.n);
        ry_frames_clear(&frames);
    }
    if (rc == RY_OK)
        return id;
    RY_LOG(RY_ERROR, "not_said", "message=%s reason=%s", descriptor->record.name,
           err.text[0] ? err.text : ry_err_name((enum ry_err)rc));
    return 0;
}

uint64_t ry_link_say(struct ry_link *link, enum ry_tag tag, const void *message)
{
    return link_put(link, tag, message, 0);
}

uint64_t ry_link_answer(struct ry_link *link, enum ry_tag tag, const void *message, uint64_t correlation)
{
    return link_put(link, tag, message, correlation);
}

/* Knows the router's process, if it is another one, so that its death is noticed. */
static void link_watch_router(struct ry_link *link)
{
    pid_t pid = 0;
    uid_t uid = 0;
    if (ry_peer_of(ry_bag_reader_fd(link->reader), &pid, &uid) && pid != getpid())
        link->router_pidfd = ry_pidfd(pid);
}

static int link_greeted(struct ry_link *link, struct ry_error *err)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 10);
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad;
    struct ry_envelope envelope;
    void *body = NULL;
    if (!ry_bag_reader_next(link->reader, &bytes, &frames, &frame_count, &bad) ||
        ry_envelope_unpack(bytes, &envelope, err) != RY_OK ||
        (envelope.tag != RY_TAG_welcome && envelope.tag != RY_TAG_unwelcome) ||
        ry_unpack(ry_descriptor(envelope.tag), envelope.body, frames, frame_count, &arena, &body, err) != RY_OK)
        return ry_fail(err, RY_EACCES, "what answers on the socket is not a router of this version");
    if (envelope.tag == RY_TAG_unwelcome) {
        const struct ry_unwelcome *no = body;
        return ry_fail(err, RY_EACCES, "the node refuses: %.*s", RY_STR_ARG(no->reason));
    }
    const struct ry_welcome *welcome = body;
    link->session = (uint32_t)welcome->session;
    (void)snprintf(link->owner, sizeof link->owner, "%.*s", RY_STR_ARG(welcome->owner));
    link_watch_router(link);
    return RY_OK;
}

static int link_greet(struct ry_link *link, const struct ry_link_options *options, struct ry_error *err)
{
    const struct ry_hello hello = {
        .version = RY_PROTO_VERSION,
        .role = (uint64_t)options->role,
        .name = ry_str_of(options->name),
        .pid = options->pid ? options->pid : (uint64_t)getpid(),
        .ticket = ry_str_of(options->ticket),
        .sandboxed = options->sandboxed,
    };
    if (ry_link_say(link, RY_TAG_hello, &hello) == 0)
        return ry_fail(err, RY_EINVAL, "the instance name %s cannot be told", options->name);
    int rc = link_send(link, err);
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + options->timeout_ms;
    while (rc == RY_OK) {
        bool bad = false;
        if (ry_bag_reader_receive(link->reader, ry_socket_raw(link->dealer), NULL, &bad))
            return link_greeted(link, err);
        int64_t left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
        if (left_ms <= 0)
            return ry_fail(err, RY_EAWAY, "no node answers on %s", options->endpoint);
        zmq_pollitem_t items[2] = {{.socket = ry_socket_raw(link->dealer), .events = ZMQ_POLLIN},
                                   {.events = ZMQ_POLLIN}};
        if (link->losses)
            items[1].socket = ry_socket_raw(link->losses);
        if (zmq_poll(items, link->losses ? 2 : 1, (long)left_ms) < 0 && errno != EINTR)
            return ry_fail(err, RY_EIO, "cannot wait for the node: %s", zmq_strerror(errno));
        if (items[1].revents && ry_socket_loss_is_refusal(link->losses))
            return ry_fail(err, RY_ECONFIG,
                           "the node does not know this key: put the public key of REELYARD_JOIN_KEY on "
                           "the node's list (REELYARD_JOIN_ALLOW)");
        if (items[1].revents && !items[0].revents)
            return ry_fail(err, RY_EAWAY,
                           options->curve
                               ? "the node hung up before it answered%s; if that goes on, it has another key "
                                 "than REELYARD_JOIN_NODE_KEY"
                               : "no node answers on %s",
                           options->curve ? "" : options->endpoint);
    }
    return rc;
}

static int link_try(struct ry_link *link, const struct ry_link_options *options, struct ry_error *err)
{
    *link = (struct ry_link){
        .router_pidfd = -1,
        .body = ry_buf_make((size_t)16 << 20),
        .bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES),
    };
    ry_bag_init(&link->bag);
    int rc = options->once || options->curve
                 ? ry_socket_dealer_once(&link->dealer, &link->losses, options->endpoint, options->curve, err)
                 : ry_socket_dealer(&link->dealer, options->endpoint, err);
    if (rc == RY_OK) {
        link->reader = ry_bag_reader_new();
        rc = link->reader ? link_greet(link, options, err) : ry_fail(err, RY_ENOMEM, "no memory for a connection");
    }
    if (rc != RY_OK)
        ry_link_close(link);
    return rc;
}

/* Who was given no ticket shows the node's. A confined role needs none, and shall not know it. */
static bool shows_file(const struct ry_link_options *options)
{
    bool confined = (RY_ROLES_CONFINED & RY_ROLE_BIT(options->role)) != 0;
    return options->ticket == NULL && !confined && strncmp(options->endpoint, "ipc://", 6) == 0;
}

int ry_link_open_with(struct ry_link *link, const struct ry_link_options *options, struct ry_error *err)
{
    if (!shows_file(options))
        return link_try(link, options, err);
    char token[RY_TICKET_BYTES], now[RY_TICKET_BYTES];
    struct ry_link_options with_ticket = *options;
    with_ticket.ticket = token;
    ry_ticket_file_read(options->endpoint + 6, token);
    int rc = link_try(link, &with_ticket, err);
    if (rc != RY_EACCES)
        return rc;
    /* A node that is just starting listens before it has written the file, and hears nobody before it has. */
    with_ticket.ticket = now;
    ry_ticket_file_read(options->endpoint + 6, now);
    return strcmp(token, now) == 0 ? rc : link_try(link, &with_ticket, err);
}

int ry_link_open(struct ry_link *link, const char *endpoint, enum ry_role role, const char *name, int64_t timeout_ms,
                 struct ry_error *err)
{
    const struct ry_link_options options = {.endpoint = endpoint, .role = role, .name = name, .timeout_ms = timeout_ms};
    return ry_link_open_with(link, &options, err);
}

void ry_link_close(struct ry_link *link)
{
    struct ry_error err;
    if (link->session) {
        const struct ry_bye bye = {0};
        (void)ry_link_say(link, RY_TAG_bye, &bye);
        (void)link_send(link, &err);
    }
    ry_bag_reader_free(&link->reader);
    ry_bag_free(&link->bag);
    ry_buf_free(&link->body);
    ry_buf_free(&link->bytes);
    ry_socket_unwatch(link->dealer, &link->losses);
    zsock_destroy(&link->dealer);
    if (link->router_pidfd >= 0)
        (void)close(link->router_pidfd);
    *link = (struct ry_link){.router_pidfd = -1};
}
