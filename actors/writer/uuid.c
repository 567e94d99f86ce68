/* uuid.c: name-based UUIDs.
 *
 * Owns nothing. thumbnail.id and failed_thumbnail.id are UUIDs in the interface's schema; made from the clip's id, a
 * redelivered mail writes the row it wrote before. */
#include "actors/writer/uuid.h"

#include "runtime/base/digest.h"

#include <stdio.h>

void writer_uuid_v5(const uint8_t namespace_id[16], struct ry_str name, char text[RY_UUID_BYTES])
{
    uint8_t hashed[16 + 512];
    size_t n = name.n < 512 ? name.n : 512;
    memcpy(hashed, namespace_id, 16);
    if (n > 0)
        memcpy(hashed + 16, name.p, n);
    uint8_t digest[RY_SHA1_BYTES];
    ry_sha1((struct ry_str){(const char *)hashed, 16 + n}, digest);
    ry_uuid_print(digest, 5, text);
}

void writer_uuid_of_clip(struct ry_str clip_id, struct ry_str kind, char text[RY_UUID_BYTES])
{
    /* Reelyard's own namespace; never change it, or every row gets a second one. */
    static const uint8_t namespace_id[16] = {0x8e, 0x1b, 0x4f, 0x0a, 0x52, 0x59, 0x4c, 0x44,
                                             0x9d, 0x31, 0xb7, 0x5c, 0x06, 0xe2, 0xaa, 0x41};
    char name[256];
    int n = snprintf(name, sizeof name, "%.*s:%.*s", RY_STR_ARG(clip_id), RY_STR_ARG(kind));
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof name ? (size_t)n : sizeof name - 1;
    writer_uuid_v5(namespace_id, (struct ry_str){name, bytes}, text);
}
