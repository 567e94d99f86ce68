/* socket.c: the sockets of the bus; see socket.h.
 *
 * High-water marks are off where credit counts (ZeroMQ must not hold the truth about who is slow), and on for what
 * comes from other processes, so that a flood stays in the flooder's own socket buffer. */
#include "runtime/bus/socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/bus/bag.h"

/* Largest part: the largest blob of a message, and some. */
#define PART_MAX_BYTES ((int)(129 << 20))
/* Bags that wait to be read from one peer outside this process. */
#define RECEIVE_BAGS 64
/* Largest part from another host: an image, or the envelopes of a bag. How much of it waits is bounded by intake.h and
 * not by a mark: a connection that ends while a mark has stopped it makes libzmq abort at the next heartbeat (4.3.4,
 * stream_engine_base.cpp: out_event asserts that there was no error). */
#define GUEST_PART_MAX_BYTES ((int)(17 << 20))
/* Over TCP: how often a sign of life is asked for, and how long the node waits for one. A part of a message is none
 * before it is whole, and large ones go to the encoder only: it gives its signs meanwhile, and waits for none. */
#define HEARTBEAT_MS         2000
#define HEARTBEAT_TIMEOUT_MS 8000

static void zmq_prepare(void)
{
    setenv("ZSYS_SIGHANDLER", "false", 0); /* czmq must not touch signals; read by its first call */
    (void)zsys_init();
    zsys_handler_set(NULL);
    zsys_set_linger(RY_LINGER_MS);
    zsys_set_sndhwm(0);
    zsys_set_rcvhwm(0);
}

static zsock_t *socket_new(int type, struct ry_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, zmq_prepare);
    zsock_t *socket = zsock_new(type);
    if (socket == NULL) {
        (void)ry_fail(err, RY_EIO, "cannot make a ZeroMQ socket: %s", zmq_strerror(errno));
        return NULL;
    }
    zsock_set_linger(socket, RY_LINGER_MS);
    zsock_set_sndhwm(socket, 0);
    zsock_set_maxmsgsize(socket, PART_MAX_BYTES);
    return socket;
}

/* Removes a socket file that nobody answers on; RY_EBUSY if somebody does. */
static int ipc_clear(const char *path, struct ry_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof address.sun_path)
        return ry_fail(err, RY_ECONFIG, "the socket path %s is longer than %zu bytes: set REELYARD_RUN_DIR", path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ry_fail(err, RY_EIO, "cannot make a socket: %m");
    int connected = connect(fd, (const struct sockaddr *)&address, sizeof address);
    int why = errno;
    (void)close(fd);
    if (connected == 0 || why == EAGAIN)
        return ry_fail(err, RY_EBUSY, "a node answers on %s already", path);
    if (why == ECONNREFUSED)
        (void)unlink(path);
    return RY_OK;
}

int ry_socket_router(zsock_t **socket, const char *endpoint, struct ry_error *err)
{
    *socket = NULL;
    bool ipc = strncmp(endpoint, "ipc://", 6) == 0;
    if (ipc && ipc_clear(endpoint + 6, err) != RY_OK)
        return (int)err->code;
    zsock_t *made = socket_new(ZMQ_ROUTER, err);
    if (made == NULL)
        return (int)err->code;
    zsock_set_rcvhwm(made, ipc ? RECEIVE_BAGS : 0);
    zsock_set_router_mandatory(made, 1);
    if (zsock_bind(made, "%s", endpoint) < 0) {
        int rc = ry_fail(err, RY_EIO, "cannot listen on %s: %s", endpoint, zmq_strerror(errno));
        zsock_destroy(&made);
        return rc;
    }
    /* To connect takes the right to write: nobody but this user has it, whatever the umask. */
    if (ipc && chmod(endpoint + strlen("ipc://"), 0600) != 0) {
        int rc = ry_fail(err, RY_EIO, "cannot keep others from %s: %s", endpoint, strerror(errno));
        zsock_destroy(&made);
        return rc;
    }
    *socket = made;
    return RY_OK;
}

/* A DEALER that is not connected yet. */
static int dealer_new(zsock_t **socket, struct ry_error *err)
{
    *socket = socket_new(ZMQ_DEALER, err);
    if (*socket == NULL)
        return (int)err->code;
    zsock_set_rcvhwm(*socket, 0);
    return RY_OK;
}

static int dealer_connect(zsock_t **socket, const char *endpoint, struct ry_error *err)
{
    if (zsock_connect(*socket, "%s", endpoint) >= 0)
        return RY_OK;
    int rc = ry_fail(err, RY_EAWAY, "cannot connect to %s: %s", endpoint, zmq_strerror(errno));
    zsock_destroy(socket);
    return rc;
}

int ry_socket_dealer(zsock_t **socket, const char *endpoint, struct ry_error *err)
{
    int rc = dealer_new(socket, err);
    return rc == RY_OK ? dealer_connect(socket, endpoint, err) : rc;
}

int ry_socket_watch(zsock_t *socket, zsock_t **events, int which, struct ry_error *err)
{
    /* A number, for ZeroMQ gives a name free only some time after its socket was closed. */
    static atomic_uint watches;
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "inproc://events-%u", atomic_fetch_add(&watches, 1));
    if (zmq_socket_monitor(ry_socket_raw(socket), endpoint, which) != 0)
        return ry_fail(err, RY_EIO, "cannot watch a connection: %s", zmq_strerror(errno));
    *events = socket_new(ZMQ_PAIR, err);
    if (*events == NULL)
        return (int)err->code;
    if (zsock_connect(*events, "%s", endpoint) < 0)
        return ry_fail(err, RY_EIO, "cannot watch a connection: %s", zmq_strerror(errno));
    return RY_OK;
}

void ry_socket_unwatch(zsock_t *socket, zsock_t **events)
{
    if (socket)
        (void)zmq_socket_monitor(ry_socket_raw(socket), NULL, 0);
    zsock_destroy(events);
}

/* timeout_ms: 0: none. */
static void set_heartbeats(zsock_t *socket, int timeout_ms)
{
    zsock_set_heartbeat_ivl(socket, HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(socket, timeout_ms);
}

int ry_socket_curve_listener(zsock_t **socket, struct ry_error *err)
{
    *socket = socket_new(ZMQ_ROUTER, err);
    if (*socket == NULL)
        return (int)err->code;
    zsock_set_rcvhwm(*socket, 0);
    zsock_set_maxmsgsize(*socket, GUEST_PART_MAX_BYTES);
    zsock_set_router_mandatory(*socket, 1);
    set_heartbeats(*socket, HEARTBEAT_TIMEOUT_MS);
    return RY_OK;
}

int ry_socket_bound(zsock_t **socket, int type, const char *endpoint, struct ry_error *err)
{
    *socket = socket_new(type, err);
    if (*socket == NULL)
        return (int)err->code;
    if (zsock_bind(*socket, "%s", endpoint) >= 0)
        return RY_OK;
    int rc =
        ry_fail(err, errno == EADDRINUSE ? RY_EBUSY : RY_EIO, "cannot listen on %s: %s", endpoint, zmq_strerror(errno));
    zsock_destroy(socket);
    return rc;
}

bool ry_socket_loss_is_refusal(zsock_t *losses)
{
    uint8_t head[6] = {0};
    char endpoint[8];
    uint16_t event = 0;
    bool refused = false;
    while (zmq_recv(ry_socket_raw(losses), head, sizeof head, ZMQ_DONTWAIT) >= 0) {
        (void)zmq_recv(ry_socket_raw(losses), endpoint, sizeof endpoint, 0);
        memcpy(&event, head, sizeof event);
        refused = refused || event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    }
    return refused;
}

static void set_keys(zsock_t *socket, const struct ry_curve *curve)
{
    zsock_set_curve_secretkey_bin(socket, curve->own.secret.bytes);
    zsock_set_curve_publickey_bin(socket, curve->own.public_key.bytes);
    zsock_set_curve_serverkey_bin(socket, curve->node.bytes);
}

int ry_socket_dealer_once(zsock_t **socket, zsock_t **losses, const char *endpoint, const struct ry_curve *curve,
                          struct ry_error *err)
{
    *losses = NULL;
    int rc = dealer_new(socket, err);
    if (rc != RY_OK)
        return rc;
    zsock_set_reconnect_ivl(*socket, -1);
    if (curve) {
        set_keys(*socket, curve);
        set_heartbeats(*socket, 0);
    }
    /* The loss of a connection, or that there will be none: nobody listens, or our key is not known. */
    rc = ry_socket_watch(*socket, losses, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
                         err);
    if (rc == RY_OK)
        rc = dealer_connect(socket, endpoint, err);
    if (rc != RY_OK) {
        ry_socket_unwatch(*socket, losses);
        zsock_destroy(socket);
    }
    return rc;
}

bool ry_peer_of(int fd, pid_t *pid, uid_t *uid)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0 || peer.pid <= 0)
        return false;
    *pid = peer.pid;
    *uid = peer.uid;
    return true;
}

int ry_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}
