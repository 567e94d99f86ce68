/* router_desk.c: see router_desk.h. Names are numbered through the whole program, so that none comes twice. */
#include "tests/bed/bed.h"

#include "tests/bed/router_desk.h"

#include <stdio.h>

#include "proto/codec.h"

uint32_t router_desk_join(struct ry_router *router, enum ry_role role, unsigned capacity, enum ry_locality place,
                          char name[40])
{
    static unsigned joined;
    char own_name[40];
    char *as = name ? name : own_name;
    uint32_t session = 0;
    struct ry_error err = {0};
    (void)snprintf(as, sizeof own_name, "%s-%u", ry_role_name(role), ++joined);
    const struct ry_hello hello = {
        .version = RY_PROTO_VERSION, .role = (uint64_t)role, .name = ry_str_of(as), .pid = 1, .capacity = capacity};
    if (ry_router_join(router, &hello, UINT32_MAX, place, &session, &err) != RY_OK)
        fail_msg("%s", err.text);
    return session;
}

int router_desk_say(struct ry_router *router, uint32_t session, struct ry_envelope *head, const void *message)
{
    RY_BUF_AUTO body = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    RY_BUF_AUTO bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    struct ry_frames frames;
    struct ry_error err = {0};
    frames.n = 0;
    if (ry_pack(ry_descriptor(head->tag), message, &body, &frames, &err) != RY_OK)
        fail_msg("%s", err.text);
    head->frame_count = (uint16_t)frames.n;
    head->body = ry_buf_str(&body);
    head->attempt = 1;
    head->correlation = head->correlation ? head->correlation : head->id;
    assert_int_equal(ry_envelope_pack(head, &bytes), RY_OK);
    int rc = ry_router_take(router, session, ry_buf_str(&bytes), frames.items, frames.n, &err);
    head->body = (struct ry_str){0};
    ry_frames_clear(&frames);
    return rc;
}
