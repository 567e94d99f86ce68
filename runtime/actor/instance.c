/* instance.c: the life of one instance of an actor.
 *
 * Owns the actor's state, its timers and its end. Accepts mail, time and the readiness of the engine's descriptor from
 * whoever drives it, calls the spec's handlers one at a time, and after each asks a draining actor whether it is
 * through. Promises that no handler runs once the instance has finished, and that each timer fires at most once a tick,
 * so that an actor that sets a timer of 0 ms cannot hold its thread.
 *
 * A crash of a handler is a crash of the process, or of the thread's process: what the instance held is then given to
 * another by the router. */
#include "runtime/actor/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

int ry_instance_new(struct ry_instance **instance, const struct ry_instance_options *options, struct ry_error *err)
{
    *instance = NULL;
    struct ry_instance *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the instance %s", options->name);
    struct ry_ctx *ctx = &made->ctx;
    ctx->spec = options->spec;
    (void)snprintf(ctx->name, sizeof ctx->name, "%s", options->name);
    (void)snprintf(ctx->owner, sizeof ctx->owner, "%s", options->owner);
    ctx->config = options->config;
    ctx->clock = options->clock;
    ctx->rng.state = options->seed;
    ctx->trace_rng.state = ~options->seed;
    ctx->session = options->session;
    LIST_INIT(&ctx->kept);
    LIST_INIT(&ctx->free_held);
    STAILQ_INIT(&ctx->out);
    STAILQ_INIT(&ctx->free_said);
    int rc = ctx->spec->open(&made->self, ctx, err);
    if (rc != RY_OK) {
        ry_instance_free(&made);
        return rc;
    }
    *instance = made;
    return RY_OK;
}

void ry_instance_free(struct ry_instance **instance)
{
    struct ry_instance *old = *instance;
    *instance = NULL;
    if (old == NULL)
        return;
    old->ctx.spec->close(&old->self);
    ry_held_free_all(&old->ctx);
    ry_say_free_all(&old->ctx);
    ry_asked_free(&old->ctx.asked);
    free(old);
}

void ry_instance_session(struct ry_instance *instance, uint32_t session)
{
    instance->ctx.session = session;
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

/* Whether a draining instance is through; latched, for an actor may not take back that it has finished. */
static void instance_ask_drained(struct ry_instance *instance)
{
    struct ry_ctx *ctx = &instance->ctx;
    if (!ctx->draining || ctx->drained || ctx->exiting)
        return;
    ctx->drained = ctx->spec->drain ? ctx->spec->drain(instance->self, ctx) : ctx->kept_custody == 0;
}

static bool instance_over(const struct ry_instance *instance)
{
    return instance->ctx.drained || instance->ctx.exiting;
}

/* Whole milliseconds add up right over many short handlers: each boundary that falls into one counts for it. */
static int64_t event_begin(const struct ry_instance *instance)
{
    return ry_mono_ms(instance->ctx.clock);
}

static void event_end(struct ry_instance *instance, int64_t start_mono_ms)
{
    instance_ask_drained(instance);
    ry_instance_was_busy(instance, start_mono_ms);
}

void ry_instance_deliver(struct ry_instance *instance, const struct ry_envelope *envelope,
                         struct ry_frame *const *frames, size_t frame_count)
{
    struct ry_ctx *ctx = &instance->ctx;
    RY_ASSERT(ctx->current == NULL, "%s is given a mail while it handles one", ctx->name);
    if (instance_over(instance)) /* still in the router's custody, which gives it to another */
        return;
    struct ry_held *held = ry_held_take(ctx, envelope, frames, frame_count);
    if (held) {
        ctx->current = held;
        ctx->current_ended = false;
        ctx->spec->receive(instance->self, ctx, &held->mail);
        ry_held_settle(ctx, held);
        ctx->current = NULL;
    }
    instance_ask_drained(instance);
}

void ry_instance_was_busy(struct ry_instance *instance, int64_t since_mono_ms)
{
    int64_t passed_ms = ry_mono_ms(instance->ctx.clock) - since_mono_ms;
    RY_ASSERT(passed_ms >= 0, "%lld ms", (long long)passed_ms);
    instance->busy_ms += passed_ms;
}

void ry_instance_ready(struct ry_instance *instance)
{
    if (instance_over(instance) || instance->ctx.spec->ready == NULL)
        return;
    int64_t start_mono_ms = event_begin(instance);
    instance->ctx.spec->ready(instance->self, &instance->ctx);
    event_end(instance, start_mono_ms);
}

int ry_instance_engine_fd(struct ry_instance *instance)
{
    if (instance_over(instance) || instance->ctx.spec->engine_fd == NULL)
        return -1;
    return instance->ctx.spec->engine_fd(instance->self);
}

/* ---- timers ------------------------------------------------------------------------------------------------------ */

/* The timer of `among` that is due first, or -1. */
static int timer_first(const struct ry_ctx *ctx, uint32_t among)
{
    int first = -1;
    for (uint32_t left = ctx->timers & among; left; left &= left - 1) {
        int timer = __builtin_ctz(left);
        if (first < 0 || ctx->due_mono_ms[timer] < ctx->due_mono_ms[first])
            first = timer;
    }
    return first;
}

void ry_instance_tick(struct ry_instance *instance)
{
    struct ry_ctx *ctx = &instance->ctx;
    int64_t now_mono_ms = ry_mono_ms(ctx->clock);
    uint32_t unfired = UINT32_MAX;
    int timer;
    while (!instance_over(instance) && (timer = timer_first(ctx, unfired)) >= 0 &&
           ctx->due_mono_ms[timer] <= now_mono_ms) {
        unfired &= ~((uint32_t)1 << timer);
        ctx->timers &= ~((uint32_t)1 << timer);
        int64_t start_mono_ms = event_begin(instance);
        ctx->spec->tick(instance->self, ctx, (unsigned)timer);
        event_end(instance, start_mono_ms);
    }
}

int64_t ry_instance_next_mono_ms(const struct ry_instance *instance)
{
    int timer = timer_first(&instance->ctx, UINT32_MAX);
    return timer < 0 ? INT64_MAX : instance->ctx.due_mono_ms[timer];
}

void ry_timer(struct ry_ctx *ctx, unsigned timer, int64_t delay_ms)
{
    RY_ASSERT(timer < RY_TIMERS && delay_ms >= 0 && ctx->spec->tick != NULL, "%s: timer %u in %lld ms", ctx->name,
              timer, (long long)delay_ms);
    if (__builtin_add_overflow(ry_mono_ms(ctx->clock), delay_ms, &ctx->due_mono_ms[timer]))
        ctx->due_mono_ms[timer] = INT64_MAX;
    ctx->timers |= (uint32_t)1 << timer;
}

void ry_timer_cancel(struct ry_ctx *ctx, unsigned timer)
{
    RY_ASSERT(timer < RY_TIMERS, "%s: timer %u", ctx->name, timer);
    ctx->timers &= ~((uint32_t)1 << timer);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

void ry_instance_drain(struct ry_instance *instance)
{
    instance->ctx.draining = true;
    instance_ask_drained(instance);
}

bool ry_instance_finished(struct ry_instance *instance, struct ry_error *why)
{
    if (instance->ctx.exiting && why)
        *why = instance->ctx.exit_error;
    else if (why)
        *why = (struct ry_error){0};
    return instance_over(instance);
}

void ry_ctx_exit(struct ry_ctx *ctx, const struct ry_error *why)
{
    if (ctx->exiting) /* the first reason is the reason */
        return;
    ctx->exiting = true;
    if (why)
        ctx->exit_error = *why;
}

/* ---- surroundings ------------------------------------------------------------------------------------------------ */

const struct ry_clock *ry_ctx_clock(const struct ry_ctx *ctx)
{
    return ctx->clock;
}

struct ry_rng *ry_ctx_rng(struct ry_ctx *ctx)
{
    return &ctx->rng;
}

const struct ry_config *ry_ctx_config(const struct ry_ctx *ctx)
{
    return ctx->config;
}

const char *ry_ctx_owner(const struct ry_ctx *ctx)
{
    return ctx->owner;
}

void ry_ctx_trouble(struct ry_ctx *ctx, const char *what)
{
    struct ry_error cut; /* cuts at a character's end */
    (void)ry_fail(&cut, RY_EAWAY, "%s", what != NULL ? what : "");
    (void)snprintf(ctx->trouble, sizeof ctx->trouble, "%s", cut.text);
}

bool ry_ctx_draining(const struct ry_ctx *ctx)
{
    return ctx->draining;
}

void ry_count(struct ry_ctx *ctx, enum ry_counter counter, uint64_t by)
{
    RY_ASSERT((unsigned)counter < RY_COUNTER_COUNT, "%s: counter %u", ctx->name, (unsigned)counter);
    ctx->stats.counters[counter] += by;
}

void ry_observe(struct ry_ctx *ctx, enum ry_histogram histogram, double value)
{
    ry_stats_observe(&ctx->stats, histogram, value);
}

struct ry_stats *ry_instance_stats(struct ry_instance *instance)
{
    return &instance->ctx.stats;
}

const char *ry_instance_trouble(const struct ry_instance *instance)
{
    return instance->ctx.trouble;
}

uint64_t ry_instance_busy_ms(const struct ry_instance *instance)
{
    return (uint64_t)instance->busy_ms;
}

struct ry_ctx *ry_instance_ctx(struct ry_instance *instance)
{
    return &instance->ctx;
}

void *ry_instance_self(struct ry_instance *instance)
{
    return instance->self;
}
