/* http_transfer.c: one GET: its URL held against the list, its options, what curl tells of it, and how it ended.
 *
 * The order of one answer is: header lines (counted only), then at the first byte of the body, or at the end if there
 * is none, the head is read from curl and told; then the body. A redirect's head and body are nobody's: at its end the
 * new URL is held against the list like the first one and the same transfer starts again. */
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/net/address.h"
#include "runtime/net/http_private.h"

#define URL_MAX_BYTES      8192
#define HEADERS_MAX_BYTES  65536 /* of one answer */
#define UNWANTED_MAX_BYTES 65536 /* read of a body that nobody wants, to keep its connection */
#define USER_AGENT         "reelyard/" REELYARD_VERSION

/* ---- the URL ----------------------------------------------------------------------------------------------------- */

/* The parts of a URL that the list is about. Owned; free with url_parts_free. */
struct url_parts {
    char *scheme;
    char *host;
    char *port;
};

static void url_parts_free(struct url_parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
}

static bool url_parts_get(CURLU *url, struct url_parts *parts)
{
    return curl_url_get(url, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
           curl_url_get(url, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
           curl_url_get(url, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
}

/* Holds the parts against the list, and notes how far the host is trusted. */
static int admit_parts(struct ry_http_transfer *transfer, const struct url_parts *parts, struct ry_error *err)
{
    bool tls = strcmp(parts->scheme, "https") == 0;
    if (!tls && strcmp(parts->scheme, "http") != 0)
        return ry_fail(err, RY_EINVAL, "its URL begins with %.16s, and only https (and http) is fetched",
                       parts->scheme);
    uint64_t port = 0;
    if (!ry_str_u64(ry_str_of(parts->port), &port) || port == 0 || port > UINT16_MAX)
        return ry_fail(err, RY_EINVAL, "its URL has no usable port");
    bool usual = port == (tls ? RY_HTTPS_PORT : RY_HTTP_PORT);
    snprintf(transfer->host, sizeof transfer->host, usual ? "%s" : "%s:%u", parts->host, (unsigned)port);
    transfer->rank = ry_hosts_rank(&transfer->http->options.hosts, ry_str_of(parts->host), (uint16_t)port, tls);
    if (transfer->rank == RY_HOST_REFUSED)
        return ry_fail(err, RY_EACCES,
                       "%.200s (%s) is not among the allowed hosts; if it may be, add it to REELYARD_ALLOWED_HOSTS",
                       transfer->host, parts->scheme);
    return RY_OK;
}

/* Parses text and, if the list allows it, makes it the transfer's URL. */
static int set_url(struct ry_http_transfer *transfer, const char *text, struct ry_error *err)
{
    CURLU *url = curl_url();
    if (!url)
        return ry_fail(err, RY_ENOMEM, "there is no memory for the request");
    struct url_parts parts = {0};
    int code;
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_URLENCODE) != CURLUE_OK)
        code = ry_fail(err, RY_EINVAL, "its URL is malformed");
    else if (!url_parts_get(url, &parts))
        code = ry_fail(err, RY_EINVAL, "its URL names no host");
    else
        code = admit_parts(transfer, &parts, err);
    url_parts_free(&parts);
    if (code == RY_OK && curl_easy_setopt(transfer->easy, CURLOPT_CURLU, url) != CURLE_OK)
        code = ry_fail(err, RY_ENOMEM, "there is no memory for the request");
    if (code != RY_OK) {
        curl_url_cleanup(url);
        return code;
    }
    curl_url_cleanup(transfer->url);
    transfer->url = url;
    return RY_OK;
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static long status_of(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_redirect(CURL *easy)
{
    long status = status_of(easy);
    bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    return moved && net_easy_header(easy, "Location");
}

static void read_head(CURL *easy, const struct ry_clock *clock, struct ry_http_head *head)
{
    *head = (struct ry_http_head){.status = (unsigned)status_of(easy), .length = -1};
    curl_off_t length;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK)
        head->length = length;
    const char *range = net_easy_header(easy, "Content-Range");
    head->has_range = range && ry_content_range_parse(ry_str_of(range), &head->range);
    const char *etag = net_easy_header(easy, "ETag");
    if (etag && strlen(etag) <= RY_HTTP_ETAG_MAX)
        head->etag = ry_str_of(etag);
    head->retry_after_ms = net_easy_retry_after_ms(easy, clock);
    struct curl_header *encoding;
    if (curl_easy_header(easy, "Content-Encoding", 0, CURLH_HEADER, -1, &encoding) == CURLHE_OK)
        head->encoded = strcasecmp(encoding->value, "identity") != 0;
}

/* Tells the handler of the head, once. False: it, or what came, ends the transfer (error says so). */
static bool tell_head(struct ry_http_transfer *transfer)
{
    if (transfer->head_told)
        return true;
    transfer->head_told = true;
    struct ry_http_head head;
    read_head(transfer->easy, transfer->http->options.clock, &head);
    int verdict = transfer->handler->on_head(transfer->arg, &head, &transfer->error);
    transfer->body_ignored = verdict == 1;
    return verdict >= 0;
}

/* Whether a body that nobody wants is short enough to be read to its end. */
static bool is_worth_reading(const struct ry_http_transfer *transfer)
{
    curl_off_t length;
    if (curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK)
        return false;
    return length <= UNWANTED_MAX_BYTES && transfer->body_bytes <= UNWANTED_MAX_BYTES;
}

/* ---- curl's callbacks -------------------------------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct ry_http_transfer *transfer = arg;
    n *= size;
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
        transfer->header_bytes = 0; /* the answer behind an interim one (100, 103) */
    RY_ASSERT(transfer->magic == TRANSFER_MAGIC);
    transfer->header_bytes += n;
    if (transfer->header_bytes > HEADERS_MAX_BYTES) {
        ry_fail(&transfer->error, RY_EINVAL, "%s answered with more than %d bytes of headers", transfer->host,
                HEADERS_MAX_BYTES);
        return 0;
    }
    return n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct ry_http_transfer *transfer = arg;
    n *= size;
    RY_ASSERT(transfer->magic == TRANSFER_MAGIC);
    if (transfer->body_bytes == 0 && !transfer->redirecting)
        transfer->redirecting = is_redirect(transfer->easy);
    transfer->body_bytes += n;
    if (transfer->redirecting || (tell_head(transfer) && transfer->body_ignored)) {
        if (is_worth_reading(transfer))
            return n;
        if (transfer->redirecting)
            ry_fail(&transfer->error, RY_EINVAL, "%s redirects with more than %d bytes of text", transfer->host,
                    UNWANTED_MAX_BYTES);
        return 0;
    }
    if (transfer->error.code != RY_OK)
        return 0;
    if (transfer->body_bytes > transfer->body_max_bytes) {
        ry_fail(&transfer->error, RY_ELIMIT, "%s sent more than the %llu bytes allowed", transfer->host,
                (unsigned long long)transfer->body_max_bytes);
        return 0;
    }
    return transfer->handler->on_body(transfer->arg, bytes, n, &transfer->error) == 0 ? n : 0;
}

/* Where every connection begins: the address that the name led to is judged here, after the lookup and before a single
 * byte leaves. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct ry_http_transfer *transfer = arg;
    const char *what = ry_address_refusal(&address->addr, (socklen_t)address->addrlen);
    if (what && transfer->rank != RY_HOST_ADDED) {
        transfer->refused_address = what;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

static bool set_limits(CURL *easy, const struct ry_http_options *options)
{
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)options->low_speed_bytes);
    bad |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((options->low_speed_ms + 999) / 1000));
    return bad == CURLE_OK && net_easy_set_safe(easy, "http,https", options->connect_timeout_ms);
}

static bool set_callbacks(struct ry_http_transfer *transfer)
{
    CURL *easy = transfer->easy;
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    return bad == CURLE_OK;
}

static bool add_header(struct ry_http_transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static bool set_request(struct ry_http_transfer *transfer, const struct ry_http_get *get)
{
    CURL *easy = transfer->easy;
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    if (get->range_length > 0) {
        char range[48];
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)get->range_first,
                 (unsigned long long)(get->range_first + get->range_length - 1));
        bad |= curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
    bool added = add_header(transfer, "Accept-Encoding: identity");
    if (get->if_range.n > 0) {
        char line[RY_HTTP_ETAG_MAX + 16];
        snprintf(line, sizeof line, "If-Range: %.*s", RY_STR_ARG(get->if_range));
        added = added && add_header(transfer, line);
    }
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    return added && bad == CURLE_OK;
}

static int set_first_url(struct ry_http_transfer *transfer, struct ry_str url, struct ry_error *err)
{
    char text[URL_MAX_BYTES + 1];
    if (url.n > URL_MAX_BYTES || (url.n && memchr(url.p, '\0', url.n)))
        return ry_fail(err, RY_EINVAL, "its URL is malformed");
    snprintf(text, sizeof text, "%.*s", RY_STR_ARG(url));
    return set_url(transfer, text, err);
}

int http_transfer_new(struct ry_http_transfer **transfer, struct ry_http *http, const struct ry_http_get *get,
                      struct ry_error *err)
{
    *transfer = NULL;
    if (get->range_first > INT64_MAX || get->range_length > INT64_MAX - get->range_first)
        return ry_fail(err, RY_EINVAL, "its range lies beyond 2^63 bytes");
    struct ry_http_transfer *made = calloc(1, sizeof *made);
    if (!made)
        return ry_fail(err, RY_ENOMEM, "there is no memory for the request");
    *made = (struct ry_http_transfer){.magic = TRANSFER_MAGIC,
                                      .http = http,
                                      .handler = get->handler,
                                      .arg = get->arg,
                                      .body_max_bytes = get->body_max_bytes,
                                      .deadline_mono_ms = get->deadline_mono_ms,
                                      .easy = curl_easy_init()};
    int code;
    if (!made->easy || !set_limits(made->easy, &http->options) || !set_callbacks(made) || !set_request(made, get))
        code = ry_fail(err, RY_ENOMEM, "there is no memory for the request");
    else
        code = set_first_url(made, get->url, err);
    if (code != RY_OK) {
        http_transfer_free(made);
        return code;
    }
    *transfer = made;
    return RY_OK;
}

void http_transfer_free(struct ry_http_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_url_cleanup(transfer->url);
    curl_slist_free_all(transfer->headers);
    transfer->magic = 0;
    free(transfer);
}

/* ---- its end ----------------------------------------------------------------------------------------------------- */

static bool follow(struct ry_http_transfer *transfer)
{
    char *location = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &location);
    struct ry_error *err = &transfer->error;
    if (!location) {
        ry_fail(err, RY_EINVAL, "%s redirects to nowhere", transfer->host);
        return false;
    }
    if (++transfer->redirects > RY_HTTP_REDIRECTS_MAX) {
        ry_fail(err, RY_EINVAL, "%s redirects more than %d times", transfer->host, RY_HTTP_REDIRECTS_MAX);
        return false;
    }
    char from[RY_HOST_TEXT_MAX];
    memcpy(from, transfer->host, sizeof from);
    struct ry_error why;
    int code = set_url(transfer, location, &why);
    if (code != RY_OK) {
        ry_fail(err, (enum ry_err)code, "%.120s redirects elsewhere, but %s", from, why.text);
        return false;
    }
    transfer->body_bytes = 0;
    transfer->header_bytes = 0;
    transfer->redirecting = false;
    transfer->refused_address = NULL;
    return true;
}

static void explain_timeout(struct ry_http_transfer *transfer)
{
    const struct ry_http_options *options = &transfer->http->options;
    curl_off_t connected_us = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    if (connected_us == 0)
        ry_fail(&transfer->error, RY_ETIMEOUT, "%s did not answer within %g s", transfer->host,
                (double)options->connect_timeout_ms / 1000.0);
    else
        ry_fail(&transfer->error, RY_ETIMEOUT, "%s sent less than %lld bytes a second for %g s", transfer->host,
                (long long)options->low_speed_bytes, (double)options->low_speed_ms / 1000.0);
}

static void explain(struct ry_http_transfer *transfer, CURLcode result)
{
    if (result == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(transfer);
    else if (result == CURLE_COULDNT_CONNECT && transfer->refused_address)
        ry_fail(&transfer->error, RY_EACCES, "%s resolves to an address that is %s, which is not allowed",
                transfer->host, transfer->refused_address);
    else
        net_easy_explain(result, transfer->host, &transfer->error);
}

bool http_transfer_finished(struct ry_http_transfer *transfer, CURLcode result)
{
    if (transfer->error.code != RY_OK || transfer->body_ignored)
        return false;
    if (result != CURLE_OK) {
        explain(transfer, result);
        return false;
    }
    if (is_redirect(transfer->easy))
        return follow(transfer);
    tell_head(transfer);
    return false;
}
