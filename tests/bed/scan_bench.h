/* scan_bench.h: a scanner on the test bed, with the fake Discord behind it; the test plays the ingester and the writer.
 *
 * The channel's history is a function of its seed, so what a job must have found is computed, not written down. The
 * bed's clock leaps only while calls to Discord wait for nothing else. */
#ifndef REELYARD_TESTS_BED_SCAN_BENCH_H
#define REELYARD_TESTS_BED_SCAN_BENCH_H

#include "tests/bed/bed.h"
#include "tests/bed/discord_channel.h"
#include "tests/bed/fake.h"

#include <stdbool.h>

#define SCAN_BENCH_GUILD   "1424914917202464700"
#define SCAN_BENCH_CHANNEL "1424914917202464798"
#define SCAN_BENCH_CDN     "https://cdn.test"
#define SCAN_BENCH_PROXY   "https://proxy.test"
#define SCAN_BENCH_JOB     "8a2ce3a1-1111-4222-8333-444455556666"
#define SCAN_BENCH_TOKEN   9 /* the job's lease */

struct scan_bench_setup {
    uint64_t messages;
    uint64_t clips;
    const char *fake[16]; /* further arguments of the fake Discord */
    const char *options[4][2];
    const char *bot_token;  /* NULL: the right one */
    bool channel_is_absent; /* Discord has another channel instead */
    int64_t leap_ms;        /* of the clock while only it is waited for; 0: 250 */
};

struct scan_bench {
    struct bed *bed;
    struct fake *discord;
    struct discord_channel channel;
    int64_t leap_ms;
    uint64_t job;          /* id of the last job_run */
    unsigned mail_attempt; /* that further job_runs have; 0: the first */
};

void scan_bench_open(struct scan_bench *bench, const struct scan_bench_setup *setup);
void scan_bench_close(struct scan_bench *bench);

/* ---- to the scanner ---------------------------------------------------------------------------------------------- */

/* Delivers a job of this type; more: further members of its JSON, each with a comma before it ("": none). */
void scan_bench_run(struct scan_bench *bench, const char *type, const char *more);
/* The same with job_run's attempts and local_media. */
void scan_bench_run_as(struct scan_bench *bench, const char *type, const char *more, unsigned attempts, bool local);

/* Expects settings_get and lets the channel be scanned. */
void scan_bench_answer_settings(struct scan_bench *bench);
/* Expects scan_begin and answers (NULL: the scan begins). */
void scan_bench_answer_begin(struct scan_bench *bench, const struct ry_scan_begun *begun);
/* Expects known_get and answers; authors: every author asked for is known. */
void scan_bench_answer_known(struct scan_bench *bench, struct ry_strs messages, bool authors);
/* Answers the last batch_write: all is written. */
void scan_bench_answer_written(struct scan_bench *bench);

/* ---- from the scanner -------------------------------------------------------------------------------------------- */

/* Lets Discord's answers in until the scanner says something. */
void scan_bench_listen(struct scan_bench *bench);

/* Expects one batch_write with just the messages of these positions in the channel that have clips, first <= k < end
 * and take(k) (NULL: all), each with its clips. The batch is valid until the next expectation. */
const struct ry_batch_write *scan_bench_expect_rows(struct scan_bench *bench, uint64_t first, uint64_t end,
                                                    bool (*take)(uint64_t k));

/* Expects job_done and the end of the custody; valid as above. */
const struct ry_job_done *scan_bench_expect_done(struct scan_bench *bench, uint64_t messages, uint64_t clips);
/* Expects job_failed, whose reason has these words. Returns whether the job is held, so that it is tried however often.
 */
bool scan_bench_expect_failed(struct scan_bench *bench, bool retry, const char *words);

/* ---- what the channel has ---------------------------------------------------------------------------------------- */

struct scan_bench_id {
    char text[24];
};
struct scan_bench_id scan_bench_id(const struct scan_bench *bench, uint64_t k);

/* Clips of the messages first <= k < end. */
uint64_t scan_bench_clips(const struct scan_bench *bench, uint64_t first, uint64_t end);

/* The first message from `from` on that has clips. */
uint64_t scan_bench_with_clips(const struct scan_bench *bench, uint64_t from);

void scan_bench_text_is(struct ry_str got, const char *wanted);

#endif
