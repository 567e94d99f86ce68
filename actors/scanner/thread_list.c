/* thread_list.c: the threads of one channel, gathered from Discord's lists.
 *
 * Owns the ids. A thread that is archived between two pages is listed twice and kept once. A crash loses the list; the
 * job that lists again finds the same threads. */
#include "actors/scanner/thread_list.h"

#include <stdlib.h>

#include "actors/scanner/falling_ids.h"
#include "actors/scanner/job.h"
#include "runtime/base/assert.h"

#define LIST_MAX ((size_t)1000000)

int thread_list_add(struct thread_list *list, uint64_t id, struct ry_error *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 128;
        uint64_t *grown = capacity <= LIST_MAX ? reallocarray(list->ids, capacity, sizeof *grown) : NULL;
        if (grown == NULL)
            return ry_fail(err, RY_ENOMEM, "no memory for more than %zu threads", list->count);
        list->ids = grown;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return RY_OK;
}

void thread_list_next_source(struct thread_list *list, bool forum)
{
    RY_ASSERT(list->source < THREADS_LISTED, "source %d", (int)list->source);
    list->before[0] = '\0';
    list->source++;
    if (list->source == THREADS_PRIVATE && forum)
        list->source++;
    if (list->source != THREADS_LISTED)
        return;
    size_t n = falling_ids_sort(list->ids, list->count);
    list->more = n > SCAN_JOB_THREADS_MAX;
    list->count = list->more ? SCAN_JOB_THREADS_MAX : n;
}

void thread_list_free(struct thread_list *list)
{
    free(list->ids);
    *list = (struct thread_list){0};
}
