/* job_fuzz.c: whatever bytes a job has, the scanner's engine takes it or refuses it with a reason, and every batch it
 * makes is one that the wire takes. The first byte chooses whether the job is the node's own. */
#include "actors/scanner/job.h"
#include "actors/scanner/rows.h"
#include "runtime/actor/actor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

static void check_reason(void *arg, struct ry_str message_id, const char *reason)
{
    check(arg == NULL && message_id.p != NULL && reason[0] != '\0');
}

static struct scan_settings *built_in_settings(void)
{
    struct scan_defaults defaults;
    struct scan_settings *settings = NULL;
    struct scan_layers layers = {.guild = {0}};
    struct ry_error err;
    check(scan_defaults_load("", &defaults, &err) == RY_OK);
    check(scan_settings_resolve(&defaults, &layers, &settings, &err) == RY_OK);
    scan_defaults_free(&defaults);
    return settings;
}

static void check_batches(const struct scan_job *job, struct scan_rows *rows)
{
    size_t first = 0;
    for (;;) {
        struct ry_batch_write batch = {.job_id = RY_STR("j"),
                                       .token = 1,
                                       .guild_id = job->guild_id,
                                       .channel_id = job->channel_id,
                                       .media_root = job->media_root};
        struct ry_guild_row guild = job->guild;
        struct ry_channel_row channel = job->channel;
        if (job->brings_guild) {
            batch.guilds.items = &guild;
            batch.guilds.n = 1;
        }
        if (job->brings_channel) {
            batch.channels.items = &channel;
            batch.channels.n = 1;
        }
        size_t next = scan_rows_part(rows, first, 3, 1000, &batch);
        struct ry_error err;
        check(ry_check(RY_TAG_batch_write, &batch, &err) == RY_OK);
        if (next == first)
            return;
        first = next;
    }
}

static void scan(const struct scan_job *job, bool local, struct scan_settings *settings)
{
    struct scan_rows_context context = {.guild_id = job->guild_id,
                                        .channel_id = job->channel_id,
                                        .settings = settings,
                                        .given_urls = local,
                                        .file_urls = local && job->media_root.p != NULL,
                                        .now_wall_ms = 1729350189000,
                                        .put_aside = check_reason};
    const struct ry_json *message = NULL;
    struct ry_json_walk walk = ry_json_walk(job->messages);
    struct scan_rows *rows = scan_rows_new(walk.left);
    struct ry_error err;
    check(rows != NULL);
    while (ry_json_next(&walk, &message))
        check(scan_rows_add(rows, &context, message, &err) == RY_OK);
    check_batches(job, rows);
    scan_rows_free(&rows);
}

/* The job of a type that the queue would have told, if it is one. */
static bool parse(struct ry_str json, const char *type, bool local, struct scan_job *job)
{
    struct ry_error err = {0};
    int rc = scan_job_parse(json, ry_str_of(type), local, job, &err);
    check(rc == RY_OK || (job->root == NULL && err.text[0] != '\0'));
    return rc == RY_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const TYPES[] = {"messages",    "batch",           "message",
                                        "rescan",      "thumbnail_retry", "thumbnail_cleanup",
                                        "purge_guild", "purge_channel",   "message_deletion"};
    if (size == 0)
        return 0;
    bool local = data[0] % 2 == 0;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        struct scan_job job;
        if (!parse((struct ry_str){(const char *)data + 1, size - 1}, TYPES[i], local, &job))
            continue;
        if (job.type == SCAN_JOB_MESSAGES) {
            struct scan_settings *settings = built_in_settings();
            scan(&job, local, settings);
            scan_settings_unref(&settings);
        }
        scan_job_free(&job);
    }
    return 0;
}
