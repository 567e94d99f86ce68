/* http_private.h: what http.c (the client: list of transfers, deadlines) and http_transfer.c (one GET) know
 * of each other. */
#ifndef REELYARD_RUNTIME_NET_HTTP_PRIVATE_H
#define REELYARD_RUNTIME_NET_HTTP_PRIVATE_H

#include "runtime/net/http.h"
#include "runtime/net/multi.h"

#define HTTP_MAGIC     0x68747470u
#define TRANSFER_MAGIC 0x67657473u

struct ry_http {
    unsigned magic;
    struct ry_http_options options;
    struct net_multi multi;
    struct ry_http_transfer *transfers; /* doubly linked */
    size_t transfer_count;
};

struct ry_http_transfer {
    unsigned magic;
    struct ry_http *http;
    struct ry_http_transfer *next;
    struct ry_http_transfer *prev;
    const struct ry_http_handler *handler;
    void *arg;
    CURL *easy;
    CURLU *url;
    struct curl_slist *headers;
    enum ry_host_rank rank;      /* of the URL's host */
    char host[RY_HOST_TEXT_MAX]; /* host, and the port if it is not the scheme's own; for people */
    uint64_t body_max_bytes;
    uint64_t body_bytes; /* of this answer */
    size_t header_bytes; /* of this answer */
    int64_t deadline_mono_ms;
    unsigned redirects;
    const char *refused_address; /* what its host's address was, if it may not be connected to */
    bool head_told;
    bool body_ignored;
    bool redirecting;      /* this answer leads elsewhere; its body is nobody's */
    struct ry_error error; /* what a callback decided; code RY_OK: nothing */
};

/* Makes a transfer that is not started; on error *transfer is NULL. */
int http_transfer_new(struct ry_http_transfer **transfer, struct ry_http *http, const struct ry_http_get *get,
                      struct ry_error *err);
void http_transfer_free(struct ry_http_transfer *transfer);

/* curl is through with it. True: it is to be started again (a redirect); else error tells how it ended. */
bool http_transfer_finished(struct ry_http_transfer *transfer, CURLcode result);

#endif
