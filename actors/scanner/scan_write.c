/* scan_write.c: from rows to what is committed.
 *
 *   known ──> days ──> members ──> write ──┐──> done
 *                                    ^     │
 *                                    └─────┘ while rows are left, one batch_write under way at a time
 *
 * known    which of these messages and authors have rows already. What is known is left out (but on update), and ends a
 *          scan in mode stop.
 * days     the channel's limit of clips a day, if it has one (scan_days.c)
 * members  history tells nothing of authors as members of the guild, so new ones (on update: all) are looked up. One
 *          who is no member, or whom Discord will not tell of, stays as his message shows him. The rows of known ones
 *          are left alone, for a message knows less of them.
 * write    the rows, in parts. The last one carries the scan's progress and the job that goes on.
 *
 * A job that was delivered again without a slice on record may have written some parts of its slice before it was cut
 * off: rows it finds may be its own. So it never stops; at worst one slice more is read, which then stops. */
#include "actors/scanner/scan.h"
#include "actors/scanner/scan_threads.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/json/read.h"

/* Rows and bytes of one batch_write: large enough for a cheap transaction, far below RY_ENVELOPE_MAX_BYTES. */
#define PART_ROWS_MAX  ((size_t)2000)
#define PART_BYTES_MAX ((size_t)1 << 20)

#define LOG_BURST     20
#define LOG_PERIOD_MS 10000

static bool is_history(const struct scan *scan)
{
    return scan->job.type == SCAN_JOB_BATCH || scan->job.type == SCAN_JOB_RESCAN;
}

static bool updates(const struct scan *scan)
{
    return !is_history(scan) || scan->job.rescan == SCAN_RESCAN_UPDATE;
}

/* ---- known ------------------------------------------------------------------------------------------------------- */

enum scan_step scan_step_known(struct scan *scan)
{
    size_t messages = updates(scan) ? 0 : scan_rows_messages(scan->rows);
    bool all_authors = is_history(scan) && scan->job.rescan == SCAN_RESCAN_UPDATE;
    size_t authors = all_authors ? 0 : scan_rows_authors(scan->rows);
    if (messages + authors == 0)
        return SCAN_DAYS;
    struct ry_known_get get = {.guild_id = scan->job.guild_id};
    get.message_ids.items = ry_arena_array(&scan->arena, messages, sizeof *get.message_ids.items);
    get.user_ids.items = ry_arena_array(&scan->arena, authors, sizeof *get.user_ids.items);
    if (get.message_ids.items == NULL || get.user_ids.items == NULL)
        return scan_fail(scan, true, "no memory for the ids of %zu messages", messages);
    for (; get.message_ids.n < messages; get.message_ids.n++)
        get.message_ids.items[get.message_ids.n] = scan_rows_message_id(scan->rows, get.message_ids.n);
    for (; get.user_ids.n < authors; get.user_ids.n++)
        get.user_ids.items[get.user_ids.n] = scan_rows_author_id(scan->rows, get.user_ids.n);
    return SCAN_ASK(scan, known_get, &get);
}

static bool is_new(const struct scan *scan, size_t author)
{
    struct ry_str id = scan_rows_author_id(scan->rows, author);
    for (size_t i = 0; i < scan->known_authors.n; i++)
        if (ry_str_eq(scan->known_authors.items[i], id))
            return false;
    return true;
}

static bool delivered_again(const struct scan *scan)
{
    return scan_order(scan)->attempts > 1 || scan->mail->envelope.attempt > 1;
}

enum scan_step scan_on_known_got(struct scan *scan, const struct ry_known_got *got)
{
    if (got->error.n > 0)
        return scan_hold(scan, "what is known", got->error);
    size_t gone = 0;
    if (!scan_rows_leave_out(scan->rows, got->message_ids, &gone))
        return scan_fail(scan, true, "no memory to leave out %zu messages", got->message_ids.n);
    scan->messages -= gone;
    scan->stopped = gone > 0 && scan->job.rescan == SCAN_RESCAN_STOP && !delivered_again(scan);
    struct ry_str *known = ry_arena_array(&scan->arena, got->user_ids.n, sizeof *known);
    if (known == NULL)
        return scan_fail(scan, true, "no memory for %zu authors", got->user_ids.n);
    for (size_t i = 0; i < got->user_ids.n; i++)
        known[i] = ry_arena_str(&scan->arena, got->user_ids.items[i]);
    scan->known_authors = (struct ry_strs){known, got->user_ids.n};
    for (size_t i = 0; i < scan_rows_authors(scan->rows); i++)
        if (!is_new(scan, i))
            scan_rows_keep_author(scan->rows, i);
    return SCAN_DAYS;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static bool looking_up(const struct scan *scan)
{
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++)
        if (scan->calls[i].call != NULL)
            return true;
    return false;
}

static int take_member(struct scan_call *call, struct ry_str body, struct ry_error *err)
{
    struct scan *scan = call->scan;
    RY_JSON_AUTO *doc = NULL;
    int rc = ry_json_parse(body, &doc, err);
    if (rc == RY_OK)
        rc = scan_rows_set_member(scan->rows, call->author, scan->job.guild_id, ry_json_root(doc), err);
    return rc;
}

static void scanner_on_member(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    struct scan_call *call = arg;
    struct scan *scan = call->scan;
    struct ry_error why;
    call->call = NULL;
    if (code == RY_OK)
        code = take_member(call, body, &why);
    else if (err != NULL)
        why = *err;
    if (code != RY_OK && ry_err_class((enum ry_err)code) != RY_CLASS_REJECT) {
        scan_run(scan, scan_fail_call(scan, code, &why));
        return;
    }
    if (code != RY_OK && code != RY_ENOENT) {
        ry_count(scan_ctx(scan), RY_COUNTER_members_unknown, 1);
        RY_LOG(RY_INFO, "member_unknown", "job=%.*s user=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id),
               RY_STR_ARG(scan_rows_author_id(scan->rows, call->author)), why.text);
    }
    scan_run(scan, SCAN_MEMBERS);
}

/* Looks up the next author with a free call. False: the scan is gone. */
static bool look_up(struct scan *scan, struct scan_call *call, size_t author)
{
    char route[64];
    char path[96];
    call->author = author;
    (void)snprintf(route, sizeof route, "/guilds/%.*s/members/:id", RY_STR_ARG(scan->job.guild_id));
    (void)snprintf(path, sizeof path, "/guilds/%.*s/members/%.*s", RY_STR_ARG(scan->job.guild_id),
                   RY_STR_ARG(scan_rows_author_id(scan->rows, author)));
    return scan_call(call, RY_DISCORD_GET, route, path, scanner_on_member) == RY_OK;
}

enum scan_step scan_step_members(struct scan *scan)
{
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++) {
        if (scan->calls[i].call != NULL)
            continue;
        size_t authors = scan_rows_authors(scan->rows);
        while (scan->next_author < authors &&
               !(scan_rows_author_counts(scan->rows, scan->next_author) && is_new(scan, scan->next_author)))
            scan->next_author++;
        if (scan->next_author == authors)
            break;
        if (!look_up(scan, &scan->calls[i], scan->next_author++))
            return SCAN_WAIT;
    }
    return looking_up(scan) ? SCAN_WAIT : SCAN_WRITE;
}

/* ---- write ------------------------------------------------------------------------------------------------------- */

static struct ry_str id_text(struct scan *scan, uint64_t id)
{
    return id > 0 ? ry_arena_printf(&scan->arena, "%" PRIu64, id) : (struct ry_str){0};
}

/* What the slice means for its scan. */
static struct ry_scan_progress make_progress(struct scan *scan)
{
    bool history = is_history(scan);
    bool thread = scan_reads_thread(scan); /* whose messages are no bounds of the channel */
    return (struct ry_scan_progress){.direction = history ? ry_str_of(scan->job.forward ? "forward" : "backward")
                                                          : RY_STR("live"),
                                     .newest_id = id_text(scan, thread ? 0 : scan->newest),
                                     .oldest_id = id_text(scan, thread ? 0 : scan->oldest),
                                     .messages = scan->messages,
                                     .clips = scan->clips,
                                     .rejected = scan->rejected,
                                     .ended = history && scan->next_json.p == NULL,
                                     .next = scan->next_json};
}

static bool has_progress(const struct scan *scan)
{
    bool live = scan->job.type == SCAN_JOB_MESSAGE && scan->newest > 0 && !scan_reads_thread(scan);
    return is_history(scan) || live;
}

enum scan_step scan_step_write(struct scan *scan)
{
    struct ry_batch_write batch = {.job_id = scan_order(scan)->job_id,
                                   .token = scan_order(scan)->token,
                                   .guild_id = scan->job.guild_id,
                                   .channel_id = scan->job.channel_id,
                                   .media_root = scan->job.media_root,
                                   .cancellable = is_history(scan),
                                   .fresh = !updates(scan)};
    struct ry_scan_progress progress;
    struct ry_error why;
    if (scan_wants_threads(scan))
        return SCAN_THREADS;
    size_t next = scan_rows_part(scan->rows, scan->next_row, PART_ROWS_MAX, PART_BYTES_MAX, &batch);
    bool last = next == scan_rows_messages(scan->rows);
    scan->clips = scan_rows_clips(scan->rows);
    if (next == scan->next_row && (scan->progress_sent || !has_progress(scan)))
        return SCAN_DONE;
    if (last && has_progress(scan)) {
        if (scan_make_next(scan, &why) != RY_OK)
            return scan_fail(scan, true, "%s", why.text);
        progress = make_progress(scan);
        batch.progress.items = &progress;
        batch.progress.n = 1;
        scan->progress_sent = true;
    }
    if (scan->job.brings_guild) {
        batch.guilds.items = &scan->job.guild;
        batch.guilds.n = 1;
    }
    if (scan->job.brings_channel) {
        batch.channels.items = &scan->job.channel;
        batch.channels.n = 1;
    }
    scan->next_row = next;
    return SCAN_ASK(scan, batch_write, &batch);
}

static void tell_failures(struct scan *scan, const struct ry_batch_written *written)
{
    for (size_t i = 0; i < written->failures.n; i++) {
        const struct ry_row_failure *failure = &written->failures.items[i];
        unsigned held_back = 0;
        if (ry_log_allowed(&scan->scanner->row_log, LOG_BURST, LOG_PERIOD_MS, &held_back))
            RY_LOG(RY_WARNING, "row_refused", "job=%.*s table=%.*s key=%.*s reason=%.*s held_back=%u",
                   RY_STR_ARG(scan_order(scan)->job_id), RY_STR_ARG(failure->table), RY_STR_ARG(failure->key),
                   RY_STR_ARG(failure->reason), held_back);
    }
    scan->rejected += written->failures.n;
}

enum scan_step scan_on_batch_written(struct scan *scan, const struct ry_batch_written *written)
{
    if (written->fenced) {
        RY_LOG(RY_WARNING, "job_fenced", "job=%.*s", RY_STR_ARG(scan_order(scan)->job_id));
        return scan_fail(scan, true, "another worker has taken the job over");
    }
    if (written->error.n > 0)
        return scan_hold(scan, "writing", written->error);
    if (written->cancelled) {
        RY_LOG(RY_INFO, "scan_cancelled", "job=%.*s channel=%.*s", RY_STR_ARG(scan_order(scan)->job_id),
               RY_STR_ARG(scan->job.channel_id));
        scan->next_json = (struct ry_str){0};
        return SCAN_DONE;
    }
    tell_failures(scan, written);
    return scan->step == SCAN_PLACE_WRITE ? scan_first_reading(scan) : SCAN_WRITE;
}
