/* http.c: the client. It owns curl's multi handle, the epoll descriptor in which curl's sockets and two timers live,
 * and the list of transfers with their deadlines.
 *
 * curl says which sockets to watch (on_socket) and when to be called next (on_timer). Deadlines are ours, on a timer of
 * their own: curl's count from the wrong moment when a transfer waits for a connection, and curl cannot be given a
 * clock.
 *
 * A crash loses what was under way and nothing else; connections are the kernel's to close. */
#include "runtime/net/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/net/http_private.h"

#define EVENTS_AT_ONCE 64

static int64_t now_mono_ms(const struct ry_http *http)
{
    return ry_mono_ms(http->options.clock);
}

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
    struct ry_http *http = arg;
    if (what == CURL_POLL_REMOVE) {
        /* The socket may be closed already; then it has left the set by itself. */
        epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd};
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(http->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return -1; /* curl then fails its transfers */
    curl_multi_assign(http->multi, fd, http);
    return 0;
}

/* Rings once in wait_ms; -1 disarms. A timer descriptor of our own cannot fail. */
static void set_timer(int timer_fd, int64_t wait_ms)
{
    struct itimerspec spec = {0};
    if (wait_ms > 0) {
        spec.it_value.tv_sec = wait_ms / 1000;
        spec.it_value.tv_nsec = wait_ms % 1000 * 1000000;
    } else if (wait_ms == 0) {
        spec.it_value.tv_nsec = 1; /* 0 would disarm it */
    }
    if (timerfd_settime(timer_fd, 0, &spec, NULL) != 0)
        abort();
}

/* Empties a timer descriptor; whether it had rung. */
static bool take_ring(int timer_fd)
{
    uint64_t rings;
    return read(timer_fd, &rings, sizeof rings) == sizeof rings;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct ry_http *http = arg;
    set_timer(http->curl_timer_fd, timeout_ms);
    return 0;
}

/* Arms the timer for the next deadline. With a clock that a test holds still it may ring early; then nothing is due and
 * it is armed again. */
static void arm_deadline(struct ry_http *http)
{
    int64_t due = INT64_MAX;
    for (const struct ry_http_transfer *t = http->transfers; t; t = t->next)
        if (t->deadline_mono_ms < due)
            due = t->deadline_mono_ms;
    int64_t wait_ms = due - now_mono_ms(http);
    set_timer(http->deadline_timer_fd, due == INT64_MAX ? -1 : wait_ms < 0 ? 0 : wait_ms);
}

/* ---- transfers --------------------------------------------------------------------------------------------------- */

static void link_transfer(struct ry_http *http, struct ry_http_transfer *transfer)
{
    transfer->next = http->transfers;
    if (http->transfers)
        http->transfers->prev = transfer;
    http->transfers = transfer;
    http->transfer_count++;
}

/* Takes a transfer out of curl and of the list. */
static void unlink_transfer(struct ry_http *http, struct ry_http_transfer *transfer)
{
    curl_multi_remove_handle(http->multi, transfer->easy);
    if (transfer->next)
        transfer->next->prev = transfer->prev;
    if (transfer->prev)
        transfer->prev->next = transfer->next;
    else
        http->transfers = transfer->next;
    http->transfer_count--;
}

/* Takes a transfer away and tells its handler, last of all, so that the handler may start and cancel others. */
static void end_transfer(struct ry_http *http, struct ry_http_transfer *transfer)
{
    unlink_transfer(http, transfer);
    const struct ry_http_handler *handler = transfer->handler;
    void *arg = transfer->arg;
    struct ry_error error = transfer->error;
    http_transfer_free(transfer);
    handler->on_end(arg, error.code, &error);
}

static bool add_to_curl(struct ry_http *http, struct ry_http_transfer *transfer)
{
    return curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK;
}

static void collect_finished(struct ry_http *http)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        struct ry_http_transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        if (!transfer || transfer->magic != TRANSFER_MAGIC)
            abort();
        if (http_transfer_finished(transfer, result)) {
            curl_multi_remove_handle(http->multi, transfer->easy);
            if (add_to_curl(http, transfer))
                continue;
            ry_fail(&transfer->error, RY_ENOMEM, "there is no memory for the request");
        }
        end_transfer(http, transfer);
    }
}

/* Ends one transfer past its deadline; false: there is none. One at a time, because a handler may change the list. */
static bool expire_one(struct ry_http *http)
{
    int64_t now = now_mono_ms(http);
    for (struct ry_http_transfer *t = http->transfers; t; t = t->next) {
        if (t->deadline_mono_ms > now)
            continue;
        ry_fail(&t->error, RY_ETIMEOUT, "%s did not send it within the time allowed", t->host);
        end_transfer(http, t);
        return true;
    }
    return false;
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

static int open_timer(struct ry_http *http)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= 0 && epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool open_descriptors(struct ry_http *http)
{
    http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (http->epoll_fd < 0)
        return false;
    http->curl_timer_fd = open_timer(http);
    http->deadline_timer_fd = open_timer(http);
    return http->curl_timer_fd >= 0 && http->deadline_timer_fd >= 0;
}

static bool open_multi(struct ry_http *http)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    http->multi = curl_multi_init();
    if (!http->multi)
        return false;
    CURLMcode bad = CURLM_OK;
    bad |= curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    bad |= curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    bad |= curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    bad |= curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    bad |= curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    bad |= curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)http->options.connections_max);
    return bad == CURLM_OK;
}

int ry_http_new(struct ry_http **http, const struct ry_http_options *options, struct ry_error *err)
{
    *http = calloc(1, sizeof **http);
    if (!*http)
        return ry_fail(err, RY_ENOMEM, "there is no memory for the HTTP client");
    **http = (struct ry_http){
        .magic = HTTP_MAGIC, .options = *options, .epoll_fd = -1, .curl_timer_fd = -1, .deadline_timer_fd = -1};
    if (!open_descriptors(*http)) {
        int code = ry_fail(err, RY_EIO, "the HTTP client cannot open its descriptors: %m");
        ry_http_free(http);
        return code;
    }
    if (!open_multi(*http)) {
        ry_http_free(http);
        return ry_fail(err, RY_ENOMEM, "the HTTP client cannot start libcurl %s", curl_version());
    }
    return RY_OK;
}

void ry_http_free(struct ry_http **http)
{
    struct ry_http *self = *http;
    *http = NULL;
    if (!self)
        return;
    if (self->magic != HTTP_MAGIC)
        abort();
    while (self->transfers) {
        struct ry_http_transfer *transfer = self->transfers;
        unlink_transfer(self, transfer);
        http_transfer_free(transfer);
    }
    if (self->multi)
        curl_multi_cleanup(self->multi);
    if (self->curl_timer_fd >= 0)
        close(self->curl_timer_fd);
    if (self->deadline_timer_fd >= 0)
        close(self->deadline_timer_fd);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    self->magic = 0;
    free(self);
}

int ry_http_fd(const struct ry_http *http)
{
    return http->epoll_fd;
}

size_t ry_http_active(const struct ry_http *http)
{
    return http->transfer_count;
}

/* Feeds curl with what its sockets and its timer have; its callbacks run in here. */
static void run_curl(struct ry_http *http)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int n = epoll_wait(http->epoll_fd, events, EVENTS_AT_ONCE, 0);
    int running;
    http->in_engine = true;
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        if (fd == http->curl_timer_fd) {
            if (take_ring(fd))
                curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
            continue;
        }
        if (fd == http->deadline_timer_fd) {
            take_ring(fd);
            continue;
        }
        int flags = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                    (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(http->multi, fd, flags, &running);
    }
    http->in_engine = false;
}

void ry_http_ready(struct ry_http *http)
{
    if (http->in_engine)
        abort();
    run_curl(http);
    collect_finished(http);
    while (expire_one(http))
        ;
    arm_deadline(http);
}

int ry_http_start(struct ry_http *http, const struct ry_http_get *get, struct ry_http_transfer **transfer,
                  struct ry_error *err)
{
    if (http->in_engine)
        abort();
    int code = http_transfer_new(transfer, http, get, err);
    if (code != RY_OK)
        return code;
    if (!add_to_curl(http, *transfer)) {
        http_transfer_free(*transfer);
        *transfer = NULL;
        return ry_fail(err, RY_ENOMEM, "there is no memory for the request");
    }
    link_transfer(http, *transfer);
    arm_deadline(http);
    return RY_OK;
}

void ry_http_cancel(struct ry_http_transfer **transfer)
{
    struct ry_http_transfer *self = *transfer;
    *transfer = NULL;
    if (!self)
        return;
    struct ry_http *http = self->http;
    if (self->magic != TRANSFER_MAGIC || http->in_engine)
        abort();
    unlink_transfer(http, self);
    http_transfer_free(self);
    arm_deadline(http);
}
