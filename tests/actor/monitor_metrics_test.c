/* monitor_metrics_test.c: metrics in the text format of Prometheus, and the status as JSON. */
#include "tests/bed/monitor_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers of the others --------------------------------------------------------------------------------------- */

static struct ry_child_state children[] = {
    {.role = RY_STR("router"), .name = RY_STR("router"), .state = RY_STR("running"), .pid = 7},
    {.role = RY_STR("encoder"), .name = RY_STR("encoder-1"), .state = RY_STR("spent"), .restarts = 11},
};

static struct ry_death_count deaths[] = {{.way = RY_STR("seccomp"), .count = 11}};

/* The same under a supervisor, with an encoder that died too often. */
static struct ry_node_state site_supervised_node(void)
{
    struct ry_node_state node = site_node();
    node.children.items = children;
    node.children.n = 2;
    node.deaths.items = deaths;
    node.deaths.n = 1;
    return node;
}

/* ---- the text format of Prometheus ------------------------------------------------------------------------------- */

#define METRICS_MAX 400

/* What was seen of a text that is read line by line. */
struct exposition {
    char names[METRICS_MAX][80]; /* of TYPE lines */
    char types[METRICS_MAX][16];
    size_t count;
    char helped[80]; /* of the last HELP line */
    char *samples[4000];
    size_t sample_count;
};

static size_t name_length(const char *text)
{
    const char *start = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return strchr(start, *text) && *text
               ? strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")
               : 0;
}

/* Behind `{name="value",...}`; NULL: it is none. */
static const char *labels_end(const char *text)
{
    do {
        text++;
        size_t n = name_length(text);
        if (n == 0 || text[n] != '=' || text[n + 1] != '"')
            return NULL;
        for (text += n + 2; *text != '"'; text++)
            if (*text == '\0' || (*text == '\\' && strchr("\\\"n", *++text) == NULL))
                return NULL;
        text++;
    } while (*text == ',');
    return *text == '}' ? text + 1 : NULL;
}

static void read_help(struct exposition *seen, const char *line)
{
    char rest[2];
    if (sscanf(line, "# HELP %79s %1s", seen->helped, rest) != 2)
        fail_msg("no help: %s", line);
}

/* A TYPE follows the HELP of its metric, once. */
static void read_type(struct exposition *seen, const char *line)
{
    size_t at = seen->count++;
    assert_true(at < METRICS_MAX);
    if (sscanf(line, "# TYPE %79s %15s", seen->names[at], seen->types[at]) != 2 ||
        strcmp(seen->names[at], seen->helped) != 0)
        fail_msg("not the type of what the help is of: %s", line);
    if (strcmp(seen->types[at], "counter") != 0 && strcmp(seen->types[at], "gauge") != 0 &&
        strcmp(seen->types[at], "histogram") != 0)
        fail_msg("no type: %s", line);
    for (size_t i = 0; i < at; i++)
        if (strcmp(seen->names[i], seen->names[at]) == 0)
            fail_msg("twice: %s", line);
}

/* A sample stands below the TYPE of its metric, has a value, and is there once. Counters end in _total, others do not.
 */
static void read_sample(struct exposition *seen, char *line)
{
    const char *name = seen->names[seen->count - 1], *type = seen->types[seen->count - 1];
    size_t n = name_length(line), of = strlen(name);
    bool histogram = strcmp(type, "histogram") == 0;
    assert_true(seen->count > 0);
    if (n < of || strncmp(line, name, of) != 0 ||
        (histogram ? strncmp(line + of, "_bucket{", 8) != 0 && strncmp(line + of, "_sum ", 5) != 0 &&
                         strncmp(line + of, "_count ", 7) != 0
                   : n != of))
        fail_msg("not a sample of %s, a %s: %s", name, type, line);
    if ((strcmp(type, "counter") == 0) != (of > 6 && strcmp(name + of - 6, "_total") == 0))
        fail_msg("the name does not tell a counter from others: %s", line);
    const char *at = line[n] == '{' ? labels_end(line + n) : line + n;
    char *end = NULL;
    if (at == NULL || *at != ' ' || (strtod(at + 1, &end), end == at + 1) || *end != '\0')
        fail_msg("no sample: %s", line);
    line[at - line] = '\0';
    for (size_t i = 0; i < seen->sample_count; i++)
        if (strcmp(seen->samples[i], line) == 0)
            fail_msg("twice: %s", line);
    assert_true(seen->sample_count < sizeof seen->samples / sizeof *seen->samples);
    seen->samples[seen->sample_count++] = line;
}

static void assert_prometheus(const char *text, struct exposition *seen)
{
    char *copy = strdup(text), *save = NULL;
    assert_non_null(copy);
    assert_true(*text && text[strlen(text) - 1] == '\n');
    *seen = (struct exposition){.count = 0};
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, "# HELP ", 7) == 0)
            read_help(seen, line);
        else if (strncmp(line, "# TYPE ", 7) == 0)
            read_type(seen, line);
        else
            read_sample(seen, line);
    free(copy);
}

static void metrics_follow_the_text_format(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/metrics");
    struct ry_node_state node = site_supervised_node();
    struct ry_queue_state queue = {.healthy = true, .engine = RY_STR("redis"), .streams = 4};
    struct ry_archive_state archive = site_archive();
    site_answer_state(&site, &node, &queue, &archive);
    const char *answer = visit_until_answered(&site, &visit);
    static struct exposition seen;
    assert_prometheus(strstr(answer, "\r\n\r\n") + 4, &seen);
    /* Dashboards are made of these names. */
    static const char *const names[][2] = {
        {"mailbox_mails", "gauge"},
        {"mailbox_limit_mails", "gauge"},
        {"mailbox_oldest_seconds", "gauge"},
        {"mailbox_held_mails", "gauge"},
        {"role_instances", "gauge"},
        {"role_capacity_mails", "gauge"},
        {"role_done_total", "counter"},
        {"role_busy_seconds_total", "counter"},
        {"role_busy_ratio", "gauge"},
        {"instance_sandboxed", "gauge"},
        {"child_running", "gauge"},
        {"child_spent", "gauge"},
        {"child_restarts_total", "counter"},
        {"child_deaths_total", "counter"},
        {"queue_jobs", "gauge"},
        {"queue_oldest_seconds", "gauge"},
        {"queue_streams", "gauge"},
        {"db_transaction_seconds", "histogram"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t at = 0;
        while (at < seen.count && strcmp(seen.names[at] + strlen("reelyard_"), names[i][0]) != 0)
            at++;
        if (at == seen.count || strcmp(seen.types[at], names[i][1]) != 0)
            fail_msg("there is no %s %s", names[i][1], names[i][0]);
    }
    visit_end(&visit);
    site_close(&site);
}

static void metrics_are_prometheus_text(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/metrics");
    struct ry_node_state node = site_supervised_node();
    struct ry_queue_state queue = {.healthy = true, .ready = 5, .oldest_ms = 1001};
    struct ry_archive_state archive = site_archive();
    site_answer_state(&site, &node, &queue, &archive);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    static const char *const lines[] = {
        "Content-Type: text/plain; version=0.0.4",
        "\n# TYPE reelyard_clips_found_total counter\nreelyard_clips_found_total 42\n",
        "\nreelyard_mailbox_mails{role=\"writer\"} 7\n",
        "\nreelyard_mailbox_oldest_seconds{role=\"writer\"} 1.250\n",
        "\nreelyard_instance_busy_seconds_total{role=\"writer\",name=\"writer-1\"} 1.500\n",
        "name=\"encoder-\\\"1\\\\\\n\\\"\"}",
        "\nreelyard_mailbox_held_mails{role=\"writer\"} 3\n",
        "\nreelyard_role_instances{role=\"writer\"} 2\n",
        "\nreelyard_role_capacity_mails{role=\"writer\"} 128\n",
        "\nreelyard_role_done_total{role=\"writer\"} 400\n",
        "\nreelyard_role_busy_seconds_total{role=\"writer\"} 90.500\n",
        "\nreelyard_role_busy_ratio{role=\"writer\"} 0.725\n",
        "\nreelyard_instance_sandboxed{role=\"writer\",name=\"writer-1\"} 0\n",
        "\nreelyard_child_running{role=\"router\",name=\"router\"} 1\n",
        "\nreelyard_child_spent{role=\"encoder\",name=\"encoder-1\"} 1\n",
        "\nreelyard_child_restarts_total{role=\"encoder\",name=\"encoder-1\"} 11\n",
        "\nreelyard_child_deaths_total{way=\"seccomp\"} 11\n",
        "\nreelyard_queue_jobs{state=\"ready\"} 5\n",
        "\nreelyard_queue_oldest_seconds 1.001\n",
        "\nreelyard_archive_clips{status=\"pending\"} 12\n",
        "\nreelyard_answered{part=\"database\"} 1\n",
        "\nreelyard_uptime_seconds 61.005\n",
        "\nreelyard_resident_memory_bytes ",
        "\nreelyard_clip_seconds_bucket{le=\"+Inf\"} 0\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        site_assert_has(answer, lines[i]);
    visit_end(&visit);
    site_close(&site);
}

static void metrics_tell_which_part_does_not_answer(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/metrics");
    struct ry_node_state node = site_node();
    site_answer_state(&site, &node, NULL, NULL);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "reelyard_answered{part=\"router\"} 1\n");
    site_assert_has(answer, "reelyard_answered{part=\"queue\"} 0\nreelyard_answered{part=\"database\"} 0\n");
    site_assert_has_not(answer, "reelyard_queue_jobs");
    visit_end(&visit);
    site_close(&site);
}

static void status_is_the_answers_as_json(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/api/status");
    struct ry_node_state node = site_node();
    struct ry_archive_state archive = site_archive();
    site_answer_state(&site, &node, NULL, &archive);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "Content-Type: application/json");
    site_assert_has(answer, "\"clips_found\":42");
    site_assert_has(answer, "\"queue\":{\"error\":\"no answer within 5 seconds\"}");
    site_assert_has(answer, "\"engine\":\"sqlite\"");
    visit_end(&visit);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_follow_the_text_format),
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(metrics_tell_which_part_does_not_answer),
        cmocka_unit_test(status_is_the_answers_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
