/* clip_source.h: where a message's videos come from, besides its own attachments: forwarded messages and embeds. Pure;
 * strings are borrowed from the JSON, or live in the arena that is given. */
#ifndef REELYARD_ACTORS_SCANNER_CLIP_SOURCE_H
#define REELYARD_ACTORS_SCANNER_CLIP_SOURCE_H

#include "runtime/base/arena.h"
#include "runtime/json/json.h"

/* Limit of clip_row.source_url in proto/messages.def. */
#define CLIP_SOURCE_URL_MAX_BYTES ((size_t)512)

/* A link to the message that a message_reference names: https://discord.com/channels/GUILD/CHANNEL/MESSAGE, with @me in
 * the place of a guild that is absent or the one of direct messages. Absent when channel or message are missing or no
 * ids, or without memory. guild_id: taken when the reference names none. */
struct ry_str clip_source_link(const struct ry_json *reference, struct ry_str guild_id, struct ry_arena *arena);

/* What an embed's video is. */
struct clip_embed {
    struct ry_str url;      /* of the downloaded file: file://; absent: there is none, so the video is not ours */
    struct ry_str filename; /* as its page names it, else as the file is named; absent without url */
    struct ry_str page_url; /* where the video was published; absent: not known, or too long to store */
};

/* Reads an embed (Discord's object). False: it has no video. A video of Tenor or Giphy, which is a moving picture, has
 * no url here. file_urls: whether file URLs count. RY_ENOMEM never: names that do not fit are absent.
 * Source: https://discord.com/developers/docs/resources/message#embed-object */
bool clip_embed_read(const struct ry_json *embed, bool file_urls, struct ry_arena *arena, struct clip_embed *out);

/* An attachment's ThumbHash in base64, if it has one of the known version; else absent.
 * Source: https://evanw.github.io/thumbhash/ */
struct ry_str clip_placeholder(const struct ry_json *attachment);

#endif
