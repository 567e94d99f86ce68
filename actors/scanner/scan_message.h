/* scan_message.h: a message of Discord, read from JSON and judged. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_MESSAGE_H
#define REELYARD_ACTORS_SCANNER_SCAN_MESSAGE_H

#include "actors/scanner/rows.h"
#include "runtime/base/arena.h"

/* Discord allows 10. More would make one message's rows larger than a mail. Those of forwarded messages and embeds
 * count too. */
#define SCAN_ATTACHMENTS_MAX ((size_t)100)

/* A video of a message: an attachment of its own or of the message that it forwards, or a downloaded file of an embed.
 * Strings are borrowed from the JSON or live in the rows' arena. */
struct scan_attachment {
    struct ry_str id; /* absent: of an embed */
    struct ry_str filename;
    struct ry_str content_type;
    struct ry_str url;
    struct ry_str placeholder; /* base64 ThumbHash; absent: none */
    const char *source_kind;   /* as clip_row has it; NULL: posted here */
    struct ry_str source_url;  /* absent: not known */
    uint64_t size;             /* 0: not known */
};

struct scan_message {
    struct ry_str id;
    struct ry_str content; /* the forwarded message's, if it has none of its own */
    int64_t timestamp_wall_ms;
    int64_t edited_wall_ms; /* 0: never */
    bool pinned;
    bool reply;
    const struct ry_json *attachments; /* an array; NULL: none */
    const struct ry_json *embeds;      /* the same */
    const struct ry_json *snapshots;   /* of the messages that it forwards; the same */
    const struct ry_json *reference;   /* an object; NULL: none */
};

/* RY_EINVAL names what is wrong; message->id is then set as far as it was read. */
int scan_message_read(const struct ry_json *object, struct scan_message *message, struct ry_error *err);

/* The videos that become clips, the message's own first, then forwarded ones, then those of embeds; returns how many.
 * Bad ones are put aside, one that is there twice is taken once, others are counted by their kind. arena: for what is
 * made of the JSON. */
size_t scan_message_videos(const struct scan_message *message, const struct scan_rows_context *context,
                           struct ry_arena *arena, struct scan_attachment videos[SCAN_ATTACHMENTS_MAX],
                           size_t skipped[CLIP_KIND_COUNT]);

/* Reports a message, or an attachment of it, that is left out. */
void scan_message_put_aside(const struct scan_rows_context *context, struct ry_str message_id,
                            const struct ry_error *why);

#endif
