/* monitor_site.c: see monitor_site.h. A site owns its bed, a visit its connection and what came over it. */
#include "tests/bed/monitor_site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

uint16_t site_free_port(int *holder)
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

struct site site_open(const char *token)
{
    struct site site = {.port = site_free_port(NULL)};
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)site.port);
    const char *const options[][2] = {{"http_port", port}, {"web_token", token ? token : ""}, {NULL, NULL}};
    site.bed = bed_new(&ry_monitor_spec, options);
    return site;
}

void site_close(struct site *site)
{
    bed_free(site->bed);
}

struct visit visit_raw(struct site *site, const char *request)
{
    struct visit visit = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .got = ry_buf_make(1 << 20)};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(site->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(visit.fd >= 0);
    assert_int_equal(connect(visit.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(visit.fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return visit;
}

struct visit visit_with(struct site *site, const char *method, const char *path, const char *headers)
{
    char request[4096];
    (void)snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n%s\r\n",
                   method, path, (unsigned)site->port, headers);
    return visit_raw(site, request);
}

struct visit visit_get(struct site *site, const char *path)
{
    return visit_with(site, "GET", path, "");
}

void site_pump(struct site *site)
{
    (void)bed_wait_engine(site->bed, 20);
    bed_advance(site->bed, 1);
}

void site_until_asked(struct site *site)
{
    for (int turn = 0; bed_next_tag(site->bed) == RY_TAG_NONE; turn++) {
        if (turn == SITE_TURNS_MAX)
            fail_msg("the monitor asked nothing");
        site_pump(site);
    }
}

bool visit_read(struct visit *visit)
{
    char chunk[16384];
    ssize_t n = recv(visit->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0)
        assert_int_equal(ry_buf_add(&visit->got, chunk, (size_t)n), RY_OK);
    else if (n == 0 || errno != EAGAIN)
        visit->closed = true;
    return n > 0;
}

const char *visit_until_answered(struct site *site, struct visit *visit)
{
    for (int turn = 0; !visit->closed; turn++) {
        if (turn == SITE_TURNS_MAX)
            fail_msg("no answer, only: %s", ry_buf_cstr(&visit->got));
        if (!visit_read(visit))
            site_pump(site);
    }
    return ry_buf_cstr(&visit->got);
}

void visit_end(struct visit *visit)
{
    assert_int_equal(close(visit->fd), 0);
    ry_buf_free(&visit->got);
}

void site_assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text);
}

void site_assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in: %s", part, text);
}

void site_assert_status(const char *answer, unsigned status)
{
    char line[32];
    (void)snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("not %u: %s", status, answer);
}

void site_expect_at_once(struct site *site, const char *method, const char *path, const char *headers, unsigned status,
                         const char *part)
{
    struct visit visit = visit_with(site, method, path, headers);
    const char *answer = visit_until_answered(site, &visit);
    site_assert_status(answer, status);
    site_assert_has(answer, part);
    bed_expect_nothing(site->bed);
    visit_end(&visit);
}

struct ry_gallery_clip site_clip(void)
{
    return (struct ry_gallery_clip){
        .clip_id = RY_STR(SITE_CLIP_ID),
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
        .small_path = RY_STR("thumbnails/guild_41771983423143937/" SITE_CLIP_ID "_small.webp"),
        .large_path = RY_STR("thumbnails/guild_41771983423143937/" SITE_CLIP_ID "_large.webp"),
        .small_width = 320,
        .small_height = 180};
}

struct ry_archive_state site_archive(void)
{
    return (struct ry_archive_state){.engine = RY_STR("sqlite"),
                                     .schema_version = 1,
                                     .clips_pending = 12,
                                     .clips_completed = 1200,
                                     .clips_failed = 3,
                                     .bytes_videos = 5600000000};
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

static struct ry_counter_value counters[] = {{.index = RY_COUNTER_clips_found, .value = 42},
                                             {.index = 4095, .value = 1 /* of a newer router */}};

struct ry_node_state site_node(void)
{
    return (struct ry_node_state){.node = RY_STR("here"),
                                  .uptime_ms = 61005,
                                  .roles = {&writer_mailbox, 1},
                                  .instances = {all_instances, 8},
                                  .counters = {counters, 2}};
}

void site_answer_state(struct site *site, const struct ry_node_state *node, const struct ry_queue_state *queue,
                       const struct ry_archive_state *archive)
{
    site_until_asked(site);
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
