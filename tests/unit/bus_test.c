/* bus_test.c: nodes with real sockets and threads: inproc, ipc, processes that die, peers that lie. */
#include "tests/bed/bed.h"

#include <poll.h>
#include <signal.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/bag.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node.h"
#include "runtime/bus/drain.h"
#include "runtime/bus/node_internal.h"
#include "tests/bed/patience.h"
#include "tests/bed/node_watch.h"

/* ---- actors of the test: a writer that answers, a scheduler that asks for nothing -------------------------------- */

/* What the writers of a test see, whatever thread or process they are in; set before a node starts. */
static int writer_signal_fd = -1; /* a byte is written when archive_get comes and `hang` is set */
static const char *writer_engine; /* what archive_state tells: which writer answered */
static bool writer_hangs;
static atomic_uint writers_closed;

struct writer {
    struct ry_mail *kept;
};

static int writer_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)ctx, (void)err;
    *self = calloc(1, sizeof(struct writer));
    return RY_OK;
}

static int writer_open_fails(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)self, (void)ctx;
    return ry_fail(err, RY_ECONFIG, "the disk is made of cheese");
}

static void writer_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct writer *writer = self;
    if (mail->envelope.tag == RY_TAG_failed_retry) {
        const struct ry_error why = {.code = RY_EIO, .text = "the engine broke"};
        ry_ctx_exit(ctx, &why);
        return;
    }
    if (mail->envelope.tag != RY_TAG_archive_get)
        return;
    if (writer_hangs) {
        ry_mail_keep(ctx, mail);
        writer->kept = mail;
        if (write(writer_signal_fd, "k", 1) != 1)
            abort();
        return;
    }
    const struct ry_archive_state state = {.engine = ry_str_of(writer_engine), .guilds = mail->envelope.attempt};
    RY_ANSWER(ctx, mail, archive_state, &state);
}

static void writer_close(void **self)
{
    free(*self);
    *self = NULL;
    atomic_fetch_add(&writers_closed, 1);
}

static const struct ry_actor_spec writer_spec = {
    .role = RY_ROLE_WRITER,
    .capacity = 4,
    .threads = 1,
    .open = writer_open,
    .receive = writer_receive,
    .close = writer_close,
};

static const struct ry_actor_spec broken_spec = {
    .role = RY_ROLE_WRITER,
    .capacity = 4,
    .threads = 1,
    .open = writer_open_fails,
    .receive = writer_receive,
    .close = writer_close,
};

/* Gives back a frame with the path in it: a blob goes over the bus and comes back. */
static void storage_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag != RY_TAG_thumbnail_read)
        return;
    const struct ry_thumbnail_read *ask = RY_BODY(mail, thumbnail_read);
    struct ry_frame *frame = ry_frame_new(1 << 20);
    memset(ry_frame_data(frame), ask->storage_path.p[0], 1 << 20);
    const struct ry_thumbnail_data data = {.found = true,
                                           .bytes = {.p = ry_frame_data(frame), .n = 1 << 20, .frame = frame}};
    RY_ANSWER(ctx, mail, thumbnail_data, &data);
    ry_frame_unref(frame);
}

static const struct ry_actor_spec storage_spec = {
    .role = RY_ROLE_STORAGE,
    .capacity = 4,
    .threads = 1,
    .open = writer_open,
    .receive = storage_receive,
    .close = writer_close,
};

/* ---- what every test stands on ----------------------------------------------------------------------------------- */

struct site {
    char folder[64];
    char socket[96];
    struct ry_config *config;
    struct ry_node *node;
};

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    (void)snprintf(site->folder, sizeof site->folder, "/tmp/reelyard-bus-XXXXXX");
    if (site == NULL || mkdtemp(site->folder) == NULL)
        return -1;
    (void)snprintf(site->socket, sizeof site->socket, "%s/node.sock", site->folder);
    if (ry_config_load(&site->config, no_environment, &err) != RY_OK ||
        ry_config_set(site->config, RY_OPT_node, "testnode", &err) != RY_OK ||
        ry_config_finish(site->config, &err) != RY_OK)
        return -1;
    writer_engine = "thread";
    writer_hangs = false;
    *state = site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    struct ry_error err;
    if (site->node)
        (void)ry_node_stop(&site->node, 0, &err);
    ry_config_free(&site->config);
    (void)unlink(site->socket);
    (void)rmdir(site->folder);
    free(site);
    return 0;
}

static void start(struct site *site, const struct ry_node_role *roles, size_t role_count)
{
    struct ry_error err = {0};
    const struct ry_node_options options = {
        .config = site->config, .roles = roles, .role_count = role_count, .ipc_path = site->socket};
    if (ry_node_start(&site->node, &options, &err) != RY_OK)
        fail_msg("%s", err.text);
}

static struct ry_console *console_of(struct site *site, bool ipc)
{
    struct ry_console *console = NULL;
    struct ry_error err = {0};
    if (ry_console_open(&console, ipc ? NULL : site->node, ipc ? site->socket : NULL, site->config, &err) != RY_OK)
        fail_msg("%s", err.text);
    return console;
}

/* Asks the writer who it is; the attempt is in guilds. */
static void expect_writer(struct ry_console *console, const char *engine, uint64_t attempt)
{
    const struct ry_archive_get ask = {0};
    const struct ry_mail *answer;
    struct ry_error err = {0};
    if (ry_console_ask(console, RY_TAG_archive_get, &ask, PATIENCE_MS, &answer, &err) != RY_OK)
        fail_msg("%s", err.text);
    assert_true(ry_str_is(RY_BODY(answer, archive_state)->engine, engine));
    assert_int_equal(RY_BODY(answer, archive_state)->guilds, attempt);
}

/* ---- one process ------------------------------------------------------------------------------------------------- */

static void console_is_answered_over_inproc_and_ipc(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&writer_spec, 2}}, 1);
    for (int ipc = 0; ipc < 2; ipc++) {
        struct ry_console *console = console_of(site, ipc);
        for (int i = 0; i < 100; i++)
            expect_writer(console, "thread", 1);
        ry_console_close(&console);
    }
}

static void blob_arrives_whole(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&storage_spec, 1}}, 1);
    struct ry_link link;
    struct ry_error err = {0};
    assert_int_equal(ry_link_open(&link, ry_node_endpoint(site->node), RY_ROLE_MONITOR, "m", 5000, &err), RY_OK);
    const struct ry_thumbnail_read ask = {.storage_path = RY_STR("xyz")};
    uint64_t id = ry_link_say(&link, RY_TAG_thumbnail_read, &ask);
    assert_int_equal(ry_bag_send(&link.bag, ry_socket_raw(link.dealer), NULL, &err), RY_OK);
    zmq_pollitem_t item = {.socket = ry_socket_raw(link.dealer), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    bool bad;
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    struct ry_envelope envelope;
    assert_true(ry_bag_reader_receive(link.reader, ry_socket_raw(link.dealer), NULL, &bad));
    assert_true(ry_bag_reader_next(link.reader, &bytes, &frames, &frame_count, &bad));
    assert_int_equal(ry_envelope_unpack(bytes, &envelope, &err), RY_OK);
    assert_int_equal(envelope.tag, RY_TAG_thumbnail_data);
    assert_true(envelope.correlation == id);
    assert_int_equal(frame_count, 1);
    assert_int_equal(ry_frame_size(frames[0]), 1 << 20);
    const char *data = ry_frame_data(frames[0]);
    assert_int_equal(data[0], 'x');
    assert_int_equal(data[(1 << 20) - 1], 'x');
    ry_link_close(&link);
}

static void instance_that_does_not_open_ends_the_start_with_its_reason(void **state)
{
    struct site *site = *state;
    struct ry_error err = {0};
    const struct ry_node_role roles[] = {{&storage_spec, 1}, {&broken_spec, 1}};
    const struct ry_node_options options = {.config = site->config, .roles = roles, .role_count = 2};
    assert_int_equal(ry_node_start(&site->node, &options, &err), RY_ECONFIG);
    assert_null(site->node);
    assert_string_equal(err.text, "writer-1: the disk is made of cheese");
}

static void instance_that_ends_with_an_error_is_told(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&writer_spec, 1}}, 1);
    struct ry_console *console = console_of(site, false);
    const struct ry_failed_retry poison = {0};
    const struct ry_mail *answer;
    struct ry_error err = {0};
    (void)ry_console_ask(console, RY_TAG_failed_retry, &poison, 0, &answer, &err);
    struct pollfd failed = {.fd = ry_node_failed_fd(site->node), .events = POLLIN};
    assert_int_equal(poll(&failed, 1, PATIENCE_MS), 1);
    ry_node_failure(site->node, &err);
    assert_int_equal(err.code, RY_EIO);
    assert_string_equal(err.text, "writer-1: the engine broke");
    ry_console_close(&console);
}

static void ask_without_an_instance_is_refused_at_once(void **state)
{
    struct site *site = *state;
    start(site, NULL, 0);
    struct ry_console *console = console_of(site, true);
    const struct ry_archive_get ask = {0};
    const struct ry_mail *answer;
    struct ry_error err = {0};
    assert_int_equal(ry_console_ask(console, RY_TAG_archive_get, &ask, PATIENCE_MS, &answer, &err), RY_EBUSY);
    assert_string_equal(err.text, "no instance of the role is there");
    ry_console_close(&console);
}

static void node_tells_its_state(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&writer_spec, 2}}, 1);
    struct ry_console *console = console_of(site, true);
    expect_writer(console, "thread", 1);
    const struct ry_node_get ask = {0};
    const struct ry_mail *answer;
    struct ry_error err = {0};
    assert_int_equal(ry_console_ask(console, RY_TAG_node_get, &ask, PATIENCE_MS, &answer, &err), RY_OK);
    const struct ry_node_state *node = RY_BODY(answer, node_state);
    assert_true(ry_str_is(node->node, "testnode"));
    assert_int_equal(node->instances.n, 3);
    assert_true(ry_str_is(node->instances.items[0].role, "writer"));
    assert_true(ry_str_is(node->instances.items[2].role, "console"));
    assert_int_equal(node->instances.items[0].capacity, 4);
    assert_false(node->instances.items[0].remote);
    assert_true(node->instances.items[2].remote);
    assert_int_equal(node->instances.items[2].pid, getpid());
    ry_console_close(&console);
}

static void stop_ends_every_instance(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&writer_spec, 3}, {&storage_spec, 2}}, 2);
    unsigned before = atomic_load(&writers_closed);
    struct ry_error err = {0};
    assert_int_equal(ry_node_stop(&site->node, 5000, &err), RY_OK);
    assert_int_equal(atomic_load(&writers_closed) - before, 5);
    assert_int_not_equal(access(site->socket, F_OK), 0);
}

/* Waits until the node has said a message of this tag. */
static void hear(struct ry_link *link, enum ry_tag tag)
{
    zmq_pollitem_t item = {.socket = ry_socket_raw(link->dealer), .events = ZMQ_POLLIN};
    struct ry_error err = {0};
    for (;;) {
        bool bad;
        struct ry_str bytes;
        struct ry_frame *const *frames;
        size_t frame_count;
        struct ry_envelope envelope;
        assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
        if (!ry_bag_reader_receive(link->reader, ry_socket_raw(link->dealer), NULL, &bad))
            continue;
        while (ry_bag_reader_next(link->reader, &bytes, &frames, &frame_count, &bad)) {
            assert_int_equal(ry_envelope_unpack(bytes, &envelope, &err), RY_OK);
            if (envelope.tag == tag)
                return;
        }
    }
}

static void *stop_in_a_thread(void *arg)
{
    struct site *site = arg;
    struct ry_error err = {0};
    return ry_node_stop(&site->node, 2 * (int64_t)PATIENCE_MS, &err) == RY_OK ? site : NULL;
}

static void instance_that_joins_while_its_role_stops_is_stopped_too(void **state)
{
    struct site *site = *state;
    struct ry_link early, late;
    struct ry_error err = {0};
    start(site, NULL, 0);
    char endpoint[128];
    (void)snprintf(endpoint, sizeof endpoint, "%s", ry_node_endpoint(site->node));
    assert_int_equal(ry_link_open(&early, endpoint, RY_ROLE_WRITER, "early", PATIENCE_MS, &err), RY_OK);
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_a_thread, site), 0);
    hear(&early, RY_TAG_stop);
    assert_int_equal(ry_link_open(&late, endpoint, RY_ROLE_WRITER, "late", PATIENCE_MS, &err), RY_OK);
    hear(&late, RY_TAG_stop);
    const struct ry_bye bye = {0};
    struct ry_link *const links[] = {&early, &late};
    for (size_t i = 0; i < 2; i++) {
        assert_true(ry_link_say(links[i], RY_TAG_bye, &bye) != 0);
        assert_int_equal(ry_bag_send(&links[i]->bag, ry_socket_raw(links[i]->dealer), NULL, &err), RY_OK);
        ry_link_close(links[i]);
    }
    void *stopped = NULL;
    assert_int_equal(pthread_join(stopper, &stopped), 0);
    assert_ptr_equal(stopped, site);
}

static void stop_gives_up_at_its_deadline(void **state)
{
    struct site *site = *state;
    int signal_pipe[2];
    assert_int_equal(pipe(signal_pipe), 0);
    writer_signal_fd = signal_pipe[1];
    writer_hangs = true;
    start(site, (const struct ry_node_role[]){{&writer_spec, 1}}, 1);
    struct ry_console *console = console_of(site, false);
    const struct ry_archive_get ask = {0};
    const struct ry_mail *answer;
    struct ry_error err = {0};
    assert_int_equal(ry_console_ask(console, RY_TAG_archive_get, &ask, 0, &answer, &err), RY_ETIMEOUT);
    char byte;
    assert_int_equal(read(signal_pipe[0], &byte, 1), 1);
    assert_int_equal(ry_node_stop(&site->node, 30, &err), RY_ETIMEOUT);
    ry_console_close(&console);
    (void)close(signal_pipe[0]);
    (void)close(signal_pipe[1]);
}

static void second_node_does_not_take_the_socket(void **state)
{
    struct site *site = *state;
    start(site, NULL, 0);
    struct ry_node *second = NULL;
    struct ry_error err = {0};
    const struct ry_node_options options = {.config = site->config, .ipc_path = site->socket};
    assert_int_equal(ry_node_start(&second, &options, &err), RY_EBUSY);
    assert_null(second);
    struct ry_console *console = console_of(site, true); /* and the first one still answers on it */
    ry_console_close(&console);
}

static void stale_socket_is_replaced(void **state)
{
    struct site *site = *state;
    pid_t child = fork();
    if (child == 0) { /* binds without ZeroMQ and dies, leaving the file */
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", site->socket);
        _exit(bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, 1));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(access(site->socket, F_OK), 0);
    start(site, NULL, 0);
    struct ry_console *console = console_of(site, true);
    ry_console_close(&console);
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

/* This program again, as a writer attached to the socket: ZeroMQ's context must not be forked, so exec. */
static pid_t attach_writer(const struct site *site, const char *name, bool hangs, int signal_fd)
{
    char fd_text[16];
    (void)snprintf(fd_text, sizeof fd_text, "%d", signal_fd);
    pid_t child = fork();
    if (child == 0) {
        (void)execl("/proc/self/exe", "bus_test", "--attach", site->socket, name, hangs ? "hang" : "answer", fd_text,
                    (char *)NULL);
        _exit(127);
    }
    return child;
}

static int attach_main(char **argv)
{
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    writer_engine = argv[3];
    writer_hangs = strcmp(argv[4], "hang") == 0;
    writer_signal_fd = atoi(argv[5]);
    if (ry_config_load(&config, no_environment, &err) != RY_OK || ry_config_finish(config, &err) != RY_OK)
        return 1;
    int rc = ry_node_attach(
        &(const struct ry_attachment){
            .spec = &writer_spec, .name = argv[3], .config = config, .ipc_path = argv[2], .stop_fd = -1},
        &err);
    ry_config_free(&config);
    return rc == RY_OK ? 0 : rc == RY_EAWAY ? 3 : 2;
}

static void mail_of_a_killed_process_goes_to_another(void **state)
{
    struct site *site = *state;
    int signal_pipe[2];
    assert_int_equal(pipe(signal_pipe), 0);
    start(site, NULL, 0);
    struct ry_console *watcher = console_of(site, false);
    pid_t first = attach_writer(site, "first", true, signal_pipe[1]);
    node_watch_credit(watcher, 1);

    struct ry_link asker;
    struct ry_error err = {0};
    assert_int_equal(ry_link_open(&asker, ry_node_endpoint(site->node), RY_ROLE_MONITOR, "m", 5000, &err), RY_OK);
    const struct ry_archive_get ask = {0};
    assert_true(ry_link_say(&asker, RY_TAG_archive_get, &ask) != 0);
    assert_int_equal(ry_bag_send(&asker.bag, ry_socket_raw(asker.dealer), NULL, &err), RY_OK);
    char byte;
    assert_int_equal(read(signal_pipe[0], &byte, 1), 1); /* the first has it */

    pid_t second = attach_writer(site, "second", false, signal_pipe[1]);
    node_watch_credit(watcher, 2);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(waitpid(first, NULL, 0), first);

    zmq_pollitem_t item = {.socket = ry_socket_raw(asker.dealer), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    bool bad;
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    struct ry_envelope envelope;
    void *body = NULL;
    RY_ARENA_AUTO arena = ry_arena_make(65536);
    assert_true(ry_bag_reader_receive(asker.reader, ry_socket_raw(asker.dealer), NULL, &bad));
    assert_true(ry_bag_reader_next(asker.reader, &bytes, &frames, &frame_count, &bad));
    assert_int_equal(ry_envelope_unpack(bytes, &envelope, &err), RY_OK);
    assert_int_equal(envelope.tag, RY_TAG_archive_state);
    assert_int_equal(ry_unpack(ry_descriptor(envelope.tag), envelope.body, frames, frame_count, &arena, &body, &err),
                     RY_OK);
    const struct ry_archive_state *told = body;
    assert_true(ry_str_is(told->engine, "second"));
    assert_int_equal(told->guilds, 2); /* the second attempt */
    node_watch_credit(watcher, 1);
    ry_link_close(&asker);
    ry_console_close(&watcher);
    assert_int_equal(ry_node_stop(&site->node, 10000, &err), RY_OK);
    int status;
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(status, 0);
    (void)close(signal_pipe[0]);
    (void)close(signal_pipe[1]);
}

static void stopped_process_goes_on_where_it_was(void **state)
{
    struct site *site = *state;
    start(site, NULL, 0);
    struct ry_console *console = console_of(site, false);
    pid_t child = attach_writer(site, "sleeper", false, -1);
    node_watch_credit(console, 1);
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
    const struct ry_archive_get ask = {0};
    const struct ry_mail *answer;
    struct ry_error err = {0};
    assert_int_equal(ry_console_ask(console, RY_TAG_archive_get, &ask, 20, &answer, &err), RY_ETIMEOUT);
    assert_int_equal(kill(child, SIGCONT), 0);
    expect_writer(console, "sleeper", 1);
    ry_console_close(&console);
    assert_int_equal(ry_node_stop(&site->node, 10000, &err), RY_OK);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- peers that lie ---------------------------------------------------------------------------------------------- */

static uint64_t rejected(struct ry_console *console)
{
    return node_watch_state(console)->rejected;
}

static void garbage_is_counted_and_harms_nobody(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&writer_spec, 1}}, 1);
    struct ry_console *console = console_of(site, false);
    char endpoint[128];
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", site->socket);
    zsock_t *rogue = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_socket_dealer(&rogue, endpoint, &err), RY_OK);
    static const char *const garbage[] = {"", "x", "\xff\xff\xff\xff\xff\xff\xff\xff",
                                          "\x01\x00\x00\x00\x00\x00\x00\x00\x90", "GET / HTTP/1.1\r\n\r\n"};
    static const size_t lengths[] = {0, 1, 8, 9, 18};
    unsigned sent = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_true(zmq_send(ry_socket_raw(rogue), garbage[i], lengths[i], 0) >= 0);
        sent++;
    }
    for (int i = 0; i < 3000; i++) /* far more parts than a bag may have */
        assert_true(zmq_send(ry_socket_raw(rogue), "y", 1, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(ry_socket_raw(rogue), "z", 1, 0) >= 0);
    sent++;
    while (rejected(console) < sent)
        continue;
    assert_int_equal(rejected(console), sent);
    expect_writer(console, "thread", 1);
    zsock_destroy(&rogue);
    ry_console_close(&console);
}

/* Puts an envelope with a chosen head into the link's bag. */
static void say_raw(struct ry_link *link, struct ry_envelope *head, const void *message)
{
    RY_BUF_AUTO body = ry_buf_make(65536);
    RY_BUF_AUTO bytes = ry_buf_make(65536);
    struct ry_frames frames;
    frames.n = 0;
    struct ry_error err = {0};
    assert_int_equal(ry_pack(ry_descriptor(head->tag), message, &body, &frames, &err), RY_OK);
    head->body = ry_buf_str(&body);
    head->attempt = 1;
    assert_int_equal(ry_envelope_pack(head, &bytes), RY_OK);
    assert_int_equal(ry_bag_add(&link->bag, ry_buf_str(&bytes), frames.items, frames.n), RY_OK);
    assert_int_equal(ry_bag_send(&link->bag, ry_socket_raw(link->dealer), NULL, &err), RY_OK);
    ry_frames_clear(&frames);
}

static void member_may_not_say_what_is_not_its_own(void **state)
{
    struct site *site = *state;
    start(site, (const struct ry_node_role[]){{&writer_spec, 1}}, 1);
    struct ry_console *console = console_of(site, false);
    struct ry_link rogue;
    struct ry_error err = {0};
    char endpoint[128];
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", site->socket);
    assert_int_equal(ry_link_open(&rogue, endpoint, RY_ROLE_ENCODER, "rogue", 5000, &err), RY_OK);
    uint64_t before = rejected(console);
    uint64_t own = (uint64_t)rogue.session << 32;
    const struct ry_archive_get get = {0};
    const struct ry_fail failed = {.id = own | 77, .reason = RY_STR("mine?")};
    const struct ry_hello hello = {.version = 1, .role = RY_ROLE_WRITER, .name = RY_STR("again")};
    const struct ry_encode_done done = {0};
    const struct ry_welcome welcome = {.session = 5, .attempts_max = 1};
    const struct {
        const char *claim;
        struct ry_envelope head;
        const void *message;
    } lies[] = {
        {"a question of another role", {.id = own | 1, .tag = RY_TAG_archive_get}, &get},
        {"an id of another session", {.id = 1, .correlation = own | 9, .tag = RY_TAG_encode_done}, &done},
        {"an end of mail that it does not hold", {.id = own | 2, .tag = RY_TAG_fail}, &failed},
        {"hello twice", {.id = own | 3, .tag = RY_TAG_hello}, &hello},
        {"the router's own words", {.id = own | 4, .tag = RY_TAG_welcome}, &welcome},
        {"an answer to a role that does not ask",
         {.id = own | 5, .correlation = own | 1, .tag = RY_TAG_encode_done},
         &done},
        {"frames that are not there",
         {.id = own | 6, .frame_count = 2, .correlation = own | 1, .tag = RY_TAG_encode_done},
         &done},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct ry_envelope head = lies[i].head;
        say_raw(&rogue, &head, lies[i].message);
        while (rejected(console) < before + i + 1)
            continue;
        if (rejected(console) != before + i + 1)
            fail_msg("%s", lies[i].claim);
    }
    expect_writer(console, "thread", 1);
    ry_link_close(&rogue);
    ry_console_close(&console);
}

static void process_that_lies_about_its_pid_is_refused(void **state)
{
    struct site *site = *state;
    start(site, NULL, 0);
    char endpoint[128];
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", site->socket);
    struct ry_link liar = {.router_pidfd = -1, .body = ry_buf_make(4096), .bytes = ry_buf_make(4096)};
    struct ry_error err = {0};
    ry_bag_init(&liar.bag);
    liar.reader = ry_bag_reader_new();
    assert_int_equal(ry_socket_dealer(&liar.dealer, endpoint, &err), RY_OK);
    struct ry_envelope head = {.id = 1, .tag = RY_TAG_hello};
    const struct ry_hello hello = {
        .version = RY_PROTO_VERSION, .role = RY_ROLE_WRITER, .name = RY_STR("liar"), .pid = (uint64_t)getpid() + 1};
    say_raw(&liar, &head, &hello);
    zmq_pollitem_t item = {.socket = ry_socket_raw(liar.dealer), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    bool bad;
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    struct ry_envelope envelope;
    assert_true(ry_bag_reader_receive(liar.reader, ry_socket_raw(liar.dealer), NULL, &bad));
    assert_true(ry_bag_reader_next(liar.reader, &bytes, &frames, &frame_count, &bad));
    assert_int_equal(ry_envelope_unpack(bytes, &envelope, &err), RY_OK);
    assert_int_equal(envelope.tag, RY_TAG_unwelcome);
    ry_link_close(&liar);
}

/* ---- order of the end -------------------------------------------------------------------------------------------- */

static void roles_drain_after_those_that_send_to_them(void **state)
{
    (void)state;
    enum ry_role order[RY_ROLE_COUNT];
    size_t count = drain_order(order);
    assert_int_equal(count, 9); /* the relay among them */
    size_t at[RY_ROLE_COUNT] = {0};
    for (size_t i = 0; i < count; i++)
        at[order[i]] = i;
    size_t descriptor_count;
    const struct ry_descriptor *descriptors = ry_descriptors(&descriptor_count);
    for (size_t i = 0; i < descriptor_count; i++) {
        if (descriptors[i].kind != RY_KIND_REQUEST && descriptors[i].kind != RY_KIND_ASK)
            continue;
        for (unsigned role = 1; role < RY_ROLE_MONITOR; role++)
            if ((descriptors[i].senders & RY_ROLE_BIT(role)) && at[role] >= at[ry_descriptor_role(&descriptors[i])])
                fail_msg("%s: its sender drains after its receiver", descriptors[i].record.name);
    }
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "--attach") == 0)
        return attach_main(argv);
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(console_is_answered_over_inproc_and_ipc),
        TEST(blob_arrives_whole),
        TEST(instance_that_does_not_open_ends_the_start_with_its_reason),
        TEST(instance_that_ends_with_an_error_is_told),
        TEST(ask_without_an_instance_is_refused_at_once),
        TEST(node_tells_its_state),
        TEST(stop_ends_every_instance),
        TEST(instance_that_joins_while_its_role_stops_is_stopped_too),
        TEST(stop_gives_up_at_its_deadline),
        TEST(second_node_does_not_take_the_socket),
        TEST(stale_socket_is_replaced),
        TEST(mail_of_a_killed_process_goes_to_another),
        TEST(stopped_process_goes_on_where_it_was),
        TEST(garbage_is_counted_and_harms_nobody),
        TEST(member_may_not_say_what_is_not_its_own),
        TEST(process_that_lies_about_its_pid_is_refused),
        TEST(roles_drain_after_those_that_send_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
