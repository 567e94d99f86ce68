/* job_queue_redis_test.c: the queue on Redis passes the suite of job queues, on a real Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config/config.h"
#include "runtime/queue/redis_queue.h"
#include "tests/bed/redis_server.h"
#include "tests/conformance/job_queue_suite.h"

/* One server for all claims; each begins with an empty database. */
static struct redis_server *server;
static struct ry_config *config;

static void *store_new(void)
{
    (void)redis_server_say(server, "FLUSHALL", NULL);
    return server;
}

static void store_free(void *store)
{
    (void)store;
}

static struct ry_job_queue *store_open(void *store, const struct ry_clock *clock)
{
    const struct ry_job_queue_redis_options options = {
        .url = redis_server_url(store), .clock = clock, .config = config};
    struct ry_job_queue *queue = NULL;
    struct ry_error err;
    if (ry_job_queue_redis_open(&options, &queue, &err) != RY_OK)
        print_error("%s\n", err.text);
    return queue;
}

static void notice(struct ry_job_queue *queue)
{
    struct ry_error err;
    if (ry_redis_discover_all(ry_redis_of(queue), &err) != RY_OK)
        fail_msg("%s", err.text);
    ry_redis_streams_set_all_hot(&ry_redis_of(queue)->streams);
}

static const struct job_queue_factory redis_factory = {
    .name = "stream_redis",
    .store_new = store_new,
    .open = store_open,
    .store_free = store_free,
    .notice = notice,
    .foreign = true,
};

int main(void)
{
    char *const no_environment[] = {NULL};
    struct ry_error err;
    if (ry_config_load(&config, no_environment, &err) != RY_OK)
        return 1;
    redis_server_needed();
    server = redis_server_start(NULL);
    int failed = job_queue_suite_run(&redis_factory);
    redis_server_free(server);
    ry_config_free(&config);
    return failed;
}
