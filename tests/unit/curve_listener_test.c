/* curve_listener_test.c: a node that encoders of other hosts may join, and all who knock at its port: with the right
 * key they get in, as encoders and nothing else; everybody else is refused and counted, and the router goes on. */
#include "tests/bed/bed.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/curve_listener.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/intake.h"
#include "runtime/bus/node.h"
#include "tests/bed/postgres_server.h"
#include "tests/bed/patience.h"
#include "tests/bed/node_watch.h"

struct site {
    char folder[64];
    char key[96];
    char allow[96];
    char endpoint[64];
    int port;
    struct ry_keypair node_key;
    struct ry_curve known;   /* of an encoder whose key is on the list */
    struct ry_curve unknown; /* of one whose key is not */
    struct ry_config *config;
    struct ry_node *node;
    struct ry_console *console;
};

/* ---- the site ---------------------------------------------------------------------------------------------------- */

static void allow(const struct site *site, const struct ry_key *key)
{
    char hex[RY_KEY_HEX_BYTES] = "# nobody";
    FILE *file = fopen(site->allow, "w");
    assert_non_null(file);
    if (key)
        ry_key_hex(key, hex);
    (void)fprintf(file, "%s\n", hex);
    assert_int_equal(fclose(file), 0);
}

static void make_keys(struct ry_keypair *pair, const char *path)
{
    struct ry_error err = {0};
    if (ry_keypair_create(pair, path, &err) != RY_OK)
        fail_msg("%s", err.text);
}

static int start_node(struct site *site)
{
    struct ry_error err = {0};
    char bind[96], key[128], list[128];
    (void)snprintf(bind, sizeof bind, "REELYARD_JOIN_BIND=%s", site->endpoint);
    (void)snprintf(key, sizeof key, "REELYARD_JOIN_KEY=%s", site->key);
    (void)snprintf(list, sizeof list, "REELYARD_JOIN_ALLOW=%s", site->allow);
    char *const env[] = {bind, key, list, NULL};
    if (ry_config_load(&site->config, env, &err) != RY_OK)
        return 1;
    /* Guarded: tickets are for processes of this host. */
    const struct ry_node_options options = {.config = site->config, .guarded = true};
    if (ry_node_start(&site->node, &options, &err) != RY_OK)
        fail_msg("%s", err.text);
    return ry_console_open(&site->console, site->node, NULL, site->config, &err);
}

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    char path[128];
    *state = site;
    (void)snprintf(site->folder, sizeof site->folder, "/tmp/reelyard-listener.XXXXXX");
    if (mkdtemp(site->folder) == NULL)
        return 1;
    (void)snprintf(site->key, sizeof site->key, "%s/node", site->folder);
    (void)snprintf(site->allow, sizeof site->allow, "%s/allow", site->folder);
    make_keys(&site->node_key, site->key);
    (void)snprintf(path, sizeof path, "%s/known", site->folder);
    make_keys(&site->known.own, path);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/unknown", site->folder);
    make_keys(&site->unknown.own, path);
    (void)unlink(path);
    site->known.node = site->unknown.node = site->node_key.public_key;
    allow(site, &site->known.own.public_key);
    site->port = postgres_server_free_port();
    (void)snprintf(site->endpoint, sizeof site->endpoint, "tcp://127.0.0.1:%d", site->port);
    return start_node(site);
}

static int tear_down(void **state)
{
    struct site *site = *state;
    struct ry_error err;
    ry_console_close(&site->console);
    (void)ry_node_stop(&site->node, 1000, &err);
    ry_config_free(&site->config);
    (void)unlink(site->key);
    (void)unlink(site->allow);
    (void)rmdir(site->folder);
    free(site);
    return 0;
}

static void await_rejected(struct site *site, uint64_t count)
{
    while (node_watch_state(site->console)->rejected < count)
        continue;
    assert_int_equal(node_watch_state(site->console)->rejected, count);
}

static int join_within(struct site *site, struct ry_link *link, const struct ry_curve *curve, enum ry_role role,
                       const char *name, int64_t timeout_ms)
{
    struct ry_error err = {0};
    const struct ry_link_options options = {
        .endpoint = site->endpoint, .role = role, .name = name, .timeout_ms = timeout_ms, .curve = curve};
    return ry_link_open_with(link, &options, &err);
}

static int join(struct site *site, struct ry_link *link, const struct ry_curve *curve, enum ry_role role,
                const char *name)
{
    return join_within(site, link, curve, role, name, PATIENCE_MS);
}

/* Ends a connection without a word. */
static void cut(struct ry_link *link)
{
    ry_socket_unwatch(link->dealer, &link->losses);
    zsock_destroy(&link->dealer);
    link->session = 0;
    ry_link_close(link);
}

/* ---- who gets in ------------------------------------------------------------------------------------------------- */

static void only_encoders_with_a_key_on_the_list_get_in(void **state)
{
    struct site *site = *state;
    struct ry_curve wrong_node = site->known;
    wrong_node.node = site->unknown.own.public_key;
    const struct {
        const char *claim;
        const struct ry_curve *curve;
        enum ry_role role;
        const char *name;
        int rc;
    } tries[] = {
        {"the right key", &site->known, RY_ROLE_ENCODER, "encoder@gpu", RY_OK},
        {"a key that is not on the list", &site->unknown, RY_ROLE_ENCODER, "encoder@gpu", RY_ECONFIG},
        {"another node's key", &wrong_node, RY_ROLE_ENCODER, "encoder@gpu", RY_EAWAY},
        {"a writer", &site->known, RY_ROLE_WRITER, "writer@gpu", RY_EACCES},
        {"a command", &site->known, RY_ROLE_CONSOLE, "console@gpu", RY_EACCES},
        {"a relay", &site->known, RY_ROLE_RELAY, "relay@gpu", RY_EACCES},
        {"a name like those of this host", &site->known, RY_ROLE_ENCODER, "encoder-1", RY_EACCES},
        {"the right key again", &site->known, RY_ROLE_ENCODER, "encoder@gpu", RY_OK},
    };
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct ry_link link;
        int rc = join(site, &link, tries[i].curve, tries[i].role, tries[i].name);
        if (rc != tries[i].rc)
            fail_msg("%s: %d", tries[i].claim, rc);
        refused += rc != RY_OK;
        await_rejected(site, refused);
        assert_int_equal(node_watch_state(site->console)->instances.n, rc == RY_OK ? 2 : 1);
        if (rc == RY_OK)
            ry_link_close(&link);
        node_watch_instances(site->console, 1);
    }
}

static void list_is_read_for_each_that_comes(void **state)
{
    struct site *site = *state;
    struct ry_link link;
    assert_int_equal(join(site, &link, &site->unknown, RY_ROLE_ENCODER, "encoder@gpu"), RY_ECONFIG);
    allow(site, &site->unknown.own.public_key);
    assert_int_equal(join(site, &link, &site->unknown, RY_ROLE_ENCODER, "encoder@gpu"), RY_OK);
    ry_link_close(&link);
    allow(site, NULL);
    assert_int_equal(join(site, &link, &site->unknown, RY_ROLE_ENCODER, "encoder@gpu"), RY_ECONFIG);
    /* A list that is not there now may be there again later: no word, rather than a no. */
    (void)unlink(site->allow);
    assert_int_equal(join_within(site, &link, &site->unknown, RY_ROLE_ENCODER, "encoder@gpu", 300), RY_EAWAY);
}

static void guest_holds_no_name_of_a_process_of_this_host(void **state)
{
    struct site *site = *state;
    struct ry_link link;
    assert_int_equal(join(site, &link, &site->known, RY_ROLE_ENCODER, "encoder@gpu"), RY_OK);
    ry_node_revoke(site->node, "encoder@gpu"); /* what a supervisor says of its own is not about a guest */
    assert_int_equal(node_watch_state(site->console)->instances.n, 2);
    ry_link_close(&link);
}

/* ---- who does not ------------------------------------------------------------------------------------------------ */

static void peer_of_zeromq_without_a_key_is_refused(void **state)
{
    struct site *site = *state;
    struct ry_link link;
    zsock_t *rogue = zsock_new(ZMQ_DEALER);
    zsock_set_linger(rogue, 0);
    zsock_set_reconnect_ivl(rogue, -1);
    assert_int_equal(zsock_connect(rogue, "%s", site->endpoint), 0);
    assert_int_equal(zstr_send(rogue, "let me in"), 0);
    await_rejected(site, 1);
    assert_int_equal(node_watch_state(site->console)->instances.n, 1);
    zsock_destroy(&rogue);
    assert_int_equal(join(site, &link, &site->known, RY_ROLE_ENCODER, "encoder@gpu"), RY_OK);
    ry_link_close(&link);
}

static int knock(const struct site *site)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)site->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void bytes_that_are_no_zeromq_are_refused(void **state)
{
    struct site *site = *state;
    /* A greeting of ZMTP 3.0 with the mechanism CURVE, as a server and as a client, and what may follow. */
#define GREETING "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define REST     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
        CASE(""),
        CASE("GET / HTTP/1.1\r\nHost: node\r\n\r\n"),
        CASE("\x01\x00"),
        CASE("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" REST),
        CASE(GREETING "\0" REST "\x04\x26\x05READY\x0bSocket-Type\0\0\0\x06"
                      "DEALER\x08Identity\0\0\0\0"),
        CASE(GREETING "\0" REST "\x04\x06\x05HELLO"),
        CASE(GREETING "\0" REST "\x06\x00\x00\x00\x00\x7f\xff\xff\xff\x05HELLO"),
        CASE(GREETING "\0" REST "\x00\x01x"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = knock(site);
        char answer[256];
        assert_int_equal(send(fd, cases[i].bytes, cases[i].n, MSG_NOSIGNAL), (ssize_t)cases[i].n);
        (void)shutdown(fd, SHUT_WR);
        while (recv(fd, answer, sizeof answer, 0) > 0)
            continue;
        (void)close(fd);
        await_rejected(site, i + 1);
        assert_int_equal(node_watch_state(site->console)->instances.n, 1);
    }
}

/* ---- who says too much ------------------------------------------------------------------------------------------- */

/* It is named, its connection is cut, and its key may come again only later. */
static void await_put_out(struct site *site)
{
    struct ry_link link;
    while (node_watch_state(site->console)->put_out == 0)
        continue;
    assert_int_equal(node_watch_state(site->console)->put_out, 1);
    assert_true(ry_str_is(node_watch_state(site->console)->outcasts.items[0].name, "encoder@gpu"));
    node_watch_instances(site->console, 1);
    assert_int_equal(join_within(site, &link, &site->known, RY_ROLE_ENCODER, "again@gpu", 300), RY_EAWAY);
}

static void guest_whose_message_is_larger_than_all_it_could_have_to_say_is_put_out(void **state)
{
    struct site *site = *state;
    static const struct {
        size_t parts, bytes;
    } cases[] = {{3, 20 << 20}, {1100, 64}, {100, 1 << 20}};
    struct ry_link link;
    char *part = calloc(1, 20 << 20);
    assert_non_null(part);
    /* Parts that are too large end the connection, too many are thrown away, and too much in all puts out. */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t rejected = node_watch_state(site->console)->rejected;
        assert_int_equal(join(site, &link, &site->known, RY_ROLE_ENCODER, "encoder@gpu"), RY_OK);
        void *raw = ry_socket_raw(link.dealer);
        for (size_t k = 0; k < cases[i].parts; k++)
            assert_true(zmq_send(raw, part, cases[i].bytes, k + 1 < cases[i].parts ? ZMQ_SNDMORE : 0) >= 0);
        while (node_watch_state(site->console)->rejected == rejected &&
               node_watch_state(site->console)->instances.n == 2)
            continue;
        cut(&link);
        node_watch_instances(site->console, 1);
    }
    free(part);
    await_put_out(site);
}

static void guest_that_says_what_it_may_not_is_put_out_and_its_key_barred(void **state)
{
    struct site *site = *state;
    struct ry_link link;
    struct ry_error err = {0};
    struct ry_image image = {.size_type = RY_STR("small"), .width = 1, .height = 1, .webp = {.p = "no", .n = 2}};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("text/html")};
    const struct ry_thumbnail_store store = {.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                             .guild_id = RY_STR("1"),
                                             .images = {&image, 1},
                                             .facts = {&facts, 1}};
    assert_int_equal(join(site, &link, &site->known, RY_ROLE_ENCODER, "encoder@gpu"), RY_OK);
    for (int i = 0; i < 20; i++)
        (void)ry_link_say(&link, RY_TAG_thumbnail_store, &store);
    assert_int_equal(ry_bag_send(&link.bag, ry_socket_raw(link.dealer), NULL, &err), RY_OK);
    await_put_out(site);
    cut(&link);
}

/* A pair of TCP sockets. */
static void connect_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[0], (const struct sockaddr *)&address, sizeof address), 0);
    pair[1] = accept(listener, NULL, NULL);
    assert_true(pair[1] >= 0);
    (void)close(listener);
}

static void pump(const int pair[2], size_t bytes)
{
    static char chunk[65536];
    for (size_t sent = 0; sent < bytes; sent += sizeof chunk) {
        assert_int_equal(send(pair[0], chunk, sizeof chunk, 0), sizeof chunk);
        assert_int_equal(recv(pair[1], chunk, sizeof chunk, MSG_WAITALL), sizeof chunk);
    }
}

static void what_comes_without_an_end_is_seen_for_each_connection_and_for_all(void **state)
{
    (void)state;
    enum { PAIRS = 5 };
    struct ry_intake intake = {.items = NULL};
    int pairs[PAIRS][2];
    for (int i = 0; i < PAIRS; i++) {
        connect_pair(pairs[i]);
        ry_intake_add(&intake, pairs[i][1]);
    }
    pump(pairs[0], RY_INTAKE_MAX_BYTES);
    assert_int_equal(ry_intake_greedy(&intake), -1);
    pump(pairs[0], 65536);
    assert_int_equal(ry_intake_greedy(&intake), pairs[0][1]);
    ry_intake_heard(&intake, pairs[0][1], RY_INTAKE_MAX_BYTES / 2); /* a message, and more waits behind it */
    assert_int_equal(ry_intake_greedy(&intake), -1);
    pump(pairs[0], RY_INTAKE_MAX_BYTES / 2);
    assert_int_equal(ry_intake_greedy(&intake), pairs[0][1]);
    ry_intake_heard(&intake, pairs[0][1], RY_INTAKE_MAX_BYTES); /* all was messages after all, but for some overhead */
    assert_int_equal(ry_intake_greedy(&intake), -1);
    for (int i = 0; i < PAIRS; i++) /* none has too much, but all together have */
        pump(pairs[i], (size_t)(50 + i) << 20);
    assert_int_equal(ry_intake_greedy(&intake), pairs[PAIRS - 1][1]);
    ry_intake_remove(&intake, pairs[PAIRS - 1][1]);
    assert_int_equal(ry_intake_greedy(&intake), -1);
    ry_intake_free(&intake);
    for (int i = 0; i < PAIRS; i++)
        (void)(close(pairs[i][0]) | close(pairs[i][1]));
}

/* ---- who is gone ------------------------------------------------------------------------------------------------- */

static void guest_whose_connection_is_lost_is_put_out_and_may_come_again(void **state)
{
    struct site *site = *state;
    struct ry_link link, stays;
    assert_int_equal(join(site, &stays, &site->known, RY_ROLE_ENCODER, "other@gpu"), RY_OK);
    for (int i = 0; i < 30; i++) { /* descriptors are used again */
        struct ry_link second;
        assert_int_equal(join(site, &link, &site->known, RY_ROLE_ENCODER, "encoder@gpu"), RY_OK);
        assert_int_equal(join(site, &second, &site->known, RY_ROLE_ENCODER, "encoder@gpu"), RY_EACCES); /* in use */
        assert_int_equal(node_watch_state(site->console)->instances.n, 3);
        cut(&link);
        node_watch_instances(site->console, 2);
    }
    ry_link_close(&stays);
    node_watch_instances(site->console, 1);
}

/* ---- the listener alone ------------------------------------------------------------------------------------------ */

static void nothing(void *arg)
{
    (void)arg;
}

static void nothing_lost(void *arg, int fd)
{
    (void)arg, (void)fd;
}

static void connection_that_nobody_vouched_for_may_not_join(void **state)
{
    (void)state;
    struct ry_curve_listener *listener = NULL, *second = NULL;
    struct ry_keypair pair = {.secret.bytes = {1}};
    struct ry_error err = {0};
    struct site site = {.port = postgres_server_free_port()};
    char bind[64];
    (void)snprintf(bind, sizeof bind, "tcp://127.0.0.1:%d", site.port);
    const struct ry_curve_listener_options options = {
        .bind = bind, .own = &pair, .allow_path = "/nowhere", .lost = nothing_lost, .refused = nothing};
    assert_int_equal(ry_curve_listener_open(&listener, &options, &err), RY_OK);
    assert_int_equal(ry_curve_listener_open(&second, &options, &err), RY_EBUSY);
    int fd = knock(&site);
    zmq_pollitem_t items[RY_CURVE_LISTENER_POLLS];
    ry_curve_listener_polls(listener, items);
    assert_int_equal(zmq_poll(items, RY_CURVE_LISTENER_POLLS, PATIENCE_MS), 1);
    unsigned open_now = 0, vouched = 0;
    for (int i = -1; i < 1024; i++) {
        vouched += ry_curve_listener_vouches(listener, i, NULL) || ry_curve_listener_vouches(listener, i, "");
        open_now +=
            ry_curve_listener_vouches(listener, i, "8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b7");
    }
    assert_int_equal(vouched, 0);
    assert_int_equal(open_now, 1);
    (void)close(fd);
    ry_curve_listener_close(&listener);
}

static void node_that_shall_listen_says_what_it_lacks(void **state)
{
    (void)state;
    static char *const cases[][4] = {
        {"REELYARD_JOIN_BIND=tcp://127.0.0.1:1", NULL},
        {"REELYARD_JOIN_BIND=tcp://127.0.0.1:1", "REELYARD_JOIN_ALLOW=/nowhere", NULL},
        {"REELYARD_JOIN_BIND=tcp://127.0.0.1:1", "REELYARD_JOIN_ALLOW=/nowhere", "REELYARD_JOIN_KEY=/nowhere", NULL},
        {"REELYARD_JOIN_BIND=127.0.0.1:1", "REELYARD_JOIN_ALLOW=/nowhere", "REELYARD_JOIN_KEY=/nowhere", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_config *config = NULL;
        struct ry_node *node = NULL;
        struct ry_error err = {0};
        assert_int_equal(ry_config_load(&config, cases[i], &err), RY_OK);
        const struct ry_node_options options = {.config = config};
        assert_int_equal(ry_node_start(&node, &options, &err), RY_ECONFIG);
        assert_non_null(strstr(err.text, i == 2 ? "/nowhere" : "REELYARD_JOIN_BIND"));
        ry_config_free(&config);
    }
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_encoders_with_a_key_on_the_list_get_in),
        TEST(list_is_read_for_each_that_comes),
        TEST(guest_holds_no_name_of_a_process_of_this_host),
        TEST(peer_of_zeromq_without_a_key_is_refused),
        TEST(bytes_that_are_no_zeromq_are_refused),
        TEST(guest_whose_message_is_larger_than_all_it_could_have_to_say_is_put_out),
        TEST(guest_that_says_what_it_may_not_is_put_out_and_its_key_barred),
        cmocka_unit_test(what_comes_without_an_end_is_seen_for_each_connection_and_for_all),
        TEST(guest_whose_connection_is_lost_is_put_out_and_may_come_again),
        cmocka_unit_test(connection_that_nobody_vouched_for_may_not_join),
        cmocka_unit_test(node_that_shall_listen_says_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
