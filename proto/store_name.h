/* store_name.h: the names of files below the root of a store, as the archive's tables hold them:
 *
 *   thumbnails/guild_{guild_id}/{clip_id}_{small|large}.webp
 *   sheets/guild_{guild_id}/{clip_id}.webp                      the storyboard of a clip
 *   media/{2 hex digits}/{62 hex digits}.{extension}            an original, by the SHA-256 of its bytes
 *   playable/{2 hex digits}/{62 hex digits}.mp4                 what browsers play of the original with that SHA-256
 *
 * Every name has three parts; the first is its kind. A text that is no such name reaches no file system and no bucket.
 * Pure functions; any thread. */
#ifndef REELYARD_PROTO_STORE_NAME_H
#define REELYARD_PROTO_STORE_NAME_H

#include <stdbool.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Bytes that the longest name needs, the NUL included. */
#define RY_STORE_NAME_BYTES 96
typedef char ry_store_name[RY_STORE_NAME_BYTES];

/* Bytes of a SHA-256 as hexadecimal digits, the NUL included. */
#define RY_STORE_SHA256_BYTES 65

enum ry_store_kind {
    RY_STORE_NONE, /* no name of a file of the store's */
    RY_STORE_THUMBNAIL,
    RY_STORE_SHEET,
    RY_STORE_MEDIA,
    RY_STORE_PLAYABLE,
};
#define RY_STORE_KINDS (RY_STORE_PLAYABLE + 1)

/* The first part of all names of a kind: "thumbnails", "sheets", "media", "playable". Static; not for RY_STORE_NONE. */
const char *ry_store_folder(enum ry_store_kind kind);

/* Each builds a name; RY_EINVAL when the parts are not those of one. sha256: 64 hexadecimal digits, lower case.
 * extension: one of ry_store_extension's, without a dot. */
int ry_store_name_thumbnail(struct ry_str guild_id, struct ry_str clip_id, struct ry_str size_type, ry_store_name name,
                            struct ry_error *err);
int ry_store_name_sheet(struct ry_str guild_id, struct ry_str clip_id, ry_store_name name, struct ry_error *err);
int ry_store_name_media(struct ry_str sha256, struct ry_str extension, ry_store_name name, struct ry_error *err);
int ry_store_name_playable(struct ry_str sha256, ry_store_name name, struct ry_error *err);

/* The kind of file that text is exactly the name of, which is then copied (name may be NULL); RY_STORE_NONE: of none,
 * and name is as it was. */
enum ry_store_kind ry_store_name_check(struct ry_str text, char *name);

/* Whether text is exactly the name of this image of this clip, of any guild. */
bool ry_store_name_is_thumbnail_of(struct ry_str text, struct ry_str clip_id, struct ry_str size_type);

/* Whether text is exactly the name of this clip's sheet, of any guild. */
bool ry_store_name_is_sheet_of(struct ry_str text, struct ry_str clip_id);

/* The SHA-256 that a name of kind media or playable is made of; false: it is no such name. */
bool ry_store_name_sha256(struct ry_str text, char sha256[RY_STORE_SHA256_BYTES]);

/* The MIME type of a file by its name's extension, application/octet-stream for .bin. Static. text must be a name. */
const char *ry_store_name_mime(struct ry_str text);

/* The extension for an original: by its MIME type if that is known here, else by the one of the file's name, else
 * "bin". Both may be absent. Static. */
const char *ry_store_extension(struct ry_str mime, struct ry_str file_name);

#endif
