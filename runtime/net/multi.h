/* multi.h: one curl multi handle as one descriptor: the plumbing that the clients of this folder share.
 *
 * curl says which sockets to watch and when to be called next; both live in one epoll descriptor, together with a timer
 * that belongs to the client (deadlines, waits). The client embeds the struct, adds its easy handles, and when the
 * descriptor is readable calls net_multi_run and then net_multi_take until it returns NULL.
 *
 * All from one thread; nothing blocks. Only for runtime/net. */
#ifndef REELYARD_RUNTIME_NET_MULTI_H
#define REELYARD_RUNTIME_NET_MULTI_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"

struct net_multi {
    CURLM *curl;
    int epoll_fd;
    int curl_timer_fd; /* when curl wants to be called */
    int timer_fd;      /* when the client wants to be called */
    bool in_engine;    /* inside a curl callback: the client may not be called */
};

/* connections_max: per host; further transfers wait. whose: "HTTP" or so, for error texts. On error nothing is open. */
int net_multi_open(struct net_multi *multi, unsigned connections_max, const char *whose, struct ry_error *err);

/* Changes connections_max (> 0) for handles that need a new connection from now on. */
void net_multi_limit(const struct net_multi *multi, unsigned connections_max);

/* For one that was opened, or is all zero. Every handle must have been removed. */
void net_multi_close(struct net_multi *multi);

bool net_multi_add(struct net_multi *multi, CURL *easy);
void net_multi_remove(struct net_multi *multi, CURL *easy);

/* Feeds curl with what its sockets and its timer have; its callbacks run in here. */
void net_multi_run(struct net_multi *multi);

/* The next handle that curl is through with, still added, and its result; NULL: none. */
CURL *net_multi_take(struct net_multi *multi, CURLcode *result);

/* Makes the descriptor readable in wait_ms; < 0: not by itself. Replaces the wake-up before. */
void net_multi_wake_in(struct net_multi *multi, int64_t wait_ms);

/* Sets what is the same for everything fetched: TLS 1.2 and its checks, HTTP/2 over TLS, no redirects, no proxy, no
 * .netrc, no signals. schemes: "http,https". False: no memory. */
bool net_easy_set_safe(CURL *easy, const char *schemes, int64_t connect_timeout_ms);

/* The value of a header that came exactly once in the last answer, valid until the next one; else NULL. */
const char *net_easy_header(CURL *easy, const char *name);

/* How long the last answer asks to wait (ry_retry_after_ms); -1: it does not say. A date counts from the answer's own
 * Date, else from the clock. */
int64_t net_easy_retry_after_ms(CURL *easy, const struct ry_clock *clock);

/* Puts a result other than CURLE_OK into words; host is whom it was about. */
int net_easy_explain(CURLcode result, const char *host, struct ry_error *err);

#endif
