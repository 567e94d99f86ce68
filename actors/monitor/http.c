/* http.c: libmicrohttpd, driven from the instance's thread.
 *
 * Owns the library's daemon, the exchanges under way and their responses. A request becomes an exchange; its connection
 * is suspended until http_reply, then resumed. Promises that no call waits, that no body takes more than its limit, and
 * that each exchange is replied to exactly once, also when the server closes. When the process ends, open connections are cut. */
#include "actors/monitor/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "actors/monitor/door.h"
#include "actors/monitor/seats.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"

#define CONNECTION_MEMORY_BYTES ((size_t)32768)
#define HTTP_METHODS            "GET, HEAD, POST"
/* The library renamed its own constant. */
#define HTTP_TOO_LARGE 413

/* What is asked of a stream at a time; the library holds so much for each. */
#define STREAM_BLOCK_BYTES ((size_t)131072)
/* In one http_run, as long as the library has something to do: a block for each stream, at most. */
#define TURNS_MAX 16

#define HTTP_MAGIC     0x68747470u
#define EXCHANGE_MAGIC 0x65786368u

struct http_exchange {
    unsigned magic;
    LIST_ENTRY(http_exchange) link;
    struct http *http;
    struct MHD_Connection *connection;
    struct seat *seat;
    struct peer visitor; /* behind the proxy, if it came through one */
    char *path;
    bool post;
    bool head;
    struct ry_buf body; /* of a POST */
    bool asked;         /* the owner knows of it */
    bool suspended;     /* the connection waits for http_reply, or its stream for http_resume */
    bool streams;       /* the response is a stream */
    bool queued;        /* the response is libmicrohttpd's */
    unsigned status;
    uint64_t bytes;
    struct MHD_Response *response; /* replied, but not queued yet */
    void *data;
};

struct http {
    unsigned magic;
    struct MHD_Daemon *daemon;
    struct door *door;
    struct seats seats;
    uint64_t refused; /* connections and requests, for want of a place */
    int fd;           /* an epoll of the door's and the library's */
    struct http_events events;
    void *arg;
    LIST_HEAD(, http_exchange) exchanges;
    struct listener listener;
    char *policy;
};

/* What the library was given, as it comes back. */
static struct http *http_of(void *arg)
{
    struct http *http = arg;
    RY_ASSERT(http->magic == HTTP_MAGIC, "magic %x", http->magic);
    return http;
}

/* NULL: the request is new. */
static struct http_exchange *exchange_of(void *slot)
{
    struct http_exchange *exchange = slot;
    RY_ASSERT(exchange == NULL || exchange->magic == EXCHANGE_MAGIC, "magic %x", exchange->magic);
    return exchange;
}

/* ---- exchanges --------------------------------------------------------------------------------------------------- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value)
        (void)MHD_add_response_header(response, name, value);
}

static void release_frame(void *frame)
{
    ry_frame_unref(frame);
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

#define CARRIER_MAGIC 0x63617272u

/* What a response of the library has of a stream; it may outlive the exchange. */
struct carrier {
    unsigned magic;
    struct http_exchange *exchange; /* there while the stream is read */
    struct http_stream stream;
};

static ssize_t carrier_read(void *arg, uint64_t pos, char *to, size_t max)
{
    struct carrier *carrier = arg;
    RY_ASSERT(carrier->magic == CARRIER_MAGIC, "magic %x", carrier->magic);
    struct http_exchange *exchange = carrier->exchange;
    int64_t n = carrier->stream.read(carrier->stream.arg, pos, to, max);
    RY_ASSERT(n <= (int64_t)max && exchange->magic == EXCHANGE_MAGIC, "%lld bytes", (long long)n);
    if (n > 0) {
        seats_moved(&exchange->http->seats, exchange->seat);
    } else if (n == 0) {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->connection);
    }
    return n < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : (ssize_t)n;
}

static void carrier_end(void *arg)
{
    struct carrier *carrier = arg;
    RY_ASSERT(carrier->magic == CARRIER_MAGIC, "magic %x", carrier->magic);
    carrier->magic = 0;
    carrier->stream.end(carrier->stream.arg);
    free(carrier);
}

static struct MHD_Response *make_stream(struct http_exchange *exchange, const struct http_stream *stream)
{
    struct carrier *carrier = calloc(1, sizeof *carrier);
    struct MHD_Response *response = NULL;
    if (carrier) {
        *carrier = (struct carrier){CARRIER_MAGIC, exchange, *stream};
        response =
            MHD_create_response_from_callback(stream->bytes, STREAM_BLOCK_BYTES, carrier_read, carrier, carrier_end);
    }
    if (response == NULL && carrier)
        carrier_end(carrier);
    else if (response == NULL)
        stream->end(stream->arg);
    exchange->streams = response != NULL;
    return response;
}

void http_resume(struct http_exchange *exchange)
{
    if (!exchange->suspended || !exchange->queued)
        return;
    exchange->suspended = false;
    MHD_resume_connection(exchange->connection);
}

void http_cut(struct http_exchange *exchange)
{
    seats_cut(&exchange->http->seats, exchange->seat);
    http_resume(exchange);
}

/* ---- replying ---------------------------------------------------------------------------------------------------- */

static struct MHD_Response *make_response(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct MHD_Response *response = NULL;
    if (reply->stream) {
        response = make_stream(exchange, reply->stream);
    } else if (reply->frame) {
        struct ry_frame *frame = ry_frame_ref(reply->frame);
        response = MHD_create_response_from_buffer_with_free_callback_cls(ry_frame_size(frame), ry_frame_data(frame),
                                                                          release_frame, frame);
        if (response == NULL)
            ry_frame_unref(frame);
    } else if (reply->fixed.n > 0) {
        response =
            MHD_create_response_from_buffer(reply->fixed.n, (void *)(uintptr_t)reply->fixed.p, MHD_RESPMEM_PERSISTENT);
    } else if (reply->body && reply->body->p) {
        response = MHD_create_response_from_buffer(reply->body->n, reply->body->p, MHD_RESPMEM_MUST_FREE);
        if (response)
            *reply->body = ry_buf_make(reply->body->max);
    } else {
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    return response;
}

void http_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    uint64_t bytes = reply->frame ? ry_frame_size(reply->frame) : reply->body ? reply->body->n : reply->fixed.n;
    RY_ASSERT(exchange->magic == EXCHANGE_MAGIC && exchange->response == NULL && !exchange->queued,
              "%s is answered twice, %u and %u", exchange->path, exchange->status, reply->status);
    struct MHD_Response *response = make_response(exchange, reply);
    if (response) {
        add_header(response, "Content-Type", reply->content_type);
        add_header(response, "Cache-Control", reply->cache_control ? reply->cache_control : "no-store");
        add_header(response, "Content-Encoding", reply->content_encoding);
        add_header(response, "Vary", reply->vary);
        add_header(response, "ETag", reply->etag);
        add_header(response, "Location", reply->location);
        add_header(response, "Set-Cookie", reply->set_cookie);
        add_header(response, "WWW-Authenticate", reply->www_authenticate);
        add_header(response, "Connection",
                   seats_is_last_request(&exchange->http->seats, exchange->seat) ? "close" : NULL);
        add_header(response, "Allow", reply->allow);
        add_header(response, "Accept-Ranges", reply->accept_ranges);
        add_header(response, "Content-Range", reply->content_range);
        add_header(response, "Content-Disposition", reply->content_disposition);
        add_header(response, "Retry-After", reply->retry_after);
        add_header(response, "Content-Security-Policy",
                   reply->security_policy ? reply->security_policy : exchange->http->policy);
        add_header(response, "X-Content-Type-Options", "nosniff");
        add_header(response, "Referrer-Policy", "same-origin");
        add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    }
    exchange->status = reply->status;
    exchange->bytes = bytes;
    exchange->response = response; /* NULL, for want of memory: the connection is closed */
    exchange->queued = response == NULL;
    if (exchange->suspended) {
        exchange->suspended = false;
        MHD_resume_connection(exchange->connection);
    }
}

static enum MHD_Result queue_response(struct http_exchange *exchange)
{
    struct MHD_Response *response = exchange->response;
    if (response == NULL)
        return MHD_NO;
    RY_ASSERT(!exchange->queued, "%s", exchange->path);
    exchange->response = NULL;
    exchange->queued = true;
    if (exchange->streams)
        seats_streaming(&exchange->http->seats, exchange->seat);
    else
        seats_sending(&exchange->http->seats, exchange->seat, exchange->bytes);
    enum MHD_Result result = MHD_queue_response(exchange->connection, exchange->status, response);
    MHD_destroy_response(response); /* libmicrohttpd has its own reference */
    return result;
}

static bool is_limited(enum seat_use use)
{
    return use == SEAT_PAGE || use == SEAT_WATCH;
}

/* Whether a visitor behind a proxy has more requests under way than a peer may have connections. */
static bool asks_too_much(const struct http *http, const struct http_exchange *exchange)
{
    size_t own = 0;
    const struct http_exchange *other;
    LIST_FOREACH(other, &http->exchanges, link)
    own += peer_same(&other->visitor, &exchange->visitor);
    return http->seats.each_max > 0 && own > http->seats.each_max &&
           is_limited(seat_use_of_path(ry_str_of(exchange->path))) &&
           seats_is_proxy(&http->seats, &exchange->seat->peer) && !seats_is_proxy(&http->seats, &exchange->visitor);
}

/* Adds a line of X-Forwarded-For to those before it. */
static enum MHD_Result add_forwarded(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct ry_buf *forwarded = arg;
    if (value != NULL && strcasecmp(name, "X-Forwarded-For") == 0)
        (void)ry_buf_addf(forwarded, "%s%s", forwarded->n > 0 ? "," : "", value);
    return MHD_YES;
}

/* Who asks, by all lines of X-Forwarded-For: a proxy may have added its own behind the visitor's. */
static struct peer visitor_of(const struct http *http, struct MHD_Connection *connection, const struct peer *peer)
{
    if (!seats_is_proxy(&http->seats, peer))
        return *peer;
    RY_BUF_AUTO forwarded = ry_buf_make(CONNECTION_MEMORY_BYTES);
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, add_forwarded, &forwarded);
    return seats_visitor(&http->seats, peer, ry_buf_cstr(&forwarded));
}

static struct http_exchange *exchange_new(struct http *http, struct MHD_Connection *connection, const char *path)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct seat *seat = info ? info->socket_context : NULL;
    RY_ASSERT(seat == NULL || seat->magic == SEAT_MAGIC, "magic %x", seat->magic);
    struct http_exchange *exchange = calloc(1, sizeof *exchange);
    char *copy = strdup(path);
    if (exchange == NULL || copy == NULL || seat == NULL || seat->busy) {
        free(copy);
        free(exchange);
        return NULL;
    }
    exchange->magic = EXCHANGE_MAGIC;
    exchange->http = http;
    exchange->connection = connection;
    exchange->seat = seat;
    seat->busy = true;
    exchange->visitor = visitor_of(http, connection, &seat->peer);
    exchange->path = copy;
    exchange->body = ry_buf_make(HTTP_BODY_MAX_BYTES);
    LIST_INSERT_HEAD(&http->exchanges, exchange, link);
    return exchange;
}

static enum MHD_Result refuse(struct http_exchange *exchange, unsigned status, const char *why)
{
    RY_BUF_AUTO body = ry_buf_make(128);
    (void)ry_buf_addf(&body, "%s\n", why);
    http_reply(exchange, &(struct http_reply){.status = status,
                                              .content_type = "text/plain; charset=utf-8",
                                              .body = &body,
                                              .retry_after = status == MHD_HTTP_SERVICE_UNAVAILABLE ? "5" : NULL,
                                              .allow = status == MHD_HTTP_METHOD_NOT_ALLOWED ? HTTP_METHODS : NULL});
    return queue_response(exchange);
}

/* The first call for a request, with its head. */
static enum MHD_Result on_head(struct http *http, struct MHD_Connection *connection, const char *path,
                               const char *method, void **slot)
{
    struct http_exchange *exchange = exchange_new(http, connection, path);
    *slot = exchange;
    if (exchange == NULL)
        return MHD_NO;
    exchange->post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    exchange->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!exchange->post && strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET, HEAD and POST are supported.");
    if (seat_use_of_path(ry_str_of(path)) == SEAT_WATCH && !seats_may_watch(&http->seats, exchange->seat)) {
        http->refused++;
        return refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many viewers.");
    }
    if (asks_too_much(http, exchange)) {
        http->refused++;
        return refuse(exchange, MHD_HTTP_TOO_MANY_REQUESTS, "Too many concurrent requests from this address.");
    }
    return MHD_YES;
}

/* libmicrohttpd calls this once with the headers, then for each piece of a body, then once when the request is whole,
 * and again when the connection is resumed. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **slot)
{
    struct http *http = http_of(arg);
    struct http_exchange *exchange = exchange_of(*slot);
    (void)version;
    if (exchange == NULL)
        return on_head(http, connection, path, method, slot);
    if (*upload_bytes > 0) {
        if (exchange->post)
            (void)ry_buf_add(&exchange->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (exchange->body.failed && !exchange->asked && !exchange->queued)
        return refuse(exchange, HTTP_TOO_LARGE, "The body is too large.");
    if (!exchange->asked && !exchange->queued) {
        exchange->asked = true;
        seats_answering(&http->seats, exchange->seat, seat_use_of_path(ry_str_of(exchange->path)));
        http->events.asked(http->arg, exchange);
    }
    if (exchange->response || exchange->queued)
        return queue_response(exchange);
    exchange->suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct http *http = http_of(arg);
    struct http_exchange *exchange = exchange_of(*slot);
    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    *slot = NULL;
    LIST_REMOVE(exchange, link);
    exchange->seat->busy = false;
    seats_done(&http->seats, exchange->seat);
    if (exchange->asked)
        http->events.ended(http->arg, exchange);
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    exchange->magic = 0;
    ry_buf_free(&exchange->body);
    free(exchange->path);
    free(exchange);
}

bool http_is_head(const struct http_exchange *exchange)
{
    return exchange->head;
}

const char *http_path(const struct http_exchange *exchange)
{
    return exchange->path;
}

bool http_is_post(const struct http_exchange *exchange)
{
    return exchange->post;
}

struct ry_str http_body(const struct http_exchange *exchange)
{
    return ry_buf_str(&exchange->body);
}

const char *http_argument(const struct http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_COOKIE_KIND, name);
}

struct visiting {
    void (*visit)(void *arg, const char *name, const char *value);
    void *arg;
};

static enum MHD_Result visit_argument(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const struct visiting *visiting = arg;
    (void)kind;
    visiting->visit(visiting->arg, name, value);
    return MHD_YES;
}

void http_each_argument(const struct http_exchange *exchange,
                        void (*visit)(void *arg, const char *name, const char *value), void *arg)
{
    struct visiting visiting = {visit, arg};
    (void)MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, visit_argument, &visiting);
}

void http_set_data(struct http_exchange *exchange, void *data)
{
    exchange->data = data;
}

void *http_data(const struct http_exchange *exchange)
{
    return exchange->data;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

/* There is no seat: said at once, and without the library. */
static void turn_away(int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
                               "Retry-After: 5\r\nContent-Length: 22\r\nConnection: close\r\n\r\n"
                               "Too many connections.\n";
    char head[DOOR_HEAD_BYTES];
    (void)recv(fd, head, sizeof head, MSG_DONTWAIT); /* what is unread would make close() a reset */
    (void)send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd);
}

static void on_guest(void *arg, const struct door_guest *guest)
{
    struct http *http = http_of(arg);
    if (!seats_admit(&http->seats, &guest->peer, seat_use_of_head(guest->head))) {
        http->refused++;
        turn_away(guest->fd);
        return;
    }
    (void)MHD_add_connection(http->daemon, guest->fd, guest->address, guest->address_size); /* closes it on an error */
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http *http = http_of(arg);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        seats_give_back(&http->seats, *slot);
        *slot = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct peer peer = {{0}};
    if (info && info->client_addr)
        peer = peer_of(info->client_addr);
    *slot = seats_take(&http->seats, fd, &peer);
}

static void log_library(void *arg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void log_library(void *arg, const char *format, va_list args)
{
    char text[256];
    (void)arg;
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    RY_LOG(RY_DEBUG, "http_library", "text=%s", text);
}

static int start_daemon(struct http *http, struct ry_error *err)
{
    /* Deadlines are the seats', on the owner's clock: the library's begin anew with each byte. */
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
        on_request, http, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        http, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SEATS_LIBRARY,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    if (http->daemon == NULL)
        return ry_fail(err, RY_ECONFIG, "cannot start the HTTP server on %s: %m", http->listener.url);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || info->epoll_fd < 0)
        return ry_fail(err, RY_ECONFIG, "libmicrohttpd is built without epoll");
    struct epoll_event event = {.events = EPOLLIN};
    http->fd = epoll_create1(EPOLL_CLOEXEC);
    if (http->fd < 0 || epoll_ctl(http->fd, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0 ||
        epoll_ctl(http->fd, EPOLL_CTL_ADD, door_fd(http->door), &event) != 0)
        return ry_fail(err, RY_ECONFIG, "cannot wait for connections: %m");
    return RY_OK;
}

int http_open(struct http **out, const struct http_options *options, const struct http_events *events, void *arg,
              struct ry_error *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    http->magic = HTTP_MAGIC;
    http->events = *events;
    http->arg = arg;
    http->fd = -1;
    LIST_INIT(&http->exchanges);
    http->policy = strdup(options->policy);
    if (http->policy == NULL) {
        free(http);
        return ry_fail(err, RY_ENOMEM, "out of memory");
    }
    const struct door_options door = {
        .clock = options->clock, .head_ms = options->timeout_ms, .on_guest = on_guest, .arg = http};
    int rc = seats_init(&http->seats, options->clock, options->timeout_ms, options->each_max, options->proxies, err);
    if (rc == RY_OK)
        rc = listener_open(&http->listener, options->address, options->port, err);
    if (rc == RY_OK)
        rc = door_open(&http->door, http->listener.fd, &door, err);
    if (rc == RY_OK)
        rc = start_daemon(http, err);
    if (rc == RY_OK)
        *out = http;
    else
        http_close(&http);
    return rc;
}

void http_close(struct http **slot)
{
    struct http *http = *slot;
    if (http == NULL)
        return;
    *slot = NULL;
    struct http_exchange *exchange;
    LIST_FOREACH(exchange, &http->exchanges, link)
    if (exchange->suspended) {
        /* The library must have no suspended connection when it stops. */
        exchange->suspended = false;
        MHD_resume_connection(exchange->connection);
    }
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    door_close(&http->door);
    if (http->fd >= 0)
        (void)close(http->fd);
    http->magic = 0;
    free(http->policy);
    free(http);
}

int http_fd(const struct http *http)
{
    return http->fd;
}

/* The sooner of two waits; -1 is none. */
static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t http_run(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    int64_t wait_ms = door_run(http->door);
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        (void)MHD_run(http->daemon);
        if (MHD_get_timeout(http->daemon, &library_ms) != MHD_YES || library_ms > 0)
            break;
    }
    seats_have_arrived(&http->seats);
    wait_ms = sooner(wait_ms, seats_run(&http->seats));
    if (MHD_get_timeout(http->daemon, &library_ms) == MHD_YES)
        wait_ms = sooner(wait_ms, library_ms > 3600000 ? 3600000 : (int64_t)library_ms);
    return wait_ms;
}

uint64_t http_turned_away(struct http *http)
{
    uint64_t n = http->refused + http->seats.late + door_turned_away(http->door);
    http->refused = http->seats.late = 0;
    return n;
}

bool http_busy(const struct http *http)
{
    return !LIST_EMPTY(&http->exchanges);
}

const char *http_url(const struct http *http)
{
    return http->listener.url;
}

bool http_is_loopback(const struct http *http)
{
    return http->listener.loopback;
}
