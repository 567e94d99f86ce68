/* thumbnail_name.h: the names of thumbnails' files below the root of their store, as the archive's tables hold them:
 * thumbnails/guild_{guild_id}/{clip_id}_{small|large}.webp.
 *
 * Pure functions; any thread. */
#ifndef REELYARD_PROTO_THUMBNAIL_NAME_H
#define REELYARD_PROTO_THUMBNAIL_NAME_H

#include <stdbool.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Bytes that the longest name needs, the NUL included. */
#define RY_THUMBNAIL_NAME_BYTES 96

/* Builds the name of a thumbnail. RY_EINVAL when the parts are not those of one. */
int ry_thumbnail_name_make(struct ry_str guild_id, struct ry_str clip_id, struct ry_str size_type,
                           char name[RY_THUMBNAIL_NAME_BYTES], struct ry_error *err);

/* Whether text is exactly such a name, and if so copies it. */
bool ry_thumbnail_name_check(struct ry_str text, char name[RY_THUMBNAIL_NAME_BYTES]);

/* Whether text is exactly the name of this image of this clip, of any guild. */
bool ry_thumbnail_name_is_of(struct ry_str text, struct ry_str clip_id, struct ry_str size_type);

#endif
