/* queue_health.h: whether the queue can be asked now.
 *
 * A queue that refused is left alone until a timer, longer each time. Plain data; zeroed is well. */
#ifndef REELYARD_ACTORS_INGESTER_QUEUE_HEALTH_H
#define REELYARD_ACTORS_INGESTER_QUEUE_HEALTH_H

#include "runtime/actor/actor.h"
#include "runtime/base/log.h"

struct queue_health {
    unsigned timer;          /* of the actor: when the queue is asked again */
    struct ry_error trouble; /* what the queue said last, if it was an error */
    unsigned tries;          /* refusals since it was well */
    bool resting;            /* nothing is asked of it before the timer */
    struct ry_log_limit limit;
};

/* The queue refused for a reason that will pass: logs it, rests, and sets the timer. A reason that will not (broken for
 * good) ends the actor. */
void queue_health_failed(struct queue_health *health, struct ry_ctx *ctx, const struct ry_error *err);
/* The queue has taken all that it had refused. */
void queue_health_recovered(struct queue_health *health);

bool queue_health_is_bad(const struct queue_health *health);
/* Whether the queue will never take this from us, so that asking again would only hold up the others: a lease that was
 * lost, a row that was damaged. */
bool queue_health_is_final(int rc);

#endif
