/* scan_fetch.c: what a job is about, made into rows: a slice of history by pages, messages by their ids, or messages
 * that the job itself holds.
 *
 * A page becomes rows as it arrives and is then forgotten, so a slice of any size holds one page of JSON at most. A
 * page that makes no sense (no list, no ids, no way forward) is Discord's fault and passes: the job is tried again.
 * Source: https://discord.com/developers/docs/resources/message#get-channel-messages */
#include "actors/scanner/scan_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/scanner/falling_ids.h"
#include "actors/scanner/scan_status.h"
#include "actors/scanner/scanner_internal.h"
#include "runtime/json/read.h"

#define PAGE_MAX      100
#define LOG_BURST     20
#define LOG_PERIOD_MS 10000

#define NO_PERMISSION "Bot does not have permission to read message history in this channel"
#define NO_CHANNEL    "Discord has no such channel, or the bot cannot see it"

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void scanner_on_message_put_aside(void *arg, struct ry_str message_id, const char *reason)
{
    struct scan *scan = arg;
    scan->rejected++;
    ry_count(scan_ctx(scan), RY_COUNTER_messages_rejected, 1);
    unsigned suppressed = 0;
    if (ry_log_allowed(&scan->scanner->message_log, LOG_BURST, LOG_PERIOD_MS, &suppressed))
        RY_LOG(RY_WARNING, "message_rejected", "job=%.*s message=%.*s reason=%s held_back=%u",
               RY_STR_ARG(scan_order(scan)->job_id), RY_STR_ARG(message_id), reason, suppressed);
}

static void scanner_on_filter_gave_up(void *arg, struct ry_str message_id)
{
    struct scan *scan = arg;
    ry_count(scan_ctx(scan), RY_COUNTER_filters_given_up, 1);
    if (scan_warns_first(scan, "filter_slow"))
        RY_LOG(RY_WARNING, "filter_slow", "guild=%.*s channel=%.*s message=%.*s advice=%s",
               RY_STR_ARG(scan->job.guild_id), RY_STR_ARG(scan->job.channel_id), RY_STR_ARG(message_id),
               "text_include_regex or text_exclude_regex takes too long and counts as not found in such messages");
}

static struct scan_rows_context rows_context(struct scan *scan)
{
    bool local = scan_order(scan)->local_media;
    bool inline_messages = scan->job.type == SCAN_JOB_MESSAGES;
    return (struct scan_rows_context){.guild_id = scan->job.guild_id,
                                      .channel_id = scan->job.channel_id,
                                      .settings = scan->settings,
                                      .searcher = scan->scanner->searcher,
                                      .given_urls = local && inline_messages,
                                      .file_urls = local && inline_messages && scan->job.media_root.p != NULL,
                                      .further_videos = local && scan->settings->plain_extensions,
                                      .proxy_urls = scan->job.type == SCAN_JOB_MESSAGE,
                                      .now_wall_ms = ry_wall_ms(ry_ctx_clock(scan_ctx(scan))),
                                      .put_aside = scanner_on_message_put_aside,
                                      .gave_up = scanner_on_filter_gave_up,
                                      .arg = scan};
}

static int begin_rows(struct scan *scan, size_t messages_max, struct ry_error *err)
{
    if (scan->rows == NULL)
        scan->rows = scan_rows_new(messages_max);
    return scan->rows != NULL ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for the rows of %zu messages", messages_max);
}

static int add_row(struct scan *scan, const struct ry_json *message, struct ry_error *err)
{
    struct scan_rows_context context = rows_context(scan);
    scan->seen++;
    return scan_rows_add(scan->rows, &context, message, err);
}

/* What was not taken, by kind. */
static void count_skipped(struct scan *scan)
{
    static const enum ry_counter counters[CLIP_KIND_COUNT] = {
        [CLIP_KIND_IMAGE] = RY_COUNTER_skipped_images, [CLIP_KIND_SOUND] = RY_COUNTER_skipped_sounds,
        [CLIP_KIND_TEXT] = RY_COUNTER_skipped_texts,   [CLIP_KIND_ARCHIVE] = RY_COUNTER_skipped_archives,
        [CLIP_KIND_VIDEO] = RY_COUNTER_skipped_videos, [CLIP_KIND_OTHER] = RY_COUNTER_skipped_others,
        [CLIP_KIND_EMBED] = RY_COUNTER_skipped_embeds};
    for (int kind = 0; kind < CLIP_KIND_COUNT; kind++)
        ry_count(scan_ctx(scan), counters[kind], scan_rows_skipped(scan->rows, (enum clip_kind)kind));
}

/* Everything is read. */
static enum scan_step rows_are_there(struct scan *scan)
{
    scan->messages = scan->seen;
    ry_count(scan_ctx(scan), RY_COUNTER_messages_scanned, scan->seen);
    ry_count(scan_ctx(scan), RY_COUNTER_clips_found, scan_rows_clips(scan->rows));
    count_skipped(scan);
    return scan->job.type == SCAN_JOB_MESSAGES ? SCAN_DAYS : SCAN_KNOWN;
}

static enum scan_step step_select(struct scan *scan)
{
    size_t n = ry_json_count(scan->job.messages);
    struct ry_error why;
    int rc = begin_rows(scan, n, &why);
    const struct ry_json *message = NULL;
    struct ry_json_walk walk = ry_json_walk(scan->job.messages);
    while (rc == RY_OK && ry_json_next(&walk, &message))
        rc = add_row(scan, message, &why);
    if (rc != RY_OK)
        return scan_fail(scan, true, "%s", why.text);
    return rows_are_there(scan);
}

/* ---- a page ------------------------------------------------------------------------------------------------------ */

/* The number of a message's id; 0: it has none. */
static uint64_t message_number(const struct ry_json *message)
{
    struct ry_str id = {0};
    uint64_t number = 0;
    if (ry_json_is(message, RY_JSON_OBJECT) && ry_json_read_id(message, "", "id", true, &id, NULL) == RY_OK)
        (void)ry_str_u64(id, &number);
    return number;
}

static void note_id(struct scan *scan, uint64_t id)
{
    if (id > scan->newest)
        scan->newest = id;
    if (scan->oldest == 0 || id < scan->oldest)
        scan->oldest = id;
}

/* The oldest and newest message of a page. RY_EINVAL when it has messages but no ids. */
static int page_range(const struct ry_json *page, uint64_t *oldest, uint64_t *newest, struct ry_error *err)
{
    *oldest = UINT64_MAX;
    *newest = 0;
    const struct ry_json *message = NULL;
    struct ry_json_walk walk = ry_json_walk(page);
    while (ry_json_next(&walk, &message)) {
        uint64_t id = message_number(message);
        *newest = id > *newest ? id : *newest;
        *oldest = id != 0 && id < *oldest ? id : *oldest;
    }
    return ry_json_count(page) == 0 || *newest != 0 ? RY_OK : ry_fail(err, RY_EINVAL, "its messages have no ids");
}

static int read_page(struct ry_str body, struct ry_json_doc **page, struct ry_error *err)
{
    int rc = ry_json_parse(body, page, err);
    if (rc == RY_OK && !ry_json_is(ry_json_root(*page), RY_JSON_ARRAY))
        rc = ry_fail(err, RY_EINVAL, "it is not a list");
    if (rc == RY_OK && ry_json_count(ry_json_root(*page)) > PAGE_MAX)
        rc = ry_fail(err, RY_EINVAL, "it has more than %d messages", PAGE_MAX);
    return rc;
}

/* What a page that did not come means. */
static enum scan_step no_page(struct scan *scan, int code, const struct ry_error *err)
{
    if (code != RY_EACCES && code != RY_ENOENT)
        return scan_fail_call(scan, code, err);
    const char *why = code == RY_EACCES ? NO_PERMISSION : NO_CHANNEL;
    if (scan->job.threads != NULL) { /* deleted since, or not for the bot: the next one */
        scan->exhausted = true;
        return rows_are_there(scan);
    }
    RY_LOG(RY_WARNING, "channel_closed", "job=%.*s channel=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id),
           RY_STR_ARG(scan->job.channel_id), why);
    return scan->job.type == SCAN_JOB_MESSAGE ? SCAN_DONE : scan_give_up(scan, "FAILED", why);
}

/* Takes what it wants of a page. *next: the step that follows. An error: the page makes no sense. */
typedef int take_page_function(struct scan *scan, const struct ry_json *page, enum scan_step *next,
                               struct ry_error *err);

static void read_page_of(struct scan_call *call, take_page_function *take, int code, struct ry_str body,
                         const struct ry_error *err)
{
    struct scan *scan = call->scan;
    call->call = NULL;
    if (code != RY_OK) {
        scan_run(scan, no_page(scan, code, err));
        return;
    }
    struct ry_json_doc *page = NULL;
    struct ry_error why;
    enum scan_step next = SCAN_WAIT;
    int rc = read_page(body, &page, &why);
    if (rc == RY_OK)
        rc = take(scan, ry_json_root(page), &next, &why);
    ry_json_free(&page);
    scan_run(scan, rc == RY_OK ? next : scan_fail(scan, true, "Discord's page of messages: %s", why.text));
}

static int ask_page(struct scan *scan, uint64_t limit, const char *bound, uint64_t id, ry_discord_on_end *on_end)
{
    char route[64];
    char path[160];
    (void)snprintf(route, sizeof route, "/channels/%.*s/messages", RY_STR_ARG(scan->read_id));
    int n = snprintf(path, sizeof path, "%s?limit=%" PRIu64, route, limit);
    if (bound != NULL)
        (void)snprintf(path + n, sizeof path - (size_t)n, "&%s=%" PRIu64, bound, id);
    return scan_call(&scan->calls[0], RY_DISCORD_GET, route, path, on_end);
}

/* ---- a slice of history ------------------------------------------------------------------------------------------ */

static uint64_t slice_limit(const struct scan *scan)
{
    uint64_t limit = scan->job.limit > 0 ? scan->job.limit : scan->scanner->batch_limit;
    return scan->job.messages_max > 0 && scan->job.messages_max < limit ? scan->job.messages_max : limit;
}

static uint64_t page_limit(const struct scan *scan)
{
    uint64_t left = slice_limit(scan) - scan->seen;
    return left < PAGE_MAX ? left : PAGE_MAX;
}

/* Takes a page of the slice. */
static int take_page(struct scan *scan, const struct ry_json *page, enum scan_step *next, struct ry_error *err)
{
    uint64_t oldest = 0;
    uint64_t newest = 0;
    uint64_t asked = page_limit(scan);
    size_t n = ry_json_count(page);
    int rc = page_range(page, &oldest, &newest, err);
    if (rc == RY_OK && n > asked)
        rc = ry_fail(err, RY_EINVAL, "it has more messages than were asked for");
    bool forward = scan->job.forward;
    bool behind = scan->cursor == 0 || n == 0 || (forward ? oldest > scan->cursor : newest < scan->cursor);
    if (rc == RY_OK && !behind)
        rc = ry_fail(err, RY_EINVAL, "it leads back to what was read already");
    const struct ry_json *message = NULL;
    struct ry_json_walk walk = ry_json_walk(page);
    while (rc == RY_OK && ry_json_next(&walk, &message))
        rc = add_row(scan, message, err);
    if (rc != RY_OK)
        return rc;
    if (n > 0) {
        note_id(scan, newest);
        note_id(scan, oldest);
        scan->cursor = forward ? newest : oldest;
    }
    scan->exhausted = n < asked;
    bool more = !scan->exhausted && scan->seen < slice_limit(scan);
    *next = more ? SCAN_FETCH : rows_are_there(scan);
    return RY_OK;
}

static void scanner_on_page(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    read_page_of(arg, take_page, code, body, err);
}

/* Where the slice begins. */
static void set_cursor(struct scan *scan)
{
    struct ry_str from = scan->job.forward ? scan->job.after_id : scan->job.before_id;
    if (scan->cursor == 0 && from.p != NULL)
        (void)ry_str_u64(from, &scan->cursor);
}

static enum scan_step step_fetch(struct scan *scan)
{
    struct ry_error why;
    if (begin_rows(scan, (size_t)slice_limit(scan), &why) != RY_OK)
        return scan_fail(scan, true, "%s", why.text);
    if (scan->forum && scan->settings->threads && !scan_reads_thread(scan)) {
        scan->exhausted = true;
        return rows_are_there(scan);
    }
    set_cursor(scan);
    const char *bound = scan->job.forward ? "after" : scan->cursor > 0 ? "before" : NULL;
    (void)ask_page(scan, page_limit(scan), bound, scan->cursor, scanner_on_page);
    return SCAN_WAIT;
}

/* ---- messages by their ids --------------------------------------------------------------------------------------- */

static int list_wanted(struct scan *scan, struct ry_error *err)
{
    size_t n = ry_json_count(scan->job.ids);
    scan->wanted = calloc(n > 0 ? n : 1, sizeof *scan->wanted);
    if (scan->wanted == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %zu message ids", n);
    for (size_t i = 0; i < n; i++)
        (void)ry_str_u64(ry_json_str(ry_json_at(scan->job.ids, i)), &scan->wanted[i]);
    scan->wanted_count = falling_ids_sort(scan->wanted, n);
    return begin_rows(scan, scan->wanted_count, err);
}

static int take_wanted(struct scan *scan, const struct ry_json *message, struct ry_error *err)
{
    note_id(scan, message_number(message));
    return add_row(scan, message, err);
}

/* Takes from a page of history what is wanted; ids down to the page's oldest message that were not in it are gone. */
static int take_wanted_page(struct scan *scan, const struct ry_json *page, enum scan_step *next, struct ry_error *err)
{
    uint64_t oldest = 0;
    uint64_t newest = 0;
    size_t n = ry_json_count(page);
    int rc = page_range(page, &oldest, &newest, err);
    if (rc == RY_OK && newest > scan->wanted[0])
        rc = ry_fail(err, RY_EINVAL, "it is not what was asked for");
    size_t left = 0;
    for (size_t w = 0; rc == RY_OK && w < scan->wanted_count; w++) {
        const struct ry_json *found = NULL;
        struct ry_json_walk walk = ry_json_walk(page);
        while (ry_json_next(&walk, &found) && message_number(found) != scan->wanted[w])
            ;
        if (found != NULL)
            rc = take_wanted(scan, found, err);
        else if (n == PAGE_MAX && scan->wanted[w] < oldest)
            scan->wanted[left++] = scan->wanted[w];
    }
    scan->wanted_count = left;
    *next = SCAN_FETCH_IDS;
    return rc;
}

static void scanner_on_wanted_page(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    read_page_of(arg, take_wanted_page, code, body, err);
}

static void scanner_on_wanted_message(void *arg, int code, unsigned status, struct ry_str body,
                                      const struct ry_error *err)
{
    (void)status;
    struct scan_call *call = arg;
    struct scan *scan = call->scan;
    call->call = NULL;
    if (code != RY_OK && code != RY_ENOENT) { /* one that is gone is skipped */
        scan_run(scan, no_page(scan, code, err));
        return;
    }
    struct ry_json_doc *doc = NULL;
    struct ry_error why;
    int rc = code == RY_OK ? ry_json_parse(body, &doc, &why) : RY_OK;
    const struct ry_json *message = ry_json_root(doc);
    if (rc == RY_OK && code == RY_OK && message_number(message) != scan->wanted[0])
        rc = ry_fail(&why, RY_EINVAL, "it is not the one that was asked for");
    if (rc == RY_OK && code == RY_OK)
        rc = take_wanted(scan, message, &why);
    ry_json_free(&doc);
    scan->wanted_count = 0;
    scan_run(scan, rc == RY_OK ? SCAN_FETCH_IDS : scan_fail(scan, true, "Discord's message: %s", why.text));
}

/* One request more while ids are left. A page reaches back from the newest of them and often covers several; it never
 * covers none, so there are at most as many requests as ids. */
static enum scan_step step_fetch_ids(struct scan *scan)
{
    struct ry_error why;
    if (scan->wanted == NULL && list_wanted(scan, &why) != RY_OK)
        return scan_fail(scan, true, "%s", why.text);
    if (scan->wanted_count == 0)
        return rows_are_there(scan);
    if (scan->wanted_count > 1) {
        (void)ask_page(scan, PAGE_MAX, "before", scan->wanted[0] + 1, scanner_on_wanted_page);
        return SCAN_WAIT;
    }
    char route[80];
    char path[96];
    (void)snprintf(route, sizeof route, "/channels/%.*s/messages/:id", RY_STR_ARG(scan->read_id));
    (void)snprintf(path, sizeof path, "/channels/%.*s/messages/%" PRIu64, RY_STR_ARG(scan->read_id), scan->wanted[0]);
    (void)scan_call(&scan->calls[0], RY_DISCORD_GET, route, path, scanner_on_wanted_message);
    return SCAN_WAIT;
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_FETCH, RY_TAG_NONE, step_fetch, NULL},
    {SCAN_FETCH_IDS, RY_TAG_NONE, step_fetch_ids, NULL},
    {SCAN_SELECT, RY_TAG_NONE, step_select, NULL},
};
const struct scan_steps scan_fetch_steps = {STEPS, sizeof STEPS / sizeof *STEPS};
