/* inquiry.h: a command that follows the work of a node: it asks, waits, and notices what ends it.
 *
 * A question or a step that fails for a reason that may pass (a lock, a full disk, a writer that is being replaced) is
 * repeated, which is reported now and then; a node that is gone ends the inquiry, and so does an instance of the node
 * that failed. A signal stops it. A function that returns false has noted which of these it was.
 *
 * One owner, one thread; blocks. Nothing is lost when the process dies: it only looks on. */
#ifndef REELYARD_RUNTIME_IMPORT_INQUIRY_H
#define REELYARD_RUNTIME_IMPORT_INQUIRY_H

#include <stdio.h>

#include "proto/message.h"
#include "runtime/actor/actor.h"
#include "runtime/base/log.h"
#include "runtime/import/reasons.h"
#include "runtime/stats/stats.h"

/* The node that is asked. */
struct ry_inquiry_node {
    void *arg; /* passed to both */
    /* Sends a question and waits for its answer, which is borrowed until the next question. */
    int (*ask)(void *arg, enum ry_tag tag, const void *message, const struct ry_mail **answer, struct ry_error *err);
    /* Says why an instance failed. */
    void (*failure)(void *arg, struct ry_error *why);
    int failed_fd; /* readable once an instance failed; -1: the node is another process's */
};

struct ry_inquiry {
    struct ry_inquiry_node node;
    int signal_fd;             /* readable: stop */
    FILE *out;                 /* for lines that say what is waited for */
    struct ry_log_limit limit; /* of these lines */
    struct ry_reasons errors;
    bool stopped; /* by a signal */
    bool broken;  /* the node or the queue failed: nothing more can be done; errors says why */
};

/* Whether it goes on: neither stopped nor broken. */
static inline bool ry_inquiry_goes_on(const struct ry_inquiry *inquiry)
{
    return !inquiry->stopped && !inquiry->broken;
}

/* Notes an error that ends it. */
void ry_inquiry_break(struct ry_inquiry *inquiry, const struct ry_error *why);

/* Waits for so long. False when a signal came or an instance failed. */
bool ry_inquiry_pause(struct ry_inquiry *inquiry, int wait_ms);

/* After a step that failed: waits a little, and returns whether to take it again. */
bool ry_inquiry_endure(struct ry_inquiry *inquiry, const struct ry_error *why);

/* The same for an answer that reports a failure. who: whose it is, such as "the database". */
bool ry_inquiry_endure_answer(struct ry_inquiry *inquiry, const char *who, struct ry_str error);

/* Asks until there is an answer. */
bool ry_inquiry_ask(struct ry_inquiry *inquiry, enum ry_tag tag, const void *message, const struct ry_mail **answer);

/* The counters of the node, by their positions. */
bool ry_inquiry_counters(struct ry_inquiry *inquiry, uint64_t counters[RY_COUNTER_COUNT]);

/* Waits until the counters of all that has been done so far have been reported. */
bool ry_inquiry_settle(struct ry_inquiry *inquiry);

/* Adds to reasons the failed clips of the archive of which is_own(arg, clip) holds. */
bool ry_inquiry_failed_clips(struct ry_inquiry *inquiry, bool (*is_own)(const void *arg, const struct ry_failed_clip *),
                             const void *arg, struct ry_reasons *reasons);

#endif
