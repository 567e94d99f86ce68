/* dead_replay_test.c: what `reelyard dead replay` does with mails whose letters lie in Redis, where others may write.
 */
#include "runtime/cli/cli.h"
#include "tests/bed/bed.h"
#include "tests/bed/redis_server.h"
#include "tests/bed/relay_bed.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"
#include "runtime/queue/job_queue.h"

#define CLIP "0123456789abcdef0123456789abcdef"

static struct redis_server *redis;

/* A letter as somebody else may leave it. */
static void forge(enum ry_tag tag, const void *message, const char *id)
{
    RY_BUF_AUTO mail = ry_buf_make(100000);
    struct ry_job_queue *queue = NULL;
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    assert_int_equal(ry_config_load(&config, no_environment, &err), RY_OK);
    const struct ry_job_queue_redis_options options = {
        .url = redis_server_url(redis), .clock = ry_clock_system(), .config = config};
    freeze_mail(tag, message, 7, &mail);
    if (ry_job_queue_redis_open(&options, &queue, &err) != RY_OK)
        fail_msg("%s", err.text);
    const struct ry_dead letter = {.kind = RY_DEAD_MAIL,
                                   .job_id = ry_str_of(id),
                                   .type = RY_STR("clip_failed"),
                                   .reason = RY_STR("because"),
                                   .summary = RY_STR("a clip"),
                                   .body = ry_buf_str(&mail)};
    assert_int_equal(queue->ops->dead_add(queue, &letter, &err), RY_OK);
    queue->ops->close(queue);
    ry_config_free(&config);
}

static void a_letter_in_redis_can_neither_purge_nor_name_files(void **state)
{
    redis = *state;
    struct ry_clip_work clip = {.clip_id = RY_STR(CLIP),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("2"),
                                .message_id = RY_STR("3"),
                                .filename = RY_STR("a.mp4"),
                                .url = RY_STR("file:///etc/shadow"),
                                .media_root = RY_STR("/")};
    const struct ry_purge purge = {.job_id = RY_STR("j"), .token = 1, .scope = 3, .guild_id = RY_STR("1"), .limit = 1};
    const struct ry_thumbnail_make make = {.clips = {&clip, 1}};
    const struct ry_clip_failed failed = {.clip_id = RY_STR(CLIP), .reason = RY_STR("because")};
    forge(RY_TAG_purge, &purge, "1");
    forge(RY_TAG_thumbnail_make, &make, "2");
    forge(RY_TAG_clip_failed, &failed, "3");
    char url[200], data[] = "/tmp/reelyard-dead-XXXXXX";
    assert_non_null(mkdtemp(data));
    (void)snprintf(url, sizeof url, "REDIS_URL=%s", redis_server_url(redis));
    char *const environment[] = {url, NULL};
    char *said = NULL, *complained = NULL;
    size_t said_bytes = 0, complained_bytes = 0;
    struct ry_cli cli = {.env = environment};
    cli.out = open_memstream(&said, &said_bytes);
    cli.err = open_memstream(&complained, &complained_bytes);
    const char *const words[] = {"reelyard", "dead", "replay", "--all", "--data", data, NULL};
    char *argv[7] = {NULL};
    for (size_t i = 0; words[i]; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    assert_int_equal(ry_cli_main(&cli, 6, argv), RY_EXIT_FAILED);
    (void)fclose(cli.out);
    (void)fclose(cli.err);
    ry_config_free(&cli.config);
    assert_non_null(strstr(complained, "1: it is in Redis, where others may write, and is not replayed: "
                                       "it is a message that never crosses nodes"));
    assert_non_null(strstr(complained, "2: it is in Redis, where others may write, and is not replayed: "
                                       "it names files of a host"));
    assert_null(strstr(complained, "3: it is in Redis")); /* it needs a node that runs */
    assert_int_equal(redis_server_int(redis, "XLEN", "reelyard:dead", NULL), 3);
    free(said);
    free(complained);
    (void)rmdir(data);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    redis_server_needed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_letter_in_redis_can_neither_purge_nor_name_files)};
    return cmocka_run_group_tests(tests, redis_server_begin, redis_server_end);
}
