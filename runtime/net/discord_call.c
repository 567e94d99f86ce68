/* discord_call.c: one call: its request, and what an answer says: to the caller, of limits, and whether to try again.
 *
 * A try ends here as one of three: an answer that ends the call (2xx, most 4xx), an answer that does not (429, 5xx), or
 * none (network, cut off, too large). What is put into words names Discord's host, its status and its own message, the
 * latter only if it does not hold the token and is plain text. */
#include <math.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/json/read.h"
#include "runtime/net/discord_private.h"

#define MESSAGE_MAX      160 /* bytes of Discord's message in an error */
#define ERROR_BODY_BYTES 65536
#define SECONDS_MAX      1000000000 /* a retry_after beyond is an answer gone wrong */

const char *discord_method_name(enum ry_discord_method method)
{
    static const char *const names[] = {"GET", "POST", "DELETE"};
    RY_ASSERT((size_t)method < sizeof names / sizeof *names, "method %d", (int)method);
    return names[method];
}

/* ---- reading limits ---------------------------------------------------------------------------------------------- */

/* Decimal seconds such as "1.25" as milliseconds, rounded up; -1: none, or malformed. */
static int64_t seconds_ms(const char *text)
{
    if (!text || *text < '0' || *text > '9')
        return -1;
    int64_t ms = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (ms > INT64_MAX / 100000)
            return -1;
        ms = ms * 10 + (*text - '0');
    }
    ms *= 1000;
    if (*text == '.') {
        int64_t unit = 100;
        bool rest = false;
        for (text++; *text >= '0' && *text <= '9'; text++) {
            ms += (*text - '0') * unit;
            rest = rest || (unit == 0 && *text != '0');
            unit /= 10;
        }
        ms += rest;
    }
    return *text ? -1 : ms;
}

static int64_t number_of(const char *text)
{
    uint64_t n;
    return text && ry_str_u64(ry_str_of(text), &n) && n <= INT32_MAX ? (int64_t)n : -1;
}

static void read_429(const struct ry_json *root, CURL *easy, struct ry_limit_answer *limits)
{
    double seconds = 0;
    if (ry_json_f64(ry_json_get(root, "retry_after"), &seconds) && isfinite(seconds) && seconds >= 0 &&
        seconds < SECONDS_MAX)
        limits->retry_after_ms = (int64_t)ceil(seconds * 1000);
    const char *scope = net_easy_header(easy, "X-RateLimit-Scope");
    const char *global = net_easy_header(easy, "X-RateLimit-Global");
    bool says_global = ry_json_true(ry_json_get(root, "global"));
    if (scope && strcmp(scope, "shared") == 0)
        limits->scope = RY_LIMIT_SHARED;
    else if ((scope && strcmp(scope, "global") == 0) || (global && strcmp(global, "true") == 0) || says_global)
        limits->scope = RY_LIMIT_GLOBAL;
    else if (!scope && !root)
        limits->scope = RY_LIMIT_GLOBAL; /* not Discord but what stands before it, and that counts the address */
}

static void read_limits(CURL *easy, struct ry_limit_answer *limits)
{
    const char *bucket = net_easy_header(easy, "X-RateLimit-Bucket");
    if (bucket && strlen(bucket) < sizeof limits->bucket)
        memcpy(limits->bucket, bucket, strlen(bucket) + 1);
    limits->limit = number_of(net_easy_header(easy, "X-RateLimit-Limit"));
    limits->remaining = number_of(net_easy_header(easy, "X-RateLimit-Remaining"));
    limits->resets_after_ms = seconds_ms(net_easy_header(easy, "X-RateLimit-Reset-After"));
    limits->resets_wall_ms = seconds_ms(net_easy_header(easy, "X-RateLimit-Reset"));
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/* Whether Discord's message may stand in an error. */
static bool is_plain(const struct ry_discord *discord, struct ry_str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
            return false;
    return memmem(text.p, text.n, discord->token, strlen(discord->token)) == NULL;
}

static void describe(struct ry_discord_call *call, enum ry_err code, unsigned status, const struct ry_json *root)
{
    int64_t number = 0;
    struct ry_str text = ry_json_cut(ry_json_get_str(root, "message"), MESSAGE_MAX);
    (void)ry_json_i64(ry_json_get(root, "code"), &number);
    const char *host = call->discord->host;
    if (text.n > 0 && is_plain(call->discord, text))
        ry_fail(&call->met, code, "%s answered %u: %.*s (code %lld)", host, status, RY_STR_ARG(text),
                (long long)number);
    else
        ry_fail(&call->met, code, "%s answered %u", host, status);
}

static void describe_429(struct ry_discord_call *call, const struct ry_limit_answer *limits)
{
    static const char *const scopes[] = {"of this bot", "global", "shared with others"};
    ry_fail(&call->met, RY_ETIMEOUT, "%s answered 429 (limit %s) and asked to wait %.1f s", call->discord->host,
            scopes[limits->scope], limits->retry_after_ms < 0 ? 0.0 : (double)limits->retry_after_ms / 1000);
}

static int64_t backoff_ms(struct ry_discord_call *call)
{
    RY_ASSERT(call->tries > 0);
    return ry_backoff_doubling_ms(call->discord->options.rng, RETRY_BASE_MS, RETRY_MAX_MS, call->tries - 1,
                                  RETRY_PERCENT);
}

/* The next try is not before the backoff, nor before what the answer asked for. */
static enum verdict again(struct ry_discord_call *call, int64_t asked_ms)
{
    int64_t wait_ms = backoff_ms(call);
    call->not_before_mono_ms =
        ry_mono_ms(call->discord->options.clock) + (asked_ms > wait_ms && asked_ms < INT32_MAX ? asked_ms : wait_ms);
    return VERDICT_AGAIN;
}

static enum ry_err code_of(unsigned status)
{
    switch (status) {
    case 401: return RY_ECONFIG;
    case 403: return RY_EACCES;
    case 404: return RY_ENOENT;
    default: return RY_EINVAL;
    }
}

enum verdict discord_call_judge(struct ry_discord_call *call, struct ry_limit_answer *limits)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    *limits = (struct ry_limit_answer){.status = (unsigned)status, .retry_after_ms = -1};
    read_limits(call->easy, limits);
    call->met = (struct ry_error){.code = RY_OK};
    if (status >= 200 && status < 300)
        return VERDICT_END;
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *root = NULL; /* NULL: the body is no JSON object */
    if (call->body.n <= ERROR_BODY_BYTES)
        (void)ry_json_parse_object(ry_buf_str(&call->body), &doc, &root, NULL);
    enum verdict verdict = VERDICT_END;
    if (status == 429) {
        limits->retry_after_ms = net_easy_retry_after_ms(call->easy, call->discord->options.clock);
        read_429(root, call->easy, limits);
        describe_429(call, limits);
        verdict = VERDICT_AGAIN; /* when, is for the limits to say */
        if (limits->retry_after_ms <= 0)
            again(call, 0);
    } else if (status >= 500) {
        describe(call, RY_EAWAY, limits->status, root);
        verdict = again(call, net_easy_retry_after_ms(call->easy, call->discord->options.clock));
    } else if (status == 401) {
        ry_fail(&call->met, RY_ECONFIG, "%s rejects the bot token (401); set BOT_TOKEN to the right one",
                call->discord->host);
    } else if (status < 400) {
        ry_fail(&call->met, RY_EINVAL, "%s answered %u with a redirect, which is not followed", call->discord->host,
                limits->status);
    } else {
        describe(call, code_of(limits->status), limits->status, root);
    }
    return verdict;
}

enum verdict discord_call_lost(struct ry_discord_call *call, CURLcode result)
{
    if (call->too_large) {
        ry_fail(&call->met, RY_ELIMIT, "%s answered with more than %llu bytes", call->discord->host,
                (unsigned long long)RY_DISCORD_BODY_MAX_BYTES);
        return VERDICT_END;
    }
    net_easy_explain(result, call->discord->host, &call->met);
    return again(call, 0);
}

/* ---- curl's callbacks -------------------------------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    (void)line;
    struct ry_discord_call *call = arg;
    n *= size;
    call->header_bytes += n;
    call->too_large = call->header_bytes > HEADER_MAX_BYTES;
    return call->too_large ? 0 : n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct ry_discord_call *call = arg;
    n *= size;
    RY_ASSERT(call->magic == CALL_MAGIC);
    int code = ry_buf_add(&call->body, bytes, n);
    call->too_large = code == RY_ELIMIT;
    return code == RY_OK ? n : 0;
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

static bool set_request(struct ry_discord_call *call, const char *url)
{
    struct ry_discord *discord = call->discord;
    CURL *easy = call->easy;
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "DiscordBot (https://reelyard.invalid, " REELYARD_VERSION ")");
    bad |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                            call->method == RY_DISCORD_POST ? discord->post_headers : discord->headers);
    if (call->method == RY_DISCORD_POST) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->json.n);
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, ry_buf_str(&call->json).p);
    } else if (call->method == RY_DISCORD_DELETE) {
        bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
    return bad == CURLE_OK;
}

/* A path that cannot lead away from the base. */
static bool is_path(const char *path)
{
    if (path[0] != '/' || strlen(path) > PATH_MAX_BYTES || strstr(path, "/.."))
        return false;
    for (const char *p = path; *p; p++)
        if (*p <= ' ' || *p == 0x7F || *p == '#' || *p == '\\')
            return false;
    return true;
}

static int fill(struct ry_discord_call *call, const struct ry_discord_ask *ask, struct ry_error *err)
{
    struct ry_discord *discord = call->discord;
    char url[BASE_MAX_BYTES + PATH_MAX_BYTES + 1];
    snprintf(url, sizeof url, "%s%s", discord->base, ask->path);
    call->easy = curl_easy_init();
    call->route = ry_limits_hold(discord->limits, discord_method_name(ask->method), ask->route,
                                 ry_mono_ms(discord->options.clock));
    bool good = call->easy && call->route && (ask->json.n == 0 || ry_buf_add_str(&call->json, ask->json) == RY_OK) &&
                net_easy_set_safe(call->easy, discord->scheme, discord->options.connect_timeout_ms) &&
                set_request(call, url);
    return good ? RY_OK : ry_fail(err, RY_ENOMEM, "there is no memory for a call of Discord");
}

int discord_call_new(struct ry_discord_call **call, struct ry_discord *discord, const struct ry_discord_ask *ask,
                     struct ry_error *err)
{
    *call = NULL;
    if (!is_path(ask->path) || ask->route[0] != '/')
        return ry_fail(err, RY_EINVAL, "the path of a call of Discord is malformed");
    if (ask->json.n > RY_DISCORD_BODY_MAX_BYTES)
        return ry_fail(err, RY_EINVAL, "the body of a call of Discord is larger than %llu bytes",
                       (unsigned long long)RY_DISCORD_BODY_MAX_BYTES);
    struct ry_discord_call *made = calloc(1, sizeof *made);
    if (!made)
        return ry_fail(err, RY_ENOMEM, "there is no memory for a call of Discord");
    *made = (struct ry_discord_call){.magic = CALL_MAGIC,
                                     .discord = discord,
                                     .method = ask->method,
                                     .json = ry_buf_make(RY_DISCORD_BODY_MAX_BYTES),
                                     .body = ry_buf_make(RY_DISCORD_BODY_MAX_BYTES),
                                     .deadline_mono_ms = ask->deadline_mono_ms,
                                     .on_end = ask->on_end,
                                     .arg = ask->arg};
    int code = fill(made, ask, err);
    if (code != RY_OK) {
        discord_call_free(made);
        return code;
    }
    *call = made;
    return RY_OK;
}

void discord_call_rewind(struct ry_discord_call *call)
{
    ry_buf_reset(&call->body);
    call->header_bytes = 0;
    call->too_large = false;
}

void discord_call_free(struct ry_discord_call *call)
{
    curl_easy_cleanup(call->easy);
    if (call->route)
        ry_limits_let_go(call->route);
    ry_buf_free(&call->json);
    ry_buf_free(&call->body);
    call->magic = 0;
    free(call);
}
