/* socket.h: the sockets of the bus, and who is at their other end.
 *
 * All are made by czmq in its one context, with signals left alone and a finite linger; data goes through libzmq
 * (bag.h). Each is used by one thread. */
#ifndef REELYARD_RUNTIME_BUS_SOCKET_H
#define REELYARD_RUNTIME_BUS_SOCKET_H

#include <czmq.h>

#include "runtime/base/error.h"
#include "runtime/bus/keys.h"

/* Longest wait for what was sent but not delivered when a socket closes, milliseconds. */
#define RY_LINGER_MS 1000

/* A ROUTER bound to an endpoint, "inproc://..." or "ipc://...". An ipc path that nobody answers on is replaced; one
 * that somebody does is RY_EBUSY. */
int ry_socket_router(zsock_t **socket, const char *endpoint, struct ry_error *err);

/* A DEALER connected to an endpoint. */
int ry_socket_dealer(zsock_t **socket, const char *endpoint, struct ry_error *err);

/* The same, for a process that will not be able to connect again: it is not tried, and *losses (a socket to be polled,
 * and ended by ry_socket_unwatch) becomes readable when the connection is lost, or refused. curve: the keys of a
 * connection to another host, with heartbeats (whose absence is for others to notice); NULL: none. */
int ry_socket_dealer_once(zsock_t **socket, zsock_t **losses, const char *endpoint, const struct ry_curve *curve,
                          struct ry_error *err);

/* Reads what *losses became readable for. True: the other side does not know our key. */
bool ry_socket_loss_is_refusal(zsock_t *losses);

/* What a door to other hosts is made of (curve_listener.h): a ROUTER with heartbeats that is not bound yet; a bound
 * socket of a type; a socket at which ZeroMQ's events about another one arrive. */
int ry_socket_curve_listener(zsock_t **socket, struct ry_error *err);
int ry_socket_bound(zsock_t **socket, int type, const char *endpoint, struct ry_error *err);
int ry_socket_watch(zsock_t *socket, zsock_t **events, int which, struct ry_error *err);
/* Ends that; before the watched socket is destroyed. ZeroMQ's thread must not be left telling somebody who is not there
 * any more: it would wait for him, and everything else for it. *events may be NULL. */
void ry_socket_unwatch(zsock_t *socket, zsock_t **events);

/* The libzmq handle. */
static inline void *ry_socket_raw(zsock_t *socket)
{
    return zsock_resolve(socket);
}

/* Who is at the other end of a unix connection (SO_PEERCRED). False when it cannot be known. */
bool ry_peer_of(int fd, pid_t *pid, uid_t *uid);

/* A descriptor that becomes readable when the process ends, -1 when there is none to be had. */
int ry_pidfd(pid_t pid);

#endif
