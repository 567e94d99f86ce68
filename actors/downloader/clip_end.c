/* clip_end.c: how a clip ends: done, failed with a reason for people, or given back.
 *
 * A clip ends exactly once: it is taken out of its world and freed, and its mail's custody ends after what was sent of
 * it. A crash before that has the mail come again. */
#include "actors/downloader/clip_state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

/* Clocks differ, and a clip's later ranges are asked for long after its first one. */
#define EXPIRY_DOUBT_MS  ((int64_t)15 * 60 * 1000)
#define NAME_SHOWN_BYTES 100

void clip_free(struct clip *clip)
{
    RY_ASSERT(clip->magic == CLIP_MAGIC);
    struct clip **at = &clip->world->clips;
    while (*at != clip)
        at = &(*at)->next;
    *at = clip->next;
    RY_ASSERT(clip->world->clip_count > 0 && clip->world->claimed_bytes >= clip->claimed_bytes,
              "%zu clips, %" PRIu64 " of %" PRIu64 " bytes", clip->world->clip_count, clip->claimed_bytes,
              clip->world->claimed_bytes);
    clip->world->clip_count--;
    clip->world->claimed_bytes -= clip->claimed_bytes;
    source_close(&clip->source);
    byte_ranges_clear(&clip->held);
    clip->magic = 0;
    free(clip);
}

void clip_end(struct clip *clip)
{
    struct ry_ctx *ctx = clip->world->ctx;
    struct ry_mail *mail = clip->mail;
    clip_free(clip);
    ry_mail_done(ctx, mail);
}

enum ry_failure_class clip_class_of(enum ry_err code)
{
    return code == RY_ENOENT || code == RY_EDATA || code == RY_ELIMIT ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING;
}

enum ry_failure_class clip_class_of_trouble(const struct clip *clip)
{
    int64_t expires_wall_ms = clip->work->expires_wall_ms;
    bool expired = clip->trouble.code == RY_ENOENT && expires_wall_ms > 0 &&
                   expires_wall_ms <= ry_wall_ms(ry_ctx_clock(clip->world->ctx)) + EXPIRY_DOUBT_MS;
    return clip->changed || expired ? RY_FAILURE_PASSING : clip_class_of(clip->trouble.code);
}

static void tell_sheet_failed(const struct clip *clip, struct ry_str reason, bool release, enum ry_failure_class class)
{
    const struct ry_sheet_failed failed = {
        .clip_id = clip->work->clip_id, .reason = reason, .release = release, .class = class};
    struct ry_send send = ry_send_from(clip->mail);
    RY_TELL(clip->world->ctx, sheet_failed, &failed, &send);
}

void clip_fail(struct clip *clip, const char *predicate, enum ry_failure_class class, struct ry_str encoder)
{
    struct clip_world *world = clip->world;
    struct ry_error reason;
    struct ry_str name = ry_utf8_head(clip->work->filename, NAME_SHOWN_BYTES);
    ry_fail(&reason, RY_EDATA, "%.*s %s", RY_STR_ARG(name), predicate);
    if (clip->sheet) {
        tell_sheet_failed(clip, ry_str_of(reason.text), false, class);
        clip_end(clip);
        return;
    }
    int64_t asked_ms = clip->retry_after_ms > 0 ? clip->retry_after_ms : 0;
    const struct ry_clip_failed failed = {.clip_id = clip->work->clip_id,
                                          .reason = ry_str_of(reason.text),
                                          .next_retry_ms = (uint64_t)asked_ms,
                                          .class = class,
                                          .encoder = encoder};
    struct ry_send send = ry_send_from(clip->mail);
    RY_TELL(world->ctx, clip_failed, &failed, &send);
    clip_end(clip);
}

void clip_give_back(struct clip *clip, struct ry_str reason)
{
    const struct ry_clip_failed failed = {.clip_id = clip->work->clip_id, .reason = reason, .release = true};
    struct ry_send send = ry_send_from(clip->mail);
    RY_LOG(RY_WARNING, "clip_given_back", "clip=%.*s reason=%.*s", RY_STR_ARG(clip->work->clip_id), RY_STR_ARG(reason));
    if (clip->sheet)
        tell_sheet_failed(clip, reason, true, RY_FAILURE_PASSING);
    else
        RY_TELL(clip->world->ctx, clip_failed, &failed, &send);
    clip_end(clip);
}
