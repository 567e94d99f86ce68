/* pages.c: the routes: what each checks, what it asks of other actors, and how the answers become a page.
 *
 * Owns nothing; works on the request of monitor.c. Promises that a missing answer becomes an error page or a notice,
 * and that a file is only read from the store under a name that is a thumbnail's. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/monitor/access.h"
#include "actors/monitor/api.h"
#include "actors/monitor/clip_page.h"
#include "actors/monitor/clip_words.h"
#include "actors/monitor/failures.h"
#include "actors/monitor/form.h"
#include "actors/monitor/gallery.h"
#include "actors/monitor/metrics.h"
#include "actors/monitor/page.h"
#include "actors/monitor/query.h"
#include "actors/monitor/request.h"
#include "actors/monitor/web.h"
#include "actors/monitor/storyboard.h"
#include "proto/store_name.h"
#include "runtime/base/assert.h"

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
    /* A page may be gone back to without being asked for again; anything else is asked for anew. */
    pages_reply(self, exchange,
                &(struct http_reply){.status = status,
                                     .content_type = type,
                                     .body = page,
                                     .cache_control = strcmp(type, TYPE_HTML) == 0 ? "private, no-cache" : NULL});
}

void pages_refuse(struct monitor *self, struct http_exchange *exchange, enum face face, unsigned status,
                  const char *title, const char *why)
{
    static const char *const types[] = {[FACE_TEXT] = TYPE_TEXT, [FACE_JSON] = TYPE_JSON, [FACE_HTML] = TYPE_HTML};
    RY_BUF_AUTO body = ry_buf_make(65536);
    switch (face) {
    case FACE_TEXT: (void)ry_buf_addf(&body, "%s: %s.\n", title, why); break;
    case FACE_JSON: api_error(why, &body); break;
    case FACE_HTML: page_notice(title, why, &body); break;
    }
    pages_reply(self, exchange,
                &(struct http_reply){.status = status,
                                     .content_type = types[face],
                                     .body = &body,
                                     .allow = status != 405            ? NULL
                                              : http_is_post(exchange) ? "GET, HEAD"
                                                                       : "POST",
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

/* Compressed for those who take it. Under the digest of this very program it never changes. */
static void reply_asset(struct monitor *self, struct request *request, const struct answers *answers)
{
    (void)answers;
    const char *accepted = http_header(request->exchange, "Accept-Encoding");
    bool gzip = accepted && strstr(accepted, "gzip") != NULL;
    bool current = false;
    const struct web_asset *asset = web_find(request->path, &current);
    RY_ASSERT(asset != NULL, "%.*s was checked", RY_STR_ARG(request->path));
    pages_reply(self, request->exchange,
                &(struct http_reply){.status = 200,
                                     .content_type = asset->type,
                                     .fixed = gzip ? asset->gzip : asset->plain,
                                     .content_encoding = gzip ? "gzip" : NULL,
                                     .vary = "Accept-Encoding",
                                     .cache_control = current ? "public, max-age=31536000, immutable" : "no-cache"});
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
    gallery_render(&request->links, answers, &self->advice, &body);
    reply_page(self, request->exchange, 200, TYPE_HTML, &body);
}

static void reply_clip(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_gallery_page *page = need_clips(self, request, answers);
    if (page == NULL)
        return;
    if (page->clips.n == 0) {
        pages_refuse(self, request->exchange, FACE_HTML, 404, "Not found",
                     "There is no such clip in this archive; it may have been deleted");
        return;
    }
    RY_BUF_AUTO body = ry_buf_make(PAGE_MAX_BYTES);
    clip_page_render(&request->links, answers, &self->advice, ry_str_of(self->change_token), &body);
    reply_page(self, request->exchange, 200, TYPE_HTML, &body);
}

/* The first clip of another page of a list, or its last when the list is walked backwards. */
static void reply_step(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_gallery_page *page = need_clips(self, request, answers);
    if (page == NULL)
        return;
    RY_BUF_AUTO location = ry_buf_make(PAGE_MAX_BYTES);
    size_t last = page->clips.n > 0 && request->get.backwards ? page->clips.n - 1 : 0;
    if (page->clips.n > 0)
        clip_link(page->clips.items[last].clip_id, &request->links, &location);
    else
        link_add("/", &request->links, &location);
    pages_reply(self, request->exchange, &(struct http_reply){.status = 303, .location = ry_buf_cstr(&location)});
}

static void reply_failures(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_failed_page *page = answers->failed;
    char why[512];
    if (page && page->error.n == 0) {
        RY_BUF_AUTO body = ry_buf_make(PAGE_MAX_BYTES);
        failures_render(&request->failed_get, answers, &self->advice, ry_str_of(self->change_token), &body);
        reply_page(self, request->exchange, 200, TYPE_HTML, &body);
        return;
    }
    if (page)
        (void)snprintf(why, sizeof why, "The database did not answer: %.*s", RY_STR_ARG(page->error));
    else
        (void)snprintf(why, sizeof why, "The archive did not answer: %s", answers->missing[ANSWER_FAILED]);
    refuse_missing(self, request, why);
}

/* What a form of the page asked for is done: back to the page. A script hears how many clips it was. */
static void reply_retried(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_failed_retried *retried = answers->retried;
    enum face face = pages_face(request->exchange, request->route);
    char why[512] = "";
    if (retried == NULL)
        (void)snprintf(why, sizeof why, "The archive did not answer: %s", answers->missing[ANSWER_RETRIED]);
    else if (retried->error.n > 0)
        (void)snprintf(why, sizeof why, "The database did not answer: %.*s", RY_STR_ARG(retried->error));
    if (why[0] != '\0') {
        pages_refuse(self, request->exchange, face, 503, "Temporarily unavailable", why);
    } else if (face == FACE_HTML) {
        char back[FORM_BACK_MAX_BYTES];
        (void)snprintf(back, sizeof back, "%.*s", RY_STR_ARG(request->back));
        pages_reply(self, request->exchange, &(struct http_reply){.status = 303, .location = back});
    } else {
        RY_BUF_AUTO body = ry_buf_make(128);
        (void)ry_buf_addf(&body, "{\"retried\":%" PRIu64 "}\n", retried->count);
        reply_page(self, request->exchange, 200, TYPE_JSON, &body);
    }
}

static void reply_clips(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_gallery_page *page = need_clips(self, request, answers);
    if (page == NULL)
        return;
    if (page->refused.n > 0) {
        char why[512];
        (void)snprintf(why, sizeof why, "%.*s", RY_STR_ARG(page->refused));
        pages_refuse(self, request->exchange, FACE_JSON, 400, "Request refused", why);
        return;
    }
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

static void reply_watch(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_gallery_page *page = need_clips(self, request, answers);
    if (page == NULL)
        return;
    if (page->clips.n == 0 || ry_str_is(page->clips.items[0].status, "damaged"))
        pages_refuse(self, request->exchange, pages_face(request->exchange, NULL), 404, "Not found",
                     "There is no such clip");
    else
        watch_begin(self->watch, request->exchange, &page->clips.items[0]);
}

/* Where the clip's sheet is, or its index. */
static void reply_sheet(struct monitor *self, struct request *request, const struct answers *answers)
{
    const struct ry_gallery_page *page = need_clips(self, request, answers);
    if (page == NULL)
        return;
    RY_BUF_AUTO text = ry_buf_make(PAGE_MAX_BYTES);
    bool index = request->path.n > 0;
    bool there = page->clips.n > 0 &&
                 (index ? storyboard_vtt(&page->clips.items[0], &text) : storyboard_path(&page->clips.items[0], &text));
    if (!there)
        pages_refuse(self, request->exchange, FACE_TEXT, 404, "Not found", "this clip has no storyboard");
    else if (index)
        reply_page(self, request->exchange, 200, "text/vtt; charset=utf-8", &text);
    else
        pages_reply(self, request->exchange, &(struct http_reply){.status = 302, .location = ry_buf_cstr(&text)});
}

#define ASK(answer) (1u << ANSWER_##answer)

/* ---- routes ------------------------------------------------------------------------------------------------------ */

static void read_links(struct request *request)
{
    for (unsigned arg = 0; arg < LINK_COUNT; arg++)
        request->links.values[arg] = ry_str_of(http_argument(request->exchange, link_name((enum link_arg)arg)));
}

static int check_query(struct request *request, struct ry_error *err)
{
    read_links(request);
    return query_read(&request->links, ry_str_of(http_argument(request->exchange, "limit")), &request->get, err);
}

static int check_gallery(struct request *request, struct ry_error *err)
{
    const char *destination = http_header(request->exchange, "Sec-Fetch-Dest");
    int rc = check_query(request, err);
    /* The page's script asks for further clips, and has the rest. */
    if (destination && strcmp(destination, "empty") == 0 && link_has_place(&request->links))
        request->asks &= ~(ASK(FACETS) | ASK(ARCHIVE));
    /* The numbers of the whole archive are there without counting. */
    request->get.count = link_narrows(&request->links);
    return rc;
}

/* The part of the path behind the route's, up to `behind`, if it is a clip's id. */
static int read_clip_id(struct request *request, const char *behind, struct ry_str *id, struct ry_error *err)
{
    const char *start = http_path(request->exchange) + strlen(request->route->path);
    size_t n = strspn(start, "0123456789abcdef");
    if (n != 32 || strcmp(start + n, behind) != 0)
        return ry_fail(err, RY_ENOENT, "There is no such clip in this archive");
    *id = (struct ry_str){start, n};
    return RY_OK;
}

static int check_clip(struct request *request, struct ry_error *err)
{
    struct ry_error why;
    read_links(request);
    request->get = (struct ry_gallery_get){.limit = 1, .before_wall_ms = INT64_MAX};
    /* A clip is shown whatever is wrong with the list that it is said to stand in. */
    if (query_read(&request->links, (struct ry_str){NULL, 0}, &request->around, &why) != RY_OK)
        request->asks &= ~ASK(AROUND);
    request->around.count = false;
    return read_clip_id(request, "", &request->get.clip_id, err);
}

static int check_watch(struct request *request, struct ry_error *err)
{
    request->get = (struct ry_gallery_get){.limit = 1, .before_wall_ms = INT64_MAX};
    return read_clip_id(request, "", &request->get.clip_id, err);
}

/* All reasons with some clips of each, or all clips of one reason, a page at a time. */
static int check_failures(struct request *request, struct ry_error *err)
{
    struct ry_str reason = ry_str_of(http_argument(request->exchange, "reason"));
    struct ry_str after = ry_str_of(http_argument(request->exchange, "after"));
    if (reason.n > 400 || after.n > 64)
        return ry_fail(err, RY_EINVAL, "reason and after are what the page's own links have in them");
    request->failed_get = (struct ry_failed_get){.limit = reason.n > 0 ? FAILURES_PAGE : FAILURES_ALL,
                                                 .after_id = after,
                                                 .kind = reason,
                                                 .each = reason.n > 0 ? 0 : FAILURES_EACH};
    return RY_OK;
}

/* Whether the form came from a page of this server; its fields, decoded. */
static int check_change(struct request *request, struct ry_error *err)
{
    const struct http_exchange *exchange = request->exchange;
    struct ry_str token = {NULL, 0};
    form_read(http_body(exchange), "back", &request->form, &request->back);
    form_read(http_body(exchange), "token", &request->form, &token);
    form_read(http_body(exchange), "reason", &request->form, &request->retry.kind);
    if (!form_is_local(request->back))
        request->back = RY_STR("/");
    const struct access_change change = {.fetch_site = http_header(exchange, "Sec-Fetch-Site"),
                                         .origin = http_header(exchange, "Origin"),
                                         .host = http_header(exchange, "Host"),
                                         .given = token,
                                         .wanted = ry_str_of(request->change_token),
                                         .bearer = request->bearer};
    const char *why = access_refuses(&change);
    if (why)
        return ry_fail(err, RY_EACCES, "%s", why);
    return request->retry.kind.n > 400 ? ry_fail(err, RY_EINVAL, "the reason is too long") : RY_OK;
}

static int check_retry_clip(struct request *request, struct ry_error *err)
{
    int rc = read_clip_id(request, "/retry", &request->retry_id, err);
    if (rc == RY_OK)
        rc = check_change(request, err);
    request->retry = (struct ry_failed_retry){.clip_ids = {&request->retry_id, 1}, .completed = true};
    return rc;
}

static int check_asset(struct request *request, struct ry_error *err)
{
    bool current = false;
    request->path = ry_str_of(http_path(request->exchange));
    return web_find(request->path, &current) ? RY_OK : ry_fail(err, RY_ENOENT, "no such file");
}

/* Browsers ask for this name wherever no page tells them another. */
static int check_icon(struct request *request, struct ry_error *err)
{
    (void)err;
    request->path = RY_STR(WEB_ASSETS "-/icon.svg");
    return RY_OK;
}

static int check_thumbnail(struct request *request, struct ry_error *err)
{
    request->path = ry_str_of(http_path(request->exchange) + 1); /* behind the slash */
    bool known = query_is_thumbnail(request->path) || query_is_sheet(request->path);
    return known ? RY_OK : ry_fail(err, RY_ENOENT, "no such thumbnail");
}

/* /sheet/CLIP, or with .vtt behind it; request->path then says so. */
static int check_sheet(struct request *request, struct ry_error *err)
{
    request->get = (struct ry_gallery_get){.limit = 1, .before_wall_ms = INT64_MAX};
    if (read_clip_id(request, "", &request->get.clip_id, err) == RY_OK)
        return RY_OK;
    request->path = RY_STR(".vtt");
    return read_clip_id(request, ".vtt", &request->get.clip_id, err);
}

#define GET     false, false, false
#define GET_IN  true, false, false /* any path below it */
#define POST    false, false, true
#define POST_IN true, false, true
#define OPEN    false, true, false
#define OPEN_IN true, true, false

static const struct route routes[] = {
    {"/", GET, FACE_HTML, ASK(GALLERY) | ASK(ARCHIVE) | ASK(FACETS), check_gallery, reply_gallery},
    {"/clip/", GET_IN, FACE_HTML, ASK(GALLERY) | ASK(ARCHIVE) | ASK(AROUND), check_clip, reply_clip},
    {"/step", GET, FACE_HTML, ASK(GALLERY), check_query, reply_step},
    {"/watch/", GET_IN, FACE_TEXT, ASK(GALLERY), check_watch, reply_watch},
    {"/failures", GET, FACE_HTML, ASK(FAILED) | ASK(ARCHIVE), check_failures, reply_failures},
    {WEB_ASSETS, OPEN_IN, FACE_TEXT, 0, check_asset, reply_asset},
    {"/favicon.ico", OPEN, FACE_TEXT, 0, check_icon, reply_asset},
    {"/thumbnails/", GET_IN, FACE_TEXT, ASK(THUMBNAIL), check_thumbnail, reply_thumbnail},
    {"/sheets/", GET_IN, FACE_TEXT, ASK(THUMBNAIL), check_thumbnail, reply_thumbnail},
    {"/sheet/", GET_IN, FACE_TEXT, ASK(GALLERY), check_sheet, reply_sheet},
    {"/api/clips", GET, FACE_JSON, ASK(GALLERY), check_query, reply_clips},
    {"/api/clips/", POST_IN, FACE_JSON, ASK(RETRIED), check_retry_clip, reply_retried},
    {"/api/failed/retry", POST, FACE_JSON, ASK(RETRIED), check_change, reply_retried},
    {"/api/status", GET, FACE_JSON, ASK(NODE) | ASK(QUEUE) | ASK(ARCHIVE), NULL, reply_status},
    {"/metrics", GET, FACE_TEXT, ASK(NODE) | ASK(QUEUE) | ASK(ARCHIVE), NULL, reply_metrics},
    {"/ready", OPEN, FACE_JSON, ASK(NODE) | ASK(QUEUE) | ASK(ARCHIVE), NULL, reply_ready},
    {"/ping", OPEN, FACE_TEXT, 0, NULL, reply_ping},
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

enum face pages_face(const struct http_exchange *exchange, const struct route *route)
{
    const char *accepted = http_header(exchange, "Accept");
    bool reads = accepted && strstr(accepted, "text/html") != NULL;
    if (route && !route->changes)
        return route->face;
    return reads ? FACE_HTML : route ? route->face : FACE_TEXT;
}
