/* version.c: the version of an instance is what the node knows; see version.h.
 *
 * Owns no state. A message with a VERSION field is unpacked and packed anew; such messages are rare and small (an
 * encoder's verdict, its sign of life) and carry no frames. A crash loses nothing: the mail that the message is about
 * is still in custody. */
#include "runtime/bus/version.h"

#include "proto/codec.h"

/* A body without frames and its struct. */
#define BODY_MAX_BYTES ((size_t)64 << 10)

static const struct ry_field *version_field(const struct ry_descriptor *descriptor)
{
    const struct ry_record *record = &descriptor->record;
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].flags & RY_FLAG_VERSION)
            return &record->fields[i];
    return NULL;
}

/* The version that the node vouches for, absent if it can vouch for none. */
static struct ry_str version_of(const struct ry_router *router, const struct attached_instance *sender,
                                struct ry_str claimed)
{
    const char *own = router->options.versions[sender->role];
    if (*own == '\0' || (sender->locality == RY_LOCALITY_HOST && !ry_str_is(claimed, own)))
        return (struct ry_str){0};
    return ry_str_of(own);
}

static int repack(struct ry_router *router, struct router_said *said, const void *message, struct ry_error *err)
{
    struct ry_frames none = {.n = 0};
    ry_buf_reset(&router->body);
    ry_buf_reset(&router->stamped);
    int rc = ry_pack(said->descriptor, message, &router->body, &none, err);
    if (rc != RY_OK)
        return rc;
    said->head.body = ry_buf_str(&router->body);
    rc = ry_envelope_pack(&said->head, &router->stamped);
    if (rc != RY_OK)
        return ry_fail(err, (enum ry_err)rc, "%s does not fit", said->descriptor->record.name);
    said->bytes = ry_buf_str(&router->stamped);
    /* The body is the envelope's last element. */
    said->head.body.p = said->bytes.p + said->bytes.n - said->head.body.n;
    return RY_OK;
}

int version_write(struct ry_router *router, struct router_said *said, struct ry_error *err)
{
    const struct ry_field *field = version_field(said->descriptor);
    if (field == NULL || said->sender->role == RY_ROLE_RELAY)
        return RY_OK;
    RY_ARENA_AUTO arena = ry_arena_make(BODY_MAX_BYTES);
    void *message = NULL;
    int rc = ry_unpack(said->descriptor, said->head.body, said->frames, said->frame_count, &arena, &message, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str *claimed = (struct ry_str *)(void *)((char *)message + field->offset);
    bool only_version = said->descriptor->record.field_count == 1;
    struct ry_str known = version_of(router, said->sender, *claimed);
    if (known.p == NULL && only_version)
        return RY_ENOENT;
    *claimed = known.p ? known : RY_STR(RY_ENCODER_UNKNOWN);
    return repack(router, said, message, err);
}
