/* heap_answer.h: what a process answers that is asked for a heap profile. */
#ifndef REELYARD_RUNTIME_BUS_HEAP_ANSWER_H
#define REELYARD_RUNTIME_BUS_HEAP_ANSWER_H

#include "proto/message.h"
#include "runtime/base/heap.h"

/* The answer and the texts that it points to. */
struct ry_heap_answer {
    struct ry_heap_made message;
    char path[RY_HEAP_PATH_BYTES];
    struct ry_error error;
};

/* Does what is asked for in this process; answer is filled in every case and not to be copied. folder: where profiles
 * go. name: the instance's. Blocks while a profile is written. */
void ry_heap_answer(struct ry_heap_answer *answer, const char *folder, const char *name, enum ry_heap_action action);

#endif
