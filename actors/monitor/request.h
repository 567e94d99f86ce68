/* request.h: one HTTP request of the monitor, from its check to its answer. Shared by monitor.c, which moves it through
 * its steps, and pages.c, which defines for each route what to check, what to ask and what to answer. */
#ifndef REELYARD_ACTORS_MONITOR_REQUEST_H
#define REELYARD_ACTORS_MONITOR_REQUEST_H

#include <sys/queue.h>

#include "actors/monitor/answers.h"
#include "actors/monitor/form.h"
#include "actors/monitor/gallery.h"
#include "actors/monitor/http.h"
#include "actors/monitor/watch.h"
#include "actors/monitor/links.h"
#include "runtime/actor/actor.h"

/* How long a request waits for its answers. */
#define REQUEST_MS 5000

struct monitor;
struct request;

/* How a route speaks, also when it refuses. */
enum face { FACE_TEXT, FACE_JSON, FACE_HTML };

struct route {
    const char *path;
    bool prefix;  /* path is the beginning */
    bool open;    /* answers without a token, and while draining */
    bool changes; /* takes POST only, from a page of this origin; others take GET and HEAD */
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
    unsigned asks; /* the route's, but for what this request does not need */
    int64_t deadline_mono_ms;
    struct links links;           /* the arguments of the URL, as they came; strings borrow from the exchange */
    struct ry_gallery_get get;    /* likewise */
    struct ry_gallery_get around; /* likewise */
    struct ry_failed_get failed_get;
    struct ry_failed_retry retry; /* its strings are in `form` and `retry_id` */
    struct ry_str retry_id;       /* borrows from the exchange */
    struct form_fields form;      /* of a POST, decoded */
    struct ry_str back;           /* where its visitor returns to */
    const char *change_token;     /* the monitor's */
    bool bearer;                  /* it came with the web token as Authorization */
    struct ry_str path;           /* of a thumbnail below the storage root; borrows likewise */
    struct asked asked[ANSWER_COUNT];
};

#define CHANGE_TOKEN_BYTES 16

struct monitor {
    unsigned magic;
    struct ry_ctx *ctx;  /* NULL while the instance closes */
    struct http *http;   /* NULL: http_port is 0 */
    struct watch *watch; /* likewise */
    struct ry_str token; /* absent: none is asked for */
    char *data;          /* the data folder's full path; NULL: only those who may look are told, or it has none */
    struct gallery_advice advice;
    char change_token[2 * CHANGE_TOKEN_BYTES + 1]; /* of this process: stands in every form that changes something */
    LIST_HEAD(, request) requests;
};

/* The route of a path, or NULL. Static. */
const struct route *pages_route(const char *path);

/* How the answer to a request speaks when it refuses: as its route (may be NULL) does, or as its visitor can read. */
enum face pages_face(const struct http_exchange *exchange, const struct route *route);

/* Answers with this and counts it. */
void pages_reply(struct monitor *self, struct http_exchange *exchange, const struct http_reply *what);

/* Answers with an error in the route's way of speaking. */
void pages_refuse(struct monitor *self, struct http_exchange *exchange, enum face face, unsigned status,
                  const char *title, const char *why);

#endif
