/* discord.c: the client: the queue of calls in the order in which they were asked, what may be sent, and deadlines.
 *
 * A call stays in the queue from start to end, whether it waits, is under way, or waits to be tried again, so that the
 * order is kept without any effort. Each time the descriptor rings, what curl finished is judged (discord_call.c), what
 * is past its time ends, and the queue is walked once for calls that their limits (discord_limits.c) let go.
 *
 * The token is kept in one header line and its copies in curl's lists, all wiped at the end. It is given to libcurl for
 * URLs that begin with the base alone, and no URL comes from an answer. A crash forgets what limits were learnt; they
 * are learnt again, one call of a route at a time. */
#include "runtime/net/discord.h"

#include <stdlib.h>
#include <strings.h>

#include "runtime/base/assert.h"
#include "runtime/net/discord_private.h"

static int64_t now_mono_ms(const struct ry_discord *discord)
{
    return ry_mono_ms(discord->options.clock);
}

/* ---- making and freeing ------------------------------------------------------------------------------------------ */

/* The base without its last slash, its scheme, and its host for people. */
static int take_base(struct ry_discord *discord, const char *base, struct ry_error *err)
{
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/')
        n--;
    discord->scheme = strncasecmp(base, "https://", 8) == 0  ? "https"
                      : strncasecmp(base, "http://", 7) == 0 ? "http"
                                                             : NULL;
    if (!discord->scheme || n >= sizeof discord->base)
        return ry_fail(err, RY_ECONFIG,
                       "the base of Discord's API is not a URL that begins with https:// (or http://)");
    snprintf(discord->base, sizeof discord->base, "%.*s", (int)n, base);
    CURLU *url = curl_url();
    char *host = NULL;
    char *port = NULL;
    char *rest = NULL;
    int code = RY_OK;
    if (!url || curl_url_set(url, CURLUPART_URL, discord->base, CURLU_DISALLOW_USER) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_QUERY, &rest, 0) == CURLUE_OK ||
        curl_url_get(url, CURLUPART_FRAGMENT, &rest, 0) == CURLUE_OK)
        code =
            ry_fail(err, RY_ECONFIG,
                    "the base of Discord's API is malformed; it has a host and a path, but no user, query or fragment");
    else if (curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK)
        snprintf(discord->host, sizeof discord->host, "%.255s:%.5s", host, port);
    else
        snprintf(discord->host, sizeof discord->host, "%.255s", host);
    curl_free(host);
    curl_free(port);
    curl_free(rest);
    curl_url_cleanup(url);
    return code;
}

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static int take_token(struct ry_discord *discord, const char *token, struct ry_error *err)
{
    static const char begins[] = "Authorization: Bot ";
    if (!token || !*token)
        return RY_OK; /* each call says so */
    for (const char *p = token; *p; p++)
        if (*p <= ' ' || *p >= 0x7F)
            return ry_fail(err, RY_ECONFIG,
                           "the bot token holds blanks or characters that no token has; set BOT_TOKEN");
    discord->authorization_bytes = sizeof begins + strlen(token);
    discord->authorization = malloc(discord->authorization_bytes);
    if (!discord->authorization)
        return ry_fail(err, RY_ENOMEM, "there is no memory for Discord's client");
    snprintf(discord->authorization, discord->authorization_bytes, "%s%s", begins, token);
    discord->token = discord->authorization + sizeof begins - 1;
    bool good = add_header(&discord->headers, discord->authorization) &&
                add_header(&discord->post_headers, discord->authorization) &&
                add_header(&discord->post_headers, "Content-Type: application/json");
    return good ? RY_OK : ry_fail(err, RY_ENOMEM, "there is no memory for Discord's client");
}

int ry_discord_new(struct ry_discord **discord, const struct ry_discord_options *options, struct ry_error *err)
{
    struct ry_discord *self = *discord = calloc(1, sizeof **discord);
    if (!self)
        return ry_fail(err, RY_ENOMEM, "there is no memory for Discord's client");
    self->magic = DISCORD_MAGIC;
    self->options = *options;
    self->options.base = NULL;
    self->options.token = NULL;
    int code = net_multi_open(&self->multi, CONNECTIONS_MAX, "Discord", err);
    if (code == RY_OK)
        code = take_base(self, options->base, err);
    if (code == RY_OK)
        code = take_token(self, options->token, err);
    if (code == RY_OK) {
        self->limits = ry_limits_new(options->invalid_max);
        if (!self->limits)
            code = ry_fail(err, RY_ENOMEM, "there is no memory for Discord's client");
    }
    if (code != RY_OK)
        ry_discord_free(discord);
    return code;
}

static void wipe_list(struct curl_slist *list)
{
    for (struct curl_slist *item = list; item; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(list);
}

static void take_out(struct ry_discord_call *call);

void ry_discord_free(struct ry_discord **discord)
{
    struct ry_discord *self = *discord;
    *discord = NULL;
    if (!self)
        return;
    RY_ASSERT(self->magic == DISCORD_MAGIC);
    while (self->first) {
        struct ry_discord_call *call = self->first;
        take_out(call);
        discord_call_free(call);
    }
    net_multi_close(&self->multi);
    wipe_list(self->headers);
    wipe_list(self->post_headers);
    if (self->authorization)
        explicit_bzero(self->authorization, self->authorization_bytes);
    free(self->authorization);
    ry_limits_free(&self->limits);
    self->magic = 0;
    free(self);
}

/* ---- the queue --------------------------------------------------------------------------------------------------- */

static void put_in(struct ry_discord *discord, struct ry_discord_call *call)
{
    call->prev = discord->last;
    if (discord->last)
        discord->last->next = call;
    else
        discord->first = call;
    discord->last = call;
    discord->calls++;
}

/* A try is over, or given up: curl lets go of it. The limits are told by the caller. */
static void end_try(struct ry_discord_call *call)
{
    struct ry_discord *discord = call->discord;
    long made = 0;
    if (curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK)
        discord->figures.connections += (uint64_t)made;
    RY_ASSERT(call->under_way && discord->under_way > 0, "%u under way", (unsigned)discord->under_way);
    net_multi_remove(&discord->multi, call->easy);
    call->under_way = false;
    discord->under_way--;
}

static void give_up_try(struct ry_discord_call *call)
{
    end_try(call);
    ry_limits_unanswered(call->discord->limits, call->route, now_mono_ms(call->discord));
}

/* Takes a call out of curl and of the queue. */
static void take_out(struct ry_discord_call *call)
{
    struct ry_discord *discord = call->discord;
    if (call->under_way)
        give_up_try(call);
    if (call->prev)
        call->prev->next = call->next;
    else
        discord->first = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        discord->last = call->prev;
    RY_ASSERT(discord->calls > 0 && (discord->calls == 1) == (discord->first == NULL), "%zu calls",
              (size_t)discord->calls);
    discord->calls--;
}

/* Takes a call away and tells its handler, last of all, so that the handler may start and cancel others. */
static void end_call(struct ry_discord_call *call, unsigned status, const struct ry_error *err)
{
    take_out(call);
    bool has_body = status != 0 && status != 204;
    call->on_end(call->arg, err->code, status, has_body ? ry_buf_str(&call->body) : (struct ry_str){0}, err);
    discord_call_free(call);
}

/* ---- ends of tries ----------------------------------------------------------------------------------------------- */

/* Whoever waits for a scan shall know why it stands still. A single bad answer or a short wait is everyday. */
static void tell_trouble(struct ry_discord_call *call, const struct ry_limit_answer *limits)
{
    unsigned suppressed = 0;
    if (call->tries < TROUBLE_TRIES && limits->retry_after_ms < TROUBLE_WAIT_MS)
        return;
    if (ry_log_allowed(&call->discord->trouble_log, 1, TROUBLE_LOG_MS, &suppressed))
        RY_LOG(RY_WARNING, "discord_waits", "reason=%s tries=%u held_back=%u", call->met.text, call->tries, suppressed);
}

static void finish_try(struct ry_discord_call *call, CURLcode result)
{
    struct ry_discord *discord = call->discord;
    struct ry_limit_answer limits = {0};
    enum verdict verdict;
    if (result == CURLE_OK) {
        verdict = discord_call_judge(call, &limits);
        end_try(call);
        ry_limits_answered(discord->limits, call->route, &limits, now_mono_ms(discord));
        discord->figures.limited += limits.status == 429;
    } else {
        verdict = discord_call_lost(call, result);
        give_up_try(call);
    }
    if (verdict == VERDICT_AGAIN) {
        discord->figures.retried++;
        tell_trouble(call, &limits);
        return;
    }
    struct ry_error met = call->met;
    end_call(call, limits.status, &met);
}

static void collect_finished(struct ry_discord *discord)
{
    CURLcode result;
    CURL *easy;
    while ((easy = net_multi_take(&discord->multi, &result))) {
        struct ry_discord_call *call = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
        RY_ASSERT(call != NULL && call->magic == CALL_MAGIC);
        finish_try(call, result);
    }
}

/* A call's time is over: says what it met, or what it waited for. */
static void end_late(struct ry_discord_call *call)
{
    struct ry_error err;
    struct ry_discord *discord = call->discord;
    const char *host = discord->host;
    enum ry_limit_reason reason;
    ry_limits_wait_ms(discord->limits, call->route, now_mono_ms(discord), &reason);
    if (call->under_way)
        ry_fail(&err, RY_ETIMEOUT, "%s did not answer within the time allowed", host);
    else if (call->met.code != RY_OK)
        ry_fail(&err, call->met.code == RY_ETIMEOUT ? RY_ETIMEOUT : RY_EAWAY,
                "%s; its time was over before another try (%u made)", call->met.text, call->tries);
    else
        ry_fail(&err, RY_ETIMEOUT, "it could not be sent to %s within the time allowed, because %s", host,
                ry_limit_reason_text(reason));
    end_call(call, 0, &err);
}

/* Ends one call or one try past its time; false: there is none. One at a time, because a handler may change the queue.
 */
static bool expire_one(struct ry_discord *discord)
{
    int64_t now = now_mono_ms(discord);
    for (struct ry_discord_call *call = discord->first; call; call = call->next) {
        if (call->deadline_mono_ms <= now) {
            end_late(call);
            return true;
        }
        if (call->under_way && call->try_deadline_mono_ms <= now) {
            discord_call_lost(call, CURLE_OPERATION_TIMEDOUT);
            give_up_try(call);
            discord->figures.retried++;
            return true;
        }
    }
    return false;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void send_call(struct ry_discord_call *call, int64_t now)
{
    struct ry_discord *discord = call->discord;
    RY_ASSERT(!call->under_way && call->not_before_mono_ms <= now, "try %u", call->tries + 1);
    discord_call_rewind(call);
    ry_limits_sent(discord->limits, call->route);
    call->tries++;
    call->under_way = true;
    discord->under_way++;
    discord->figures.requests++;
    call->try_deadline_mono_ms = now + discord->options.answer_timeout_ms;
    if (net_multi_add(&discord->multi, call->easy))
        return;
    discord_call_lost(call, CURLE_OUT_OF_MEMORY);
    give_up_try(call);
}

/* Whether no call can go while this one cannot. */
static bool is_for_all(enum ry_limit_reason reason)
{
    return reason == RY_LIMIT_ASKED_ALL || reason == RY_LIMIT_OWN_RATE || reason == RY_LIMIT_INVALID_MANY;
}

/* Sends what may go; returns when the next call may, by the clock alone. */
static int64_t send_due(struct ry_discord *discord)
{
    int64_t now = now_mono_ms(discord);
    int64_t due = INT64_MAX;
    for (struct ry_discord_call *call = discord->first; call && discord->under_way < UNDER_WAY_MAX; call = call->next) {
        if (call->under_way)
            continue;
        int64_t at = call->not_before_mono_ms;
        if (at <= now) {
            enum ry_limit_reason reason;
            int64_t wait_ms = ry_limits_wait_ms(discord->limits, call->route, now, &reason);
            if (wait_ms == 0) {
                send_call(call, now);
                continue;
            }
            at = wait_ms == INT64_MAX ? INT64_MAX : now + wait_ms;
            if (is_for_all(reason))
                return at < due ? at : due;
        }
        due = at < due ? at : due;
    }
    return due;
}

static void arm(struct ry_discord *discord, int64_t due)
{
    for (const struct ry_discord_call *call = discord->first; call; call = call->next) {
        due = call->deadline_mono_ms < due ? call->deadline_mono_ms : due;
        if (call->under_way && call->try_deadline_mono_ms < due)
            due = call->try_deadline_mono_ms;
    }
    int64_t wait_ms = due - now_mono_ms(discord);
    net_multi_wake_in(&discord->multi, due == INT64_MAX ? -1 : wait_ms < 0 ? 0 : wait_ms);
}

void ry_discord_ready(struct ry_discord *discord)
{
    net_multi_run(&discord->multi);
    collect_finished(discord);
    while (expire_one(discord))
        ;
    arm(discord, send_due(discord));
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

int ry_discord_fd(const struct ry_discord *discord)
{
    return discord->multi.epoll_fd;
}

int ry_discord_start(struct ry_discord *discord, const struct ry_discord_ask *ask, struct ry_discord_call **call,
                     struct ry_error *err)
{
    *call = NULL;
    if (!discord->authorization)
        return ry_fail(err, RY_ECONFIG, "there is no bot token to call Discord with; set BOT_TOKEN");
    int code = discord_call_new(call, discord, ask, err);
    if (code != RY_OK)
        return code;
    put_in(discord, *call);
    net_multi_wake_in(&discord->multi, 0); /* sending is ry_discord_ready's */
    return RY_OK;
}

void ry_discord_cancel(struct ry_discord_call **call)
{
    struct ry_discord_call *self = *call;
    *call = NULL;
    if (!self)
        return;
    RY_ASSERT(self->magic == CALL_MAGIC);
    struct ry_discord *discord = self->discord;
    take_out(self);
    discord_call_free(self);
    net_multi_wake_in(&discord->multi, 0); /* its place may be another's */
}

struct ry_discord_figures ry_discord_figures(const struct ry_discord *discord)
{
    struct ry_discord_figures figures = discord->figures;
    figures.invalid = ry_limits_invalid(discord->limits, now_mono_ms(discord));
    figures.waiting = discord->calls - discord->under_way;
    figures.buckets = ry_limits_buckets(discord->limits);
    return figures;
}
