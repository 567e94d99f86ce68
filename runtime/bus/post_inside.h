/* post_inside.h: what the files of the router's thread share; nobody else includes it.
 *
 *   post_loop.c     the thread: sockets, commands
 *   post_peers.c    peers: what is sent to them, how they end
 *   post_joining.c  how they become instances
 *   post_guests.c   those on other hosts
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
/* Largest bag of another host: what an encoder says of one mail, two images and little more. */
#define GUEST_BAG_MAX_BYTES ((size_t)40 << 20)

enum door { DOOR_INPROC, DOOR_IPC, DOOR_TCP, DOOR_COUNT };

struct peer_key {
    uint8_t door;
    struct ry_route route;
};

struct peer {
    struct peer_key key; /* zeroed behind route.n bytes */
    uint32_t session;
    enum ry_role role;
    pid_t pid;                   /* of a process of this host */
    int pidfd;                   /* -1: none */
    int fd;                      /* of its connection over TCP, -1: none */
    bool lost;                   /* that connection has ended; what it said last may still be here */
    char user[RY_KEY_HEX_BYTES]; /* the key that it proved, hexadecimal */
    bool over;                   /* its instance has left, or was put out: nothing that it says is heard */
    bool put_out;
    unsigned words_after; /* bags of a confined role that came when it was over */
    bool gone;            /* its process, or its connection, has ended */
    struct ry_bag bag;
    bool dirty;
    STAILQ_ENTRY(peer) to_flush;
    TAILQ_ENTRY(peer) of_over;
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
    TAILQ_HEAD(, peer) over; /* oldest first */
    size_t over_count;
    bool some_put_out; /* some peers are, and not yet over */
    int epoll;         /* of pidfds */
    int command_fd;    /* the thread's end */
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

/* post_peers.c */
size_t post_key_bytes(const struct peer_key *key);
struct peer *post_peer_find(struct ry_post *post, const struct peer_key *key);
struct peer *post_peer_of(struct ry_post *post, uint32_t session);
/* The roles (bits) in which a process has joined over the ipc door, those that are over included. */
uint32_t post_roles_of_process(const struct ry_post *post, pid_t pid);
/* The router's emit and put_out; arg is the ry_post. */
void post_emit(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames, size_t frame_count);
void post_put_out(void *arg, uint32_t session);
void post_flush_all(struct ry_post *post);
/* Tells somebody who has not joined, or who shall end at once, why. */
void post_send_unwelcome(struct ry_post *post, const struct peer_key *key, const char *reason);
/* The same to a stranger, but not without bound: one who asks and does not read would have the answers pile up. */
void post_turn_away(struct ry_post *post, const struct peer_key *key, const char *reason);
void post_peer_free(struct ry_post *post, struct peer *peer);
/* The instance of a peer has left: no word of it is heard any more; an inproc one is freed. */
void post_peer_over(struct ry_post *post, struct peer *peer);
/* A peer has ended without a word: its mail goes to others, and it is freed. */
void post_peer_gone(struct ry_post *post, struct peer *peer);
/* A peer that is over says something: it is counted, and a confined one that does not end it is ended. */
void post_peer_goes_on(struct ry_post *post, struct peer *peer);
/* Those that the router has put out are over. */
void post_end_put_out(struct ry_post *post);

/* post_joining.c */
/* Counts and logs what makes no sense. */
void post_malformed(struct ry_post *post, const char *what);
/* The first envelope of a peer. */
void post_take_hello(struct ry_post *post, const struct peer_key *key, struct ry_str bytes);

/* post_guests.c. Opens the door to other hosts. */
int post_open_gate(struct ry_post *post, const struct ry_post_tcp *tcp, struct ry_error *err);
/* Answers those who knock, takes in what the guests say, puts out those that are gone; how much there was to do. */
unsigned post_take_gate(struct ry_post *post);
/* What came over that door last: one who sends more than the largest message of an encoder is put out. */
void post_check_size(struct ry_post *post, const struct peer_key *key);
/* Whether one who says hello at that door may join, and as what; clears what hello says of this host. RY_EACCES. */
int post_check_guest(struct ry_post *post, struct ry_hello *hello, uint32_t *allowed, struct ry_error *err);

#endif
