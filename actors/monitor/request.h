/* request.h: one HTTP request of the monitor, from its check to its answer. Shared by monitor.c, which moves it through
 * its steps, and pages.c, which defines for each route what to check, what to ask and what to answer. */
#ifndef REELYARD_ACTORS_MONITOR_REQUEST_H
#define REELYARD_ACTORS_MONITOR_REQUEST_H

#include <sys/queue.h>

#include "actors/monitor/answers.h"
#include "actors/monitor/gallery.h"
#include "actors/monitor/http.h"
#include "runtime/actor/actor.h"

/* How long a request waits for its answers. */
#define REQUEST_MS 5000

struct monitor;
struct request;

/* How a route speaks, also when it refuses. */
enum face { FACE_TEXT, FACE_JSON, FACE_HTML };

struct route {
    const char *path;
    bool prefix; /* path is the beginning */
    bool open;   /* answers without a token, and while draining */
    enum face face;
    unsigned asks; /* 1 << enum answer */
    /* Checks the request before anything is asked; RY_EINVAL or RY_ENOENT with a sentence for the visitor. May be
     * NULL. */
    int (*check)(struct request *request, struct ry_error *err);
    void (*reply)(struct monitor *self, struct request *request, const struct answers *answers);
};

struct asked {
    uint64_t id; /* of the message; 0: not asked */
    bool waiting;
    struct ry_mail *mail; /* the answer, kept; NULL: none came */
    char why[200];        /* it will not come */
};

#define REQUEST_MAGIC 0x72657175u
#define MONITOR_MAGIC 0x6d6f6e69u

struct request {
    unsigned magic;
    LIST_ENTRY(request) link;
    struct http_exchange *exchange;
    const struct route *route;
    int64_t deadline_mono_ms;
    struct ry_gallery_get get; /* strings borrow from the exchange */
    struct ry_str path;        /* of a thumbnail below the storage root; borrows likewise */
    struct asked asked[ANSWER_COUNT];
};

struct monitor {
    unsigned magic;
    struct ry_ctx *ctx;  /* NULL while the instance closes */
    struct http *http;   /* NULL: http_port is 0 */
    struct ry_str token; /* absent: none is asked for */
    char *data;          /* the data folder's full path; NULL: only those who may look are told, or it has none */
    struct gallery_advice advice;
    LIST_HEAD(, request) requests;
};

/* The route of a path, or NULL. Static. */
const struct route *pages_route(const char *path);

/* Answers with this and counts it. */
void pages_reply(struct monitor *self, struct http_exchange *exchange, const struct http_reply *what);

/* Answers with an error in the route's way of speaking. */
void pages_refuse(struct monitor *self, struct http_exchange *exchange, enum face face, unsigned status,
                  const char *title, const char *why);

#endif
