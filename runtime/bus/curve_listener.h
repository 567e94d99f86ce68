/* curve_listener.h: the TCP port on which encoders of other hosts join: a ROUTER on tcp:// that only known keys get
 * through (CURVE).
 *
 * Who connects must encrypt with the node's public key and prove a key that stands on the list of allowed keys; the
 * list is read for each handshake. There is no process to be watched at the other end, so ends are told by the
 * descriptor of the connection: the listener knows which are open, and heartbeats find those that are cut in silence.
 * One thread, the router's. At most one listener in a process: ZeroMQ asks one place (inproc://zeromq.zap.01) about
 * keys.
 */
#ifndef REELYARD_RUNTIME_BUS_CURVE_LISTENER_H
#define REELYARD_RUNTIME_BUS_CURVE_LISTENER_H

#include <czmq.h>

#include "runtime/base/error.h"
#include "runtime/bus/keys.h"

struct ry_curve_listener;

struct ry_curve_listener_options {
    const char *bind;             /* "tcp://ADDRESS:PORT" */
    const struct ry_keypair *own; /* the node's; not kept */
    const char *allow_path;       /* list of public keys (keys.h) */
    void *arg;
    /* The connection with this descriptor has ended. */
    void (*lost)(void *arg, int fd);
    /* One who never got as far as a word has gone: a wrong key, no key, no ZeroMQ. */
    void (*refused)(void *arg);
    /* The one with this descriptor sends a message without end (intake.h); it is cut after this. */
    void (*greedy)(void *arg, int fd);
};

/* Listens. RY_EBUSY: this process has a listener already, or the port is taken; RY_EIO. */
int ry_curve_listener_open(struct ry_curve_listener **listener, const struct ry_curve_listener_options *options,
                           struct ry_error *err);
void ry_curve_listener_close(struct ry_curve_listener **listener);

/* The ROUTER; and what, besides it, is to be polled: ry_curve_listener_work has something to do. */
#define RY_CURVE_LISTENER_POLLS 2
zsock_t *ry_curve_listener_router(struct ry_curve_listener *listener);
void ry_curve_listener_polls(struct ry_curve_listener *listener, zmq_pollitem_t items[RY_CURVE_LISTENER_POLLS]);

/* Answers handshakes and tells of what was lost. Does not wait. */
void ry_curve_listener_work(struct ry_curve_listener *listener);

/* A whole message of so many bytes was read from it. */
void ry_curve_listener_heard(struct ry_curve_listener *listener, int fd, size_t bytes);

/* Cuts a connection that sends without end; when to look again, INT64_MAX: there are no connections. */
int64_t ry_curve_listener_look(struct ry_curve_listener *listener, int64_t now_mono_ms);

/* An instance with this proof, over the connection with this descriptor, was put out: the connection is cut, and its
 * key is told to try again later for ten minutes. */
void ry_curve_listener_bar(struct ry_curve_listener *listener, int fd, const char *user);

/* Something was received from the connection with this descriptor (ry_bag_reader_fd) and this proof
 * (ry_bag_reader_user). False: that connection has ended, or nobody vouched for its key; such a peer may not join.
 * Looks at ends first. */
bool ry_curve_listener_vouches(struct ry_curve_listener *listener, int fd, const char *user);

#endif
