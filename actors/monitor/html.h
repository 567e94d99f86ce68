/* html.h: escaping text for HTML, and readable figures.
 *
 * Everything that comes from a message goes through html_text (between tags or inside a double-quoted attribute) or
 * html_component (inside a URL); nothing else in this folder writes such text into a page. */
#ifndef REELYARD_ACTORS_MONITOR_HTML_H
#define REELYARD_ACTORS_MONITOR_HTML_H

#include "runtime/base/buf.h"

/* Appends text with & < > " ' escaped. An absent string is nothing. */
void html_text(struct ry_buf *out, struct ry_str text);

/* Appends text percent-encoded as one component of a path or query (RFC 3986: only unreserved characters stay). */
void html_component(struct ry_buf *out, struct ry_str text);

/* "12.3 MB", decimal. */
void html_size(struct ry_buf *out, uint64_t bytes);

/* "0:07", "1:02:03"; seconds >= 0, rounded. */
void html_duration(struct ry_buf *out, double seconds);

/* "1,234,567". */
void html_count(struct ry_buf *out, uint64_t count);

/* "1 clip", "1,234 clips". */
void html_plural(struct ry_buf *out, uint64_t count, const char *one, const char *many);

/* Appends the path of a file: URL as a person writes it: percent-decoded where that gives UTF-8. Not escaped. False, and
 * nothing, for another URL. */
bool html_file_path(struct ry_buf *out, struct ry_str url);

/* <time datetime="ISO 8601">2024-10-19 15:03 UTC</time> */
void html_time(struct ry_buf *out, int64_t wall_ms);

#endif
