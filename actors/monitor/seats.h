/* seats.h: the connections that are being served, and their deadlines.
 *
 * A seat is one connection of the HTTP library. There are SEATS for the page and its API, some more that only /ping and
 * /ready may take, and a last few for /ping only, which never waits for another actor; those who watch have their own. Each phase of a request has its
 * own deadline, which slowly arriving bytes do not extend; a connection that misses one is closed. One owner, one
 * thread. */
#ifndef REELYARD_ACTORS_MONITOR_SEATS_H
#define REELYARD_ACTORS_MONITOR_SEATS_H

#include <sys/queue.h>

#include "actors/monitor/listener.h"
#include "runtime/base/clock.h"

#define SEATS       ((size_t)128)
#define SEATS_READY ((size_t)12) /* beyond those, for /ready and /ping */
#define SEATS_PING  ((size_t)4)  /* beyond those too, for /ping */
/* Seats that are given in one turn and taken in the next. */
#define SEATS_ARRIVING 64
/* For those who watch, besides: they stay for as long as a video lasts. */
#define SEATS_WATCH ((size_t)256)
/* What the library must be able to hold: also those that are told to go and are not gone. */
#define SEATS_LIBRARY (3 * SEATS + 2 * SEATS_WATCH)

/* A connection that has been used as often, or as long, is closed behind its answer. */
#define SEAT_REQUESTS_MAX 100
#define SEAT_AGE_MAX_MS   120000
/* So many timeouts may pass until a viewer takes more of a video, for players are paused; from SEAT_STALLED_TIMEOUTS on,
 * one who takes nothing makes room when another comes and all seats are taken. Players ask for the rest by a range. */
#define SEAT_PAUSE_TIMEOUTS   60
#define SEAT_STALLED_TIMEOUTS 3
/* Least speed of a visitor who reads an answer, beyond the time that every visitor has. */
#define SEAT_BYTES_PER_MS 16

#define SEAT_MAGIC 0x73656174u

enum seat_use { SEAT_PAGE, SEAT_READY, SEAT_PING, SEAT_WATCH };

enum seat_phase {
    SEAT_READING, /* waits for a request, or for the rest of it */
    SEAT_ANSWERING,
    SEAT_SENDING,
    SEAT_STREAMING, /* sends a video, at the viewer's pace */
    SEAT_LEAVING,   /* shut down; the library will notice */
};

struct seat {
    unsigned magic; /* SEAT_MAGIC until it is given back */
    TAILQ_ENTRY(seat) link;
    int fd; /* the library's */
    struct peer peer;
    enum seat_use use;
    enum seat_phase phase;
    bool busy;         /* a request of it is under way: one at a time, whatever the library does */
    unsigned requests; /* that were answered */
    int64_t began_mono_ms;
    int64_t deadline_mono_ms; /* INT64_MAX: none */
    int64_t moved_mono_ms;    /* SEAT_STREAMING: when the viewer took something last */
};

struct seats {
    const struct ry_clock *clock;
    int64_t timeout_ms; /* to send a request, and to begin the next one */
    size_t each_max;    /* seats of one peer for the page; 0: no limit */
    struct peer proxies[16];
    size_t proxies_n;
    struct {
        struct peer peer;
        enum seat_use use;
    } arriving[SEATS_ARRIVING]; /* seats that are given but not taken yet */
    size_t arriving_n;
    uint64_t late; /* connections that missed a deadline of theirs, but idle ones; the reader sets it back */
    TAILQ_HEAD(seat_list, seat) list;
};

/* proxies: addresses, separated by commas or blanks, to which the limit of one peer does not apply. RY_ECONFIG names
 * one that is none. */
int seats_init(struct seats *seats, const struct ry_clock *clock, int64_t timeout_ms, int64_t each_max,
               const char *proxies, struct ry_error *err);

bool seats_is_proxy(const struct seats *seats, const struct peer *peer);

/* What a connection is for: by the head of its request, and by a path. The query does not count. */
enum seat_use seat_use_of_head(struct ry_str head);
enum seat_use seat_use_of_path(struct ry_str path);

/* Who asks: the peer, or whom a proxy that is trusted names in X-Forwarded-For (NULL: nobody). The last address that is
 * not itself a trusted proxy counts; what stands before it, the visitor may have written. */
struct peer seats_visitor(const struct seats *seats, const struct peer *peer, const char *forwarded);

/* Whether a connection is given a seat for this use; if need be, one that idles is disconnected for it. */
bool seats_admit(struct seats *seats, const struct peer *peer, enum seat_use use);
/* Those that were given a seat have taken it. */
void seats_have_arrived(struct seats *seats);

/* A connection has begun: a new seat, NULL without memory. */
struct seat *seats_take(struct seats *seats, int fd, const struct peer *peer);
/* The connection is over. seat may be NULL. */
void seats_give_back(struct seats *seats, struct seat *seat);

/* The phases of a request in turn. bytes: of the answer. */
void seats_answering(struct seats *seats, struct seat *seat, enum seat_use use);
void seats_sending(struct seats *seats, struct seat *seat, uint64_t bytes);
void seats_done(struct seats *seats, struct seat *seat);

/* In place of seats_sending, for a video; and its viewer has taken some of it. */
void seats_streaming(struct seats *seats, struct seat *seat);
void seats_moved(struct seats *seats, struct seat *seat);
/* Whether a connection that is there may watch; if need be, a viewer who takes nothing is disconnected for it. */
bool seats_may_watch(struct seats *seats, struct seat *seat);
/* Disconnects: the library will notice. */
void seats_cut(struct seats *seats, struct seat *seat);

/* Whether the connection is to be closed behind the answer under way. */
bool seats_is_last_request(const struct seats *seats, const struct seat *seat);

/* Disconnects those whose time is over. Returns in how many milliseconds it must be called again, -1: no need. */
int64_t seats_run(struct seats *seats);

#endif
