/* socket.c: the sockets of the bus; see socket.h.
 *
 * High-water marks are off where credit counts (ZeroMQ must not hold the truth about who is slow), and on for what
 * comes in over ipc, so that a flood stays in the flooder's own socket buffer. */
#include "runtime/bus/socket.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/bus/bag.h"

/* Largest part: the largest blob of a message, and some. */
#define PART_MAX_BYTES ((int)(129 << 20))
/* Bags that wait to be read from one ipc peer. */
#define IPC_RECEIVE_BAGS 64

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
    zsock_set_rcvhwm(made, ipc ? IPC_RECEIVE_BAGS : 0);
    zsock_set_router_mandatory(made, 1);
    if (zsock_bind(made, "%s", endpoint) < 0) {
        int rc = ry_fail(err, RY_EIO, "cannot listen on %s: %s", endpoint, zmq_strerror(errno));
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

/* Has ZeroMQ tell of the loss of a connection, or that there will be none (nobody listens). */
static int watch_losses(zsock_t *socket, zsock_t **losses, struct ry_error *err)
{
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "inproc://losses-%p", (void *)socket);
    if (zmq_socket_monitor(ry_socket_raw(socket), endpoint, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED) != 0)
        return ry_fail(err, RY_EIO, "cannot watch a connection: %s", zmq_strerror(errno));
    *losses = socket_new(ZMQ_PAIR, err);
    if (*losses == NULL)
        return (int)err->code;
    if (zsock_connect(*losses, "%s", endpoint) < 0)
        return ry_fail(err, RY_EIO, "cannot watch a connection: %s", zmq_strerror(errno));
    return RY_OK;
}

int ry_socket_dealer_once(zsock_t **socket, zsock_t **losses, const char *endpoint, struct ry_error *err)
{
    *losses = NULL;
    int rc = dealer_new(socket, err);
    if (rc != RY_OK)
        return rc;
    zsock_set_reconnect_ivl(*socket, -1);
    rc = watch_losses(*socket, losses, err);
    if (rc == RY_OK)
        rc = dealer_connect(socket, endpoint, err);
    if (rc != RY_OK) {
        zsock_destroy(losses);
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
