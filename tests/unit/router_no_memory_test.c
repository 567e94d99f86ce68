/* router_no_memory_test.c: a mail for which the router finds no memory is not lost in silence, and spoils none of its
 * sums.
 *
 * malloc is this program's own: it refuses one block when told to, first the first that is asked for, then the second,
 * and so on until none is refused. The router checks its sums each turn (books.c). */
#include "tests/bed/bed.h"

#include <stdlib.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/router_internal.h"
#include "tests/bed/router_desk.h"
#include "tests/bed/skip.h"

#define REFUSALS 20 /* more than there are blocks in what is tried */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static long refuse_in = -1; /* so many blocks are given before one is refused; negative: none is */
static bool refused;

#if !SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool refuses(void)
{
    if (refuse_in < 0 || refuse_in-- > 0)
        return false;
    refused = true;
    return true;
}

void *malloc(size_t n)
{
    return refuses() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return refuses() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return refuses() ? NULL : __libc_realloc(p, n);
}

void free(void *p)
{
    __libc_free(p);
}
#endif

static void begin_refusing(long after)
{
    refuse_in = after;
}

/* What the router said last, without its body; how often it said each. */
static struct {
    uint32_t session;
    struct ry_envelope head;
    unsigned undeliverable, mails;
} heard;

static void hear(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                 size_t frame_count)
{
    (void)arg, (void)frames, (void)frame_count;
    heard.session = session;
    if (ry_envelope_unpack(envelope, &heard.head, NULL) != RY_OK)
        fail_msg("an envelope that does not unpack");
    heard.undeliverable += heard.head.tag == RY_TAG_undeliverable;
    heard.mails +=
        ry_descriptor(heard.head.tag)->kind == RY_KIND_REQUEST || ry_descriptor(heard.head.tag)->kind == RY_KIND_ASK;
    heard.head.body = (struct ry_str){0};
}

static struct ry_clock_manual manual;
static uint32_t last_id;

static struct ry_router *make_router(void)
{
    struct ry_router *router = NULL;
    refused = false;
    ry_clock_manual_init(&manual, BED_START_WALL_MS);
    memset(&heard, 0, sizeof heard);
    const struct ry_router_options options = {.node = "desk",
                                              .clock = &manual.clock,
                                              .mailbox_max = 12,
                                              .mailbox_max_bytes = 100000,
                                              .attempts_max = 3,
                                              .turns_between_checks = 1,
                                              .emit = hear};
    assert_int_equal(ry_router_new(&router, &options, NULL), RY_OK);
    return router;
}

static uint32_t join(struct ry_router *router, enum ry_role role)
{
    return router_desk_join(router, role, 1, RY_LOCALITY_THREAD, NULL);
}

/* A message of a tenant, packed before memory is refused: one block after so many when the router takes it. */
static uint64_t say(struct ry_router *router, uint32_t session, enum ry_tag tag, const void *message, uint64_t origin,
                    uint64_t tenant, long after)
{
    RY_BUF_AUTO body = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    RY_BUF_AUTO bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    struct ry_frames frames;
    struct ry_error err = {0};
    frames.n = 0;
    assert_int_equal(ry_pack(ry_descriptor(tag), message, &body, &frames, &err), RY_OK);
    struct ry_envelope head = {.id = (uint64_t)session << 32 | ++last_id, .tag = (uint16_t)tag, .attempt = 1};
    head.correlation = origin ? origin : head.id;
    head.tenant = tenant;
    head.frame_count = (uint16_t)frames.n;
    head.body = ry_buf_str(&body);
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    begin_refusing(after);
    int rc = ry_router_take(router, session, ry_buf_str(&bytes), frames.items, frames.n, &err);
    refuse_in = -1;
    if (rc != RY_OK)
        fail_msg("%s", err.text);
    ry_frames_clear(&frames);
    return head.id;
}

static struct ry_clip_work clip_work = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                        .guild_id = RY_STR("1"),
                                        .channel_id = RY_STR("2"),
                                        .message_id = RY_STR("3"),
                                        .filename = RY_STR("a.mp4"),
                                        .url = RY_STR("https://cdn.discordapp.com/a.mp4")};
static const struct ry_thumbnail_make thumbnail_make = {.clips = {&clip_work, 1}};
static const struct ry_clip_failed clip_failed = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                                  .reason = RY_STR("because")};

/* A downloader says in a place of its own that a clip failed; it may do so once for each mail, and what comes back has
 * not been said. */
static void mail_that_finds_no_memory_comes_back_to_its_sender(void **state)
{
    (void)state;
    long after = 0;
    bool told_of_each = true;
    do {
        struct ry_router *router = make_router();
        uint32_t scheduler = join(router, RY_ROLE_SCHEDULER), downloader = join(router, RY_ROLE_DOWNLOADER);
        uint64_t make = say(router, scheduler, RY_TAG_thumbnail_make, &thumbnail_make, 0, 1, -1);
        (void)ry_router_turn(router);
        assert_int_equal(heard.session, downloader);
        uint64_t id = say(router, downloader, RY_TAG_clip_failed, &clip_failed, make, 1, after);
        told_of_each = told_of_each && (heard.undeliverable || !refused);
        assert_int_equal(ry_router_role_load(router, RY_ROLE_WRITER) + heard.undeliverable, 1);
        (void)ry_router_turn(router);
        if (heard.undeliverable) {
            assert_int_equal(heard.session, downloader);
            assert_true(heard.head.correlation == id);
            (void)say(router, downloader, RY_TAG_clip_failed, &clip_failed, make, 1, -1);
            (void)ry_router_turn(router);
            assert_int_equal(ry_router_role_load(router, RY_ROLE_WRITER), 1);
        }
        ry_router_free(&router);
    } while (refused && after++ < REFUSALS);
    assert_true(told_of_each); /* every block that was refused was one that the mail needed */
    assert_between(after, 2, REFUSALS - 1);
}

/* The queue that a mail left for its instance is another tenant's when the instance dies. */
static void mail_that_finds_no_memory_when_it_comes_back_is_told_to_its_origin(void **state)
{
    (void)state;
    long after = 0;
    bool lost = false;
    do {
        struct ry_router *router = make_router();
        uint32_t scheduler = join(router, RY_ROLE_SCHEDULER), downloader = join(router, RY_ROLE_DOWNLOADER);
        uint64_t make = say(router, scheduler, RY_TAG_thumbnail_make, &thumbnail_make, 0, 1, -1);
        (void)ry_router_turn(router);
        (void)say(router, scheduler, RY_TAG_thumbnail_make, &thumbnail_make, 0, 2, -1);
        begin_refusing(after);
        ry_router_gone(router, downloader, false);
        refuse_in = -1;
        assert_int_equal(ry_router_role_load(router, RY_ROLE_DOWNLOADER) + heard.undeliverable, 2);
        if (heard.undeliverable) {
            lost = true;
            assert_int_equal(heard.session, scheduler);
            assert_true(heard.head.correlation == make);
        }
        (void)ry_router_turn(router);
        ry_router_free(&router);
    } while (refused && after++ < REFUSALS);
    assert_true(lost);
    assert_between(after, 1, REFUSALS - 1);
}

static void event_that_finds_no_memory_is_dropped_and_counted(void **state)
{
    (void)state;
    const struct ry_clips_pending pending = {.count = 1};
    long after = 0;
    do {
        struct ry_router *router = make_router();
        uint32_t writer = join(router, RY_ROLE_WRITER);
        (void)join(router, RY_ROLE_SCHEDULER);
        (void)say(router, writer, RY_TAG_clips_pending, &pending, 0, 1, after);
        assert_int_equal(router->dropped_events, refused);
        assert_int_equal(ry_router_role_load(router, RY_ROLE_SCHEDULER), !refused);
        (void)ry_router_turn(router);
        ry_router_free(&router);
    } while (refused && after++ < REFUSALS);
    assert_between(after, 2, REFUSALS - 1);
}

static void dead_letter_that_finds_no_memory_is_offered_again(void **state)
{
    (void)state;
    long after = 0;
    do {
        struct ry_router *router = make_router();
        uint32_t scheduler = join(router, RY_ROLE_SCHEDULER), downloader = join(router, RY_ROLE_DOWNLOADER);
        uint64_t make = say(router, scheduler, RY_TAG_thumbnail_make, &thumbnail_make, 0, 1, -1);
        (void)ry_router_turn(router);
        const struct ry_fail failed = {.id = make, .reason = RY_STR("because")};
        (void)say(router, downloader, RY_TAG_fail, &failed, 0, 0, -1);
        assert_int_equal(router->dead_count, 1);
        uint32_t ingester = join(router, RY_ROLE_INGESTER);
        heard.mails = 0;
        begin_refusing(after);
        (void)ry_router_turn(router);
        refuse_in = -1;
        assert_int_equal(router->dead_count + heard.mails, 1);
        ry_clock_manual_advance(&manual, 1000);
        (void)ry_router_turn(router);
        assert_int_equal(heard.mails, 1);
        assert_int_equal(heard.session, ingester);
        ry_router_free(&router);
    } while (refused && after++ < REFUSALS);
    assert_between(after, 1, REFUSALS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_that_finds_no_memory_comes_back_to_its_sender),
        cmocka_unit_test(mail_that_finds_no_memory_when_it_comes_back_is_told_to_its_origin),
        cmocka_unit_test(event_that_finds_no_memory_is_dropped_and_counted),
        cmocka_unit_test(dead_letter_that_finds_no_memory_is_offered_again),
    };
    if (SANITIZED)
        skip_program("this program was built with a sanitizer, which has its own malloc");
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
