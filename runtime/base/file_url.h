/* file_url.h: file URLs (RFC 8089) and the percent-encoding in them (RFC 3986, section 2.1). */
#ifndef REELYARD_RUNTIME_BASE_FILE_URL_H
#define REELYARD_RUNTIME_BASE_FILE_URL_H

#include "runtime/base/str.h"

/* The byte that "%XX" at s.p[at] stands for, 0..255; -1 if there is no such thing. */
int ry_percent_byte(struct ry_str s, size_t at);

/* Writes the percent-decoded path of "file:///path" or "file://localhost/path" into path, of `size` bytes, with a NUL
 * behind it, and returns its length. 0: the URL is not one, its path does not fit, or it hides a NUL or a broken
 * escape. "." and ".." are left as they are. */
size_t ry_file_url_path(struct ry_str url, char *path, size_t size);

#endif
