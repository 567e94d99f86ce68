/* router_test.c: the rules of the router, one claim at a time, without sockets. */
#include "tests/bed/bed.h"
#include "tests/bed/sample.h"
#include "tests/bed/clip_mail.h"
#include "tests/bed/router_desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/router_internal.h"

/* A router, and what it emitted, oldest first. */
struct emitted {
    uint32_t session;
    struct ry_buf bytes;
    struct ry_frames frames;
    STAILQ_ENTRY(emitted) link;
};

struct desk {
    struct ry_router *router;
    struct ry_clock_manual clock;
    STAILQ_HEAD(, emitted) emitted;
    uint32_t last_id;
    /* The last expected message. */
    struct ry_arena arena;
    struct emitted *got;
    struct ry_envelope envelope;
};

static void emitted_free(struct emitted *emitted)
{
    if (emitted == NULL)
        return;
    ry_frames_clear(&emitted->frames);
    ry_buf_free(&emitted->bytes);
    free(emitted);
}

static void take_emitted(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                         size_t frame_count)
{
    struct desk *desk = arg;
    struct emitted *emitted = calloc(1, sizeof *emitted);
    assert_non_null(emitted);
    emitted->session = session;
    emitted->bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    assert_int_equal(ry_buf_add_str(&emitted->bytes, envelope), RY_OK);
    for (size_t i = 0; i < frame_count; i++)
        emitted->frames.items[emitted->frames.n++] = ry_frame_ref(frames[i]);
    STAILQ_INSERT_TAIL(&desk->emitted, emitted, link);
}

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    ry_clock_manual_init(&desk->clock, BED_START_WALL_MS);
    STAILQ_INIT(&desk->emitted);
    desk->arena = ry_arena_make((size_t)256 << 20);
    const struct ry_router_options options = {.node = "desk",
                                              .owner = "desk/7",
                                              .clock = &desk->clock.clock,
                                              .mailbox_max = 2,
                                              .mailbox_max_bytes = 100000,
                                              .attempts_max = 3,
                                              .turns_between_checks = 1,
                                              .emit = take_emitted,
                                              .emit_arg = desk};
    assert_int_equal(ry_router_new(&desk->router, &options, NULL), RY_OK);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    ry_router_free(&desk->router);
    while (!STAILQ_EMPTY(&desk->emitted)) {
        struct emitted *first = STAILQ_FIRST(&desk->emitted);
        STAILQ_REMOVE_HEAD(&desk->emitted, link);
        emitted_free(first);
    }
    emitted_free(desk->got);
    ry_arena_free(&desk->arena);
    free(desk);
    return 0;
}

/* ---- to the router ----------------------------------------------------------------------------------------------- */

static int say_head(struct desk *desk, uint32_t session, struct ry_envelope *head, const void *message)
{
    return router_desk_say(desk->router, session, head, message);
}

static uint64_t next_id(struct desk *desk, uint32_t session)
{
    return (uint64_t)session << 32 | ++desk->last_id;
}

/* Says a message under a fresh id, which is returned; correlation 0: its own id. */
static uint64_t say(struct desk *desk, uint32_t session, enum ry_tag tag, const void *message, uint64_t correlation)
{
    struct ry_envelope head = {.id = next_id(desk, session), .tag = (uint16_t)tag};
    head.correlation = correlation ? correlation : head.id;
    assert_int_equal(say_head(desk, session, &head, message), RY_OK);
    return head.id;
}

static void say_done(struct desk *desk, uint32_t session, uint64_t id)
{
    const struct ry_done done = {.ids = {.p = &id, .n = sizeof id}};
    (void)say(desk, session, RY_TAG_done, &done, 0);
}

static void say_fail(struct desk *desk, uint32_t session, uint64_t id, bool retry, const char *reason)
{
    const struct ry_fail failed = {.id = id, .retry = retry, .reason = ry_str_of(reason)};
    (void)say(desk, session, RY_TAG_fail, &failed, 0);
}

static const struct ry_archive_get archive_get = {0};
static const struct ry_clip_failed clip_failed = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                                  .reason = RY_STR("because")};

static struct ry_clip_work clip_work = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                        .guild_id = RY_STR("1"),
                                        .channel_id = RY_STR("2"),
                                        .message_id = RY_STR("3"),
                                        .filename = RY_STR("a.mp4"),
                                        .url = RY_STR("https://cdn.discordapp.com/a.mp4")};
static const struct ry_thumbnail_make thumbnail_make = {.clips = {&clip_work, 1}};

static uint64_t ask_writer(struct desk *desk, uint32_t monitor)
{
    return say(desk, monitor, RY_TAG_archive_get, &archive_get, 0);
}

/* ---- from the router --------------------------------------------------------------------------------------------- */

/* The next thing emitted must be this message to this session. */
static const void *expect(struct desk *desk, uint32_t session, enum ry_tag tag)
{
    emitted_free(desk->got);
    ry_arena_reset(&desk->arena);
    desk->got = STAILQ_FIRST(&desk->emitted);
    if (desk->got == NULL)
        fail_msg("expected %s, but nothing was emitted", ry_descriptor(tag)->record.name);
    STAILQ_REMOVE_HEAD(&desk->emitted, link);
    struct ry_error err = {0};
    void *body = NULL;
    assert_int_equal(ry_envelope_unpack(ry_buf_str(&desk->got->bytes), &desk->envelope, &err), RY_OK);
    if (desk->envelope.tag != tag)
        fail_msg("expected %s, but %s was emitted", ry_descriptor(tag)->record.name,
                 ry_descriptor(desk->envelope.tag)->record.name);
    assert_int_equal(desk->got->session, session);
    if (ry_unpack(ry_descriptor(tag), desk->envelope.body, desk->got->frames.items, desk->got->frames.n, &desk->arena,
                  &body, &err) != RY_OK)
        fail_msg("%s", err.text);
    return body;
}

static void expect_nothing(struct desk *desk)
{
    (void)ry_router_turn(desk->router);
    assert_true(STAILQ_EMPTY(&desk->emitted));
}

/* Lets the router hand out and expects this mail at this attempt. */
static void expect_mail(struct desk *desk, uint32_t session, enum ry_tag tag, uint64_t id, unsigned attempt)
{
    (void)ry_router_turn(desk->router);
    (void)expect(desk, session, tag);
    assert_true(desk->envelope.id == id);
    assert_int_equal(desk->envelope.attempt, attempt);
}

static void expect_undeliverable(struct desk *desk, uint32_t session, uint64_t id, enum ry_undeliverable_cause cause)
{
    const struct ry_undeliverable *message = expect(desk, session, RY_TAG_undeliverable);
    assert_true(message->id == id);
    assert_int_equal(message->cause, cause);
}

static uint32_t join(struct desk *desk, enum ry_role role, unsigned capacity)
{
    char name[40], owner[64];
    uint32_t session = router_desk_join(desk->router, role, capacity, RY_LOCALITY_THREAD, name);
    const struct ry_welcome *welcome = expect(desk, session, RY_TAG_welcome);
    assert_int_equal(welcome->session, session);
    /* Its previous incarnations begin with desk/NAME/. */
    (void)snprintf(owner, sizeof owner, "desk/%s/7.%u", name, session);
    assert_true(ry_str_is(welcome->owner, owner));
    return session;
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

static void hello_is_checked(void **state)
{
    struct desk *desk = *state;
    const struct ry_hello good = {.version = RY_PROTO_VERSION, .role = RY_ROLE_WRITER, .name = RY_STR("w")};
    uint32_t session;
    assert_int_equal(ry_router_join(desk->router, &good, UINT32_MAX, RY_LOCALITY_THREAD, &session, NULL), RY_OK);
    const struct {
        struct ry_hello hello;
        uint32_t allowed;
        int rc;
    } cases[] = {
        {{.version = 9, .role = RY_ROLE_WRITER, .name = RY_STR("a")}, UINT32_MAX, RY_EINVAL},
        {{.version = 1, .role = RY_ROLE_ROUTER, .name = RY_STR("a")}, UINT32_MAX, RY_EINVAL},
        {{.version = 1, .role = 40, .name = RY_STR("a")}, UINT32_MAX, RY_EINVAL},
        {{.version = 1, .role = RY_ROLE_WRITER, .name = RY_STR("a")}, RY_ROLE_BIT(RY_ROLE_ENCODER), RY_EACCES},
        {{.version = 1, .role = RY_ROLE_ENCODER, .name = RY_STR("w")}, UINT32_MAX, RY_EBUSY},
        {{.version = 1, .role = RY_ROLE_WRITER, .name = RY_STR("a"), .capacity = 70000}, UINT32_MAX, RY_EINVAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            ry_router_join(desk->router, &cases[i].hello, cases[i].allowed, RY_LOCALITY_THREAD, &session, NULL),
            cases[i].rc);
    assert_int_equal(desk->router->rejected, sizeof cases / sizeof *cases);
}

static void session_is_never_given_twice(void **state)
{
    struct desk *desk = *state;
    uint32_t first = join(desk, RY_ROLE_ENCODER, 1);
    ry_router_gone(desk->router, first, true);
    for (unsigned i = 0; i < 3 * INSTANCE_SLOTS; i++) {
        uint32_t session = join(desk, RY_ROLE_ENCODER, 1);
        assert_true(session != first);
        ry_router_gone(desk->router, session, true);
    }
}

/* ---- handing out ------------------------------------------------------------------------------------------------- */

static void instance_gets_no_more_than_its_credit(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 1);
    uint64_t first = ask_writer(desk, monitor), second = ask_writer(desk, monitor);
    expect_mail(desk, writer, RY_TAG_archive_get, first, 1);
    expect_nothing(desk);
    say_done(desk, writer, first);
    expect_mail(desk, writer, RY_TAG_archive_get, second, 1);
    const struct ry_credit quiet = {.capacity = 0};
    say_done(desk, writer, second);
    (void)say(desk, writer, RY_TAG_credit, &quiet, 0);
    (void)ask_writer(desk, monitor);
    expect_nothing(desk);
}

static void mail_goes_to_the_instance_with_most_free_credit(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1);
    uint32_t small = join(desk, RY_ROLE_WRITER, 2), large = join(desk, RY_ROLE_WRITER, 3);
    expect_mail(desk, large, RY_TAG_archive_get, ask_writer(desk, monitor), 1);
    expect_mail(desk, small, RY_TAG_archive_get, ask_writer(desk, monitor), 1); /* equal: the one served longest ago */
    expect_mail(desk, large, RY_TAG_archive_get, ask_writer(desk, monitor), 1);
}

static void request_of_a_source_that_finds_no_room_but_its_own_place_comes_back(void **state)
{
    struct desk *desk = *state;
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 1), monitor = join(desk, RY_ROLE_MONITOR, 1);
    desk->router->options.mailbox_max = 12; /* six roles may send to the writer: two places each */
    for (int i = 0; i < 3; i++)
        (void)say(desk, scheduler, RY_TAG_clip_failed, &clip_failed, 0);
    uint64_t fourth = say(desk, scheduler, RY_TAG_clip_failed, &clip_failed, 0);
    expect_undeliverable(desk, scheduler, fourth, RY_UNDELIVERABLE_FULL);
    assert_int_equal(ry_router_role_load(desk->router, RY_ROLE_WRITER), 3);
    (void)join(desk, RY_ROLE_WRITER, 0); /* somebody is there, who takes nothing yet */
    for (int i = 0; i < 3; i++)          /* another role has a share of its own */
        (void)ask_writer(desk, monitor);
    expect_nothing(desk);
    uint64_t refused = ask_writer(desk, monitor);
    expect_undeliverable(desk, monitor, refused, RY_UNDELIVERABLE_FULL);
}

static void mailbox_is_bounded_in_bytes(void **state)
{
    struct desk *desk = *state;
    uint32_t ingester = join(desk, RY_ROLE_INGESTER, 1);
    char *large = calloc(1, 150000);
    const struct ry_job_run job = {
        .job_id = RY_STR("j"), .type = RY_STR("messages"), .token = 1, .job = {.p = large, .n = 150000}};
    (void)say(desk, ingester, RY_TAG_job_run, &job, 0); /* may overshoot by itself */
    (void)say(desk, ingester, RY_TAG_job_run, &job, 0); /* the source's own place */
    uint64_t third = say(desk, ingester, RY_TAG_job_run, &job, 0);
    expect_undeliverable(desk, ingester, third, RY_UNDELIVERABLE_FULL);
    free(large);
}

static const struct ry_job_run job_run = {
    .job_id = RY_STR("j"), .type = RY_STR("messages"), .token = 1, .job = {.p = "{}", .n = 2}};
static const struct ry_batch_write batch_write = {
    .job_id = RY_STR("j"), .token = 1, .guild_id = RY_STR("1"), .channel_id = RY_STR("2")};

static void mail_waits_until_its_work_has_a_place(void **state)
{
    struct desk *desk = *state;
    uint32_t ingester = join(desk, RY_ROLE_INGESTER, 1), scheduler = join(desk, RY_ROLE_SCHEDULER, 1);
    uint32_t scanner = join(desk, RY_ROLE_SCANNER, 8);
    (void)say(desk, scheduler, RY_TAG_clip_failed, &clip_failed, 0);
    uint64_t job = say(desk, ingester, RY_TAG_job_run, &job_run, 0);
    uint64_t next = say(desk, ingester, RY_TAG_job_run, &job_run, 0);
    expect_mail(desk, scanner, RY_TAG_job_run, job, 1); /* the scanner's one place at the writer is promised now */
    expect_nothing(desk);
    (void)say(desk, scheduler, RY_TAG_clip_failed, &clip_failed, 0); /* the source's own place */
    uint64_t refused = say(desk, scheduler, RY_TAG_clip_failed, &clip_failed, 0);
    expect_undeliverable(desk, scheduler, refused, RY_UNDELIVERABLE_FULL);
    (void)say(desk, scanner, RY_TAG_batch_write, &batch_write, job); /* and is there for the scanner */
    expect_nothing(desk);
    assert_int_equal(ry_router_role_load(desk->router, RY_ROLE_WRITER), 3);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 8);
    (void)ry_router_turn(desk->router);
    (void)expect(desk, writer, RY_TAG_clip_failed);
    (void)expect(desk, writer, RY_TAG_clip_failed);
    (void)expect(desk, writer, RY_TAG_batch_write);
    expect_nothing(desk); /* the scanner may send another one for the mail that it works on */
    say_done(desk, scanner, job);
    expect_mail(desk, scanner, RY_TAG_job_run, next, 1);
}

/* origin 0: it is one itself. */
static uint64_t say_sample(struct desk *desk, uint32_t session, enum ry_tag tag, uint64_t origin)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
    struct ry_frames frames = {.n = 0};
    uint64_t id = say(desk, session, tag, sample_make(ry_descriptor(tag), SAMPLE_TYPICAL, &arena, &frames), origin);
    ry_frames_clear(&frames);
    return id;
}

/* The downloader may send to the writer (a failure) and waits for the encoder, which waits for storage, which needs a
 * place at the writer: a promise to the first must not take the place of the last. */
static void role_that_waits_does_not_hold_the_place_that_it_waits_for(void **state)
{
    struct desk *desk = *state;
    desk->router->options.mailbox_max = 1;
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 1), downloader = join(desk, RY_ROLE_DOWNLOADER, 8);
    uint32_t encoder = join(desk, RY_ROLE_ENCODER, 8), storage = join(desk, RY_ROLE_STORAGE, 8);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 8);
    uint64_t make = say_sample(desk, scheduler, RY_TAG_thumbnail_make, 0);
    expect_mail(desk, downloader, RY_TAG_thumbnail_make, make, 1);
    uint64_t encode = say_sample(desk, downloader, RY_TAG_encode_run, make);
    expect_mail(desk, encoder, RY_TAG_encode_run, encode, 1);
    uint64_t store = say_sample(desk, encoder, RY_TAG_thumbnail_store, make);
    expect_mail(desk, storage, RY_TAG_thumbnail_store, store, 1);
    expect_mail(desk, writer, RY_TAG_clip_completed, say_sample(desk, storage, RY_TAG_clip_completed, make), 1);
}

static void mail_past_its_deadline_is_not_handed_out(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), writer = join(desk, RY_ROLE_WRITER, 0);
    struct ry_envelope head = {
        .id = next_id(desk, monitor), .tag = RY_TAG_archive_get, .deadline_wall_ms = BED_START_WALL_MS + 100};
    assert_int_equal(say_head(desk, monitor, &head, &archive_get), RY_OK);
    int64_t wake_mono_ms = ry_router_turn(desk->router);
    assert_true(wake_mono_ms == desk->clock.now_mono_ms + 100);
    ry_clock_manual_advance(&desk->clock, 99);
    expect_nothing(desk);
    ry_clock_manual_advance(&desk->clock, 1);
    assert_true(ry_router_turn(desk->router) == INT64_MAX);
    expect_undeliverable(desk, monitor, head.id, RY_UNDELIVERABLE_EXPIRED);
    const struct ry_credit credit = {.capacity = 4};
    (void)say(desk, writer, RY_TAG_credit, &credit, 0);
    expect_nothing(desk);
    assert_int_equal(ry_router_load(desk->router), 0);
}

static void people_are_not_kept_waiting_for_a_role_that_is_not_there(void **state)
{
    struct desk *desk = *state;
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0);
    uint64_t id = ask_writer(desk, console);
    expect_undeliverable(desk, console, id, RY_UNDELIVERABLE_REFUSED);
}

static void role_that_stops_gets_no_new_mail(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), writer = join(desk, RY_ROLE_WRITER, 4);
    ry_router_stop_role(desk->router, RY_ROLE_WRITER);
    (void)expect(desk, writer, RY_TAG_stop);
    uint64_t id = ask_writer(desk, monitor);
    ry_router_stop_role(desk->router, RY_ROLE_WRITER); /* is asked once */
    expect_nothing(desk);
    ry_router_gone(desk->router, writer, true); /* and who asked is not left waiting */
    expect_undeliverable(desk, monitor, id, RY_UNDELIVERABLE_REFUSED);
    assert_int_equal(ry_router_load(desk->router), 0);
}

static void hints_for_a_role_that_has_stopped_are_dropped(void **state)
{
    struct desk *desk = *state;
    uint32_t writer = join(desk, RY_ROLE_WRITER, 4), scheduler = join(desk, RY_ROLE_SCHEDULER, 4);
    const struct ry_clips_pending hint = {.count = 1};
    uint64_t dropped = desk->router->dropped_events;
    ry_router_stop_role(desk->router, RY_ROLE_SCHEDULER);
    (void)expect(desk, scheduler, RY_TAG_stop);
    (void)say(desk, writer, RY_TAG_clips_pending, &hint, 0);
    ry_router_gone(desk->router, scheduler, true);
    assert_int_equal(ry_router_load(desk->router), 0); /* a drain is complete without them */
    assert_int_equal(desk->router->dropped_events, dropped + 1);
}

/* ---- custody ----------------------------------------------------------------------------------------------------- */

static void mail_of_one_that_died_goes_to_another_as_tried(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), first = join(desk, RY_ROLE_WRITER, 2);
    uint64_t a = ask_writer(desk, monitor), b = ask_writer(desk, monitor);
    expect_mail(desk, first, RY_TAG_archive_get, a, 1);
    expect_mail(desk, first, RY_TAG_archive_get, b, 1);
    uint64_t c = ask_writer(desk, monitor);
    ry_router_gone(desk->router, first, false);
    uint32_t second = join(desk, RY_ROLE_WRITER, 3);
    expect_mail(desk, second, RY_TAG_archive_get, a, 2); /* in the old order, before what came later */
    expect_mail(desk, second, RY_TAG_archive_get, b, 2);
    expect_mail(desk, second, RY_TAG_archive_get, c, 1);
    assert_int_equal(desk->router->role_queues[RY_ROLE_WRITER].redelivered, 2);
}

static void bye_costs_no_attempt(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1);
    uint64_t id = 0;
    for (int i = 0; i < 10; i++) {
        uint32_t writer = join(desk, RY_ROLE_WRITER, 2);
        if (id == 0)
            id = ask_writer(desk, monitor);
        expect_mail(desk, writer, RY_TAG_archive_get, id, 1);
        (void)say(desk, writer, RY_TAG_bye, &(struct ry_bye){0}, 0);
        assert_false(ry_router_knows(desk->router, writer));
    }
}

static void mail_that_kills_everyone_is_a_dead_letter(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 1);
    uint64_t id = ask_writer(desk, monitor);
    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        expect_mail(desk, writer, RY_TAG_archive_get, id, attempt);
        ry_router_gone(desk->router, writer, false);
        if (attempt < 3)
            writer = join(desk, RY_ROLE_WRITER, 1);
    }
    expect_undeliverable(desk, monitor, id, RY_UNDELIVERABLE_DEAD);
    assert_int_equal(ry_router_load(desk->router), 1); /* the letter waits for an ingester */
    uint32_t ingester = join(desk, RY_ROLE_INGESTER, 1);
    (void)ry_router_turn(desk->router);
    const struct ry_mail_dead *dead = expect(desk, ingester, RY_TAG_mail_dead);
    assert_true(dead->id == id);
    assert_int_equal(dead->attempts, 3);
    assert_true(ry_str_is(dead->role, "writer"));
    assert_true(ry_str_is(dead->message, "archive_get"));
    struct ry_envelope kept;
    assert_int_equal(ry_mail_thaw((struct ry_str){dead->mail.p, dead->mail.n}, &kept, NULL, 0, NULL), RY_OK);
    assert_true(kept.id == id);
    say_done(desk, ingester, desk->envelope.id);
    assert_int_equal(ry_router_load(desk->router), 0);
}

static void failed_mail_is_tried_again_or_buried(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), writer = join(desk, RY_ROLE_WRITER, 1);
    uint64_t id = ask_writer(desk, monitor);
    expect_mail(desk, writer, RY_TAG_archive_get, id, 1);
    say_fail(desk, writer, id, true, "busy");
    expect_mail(desk, writer, RY_TAG_archive_get, id, 2);
    say_fail(desk, writer, id, false, "nonsense");
    const struct ry_undeliverable *told = expect(desk, monitor, RY_TAG_undeliverable);
    assert_true(ry_str_is(told->reason, "nonsense"));
    assert_int_equal(desk->router->role_queues[RY_ROLE_WRITER].dead, 1);
}

/* An encoder is given a clip, says these images, and is done; the mail's id. */
static uint64_t say_images(struct desk *desk, uint32_t downloader, uint32_t encoder, uint64_t origin,
                           const struct ry_thumbnail_store *store)
{
    const struct ry_encode_run run = clip_mail_run(store->clip_id);
    expect_mail(desk, downloader, RY_TAG_thumbnail_make, origin, 1);
    uint64_t encode = say(desk, downloader, RY_TAG_encode_run, &run, origin);
    expect_mail(desk, encoder, RY_TAG_encode_run, encode, 1);
    uint64_t id = say(desk, encoder, RY_TAG_thumbnail_store, store, origin);
    (void)say(desk, encoder, RY_TAG_encode_done, &(struct ry_encode_done){0}, encode);
    (void)expect(desk, downloader, RY_TAG_encode_done);
    say_done(desk, encoder, encode);
    say_done(desk, downloader, origin);
    return id;
}

static void what_can_be_made_again_is_told_to_its_origin_and_leaves_no_dead_letter(void **state)
{
    struct desk *desk = *state;
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 1), encoder = join(desk, RY_ROLE_ENCODER, 1);
    uint32_t storage = join(desk, RY_ROLE_STORAGE, 1), downloader = join(desk, RY_ROLE_DOWNLOADER, 1);
    struct ry_image image = {.size_type = RY_STR("small"), .width = 1, .height = 1, .webp = {"RIFF", 4, NULL}};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("video/mp4")};
    const struct ry_thumbnail_store store = {
        .clip_id = clip_work.clip_id, .guild_id = RY_STR("1"), .images = {&image, 1}, .facts = {&facts, 1}};
    for (unsigned crashes = 0; crashes <= 3; crashes += 3) { /* refused by the storage; three of them died of it */
        uint64_t origin = say(desk, scheduler, RY_TAG_thumbnail_make, &thumbnail_make, 0);
        uint64_t id = say_images(desk, downloader, encoder, origin, &store);
        for (unsigned i = 1; i <= crashes; i++) {
            expect_mail(desk, storage, RY_TAG_thumbnail_store, id, i);
            ry_router_gone(desk->router, storage, false);
            if (i < crashes)
                storage = join(desk, RY_ROLE_STORAGE, 1);
        }
        if (crashes == 0) {
            expect_mail(desk, storage, RY_TAG_thumbnail_store, id, 1);
            say_fail(desk, storage, id, false, "no WebP");
        }
        const struct ry_undeliverable *told = expect(desk, scheduler, RY_TAG_undeliverable);
        assert_true(told->id == id);
        assert_true(told->origin == origin);
        assert_int_equal(told->cause, RY_UNDELIVERABLE_DEAD);
        assert_int_equal(told->class, RY_FAILURE_PASSING);
        assert_int_equal(desk->router->role_queues[RY_ROLE_STORAGE].dead, 0);
        assert_int_equal(ry_router_load(desk->router), 0);
    }
}

static void end_of_a_request_is_told_to_its_origin(void **state)
{
    struct desk *desk = *state;
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 1), downloader = join(desk, RY_ROLE_DOWNLOADER, 1);
    uint64_t origin = say(desk, scheduler, RY_TAG_thumbnail_make, &thumbnail_make, 0);
    expect_mail(desk, downloader, RY_TAG_thumbnail_make, origin, 1);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 1);
    uint64_t id = say(desk, downloader, RY_TAG_clip_failed, &clip_failed, origin);
    expect_mail(desk, writer, RY_TAG_clip_failed, id, 1);
    say_fail(desk, writer, id, false, "no such table");
    const struct ry_undeliverable *told = expect(desk, scheduler, RY_TAG_undeliverable);
    assert_true(told->id == id);
    assert_true(told->origin == origin);
    assert_true(desk->envelope.correlation == origin);
}

static void dead_letter_never_dies(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), writer = join(desk, RY_ROLE_WRITER, 1);
    uint64_t id = ask_writer(desk, monitor);
    expect_mail(desk, writer, RY_TAG_archive_get, id, 1);
    say_fail(desk, writer, id, false, "nonsense");
    (void)expect(desk, monitor, RY_TAG_undeliverable);
    for (unsigned i = 0; i < 10; i++) { /* ingesters die, or cannot store it now */
        uint32_t ingester = join(desk, RY_ROLE_INGESTER, 1);
        (void)ry_router_turn(desk->router);
        (void)expect(desk, ingester, RY_TAG_mail_dead);
        if (i % 2) {
            ry_router_gone(desk->router, ingester, false);
        } else {
            say_fail(desk, ingester, desk->envelope.id, true, "disk full");
            expect_nothing(desk); /* not at once again */
            ry_clock_manual_advance(&desk->clock, 1000);
            ry_router_gone(desk->router, ingester, true);
        }
        assert_int_equal(ry_router_load(desk->router), 1);
    }
}

/* ---- answers, events, state -------------------------------------------------------------------------------------- */

static void answer_goes_past_every_queue(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 0), writer = join(desk, RY_ROLE_WRITER, 2);
    uint64_t first = ask_writer(desk, monitor), second = ask_writer(desk, monitor);
    expect_mail(desk, writer, RY_TAG_archive_get, first, 1);
    expect_mail(desk, writer, RY_TAG_archive_get, second, 1);
    const struct ry_archive_state answer = {.engine = RY_STR("sqlite")};
    (void)say(desk, writer, RY_TAG_archive_state, &answer, first);
    (void)expect(desk, monitor, RY_TAG_archive_state); /* with no credit and no turn */
    ry_router_gone(desk->router, monitor, false);
    (void)say(desk, writer, RY_TAG_archive_state, &answer, second);
    expect_nothing(desk);
    assert_int_equal(desk->router->dropped_answers, 1);
}

static void instance_that_works_on_mail_can_still_hint(void **state)
{
    struct desk *desk = *state;
    desk->router->options.mailbox_max = 1;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), writer = join(desk, RY_ROLE_WRITER, 1);
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 1);
    expect_mail(desk, writer, RY_TAG_archive_get, ask_writer(desk, monitor), 1);
    const struct ry_clips_pending hint = {.count = 1};
    (void)say(desk, writer, RY_TAG_clips_pending, &hint, 0);
    (void)ry_router_turn(desk->router);
    (void)expect(desk, scheduler, RY_TAG_clips_pending);
}

static void event_without_room_is_dropped(void **state)
{
    struct desk *desk = *state;
    uint32_t writer = join(desk, RY_ROLE_WRITER, 1);
    const struct ry_clips_pending hint = {.count = 1};
    (void)say(desk, writer, RY_TAG_clips_pending, &hint, 0); /* nobody is there */
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    /* The encoder may speak to it too, so the writer's share of its places is half. */
    for (int i = 0; i < 3; i++)
        (void)say(desk, writer, RY_TAG_clips_pending, &hint, 0);
    assert_int_equal(desk->router->dropped_events, 3);
    const struct ry_credit credit = {.capacity = 1};
    (void)say(desk, scheduler, RY_TAG_credit, &credit, 0);
    (void)ry_router_turn(desk->router);
    (void)expect(desk, scheduler, RY_TAG_clips_pending); /* takes no credit */
    assert_int_equal(ry_router_load(desk->router), 0);
}

static void counters_outlive_their_instance(void **state)
{
    struct desk *desk = *state;
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0);
    for (int i = 0; i < 2; i++) {
        uint32_t writer = join(desk, RY_ROLE_WRITER, 1);
        for (uint64_t total = 5; total <= 10; total += 5) { /* totals, not differences */
            struct ry_counter_value value = {.index = RY_COUNTER_rows_written, .value = total};
            const struct ry_report report = {.busy_ms = 3, .counters = {&value, 1}};
            (void)say(desk, writer, RY_TAG_report, &report, 0);
        }
        if (i == 0)
            ry_router_gone(desk->router, writer, false);
    }
    uint64_t id = say(desk, console, RY_TAG_node_get, &(struct ry_node_get){0}, 0);
    const struct ry_node_state *node = expect(desk, console, RY_TAG_node_state);
    assert_true(desk->envelope.correlation == id);
    assert_int_equal(node->counters.n, 1);
    assert_int_equal(node->counters.items[0].index, RY_COUNTER_rows_written);
    assert_int_equal(node->counters.items[0].value, 20);
    assert_int_equal(node->instances.n, 2);
    assert_int_equal(node->instances.items[1].busy_ms, 3);
}

static void state_tells_what_an_instance_waits_for_until_it_takes_it_back(void **state)
{
    struct desk *desk = *state;
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0), storage = join(desk, RY_ROLE_STORAGE, 1);
    static const char *const said[] = {"cannot make /thumbs: Read-only file system", NULL};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const struct ry_report report = {.trouble = ry_str_of(said[i])};
        (void)say(desk, storage, RY_TAG_report, &report, 0);
        (void)say(desk, console, RY_TAG_node_get, &(struct ry_node_get){0}, 0);
        const struct ry_node_state *node = expect(desk, console, RY_TAG_node_state);
        assert_int_equal(node->instances.n, 2);
        size_t at = ry_str_is(node->instances.items[0].role, "storage") ? 0 : 1;
        assert_true(ry_str_is(node->instances.items[at].trouble, said[i]));
        assert_null(node->instances.items[1 - at].trouble.p);
    }
}

static const struct ry_role_state *ask_role(struct desk *desk, uint32_t console, enum ry_role role)
{
    (void)say(desk, console, RY_TAG_node_get, &(struct ry_node_get){0}, 0);
    const struct ry_node_state *node = expect(desk, console, RY_TAG_node_state);
    for (size_t i = 0; i < node->roles.n; i++)
        if (ry_str_is(node->roles.items[i].role, ry_role_name(role)))
            return &node->roles.items[i];
    fail_msg("the state has no %s", ry_role_name(role));
    return NULL;
}

static void totals_of_a_role_outlive_its_instances(void **state)
{
    struct desk *desk = *state;
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0), monitor = join(desk, RY_ROLE_MONITOR, 0);
    for (unsigned i = 1; i <= 2; i++) {
        uint32_t writer = join(desk, RY_ROLE_WRITER, 4);
        uint64_t id = ask_writer(desk, monitor);
        expect_mail(desk, writer, RY_TAG_archive_get, id, 1);
        say_done(desk, writer, id);
        for (uint64_t busy_ms = 20; busy_ms <= 50; busy_ms += 30) /* totals, not differences */
            (void)say(desk, writer, RY_TAG_report, &(struct ry_report){.busy_ms = busy_ms}, 0);
        const struct ry_role_state *role = ask_role(desk, console, RY_ROLE_WRITER);
        assert_int_equal(role->done, i);
        assert_int_equal(role->busy_ms, 50 * i);
        assert_int_equal(role->instances, 1);
        assert_int_equal(role->capacity, 4);
        ry_router_gone(desk->router, writer, true);
    }
    const struct ry_role_state *role = ask_role(desk, console, RY_ROLE_WRITER);
    assert_int_equal(role->instances, 0);
    assert_int_equal(role->busy_ms, 100);
}

static void busy_fraction_is_of_the_last_seconds(void **state)
{
    struct desk *desk = *state;
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0);
    uint32_t writers[] = {join(desk, RY_ROLE_WRITER, 1), join(desk, RY_ROLE_WRITER, 1)};
    /* Every five seconds the first one has worked for so long, the second one not at all. */
    static const struct {
        uint64_t busy_ms;
        uint64_t permille; /* of both */
    } steps[] = {{5000, 500}, {5000, 500}, {0, 333}, {0, 0}, {0, 0}, {0, 0}, {2000, 66}, {2000, 200}};
    uint64_t busy_ms = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        ry_clock_manual_advance(&desk->clock, 5000);
        (void)ry_router_turn(desk->router); /* looks at the clock anew */
        busy_ms += steps[i].busy_ms;
        (void)say(desk, writers[0], RY_TAG_report, &(struct ry_report){.busy_ms = busy_ms}, 0);
        assert_int_equal(ask_role(desk, console, RY_ROLE_WRITER)->busy_permille, steps[i].permille);
    }
}

static void replayed_mail_starts_anew(void **state)
{
    struct desk *desk = *state;
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0), writer = join(desk, RY_ROLE_WRITER, 4);
    RY_BUF_AUTO frozen = ry_buf_make(4096);
    const struct ry_envelope old = {
        .id = 77, .correlation = 78, .tag = RY_TAG_archive_get, .attempt = 3, .body = RY_STR("\x90")};
    assert_int_equal(ry_mail_freeze(&old, NULL, &frozen), RY_OK);
    const struct ry_mail_replay replay = {.mail = {.p = frozen.p, .n = frozen.n}};
    (void)say(desk, console, RY_TAG_mail_replay, &replay, 0);
    assert_true(((const struct ry_replayed *)expect(desk, console, RY_TAG_replayed))->accepted);
    (void)ry_router_turn(desk->router);
    (void)expect(desk, writer, RY_TAG_archive_get);
    assert_int_equal(desk->envelope.attempt, 1);
    assert_int_equal(RY_SESSION_OF(desk->envelope.correlation), ROUTER_SESSION);
    const struct ry_archive_state answer = {.engine = RY_STR("sqlite")};
    (void)say(desk, writer, RY_TAG_archive_state, &answer, desk->envelope.id);
    expect_nothing(desk); /* its asker is history */
    const struct ry_mail_replay garbage = {.mail = {.p = "garbage", .n = 7}};
    (void)say(desk, console, RY_TAG_mail_replay, &garbage, 0);
    assert_false(((const struct ry_replayed *)expect(desk, console, RY_TAG_replayed))->accepted);
}

static void what_may_not_be_said_changes_nothing(void **state)
{
    struct desk *desk = *state;
    uint32_t monitor = join(desk, RY_ROLE_MONITOR, 1), writer = join(desk, RY_ROLE_WRITER, 4);
    uint64_t id = ask_writer(desk, monitor);
    expect_mail(desk, writer, RY_TAG_archive_get, id, 1);
    const struct ry_done done = {.ids = {.p = &id, .n = sizeof id}};
    const struct {
        const char *claim;
        uint32_t session;
        struct ry_envelope head;
        const void *message;
    } lies[] = {
        {"an id in custody again", monitor, {.id = id, .tag = RY_TAG_archive_get}, &archive_get},
        {"an id of another", writer, {.id = id, .tag = RY_TAG_clips_pending}, &(struct ry_clips_pending){.count = 1}},
        {"mail that somebody else holds", monitor, {.id = id + 50, .tag = RY_TAG_done}, &done},
        {"nobody's session", 12345678, {.id = 1, .tag = RY_TAG_archive_get}, &archive_get},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct ry_envelope head = lies[i].head;
        if (say_head(desk, lies[i].session, &head, lies[i].message) != RY_EINVAL)
            fail_msg("%s was taken", lies[i].claim);
    }
    assert_int_equal(desk->router->rejected, sizeof lies / sizeof *lies);
    assert_int_equal(ry_router_load(desk->router), 1);
    expect_nothing(desk);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hello_is_checked),
        TEST(session_is_never_given_twice),
        TEST(instance_gets_no_more_than_its_credit),
        TEST(mail_goes_to_the_instance_with_most_free_credit),
        TEST(request_of_a_source_that_finds_no_room_but_its_own_place_comes_back),
        TEST(mailbox_is_bounded_in_bytes),
        TEST(mail_waits_until_its_work_has_a_place),
        TEST(role_that_waits_does_not_hold_the_place_that_it_waits_for),
        TEST(mail_past_its_deadline_is_not_handed_out),
        TEST(people_are_not_kept_waiting_for_a_role_that_is_not_there),
        TEST(role_that_stops_gets_no_new_mail),
        TEST(hints_for_a_role_that_has_stopped_are_dropped),
        TEST(mail_of_one_that_died_goes_to_another_as_tried),
        TEST(bye_costs_no_attempt),
        TEST(mail_that_kills_everyone_is_a_dead_letter),
        TEST(failed_mail_is_tried_again_or_buried),
        TEST(what_can_be_made_again_is_told_to_its_origin_and_leaves_no_dead_letter),
        TEST(end_of_a_request_is_told_to_its_origin),
        TEST(dead_letter_never_dies),
        TEST(answer_goes_past_every_queue),
        TEST(instance_that_works_on_mail_can_still_hint),
        TEST(event_without_room_is_dropped),
        TEST(counters_outlive_their_instance),
        TEST(state_tells_what_an_instance_waits_for_until_it_takes_it_back),
        TEST(totals_of_a_role_outlive_its_instances),
        TEST(busy_fraction_is_of_the_last_seconds),
        TEST(replayed_mail_starts_anew),
        TEST(what_may_not_be_said_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
