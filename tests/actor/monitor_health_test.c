/* monitor_health_test.c: whether a node is alive and ready, and why not. */
#include "tests/bed/monitor_site.h"

#include <stdio.h>
#include <string.h>

static void ping_answers_without_asking_anybody(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    site_expect_at_once(&site, "GET", "/ping", "", 200, "\r\n\r\nalive\n");
    site_close(&site);
}

static void ready_says_what_is_missing(void **state)
{
    (void)state;
    struct ry_node_state node = site_node();
    struct ry_node_state no_encoder = site_node();
    no_encoder.instances.n = 7;
    struct ry_role_state elsewhere = {.role = RY_STR("encoder"), .reached = true};
    struct ry_node_state remote_encoder = no_encoder;
    remote_encoder.roles.items = &elsewhere;
    struct ry_instance_state two_waiting[8];
    memcpy(two_waiting, node.instances.items, sizeof two_waiting);
    two_waiting[0].trouble = two_waiting[1].trouble = RY_STR("cannot make /thumbs: Read-only file system");
    struct ry_node_state waiting = site_node();
    waiting.instances.items = two_waiting;
    struct ry_queue_state queue = {.healthy = true};
    struct ry_queue_state sick = {.healthy = false, .reason = RY_STR("disk I/O error")};
    struct ry_archive_state archive = site_archive();
    struct ry_archive_state locked = site_archive();
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
        site_answer_state(&site, cases[i].node, cases[i].queue, cases[i].archive);
        const char *answer = visit_until_answered(&site, &visit);
        site_assert_status(answer, cases[i].status);
        site_assert_has(answer, cases[i].says);
        visit_end(&visit);
        site_close(&site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping_answers_without_asking_anybody),
        cmocka_unit_test(ready_says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
