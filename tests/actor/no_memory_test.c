/* no_memory_test.c: a job that finds no memory is tried again, wherever it finds none: it never becomes a dead letter
 * for that.
 *
 * malloc is this program's own: it refuses large blocks when told to, first the first of them, then the second, and so
 * on until none is asked for that is refused. What is large are the bytes of a job and of its rows. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/ingester/ingester.h"
#include "actors/scanner/scanner.h"
#include "runtime/base/log.h"
#include "runtime/queue/job_queue.h"
#include "tests/bed/skip.h"

#define LARGE_BYTES ((size_t)1 << 20)
#define REFUSALS    20 /* more than there are large blocks */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static long refuse_in = -1; /* so many large blocks are given before one is refused; negative: none is */
static bool refused;

#if !SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool refuses(size_t n)
{
    if (n < LARGE_BYTES || refuse_in < 0 || refuse_in-- > 0)
        return false;
    refused = true;
    return true;
}

void *malloc(size_t n)
{
    return refuses(n) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return refuses(n * size) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return refuses(n) ? NULL : __libc_realloc(p, n);
}

void free(void *p)
{
    __libc_free(p);
}
#endif

static void begin_refusing(long after)
{
    refused = false;
    refuse_in = after;
}

/* A job of so many messages of 4,000 letters. */
static struct ry_str make_job(struct ry_buf *json, unsigned messages)
{
    char content[4001];
    memset(content, 'x', sizeof content - 1);
    content[sizeof content - 1] = '\0';
    ry_buf_reset(json);
    ry_buf_addf(json, "{\"job_id\":\"j\",\"type\":\"messages\",\"guild_id\":\"1\",\"channel_id\":\"2\",\"created_at\":"
                      "\"2024-01-01T00:00:00Z\",\"messages\":[");
    for (unsigned i = 0; i < messages; i++)
        ry_buf_addf(json,
                    "%s{\"id\":\"%u\",\"timestamp\":\"2024-01-01T00:00:00Z\",\"content\":\"%s\",\"author\":{\"id\":"
                    "\"9\",\"username\":\"u\"},\"attachments\":[{\"id\":\"1\",\"filename\":\"a.mp4\",\"size\":1,"
                    "\"url\":\"https://cdn.discordapp.com/a.mp4\",\"content_type\":\"video/mp4\"}]}",
                    i ? "," : "", 4194304 + i, content);
    ry_buf_addf(json, "]}");
    assert_false(json->failed);
    return ry_buf_str(json);
}

/* Runs the job to its batch or to its failure; whether it came to the batch. */
static bool scan(struct bed *bed, struct ry_str json, long after)
{
    struct ry_job_run run = {.job_id = RY_STR("j"),
                             .type = RY_STR("messages"),
                             .token = 1,
                             .local_media = true,
                             .job = {.p = json.p, .n = json.n}};
    struct ry_settings_got got = {.guild_exists = true,
                                  .channel_exists = true,
                                  .guild_enabled = true,
                                  .channel_enabled = true,
                                  .channel_type = RY_STR("text")};
    uint64_t job = BED_DELIVER(bed, job_run, &run, NULL);
    (void)BED_EXPECT(bed, settings_get);
    begin_refusing(after);
    BED_ANSWER(bed, bed_envelope(bed)->id, settings_got, &got);
    refuse_in = -1;
    bool written = bed_next_tag(bed) == RY_TAG_batch_write;
    while (bed_next_tag(bed) == RY_TAG_batch_write) {
        struct ry_batch_written answer = {.succeeded = 1};
        (void)BED_EXPECT(bed, batch_write);
        BED_ANSWER(bed, bed_envelope(bed)->id, batch_written, &answer);
    }
    if (written) {
        (void)BED_EXPECT(bed, job_done);
    } else {
        const struct ry_job_failed *failed = BED_EXPECT(bed, job_failed);
        if (!failed->retry)
            fail_msg("not tried again: %.*s", RY_STR_ARG(failed->reason));
    }
    bed_expect_done(bed, job);
    return written;
}

static void rows_that_find_no_memory_are_scanned_again(void **state)
{
    (void)state;
    RY_BUF_AUTO json = ry_buf_make((size_t)16 << 20);
    struct bed *bed = bed_new(&ry_scanner_spec, NULL);
    (void)make_job(&json, 600);
    /* The rows' blocks, then the batch's when it is checked. */
    for (long after = 0; after < 3; after++) {
        assert_false(scan(bed, ry_buf_str(&json), after));
        assert_true(refused);
    }
    assert_true(scan(bed, ry_buf_str(&json), -1));
    bed_free(bed);
}

static void a_job_that_finds_no_memory_stays_in_the_queue(void **state)
{
    (void)state;
    RY_BUF_AUTO json = ry_buf_make((size_t)16 << 20);
    (void)make_job(&json, 600);
    long after = 0;
    do {
        struct bed *bed = bed_new(&ry_ingester_spec, (bed_option[]){{"poll_ms", "200"}, {NULL, NULL}});
        char path[256];
        (void)snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
        struct ry_job_queue *queue = NULL;
        struct ry_job_push job = {.job_id = RY_STR("j"),
                                  .type = RY_STR("messages"),
                                  .guild_id = RY_STR("1"),
                                  .channel_id = RY_STR("2"),
                                  .priority = RY_PRIORITY_BACKFILL,
                                  .json = ry_buf_str(&json)};
        size_t accepted = 0;
        assert_int_equal(ry_job_queue_sqlite_open(path, ry_clock_system(), &queue, NULL), RY_OK);
        assert_int_equal(queue->ops->push(queue, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, NULL),
                         RY_OK);
        ry_job_queue_close(&queue);
        begin_refusing(after);
        bed_advance(bed, 200);
        refuse_in = -1;
        for (unsigned minute = 0; bed_next_tag(bed) != RY_TAG_job_run && minute < 60; minute++)
            bed_advance(bed, 60000);
        struct ry_str run = {BED_EXPECT(bed, job_run)->job.p, json.n};
        assert_memory_equal(run.p, json.p, json.n);
        bed_free(bed);
    } while (refused && after++ < REFUSALS);
    assert_between(after, 1, REFUSALS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_find_no_memory_are_scanned_again),
        cmocka_unit_test(a_job_that_finds_no_memory_stays_in_the_queue),
    };
    if (SANITIZED)
        skip_program("this program was built with a sanitizer, which has its own malloc");
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
