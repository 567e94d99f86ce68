/* http.h: the HTTP server of the monitor: libmicrohttpd without a thread of its own.
 *
 * Owns the listening socket and the connections, and limits what each may cost (door.h, seats.h). A request is handed
 * to the owner as an exchange, which is answered, at once or later, by one http_reply; until then its connection is
 * suspended and costs nothing. Only GET, HEAD and POST reach the owner; what a POST carries is kept up to
 * HTTP_BODY_MAX_BYTES, other bodies are discarded. Everything is called from the instance's thread, inside http_run. */
#ifndef REELYARD_ACTORS_MONITOR_HTTP_H
#define REELYARD_ACTORS_MONITOR_HTTP_H

#include "proto/frame.h"
#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"

/* Of the body of a POST; a longer one is refused with 413. */
#define HTTP_BODY_MAX_BYTES ((size_t)65536)

struct http;
struct http_exchange;

struct http_events {
    /* A request is whole: reply now, or keep the exchange and reply later. */
    void (*asked)(void *arg, struct http_exchange *exchange);
    /* The exchange is over (sent, or its visitor is gone) and no longer valid. Not called for one whose `asked` was not
     * called. */
    void (*ended)(void *arg, struct http_exchange *exchange);
};

struct http_options {
    const char *address; /* IPv4, IPv6 or "localhost" */
    uint16_t port;
    const struct ry_clock *clock;
    int64_t timeout_ms;  /* for the head and body of a request, and for the next one on the same connection */
    int64_t each_max;    /* connections of one address; 0: no limit */
    const char *proxies; /* addresses whose word about who asks is taken, and to which each_max does not apply */
    const char *policy;  /* the Content-Security-Policy of every answer; copied */
};

/* Listens. RY_ECONFIG if an address is none, taken or not allowed, with what to do. */
int http_open(struct http **out, const struct http_options *options, const struct http_events *events, void *arg,
              struct ry_error *err);

/* Drops all connections; `ended` is called for every exchange. *slot may be NULL. */
void http_close(struct http **slot);

/* An epoll descriptor: call http_run when it is readable. */
int http_fd(const struct http *http);

/* Does what can be done without waiting. Returns in how many milliseconds it must be called at the latest, -1: only
 * when the descriptor is readable. */
int64_t http_run(struct http *http);

/* Connections that were turned away for want of a place or of time; begins anew with each call. */
uint64_t http_turned_away(struct http *http);

/* Whether some exchange has begun and is not over. */
bool http_busy(const struct http *http);

/* "http://127.0.0.1:8080/", and whether the address is of this machine alone. */
const char *http_url(const struct http *http);
bool http_is_loopback(const struct http *http);

/* Of the request; NULL when absent. Valid until the exchange has ended. The path is percent-decoded. */
const char *http_path(const struct http_exchange *exchange);
bool http_is_post(const struct http_exchange *exchange);
/* Of a POST; empty for others. Bytes as they came. */
struct ry_str http_body(const struct http_exchange *exchange);
const char *http_argument(const struct http_exchange *exchange, const char *name);
const char *http_header(const struct http_exchange *exchange, const char *name);
const char *http_cookie(const struct http_exchange *exchange, const char *name);
/* Whether only the head of the answer is asked for. */
bool http_is_head(const struct http_exchange *exchange);
void http_each_argument(const struct http_exchange *exchange,
                        void (*visit)(void *arg, const char *name, const char *value), void *arg);

/* Something of the owner's that belongs to the exchange; NULL at first. */
void http_set_data(struct http_exchange *exchange, void *data);
void *http_data(const struct http_exchange *exchange);

/* A body that comes by and by. */
struct http_stream {
    uint64_t bytes; /* of all of it */
    /* Puts at most max bytes from pos on into `to`; how many. 0: none yet, and the connection waits for http_resume.
     * Below 0: there will be no more, and the connection is cut. */
    int64_t (*read)(void *arg, uint64_t pos, char *to, size_t max);
    /* It will not be read any more; called once, also when http_reply fails. The exchange may be over before. */
    void (*end)(void *arg);
    void *arg;
};

struct http_reply {
    unsigned status;
    const char *content_type;
    struct ry_buf *body;              /* its memory is taken; or NULL */
    struct ry_frame *frame;           /* a reference is taken; or NULL */
    const struct http_stream *stream; /* is copied; or NULL */
    struct ry_str fixed;              /* memory that lives as long as the program; or absent */
    const char *cache_control;        /* NULL: no-store */
    /* NULL: left out. */
    const char *content_encoding;
    const char *vary;
    const char *allow;
    const char *etag;
    const char *location;
    const char *set_cookie;
    const char *www_authenticate;
    const char *accept_ranges;
    const char *content_range;
    const char *content_disposition;
    const char *security_policy; /* NULL: the one of the pages */
    const char *retry_after;
};

/* Answers the exchange; once for each. The strings are copied. */
void http_reply(struct http_exchange *exchange, const struct http_reply *reply);

/* The stream of an exchange has bytes again, or ends: it is read on. */
void http_resume(struct http_exchange *exchange);

/* Cuts the exchange's connection; it ends in the next http_run. */
void http_cut(struct http_exchange *exchange);

#endif
