/* range.h: which part of a file a request gets: conditions and ranges of RFC 9110, sections 13 and 14.
 *
 * Pure functions on hostile input. A header that is absent is NULL. */
#ifndef REELYARD_ACTORS_MONITOR_RANGE_H
#define REELYARD_ACTORS_MONITOR_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
    uint64_t first;
    uint64_t bytes;
};

enum range_outcome {
    RANGE_WHOLE, /* no range is asked for, or one that is ignored */
    RANGE_PART,
    RANGE_NONE /* nothing of what is asked for is in the file */
};

/* What a Range header asks of a file of total bytes; *range is set for RANGE_PART. Several ranges become one if they
 * touch or lie no further apart than the head of a part is long; otherwise, as the RFC allows, the header is ignored.
 * So is one that is malformed, or in another unit than bytes. */
enum range_outcome range_read(const char *header, uint64_t total, struct range *range);

/* Whether a list of entity tags ("*" is every one) has this one, which is a strong one with its quotes: by weak
 * comparison (If-None-Match) or strong (If-Match). */
bool range_tag_weak(const char *list, const char *tag);
bool range_tag_strong(const char *list, const char *tag);

/* The headers of a request. */
struct range_request {
    bool head; /* HEAD: ranges are not for it */
    const char *if_match;
    const char *if_none_match;
    const char *if_range;
    const char *range;
};

/* The status for a file of this tag and size: 200, 206 (*range is the part), 304, 412 or 416; 200 and the others: *range
 * is all. If-Range with a date is never true, as no file has one. */
unsigned range_decide(const struct range_request *request, const char *tag, uint64_t total, struct range *range);

#endif
