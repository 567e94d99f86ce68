/* door.h: connections whose first request is not complete yet.
 *
 * A new connection waits here, at the cost of a descriptor and little else, until the head of its first request is
 * complete (it is peeked at, not read) or its deadline passes. So a client that sends slowly, or nothing, takes no
 * place among those that are served. A new connection is always accepted: if there is no room, the one that has waited
 * longest is closed, one of the same address first. One owner, one thread. */
#ifndef REELYARD_ACTORS_MONITOR_DOOR_H
#define REELYARD_ACTORS_MONITOR_DOOR_H

#include "actors/monitor/listener.h"
#include "runtime/base/clock.h"

/* Connections that wait; of one address, when others wait as well. */
#define DOOR_PLACES      128
#define DOOR_PLACES_EACH 32

/* Longest head that is waited for; a longer one is handed over as it is. */
#define DOOR_HEAD_BYTES ((size_t)16384)

struct door;

struct door_guest {
    int fd; /* the taker's from now on */
    struct peer peer;
    const struct sockaddr *address;
    socklen_t address_size;
    struct ry_str head; /* until the taker returns */
};

/* Takes over a connection whose head is whole, or closes it. */
typedef void door_on_guest(void *arg, const struct door_guest *guest);

struct door_options {
    const struct ry_clock *clock;
    int64_t head_ms; /* from the connection to the end of the head */
    door_on_guest *on_guest;
    void *arg;
};

/* Owns the listening socket from then on, also after an error. RY_ENOMEM, RY_ECONFIG without epoll. */
int door_open(struct door **door, int listener, const struct door_options *options, struct ry_error *err);
/* *door may be NULL. */
void door_close(struct door **door);

/* An epoll descriptor: door_run has something to do when it is readable. */
int door_fd(const struct door *door);

/* Connections that were closed for want of a place or of time; begins anew with each call. */
uint64_t door_turned_away(struct door *door);

/* Does what can be done without waiting. Returns in how many milliseconds it must be called at the latest, -1: only
 * when the descriptor is readable. */
int64_t door_run(struct door *door);

#endif
