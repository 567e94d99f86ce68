/* unguarded_node_test.c: a node without a supervisor, and processes at its socket that say what they should not: a
 * connection is one instance, once; a confined role is for life; what an encoder does to the node ends its process. */
#include "tests/bed/bed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node.h"
#include "runtime/bus/node_internal.h"
#include "runtime/bus/ticket.h"
#include "tests/bed/patience.h"
#include "tests/bed/clip_mail.h"
#include "tests/bed/node_watch.h"

#define CLIP "0123456789abcdef0123456789abcdef"

struct site {
    char folder[64];
    char socket[96];
    char endpoint[128];
    char token[RY_TICKET_BYTES];
    struct ry_config *config;
    struct ry_node *node;
    struct ry_console *console;
};

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    struct ry_error err = {0};
    char stuck[] = "REELYARD_STUCK_SECONDS=1";
    char *const env[] = {stuck, NULL};
    *state = site;
    (void)snprintf(site->folder, sizeof site->folder, "/tmp/reelyard-unguarded.XXXXXX");
    if (mkdtemp(site->folder) == NULL || ry_config_load(&site->config, env, &err) != RY_OK)
        return 1;
    (void)snprintf(site->socket, sizeof site->socket, "%s/node.sock", site->folder);
    (void)snprintf(site->endpoint, sizeof site->endpoint, "ipc://%s", site->socket);
    const struct ry_node_options options = {.config = site->config, .ipc_path = site->socket};
    int rc = ry_node_start(&site->node, &options, &err) ||
             ry_console_open(&site->console, site->node, NULL, site->config, &err);
    ry_ticket_file_read(site->socket, site->token);
    return rc;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    struct ry_error err;
    ry_console_close(&site->console);
    (void)ry_node_stop(&site->node, 1000, &err);
    ry_config_free(&site->config);
    int rc = rmdir(site->folder); /* the ticket went with the socket */
    free(site);
    return rc;
}

/* ---- a peer of our own ------------------------------------------------------------------------------------------- */

static zsock_t *peer_of(const char *endpoint)
{
    zsock_t *peer = zsock_new(ZMQ_DEALER);
    assert_non_null(peer);
    zsock_set_linger(peer, 0);
    assert_int_equal(zsock_connect(peer, "%s", endpoint), 0);
    return peer;
}

/* A bag with one message in it. */
static void say(zsock_t *peer, uint64_t id, enum ry_tag tag, const void *message, uint64_t correlation)
{
    RY_BUF_AUTO body = ry_buf_make(65536);
    RY_BUF_AUTO bytes = ry_buf_make(65536);
    struct ry_frames frames;
    struct ry_bag bag;
    struct ry_error err = {0};
    frames.n = 0;
    ry_bag_init(&bag);
    assert_int_equal(ry_pack(ry_descriptor(tag), message, &body, &frames, &err), RY_OK);
    const struct ry_envelope head = {.id = id,
                                     .correlation = correlation,
                                     .tag = (uint16_t)tag,
                                     .attempt = 1,
                                     .frame_count = (uint16_t)frames.n,
                                     .body = ry_buf_str(&body)};
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    assert_int_equal(ry_bag_add(&bag, ry_buf_str(&bytes), frames.items, frames.n), RY_OK);
    assert_int_equal(ry_bag_send(&bag, ry_socket_raw(peer), NULL, &err), RY_OK);
    ry_frames_clear(&frames);
    ry_bag_free(&bag);
}

/* The tag of the next envelope that comes; *session, if it is welcome. */
static unsigned hear(zsock_t *peer, uint32_t *session)
{
    RY_ARENA_AUTO arena = ry_arena_make(65536);
    struct ry_bag_reader *reader = ry_bag_reader_new();
    struct ry_envelope envelope = {0};
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad = false;
    void *body = NULL;
    zmq_pollitem_t item = {.socket = ry_socket_raw(peer), .events = ZMQ_POLLIN};
    while (!ry_bag_reader_receive(reader, ry_socket_raw(peer), NULL, &bad))
        (void)zmq_poll(&item, 1, -1);
    assert_true(ry_bag_reader_next(reader, &bytes, &frames, &frame_count, &bad));
    assert_int_equal(ry_envelope_unpack(bytes, &envelope, NULL), RY_OK);
    if (envelope.tag == RY_TAG_welcome) {
        assert_int_equal(ry_unpack(ry_descriptor(RY_TAG_welcome), envelope.body, NULL, 0, &arena, &body, NULL), RY_OK);
        *session = (uint32_t)((const struct ry_welcome *)body)->session;
    }
    ry_bag_reader_free(&reader);
    return envelope.tag;
}

static void say_hello(zsock_t *peer, enum ry_role role, const char *name, const char *ticket)
{
    const struct ry_hello hello = {.version = RY_PROTO_VERSION,
                                   .role = role,
                                   .name = ry_str_of(name),
                                   .pid = (uint64_t)getpid(),
                                   .ticket = ry_str_of(ticket)};
    say(peer, 1, RY_TAG_hello, &hello, 0);
}

/* ---- who may join, and how often --------------------------------------------------------------------------------- */

static void a_connection_that_has_said_bye_is_heard_no_more(void **state)
{
    struct site *site = *state;
    static const enum ry_role AGAIN[] = {RY_ROLE_CONSOLE, RY_ROLE_WRITER, RY_ROLE_ENCODER};
    for (size_t i = 0; i < sizeof AGAIN / sizeof *AGAIN; i++) {
        uint32_t session = 0;
        zsock_t *peer = peer_of(site->endpoint);
        say_hello(peer, RY_ROLE_WRITER, "writer-9", site->token);
        assert_int_equal(hear(peer, &session), RY_TAG_welcome);
        say(peer, (uint64_t)session << 32 | 1, RY_TAG_bye, &(struct ry_bye){0}, 0);
        assert_int_equal(hear(peer, &session), RY_TAG_unwelcome); /* "you have left" */
        uint64_t rejected = node_watch_state(site->console)->rejected;
        say_hello(peer, AGAIN[i], "again-9", site->token);
        while (node_watch_state(site->console)->rejected == rejected)
            continue;
        assert_int_equal(node_watch_state(site->console)->rejected, rejected + 1);
        assert_int_equal(node_watch_state(site->console)->instances.n, 1); /* the test's console */
        zsock_destroy(&peer);
    }
}

static int join(struct site *site, enum ry_role role, const char *name, const char *ticket)
{
    struct ry_link link;
    struct ry_error err = {0};
    const struct ry_link_options options = {
        .endpoint = site->endpoint, .role = role, .name = name, .timeout_ms = PATIENCE_MS, .ticket = ticket};
    int rc = ry_link_open_with(&link, &options, &err);
    if (rc == RY_OK)
        ry_link_close(&link);
    return rc;
}

static void without_the_nodes_ticket_a_process_is_an_encoder_or_nothing(void **state)
{
    struct site *site = *state;
    char wrong[RY_TICKET_BYTES];
    memcpy(wrong, site->token, sizeof wrong);
    wrong[RY_TICKET_BYTES - 2] = wrong[RY_TICKET_BYTES - 2] == '0' ? '1' : '0';
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
        bool known = role != RY_ROLE_ROUTER; /* that is no instance */
        if (role == RY_ROLE_ENCODER)
            continue;
        assert_int_equal(join(site, (enum ry_role)role, "a", ""), RY_EACCES);
        assert_int_equal(join(site, (enum ry_role)role, "a", wrong), RY_EACCES);
        if (role != RY_ROLE_CONSOLE)
            assert_int_equal(join(site, (enum ry_role)role, "a", site->token), known ? RY_OK : RY_EACCES);
    }
    assert_int_equal(join(site, RY_ROLE_ENCODER, "a", ""), RY_OK);
}

static void a_command_reads_the_ticket_beside_the_socket(void **state)
{
    struct site *site = *state;
    struct ry_console *console = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_console_open(&console, NULL, site->socket, site->config, &err), RY_OK);
    ry_console_close(&console);
    char path[128];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s.ticket", site->socket);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ry_console_open(&console, NULL, site->socket, site->config, &err), RY_EACCES);
}

static void a_process_that_was_an_encoder_joins_as_nothing_else(void **state)
{
    struct site *site = *state;
    assert_int_equal(join(site, RY_ROLE_ENCODER, "encoder-9", NULL), RY_OK);
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (role != RY_ROLE_ENCODER)
            assert_int_equal(join(site, (enum ry_role)role, "b", site->token), RY_EACCES);
    assert_int_equal(join(site, RY_ROLE_ENCODER, "encoder-9", NULL), RY_OK);
}

/* ---- an encoder that was taken over ------------------------------------------------------------------------------ */

/* A process that joins as an encoder, says these many words that it may not, and then nothing. For ever: GARBAGE, bytes
 * that are no bag; EMPTY, bags with nothing in them; LEFT, words behind its bye. */
#define GARBAGE 9999
#define EMPTY   9998
#define LEFT    9997

static pid_t fork_encoder(const struct site *site, unsigned lies)
{
    char count[16];
    (void)snprintf(count, sizeof count, "%u", lies);
    pid_t child = fork();
    if (child == 0) {
        (void)execl("/proc/self/exe", "unguarded_node_test", "--encoder", site->endpoint, count, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    return child;
}

static int be_encoder(const char *endpoint, unsigned lies)
{
    uint32_t session = 0;
    zsock_t *peer = peer_of(endpoint);
    say_hello(peer, RY_ROLE_ENCODER, "encoder-1", NULL);
    if (hear(peer, &session) != RY_TAG_welcome)
        return 1;
    uint64_t id = (uint64_t)session << 32;
    struct ry_image image = {.size_type = RY_STR("small"), .width = 1, .height = 1, .webp = {.p = "no", .n = 2}};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("text/html")};
    const struct ry_thumbnail_store store = {
        .clip_id = RY_STR(CLIP), .guild_id = RY_STR("1"), .images = {&image, 1}, .facts = {&facts, 1}};
    if (lies == LEFT)
        say(peer, id + 1, RY_TAG_bye, &(struct ry_bye){0}, 0);
    while (lies >= LEFT)
        (void)zmq_send(ry_socket_raw(peer), "garbage", lies == EMPTY ? 0 : 7, 0);
    for (unsigned i = 0; i < lies; i++, id++)
        say(peer, id + 1, RY_TAG_thumbnail_store, &store, id + 1);
    say(peer, id + 1, RY_TAG_credit, &(struct ry_credit){.capacity = 1000}, 0);
    for (;;)
        (void)pause();
}

static void await_kill(pid_t child)
{
    int status = 0;
    pid_t ended;
    do
        ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    assert_int_equal(ended, child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void an_encoder_that_says_too_much_is_named_and_its_process_ended(void **state)
{
    struct site *site = *state;
    pid_t child = fork_encoder(site, 100);
    await_kill(child);
    node_watch_instances(site->console, 1);
    const struct ry_node_state *node = node_watch_state(site->console);
    assert_int_equal(node->outcasts.n, 1);
    assert_true(ry_str_is(node->outcasts.items[0].name, "encoder-1"));
    assert_true(ry_str_is(node->outcasts.items[0].role, "encoder"));
    assert_true(node->outcasts.items[0].reason.n > 0);
}

static void an_encoder_that_sends_without_sense_or_end_loses_its_process(void **state)
{
    struct site *site = *state;
    static const unsigned kinds[] = {GARBAGE, EMPTY, LEFT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        await_kill(fork_encoder(site, kinds[i]));
        node_watch_instances(site->console, 1);
    }
    assert_int_equal(node_watch_state(site->console)->put_out, 2); /* the third had left of itself */
}

/* The id of the mail that a link is given. */
static uint64_t await_mail(struct ry_link *link)
{
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    struct ry_envelope envelope = {0};
    bool bad = false;
    zmq_pollitem_t item = {.socket = ry_socket_raw(link->dealer), .events = ZMQ_POLLIN};
    while (!ry_bag_reader_receive(link->reader, ry_socket_raw(link->dealer), NULL, &bad))
        (void)zmq_poll(&item, 1, -1);
    assert_true(ry_bag_reader_next(link->reader, &bytes, &frames, &frame_count, &bad));
    assert_int_equal(ry_envelope_unpack(bytes, &envelope, NULL), RY_OK);
    return envelope.id;
}

static void send_all(struct ry_link *link)
{
    struct ry_error err;
    assert_int_equal(ry_bag_send(&link->bag, ry_socket_raw(link->dealer), NULL, &err), RY_OK);
}

static void an_encoder_that_holds_a_mail_and_does_nothing_is_named_and_its_process_ended(void **state)
{
    struct site *site = *state;
    struct ry_link scheduler, downloader;
    struct ry_error err = {0};
    const char *endpoint = ry_node_endpoint(site->node);
    assert_int_equal(ry_link_open(&scheduler, endpoint, RY_ROLE_SCHEDULER, "scheduler-1", PATIENCE_MS, &err), RY_OK);
    assert_int_equal(ry_link_open(&downloader, endpoint, RY_ROLE_DOWNLOADER, "downloader-1", PATIENCE_MS, &err), RY_OK);
    (void)ry_link_say(&downloader, RY_TAG_credit, &(struct ry_credit){.capacity = 1});
    send_all(&downloader);
    struct ry_clip_work clip = clip_mail_work(RY_STR(CLIP));
    (void)ry_link_say(&scheduler, RY_TAG_thumbnail_make, &(struct ry_thumbnail_make){.clips = {&clip, 1}});
    send_all(&scheduler);
    uint64_t origin = await_mail(&downloader);
    const struct ry_encode_run run = clip_mail_run(RY_STR(CLIP));
    pid_t child = fork_encoder(site, 0);
    (void)ry_link_answer(&downloader, RY_TAG_encode_run, &run, origin);
    send_all(&downloader);
    await_kill(child);
    node_watch_instances(site->console, 3);
    const struct ry_node_state *node = node_watch_state(site->console);
    assert_int_equal(node->outcasts.n, 1);
    assert_true(ry_str_is(node->outcasts.items[0].name, "encoder-1"));
    for (size_t i = 0; i < node->roles.n; i++)
        if (ry_str_is(node->roles.items[i].role, "encoder")) {
            assert_int_equal(node->roles.items[i].queued, 1); /* for the next of its name */
            assert_int_equal(node->roles.items[i].redelivered, 1);
        }
    ry_link_close(&downloader);
    ry_link_close(&scheduler);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--encoder") == 0)
        return be_encoder(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_connection_that_has_said_bye_is_heard_no_more),
        TEST(without_the_nodes_ticket_a_process_is_an_encoder_or_nothing),
        TEST(a_command_reads_the_ticket_beside_the_socket),
        TEST(a_process_that_was_an_encoder_joins_as_nothing_else),
        TEST(an_encoder_that_says_too_much_is_named_and_its_process_ended),
        TEST(an_encoder_that_sends_without_sense_or_end_loses_its_process),
        TEST(an_encoder_that_holds_a_mail_and_does_nothing_is_named_and_its_process_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
