/* scan_threads.c: a channel's threads (include_threads).
 *
 * When a scan has come to the end of its channel, the threads are listed: the guild's active ones, then the archived
 * ones of the channel, public and, where the bot may, private. They are read one after the other by the jobs that go on
 * (scan_next.c), newest first. Rows are stored under the channel, for a thread has no row; a slice of a thread moves no
 * bound of the channel's scan.
 *
 * The step asks for one more page of the list. A list that broke off in a crash is begun anew.
 * Source: https://discord.com/developers/docs/resources/channel#list-public-archived-threads */
#include "actors/scanner/scan_steps.h"

#include <stdio.h>

#include "runtime/json/read.h"

/* Whether the scan has something to read of the thread: not if its last message is older than where a forward scan
 * begins. */
static bool is_wanted(const struct scan *scan, const struct ry_json *thread, uint64_t id)
{
    uint64_t below = UINT64_MAX, from = 0, last = UINT64_MAX;
    struct ry_str bound = scan->job.threads_from.p != NULL ? scan->job.threads_from : scan->job.after_id;
    (void)ry_str_u64(scan->job.threads_below, &below);
    (void)ry_str_u64(bound, &from);
    (void)ry_str_u64(ry_json_get_str(thread, "last_message_id"), &last);
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
        *end = ry_json_get_str(ry_json_get(thread, "thread_metadata"), "archive_timestamp");
        (void)ry_str_u64(text, &id);
        if (ry_str_eq(parent, scan->job.channel_id) && is_wanted(scan, thread, id) &&
            thread_list_add(&scan->threads, id, err) != RY_OK)
            return RY_ENOMEM;
    }
    return RY_OK;
}

static int read_list(struct scan *scan, struct ry_str body, struct ry_error *err)
{
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *object = NULL, *list = NULL;
    struct thread_list *threads = &scan->threads;
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
        thread_list_next_source(threads, scan->forum);
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
        thread_list_next_source(&scan->threads, scan->forum); /* private ones that the bot may not see, and the like */
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

static enum scan_step step_threads(struct scan *scan)
{
    char route[96], path[256];
    if (scan->threads.source == THREADS_LISTED)
        return SCAN_WRITE;
    if (scan->threads.source == THREADS_ACTIVE) {
        (void)snprintf(route, sizeof route, "/guilds/%.*s/threads/active", RY_STR_ARG(scan->job.guild_id));
        (void)snprintf(path, sizeof path, "%s", route);
    } else {
        (void)snprintf(route, sizeof route, "/channels/%.*s/threads/archived/%s", RY_STR_ARG(scan->job.channel_id),
                       scan->threads.source == THREADS_PUBLIC ? "public" : "private");
        (void)snprintf(path, sizeof path, "%s?limit=100", route);
        add_before(path, sizeof path, scan->threads.before);
    }
    (void)scan_call(&scan->calls[0], RY_DISCORD_GET, route, path, scanner_on_threads);
    return SCAN_WAIT;
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_THREADS, RY_TAG_NONE, step_threads, NULL},
};
const struct scan_steps scan_threads_steps = {STEPS, sizeof STEPS / sizeof *STEPS};
