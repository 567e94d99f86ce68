/* authority_test.c: what an instance may say is what the mail in its hands allows.
 *
 * A router without sockets. One encoder holds a mail about a clip and says all it can think of; and every role says
 * every message, holding nothing. */
#include "tests/bed/bed.h"
#include "tests/bed/sample.h"
#include "tests/bed/clip_mail.h"
#include "tests/bed/router_desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/router_internal.h"

#define CLIP      "0123456789abcdef0123456789abcdef"
#define OTHER     "fedcba9876543210fedcba9876543210"
#define HOLD_MS   120000
#define GIVEN_MAX 256
/* Of the encoders of this program. */
#define OWN_VERSION "2, libavcodec 59.37.100"

struct desk {
    struct ry_router *router;
    struct ry_clock_manual clock;
    uint32_t last_id;
    /* What was emitted since the last look. */
    struct {
        uint32_t session;
        struct ry_envelope head; /* body points into bytes; of longer ones it is absent */
        char bytes[1024];
    } said[GIVEN_MAX];
    size_t said_count;
    uint32_t put_out; /* the last one */
    uint32_t scheduler, downloader, storage, writer;
};

static void take(void *arg, uint32_t session, struct ry_str bytes, struct ry_frame *const *frames, size_t frame_count)
{
    (void)frames, (void)frame_count;
    struct desk *desk = arg;
    struct ry_error err;
    assert_true(desk->said_count < GIVEN_MAX);
    struct ry_envelope *head = &desk->said[desk->said_count].head;
    assert_int_equal(ry_envelope_unpack(bytes, head, &err), RY_OK);
    bool fits = head->body.n <= sizeof desk->said->bytes;
    if (fits)
        memcpy(desk->said[desk->said_count].bytes, head->body.p, head->body.n);
    head->body = fits ? (struct ry_str){desk->said[desk->said_count].bytes, head->body.n} : (struct ry_str){0};
    desk->said[desk->said_count++].session = session;
}

static void on_put_out(void *arg, uint32_t session)
{
    struct desk *desk = arg;
    desk->put_out = session;
}

static uint32_t join_at(struct desk *desk, enum ry_role role, unsigned capacity, enum ry_locality place)
{
    return router_desk_join(desk->router, role, capacity, place, NULL);
}

static uint32_t join(struct desk *desk, enum ry_role role, unsigned capacity)
{
    return join_at(desk, role, capacity, RY_LOCALITY_THREAD);
}

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    ry_clock_manual_init(&desk->clock, BED_START_WALL_MS);
    const struct ry_router_options options = {.node = "desk",
                                              .clock = &desk->clock.clock,
                                              .mailbox_max = 64,
                                              .mailbox_max_bytes = 1000000,
                                              .attempts_max = 3,
                                              .turns_between_checks = 1,
                                              .hold_ms_max = HOLD_MS,
                                              .emit = take,
                                              .emit_arg = desk,
                                              .put_out = on_put_out,
                                              .versions = {[RY_ROLE_ENCODER] = OWN_VERSION}};
    assert_int_equal(ry_router_new(&desk->router, &options, NULL), RY_OK);
    desk->scheduler = join(desk, RY_ROLE_SCHEDULER, 4);
    desk->downloader = join(desk, RY_ROLE_DOWNLOADER, 16);
    desk->storage = join(desk, RY_ROLE_STORAGE, 16);
    desk->writer = join(desk, RY_ROLE_WRITER, 16);
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

/* Says a message; RY_OK, or how it was refused. correlation 0: its own id. id may be NULL. */
static int say(struct desk *desk, uint32_t session, enum ry_tag tag, const void *message, uint64_t correlation,
               uint64_t *id)
{
    struct ry_envelope head = {
        .id = (uint64_t)session << 32 | ++desk->last_id, .correlation = correlation, .tag = (uint16_t)tag};
    if (id)
        *id = head.id;
    return router_desk_say(desk->router, session, &head, message);
}

/* After a turn, the id of the last mail of that kind that went to a session since the last look; 0: none did. */
static uint64_t given(struct desk *desk, uint32_t session, enum ry_tag tag)
{
    uint64_t id = 0;
    (void)ry_router_turn(desk->router);
    for (size_t i = 0; i < desk->said_count; i++)
        if (desk->said[i].session == session && desk->said[i].head.tag == tag)
            id = desk->said[i].head.id;
    desk->said_count = 0;
    return id;
}

static int done(struct desk *desk, uint32_t session, uint64_t id)
{
    const struct ry_done message = {.ids = {.p = &id, .n = sizeof id}};
    return say(desk, session, RY_TAG_done, &message, 0, NULL);
}

/* ---- one clip, on its way to an encoder -------------------------------------------------------------------------- */

static uint64_t tell_make(struct desk *desk, const char *clip_id)
{
    struct ry_clip_work clip = clip_mail_work(ry_str_of(clip_id));
    const struct ry_thumbnail_make make = {.clips = {&clip, 1}};
    uint64_t origin = 0;
    assert_int_equal(say(desk, desk->scheduler, RY_TAG_thumbnail_make, &make, 0, &origin), RY_OK);
    assert_true(given(desk, desk->downloader, RY_TAG_thumbnail_make) == origin);
    return origin;
}

static int tell_run(struct desk *desk, const char *clip_id, uint64_t origin, uint64_t *id)
{
    const struct ry_encode_run run = clip_mail_run(ry_str_of(clip_id));
    return say(desk, desk->downloader, RY_TAG_encode_run, &run, origin, id);
}

/* A clip's encode_run, which waits for an encoder. */
static uint64_t order(struct desk *desk, const char *clip_id, uint64_t *origin)
{
    uint64_t id = 0, made = tell_make(desk, clip_id);
    assert_int_equal(tell_run(desk, clip_id, made, &id), RY_OK);
    if (origin)
        *origin = made;
    return id;
}

static int tell_store(struct desk *desk, uint32_t encoder, const char *clip_id, uint64_t origin)
{
    struct ry_image image = {.size_type = RY_STR("small"), .width = 1, .height = 1, .webp = {.p = "webp", .n = 4}};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("video/mp4")};
    const struct ry_thumbnail_store store = {
        .clip_id = ry_str_of(clip_id), .guild_id = RY_STR("1"), .images = {&image, 1}, .facts = {&facts, 1}};
    return say(desk, encoder, RY_TAG_thumbnail_store, &store, origin, NULL);
}

static int tell_encoded(struct desk *desk, uint32_t encoder, uint64_t run)
{
    return say(desk, encoder, RY_TAG_encode_done, &(struct ry_encode_done){0}, run, NULL);
}

static int tell_not_encoded(struct desk *desk, uint32_t encoder, uint64_t run)
{
    const struct ry_encode_failed failed = {.reason = RY_STR("because")};
    return say(desk, encoder, RY_TAG_encode_failed, &failed, run, NULL);
}

/* ---- what an encoder may say ------------------------------------------------------------------------------------- */

static void an_encoder_stores_the_clip_that_it_was_given_once_and_nothing_else(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin), foreign = tell_make(desk, OTHER);
    uint32_t idle = join(desk, RY_ROLE_ENCODER, 0), encoder = join(desk, RY_ROLE_ENCODER, 1);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_EINVAL); /* before it is given the mail */
    assert_true(given(desk, encoder, RY_TAG_encode_run) == run);
    assert_int_equal(tell_store(desk, encoder, OTHER, origin), RY_EINVAL);
    assert_int_equal(tell_store(desk, encoder, OTHER, foreign), RY_EINVAL);
    assert_int_equal(tell_store(desk, encoder, CLIP, foreign), RY_EINVAL);
    assert_int_equal(tell_store(desk, encoder, CLIP, 0), RY_EINVAL);
    assert_int_equal(tell_store(desk, idle, CLIP, origin), RY_EINVAL); /* it is somebody else's mail */
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) == 0);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_OK);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_EINVAL); /* twice */
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) != 0);
    assert_int_equal(tell_encoded(desk, encoder, run), RY_OK);
    assert_int_equal(done(desk, encoder, run), RY_OK);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_EINVAL); /* its mail has ended */
}

static void a_mail_has_one_answer_from_its_holder_and_an_image_before_it_is_done(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    uint32_t idle = join(desk, RY_ROLE_ENCODER, 0), encoder = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, encoder, RY_TAG_encode_run) == run);
    assert_int_equal(tell_encoded(desk, encoder, run), RY_EINVAL); /* without the images */
    assert_int_equal(tell_not_encoded(desk, idle, run), RY_EINVAL);
    assert_int_equal(tell_not_encoded(desk, encoder, origin), RY_EINVAL); /* the downloader's mail */
    assert_true(given(desk, desk->downloader, RY_TAG_encode_done) == 0);
    assert_int_equal(tell_not_encoded(desk, encoder, run), RY_OK);
    assert_int_equal(tell_not_encoded(desk, encoder, run), RY_EINVAL);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_OK); /* the images may come, the answer stands */
    assert_int_equal(tell_encoded(desk, encoder, run), RY_EINVAL);
}

static void what_was_said_of_a_mail_is_forgotten_when_it_goes_to_another(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    uint32_t first = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, first, RY_TAG_encode_run) == run);
    assert_int_equal(tell_store(desk, first, CLIP, origin), RY_OK);
    ry_router_gone(desk->router, first, false);
    uint32_t second = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, second, RY_TAG_encode_run) == run);
    assert_int_equal(tell_encoded(desk, second, run), RY_EINVAL);
    assert_int_equal(tell_store(desk, second, CLIP, origin), RY_OK);
    assert_int_equal(tell_encoded(desk, second, run), RY_OK);
}

static void those_behind_the_encoder_are_held_to_their_mail_too(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    uint32_t encoder = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, encoder, RY_TAG_encode_run) == run);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_OK);
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) != 0);
    struct ry_thumbnail_row row = {
        .size_type = RY_STR("small"), .storage_path = RY_STR("x"), .width = 1, .height = 1, .file_size = 1};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("video/mp4")};
    struct ry_clip_completed completed = {.clip_id = RY_STR(OTHER), .thumbnails = {&row, 1}, .facts = {&facts, 1}};
    assert_int_equal(say(desk, desk->storage, RY_TAG_clip_completed, &completed, origin, NULL), RY_EINVAL);
    completed.clip_id = RY_STR(CLIP);
    assert_int_equal(say(desk, desk->storage, RY_TAG_clip_completed, &completed, origin, NULL), RY_OK);
    assert_true(given(desk, desk->writer, RY_TAG_clip_completed) != 0);
    struct ry_clip_settled settled = {.clip_id = RY_STR(OTHER), .completed = true};
    assert_int_equal(say(desk, desk->writer, RY_TAG_clip_settled, &settled, origin, NULL), RY_EINVAL);
    settled.clip_id = RY_STR(CLIP);
    assert_int_equal(say(desk, desk->writer, RY_TAG_clip_settled, &settled, origin, NULL), RY_OK);
    assert_int_equal(say(desk, desk->writer, RY_TAG_clip_settled, &settled, origin, NULL), RY_EINVAL);
    assert_true(given(desk, desk->scheduler, RY_TAG_clip_settled) != 0);
    const struct ry_clip_failed failed = {.clip_id = RY_STR(OTHER), .reason = RY_STR("because")};
    assert_int_equal(say(desk, desk->downloader, RY_TAG_clip_failed, &failed, origin, NULL), RY_EINVAL);
}

/* What comes of it would be told to the downloader, and the scheduler would wait for its clip. */
static void what_follows_from_a_mail_carries_on_its_origin_and_not_its_id(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    uint32_t encoder = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, encoder, RY_TAG_encode_run) == run);
    assert_int_equal(tell_store(desk, encoder, CLIP, run), RY_EINVAL);
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) == 0);
    assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_OK);
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) != 0);
}

/* An encoder that ends behind its images has its mail given to another one, which makes them again. */
static void mails_of_one_origin_allow_each_what_follows_from_them(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t encoder = join(desk, RY_ROLE_ENCODER, 1);
        assert_true(given(desk, encoder, RY_TAG_encode_run) == run);
        assert_int_equal(tell_store(desk, encoder, CLIP, origin), RY_OK);
        assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) != 0);
        ry_router_gone(desk->router, encoder, false);
    }
    struct ry_thumbnail_row row = {
        .size_type = RY_STR("small"), .storage_path = RY_STR("x"), .width = 1, .height = 1, .file_size = 1};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("video/mp4")};
    const struct ry_clip_completed completed = {.clip_id = RY_STR(CLIP), .thumbnails = {&row, 1}, .facts = {&facts, 1}};
    const struct ry_clip_settled settled = {.clip_id = RY_STR(CLIP), .completed = true};
    for (unsigned i = 0; i < 3; i++) {
        int right = i < 2 ? RY_OK : RY_EINVAL;
        assert_int_equal(say(desk, desk->storage, RY_TAG_clip_completed, &completed, origin, NULL), right);
    }
    assert_true(given(desk, desk->writer, RY_TAG_clip_completed) != 0);
    for (unsigned i = 0; i < 3; i++) {
        int right = i < 2 ? RY_OK : RY_EINVAL;
        assert_int_equal(say(desk, desk->writer, RY_TAG_clip_settled, &settled, origin, NULL), right);
    }
}

/* An encode_run that another node works on: what the relay may say of it. */
static void the_relay_is_held_to_the_mail_that_it_was_given(void **state)
{
    struct desk *desk = *state;
    uint32_t relay = join(desk, RY_ROLE_RELAY, 1);
    const struct ry_relay_reach reach = {.roles = RY_ROLE_BIT(RY_ROLE_ENCODER), .window = 4};
    assert_int_equal(say(desk, relay, RY_TAG_relay_reach, &reach, 0, NULL), RY_OK);
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    assert_true(given(desk, relay, RY_TAG_encode_run) == run);
    const struct ry_batch_written written = {.succeeded = 1};
    assert_int_equal(say(desk, relay, RY_TAG_batch_written, &written, run, NULL), RY_EINVAL); /* no answer to it */
    assert_true(given(desk, desk->downloader, RY_TAG_batch_written) == 0);
    assert_int_equal(tell_store(desk, relay, OTHER, origin), RY_EINVAL);
    (void)tell_store(desk, relay, CLIP, run); /* told to the relay as undeliverable */
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) == 0);
    assert_int_equal(tell_store(desk, relay, CLIP, origin), RY_OK);
    assert_true(given(desk, desk->storage, RY_TAG_thumbnail_store) != 0);
    assert_int_equal(tell_encoded(desk, relay, run), RY_OK);
    assert_true(given(desk, desk->downloader, RY_TAG_encode_done) != 0);
}

static void a_downloader_asks_for_so_many_rounds_of_its_clip_and_of_no_other(void **state)
{
    struct desk *desk = *state;
    desk->router->options.mailbox_max = 1024;
    uint64_t origin = tell_make(desk, CLIP);
    assert_int_equal(tell_run(desk, OTHER, origin, NULL), RY_EINVAL);
    unsigned rounds = 0;
    for (unsigned most = ry_descriptor(RY_TAG_encode_run)->may->most; rounds < most; rounds++)
        assert_int_equal(tell_run(desk, CLIP, origin, NULL), RY_OK);
    assert_int_equal(tell_run(desk, CLIP, origin, NULL), RY_EINVAL);
}

/* A job of a guild, in a scanner's hands. tenant 0: a job for the whole archive. */
static uint64_t give_job(struct desk *desk, uint32_t ingester, uint32_t scanner, uint64_t tenant)
{
    RY_BUF_AUTO body = ry_buf_make(4096);
    RY_BUF_AUTO bytes = ry_buf_make(8192);
    struct ry_frames frames = {.n = 0};
    struct ry_error err = {0};
    const struct ry_job_run run = {
        .job_id = RY_STR("j"), .type = RY_STR("batch"), .token = 1, .job = {.p = "{}", .n = 2}};
    assert_int_equal(ry_pack(ry_descriptor(RY_TAG_job_run), &run, &body, &frames, &err), RY_OK);
    struct ry_envelope head = {.id = (uint64_t)ingester << 32 | ++desk->last_id,
                               .tag = RY_TAG_job_run,
                               .tenant = tenant,
                               .attempt = 1,
                               .frame_count = (uint16_t)frames.n,
                               .body = ry_buf_str(&body)};
    head.correlation = head.id;
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    assert_int_equal(ry_router_take(desk->router, ingester, ry_buf_str(&bytes), frames.items, frames.n, &err), RY_OK);
    ry_frames_clear(&frames);
    assert_true(given(desk, scanner, RY_TAG_job_run) == head.id);
    return head.id;
}

static void a_job_of_one_guild_touches_no_other(void **state)
{
    struct desk *desk = *state;
    uint32_t ingester = join(desk, RY_ROLE_INGESTER, 1), scanner = join(desk, RY_ROLE_SCANNER, 16);
    static const struct {
        uint64_t tenant;
        const char *guild; /* NULL: none is named */
        int rc;
    } cases[] = {{7, "7", RY_OK},      {7, "8", RY_EINVAL}, {7, "77", RY_EINVAL}, {7, "global", RY_EINVAL},
                 {7, NULL, RY_EINVAL}, {0, "8", RY_OK},     {0, NULL, RY_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t job = give_job(desk, ingester, scanner, cases[i].tenant);
        const struct ry_clips_stale stale = {
            .guild_id = ry_str_of(cases[i].guild), .reason = RY_STR("because"), .limit = 1};
        int rc = say(desk, scanner, RY_TAG_clips_stale, &stale, job, NULL);
        if (rc != cases[i].rc)
            fail_msg("guild %s in a job of %d: %d", cases[i].guild, (int)cases[i].tenant, rc);
        if (cases[i].guild == NULL || !ry_str_is_snowflake(ry_str_of(cases[i].guild)))
            continue;
        const struct ry_purge purge = {.job_id = RY_STR("j"),
                                       .token = 1,
                                       .scope = RY_PURGE_GUILD,
                                       .guild_id = ry_str_of(cases[i].guild),
                                       .limit = 1};
        assert_int_equal(say(desk, scanner, RY_TAG_purge, &purge, job, NULL), cases[i].rc);
    }
}

static void a_heap_profile_is_answered_once_by_whom_was_asked(void **state)
{
    struct desk *desk = *state;
    static const enum ry_role roles[] = {RY_ROLE_ENCODER, RY_ROLE_SCANNER, RY_ROLE_RELAY};
    uint32_t console = join(desk, RY_ROLE_CONSOLE, 0);
    const struct ry_heap_made made = {.error = RY_STR("no")};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        uint32_t asked = join(desk, roles[i], 1);
        assert_int_equal(say(desk, asked, RY_TAG_heap_made, &made, (uint64_t)console << 32 | 1, NULL), RY_EINVAL);
        char name[65];
        (void)snprintf(name, sizeof name, "%s", router_instance(desk->router, asked)->name);
        const struct ry_heap_get get = {.instance = ry_str_of(name), .action = RY_HEAP_BEGIN};
        uint64_t question = 0;
        assert_int_equal(say(desk, console, RY_TAG_heap_get, &get, 0, &question), RY_OK);
        assert_int_equal(say(desk, asked, RY_TAG_heap_made, &made, question, NULL), RY_OK);
        assert_int_equal(say(desk, asked, RY_TAG_heap_made, &made, question, NULL), RY_EINVAL);
    }
}

static void what_an_encoder_says_of_itself_is_bounded_in_time(void **state)
{
    struct desk *desk = *state;
    uint32_t encoder = join(desk, RY_ROLE_ENCODER, 1);
    const struct ry_encoder_here here = {.version = RY_STR("9.9")};
    unsigned most = ry_descriptor(RY_TAG_encoder_here)->may->most;
    for (unsigned minute = 0; minute < 2; minute++) {
        for (unsigned i = 0; i < most; i++)
            assert_int_equal(say(desk, encoder, RY_TAG_encoder_here, &here, 0, NULL), RY_OK);
        assert_int_equal(say(desk, encoder, RY_TAG_encoder_here, &here, 0, NULL), RY_EINVAL);
        (void)ry_router_turn(desk->router);
        ry_clock_manual_advance(&desk->clock, 60000);
    }
}

/* ---- versions ------------------------------------------------------------------------------------------------------
 */

/* The last message of that kind that went to a session since the last look; NULL: none did. Borrowed until the next. */
static const void *heard(struct desk *desk, uint32_t session, enum ry_tag tag, struct ry_arena *arena)
{
    void *message = NULL;
    struct ry_error err;
    (void)ry_router_turn(desk->router);
    for (size_t i = 0; i < desk->said_count; i++)
        if (desk->said[i].session == session && desk->said[i].head.tag == tag &&
            ry_unpack(ry_descriptor(tag), desk->said[i].head.body, NULL, 0, arena, &message, &err) != RY_OK)
            fail_msg("%s", err.text);
    desk->said_count = 0;
    return message;
}

struct version_case {
    const char *name;
    enum ry_role role;
    enum ry_locality place;
    const char *claimed; /* NULL: none */
    const char *verdict; /* the version that its verdict has in the end */
    const char *here;    /* the version that the scheduler hears of; NULL: of none */
};

static const struct version_case versions[] = {
    {"a thread claims its own", RY_ROLE_ENCODER, RY_LOCALITY_THREAD, OWN_VERSION, OWN_VERSION, OWN_VERSION},
    {"a process claims its own", RY_ROLE_ENCODER, RY_LOCALITY_PROCESS, OWN_VERSION, OWN_VERSION, OWN_VERSION},
    {"a process claims another", RY_ROLE_ENCODER, RY_LOCALITY_PROCESS, "9.9", OWN_VERSION, OWN_VERSION},
    {"a process claims none", RY_ROLE_ENCODER, RY_LOCALITY_PROCESS, NULL, OWN_VERSION, NULL},
    {"a guest claims the node's", RY_ROLE_ENCODER, RY_LOCALITY_HOST, OWN_VERSION, OWN_VERSION, OWN_VERSION},
    {"a guest claims another", RY_ROLE_ENCODER, RY_LOCALITY_HOST, "9.9", RY_ENCODER_UNKNOWN, NULL},
    {"a guest claims one that begins alike", RY_ROLE_ENCODER, RY_LOCALITY_HOST, OWN_VERSION "0", RY_ENCODER_UNKNOWN,
     NULL},
    {"a guest claims none", RY_ROLE_ENCODER, RY_LOCALITY_HOST, NULL, RY_ENCODER_UNKNOWN, NULL},
    {"another node's encoder has another", RY_ROLE_RELAY, RY_LOCALITY_THREAD, "3, libavcodec 61", "3, libavcodec 61",
     "3, libavcodec 61"},
};

static void check_version(struct desk *desk, const struct version_case *c)
{
    RY_ARENA_AUTO arena = ry_arena_make(1 << 16);
    uint32_t encoder = join_at(desk, c->role, 1, c->place);
    if (c->role == RY_ROLE_RELAY) {
        const struct ry_relay_reach reach = {.roles = RY_ROLE_BIT(RY_ROLE_ENCODER), .window = 4};
        assert_int_equal(say(desk, encoder, RY_TAG_relay_reach, &reach, 0, NULL), RY_OK);
    }
    uint64_t run = order(desk, CLIP, NULL);
    assert_true(given(desk, encoder, RY_TAG_encode_run) == run);
    const struct ry_encode_failed failed = {.reason = RY_STR("no picture"),
                                            .class = RY_FAILURE_PERMANENT,
                                            .encoder = c->claimed ? ry_str_of(c->claimed) : (struct ry_str){0}};
    assert_int_equal(say(desk, encoder, RY_TAG_encode_failed, &failed, run, NULL), RY_OK);
    const struct ry_encode_failed *verdict = heard(desk, desk->downloader, RY_TAG_encode_failed, &arena);
    if (verdict == NULL || !ry_str_is(verdict->encoder, c->verdict))
        fail_msg("%s: its verdict is of version %.*s", c->name, RY_STR_ARG(verdict ? verdict->encoder : RY_STR("?")));
    assert_true(ry_str_is(verdict->reason, "no picture"));
    assert_int_equal(verdict->class, RY_FAILURE_PERMANENT);
    if (c->claimed) {
        const struct ry_encoder_here message = {.version = ry_str_of(c->claimed)};
        assert_int_equal(say(desk, encoder, RY_TAG_encoder_here, &message, 0, NULL), RY_OK);
    }
    const struct ry_encoder_here *here = heard(desk, desk->scheduler, RY_TAG_encoder_here, &arena);
    if ((here != NULL) != (c->here != NULL) || (here && !ry_str_is(here->version, c->here)))
        fail_msg("%s: the scheduler hears of version %.*s", c->name, RY_STR_ARG(here ? here->version : RY_STR("?")));
    assert_int_equal(router_instance(desk->router, encoder)->faults, 0);
}

static void the_version_of_an_encoder_is_what_its_node_knows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        void *desk = NULL;
        assert_int_equal(set_up(&desk), 0);
        check_version(desk, &versions[i]);
        assert_int_equal(tear_down(&desk), 0);
    }
}

static void an_encoder_that_claims_many_versions_tells_the_node_of_one(void **state)
{
    struct desk *desk = *state;
    static const enum ry_locality places[] = {RY_LOCALITY_PROCESS, RY_LOCALITY_HOST};
    for (size_t p = 0; p < 2; p++) {
        uint32_t encoder = join_at(desk, RY_ROLE_ENCODER, 1, places[p]);
        for (unsigned i = 0; i < ry_descriptor(RY_TAG_encoder_here)->may->most; i++) {
            RY_ARENA_AUTO arena = ry_arena_make(1 << 16);
            char claimed[16];
            (void)snprintf(claimed, sizeof claimed, "9.%u", i);
            const struct ry_encoder_here message = {.version = ry_str_of(claimed)};
            assert_int_equal(say(desk, encoder, RY_TAG_encoder_here, &message, 0, NULL), RY_OK);
            const struct ry_encoder_here *here = heard(desk, desk->scheduler, RY_TAG_encoder_here, &arena);
            assert_true(places[p] == RY_LOCALITY_HOST ? here == NULL : here && ry_str_is(here->version, OWN_VERSION));
        }
    }
}

/* ---- every role, every message ----------------------------------------------------------------------------------- */

static uint64_t activity(const struct ry_router *router)
{
    return ry_router_load(router) + router->dropped_events + router->instance_count * 1000000;
}

/* Of each role somebody who holds nothing; each says each message with what it can guess. */
static size_t figures_of(struct desk *desk, enum ry_role role)
{
    struct ry_counter_value values[RY_STATS_FLAT];
    for (size_t i = 0; i < RY_STATS_FLAT; i++)
        values[i] = (struct ry_counter_value){.index = i, .value = 7};
    uint32_t session = join(desk, role, 0);
    const struct ry_report report = {.counters = {values, RY_STATS_FLAT}};
    assert_int_equal(say(desk, session, RY_TAG_report, &report, 0, NULL), RY_OK);
    size_t n = 0;
    for (size_t i = 0; i < RY_STATS_FLAT; i++)
        n += *ry_stats_at(&router_instance(desk->router, session)->stats, i) == 7;
    assert_true(router_instance(desk->router, session)->stats.counters[RY_COUNTER_encode_done] == 7);
    if (role == RY_ROLE_ENCODER)
        assert_true(router_instance(desk->router, session)->stats.histograms[RY_HISTOGRAM_encode].sum_micro == 7);
    return n;
}

static void an_encoder_reports_figures_of_its_own_work_alone(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(figures_of(desk, RY_ROLE_STORAGE), RY_STATS_FLAT);
    assert_int_equal(figures_of(desk, RY_ROLE_ENCODER), 4 + RY_HISTOGRAM_BOUNDS + 2);
}

static void who_holds_no_mail_may_say_only_what_is_free(void **state)
{
    struct desk *desk = *state;
    static const enum ry_role ROLES[] = {RY_ROLE_SCANNER, RY_ROLE_WRITER,  RY_ROLE_DOWNLOADER,
                                         RY_ROLE_ENCODER, RY_ROLE_STORAGE, RY_ROLE_RELAY};
    size_t count = 0, cells = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    uint32_t holder = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, holder, RY_TAG_encode_run) == run);
    for (size_t r = 0; r < sizeof ROLES / sizeof *ROLES; r++)
        for (size_t i = 0; i < count; i++) {
            const struct ry_descriptor *d = &descriptors[i];
            const uint64_t guesses[] = {0, run, origin, (uint64_t)desk->scheduler << 32 | 77};
            bool free = d->may->right == RY_RIGHT_FREE && (d->senders & RY_ROLE_BIT(ROLES[r]));
            if (free || d->kind == RY_KIND_CONTROL || (ROLES[r] == RY_ROLE_RELAY && d->may->crosses))
                continue; /* control is looked at by its body */
            for (size_t g = 0; g < sizeof guesses / sizeof *guesses; g++, cells++) {
                uint32_t liar = join(desk, ROLES[r], 0);
                RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 22);
                struct ry_frames frames = {.n = 0};
                const void *sample = sample_make(d, SAMPLE_TYPICAL, &arena, &frames);
                uint64_t before = activity(desk->router);
                desk->said_count = 0;
                if (say(desk, liar, d->tag, sample, guesses[g], NULL) != RY_EINVAL)
                    fail_msg("a %s said %s", ry_role_name(ROLES[r]), d->record.name);
                assert_true(activity(desk->router) == before);
                for (size_t s = 0; s < desk->said_count; s++) /* nobody but the liar hears of it */
                    assert_int_equal(desk->said[s].session, liar);
                desk->said_count = 0;
                ry_router_gone(desk->router, liar, true);
                ry_frames_clear(&frames);
            }
        }
    assert_true(cells > 1000);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static void an_encoder_that_says_too_much_is_put_out_and_its_mail_goes_to_another(void **state)
{
    struct desk *desk = *state;
    uint64_t run = order(desk, CLIP, NULL);
    uint32_t liar = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, liar, RY_TAG_encode_run) == run);
    char name[65];
    (void)snprintf(name, sizeof name, "%s", router_instance(desk->router, liar)->name);
    for (unsigned i = 0; i < 20; i++)
        (void)tell_store(desk, liar, OTHER, 0);
    assert_int_equal(desk->put_out, liar);
    assert_false(ry_router_knows(desk->router, liar));
    assert_int_equal(desk->router->outcast_count, 1);
    assert_string_equal(desk->router->outcasts[0].name, name);
    assert_true(given(desk, liar, RY_TAG_unwelcome) != 0);
    uint32_t honest = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, honest, RY_TAG_encode_run) == run);
}

static void a_few_faults_in_a_long_life_put_nobody_out(void **state)
{
    struct desk *desk = *state;
    uint32_t encoder = join(desk, RY_ROLE_ENCODER, 1);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(tell_store(desk, encoder, OTHER, 0), RY_EINVAL);
        (void)ry_router_turn(desk->router);
        ry_clock_manual_advance(&desk->clock, 120000);
    }
    assert_true(ry_router_knows(desk->router, encoder));
}

static void a_mail_that_is_ended_without_its_answer_is_a_fault_and_goes_to_another(void **state)
{
    struct desk *desk = *state;
    uint64_t origin = 0, run = order(desk, CLIP, &origin);
    uint32_t empty = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, empty, RY_TAG_encode_run) == run);
    uint32_t honest = join(desk, RY_ROLE_ENCODER, 1);
    assert_int_equal(done(desk, empty, run), RY_EINVAL);
    assert_int_equal(router_instance(desk->router, empty)->faults, 1);
    assert_true(given(desk, honest, RY_TAG_encode_run) == run);
    assert_int_equal(tell_store(desk, honest, CLIP, origin), RY_OK);
    assert_int_equal(tell_encoded(desk, honest, run), RY_OK);
    assert_int_equal(done(desk, honest, run), RY_OK);
}

static int fail_mail(struct desk *desk, uint32_t session, uint64_t id, bool retry, enum ry_failure_class class)
{
    const struct ry_fail message = {.id = id, .retry = retry, .reason = RY_STR("because"), .class = class};
    return say(desk, session, RY_TAG_fail, &message, 0, NULL);
}

static void an_encoder_makes_no_dead_letters_and_is_put_out_when_it_fails_everything(void **state)
{
    struct desk *desk = *state;
    for (unsigned i = 0; i < 8; i++) {
        char clip_id[33];
        (void)snprintf(clip_id, sizeof clip_id, "%032x", i);
        (void)order(desk, clip_id, NULL);
    }
    uint32_t liar = join(desk, RY_ROLE_ENCODER, 1);
    uint64_t run = 0;
    unsigned failed = 0;
    while ((run = given(desk, liar, RY_TAG_encode_run)) != 0 && failed < 100) {
        assert_int_equal(mail_index_find(&desk->router->index, run)->attempt <= 3, true);
        assert_int_equal(fail_mail(desk, liar, run, false, RY_FAILURE_PASSING), RY_OK);
        failed++;
    }
    assert_int_equal(failed, 8);
    assert_int_equal(desk->put_out, liar);
    /* The first mails had their three tries; a mail that nobody could work on is what it is. */
    assert_true(desk->router->role_queues[RY_ROLE_ENCODER].dead <= 2);
    uint32_t honest = join(desk, RY_ROLE_ENCODER, 1);
    run = given(desk, honest, RY_TAG_encode_run);
    assert_true(run != 0);
    assert_int_equal(fail_mail(desk, honest, run, false, RY_FAILURE_PERMANENT), RY_OK); /* its last words: a verdict */
    assert_int_equal(router_instance(desk->router, honest)->faults, 0);
}

static void bags_without_sense_are_faults_too(void **state)
{
    struct desk *desk = *state;
    uint32_t liar = join(desk, RY_ROLE_ENCODER, 1);
    for (unsigned i = 0; i < 8; i++)
        ry_router_fault(desk->router, liar);
    assert_int_equal(desk->put_out, liar);
    for (unsigned i = 0; i < 100; i++)
        ry_router_fault(desk->router, desk->writer);
    assert_true(ry_router_knows(desk->router, desk->writer)); /* there it is a bug of ours */
}

static void encoders_that_end_everything_empty_are_put_out_and_leave_no_clip_in_the_works(void **state)
{
    struct desk *desk = *state;
    uint64_t run = order(desk, CLIP, NULL);
    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        uint32_t empty = join(desk, RY_ROLE_ENCODER, 1);
        while (ry_router_knows(desk->router, empty)) {
            assert_true(given(desk, empty, RY_TAG_encode_run) == run);
            assert_int_equal(mail_index_find(&desk->router->index, run)->attempt, attempt);
            assert_int_equal(tell_encoded(desk, empty, run), RY_EINVAL);
            assert_int_equal(done(desk, empty, run), RY_EINVAL);
        }
        assert_int_equal(desk->router->outcast_count, attempt);
    }
    assert_true(given(desk, desk->downloader, RY_TAG_undeliverable) != 0); /* who asked is told */
}

static void an_encoder_that_holds_a_mail_and_does_nothing_is_put_out(void **state)
{
    struct desk *desk = *state;
    uint64_t run = order(desk, CLIP, NULL);
    uint32_t idle = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, idle, RY_TAG_encode_run) == run);
    int64_t wake_mono_ms = ry_router_turn(desk->router);
    assert_true(wake_mono_ms == desk->clock.now_mono_ms + HOLD_MS);
    ry_clock_manual_advance(&desk->clock, HOLD_MS - 1);
    (void)ry_router_turn(desk->router);
    assert_int_equal(desk->put_out, 0);
    ry_clock_manual_advance(&desk->clock, 1);
    (void)ry_router_turn(desk->router);
    assert_int_equal(desk->put_out, idle);
    assert_non_null(strstr(desk->router->outcasts[0].reason, "encode_run"));
    uint32_t honest = join(desk, RY_ROLE_ENCODER, 1);
    assert_true(given(desk, honest, RY_TAG_encode_run) == run);
    assert_true(ry_router_turn(desk->router) == desk->clock.now_mono_ms + HOLD_MS);
}

static void trusted_roles_may_hold_mail_for_as_long_as_it_takes(void **state)
{
    struct desk *desk = *state;
    (void)tell_make(desk, CLIP);
    (void)ry_router_turn(desk->router);
    ry_clock_manual_advance(&desk->clock, 10 * HOLD_MS);
    assert_true(ry_router_turn(desk->router) == INT64_MAX);
    assert_true(ry_router_knows(desk->router, desk->downloader));
}

static void who_claims_more_than_one_mail_is_given_no_more_than_its_neighbours(void **state)
{
    struct desk *desk = *state;
    uint32_t greedy = join(desk, RY_ROLE_ENCODER, 16), modest = join(desk, RY_ROLE_ENCODER, 1);
    const struct ry_credit credit = {.capacity = 1000};
    assert_int_equal(say(desk, greedy, RY_TAG_credit, &credit, 0, NULL), RY_OK);
    unsigned given_to[2] = {0};
    for (unsigned i = 0; i < 20; i++) {
        char clip_id[33];
        uint64_t origin = 0;
        (void)snprintf(clip_id, sizeof clip_id, "%032x", i);
        uint64_t run = order(desk, clip_id, &origin);
        desk->said_count = 0;
        (void)ry_router_turn(desk->router);
        for (size_t s = 0; s < desk->said_count; s++)
            for (unsigned who = 0; who < 2; who++)
                if (desk->said[s].session == (who ? modest : greedy) && desk->said[s].head.tag == RY_TAG_encode_run) {
                    given_to[who]++;
                    assert_int_equal(tell_not_encoded(desk, desk->said[s].session, run), RY_OK);
                    assert_int_equal(done(desk, desk->said[s].session, run), RY_OK);
                    assert_int_equal(done(desk, desk->downloader, origin), RY_OK);
                    break;
                }
    }
    assert_int_equal(given_to[0], 10);
    assert_int_equal(given_to[1], 10);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_encoder_stores_the_clip_that_it_was_given_once_and_nothing_else),
        TEST(a_mail_has_one_answer_from_its_holder_and_an_image_before_it_is_done),
        TEST(what_was_said_of_a_mail_is_forgotten_when_it_goes_to_another),
        TEST(those_behind_the_encoder_are_held_to_their_mail_too),
        TEST(what_follows_from_a_mail_carries_on_its_origin_and_not_its_id),
        TEST(mails_of_one_origin_allow_each_what_follows_from_them),
        TEST(the_relay_is_held_to_the_mail_that_it_was_given),
        TEST(a_downloader_asks_for_so_many_rounds_of_its_clip_and_of_no_other),
        TEST(a_job_of_one_guild_touches_no_other),
        TEST(a_heap_profile_is_answered_once_by_whom_was_asked),
        TEST(what_an_encoder_says_of_itself_is_bounded_in_time),
        TEST(the_version_of_an_encoder_is_what_its_node_knows),
        TEST(an_encoder_that_claims_many_versions_tells_the_node_of_one),
        TEST(an_encoder_reports_figures_of_its_own_work_alone),
        TEST(who_holds_no_mail_may_say_only_what_is_free),
        TEST(an_encoder_that_says_too_much_is_put_out_and_its_mail_goes_to_another),
        TEST(a_few_faults_in_a_long_life_put_nobody_out),
        TEST(a_mail_that_is_ended_without_its_answer_is_a_fault_and_goes_to_another),
        TEST(an_encoder_makes_no_dead_letters_and_is_put_out_when_it_fails_everything),
        TEST(bags_without_sense_are_faults_too),
        TEST(encoders_that_end_everything_empty_are_put_out_and_leave_no_clip_in_the_works),
        TEST(an_encoder_that_holds_a_mail_and_does_nothing_is_put_out),
        TEST(trusted_roles_may_hold_mail_for_as_long_as_it_takes),
        TEST(who_claims_more_than_one_mail_is_given_no_more_than_its_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
