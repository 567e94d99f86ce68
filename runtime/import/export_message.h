/* export_message.h: one message of an export, told as Discord tells it. */
#ifndef REELYARD_RUNTIME_IMPORT_EXPORT_MESSAGE_H
#define REELYARD_RUNTIME_IMPORT_EXPORT_MESSAGE_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/import/export_url.h"

/* Parses a message's JSON and appends it to out as a Discord message object, for a job of type `messages`: id,
 * timestamp, edited_timestamp, pinned, content, author, member, attachments, embeds that have a video, message_reference
 * of replies and forwards, message_snapshots. media: as in ry_export_url; which of its folders were used is added there.
 * Attachments that are bad are left out and told through put_aside. Returns how many attachments and videos of embeds it
 * has, its own and forwarded ones (0: nothing was appended), or RY_EINVAL with what is wrong, RY_ELIMIT when out is full, RY_ENOMEM; out is then as before. */
int ry_export_convert(struct ry_str text, struct ry_export_media *media, struct ry_buf *out,
                      void (*put_aside)(void *arg, const char *reason), void *arg, struct ry_error *err);

/* The id of a message for a sentence about it: what stands there, cut and with what is not printable as '?', or "". */
void ry_export_message_id(struct ry_str text, char id[24]);

#endif
