/* clip_file.h: what the name and the URL of an attachment say of it. Pure. */
#ifndef REELYARD_ACTORS_SCANNER_CLIP_FILE_H
#define REELYARD_ACTORS_SCANNER_CLIP_FILE_H

#include "runtime/base/str.h"

/* Whether a file's name ends so, any case: as Python's str.lower() has it for ASCII letters and for the only two others
 * that become one, the Kelvin sign (k) and the dotted capital I (i and a dot above). Longer ends than 64 bytes are no
 * name's. */
bool clip_name_ends(struct ry_str filename, struct ry_str extension);

/* The MIME type to store: the content type unless absent or empty, else by what stands behind the name's last dot. */
struct ry_str clip_mime_type(struct ry_str filename, struct ry_str content_type);

/* Whether a file has a video format beyond the origin's list that the encoder opens: by its name. A .ts may be
 * TypeScript instead: it counts if its type says video, or if it says nothing and the file is larger than programs
 * are. size_bytes: -1 is not known. */
bool clip_is_further_video(struct ry_str filename, struct ry_str content_type, int64_t size_bytes);

/* What a file is that is not taken: by its type, else by its name. */
enum clip_kind {
    CLIP_KIND_IMAGE,
    CLIP_KIND_SOUND,
    CLIP_KIND_TEXT,
    CLIP_KIND_ARCHIVE,
    CLIP_KIND_VIDEO, /* a video that is not on the list */
    CLIP_KIND_OTHER,
    CLIP_KIND_EMBED, /* a video of an embed that is not here, or a moving picture; never of a file's name */
    CLIP_KIND_COUNT
};
enum clip_kind clip_kind_of(struct ry_str filename, struct ry_str content_type);

/* 9999-12-31T23:59:59Z, for what never expires. */
#define CLIP_EXPIRES_NEVER_WALL_MS ((int64_t)253402300799000)

/* When a URL stops working, Unix milliseconds: never for file URLs, else what its query parameter `ex` says, else 24
 * hours after now. `ex` is read as Python's parse_qs, int(text, 16) and datetime.fromtimestamp read it: the first that
 * is not empty counts, percent-decoded, with blanks around it, a sign, 0x and single underscores between digits
 * allowed, in the years 1 to 9999. */
int64_t clip_url_expires_wall_ms(struct ry_str url, int64_t now_wall_ms);

#endif
