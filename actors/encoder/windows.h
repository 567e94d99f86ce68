/* windows.h: the bytes of a video that are at hand, as a file that can be read.
 *
 * A video is known by windows: runs of its bytes that somebody fetched. Demuxers read them as a file (windows_io). A
 * read outside them is a miss: it is recorded as a range that is needed, with read-ahead, and from then on every read
 * fails, so that the library on top gives up at once. In the last round nothing more will come, and a miss is the end
 * of the file instead.
 *
 * The bytes are borrowed; one thread. */
#ifndef REELYARD_ACTORS_ENCODER_WINDOWS_H
#define REELYARD_ACTORS_ENCODER_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As proto/messages.def limits encode_run and encode_needs. */
#define WINDOWS_MAX       256
#define WINDOWS_NEEDS_MAX 64

#define WINDOWS_ALSO_MAX 8

struct AVIOContext;

struct window {
    uint64_t offset; /* of the first byte in the video */
    const uint8_t *p;
    size_t n; /* > 0 */
};

struct window_need {
    uint64_t offset;
    uint64_t length; /* > 0 */
};

/* Bytes that a demuxer reads in place of the file's: so that it passes over what nobody needs. */
#define WINDOWS_PATCHES_MAX     64
#define WINDOWS_PATCH_BYTES_MAX 12
struct window_patch {
    uint64_t offset;
    size_t n;
    uint8_t bytes[WINDOWS_PATCH_BYTES_MAX];
};

/* How much a miss asks for. */
enum windows_ahead {
    WINDOWS_INDEX,  /* the way to the index: the rest of a file when it is short, else growing */
    WINDOWS_EXACT,  /* a sample whose size is known: just what was wanted */
    WINDOWS_STREAM, /* reading on and on: as much again as is there already */
    WINDOWS_CLOSED  /* nothing: what is not there counts as the end */
};

struct windows {
    struct window items[WINDOWS_MAX];
    size_t count;
    uint64_t total_bytes; /* of the video; 0: not known */
    bool last_round;      /* nothing will be fetched any more */

    enum windows_ahead ahead;
    uint64_t position; /* of the next read */
    struct window_need needs[WINDOWS_NEEDS_MAX];
    size_t need_count;                         /* > 0: a read missed */
    struct window_need also[WINDOWS_ALSO_MAX]; /* of facts, not of the picture: asked for with the next miss */
    size_t also_count;
    struct window_patch patches[WINDOWS_PATCHES_MAX];
    size_t patch_count;
    uint64_t index_bytes; /* what windows_want was told of: it does not count against the budget */
    bool exhausted;       /* a read was refused because of the budget */
    int64_t cpu_end_ns;   /* of the thread's CPU clock; past it all reads fail; 0: none */
    bool spent;           /* that happened */
};

/* Adds a window; false if it is empty, not behind the ones before, reaches past the total, or there are too many. */
bool windows_place(struct windows *windows, uint64_t offset, const void *bytes, size_t n);

/* The bytes from offset on that are at hand in one piece; *n is 0 and the result NULL if there are none. */
const uint8_t *windows_at(const struct windows *windows, uint64_t offset, size_t *n);

/* How many bytes from offset on are at hand, over adjacent windows. */
uint64_t windows_run(const struct windows *windows, uint64_t offset);

/* Copies n bytes from offset; false if they are not all at hand. */
bool windows_copy(const struct windows *windows, uint64_t offset, void *to, size_t n);

/* The last place in [from, to) where a byte at hand has that value; false: there is none. */
bool windows_find_last(const struct windows *windows, uint64_t from, uint64_t to, uint8_t value, uint64_t *offset);

/* Where the video ends as far as is known: its size, or in the last round the last byte at hand; 0: not known. */
uint64_t windows_end(const struct windows *windows);

/* Asks for what is missing in a range (cut at the known end): an index, or samples of known places. True if all is
 * there, or nothing more will come. */
bool windows_want(struct windows *windows, uint64_t offset, uint64_t length);

/* The same for what is worth a request but not a round of its own: in the first round it is only noted and goes out
 * with the first miss, or by windows_settle. True if all is there, or nothing more will come, or it would cost too
 * much. */
bool windows_want_also(struct windows *windows, uint64_t offset, uint64_t length);

/* Asks for what was noted if nothing else was missed. True if nothing is needed. */
bool windows_settle(struct windows *windows);

/* Forgets what a former attempt asked for, noted and patched. */
void windows_begin(struct windows *windows);

/* Lets the demuxer read these bytes (at most WINDOWS_PATCH_BYTES_MAX) instead of the file's. False: too many. */
bool windows_patch(struct windows *windows, uint64_t offset, const uint8_t *bytes, size_t n);

/* Bytes at hand. */
uint64_t windows_bytes(const struct windows *windows);

/* Whether the thread's CPU time is used up; sets `spent`. */
bool windows_spent(struct windows *windows);

/* A libavformat reader of the windows, at their beginning; NULL without memory. Free with windows_io_free. */
struct AVIOContext *windows_io(struct windows *windows);
void windows_io_free(struct AVIOContext **io);

#endif
