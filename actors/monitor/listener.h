/* listener.h: the addresses of the listening socket and of clients.
 *
 * A peer is what limits count as one client: an IPv4 address, or the 64-bit prefix of an IPv6 address, which a network
 * assigns to one customer. */
#ifndef REELYARD_ACTORS_MONITOR_LISTENER_H
#define REELYARD_ACTORS_MONITOR_LISTENER_H

#include <sys/socket.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"

struct peer {
    uint8_t bytes[16];
};

struct listener {
    int fd;
    bool loopback; /* of this machine alone */
    char url[80];  /* "http://127.0.0.1:8080/" */
};

/* Listens on an address (IPv4, IPv6 or "localhost") and port, without blocking. RY_ECONFIG if the address is none,
 * taken or not allowed, with what to do. The caller closes fd. */
int listener_open(struct listener *listener, const char *address, uint16_t port, struct ry_error *err);

/* Who stands behind a socket's address; one that is neither IPv4 nor IPv6 is nobody, all zero. */
struct peer peer_of(const struct sockaddr *address);

/* The same of an address as text, with or without a port ("203.0.113.7", "[2001:db8::1]:443"). False: it is none. */
bool peer_parse(struct ry_str text, struct peer *peer);

bool peer_same(const struct peer *a, const struct peer *b);

#endif
