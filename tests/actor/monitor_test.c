/* monitor_test.c: the monitor over real connections on the loopback, with the other actors played by the test. */
#include "tests/bed/bed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/monitor/monitor.h"

#define CLIP_ID "d1523646fd8f70dd6e199d427ae00606"
/* Turns of the pump before a test gives up; each waits up to 20 ms of real time and moves the clock by 1 ms. */
#define TURNS_MAX 500

struct site {
    struct bed *bed;
    uint16_t port;
};

struct visit {
    int fd;
    struct ry_buf got;
    bool closed;
};

/* A port that nobody listens on; the socket that holds it, if asked for. */
static uint16_t free_port(int *holder)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    if (holder) {
        assert_int_equal(listen(fd, 1), 0);
        *holder = fd;
    } else {
        assert_int_equal(close(fd), 0);
    }
    return ntohs(address.sin_port);
}

static struct site site_open(const char *token)
{
    struct site site = {.port = free_port(NULL)};
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)site.port);
    const char *const options[][2] = {{"http_port", port}, {"web_token", token ? token : ""}, {NULL, NULL}};
    site.bed = bed_new(&ry_monitor_spec, options);
    return site;
}

static void site_close(struct site *site)
{
    bed_free(site->bed);
}

static struct visit visit_raw(struct site *site, const char *request)
{
    struct visit visit = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .got = ry_buf_make(1 << 20)};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(site->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(visit.fd >= 0);
    assert_int_equal(connect(visit.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(visit.fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return visit;
}

/* headers: whole lines, with their ends. */
static struct visit visit_with(struct site *site, const char *method, const char *path, const char *headers)
{
    char request[4096];
    (void)snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n%s\r\n",
                   method, path, (unsigned)site->port, headers);
    return visit_raw(site, request);
}

static struct visit visit_get(struct site *site, const char *path)
{
    return visit_with(site, "GET", path, "");
}

static void pump(struct site *site)
{
    (void)bed_wait_engine(site->bed, 20);
    bed_advance(site->bed, 1);
}

/* Lets the monitor work until it has asked somebody. */
static void until_asked(struct site *site)
{
    for (int turn = 0; bed_next_tag(site->bed) == RY_TAG_NONE; turn++) {
        if (turn == TURNS_MAX)
            fail_msg("the monitor asked nothing");
        pump(site);
    }
}

static bool visit_read(struct visit *visit)
{
    char chunk[16384];
    ssize_t n = recv(visit->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0)
        assert_int_equal(ry_buf_add(&visit->got, chunk, (size_t)n), RY_OK);
    else if (n == 0 || errno != EAGAIN)
        visit->closed = true;
    return n > 0;
}

/* The whole answer, to the end of the connection. */
static const char *until_answered(struct site *site, struct visit *visit)
{
    for (int turn = 0; !visit->closed; turn++) {
        if (turn == TURNS_MAX)
            fail_msg("no answer, only: %s", ry_buf_cstr(&visit->got));
        if (!visit_read(visit))
            pump(site);
    }
    return ry_buf_cstr(&visit->got);
}

static void visit_end(struct visit *visit)
{
    assert_int_equal(close(visit->fd), 0);
    ry_buf_free(&visit->got);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in: %s", part, text);
}

static void assert_status(const char *answer, unsigned status)
{
    char line[32];
    (void)snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("not %u: %s", status, answer);
}

/* A visit that needs no other actor: its status, and a part of its answer. */
static void expect_at_once(struct site *site, const char *method, const char *path, const char *headers,
                           unsigned status, const char *part)
{
    struct visit visit = visit_with(site, method, path, headers);
    const char *answer = until_answered(site, &visit);
    assert_status(answer, status);
    assert_has(answer, part);
    bed_expect_nothing(site->bed);
    visit_end(&visit);
}

/* ---- answers of the others --------------------------------------------------------------------------------------- */

static struct ry_gallery_clip clip_typical(void)
{
    return (struct ry_gallery_clip){.clip_id = RY_STR(CLIP_ID),
                                    .guild_id = RY_STR("41771983423143937"),
                                    .channel_id = RY_STR("1424914917202464798"),
                                    .message_id = RY_STR("1297213456789012480"),
                                    .guild_name = RY_STR("Guild"),
                                    .channel_name = RY_STR("clips"),
                                    .author_name = RY_STR("Ann"),
                                    .content = RY_STR("look"),
                                    .filename = RY_STR("clip.mp4"),
                                    .url = RY_STR("https://cdn.example/clip.mp4?ex=1&hm=2"),
                                    .mime_type = RY_STR("video/mp4"),
                                    .resolution = RY_STR("1920x1080"),
                                    .status = RY_STR("completed"),
                                    .duration_s = 83.4,
                                    .file_size = 34123456,
                                    .posted_wall_ms = 1729350189159,
                                    .small_path = RY_STR("thumbnails/guild_41771983423143937/" CLIP_ID "_small.webp"),
                                    .large_path = RY_STR("thumbnails/guild_41771983423143937/" CLIP_ID "_large.webp"),
                                    .small_width = 320,
                                    .small_height = 180};
}

static struct ry_archive_state archive_typical(void)
{
    return (struct ry_archive_state){.engine = RY_STR("sqlite"),
                                     .schema_version = 1,
                                     .clips_pending = 12,
                                     .clips_completed = 1200,
                                     .clips_failed = 3,
                                     .bytes_videos = 5600000000};
}

/* Answers /, which asks the archive (its figures) and the gallery. */
static void answer_gallery(struct site *site, const struct ry_gallery_page *page)
{
    struct ry_archive_state archive = archive_typical();
    until_asked(site);
    (void)BED_EXPECT(site->bed, archive_get);
    uint64_t archive_id = bed_envelope(site->bed)->id;
    (void)BED_EXPECT(site->bed, gallery_get);
    uint64_t gallery_id = bed_envelope(site->bed)->id;
    BED_ANSWER(site->bed, archive_id, archive_state, &archive);
    BED_ANSWER(site->bed, gallery_id, gallery_page, page);
}

static struct ry_instance_state all_instances[] = {
    {.role = RY_STR("ingester"), .name = RY_STR("ingester-1")},
    {.role = RY_STR("scanner"), .name = RY_STR("scanner-1")},
    {.role = RY_STR("writer"), .name = RY_STR("writer-1"), .busy_ms = 1500},
    {.role = RY_STR("downloader"), .name = RY_STR("downloader-1")},
    {.role = RY_STR("storage"), .name = RY_STR("storage-1")},
    {.role = RY_STR("scheduler"), .name = RY_STR("scheduler-1")},
    {.role = RY_STR("monitor"), .name = RY_STR("monitor-1")},
    {.role = RY_STR("encoder"), .name = RY_STR("encoder-\"1\\\n\""), .sandboxed = true},
};

static struct ry_role_state writer_mailbox = {.role = RY_STR("writer"),
                                              .queued = 7,
                                              .queued_bytes = 700,
                                              .limit = 256,
                                              .oldest_ms = 1250,
                                              .held = 3,
                                              .instances = 2,
                                              .capacity = 128,
                                              .done = 400,
                                              .busy_ms = 90500,
                                              .busy_permille = 725};

static struct ry_child_state children[] = {
    {.role = RY_STR("router"), .name = RY_STR("router"), .state = RY_STR("running"), .pid = 7},
    {.role = RY_STR("encoder"), .name = RY_STR("encoder-1"), .state = RY_STR("spent"), .restarts = 11},
};

static struct ry_death_count deaths[] = {{.way = RY_STR("seccomp"), .count = 11}};

static struct ry_counter_value counters[] = {{.index = RY_COUNTER_clips_found, .value = 42},
                                             {.index = 4095, .value = 1 /* of a newer router */}};

static struct ry_node_state node_typical(void)
{
    return (struct ry_node_state){.node = RY_STR("here"),
                                  .uptime_ms = 61005,
                                  .roles = {&writer_mailbox, 1},
                                  .instances = {all_instances, 8},
                                  .counters = {counters, 2}};
}

/* The same under a supervisor, with an encoder that died too often. */
static struct ry_node_state node_supervised(void)
{
    struct ry_node_state node = node_typical();
    node.children.items = children;
    node.children.n = 2;
    node.deaths.items = deaths;
    node.deaths.n = 1;
    return node;
}

/* What /ready, /metrics and /api/status ask; NULL: no answer. */
static void answer_state(struct site *site, const struct ry_node_state *node, const struct ry_queue_state *queue,
                         const struct ry_archive_state *archive)
{
    until_asked(site);
    (void)BED_EXPECT(site->bed, node_get);
    uint64_t node_id = bed_envelope(site->bed)->id;
    (void)BED_EXPECT(site->bed, queue_get);
    uint64_t queue_id = bed_envelope(site->bed)->id;
    (void)BED_EXPECT(site->bed, archive_get);
    uint64_t archive_id = bed_envelope(site->bed)->id;
    if (node)
        BED_ANSWER(site->bed, node_id, node_state, node);
    if (queue)
        BED_ANSWER(site->bed, queue_id, queue_state, queue);
    if (archive)
        BED_ANSWER(site->bed, archive_id, archive_state, archive);
    if (!node || !queue || !archive)
        bed_advance(site->bed, 5000);
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

static void ping_answers_without_asking_anybody(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    expect_at_once(&site, "GET", "/ping", "", 200, "\r\n\r\nalive\n");
    site_close(&site);
}

static void ready_says_what_is_missing(void **state)
{
    (void)state;
    struct ry_node_state node = node_typical();
    struct ry_node_state no_encoder = node_typical();
    no_encoder.instances.n = 7;
    struct ry_role_state elsewhere = {.role = RY_STR("encoder"), .reached = true};
    struct ry_node_state remote_encoder = no_encoder;
    remote_encoder.roles.items = &elsewhere;
    struct ry_instance_state two_waiting[8];
    memcpy(two_waiting, all_instances, sizeof two_waiting);
    two_waiting[0].trouble = two_waiting[1].trouble = RY_STR("cannot make /thumbs: Read-only file system");
    struct ry_node_state waiting = node_typical();
    waiting.instances.items = two_waiting;
    struct ry_queue_state queue = {.healthy = true};
    struct ry_queue_state sick = {.healthy = false, .reason = RY_STR("disk I/O error")};
    struct ry_archive_state archive = archive_typical();
    struct ry_archive_state locked = archive_typical();
    locked.error = RY_STR("database is locked");
    const struct {
        const struct ry_node_state *node;
        const struct ry_queue_state *queue;
        const struct ry_archive_state *archive;
        unsigned status;
        const char *says;
    } cases[] = {
        {&node, &queue, &archive, 200, "{\"ready\":true,\"reasons\":[]}"},
        {&no_encoder, &queue, &archive, 503, "[\"encoder: no instance is attached\"]"},
        {&remote_encoder, &queue, &archive, 200, "{\"ready\":true,\"reasons\":[]}"},
        {&waiting, &queue, &archive, 503, "[\"ingester: cannot make /thumbs: Read-only file system\"]"},
        {&node, &sick, &archive, 503, "[\"queue: disk I/O error\"]"},
        {&node, &queue, &locked, 503, "[\"database: database is locked\"]"},
        {&node, &queue, NULL, 503, "[\"database: no answer within 5 seconds\"]"},
        {NULL, NULL, NULL, 503, "[\"router: no answer within 5 seconds\",\"queue: no answer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site = site_open(NULL);
        struct visit visit = visit_get(&site, "/ready");
        answer_state(&site, cases[i].node, cases[i].queue, cases[i].archive);
        const char *answer = until_answered(&site, &visit);
        assert_status(answer, cases[i].status);
        assert_has(answer, cases[i].says);
        visit_end(&visit);
        site_close(&site);
    }
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
    struct ry_node_state node = node_supervised();
    struct ry_queue_state queue = {.healthy = true, .engine = RY_STR("redis"), .streams = 4};
    struct ry_archive_state archive = archive_typical();
    answer_state(&site, &node, &queue, &archive);
    const char *answer = until_answered(&site, &visit);
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
    struct ry_node_state node = node_supervised();
    struct ry_queue_state queue = {.healthy = true, .ready = 5, .oldest_ms = 1001};
    struct ry_archive_state archive = archive_typical();
    answer_state(&site, &node, &queue, &archive);
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
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
        assert_has(answer, lines[i]);
    visit_end(&visit);
    site_close(&site);
}

static void metrics_tell_which_part_does_not_answer(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/metrics");
    struct ry_node_state node = node_typical();
    answer_state(&site, &node, NULL, NULL);
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    assert_has(answer, "reelyard_answered{part=\"router\"} 1\n");
    assert_has(answer, "reelyard_answered{part=\"queue\"} 0\nreelyard_answered{part=\"database\"} 0\n");
    assert_has_not(answer, "reelyard_queue_jobs");
    visit_end(&visit);
    site_close(&site);
}

static void status_is_the_answers_as_json(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/api/status");
    struct ry_node_state node = node_typical();
    struct ry_archive_state archive = archive_typical();
    answer_state(&site, &node, NULL, &archive);
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    assert_has(answer, "Content-Type: application/json");
    assert_has(answer, "\"clips_found\":42");
    assert_has(answer, "\"queue\":{\"error\":\"no answer within 5 seconds\"}");
    assert_has(answer, "\"engine\":\"sqlite\"");
    visit_end(&visit);
    site_close(&site);
}

/* ---- the gallery ------------------------------------------------------------------------------------------------- */

static void the_page_shows_each_clip_with_its_facts(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_gallery_clip clip = clip_typical();
    answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}});
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    static const char *const parts[] = {
        "1,215 clips · 12 waiting · 3 failed · 5.6 GB of video",
        "<img src=\"/thumbnails/guild_41771983423143937/" CLIP_ID "_small.webp\" width=\"320\" height=\"180\" "
        "loading=\"lazy\" decoding=\"async\" alt=\"Still of clip.mp4\">",
        "<h2>clip.mp4</h2>",
        "<p class=\"said\">look</p>",
        "Ann in <a href=\"/?channel=1424914917202464798\">#clips</a>",
        "<time datetime=\"2024-10-19T15:03:09.159Z\">2024-10-19 15:03 UTC</time> · 1920x1080 · 34 MB",
        "<span class=\"length\">1:23</span>",
        "<a href=\"https://cdn.example/clip.mp4?ex=1&amp;hm=2\" rel=\"noreferrer\">Video</a>",
        "https://discord.com/channels/41771983423143937/1424914917202464798/1297213456789012480",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_has(answer, parts[i]);
    assert_has_not(answer, "Older clips");
    visit_end(&visit);
    site_close(&site);
}

static void nothing_from_a_message_is_markup(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_str evil = RY_STR("\"><script>alert('1')</script>");
    struct ry_gallery_clip clip = clip_typical();
    clip.guild_name = clip.channel_name = clip.author_name = clip.title = clip.content = clip.filename = evil;
    clip.guild_id = clip.channel_id = clip.message_id = evil;
    clip.resolution = RY_STR("<b>1</b>");
    clip.status = RY_STR("failed");
    clip.failure = evil;
    clip.url = RY_STR("javascript:alert(1)");
    clip.small_path = RY_STR("thumbnails/\" onerror=\"alert(1)");
    answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}});
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    assert_has(answer, "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
    assert_has_not(answer, "<script");
    assert_has_not(answer, "<b>");
    assert_has_not(answer, "javascript:");
    assert_has_not(answer, "onerror");
    assert_has_not(answer, "discord.com");
    visit_end(&visit);
    site_close(&site);
}

static void a_local_video_is_named_but_not_linked(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = clip_typical();
    clip.url = RY_STR("file:///home/ann/export_Files/clip-4F2A.mp4");
    struct visit visit = visit_get(&site, "/");
    answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}});
    const char *answer = until_answered(&site, &visit);
    assert_has(answer, "Local file clip-4F2A.mp4");
    assert_has_not(answer, "/home/ann");
    visit_end(&visit);
    visit = visit_get(&site, "/api/clips");
    until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page, &((struct ry_gallery_page){.clips = {&clip, 1}}));
    answer = until_answered(&site, &visit);
    assert_has(answer, "\"url\":null");
    assert_has_not(answer, "/home/ann");
    visit_end(&visit);
    site_close(&site);
}

static void a_failed_clip_says_why_and_an_unfinished_one_that_it_is(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_gallery_clip clips[2] = {clip_typical(), clip_typical()};
    clips[0].status = RY_STR("failed");
    clips[0].failure = RY_STR("moov atom not found");
    clips[1].status = RY_STR("pending");
    clips[0].small_path = clips[1].small_path = (struct ry_str){NULL, 0};
    answer_gallery(&site, &(struct ry_gallery_page){.clips = {clips, 2}});
    const char *answer = until_answered(&site, &visit);
    assert_has(answer, "<p class=\"failure\">Failed: moov atom not found</p>");
    assert_has(answer, "Thumbnail pending");
    assert_has_not(answer, "<img");
    visit_end(&visit);
    site_close(&site);
}

static void a_damaged_row_is_shown_as_that(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_gallery_clip clips[2] = {clip_typical(), clip_typical()};
    clips[0].status = RY_STR("damaged");
    clips[0].failure = RY_STR("its row in the database is damaged: <b> is 9, not in 0..8");
    answer_gallery(&site, &(struct ry_gallery_page){.clips = {clips, 2}});
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    assert_has(answer, "Damaged: its row in the database is damaged: &lt;b&gt; is 9, not in 0..8</p>");
    visit_end(&visit);
    site_close(&site);
}

static void an_empty_page_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *says;
    } cases[] = {{"/", "reelyard import --data "},
                 {"/?status=failed", "Show all clips"},
                 {"/?before=1." CLIP_ID, "No older clips"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site = site_open(NULL);
        struct visit visit = visit_get(&site, cases[i].path);
        answer_gallery(&site, &(struct ry_gallery_page){0});
        assert_has(until_answered(&site, &visit), cases[i].says);
        visit_end(&visit);
        site_close(&site);
    }
}

/* Its command can be copied as it stands; strangers do not hear where the archive lies. */
static void an_empty_page_names_this_nodes_folder_to_those_who_may_know_it(void **state)
{
    (void)state;
    static const struct {
        const char *bind;
        const char *token;
        const char *database_url;
        const char *command; /* %s: the folder */
    } cases[] = {
        {"127.0.0.1", "", "", "<pre>reelyard import --data %s EXPORT.json</pre>"},
        {"0.0.0.0", "", "", "<pre>reelyard import --data FOLDER EXPORT.json</pre>"},
        {"0.0.0.0", "s3cret", "", "<pre>reelyard import --data %s EXPORT.json</pre>"},
        {"127.0.0.1", "", "postgresql://h/d", "<pre>reelyard scan --data %s --guild GUILD --channel CHANNEL</pre>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site = {.port = free_port(NULL)};
        char port[8];
        char expected[300];
        (void)snprintf(port, sizeof port, "%u", (unsigned)site.port);
        const char *const options[][2] = {{"http_port", port},
                                          {"http_bind", cases[i].bind},
                                          {"web_token", cases[i].token},
                                          {"database_url", cases[i].database_url},
                                          {NULL, NULL}};
        site.bed = bed_new(&ry_monitor_spec, options);
        struct visit visit = visit_raw(&site, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                                              "Authorization: Bearer s3cret\r\nConnection: close\r\n\r\n");
        answer_gallery(&site, &(struct ry_gallery_page){0});
        int n = snprintf(expected, sizeof expected, "%.*s", (int)strcspn(cases[i].command, "%"), cases[i].command);
        if (strstr(cases[i].command, "%s"))
            (void)snprintf(expected + n, sizeof expected - (size_t)n, "%s%s", bed_data(site.bed),
                           strstr(cases[i].command, "%s") + 2);
        assert_has(until_answered(&site, &visit), expected);
        visit_end(&visit);
        site_close(&site);
    }
}

static void a_console_hears_where_the_page_is(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)site.port);
    (void)BED_DELIVER(site.bed, page_get, &(struct ry_page_get){0}, NULL);
    assert_true(ry_str_is(BED_EXPECT(site.bed, page_got)->url, url));
    site_close(&site);
    const char *const options[][2] = {{"http_port", "0"}, {NULL, NULL}};
    struct bed *bed = bed_new(&ry_monitor_spec, options);
    (void)BED_DELIVER(bed, page_get, &(struct ry_page_get){0}, NULL);
    assert_null(BED_EXPECT(bed, page_got)->url.p);
    bed_free(bed);
}

static void a_page_leads_to_the_next_and_keeps_the_filter(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = clip_typical();
    struct visit visit = visit_get(&site, "/?guild=41771983423143937&status=completed");
    answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}, .more = true});
    const char *next = "/?guild=41771983423143937&amp;status=completed&amp;before=1729350189159." CLIP_ID;
    assert_has(until_answered(&site, &visit), next);
    visit_end(&visit);
    visit = visit_get(&site, "/?guild=41771983423143937&status=completed&before=1729350189159." CLIP_ID);
    until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    const struct ry_gallery_get *get = BED_EXPECT(site.bed, gallery_get);
    assert_int_equal(get->before_wall_ms, 1729350189159);
    assert_true(ry_str_is(get->before_id, CLIP_ID));
    assert_true(ry_str_is(get->guild_id, "41771983423143937"));
    assert_true(ry_str_is(get->status, "completed"));
    assert_null(get->channel_id.p);
    int64_t left_ms = bed_envelope(site.bed)->deadline_wall_ms - ry_wall_ms(&bed_clock(site.bed)->clock);
    assert_between(left_ms, 4000, 5000);
    visit_end(&visit);
    site_close(&site);
}

static void the_api_pages_by_its_own_cursor(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = clip_typical();
    struct visit visit = visit_get(&site, "/api/clips?limit=1");
    until_asked(&site);
    assert_int_equal(BED_EXPECT(site.bed, gallery_get)->limit, 1);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page,
               &((struct ry_gallery_page){.clips = {&clip, 1}, .more = true}));
    const char *answer = until_answered(&site, &visit);
    assert_has(answer, "\"next\":\"1729350189159." CLIP_ID "\"");
    assert_has(answer, "\"posted_at\":\"2024-10-19T15:03:09.159Z\"");
    assert_has(answer, "\"url\":\"https://cdn.example/clip.mp4?ex=1&hm=2\"");
    visit_end(&visit);
    site_close(&site);
}

static void arguments_that_make_no_sense_are_refused_before_anybody_is_asked(void **state)
{
    (void)state;
    static const char *const queries[] = {"limit=0",
                                          "limit=201",
                                          "limit=x",
                                          "limit=-1",
                                          "before=yesterday",
                                          "before=1.",
                                          "before=1.XYZ",
                                          "guild=x",
                                          "channel=%27",
                                          "status=everything",
                                          "guild=99999999999999999999",
                                          "before=99999999999999999999.a"};
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/api/clips?%s", queries[i]);
        expect_at_once(&site, "GET", path, "", 400, "{\"error\":");
    }
    site_close(&site);
}

static void without_the_archive_the_page_is_503_with_a_reason(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    /* It does not answer. */
    struct visit visit = visit_get(&site, "/");
    until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    (void)BED_EXPECT(site.bed, gallery_get);
    bed_advance(site.bed, 5000);
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 503);
    assert_has(answer, "The archive did not answer: no answer within 5 seconds");
    visit_end(&visit);
    /* It cannot be reached; the figures alone are no page. */
    visit = visit_get(&site, "/");
    until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    uint64_t archive_id = bed_envelope(site.bed)->id;
    (void)BED_EXPECT(site.bed, gallery_get);
    bed_undeliverable(site.bed, bed_envelope(site.bed)->id, 0, RY_TAG_gallery_get, RY_UNDELIVERABLE_FULL);
    struct ry_archive_state archive = archive_typical();
    BED_ANSWER(site.bed, archive_id, archive_state, &archive);
    assert_status(until_answered(&site, &visit), 503);
    visit_end(&visit);
    /* It says so itself. */
    visit = visit_get(&site, "/api/clips");
    until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page,
               &((struct ry_gallery_page){.error = RY_STR("database is locked")}));
    answer = until_answered(&site, &visit);
    assert_status(answer, 503);
    assert_has(answer, "{\"error\":\"The database did not answer: database is locked\"}");
    visit_end(&visit);
    assert_int_equal(bed_counter(site.bed, RY_COUNTER_http_requests), 3);
    assert_int_equal(bed_counter(site.bed, RY_COUNTER_http_errors), 3);
    site_close(&site);
}

static void a_late_answer_and_a_strangers_change_nothing(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/api/clips");
    until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    uint64_t id = bed_envelope(site.bed)->id;
    struct ry_thumbnail_data other = {0};
    BED_ANSWER(site.bed, id, thumbnail_data, &other); /* not what was asked */
    BED_ANSWER(site.bed, id + 1, gallery_page, &((struct ry_gallery_page){0}));
    bed_advance(site.bed, 5000);
    assert_status(until_answered(&site, &visit), 503);
    BED_ANSWER(site.bed, id, gallery_page, &((struct ry_gallery_page){0}));
    bed_expect_nothing(site.bed);
    visit_end(&visit);
    site_close(&site);
}

static void an_instance_that_ends_lets_its_visitors_go(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    until_asked(&site);
    site_close(&site); /* while the request waits */
    visit_end(&visit);
}

/* ---- thumbnails -------------------------------------------------------------------------------------------------- */

#define THUMBNAIL "/thumbnails/guild_41771983423143937/" CLIP_ID "_small.webp"

static void answer_thumbnail(struct site *site, const struct ry_thumbnail_data *data)
{
    until_asked(site);
    const struct ry_thumbnail_read *read = BED_EXPECT(site->bed, thumbnail_read);
    assert_true(ry_str_is(read->storage_path, &THUMBNAIL[1]));
    BED_ANSWER(site->bed, bed_envelope(site->bed)->id, thumbnail_data, data);
}

static void a_thumbnail_is_served_once_and_then_known(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_thumbnail_data data = {.found = true, .bytes = {"RIFFwebp", 8, NULL}};
    struct visit visit = visit_get(&site, THUMBNAIL);
    answer_thumbnail(&site, &data);
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    assert_has(answer, "Content-Type: image/webp");
    assert_has(answer, "Cache-Control: private, max-age=3600");
    assert_has(answer, "\r\n\r\nRIFFwebp");
    const char *tag = strstr(answer, "ETag: ");
    assert_non_null(tag);
    char header[80];
    (void)snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", (int)strcspn(tag + 6, "\r"), tag + 6);
    visit_end(&visit);
    visit = visit_with(&site, "GET", THUMBNAIL, header);
    answer_thumbnail(&site, &data);
    answer = until_answered(&site, &visit);
    assert_status(answer, 304);
    assert_has_not(answer, "RIFF");
    visit_end(&visit);
    site_close(&site);
}

static void a_thumbnail_that_is_not_there_is_404_and_one_unreadable_503(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, THUMBNAIL);
    answer_thumbnail(&site, &(struct ry_thumbnail_data){.found = false});
    assert_status(until_answered(&site, &visit), 404);
    visit_end(&visit);
    visit = visit_get(&site, THUMBNAIL);
    answer_thumbnail(&site, &(struct ry_thumbnail_data){.error = RY_STR("Input/output error")});
    assert_status(until_answered(&site, &visit), 503);
    visit_end(&visit);
    site_close(&site);
}

static void a_path_that_is_no_thumbnails_asks_nobody(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/thumbnails/",
        "/thumbnails/../reelyard.db",
        "/thumbnails/%2e%2e/%2e%2e/etc/passwd",
        "/thumbnails/guild_1/../../reelyard.db",
        "/thumbnails/guild_1/" CLIP_ID "_small.webp/x",
        "/thumbnails/guild_/" CLIP_ID "_small.webp",
        "/thumbnails/guild_1/D1523646FD8F70DD6E199D427AE00606_small.webp",
        "/thumbnails/guild_1/" CLIP_ID "_huge.webp",
    };
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_at_once(&site, "GET", paths[i], "", 404, "no such thumbnail");
    site_close(&site);
}

/* ---- who may look ------------------------------------------------------------------------------------------------ */

static void with_a_token_only_ping_and_ready_are_open(void **state)
{
    (void)state;
    static const char *const closed[] = {"/",          "/style.css", "/metrics", "/api/status",
                                         "/api/clips", THUMBNAIL,    "/nothing"};
    static const char *const wrong[] = {"",
                                        "Authorization: Bearer guess\r\n",
                                        "Authorization: Bearer s3cret;x\r\n",
                                        "Authorization: Bearer \r\n",
                                        "Authorization: Basic s3cret;\r\n",
                                        "Cookie: reelyard_token=s3cret;\r\n",
                                        "Cookie: reelyard_token=\r\n"};
    struct site site = site_open("s3cret;");
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        expect_at_once(&site, "GET", closed[i], "", 401, "WWW-Authenticate: Bearer");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_at_once(&site, "GET", "/style.css", wrong[i], 401, "REELYARD_WEB_TOKEN");
    expect_at_once(&site, "GET", "/?token=guess", "", 401, "REELYARD_WEB_TOKEN");
    expect_at_once(&site, "GET", "/ping", "", 200, "alive");
    expect_at_once(&site, "GET", "/style.css", "Authorization: Bearer s3cret;\r\n", 200, "text/css");
    struct visit visit = visit_get(&site, "/ready");
    until_asked(&site);
    visit_end(&visit);
    site_close(&site);
}

static void the_token_moves_from_the_url_to_a_cookie(void **state)
{
    (void)state;
    struct site site = site_open("s3cret;");
    expect_at_once(&site, "GET", "/?guild=1&token=s3cret%3B&status=failed", "", 303,
                   "Location: /?guild=1&status=failed\r\n");
    expect_at_once(&site, "GET", "/?token=s3cret%3B", "", 303,
                   "Set-Cookie: reelyard_token=7333637265743b; HttpOnly; SameSite=Lax; Path=/\r\n");
    expect_at_once(&site, "GET", "//evil.example/?token=s3cret%3B", "", 303, "Location: /\r\n");
    expect_at_once(&site, "GET", "/style.css", "Cookie: a=b; reelyard_token=7333637265743b\r\n", 200, "text/css");
    site_close(&site);
}

static void on_the_loopback_a_strangers_host_name_is_refused(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    static const struct {
        const char *host;
        bool allowed;
    } hosts[] = {{"localhost", true},        {"127.0.0.1:8080", true}, {"[::1]:8080", true},
                 {"LOCALHOST", true},        {"evil.example", false},  {"localhost.evil.example", false},
                 {"127.0.0.1.nip.io", false}};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char request[256];
        (void)snprintf(request, sizeof request, "GET /ping HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                       hosts[i].host);
        struct visit visit = visit_raw(&site, request);
        assert_status(until_answered(&site, &visit), hosts[i].allowed ? 200 : 403);
        visit_end(&visit);
    }
    site_close(&site);
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

static void every_answer_tells_the_browser_to_be_strict(void **state)
{
    (void)state;
    static const char *const headers[] = {
        ("Content-Security-Policy: default-src 'none'; img-src 'self'; "
         "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
        "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer"};
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        expect_at_once(&site, "GET", "/ping", "", 200, headers[i]);
        expect_at_once(&site, "GET", "/nothing", "", 404, headers[i]);
        expect_at_once(&site, "POST", "/", "Content-Length: 0\r\n", 405, headers[i]);
    }
    site_close(&site);
}

static void only_get_and_head_are_answered(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    static const char *const others[] = {"POST", "PUT", "DELETE", "OPTIONS", "BREW"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_at_once(&site, others[i], "/ping", "", 405, "Allow: GET, HEAD");
    struct visit visit = visit_with(&site, "HEAD", "/ping", "");
    const char *answer = until_answered(&site, &visit);
    assert_status(answer, 200);
    assert_has(answer, "Content-Length: 6\r\n");
    assert_has_not(answer, "alive");
    visit_end(&visit);
    site_close(&site);
}

static void many_visitors_wait_at_once(void **state)
{
    (void)state;
    enum { VISITORS = 20 };
    struct site site = site_open(NULL);
    struct visit visits[VISITORS];
    uint64_t ids[VISITORS];
    for (size_t i = 0; i < VISITORS; i++) {
        visits[i] = visit_get(&site, "/api/clips");
        until_asked(&site);
        (void)BED_EXPECT(site.bed, gallery_get);
        ids[i] = bed_envelope(site.bed)->id;
    }
    struct ry_gallery_clip clip = clip_typical();
    for (size_t i = VISITORS; i-- > 0;) { /* in another order than they came */
        char name[32];
        (void)snprintf(name, sizeof name, "clip-%zu.mp4", i);
        clip.filename = ry_str_of(name);
        BED_ANSWER(site.bed, ids[i], gallery_page, &((struct ry_gallery_page){.clips = {&clip, 1}}));
        assert_has(until_answered(&site, &visits[i]), name);
        visit_end(&visits[i]);
    }
    site_close(&site);
}

static void a_port_that_is_taken_is_a_clear_error(void **state)
{
    (void)state;
    int holder = -1;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)free_port(&holder));
    const char *const options[][2] = {{"http_port", port}, {NULL, NULL}};
    struct ry_error err = {0};
    bed_new_fails(&ry_monitor_spec, options, &err);
    assert_int_equal(err.code, RY_ECONFIG);
    assert_has(err.text, "Address already in use; choose another --http-port");
    assert_int_equal(close(holder), 0);
    const char *const nonsense[][2] = {{"http_port", port}, {"http_bind", "the-moon"}, {NULL, NULL}};
    bed_new_fails(&ry_monitor_spec, nonsense, &err);
    assert_int_equal(err.code, RY_ECONFIG);
    assert_has(err.text, "the-moon");
}

static void with_port_0_there_is_no_http(void **state)
{
    (void)state;
    const char *const options[][2] = {{"http_port", "0"}, {NULL, NULL}};
    struct bed *bed = bed_new(&ry_monitor_spec, options);
    assert_int_equal(ry_instance_engine_fd(bed_instance(bed)), -1);
    bed_drain(bed);
    assert_true(bed_finished(bed));
    bed_free(bed);
}

static void draining_ends_when_the_last_visitor_is_served(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/api/clips");
    until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    uint64_t id = bed_envelope(site.bed)->id;
    bed_drain(site.bed);
    assert_false(bed_finished(site.bed));
    expect_at_once(&site, "GET", "/", "", 503, "The node is stopping");
    BED_ANSWER(site.bed, id, gallery_page, &((struct ry_gallery_page){0}));
    for (int turn = 0; !bed_finished(site.bed) && turn < TURNS_MAX; turn++)
        pump(&site);
    assert_true(bed_finished(site.bed));
    while (visit_read(&visit))
        continue;
    assert_has(ry_buf_cstr(&visit.got), "{\"clips\":[],\"next\":null}");
    visit_end(&visit);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping_answers_without_asking_anybody),
        cmocka_unit_test(ready_says_what_is_missing),
        cmocka_unit_test(metrics_follow_the_text_format),
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(metrics_tell_which_part_does_not_answer),
        cmocka_unit_test(status_is_the_answers_as_json),
        cmocka_unit_test(the_page_shows_each_clip_with_its_facts),
        cmocka_unit_test(nothing_from_a_message_is_markup),
        cmocka_unit_test(a_local_video_is_named_but_not_linked),
        cmocka_unit_test(a_failed_clip_says_why_and_an_unfinished_one_that_it_is),
        cmocka_unit_test(a_damaged_row_is_shown_as_that),
        cmocka_unit_test(an_empty_page_says_what_to_do),
        cmocka_unit_test(an_empty_page_names_this_nodes_folder_to_those_who_may_know_it),
        cmocka_unit_test(a_console_hears_where_the_page_is),
        cmocka_unit_test(a_page_leads_to_the_next_and_keeps_the_filter),
        cmocka_unit_test(the_api_pages_by_its_own_cursor),
        cmocka_unit_test(arguments_that_make_no_sense_are_refused_before_anybody_is_asked),
        cmocka_unit_test(without_the_archive_the_page_is_503_with_a_reason),
        cmocka_unit_test(a_late_answer_and_a_strangers_change_nothing),
        cmocka_unit_test(an_instance_that_ends_lets_its_visitors_go),
        cmocka_unit_test(a_thumbnail_is_served_once_and_then_known),
        cmocka_unit_test(a_thumbnail_that_is_not_there_is_404_and_one_unreadable_503),
        cmocka_unit_test(a_path_that_is_no_thumbnails_asks_nobody),
        cmocka_unit_test(with_a_token_only_ping_and_ready_are_open),
        cmocka_unit_test(the_token_moves_from_the_url_to_a_cookie),
        cmocka_unit_test(on_the_loopback_a_strangers_host_name_is_refused),
        cmocka_unit_test(every_answer_tells_the_browser_to_be_strict),
        cmocka_unit_test(only_get_and_head_are_answered),
        cmocka_unit_test(many_visitors_wait_at_once),
        cmocka_unit_test(a_port_that_is_taken_is_a_clear_error),
        cmocka_unit_test(with_port_0_there_is_no_http),
        cmocka_unit_test(draining_ends_when_the_last_visitor_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
