/* multi.c: a curl multi handle behind one epoll descriptor; see multi.h.
 *
 * curl's own timeouts are not used for deadlines: they count from the wrong moment when a transfer waits for a
 * connection, and curl cannot be given a clock. The client's timer serves for those.
 *
 * A crash loses what was under way and nothing else; connections are the kernel's to close. */
#include "runtime/net/multi.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/net/retry_after.h"

#define EVENTS_AT_ONCE 64
#define RECEIVE_BYTES  65536L
#define HOSTS_KEPT     2 /* worth of connections; Discord has two for files */

/* libcurl's global state, made once for the process and never undone: other threads may be using it. */
static void init_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

/* ---- what curl asks for ------------------------------------------------------------------------------------------ */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct net_multi *multi = arg;
    if (what == CURL_POLL_REMOVE) {
        /* The socket may be closed already; then it has left the set by itself. */
        epoll_ctl(multi->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd};
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(multi->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return -1; /* curl then fails its transfers */
    curl_multi_assign(multi->curl, fd, multi);
    return 0;
}

/* Rings once in wait_ms; < 0 disarms. A timer descriptor of our own cannot fail. */
static void set_timer(int timer_fd, int64_t wait_ms)
{
    struct itimerspec spec = {0};
    if (wait_ms > 0) {
        spec.it_value.tv_sec = wait_ms / 1000;
        spec.it_value.tv_nsec = wait_ms % 1000 * 1000000;
    } else if (wait_ms == 0) {
        spec.it_value.tv_nsec = 1; /* 0 would disarm it */
    }
    int rc = timerfd_settime(timer_fd, 0, &spec, NULL);
    RY_ASSERT(rc == 0, "%lld ms: errno %d", (long long)wait_ms, errno);
}

/* Empties a timer descriptor; whether it had rung. */
static bool take_ring(int timer_fd)
{
    uint64_t rings;
    return read(timer_fd, &rings, sizeof rings) == sizeof rings;
}

static int on_timer(CURLM *curl, long timeout_ms, void *arg)
{
    (void)curl;
    struct net_multi *multi = arg;
    set_timer(multi->curl_timer_fd, timeout_ms);
    return 0;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static int open_timer(const struct net_multi *multi)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= 0 && epoll_ctl(multi->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool open_descriptors(struct net_multi *multi)
{
    multi->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (multi->epoll_fd < 0)
        return false;
    multi->curl_timer_fd = open_timer(multi);
    multi->timer_fd = open_timer(multi);
    return multi->curl_timer_fd >= 0 && multi->timer_fd >= 0;
}

static bool open_curl(struct net_multi *multi, unsigned connections_max)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    multi->curl = curl_multi_init();
    if (!multi->curl)
        return false;
    CURLMcode bad = CURLM_OK;
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections_max);
    /* Kept when idle. Left alone, curl keeps four times what it was last busy with, which may be next to nothing. */
    bad |= curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)connections_max * HOSTS_KEPT);
    return bad == CURLM_OK;
}

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void close_all(struct net_multi *multi)
{
    if (multi->curl)
        curl_multi_cleanup(multi->curl);
    close_descriptor(multi->curl_timer_fd);
    close_descriptor(multi->timer_fd);
    close_descriptor(multi->epoll_fd);
    *multi = (struct net_multi){0};
}

int net_multi_open(struct net_multi *multi, unsigned connections_max, const char *whose, struct ry_error *err)
{
    *multi = (struct net_multi){.epoll_fd = -1, .curl_timer_fd = -1, .timer_fd = -1};
    int code = RY_OK;
    if (!open_descriptors(multi))
        code = ry_fail(err, RY_EIO, "the %s client cannot open its descriptors: %m", whose);
    else if (!open_curl(multi, connections_max))
        code = ry_fail(err, RY_ENOMEM, "the %s client cannot start libcurl %s", whose, curl_version());
    if (code != RY_OK)
        close_all(multi);
    return code;
}

void net_multi_limit(const struct net_multi *multi, unsigned connections_max)
{
    RY_ASSERT(connections_max > 0);
    CURLMcode bad = curl_multi_setopt(multi->curl, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections_max);
    RY_ASSERT(bad == CURLM_OK, "%s", curl_multi_strerror(bad));
}

void net_multi_close(struct net_multi *multi)
{
    if (multi->curl)
        close_all(multi);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

bool net_multi_add(struct net_multi *multi, CURL *easy)
{
    return curl_multi_add_handle(multi->curl, easy) == CURLM_OK;
}

void net_multi_remove(struct net_multi *multi, CURL *easy)
{
    curl_multi_remove_handle(multi->curl, easy);
}

void net_multi_run(struct net_multi *multi)
{
    RY_ASSERT(!multi->in_engine, "called from a callback of libcurl");
    struct epoll_event events[EVENTS_AT_ONCE];
    int n = epoll_wait(multi->epoll_fd, events, EVENTS_AT_ONCE, 0);
    int running;
    multi->in_engine = true;
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        if (fd == multi->curl_timer_fd) {
            if (take_ring(fd))
                curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
            continue;
        }
        if (fd == multi->timer_fd) {
            take_ring(fd);
            continue;
        }
        int flags = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                    (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi->curl, fd, flags, &running);
    }
    multi->in_engine = false;
}

CURL *net_multi_take(struct net_multi *multi, CURLcode *result)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(multi->curl, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

void net_multi_wake_in(struct net_multi *multi, int64_t wait_ms)
{
    set_timer(multi->timer_fd, wait_ms);
}

/* ---- one handle -------------------------------------------------------------------------------------------------- */

bool net_easy_set_safe(CURL *easy, const char *schemes, int64_t connect_timeout_ms)
{
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes);
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* nor one from the environment */
    bad |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    bad |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A transfer that ends during its name lookup leaves the lookup's thread behind instead of waiting for it. */
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    return bad == CURLE_OK;
}

const char *net_easy_header(CURL *easy, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK || header->amount != 1)
        return NULL;
    return header->value;
}

int64_t net_easy_retry_after_ms(CURL *easy, const struct ry_clock *clock)
{
    const char *date = net_easy_header(easy, "Date");
    int64_t date_ms = date ? ry_http_date_ms(ry_str_of(date)) : -1;
    const char *retry_after = net_easy_header(easy, "Retry-After");
    if (!retry_after)
        return -1;
    return ry_retry_after_ms(ry_str_of(retry_after), date_ms >= 0 ? date_ms : ry_wall_ms(clock));
}

int net_easy_explain(CURLcode result, const char *host, struct ry_error *err)
{
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST: return ry_fail(err, RY_EAWAY, "the address of %s cannot be looked up", host);
    case CURLE_COULDNT_CONNECT: return ry_fail(err, RY_EAWAY, "%s cannot be connected to", host);
    case CURLE_OPERATION_TIMEDOUT: return ry_fail(err, RY_ETIMEOUT, "%s did not answer in time", host);
    case CURLE_PEER_FAILED_VERIFICATION:
        return ry_fail(err, RY_EACCES, "%s has a certificate that cannot be trusted", host);
    case CURLE_SSL_CONNECT_ERROR: return ry_fail(err, RY_EAWAY, "%s could not negotiate TLS", host);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return ry_fail(err, RY_EAWAY, "%s closed the connection during its answer", host);
    case CURLE_GOT_NOTHING: return ry_fail(err, RY_EAWAY, "%s closed the connection without an answer", host);
    case CURLE_OUT_OF_MEMORY: return ry_fail(err, RY_ENOMEM, "there is no memory for the request");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return ry_fail(err, RY_EINVAL, "%s does not answer in HTTP", host);
    default: return ry_fail(err, RY_EIO, "%s: %s", host, curl_easy_strerror(result));
    }
}
