/* monitor.c: what people and machines look at: health, metrics, the archive's web page.
 *
 * Owns the one HTTP port (http.c) and nothing else: every figure and every clip comes from the actor that owns it.
 *
 * Accepts: GET, HEAD and POST over HTTP; the answers to what it asked; undeliverable.
 *          What concerns videos being watched goes to watch.c.
 * Sends:   node_get to the router, queue_get to the ingester, archive_get, gallery_get, facets_get, failed_get and
 *          failed_retry to the writer, thumbnail_read to the storage, each for one HTTP request.
 *
 * A request is a small state machine. It is checked (host, token, arguments), then asks what its route needs and waits
 * with its connection suspended, then is answered: when the last answer has come, or after REQUEST_MS with what there
 * is. Each route decides what a missing answer means; a page without its clips is 503.
 *
 * Promises: it never waits; what it asks has a deadline, so that a busy archive does not work for visitors who are
 * gone; a visitor's input and a message's text reach no page unescaped and no file path unchecked; only a page of this
 * server, or who has the web token, changes anything.
 *
 * When it crashes, open connections are cut and nothing is lost: it holds no state. */
#include "actors/monitor/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "actors/monitor/access.h"
#include "actors/monitor/html.h"
#include "actors/monitor/query.h"
#include "actors/monitor/request.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"

enum timer { TIMER_HTTP, TIMER_DEADLINE, TIMER_WATCH };

static struct monitor *monitor_of(void *arg)
{
    struct monitor *self = arg;
    RY_ASSERT(self->magic == MONITOR_MAGIC, "magic %x", self->magic);
    return self;
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

static void request_free(struct monitor *self, struct request *request)
{
    RY_ASSERT(request->magic == REQUEST_MAGIC, "magic %x", request->magic);
    request->magic = 0;
    LIST_REMOVE(request, link);
    for (unsigned a = 0; a < ANSWER_COUNT; a++)
        if (request->asked[a].mail && self->ctx) /* without a context the instance closes and frees all mail */
            ry_mail_done(self->ctx, request->asked[a].mail);
    if (http_data(request->exchange) == request) /* else the watch has taken the exchange over */
        http_set_data(request->exchange, NULL);
    form_free(&request->form);
    free(request);
}

static uint64_t ask(struct monitor *self, const struct request *request, enum answer answer)
{
    const struct ry_send send = {.priority = RY_PRIORITY_CONTROL,
                                 .deadline_wall_ms = ry_wall_ms(ry_ctx_clock(self->ctx)) + REQUEST_MS};
    switch (answer) {
    case ANSWER_NODE: return RY_TELL(self->ctx, node_get, &(struct ry_node_get){0}, &send);
    case ANSWER_QUEUE: return RY_TELL(self->ctx, queue_get, &(struct ry_queue_get){0}, &send);
    case ANSWER_ARCHIVE: return RY_TELL(self->ctx, archive_get, &(struct ry_archive_get){0}, &send);
    case ANSWER_GALLERY: return RY_TELL(self->ctx, gallery_get, &request->get, &send);
    case ANSWER_THUMBNAIL:
        return RY_TELL(self->ctx, thumbnail_read, &(struct ry_thumbnail_read){.storage_path = request->path}, &send);
    case ANSWER_FACETS: {
        struct ry_facets_get get = query_facets(&request->get);
        return RY_TELL(self->ctx, facets_get, &get, &send);
    }
    case ANSWER_AROUND: return RY_TELL(self->ctx, gallery_get, &request->around, &send);
    case ANSWER_FAILED: return RY_TELL(self->ctx, failed_get, &request->failed_get, &send);
    case ANSWER_RETRIED: return RY_TELL(self->ctx, failed_retry, &request->retry, &send);
    case ANSWER_COUNT: break;
    }
    return 0;
}

static void request_finish(struct monitor *self, struct request *request)
{
    struct answers answers = {0};
    const void *bodies[ANSWER_COUNT] = {NULL};
    for (unsigned a = 0; a < ANSWER_COUNT; a++) {
        struct asked *asked = &request->asked[a];
        RY_ASSERT(asked->mail == NULL || (asked->id != 0 && !asked->waiting), "answer %u to what waits for none", a);
        if (asked->mail)
            bodies[a] = asked->mail->body;
        else if (asked->id != 0)
            answers.missing[a] = asked->waiting ? "no answer within 5 seconds" : asked->why;
    }
    answers.node = bodies[ANSWER_NODE];
    answers.queue = bodies[ANSWER_QUEUE];
    answers.archive = bodies[ANSWER_ARCHIVE];
    answers.gallery = bodies[ANSWER_GALLERY];
    answers.thumbnail = bodies[ANSWER_THUMBNAIL];
    answers.facets = bodies[ANSWER_FACETS];
    answers.around = bodies[ANSWER_AROUND];
    answers.failed = bodies[ANSWER_FAILED];
    answers.retried = bodies[ANSWER_RETRIED];
    request->route->reply(self, request, &answers);
    request_free(self, request);
}

static bool request_waits(const struct request *request)
{
    for (unsigned a = 0; a < ANSWER_COUNT; a++)
        if (request->asked[a].waiting)
            return true;
    return false;
}

/* Sets the timer for the request that must be answered first. */
static void watch_deadlines(struct monitor *self)
{
    int64_t first = INT64_MAX;
    struct request *request;
    LIST_FOREACH(request, &self->requests, link)
    first = request->deadline_mono_ms < first ? request->deadline_mono_ms : first;
    int64_t now = ry_mono_ms(ry_ctx_clock(self->ctx));
    if (first == INT64_MAX)
        ry_timer_cancel(self->ctx, TIMER_DEADLINE);
    else
        ry_timer(self->ctx, TIMER_DEADLINE, first > now ? first - now : 0);
}

static void request_begin(struct monitor *self, struct http_exchange *exchange, const struct route *route)
{
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        pages_refuse(self, exchange, FACE_TEXT, 503, "Temporarily unavailable", "out of memory");
        return;
    }
    request->magic = REQUEST_MAGIC;
    request->exchange = exchange;
    request->route = route;
    request->asks = route->asks;
    request->change_token = self->change_token;
    request->bearer = self->token.p && access_same(access_bearer(http_header(exchange, "Authorization")), self->token);
    request->deadline_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx)) + REQUEST_MS;
    LIST_INSERT_HEAD(&self->requests, request, link);
    http_set_data(exchange, request);
    struct ry_error err = {0};
    int rc = route->check ? route->check(request, &err) : RY_OK;
    if (rc != RY_OK) {
        unsigned status = rc == RY_ENOENT ? 404 : rc == RY_EACCES ? 403 : 400;
        pages_refuse(self, exchange, pages_face(exchange, route), status,
                     status == 404 ? "Not found" : "Request refused", err.text);
        request_free(self, request);
        return;
    }
    for (unsigned a = 0; a < ANSWER_COUNT; a++)
        if (request->asks & (1u << a)) {
            request->asked[a].id = ask(self, request, (enum answer)a);
            RY_ASSERT(request->asked[a].id != 0, "%s asks for answer %u", route->path, a);
            request->asked[a].waiting = true;
        }
    if (!request_waits(request))
        request_finish(self, request);
    else
        watch_deadlines(self);
}

/* ---- who may ask ------------------------------------------------------------------------------------------------- */

struct location {
    struct ry_buf text;
    const char *separator;
};

static void add_argument(void *arg, const char *name, const char *value)
{
    struct location *location = arg;
    if (strcmp(name, "token") == 0)
        return;
    (void)ry_buf_add_str(&location->text, ry_str_of(location->separator));
    html_component(&location->text, ry_str_of(name));
    (void)ry_buf_add_str(&location->text, RY_STR("="));
    html_component(&location->text, ry_str_of(value ? value : ""));
    location->separator = "&";
}

/* The token came in the URL: it moves to a cookie, so that it stands in no history and no referrer. */
static void move_token(struct monitor *self, struct http_exchange *exchange, const struct route *route)
{
    struct location location = {ry_buf_make(16384), "?"};
    RY_BUF_AUTO cookie = ry_buf_make(16384);
    /* Only a path that is a route's, so that nobody is sent elsewhere ("//host/"). */
    (void)ry_buf_add_str(&location.text, ry_str_of(route && !route->prefix ? route->path : "/"));
    http_each_argument(exchange, add_argument, &location);
    access_set_cookie(self->token, &cookie);
    pages_reply(self, exchange,
                &(struct http_reply){
                    .status = 303, .location = ry_buf_cstr(&location.text), .set_cookie = ry_buf_cstr(&cookie)});
    ry_buf_free(&location.text);
}

static bool has_token(const struct monitor *self, const struct http_exchange *exchange)
{
    const char *cookie = http_cookie(exchange, ACCESS_COOKIE);
    return access_same(access_bearer(http_header(exchange, "Authorization")), self->token) ||
           (cookie && access_cookie(self->token, cookie));
}

static void on_asked(void *arg, struct http_exchange *exchange)
{
    struct monitor *self = monitor_of(arg);
    const struct route *route = pages_route(http_path(exchange));
    enum face face = pages_face(exchange, route);
    bool open = route && route->open;
    if (self->token.p == NULL && http_is_loopback(self->http) &&
        !access_host_is_loopback(http_header(exchange, "Host"))) {
        pages_refuse(self, exchange, face, 403, "Not allowed",
                     "this page is only served to this machine; use localhost or 127.0.0.1");
        return;
    }
    if (self->token.p && !open) {
        const char *given = http_argument(exchange, "token");
        if (given && access_same(ry_str_of(given), self->token)) {
            move_token(self, exchange, route);
            return;
        }
        if (!has_token(self, exchange)) {
            pages_refuse(
                self, exchange, face, 401, "A token is required",
                "open this page once with ?token= followed by the value of REELYARD_WEB_TOKEN, or send that value as a "
                "Bearer token");
            return;
        }
    }
    if (route == NULL)
        pages_refuse(self, exchange, face, 404, "Not found", "There is no such page here");
    else if (http_is_post(exchange) != route->changes)
        pages_refuse(self, exchange, face, 405, "Not allowed", "this address is not for that");
    else if (ry_ctx_draining(self->ctx) && !open)
        pages_refuse(self, exchange, face, 503, "Temporarily unavailable", "The node is stopping");
    else
        request_begin(self, exchange, route);
}

static void on_ended(void *arg, struct http_exchange *exchange)
{
    struct monitor *self = monitor_of(arg);
    void *data = http_data(exchange);
    if (data && !watch_ended(self->watch, data))
        request_free(self, data);
}

/* ---- the actor --------------------------------------------------------------------------------------------------- */

static void run_http(struct monitor *self)
{
    watch_tick(self->watch);
    int64_t wait_ms = http_run(self->http);
    ry_count(self->ctx, RY_COUNTER_http_turned_away, http_turned_away(self->http));
    if (wait_ms < 0)
        ry_timer_cancel(self->ctx, TIMER_HTTP);
    else
        ry_timer(self->ctx, TIMER_HTTP, wait_ms);
    int64_t due = watch_due(self->watch);
    int64_t now = ry_mono_ms(ry_ctx_clock(self->ctx));
    if (due == INT64_MAX)
        ry_timer_cancel(self->ctx, TIMER_WATCH);
    else
        ry_timer(self->ctx, TIMER_WATCH, due > now ? due - now : 1);
}

/* The command that fills this archive. Strangers are not told where it lies on the disk. */
static void advise(struct monitor *self, const struct ry_config *config)
{
    bool private = http_is_loopback(self->http) || self->token.p != NULL;
    self->data = private ? realpath(ry_config_str(config, RY_OPT_data), NULL) : NULL;
    self->advice = (struct gallery_advice){.data = self->data ? self->data : "FOLDER",
                                           .private = private,
                                           .servers = ry_config_has_postgres(config) ||
                                                      ry_config_str(config, RY_OPT_redis_url)[0] != '\0'};
}

/* What a page may load, and from where: nothing but this server's own files, and video from where /watch sends a viewer
 * to: https, or a host that is allowed by name. */
static void add_policy(const struct ry_config *config, struct ry_buf *out)
{
    (void)ry_buf_add_str(out, RY_STR("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                                     "connect-src 'self'; media-src 'self' https:"));
    const char *host = ry_config_str(config, RY_OPT_allowed_hosts);
    while (*(host += strspn(host, ", \t")) != '\0') {
        size_t n = strcspn(host, ", \t");
        /* Letters of a host and a port; anything else could end the directive. */
        if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") >= n)
            (void)ry_buf_addf(out, " http://%.*s", (int)n, host);
        host += n;
    }
    (void)ry_buf_add_str(out, RY_STR("; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"));
}

/* A secret of this process, in every form that changes something. */
static int make_change_token(struct monitor *self, struct ry_error *err)
{
    unsigned char bytes[CHANGE_TOKEN_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return ry_fail(err, RY_EIO, "no random bytes can be had: %m");
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(self->change_token + 2 * i, 3, "%02x", bytes[i]);
    return RY_OK;
}

static int monitor_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    static const struct http_events events = {on_asked, on_ended};
    const struct ry_config *config = ry_ctx_config(ctx);
    struct monitor *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    *out = self;
    self->magic = MONITOR_MAGIC;
    self->ctx = ctx;
    LIST_INIT(&self->requests);
    struct ry_str token = ry_str_of(ry_config_str(config, RY_OPT_web_token));
    if (token.n > 0)
        self->token = token;
    int64_t port = ry_config_int(config, RY_OPT_http_port);
    if (port == 0)
        return RY_OK;
    RY_BUF_AUTO policy = ry_buf_make(65536);
    add_policy(config, &policy);
    int rc = make_change_token(self, err);
    if (rc != RY_OK)
        return rc;
    const struct http_options options = {.address = ry_config_str(config, RY_OPT_http_bind),
                                         .port = (uint16_t)port,
                                         .clock = ry_ctx_clock(ctx),
                                         .timeout_ms = ry_config_int(config, RY_OPT_http_timeout) * 1000,
                                         .each_max = ry_config_int(config, RY_OPT_http_connections_each),
                                         .proxies = ry_config_str(config, RY_OPT_http_proxies),
                                         .policy = ry_buf_cstr(&policy)};
    rc = http_open(&self->http, &options, &events, self, err);
    if (rc != RY_OK)
        return rc;
    rc = watch_open(&self->watch, ctx, err);
    if (rc != RY_OK)
        return rc;
    RY_LOG(RY_INFO, "http_listening", "url=%s", http_url(self->http));
    if (!http_is_loopback(self->http) && self->token.p == NULL)
        RY_LOG(RY_WARNING, "http_open_to_all", "url=%s advice=%s", http_url(self->http),
               "set REELYARD_WEB_TOKEN to restrict access");
    advise(self, config);
    run_http(self);
    return RY_OK;
}

static void monitor_close(void **slot)
{
    struct monitor *self = *slot;
    if (self == NULL)
        return;
    *slot = NULL;
    self->ctx = NULL;
    watch_stop(self->watch);
    http_close(&self->http);
    watch_close(&self->watch);
    self->magic = 0;
    free(self->data);
    free(self);
}

/* The request that asked for this, and which of its questions it was. */
static struct request *find_asked(struct monitor *self, uint64_t id, struct asked **asked)
{
    struct request *request;
    LIST_FOREACH(request, &self->requests, link)
    for (unsigned a = 0; a < ANSWER_COUNT; a++)
        if (request->asked[a].waiting && request->asked[a].id == id) {
            *asked = &request->asked[a];
            return request;
        }
    return NULL; /* answered without it, or its visitor is gone */
}

static void on_undeliverable(struct asked *asked, const struct ry_undeliverable *undeliverable)
{
    (void)snprintf(asked->why, sizeof asked->why, "%.*s", RY_STR_ARG(undeliverable->reason));
}

static void on_page_get(const struct monitor *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct ry_page_got got = {.url = {NULL, 0}};
    if (self->http)
        got.url = ry_str_of(http_url(self->http));
    RY_ANSWER(ctx, mail, page_got, &got);
}

/* What no request has asked for, the watch has, or its visitor is gone. */
static void on_watch_mail(struct monitor *self, const struct ry_mail *mail)
{
    bool lost = mail->envelope.tag == RY_TAG_undeliverable;
    if (self->watch == NULL)
        return;
    if (lost ? watch_lost(self->watch, RY_BODY(mail, undeliverable)) : watch_answer(self->watch, mail))
        run_http(self);
}

static void monitor_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    static const enum ry_tag answers[ANSWER_COUNT] = {
        [ANSWER_NODE] = RY_TAG_node_state,          [ANSWER_QUEUE] = RY_TAG_queue_state,
        [ANSWER_ARCHIVE] = RY_TAG_archive_state,    [ANSWER_GALLERY] = RY_TAG_gallery_page,
        [ANSWER_THUMBNAIL] = RY_TAG_thumbnail_data, [ANSWER_FACETS] = RY_TAG_facets_page,
        [ANSWER_AROUND] = RY_TAG_gallery_page,      [ANSWER_FAILED] = RY_TAG_failed_page,
        [ANSWER_RETRIED] = RY_TAG_failed_retried};
    struct monitor *self = monitor_of(arg);
    struct asked *asked = NULL;
    if (mail->envelope.tag == RY_TAG_page_get) {
        on_page_get(self, ctx, mail);
        return;
    }
    bool undeliverable = mail->envelope.tag == RY_TAG_undeliverable;
    uint64_t id = undeliverable ? RY_BODY(mail, undeliverable)->id : mail->envelope.correlation;
    struct request *request = find_asked(self, id, &asked);
    if (request == NULL) {
        on_watch_mail(self, mail);
        return;
    }
    if (undeliverable)
        on_undeliverable(asked, RY_BODY(mail, undeliverable));
    else if (mail->envelope.tag != answers[asked - request->asked])
        return;
    asked->waiting = false;
    if (!undeliverable) {
        ry_mail_keep(ctx, mail);
        asked->mail = mail;
    }
    if (request_waits(request))
        return;
    request_finish(self, request);
    watch_deadlines(self);
    run_http(self);
}

static void monitor_tick(void *arg, struct ry_ctx *ctx, unsigned timer)
{
    struct monitor *self = monitor_of(arg);
    RY_ASSERT(timer <= TIMER_WATCH, "timer %u", timer);
    if (timer == TIMER_DEADLINE) {
        int64_t now = ry_mono_ms(ry_ctx_clock(ctx));
        struct request *next = NULL;
        for (struct request *request = LIST_FIRST(&self->requests); request; request = next) {
            next = LIST_NEXT(request, link);
            if (request->deadline_mono_ms <= now)
                request_finish(self, request);
        }
        watch_deadlines(self);
    }
    run_http(self);
}

static void monitor_ready(void *arg, struct ry_ctx *ctx)
{
    (void)ctx;
    run_http(monitor_of(arg));
}

static int monitor_engine_fd(void *arg)
{
    const struct monitor *self = monitor_of(arg);
    return self->http ? http_fd(self->http) : -1;
}

static bool monitor_drain(void *arg, struct ry_ctx *ctx)
{
    struct monitor *self = monitor_of(arg);
    (void)ctx;
    if (self->http == NULL)
        return true;
    watch_drain(self->watch);
    run_http(self);
    return !http_busy(self->http);
}

const struct ry_actor_spec ry_monitor_spec = {
    .role = RY_ROLE_MONITOR,
    .capacity = 1, /* nobody sends it requests */
    .threads = 1,
    .open = monitor_open,
    .receive = monitor_receive,
    .tick = monitor_tick,
    .ready = monitor_ready,
    .engine_fd = monitor_engine_fd,
    .drain = monitor_drain,
    .close = monitor_close,
};
