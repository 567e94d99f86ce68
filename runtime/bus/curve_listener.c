/* curve_listener.c: the TCP port on which encoders of other hosts join; see curve_listener.h.
 *
 * Three sockets. The ROUTER speaks CURVE as a server. A REP answers ZeroMQ's questions about keys (ZAP,
 * rfc.zeromq.org/spec/27): yes for a key on the list, no for every other, "not now" when the list cannot be read, which
 * a peer takes for a cut. A PAIR hears ZeroMQ's events about connections.
 *
 * A libzmq whose ZAP handler is missing lets in everybody who encrypts, and not every build can be told otherwise
 * (ZMQ_ZAP_ENFORCE_DOMAIN is a draft). So our answer puts the key's name on the connection (User-Id), and who comes
 * without one does not join: no answer is a no.
 *
 * Descriptors are reused. An end is heard of before the next beginning with the same number, and both before the first
 * word of the new connection, because events are looked at before each hello. */
#include "runtime/bus/curve_listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/bus/intake.h"
#include "runtime/bus/socket.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_DOMAIN   "reelyard.join"
/* ZMQ_ZAP_ENFORCE_DOMAIN, which zmq.h shows to those only who build with drafts. */
#define ZAP_ENFORCE_DOMAIN 93
/* A handshake that takes longer is cut. */
#define HANDSHAKE_MS 10000
/* Questions and events that are taken in a row. */
#define WORK_A_ROUND 64
/* Descriptors beyond are not believed. */
#define FD_MAX 65536

enum connection { CONNECTION_NONE, CONNECTION_OPEN, CONNECTION_HEARD };

/* How long a key is barred whose instance was put out, and how many are remembered. */
#define BARRED_MS  600000
#define BARRED_MAX 64

struct barred {
    char hex[RY_KEY_HEX_BYTES];
    int64_t until_mono_ms;
};

struct ry_curve_listener {
    struct ry_curve_listener_options options;
    char allow_path[4096];
    zsock_t *router;
    zsock_t *events;
    zsock_t *zap;
    uint8_t connections[FD_MAX]; /* enum connection, by descriptor */
    struct ry_intake intake;
    int64_t next_look_mono_ms;
    struct barred barred[BARRED_MAX];
    size_t barred_count; /* since start */
    struct ry_log_limit refusals_log;
    struct ry_log_limit list_log;
};

/* ---- keys -------------------------------------------------------------------------------------------------------- */

enum verdict { VERDICT_YES, VERDICT_NO, VERDICT_LATER };

static struct barred *barred_of(struct ry_curve_listener *listener, const char *hex)
{
    for (size_t i = 0; i < BARRED_MAX; i++)
        if (strcmp(listener->barred[i].hex, hex) == 0 &&
            listener->barred[i].until_mono_ms > ry_mono_ms(ry_clock_system()))
            return &listener->barred[i];
    return NULL;
}

static enum verdict judge(struct ry_curve_listener *listener, const struct ry_key *key, const char *address)
{
    struct ry_error err;
    bool allowed = false;
    unsigned unread = 0, suppressed = 0;
    int rc = ry_keys_allow(listener->allow_path, key, &allowed, &unread, &err);
    if (rc != RY_OK && ry_log_allowed(&listener->list_log, 1, 10000, &suppressed))
        RY_LOG(RY_ERROR, "join_list_unread", "reason=%s held_back=%u", err.text, suppressed);
    if (unread > 0 && ry_log_allowed(&listener->list_log, 1, 10000, &suppressed))
        RY_LOG(RY_WARNING, "join_list_unclear", "path=%s lines_without_key=%u", listener->allow_path, unread);
    char hex[RY_KEY_HEX_BYTES];
    ry_key_hex(key, hex);
    if (allowed && barred_of(listener, hex) != NULL) {
        if (ry_log_allowed(&listener->refusals_log, 10, 10000, &suppressed))
            RY_LOG(RY_WARNING, "join_refused", "address=%s key=%s reason=%s held_back=%u", address, hex,
                   "an instance with this key was put out a moment ago", suppressed);
        return VERDICT_LATER;
    }
    if (allowed)
        return VERDICT_YES;
    if (ry_log_allowed(&listener->refusals_log, 10, 10000, &suppressed))
        RY_LOG(RY_WARNING, "join_refused", "address=%s key=%s reason=%s held_back=%u", address, hex,
               rc == RY_OK ? "the key is not on the list" : "the list cannot be read", suppressed);
    return rc == RY_OK ? VERDICT_NO : VERDICT_LATER;
}

static void say(zsock_t *zap, const char *request, enum verdict verdict, const char *user)
{
    static const char *const codes[] = {"200", "400", "300"};
    static const char *const texts[] = {"OK", "the key is not known here", "try again later"};
    (void)zstr_sendx(zap, "1.0", request, codes[verdict], texts[verdict], user, "", NULL);
}

/* Version, request, domain, address, identity, mechanism, credentials. */
static void answer(struct ry_curve_listener *listener)
{
    zmsg_t *question = zmsg_recv(listener->zap);
    if (question == NULL)
        return;
    zframe_t *parts[7] = {NULL};
    size_t n = 0;
    for (zframe_t *part = zmsg_first(question); part && n < 7; part = zmsg_next(question))
        parts[n++] = part;
    char request[256] = "", address[64] = "", hex[RY_KEY_HEX_BYTES] = "";
    enum verdict verdict = VERDICT_NO;
    if (n > 1)
        (void)snprintf(request, sizeof request, "%.*s", (int)zframe_size(parts[1]), (char *)zframe_data(parts[1]));
    if (n == 7 && zmsg_size(question) == 7 && zframe_streq(parts[2], ZAP_DOMAIN) && zframe_streq(parts[5], "CURVE") &&
        zframe_size(parts[6]) == RY_KEY_BYTES) {
        struct ry_key key;
        memcpy(key.bytes, zframe_data(parts[6]), RY_KEY_BYTES);
        (void)snprintf(address, sizeof address, "%.*s", (int)zframe_size(parts[3]), (char *)zframe_data(parts[3]));
        verdict = judge(listener, &key, address);
        ry_key_hex(&key, hex);
    }
    say(listener->zap, request, verdict, verdict == VERDICT_YES ? hex : "");
    zmsg_destroy(&question);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static void happened(struct ry_curve_listener *listener, unsigned event, uint32_t fd)
{
    if (fd >= FD_MAX)
        return;
    enum connection was = (enum connection)listener->connections[fd];
    listener->connections[fd] = event == ZMQ_EVENT_ACCEPTED ? CONNECTION_OPEN : CONNECTION_NONE;
    if (event == ZMQ_EVENT_ACCEPTED)
        ry_intake_add(&listener->intake, (int)fd);
    else
        ry_intake_remove(&listener->intake, (int)fd);
    if (was == CONNECTION_HEARD)
        listener->options.lost(listener->options.arg, (int)fd);
    else if (was == CONNECTION_OPEN)
        listener->options.refused(listener->options.arg);
}

/* Takes one event, if there is one. */
static bool take_event(struct ry_curve_listener *listener)
{
    void *socket = ry_socket_raw(listener->events);
    uint8_t head[6] = {0};
    char endpoint[8];
    int n = zmq_recv(socket, head, sizeof head, ZMQ_DONTWAIT);
    if (n < 0)
        return false;
    (void)zmq_recv(socket, endpoint, sizeof endpoint, 0);
    uint16_t event;
    uint32_t value;
    memcpy(&event, head, sizeof event);
    memcpy(&value, head + sizeof event, sizeof value);
    if (n == (int)sizeof head)
        happened(listener, event, value);
    return true;
}

static void take_events(struct ry_curve_listener *listener)
{
    while (take_event(listener))
        continue;
}

bool ry_curve_listener_vouches(struct ry_curve_listener *listener, int fd, const char *user)
{
    take_events(listener);
    if (fd < 0 || fd >= FD_MAX || listener->connections[fd] == CONNECTION_NONE)
        return false;
    listener->connections[fd] = CONNECTION_HEARD;
    return user != NULL && strlen(user) == RY_KEY_HEX_BYTES - 1;
}

void ry_curve_listener_bar(struct ry_curve_listener *listener, int fd, const char *user)
{
    struct barred *barred = barred_of(listener, user);
    if (barred == NULL)
        barred = &listener->barred[listener->barred_count++ % BARRED_MAX];
    (void)snprintf(barred->hex, sizeof barred->hex, "%s", user);
    barred->until_mono_ms = ry_mono_ms(ry_clock_system()) + BARRED_MS;
    take_events(listener);
    if (fd >= 0 && fd < FD_MAX && listener->connections[fd] == CONNECTION_HEARD)
        (void)shutdown(fd, SHUT_RDWR); /* ZeroMQ closes it, and says so */
}

void ry_curve_listener_heard(struct ry_curve_listener *listener, int fd, size_t bytes)
{
    ry_intake_heard(&listener->intake, fd, bytes);
}

int64_t ry_curve_listener_look(struct ry_curve_listener *listener, int64_t now_mono_ms)
{
    if (listener->intake.n == 0)
        return INT64_MAX;
    if (now_mono_ms < listener->next_look_mono_ms)
        return listener->next_look_mono_ms;
    listener->next_look_mono_ms = now_mono_ms + RY_INTAKE_LOOK_MS;
    int fd = ry_intake_greedy(&listener->intake);
    if (fd < 0)
        return listener->next_look_mono_ms;
    listener->options.greedy(listener->options.arg, fd);
    take_events(listener);
    if (listener->connections[fd] != CONNECTION_NONE)
        (void)shutdown(fd, SHUT_RDWR);
    ry_intake_remove(&listener->intake, fd); /* it is told of once */
    return now_mono_ms;
}

void ry_curve_listener_work(struct ry_curve_listener *listener)
{
    for (unsigned i = 0; i < WORK_A_ROUND && zsock_events(listener->zap) & ZMQ_POLLIN; i++)
        answer(listener);
    take_events(listener);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

zsock_t *ry_curve_listener_router(struct ry_curve_listener *listener)
{
    return listener->router;
}

void ry_curve_listener_polls(struct ry_curve_listener *listener, zmq_pollitem_t items[RY_CURVE_LISTENER_POLLS])
{
    items[0] = (zmq_pollitem_t){.socket = ry_socket_raw(listener->events), .events = ZMQ_POLLIN};
    items[1] = (zmq_pollitem_t){.socket = ry_socket_raw(listener->zap), .events = ZMQ_POLLIN};
}

/* The ROUTER as a server of CURVE; it does not listen yet. */
static int prepare(struct ry_curve_listener *listener, struct ry_error *err)
{
    int rc = ry_socket_curve_listener(&listener->router, err);
    if (rc != RY_OK)
        return rc;
    zsock_set_curve_server(listener->router, 1);
    zsock_set_curve_secretkey_bin(listener->router, listener->options.own->secret.bytes);
    zsock_set_zap_domain(listener->router, ZAP_DOMAIN);
    zsock_set_handshake_ivl(listener->router, HANDSHAKE_MS);
    const int enforce = 1;
    (void)zmq_setsockopt(ry_socket_raw(listener->router), ZAP_ENFORCE_DOMAIN, &enforce, sizeof enforce);
    return ry_socket_watch(listener->router, &listener->events, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED, err);
}

int ry_curve_listener_open(struct ry_curve_listener **listener, const struct ry_curve_listener_options *options,
                           struct ry_error *err)
{
    *listener = NULL;
    struct ry_curve_listener *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a listener");
    made->options = *options;
    (void)snprintf(made->allow_path, sizeof made->allow_path, "%s", options->allow_path);
    /* Who answers about keys is there before the first can ask. */
    int rc = ry_socket_bound(&made->zap, ZMQ_REP, ZAP_ENDPOINT, err);
    if (rc == RY_OK)
        rc = prepare(made, err);
    if (rc == RY_OK && zsock_bind(made->router, "%s", options->bind) < 0)
        rc = ry_fail(err, errno == EADDRINUSE ? RY_EBUSY : RY_EIO, "cannot listen on %s (REELYARD_JOIN_BIND): %s",
                     options->bind, zmq_strerror(errno));
    made->options.own = NULL;
    made->options.bind = made->options.allow_path = NULL;
    if (rc != RY_OK) {
        ry_curve_listener_close(&made);
        return rc;
    }
    char *endpoint = zsock_last_endpoint(made->router);
    RY_LOG(RY_INFO, "joinable", "endpoint=%s", endpoint ? endpoint : options->bind);
    zstr_free(&endpoint);
    *listener = made;
    return RY_OK;
}

void ry_curve_listener_close(struct ry_curve_listener **listener)
{
    struct ry_curve_listener *old = *listener;
    *listener = NULL;
    if (old == NULL)
        return;
    ry_socket_unwatch(old->router, &old->events);
    zsock_destroy(&old->router);
    /* At once: a name is given free only some time after its socket was closed. */
    if (old->zap)
        (void)zsock_unbind(old->zap, "%s", ZAP_ENDPOINT);
    zsock_destroy(&old->zap);
    ry_intake_free(&old->intake);
    free(old);
}
