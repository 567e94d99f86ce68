/* scan_message.h: a message of Discord, read from JSON and judged. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_MESSAGE_H
#define REELYARD_ACTORS_SCANNER_SCAN_MESSAGE_H

#include "actors/scanner/rows.h"

/* Discord allows 10. More would make one message's rows larger than a mail. */
#define SCAN_ATTACHMENTS_MAX ((size_t)100)

/* Strings are borrowed from the JSON. */
struct scan_attachment {
    struct ry_str id;
    struct ry_str filename;
    struct ry_str content_type;
    struct ry_str url;
    uint64_t size; /* 0: not known */
};

struct scan_message {
    struct ry_str id;
    struct ry_str content;
    int64_t timestamp_wall_ms;
    const struct ry_json *attachments; /* an array; NULL: none */
};

/* RY_EINVAL names what is wrong; message->id is then set as far as it was read. */
int scan_message_read(const struct ry_json *object, struct scan_message *message, struct ry_error *err);

/* The attachments that become clips; returns how many. Bad ones are put aside, one that is there twice is taken once,
 * others are counted by their kind. */
size_t scan_message_videos(const struct scan_message *message, const struct scan_rows_context *context,
                           struct scan_attachment videos[SCAN_ATTACHMENTS_MAX], size_t skipped[CLIP_KIND_COUNT]);

/* Reports a message, or an attachment of it, that is left out. */
void scan_message_put_aside(const struct scan_rows_context *context, struct ry_str message_id,
                            const struct ry_error *why);

#endif
