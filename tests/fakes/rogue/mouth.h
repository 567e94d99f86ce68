/* mouth.h: a connection that says whatever it is told, in whatever state it is. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_MOUTH_H
#define REELYARD_TESTS_FAKES_ROGUE_MOUTH_H

#include "runtime/bus/instance_loop.h"
#include "tests/bed/cells.h"

struct mouth {
    struct ry_link link; /* once it has joined */
    zsock_t *stranger;   /* before: a connection of its own */
    zsock_t *losses;     /* of that */
    zsock_t *now;        /* the one that is spoken through */
    struct ry_bag bag;
    uint32_t session; /* of the ids; 0: none yet */
    uint32_t counter;
    uint64_t mark;  /* of its last report */
    bool one_a_bag; /* each envelope in a message of its own: a stranger's are counted by it */
    size_t said;
    struct held held;
};

void mouth_init(struct mouth *mouth);
void mouth_close(struct mouth *mouth);

/* A connection that has said nothing yet. */
int mouth_open(struct mouth *mouth, const char *endpoint, const struct ry_curve *curve, struct ry_error *err);
/* Says hello like any instance, and is heard as one from now on. */
int mouth_join(struct mouth *mouth, const struct ry_link_options *options, struct ry_error *err);

/* An envelope; id 0: a new one. Goes out with mouth_flush, or when there is much. */
void mouth_say(void *mouth, uint64_t id, uint64_t correlation, enum ry_tag tag, struct ry_str body,
               const struct ry_frames *frames);
void mouth_tell(struct mouth *mouth, enum ry_tag tag, const void *message);
void mouth_flush(struct mouth *mouth);
/* Reports, so that the judge sees how far the router has heard. */
void mouth_mark(struct mouth *mouth);

/* Waits for a mail that it is to hold, into mouth->held. False: the node has put it out, or nothing came in time. */
bool mouth_take(struct mouth *mouth, int64_t patience_ms);
/* Reads what has come; a welcome makes its session this connection's. */
void mouth_drain(struct mouth *mouth);

#endif
