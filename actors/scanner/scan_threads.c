/* scan_threads.c: a channel's threads (include_threads).
 *
 * When a scan has come to the end of its channel, the threads are listed: the guild's active ones, then the archived
 * ones of the channel, public and, where the bot may, private. They are read one after the other by the jobs that go on
 * (scan_next.c), newest first. Rows are stored under the channel, for a thread has no row; a slice of a thread moves no
 * bound of the channel's scan.
 *
 *   parent    a live message of a channel without a row: maybe a thread, whose channel is then scanned in its place
 *   threads   one more page of the list
 *
 * Source: https://discord.com/developers/docs/resources/channel#list-public-archived-threads */
#include "actors/scanner/scan_threads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/json/read.h"

#define LIST_MAX ((size_t)1000000)

static bool is_history(const struct scan *scan)
{
    return scan->job.type == SCAN_JOB_BATCH || scan->job.type == SCAN_JOB_RESCAN;
}

bool scan_reads_thread(const struct scan *scan)
{
    return !ry_str_eq(scan->read_id, scan->job.channel_id);
}

bool scan_wants_threads(const struct scan *scan)
{
    bool last =
        scan->job.threads == NULL || (ry_json_count(scan->job.threads) == 1 && scan->job.threads_below.p != NULL);
    bool used_up = scan->job.messages_max > 0 && scan->seen >= scan->job.messages_max;
    return is_history(scan) && scan->settings->threads && scan->job.auto_continue && last && !used_up &&
           !scan_goes_on(scan) && (scan->threads == NULL || scan->threads->source != THREADS_LISTED);
}

void scan_threads_free(struct scan *scan)
{
    if (scan->threads != NULL)
        free(scan->threads->ids);
    free(scan->threads);
    scan->threads = NULL;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static int add_id(struct scan_threads *threads, uint64_t id, struct ry_error *err)
{
    if (threads->count == threads->capacity) {
        size_t capacity = threads->capacity > 0 ? threads->capacity * 2 : 128;
        uint64_t *grown = capacity <= LIST_MAX ? reallocarray(threads->ids, capacity, sizeof *grown) : NULL;
        if (grown == NULL)
            return ry_fail(err, RY_ENOMEM, "no memory for more than %zu threads", threads->count);
        threads->ids = grown;
        threads->capacity = capacity;
    }
    threads->ids[threads->count++] = id;
    return RY_OK;
}

/* Whether the scan has something to read of the thread: not if its last message is older than where a forward scan
 * begins. */
static bool is_wanted(const struct scan *scan, const struct ry_json *thread, uint64_t id)
{
    uint64_t below = UINT64_MAX, from = 0, last = UINT64_MAX;
    struct ry_str bound = scan->job.threads_from.p != NULL ? scan->job.threads_from : scan->job.after_id;
    (void)ry_str_u64(scan->job.threads_below, &below);
    (void)ry_str_u64(bound, &from);
    (void)ry_str_u64(ry_json_str(ry_json_get(thread, "last_message_id")), &last);
    return id < below && !(scan->job.forward && last <= from);
}

/* Takes a page; *end: when its last thread was archived, "" if it does not say. */
static int take_list(struct scan *scan, const struct ry_json *list, struct ry_str *end, struct ry_error *err)
{
    const struct ry_json *thread = NULL;
    *end = RY_STR("");
    for (struct ry_json_walk walk = ry_json_walk(list); ry_json_next(&walk, &thread);) {
        struct ry_str parent = {0}, text = {0};
        uint64_t id = 0;
        int rc = ry_json_is(thread, RY_JSON_OBJECT) ? ry_json_read_id(thread, "", "id", true, &text, err)
                                                    : ry_fail(err, RY_EINVAL, "a thread is not an object");
        if (rc == RY_OK)
            rc = ry_json_read_id(thread, "", "parent_id", false, &parent, err);
        if (rc != RY_OK)
            return rc;
        *end = ry_json_str(ry_json_get(ry_json_get(thread, "thread_metadata"), "archive_timestamp"));
        (void)ry_str_u64(text, &id);
        if (ry_str_eq(parent, scan->job.channel_id) && is_wanted(scan, thread, id) &&
            add_id(scan->threads, id, err) != RY_OK)
            return RY_ENOMEM;
    }
    return RY_OK;
}

static int falling(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void next_source(struct scan *scan)
{
    struct scan_threads *threads = scan->threads;
    threads->before[0] = '\0';
    threads->source++;
    if (threads->source == THREADS_PRIVATE && scan->forum) /* whose posts are all public */
        threads->source++;
    if (threads->source != THREADS_LISTED || threads->count == 0)
        return;
    qsort(threads->ids, threads->count, sizeof *threads->ids, falling);
    size_t n = 1;
    for (size_t i = 1; i < threads->count; i++) /* one may have been archived between two pages */
        if (threads->ids[i] != threads->ids[i - 1])
            threads->ids[n++] = threads->ids[i];
    threads->more = n > SCAN_JOB_THREADS_MAX;
    threads->count = threads->more ? SCAN_JOB_THREADS_MAX : n;
}

static int read_list(struct scan *scan, struct ry_str body, struct ry_error *err)
{
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *object = NULL, *list = NULL;
    struct scan_threads *threads = scan->threads;
    struct ry_str end;
    int rc = ry_json_parse_object(body, &doc, &object, err);
    if (rc == RY_OK)
        rc = ry_json_read_array(object, "", "threads", true, &list, err);
    if (rc == RY_OK)
        rc = take_list(scan, list, &end, err);
    if (rc != RY_OK)
        return rc;
    /* A page that ends where the one before did would come for ever. */
    bool goes_on = threads->source != THREADS_ACTIVE && ry_json_true(ry_json_get(object, "has_more")) && end.n > 0 &&
                   end.n < sizeof threads->before && !ry_str_is(end, threads->before);
    if (goes_on)
        (void)snprintf(threads->before, sizeof threads->before, "%.*s", RY_STR_ARG(end));
    else
        next_source(scan);
    return RY_OK;
}

static void scanner_on_threads(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    struct scan_call *call = arg;
    struct scan *scan = call->scan;
    struct ry_error why;
    call->call = NULL;
    if (code != RY_OK && ry_err_class((enum ry_err)code) != RY_CLASS_REJECT) {
        scan_run(scan, scan_fail_call(scan, code, err));
        return;
    }
    int rc = RY_OK;
    if (code == RY_OK)
        rc = read_list(scan, body, &why);
    else
        next_source(scan); /* private ones that the bot may not see, and the like */
    scan_run(scan, rc == RY_OK ? SCAN_THREADS : scan_fail(scan, true, "Discord's list of threads: %s", why.text));
}

/* Appends "&before=TIME", where a + would be a blank. */
static void add_before(char *path, size_t size, const char *time)
{
    size_t n = strlen(path);
    if (time[0] != '\0')
        n += (size_t)snprintf(path + n, size - n, "&before=");
    for (; *time != '\0' && n + 4 < size; time++)
        n += (size_t)snprintf(path + n, size - n, *time == '+' ? "%%2B" : "%c", *time);
}

enum scan_step scan_step_threads(struct scan *scan)
{
    char route[96], path[256];
    if (scan->threads == NULL)
        scan->threads = calloc(1, sizeof *scan->threads);
    if (scan->threads == NULL)
        return scan_fail(scan, true, "no memory for the list of threads");
    if (scan->threads->source == THREADS_LISTED)
        return SCAN_WRITE;
    if (scan->threads->source == THREADS_ACTIVE) {
        (void)snprintf(route, sizeof route, "/guilds/%.*s/threads/active", RY_STR_ARG(scan->job.guild_id));
        (void)snprintf(path, sizeof path, "%s", route);
    } else {
        (void)snprintf(route, sizeof route, "/channels/%.*s/threads/archived/%s", RY_STR_ARG(scan->job.channel_id),
                       scan->threads->source == THREADS_PUBLIC ? "public" : "private");
        (void)snprintf(path, sizeof path, "%s?limit=100", route);
        add_before(path, sizeof path, scan->threads->before);
    }
    (void)scan_call(&scan->calls[0], RY_DISCORD_GET, route, path, scanner_on_threads);
    return SCAN_WAIT;
}

/* ---- the channel of a live thread -------------------------------------------------------------------------------- */

static int64_t now_ms(const struct scan *scan)
{
    return ry_mono_ms(ry_ctx_clock(scan_ctx(scan)));
}

bool scan_knows_parent(struct scan *scan, bool *refused)
{
    uint64_t parent = 0;
    *refused = false;
    if (scan->job.type != SCAN_JOB_MESSAGE || scan_order(scan)->local_media || scan_reads_thread(scan) ||
        !thread_parents_find(scan->scanner->parents, scan->job.guild_id, scan->job.channel_id, now_ms(scan), &parent))
        return false;
    struct ry_str id = parent != 0 ? ry_arena_printf(&scan->arena, "%" PRIu64, parent) : (struct ry_str){0};
    if (parent != 0 && id.p == NULL)
        return false;
    *refused = parent == 0;
    if (parent != 0)
        scan->job.channel_id = id;
    return true;
}

/* Types 10 to 12 are threads. RY_EINVAL: it is none of this guild; RY_ENOMEM. */
static int take_parent(struct scan *scan, struct ry_str body, struct ry_error *err)
{
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *object = NULL;
    struct ry_str guild = {0}, parent = {0};
    uint64_t type = 0;
    int rc = ry_json_parse_object(body, &doc, &object, err);
    if (rc == RY_OK)
        rc = ry_json_read_id(object, "", "guild_id", true, &guild, err);
    if (rc == RY_OK)
        rc = ry_json_read_id(object, "", "parent_id", true, &parent, err);
    if (rc == RY_OK)
        rc = ry_json_read_count(object, "", "type", &type, err);
    if (rc == RY_OK && (type < 10 || type > 12 || !ry_str_eq(guild, scan->job.guild_id)))
        rc = ry_fail(err, RY_EINVAL, "it is no thread of this guild");
    if (rc != RY_OK)
        return rc;
    parent = ry_arena_str(&scan->arena, parent);
    if (parent.p == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a channel's id");
    scan->job.channel_id = parent;
    return RY_OK;
}

static void scanner_on_parent(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    struct scan_call *call = arg;
    struct scan *scan = call->scan;
    call->call = NULL;
    if (code != RY_OK && ry_err_class((enum ry_err)code) != RY_CLASS_REJECT) {
        scan_run(scan, scan_fail_call(scan, code, err));
        return;
    }
    struct ry_error why;
    int rc = code == RY_OK ? take_parent(scan, body, &why) : code;
    if (rc == RY_ENOMEM) {
        scan_run(scan, scan_fail(scan, true, "%s", why.text));
        return;
    }
    uint64_t parent = 0; /* none */
    if (rc == RY_OK)
        (void)ry_str_u64(scan->job.channel_id, &parent);
    thread_parents_put(scan->scanner->parents, scan->job.guild_id, scan->read_id, parent, now_ms(scan));
    if (rc != RY_OK) {
        scan_run(scan, scan_refuse(scan, SCAN_NOT_FOUND));
        return;
    }
    scan_settings_unref(&scan->settings);
    scan_run(scan, SCAN_SETTINGS);
}

enum scan_step scan_step_parent(struct scan *scan)
{
    char path[80];
    (void)snprintf(path, sizeof path, "/channels/%.*s", RY_STR_ARG(scan->job.channel_id));
    (void)scan_call(&scan->calls[0], RY_DISCORD_GET, path, path, scanner_on_parent);
    return SCAN_WAIT;
}
