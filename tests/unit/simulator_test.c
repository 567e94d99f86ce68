/* simulator_test.c: the whole troupe in one thread, driven by seeds.
 *
 * Actors with the real roles and the real messages, but no engines, work for two sources: an ingester with jobs and a
 * scheduler with clips, each of which asks again until every one of them has come to its end. A random hand delivers
 * mail, carries what was said to the router, lets time pass and kills instances in the midst of their work. Whatever it
 * does, no mailbox may grow past its limit, what is promised must be what is held, and all work must come to its end,
 * with mailboxes of one mail as with large ones. A failure names its seed; the same seed fails again. */
#include "tests/bed/bed.h"
#include "tests/bed/clip_mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/router_internal.h"

#define ITEMS        24 /* jobs, and as many clips */
#define SEATS_MAX    16
#define ATTEMPTS_MAX 3
#define STEPS_MAX    400000
#define RETRY_MS     20
#define TIMER_RETRY  0

/* A letter on its way from the router to an instance. */
struct letter {
    struct ry_buf bytes;
    struct ry_frames frames;
    STAILQ_ENTRY(letter) link;
};

/* A place for one instance of a role; who sits there is killed and replaced. */
struct seat {
    const struct ry_actor_spec *spec;
    struct ry_instance *instance;
    uint32_t session;
    unsigned replaced;
    STAILQ_HEAD(, letter) letters;
};

struct sim {
    struct ry_clock_manual clock;
    struct ry_rng rng;
    struct ry_router *router;
    struct seat seats[SEATS_MAX];
    size_t seat_count;
    struct ry_config *config;
    uint64_t seed;
    size_t jobs_done, clips_settled, dead_letters, kills;
};

/* The simulation that runs: actors have no other way to tell it what they reached. */
static struct sim *sim;

/* ---- actors ------------------------------------------------------------------------------------------------------ */

enum item_state { ITEM_TODO, ITEM_UNDER_WAY, ITEM_DONE };

/* A source: asks for every item until it is done, a few at a time. */
struct source {
    enum item_state items[ITEMS];
    uint64_t ids[ITEMS];
    size_t under_way;
};

static int source_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)err;
    *self = calloc(1, sizeof(struct source));
    ry_timer(ctx, TIMER_RETRY, 0);
    return RY_OK;
}

static void plain_close(void **self)
{
    free(*self);
    *self = NULL;
}

static uint64_t tell_job(struct ry_ctx *ctx, size_t item)
{
    char id[16];
    (void)snprintf(id, sizeof id, "%zu", item);
    const struct ry_job_run message = {
        .job_id = ry_str_of(id), .type = RY_STR("messages"), .token = 1, .job = {.p = "{}", .n = 2}};
    return RY_TELL(ctx, job_run, &message, (&(struct ry_send){.tenant = item % 3, .priority = RY_PRIORITY_BACKFILL}));
}

static uint64_t tell_clip(struct ry_ctx *ctx, size_t item)
{
    char id[33], guild[24];
    (void)snprintf(id, sizeof id, "%032zx", item);
    (void)snprintf(guild, sizeof guild, "%zu", item % 3 ? item % 3 : 1); /* mail of tenant 0 may be about any */
    struct ry_clip_work clip = clip_mail_work(ry_str_of(id));
    clip.guild_id = ry_str_of(guild);
    const struct ry_thumbnail_make message = {.clips = {&clip, 1}};
    return RY_TELL(ctx, thumbnail_make, &message,
                   (&(struct ry_send){.tenant = item % 3, .priority = RY_PRIORITY_LIVE}));
}

static void source_go_on(struct source *source, struct ry_ctx *ctx, uint64_t (*tell)(struct ry_ctx *, size_t),
                         size_t window)
{
    for (size_t i = 0; i < ITEMS && source->under_way < window; i++) {
        if (source->items[i] != ITEM_TODO)
            continue;
        source->ids[i] = tell(ctx, i);
        source->items[i] = ITEM_UNDER_WAY;
        source->under_way++;
    }
}

/* An item whose question has this id comes to an end, or back. */
static bool source_end(struct source *source, uint64_t id, enum item_state state)
{
    for (size_t i = 0; i < ITEMS; i++) {
        if (source->items[i] != ITEM_UNDER_WAY || source->ids[i] != id)
            continue;
        source->items[i] = state;
        source->under_way--;
        return true;
    }
    return false;
}

static void ingester_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)timer;
    source_go_on(self, ctx, tell_job, 6);
}

static void ingester_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    if (mail->envelope.tag == RY_TAG_mail_dead) {
        sim->dead_letters++;
        return;
    }
    if (mail->envelope.tag == RY_TAG_job_done)
        sim->jobs_done += source_end(self, mail->envelope.correlation, ITEM_DONE);
    else if (mail->envelope.tag == RY_TAG_job_failed)
        (void)source_end(self, mail->envelope.correlation, ITEM_TODO);
    else if (mail->envelope.tag == RY_TAG_undeliverable)
        (void)source_end(self, RY_BODY(mail, undeliverable)->origin, ITEM_TODO);
    ry_timer(ctx, TIMER_RETRY, RETRY_MS);
}

static void scheduler_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)timer;
    source_go_on(self, ctx, tell_clip, 6);
}

static void scheduler_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    if (mail->envelope.tag == RY_TAG_clip_settled)
        sim->clips_settled += source_end(self, mail->envelope.correlation, ITEM_DONE);
    else if (mail->envelope.tag == RY_TAG_undeliverable)
        (void)source_end(self, RY_BODY(mail, undeliverable)->origin, ITEM_TODO);
    ry_timer(ctx, TIMER_RETRY, RETRY_MS);
}

/* A worker keeps a mail while it waits for the answer to its own question. */
struct worker {
    struct {
        struct ry_mail *mail;
        uint64_t question;
    } kept[8];
};

static int worker_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)ctx, (void)err;
    *self = calloc(1, sizeof(struct worker));
    return RY_OK;
}

static void worker_keep(struct worker *worker, struct ry_ctx *ctx, struct ry_mail *mail, uint64_t question)
{
    for (size_t i = 0; i < 8; i++) {
        if (worker->kept[i].mail)
            continue;
        ry_mail_keep(ctx, mail);
        worker->kept[i].mail = mail;
        worker->kept[i].question = question;
        return;
    }
    fail_msg("seed %" PRIu64 ": more mail than its credit", sim->seed);
}

static struct ry_mail *worker_find(struct worker *worker, uint64_t question, bool take)
{
    for (size_t i = 0; i < 8; i++) {
        struct ry_mail *mail = worker->kept[i].mail;
        if (mail == NULL || worker->kept[i].question != question)
            continue;
        if (take)
            worker->kept[i].mail = NULL;
        return mail;
    }
    return NULL;
}

static void scanner_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct worker *worker = self;
    if (mail->envelope.tag == RY_TAG_job_run) {
        struct ry_send send = ry_send_from(mail);
        char guild[24];
        (void)snprintf(guild, sizeof guild, "%" PRIu64, mail->envelope.tenant ? mail->envelope.tenant : 1);
        const struct ry_batch_write batch = {.job_id = RY_BODY(mail, job_run)->job_id,
                                             .token = 1,
                                             .guild_id = ry_str_of(guild),
                                             .channel_id = RY_STR("2")};
        worker_keep(worker, ctx, mail, RY_TELL(ctx, batch_write, &batch, &send));
        return;
    }
    struct ry_mail *job = worker_find(worker, mail->envelope.correlation, true);
    if (job == NULL)
        return;
    if (mail->envelope.tag == RY_TAG_batch_written) {
        const struct ry_job_done done = {.job_id = RY_BODY(job, job_run)->job_id};
        RY_ANSWER(ctx, job, job_done, &done);
    } else {
        const struct ry_job_failed failed = {
            .job_id = RY_BODY(job, job_run)->job_id, .retry = true, .reason = RY_STR("undeliverable")};
        RY_ANSWER(ctx, job, job_failed, &failed);
    }
    ry_mail_done(ctx, job);
}

static uint64_t ask_encoder(struct ry_ctx *ctx, const struct ry_mail *make, bool last_round)
{
    const struct ry_clip_work *clip = RY_BODY(make, thumbnail_make)->clips.items;
    struct ry_encode_run run = clip_mail_run(clip->clip_id);
    run.guild_id = clip->guild_id;
    run.last_round = last_round;
    struct ry_send send = ry_send_from(make);
    return RY_TELL(ctx, encode_run, &run, &send);
}

static void downloader_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct worker *worker = self;
    if (mail->envelope.tag == RY_TAG_thumbnail_make) {
        worker_keep(worker, ctx, mail, ask_encoder(ctx, mail, false));
        return;
    }
    uint64_t question = mail->envelope.correlation;
    struct ry_mail *make = worker_find(worker, question, mail->envelope.tag != RY_TAG_encode_needs);
    if (make == NULL)
        return;
    if (mail->envelope.tag == RY_TAG_encode_needs) {
        for (size_t i = 0; i < 8; i++)
            if (worker->kept[i].mail == make)
                worker->kept[i].question = ask_encoder(ctx, make, true);
        return;
    }
    if (mail->envelope.tag != RY_TAG_encode_done) {
        const struct ry_clip_failed failed = {.clip_id = RY_BODY(make, thumbnail_make)->clips.items->clip_id,
                                              .reason = RY_STR("undeliverable")};
        struct ry_send send = ry_send_from(make);
        RY_TELL(ctx, clip_failed, &failed, &send);
    }
    ry_mail_done(ctx, make);
}

static void encoder_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag != RY_TAG_encode_run)
        return;
    const struct ry_encode_run *run = RY_BODY(mail, encode_run);
    if (!run->last_round && ry_rng_below(ry_ctx_rng(ctx), 2)) {
        struct ry_byte_range range = {.offset = 5, .length = 5};
        const struct ry_encode_needs needs = {.ranges = {&range, 1}};
        RY_ANSWER(ctx, mail, encode_needs, &needs);
        return;
    }
    struct ry_image image = {.size_type = RY_STR("small"), .width = 1, .height = 1, .webp = {.p = "webp", .n = 4}};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("video/mp4")};
    const struct ry_thumbnail_store store = {
        .clip_id = run->clip_id, .guild_id = run->guild_id, .images = {&image, 1}, .facts = {&facts, 1}};
    struct ry_send send = ry_send_from(mail);
    RY_TELL(ctx, thumbnail_store, &store, &send);
    RY_ANSWER(ctx, mail, encode_done, &(struct ry_encode_done){0});
}

static void storage_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag != RY_TAG_thumbnail_store)
        return;
    const struct ry_thumbnail_store *store = RY_BODY(mail, thumbnail_store);
    struct ry_thumbnail_row row = {
        .size_type = RY_STR("small"), .storage_path = RY_STR("x"), .width = 1, .height = 1, .file_size = 1};
    const struct ry_clip_completed completed = {
        .clip_id = store->clip_id, .thumbnails = {&row, 1}, .facts = {store->facts.items, 1}};
    struct ry_send send = ry_send_from(mail);
    RY_TELL(ctx, clip_completed, &completed, &send);
}

static void writer_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    struct ry_str clip_id;
    if (mail->envelope.tag == RY_TAG_batch_write) {
        RY_ANSWER(ctx, mail, batch_written, &(struct ry_batch_written){0});
        return;
    }
    if (mail->envelope.tag == RY_TAG_clip_completed)
        clip_id = RY_BODY(mail, clip_completed)->clip_id;
    else if (mail->envelope.tag == RY_TAG_clip_failed)
        clip_id = RY_BODY(mail, clip_failed)->clip_id;
    else
        return;
    const struct ry_clip_settled settled = {.clip_id = clip_id, .completed = true};
    RY_ANSWER_ORIGIN(ctx, mail, clip_settled, &settled);
}

#define WORKER(name, upper) \
    { \
        .role = RY_ROLE_##upper, .capacity = 3, .threads = 1, .open = worker_open, .receive = name##_receive, \
        .close = plain_close \
    }
#define SOURCE(name, upper) \
    { \
        .role = RY_ROLE_##upper, .capacity = 3, .threads = 1, .open = source_open, .receive = name##_receive, \
        .tick = name##_tick, .close = plain_close \
    }
static const struct ry_actor_spec troupe[] = {
    SOURCE(ingester, INGESTER),     SOURCE(scheduler, SCHEDULER), WORKER(scanner, SCANNER), WORKER(writer, WRITER),
    WORKER(downloader, DOWNLOADER), WORKER(encoder, ENCODER),     WORKER(storage, STORAGE),
};
#define TROUPE  (sizeof troupe / sizeof *troupe)
#define SOURCES 2 /* the first seats; their state stands for what is stored outside, so they are not killed */

/* ---- the hand that moves it all ---------------------------------------------------------------------------------- */

static void sim_emit(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                     size_t frame_count)
{
    struct sim *of = arg;
    for (size_t i = 0; i < of->seat_count; i++) {
        if (of->seats[i].session != session)
            continue;
        struct letter *letter = calloc(1, sizeof *letter);
        assert_non_null(letter);
        letter->bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
        assert_int_equal(ry_buf_add_str(&letter->bytes, envelope), RY_OK);
        for (size_t k = 0; k < frame_count; k++)
            letter->frames.items[letter->frames.n++] = ry_frame_ref(frames[k]);
        STAILQ_INSERT_TAIL(&of->seats[i].letters, letter, link);
    }
}

static void letter_drop(struct seat *seat)
{
    struct letter *letter = STAILQ_FIRST(&seat->letters);
    STAILQ_REMOVE_HEAD(&seat->letters, link);
    ry_frames_clear(&letter->frames);
    ry_buf_free(&letter->bytes);
    free(letter);
}

static void seat_fill(struct seat *seat)
{
    struct ry_error err = {0};
    char name[40];
    (void)snprintf(name, sizeof name, "%s-%td-%u", ry_role_name(seat->spec->role), seat - sim->seats, seat->replaced++);
    const struct ry_hello hello = {.version = RY_PROTO_VERSION,
                                   .role = (uint64_t)seat->spec->role,
                                   .name = ry_str_of(name),
                                   .capacity = 1 + ry_rng_below(&sim->rng, seat->spec->capacity)};
    assert_int_equal(ry_router_join(sim->router, &hello, UINT32_MAX, RY_LOCALITY_THREAD, &seat->session, &err), RY_OK);
    const struct ry_instance_options options = {.spec = seat->spec,
                                                .name = name,
                                                .owner = "sim/1",
                                                .config = sim->config,
                                                .clock = &sim->clock.clock,
                                                .seed = ry_rng_u64(&sim->rng),
                                                .session = seat->session};
    assert_int_equal(ry_instance_new(&seat->instance, &options, &err), RY_OK);
}

static void seat_empty(struct seat *seat, bool graceful)
{
    uint32_t session = seat->session;
    seat->session = 0;
    ry_instance_free(&seat->instance);
    while (!STAILQ_EMPTY(&seat->letters))
        letter_drop(seat);
    ry_router_gone(sim->router, session, graceful);
}

static void seat_deliver(struct seat *seat)
{
    struct letter *letter = STAILQ_FIRST(&seat->letters);
    struct ry_envelope envelope;
    struct ry_error err;
    assert_int_equal(ry_envelope_unpack(ry_buf_str(&letter->bytes), &envelope, &err), RY_OK);
    ry_instance_deliver(seat->instance, &envelope, letter->frames.items, letter->frames.n);
    letter_drop(seat);
}

/* Says a control message for a seat. */
static void seat_control(struct seat *seat, enum ry_tag tag, const void *message)
{
    RY_BUF_AUTO body = ry_buf_make(65536);
    RY_BUF_AUTO bytes = ry_buf_make(65536);
    struct ry_frames frames;
    frames.n = 0;
    struct ry_error err = {0};
    assert_int_equal(ry_pack(ry_descriptor(tag), message, &body, &frames, &err), RY_OK);
    const struct ry_envelope head = {.id = (uint64_t)seat->session << 32 | UINT32_MAX,
                                     .tag = (uint16_t)tag,
                                     .attempt = 1,
                                     .frame_count = (uint16_t)frames.n,
                                     .body = ry_buf_str(&body)};
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    if (ry_router_take(sim->router, seat->session, ry_buf_str(&bytes), frames.items, frames.n, &err) != RY_OK)
        fail_msg("seed %" PRIu64 ": %s", sim->seed, err.text);
    ry_frames_clear(&frames);
}

/* Carries one thing that the instance said to the router. */
static void seat_carry(struct seat *seat)
{
    const struct ry_out *out = ry_instance_out(seat->instance);
    struct ry_error err = {0};
    if (out->kind == RY_OUT_MAIL) {
        if (ry_router_take(sim->router, seat->session, out->bytes, out->frames, out->frame_count, &err) != RY_OK)
            fail_msg("seed %" PRIu64 ": %s", sim->seed, err.text);
    } else if (out->kind == RY_OUT_DONE) {
        const struct ry_done done = {.ids = {.p = &out->id, .n = sizeof out->id}};
        seat_control(seat, RY_TAG_done, &done);
    } else {
        const struct ry_fail failed = {.id = out->id, .retry = out->retry, .reason = ry_str_of(out->reason)};
        seat_control(seat, RY_TAG_fail, &failed);
    }
    ry_instance_out_pop(seat->instance);
}

static void check_invariants(const struct ry_router *router)
{
    size_t sources = 0; /* each has a place of its own */
    for (size_t i = 0; i < RY_ROLE_COUNT; i++)
        sources += RY_ROLES_SOURCES & RY_ROLE_BIT(i) ? router->role_queues[i].instance_count : 0;
    for (size_t i = 0; i < RY_ROLE_COUNT; i++) {
        const struct role_queue *role_queue = &router->role_queues[i];
        const struct attached_instance *instance;
        /* Each role that sends here has at least one place. */
        size_t most = router->options.mailbox_max > role_queue->sender_count ? router->options.mailbox_max
                                                                             : role_queue->sender_count;
        size_t queued = 0;
        for (size_t from = 0; from < RY_ROLE_COUNT; from++)
            queued += role_queue->queued_from[from];
        if (role_queue->mailbox.n - role_queue->mailbox.returned > most + sources || queued != role_queue->mailbox.n)
            fail_msg("seed %" PRIu64 ": the mailbox of %s has %zu mails, counted %zu", sim->seed,
                     ry_role_name((enum ry_role)i), role_queue->mailbox.n, queued);
        TAILQ_FOREACH(instance, &role_queue->instances, of_role)
        if (instance->held > instance->capacity)
            fail_msg("seed %" PRIu64 ": %s holds more than its credit", sim->seed, instance->name);
    }
}

/* One random move. */
static void sim_step(unsigned kill_one_in)
{
    struct seat *seat = &sim->seats[ry_rng_below(&sim->rng, sim->seat_count)];
    if (kill_one_in && seat - sim->seats >= SOURCES && ry_rng_below(&sim->rng, kill_one_in) == 0) {
        seat_empty(seat, ry_rng_below(&sim->rng, 4) == 0);
        seat_fill(seat);
        sim->kills++;
    }
    switch (ry_rng_below(&sim->rng, 4)) {
    case 0:
        if (!STAILQ_EMPTY(&seat->letters))
            seat_deliver(seat);
        break;
    case 1:
        while (ry_instance_out(seat->instance))
            seat_carry(seat);
        break;
    case 2:
        if (ry_instance_out(seat->instance))
            seat_carry(seat);
        break;
    default:
        ry_clock_manual_advance(&sim->clock, 1);
        ry_instance_tick(seat->instance);
        break;
    }
    if (ry_rng_below(&sim->rng, 2))
        (void)ry_router_turn(sim->router);
    check_invariants(sim->router);
}

static void sim_start(struct ry_config *config, uint64_t seed, size_t mailbox_max, unsigned instances)
{
    sim = calloc(1, sizeof *sim);
    assert_non_null(sim);
    sim->seed = seed;
    sim->rng.state = seed;
    sim->config = config;
    ry_clock_manual_init(&sim->clock, BED_START_WALL_MS);
    const struct ry_router_options options = {.node = "sim",
                                              .clock = &sim->clock.clock,
                                              .mailbox_max = mailbox_max,
                                              .mailbox_max_bytes = 1 << 20,
                                              .attempts_max = ATTEMPTS_MAX,
                                              .turns_between_checks = 1,
                                              .emit = sim_emit,
                                              .emit_arg = sim};
    struct ry_error err = {0};
    assert_int_equal(ry_router_new(&sim->router, &options, &err), RY_OK);
    for (size_t i = 0; i < TROUPE; i++)
        for (unsigned k = 0; k < (i < SOURCES ? 1 : instances); k++)
            sim->seats[sim->seat_count++].spec = &troupe[i];
    for (size_t i = 0; i < sim->seat_count; i++) {
        STAILQ_INIT(&sim->seats[i].letters);
        seat_fill(&sim->seats[i]);
    }
}

static void sim_end(void)
{
    for (size_t i = 0; i < sim->seat_count; i++)
        seat_empty(&sim->seats[i], true);
    ry_router_free(&sim->router);
    free(sim);
    sim = NULL;
}

static size_t work_left(void)
{
    return ITEMS - sim->jobs_done + ITEMS - sim->clips_settled;
}

static void run(struct ry_config *config, uint64_t seed, size_t mailbox_max, unsigned instances, unsigned kill_one_in)
{
    sim_start(config, seed, mailbox_max, instances);
    size_t steps = 0;
    for (; work_left() > 0 && steps < STEPS_MAX; steps++)
        sim_step(kill_one_in);
    if (work_left() > 0)
        fail_msg("seed %" PRIu64 ", mailboxes of %zu: %zu of %d items are not done after %d steps", seed, mailbox_max,
                 work_left(), 2 * ITEMS, STEPS_MAX);
    /* What is left are repetitions: they too come to their end, and nothing stays in custody. */
    for (steps = 0; ry_router_load(sim->router) > 0 && steps < STEPS_MAX; steps++)
        sim_step(0);
    assert_int_equal(ry_router_load(sim->router), 0);
    sim_end();
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static int load_config(void **state)
{
    struct ry_config *config = NULL;
    char *const no_environment[] = {NULL};
    if (ry_config_load(&config, no_environment, NULL) != RY_OK || ry_config_finish(config, NULL) != RY_OK)
        return -1;
    *state = config;
    return 0;
}

static int free_config(void **state)
{
    struct ry_config *config = *state;
    ry_config_free(&config);
    return 0;
}

static void all_work_ends_with_mailboxes_of_any_size(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        for (size_t mailbox_max = 1; mailbox_max <= 16; mailbox_max *= 4)
            run(*state, seed, mailbox_max, 1 + seed % 2, 0);
}

static void all_work_ends_though_instances_are_killed(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        for (size_t mailbox_max = 1; mailbox_max <= 16; mailbox_max *= 4)
            run(*state, seed, mailbox_max, 1 + seed % 2, 60);
}

static void same_seed_gives_the_same_run(void **state)
{
    size_t kills[2], dead[2];
    int64_t ends_mono_ms[2];
    for (int i = 0; i < 2; i++) {
        sim_start(*state, 7, 2, 2);
        while (work_left() > 0)
            sim_step(40);
        kills[i] = sim->kills;
        dead[i] = sim->dead_letters;
        ends_mono_ms[i] = sim->clock.now_mono_ms;
        sim_end();
    }
    assert_true(kills[0] > 0);
    assert_int_equal(kills[0], kills[1]);
    assert_int_equal(dead[0], dead[1]);
    assert_true(ends_mono_ms[0] == ends_mono_ms[1]);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_work_ends_with_mailboxes_of_any_size),
        cmocka_unit_test(all_work_ends_though_instances_are_killed),
        cmocka_unit_test(same_seed_gives_the_same_run),
    };
    return cmocka_run_group_tests(tests, load_config, free_config);
}
