/* http.h: an asynchronous HTTP client for bytes from hosts that are not trusted.
 *
 * Many GETs run at a time on one thread. The client is one descriptor: when it is readable, ry_http_ready does all that
 * is due and calls the handlers. Connections are kept and reused, HTTP/2 streams share one.
 *
 * What a URL from outside cannot do here: reach a host that is not on the list (nor by a redirect), a private address
 * behind a public name (the address is checked as the socket is made, so a name that changes its mind between check
 * and use gains nothing), another scheme, a user name, a cookie or .netrc; nor keep a transfer for longer than its
 * deadline, slower than the low-speed limit, or larger than its limit. Proxies of the environment are not used: behind
 * one, the address checked would be the proxy's, and the proxy could be sent anywhere.
 *
 * Error texts complete a sentence ("cdn.example did not answer within 10 s") and never hold a URL's path or query.
 * The program must ignore SIGPIPE. All calls from one thread; nothing blocks (name lookup has a thread of its own). */
#ifndef REELYARD_RUNTIME_NET_HTTP_H
#define REELYARD_RUNTIME_NET_HTTP_H

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/net/content_range.h"
#include "runtime/net/hosts.h"

#define RY_HTTP_REDIRECTS_MAX 5
#define RY_HTTP_ETAG_MAX      256

struct ry_http;
struct ry_http_transfer;

struct ry_http_options {
    const struct ry_clock *clock; /* borrowed; deadlines are on its monotonic time */
    struct ry_hosts hosts;        /* copied */
    int64_t connect_timeout_ms;   /* for name lookup, TCP and TLS together */
    int64_t low_speed_bytes;      /* per second; 0: no limit */
    int64_t low_speed_ms;         /* slower than that for so long is given up; whole seconds */
    unsigned connections_max;     /* per host; further transfers wait */
};

/* What is known before the body. Strings are borrowed for the call. */
struct ry_http_head {
    unsigned status;
    int64_t length; /* Content-Length; -1: not told */
    bool has_range;
    struct ry_content_range range;
    struct ry_str etag;     /* as sent, with quotes; absent if none or longer than RY_HTTP_ETAG_MAX */
    int64_t retry_after_ms; /* Retry-After; -1: not told */
    bool encoded;           /* the body is compressed although identity was asked for */
};

/* on_head comes once (not for the redirects followed), on_body for each piece, on_end last and exactly once. on_head
 * and on_body run inside the engine: they may not call anything here. on_end may start and cancel others.
 *   on_head  returns 0 to have the body, 1 to have it ignored, or ry_fail(err, ...) to stop the transfer
 *   on_body  returns 0, or ry_fail(err, ...)
 *   on_end   tells RY_OK, what a handler failed with, or what went wrong: RY_EACCES (host or address not allowed),
 *            RY_EINVAL (URL, redirect or answer malformed), RY_ELIMIT (larger than body_max_bytes), RY_EAWAY,
 *            RY_ETIMEOUT, RY_EIO, RY_ENOMEM. Its class tells whether trying again can help. The transfer is gone. */
struct ry_http_handler {
    int (*on_head)(void *arg, const struct ry_http_head *head, struct ry_error *err);
    int (*on_body)(void *arg, const void *bytes, size_t n, struct ry_error *err);
    void (*on_end)(void *arg, int code, const struct ry_error *err);
};

struct ry_http_get {
    struct ry_str url;
    uint64_t range_first;                  /* with range_length > 0: asks for these bytes only */
    uint64_t range_length;                 /* 0: asks for all */
    struct ry_str if_range;                /* a strong ETag that the range must belong to; absent: none */
    uint64_t body_max_bytes;               /* a longer body ends the transfer with RY_ELIMIT */
    int64_t deadline_mono_ms;              /* on the client's clock, redirects and waiting for a connection included */
    const struct ry_http_handler *handler; /* borrowed until on_end or cancel */
    void *arg;
};

int ry_http_new(struct ry_http **http, const struct ry_http_options *options, struct ry_error *err);

/* Changes connections_max (> 0) for transfers that need a new connection from now on. */
void ry_http_limit(struct ry_http *http, unsigned connections_max);

/* Cancels what is under way; no handler is called. */
void ry_http_free(struct ry_http **http);

/* The descriptor (epoll) to watch for reading; the same for life. */
int ry_http_fd(const struct ry_http *http);

/* Does what is due, calls handlers. Call when the descriptor is readable (harmless at any other time). */
void ry_http_ready(struct ry_http *http);

/* Starts a transfer; strings are copied. On error (RY_EINVAL for the URL, RY_EACCES for its host, RY_ENOMEM) nothing
 * was started and no handler will be called. */
int ry_http_start(struct ry_http *http, const struct ry_http_get *get, struct ry_http_transfer **transfer,
                  struct ry_error *err);

/* Ends a transfer without a call of its handler; *transfer becomes NULL (may be NULL already). Not from on_head or
 * on_body. */
void ry_http_cancel(struct ry_http_transfer **transfer);

/* Transfers under way. */
size_t ry_http_active(const struct ry_http *http);

#endif
