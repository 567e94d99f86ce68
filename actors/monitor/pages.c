/* pages.c: the routes: what each checks, what it asks of other actors, and how the answers become a page.
 *
 * Owns nothing; works on the request of monitor.c. Promises that a missing answer becomes an error page or a notice,
 * and that a file is only read from the store under a name that is a thumbnail's. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/monitor/api.h"
#include "actors/monitor/gallery.h"
#include "actors/monitor/metrics.h"
#include "actors/monitor/query.h"
#include "actors/monitor/request.h"
#include "actors/monitor/style.h"

/* Largest page: 200 clips with their texts, escaped. */
#define PAGE_MAX_BYTES ((size_t)32 << 20)

#define TYPE_TEXT    "text/plain; charset=utf-8"
#define TYPE_HTML    "text/html; charset=utf-8"
#define TYPE_JSON    "application/json"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

void pages_reply(struct monitor *self, struct http_exchange *exchange, const struct http_reply *what)
{
    ry_count(self->ctx, RY_COUNTER_http_requests, 1);
    if (what->status >= 400)
        ry_count(self->ctx, RY_COUNTER_http_errors, 1);
    http_reply(exchange, what);
}

/* Replies with a rendered page; one that did not fit is an error of ours. */
static void reply_page(struct monitor *self, struct http_exchange *exchange, unsigned status, const char *type,
                       struct ry_buf *page)
{
    if (page->failed) {
        ry_buf_reset(page);
        (void)ry_buf_add_str(page, RY_STR("The page does not fit in memory.\n"));
        status = 500;
        type = TYPE_TEXT;
    }
    pages_reply(self, exchange, &(struct http_reply){.status = status, .content_type = type, .body = page});
}

void pages_refuse(struct monitor *self, struct http_exchange *exchange, enum face face, unsigned status,
                  const char *title, const char *why)
{
    static const char *const types[] = {[FACE_TEXT] = TYPE_TEXT, [FACE_JSON] = TYPE_JSON, [FACE_HTML] = TYPE_HTML};
    RY_BUF_AUTO body = ry_buf_make(65536);
    switch (face) {
    case FACE_TEXT: (void)ry_buf_addf(&body, "%s: %s.\n", title, why); break;
    case FACE_JSON: api_error(why, &body); break;
    case FACE_HTML: gallery_notice(title, why, &body); break;
    }
    pages_reply(self, exchange,
                &(struct http_reply){.status = status,
                                     .content_type = types[face],
                                     .body = &body,
                                     .www_authenticate = status == 401 ? "Bearer realm=\"reelyard\"" : NULL});
}

static void refuse_missing(struct monitor *self, const struct request *request, const char *why)
{
    pages_refuse(self, request->exchange, request->route->face, 503, "Temporarily unavailable", why);
}

static void reply_ping(struct monitor *self, struct request *request, const struct answers *answers)
{
    (void)answers;
    RY_BUF_AUTO body = ry_buf_make(16);
    (void)ry_buf_add_str(&body, RY_STR("alive\n"));
    reply_page(self, request->exchange, 200, TYPE_TEXT, &body);
}

static void reply_ready(struct monitor *self, struct request *request, const struct answers *answers)
{
    RY_BUF_AUTO body = ry_buf_make(65536);
    bool ready = api_ready(answers, ry_ctx_draining(self->ctx), &body);
    reply_page(self, request->exchange, ready ? 200 : 503, TYPE_JSON, &body);
}

static void reply_metrics(struct monitor *self, struct request *request, const struct answers *answers)
{
    RY_BUF_AUTO body = ry_buf_make(PAGE_MAX_BYTES);
    metrics_render(answers, &body);
    reply_page(self, request->exchange, 200, TYPE_METRICS, &body);
}

static void reply_status(struct monitor *self, struct request *request, const struct answers *answers)
{
    RY_BUF_AUTO body = ry_buf_make(PAGE_MAX_BYTES);
    api_status(answers, &body);
    reply_page(self, request->exchange, 200, TYPE_JSON, &body);
}

static void reply_style(struct monitor *self, struct request *request, const struct answers *answers)
{
    (void)answers;
    RY_BUF_AUTO body = ry_buf_make(65536);
    (void)ry_buf_add_str(&body, ry_str_of(web_style));
    pages_reply(self, request->exchange,
                &(struct http_reply){.status = 200,
                                     .content_type = "text/css; charset=utf-8",
                                     .body = &body,
                                     .cache_control = "private, max-age=600"});
}

/* The page of clips, or NULL after a 503 that says why there is none. */
static const struct ry_gallery_page *need_clips(struct monitor *self, const struct request *request,
                                                const struct answers *answers)
{
    char why[512] = "The archive did not answer";
    if (answers->gallery && answers->gallery->error.n == 0)
        return answers->gallery;
    if (answers->gallery)
        (void)snprintf(why, sizeof why, "The database did not answer: %.*s", RY_STR_ARG(answers->gallery->error));
    else if (answers->missing[ANSWER_GALLERY])
        (void)snprintf(why, sizeof why, "The archive did not answer: %s", answers->missing[ANSWER_GALLERY]);
    refuse_missing(self, request, why);
    return NULL;
}

static void reply_gallery(struct monitor *self, struct request *request, const struct answers *answers)
{
    if (need_clips(self, request, answers) == NULL)
        return;
    RY_BUF_AUTO body = ry_buf_make(PAGE_MAX_BYTES);
    gallery_render(&request->get, answers, &self->advice, &body);
    reply_page(self, request->exchange, 200, TYPE_HTML, &body);
}

static void reply_clips(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_gallery_page *page = need_clips(self, request, answers);
    if (page == NULL)
        return;
    RY_BUF_AUTO body = ry_buf_make(PAGE_MAX_BYTES);
    api_clips(page, &body);
    reply_page(self, request->exchange, 200, TYPE_JSON, &body);
}

/* A name for the bytes: FNV-1a (Fowler, Noll, Vo), 64 bits, and the size. */
static void entity_tag(const struct ry_blob *bytes, char tag[40])
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes->n; i++)
        hash = (hash ^ ((const unsigned char *)bytes->p)[i]) * 0x100000001b3u;
    (void)snprintf(tag, 40, "\"%016" PRIx64 "-%zx\"", hash, bytes->n);
}

static void reply_thumbnail(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_thumbnail_data *data = answers->thumbnail;
    char why[512];
    if (data == NULL) {
        (void)snprintf(why, sizeof why, "The storage did not answer: %s", answers->missing[ANSWER_THUMBNAIL]);
        refuse_missing(self, request, why);
    } else if (data->error.n > 0) {
        (void)snprintf(why, sizeof why, "The storage cannot read this file: %.*s", RY_STR_ARG(data->error));
        refuse_missing(self, request, why);
    } else if (!data->found || data->bytes.frame == NULL) {
        pages_refuse(self, request->exchange, FACE_TEXT, 404, "Not found", "no such thumbnail");
    } else {
        char tag[40];
        entity_tag(&data->bytes, tag);
        const char *known = http_header(request->exchange, "If-None-Match");
        bool same = known && strstr(known, tag) != NULL;
        /* Made again under the same name when the channel's settings or the size of thumbnails change: what a browser
         * keeps is asked about by its tag after a while. */
        pages_reply(self, request->exchange,
                    &(struct http_reply){.status = same ? 304 : 200,
                                         .content_type = "image/webp",
                                         .frame = same ? NULL : data->bytes.frame,
                                         .cache_control = "private, max-age=3600",
                                         .etag = tag});
    }
}

/* ---- routes ------------------------------------------------------------------------------------------------------ */

static int check_query(struct request *request, struct ry_error *err)
{
    struct query_args args = {.limit = ry_str_of(http_argument(request->exchange, "limit")),
                              .before = ry_str_of(http_argument(request->exchange, "before")),
                              .guild = ry_str_of(http_argument(request->exchange, "guild")),
                              .channel = ry_str_of(http_argument(request->exchange, "channel")),
                              .status = ry_str_of(http_argument(request->exchange, "status"))};
    return query_read(&args, &request->get, err);
}

static int check_thumbnail(struct request *request, struct ry_error *err)
{
    request->path = ry_str_of(http_path(request->exchange) + 1); /* behind the slash */
    return query_is_thumbnail(request->path) ? RY_OK : ry_fail(err, RY_ENOENT, "no such thumbnail");
}

#define ASK(answer) (1u << ANSWER_##answer)

static const struct route routes[] = {
    {"/", false, false, FACE_HTML, ASK(GALLERY) | ASK(ARCHIVE), check_query, reply_gallery},
    {"/style.css", false, false, FACE_TEXT, 0, NULL, reply_style},
    {"/thumbnails/", true, false, FACE_TEXT, ASK(THUMBNAIL), check_thumbnail, reply_thumbnail},
    {"/api/clips", false, false, FACE_JSON, ASK(GALLERY), check_query, reply_clips},
    {"/api/status", false, false, FACE_JSON, ASK(NODE) | ASK(QUEUE) | ASK(ARCHIVE), NULL, reply_status},
    {"/metrics", false, false, FACE_TEXT, ASK(NODE) | ASK(QUEUE) | ASK(ARCHIVE), NULL, reply_metrics},
    {"/ready", false, true, FACE_JSON, ASK(NODE) | ASK(QUEUE) | ASK(ARCHIVE), NULL, reply_ready},
    {"/ping", false, true, FACE_TEXT, 0, NULL, reply_ping},
};

const struct route *pages_route(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t n = strlen(routes[i].path);
        if (routes[i].prefix ? strncmp(path, routes[i].path, n) == 0 : strcmp(path, routes[i].path) == 0)
            return &routes[i];
    }
    return NULL;
}
