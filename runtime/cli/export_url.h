/* export_url.h: where the videos of an export lie. */
#ifndef REELYARD_RUNTIME_CLI_EXPORT_URL_H
#define REELYARD_RUNTIME_CLI_EXPORT_URL_H

#include "runtime/base/buf.h"

/* Appends the URL to use for a `url` of an export. URLs with a scheme stay; a relative path becomes a file:// URL below
 * folder (absolute, no slash at its end), percent-encoded. Of a path's readings (as it stands, backslashes as slashes,
 * percent-decoded, both) the first that names an existing file is taken, the first if none does. ".." is not resolved:
 * whoever opens the file refuses what leaves the folder. Looks at the file system. */
void ry_export_url(const char *folder, struct ry_str url, struct ry_buf *out);

#endif
