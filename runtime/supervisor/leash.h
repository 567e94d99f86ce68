/* leash.h: the descriptor between a supervisor and a process that it started, and the words on it.
 *
 * A pair of SOCK_SEQPACKET sockets: a word is one packet, and both ends are the same program, so words are plain
 * structs. The child's end is descriptor RY_LEASH_FD. When the supervisor dies, however it dies, the child reads the
 * end of it and ends too; this holds where PR_SET_PDEATHSIG does not (a change of user clears that).
 *
 * To an instance: TICKET, once, before anything else; LEAVE. From it: READY, BEAT.
 * To a router: ADMIT, REVOKE, TROUPE, LEAVE. From it: READY, BEAT, ADMITTED. */
#ifndef REELYARD_RUNTIME_SUPERVISOR_LEASH_H
#define REELYARD_RUNTIME_SUPERVISOR_LEASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"
#include "runtime/supervisor/tally.h"

#define RY_LEASH_FD 3

/* Exit code of a supervised process whose router is gone: it is not its own fault. */
#define RY_EXIT_ORPHAN 75

#define RY_TICKET_BYTES     33 /* 32 hexadecimal digits and a NUL */
#define RY_CHILD_NAME_BYTES 49
#define RY_CHILDREN_MAX     256

/* How often a child tells that it goes round its loop, milliseconds. */
#define RY_BEAT_MS 250

enum ry_word_kind {
    RY_WORD_READY = 1, /* the instance is open and has joined; the router listens */
    RY_WORD_BEAT,      /* the loop went round */
    RY_WORD_TICKET,    /* token: what to join with */
    RY_WORD_LEAVE,     /* finish within ms; a router: drain the whole node within ms */
    RY_WORD_ADMIT,     /* whoever shows token may join once, as name with role */
    RY_WORD_ADMITTED,  /* the router's answer to ADMIT: name, token */
    RY_WORD_REVOKE,    /* the process of name has ended: its ticket is void */
    RY_WORD_TROUPE     /* struct ry_troupe */
};

struct ry_word {
    uint32_t kind;
    uint32_t role; /* enum ry_role */
    int64_t ms;
    char name[RY_CHILD_NAME_BYTES];
    char token[RY_TICKET_BYTES];
};

/* What the node's state says of one child. */
struct ry_child_note {
    char role[32];
    char name[RY_CHILD_NAME_BYTES];
    char state[16]; /* waiting, starting, running, leaving, quiet, spent */
    char last_death[RY_DEATH_TEXT_BYTES];
    uint32_t pid; /* 0: none now */
    uint64_t restarts;
};

/* All children, and how those that ended came to their end. Sent up to the last child that there is. */
struct ry_troupe {
    uint32_t kind; /* RY_WORD_TROUPE */
    uint32_t child_count;
    uint64_t log_dropped; /* lines of the supervisor's own log */
    uint64_t deaths[RY_DEATH_COUNT];
    struct ry_child_note children[RY_CHILDREN_MAX];
};

/* What can be received: a word, or a troupe. */
union ry_leash_packet {
    struct ry_word word;
    struct ry_troupe troupe;
};

enum ry_leash_got { RY_LEASH_NOTHING, RY_LEASH_WORD, RY_LEASH_ENDED };

/* Says a word without waiting. False: it does not fit now, or the other end is gone. */
bool ry_leash_say(int fd, const struct ry_word *word);
bool ry_leash_say_troupe(int fd, const struct ry_troupe *troupe);

/* Takes the next packet of at most `size` bytes, if one is there; a packet that is too short for its kind is passed
 * over. Does not block. */
enum ry_leash_got ry_leash_hear(int fd, void *packet, size_t size);

/* A child waits for its ticket. RY_EAWAY: the supervisor ended. Blocks. */
int ry_leash_await_ticket(int fd, char token[RY_TICKET_BYTES], struct ry_error *err);

/* A new ticket. RY_EIO: the system has no random bytes. */
int ry_ticket_make(char token[RY_TICKET_BYTES], struct ry_error *err);

#endif
