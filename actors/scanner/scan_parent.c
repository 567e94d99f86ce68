/* scan_parent.c: the channel of a live message whose channel has no row: perhaps a thread, whose channel is then
 * scanned in its place.
 *
 * What Discord said of an id is kept for a while (thread_parents.h), also that it is no thread, so that a busy thread
 * costs one call. A crash loses only that. */
#include "actors/scanner/scan_parent.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/scanner/scan_status.h"
#include "actors/scanner/scan_steps.h"
#include "actors/scanner/scanner_internal.h"
#include "runtime/json/read.h"

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
        rc = ry_fail(err, RY_EINVAL, "it is not a thread of this guild");
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

static enum scan_step step_parent(struct scan *scan)
{
    char path[80];
    (void)snprintf(path, sizeof path, "/channels/%.*s", RY_STR_ARG(scan->job.channel_id));
    (void)scan_call(&scan->calls[0], RY_DISCORD_GET, path, path, scanner_on_parent);
    return SCAN_WAIT;
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_PARENT, RY_TAG_NONE, step_parent, NULL},
};
const struct scan_steps scan_parent_steps = {STEPS, sizeof STEPS / sizeof *STEPS};
