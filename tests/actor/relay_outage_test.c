/* relay_outage_test.c: a relay whose Redis was away for longer than the record of a node stands: it is back before
 * other nodes are, and takes none of them for gone. With the default backoff.
 *
 * A real server that is stopped and started, a clock of the test's own, and a ghost as the other node. */
#include "actors/relay/relay.h"
#include "runtime/base/log.h"
#include "tests/bed/bed.h"
#include "tests/bed/ghost_node.h"
#include "tests/bed/redis_server.h"

#define KEY    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define STREAM "reelyard:mail:encoder"
#define LOOK   500

struct scene {
    struct redis_server *redis;
    struct ghost_node *ghost;
    struct bed *bed;
};

static void ghost_comes(struct scene *scene)
{
    scene->ghost = ghost_node_new(redis_server_url(scene->redis), "ghost/1", KEY);
    bed_clock(scene->bed)->now_wall_ms = ry_wall_ms(ry_clock_system()); /* news must be of now */
    ghost_node_appear(scene->ghost, 0);
}

static void ghost_sends(struct scene *scene)
{
    const struct ry_mail_field fields[] = {{RY_STR("from"), RY_STR("ghost/1")},
                                           {RY_STR("id"), RY_STR("7")},
                                           {RY_STR("home"), RY_STR("ghost/1")},
                                           {RY_STR("origin"), RY_STR("7")},
                                           {RY_STR("mail"), RY_STR("it is not read before it is granted")}};
    ghost_node_add(scene->ghost, STREAM, fields, sizeof fields / sizeof *fields);
}

/* A relay that works for encoders here and knows the ghost. What Redis has outlasts a stop. */
static struct scene scene_begin(void)
{
    const struct redis_server_options options = {.append_only = true};
    struct scene scene = {.redis = redis_server_start(&options)};
    scene.bed = bed_new(&ry_relay_spec, (const char *const[][2]){{"redis_url", redis_server_url(scene.redis)},
                                                                 {"fleet_key", KEY},
                                                                 {"mail_lease_seconds", "1"},
                                                                 {NULL, NULL}});
    struct ry_instance_state encoder = {.role = RY_STR("encoder"), .name = RY_STR("encoder-1"), .capacity = 4};
    const struct ry_node_state node = {.node = RY_STR("bed"), .instances = {.items = &encoder, .n = 1}};
    BED_ANSWER(scene.bed, 1, node_state, &node);
    ghost_comes(&scene);
    bed_advance(scene.bed, 2 * LOOK);
    return scene;
}

static void scene_end(struct scene *scene)
{
    if (scene->bed != NULL)
        bed_free(scene->bed);
    ghost_node_free(scene->ghost);
    redis_server_free(scene->redis);
}

/* A minute, in which every try to connect fails; the ghost goes meanwhile. */
static void outage(struct scene *scene)
{
    redis_server_stop(scene->redis);
    ghost_node_free(scene->ghost);
    scene->ghost = NULL;
    bed_advance(scene->bed, 60000);
    redis_server_restart(scene->redis);
    (void)redis_server_say(scene->redis, "DEL", "reelyard:node:ghost", NULL);
}

static int64_t entries(struct scene *scene)
{
    return redis_server_int(scene->redis, "XLEN", STREAM, NULL);
}

static void node_is_given_the_time_of_its_record_to_come_back(void **state)
{
    (void)state;
    for (int comes_back = 0; comes_back < 2; comes_back++) {
        struct scene scene = scene_begin();
        ghost_sends(&scene);
        outage(&scene);
        bed_advance(scene.bed, 7000);
        assert_int_equal(redis_server_int(scene.redis, "EXISTS", "reelyard:node:bed", NULL), 1); /* it is back */
        assert_int_equal(entries(&scene), 1);
        assert_true(redis_server_int(scene.redis, "XLEN", "reelyard:mail:node:ghost/1", NULL) > 0); /* it is asked */
        if (comes_back)
            ghost_comes(&scene);
        bed_advance(scene.bed, comes_back ? 9000 : 11000);
        assert_int_equal(entries(&scene), comes_back);
        scene_end(&scene);
    }
}

static void relay_that_ends_tries_once_whatever_the_backoff_says(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    ghost_sends(&scene);
    bed_advance(scene.bed, 2 * LOOK); /* it has read the entry, and asks for it in vain */
    outage(&scene);
    bed_free(scene.bed);
    scene.bed = NULL;
    /* Given back: anybody may claim it at once. */
    assert_string_not_equal(
        redis_server_say(scene.redis, "XPENDING", STREAM, "relay", "IDLE", "86400000", "-", "+", "1", NULL), "");
    scene_end(&scene);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    redis_server_needed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_is_given_the_time_of_its_record_to_come_back),
        cmocka_unit_test(relay_that_ends_tries_once_whatever_the_backoff_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
