/* window_io.h: the bytes of a video that are at hand, as a file that can be read.
 *
 * A video is known by windows: runs of its bytes that somebody fetched. Demuxers read them as a file (window_io_open).
 * A read outside them is a miss: it is recorded as a range that is needed, with read-ahead, and from then on every read
 * fails, so that the library on top gives up at once. In the last round nothing more will come, and a miss is the end
 * of the file instead.
 *
 * The bytes are borrowed; one thread. */
#ifndef REELYARD_RUNTIME_VIDEO_WINDOW_IO_H
#define REELYARD_RUNTIME_VIDEO_WINDOW_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As proto/messages.def limits encode_run and encode_needs. */
#define WINDOW_IO_MAX       256
#define WINDOW_IO_NEEDS_MAX 64

#define WINDOW_IO_ALSO_MAX 8

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
#define WINDOW_IO_PATCHES_MAX     64
#define WINDOW_IO_PATCH_BYTES_MAX 12
struct window_patch {
    uint64_t offset;
    size_t n;
    uint8_t bytes[WINDOW_IO_PATCH_BYTES_MAX];
};

/* How much a miss asks for. */
enum window_io_ahead {
    WINDOW_IO_INDEX,  /* the way to the index: the rest of a file when it is short, else growing */
    WINDOW_IO_EXACT,  /* a sample whose size is known: just what was wanted */
    WINDOW_IO_STREAM, /* reading on and on: as much again as is there already */
    WINDOW_IO_CLOSED  /* nothing: what is not there counts as the end */
};

#define WINDOW_IO_MAGIC 0x77696e64u

struct window_io {
    unsigned magic; /* WINDOW_IO_MAGIC while a demuxer reads it */
    struct window items[WINDOW_IO_MAX];
    size_t count;
    uint64_t total_bytes; /* of the video; 0: not known */
    bool last_round;      /* nothing will be fetched any more */

    enum window_io_ahead ahead;
    uint64_t position; /* of the next read */
    struct window_need needs[WINDOW_IO_NEEDS_MAX];
    size_t need_count;                           /* > 0: a read missed */
    struct window_need also[WINDOW_IO_ALSO_MAX]; /* of facts, not of the picture: asked for with the next miss */
    size_t also_count;
    struct window_patch patches[WINDOW_IO_PATCHES_MAX];
    size_t patch_count;
    uint64_t index_bytes; /* what window_io_want was told of: it does not count against the budget */
    bool exhausted;       /* a read was refused because of the budget */
    int64_t cpu_end_ns;   /* of the thread's CPU clock; past it all reads fail; 0: none */
    bool spent;           /* that happened */
};

/* Adds a window; false if it is empty, not behind the ones before, reaches past the total, or there are too many. */
bool window_io_place(struct window_io *windows, uint64_t offset, const void *bytes, size_t n);

/* The bytes from offset on that are at hand in one piece; *n is 0 and the result NULL if there are none. */
const uint8_t *window_io_at(const struct window_io *windows, uint64_t offset, size_t *n);

/* How many bytes from offset on are at hand, over adjacent windows. */
uint64_t window_io_run(const struct window_io *windows, uint64_t offset);

/* Copies n bytes from offset; false if they are not all at hand. */
bool window_io_copy(const struct window_io *windows, uint64_t offset, void *to, size_t n);

/* The last place in [from, to) where a byte at hand has that value; false: there is none. */
bool window_io_find_last(const struct window_io *windows, uint64_t from, uint64_t to, uint8_t value, uint64_t *offset);

/* Where the video ends as far as is known: its size, or in the last round the last byte at hand; 0: not known. */
uint64_t window_io_end(const struct window_io *windows);

/* Asks for what is missing in a range (cut at the known end): an index, or samples of known places. True if all is
 * there, or nothing more will come. */
bool window_io_want(struct window_io *windows, uint64_t offset, uint64_t length);

/* The same for samples that a caller with a budget of its own has chosen: they count against no other. */
bool window_io_want_sample(struct window_io *windows, uint64_t offset, uint64_t length);

/* The same for what is worth a request but not a round of its own: in the first round it is only noted and goes out
 * with the first miss, or by window_io_settle. True if all is there, or nothing more will come, or it would cost too
 * much. */
bool window_io_want_also(struct window_io *windows, uint64_t offset, uint64_t length);

/* Asks for what was noted if nothing else was missed. True if nothing is needed. */
bool window_io_settle(struct window_io *windows);

/* Forgets what a former attempt asked for, noted and patched. */
void window_io_begin(struct window_io *windows);

/* Lets the demuxer read these bytes (at most WINDOW_IO_PATCH_BYTES_MAX) instead of the file's. False: too many. */
bool window_io_patch(struct window_io *windows, uint64_t offset, const uint8_t *bytes, size_t n);

/* Bytes at hand. */
uint64_t window_io_bytes(const struct window_io *windows);

/* The reading and what is read may take so much of the thread's CPU time from now on. */
void window_io_allow_cpu(struct window_io *windows, int64_t ms);

/* Whether the thread's CPU time is used up; sets `spent`. */
bool window_io_spent(struct window_io *windows);

/* A libavformat reader of the windows, at their beginning; NULL without memory. Free with window_io_close. */
struct AVIOContext *window_io_open(struct window_io *windows);
void window_io_close(struct AVIOContext **io);

#endif
