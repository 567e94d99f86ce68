/* thread_list.h: the threads of one channel, gathered from Discord's lists: the active ones, then the archived ones. */
#ifndef REELYARD_ACTORS_SCANNER_THREAD_LIST_H
#define REELYARD_ACTORS_SCANNER_THREAD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"

enum thread_source { THREADS_ACTIVE, THREADS_PUBLIC, THREADS_PRIVATE, THREADS_LISTED };

/* All zero: empty, and the active threads are asked for first. */
struct thread_list {
    enum thread_source source; /* what is asked for next; THREADS_LISTED: nothing, the list is complete */
    char before[80];           /* archive time that the next page begins behind; "": none */
    uint64_t *ids;             /* falling, each once, when the list is complete */
    size_t count;
    size_t capacity;
    bool more; /* there are threads with smaller ids */
};

/* RY_ENOMEM, also for more threads than a guild can have. */
int thread_list_add(struct thread_list *list, uint64_t id, struct ry_error *err);
/* Goes on to the next source. forum: the channel is one, whose posts are all public. Behind the last source the list is
 * sorted and cut to the SCAN_JOB_THREADS_MAX newest. */
void thread_list_next_source(struct thread_list *list, bool forum);
void thread_list_free(struct thread_list *list);

#endif
