/* writer.c: the only actor that talks to the database.
 *
 * Owns      the archive: guilds, channels, authors, messages, clips, thumbnails, failures and leases of clips, scans,
 *           and the list of files to delete.
 * Accepts   write operations (write_op.c has their table): batch_write (rows of a scan), clip_completed and clip_failed
 *           (what became of a clip), clips_claim and others; and questions (engine_ops.def).
 * Sends     one answer to each, clip_settled to the origin of an outcome, and clips_pending and files_doomed (hints to
 *           the scheduler). It sends no requests, so it can always be given mail.
 * Promises  what it has answered is committed. Every write is idempotent, and one that changes nothing writes nothing.
 *           Bad rows fail alone. A worker that lost its lease writes nothing.
 *
 * Write operations are gathered for a moment and committed together (transaction.c); questions are answered at once
 * (questions.c); upkeep.c pings the database and forgets old fencing tokens by timer.
 *
 * When it crashes, the transaction is rolled back as a whole; its mails are still in the router's custody and come
 * again. A damaged database ends it. */
#include "actors/writer/writer.h"

#include <stdlib.h>

#include "actors/writer/engine_open.h"
#include "actors/writer/questions.h"
#include "actors/writer/transaction.h"
#include "actors/writer/upkeep.h"
#include "actors/writer/verdict_review.h"
#include "runtime/base/assert.h"

#define WRITER_MAGIC    0x77726974u
#define ARENA_MAX_BYTES ((size_t)128 << 20)

/* The instance behind a handler's pointer, with what must hold between two events. */
static struct writer *writer_of(void *instance)
{
    struct writer *self = instance;
    RY_ASSERT(self != NULL && self->magic == WRITER_MAGIC);
    RY_ASSERT(self->in_flight_n + self->stalled_n <= WRITER_CAPACITY, "in flight %zu, stalled %zu", self->in_flight_n,
              self->stalled_n);
    RY_ASSERT(self->in_flight_n > 0 || self->rows == 0, "%zu rows of no operation", self->rows);
    return self;
}

static void writer_receive(void *instance, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct writer *self = writer_of(instance);
    if (self->ended) { /* kept, so that another instance gets it */
        ry_mail_keep(ctx, mail);
        return;
    }
    struct write_op op;
    if (write_op_init(&op, mail, &self->retry_list, ry_ctx_rng(ctx))) {
        op.keeps = self->keeps;
        op.wants_sheet = self->sheets;
        writer_take_op(self, ctx, &op);
    } else if (!writer_answer(self, ctx, mail))
        RY_LOG(RY_WARNING, "mail_unexpected", "message=%s", mail->descriptor->record.name);
}

static void writer_tick(void *instance, struct ry_ctx *ctx, unsigned timer)
{
    struct writer *self = writer_of(instance);
    if (self->ended)
        return;
    switch ((enum writer_timer)timer) {
    case WRITER_TIMER_TRANSACTION: writer_transaction(self, ctx); break;
    case WRITER_TIMER_PRUNE: writer_prune(self, ctx); break;
    case WRITER_TIMER_PING: writer_ping(self, ctx); break;
    case WRITER_TIMER_STALLED: writer_retry_stalled(self, ctx); break;
    case WRITER_TIMER_REVIEW: writer_review_step(self, ctx); break;
    case WRITER_TIMER_SEARCH: writer_index(self, ctx); break;
    }
}

static bool writer_drain(void *instance, struct ry_ctx *ctx)
{
    struct writer *self = writer_of(instance);
    if (self->troubles == 0)
        writer_transaction(self, ctx);
    return self->in_flight_n + self->stalled_n == 0;
}

static int64_t seconds_to_ms(double seconds)
{
    RY_ASSERT(seconds >= 0 && seconds < 1e9, "%f s", seconds);
    return (int64_t)(seconds * 1000);
}

/* The archive's engine by the configuration. */
static int open_engine(struct ry_ctx *ctx, struct writer_engine **engine, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    if (ry_config_has_postgres(config)) {
        const struct writer_pg_options options = {.config = config, .clock = ry_ctx_clock(ctx)};
        return writer_engine_pg_open(&options, engine, err);
    }
    const struct writer_sqlite_options options = {.path = ry_config_str(config, RY_OPT_sqlite_path),
                                                  .clock = ry_ctx_clock(ctx),
                                                  .busy_ms = (int)ry_config_int(config, RY_OPT_db_lock_wait_ms),
                                                  .video_min_s = ry_config_real(config, RY_OPT_video_min_s)};
    return writer_engine_sqlite_open(&options, engine, err);
}

static int writer_open(void **instance, struct ry_ctx *ctx, struct ry_error *err)
{
    struct writer *self = calloc(1, sizeof *self);
    *instance = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    const struct ry_config *config = ry_ctx_config(ctx);
    self->magic = WRITER_MAGIC;
    self->batch_rows = (size_t)ry_config_int(config, RY_OPT_batch_rows);
    self->sheets = strcmp(ry_config_str(config, RY_OPT_preview), "on") == 0;
    self->batch_wait_ms = ry_config_int(config, RY_OPT_batch_wait_ms);
    self->tries_max = (unsigned)ry_config_int(config, RY_OPT_db_retry_attempts);
    self->retry_base_ms = seconds_to_ms(ry_config_real(config, RY_OPT_db_retry_base_delay));
    self->retry_max_ms = seconds_to_ms(ry_config_real(config, RY_OPT_db_retry_max_delay));
    self->transaction = ry_arena_make(ARENA_MAX_BYTES);
    self->look = ry_arena_make(ARENA_MAX_BYTES);
    self->keeps = strcmp(ry_config_str(config, RY_OPT_keep), "all") == 0;
    self->ping_period_ms = ry_config_int(config, RY_OPT_db_health_check_interval) * 1000;
    writer_upkeep_begin(self, ctx);
    int rc = retry_list_read(config, &self->retry_list, err);
    return rc == RY_OK ? open_engine(ctx, &self->engine, err) : rc;
}

static void writer_close(void **instance)
{
    if (*instance == NULL)
        return;
    struct writer *self = writer_of(*instance);
    *instance = NULL;
    writer_engine_close(&self->engine);
    ry_arena_free(&self->transaction);
    ry_arena_free(&self->look);
    self->magic = 0;
    free(self);
}

const struct ry_actor_spec ry_writer_spec = {
    .role = RY_ROLE_WRITER,
    .capacity = WRITER_CAPACITY,
    .threads = 1,
    .open = writer_open,
    .receive = writer_receive,
    .tick = writer_tick,
    .drain = writer_drain,
    .close = writer_close,
};
