/* stage.c: a router with instances of all roles in one thread. Owns the router and the mail that it hands out. A broken
 * invariant ends the program with a message. */
#include "tests/bed/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bed/bed.h"

#define BODY_MAX ((size_t)8 << 20)

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "stage: %s\n", what);
    abort();
}

static void on_emit(void *arg, uint32_t session, struct ry_str bytes, struct ry_frame *const *frames,
                    size_t frame_count)
{
    struct stage *stage = arg;
    struct ry_envelope head;
    (void)frames;
    need(ry_envelope_unpack(bytes, &head, NULL) == RY_OK && head.frame_count == frame_count,
         "the router says what is not an envelope");
    if (stage->said_count < STAGE_SAID_MAX)
        stage->said[stage->said_count++] = (struct stage_said){session, head.id, head.correlation, head.tag};
}

void stage_begin(struct stage *stage)
{
    *stage = (struct stage){.last_id = 1};
    ry_clock_manual_init(&stage->clock, BED_START_WALL_MS);
    const struct ry_router_options options = {.node = "stage",
                                              .clock = &stage->clock.clock,
                                              .mailbox_max = 256,
                                              .mailbox_max_bytes = (size_t)64 << 20,
                                              .attempts_max = 1000,
                                              .turns_between_checks = 1,
                                              .emit = on_emit,
                                              .emit_arg = stage};
    need(ry_router_new(&stage->router, &options, NULL) == RY_OK, "no router");
}

void stage_end(struct stage *stage)
{
    ry_router_free(&stage->router);
}

uint32_t stage_join(struct stage *stage, enum ry_role role, unsigned capacity)
{
    char name[64];
    uint32_t session = 0;
    struct ry_error err = {0};
    (void)snprintf(name, sizeof name, "%s-%u", ry_role_name(role), ++stage->names);
    const struct ry_hello hello = {
        .version = RY_PROTO_VERSION, .role = role, .name = ry_str_of(name), .capacity = capacity};
    need(ry_router_join(stage->router, &hello, UINT32_MAX, RY_LOCALITY_THREAD, &session, &err) == RY_OK, err.text);
    return session;
}

int stage_say(struct stage *stage, uint32_t session, uint64_t id, uint64_t correlation, uint64_t tenant,
              enum ry_tag tag, struct ry_str body, const struct ry_frames *frames)
{
    RY_BUF_AUTO bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    struct ry_error err = {0};
    struct ry_envelope head = {.id = id ? id : (uint64_t)session << 32 | ++stage->last_id,
                               .tenant = tenant,
                               .tag = (uint16_t)tag,
                               .attempt = 1,
                               .frame_count = (uint16_t)frames->n,
                               .body = body};
    head.correlation = correlation ? correlation : head.id;
    need(ry_envelope_pack(&head, &bytes) == RY_OK, "an envelope that cannot be packed");
    int rc = ry_router_take(stage->router, session, ry_buf_str(&bytes), frames->items, frames->n, &err);
    return rc;
}

int stage_tell(struct stage *stage, uint32_t session, enum ry_tag tag, const void *message)
{
    RY_BUF_AUTO body = ry_buf_make(BODY_MAX);
    struct ry_frames frames = {.n = 0};
    need(ry_pack(ry_descriptor(tag), message, &body, &frames, NULL) == RY_OK, "a message that cannot be packed");
    int rc = stage_say(stage, session, 0, 0, 0, tag, ry_buf_str(&body), &frames);
    ry_frames_clear(&frames);
    return rc;
}

void stage_turn(struct stage *stage)
{
    stage->said_count = 0;
    (void)ry_router_turn(stage->router);
}

/* ---- mail in somebody's hands ------------------------------------------------------------------------------------ */

/* A source is one for all; who works on mail is a new one for each, since it is given no more than its credit. */
static uint32_t honest(struct stage *stage, enum ry_role role)
{
    if (!(RY_ROLES_SOURCES & RY_ROLE_BIT(role)))
        return stage_join(stage, role, 1);
    if (stage->sources[role] == 0)
        stage->sources[role] = stage_join(stage, role, 0);
    return stage->sources[role];
}

static enum ry_role sender_of(const struct ry_descriptor *descriptor)
{
    uint32_t senders = descriptor->senders & ~RY_ROLE_BIT(RY_ROLE_ROUTER);
    uint32_t sources = senders & RY_ROLES_SOURCES;
    if (senders == 0)
        return RY_ROLE_NONE;
    return (enum ry_role)__builtin_ctz(sources ? sources : senders);
}

/* What was handed to this session: the mail of that id. */
static bool was_given(const struct stage *stage, uint32_t session, uint64_t id)
{
    for (size_t i = 0; i < stage->said_count; i++)
        if (stage->said[i].session == session && stage->said[i].id == id)
            return true;
    return false;
}

static uint64_t tell_about(struct stage *stage, uint32_t sender, const struct ry_descriptor *descriptor,
                           const struct subject *subject, uint64_t origin, struct held *held)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 20);
    RY_BUF_AUTO body = ry_buf_make(BODY_MAX);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    uint64_t tenant = 0;
    const struct forge_target target = {.clip_id = ry_str_of(subject->clip),
                                        .guild_id = ry_str_of(subject->guild),
                                        .channel_id = ry_str_of(subject->channel),
                                        .message_id = ry_str_of(subject->message),
                                        .user_id = ry_str_of(subject->user),
                                        .path = ry_str_of(subject->path),
                                        .job_id = ry_str_of(subject->user)};
    void *message = forge_make(descriptor, SAMPLE_TYPICAL, &target, &arena, &owned);
    need(ry_pack(descriptor, message, &body, &frames, NULL) == RY_OK, "a mail that cannot be packed");
    need(ry_str_u64(ry_str_of(subject->guild), &tenant), "a guild that is none");
    uint64_t id = (uint64_t)sender << 32 | ++stage->last_id;
    need(stage_say(stage, sender, id, origin, tenant, descriptor->tag, ry_buf_str(&body), &frames) == RY_OK,
         descriptor->record.name);
    const struct ry_envelope envelope = {
        .id = id, .correlation = origin ? origin : id, .tag = (uint16_t)descriptor->tag};
    cells_held(held, descriptor, message, &envelope);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
    return id;
}

bool stage_give(struct stage *stage, uint32_t session, enum ry_tag tag, const struct subject *subject,
                struct held *held)
{
    const struct ry_descriptor *descriptor = ry_descriptor(tag);
    enum ry_role role = sender_of(descriptor);
    struct held before = {0};
    if (role == RY_ROLE_NONE)
        return false;
    uint32_t sender = honest(stage, role);
    if (!(RY_ROLES_SOURCES & RY_ROLE_BIT(role)) &&
        !stage_give(stage, sender, (enum ry_tag)descriptor->may->within[0], subject, &before))
        return false;
    uint64_t id = tell_about(stage, sender, descriptor, subject, before.origin, held);
    stage_turn(stage);
    need(was_given(stage, session, id), descriptor->record.name);
    return true;
}
