/* source.h: where the bytes of one video come from, behind one table of operations.
 *
 * A source brings ranges: a file below a registered folder (source_file.c) at once, a server (source_http.c) later. A
 * server without ranges is spooled to disk once (spool.h) and its ranges are then read from there. The clip that owns
 * the source is told of each range by one call, which may come before fetch returns.
 *
 * Error texts complete a sentence that begins with the file's name: "is empty", "could not be downloaded: ...". */
#ifndef REELYARD_ACTORS_DOWNLOADER_SOURCE_H
#define REELYARD_ACTORS_DOWNLOADER_SOURCE_H

#include "runtime/actor/actor.h"
#include "runtime/base/media_file.h"
#include "runtime/net/http.h"

/* Ranges that may be under way at a time from one source. */
#define SOURCE_PARALLEL 4

struct source;

/* What came of one range. */
struct source_result {
    unsigned slot;          /* as given to fetch */
    struct ry_frame *frame; /* the bytes from the range's first on, at most its length; the receiver takes a reference
                               if it keeps them. NULL with code RY_OK: the video ends before the range */
    enum ry_err code;       /* RY_OK; else error tells why, and the class of the code whether to try again */
    struct ry_error error;
    int64_t retry_after_ms; /* the server asks to wait so long; -1: it does not */
    bool changed;           /* it is another video than before: what was fetched is worth nothing (code RY_EDATA) */
};

/* Told once for each fetch, unless the source is closed first. It may close the source. */
typedef void source_on_result(void *arg, const struct source_result *result);

struct source_ops {
    const char *name;
    /* Begins to bring length bytes (> 0) from offset. At most SOURCE_PARALLEL at a time; the first one alone, because
     * it tells whether the server has ranges. */
    void (*fetch)(struct source *self, unsigned slot, uint64_t offset, uint64_t length);
    /* Frees it; what is under way is cancelled without a word. */
    void (*close)(struct source *self);
};

/* The part that all sources begin with. */
struct source {
    const struct source_ops *ops;
    source_on_result *on_result;
    void *arg;
    bool total_known;
    uint64_t total;           /* bytes of the whole video, once known */
    const char *validator;    /* a strong one of its content (ETag), for life; "": none is known */
    int64_t deadline_mono_ms; /* of the fetches that begin from now on; set by the owner */
};

/* What all sources of one downloader share; outlives them. */
struct source_world {
    struct ry_ctx *ctx; /* for counting */
    struct ry_http *http;
    const char *spool_path;
    uint64_t spool_max_bytes;
    uint64_t disk_reserve_bytes;
    struct ry_media_roots roots;
};

/* Opens a file of a file URL below media_root (absent: none is registered). Whether it is there, may be read and has
 * bytes is known at once. The errors of ry_media_file_open, and RY_ENOMEM. */
int source_file_open(struct source **source, struct ry_media_roots *roots, struct ry_str url, struct ry_str media_root,
                     source_on_result *on_result, void *arg, struct ry_error *err);

/* Takes over an open descriptor of a regular file of total bytes. Closes it on failure too. RY_ENOMEM. */
int source_of_descriptor(struct source **source, int fd, uint64_t total, source_on_result *on_result, void *arg,
                         struct ry_error *err);

/* A server. Nothing is asked of it before the first fetch; url is borrowed for life. RY_ENOMEM. */
int source_http_open(struct source **source, struct source_world *world, struct ry_str url, source_on_result *on_result,
                     void *arg, struct ry_error *err);

static inline void source_close(struct source **source)
{
    if (*source)
        (*source)->ops->close(*source);
    *source = NULL;
}

#endif
