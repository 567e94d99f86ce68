/* gate.c: the door to other hosts; see gate.h.
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
#include "runtime/bus/gate.h"

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

struct ry_gate {
    struct ry_gate_options options;
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

static struct barred *barred_of(struct ry_gate *gate, const char *hex)
{
    for (size_t i = 0; i < BARRED_MAX; i++)
        if (strcmp(gate->barred[i].hex, hex) == 0 && gate->barred[i].until_mono_ms > ry_mono_ms(ry_clock_system()))
            return &gate->barred[i];
    return NULL;
}

static enum verdict judge(struct ry_gate *gate, const struct ry_key *key, const char *address)
{
    struct ry_error err;
    bool allowed = false;
    unsigned unread = 0, held_back = 0;
    int rc = ry_keys_allow(gate->allow_path, key, &allowed, &unread, &err);
    if (rc != RY_OK && ry_log_allowed(&gate->list_log, 1, 10000, &held_back))
        RY_LOG(RY_ERROR, "join_list_unread", "reason=%s held_back=%u", err.text, held_back);
    if (unread > 0 && ry_log_allowed(&gate->list_log, 1, 10000, &held_back))
        RY_LOG(RY_WARNING, "join_list_unclear", "path=%s lines_without_key=%u", gate->allow_path, unread);
    char hex[RY_KEY_HEX_BYTES];
    ry_key_hex(key, hex);
    if (allowed && barred_of(gate, hex) != NULL) {
        if (ry_log_allowed(&gate->refusals_log, 10, 10000, &held_back))
            RY_LOG(RY_WARNING, "join_refused", "address=%s key=%s reason=%s held_back=%u", address, hex,
                   "an instance with this key was put out a moment ago", held_back);
        return VERDICT_LATER;
    }
    if (allowed)
        return VERDICT_YES;
    if (ry_log_allowed(&gate->refusals_log, 10, 10000, &held_back))
        RY_LOG(RY_WARNING, "join_refused", "address=%s key=%s reason=%s held_back=%u", address, hex,
               rc == RY_OK ? "the key is not on the list" : "the list cannot be read", held_back);
    return rc == RY_OK ? VERDICT_NO : VERDICT_LATER;
}

static void say(zsock_t *zap, const char *request, enum verdict verdict, const char *user)
{
    static const char *const codes[] = {"200", "400", "300"};
    static const char *const texts[] = {"OK", "the key is not known here", "try again later"};
    (void)zstr_sendx(zap, "1.0", request, codes[verdict], texts[verdict], user, "", NULL);
}

/* Version, request, domain, address, identity, mechanism, credentials. */
static void answer(struct ry_gate *gate)
{
    zmsg_t *question = zmsg_recv(gate->zap);
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
        verdict = judge(gate, &key, address);
        ry_key_hex(&key, hex);
    }
    say(gate->zap, request, verdict, verdict == VERDICT_YES ? hex : "");
    zmsg_destroy(&question);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static void happened(struct ry_gate *gate, unsigned event, uint32_t fd)
{
    if (fd >= FD_MAX)
        return;
    enum connection was = (enum connection)gate->connections[fd];
    gate->connections[fd] = event == ZMQ_EVENT_ACCEPTED ? CONNECTION_OPEN : CONNECTION_NONE;
    if (event == ZMQ_EVENT_ACCEPTED)
        ry_intake_add(&gate->intake, (int)fd);
    else
        ry_intake_remove(&gate->intake, (int)fd);
    if (was == CONNECTION_HEARD)
        gate->options.lost(gate->options.arg, (int)fd);
    else if (was == CONNECTION_OPEN)
        gate->options.refused(gate->options.arg);
}

/* Takes one event, if there is one. */
static bool take_event(struct ry_gate *gate)
{
    void *socket = ry_socket_raw(gate->events);
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
        happened(gate, event, value);
    return true;
}

static void take_events(struct ry_gate *gate)
{
    while (take_event(gate))
        continue;
}

bool ry_gate_vouches(struct ry_gate *gate, int fd, const char *user)
{
    take_events(gate);
    if (fd < 0 || fd >= FD_MAX || gate->connections[fd] == CONNECTION_NONE)
        return false;
    gate->connections[fd] = CONNECTION_HEARD;
    return user != NULL && strlen(user) == RY_KEY_HEX_BYTES - 1;
}

void ry_gate_bar(struct ry_gate *gate, int fd, const char *user)
{
    struct barred *barred = barred_of(gate, user);
    if (barred == NULL)
        barred = &gate->barred[gate->barred_count++ % BARRED_MAX];
    (void)snprintf(barred->hex, sizeof barred->hex, "%s", user);
    barred->until_mono_ms = ry_mono_ms(ry_clock_system()) + BARRED_MS;
    take_events(gate);
    if (fd >= 0 && fd < FD_MAX && gate->connections[fd] == CONNECTION_HEARD)
        (void)shutdown(fd, SHUT_RDWR); /* ZeroMQ closes it, and says so */
}

void ry_gate_heard(struct ry_gate *gate, int fd, size_t bytes)
{
    ry_intake_heard(&gate->intake, fd, bytes);
}

int64_t ry_gate_look(struct ry_gate *gate, int64_t now_mono_ms)
{
    if (gate->intake.n == 0)
        return INT64_MAX;
    if (now_mono_ms < gate->next_look_mono_ms)
        return gate->next_look_mono_ms;
    gate->next_look_mono_ms = now_mono_ms + RY_INTAKE_LOOK_MS;
    int fd = ry_intake_greedy(&gate->intake);
    if (fd < 0)
        return gate->next_look_mono_ms;
    gate->options.greedy(gate->options.arg, fd);
    take_events(gate);
    if (gate->connections[fd] != CONNECTION_NONE)
        (void)shutdown(fd, SHUT_RDWR);
    ry_intake_remove(&gate->intake, fd); /* it is told of once */
    return now_mono_ms;
}

void ry_gate_work(struct ry_gate *gate)
{
    for (unsigned i = 0; i < WORK_A_ROUND && zsock_events(gate->zap) & ZMQ_POLLIN; i++)
        answer(gate);
    take_events(gate);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

zsock_t *ry_gate_router(struct ry_gate *gate)
{
    return gate->router;
}

void ry_gate_polls(struct ry_gate *gate, zmq_pollitem_t items[RY_GATE_POLLS])
{
    items[0] = (zmq_pollitem_t){.socket = ry_socket_raw(gate->events), .events = ZMQ_POLLIN};
    items[1] = (zmq_pollitem_t){.socket = ry_socket_raw(gate->zap), .events = ZMQ_POLLIN};
}

/* The ROUTER as a server of CURVE; it does not listen yet. */
static int prepare(struct ry_gate *gate, struct ry_error *err)
{
    int rc = ry_socket_gate(&gate->router, err);
    if (rc != RY_OK)
        return rc;
    zsock_set_curve_server(gate->router, 1);
    zsock_set_curve_secretkey_bin(gate->router, gate->options.own->secret.bytes);
    zsock_set_zap_domain(gate->router, ZAP_DOMAIN);
    zsock_set_handshake_ivl(gate->router, HANDSHAKE_MS);
    const int enforce = 1;
    (void)zmq_setsockopt(ry_socket_raw(gate->router), ZAP_ENFORCE_DOMAIN, &enforce, sizeof enforce);
    return ry_socket_watch(gate->router, &gate->events, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED, err);
}

int ry_gate_open(struct ry_gate **gate, const struct ry_gate_options *options, struct ry_error *err)
{
    *gate = NULL;
    struct ry_gate *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a door");
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
        ry_gate_close(&made);
        return rc;
    }
    char *endpoint = zsock_last_endpoint(made->router);
    RY_LOG(RY_INFO, "joinable", "endpoint=%s", endpoint ? endpoint : options->bind);
    zstr_free(&endpoint);
    *gate = made;
    return RY_OK;
}

void ry_gate_close(struct ry_gate **gate)
{
    struct ry_gate *old = *gate;
    *gate = NULL;
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
