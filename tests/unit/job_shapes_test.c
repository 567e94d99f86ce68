/* job_shapes_test.c: every shape of a job that the bot and the interface can push, as data: each is accepted by the
 * queue's reader and by the scanner, and means what its producer meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/ingester/job_head.h"
#include "actors/scanner/job.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define ID "\"job_id\":\"0b0c2a5e-7c1e-4f5e-9a53-4a5f0f1d2c3b\""
/* Python: json.dumps of pydantic's model_dump(mode="json"); TypeScript: JSON.stringify. */
#define PY_TIME "\"created_at\": \"2024-10-19T15:03:09.159000Z\""
#define JS_TIME "\"created_at\":\"2024-10-19T15:03:09.159Z\""
#define PLACE   "\"guild_id\": \"928427413694734396\", \"channel_id\": \"1424914917202464798\""
#define GLOBAL  "\"guild_id\":\"global\",\"channel_id\":\"global\""

/* startBatchScan of the interface */
#define JS_BATCH(direction, before, after, goes_on, rescan) \
    "{" ID "," PLACE ",\"type\":\"batch\",\"direction\":\"" direction "\",\"before_message_id\":" before \
    ",\"after_message_id\":" after ",\"auto_continue\":" goes_on ",\"rescan\":\"" rescan "\"," JS_TIME "}"
/* BatchScanJob of the bot and of the old worker */
#define PY_BATCH(direction, limit, before, after, rescan) \
    "{" ID ", \"type\": \"batch\", " PLACE ", " PY_TIME ", \"direction\": \"" direction "\", \"limit\": " limit \
    ", \"before_message_id\": " before ", \"after_message_id\": " after \
    ", \"auto_continue\": true, \"rescan\": \"" rescan "\"}"
#define SOME_ID                   "\"1297213456789012480\""
#define JS_CLEANUP(more)          "{" ID "," GLOBAL ",\"type\":\"thumbnail_cleanup\"," more JS_TIME "}"
#define PY_JOB(type, place, more) "{" ID ", \"type\": \"" type "\", " place ", " PY_TIME more "}"
#define PURGE(time)               "{" ID "," PLACE ",\"type\":\"purge_channel\"," time "}"

static const struct {
    const char *json;
    const char *type;
    const char *means;
} shapes[] = {
    {JS_BATCH("backward", "null", "null", "true", "stop"), "batch", "backward 0 < > stop goes on"},
    {JS_BATCH("forward", "null", SOME_ID, "true", "continue"), "batch",
     "forward 0 < >1297213456789012480 continue goes on"},
    {JS_BATCH("backward", SOME_ID, "null", "false", "update"), "batch",
     "backward 0 <1297213456789012480 > update alone"},
    {PY_BATCH("forward", "100", "null", SOME_ID, "stop"), "batch", "forward 100 < >1297213456789012480 stop goes on"},
    {PY_BATCH("backward", "50", "null", "null", "stop"), "batch", "backward 50 < > stop goes on"},
    {PY_BATCH("backward", "1000", SOME_ID, "null", "update"), "batch",
     "backward 1000 <1297213456789012480 > update goes on"},
    /* what producers may leave out */
    {"{" ID "," PLACE ",\"type\":\"batch\"," JS_TIME "}", "batch", "default backward 0 < > stop alone"},
    {"{" ID "," PLACE
     ",\"type\":\"batch\",\"direction\":null,\"limit\":null,\"auto_continue\":null,\"rescan\":null," JS_TIME "}",
     "batch", "default backward 0 < > stop alone"},
    /* queueMessageScan; the bot's message batcher, which gathers in a set */
    {"{" ID "," PLACE ",\"type\":\"message\",\"message_ids\":[" SOME_ID "]," JS_TIME "}", "message", "1 ids"},
    {"{" ID "," PLACE ",\"type\":\"message\",\"message_ids\":[]," JS_TIME "}", "message", "0 ids"},
    {PY_JOB("message", PLACE, ", \"message_ids\": [" SOME_ID ", \"111222333444555\", " SOME_ID "]"), "message",
     "3 ids"},
    /* queueChannelPurge, queueGuildPurge */
    {PURGE(JS_TIME), "purge_channel", "all"},
    {"{" ID ",\"guild_id\":\"928427413694734396\",\"channel_id\":\"0\",\"type\":\"purge_guild\"," JS_TIME "}",
     "purge_guild", "all"},
    {PY_JOB("purge_guild", PLACE, ""), "purge_guild", "all"},
    /* queueThumbnailCleanup: any number of JavaScript, where NaN and Infinity become null */
    {JS_CLEANUP("\"timeout_minutes\":30,"), "thumbnail_cleanup", "30 minutes"},
    {JS_CLEANUP("\"timeout_minutes\":0.5,"), "thumbnail_cleanup", "0.5 minutes"},
    {JS_CLEANUP("\"timeout_minutes\":0,"), "thumbnail_cleanup", "0 minutes"},
    {JS_CLEANUP("\"timeout_minutes\":-5,"), "thumbnail_cleanup", "0 minutes"},
    {JS_CLEANUP("\"timeout_minutes\":1e+21,"), "thumbnail_cleanup", "1e+21 minutes"},
    {JS_CLEANUP("\"timeout_minutes\":null,"), "thumbnail_cleanup", "30 minutes"},
    {JS_CLEANUP(""), "thumbnail_cleanup", "30 minutes"},
    {PY_JOB("thumbnail_cleanup", PLACE, ", \"timeout_minutes\": 60"), "thumbnail_cleanup", "60 minutes"},
    {PY_JOB("thumbnail_retry", PLACE, ", \"clip_ids\": [\"clip_abc123\", \"clip_def456\"], \"retry_count\": 1"),
     "thumbnail_retry", "2 ids"},
    {PY_JOB("thumbnail_retry", GLOBAL, ", \"clip_ids\": [], \"retry_count\": 0"), "thumbnail_retry", "0 ids"},
    {PY_JOB("thumbnail_retry", GLOBAL, ", \"clip_ids\": null"), "thumbnail_retry", "0 ids"},
    {PY_JOB("thumbnail_retry", "\"guild_id\": \"global\", \"channel_id\": \"0\"", ""), "thumbnail_retry", "0 ids"},
    {PY_JOB("rescan", PLACE, ", \"reason\": \"settings_changed\", \"reset_scan_status\": true"), "rescan",
     "backward 0 < > update goes on restarts resets"},
    {PY_JOB("rescan", PLACE, ", \"reason\": \"manual_trigger\", \"reset_scan_status\": false"), "rescan",
     "backward 0 < > update goes on restarts"},
    {PY_JOB("rescan", PLACE, ""), "rescan", "backward 0 < > update goes on restarts"},
    {PY_JOB("message_deletion", PLACE, ", \"message_id\": " SOME_ID), "message_deletion", "1297213456789012480"},
    /* other times, and fields of later versions */
    {PURGE("\"created_at\":\"2024-10-19T15:03:09Z\""), "purge_channel", "all"},
    {PURGE("\"created_at\":\"2024-10-19T15:03:09.159000+00:00\""), "purge_channel", "all"},
    {PURGE("\"created_at\":\"2024-10-19T15:03:09.159000\""), "purge_channel", "all"},
    {PURGE(JS_TIME ",\"requested_by\":{\"name\":\"n\\u00e9\",\"at\":[1.5]}"), "purge_channel", "all"},
};

/* What the scanner makes of it, in one line. */
static void describe(const struct scan_job *job, char text[200])
{
    static const char *const rescans[] = {"stop", "continue", "update"};
    switch (job->type) {
    case SCAN_JOB_BATCH:
    case SCAN_JOB_RESCAN:
        (void)snprintf(text, 200, "%s%s %llu <%.*s >%.*s %s %s%s%s",
                       job->direction_told || job->type == SCAN_JOB_RESCAN ? "" : "default ",
                       job->forward ? "forward" : "backward", (unsigned long long)job->limit,
                       RY_STR_ARG(job->before_id), RY_STR_ARG(job->after_id), rescans[job->rescan],
                       job->auto_continue ? "goes on" : "alone", job->restart ? " restarts" : "",
                       job->reset ? " resets" : "");
        break;
    case SCAN_JOB_MESSAGE:
    case SCAN_JOB_THUMBNAIL_RETRY: (void)snprintf(text, 200, "%zu ids", ry_json_count(job->ids)); break;
    case SCAN_JOB_THUMBNAIL_CLEANUP: (void)snprintf(text, 200, "%g minutes", job->timeout_minutes); break;
    case SCAN_JOB_MESSAGE_DELETION: (void)snprintf(text, 200, "%.*s", RY_STR_ARG(job->message_id)); break;
    default: (void)snprintf(text, 200, "all"); break;
    }
}

static void every_shape_of_the_producers_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct job_head head;
        struct scan_job job;
        struct ry_error err = {.text = ""};
        char text[200] = "";
        struct ry_str json = ry_str_of(shapes[i].json);
        if (job_head_read(&head, json, &err) != RY_OK || !ry_str_is(head.type, shapes[i].type))
            fail_msg("%s: %s", shapes[i].json, err.text);
        if (scan_job_parse(json, head.type, false, &job, &err) != RY_OK)
            fail_msg("%s: %s", shapes[i].json, err.text);
        describe(&job, text);
        if (strcmp(text, shapes[i].means) != 0)
            fail_msg("%s: %s", shapes[i].json, text);
        scan_job_free(&job);
        job_head_free(&head);
    }
}

static void a_place_that_a_job_needs_must_be_one(void **state)
{
    (void)state;
    static const char *const types[] = {"batch", "message", "rescan", "message_deletion", "purge_channel"};
    for (size_t i = 0; i < COUNT(types); i++) {
        char json[400];
        struct scan_job job;
        struct ry_error err = {.text = ""};
        (void)snprintf(json, sizeof json,
                       "{" ID ",\"guild_id\":\"1\",\"channel_id\":\"global\",\"type\":\"%s\",\"message_ids\":[],"
                       "\"message_id\":\"1\"," JS_TIME "}",
                       types[i]);
        assert_int_equal(scan_job_parse(ry_str_of(json), ry_str_of(types[i]), false, &job, &err), RY_EINVAL);
        assert_non_null(strstr(err.text, "channel_id 'global' is not a snowflake"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_the_producers_is_accepted),
        cmocka_unit_test(a_place_that_a_job_needs_must_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
