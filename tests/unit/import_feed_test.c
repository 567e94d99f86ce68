/* import_feed_test.c: every message with attachments gets into the queue once, however often the import is ended in the
 * middle, and its jobs are ones that the scanner takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/job.h"
#include "runtime/json/read.h"
#include "runtime/import/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES  4000
#define EVERY     2 /* so many messages there are for each with an attachment */
#define CLIPS     (MESSAGES / EVERY)
#define JOB_SIZE  100
#define GROUP     16
#define LEASES    200
#define LEASE_MS  60000
#define PATH_SIZE 128

struct place {
    char folder[64];
    char export[PATH_SIZE];
    char database[PATH_SIZE];
    struct ry_job_queue *queue;
    struct ry_clock_manual clock;
    unsigned put_aside;
};

static void write_export(const struct place *place, int messages, const char *end)
{
    FILE *file = fopen(place->export, "w");
    assert_non_null(file);
    fputs(
        "{\"guild\":{\"id\":\"1\",\"name\":\"G\\u00fc \\\"x\\\"\",\"iconUrl\":null},\"channel\":{\"id\":\"2\",\"type\":"
        "\"GuildTextChat\",\"categoryId\":null,\"name\":\"C\",\"topic\":\"T\"},\"messages\":[",
        file);
    for (int i = 0; i < messages; i++) {
        fprintf(file, "%s{\"id\":\"%d\",\"content\":\"c\",\"author\":{\"id\":\"9\",\"name\":\"u\"},\"attachments\":[",
                i > 0 ? ",\n" : "", i + 1);
        if (i % EVERY == 0)
            fprintf(file, "{\"id\":\"%d\",\"url\":\"f/%d.mp4\",\"fileName\":\"%d.mp4\",\"fileSizeBytes\":1}", i + 1, i,
                    i);
        fputs("]}", file);
    }
    fputs(end, file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    *state = place;
    if (place == NULL)
        return -1;
    strcpy(place->folder, "/tmp/reelyard-feed.XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return -1;
    snprintf(place->export, sizeof place->export, "%s/export.json", place->folder);
    snprintf(place->database, sizeof place->database, "%s/reelyard.db", place->folder);
    ry_clock_manual_init(&place->clock, 1729350189000);
    struct ry_error err;
    return ry_job_queue_sqlite_open(place->database, &place->clock.clock, &place->queue, &err);
}

static int tear_down(void **state)
{
    struct place *place = *state;
    static const char *const NAMES[] = {"export.json", "reelyard.db", "reelyard.db-wal", "reelyard.db-shm"};
    ry_job_queue_close(&place->queue);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char path[2 * PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", place->folder, NAMES[i]);
        unlink(path);
    }
    int rc = rmdir(place->folder);
    free(place);
    return rc;
}

static void count_put_aside(void *arg, const char *reason)
{
    (void)reason;
    ((struct place *)arg)->put_aside++;
}

static struct ry_import_feed *open_feed(struct place *place)
{
    struct ry_import_feed_options options = {.path = place->export,
                                             .queue = place->queue,
                                             .clock = &place->clock.clock,
                                             .put_aside = count_put_aside,
                                             .put_aside_arg = place};
    struct ry_import_feed *feed = NULL;
    struct ry_error err = {0};
    if (ry_import_feed_open(&feed, &options, &err) != RY_OK)
        fail_msg("%s", err.text);
    return feed;
}

/* Feeds until the end, or until so many pushes were made (0: no limit). Returns the last step. */
static int run_feed(struct ry_import_feed *feed, unsigned pushes_max, struct ry_error *err)
{
    unsigned pushes = 0;
    for (;;) {
        int step = ry_import_feed_step(feed, err);
        struct ry_error why = {0};
        if (step != RY_IMPORT_MORE && ry_import_feed_push(feed, &why) != RY_OK)
            fail_msg("%s", why.text);
        if (step == RY_IMPORT_END || step < 0)
            return step;
        if (step == RY_IMPORT_PUSH && ++pushes == pushes_max)
            return step;
    }
}

/* Takes all jobs out of the queue and counts each message in them; `ids` (may be NULL) gets the jobs' ids. */
static size_t take_jobs(struct place *place, unsigned char seen[MESSAGES], char ids[LEASES][40])
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 20);
    struct ry_lease leases[LEASES];
    size_t n = 0;
    struct ry_error err = {0};
    const struct ry_job_queue_ops *ops = place->queue->ops;
    assert_int_equal(
        ops->read(place->queue, RY_STR("t"), LEASES, RY_PRIORITY_BACKFILL, LEASE_MS, &arena, leases, &n, &err), RY_OK);
    for (size_t i = 0; i < n; i++) {
        struct scan_job job;
        if (scan_job_parse(leases[i].json, RY_STR("messages"), true, &job, &err) != RY_OK)
            fail_msg("%s", err.text);
        assert_true(job.brings_guild && job.brings_channel);
        assert_true(ry_str_is(job.guild.name, "G\u00fc \"x\""));
        assert_true(ry_str_is(job.media_root, place->folder));
        assert_true(ry_json_count(job.messages) <= JOB_SIZE);
        const struct ry_json *message = NULL;
        struct ry_json_walk walk = ry_json_walk(job.messages);
        while (ry_json_next(&walk, &message)) {
            struct ry_str id;
            uint64_t number = 0;
            assert_int_equal(ry_json_read_id(message, "", "id", true, &id, &err), RY_OK);
            assert_true(ry_str_u64(id, &number) && number <= MESSAGES);
            seen[number - 1]++;
        }
        assert_true(ry_str_is(leases[i].type, "messages"));
        assert_int_equal(leases[i].job_id.n, 36);
        if (ids != NULL)
            snprintf(ids[i], 40, "%.*s", RY_STR_ARG(leases[i].job_id));
        scan_job_free(&job);
        assert_int_equal(ops->ack(place->queue, leases[i].job_id, leases[i].token, NULL, 0, &err), RY_OK);
    }
    return n;
}

static void expect_each_once(const unsigned char seen[MESSAGES])
{
    for (int i = 0; i < MESSAGES; i++)
        if (seen[i] != (i % EVERY == 0))
            fail_msg("message %d is %u times in the queue", i + 1, seen[i]);
}

static void every_message_with_attachments_gets_into_one_job(void **state)
{
    struct place *place = *state;
    unsigned char seen[MESSAGES] = {0};
    struct ry_error err = {0};
    write_export(place, MESSAGES, "]}");
    struct ry_import_feed *feed = open_feed(place);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    struct ry_import_counts counts = ry_import_feed_counts(feed);
    assert_int_equal(counts.messages, MESSAGES);
    assert_int_equal(counts.with_attachments, CLIPS);
    assert_int_equal(counts.put_aside, 0);
    assert_int_equal(ry_import_feed_offset(feed), ry_import_feed_size(feed));
    ry_import_feed_close(&feed);
    assert_int_equal(take_jobs(place, seen, NULL), CLIPS / JOB_SIZE);
    expect_each_once(seen);
}

static void an_import_that_is_ended_anywhere_goes_on_there(void **state)
{
    struct place *place = *state;
    unsigned char seen[MESSAGES] = {0};
    struct ry_error err = {0};
    write_export(place, MESSAGES, "]}");
    struct ry_import_feed *feed = open_feed(place);
    assert_false(ry_import_feed_resumed(feed));
    /* After one push, and with messages read that are not pushed. */
    assert_int_equal(run_feed(feed, 1, &err), RY_IMPORT_PUSH);
    assert_int_equal(ry_import_feed_step(feed, &err), RY_IMPORT_MORE);
    ry_import_feed_close(&feed);
    assert_int_equal(take_jobs(place, seen, NULL), GROUP);

    feed = open_feed(place);
    assert_true(ry_import_feed_resumed(feed));
    assert_int_equal(ry_import_feed_counts(feed).with_attachments, GROUP * JOB_SIZE);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    assert_int_equal(ry_import_feed_counts(feed).messages, MESSAGES);
    assert_int_equal(ry_import_feed_counts(feed).with_attachments, CLIPS);
    ry_import_feed_close(&feed);
    take_jobs(place, seen, NULL);
    expect_each_once(seen);

    feed = open_feed(place);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    ry_import_feed_close(&feed);
    assert_int_equal(take_jobs(place, seen, NULL), 0);
}

static void a_push_in_the_middle_of_a_job_leaves_nothing_out(void **state)
{
    struct place *place = *state;
    unsigned char seen[MESSAGES] = {0};
    struct ry_error err = {0};
    write_export(place, MESSAGES, "]}");
    for (int step = RY_IMPORT_MORE; step != RY_IMPORT_END;) {
        struct ry_import_feed *feed = open_feed(place);
        step = ry_import_feed_step(feed, &err);
        assert_int_equal(ry_import_feed_push(feed, &err), RY_OK);
        ry_import_feed_close(&feed);
    }
    take_jobs(place, seen, NULL);
    expect_each_once(seen);
}

static void an_import_from_the_beginning_makes_the_same_jobs(void **state)
{
    struct place *place = *state;
    static char first[LEASES][40];
    static char second[LEASES][40];
    unsigned char seen[MESSAGES] = {0};
    struct ry_error err = {0};
    write_export(place, MESSAGES, "]}");
    struct ry_import_feed *feed = open_feed(place);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    char *cursor = strdup(ry_import_feed_cursor(feed));
    ry_import_feed_close(&feed);
    assert_int_equal(ry_import_forget(place->queue, cursor, &err), RY_OK);
    free(cursor);
    size_t n = take_jobs(place, seen, first);
    feed = open_feed(place);
    assert_false(ry_import_feed_resumed(feed));
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    ry_import_feed_close(&feed);
    assert_int_equal(take_jobs(place, seen, second), n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(first[i], second[i]);
        assert_true(i == 0 || strcmp(first[i - 1], first[i]) != 0);
    }
}

static void another_file_of_that_name_is_read_from_its_beginning(void **state)
{
    struct place *place = *state;
    struct ry_error err = {0};
    write_export(place, 10, "]}");
    struct ry_import_feed *feed = open_feed(place);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    ry_import_feed_close(&feed);
    write_export(place, 12, "]}");
    feed = open_feed(place);
    assert_false(ry_import_feed_resumed(feed));
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    assert_int_equal(ry_import_feed_counts(feed).messages, 12);
    ry_import_feed_close(&feed);
}

static void what_comes_before_the_damage_is_pushed(void **state)
{
    struct place *place = *state;
    unsigned char seen[MESSAGES] = {0};
    struct ry_error err = {0};
    write_export(place, MESSAGES, ",{\"id\":\"1");
    for (int round = 0; round < 2; round++) {
        struct ry_import_feed *feed = open_feed(place);
        assert_int_equal(run_feed(feed, 0, &err), RY_EINVAL);
        assert_non_null(strstr(err.text, "export.json: the file ends in the middle of a value"));
        ry_import_feed_close(&feed);
    }
    take_jobs(place, seen, NULL);
    expect_each_once(seen);
}

static void bad_messages_are_put_aside_and_counted_over_runs(void **state)
{
    struct place *place = *state;
    unsigned char seen[MESSAGES] = {0};
    struct ry_error err = {0};
    write_export(place, MESSAGES, ",17,{\"id\":\"x\",\"attachments\":[1]},{\"attachments\":[1],}]}");
    struct ry_import_feed *feed = open_feed(place);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    assert_int_equal(place->put_aside, 3);
    ry_import_feed_close(&feed);
    feed = open_feed(place);
    assert_int_equal(ry_import_feed_counts(feed).put_aside, 3);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    assert_int_equal(place->put_aside, 3);
    ry_import_feed_close(&feed);
    take_jobs(place, seen, NULL);
    expect_each_once(seen);
}

static void make_empty(const char *folder, const char *name)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* Whose folder a job registers, so that a message with files of two folders is in a job of each. */
/* An export of four messages with videos in its own folder, in another one, in both, and in its own. */
static void write_folders_export(const struct place *place)
{
    FILE *file = fopen(place->export, "w");
    assert_non_null(file);
    fputs(
        "{\"guild\":{\"id\":\"1\",\"name\":\"G\"},\"channel\":{\"id\":\"2\",\"type\":\"GuildTextChat\",\"name\":\"C\"},"
        "\"messages\":[",
        file);
#define OWN   "{\"id\":\"7\",\"url\":\"own.mp4\",\"fileName\":\"own.mp4\"}"
#define MEDIA "{\"id\":\"8\",\"url\":\"C:\\\\m.mp4\",\"fileName\":\"m.mp4\"}"
    static const char *const attachments[] = {OWN, MEDIA, OWN "," MEDIA, OWN};
#undef OWN
#undef MEDIA
    for (int i = 0; i < 4; i++)
        fprintf(file, "%s{\"id\":\"%d\",\"author\":{\"id\":\"9\",\"name\":\"u\"},\"attachments\":[%s]}", i ? "," : "",
                i + 1, attachments[i]);
    fputs("]}", file);
    assert_int_equal(fclose(file), 0);
}

/* The jobs in the queue: for each its media root and the ids of its messages. */
static void list_folders_jobs(const struct place *place, const char *media, char *jobs, size_t size)
{
    struct ry_error err = {0};
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
    struct ry_lease leases[LEASES];
    size_t n = 0, at = 0;
    jobs[0] = '\0';
    assert_int_equal(place->queue->ops->read(place->queue, RY_STR("t"), LEASES, RY_PRIORITY_BACKFILL, LEASE_MS, &arena,
                                             leases, &n, &err),
                     RY_OK);
    for (size_t i = 0; i < n; i++) {
        struct scan_job job;
        const struct ry_json *message = NULL;
        assert_int_equal(scan_job_parse(leases[i].json, RY_STR("messages"), true, &job, &err), RY_OK);
        struct ry_json_walk walk = ry_json_walk(job.messages);
        at += (size_t)snprintf(jobs + at, size - at, "%s%s", i ? " " : "",
                               ry_str_is(job.media_root, media) ? "media" : "own");
        while (ry_json_next(&walk, &message))
            at += (size_t)snprintf(jobs + at, size - at, ":%.*s", RY_STR_ARG(ry_json_get_str(message, "id")));
        scan_job_free(&job);
    }
}

static void every_folder_of_a_message_is_the_media_root_of_one_of_its_jobs(void **state)
{
    struct place *place = *state;
    char media[] = "/tmp/reelyard-feed-media.XXXXXX";
    char file_path[PATH_SIZE];
    struct ry_error err = {0};
    assert_non_null(mkdtemp(media));
    make_empty(place->folder, "own.mp4");
    make_empty(media, "m.mp4");
    write_folders_export(place);
    const char *dirs[] = {media};
    struct ry_import_feed_options options = {.path = place->export,
                                             .media_dirs = dirs,
                                             .media_dir_count = 1,
                                             .queue = place->queue,
                                             .clock = &place->clock.clock,
                                             .put_aside = count_put_aside,
                                             .put_aside_arg = place};
    struct ry_import_feed *feed = NULL;
    assert_int_equal(ry_import_feed_open(&feed, &options, &err), RY_OK);
    assert_int_equal(run_feed(feed, 0, &err), RY_IMPORT_END);
    assert_int_equal(ry_import_feed_counts(feed).with_attachments, 4);
    ry_import_feed_close(&feed);
    /* Without the folder it is another import, which does not go on where this one ended. */
    options.media_dir_count = 0;
    assert_int_equal(ry_import_feed_open(&feed, &options, &err), RY_OK);
    assert_false(ry_import_feed_resumed(feed));
    ry_import_feed_close(&feed);
    options.media_dir_count = 1;
    assert_int_equal(ry_import_feed_open(&feed, &options, &err), RY_OK);
    assert_true(ry_import_feed_resumed(feed));
    ry_import_feed_close(&feed);
    char jobs[256];
    list_folders_jobs(place, media, jobs, sizeof jobs);
    assert_string_equal(jobs, "own:1 media:2 own:3 media:3 own:4");
    snprintf(file_path, sizeof file_path, "%s/m.mp4", media);
    assert_int_equal(unlink(file_path) | rmdir(media), 0);
    snprintf(file_path, sizeof file_path, "%s/own.mp4", place->folder);
    assert_int_equal(unlink(file_path), 0);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(every_message_with_attachments_gets_into_one_job),
        IN_PLACE(an_import_that_is_ended_anywhere_goes_on_there),
        IN_PLACE(a_push_in_the_middle_of_a_job_leaves_nothing_out),
        IN_PLACE(an_import_from_the_beginning_makes_the_same_jobs),
        IN_PLACE(another_file_of_that_name_is_read_from_its_beginning),
        IN_PLACE(every_folder_of_a_message_is_the_media_root_of_one_of_its_jobs),
        IN_PLACE(what_comes_before_the_damage_is_pushed),
        IN_PLACE(bad_messages_are_put_aside_and_counted_over_runs),
    };
    return cmocka_run_group_tests_name("import_feed", tests, NULL, NULL);
}
