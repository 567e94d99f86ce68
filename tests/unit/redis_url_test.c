/* redis_url_test.c: what REDIS_URL may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/str.h"
#include "runtime/queue/redis_url.h"

static void redis_url_is_taken_apart(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *host;
        unsigned port;
        const char *user;
        const char *password;
        unsigned database;
    } cases[] = {
        {"redis://localhost:6379", "localhost", 6379, "", "", 0},
        {"redis://cache", "cache", 6379, "", "", 0},
        {"redis://", "localhost", 6379, "", "", 0},
        {"redis://cache/", "cache", 6379, "", "", 0},
        {"redis://:word@cache:1/2", "cache", 1, "", "word", 2},
        {"redis://me:p%40ss%3aw%2Frd%25@cache/15", "cache", 6379, "me", "p@ss:w/rd%", 15},
        {"redis://me:a@b@cache", "cache", 6379, "me", "a@b", 0},
        {"redis://[2001:db8::1]:7000/1", "2001:db8::1", 7000, "", "", 1},
        {"redis://[::1]", "::1", 6379, "", "", 0},
        {"redis://cache:6379/0?protocol=2", "cache", 6379, "", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_redis_url url;
        struct ry_error err = {0};
        if (ry_redis_url_parse(&url, cases[i].text, &err) != RY_OK)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_string_equal(url.user, cases[i].user);
        assert_string_equal(url.password, cases[i].password);
        assert_int_equal(url.database, cases[i].database);
    }
}

static void redis_url_is_refused_without_its_password(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"rediss://me:secret@cache", "TLS"},
        {"http://me:secret@cache", "must look like"},
        {"", "must look like"},
        {"redis://me:secret@cache:99999", "the port"},
        {"redis://me:secret@cache:x", "the port"},
        {"redis://me:secret@cache/first", "the database"},
        {"redis://me:secret%@cache", "percent-encoded"},
        {"redis://me:secret%4@cache", "percent-encoded"},
        {"redis://me:secret%00@cache", "percent-encoded"},
        {"redis://me:secret@[::1", "no end"},
        {"redis://me:secret@[::1]6379", "no end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_redis_url url;
        struct ry_error err = {0};
        int rc = ry_redis_url_parse(&url, cases[i].text, &err);
        if (rc != RY_ECONFIG || strstr(err.text, cases[i].says) == NULL || strstr(err.text, "secret") != NULL)
            fail_msg("%s: %d, %s", cases[i].text, rc, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_url_is_taken_apart),
        cmocka_unit_test(redis_url_is_refused_without_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
