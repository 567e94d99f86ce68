/* scan_known.c: what is known already, and who the new authors are.
 *
 * known    which of the messages and authors that were read have rows already. What is known is left out (but on
 *          update), and ends a scan in mode stop.
 * members  history tells nothing of authors as members of the guild, so new ones (on update: all) are looked up. One
 *          who is no member, or whom Discord will not tell of, stays as his message shows him. The rows of known ones
 *          are left alone, for a message knows less of them.
 *
 * A job that was delivered again without a slice on record may have written some parts of its slice before it was cut
 * off: rows it finds may be its own. So it never stops; at worst one slice more is read, which then stops. */
#include "actors/scanner/scan_steps.h"

#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/json/read.h"

/* ---- known ------------------------------------------------------------------------------------------------------- */

static enum scan_step step_known(struct scan *scan)
{
    size_t messages = scan_updates(scan) ? 0 : scan_rows_messages(scan->rows);
    bool all_authors = scan_is_history(scan) && scan->job.rescan == SCAN_RESCAN_UPDATE;
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

static enum scan_step on_known_got(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_known_got *got = RY_BODY(mail, known_got);
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

static enum scan_step step_members(struct scan *scan)
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

static const struct scan_step_spec STEPS[] = {
    {SCAN_KNOWN, RY_TAG_known_got, step_known, on_known_got},
    {SCAN_MEMBERS, RY_TAG_NONE, step_members, NULL},
};
const struct scan_steps scan_known_steps = {STEPS, sizeof STEPS / sizeof *STEPS};
