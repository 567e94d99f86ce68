/* scene.h: a node as its judge sees it: what it says of itself, and when it has come to rest. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_SCENE_H
#define REELYARD_TESTS_FAKES_ROGUE_SCENE_H

#include "runtime/cli/session.h"
#include "tests/fakes/rogue/witness.h"

#define SCENE_NAMES_MAX 64

struct scene_load {
    uint64_t queued[RY_ROLE_COUNT];
    uint64_t held[RY_ROLE_COUNT];
    uint64_t instances[RY_ROLE_COUNT];
    uint64_t rejected;
    uint64_t ready, dead; /* of the queue */
    char names[SCENE_NAMES_MAX][65];
    size_t name_count; /* instances, consoles left out */
    uint64_t mark;     /* of the instance that was asked for */
    bool marked;       /* it is there */
};

struct scene {
    struct ry_session session;
    const char *data;
    struct scene_load load; /* at rest, before the cells */
    struct witness before;
    const char *spared[4]; /* ids; NULL behind the last */
    char rogues[4][65];    /* names of instances that do not answer; "" behind the last */
};

/* Joins the node as a console, when it is there. */
void scene_open(struct scene *scene, const struct ry_cli *cli);
void scene_close(struct scene *scene);

/* Asks the node. name: the instance whose mark is told; may be NULL. */
void scene_ask(struct scene *scene, const char *name, struct scene_load *load);

/* Until the router has heard what an instance has said: up to its mark, or, of a stranger, `envelopes` that were
 * refused since the scene was set. False: not all of them were. */
bool scene_await_heard(struct scene *scene, const char *name, uint64_t mark, size_t envelopes);

/* Until so many mails wait for a role; until its instances hold fewer than before; until it has so many instances. */
void scene_await_mail(struct scene *scene, enum ry_role role, uint64_t mails);
void scene_await_given_back(struct scene *scene, enum ry_role role, uint64_t held_before);
void scene_await_instances(struct scene *scene, enum ry_role role, uint64_t instances);
/* Until no instance of this name is there; the same for one that should be put out soon: whether it was. */
void scene_await_gone(struct scene *scene, const char *name);
bool scene_await_left(struct scene *scene, const char *name);

/* Takes down how everything is, once all that is under way has ended. */
void scene_set(struct scene *scene);
/* An instance is gone as it should be: it is expected no more, and the mail that it held waits again. */
void scene_lose(struct scene *scene, const char *name, enum ry_role role, bool held);
/* Waits until the node has come to rest again and compares. Prints what is not as it was, each line behind the title;
 * how much that is. */
size_t scene_compare(struct scene *scene, const char *title);

/* Ends the program: it cannot be judged. */
void scene_give_up(const char *what, const char *why) __attribute__((noreturn));

#endif
