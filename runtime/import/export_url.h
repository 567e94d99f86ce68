/* export_url.h: where the videos of an export lie. */
#ifndef REELYARD_RUNTIME_IMPORT_EXPORT_URL_H
#define REELYARD_RUNTIME_IMPORT_EXPORT_URL_H

#include "runtime/base/buf.h"

#define RY_EXPORT_DIRS_MAX 16

/* The folders that an export's files may lie in. All are absolute, without a slash at the end. */
struct ry_export_media {
    const char *folder;      /* the export's own */
    const char *const *dirs; /* further ones, such as a media folder that several exports share */
    size_t dir_count;        /* at most RY_EXPORT_DIRS_MAX */
    uint32_t used;           /* where files were found: bit 0 for folder, bit i + 1 for dirs[i] */
};

/* Appends the URL to use for a `url` of an export. URLs with a scheme stay; a path becomes a file:// URL,
 * percent-encoded. Of a path's readings (as it stands, backslashes as slashes, percent-decoded, both) the first that
 * names an existing file below one of the folders is taken: a relative path below the export's folder, an absolute one
 * as it is. If there is none, the path was another machine's, and a file is looked for by its tail, the longest that
 * one of the folders has, in their order: C:\exports\media\a-1B2C3.mp4 is FOLDER/media/a-1B2C3.mp4, or
 * FOLDER/a-1B2C3.mp4. If nothing is found, the path stays as it stands. ".." is not resolved and is in no tail: whoever
 * opens the file refuses what leaves the folder. Looks at the file system. */
void ry_export_url(struct ry_export_media *media, struct ry_str url, struct ry_buf *out);

#endif
