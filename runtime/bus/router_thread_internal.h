/* router_thread_internal.h: the state of the router's thread and the verbs that its files share; nobody else includes
 * it. No lock: all of it belongs to that thread.
 *
 * Calls run one way, from the top down:
 *   router_thread.c    the wiring: starts and stops the thread, its loop
 *   router_commands.c  what another thread asks of it
 *   router_receive.c   bags of peers go into the router
 *   router_joining.c   how a peer becomes an instance
 *   router_remote.c    peers on other hosts
 *   router_peers.c     peers: what is sent to them, how they end */
#ifndef REELYARD_RUNTIME_BUS_ROUTER_THREAD_INTERNAL_H
#define REELYARD_RUNTIME_BUS_ROUTER_THREAD_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include <uthash.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/bus/bag_reader.h"
#include "runtime/bus/curve_listener.h"
#include "runtime/bus/router_thread.h"
#include "runtime/bus/router.h"
#include "runtime/bus/socket.h"

/* Bags taken from one socket before mail is handed out. */
#define BAGS_A_ROUND  64
#define SESSION_SLOTS 4096
/* Peers that are kept when they are over. Those whose process or connection has not ended are kept beyond it. */
#define OVER_MAX 1024

enum transport { TRANSPORT_INPROC, TRANSPORT_IPC, TRANSPORT_TCP, TRANSPORT_COUNT };

struct peer_key {
    uint8_t transport;
    struct ry_route route;
};

#define PEER_MAGIC          0x70656572u
#define ROUTER_THREAD_MAGIC 0x72746872u

struct peer {
    unsigned magic;      /* PEER_MAGIC until it is freed */
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

struct ry_router_thread {
    unsigned magic; /* ROUTER_THREAD_MAGIC until it is freed */
    struct ry_router *router;
    zsock_t *sockets[TRANSPORT_COUNT];
    struct ry_curve_listener *listener; /* whose ROUTER is the socket of TRANSPORT_TCP; NULL: none */
    bool remotes_lost;                  /* some peers are */
    struct ry_bag_reader *reader;
    struct peer *peers; /* by key */
    struct peer *sessions[SESSION_SLOTS];
    struct peer *joining; /* its session is not known here yet, but the router greets it */
    STAILQ_HEAD(, peer) dirty;
    TAILQ_HEAD(peer_over_list, peer) over; /* oldest first */
    size_t over_count;
    bool some_put_out; /* some peers are, and not yet over */
    int epoll;         /* of pidfds */
    int command_fd;    /* the thread's end */
    int caller_fd;
    pthread_mutex_t callers; /* who sends a command has it until the answer */
    pthread_t id;
    struct ry_admission *admission;
    struct ry_log_limit malformed_log;
    struct ry_log_limit unwelcomes;
    char ipc_path[256];
    uint64_t malformed;
};

/* ---- router_peers.c ---------------------------------------------------------------------------------------------- */

/* The thread that a callback's argument is. */
static inline struct ry_router_thread *thread_of(void *arg)
{
    struct ry_router_thread *thread = arg;
    RY_ASSERT(thread->magic == ROUTER_THREAD_MAGIC);
    return thread;
}
size_t peer_key_bytes(const struct peer_key *key);
struct peer *peer_of_key(struct ry_router_thread *thread, const struct peer_key *key);
struct peer *peer_of_session(struct ry_router_thread *thread, uint32_t session);
/* The roles (bits) in which a process has joined over ipc, those that are over included. */
uint32_t peer_roles_of_process(const struct ry_router_thread *thread, pid_t pid);
/* The router's emit and put_out; arg is the ry_router_thread. */
void peer_emit(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames, size_t frame_count);
void peer_put_out(void *arg, uint32_t session);
void peer_flush_all(struct ry_router_thread *thread);
/* Tells somebody who has not joined, or who shall end at once, why. */
void peer_send_unwelcome(struct ry_router_thread *thread, const struct peer_key *key, const char *reason);
/* The same to a stranger, but not without bound: one who asks and does not read would have the answers pile up. */
void peer_turn_away(struct ry_router_thread *thread, const struct peer_key *key, const char *reason);
/* Tells all peers that the node ends. */
void peer_dismiss_all(struct ry_router_thread *thread);
/* Counts and logs what makes no sense. */
void peer_malformed(struct ry_router_thread *thread, const char *what);
void peer_free(struct ry_router_thread *thread, struct peer *peer);
/* The instance of a peer has left: what it sends is dropped from now on. An inproc peer is freed; any other is kept with
 * those that are over. Frees no other peer. */
void peer_over(struct ry_router_thread *thread, struct peer *peer);
/* Frees the oldest of those that are over and have ended, or whose end cannot be learned because the system has no
 * pidfds, until OVER_MAX are left. Once per round, not while peers are iterated. */
void peer_trim_over(struct ry_router_thread *thread);
/* The process or the connection of a peer has ended: its mail goes to others, and the peer is over. */
void peer_gone(struct ry_router_thread *thread, struct peer *peer);
/* A peer that is over says something: it is counted, and a confined one that does not end it is ended. */
void peer_goes_on(struct ry_router_thread *thread, struct peer *peer);
/* Those that the router has put out are over. */
void peer_end_put_out(struct ry_router_thread *thread);

/* ---- router_remote.c --------------------------------------------------------------------------------------------- */

/* Listens for encoders of other hosts. */
int remote_open(struct ry_router_thread *thread, const struct ry_router_thread_tcp *tcp, struct ry_error *err);
/* Answers handshakes and hears which connections have ended. True: some have; what they said last may still come. */
bool remote_look(struct ry_router_thread *thread);
/* Puts out those whose connection had ended before the socket was read to its end. */
void remote_put_out_lost(struct ry_router_thread *thread);
/* Whether what came over TCP last may be read. False: it is more than the largest message of an encoder; its sender is
 * put out. */
bool remote_check_size(struct ry_router_thread *thread, const struct peer_key *key);
/* Whether one who says hello over TCP may join, and as what; clears what hello says of this host. RY_EACCES. */
int remote_check(struct ry_router_thread *thread, struct ry_hello *hello, uint32_t *allowed, struct ry_error *err);

/* ---- router_joining.c -------------------------------------------------------------------------------------------- */

/* The first envelope of a peer. */
void joining_take_hello(struct ry_router_thread *thread, const struct peer_key *key, struct ry_str bytes);

/* ---- router_receive.c -------------------------------------------------------------------------------------------- */

/* Takes in what has come over one socket, a bounded number of bags; how many. */
unsigned receive_from(struct ry_router_thread *thread, enum transport transport);
/* The same for encoders of other hosts, and puts out those that are gone; how much there was to do. */
unsigned receive_from_remote(struct ry_router_thread *thread);

/* ---- router_commands.c ------------------------------------------------------------------------------------------- */

/* Obeys one command, if there is one. False: the thread ends. */
bool command_take(struct ry_router_thread *thread);
/* From another thread: asks it to end. */
void command_end(struct ry_router_thread *thread);

#endif
