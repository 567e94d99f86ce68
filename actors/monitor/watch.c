/* watch.c: see watch.h.
 *
 * Owns     requests for videos until they are answered, the viewers (viewer.h), fresh URLs (fresh.h).
 * Accepts  media_data from the storage, urls_refreshed from the scanner, urls_stored from the writer; undeliverable.
 * Sends    media_read, urls_refresh, urls_store.
 *
 * A video is looked for in this order: kept in the store; the export's own file, below its registered folder; the URL,
 * to which the viewer is sent. What is not there any more is passed over, with a line in the log.
 *
 * Promises: bytes of strangers never become a page: what is no video by its type is a download, sniffing is off, and
 * the policy of such a response lets nothing run. Viewers are sent to hosts that are allowed only. */
#include "actors/monitor/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/monitor/api.h"
#include "actors/monitor/fresh.h"
#include "actors/monitor/media_head.h"
#include "actors/monitor/page.h"
#include "actors/monitor/query.h"
#include "actors/monitor/range.h"
#include "actors/monitor/viewer.h"
#include "proto/store_name.h"
#include "runtime/base/arena.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/net/hosts.h"

#define WATCHING_MAGIC 0x77617463u
#define WATCH_MAGIC    0x77617468u
#define CLIP_BYTES     ((size_t)65536)
#define LOOKING_MS     5000
#define REFRESHING_MS  20000 /* what comes later is remembered for the next request */
#define PRESIGNED_S    3600
#define KEPT_CACHE     "private, max-age=31536000, immutable"
#define FILE_CACHE     "private, no-cache"

enum step { LOOKING_IN_STORE, LOOKING_IN_EXPORT, REFRESHING };

/* A request that is not answered yet. */
struct watching {
    unsigned magic;
    LIST_ENTRY(watching) link;
    struct watch *watch;
    struct http_exchange *exchange;
    struct ry_arena arena;
    struct ry_gallery_clip clip; /* the strings that matter, in the arena */
    enum step step;
    struct viewer_source source;
    bool verify;
    uint64_t asked; /* id of the media_read */
    int64_t deadline_mono_ms;
};

struct watch {
    unsigned magic;
    struct ry_ctx *ctx; /* NULL: stopped */
    struct ry_hosts hosts;
    uint64_t redirect_s; /* of presigned URLs */
    LIST_HEAD(, watching) list;
    struct fresh fresh;
    struct viewers viewers;
};

static void watching_free(struct watching *self)
{
    RY_ASSERT(self->magic == WATCHING_MAGIC, "magic %x", self->magic);
    self->magic = 0;
    LIST_REMOVE(self, link);
    viewer_source_free(&self->source);
    ry_arena_free(&self->arena);
    free(self);
}

/* ---- replies without a video ------------------------------------------------------------------------------------- */

static void reply(struct watch *watch, struct http_exchange *exchange, const struct http_reply *what)
{
    ry_count(watch->ctx, RY_COUNTER_http_requests, 1);
    if (what->status >= 400)
        ry_count(watch->ctx, RY_COUNTER_http_errors, 1);
    http_reply(exchange, what);
}

static bool accepts(const struct http_exchange *exchange, const char *type)
{
    const char *accepted = http_header(exchange, "Accept");
    return accepted != NULL && strstr(accepted, type) != NULL;
}

/* In the way that its visitor reads: a page, JSON, or a line of text. */
static void refuse(struct watch *watch, struct http_exchange *exchange, unsigned status, const char *title,
                   const char *why)
{
    RY_BUF_AUTO body = ry_buf_make(65536);
    bool html = accepts(exchange, "text/html");
    bool json = !html && accepts(exchange, "application/json");
    if (html)
        page_notice(title, why, &body);
    else if (json)
        api_error(why, &body);
    else
        (void)ry_buf_addf(&body, "%s: %s.\n", title, why);
    reply(watch, exchange,
          &(struct http_reply){.status = status,
                               .content_type = html   ? "text/html; charset=utf-8"
                                               : json ? "application/json"
                                                      : "text/plain; charset=utf-8",
                               .body = &body,
                               .retry_after = status == 503 ? "5" : NULL});
}

/* Answers a request with an error, and forgets it. */
static void end_refused(struct watching *self, unsigned status, const char *title, const char *why)
{
    http_set_data(self->exchange, NULL);
    refuse(self->watch, self->exchange, status, title, why);
    watching_free(self);
}

/* ---- the URL ----------------------------------------------------------------------------------------------------- */

/* Whether viewers may be sent to a URL: one of a host that videos may be fetched from, as text that browsers and this
 * program read alike. */
static bool is_allowed(const struct watch *watch, struct ry_str url)
{
    bool tls = ry_str_starts(url, RY_STR("https://"));
    if (!query_is_web_url(url))
        return false;
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7F || url.p[i] == '\\' || url.p[i] == '"')
            return false;
    const char *host = url.p + (tls ? 8 : 7);
    size_t n = 0;
    while (host + n < url.p + url.n && strchr("/?#", host[n]) == NULL)
        n++;
    if (n == 0 || memchr(host, '@', n) != NULL)
        return false;
    uint64_t port = tls ? RY_HTTPS_PORT : RY_HTTP_PORT;
    const char *colon = memrchr(host, ':', n);
    const char *bracket = memrchr(host, ']', n);
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        struct ry_str digits = {colon + 1, (size_t)(host + n - colon - 1)};
        if (!ry_str_u64(digits, &port) || port == 0 || port > UINT16_MAX)
            return false;
        n = (size_t)(colon - host);
    }
    return ry_hosts_rank(&watch->hosts, (struct ry_str){host, n}, (uint16_t)port, tls) != RY_HOST_REFUSED;
}

static void end_redirected(struct watching *self, struct ry_str url, int64_t good_ms)
{
    struct watch *watch = self->watch;
    char cache[64];
    char location[8192 + 1];
    int64_t keep_s = (good_ms - FRESH_EARLY_MS) / 1000;
    keep_s = keep_s < 0 ? 0 : keep_s > 300 ? 300 : keep_s;
    (void)snprintf(cache, sizeof cache, "private, max-age=%" PRId64, keep_s);
    (void)snprintf(location, sizeof location, "%.*s", RY_STR_ARG(url));
    ry_count(watch->ctx, RY_COUNTER_watch_redirects, 1);
    http_set_data(self->exchange, NULL);
    reply(watch, self->exchange,
          &(struct http_reply){.status = 302, .location = location, .cache_control = keep_s > 0 ? cache : NULL});
    watching_free(self);
}

static int64_t good_ms(const struct watch *watch, int64_t expires_wall_ms)
{
    int64_t now = ry_wall_ms(ry_ctx_clock(watch->ctx));
    return expires_wall_ms > now ? (expires_wall_ms - now < 86400000 ? expires_wall_ms - now : 86400000) : 0;
}

/* Answers by what is known of the clip's URL. */
static void end_by_known(struct watching *self, const struct fresh_known *known)
{
    char why[300];
    if (known->gone) {
        end_refused(self, 410, "This video is gone",
                    "the message or its video was deleted on Discord, and no copy of it is kept here");
    } else if (known->url == NULL) {
        (void)snprintf(why, sizeof why, "its link has expired and there is no fresh one: %s", known->why);
        end_refused(self, 503, "This video cannot be reached now", why);
    } else if (!is_allowed(self->watch, ry_str_of(known->url))) {
        end_refused(self, 502, "This video cannot be reached", "its fresh link leads to a host that is not allowed");
    } else {
        end_redirected(self, ry_str_of(known->url), good_ms(self->watch, known->expires_wall_ms));
    }
}

static void on_fresh(void *arg, const struct fresh_known *known)
{
    struct watch *watch = arg;
    struct watching *self = LIST_FIRST(&watch->list);
    while (self != NULL) {
        struct watching *next = LIST_NEXT(self, link);
        if (self->step == REFRESHING && ry_str_is(self->clip.clip_id, known->clip_id) &&
            (known->verified || !self->verify || known->url == NULL))
            end_by_known(self, known);
        self = next;
    }
}

static void refresh(struct watching *self)
{
    struct watch *watch = self->watch;
    struct ry_error err = {0};
    self->step = REFRESHING;
    self->deadline_mono_ms = ry_mono_ms(ry_ctx_clock(watch->ctx)) + REFRESHING_MS;
    if (fresh_ask(&watch->fresh, &self->clip, self->verify, &err) != RY_OK)
        end_refused(self, 503, "This video cannot be reached now", err.text);
}

/* Sends the viewer to where the video lies. One who asks for JSON is no player but wants to know why there was nothing
 * to play, so whether the file is still there is asked too. */
static void go_to_url(struct watching *self)
{
    struct watch *watch = self->watch;
    const struct ry_gallery_clip *clip = &self->clip;
    int64_t now = ry_wall_ms(ry_ctx_clock(watch->ctx));
    if (ry_str_starts(clip->url, RY_STR("file:"))) {
        end_refused(self, 404, "This video is not there",
                    "its file is missing from the export's folder, or lies on another node");
        return;
    }
    if (ry_str_is(clip->keep_state, "gone")) {
        end_refused(self, 410, "This video is gone",
                    "the message or its video was deleted on Discord, and no copy of it is kept here");
        return;
    }
    if (!is_allowed(watch, clip->url)) {
        end_refused(self, 404, "This video is not here",
                    "its link leads to a host that is not allowed "
                    "(REELYARD_ALLOWED_HOSTS), or is no link");
        return;
    }
    bool is_signed = fresh_is_needed(clip->url, INT64_MIN, 0);
    self->verify = is_signed && !accepts(self->exchange, "text/html") && accepts(self->exchange, "application/json");
    const struct fresh_known *known = is_signed ? fresh_find(&watch->fresh, clip->clip_id, self->verify) : NULL;
    if (known != NULL)
        end_by_known(self, known);
    else if (self->verify || fresh_is_needed(clip->url, clip->expires_wall_ms, now))
        refresh(self);
    else
        end_redirected(self, clip->url, is_signed ? good_ms(watch, clip->expires_wall_ms) : 0);
}

/* ---- a file of ours ---------------------------------------------------------------------------------------------- */

static void look(struct watching *self, enum step step)
{
    struct watch *watch = self->watch;
    struct ry_media_read question = viewer_question(&self->source, 0, 0);
    const struct ry_send send = {.priority = RY_PRIORITY_CONTROL,
                                 .deadline_wall_ms = ry_wall_ms(ry_ctx_clock(watch->ctx)) + LOOKING_MS};
    self->step = step;
    self->deadline_mono_ms = ry_mono_ms(ry_ctx_clock(watch->ctx)) + LOOKING_MS;
    question.redirect_s = step == LOOKING_IN_STORE ? watch->redirect_s : 0;
    self->asked = RY_TELL(watch->ctx, media_read, &question, &send);
}

static void look_in_export(struct watching *self)
{
    const struct ry_gallery_clip *clip = &self->clip;
    if (clip->media_root.p == NULL || !ry_str_starts(clip->url, RY_STR("file:"))) {
        go_to_url(self);
        return;
    }
    viewer_source_free(&self->source);
    self->source = (struct viewer_source){.url = strndup(clip->url.p, clip->url.n),
                                          .media_root = strndup(clip->media_root.p, clip->media_root.n)};
    if (self->source.url == NULL || self->source.media_root == NULL)
        end_refused(self, 503, "Temporarily unavailable", "out of memory");
    else
        look(self, LOOKING_IN_EXPORT);
}

/* What is said of the file in the head of a response. */
struct head {
    char tag[104];
    char content_range[80];
    const char *type;
    char type_text[72];
    struct ry_buf disposition;
};

static void describe(const struct watching *self, struct head *head)
{
    const struct ry_gallery_clip *clip = &self->clip;
    const char *own = self->source.name[0] ? ry_store_name_mime(ry_str_of(self->source.name)) : NULL;
    const char *download = http_argument(self->exchange, "download");
    bool video = true;
    (void)snprintf(head->tag, sizeof head->tag, "\"%s\"", self->source.validator);
    if (media_is_video(clip->mime_type))
        (void)snprintf(head->type_text, sizeof head->type_text, "%.*s", RY_STR_ARG(clip->mime_type));
    else if (own != NULL && media_is_video(ry_str_of(own)))
        (void)snprintf(head->type_text, sizeof head->type_text, "%s", own);
    else
        video = false;
    head->type = video ? head->type_text : "application/octet-stream";
    head->disposition = ry_buf_make(4096);
    media_disposition(&head->disposition, clip->filename, !video || (download != NULL && strcmp(download, "0") != 0));
}

/* Answers with the file, or the part of it that is asked for. */
static void end_with_file(struct watching *self)
{
    struct watch *watch = self->watch;
    struct http_exchange *exchange = self->exchange;
    struct range range;
    struct head head = {.type = NULL};
    uint64_t total = self->source.total;
    const struct range_request request = {.head = http_is_head(exchange),
                                          .if_match = http_header(exchange, "If-Match"),
                                          .if_none_match = http_header(exchange, "If-None-Match"),
                                          .if_range = http_header(exchange, "If-Range"),
                                          .range = http_header(exchange, "Range")};
    describe(self, &head);
    unsigned status = range_decide(&request, head.tag, total, &range);
    if (status == 206)
        (void)snprintf(head.content_range, sizeof head.content_range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                       range.first, range.first + range.bytes - 1, total);
    else if (status == 416)
        (void)snprintf(head.content_range, sizeof head.content_range, "bytes */%" PRIu64, total);
    bool body = status == 200 || status == 206;
    struct viewer *viewer =
        body ? viewer_new(&watch->viewers, exchange, &self->source, range.first, range.bytes) : NULL;
    struct http_stream stream = {0};
    if (viewer != NULL)
        stream = viewer_stream(viewer);
    else
        http_set_data(exchange, NULL);
    struct http_reply what = {.status = status,
                              .stream = viewer ? &stream : NULL,
                              .content_type = body ? head.type : NULL,
                              .cache_control = self->source.name[0] ? KEPT_CACHE : FILE_CACHE,
                              .etag = head.tag,
                              .accept_ranges = "bytes",
                              .content_range = head.content_range[0] ? head.content_range : NULL,
                              .content_disposition = body ? ry_buf_cstr(&head.disposition) : NULL,
                              .security_policy = MEDIA_SECURITY_POLICY};
    if (body && viewer == NULL)
        refuse(watch, exchange, 503, "Temporarily unavailable", "out of memory");
    else
        reply(watch, exchange, &what);
    ry_buf_free(&head.disposition);
    watching_free(self);
}

/* The kept file must be what was kept. */
static bool is_as_kept(const struct watching *self, const struct ry_media_data *data)
{
    uint64_t kept = self->clip.kept_bytes;
    if (self->step != LOOKING_IN_STORE || kept == 0 || kept == data->total)
        return true;
    RY_LOG(RY_ERROR, "kept_file_damaged", "clip=%.*s file=%s bytes=%" PRIu64 " kept_bytes=%" PRIu64 " advice=%s",
           RY_STR_ARG(self->clip.clip_id), self->source.name, data->total, kept, "run reelyard verify");
    return false;
}

static void on_looked(struct watching *self, const struct ry_media_data *data)
{
    char why[500];
    if (data->error.p != NULL) {
        (void)snprintf(why, sizeof why, "the storage cannot read it: it %.*s", RY_STR_ARG(data->error));
        if (self->step == LOOKING_IN_STORE)
            (void)snprintf(why, sizeof why, "the storage cannot read it: %.*s", RY_STR_ARG(data->error));
        end_refused(self, 503, "This video cannot be read now", why);
    } else if (!data->found) {
        RY_LOG(RY_WARNING, "watch_file_missing", "clip=%.*s file=%s", RY_STR_ARG(self->clip.clip_id),
               self->source.name[0] ? self->source.name : self->source.url);
        if (self->step == LOOKING_IN_STORE)
            look_in_export(self);
        else
            go_to_url(self);
    } else if (data->url.p != NULL) {
        end_redirected(self, data->url, (int64_t)self->watch->redirect_s * 1000);
    } else if (!is_as_kept(self, data)) {
        end_refused(self, 500, "This video is damaged",
                    "its file in the store is not as long as it was when it was kept");
    } else {
        self->source.total = data->total;
        (void)snprintf(self->source.validator, sizeof self->source.validator, "%.*s", RY_STR_ARG(data->validator));
        end_with_file(self);
    }
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static bool copy_clip(struct watching *self, const struct ry_gallery_clip *clip)
{
    self->clip = (struct ry_gallery_clip){.expires_wall_ms = clip->expires_wall_ms, .kept_bytes = clip->kept_bytes};
    const struct {
        struct ry_str *to;
        struct ry_str from;
    } strings[] = {{&self->clip.clip_id, clip->clip_id},
                   {&self->clip.channel_id, clip->channel_id},
                   {&self->clip.message_id, clip->message_id},
                   {&self->clip.filename, clip->filename},
                   {&self->clip.url, clip->url},
                   {&self->clip.mime_type, clip->mime_type},
                   {&self->clip.media_root, clip->media_root},
                   {&self->clip.keep_state, clip->keep_state},
                   {&self->clip.kept_path, clip->kept_path}};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        if (strings[i].from.p != NULL) {
            *strings[i].to = ry_arena_str(&self->arena, strings[i].from);
            if (strings[i].to->p == NULL)
                return false;
        }
    return true;
}

void watch_begin(struct watch *watch, struct http_exchange *exchange, const struct ry_gallery_clip *clip)
{
    struct watching *self = calloc(1, sizeof *self);
    ry_count(watch->ctx, RY_COUNTER_watch_requests, 1);
    if (self == NULL) {
        refuse(watch, exchange, 503, "Temporarily unavailable", "out of memory");
        return;
    }
    *self = (struct watching){
        .magic = WATCHING_MAGIC, .watch = watch, .exchange = exchange, .arena = ry_arena_make(CLIP_BYTES)};
    LIST_INSERT_HEAD(&watch->list, self, link);
    http_set_data(exchange, self);
    if (!copy_clip(self, clip)) {
        end_refused(self, 503, "Temporarily unavailable", "out of memory");
    } else if (self->clip.kept_path.p != NULL && self->clip.kept_path.n <= VIEWER_NAME_MAX) {
        (void)snprintf(self->source.name, sizeof self->source.name, "%.*s", RY_STR_ARG(self->clip.kept_path));
        look(self, LOOKING_IN_STORE);
    } else {
        look_in_export(self);
    }
}

bool watch_ended(struct watch *watch, void *data)
{
    (void)watch;
    unsigned magic = *(unsigned *)data;
    if (magic == WATCHING_MAGIC)
        watching_free(data);
    else if (magic == VIEWER_MAGIC)
        viewer_ended(data);
    else
        return false;
    return true;
}

static struct watching *find_asked(struct watch *watch, uint64_t id)
{
    struct watching *self;
    LIST_FOREACH(self, &watch->list, link)
    if (self->asked == id && self->step != REFRESHING)
        return self;
    return NULL;
}

bool watch_answer(struct watch *watch, const struct ry_mail *mail)
{
    if (mail->envelope.tag != RY_TAG_media_data)
        return fresh_answer(&watch->fresh, mail);
    struct watching *self = find_asked(watch, mail->envelope.correlation);
    if (self != NULL)
        on_looked(self, RY_BODY(mail, media_data));
    else
        (void)viewers_answer(&watch->viewers, mail);
    return true;
}

bool watch_lost(struct watch *watch, const struct ry_undeliverable *lost)
{
    struct watching *self = find_asked(watch, lost->id);
    if (self != NULL) {
        char why[500];
        (void)snprintf(why, sizeof why, "the storage did not answer: %.*s", RY_STR_ARG(lost->reason));
        end_refused(self, 503, "Temporarily unavailable", why);
        return true;
    }
    return viewers_lost(&watch->viewers, lost) || fresh_lost(&watch->fresh, lost);
}

void watch_tick(struct watch *watch)
{
    int64_t now = ry_mono_ms(ry_ctx_clock(watch->ctx));
    viewers_tick(&watch->viewers);
    struct watching *next = NULL;
    for (struct watching *self = LIST_FIRST(&watch->list); self != NULL; self = next) {
        next = LIST_NEXT(self, link);
        if (self->deadline_mono_ms <= now)
            end_refused(self, 503, "Temporarily unavailable",
                        self->step == REFRESHING ? "Discord has not answered yet; try again in a moment"
                                                 : "the storage did not answer within 5 seconds");
    }
}

int64_t watch_due(const struct watch *watch)
{
    int64_t due = viewers_due(&watch->viewers);
    const struct watching *self;
    LIST_FOREACH(self, &watch->list, link)
    due = self->deadline_mono_ms < due ? self->deadline_mono_ms : due;
    return due;
}

void watch_drain(struct watch *watch)
{
    viewers_cut(&watch->viewers);
}

int watch_open(struct watch **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    *out = watch;
    watch->magic = WATCH_MAGIC;
    watch->ctx = ctx;
    watch->redirect_s = PRESIGNED_S;
    LIST_INIT(&watch->list);
    fresh_open(&watch->fresh, ctx, on_fresh, watch);
    viewers_open(&watch->viewers, ctx);
    return ry_hosts_parse(&watch->hosts, ry_config_str(ry_ctx_config(ctx), RY_OPT_allowed_hosts), err);
}

void watch_stop(struct watch *watch)
{
    if (watch != NULL)
        watch->ctx = watch->viewers.ctx = NULL;
}

void watch_close(struct watch **slot)
{
    struct watch *watch = *slot;
    *slot = NULL;
    if (watch == NULL)
        return;
    RY_ASSERT(LIST_EMPTY(&watch->list) && TAILQ_EMPTY(&watch->viewers.list), "requests outlive the server");
    fresh_close(&watch->fresh);
    watch->magic = 0;
    free(watch);
}
