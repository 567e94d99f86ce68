/* status_text.c: the parts of `reelyard status` as text.
 *
 * Owns nothing: prints what cmd_status.c has gathered as JSON, so that both outputs report the same. */
#include "runtime/cli/status_text.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/table.h"

/* A length of time in the largest unit that says enough: 850 ms, 12 s, 5 min, 3 h, 2 d. */
static void print_duration(uint64_t ms, char text[32])
{
    static const struct {
        uint64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (i < 4 && ms < 2 * units[i].ms)
        i++;
    (void)snprintf(text, 32, "%" PRIu64 " %s", ms / units[i].ms, units[i].name);
}

static void print_bytes(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t i = 0;
    for (; value >= 1000 && i < 5; i++)
        value /= 1000;
    (void)snprintf(text, 32, i ? "%.1f %s" : "%.0f %s", value, units[i]);
}

/* Of videos that are kept, or to be kept; nothing where nobody asked for it. */
static void print_originals(FILE *out, const struct ry_json *archive)
{
    char bytes[32];
    uint64_t kept = ry_json_get_u64(archive, "clips_kept"), wanted = ry_json_get_u64(archive, "clips_to_keep");
    uint64_t failed = ry_json_get_u64(archive, "clips_keep_failed"), gone = ry_json_get_u64(archive, "clips_keep_gone");
    struct ry_str trouble = ry_json_get_str(archive, "keep_trouble");
    if (kept + wanted + failed + gone == 0)
        return;
    print_bytes(ry_json_get_u64(archive, "bytes_kept"), bytes);
    (void)fprintf(out,
                  "kept     %" PRIu64 " originals (%s), %" PRIu64 " to be kept, %" PRIu64 " failed, %" PRIu64
                  " deleted at the source\n",
                  kept, bytes, wanted, failed, gone);
    if (trouble.n > 0) {
        (void)fputs("         keeping waits: ", out);
        ry_cli_print_safe(out, trouble);
        (void)fputc('\n', out);
    }
}

void ry_status_print_archive(FILE *out, const struct ry_json *archive)
{
    char videos[32];
    char thumbnails[32];
    uint64_t pending = ry_json_get_u64(archive, "clips_pending");
    uint64_t processing = ry_json_get_u64(archive, "clips_processing");
    uint64_t completed = ry_json_get_u64(archive, "clips_completed");
    uint64_t failed = ry_json_get_u64(archive, "clips_failed");
    print_bytes(ry_json_get_u64(archive, "bytes_videos"), videos);
    print_bytes(ry_json_get_u64(archive, "bytes_thumbnails"), thumbnails);
    (void)fprintf(out, "archive  %" PRIu64 " guilds, %" PRIu64 " channels, %" PRIu64 " authors, %" PRIu64 " messages\n",
                  ry_json_get_u64(archive, "guilds"), ry_json_get_u64(archive, "channels"),
                  ry_json_get_u64(archive, "authors"), ry_json_get_u64(archive, "messages"));
    (void)fprintf(out,
                  "clips    %" PRIu64 ": %" PRIu64 " completed, %" PRIu64 " pending, %" PRIu64 " in progress, %" PRIu64
                  " failed",
                  pending + processing + completed + failed, completed, pending, processing, failed);
    if (ry_json_get_u64(archive, "clips_permanent") > 0)
        (void)fprintf(out, " (%" PRIu64 " for good)", ry_json_get_u64(archive, "clips_permanent"));
    (void)fputc('\n', out);
    (void)fprintf(out, "bytes    %s of videos, %s of %" PRIu64 " thumbnails\n", videos, thumbnails,
                  ry_json_get_u64(archive, "thumbnails"));
    print_originals(out, archive);
    if (ry_json_get_u64(archive, "rows_refused") > 0)
        (void)fprintf(out, "refused  %" PRIu64 " rows rejected by the database: see `reelyard failed list`\n",
                      ry_json_get_u64(archive, "rows_refused"));
}

static size_t instances_of(const struct ry_json *node, struct ry_str role)
{
    size_t count = 0;
    const struct ry_json *instance = NULL;
    struct ry_json_walk walk = ry_json_walk(ry_json_get(node, "instances"));
    while (ry_json_next(&walk, &instance))
        count += ry_str_eq(ry_json_get_str(instance, "role"), role);
    return count;
}

static void print_instances(FILE *out, const struct ry_json *node)
{
    static const char *const headings[] = {"ROLE", "INSTANCES", "WAITING", "LIMIT", "IN WORK", "BUSY", "OLDEST"};
    const struct ry_json *role = NULL;
    struct ry_json_walk roles = ry_json_walk(ry_json_get(node, "roles"));
    struct ry_table table;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    while (ry_json_next(&roles, &role)) {
        struct ry_str name = ry_json_get_str(role, "role");
        char oldest[32];
        print_duration(ry_json_get_u64(role, "oldest_ms"), oldest);
        ry_table_cell(&table, "%.*s", RY_STR_ARG(name));
        ry_table_cell(&table, "%zu", instances_of(node, name));
        ry_table_cell(&table, "%" PRIu64, ry_json_get_u64(role, "queued"));
        ry_table_cell(&table, "%" PRIu64, ry_json_get_u64(role, "limit"));
        ry_table_cell(&table, "%" PRIu64, ry_json_get_u64(role, "held"));
        ry_table_cell(&table, "%" PRIu64 "%%", ry_json_get_u64(role, "busy_permille") / 10);
        ry_table_cell(&table, "%s", ry_json_get_u64(role, "queued") ? oldest : "-");
    }
    (void)fputc('\n', out);
    ry_table_print(&table, out);
}

/* What instances wait for a person to mend. */
static void print_troubles(FILE *out, const struct ry_json *node)
{
    static const char *const headings[] = {"INSTANCE", "WAITS BECAUSE"};
    const struct ry_json *instance = NULL;
    struct ry_json_walk walk = ry_json_walk(ry_json_get(node, "instances"));
    struct ry_table table;
    bool any = false;
    while (ry_json_next(&walk, &instance)) {
        struct ry_str trouble = ry_json_get_str(instance, "trouble");
        if (trouble.n == 0)
            continue;
        if (!any)
            ry_table_init(&table, headings, sizeof headings / sizeof *headings);
        any = true;
        ry_table_cell(&table, "%.*s", RY_STR_ARG(ry_json_get_str(instance, "name")));
        ry_table_cell(&table, "%.*s", RY_STR_ARG(trouble));
    }
    if (!any)
        return;
    (void)fputc('\n', out);
    ry_table_print(&table, out);
}

/* Instances that the router has put out, which may have been taken over by what they read. */
static void print_outcasts(FILE *out, const struct ry_json *node)
{
    static const char *const headings[] = {"PUT OUT", "AGO", "REASON"};
    const struct ry_json *outcast = NULL;
    struct ry_json_walk walk = ry_json_walk(ry_json_get(node, "outcasts"));
    struct ry_table table;
    if (walk.left == 0)
        return;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    while (ry_json_next(&walk, &outcast)) {
        char ago[32];
        print_duration(ry_json_get_u64(outcast, "ago_ms"), ago);
        ry_table_cell(&table, "%.*s", RY_STR_ARG(ry_json_get_str(outcast, "name")));
        ry_table_cell(&table, "%s", ago);
        ry_table_cell(&table, "%.*s", RY_STR_ARG(ry_json_get_str(outcast, "reason")));
    }
    (void)fputc('\n', out);
    ry_table_print(&table, out);
}

/* What keeps mail from other nodes, and what of theirs was refused. */
void ry_status_print_relay(FILE *out, const struct ry_json *node)
{
    const struct ry_json *counters = ry_json_get(node, "counters");
    uint64_t refused = ry_json_get_u64(counters, "relay_refused") + ry_json_get_u64(counters, "relay_replayed") +
                       ry_json_get_u64(counters, "relay_unfit");
    struct ry_str notice = ry_json_get_str(node, "relay_notice");
    if (notice.n > 0)
        (void)fprintf(out, "relay    %.*s\n", RY_STR_ARG(notice));
    if (refused > 0)
        (void)fprintf(out, "refused  %" PRIu64 " entries in Redis rejected: not of this fleet, or not new\n", refused);
}

/* The processes of `reelyard up`, and how those that ended did. */
static void print_children(FILE *out, const struct ry_json *node)
{
    static const char *const headings[] = {"PROCESS", "PID", "STATE", "RESTARTS", "LAST DEATH"};
    const struct ry_json *child = NULL;
    const struct ry_json *death = NULL;
    struct ry_json_walk children = ry_json_walk(ry_json_get(node, "children"));
    struct ry_json_walk deaths = ry_json_walk(ry_json_get(node, "deaths"));
    struct ry_table table;
    if (children.left == 0)
        return;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    while (ry_json_next(&children, &child)) {
        struct ry_str last = ry_json_get_str(child, "last_death");
        ry_table_cell(&table, "%.*s", RY_STR_ARG(ry_json_get_str(child, "name")));
        ry_table_cell(&table, "%" PRIu64, ry_json_get_u64(child, "pid"));
        ry_table_cell(&table, "%.*s", RY_STR_ARG(ry_json_get_str(child, "state")));
        ry_table_cell(&table, "%" PRIu64, ry_json_get_u64(child, "restarts"));
        ry_table_cell(&table, "%.*s", RY_STR_ARG(last.p ? last : RY_STR("-")));
    }
    (void)fputc('\n', out);
    ry_table_print(&table, out);
    size_t kinds = deaths.left;
    for (size_t i = 0; ry_json_next(&deaths, &death); i++)
        (void)fprintf(out, "%s%.*s %" PRIu64, i ? ", " : "deaths   ", RY_STR_ARG(ry_json_get_str(death, "way")),
                      ry_json_get_u64(death, "count"));
    if (kinds > 0)
        (void)fputc('\n', out);
}

void ry_status_print_queue(FILE *out, const struct ry_json *queue)
{
    (void)fprintf(out, "queue    %" PRIu64 " ready, %" PRIu64 " leased, %" PRIu64 " dead letters",
                  ry_json_get_u64(queue, "ready"), ry_json_get_u64(queue, "leased"), ry_json_get_u64(queue, "dead"));
    if (ry_json_get_u64(queue, "ready") > 0) {
        char oldest[32];
        print_duration(ry_json_get_u64(queue, "oldest_ms"), oldest);
        (void)fprintf(out, "; the oldest waits %s", oldest);
    }
    (void)fputc('\n', out);
}

void ry_status_print_process(FILE *out, const struct ry_json *node, uint64_t pid)
{
    char uptime[32];
    print_duration(ry_json_get_u64(node, "uptime_ms"), uptime);
    (void)fprintf(out, "node     %.*s, running for %s (process %" PRIu64 ")\n",
                  RY_STR_ARG(ry_json_get_str(node, "node")), uptime, pid);
}

void ry_status_print_node(FILE *out, const struct ry_json *node)
{
    print_instances(out, node);
    print_troubles(out, node);
    print_outcasts(out, node);
    print_children(out, node);
}
