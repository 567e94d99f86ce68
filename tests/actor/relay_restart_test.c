/* relay_restart_test.c: a relay that is started again while its router goes on. To other nodes it is the same start of
 * the same node, and they pass over words whose numbers are not above the last one. */
#include "actors/relay/relay.h"
#include "runtime/base/log.h"
#include "tests/bed/bed.h"
#include "tests/bed/ghost_node.h"
#include "tests/bed/redis_server.h"

#include <stdlib.h>

#define KEY   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WORDS "reelyard:mail:node:ghost/1"

/* Number of the newest word to the ghost, 0: there is none. */
static const char newest[] =
    "local e = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] if not e then return '0'"
    " end for i = 1, #e[2], 2 do if e[2][i] == 'number' then return e[2][i + 1] end end";

static uint64_t newest_number(struct redis_server *redis)
{
    return strtoull(redis_server_say(redis, "EVAL", newest, "1", WORDS, NULL), NULL, 10);
}

/* The ghost asks for a mail that is not there, which is answered. */
static void ask(struct bed *bed, struct ghost_node *ghost)
{
    bed_clock(bed)->now_wall_ms = ry_wall_ms(ry_clock_system()); /* news must be of now */
    ghost_node_appear(ghost, 0);
    ghost_node_say(ghost, "bed/1", "claim", "7", "ask", "1");
    bed_advance(bed, 1000);
}

static void relay_that_is_started_again_is_heard(void **state)
{
    (void)state;
    struct redis_server *redis = redis_server_start(NULL);
    struct ghost_node *ghost = ghost_node_new(redis_server_url(redis), "ghost/1", KEY);
    struct bed *bed =
        bed_new(&ry_relay_spec,
                (const char *const[][2]){{"redis_url", redis_server_url(redis)}, {"fleet_key", KEY}, {NULL, NULL}});
    uint64_t last = 0;
    for (unsigned start = 0; start < 3; start++) {
        for (unsigned i = 0; i < 5; i++) {
            ask(bed, ghost);
            assert_true(newest_number(redis) > last);
            last = newest_number(redis);
        }
        bed_restart(bed);
    }
    bed_free(bed);
    ghost_node_free(ghost);
    redis_server_free(redis);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    redis_server_needed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(relay_that_is_started_again_is_heard)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
