/* writer_state.c: what all parts of the writer use of its state; see writer_state.h.
 *
 * Owns nothing. Once writer_end was called, no part begins anything more; mails that come are kept for the next
 * instance. */
#include "actors/writer/writer_state.h"

#include <time.h>

int64_t writer_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void writer_end(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    self->ended = true;
    RY_LOG(RY_CRITICAL, "database_unusable", "reason=%s", why->text);
    ry_ctx_exit(ctx, why);
}
