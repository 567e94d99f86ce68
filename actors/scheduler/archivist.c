/* archivist.c: asks, and again from where the answer ended while there is more.
 *
 * Each slice looks at so many clips, old or not, and the next one goes on behind them: a round costs as much as there
 * are clips in channels with a limit, and a statement no more than a slice. After an error the slice is asked for
 * again.
 *
 * While the node drains nothing is asked: what is old now is older after the next start. */
#include "actors/scheduler/archivist.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/json/read.h"

#define CLIPS_A_TIME       1000
#define ROUND_MS           3600000
#define FIRST_ROUND_MS     900000
#define BACKOFF_BASE_MS    5000
#define JITTER_PERCENT     10
#define DEFAULTS_MAX_BYTES ((size_t)65536)

static const struct ry_send in_background = {.priority = RY_PRIORITY_RETRY};

int archivist_open(struct archivist *self, struct ry_ctx *ctx, unsigned timer, struct ry_error *err)
{
    const char *text = ry_config_str(ry_ctx_config(ctx), RY_OPT_auto_archive_after);
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *object = NULL;
    *self = (struct archivist){.timer = timer, .defaults = ry_buf_make(DEFAULTS_MAX_BYTES)};
    bool good = ry_json_read_text(ry_str_of(text), "auto_archive_after", DEFAULTS_MAX_BYTES, NULL, 0, &doc, &object,
                                  NULL) == RY_OK;
    if (!good)
        RY_LOG(RY_WARNING, "setting_bad", "setting=%s value=%s instead=%s", "auto_archive_after", text, "never");
    ry_buf_addf(&self->defaults, "{\"auto_archive_after\":%s}", good ? text : "null");
    if (self->defaults.failed)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    ry_timer(ctx, timer, FIRST_ROUND_MS);
    return RY_OK;
}

void archivist_close(struct archivist *self)
{
    ry_buf_free(&self->defaults);
}

void archivist_tick(struct archivist *self, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx) || self->asking != 0)
        return;
    struct ry_str after[ARCHIVIST_CURSOR];
    for (size_t i = 0; i < ARCHIVIST_CURSOR; i++)
        after[i] = ry_str_of(self->after[i]);
    struct ry_clips_archive ask = {.defaults = ry_buf_str(&self->defaults),
                                   .limit = CLIPS_A_TIME,
                                   .after = {after, self->begun ? ARCHIVIST_CURSOR : 0}};
    self->asking = RY_TELL(ctx, clips_archive, &ask, &in_background);
}

static void fail_round(struct archivist *self, struct ry_ctx *ctx, struct ry_str reason)
{
    int64_t wait_ms = ry_backoff_doubling_ms(ry_ctx_rng(ctx), BACKOFF_BASE_MS, ROUND_MS, self->errors, JITTER_PERCENT);
    self->asking = 0;
    self->errors++;
    RY_LOG(RY_WARNING, "archive_failed", "reason=%.*s retry_ms=%" PRId64, RY_STR_ARG(reason), wait_ms);
    ry_timer(ctx, self->timer, wait_ms);
}

/* Where the next slice begins; false: the round is over. */
static bool keep_cursor(struct archivist *self, const struct ry_strs *next)
{
    self->begun = next->n == ARCHIVIST_CURSOR;
    for (size_t i = 0; i < ARCHIVIST_CURSOR && self->begun; i++) {
        int n = snprintf(self->after[i], sizeof self->after[i], "%.*s", RY_STR_ARG(next->items[i]));
        self->begun = n >= 0 && (size_t)n < sizeof self->after[i];
    }
    return self->begun;
}

void archivist_answer(struct archivist *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_clips_archived *archived = RY_BODY(mail, clips_archived);
    if (self->asking == 0 || mail->envelope.correlation != self->asking)
        return;
    if (archived->error.p != NULL) {
        fail_round(self, ctx, archived->error);
        return;
    }
    self->asking = 0;
    self->errors = 0;
    self->clips += archived->count;
    ry_count(ctx, RY_COUNTER_clips_archived, archived->count);
    if (keep_cursor(self, &archived->next) && !ry_ctx_draining(ctx)) {
        archivist_tick(self, ctx);
        return;
    }
    if (self->clips > 0)
        RY_LOG(RY_INFO, "clips_archived", "clips=%" PRIu64, self->clips);
    self->clips = 0;
    ry_timer(ctx, self->timer, ROUND_MS);
}

bool archivist_lost(struct archivist *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    if (self->asking == 0 || lost->id != self->asking)
        return false;
    fail_round(self, ctx, lost->reason);
    return true;
}
