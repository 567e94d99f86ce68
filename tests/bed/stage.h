/* stage.h: a router with instances of all roles in one thread, without sockets, for whoever says to it what it likes.
 *
 * What the router hands out is noted, and nothing is done with it. A mail comes into an instance's hands in the way
 * that its declaration asks for: whoever may send it holds the mail in the course of which it is said, and so on up to
 * a source. Everything that must hold on the way ends the program. */
#ifndef REELYARD_TESTS_BED_STAGE_H
#define REELYARD_TESTS_BED_STAGE_H

#include "runtime/base/clock.h"
#include "runtime/bus/router.h"
#include "tests/bed/cells.h"

#define STAGE_SAID_MAX 4096

/* What the router said to an instance. */
struct stage_said {
    uint32_t session;
    uint64_t id;
    uint64_t correlation;
    uint16_t tag;
};

struct stage {
    struct ry_clock_manual clock;
    struct ry_router *router;
    uint32_t sources[RY_ROLE_COUNT]; /* an honest instance of each source, joined when it is needed; 0: none yet */
    uint32_t last_id;
    unsigned names;
    struct stage_said said[STAGE_SAID_MAX]; /* since the last stage_turn began */
    size_t said_count;
};

void stage_begin(struct stage *stage);
void stage_end(struct stage *stage);

/* Another instance of a role; its session. */
uint32_t stage_join(struct stage *stage, enum ry_role role, unsigned capacity);
/* Says an envelope; what the router made of it. id 0: a new one; correlation 0: its own id. */
int stage_say(struct stage *stage, uint32_t session, uint64_t id, uint64_t correlation, uint64_t tenant,
              enum ry_tag tag, struct ry_str body, const struct ry_frames *frames);
int stage_tell(struct stage *stage, uint32_t session, enum ry_tag tag, const void *message);
/* Lets the router hand out. */
void stage_turn(struct stage *stage);

/* Puts a mail of this tag about this subject into the hands of an instance of its role that has credit. False: nobody
 * but the router sends such. */
bool stage_give(struct stage *stage, uint32_t session, enum ry_tag tag, const struct subject *subject,
                struct held *held);

#endif
