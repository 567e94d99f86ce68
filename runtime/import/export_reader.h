/* export_reader.h: a DiscordChatExporter JSON export, read message by message.
 *
 * Streams: memory does not depend on the file's size. Every message's place is known, so that reading can go on later
 * where it stopped. Source of the format: https://github.com/Tyrrrz/DiscordChatExporter (JsonMessageWriter). */
#ifndef REELYARD_RUNTIME_IMPORT_EXPORT_READER_H
#define REELYARD_RUNTIME_IMPORT_EXPORT_READER_H

#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Largest message that is read; a larger one is put aside. */
#define RY_EXPORT_MESSAGE_MAX_BYTES ((size_t)16 << 20)

struct ry_export;

/* What stands before the messages. Owned by the reader. */
struct ry_export_head {
    struct ry_str guild_id;
    struct ry_str guild_name;
    struct ry_str guild_icon_url; /* absent if none */
    struct ry_str channel_id;
    struct ry_str channel_name;
    const char *channel_type;  /* text, voice, category or forum; static */
    bool direct;               /* direct messages or a group chat: the guild is RY_DIRECT_GUILD_ID */
    struct ry_str category_id; /* absent if none */
    struct ry_str topic;       /* absent if none */
};

/* One element of `messages`. */
struct ry_export_message {
    uint64_t index;  /* from 0 */
    uint64_t offset; /* of its first byte in the file */
    uint64_t end;    /* of the byte behind it: where ry_export_seek goes on */
    bool too_large;
    bool has_files;     /* false: certainly no attachment and no video of an embed, not even forwarded ones; the text
                         * need not be parsed */
    struct ry_str text; /* JSON, borrowed until the next call; absent if too_large */
};

/* Opens an export and reads its head; if guild and channel stand behind the messages, passes over those. RY_ENOENT,
 * RY_EACCES, RY_EIO for the file; RY_EINVAL when it is no export, with line and byte. */
int ry_export_open(const char *path, struct ry_export **out, struct ry_error *err);

/* Frees the reader and sets it to NULL; NULL is allowed. */
void ry_export_close(struct ry_export **reader);

const struct ry_export_head *ry_export_head(const struct ry_export *reader);

/* "device:inode:size:mtime" of the file that was opened: a cursor holds for this file alone. Owned by the reader. */
const char *ry_export_identity(const struct ry_export *reader);
uint64_t ry_export_size(const struct ry_export *reader);
/* How far it has been read, in bytes. */
uint64_t ry_export_offset(const struct ry_export *reader);

/* Goes on behind a message that was read before: `end` and `index` + 1 of it. */
void ry_export_seek(struct ry_export *reader, uint64_t offset, uint64_t next_index);

/* The next message: 1, or 0 behind the last one when the rest of the file is as it should be. RY_EINVAL when the file
 * ends too early or is damaged, with message, line and byte; what was read before it is good. RY_EIO, RY_ENOMEM. */
int ry_export_next(struct ry_export *reader, struct ry_export_message *message, struct ry_error *err);

#endif
