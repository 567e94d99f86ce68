/* plan.c: the worlds, and who tries what in them.
 *
 * The judge's node has no scanner, downloader, encoder and storage of its own, and a job waits: so each mail of the
 * work comes to a rogue first. When the rogue has given it back, an honest instance takes its place and the work goes
 * on to the next role. In the end all of it is done. */
#include <stdio.h>

#include "tests/fakes/rogue/forger.h"
#include "tests/fakes/rogue/judge.h"

/* Clips of the job that waits (rogue_test.sh). */
#define CLIPS 6

/* An honest instance takes the place of the rogues, and the work comes to the next role. */
static void go_on(struct judge *judge, enum ry_role role, enum ry_role next)
{
    judge_claim(role, false);
    (void)printf("start %s 1\n", ry_role_name(role));
    (void)fflush(stdout);
    if (next == RY_ROLE_NONE)
        return;
    scene_await_instances(&judge->scene, role, 1);
    scene_await_mail(&judge->scene, next, CLIPS);
}

static void must_join(struct suspect *suspect)
{
    if (!judge_let_join(suspect))
        scene_give_up(suspect->name, suspect->dialog.words[suspect->dialog.n - 1]);
}

static void try_after_bye(struct judge *judge, struct suspect *suspect)
{
    judge_let_leave(judge, suspect);
    judge_try(judge, suspect, STATE_LEFT);
    judge_try(judge, suspect, STATE_SECOND);
}

/* A role whose instances get no mail here that they do not ask for. */
static void try_idle(struct judge *judge, enum ry_role role, unsigned instances)
{
    struct suspect suspect;
    judge_claim(role, true);
    judge_want(judge, role, instances, &suspect);
    judge_try(judge, &suspect, STATE_BEFORE);
    must_join(&suspect);
    judge_try(judge, &suspect, STATE_WELCOME);
    try_after_bye(judge, &suspect);
    judge_claim(role, false);
    judge_end(judge, &suspect);
}

/* A role that works: in all states. */
static void try_working(struct judge *judge, enum ry_role role, enum ry_role next)
{
    struct suspect suspect;
    judge_claim(role, true);
    judge_want(judge, role, 1, &suspect);
    judge_try(judge, &suspect, STATE_BEFORE);
    must_join(&suspect);
    judge_try(judge, &suspect, STATE_WELCOME);
    judge_let_take(judge, &suspect);
    judge_try(judge, &suspect, STATE_HOLDING);
    judge_let_over(judge, &suspect);
    judge_try(judge, &suspect, STATE_OVER);
    try_after_bye(judge, &suspect);
    judge_claim(role, false);
    judge_end(judge, &suspect);
    go_on(judge, role, next);
}

/* One that is put out when it says what it may not: a new one for each state, beside another whose mail it tries to
 * end. */
static void try_confined(struct judge *judge, enum ry_role role, enum ry_role next)
{
    struct suspect victim, suspect;
    judge_claim(role, true);
    judge_want(judge, role, 1, &victim);
    must_join(&victim);
    judge_let_take(judge, &victim);
    judge->knowledge.victim = victim.held;
    for (int state = STATE_BEFORE; state < STATE_LEFT; state++) {
        judge_want(judge, role, 2, &suspect);
        if (state != STATE_BEFORE)
            must_join(&suspect);
        if (state == STATE_HOLDING || state == STATE_OVER)
            judge_let_take(judge, &suspect);
        if (state == STATE_OVER)
            judge_let_over(judge, &suspect);
        judge_try(judge, &suspect, (enum state)state);
        judge_end(judge, &suspect);
    }
    for (int state = STATE_LEFT; state <= STATE_SECOND; state++) {
        judge_want(judge, role, 2, &suspect);
        must_join(&suspect);
        judge_let_leave(judge, &suspect);
        judge_try(judge, &suspect, (enum state)state);
        if (state == STATE_SECOND)
            judge_claim(role, false);
        judge_end(judge, &suspect);
    }
    judge_let_over(judge, &victim);
    judge_let_leave(judge, &victim);
    judge_end(judge, &victim);
    judge->knowledge.victim = (struct held){0};
    go_on(judge, role, next);
}

void plan_carry_out(struct judge *judge)
{
    bool guest = strcmp(judge->world, "guest") == 0;
    static const enum ry_role idle[] = {RY_ROLE_INGESTER, RY_ROLE_SCHEDULER, RY_ROLE_MONITOR, RY_ROLE_RELAY,
                                        RY_ROLE_WRITER};
    if (strcmp(judge->world, "relay") == 0) {
        scene_await_instances(&judge->scene, RY_ROLE_ENCODER, 1); /* the last to join */
        forger_try_all(judge);
        return;
    }
    /* The work waits for its first rogue. */
    scene_await_mail(&judge->scene, guest ? RY_ROLE_ENCODER : RY_ROLE_SCANNER, guest ? CLIPS : 1);
    for (size_t i = 0; i < sizeof idle / sizeof *idle && strcmp(judge->world, "run") == 0; i++)
        try_idle(judge, idle[i], 2);
    if (!guest) {
        try_working(judge, RY_ROLE_SCANNER, RY_ROLE_DOWNLOADER);
        try_working(judge, RY_ROLE_DOWNLOADER, RY_ROLE_ENCODER);
    }
    try_confined(judge, RY_ROLE_ENCODER, guest ? RY_ROLE_NONE : RY_ROLE_STORAGE);
    if (!guest)
        try_working(judge, RY_ROLE_STORAGE, RY_ROLE_NONE);
}
