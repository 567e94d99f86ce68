/* fresh.c: see fresh.h.
 *
 * Asks the scanner (urls_refresh), up to URLS_MAX clips at a time, one conversation after the other; the writer records
 * the URLs (urls_store), and nobody waits for that. Lost in a crash: what was remembered, which costs another
 * refresh. */
#include "actors/monitor/fresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

#define URLS_MAX    50
#define ASK_MS      60000  /* longer than the scanner tries */
#define GONE_MS     600000 /* then it is asked about again */
#define VERIFIED_MS 60000

void fresh_open(struct fresh *fresh, struct ry_ctx *ctx, fresh_on_end *on_end, void *arg)
{
    *fresh = (struct fresh){.ctx = ctx, .on_end = on_end, .arg = arg};
    TAILQ_INIT(&fresh->waiting);
    TAILQ_INIT(&fresh->asked);
}

static void free_list(struct fresh_list *list)
{
    struct fresh_clip *clip;
    while ((clip = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, clip, link);
        free(clip->url);
        free(clip);
    }
}

void fresh_close(struct fresh *fresh)
{
    free_list(&fresh->waiting);
    free_list(&fresh->asked);
    for (size_t i = 0; i < FRESH_KNOWN_MAX; i++)
        free(fresh->known[i].url);
}

bool fresh_is_needed(struct ry_str url, int64_t expires_wall_ms, int64_t now_wall_ms)
{
    bool is_signed = memmem(url.p, url.n, "?ex=", 4) != NULL || memmem(url.p, url.n, "&ex=", 4) != NULL;
    return is_signed && expires_wall_ms < now_wall_ms + FRESH_EARLY_MS;
}

/* ---- what is known ----------------------------------------------------------------------------------------------- */

static bool holds(const struct fresh *fresh, const struct fresh_known *known, bool verify)
{
    int64_t age_ms = ry_mono_ms(ry_ctx_clock(fresh->ctx)) - known->learned_mono_ms;
    if (verify)
        return known->verified && age_ms < VERIFIED_MS;
    if (known->gone)
        return age_ms < GONE_MS;
    return known->url != NULL && known->expires_wall_ms >= ry_wall_ms(ry_ctx_clock(fresh->ctx)) + FRESH_EARLY_MS;
}

const struct fresh_known *fresh_find(struct fresh *fresh, struct ry_str clip_id, bool verify)
{
    for (size_t i = 0; i < FRESH_KNOWN_MAX; i++)
        if (ry_str_is(clip_id, fresh->known[i].clip_id) && holds(fresh, &fresh->known[i], verify))
            return &fresh->known[i];
    return NULL;
}

/* The place for what is learned of a clip: its own, or the one of the oldest. */
static struct fresh_known *place_for(struct fresh *fresh, const char *clip_id)
{
    struct fresh_known *place = &fresh->known[0];
    for (size_t i = 0; i < FRESH_KNOWN_MAX; i++) {
        struct fresh_known *known = &fresh->known[i];
        if (strcmp(known->clip_id, clip_id) == 0)
            return known;
        bool older = known->clip_id[0] == '\0' || known->learned_mono_ms < place->learned_mono_ms;
        if (place->clip_id[0] != '\0' && older)
            place = known;
    }
    return place;
}

/* Remembers what came of one clip. fresh_url NULL: nothing was said of it. True: it has a URL. */
static bool learn(struct fresh *fresh, const struct fresh_clip *clip, const struct ry_url_fresh *said,
                  struct ry_str why)
{
    struct fresh_known *known = place_for(fresh, clip->clip_id);
    free(known->url);
    *known = (struct fresh_known){.learned_mono_ms = ry_mono_ms(ry_ctx_clock(fresh->ctx)),
                                  .verified = clip->verify && said != NULL};
    (void)snprintf(known->clip_id, sizeof known->clip_id, "%s", clip->clip_id);
    if (said != NULL && said->url.p != NULL) {
        known->url = strndup(said->url.p, said->url.n);
        known->expires_wall_ms = said->expires_wall_ms;
    } else {
        known->gone = said != NULL && said->gone;
        struct ry_str reason = said != NULL && said->reason.p != NULL ? said->reason : why;
        (void)ry_utf8_print(known->why, sizeof known->why, "%.*s", RY_STR_ARG(reason));
    }
    fresh->on_end(fresh->arg, known);
    return known->url != NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void ask_next(struct fresh *fresh)
{
    RY_ASSERT(fresh->asking == 0 && TAILQ_EMPTY(&fresh->asked), "a conversation is under way");
    struct ry_url_ref refs[URLS_MAX];
    struct fresh_clip *clip = TAILQ_FIRST(&fresh->waiting);
    struct ry_urls_refresh message = {.urls = {refs, 0}, .verify = clip != NULL && clip->verify};
    while (clip != NULL && message.urls.n < URLS_MAX) {
        struct fresh_clip *next = TAILQ_NEXT(clip, link);
        if (clip->verify == message.verify) {
            TAILQ_REMOVE(&fresh->waiting, clip, link);
            TAILQ_INSERT_TAIL(&fresh->asked, clip, link);
            fresh->waiting_n--;
            refs[message.urls.n++] = (struct ry_url_ref){.clip_id = ry_str_of(clip->clip_id),
                                                         .channel_id = ry_str_of(clip->channel_id),
                                                         .message_id = ry_str_of(clip->message_id),
                                                         .url = ry_str_of(clip->url)};
        }
        clip = next;
    }
    if (message.urls.n == 0)
        return;
    const struct ry_send send = {.priority = RY_PRIORITY_LIVE,
                                 .deadline_wall_ms = ry_wall_ms(ry_ctx_clock(fresh->ctx)) + ASK_MS};
    fresh->asking = RY_TELL(fresh->ctx, urls_refresh, &message, &send);
}

static bool is_under_way(const struct fresh_list *list, struct ry_str clip_id, bool verify)
{
    const struct fresh_clip *clip;
    TAILQ_FOREACH(clip, list, link)
    if (ry_str_is(clip_id, clip->clip_id) && (clip->verify || !verify))
        return true;
    return false;
}

static void copy_id(char *to, size_t size, struct ry_str id)
{
    (void)snprintf(to, size, "%.*s", RY_STR_ARG(id));
}

int fresh_ask(struct fresh *fresh, const struct ry_gallery_clip *clip, bool verify, struct ry_error *err)
{
    if (is_under_way(&fresh->asked, clip->clip_id, verify) || is_under_way(&fresh->waiting, clip->clip_id, verify))
        return RY_OK;
    if (!ry_str_is_snowflake(clip->channel_id) || !ry_str_is_snowflake(clip->message_id) || clip->clip_id.n != 32)
        return ry_fail(err, RY_EINVAL, "its row names no message of Discord");
    if (fresh->waiting_n >= FRESH_WAITING_MAX)
        return ry_fail(err, RY_ELIMIT, "too many links are being renewed; try again in a minute");
    struct fresh_clip *asked = calloc(1, sizeof *asked);
    char *url = strndup(clip->url.p, clip->url.n);
    if (asked == NULL || url == NULL) {
        free(asked);
        free(url);
        return ry_fail(err, RY_ENOMEM, "out of memory");
    }
    asked->url = url;
    asked->verify = verify;
    copy_id(asked->clip_id, sizeof asked->clip_id, clip->clip_id);
    copy_id(asked->channel_id, sizeof asked->channel_id, clip->channel_id);
    copy_id(asked->message_id, sizeof asked->message_id, clip->message_id);
    TAILQ_INSERT_TAIL(&fresh->waiting, asked, link);
    fresh->waiting_n++;
    if (fresh->asking == 0)
        ask_next(fresh);
    return RY_OK;
}

static const struct ry_url_fresh *find_said(const struct ry_urls_refreshed *answer, const char *clip_id)
{
    for (size_t i = 0; answer != NULL && i < answer->urls.n; i++)
        if (ry_str_is(answer->urls.items[i].clip_id, clip_id))
            return &answer->urls.items[i];
    return NULL;
}

/* Ends the conversation. answer NULL: there is none, for this reason. */
static void end_all(struct fresh *fresh, const struct ry_urls_refreshed *answer, struct ry_str why)
{
    struct ry_url_row rows[URLS_MAX];
    struct ry_urls_store store = {.urls = {rows, 0}};
    struct fresh_list ended = TAILQ_HEAD_INITIALIZER(ended);
    TAILQ_CONCAT(&ended, &fresh->asked, link);
    fresh->asking = 0;
    struct fresh_clip *clip;
    TAILQ_FOREACH(clip, &ended, link)
    {
        const struct ry_url_fresh *said = find_said(answer, clip->clip_id);
        if (learn(fresh, clip, said, why) && store.urls.n < URLS_MAX)
            rows[store.urls.n++] = (struct ry_url_row){
                .clip_id = said->clip_id, .url = said->url, .expires_wall_ms = said->expires_wall_ms};
    }
    ry_count(fresh->ctx, RY_COUNTER_urls_refreshed, store.urls.n);
    const struct ry_send send = {.priority = RY_PRIORITY_LIVE};
    if (store.urls.n > 0)
        fresh->storing = RY_TELL(fresh->ctx, urls_store, &store, &send);
    free_list(&ended);
    if (fresh->asking == 0)
        ask_next(fresh);
}

bool fresh_answer(struct fresh *fresh, const struct ry_mail *mail)
{
    uint64_t id = mail->envelope.correlation;
    if (mail->envelope.tag == RY_TAG_urls_stored) {
        const struct ry_urls_stored *stored = RY_BODY(mail, urls_stored);
        if (stored->error.p != NULL)
            RY_LOG(RY_WARNING, "urls_store_failed", "reason=%.*s", RY_STR_ARG(stored->error));
        return true;
    }
    if (mail->envelope.tag != RY_TAG_urls_refreshed)
        return false;
    if (id != fresh->asking || fresh->asking == 0)
        return true;
    const struct ry_urls_refreshed *answer = RY_BODY(mail, urls_refreshed);
    if (answer->error.p != NULL)
        RY_LOG(RY_WARNING, "urls_refresh_failed", "reason=%.*s", RY_STR_ARG(answer->error));
    end_all(fresh, answer->error.p != NULL ? NULL : answer,
            answer->error.p != NULL ? answer->error : RY_STR("Discord's answer does not name it"));
    return true;
}

bool fresh_lost(struct fresh *fresh, const struct ry_undeliverable *lost)
{
    if (lost->id == 0 || (lost->id != fresh->asking && lost->id != fresh->storing))
        return false;
    if (lost->id == fresh->asking)
        end_all(fresh, NULL, lost->reason);
    return true;
}
