/* router_peers_test.c: which of the router's peers are kept when their instances are over, and which are freed when.
 *
 * The router is real and the thread is not started: peers are put into its table as they are when they have joined. */
#include "tests/bed/bed.h"

#include <stdlib.h>

#include "runtime/bus/router_thread_internal.h"

static void emit_nothing(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                         size_t frame_count)
{
    (void)arg, (void)session, (void)envelope, (void)frames, (void)frame_count;
}

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
                                              .emit = emit_nothing};
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

static struct peer *add(struct ry_router_thread *thread, enum transport transport)
{
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    uint32_t number = HASH_COUNT(thread->peers);
    peer->magic = PEER_MAGIC;
    peer->key.transport = (uint8_t)transport;
    peer->key.route.n = 5;
    memcpy(peer->key.route.bytes + 1, &number, sizeof number);
    peer->session = SESSION_SLOTS + number;
    peer->pidfd = peer->fd = -1;
    ry_bag_init(&peer->bag);
    HASH_ADD_KEYPTR(hh, thread->peers, &peer->key, peer_key_bytes(&peer->key), peer);
    return peer;
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
        TEST(oldest_that_has_ended_are_freed_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
