/* refresher.c: ask the scanner for fresh URLs, have them recorded, hand the clips back.
 *
 * The clips go on as soon as the URLs are there: that a row still has its old URL costs another refresh one day and
 * nothing else, so nobody waits for the writer. A clip that is gone, or whose URL Discord would not renew, comes back
 * with the reason. */
#include "actors/scheduler/refresher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

#define URLS_MAX     50    /* of one request to Discord */
#define EARLY_MS     60000 /* a URL that ends this soon may end under a download */
#define CLIP_BYTES   32768
#define REASON_BYTES 400
#define GONE         "the message or its attachment was deleted on Discord"

static const struct ry_send in_background = {.priority = RY_PRIORITY_RETRY};

void refresher_open(struct refresher *refresher, refresher_on_end *on_end, void *arg)
{
    *refresher = (struct refresher){.on_end = on_end, .arg = arg};
    TAILQ_INIT(&refresher->waiting);
    TAILQ_INIT(&refresher->asked);
}

static struct refreshing *pop(struct refreshing_list *list)
{
    struct refreshing *clip = TAILQ_FIRST(list);
    if (clip != NULL)
        TAILQ_REMOVE(list, clip, link);
    return clip;
}

static void refreshing_free(struct refreshing *clip)
{
    ry_arena_free(&clip->arena);
    free(clip);
}

void refresher_close(struct refresher *refresher)
{
    struct refreshing *clip = NULL;
    TAILQ_CONCAT(&refresher->asked, &refresher->waiting, link);
    while ((clip = pop(&refresher->asked)) != NULL)
        refreshing_free(clip);
}

/* Discord's signed URLs name their end as `ex`; one without may go on working whatever its row says. */
static bool is_signed(struct ry_str url)
{
    bool http = url.n > 4 && memcmp(url.p, "http", 4) == 0;
    return http && (memmem(url.p, url.n, "?ex=", 4) != NULL || memmem(url.p, url.n, "&ex=", 4) != NULL);
}

bool refresher_wants(const struct ry_clip_work *work, int64_t now_wall_ms)
{
    return work->expires_wall_ms < now_wall_ms + EARLY_MS && is_signed(work->url);
}

static void refresher_ask(struct refresher *refresher, struct ry_ctx *ctx)
{
    RY_ASSERT(refresher->asking == 0 && TAILQ_EMPTY(&refresher->asked), "a conversation is under way");
    struct ry_url_ref refs[URLS_MAX];
    struct ry_urls_refresh message = {.urls = {refs, 0}};
    while (ry_ctx_draining(ctx) && !TAILQ_EMPTY(&refresher->waiting)) {
        struct refreshing *clip = pop(&refresher->waiting);
        refresher->on_end(refresher->arg, ctx, &clip->work, RY_STR("the node is stopping"), RY_FAILURE_PASSING);
        refreshing_free(clip);
    }
    while (message.urls.n < URLS_MAX && !TAILQ_EMPTY(&refresher->waiting)) {
        struct refreshing *clip = pop(&refresher->waiting);
        TAILQ_INSERT_TAIL(&refresher->asked, clip, link);
        refs[message.urls.n++] = (struct ry_url_ref){.clip_id = clip->work.clip_id,
                                                     .channel_id = clip->work.channel_id,
                                                     .message_id = clip->work.message_id,
                                                     .url = clip->work.url};
    }
    if (message.urls.n > 0)
        refresher->asking = RY_TELL(ctx, urls_refresh, &message, &in_background);
}

int refresher_take(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    struct refreshing *clip = calloc(1, sizeof *clip);
    if (clip == NULL)
        return RY_ENOMEM;
    clip->arena = ry_arena_make(CLIP_BYTES);
    clip->work = *work;
    struct ry_str *strings[] = {&clip->work.clip_id,    &clip->work.guild_id, &clip->work.channel_id,
                                &clip->work.message_id, &clip->work.filename, &clip->work.url,
                                &clip->work.media_root};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        bool there = strings[i]->p != NULL;
        *strings[i] = there ? ry_arena_str(&clip->arena, *strings[i]) : (struct ry_str){0};
        if (there && strings[i]->p == NULL) {
            refreshing_free(clip);
            return RY_ENOMEM;
        }
    }
    TAILQ_INSERT_TAIL(&refresher->waiting, clip, link);
    if (refresher->asking == 0)
        refresher_ask(refresher, ctx);
    return RY_OK;
}

size_t refresher_clip_count(const struct refresher *refresher)
{
    size_t n = 0;
    const struct refreshing *clip = NULL;
    TAILQ_FOREACH(clip, &refresher->asked, link)
    n++;
    TAILQ_FOREACH(clip, &refresher->waiting, link)
    n++;
    return n;
}

size_t refresher_clip_ids(const struct refresher *refresher, struct ry_str *ids)
{
    size_t n = 0;
    struct refreshing *clip = NULL;
    TAILQ_FOREACH(clip, &refresher->asked, link)
    ids[n++] = clip->work.clip_id;
    TAILQ_FOREACH(clip, &refresher->waiting, link)
    ids[n++] = clip->work.clip_id;
    return n;
}

static const struct ry_url_fresh *find_fresh(const struct ry_urls_refreshed *answer, struct ry_str clip_id)
{
    for (size_t i = 0; i < answer->urls.n; i++)
        if (ry_str_eq(answer->urls.items[i].clip_id, clip_id))
            return &answer->urls.items[i];
    return NULL;
}

/* Hands a clip back with what the scanner says of it; NULL: nothing. Returns whether it has a fresh URL. */
static bool refresher_end_clip(struct refresher *refresher, struct ry_ctx *ctx, struct refreshing *clip,
                               const struct ry_url_fresh *fresh, struct ry_str why)
{
    char reason[REASON_BYTES + 1];
    if (fresh != NULL && fresh->url.p != NULL) {
        clip->work.url = fresh->url;
        clip->work.expires_wall_ms = fresh->expires_wall_ms;
        refresher->on_end(refresher->arg, ctx, &clip->work, (struct ry_str){0}, RY_FAILURE_PASSING);
        return true;
    }
    bool gone = fresh != NULL && fresh->gone;
    if (gone)
        (void)snprintf(reason, sizeof reason, "%s", GONE);
    else
        (void)ry_utf8_print(reason, sizeof reason, "its URL has expired and there is no fresh one: %.*s",
                            RY_STR_ARG(why));
    refresher->on_end(refresher->arg, ctx, &clip->work, ry_str_of(reason),
                      gone ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING);
    return false;
}

/* Ends the conversation: answer NULL: there is none, for this reason. */
static void refresher_end(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_urls_refreshed *answer,
                          struct ry_str why)
{
    struct ry_url_row rows[URLS_MAX];
    struct ry_urls_store store = {.urls = {rows, 0}};
    struct refreshing_list ended = TAILQ_HEAD_INITIALIZER(ended);
    TAILQ_CONCAT(&ended, &refresher->asked, link);
    struct refreshing *clip = NULL;
    while ((clip = pop(&ended)) != NULL) {
        const struct ry_url_fresh *fresh = answer != NULL ? find_fresh(answer, clip->work.clip_id) : NULL;
        struct ry_str reason = fresh != NULL && fresh->reason.p != NULL ? fresh->reason : why;
        if (refresher_end_clip(refresher, ctx, clip, fresh, reason) && store.urls.n < URLS_MAX)
            rows[store.urls.n++] = (struct ry_url_row){
                .clip_id = fresh->clip_id, .url = fresh->url, .expires_wall_ms = fresh->expires_wall_ms};
        refreshing_free(clip);
    }
    ry_count(ctx, RY_COUNTER_urls_refreshed, store.urls.n);
    if (store.urls.n > 0)
        refresher->storing = RY_TELL(ctx, urls_store, &store, &in_background);
    refresher->asking = 0;
    refresher_ask(refresher, ctx);
}

static void refresher_on_refreshed(struct refresher *refresher, struct ry_ctx *ctx,
                                   const struct ry_urls_refreshed *answer)
{
    if (answer->error.p != NULL) {
        RY_LOG(RY_WARNING, "urls_refresh_failed", "reason=%.*s", RY_STR_ARG(answer->error));
        refresher_end(refresher, ctx, NULL, answer->error);
    } else {
        refresher_end(refresher, ctx, answer, RY_STR("Discord's answer does not name it"));
    }
}

void refresher_answer(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    uint64_t id = mail->envelope.correlation;
    if (mail->envelope.tag == RY_TAG_urls_refreshed && id == refresher->asking) {
        refresher_on_refreshed(refresher, ctx, RY_BODY(mail, urls_refreshed));
    } else if (mail->envelope.tag == RY_TAG_urls_stored && id == refresher->storing) {
        const struct ry_urls_stored *stored = RY_BODY(mail, urls_stored);
        if (stored->error.p != NULL)
            RY_LOG(RY_WARNING, "urls_store_failed", "reason=%.*s", RY_STR_ARG(stored->error));
    }
}

bool refresher_lost(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    if (lost->id == refresher->asking && refresher->asking != 0) {
        refresher_end(refresher, ctx, NULL, lost->reason);
        return true;
    }
    return lost->id == refresher->storing && refresher->storing != 0;
}
