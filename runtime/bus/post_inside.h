/* post_inside.h: what the files of the router's thread share; nobody else includes it.
 *
 *   post_loop.c     the thread: sockets, peers, joining, commands
 *   post_guests.c   peers on other hosts
 * No lock: all of it belongs to that thread. */
#ifndef REELYARD_RUNTIME_BUS_POST_INSIDE_H
#define REELYARD_RUNTIME_BUS_POST_INSIDE_H

#include <pthread.h>
#include <sys/queue.h>

#include <uthash.h>

#include "runtime/base/log.h"
#include "runtime/bus/bag.h"
#include "runtime/bus/gate.h"
#include "runtime/bus/post_loop.h"
#include "runtime/bus/router.h"
#include "runtime/bus/socket.h"

/* Bags taken from one socket before mail is handed out. */
#define BAGS_A_ROUND  64
#define SESSION_SLOTS 4096

enum door { DOOR_INPROC, DOOR_IPC, DOOR_TCP, DOOR_COUNT };

struct peer_key {
    uint8_t door;
    struct ry_route route;
};

struct peer {
    struct peer_key key; /* zeroed behind route.n bytes */
    uint32_t session;
    int pidfd; /* -1: none */
    int fd;    /* of its connection over TCP, -1: none */
    bool lost; /* that connection has ended; what it said last may still be here */
    struct ry_bag bag;
    bool dirty;
    STAILQ_ENTRY(peer) to_flush;
    UT_hash_handle hh;
};

struct ry_post {
    struct ry_router *router;
    zsock_t *doors[DOOR_COUNT];
    struct ry_gate *gate; /* whose ROUTER is the door TCP; NULL: none */
    bool guests_lost;     /* some peers are */
    struct ry_parcel *parcel;
    struct peer *peers; /* by key */
    struct peer *sessions[SESSION_SLOTS];
    struct peer *joining; /* its session is not known here yet, but the router greets it */
    STAILQ_HEAD(, peer) dirty;
    int epoll;      /* of pidfds */
    int command_fd; /* the thread's end */
    int caller_fd;
    pthread_t thread;
    struct ry_admission *admission;
    struct ry_log_limit malformed_log;
    struct ry_log_limit unwelcomes;
    char ipc_path[256];
    uint64_t malformed;
};

/* post_loop.c. Takes in what has come over one socket, a bounded number of bags; how many. */
unsigned post_take_door(struct ry_post *post, enum door door);
/* A peer has ended without a word: its mail goes to others, and it is freed. */
void post_peer_gone(struct ry_post *post, struct peer *peer);

/* post_guests.c. Opens the door to other hosts. */
int post_open_gate(struct ry_post *post, const struct ry_post_tcp *tcp, struct ry_error *err);
/* Answers those who knock, takes in what the guests say, puts out those that are gone; how much there was to do. */
unsigned post_take_gate(struct ry_post *post);
/* Whether one who says hello at that door may join, and as what; clears what hello says of this host. RY_EACCES. */
int post_check_guest(struct ry_post *post, struct ry_hello *hello, uint32_t *allowed, struct ry_error *err);

#endif
