/* metrics.c: /metrics, from the answers of the router, the ingester and the writer.
 *
 * Owns nothing; writes into the caller's buffer. A source that did not answer has no samples but `reelyard_answered` 0,
 * so that a scrape never fails because one actor is slow. */
#include "actors/monitor/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/stats/stats.h"

static void head(struct ry_buf *out, const char *name, const char *type, const char *help)
{
    (void)ry_buf_addf(out, "# HELP reelyard_%s %s.\n# TYPE reelyard_%s %s\n", name, help, name, type);
}

static void single(struct ry_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    (void)ry_buf_addf(out, "reelyard_%s %" PRIu64 "\n", name, value);
}

/* Milliseconds as seconds. */
static void seconds(struct ry_buf *out, uint64_t ms)
{
    (void)ry_buf_addf(out, "%" PRIu64 ".%03" PRIu64 "\n", ms / 1000, ms % 1000);
}

/* One metric of every mailbox, or of every instance: a number of its record. */
struct labelled {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
    enum { PLAIN, IN_MS, IN_PERMILLE } scale;
};

#define MAILBOX(field) offsetof(struct ry_role_state, field)
static const struct labelled mailbox_metrics[] = {
    {"mailbox_mails", "gauge", "Mails that wait for the role", MAILBOX(queued), PLAIN},
    {"mailbox_bytes", "gauge", "Bytes that wait for the role", MAILBOX(queued_bytes), PLAIN},
    {"mailbox_limit_mails", "gauge", "Most mails that may wait", MAILBOX(limit), PLAIN},
    {"mailbox_limit_bytes", "gauge", "Most bytes that may wait", MAILBOX(limit_bytes), PLAIN},
    {"mailbox_oldest_seconds", "gauge", "Age of the oldest waiting mail", MAILBOX(oldest_ms), IN_MS},
    {"mailbox_held_mails", "gauge", "Mails in custody at instances", MAILBOX(held), PLAIN},
    {"mailbox_held_bytes", "gauge", "Bytes of the mails in custody at instances", MAILBOX(held_bytes), PLAIN},
    {"mailbox_accepted_total", "counter", "Mails accepted", MAILBOX(accepted), PLAIN},
    {"mailbox_refused_total", "counter", "Mails refused: full, not allowed, malformed", MAILBOX(refused), PLAIN},
    {"mailbox_redelivered_total", "counter", "Mails given out again after an instance died", MAILBOX(redelivered),
     PLAIN},
    {"mailbox_dead_total", "counter", "Mails that became dead letters", MAILBOX(dead), PLAIN},
    {"mailbox_expired_total", "counter", "Mails past their deadline", MAILBOX(expired), PLAIN},
    {"role_instances", "gauge", "Instances of the role that are here", MAILBOX(instances), PLAIN},
    {"role_capacity_mails", "gauge", "Mails that the role's instances may hold together", MAILBOX(capacity), PLAIN},
    {"role_done_total", "counter", "Mails that the role's instances have finished, those that ended included",
     MAILBOX(done), PLAIN},
    {"role_busy_seconds_total", "counter",
     "Time that the role's instances spent in handlers, those that ended included", MAILBOX(busy_ms), IN_MS},
    {"role_busy_ratio", "gauge", "How much of the last ten to twenty seconds the role's instances were busy",
     MAILBOX(busy_permille), IN_PERMILLE},
};

#define INSTANCE(field) offsetof(struct ry_instance_state, field)
static const struct labelled instance_metrics[] = {
    {"instance_capacity_mails", "gauge", "Mails that the instance may hold", INSTANCE(capacity), PLAIN},
    {"instance_held_mails", "gauge", "Mails that the instance holds", INSTANCE(held), PLAIN},
    {"instance_done_total", "counter", "Mails that the instance has finished", INSTANCE(done), PLAIN},
    {"instance_busy_seconds_total", "counter", "Time spent in handlers", INSTANCE(busy_ms), IN_MS},
    {"instance_heap_bytes", "gauge", "Memory in use that the instance allocated (0 when built without jemalloc)",
     INSTANCE(heap_bytes), PLAIN},
};

static void value(struct ry_buf *out, const struct labelled *metric, const void *record)
{
    uint64_t number = 0;
    memcpy(&number, (const char *)record + metric->offset, sizeof number);
    if (metric->scale != PLAIN) /* both are thousandths */
        seconds(out, number);
    else
        (void)ry_buf_addf(out, "%" PRIu64 "\n", number);
}

/* A label's value: backslash, quote and newline are escaped. */
static void label(struct ry_buf *out, struct ry_str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\\' || text.p[i] == '"')
            (void)ry_buf_addf(out, "\\%c", text.p[i]);
        else if (text.p[i] == '\n')
            (void)ry_buf_add_str(out, RY_STR("\\n"));
        else
            (void)ry_buf_add(out, &text.p[i], 1);
}

/* The beginning of a sample of one instance or process, to its value. */
static void of_instance(struct ry_buf *out, const char *name, struct ry_str role, struct ry_str instance)
{
    (void)ry_buf_addf(out, "reelyard_%s{role=\"", name);
    label(out, role);
    (void)ry_buf_add_str(out, RY_STR("\",name=\""));
    label(out, instance);
    (void)ry_buf_add_str(out, RY_STR("\"} "));
}

/* Resident memory of a process by its name in /proc; 0 when the system does not say. */
static uint64_t resident_bytes_of(const char *process)
{
    char path[64];
    unsigned long long total_pages = 0;
    unsigned long long resident_pages = 0;
    long page_bytes = sysconf(_SC_PAGESIZE);
    (void)snprintf(path, sizeof path, "/proc/%s/statm", process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    int read = fscanf(file, "%llu %llu", &total_pages, &resident_pages);
    (void)fclose(file);
    return read == 2 && page_bytes > 0 ? resident_pages * (uint64_t)page_bytes : 0;
}

/* An instance of another host (its name has an @) has a process of that host. */
static void render_processes(const struct ry_node_state *node, struct ry_buf *out)
{
    head(out, "instance_process_resident_bytes", "gauge",
         "Resident memory of the instance's process, which it may share with other instances");
    for (size_t i = 0; i < node->instances.n; i++) {
        const struct ry_instance_state *instance = &node->instances.items[i];
        char process[24];
        (void)snprintf(process, sizeof process, "%" PRIu64, instance->pid);
        if (instance->pid == 0 || memchr(instance->name.p, '@', instance->name.n) != NULL)
            continue;
        of_instance(out, "instance_process_resident_bytes", instance->role, instance->name);
        (void)ry_buf_addf(out, "%" PRIu64 "\n", resident_bytes_of(process));
    }
}

static void render_sandboxes(const struct ry_node_state *node, struct ry_buf *out)
{
    head(out, "instance_sandboxed", "gauge", "Whether the instance's process shuts itself into a sandbox");
    for (size_t i = 0; i < node->instances.n; i++) {
        const struct ry_instance_state *instance = &node->instances.items[i];
        of_instance(out, "instance_sandboxed", instance->role, instance->name);
        (void)ry_buf_addf(out, "%d\n", instance->sandboxed);
    }
}

/* The processes of `reelyard up`. The state is a number, so that a series does not end when it changes. */
static void render_children(const struct ry_node_state *node, struct ry_buf *out)
{
    head(out, "child_running", "gauge", "Whether the supervised process runs");
    for (size_t i = 0; i < node->children.n; i++) {
        const struct ry_child_state *child = &node->children.items[i];
        of_instance(out, "child_running", child->role, child->name);
        (void)ry_buf_addf(out, "%d\n", ry_str_is(child->state, "running"));
    }
    head(out, "child_spent", "gauge", "Whether the supervised process died too often and is not started again");
    for (size_t i = 0; i < node->children.n; i++) {
        const struct ry_child_state *child = &node->children.items[i];
        of_instance(out, "child_spent", child->role, child->name);
        (void)ry_buf_addf(out, "%d\n", ry_str_is(child->state, "spent"));
    }
    head(out, "child_restarts_total", "counter", "How often the supervised process was started again");
    for (size_t i = 0; i < node->children.n; i++) {
        const struct ry_child_state *child = &node->children.items[i];
        of_instance(out, "child_restarts_total", child->role, child->name);
        (void)ry_buf_addf(out, "%" PRIu64 "\n", child->restarts);
    }
    head(out, "child_deaths_total", "counter", "Supervised processes that came to their end, by the way they did");
    for (size_t i = 0; i < node->deaths.n; i++) {
        (void)ry_buf_add_str(out, RY_STR("reelyard_child_deaths_total{way=\""));
        label(out, node->deaths.items[i].way);
        (void)ry_buf_addf(out, "\"} %" PRIu64 "\n", node->deaths.items[i].count);
    }
}

static void render_node(const struct ry_node_state *node, struct ry_buf *out)
{
    struct ry_stats stats = {0};
    for (size_t i = 0; i < node->counters.n; i++)
        if (node->counters.items[i].index < RY_STATS_FLAT) /* a newer router may count more */
            *ry_stats_at(&stats, (size_t)node->counters.items[i].index) = node->counters.items[i].value;
    ry_stats_prometheus(&stats, out);
    head(out, "uptime_seconds", "gauge", "Time since the router started");
    (void)ry_buf_add_str(out, RY_STR("reelyard_uptime_seconds "));
    seconds(out, node->uptime_ms);
    single(out, "put_out_total", "counter", "Instances of confined roles that were put out for what they said or did",
           node->put_out);
    single(out, "rejected_total", "counter", "Malformed or forbidden messages, and connections refused",
           node->rejected);
    single(out, "dropped_events_total", "counter", "Hints that found no room or nobody", node->dropped_events);
    single(out, "dropped_answers_total", "counter", "Answers whose asker was gone", node->dropped_answers);
    for (size_t m = 0; m < sizeof mailbox_metrics / sizeof *mailbox_metrics; m++) {
        head(out, mailbox_metrics[m].name, mailbox_metrics[m].type, mailbox_metrics[m].help);
        for (size_t i = 0; i < node->roles.n; i++) {
            (void)ry_buf_addf(out, "reelyard_%s{role=\"", mailbox_metrics[m].name);
            label(out, node->roles.items[i].role);
            (void)ry_buf_add_str(out, RY_STR("\"} "));
            value(out, &mailbox_metrics[m], &node->roles.items[i]);
        }
    }
    for (size_t m = 0; m < sizeof instance_metrics / sizeof *instance_metrics; m++) {
        head(out, instance_metrics[m].name, instance_metrics[m].type, instance_metrics[m].help);
        for (size_t i = 0; i < node->instances.n; i++) {
            of_instance(out, instance_metrics[m].name, node->instances.items[i].role, node->instances.items[i].name);
            value(out, &instance_metrics[m], &node->instances.items[i]);
        }
    }
    render_sandboxes(node, out);
    render_processes(node, out);
    render_children(node, out);
}

static void render_queue(const struct ry_queue_state *queue, struct ry_buf *out)
{
    single(out, "queue_healthy", "gauge", "Whether the job queue answered", queue->healthy);
    head(out, "queue_jobs", "gauge", "Jobs of the queue by state");
    (void)ry_buf_addf(out,
                      "reelyard_queue_jobs{state=\"ready\"} %" PRIu64 "\nreelyard_queue_jobs{state=\"leased\"} %" PRIu64
                      "\nreelyard_queue_jobs{state=\"dead\"} %" PRIu64 "\n",
                      queue->ready, queue->leased, queue->dead);
    head(out, "queue_oldest_seconds", "gauge", "Age of the oldest waiting job");
    (void)ry_buf_add_str(out, RY_STR("reelyard_queue_oldest_seconds "));
    seconds(out, queue->oldest_ms);
    if (!ry_str_is(queue->engine, "redis"))
        return;
    single(out, "queue_streams", "gauge", "Streams of Redis that are read", queue->streams);
    single(out, "queue_malformed", "gauge", "Records in Redis that were malformed and were put aside",
           queue->malformed);
}

static void render_archive(const struct ry_archive_state *archive, struct ry_buf *out)
{
    head(out, "archive_clips", "gauge", "Clips of the archive by the state of their thumbnails");
    (void)ry_buf_addf(
        out,
        "reelyard_archive_clips{status=\"pending\"} %" PRIu64 "\nreelyard_archive_clips{status=\"processing\"} %" PRIu64
        "\nreelyard_archive_clips{status=\"completed\"} %" PRIu64 "\nreelyard_archive_clips{status=\"failed\"} %" PRIu64
        "\n",
        archive->clips_pending, archive->clips_processing, archive->clips_completed, archive->clips_failed);
    head(out, "archive_clips_permanent", "gauge",
         "Clips of the status failed whose failure is permanent: not tried again by themselves");
    (void)ry_buf_addf(out, "reelyard_archive_clips_permanent %" PRIu64 "\n", archive->clips_permanent);
    head(out, "archive_rows", "gauge", "Rows of the archive's tables");
    (void)ry_buf_addf(
        out,
        "reelyard_archive_rows{table=\"guild\"} %" PRIu64 "\nreelyard_archive_rows{table=\"channel\"} %" PRIu64
        "\nreelyard_archive_rows{table=\"author\"} %" PRIu64 "\nreelyard_archive_rows{table=\"message\"} %" PRIu64
        "\nreelyard_archive_rows{table=\"thumbnail\"} %" PRIu64 "\n",
        archive->guilds, archive->channels, archive->authors, archive->messages, archive->thumbnails);
    head(out, "archive_originals", "gauge", "Clips by what became of keeping their original");
    (void)ry_buf_addf(
        out,
        "reelyard_archive_originals{state=\"kept\"} %" PRIu64 "\nreelyard_archive_originals{state=\"wanted\"} %" PRIu64
        "\nreelyard_archive_originals{state=\"failed\"} %" PRIu64
        "\nreelyard_archive_originals{state=\"gone\"} %" PRIu64 "\n",
        archive->clips_kept, archive->clips_to_keep, archive->clips_keep_failed, archive->clips_keep_gone);
    single(out, "archive_original_bytes", "gauge", "Sum of the sizes of kept originals", archive->bytes_kept);
    single(out, "archive_keep_waits", "gauge", "1 when the last attempt to keep an original failed",
           archive->keep_trouble.n > 0);
    single(out, "archive_video_bytes", "gauge", "Sum of the clips' sizes", archive->bytes_videos);
    single(out, "archive_thumbnail_bytes", "gauge", "Sum of the thumbnails' sizes", archive->bytes_thumbnails);
    single(out, "archive_rows_refused", "gauge", "Rows that the database refused for their own data, not yet gone in",
           archive->rows_refused);
    single(out, "archive_schema_version", "gauge", "Migrations applied to the database", archive->schema_version);
    head(out, "database_ping_seconds", "gauge", "How long the database took to answer");
    (void)ry_buf_addf(out, "reelyard_database_ping_seconds %" PRIu64 ".%06" PRIu64 "\n", archive->ping_us / 1000000,
                      archive->ping_us % 1000000);
}

void metrics_render(const struct answers *answers, struct ry_buf *out)
{
    const struct ry_archive_state *archive =
        answers->archive && answers->archive->error.n == 0 ? answers->archive : NULL;
    head(out, "answered", "gauge", "Whether this part answered in time");
    (void)ry_buf_addf(out,
                      "reelyard_answered{part=\"router\"} %d\nreelyard_answered{part=\"queue\"} %d\n"
                      "reelyard_answered{part=\"database\"} %d\n",
                      answers->node != NULL, answers->queue != NULL, archive != NULL);
    uint64_t resident_bytes = resident_bytes_of("self");
    if (resident_bytes > 0)
        single(out, "resident_memory_bytes", "gauge", "Resident memory of the monitor's process", resident_bytes);
    if (answers->node)
        render_node(answers->node, out);
    if (answers->queue)
        render_queue(answers->queue, out);
    if (archive)
        render_archive(archive, out);
}
