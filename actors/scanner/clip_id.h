/* clip_id.h: the name of a clip, made from what never changes about it. */
#ifndef REELYARD_ACTORS_SCANNER_CLIP_ID_H
#define REELYARD_ACTORS_SCANNER_CLIP_ID_H

#include "runtime/base/digest.h"

/* Bytes that clip_id_created_text needs, the NUL included. */
#define CLIP_ID_CREATED_BYTES 40

/* The time inside a snowflake, Unix milliseconds.
 * Source: https://discord.com/developers/docs/reference#snowflakes */
int64_t clip_id_created_wall_ms(uint64_t snowflake);

/* That time as Python's datetime.isoformat prints it in UTC: 2024-10-19T15:03:09.159000+00:00, and without the fraction
 * when the milliseconds are 0. */
void clip_id_created_text(uint64_t snowflake, char text[CLIP_ID_CREATED_BYTES]);

/* Writes the clip id: MD5 hex of "{message_id}:{channel_id}:{filename}:{created}". attachment_id is the absent string
 * for the first attachment of that name in its message; the others give theirs, which is appended as ":{attachment_id}"
 * so that none takes another's place. message_id must be a snowflake. False when the file name is longer than 64 KiB.
 */
bool clip_id_make(struct ry_str message_id, struct ry_str channel_id, struct ry_str filename,
                  struct ry_str attachment_id, char hex[RY_MD5_HEX_BYTES]);

#endif
