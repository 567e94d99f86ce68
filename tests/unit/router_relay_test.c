/* router_relay_test.c: which mail the router gives to the relay, and what it tells it of mail that the relay brought.
 */
#include "tests/bed/bed.h"
#include "tests/bed/sample.h"
#include "tests/bed/clip_mail.h"
#include "tests/bed/router_desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "runtime/bus/router_internal.h"

struct desk {
    struct ry_router *router;
    struct ry_clock_manual clock;
    uint32_t last_id;
    /* What was emitted, newest last: to whom, and its head. */
    struct {
        uint32_t session;
        struct ry_envelope head;
        struct ry_mail_settled settled;
        struct ry_undeliverable lost;
        char why[200];
    } said[64];
    size_t said_count;
};

static void take(void *arg, uint32_t session, struct ry_str bytes, struct ry_frame *const *frames, size_t frame_count)
{
    struct desk *desk = arg;
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
    struct ry_error err;
    void *body = NULL;
    assert_true(desk->said_count < 64);
    assert_int_equal(ry_envelope_unpack(bytes, &desk->said[desk->said_count].head, &err), RY_OK);
    uint16_t tag = desk->said[desk->said_count].head.tag;
    desk->said[desk->said_count].session = session;
    assert_int_equal(
        ry_unpack(ry_descriptor(tag), desk->said[desk->said_count].head.body, frames, frame_count, &arena, &body, &err),
        RY_OK);
    if (tag == RY_TAG_mail_settled)
        desk->said[desk->said_count].settled = *(const struct ry_mail_settled *)body;
    if (tag == RY_TAG_undeliverable) {
        desk->said[desk->said_count].lost = *(const struct ry_undeliverable *)body;
        (void)snprintf(desk->said[desk->said_count].why, sizeof desk->said[0].why, "%.*s",
                       RY_STR_ARG(desk->said[desk->said_count].lost.reason));
    }
    desk->said_count += tag != RY_TAG_welcome;
}

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    ry_clock_manual_init(&desk->clock, BED_START_WALL_MS);
    const struct ry_router_options options = {.node = "desk",
                                              .clock = &desk->clock.clock,
                                              .mailbox_max = 64,
                                              .mailbox_max_bytes = 1000000,
                                              .attempts_max = 3,
                                              .turns_between_checks = 1,
                                              .emit = take,
                                              .emit_arg = desk};
    assert_int_equal(ry_router_new(&desk->router, &options, NULL), RY_OK);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    ry_router_free(&desk->router);
    free(desk);
    return 0;
}

static uint64_t say(struct desk *desk, uint32_t session, enum ry_tag tag, const void *message, uint64_t correlation)
{
    struct ry_envelope head = {
        .id = (uint64_t)session << 32 | ++desk->last_id, .correlation = correlation, .tag = (uint16_t)tag};
    assert_int_equal(router_desk_say(desk->router, session, &head, message), RY_OK);
    return head.id;
}

static uint32_t join(struct desk *desk, enum ry_role role, unsigned capacity)
{
    return router_desk_join(desk->router, role, capacity, RY_LOCALITY_THREAD, NULL);
}

static void reach(struct desk *desk, uint32_t relay, uint32_t roles, uint32_t shared, uint64_t window)
{
    const struct ry_relay_reach message = {.roles = roles, .shared = shared, .window = window};
    (void)say(desk, relay, RY_TAG_relay_reach, &message, 0);
}

static void done(struct desk *desk, uint32_t session, uint64_t id)
{
    const struct ry_done message = {.ids = {.p = &id, .n = sizeof id}};
    (void)say(desk, session, RY_TAG_done, &message, 0);
}

static uint64_t tell_writer(struct desk *desk, uint32_t from)
{
    const struct ry_clip_failed failed = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                          .reason = RY_STR("because")};
    return say(desk, from, RY_TAG_clip_failed, &failed, 0);
}

/* After a turn, how many mails were given to a session since the last look. */
static size_t given(struct desk *desk, uint32_t session, enum ry_tag tag)
{
    (void)ry_router_turn(desk->router);
    size_t n = 0;
    for (size_t i = 0; i < desk->said_count; i++)
        n += desk->said[i].session == session && desk->said[i].head.tag == tag;
    desk->said_count = 0;
    return n;
}

static const struct ry_mail_settled *settled_of(struct desk *desk, uint32_t relay, uint64_t id)
{
    for (size_t i = 0; i < desk->said_count; i++)
        if (desk->said[i].session == relay && desk->said[i].head.tag == RY_TAG_mail_settled &&
            desk->said[i].settled.id == id)
            return &desk->said[i].settled;
    fail_msg("the relay was not told of the end");
    return NULL;
}

#define WRITER RY_ROLE_BIT(RY_ROLE_WRITER)

static void relay_gets_what_nobody_here_has(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    (void)tell_writer(desk, scheduler);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 0); /* no node has writers */
    reach(desk, relay, WRITER, 0, 2);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 1);
    uint64_t second = tell_writer(desk, scheduler);
    (void)tell_writer(desk, scheduler);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 1); /* its window is full */
    done(desk, relay, second);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 1);
}

static void relay_gets_nothing_of_a_role_that_is_here_or_was_a_moment_ago(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 1);
    reach(desk, relay, WRITER, 0, 8);
    for (unsigned i = 0; i < 3; i++)
        (void)tell_writer(desk, scheduler);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 0);
    ry_router_gone(desk->router, writer, true);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 0);
    ry_clock_manual_advance(&desk->clock, 10001);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 3);
}

static void relay_gets_of_a_shared_role_what_nobody_has_room_for(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 2);
    reach(desk, relay, WRITER, WRITER, 8);
    for (unsigned i = 0; i < 3; i++)
        (void)tell_writer(desk, scheduler);
    (void)ry_router_turn(desk->router);
    size_t here = 0, there = 0;
    for (size_t i = 0; i < desk->said_count; i++) {
        here += desk->said[i].session == writer;
        there += desk->said[i].session == relay;
    }
    assert_int_equal(here, 2);
    assert_int_equal(there, 1);
}

static void what_the_relay_brought_stays_and_its_end_is_told(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), writer = join(desk, RY_ROLE_WRITER, 1);
    reach(desk, relay, WRITER, WRITER, 8);
    uint64_t first = tell_writer(desk, relay), second = tell_writer(desk, relay);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 0); /* though it is shared, and only one finds room */
    const struct ry_clip_failed follows = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                           .reason = RY_STR("because")};
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    (void)say(desk, scheduler, RY_TAG_clip_failed, &follows, first);
    done(desk, writer, first);
    (void)ry_router_turn(desk->router);
    const struct ry_mail_settled *told = settled_of(desk, relay, first);
    assert_int_equal(told->origin, first);
    assert_int_equal(told->left, 1); /* what follows from it still waits for a writer */
    desk->said_count = 0;
    done(desk, writer, second);
    (void)ry_router_turn(desk->router);
    assert_int_equal(settled_of(desk, relay, second)->left, 0);
}

static void relay_alone_may_speak_for_others_and_there_is_one(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), writer = join(desk, RY_ROLE_WRITER, 1);
    uint32_t scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    struct ry_hello hello = {.version = RY_PROTO_VERSION, .role = RY_ROLE_RELAY, .name = RY_STR("second"), .pid = 1};
    uint32_t session = 0;
    assert_int_equal(ry_router_join(desk->router, &hello, UINT32_MAX, RY_LOCALITY_THREAD, &session, NULL), RY_EBUSY);
    /* An undeliverable of another node reaches whom it concerns, if the relay has that mail, and nobody but the relay
     * may say one. */
    const struct ry_undeliverable lost = {
        .id = 7, .origin = 7, .tag = RY_TAG_clip_failed, .cause = RY_UNDELIVERABLE_DEAD, .reason = RY_STR("it died")};
    (void)say(desk, relay, RY_TAG_undeliverable, &lost, (uint64_t)scheduler << 32 | 9);
    assert_int_equal(given(desk, scheduler, RY_TAG_undeliverable), 0);
    ry_router_gone(desk->router, writer, true);
    (void)ry_router_turn(desk->router);
    ry_clock_manual_advance(&desk->clock, 10001);
    reach(desk, relay, WRITER, 0, 8);
    uint64_t mail = tell_writer(desk, scheduler);
    assert_int_equal(given(desk, relay, RY_TAG_clip_failed), 1);
    (void)say(desk, relay, RY_TAG_undeliverable, &lost, mail);
    assert_int_equal(given(desk, scheduler, RY_TAG_undeliverable), 1);
    writer = join(desk, RY_ROLE_WRITER, 1);
    RY_BUF_AUTO body = ry_buf_make(1 << 12);
    RY_BUF_AUTO bytes = ry_buf_make(1 << 12);
    struct ry_frames frames;
    frames.n = 0;
    assert_int_equal(ry_pack(ry_descriptor(RY_TAG_undeliverable), &lost, &body, &frames, NULL), RY_OK);
    struct ry_envelope head = {.id = (uint64_t)writer << 32 | 1,
                               .correlation = (uint64_t)scheduler << 32 | 9,
                               .tag = RY_TAG_undeliverable,
                               .attempt = 1,
                               .body = ry_buf_str(&body)};
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    assert_int_equal(ry_router_take(desk->router, writer, ry_buf_str(&bytes), NULL, 0, NULL), RY_EINVAL);
    assert_int_equal(given(desk, scheduler, RY_TAG_undeliverable), 0);
}

#define CLIP "0123456789abcdef0123456789abcdef"

static uint64_t tell_clip(struct desk *desk, uint32_t session, const char *clip_id, uint64_t correlation)
{
    const struct ry_clip_failed failed = {.clip_id = ry_str_of(clip_id), .reason = RY_STR("because")};
    return say(desk, session, RY_TAG_clip_failed, &failed, correlation);
}

/* Of what began on this node another one may say only what follows from the mail that was given to it. */
static void relay_is_held_to_the_mails_that_it_was_given(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    uint32_t writer = join(desk, RY_ROLE_WRITER, 8);
    uint64_t never = (uint64_t)scheduler << 32 | 4711;
    const struct ry_clip_settled settled = {.clip_id = RY_STR(CLIP), .completed = true};
    reach(desk, relay, RY_ROLE_BIT(RY_ROLE_DOWNLOADER), 0, 8);
    (void)tell_clip(desk, relay, CLIP, never);
    (void)say(desk, relay, RY_TAG_clip_settled, &settled, never);
    assert_int_equal(given(desk, writer, RY_TAG_clip_failed), 0);
    assert_int_equal(given(desk, scheduler, RY_TAG_clip_settled), 0);
    struct ry_clip_work work = clip_mail_work(RY_STR(CLIP));
    const struct ry_thumbnail_make make = {.clips = {&work, 1}};
    uint64_t origin = say(desk, scheduler, RY_TAG_thumbnail_make, &make, 0);
    assert_int_equal(given(desk, relay, RY_TAG_thumbnail_make), 1);
    (void)tell_clip(desk, relay, CLIP, origin);
    assert_int_equal(given(desk, writer, RY_TAG_clip_failed), 1);
    (void)say(desk, relay, RY_TAG_clip_settled, &settled, origin);
    assert_int_equal(given(desk, scheduler, RY_TAG_clip_settled), 1);
    done(desk, relay, origin);
    (void)tell_clip(desk, relay, CLIP, origin); /* behind its end */
    assert_int_equal(given(desk, writer, RY_TAG_clip_failed), 0);
    assert_int_equal(desk->router->rejected, 0); /* which is nobody's fault: two nodes may have worked on it */
}

static int try_from_relay(struct desk *desk, uint32_t relay, const struct ry_descriptor *d, uint64_t correlation)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 22);
    RY_BUF_AUTO body = ry_buf_make(1 << 22);
    RY_BUF_AUTO bytes = ry_buf_make(1 << 23);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    const void *sample = sample_make(d, SAMPLE_TYPICAL, &arena, &owned);
    assert_int_equal(ry_pack(d, sample, &body, &frames, NULL), RY_OK);
    struct ry_envelope head = {.id = (uint64_t)relay << 32 | ++desk->last_id,
                               .tag = (uint16_t)d->tag,
                               .attempt = 1,
                               .frame_count = (uint16_t)frames.n,
                               .body = ry_buf_str(&body)};
    head.correlation = correlation ? correlation : head.id;
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    int rc = ry_router_take(desk->router, relay, ry_buf_str(&bytes), frames.items, frames.n, NULL);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
    return rc;
}

static void what_does_not_cross_nodes_is_not_taken_from_the_relay(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1);
    size_t count = 0, refused = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        if (d[i].may->crosses || d[i].kind == RY_KIND_CONTROL)
            continue;
        if (try_from_relay(desk, relay, &d[i], 0) != RY_EINVAL)
            fail_msg("%s was taken from another node", d[i].record.name);
        refused++;
    }
    assert_true(refused >= 8);
    assert_int_equal(ry_router_load(desk->router), 0);
}

static void what_does_not_cross_nodes_is_not_given_to_the_relay_but_comes_back(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1), scheduler = join(desk, RY_ROLE_SCHEDULER, 0);
    reach(desk, relay, RY_ROLE_BIT(RY_ROLE_STORAGE), 0, 8);
    struct ry_str path = RY_STR("thumbnails/a.webp");
    const struct ry_files_delete files = {.paths = {&path, 1}};
    uint64_t id = say(desk, scheduler, RY_TAG_files_delete, &files, 0);
    (void)ry_router_turn(desk->router);
    assert_int_equal(desk->said[desk->said_count - 1].head.tag, RY_TAG_undeliverable);
    assert_true(desk->said[desk->said_count - 1].lost.id == id);
    assert_int_equal(desk->said[desk->said_count - 1].lost.cause, RY_UNDELIVERABLE_FULL);
    assert_string_equal(desk->said[desk->said_count - 1].why,
                        "files_delete does not leave its node, and this one has no storage");
    assert_int_equal(given(desk, relay, RY_TAG_files_delete), 0);
    assert_int_equal(ry_router_load(desk->router), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(relay_gets_what_nobody_here_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relay_gets_nothing_of_a_role_that_is_here_or_was_a_moment_ago, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(relay_gets_of_a_shared_role_what_nobody_has_room_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_relay_brought_stays_and_its_end_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relay_is_held_to_the_mails_that_it_was_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_cross_nodes_is_not_taken_from_the_relay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_cross_nodes_is_not_given_to_the_relay_but_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(relay_alone_may_speak_for_others_and_there_is_one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
