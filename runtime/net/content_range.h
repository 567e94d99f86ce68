/* content_range.h: reads the Content-Range header. Pure; any thread. */
#ifndef REELYARD_RUNTIME_NET_CONTENT_RANGE_H
#define REELYARD_RUNTIME_NET_CONTENT_RANGE_H

#include "runtime/base/str.h"

struct ry_content_range {
    bool has_bytes; /* false: "bytes *\/total", the form of a 416 */
    bool has_total; /* false: the total is not told ("*") */
    uint64_t first; /* byte offset */
    uint64_t last;  /* byte offset, included; first <= last < total */
    uint64_t total; /* bytes of the whole */
};

/* "bytes 0-99/1234", "bytes 0-99/ *" or "bytes *\/1234" (RFC 9110, section 14.4; the unit in any case). False and
 * *range untouched if text is none of these or contradicts itself; offsets are at most 2^63-1. */
bool ry_content_range_parse(struct ry_str text, struct ry_content_range *range);

#endif
