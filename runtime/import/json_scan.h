/* json_scan.h: finding where JSON values begin and end in a file of any size, in flat memory.
 *
 * Knows of JSON only strings, escapes and brackets; what stands between two ends is for a real parser to judge, value
 * by value. Values up to a limit are handed out whole, larger ones are passed over. One owner, one thread; blocks on
 * the file. */
#ifndef REELYARD_RUNTIME_IMPORT_JSON_SCAN_H
#define REELYARD_RUNTIME_IMPORT_JSON_SCAN_H

#include "runtime/base/error.h"
#include "runtime/base/str.h"

struct json_scan {
    int fd;        /* borrowed */
    char *buffer;  /* a window of the file */
    size_t size;   /* bytes allocated */
    size_t n;      /* bytes in use */
    size_t at;     /* next byte, in the window */
    uint64_t base; /* offset in the file of the window's first byte */
    size_t keep;   /* first byte that must stay in the window; == at when nothing must */
    bool keeping;
    bool ended; /* the file has no more bytes behind the window */
};

/* What json_scan_peek returns at the end of the file. */
#define JSON_SCAN_END (-100)

/* One value as it stands in the file. */
struct json_scan_value {
    uint64_t offset;    /* of its first byte */
    uint64_t end;       /* of the byte behind it */
    struct ry_str text; /* borrowed until the next call; absent when it is larger than was asked for */
};

/* Starts at an offset of the file. RY_ENOMEM. */
int json_scan_open(struct json_scan *scan, int fd, uint64_t offset, struct ry_error *err);
void json_scan_close(struct json_scan *scan);

/* Goes to an offset of the file. */
void json_scan_seek(struct json_scan *scan, uint64_t offset);

/* The offset of the next byte. */
uint64_t json_scan_offset(const struct json_scan *scan);

/* The next byte that is not white space, which is left where it is; JSON_SCAN_END; or RY_EIO. */
int json_scan_peek(struct json_scan *scan, struct ry_error *err);

/* Steps over the byte that json_scan_peek returned. */
void json_scan_skip(struct json_scan *scan);

/* Finds the end of the value that begins at the next byte. RY_ENOENT when the file ends before it, RY_EINVAL when no
 * value begins here, RY_EIO, RY_ENOMEM. */
int json_scan_next(struct json_scan *scan, size_t max, struct json_scan_value *value, struct ry_error *err);

/* The line, from 1, in which an offset of the file lies; for errors. Reads the file up to there. */
uint64_t json_scan_line(int fd, uint64_t offset);

#endif
