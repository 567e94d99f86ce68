/* cells.h: the matrix: every message, about every subject, in every state of a connection.
 *
 * A cell is one envelope that its sender should not send. What may be sent is told by proto/messages.def; a message
 * that is added there adds its cells. What a role may do in the course of a mail that it holds is no cell. */
#ifndef REELYARD_TESTS_BED_CELLS_H
#define REELYARD_TESTS_BED_CELLS_H

#include "proto/envelope.h"
#include "proto/message.h"
#include "tests/bed/forge.h"

/* Where a connection stands. */
enum state {
    STATE_BEFORE,  /* it has not said hello */
    STATE_WELCOME, /* it was welcomed, and holds nothing */
    STATE_HOLDING, /* it holds a mail */
    STATE_OVER,    /* the custody of its mail has ended */
    STATE_LEFT,    /* it has said bye */
    STATE_SECOND,  /* it has said bye and hello again, as another role */
    STATE_COUNT
};
const char *state_name(enum state state);

/* A mail, and what it is about. */
struct held {
    uint64_t id; /* 0: none */
    uint64_t origin;
    unsigned tag;
    char clip[65];
    char guild[65];
    char channel[65];
    char message[65];
    char job[65];
};

/* What a rogue is told of the archive, and what it has found out. */
#define SUBJECT_BYTES 200
struct subject {
    char clip[SUBJECT_BYTES];
    char guild[SUBJECT_BYTES];
    char channel[SUBJECT_BYTES];
    char message[SUBJECT_BYTES];
    char user[SUBJECT_BYTES];
    char path[SUBJECT_BYTES];
};

struct knowledge {
    struct subject archived; /* a clip of another guild that has its thumbnails */
    struct subject near;     /* another clip of the guild that is worked on */
    struct held victim;      /* a mail that another instance holds */
    uint64_t their_session;  /* of an instance that is no rogue */
    char instance[65];       /* its name */
};

/* Fills `held` from a mail that was handed out. */
void cells_held(struct held *held, const struct ry_descriptor *descriptor, const void *body,
                const struct ry_envelope *envelope);

/* Where envelopes go. id 0: a new one of this connection. */
typedef void cells_say(void *arg, uint64_t id, uint64_t correlation, enum ry_tag tag, struct ry_str body,
                       const struct ry_frames *frames);
/* A message's cells were said. */
typedef void cells_pause(void *arg, const char *message, size_t cells);

struct cells {
    enum ry_role role;
    enum state state;
    const struct held *mine; /* that it holds, or has held; its id is 0: none */
    const struct knowledge *knowledge;
    cells_say *say; /* NULL: they are only counted */
    cells_pause *pause;
    void *arg;
};

/* Says all cells of a state; how many. */
size_t cells_try(const struct cells *cells);

/* A hello as every role but one's own, each with this pid and ticket. */
size_t cells_hello(const struct cells *cells, uint64_t pid, const char *ticket, const char *name);

#endif
