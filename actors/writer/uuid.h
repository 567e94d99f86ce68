/* uuid.h: ids made from names, so that the same row gets the same id whenever it is written. */
#ifndef REELYARD_ACTORS_WRITER_UUID_H
#define REELYARD_ACTORS_WRITER_UUID_H

#include "runtime/base/uuid.h"

/* The UUID version 5 (RFC 9562, 5.5) of a name in a namespace, in lower-case text. The name is at most 512 bytes; more
 * are not looked at. */
void writer_uuid_v5(const uint8_t namespace_id[16], struct ry_str name, char text[RY_UUID_BYTES]);

/* The id of a row about a clip: kind is "small", "large" (table thumbnail) or "failed" (failed_thumbnail). */
void writer_uuid_of_clip(struct ry_str clip_id, struct ry_str kind, char text[RY_UUID_BYTES]);

#endif
