/* router_peers_test.c: which of the router's peers are kept when their instances are over, and which are freed when.
 *
 * The router is real and the thread is not started: peers are put into its table as they are when they have joined. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/bus/router_internal.h"
#include "runtime/bus/router_thread_internal.h"
#include "tests/bed/postgres_server.h"
#include "tests/bed/router_desk.h"

static int set_up(void **state)
{
    struct ry_router_thread *thread = calloc(1, sizeof *thread);
    assert_non_null(thread);
    thread->magic = ROUTER_THREAD_MAGIC;
    STAILQ_INIT(&thread->dirty);
    TAILQ_INIT(&thread->over);
    const struct ry_router_options options = {.node = "peers",
                                              .clock = ry_clock_system(),
                                              .mailbox_max = 2,
                                              .mailbox_max_bytes = 100000,
                                              .attempts_max = 3,
                                              .emit = peer_emit,
                                              .emit_arg = thread,
                                              .put_out = peer_put_out};
    assert_int_equal(ry_router_new(&thread->router, &options, NULL), RY_OK);
    *state = thread;
    return 0;
}

static int tear_down(void **state)
{
    struct ry_router_thread *thread = *state;
    struct peer *peer, *next;
    HASH_ITER(hh, thread->peers, peer, next)
    peer_free(thread, peer);
    ry_router_free(&thread->router);
    free(thread);
    return 0;
}

static struct peer *add_with(struct ry_router_thread *thread, const struct peer_key *key)
{
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->magic = PEER_MAGIC;
    peer->key.transport = key->transport;
    peer->key.route.n = key->route.n;
    memcpy(peer->key.route.bytes, key->route.bytes, key->route.n);
    peer->session = SESSION_SLOTS + HASH_COUNT(thread->peers);
    peer->pidfd = peer->fd = -1;
    ry_bag_init(&peer->bag);
    HASH_ADD_KEYPTR(hh, thread->peers, &peer->key, peer_key_bytes(&peer->key), peer);
    return peer;
}

static struct peer *add(struct ry_router_thread *thread, enum transport transport)
{
    struct peer_key key = {.transport = (uint8_t)transport, .route = {.n = 5}};
    uint32_t number = HASH_COUNT(thread->peers);
    memcpy(key.route.bytes + 1, &number, sizeof number);
    return add_with(thread, &key);
}

/* Consoles that come and end until as many as are kept are over. */
static void add_consoles(struct ry_router_thread *thread)
{
    for (unsigned i = 0; i < OVER_MAX; i++)
        peer_gone(thread, add(thread, TRANSPORT_IPC));
    assert_int_equal(thread->over_count, OVER_MAX);
}

/* The encoder comes before the consoles in the table, so that the oldest of them is the next one of the iteration. */
static void putting_out_frees_no_other_peer(void **state)
{
    struct ry_router_thread *thread = *state;
    struct peer *encoder = add(thread, TRANSPORT_IPC);
    add_consoles(thread);
    encoder->put_out = thread->some_put_out = true;
    peer_end_put_out(thread);
    assert_true(encoder->over);
    assert_int_equal(HASH_COUNT(thread->peers), OVER_MAX + 1);
}

static void losing_a_connection_frees_no_other_peer(void **state)
{
    struct ry_router_thread *thread = *state;
    struct peer *encoder = add(thread, TRANSPORT_TCP);
    add_consoles(thread);
    encoder->lost = thread->remotes_lost = true;
    remote_put_out_lost(thread);
    assert_true(encoder->over && encoder->gone && !thread->remotes_lost);
    assert_int_equal(HASH_COUNT(thread->peers), OVER_MAX + 1);
}

static void send_bytes(zsock_t *dealer, size_t n)
{
    char *bytes = calloc(1, n);
    assert_non_null(bytes);
    assert_int_equal(zmq_send(ry_socket_raw(dealer), bytes, n, 0), n);
    free(bytes);
}

static int count_bags(zsock_t *dealer)
{
    char bytes[512];
    int n = 0;
    while (zmq_recv(ry_socket_raw(dealer), bytes, sizeof bytes, ZMQ_DONTWAIT) >= 0)
        n++;
    return n;
}

/* A listener to which nobody comes. */
static void open_listener(struct ry_router_thread *thread)
{
    char folder[] = "/tmp/reelyard-peers.XXXXXX", path[64], bind[64];
    struct ry_keypair own;
    struct ry_error err = {0};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/node", folder);
    (void)snprintf(bind, sizeof bind, "tcp://127.0.0.1:%d", postgres_server_free_port());
    if (ry_keypair_create(&own, path, &err) != RY_OK)
        fail_msg("%s", err.text);
    (void)unlink(path);
    (void)rmdir(folder);
    const struct ry_curve_listener_options options = {.bind = bind, .own = &own, .allow_path = path};
    if (ry_curve_listener_open(&thread->listener, &options, &err) != RY_OK)
        fail_msg("%s", err.text);
    ry_keypair_forget(&own);
}

/* It is put out for the first bag. Neither that bag nor the next one is given to the router, which does not know its
 * sender any more. The socket of the test is in the place of the listener's, with the same bytes. */
static void bag_that_is_too_large_is_counted_once_and_not_read(void **state)
{
    struct ry_router_thread *thread = *state;
    const char *endpoint = "inproc://router-peers-test";
    struct ry_error err = {0};
    zsock_t *dealer = NULL;
    struct peer_key key = {.transport = TRANSPORT_TCP};
    bool malformed = false;
    open_listener(thread);
    assert_int_equal(ry_socket_router(&thread->sockets[TRANSPORT_TCP], endpoint, &err), RY_OK);
    assert_int_equal(ry_socket_dealer(&dealer, endpoint, &err), RY_OK);
    thread->reader = ry_bag_reader_new();
    assert_non_null(thread->reader);
    send_bytes(dealer, 1);
    assert_true(
        ry_bag_reader_receive(thread->reader, ry_socket_raw(thread->sockets[TRANSPORT_TCP]), &key.route, &malformed));
    struct peer *encoder = add_with(thread, &key);
    encoder->session = router_desk_join(thread->router, RY_ROLE_ENCODER, 1, RY_LOCALITY_HOST, NULL);
    thread->sessions[encoder->session % SESSION_SLOTS] = encoder;
    send_bytes(dealer, RY_BAG_ENCODER_MAX_BYTES + 1);
    send_bytes(dealer, 1);
    assert_int_equal(receive_from(thread, TRANSPORT_TCP), 2);
    assert_true(encoder->put_out && !ry_router_knows(thread->router, encoder->session));
    assert_int_equal(thread->malformed, 2);
    assert_int_equal(thread->router->rejected, 2);
    peer_end_put_out(thread);
    assert_true(encoder->over);
    assert_int_equal(count_bags(dealer), 1); /* it is told why */
    zsock_destroy(&dealer);
    zsock_destroy(&thread->sockets[TRANSPORT_TCP]);
    ry_bag_reader_free(&thread->reader);
    ry_curve_listener_close(&thread->listener);
}

static void oldest_that_has_ended_are_freed_beyond_the_limit(void **state)
{
    struct ry_router_thread *thread = *state;
    struct peer *living = add(thread, TRANSPORT_TCP), *first = add(thread, TRANSPORT_IPC);
    const struct peer_key gone = first->key;
    living->fd = 0; /* a descriptor: its connection has not ended */
    peer_over(thread, living);
    peer_gone(thread, first);
    peer_trim_over(thread);
    assert_int_equal(thread->over_count, 2);
    for (unsigned i = 0; i < OVER_MAX; i++)
        peer_gone(thread, add(thread, TRANSPORT_IPC));
    struct peer *last = add(thread, TRANSPORT_IPC);
    peer_gone(thread, last);
    assert_int_equal(thread->over_count, OVER_MAX + 3);
    peer_trim_over(thread);
    assert_int_equal(thread->over_count, OVER_MAX);
    assert_int_equal(HASH_COUNT(thread->peers), OVER_MAX);
    assert_ptr_equal(TAILQ_FIRST(&thread->over), living);
    assert_ptr_equal(TAILQ_LAST(&thread->over, peer_over_list), last);
    assert_null(peer_of_key(thread, &gone));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(putting_out_frees_no_other_peer),
        TEST(losing_a_connection_frees_no_other_peer),
        TEST(bag_that_is_too_large_is_counted_once_and_not_read),
        TEST(oldest_that_has_ended_are_freed_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
