/* guarded_node_test.c: a node whose instances are processes of a supervisor, and strangers at its socket: they get in
 * with a ticket or not at all, what they say moves nothing, and the router stays. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/log.h"
#include "runtime/bus/instance_loop.h"
#include "runtime/bus/node.h"
#include "tests/bed/patience.h"
#include "tests/bed/node_watch.h"

static const char token[] = "0123456789abcdef0123456789abcdef";

struct site {
    char folder[64];
    char socket[96];
    char endpoint[128];
    struct ry_config *config;
    struct ry_node *node;
    struct ry_console *console;
};

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    struct ry_error err = {0};
    char *const nothing[] = {NULL};
    *state = site;
    (void)snprintf(site->folder, sizeof site->folder, "/tmp/reelyard-guard.XXXXXX");
    if (mkdtemp(site->folder) == NULL || ry_config_load(&site->config, nothing, &err) != RY_OK)
        return 1;
    (void)snprintf(site->socket, sizeof site->socket, "%s/node.sock", site->folder);
    (void)snprintf(site->endpoint, sizeof site->endpoint, "ipc://%s", site->socket);
    const struct ry_node_options options = {.config = site->config, .ipc_path = site->socket, .guarded = true};
    return ry_node_start(&site->node, &options, &err) ||
           ry_console_open(&site->console, site->node, NULL, site->config, &err);
}

static int tear_down(void **state)
{
    struct site *site = *state;
    struct ry_error err;
    ry_console_close(&site->console);
    (void)ry_node_stop(&site->node, 1000, &err);
    ry_config_free(&site->config);
    (void)rmdir(site->folder);
    free(site);
    return 0;
}

static void admit(struct site *site, const char *name, enum ry_role role)
{
    struct ry_ticket ticket = {.role = role};
    memcpy(ticket.token, token, sizeof ticket.token);
    (void)snprintf(ticket.name, sizeof ticket.name, "%s", name);
    ry_node_admit(site->node, &ticket);
}

static int join(struct site *site, struct ry_link *link, enum ry_role role, const char *name, const char *ticket)
{
    struct ry_error err = {0};
    const struct ry_link_options options = {
        .endpoint = site->endpoint, .role = role, .name = name, .timeout_ms = PATIENCE_MS, .ticket = ticket};
    return ry_link_open_with(link, &options, &err);
}

static void only_the_right_ticket_lets_an_instance_in_and_only_once(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *claim;
        enum ry_role role;
        const char *name;
        const char *ticket;
        int rc;
    } tries[] = {
        {"no ticket", RY_ROLE_ENCODER, "encoder-1", NULL, RY_EACCES},
        {"an empty ticket", RY_ROLE_ENCODER, "encoder-1", "", RY_EACCES},
        {"a ticket that differs at its end", RY_ROLE_ENCODER, "encoder-1", "0123456789abcdef0123456789abcdee",
         RY_EACCES},
        {"a ticket and more", RY_ROLE_ENCODER, "encoder-1", "0123456789abcdef0123456789abcdef0", RY_EACCES},
        {"another name", RY_ROLE_ENCODER, "encoder-2", token, RY_EACCES},
        {"another role", RY_ROLE_WRITER, "encoder-1", token, RY_EACCES},
        {"the router's role", RY_ROLE_ROUTER, "encoder-1", token, RY_EACCES},
        {"a command", RY_ROLE_CONSOLE, "console-9", NULL, RY_OK},
        {"a command that has the name of an instance to come", RY_ROLE_CONSOLE, "encoder-3", NULL, RY_OK},
        {"a command with an instance's ticket", RY_ROLE_CONSOLE, "console-9", token, RY_EACCES},
        {"a command without a ticket", RY_ROLE_CONSOLE, "console-9", "", RY_EACCES},
        {"what it is for", RY_ROLE_ENCODER, "encoder-1", token, RY_OK},
        {"the same again", RY_ROLE_ENCODER, "encoder-1", token, RY_EACCES},
    };
    admit(site, "encoder-1", RY_ROLE_ENCODER);
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct ry_link link;
        int rc = join(site, &link, tries[i].role, tries[i].name, tries[i].ticket);
        if (rc != tries[i].rc)
            fail_msg("%s: %d", tries[i].claim, rc);
        refused += rc != RY_OK;
        assert_int_equal(node_watch_state(site->console)->rejected, refused);
        if (rc == RY_OK)
            ry_link_close(&link);
    }
}

static void revoked_ticket_is_void(void **state)
{
    struct site *site = *state;
    struct ry_link link;
    admit(site, "encoder-1", RY_ROLE_ENCODER);
    ry_node_revoke(site->node, "encoder-1");
    assert_int_equal(join(site, &link, RY_ROLE_ENCODER, "encoder-1", token), RY_EACCES);
}

static void process_of_an_instance_gets_no_second_connection(void **state)
{
    struct site *site = *state;
    struct ry_link encoder, second;
    admit(site, "encoder-1", RY_ROLE_ENCODER);
    admit(site, "writer-1", RY_ROLE_WRITER);
    assert_int_equal(join(site, &encoder, RY_ROLE_ENCODER, "encoder-1", token), RY_OK);
    assert_int_equal(join(site, &second, RY_ROLE_CONSOLE, "console-9", NULL), RY_EACCES);
    assert_int_equal(join(site, &second, RY_ROLE_WRITER, "writer-1", token), RY_EACCES);
    ry_link_close(&encoder);
}

static void instance_that_ended_makes_room_for_the_next_of_its_name(void **state)
{
    struct site *site = *state;
    struct ry_link first;
    admit(site, "encoder-1", RY_ROLE_ENCODER);
    assert_int_equal(join(site, &first, RY_ROLE_ENCODER, "encoder-1", token), RY_OK);
    assert_int_equal(node_watch_state(site->console)->instances.n, 2); /* and the console */
    ry_node_revoke(site->node, "encoder-1");
    assert_int_equal(node_watch_state(site->console)->instances.n, 1);
    admit(site, "encoder-1", RY_ROLE_ENCODER);
    struct ry_link next;
    assert_int_equal(join(site, &next, RY_ROLE_ENCODER, "encoder-1", token), RY_OK);
    const struct ry_credit credit = {.capacity = 4};
    (void)ry_link_say(&first, RY_TAG_credit, &credit); /* the one that was put out still talks */
    struct ry_error err;
    assert_int_equal(ry_bag_send(&first.bag, ry_socket_raw(first.dealer), NULL, &err), RY_OK);
    ry_link_close(&first); /* and leaves, which is no leave of the next */
    const struct ry_node_state *node = node_watch_state(site->console);
    assert_int_equal(node->instances.n, 2);
    assert_int_equal(node->instances.items[1].capacity, 0); /* what it says is what a process said last */
    assert_int_equal(node->rejected, 0);
    ry_link_close(&next);
}

/* A peer that has not joined; identity: NULL, or the routing id that it chooses. */
static zsock_t *rogue_of(struct site *site, const char *identity)
{
    zsock_t *rogue = zsock_new(ZMQ_DEALER);
    assert_non_null(rogue);
    if (identity)
        zsock_set_identity(rogue, identity);
    zsock_set_sndhwm(rogue, 0);
    zsock_set_linger(rogue, 0);
    assert_int_equal(zsock_connect(rogue, "%s", site->endpoint), 0);
    return rogue;
}

/* A bag with one control message in it. */
static void bag_of(struct ry_bag *bag, enum ry_tag tag, const void *message)
{
    RY_BUF_AUTO body = ry_buf_make(65536);
    RY_BUF_AUTO bytes = ry_buf_make(65536);
    struct ry_frames frames;
    struct ry_error err = {0};
    frames.n = 0;
    ry_bag_init(bag);
    assert_int_equal(ry_pack(ry_descriptor(tag), message, &body, &frames, &err), RY_OK);
    const struct ry_envelope head = {.id = 1, .tag = (uint16_t)tag, .attempt = 1, .body = ry_buf_str(&body)};
    assert_int_equal(ry_envelope_pack(&head, &bytes), RY_OK);
    assert_int_equal(ry_bag_add(bag, ry_buf_str(&bytes), NULL, 0), RY_OK);
}

static void say(zsock_t *rogue, enum ry_tag tag, const void *message)
{
    struct ry_bag bag;
    struct ry_error err = {0};
    bag_of(&bag, tag, message);
    assert_int_equal(ry_bag_send(&bag, ry_socket_raw(rogue), NULL, &err), RY_OK);
    ry_bag_free(&bag);
}

static void peer_that_chooses_its_routing_id_is_not_heard(void **state)
{
    struct site *site = *state;
    const struct ry_hello hello = {
        .version = RY_PROTO_VERSION, .role = RY_ROLE_CONSOLE, .name = RY_STR("console-9"), .pid = (uint64_t)getpid()};
    zsock_t *rogue = rogue_of(site, "somebody");
    say(rogue, RY_TAG_hello, &hello);
    while (node_watch_state(site->console)->rejected == 0)
        continue;
    assert_int_equal(node_watch_state(site->console)->instances.n, 1);
    zsock_destroy(&rogue);
}

static void flood_of_one_who_does_not_read_is_counted_and_not_answered_for_ever(void **state)
{
    struct site *site = *state;
    enum { BAGS = 20000 };
    const struct ry_clips_pending message = {.count = 1};
    zsock_t *rogue = rogue_of(site, NULL);
    zsock_set_rcvhwm(rogue, 0);
    for (int i = 0; i < BAGS; i++)
        say(rogue, RY_TAG_clips_pending, &message);
    while (node_watch_state(site->console)->rejected < BAGS)
        continue;
    assert_int_equal(node_watch_state(site->console)->rejected, BAGS);
    int answers = 0;
    zmq_msg_t part;
    (void)zmq_msg_init(&part);
    while (zmq_msg_recv(&part, ry_socket_raw(rogue), ZMQ_DONTWAIT) >= 0)
        answers++;
    (void)zmq_msg_close(&part);
    assert_between(answers, 1, BAGS / 4);
    zsock_destroy(&rogue);
}

static void node_tells_what_the_supervisor_told(void **state)
{
    struct site *site = *state;
    static struct ry_children_report report = {.kind = RY_LEASH_MSG_CHILDREN, .child_count = 2};
    assert_int_equal(node_watch_state(site->console)->children.n, 0);
    report.children[0] = (struct ry_child_note){.role = "router", .name = "router", .state = "running", .pid = 7};
    report.children[1] = (struct ry_child_note){
        .role = "encoder", .name = "encoder-1", .state = "spent", .restarts = 10, .last_death = "signal 9 (Killed)"};
    report.deaths[RY_DEATH_SIGNAL] = 11;
    ry_node_children(site->node, &report);
    const struct ry_node_state *node = node_watch_state(site->console);
    assert_int_equal(node->children.n, 2);
    assert_int_equal(node->children.items[0].pid, 7);
    assert_null(node->children.items[0].last_death.p);
    assert_true(ry_str_is(node->children.items[1].state, "spent"));
    assert_true(ry_str_is(node->children.items[1].last_death, "signal 9 (Killed)"));
    assert_int_equal(node->deaths.n, 1);
    assert_true(ry_str_is(node->deaths.items[0].way, "signal"));
    assert_int_equal(node->deaths.items[0].count, 11);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_the_right_ticket_lets_an_instance_in_and_only_once),
        TEST(revoked_ticket_is_void),
        TEST(process_of_an_instance_gets_no_second_connection),
        TEST(instance_that_ended_makes_room_for_the_next_of_its_name),
        TEST(peer_that_chooses_its_routing_id_is_not_heard),
        TEST(flood_of_one_who_does_not_read_is_counted_and_not_answered_for_ever),
        TEST(node_tells_what_the_supervisor_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
