/* relay_nodes_test.c: nodes of one process that share a real Redis and nothing else, with actors that only pass mail
 * on. Where the other node must misbehave, it is a ghost: the test plays it with commands of Redis. */
#include "tests/bed/bed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actors/relay/relay.h"
#include "actors/relay/state.h"
#include "runtime/base/log.h"
#include "tests/bed/ghost_node.h"
#include "tests/bed/redis_server.h"
#include "tests/bed/relay_bed.h"
#include "tests/bed/patience.h"

#define CLIP "0123456789abcdef0123456789abcdef"

/* ---- what the actors of all nodes see and do; under the lock ----------------------------------------------------- */

static struct {
    /* What the scheduler is to send, and what it has sent. */
    enum ry_tag tag;
    struct ry_send send;
    unsigned wanted, sent;
    /* What came back to it. */
    unsigned answers, undeliverable;
    uint64_t cause;
    char reason[401];
    /* Mails that were worked on, by the first letter of the node's name; and the order of priorities at writers. */
    unsigned worked[128];
    unsigned char order[256];
    size_t ordered;
    unsigned dead;
    char dead_reason[401];
    bool encoder_fails;
} stage;

static void note_work(struct ry_ctx *ctx, const struct ry_mail *mail)
{
    WITH_STAGE(stage.worked[(unsigned char)ry_ctx_owner(ctx)[0] & 127]++;
               stage.order[stage.ordered++ % sizeof stage.order] = (unsigned char)mail->envelope.priority);
}

/* ---- actors ------------------------------------------------------------------------------------------------------ */

static void scheduler_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self;
    const struct ry_clips_claim claim = {.owner = RY_STR("x"), .limit = 1, .lease_ms = 1000};
    struct ry_clip_work clip = {.clip_id = RY_STR(CLIP),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("1"),
                                .message_id = RY_STR("1"),
                                .filename = RY_STR("a.mp4"),
                                .url = RY_STR("https://cdn.example/a.mp4")};
    const struct ry_thumbnail_make make = {.clips = {.items = &clip, .n = 1}};
    ry_timer(ctx, timer, 5);
    relay_bed_lock();
    for (; stage.sent < stage.wanted; stage.sent++)
        if (stage.tag == RY_TAG_clips_claim)
            RY_TELL(ctx, clips_claim, &claim, &stage.send);
        else
            RY_TELL(ctx, thumbnail_make, &make, &stage.send);
    relay_bed_unlock();
}

static void scheduler_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self, (void)ctx;
    if (mail->envelope.tag == RY_TAG_undeliverable) {
        const struct ry_undeliverable *lost = RY_BODY(mail, undeliverable);
        WITH_STAGE(stage.cause = lost->cause;
                   (void)snprintf(stage.reason, sizeof stage.reason, "%.*s", RY_STR_ARG(lost->reason));
                   stage.undeliverable++);
    } else if (mail->envelope.tag == RY_TAG_clips_claimed || mail->envelope.tag == RY_TAG_clip_settled) {
        WITH_STAGE(stage.answers++);
    }
}

static void writer_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    note_work(ctx, mail);
    if (mail->envelope.tag == RY_TAG_clips_claim) {
        RY_ANSWER(ctx, mail, clips_claimed, (&(struct ry_clips_claimed){.next_due_ms = 1}));
    } else if (mail->envelope.tag == RY_TAG_clip_completed || mail->envelope.tag == RY_TAG_clip_failed) {
        const struct ry_clip_settled settled = {.clip_id = RY_STR(CLIP), .completed = true};
        RY_ANSWER_ORIGIN(ctx, mail, clip_settled, &settled);
    }
}

/* One clip at a time, which it keeps until the encoder has answered, as the real one does. */
static void downloader_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    static _Thread_local struct ry_mail *kept[64];
    static _Thread_local uint64_t asked[64];
    (void)self;
    if (mail->envelope.tag == RY_TAG_thumbnail_make) {
        struct ry_frame *frame = ry_frame_new(100000);
        struct ry_window window = {.bytes = {.p = ry_frame_data(frame), .n = 100000, .frame = frame}};
        memset(ry_frame_data(frame), 7, 100000);
        const struct ry_encode_run run = {.clip_id = RY_STR(CLIP),
                                          .guild_id = RY_STR("1"),
                                          .filename = RY_STR("a.mp4"),
                                          .windows = {.items = &window, .n = 1},
                                          .small_width = 16,
                                          .small_height = 16,
                                          .large_width = 16,
                                          .large_height = 16,
                                          .quality = 1};
        size_t slot = 0;
        while (kept[slot] != NULL)
            slot++;
        const struct ry_send send = ry_send_from(mail);
        note_work(ctx, mail);
        ry_mail_keep(ctx, mail);
        kept[slot] = mail;
        asked[slot] = RY_TELL(ctx, encode_run, &run, &send);
        ry_frame_unref(frame);
        return;
    }
    uint64_t to = mail->envelope.correlation;
    for (size_t slot = 0; slot < 64; slot++)
        if (kept[slot] != NULL && asked[slot] == to) {
            struct ry_mail *first = kept[slot];
            if (mail->envelope.tag == RY_TAG_undeliverable) {
                const struct ry_send send = ry_send_from(first);
                const struct ry_clip_failed failed = {.clip_id = RY_STR(CLIP),
                                                      .reason = RY_BODY(mail, undeliverable)->reason};
                RY_TELL(ctx, clip_failed, &failed, &send);
            }
            kept[slot] = NULL;
            ry_mail_done(ctx, first);
        }
}

static void encoder_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag != RY_TAG_encode_run)
        return;
    note_work(ctx, mail);
    if (stage.encoder_fails) {
        ry_mail_fail(ctx, mail, false, "the video is cursed");
        return;
    }
    struct ry_image image = {.size_type = RY_STR("small"), .width = 16, .height = 16};
    struct ry_video_facts facts = {.width = 16, .height = 16, .mime_type = RY_STR("video/mp4")};
    struct ry_frame *frame = ry_frame_new(5000);
    memset(ry_frame_data(frame), 7, 5000);
    image.webp = (struct ry_blob){.p = ry_frame_data(frame), .n = 5000, .frame = frame};
    const struct ry_thumbnail_store store = {.clip_id = RY_STR(CLIP),
                                             .guild_id = RY_STR("1"),
                                             .images = {.items = &image, .n = 1},
                                             .facts = {.items = &facts, .n = 1}};
    const struct ry_send send = ry_send_from(mail);
    RY_TELL(ctx, thumbnail_store, &store, &send);
    ry_frame_unref(frame);
    RY_ANSWER(ctx, mail, encode_done, (&(struct ry_encode_done){0}));
}

static void storage_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag != RY_TAG_thumbnail_store)
        return;
    note_work(ctx, mail);
    struct ry_thumbnail_row row = {
        .size_type = RY_STR("small"), .storage_path = RY_STR("a.webp"), .width = 16, .height = 16, .file_size = 1};
    const struct ry_clip_completed completed = {
        .clip_id = RY_STR(CLIP),
        .thumbnails = {.items = &row, .n = 1},
        .facts = {.items = RY_BODY(mail, thumbnail_store)->facts.items, .n = 1}};
    const struct ry_send send = ry_send_from(mail);
    RY_TELL(ctx, clip_completed, &completed, &send);
}

static void ingester_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self, (void)ctx;
    if (mail->envelope.tag != RY_TAG_mail_dead)
        return;
    WITH_STAGE((void)snprintf(stage.dead_reason, sizeof stage.dead_reason, "%.*s",
                              RY_STR_ARG(RY_BODY(mail, mail_dead)->reason));
               stage.dead++);
}

#define ACTOR(name, of_role, ...) \
    static const struct ry_actor_spec name##_spec = {.role = of_role, \
                                                     .threads = 1, \
                                                     .open = relay_bed_open_actor, \
                                                     .receive = name##_receive, \
                                                     .close = relay_bed_close_actor, \
                                                     __VA_ARGS__}
ACTOR(scheduler, RY_ROLE_SCHEDULER, .capacity = 16, .tick = scheduler_tick);
ACTOR(writer, RY_ROLE_WRITER, .capacity = 4, .tick = relay_bed_ignore_tick);
ACTOR(downloader, RY_ROLE_DOWNLOADER, .capacity = 8, .tick = relay_bed_ignore_tick);
ACTOR(encoder, RY_ROLE_ENCODER, .capacity = 1, .tick = relay_bed_ignore_tick);
ACTOR(storage, RY_ROLE_STORAGE, .capacity = 4, .tick = relay_bed_ignore_tick);
ACTOR(ingester, RY_ROLE_INGESTER, .capacity = 4, .tick = relay_bed_ignore_tick);

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static struct redis_server *redis;
static struct relay_bed bed;
static const char *mailbox = "256";

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static struct ghost_node *ghost;

/* A node with these actors, ended by NULL, and a relay. */
static void begin(const char *name, const struct ry_actor_spec *const *specs)
{
    const struct relay_bed_option options[] = {{RY_OPT_fleet_key, KEY}, {RY_OPT_mailbox, mailbox}};
    relay_bed_begin(&bed, name, specs, options, sizeof options / sizeof *options);
}
#define BEGIN(name, ...) begin((name), (const struct ry_actor_spec *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    redis = *state;
    redis_server_say(redis, "FLUSHALL", NULL);
    WITH_STAGE(stage.tag = RY_TAG_clips_claim; stage.send = (struct ry_send){.priority = RY_PRIORITY_BACKFILL};
               stage.wanted = stage.sent = stage.answers = stage.undeliverable = stage.dead = 0; stage.ordered = 0;
               stage.encoder_fails = false; memset(stage.worked, 0, sizeof stage.worked));
    mailbox = "256";
    bed.redis = redis;
    ghost = ghost_node_new(redis_server_url(redis), "ghost/1", KEY);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ghost_node_free(ghost);
    ghost = NULL;
    relay_bed_end(&bed);
    return 0;
}

static void want(unsigned n)
{
    WITH_STAGE(stage.wanted += n);
}

/* ---- the ghost, and what is in Redis ----------------------------------------------------------------------------- */

#define CLAIMS "reelyard:mail:writer"

static void ghost_appears(uint32_t roles)
{
    ghost_node_appear(ghost, roles);
}

static void await_ghost(unsigned (*count)(struct ghost_node *), unsigned n, const char *what)
{
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    while (count(ghost) < n)
        if (time(NULL) > until)
            fail_msg("%s: %u of %u", what, count(ghost), n);
}

/* Sender and number of the first entry. */
static const char first_mail[] = "local f = redis.call('XRANGE', KEYS[1], '-', '+')[1][2] local m = {}"
                                 " for i = 1, #f, 2 do m[f[i]] = f[i + 1] end return {m.from, m.id}";

static int64_t entries_ever(const char *stream)
{
    static const char script[] =
        "local info = redis.call('XINFO', 'STREAM', KEYS[1])"
        " for i = 1, #info, 2 do if info[i] == 'entries-added' then return info[i + 1] end end";
    return redis_server_int(redis, "EVAL", script, "1", stream, NULL);
}

/* The ghost reads one entry, and is not heard of again. */
static void ghost_reads(const char *stream)
{
    (void)redis_server_try(redis, "XGROUP", "CREATE", stream, "relay", "0", "MKSTREAM", NULL);
    const char *got =
        redis_server_say(redis, "XREADGROUP", "GROUP", "relay", "ghost/1", "COUNT", "1", "STREAMS", stream, ">", NULL);
    assert_string_not_equal(got, "");
}

/* A mail as a node of the fleet sends it: clips_claim, or for mail == NULL of these bytes. */
static void ghost_sends(const char *from, const char *id, const char *home, const char *mail)
{
    RY_BUF_AUTO whole = ry_buf_make(100000);
    const struct ry_clips_claim claim = {.owner = RY_STR("x"), .limit = 1, .lease_ms = 1000};
    freeze_mail(RY_TAG_clips_claim, &claim, 7, &whole);
    const struct ry_mail_field fields[] = {{RY_STR("from"), ry_str_of(from)},
                                           {RY_STR("id"), ry_str_of(id)},
                                           {RY_STR("home"), ry_str_of(home)},
                                           {RY_STR("origin"), RY_STR("7")},
                                           {RY_STR("mail"), mail != NULL ? ry_str_of(mail) : ry_buf_str(&whole)}};
    ghost_node_add(ghost, CLAIMS, fields, sizeof fields / sizeof *fields);
}

/* ---- mail that comes and goes ------------------------------------------------------------------------------------ */

static void mail_and_its_answer_cross(void **state)
{
    (void)state;
    BEGIN("alpha", &scheduler_spec);
    BEGIN("beta", &writer_spec);
    want(40);
    relay_bed_await_count(&stage.answers, 40, "answers");
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 40);
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.undeliverable), 0);
}

static void what_follows_and_the_answer_to_the_origin_cross_three_nodes(void **state)
{
    (void)state;
    BEGIN("alpha", &scheduler_spec);
    BEGIN("beta", &downloader_spec, &writer_spec);
    BEGIN("gamma", &encoder_spec, &storage_spec);
    WITH_STAGE(stage.tag = RY_TAG_thumbnail_make);
    want(40);
    relay_bed_await_count(&stage.answers, 40, "clips settled");
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 80); /* thumbnail_make, clip_completed */
    assert_int_equal(relay_bed_seen(&stage.worked['g']), 80); /* encode_run, thumbnail_store */
    static const char *const streams[] = {"downloader", "encoder", "storage", "writer"};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        char stream[64];
        (void)snprintf(stream, sizeof stream, "reelyard:mail:%s", streams[i]);
        relay_bed_await_length(&bed, stream, 0);
    }
    assert_int_equal(relay_bed_seen(&stage.answers), 40);
}

static void what_follows_comes_home_to_the_node_of_the_origin(void **state)
{
    (void)state;
    BEGIN("alpha", &scheduler_spec, &storage_spec, &writer_spec);
    BEGIN("beta", &downloader_spec);
    BEGIN("gamma", &encoder_spec);
    WITH_STAGE(stage.tag = RY_TAG_thumbnail_make);
    want(40);
    relay_bed_await_count(&stage.answers, 40, "clips settled");
    relay_bed_await_length(&bed, "reelyard:mail:downloader", 0);
    relay_bed_await_length(&bed, "reelyard:mail:storage", 0);
    assert_int_equal(relay_bed_seen(&stage.worked['a']), 80);
}

static void smallest_mailboxes_hold_nothing_up(void **state)
{
    (void)state;
    mailbox = "1";
    BEGIN("alpha", &scheduler_spec, &storage_spec, &writer_spec);
    BEGIN("beta", &downloader_spec);
    BEGIN("gamma", &encoder_spec);
    WITH_STAGE(stage.tag = RY_TAG_thumbnail_make);
    for (unsigned i = 1; i <= 10; i++) {
        want(1);
        relay_bed_await_count(&stage.answers, i, "clips settled");
    }
}

static void mail_that_dies_elsewhere_is_told_and_its_letter_comes_to_the_ingester(void **state)
{
    (void)state;
    stage.encoder_fails = true;
    BEGIN("alpha", &scheduler_spec, &writer_spec, &ingester_spec);
    BEGIN("beta", &downloader_spec);
    BEGIN("gamma", &encoder_spec);
    WITH_STAGE(stage.tag = RY_TAG_thumbnail_make);
    want(1);
    relay_bed_await_count(&stage.answers, 1, "clips settled");
    relay_bed_await_count(&stage.dead, 1, "dead letters");
    assert_string_equal(stage.dead_reason, "the video is cursed");
    assert_int_equal(relay_bed_seen(&stage.worked['g']),
                     3); /* an encoder alone makes no dead letter: its mail is tried again */
}

/* ---- nodes that end ---------------------------------------------------------------------------------------------- */

static void entry_of_a_node_that_ended_is_claimed_and_counted(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    ghost_reads(CLAIMS);
    BEGIN("beta", &writer_spec);
    relay_bed_await_count(&stage.answers, 1, "answers");
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 1);
}

static void entry_that_was_delivered_too_often_is_dead_at_its_sender(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec, &ingester_spec);
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    ghost_reads(CLAIMS);
    static const char script[] =
        "local id = redis.call('XPENDING', KEYS[1], 'relay', '-', '+', 1)[1][1]"
        " return redis.call('XCLAIM', KEYS[1], 'relay', 'ghost/1', 0, id, 'RETRYCOUNT', 3, 'JUSTID')";
    redis_server_say(redis, "EVAL", script, "1", CLAIMS, NULL);
    BEGIN("beta", &writer_spec);
    relay_bed_await_count(&stage.undeliverable, 1, "words to the sender");
    assert_int_equal(stage.cause, RY_UNDELIVERABLE_DEAD);
    assert_non_null(strstr(stage.reason, "every node that worked on it ended"));
    relay_bed_await_count(&stage.dead, 1, "dead letters");
    assert_non_null(strstr(stage.dead_reason, "every node that worked on it ended"));
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 0);
}

static void entries_of_a_node_that_is_gone_are_dropped(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    ghost_sends("ghost/1", "7", "ghost/1", NULL);   /* of whom there are news */
    ghost_sends("ghost/0", "7", "ghost/0", NULL);   /* its start of before */
    ghost_sends("nobody/1", "7", "nobody/1", NULL); /* and one that never was */
    ghost_node_answer(ghost, "granted");
    BEGIN("beta", &writer_spec);
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 2);
    assert_int_equal(redis_server_int(redis, "EXISTS", "reelyard:mail:node:nobody/1", NULL), 0);
}

/* ---- back-pressure, deadlines ------------------------------------------------------------------------------------ */

static void window_is_never_exceeded_while_nobody_reads(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    want(20);
    relay_bed_await_count(&stage.sent, 20, "mails");
    relay_bed_await_length(&bed, CLAIMS, 4);
    /* The ghost ends one; another one takes its place, and no more. */
    ghost_reads(CLAIMS);
    const char *read = redis_server_say(redis, "EVAL", first_mail, "1", CLAIMS, NULL);
    char from[200], id[24];
    assert_int_equal(sscanf(read, "%199[^\n]\n%23s", from, id), 2);
    ghost_node_say(ghost, from, "claim", id, "ask", "1");
    ghost_node_say(ghost, from, "settled", id, NULL, NULL);
    static const char end[] = "local e = redis.call('XRANGE', KEYS[1], '-', '+')[1]"
                              " redis.call('XACK', KEYS[1], 'relay', e[1]) return redis.call('XDEL', KEYS[1], e[1])";
    redis_server_say(redis, "EVAL", end, "1", CLAIMS, NULL);
    relay_bed_await_length(&bed, CLAIMS, 4);
    assert_int_equal(entries_ever(CLAIMS), 5);
    BEGIN("beta", &writer_spec);
    relay_bed_await_count(&stage.answers, 19, "answers");
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.undeliverable), 0);
}

static void sender_is_told_of_a_deadline_that_passes_at_nobody(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    WITH_STAGE(stage.send.deadline_wall_ms = ry_wall_ms(ry_clock_system()) + 300);
    want(6); /* two more than the window */
    relay_bed_await_count(&stage.undeliverable, 6, "words to the sender");
    assert_int_equal(stage.cause, RY_UNDELIVERABLE_EXPIRED);
    relay_bed_await_length(&bed, CLAIMS, 0);
    BEGIN("beta", &writer_spec);
    WITH_STAGE(stage.send.deadline_wall_ms = 0);
    want(1);
    relay_bed_await_count(&stage.answers, 1, "answers");
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 1);
}

static void work_that_has_begun_may_end_after_its_deadline(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    WITH_STAGE(stage.send.deadline_wall_ms = ry_wall_ms(ry_clock_system()) + 1500);
    want(2);
    relay_bed_await_length(&bed, CLAIMS, 2);
    ghost_reads(CLAIMS);
    relay_bed_await_count(&stage.undeliverable, 1, "words to the sender");
    relay_bed_await_length(&bed, CLAIMS, 1); /* the one that the ghost has */
    BEGIN("beta", &writer_spec);
    /* Claimed by beta, whose router finds it too late and says so. */
    relay_bed_await_count(&stage.undeliverable, 2, "words to the sender");
    assert_int_equal(stage.cause, RY_UNDELIVERABLE_EXPIRED);
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 0);
}

static void urgent_mail_goes_past_the_rest(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    want(10);
    relay_bed_await_length(&bed, CLAIMS, 4);
    for (unsigned priority = RY_PRIORITY_CONTROL; priority <= RY_PRIORITY_LIVE; priority++) {
        WITH_STAGE(stage.send.priority = (enum ry_priority)priority);
        want(1);
        relay_bed_await_length(&bed, CLAIMS ":urgent", priority + 1); /* though the window of the others is full */
    }
    want(5);
    relay_bed_await_count(&stage.sent, 17, "mails");
    relay_bed_await_length(&bed, CLAIMS ":urgent", 4);
    BEGIN("beta", &writer_spec);
    relay_bed_await_count(&stage.answers, 17, "answers");
    relay_bed_await_length(&bed, CLAIMS, 0);
    relay_bed_await_length(&bed, CLAIMS ":urgent", 0);
    for (size_t i = 0; i < 4; i++)
        assert_between(stage.order[i], RY_PRIORITY_CONTROL, RY_PRIORITY_LIVE);
}

/* ---- what Redis loses, and what others put there ----------------------------------------------------------------- */

static void entries_that_redis_lost_are_added_again(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    BEGIN("alpha", &scheduler_spec);
    want(4);
    relay_bed_await_length(&bed, CLAIMS, 4);
    redis_server_say(redis, "XTRIM", CLAIMS, "MAXLEN", "1", NULL);
    relay_bed_await_length(&bed, CLAIMS, 4);
    redis_server_say(redis, "FLUSHALL", NULL);
    relay_bed_await_length(&bed, CLAIMS, 4);
    BEGIN("beta", &writer_spec);
    relay_bed_await_count(&stage.answers, 4, "answers");
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 4);
}

static void mail_that_was_added_twice_is_worked_on_once(void **state)
{
    (void)state;
    BEGIN("alpha", &scheduler_spec, &storage_spec, &writer_spec);
    BEGIN("beta", &downloader_spec);
    ghost_appears(RY_ROLE_BIT(RY_ROLE_ENCODER)); /* so the downloader's mail is not over */
    WITH_STAGE(stage.tag = RY_TAG_thumbnail_make);
    want(1);
    relay_bed_await_count(&stage.worked['b'], 1, "clips at the downloader");
    relay_bed_await_length(&bed, "reelyard:mail:encoder", 1);
    redis_server_say(redis, "DEL", "reelyard:mail:downloader", NULL);
    relay_bed_await_length(&bed, "reelyard:mail:downloader", 1); /* alpha has added it again */
    ghost_node_go(ghost);
    BEGIN("gamma", &encoder_spec);
    relay_bed_await_count(&stage.answers, 1, "clips settled");
    relay_bed_await_length(&bed, "reelyard:mail:downloader", 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 1);
}

static void garbage_of_a_node_of_the_fleet_is_refused_and_ended(void **state)
{
    (void)state;
    static const char *const mails[] = {"", "x", "\x93\x01\x02\x03", "{\"not\": \"msgpack\"}"};
    static const char *const senders[] = {"", "ghost/1", "nobody", "../../etc/passwd"};
    static const char *const kinds[] = {"",      "settled", "answer",   "undeliverable",
                                        "claim", "claimed", "given_up", "of a later version"};
    static const char *const ids[] = {"", "0", "-1", "7", "18446744073709551615", "99999999999999999999", "seven"};
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    ghost_node_answer(ghost, "granted");
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++)
        for (size_t j = 0; j < sizeof senders / sizeof *senders; j++)
            ghost_sends(senders[j], ids[(i + j) % 7], senders[i], mails[i]);
    ghost_sends("ghost/1", "8", "ghost/1", "x"); /* whole, but for the mail: it was given, and so it is dead */
    redis_server_say(redis, "SET", "reelyard:mail:storage", "no stream at all", NULL);
    BEGIN("beta", &storage_spec, &writer_spec);
    relay_bed_await_length(&bed, CLAIMS, 0);
    await_ghost(ghost_node_ends, 1, "mails of the ghost that are dead");

    BEGIN("alpha", &scheduler_spec);
    want(1);
    relay_bed_await_count(&stage.answers, 1, "answers");
    for (const char *const *name = (const char *const[]){"alpha", "beta", NULL}; *name != NULL; name++) {
        char stream[RY_MAIL_STREAM_BYTES];
        const char *owner = relay_bed_owner_of(&bed, *name);
        relay_node_stream(owner, stream);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            for (size_t j = 0; j < sizeof ids / sizeof *ids; j++)
                ghost_node_say(ghost, owner, kinds[i], ids[j], j % 2 ? "mail" : "failure", mails[j % 4]);
        relay_bed_await_length(&bed, stream, 0);
    }
    want(20);
    relay_bed_await_count(&stage.answers, 21, "answers");
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 21);
    assert_int_equal(relay_bed_seen(&stage.undeliverable), 0);
}

static void word_that_redis_refuses_holds_nothing_up(void **state)
{
    (void)state;
    ghost_appears(RY_ROLE_BIT(RY_ROLE_WRITER));
    redis_server_say(redis, "SET", "reelyard:mail:node:ghost/1", "no stream at all", NULL);
    ghost_sends("ghost/1", "7", "ghost/1", NULL);
    BEGIN("beta", &writer_spec);
    BEGIN("alpha", &scheduler_spec);
    want(5);
    relay_bed_await_count(&stage.answers, 5, "answers");
}

/* The longest name that an option takes. */
#define LONGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void nodes_of_any_name_work_for_each_other(void **state)
{
    (void)state;
    static const char *const names[] = {"\"quoted\"",     "back\\slash \\",     "two\nlines\r\n",
                                        "\ttab, bell \a", "Zürich 日本 🎬",      "100%s %n",
                                        "*[a-z]?",        "{\"owner\": \"x\"}", " ",
                                        LONGEST};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char writer[65];
        (void)snprintf(writer, sizeof writer, "%.60s", names[i]);
        writer[0] = 'w'; /* one of the same kind, and another */
        BEGIN(names[i], &scheduler_spec);
        BEGIN(writer, &writer_spec);
        want(1);
        relay_bed_await_count(&stage.answers, i + 1, names[i]);
        relay_bed_await_length(&bed, CLAIMS, 0);
        assert_int_equal(entries_ever(CLAIMS), i + 1); /* a node that seemed dead would have had its mail deleted */
        assert_int_equal(relay_bed_seen(&stage.worked['w']), i + 1);
        relay_bed_end(&bed);
    }
    assert_int_equal(relay_bed_seen(&stage.undeliverable), 0);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(mail_and_its_answer_cross),
        TEST(what_follows_and_the_answer_to_the_origin_cross_three_nodes),
        TEST(what_follows_comes_home_to_the_node_of_the_origin),
        TEST(smallest_mailboxes_hold_nothing_up),
        TEST(mail_that_dies_elsewhere_is_told_and_its_letter_comes_to_the_ingester),
        TEST(entry_of_a_node_that_ended_is_claimed_and_counted),
        TEST(entry_that_was_delivered_too_often_is_dead_at_its_sender),
        TEST(entries_of_a_node_that_is_gone_are_dropped),
        TEST(window_is_never_exceeded_while_nobody_reads),
        TEST(urgent_mail_goes_past_the_rest),
        TEST(sender_is_told_of_a_deadline_that_passes_at_nobody),
        TEST(work_that_has_begun_may_end_after_its_deadline),
        TEST(entries_that_redis_lost_are_added_again),
        TEST(mail_that_was_added_twice_is_worked_on_once),
        TEST(garbage_of_a_node_of_the_fleet_is_refused_and_ended),
        TEST(word_that_redis_refuses_holds_nothing_up),
        TEST(nodes_of_any_name_work_for_each_other),
    };
    redis_server_needed();
    return cmocka_run_group_tests(tests, redis_server_begin, redis_server_end);
}
