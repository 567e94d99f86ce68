/* gate.h: the node's door to other hosts: a ROUTER on tcp:// that only known keys get through (CURVE).
 *
 * Who connects must encrypt with the node's public key and prove a key that stands on the list of allowed keys; the
 * list is read for each handshake. There is no process to be watched at the other end, so ends are told by the
 * descriptor of the connection: the gate knows which are open, and heartbeats find those that are cut in silence.
 * One thread, the router's. At most one gate in a process: ZeroMQ asks one place (inproc://zeromq.zap.01) about keys.
 */
#ifndef REELYARD_RUNTIME_BUS_GATE_H
#define REELYARD_RUNTIME_BUS_GATE_H

#include <czmq.h>

#include "runtime/base/error.h"
#include "runtime/bus/keys.h"

struct ry_gate;

struct ry_gate_options {
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

/* Listens. RY_EBUSY: this process has a gate already, or the port is taken; RY_EIO. */
int ry_gate_open(struct ry_gate **gate, const struct ry_gate_options *options, struct ry_error *err);
void ry_gate_close(struct ry_gate **gate);

/* The ROUTER; and what, besides it, is to be polled: ry_gate_work has something to do. */
#define RY_GATE_POLLS 2
zsock_t *ry_gate_router(struct ry_gate *gate);
void ry_gate_polls(struct ry_gate *gate, zmq_pollitem_t items[RY_GATE_POLLS]);

/* Answers handshakes and tells of what was lost. Does not wait. */
void ry_gate_work(struct ry_gate *gate);

/* A whole message of so many bytes was read from it. */
void ry_gate_heard(struct ry_gate *gate, int fd, size_t bytes);

/* Cuts a connection that sends without end; when to look again, INT64_MAX: there are no connections. */
int64_t ry_gate_look(struct ry_gate *gate, int64_t now_mono_ms);

/* An instance with this proof, over the connection with this descriptor, was put out: the connection is cut, and its
 * key is told to try again later for ten minutes. */
void ry_gate_bar(struct ry_gate *gate, int fd, const char *user);

/* Something was received from the connection with this descriptor (ry_parcel_fd) and this proof (ry_parcel_user).
 * False: that connection has ended, or nobody vouched for its key; such a peer may not join. Looks at ends first. */
bool ry_gate_vouches(struct ry_gate *gate, int fd, const char *user);

#endif
