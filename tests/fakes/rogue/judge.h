/* judge.h: sees to it that nothing of what rogues say has an effect.
 *
 *   fakes_rogue judge WORLD --data D [--step]
 *
 * Prints "ready" when rogues may come, "start ROLE N" when whoever runs it shall see that there are N instances of a
 * role, "cells WORLD N" and "bad WORLD N" at its end; between, a line for each group of cells that had an effect, and
 * what it changed. --step looks after each message, which tells the message and takes longer. Exit code 1 if a cell had
 * an effect, 2 if it could not judge. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_JUDGE_H
#define REELYARD_TESTS_FAKES_ROGUE_JUDGE_H

#include "runtime/cli/cli.h"
#include "tests/fakes/rogue/dialog.h"
#include "tests/fakes/rogue/scene.h"

/* A rogue that has come. */
struct suspect {
    struct dialog dialog;
    char name[65];
    enum ry_role role;
    struct held held;
    bool joined;
    bool put_out; /* the node has thrown it out, as it should */
    bool cut;     /* it was confined and spoke behind its bye: the node may have ended its connection */
};

struct judge {
    struct scene scene;
    const char *world;
    bool step;
    size_t cells;
    size_t bad; /* groups */
    struct knowledge knowledge;
    unsigned round;
    int lobby; /* descriptor at which suspects arrive */
};

int judge_main(struct ry_cli *cli, int argc, char **argv);

/* From now on, or no longer, all that come of a role are rogues. */
void judge_claim(enum ry_role role, bool all);
/* Waits for one of them; asks for so many instances of the role. */
void judge_want(struct judge *judge, enum ry_role role, unsigned instances, struct suspect *suspect);
/* It joins the node. False: it was refused. */
bool judge_let_join(struct suspect *suspect);
/* It takes a mail and holds it. */
void judge_let_take(struct judge *judge, struct suspect *suspect);
/* It says all cells of a state; what they did is found out. */
void judge_try(struct judge *judge, struct suspect *suspect, enum state state);
/* It ends the custody of its mail. */
void judge_let_over(struct judge *judge, struct suspect *suspect);
/* It says bye. */
void judge_let_leave(struct judge *judge, struct suspect *suspect);
/* Its process ends. */
void judge_end(struct judge *judge, struct suspect *suspect);

/* plan.c: who tries what, in a world. */
void plan_carry_out(struct judge *judge);

#endif
