/* in_flight.c: enters, ends and forgets clips; see in_flight.h.
 *
 * Owns the clips from in_flight_make until in_flight_forget. Promises that there are never more than the window, and
 * that none stays longer than twice CLIP_MS_MAX. After a crash their leases are void or end, and they are claimed
 * again. */
#include "actors/scheduler/in_flight.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

/* Longer than any part of the way takes, unless nothing moves; a clip without an outcome then waits again, whatever
 * holds it. That is no failure of its own: the disk may be full. */
#define CLIP_MS_MAX ((int64_t)2 * 3600 * 1000)

bool in_flight_is_suspect(const struct ry_clip_work *work)
{
    return work->attempts > 1;
}

void in_flight_enter(struct in_flight *self, const struct ry_clip_work *work)
{
    RY_ASSERT(self->n < self->window && self->suspects == 0, "%zu in flight of %zu, %zu suspects", self->n,
              self->window, self->suspects);
    self->n++;
    self->suspects += in_flight_is_suspect(work);
}

void in_flight_leave(struct in_flight *self, bool suspect)
{
    RY_ASSERT(self->n > 0 && self->suspects >= suspect, "%zu in flight, %zu suspects", self->n, self->suspects);
    self->n--;
    self->suspects -= suspect;
}

void in_flight_send_end(struct ry_ctx *ctx, struct ry_str clip_id, uint64_t origin, const struct in_flight_end *end)
{
    struct ry_clip_failed failed = {
        .clip_id = clip_id, .reason = end->reason, .release = end->release, .class = end->class};
    RY_TELL(ctx, clip_failed, &failed, &(struct ry_send){.correlation = origin, .priority = RY_PRIORITY_RETRY});
}

void in_flight_end(struct in_flight_clip *clip, struct ry_ctx *ctx, const struct in_flight_end *end)
{
    RY_ASSERT(!clip->failing, "clip %s ends twice", clip->clip_id);
    clip->failing = true;
    in_flight_send_end(ctx, ry_str_of(clip->clip_id), clip->origin, end);
}

void in_flight_make(struct in_flight *self, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    RY_ASSERT(HASH_COUNT(self->clips) < self->n, "%u made of %zu", HASH_COUNT(self->clips), self->n);
    struct in_flight_clip *clip = calloc(1, sizeof *clip);
    if (clip == NULL) {
        in_flight_leave(self, in_flight_is_suspect(work));
        in_flight_send_end(ctx, work->clip_id, 0,
                           &(struct in_flight_end){.release = true, .reason = RY_STR("out of memory")});
        return;
    }
    struct ry_clip_work item = *work;
    struct ry_thumbnail_make make = {.clips = {&item, 1}};
    uint64_t guild = 0;
    (void)ry_str_u64(work->guild_id, &guild);
    clip->origin = RY_TELL(
        ctx, thumbnail_make, &make,
        &(struct ry_send){.tenant = guild, .priority = work->retries ? RY_PRIORITY_RETRY : RY_PRIORITY_BACKFILL});
    (void)snprintf(clip->clip_id, sizeof clip->clip_id, "%.*s", RY_STR_ARG(work->clip_id));
    clip->since_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    clip->suspect = in_flight_is_suspect(work);
    HASH_ADD(hh, self->clips, origin, sizeof clip->origin, clip);
}

struct in_flight_clip *in_flight_find(const struct in_flight *self, uint64_t origin)
{
    struct in_flight_clip *clip = NULL;
    HASH_FIND(hh, self->clips, &origin, sizeof origin, clip);
    return clip;
}

void in_flight_forget(struct in_flight *self, struct in_flight_clip *clip)
{
    HASH_DELETE(hh, self->clips, clip);
    in_flight_leave(self, clip->suspect);
    free(clip);
}

void in_flight_end_late(struct in_flight *self, struct ry_ctx *ctx)
{
    const struct ry_str reason = RY_STR("no outcome came within two hours");
    struct in_flight_clip *clip = NULL;
    struct in_flight_clip *next = NULL;
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    HASH_ITER(hh, self->clips, clip, next)
    {
        int64_t worked_ms = now_mono_ms - clip->since_mono_ms;
        RY_ASSERT(worked_ms >= 0, "%lld ms", (long long)worked_ms);
        if (worked_ms >= 2 * CLIP_MS_MAX) {
            RY_LOG(RY_ERROR, "clip_outcome_lost", "clip=%s reason=%s", clip->clip_id, "nobody says how it ended");
            in_flight_forget(self, clip);
        } else if (worked_ms >= CLIP_MS_MAX && !clip->failing) {
            RY_LOG(RY_WARNING, "clip_given_back", "clip=%s reason=%.*s", clip->clip_id, RY_STR_ARG(reason));
            in_flight_end(clip, ctx, &(struct in_flight_end){.release = true, .reason = reason});
        }
    }
}

void in_flight_give_back(struct in_flight *self, struct ry_ctx *ctx, struct ry_str reason)
{
    for (struct in_flight_clip *clip = self->clips; clip != NULL; clip = clip->hh.next)
        if (!clip->failing)
            in_flight_end(clip, ctx, &(struct in_flight_end){.release = true, .reason = reason});
}

size_t in_flight_clip_ids(const struct in_flight *self, struct ry_str *ids)
{
    size_t n = 0;
    for (struct in_flight_clip *clip = self->clips; clip != NULL; clip = clip->hh.next)
        ids[n++] = ry_str_of(clip->clip_id);
    RY_ASSERT(n <= self->n, "%zu of %zu", n, self->n);
    return n;
}

void in_flight_free(struct in_flight *self)
{
    struct in_flight_clip *clip = NULL;
    struct in_flight_clip *next = NULL;
    HASH_ITER(hh, self->clips, clip, next)
    {
        HASH_DELETE(hh, self->clips, clip);
        free(clip);
    }
    *self = (struct in_flight){.window = self->window};
}
