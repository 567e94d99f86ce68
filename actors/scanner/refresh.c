/* refresh.c: fresh URLs for clips whose signed URLs have expired.
 *
 * One urls_refresh is one POST /attachments/refresh-urls, which bots may use though no document says so. Where Discord
 * will not have it, each message is read again and the attachment looked for by its id, which also tells what is gone.
 * Messages of threads have their channel's id in the archive; the URL tells the thread's. A fresh URL is signed whether
 * the file is there or not, so whoever must know asks to verify, and messages are read again at once.
 * Answers urls_refreshed, with an entry for each clip that was asked for; with an error when Discord cannot be reached
 * soon: whoever asks will ask again. */
#include "actors/scanner/refresh.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/scanner/clip_file.h"
#include "actors/scanner/scanner_internal.h"
#include "runtime/json/read.h"
#include "runtime/json/writer.h"

#define URLS_MAX    50
#define PATIENCE_MS 30000
#define BODY_BYTES  ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)2 << 20)

struct refresh {
    LIST_ENTRY(refresh) link;
    struct scanner *scanner;
    struct ry_mail *mail; /* the urls_refresh, kept */
    struct ry_discord_call *call;
    struct ry_arena arena;
    struct ry_url_fresh fresh[URLS_MAX];
    size_t next;    /* reading messages again: the clip whose turn it is */
    bool elsewhere; /* in the channel that its URL names, for its row's channel does not have the message */
};

static const struct ry_urls_refresh *order(const struct refresh *refresh)
{
    return RY_BODY(refresh->mail, urls_refresh);
}

static void refresh_free(struct refresh *refresh)
{
    LIST_REMOVE(refresh, link);
    ry_discord_cancel(&refresh->call);
    ry_arena_free(&refresh->arena);
    free(refresh);
}

void refresh_end_all(struct scanner *self)
{
    while (!LIST_EMPTY(&self->refreshes))
        refresh_free(LIST_FIRST(&self->refreshes));
}

/* Answers and ends. error: absent when the entries say all. */
static void refresh_end(struct refresh *refresh, struct ry_str error)
{
    struct ry_ctx *ctx = refresh->scanner->ctx;
    struct ry_urls_refreshed refreshed = {.error = error};
    if (error.p == NULL) {
        refreshed.urls.items = refresh->fresh;
        refreshed.urls.n = order(refresh)->urls.n;
    }
    RY_ANSWER(ctx, refresh->mail, urls_refreshed, &refreshed);
    ry_mail_done(ctx, refresh->mail);
    refresh_free(refresh);
}

static int refresh_call(struct refresh *refresh, enum ry_discord_method method, const char *route, const char *path,
                        struct ry_str json, ry_discord_on_end *on_end)
{
    struct scanner *self = refresh->scanner;
    struct ry_error why;
    struct ry_discord_ask ask = {.method = method,
                                 .route = route,
                                 .path = path,
                                 .json = json,
                                 .deadline_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx)) + PATIENCE_MS,
                                 .on_end = on_end,
                                 .arg = refresh};
    int rc = ry_discord_start(self->discord, &ask, &refresh->call, &why);
    if (rc != RY_OK)
        refresh_end(refresh, ry_str_of(why.text));
    return rc;
}

static void set_fresh(struct refresh *refresh, size_t i, struct ry_str url)
{
    struct ry_url_fresh *fresh = &refresh->fresh[i];
    fresh->url = url.n > 0 && url.n <= 8192 ? ry_arena_str(&refresh->arena, url) : (struct ry_str){0};
    fresh->expires_wall_ms = clip_url_expires_wall_ms(url, ry_wall_ms(ry_ctx_clock(refresh->scanner->ctx)));
    fresh->reason = fresh->url.p != NULL ? (struct ry_str){0} : RY_STR("Discord gave no fresh URL");
}

/* ---- message by message ------------------------------------------------------------------------------------------ */

/* What a URL of the form scheme://host/attachments/CHANNEL/ATTACHMENT/NAME?... names; absent: it is none. The channel
 * is where the file was posted, which may be a thread. */
struct place {
    struct ry_str channel, attachment;
};

static struct place place_of(struct ry_str url)
{
    static const char MARK[] = "/attachments/";
    const char *at = memmem(url.p, url.n, MARK, sizeof MARK - 1);
    const char *end = url.p + url.n;
    if (at == NULL)
        return (struct place){0};
    at += sizeof MARK - 1;
    const char *slash = memchr(at, '/', (size_t)(end - at));
    const char *close = slash != NULL ? memchr(slash + 1, '/', (size_t)(end - slash - 1)) : NULL;
    if (close == NULL)
        return (struct place){0};
    return (struct place){.channel = {at, (size_t)(slash - at)},
                          .attachment = {slash + 1, (size_t)(close - slash - 1)}};
}

/* Whether the message may still stand in another channel than its row says: in a thread of it. */
static bool may_be_elsewhere(const struct refresh *refresh)
{
    const struct ry_url_ref *ref = &order(refresh)->urls.items[refresh->next];
    struct ry_str channel = place_of(ref->url).channel;
    return !refresh->elsewhere && ry_str_is_snowflake(channel) && !ry_str_eq(channel, ref->channel_id);
}

/* The URL of an attachment among a message's own. */
static struct ry_str find_own(const struct ry_json *message, struct ry_str id)
{
    const struct ry_json *list = NULL;
    if (!ry_json_is(message, RY_JSON_OBJECT) ||
        ry_json_read_array(message, "", "attachments", false, &list, NULL) != RY_OK || list == NULL)
        return (struct ry_str){0};
    const struct ry_json *item = NULL;
    struct ry_json_walk walk = ry_json_walk(list);
    while (ry_json_next(&walk, &item)) {
        struct ry_str found = {0};
        struct ry_str url = {0};
        if (ry_json_is(item, RY_JSON_OBJECT) && ry_json_read_id(item, "", "id", true, &found, NULL) == RY_OK &&
            ry_str_eq(found, id) && ry_json_read_str(item, "", "url", true, &url, NULL) == RY_OK)
            return url;
    }
    return (struct ry_str){0};
}

/* The same among its own and those of the messages that it forwards. */
static struct ry_str find_attachment(const struct ry_json *message, struct ry_str id)
{
    struct ry_str url = find_own(message, id);
    const struct ry_json *snapshot = NULL;
    const struct ry_json *list = ry_json_get(message, "message_snapshots");
    struct ry_json_walk walk = ry_json_walk(ry_json_is(list, RY_JSON_ARRAY) ? list : NULL);
    while (url.p == NULL && ry_json_next(&walk, &snapshot))
        url = find_own(ry_json_get(snapshot, "message"), id);
    return url;
}

static void read_next(struct refresh *refresh);

static void scanner_on_message_again(void *arg, int code, unsigned status, struct ry_str body,
                                     const struct ry_error *err)
{
    (void)status;
    struct refresh *refresh = arg;
    size_t i = refresh->next;
    struct ry_url_fresh *fresh = &refresh->fresh[i];
    refresh->call = NULL;
    if (code == RY_OK) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_str url = {0};
        struct ry_str attachment = place_of(order(refresh)->urls.items[i].url).attachment;
        if (ry_json_parse(body, &doc, NULL) == RY_OK)
            url = find_attachment(ry_json_root(doc), attachment);
        if (url.p != NULL)
            set_fresh(refresh, i, url);
        else if (attachment.p == NULL)
            fresh->reason = RY_STR("the URL names no attachment of Discord");
        else
            fresh->gone = ry_json_root(doc) != NULL;
    } else if (code == RY_ENOENT && may_be_elsewhere(refresh)) {
        refresh->elsewhere = true;
        read_next(refresh);
        return;
    } else if (code == RY_ENOENT) {
        fresh->gone = true;
    } else if (ry_err_class((enum ry_err)code) == RY_CLASS_REJECT) {
        fresh->reason = ry_arena_str(&refresh->arena, ry_str_of(err->text));
    } else {
        refresh_end(refresh, ry_str_of(err->text));
        return;
    }
    refresh->next++;
    refresh->elsewhere = false;
    read_next(refresh);
}

static void read_next(struct refresh *refresh)
{
    if (refresh->next == order(refresh)->urls.n) {
        refresh_end(refresh, (struct ry_str){0});
        return;
    }
    const struct ry_url_ref *ref = &order(refresh)->urls.items[refresh->next];
    struct ry_str channel = refresh->elsewhere ? place_of(ref->url).channel : ref->channel_id;
    char route[80];
    char path[96];
    (void)snprintf(route, sizeof route, "/channels/%.*s/messages/:id", RY_STR_ARG(channel));
    (void)snprintf(path, sizeof path, "/channels/%.*s/messages/%.*s", RY_STR_ARG(channel), RY_STR_ARG(ref->message_id));
    (void)refresh_call(refresh, RY_DISCORD_GET, route, path, (struct ry_str){0}, scanner_on_message_again);
}

/* ---- all at once ------------------------------------------------------------------------------------------------- */

static bool take_refreshed(struct refresh *refresh, struct ry_str body)
{
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *root = NULL;
    const struct ry_json *list = NULL;
    const struct ry_json *item = NULL;
    bool good = ry_json_parse_object(body, &doc, &root, NULL) == RY_OK &&
                ry_json_read_array(root, "", "refreshed_urls", true, &list, NULL) == RY_OK;
    struct ry_json_walk walk = ry_json_walk(list);
    while (good && ry_json_next(&walk, &item)) {
        struct ry_str original = {0};
        struct ry_str url = {0};
        if (!ry_json_is(item, RY_JSON_OBJECT) ||
            ry_json_read_str(item, "", "original", true, &original, NULL) != RY_OK ||
            ry_json_read_str(item, "", "refreshed", false, &url, NULL) != RY_OK)
            continue;
        for (size_t i = 0; i < order(refresh)->urls.n; i++)
            if (ry_str_eq(order(refresh)->urls.items[i].url, original))
                set_fresh(refresh, i, url);
    }
    return good;
}

static void scanner_on_refreshed(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    struct refresh *refresh = arg;
    refresh->call = NULL;
    if (code == RY_OK && take_refreshed(refresh, body)) {
        refresh_end(refresh, (struct ry_str){0});
        return;
    }
    if (code != RY_OK && ry_err_class((enum ry_err)code) != RY_CLASS_REJECT) {
        refresh_end(refresh, ry_str_of(err->text));
        return;
    }
    read_next(refresh);
}

static struct ry_str request_json(struct refresh *refresh)
{
    RY_BUF_AUTO text = ry_buf_make(BODY_BYTES);
    struct ry_json_writer json = ry_json_writer(&text, false);
    ry_json_put_object(&json, NULL);
    ry_json_put_array(&json, "attachment_urls");
    for (size_t i = 0; i < order(refresh)->urls.n; i++)
        ry_json_put_str(&json, NULL, order(refresh)->urls.items[i].url);
    ry_json_put_end(&json);
    ry_json_put_end(&json);
    return text.failed ? (struct ry_str){0} : ry_arena_str(&refresh->arena, ry_buf_str(&text));
}

void refresh_begin(struct scanner *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);
    if (refresh == NULL) {
        RY_ANSWER(ctx, mail, urls_refreshed, &(struct ry_urls_refreshed){.error = RY_STR("no memory to refresh URLs")});
        return;
    }
    refresh->scanner = self;
    refresh->mail = mail;
    refresh->arena = ry_arena_make(ARENA_BYTES);
    ry_mail_keep(ctx, mail);
    LIST_INSERT_HEAD(&self->refreshes, refresh, link);
    for (size_t i = 0; i < order(refresh)->urls.n; i++)
        refresh->fresh[i] = (struct ry_url_fresh){.clip_id = order(refresh)->urls.items[i].clip_id,
                                                  .reason = RY_STR("Discord gave no fresh URL")};
    if (order(refresh)->verify) {
        read_next(refresh);
        return;
    }
    struct ry_str json = request_json(refresh);
    if (json.p == NULL) {
        refresh_end(refresh, RY_STR("no memory to refresh URLs"));
        return;
    }
    (void)refresh_call(refresh, RY_DISCORD_POST, "/attachments/refresh-urls", "/attachments/refresh-urls", json,
                       scanner_on_refreshed);
}
