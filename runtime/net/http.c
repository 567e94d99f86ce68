/* http.c: the client. It owns the list of transfers with their deadlines; sockets and timers are multi.c's.
 *
 * Deadlines are ours, on a timer of our own: curl's count from the wrong moment when a transfer waits for a connection,
 * and curl cannot be given a clock.
 *
 * A crash loses what was under way and nothing else; connections are the kernel's to close. */
#include "runtime/net/http.h"

#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/net/http_private.h"

static int64_t now_mono_ms(const struct ry_http *http)
{
    return ry_mono_ms(http->options.clock);
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
    net_multi_wake_in(&http->multi, due == INT64_MAX ? -1 : wait_ms < 0 ? 0 : wait_ms);
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
    net_multi_remove(&http->multi, transfer->easy);
    if (transfer->next)
        transfer->next->prev = transfer->prev;
    if (transfer->prev)
        transfer->prev->next = transfer->next;
    else
        http->transfers = transfer->next;
    RY_ASSERT(http->transfer_count > 0 && (http->transfer_count == 1) == (http->transfers == NULL), "%zu transfers",
              (size_t)http->transfer_count);
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

static void collect_finished(struct ry_http *http)
{
    CURLcode result;
    CURL *easy;
    while ((easy = net_multi_take(&http->multi, &result))) {
        struct ry_http_transfer *transfer = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        RY_ASSERT(transfer != NULL && transfer->magic == TRANSFER_MAGIC);
        if (http_transfer_finished(transfer, result)) {
            net_multi_remove(&http->multi, transfer->easy);
            if (net_multi_add(&http->multi, transfer->easy))
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

int ry_http_new(struct ry_http **http, const struct ry_http_options *options, struct ry_error *err)
{
    *http = calloc(1, sizeof **http);
    if (!*http)
        return ry_fail(err, RY_ENOMEM, "there is no memory for the HTTP client");
    **http = (struct ry_http){.magic = HTTP_MAGIC, .options = *options};
    int code = net_multi_open(&(*http)->multi, options->connections_max, "HTTP", err);
    if (code != RY_OK)
        ry_http_free(http);
    return code;
}

void ry_http_limit(struct ry_http *http, unsigned connections_max)
{
    if (connections_max == http->options.connections_max)
        return;
    http->options.connections_max = connections_max;
    net_multi_limit(&http->multi, connections_max);
}

void ry_http_free(struct ry_http **http)
{
    struct ry_http *self = *http;
    *http = NULL;
    if (!self)
        return;
    RY_ASSERT(self->magic == HTTP_MAGIC);
    while (self->transfers) {
        struct ry_http_transfer *transfer = self->transfers;
        unlink_transfer(self, transfer);
        http_transfer_free(transfer);
    }
    net_multi_close(&self->multi);
    self->magic = 0;
    free(self);
}

int ry_http_fd(const struct ry_http *http)
{
    return http->multi.epoll_fd;
}

size_t ry_http_active(const struct ry_http *http)
{
    return http->transfer_count;
}

void ry_http_ready(struct ry_http *http)
{
    net_multi_run(&http->multi);
    collect_finished(http);
    while (expire_one(http))
        ;
    arm_deadline(http);
}

int ry_http_start(struct ry_http *http, const struct ry_http_get *get, struct ry_http_transfer **transfer,
                  struct ry_error *err)
{
    RY_ASSERT(!http->multi.in_engine, "called from a callback of libcurl");
    int code = http_transfer_new(transfer, http, get, err);
    if (code != RY_OK)
        return code;
    if (!net_multi_add(&http->multi, (*transfer)->easy)) {
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
    RY_ASSERT(self->magic == TRANSFER_MAGIC);
    RY_ASSERT(!http->multi.in_engine, "called from a callback of libcurl");
    unlink_transfer(http, self);
    http_transfer_free(self);
    arm_deadline(http);
}
