/* `reelyard advise`: looks at the running node for some seconds and says what limits it.
 *
 * Asks the router about once a second, because how many mails wait at two single moments says little; from the totals
 * only the first and the last answer count. The advice itself is made in advice.c. Changes nothing. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/advice/advice.h"
#include "runtime/cli/message_json.h"
#include "runtime/cli/session.h"
#include "runtime/cli/status_cluster.h"
#include "runtime/cli/table.h"

#define SECONDS_USUAL 10
#define SECONDS_MAX   3600
/* Samples come once a second, or further apart when there would be more than this. */
#define SAMPLES_MAX 121

struct look {
    struct ry_cli *cli;
    struct ry_session session;
    struct ry_advice_sample samples[SAMPLES_MAX];
    size_t count;
    char node[65];
    bool relays; /* the node gives mail to others */
    struct ry_advice_setting setting;
    struct ry_advice advice;
};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

struct cpu_ticks {
    uint64_t all;
    uint64_t idle;
};

/* Time of all CPUs since boot (proc(5)); false where the system does not tell. Time that a hypervisor took away counts
 * as work: it is not to be had. */
static bool cpu_ticks_now(struct cpu_ticks *now)
{
    uint64_t parts[8] = {0};
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return false;
    int n =
        fscanf(file, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
               &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &parts[5], &parts[6], &parts[7]);
    (void)fclose(file);
    *now = (struct cpu_ticks){.idle = parts[3] + parts[4]}; /* idle, and idle while a disk is waited for */
    for (int i = 0; i < n; i++)
        now->all += parts[i];
    return n == 8;
}

static void set_cpus(struct ry_advice_setting *setting, const struct cpu_ticks *from, const struct cpu_ticks *to)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus <= 0 || to->all <= from->all)
        return;
    double idle = to->idle > from->idle ? (double)(to->idle - from->idle) / (double)(to->all - from->all) : 0;
    setting->cpus = (unsigned)cpus;
    setting->cpus_busy = fmax(1 - idle, 0) * (double)cpus;
}

static int take_sample(struct look *look, struct ry_error *err)
{
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&look->session, RY_TAG_node_get, &(struct ry_node_get){0}, &answer, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_node_state *state = RY_BODY(answer, node_state);
    ry_advice_sample(state, &look->samples[look->count++]);
    (void)snprintf(look->node, sizeof look->node, "%.*s", RY_STR_ARG(state->node));
    for (size_t i = 0; i < state->instances.n; i++)
        look->relays |= ry_str_is(state->instances.items[i].role, ry_role_name(RY_ROLE_RELAY));
    return RY_OK;
}

static void wait_until(int64_t mono_ms)
{
    int64_t left_ms;
    while ((left_ms = mono_ms - ry_mono_ms(ry_clock_system())) > 0) {
        struct timespec left = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
        (void)nanosleep(&left, NULL);
    }
}

/* Takes all samples. Without the other nodes' numbers the advice is only of this node; that is said. */
static int look_at_node(struct look *look, int64_t seconds, struct ry_error *err)
{
    int64_t steps = seconds < SAMPLES_MAX - 1 ? seconds : SAMPLES_MAX - 1;
    struct cpu_ticks from = {0}, to = {0};
    int64_t start_mono_ms = ry_mono_ms(ry_clock_system());
    bool ticks = cpu_ticks_now(&from);
    int rc = take_sample(look, err);
    for (int64_t i = 1; rc == RY_OK && i <= steps; i++) {
        wait_until(start_mono_ms + seconds * 1000 * i / steps);
        rc = take_sample(look, err);
    }
    if (rc != RY_OK)
        return rc;
    if (ticks && cpu_ticks_now(&to))
        set_cpus(&look->setting, &from, &to);
    struct ry_error away;
    if (look->relays && ry_config_str(look->cli->config, RY_OPT_redis_url)[0] != '\0' &&
        ry_status_cluster_instances(look->cli, ry_str_of(look->node), look->setting.remote, &away) != RY_OK)
        (void)ry_cli_complain(look->cli, RY_EXIT_FAILED, "instances of other nodes are not counted: %s", away.text);
    return ry_advise(look->samples, look->count, &look->setting, &look->advice, err);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* Roles that are here or have mail. */
static bool is_shown(const struct ry_advice_role *role)
{
    return role->instances > 0 || role->remote > 0 || role->waiting > 0;
}

/* A figure that is 0 when there is none. */
static void known_cell(struct ry_table *table, double value, int decimals)
{
    if (value > 0)
        ry_table_cell(table, "%.*f", decimals, value);
    else
        ry_table_cell(table, "-");
}

static void tell_roles(const struct look *look)
{
    static const char *const headings[] = {"ROLE",   "INSTANCES", "BUSY",    "DONE/s",
                                           "MOST/s", "ms EACH",   "WAITING", "FOR ms"};
    struct ry_table table;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    for (unsigned i = 1; i < RY_ROLE_COUNT; i++) {
        const struct ry_advice_role *role = &look->advice.roles[i];
        char remote[24] = "";
        if (!is_shown(role))
            continue;
        if (role->remote > 0)
            (void)snprintf(remote, sizeof remote, "+%u", role->remote);
        ry_table_cell(&table, "%s", ry_role_name((enum ry_role)i));
        ry_table_cell(&table, "%.0f%s", role->instances, remote);
        ry_table_cell(&table, "%.0f%%", role->utilisation * 100);
        ry_table_cell(&table, "%.1f", role->done_per_s + role->remote_done_per_s);
        known_cell(&table, role->most_per_s, 1);
        known_cell(&table, role->service_ms, 2);
        ry_table_cell(&table, "%.1f", role->waiting);
        known_cell(&table, role->wait_ms, 0);
    }
    ry_table_print(&table, look->cli->out);
}

static void tell(const struct look *look)
{
    const struct ry_advice *advice = &look->advice;
    FILE *out = look->cli->out;
    (void)fprintf(out, "node     %s, %.1f s, %zu looks\n", look->node, advice->seconds, look->count);
    if (look->setting.cpus > 0)
        (void)fprintf(out, "CPUs     %.1f of %u at work\n", look->setting.cpus_busy, look->setting.cpus);
    (void)fprintf(out, "clips    %.1f in progress (window %u), %.1f of them wait for bytes\n\n", advice->in_flight,
                  look->setting.clip_window, advice->fetching);
    tell_roles(look);
    (void)fputc('\n', out);
    for (size_t i = 0; i < advice->sentence_count; i++)
        (void)fprintf(out, "%s\n", advice->sentences[i]);
}

static void put_role(struct ry_json_writer *writer, enum ry_role role, const struct ry_advice_role *figures)
{
    ry_json_put_object(writer, NULL);
    ry_json_put_text(writer, "role", ry_role_name(role));
    ry_json_put_f64(writer, "instances", figures->instances, 3);
    ry_json_put_u64(writer, "remote_instances", figures->remote);
    ry_json_put_f64(writer, "utilisation", figures->utilisation, 3);
    ry_json_put_f64(writer, "done_per_s", figures->done_per_s, 3);
    ry_json_put_f64(writer, "remote_done_per_s", figures->remote_done_per_s, 3);
    ry_json_put_f64(writer, "most_per_s", figures->most_per_s, 3);
    ry_json_put_f64(writer, "service_ms", figures->service_ms, 3);
    ry_json_put_f64(writer, "waiting", figures->waiting, 3);
    ry_json_put_f64(writer, "wait_ms", figures->wait_ms, 3);
    ry_json_put_f64(writer, "held", figures->held, 3);
    ry_json_put_f64(writer, "capacity", figures->capacity, 3);
    ry_json_put_u64(writer, "oldest_ms", figures->oldest_ms);
    ry_json_put_end(writer);
}

/* bottleneck is null when no role is one; wanted, when it is not a matter of instances. */
static int tell_json(const struct look *look, struct ry_error *err)
{
    const struct ry_advice *advice = &look->advice;
    RY_BUF_AUTO text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES);
    struct ry_json_writer writer = ry_json_writer(&text, true);
    ry_json_put_object(&writer, NULL);
    ry_json_put_text(&writer, "node", look->node);
    ry_json_put_f64(&writer, "seconds", advice->seconds, 3);
    ry_json_put_text(&writer, "limit", ry_advice_limit_name(advice->limit));
    ry_json_put_text(&writer, "bottleneck", advice->bottleneck ? ry_role_name(advice->bottleneck) : NULL);
    if (advice->wanted)
        ry_json_put_i64(&writer, "wanted", advice->wanted);
    else
        ry_json_put_null(&writer, "wanted");
    ry_json_put_array(&writer, "advice");
    for (size_t i = 0; i < advice->sentence_count; i++)
        ry_json_put_text(&writer, NULL, advice->sentences[i]);
    ry_json_put_end(&writer);
    ry_json_put_u64(&writer, "cpus", look->setting.cpus);
    ry_json_put_f64(&writer, "cpus_busy", look->setting.cpus_busy, 3);
    ry_json_put_u64(&writer, "clip_window", look->setting.clip_window);
    ry_json_put_f64(&writer, "clips_in_works", advice->in_flight, 3);
    ry_json_put_f64(&writer, "clips_fetching", advice->fetching, 3);
    ry_json_put_f64(&writer, "transaction_ms", advice->db_ms, 3);
    ry_json_put_array(&writer, "roles");
    for (unsigned i = 1; i < RY_ROLE_COUNT; i++)
        if (is_shown(&advice->roles[i]))
            put_role(&writer, (enum ry_role)i, &advice->roles[i]);
    ry_json_put_end(&writer);
    ry_json_put_end(&writer);
    return ry_message_json_print(&text, look->cli->out, err);
}

int ry_cmd_advise(struct ry_cli *cli, int argc, char **argv)
{
    bool json = false;
    const char *seconds_word = NULL;
    uint64_t seconds = SECONDS_USUAL;
    struct ry_error err;
    const struct ry_cli_flag flags[] = {{.name = "json", .given = &json}, {.name = "seconds", .value = &seconds_word}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 2, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    if (seconds_word && (!ry_str_u64(ry_str_of(seconds_word), &seconds) || seconds == 0 || seconds > SECONDS_MAX))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--seconds: \"%s\" must be a whole number from 1 to %d",
                               seconds_word, SECONDS_MAX);
    struct look *look = calloc(1, sizeof *look);
    if (look == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "out of memory");
    look->cli = cli;
    look->setting.clip_window = (unsigned)ry_config_int(cli->config, RY_OPT_clip_window);
    look->setting.postgres = ry_config_has_postgres(cli->config);
    int rc = ry_session_join(&look->session, cli, &err);
    if (rc == RY_OK)
        rc = look_at_node(look, (int64_t)seconds, &err);
    if (rc == RY_OK && json)
        rc = tell_json(look, &err);
    else if (rc == RY_OK)
        tell(look);
    (void)ry_session_close(&look->session, NULL);
    free(look);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
