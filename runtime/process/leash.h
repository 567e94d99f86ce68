/* leash.h: the descriptor between a process and another that it has started and watches, and the messages on it.
 *
 * A pair of SOCK_SEQPACKET sockets: a message is one packet, and both ends are the same program, so messages are plain
 * structs. The child's end is descriptor RY_LEASH_FD. When the parent dies, however it dies, the child reads the end of
 * the leash and ends too; this holds where PR_SET_PDEATHSIG does not (a change of user clears that).
 *
 * To an instance: TICKET, once, before anything else; LEAVE. From it: READY, BEAT; AWAY, as its last word.
 * To a router: ADMIT, REVOKE, CHILDREN, LEAVE. From it: READY, BEAT, ADMITTED. */
#ifndef REELYARD_RUNTIME_PROCESS_LEASH_H
#define REELYARD_RUNTIME_PROCESS_LEASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"
#include "runtime/process/exit_code.h"
#include "runtime/process/tally.h"

#define RY_LEASH_FD 3

#define RY_TICKET_BYTES     33 /* 32 hexadecimal digits and a NUL */
#define RY_CHILD_NAME_BYTES 49
#define RY_CHILDREN_MAX     256

/* How often a child tells that it goes round its loop, milliseconds. */
#define RY_BEAT_MS 250

enum ry_leash_msg_kind {
    RY_LEASH_MSG_READY = 1, /* the instance is open and has joined; the router listens */
    RY_LEASH_MSG_BEAT,      /* the loop went round */
    RY_LEASH_MSG_TICKET,    /* token: what to join with */
    RY_LEASH_MSG_LEAVE,     /* finish within ms; a router: drain the whole node within ms */
    RY_LEASH_MSG_ADMIT,     /* whoever shows token may join once, as name with role */
    RY_LEASH_MSG_ADMITTED,  /* the router's answer to ADMIT: name, token */
    RY_LEASH_MSG_REVOKE,    /* the process of name has ended: its ticket is void */
    RY_LEASH_MSG_AWAY,      /* the instance cannot open, for what it needs is away: reason */
    RY_LEASH_MSG_CHILDREN   /* struct ry_children_report */
};

struct ry_leash_msg {
    uint32_t kind;
    uint32_t role; /* enum ry_role */
    int64_t ms;
    char name[RY_CHILD_NAME_BYTES];
    char token[RY_TICKET_BYTES];
    char reason[RY_DEATH_TEXT_BYTES]; /* to be read with care: the instance may have been taken over */
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
struct ry_children_report {
    uint32_t kind; /* RY_LEASH_MSG_CHILDREN */
    uint32_t child_count;
    uint64_t log_dropped; /* lines of the keeper's own log */
    uint64_t deaths[RY_DEATH_COUNT];
    struct ry_child_note children[RY_CHILDREN_MAX];
};

/* What can be received. */
union ry_leash_packet {
    struct ry_leash_msg msg;
    struct ry_children_report report;
};

enum ry_leash_got { RY_LEASH_NOTHING, RY_LEASH_MSG, RY_LEASH_ENDED };

/* Sends a message without waiting. False: it does not fit now, or the other end is gone. */
bool ry_leash_say(int fd, const struct ry_leash_msg *msg);
bool ry_leash_say_children(int fd, const struct ry_children_report *report);

/* Takes the next packet of at most `size` bytes, if one is there; a packet that is too short for its kind is passed
 * over. Does not block. */
enum ry_leash_got ry_leash_hear(int fd, void *packet, size_t size);

/* A child waits for its ticket. RY_EAWAY: the keeper ended. Blocks. */
int ry_leash_await_ticket(int fd, char token[RY_TICKET_BYTES], struct ry_error *err);

/* A new ticket. RY_EIO: the system has no random bytes. */
int ry_ticket_make(char token[RY_TICKET_BYTES], struct ry_error *err);

#endif
