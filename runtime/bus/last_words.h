/* last_words.h: what an instance still says of a mail when the system stops its work for good.
 *
 * A confined process that has used up a mail's CPU time is ended; its router would take that for a crash, and have the
 * mail tried again by others at the same cost. So a thread beside the working one waits for that moment. It tells the
 * router that the mail has failed, leaves, waits until it was heard, and ends the process. The working thread stands
 * still meanwhile (ry_sandbox_alarm): only so may another one use its socket. If it stands in the middle of what both
 * need (memory), nothing is said, and the process ends as in a crash. */
#ifndef REELYARD_RUNTIME_BUS_LAST_WORDS_H
#define REELYARD_RUNTIME_BUS_LAST_WORDS_H

#include <stdatomic.h>

#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node.h"

/* Lives for as long as the process: its thread may look at any moment. */
#define RY_LAST_WORDS_MAGIC 0x6c617374u
struct ry_last_words {
    unsigned magic;
    struct ry_link *link; /* of the working thread; used while that works on a mail */
    const struct ry_seal *seal;
    atomic_uint_fast64_t mail; /* what is worked on; 0: nothing */
};

/* Starts the thread, for the rest of the process's life, if the seal (which may be NULL) has an alarm; else *words is
 * NULL. Before the seal is shut. RY_ENOMEM, RY_EIO. */
int ry_last_words_start(struct ry_last_words **words, struct ry_link *link, const struct ry_seal *seal,
                        struct ry_error *err);

/* The working thread begins with a mail; ends (0). words: NULL for nothing. */
static inline void ry_last_words_of(struct ry_last_words *words, uint64_t mail)
{
    if (words)
        atomic_store(&words->mail, mail);
}

#endif
