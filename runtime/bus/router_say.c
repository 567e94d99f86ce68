/* router_say.c: what the router says of its own, under ids of its own session; see router_internal.h.
 *
 * Owns no state but the last id and two buffers. What cannot be packed is logged and not said. */
#include "runtime/bus/router_internal.h"

#include "proto/codec.h"

uint64_t router_next_id(struct ry_router *router)
{
    if (++router->last_id == 0)
        router->last_id = 1;
    return (uint64_t)ROUTER_SESSION << 32 | router->last_id;
}

/* Packs a message of the router into router->packed; *frames gets its blobs' references. */
int router_pack(struct ry_router *router, enum ry_tag tag, const void *message, uint64_t correlation,
                struct ry_envelope *head, struct ry_frames *frames, struct ry_error *err)
{
    ry_buf_reset(&router->body);
    ry_buf_reset(&router->packed);
    frames->n = 0;
    int rc = ry_pack_mended(ry_descriptor(tag), message, &router->body, frames, err);
    if (rc != RY_OK)
        return rc;
    *head = (struct ry_envelope){
        .id = router_next_id(router),
        .correlation = correlation,
        .tag = (uint16_t)tag,
        .priority = RY_PRIORITY_CONTROL,
        .attempt = 1,
        .frame_count = (uint16_t)frames->n,
        .body = ry_buf_str(&router->body),
    };
    rc = ry_envelope_pack(head, &router->packed);
    if (rc != RY_OK) {
        ry_frames_clear(frames);
        return ry_fail(err, (enum ry_err)rc, "%s does not fit", ry_descriptor(tag)->record.name);
    }
    head->body.p = router->packed.p + router->packed.n - head->body.n;
    return RY_OK;
}

void router_say(struct ry_router *router, const struct attached_instance *to, enum ry_tag tag, const void *message,
                uint64_t correlation)
{
    struct ry_envelope head;
    struct ry_frames frames;
    struct ry_error err = {0};
    if (router_pack(router, tag, message, correlation, &head, &frames, &err) != RY_OK) {
        RY_LOG(RY_ERROR, "router_mute", "to=%s reason=%s", to->name, err.text);
        return;
    }
    router->options.emit(router->options.emit_arg, to->session, ry_buf_str(&router->packed), frames.items, frames.n);
    ry_frames_clear(&frames);
}

uint32_t router_concerned(const struct ry_envelope *head, const struct ry_descriptor *descriptor)
{
    return RY_SESSION_OF(descriptor->kind == RY_KIND_ASK ? head->id : head->correlation);
}

void router_undeliverable_for(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                              enum ry_undeliverable_cause cause, enum ry_failure_class class, const char *reason)
{
    const struct attached_instance *to = router_instance(router, session);
    if (to == NULL)
        return;
    const struct ry_undeliverable message = {
        .id = head->id,
        .origin = head->correlation,
        .tag = head->tag,
        .cause = (uint64_t)cause,
        .reason = ry_str_of(reason),
        .class = (uint64_t) class,
    };
    /* The correlation names what this instance knows: its own message, or the origin it waits for. */
    router_say(router, to, RY_TAG_undeliverable, &message,
               RY_SESSION_OF(head->id) == session ? head->id : head->correlation);
}

void router_undeliverable(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                          enum ry_undeliverable_cause cause, const char *reason)
{
    router_undeliverable_for(router, session, head, cause, RY_FAILURE_PASSING, reason);
}
