/* foreign_text_test.c: whatever a server or a folder says reaches those who ask as text, and ends nobody.
 *
 * Each row of `sayings` goes through each door: PostgreSQL's words (of a trigger, and when it refuses a connection),
 * Redis, a server of videos, a folder's name. What the actor then says is unpacked by the bed, which
 * refuses what is not UTF-8; an actor that cannot say it ends this program. */
#include "tests/bed/batch.h"
#include "tests/bed/bed.h"
#include "tests/bed/parrot.h"
#include "tests/bed/postgres_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/downloader/downloader.h"
#include "actors/ingester/ingester.h"
#include "actors/storage/storage.h"
#include "actors/writer/writer.h"
#include "runtime/base/log.h"

static const struct {
    const char *name;
    const char *words;
    const char *shown; /* what must be in the answer; NULL: anything */
} sayings[] = {
    {"Latin-1",
     "trop de donn\xE9"
     "es",
     "trop de donn?es"},
    {"cut after one of two", "caf\xC3", "caf?"},
    {"cut after two of three", "10 \xE2\x82", "10 ??"},
    {"cut after three of four", "film \xF0\x9F\x8E", "film ???"},
    {"overlong and surrogates", "\xC0\xAF\xED\xA0\x80", "?????"},
    {"controls",
     "a\x1B[31mred\x07"
     "b",
     "a [31mred b"},
    {"well-formed",
     "donn\xC3\xA9"
     "es",
     "donn\xC3\xA9"
     "es"},
};
#define SAYINGS (sizeof sayings / sizeof *sayings)

static void expect_shown(size_t i, struct ry_str text)
{
    if (text.n == 0 ||
        (sayings[i].shown != NULL && memmem(text.p, text.n, sayings[i].shown, strlen(sayings[i].shown)) == NULL))
        fail_msg("%s: \"%.*s\"", sayings[i].name, RY_STR_ARG(text));
    for (size_t k = 0; k < text.n; k++)
        assert_true((unsigned char)text.p[k] >= ' ' && text.p[k] != 0x7F);
}

/* ---- PostgreSQL ------------------------------------------------------------------------------------------------ */

static struct postgres_server server;

static struct bed *writer_on_postgres(void)
{
    char url[128];
    (void)snprintf(url, sizeof url, "postgresql://postgres@127.0.0.1:%d/words?sslmode=disable", server.port);
    postgres_server_disconnect(&server);
    postgres_server_sql(&server, NULL, "DROP DATABASE IF EXISTS words", NULL, 0);
    postgres_server_sql(&server, NULL, "CREATE DATABASE words", NULL, 0);
    return bed_new(&ry_writer_spec, (bed_option[]){{"database_url", url},
                                                   {"batch_wait_ms", "0"},
                                                   {"db_retry_attempts", "1"},
                                                   {"db_timeout_ms", "600000"},
                                                   {NULL, NULL}});
}

static uint64_t deliver_batch(struct bed *bed, struct batch *batch)
{
    return BED_DELIVER(bed, batch_write, batch_make(batch, 0), NULL);
}

/* A session's words are UTF-8: the server sees to that. They are passed on up to a length. */
static void long_words_of_postgresql_are_cut_between_characters(void **state)
{
    (void)state;
    struct bed *bed = writer_on_postgres();
    struct batch batch;
    postgres_server_sql(&server, "words",
                        "CREATE TABLE words (w TEXT); CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$BEGIN RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = (SELECT w FROM words); END$$;"
                        " CREATE TRIGGER t BEFORE INSERT ON clip FOR EACH ROW EXECUTE FUNCTION says();"
                        " INSERT INTO words VALUES ('')",
                        NULL, 0);
    for (unsigned before = 0; before < 4; before++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql, "UPDATE words SET w = repeat('x', %u) || repeat('\xF0\x9F\x8E\xAC', 90)",
                       before);
        postgres_server_sql(&server, "words", sql, NULL, 0);
        uint64_t id = deliver_batch(bed, &batch);
        struct ry_str error = BED_EXPECT(bed, batch_written)->error;
        assert_non_null(memmem(error.p, error.n, "\xF0\x9F\x8E\xAC", 4));
        assert_null(memchr(error.p, '?', error.n));
        bed_expect_done(bed, id);
        bed_advance(bed, 60000);
    }
    bed_free(bed);
}

/* A refusal before the encodings are agreed on: severity, SQLSTATE, message. */
static size_t refusal(char *out, size_t size, const char *words)
{
    int n = snprintf(out + 5, size - 5, "SFATAL%cC53300%cM%s%c", 0, 0, words, 0);
    out[0] = 'E';
    uint32_t length = (uint32_t)n + 5;
    const char bytes[4] = {(char)(length >> 24), (char)(length >> 16), (char)(length >> 8), (char)length};
    memcpy(out + 1, bytes, sizeof bytes);
    out[5 + n] = '\0';
    return (size_t)n + 6;
}

static void a_refused_connection_is_put_into_words(void **state)
{
    (void)state;
    struct bed *bed = writer_on_postgres();
    struct batch batch;
    postgres_server_stop(&server, true);
    for (size_t i = 0; i < SAYINGS; i++) {
        char bytes[256];
        size_t n = refusal(bytes, sizeof bytes, sayings[i].words);
        struct parrot *parrot = parrot_start((unsigned)server.port, (struct ry_str){bytes, n});
        uint64_t id = deliver_batch(bed, &batch);
        expect_shown(i, BED_EXPECT(bed, batch_written)->error);
        bed_expect_done(bed, id);
        bed_advance(bed, 60000);
        struct ry_archive_get get = {0};
        id = BED_DELIVER(bed, archive_get, &get, NULL);
        assert_true(BED_EXPECT(bed, archive_state)->error.n > 0);
        bed_expect_done(bed, id);
        parrot_stop(parrot);
    }
    bed_free(bed);
    postgres_server_start(&server);
}

/* ---- Redis, videos, folders -------------------------------------------------------------------------------------- */

static void words_of_redis_reach_who_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAYINGS; i++) {
        char words[128], url[64];
        int n = snprintf(words, sizeof words, "-ERR %s\r\n", sayings[i].words);
        struct parrot *parrot = parrot_start(0, (struct ry_str){words, (size_t)n});
        (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", parrot_port(parrot));
        struct bed *bed = bed_new(&ry_ingester_spec, (bed_option[]){{"redis_url", url}, {NULL, NULL}});
        struct ry_queue_get get = {0};
        uint64_t id = BED_DELIVER(bed, queue_get, &get, NULL);
        expect_shown(i, BED_EXPECT(bed, queue_state)->reason);
        bed_expect_done(bed, id);
        bed_free(bed);
        parrot_stop(parrot);
    }
}

static void a_server_of_videos_says_what_it_likes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAYINGS; i++) {
        char words[400], host[32], url[128];
        int n =
            snprintf(words, sizeof words,
                     "HTTP/1.1 403 %s\r\nContent-Type: %s\r\nContent-Range: %s\r\nContent-Length: 2\r\n\r\n\xFF\xFE",
                     sayings[i].words, sayings[i].words, sayings[i].words);
        struct parrot *parrot = parrot_start(0, (struct ry_str){words, (size_t)n});
        (void)snprintf(host, sizeof host, "127.0.0.1:%u", parrot_port(parrot));
        (void)snprintf(url, sizeof url, "http://%s/clip.mp4", host);
        struct bed *bed = bed_new(&ry_downloader_spec, (bed_option[]){{"allowed_hosts", host}, {NULL, NULL}});
        struct ry_clip_work clip = {.clip_id = RY_STR("d1523646fd8f70dd6e199d427ae00606"),
                                    .guild_id = RY_STR("41771983423143937"),
                                    .channel_id = RY_STR("1424914917202464798"),
                                    .message_id = RY_STR("1297213456789012480"),
                                    .filename = RY_STR("clip.mp4"),
                                    .url = ry_str_of(url)};
        uint64_t id = BED_DELIVER(bed, thumbnail_make, (&(struct ry_thumbnail_make){.clips = {&clip, 1}}), NULL);
        while (bed_next_tag(bed) == RY_TAG_NONE)
            assert_true(bed_wait_engine(bed, 600000));
        assert_true(BED_EXPECT(bed, clip_failed)->reason.n > 0);
        bed_expect_done(bed, id);
        bed_free(bed);
        parrot_stop(parrot);
    }
}

static void a_folder_may_have_any_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAYINGS; i++) {
        char base[] = "/tmp/reelyard-text-XXXXXX", folder[128], name[64];
        assert_non_null(mkdtemp(base));
        /* What a console reads an overlong form as does not matter here: a name is bytes without a slash. */
        (void)snprintf(name, sizeof name, "%s", sayings[i].words);
        (void)snprintf(folder, sizeof folder, "%s/%s", base, name);
        struct bed *bed = bed_new(&ry_storage_spec, (bed_option[]){{"storage_path", folder}, {NULL, NULL}});
        char thumbnails[160];
        (void)snprintf(thumbnails, sizeof thumbnails, "%s/thumbnails/guild_1", folder);
        assert_int_equal(mkdir(thumbnails, 0700), 0);
        char link[224];
        (void)snprintf(link, sizeof link, "%s/d1523646fd8f70dd6e199d427ae00606_small.webp", thumbnails);
        assert_int_equal(mkdir(link, 0700), 0); /* no plain file */
        struct ry_thumbnail_read get = {.storage_path =
                                            RY_STR("thumbnails/guild_1/d1523646fd8f70dd6e199d427ae00606_small.webp")};
        uint64_t id = BED_DELIVER(bed, thumbnail_read, &get, NULL);
        expect_shown(i, BED_EXPECT(bed, thumbnail_data)->error);
        bed_expect_done(bed, id);
        bed_free(bed);
        char command[256];
        (void)snprintf(command, sizeof command, "rm -rf '%s'", base);
        assert_int_equal(system(command), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_words_of_postgresql_are_cut_between_characters),
        cmocka_unit_test(a_refused_connection_is_put_into_words),
        cmocka_unit_test(words_of_redis_reach_who_asked),
        cmocka_unit_test(a_server_of_videos_says_what_it_likes),
        cmocka_unit_test(a_folder_may_have_any_name),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    postgres_server_needed();
    postgres_server_make(&server);
    int failed = cmocka_run_group_tests_name("foreign text", tests, NULL, NULL);
    postgres_server_remove(&server);
    return failed;
}
