/* hosts_bench.c: how the relay scales, with stubs that take a fixed time in the place of encoders and writers.
 *
 *   bench_hosts_bench host ROLE NAME MS     a node with one encoder or writer that rests MS for each mail, until its
 *                                           standard input ends
 *   bench_hosts_bench encode N WAITING BYTES  N mails of BYTES for the encoders, WAITING of them under way at a time;
 *                                           prints mails a second, counted from the first answer to the last
 *   bench_hosts_bench control N             N questions of priority CONTROL to the writer, four a second, while a
 *                                           hundred mails of backfill wait for it; prints the median and the longest
 *                                           time to an answer, ms
 *
 * All share the Redis of REDIS_URL. hosts_bench.sh starts them as processes. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/relay/relay.h"
#include "runtime/base/log.h"
#include "runtime/bus/node.h"
#include "tests/bed/relay_bed.h"

#define CLIP        "0123456789abcdef0123456789abcdef"
#define QUESTION_MS 250
#define BACKFILL    100
#define KEPT_MAX    64 /* mails that the driver has under way */
#define WARM        20 /* answers before the clock starts: until then not all hosts may be known */

static unsigned rest_ms;
static unsigned count, waiting, mail_bytes;
static bool control;

/* What the driver measures; under the lock. */
static struct {
    unsigned sent, answered, backfill;
    int64_t begin_ns, end_ns;
    int64_t asked_ns;
    uint64_t question;
    double latencies_ms[1000];
    unsigned latency_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
} run = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- hosts ------------------------------------------------------------------------------------------------------- */

static void work(void)
{
    const struct timespec rest = {.tv_sec = rest_ms / 1000, .tv_nsec = (long)(rest_ms % 1000) * 1000000};
    nanosleep(&rest, NULL);
}

static void encoder_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    work();
    RY_ANSWER(ctx, mail, encode_failed, (&(struct ry_encode_failed){.reason = RY_STR("a bench")}));
}

static void writer_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    const struct ry_clip_settled settled = {.clip_id = RY_STR(CLIP), .completed = true};
    work();
    if (mail->envelope.tag == RY_TAG_clips_claim)
        RY_ANSWER(ctx, mail, clips_claimed, (&(struct ry_clips_claimed){.next_due_ms = 1}));
    else
        RY_ANSWER_ORIGIN(ctx, mail, clip_settled, &settled);
}

/* ---- drivers ----------------------------------------------------------------------------------------------------- */

static void end_run(void)
{
    pthread_mutex_lock(&run.lock);
    run.over = true;
    pthread_cond_broadcast(&run.changed);
    pthread_mutex_unlock(&run.lock);
}

/* A mail for an encoder is said in the course of a thumbnail_make; so the driver has a scheduler and a downloader. */
static void make_more(struct ry_ctx *ctx)
{
    struct ry_clip_work clip = {.clip_id = RY_STR(CLIP),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("1"),
                                .message_id = RY_STR("1"),
                                .filename = RY_STR("a.mp4"),
                                .url = RY_STR("https://cdn.example/a.mp4")};
    const struct ry_thumbnail_make make = {.clips = {.items = &clip, .n = 1}};
    pthread_mutex_lock(&run.lock);
    for (; run.sent < count + WARM && run.sent - run.answered < waiting; run.sent++)
        RY_TELL(ctx, thumbnail_make, &make, &(struct ry_send){.priority = RY_PRIORITY_BACKFILL});
    pthread_mutex_unlock(&run.lock);
}

static void maker_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self;
    make_more(ctx);
    ry_timer(ctx, timer, 1);
}

static void maker_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self, (void)ctx, (void)mail;
}

static void ask_encoder(struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct ry_frame *frame = ry_frame_new(mail_bytes);
    struct ry_window window = {.bytes = {.p = ry_frame_data(frame), .n = mail_bytes, .frame = frame}};
    const struct ry_encode_run ask = {.clip_id = RY_STR(CLIP),
                                      .guild_id = RY_STR("1"),
                                      .filename = RY_STR("a.mp4"),
                                      .windows = {.items = &window, .n = 1},
                                      .small_width = 16,
                                      .small_height = 16,
                                      .large_width = 16,
                                      .large_height = 16,
                                      .quality = 1};
    const struct ry_send send = ry_send_from(mail);
    memset(ry_frame_data(frame), 7, mail_bytes);
    RY_TELL(ctx, encode_run, &ask, &send);
    ry_frame_unref(frame);
}

static void count_answer(void)
{
    pthread_mutex_lock(&run.lock);
    run.answered++;
    if (run.answered == WARM)
        run.begin_ns = now_ns();
    bool over = run.answered == WARM + count;
    if (over)
        run.end_ns = now_ns();
    pthread_mutex_unlock(&run.lock);
    if (over)
        end_run();
}

static void downloader_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    static struct ry_mail *kept[KEPT_MAX]; /* in order; a ring */
    static unsigned first, next;
    (void)self;
    if (mail->envelope.tag == RY_TAG_thumbnail_make) {
        ask_encoder(ctx, mail);
        ry_mail_keep(ctx, mail);
        kept[next++ % KEPT_MAX] = mail;
        return;
    }
    if (mail->envelope.tag != RY_TAG_encode_failed) {
        fprintf(stderr, "hosts_bench: a mail was not worked on\n");
        exit(1);
    }
    ry_mail_done(ctx, kept[first++ % KEPT_MAX]);
    count_answer();
}

static void fill(struct ry_ctx *ctx)
{
    const struct ry_clip_failed failed = {.clip_id = RY_STR(CLIP), .reason = RY_STR("a bench")};
    for (; run.backfill < BACKFILL; run.backfill++)
        RY_TELL(ctx, clip_failed, &failed, &(struct ry_send){.priority = RY_PRIORITY_BACKFILL});
}

static void scheduler_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self;
    const struct ry_clips_claim claim = {.owner = RY_STR("x"), .limit = 1, .lease_ms = 1000};
    ry_timer(ctx, timer, QUESTION_MS);
    fill(ctx);
    if (run.answered < WARM || run.question != 0)
        return;
    run.asked_ns = now_ns();
    run.question = RY_TELL(ctx, clips_claim, &claim, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
}

static void scheduler_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag == RY_TAG_clips_claimed) {
        run.latencies_ms[run.latency_count++] = (double)(now_ns() - run.asked_ns) / 1e6;
        run.question = 0;
        if (run.latency_count == count)
            end_run();
    } else {
        run.answered++;
        run.backfill--;
        fill(ctx);
    }
}

static const struct ry_actor_spec encoder_spec = {.role = RY_ROLE_ENCODER,
                                                  .capacity = 1,
                                                  .threads = 1,
                                                  .open = relay_bed_open_actor,
                                                  .receive = encoder_receive,
                                                  .tick = relay_bed_ignore_tick,
                                                  .close = relay_bed_close_actor};
static const struct ry_actor_spec writer_spec = {.role = RY_ROLE_WRITER,
                                                 .capacity = 4,
                                                 .threads = 1,
                                                 .open = relay_bed_open_actor,
                                                 .receive = writer_receive,
                                                 .tick = relay_bed_ignore_tick,
                                                 .close = relay_bed_close_actor};
static const struct ry_actor_spec downloader_spec = {.role = RY_ROLE_DOWNLOADER,
                                                     .capacity = KEPT_MAX,
                                                     .threads = 1,
                                                     .open = relay_bed_open_actor,
                                                     .receive = downloader_receive,
                                                     .tick = relay_bed_ignore_tick,
                                                     .close = relay_bed_close_actor};
static const struct ry_actor_spec maker_spec = {.role = RY_ROLE_SCHEDULER,
                                                .capacity = 1,
                                                .threads = 1,
                                                .open = relay_bed_open_actor,
                                                .receive = maker_receive,
                                                .tick = maker_tick,
                                                .close = relay_bed_close_actor};
static const struct ry_actor_spec scheduler_spec = {.role = RY_ROLE_SCHEDULER,
                                                    .capacity = 1,
                                                    .threads = 1,
                                                    .open = relay_bed_open_actor,
                                                    .receive = scheduler_receive,
                                                    .tick = scheduler_tick,
                                                    .close = relay_bed_close_actor};

/* ---- the program ------------------------------------------------------------------------------------------------- */

/* more: a second actor, or NULL. */
static struct ry_node *begin(const char *name, const struct ry_actor_spec *spec, const struct ry_actor_spec *more)
{
    extern char **environ;
    struct ry_node *node = NULL;
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    const struct ry_node_role roles[] = {{&ry_relay_spec, 1}, {spec, 1}, {more, 1}};
    if (ry_config_load(&config, environ, &err) != RY_OK || ry_config_set(config, RY_OPT_node, name, &err) != RY_OK ||
        ry_config_set(config, RY_OPT_database_url, "postgresql://nobody@127.0.0.1:1/nothing", &err) != RY_OK ||
        ry_config_set(config, RY_OPT_mailbox, "4096", &err) != RY_OK || ry_config_finish(config, &err) != RY_OK ||
        ry_node_start(&node,
                      &(struct ry_node_options){.config = config, .roles = roles, .role_count = more != NULL ? 3 : 2},
                      &err) != RY_OK) {
        fprintf(stderr, "hosts_bench: %s\n", err.text);
        exit(1);
    }
    ry_config_free(&config);
    return node;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int drive(const char *name, const struct ry_actor_spec *spec, const struct ry_actor_spec *more)
{
    struct ry_node *node = begin(name, spec, more);
    pthread_mutex_lock(&run.lock);
    while (!run.over)
        pthread_cond_wait(&run.changed, &run.lock);
    pthread_mutex_unlock(&run.lock);
    if (control) {
        qsort(run.latencies_ms, run.latency_count, sizeof *run.latencies_ms, by_size);
        printf("%.1f %.1f\n", run.latencies_ms[run.latency_count / 2], run.latencies_ms[run.latency_count - 1]);
    } else {
        printf("%.2f\n", (double)count / ((double)(run.end_ns - run.begin_ns) / 1e9));
    }
    fflush(stdout);
    return ry_node_stop(&node, control ? 0 : 1000, NULL) == RY_OK || control ? 0 : 1;
}

static int host(const char *role, const char *name)
{
    struct ry_node *node = begin(name, strcmp(role, "encoder") == 0 ? &encoder_spec : &writer_spec, NULL);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    (void)ry_node_stop(&node, 1000, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    ry_log_setup(RY_ERROR, RY_LOG_TEXT, 2);
    signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && strcmp(argv[1], "host") == 0) {
        rest_ms = (unsigned)atoi(argv[4]);
        return host(argv[2], argv[3]);
    }
    count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    control = argc == 3 && strcmp(argv[1], "control") == 0;
    if (control && count > 0 && count <= 1000)
        return drive("driver", &scheduler_spec, NULL);
    if (argc == 5 && strcmp(argv[1], "encode") == 0 && count > 0) {
        waiting = (unsigned)atoi(argv[3]);
        mail_bytes = (unsigned)atoi(argv[4]);
        return drive("driver", &maker_spec, &downloader_spec);
    }
    fprintf(stderr, "usage: see the head of hosts_bench.c\n");
    return 2;
}
