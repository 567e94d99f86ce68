#include "actors/monitor/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "runtime/base/log.h"

#define CONNECTIONS_MAX         128
#define CONNECTION_IDLE_S       30
#define CONNECTION_MEMORY_BYTES ((size_t)32768)
#define LISTEN_BACKLOG          64
#define HTTP_METHODS            "GET, HEAD"
#define CONTENT_SECURITY_POLICY \
    "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

struct http_exchange {
    LIST_ENTRY(http_exchange) link;
    struct http *http;
    struct MHD_Connection *connection;
    char *path;
    bool asked;     /* the owner knows of it */
    bool suspended; /* the connection waits for http_reply */
    bool queued;    /* the response is libmicrohttpd's */
    unsigned status;
    struct MHD_Response *response; /* replied, but not queued yet */
    void *data;
};

struct http {
    struct MHD_Daemon *daemon;
    int fd;
    struct http_events events;
    void *arg;
    LIST_HEAD(, http_exchange) exchanges;
    bool loopback;
    char url[80];
};

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

static struct MHD_Response *make_response(const struct http_reply *reply)
{
    struct MHD_Response *response = NULL;
    if (reply->frame) {
        struct ry_frame *frame = ry_frame_ref(reply->frame);
        response = MHD_create_response_from_buffer_with_free_callback_cls(ry_frame_size(frame), ry_frame_data(frame),
                                                                          release_frame, frame);
        if (response == NULL)
            ry_frame_unref(frame);
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
    struct MHD_Response *response = make_response(reply);
    if (response) {
        add_header(response, "Content-Type", reply->content_type);
        add_header(response, "Cache-Control", reply->cache_control ? reply->cache_control : "no-store");
        add_header(response, "ETag", reply->etag);
        add_header(response, "Location", reply->location);
        add_header(response, "Set-Cookie", reply->set_cookie);
        add_header(response, "WWW-Authenticate", reply->www_authenticate);
        add_header(response, "Allow", reply->status == MHD_HTTP_METHOD_NOT_ALLOWED ? HTTP_METHODS : NULL);
        add_header(response, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
        add_header(response, "X-Content-Type-Options", "nosniff");
        add_header(response, "Referrer-Policy", "no-referrer");
        add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    }
    exchange->status = reply->status;
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
    exchange->response = NULL;
    exchange->queued = true;
    enum MHD_Result result = MHD_queue_response(exchange->connection, exchange->status, response);
    MHD_destroy_response(response); /* libmicrohttpd has its own reference */
    return result;
}

static struct http_exchange *exchange_new(struct http *http, struct MHD_Connection *connection, const char *path)
{
    struct http_exchange *exchange = calloc(1, sizeof *exchange);
    char *copy = strdup(path);
    if (exchange == NULL || copy == NULL) {
        free(copy);
        free(exchange);
        return NULL;
    }
    exchange->http = http;
    exchange->connection = connection;
    exchange->path = copy;
    LIST_INSERT_HEAD(&http->exchanges, exchange, link);
    return exchange;
}

/* libmicrohttpd calls this once with the headers, then for each piece of a body, then once when the request is whole,
 * and again when the connection is resumed. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **slot)
{
    struct http *http = arg;
    struct http_exchange *exchange = *slot;
    (void)version;
    (void)upload;
    if (exchange == NULL) {
        exchange = exchange_new(http, connection, path);
        *slot = exchange;
        if (exchange == NULL)
            return MHD_NO;
        if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
            return MHD_YES;
        RY_BUF_AUTO body = ry_buf_make(128);
        (void)ry_buf_add_str(&body, RY_STR("Only GET and HEAD are answered here.\n"));
        http_reply(exchange, &(struct http_reply){.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                                                  .content_type = "text/plain; charset=utf-8",
                                                  .body = &body});
        return queue_response(exchange);
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (!exchange->asked) {
        exchange->asked = true;
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
    struct http *http = arg;
    struct http_exchange *exchange = *slot;
    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    *slot = NULL;
    LIST_REMOVE(exchange, link);
    if (exchange->asked)
        http->events.ended(http->arg, exchange);
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    free(exchange->path);
    free(exchange);
}

const char *http_path(const struct http_exchange *exchange)
{
    return exchange->path;
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

/* ---- listening --------------------------------------------------------------------------------------------------- */

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_address(const char *text, uint16_t port, union any_address *address, socklen_t *size)
{
    *address = (union any_address){0};
    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *size = sizeof address->v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        *size = sizeof address->v6;
        return true;
    }
    return false;
}

static bool is_loopback(const union any_address *address)
{
    if (address->any.sa_family == AF_INET)
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* Our own socket rather than the library's, for an error that says what is wrong. */
static int listen_on(struct http *http, const char *text, uint16_t port, int *listener, struct ry_error *err)
{
    union any_address address;
    socklen_t size = 0;
    if (!parse_address(text, port, &address, &size))
        return ry_fail(err, RY_ECONFIG, "http-bind is '%s'; an IPv4 or IPv6 address or localhost is allowed", text);
    http->loopback = is_loopback(&address);
    bool v6 = address.any.sa_family == AF_INET6;
    (void)snprintf(http->url, sizeof http->url, "http://%s%s%s:%u/", v6 ? "[" : "", text, v6 ? "]" : "",
                   (unsigned)port);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    /* SO_REUSEADDR: a restart need not wait for connections of the former self to time out. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(fd, &address.any, size) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        int why = errno;
        if (fd >= 0)
            (void)close(fd);
        errno = why;
        return ry_fail(err, RY_ECONFIG, "cannot listen on %s: %m; choose another --http-port (0: no HTTP)", http->url);
    }
    *listener = fd;
    return RY_OK;
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

static int start_daemon(struct http *http, int listener, struct ry_error *err)
{
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)CONNECTION_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    if (http->daemon == NULL) {
        (void)close(listener);
        return ry_fail(err, RY_ECONFIG, "cannot start the HTTP server on %s: %m", http->url);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || info->epoll_fd < 0)
        return ry_fail(err, RY_ECONFIG, "libmicrohttpd is built without epoll");
    http->fd = info->epoll_fd;
    return RY_OK;
}

int http_open(struct http **out, const char *address, uint16_t port, const struct http_events *events, void *arg,
              struct ry_error *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    http->events = *events;
    http->arg = arg;
    LIST_INIT(&http->exchanges);
    int listener = -1;
    int rc = listen_on(http, address, port, &listener, err);
    if (rc == RY_OK)
        rc = start_daemon(http, listener, err);
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
    free(http);
}

int http_fd(const struct http *http)
{
    return http->fd;
}

int64_t http_run(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    (void)MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES)
        return -1;
    return wait_ms > 3600000 ? 3600000 : (int64_t)wait_ms;
}

bool http_busy(const struct http *http)
{
    return !LIST_EMPTY(&http->exchanges);
}

const char *http_url(const struct http *http)
{
    return http->url;
}

bool http_is_loopback(const struct http *http)
{
    return http->loopback;
}
