/* viewer.h: sends a video to whoever watches it: windows of its bytes, asked for from the storage as they are read.
 *
 * A viewer holds at most two windows and asks for one at a time; all viewers together ask for at most VIEWERS_ASKING,
 * in turn. Windows become smaller when there are many viewers. One who has read nothing for a while holds none. One
 * owner, one thread. */
#ifndef REELYARD_ACTORS_MONITOR_VIEWER_H
#define REELYARD_ACTORS_MONITOR_VIEWER_H

#include <sys/queue.h>

#include "actors/monitor/http.h"
#include "runtime/actor/actor.h"

#define VIEWER_MAGIC    0x76696577u
#define VIEWER_WINDOWS  2
#define VIEWERS_ASKING  12
#define VIEWER_NAME_MAX 128

/* Where a video lies. Strings are owned. */
struct viewer_source {
    char name[VIEWER_NAME_MAX + 1]; /* in the store; "": it is an export's file */
    char *url;
    char *media_root;
    char validator[101]; /* "": any */
    uint64_t total;
};

/* The message that asks for a part of it. */
struct ry_media_read viewer_question(const struct viewer_source *source, uint64_t offset, uint64_t length);
void viewer_source_free(struct viewer_source *source);

struct viewer_window {
    uint64_t offset;
    struct ry_frame *frame;
};

struct viewer {
    unsigned magic;
    struct viewers *all;
    TAILQ_ENTRY(viewer) link;
    TAILQ_ENTRY(viewer) turn;       /* in `queue` */
    struct http_exchange *exchange; /* NULL: it is over */
    struct viewer_source source;
    uint64_t first; /* of the response, in the video */
    uint64_t end;
    uint64_t next; /* what is asked for next */
    struct viewer_window windows[VIEWER_WINDOWS];
    size_t windows_n;
    uint64_t asked; /* id of the media_read; 0: none */
    uint64_t asked_length;
    bool queued;  /* it waits for its turn to ask */
    bool starves; /* its connection waits for a window */
    bool failed;  /* it will be cut */
    int64_t moved_mono_ms;
    int64_t failing_mono_ms; /* since when the storage does not answer; 0: it does */
};

struct viewers {
    struct ry_ctx *ctx; /* NULL while the instance closes */
    TAILQ_HEAD(viewer_list, viewer) list;
    TAILQ_HEAD(viewer_queue, viewer) queue;
    size_t count;
    size_t asking;
    int64_t again_mono_ms; /* when those whom the storage had no room for ask again; 0: there are none */
};

void viewers_open(struct viewers *viewers, struct ry_ctx *ctx);

/* A viewer of length bytes from first on; takes the source's strings, also on failure. NULL without memory. */
struct viewer *viewer_new(struct viewers *viewers, struct http_exchange *exchange, struct viewer_source *source,
                          uint64_t first, uint64_t length);
/* The body of its response, which from then on owns the viewer. */
struct http_stream viewer_stream(struct viewer *viewer);
/* The exchange is over. */
void viewer_ended(struct viewer *viewer);

/* Takes an answer of the storage, or what became of a question. False: it is not a viewer's. */
bool viewers_answer(struct viewers *viewers, const struct ry_mail *mail);
bool viewers_lost(struct viewers *viewers, const struct ry_undeliverable *lost);

/* Lets go of the windows of those who read nothing; those who had no room ask again. */
void viewers_tick(struct viewers *viewers);
/* When that must be done next, a monotonic time; INT64_MAX: no need. */
int64_t viewers_due(const struct viewers *viewers);

/* Cuts all. */
void viewers_cut(struct viewers *viewers);

#endif
