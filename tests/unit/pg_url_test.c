/* pg_url_test.c: DATABASE_URL in the forms of PostgreSQL's other clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/writer/pg_url.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void an_address_becomes_keywords_and_values(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *conninfo;
    } cases[] = {
        {"postgresql://u:p@h:1/n", "user='u' password='p' host='h' port='1' dbname='n' "},
        {"postgres://u:p@h/n", "user='u' password='p' host='h' dbname='n' "},
        {"asyncpg://u:p@h/n", "user='u' password='p' host='h' dbname='n' "},
        {"psycopg://u:p@h/n", "user='u' password='p' host='h' dbname='n' "},
        {"postgresql+asyncpg://u:p@h/n", "user='u' password='p' host='h' dbname='n' "},
        {"postgresql+psycopg2://u@h", "user='u' host='h' "},
        {"POSTGRES://h", "host='h' "},
        {"postgresql://", ""},
        {"postgresql:///n?host=/run/pg", "dbname='n' host='/run/pg' "},
        {"postgresql://u@%2Frun%2Fpg/n", "user='u' host='/run/pg' dbname='n' "},
        {"postgresql://[::1]:5433/n", "host='::1' port='5433' dbname='n' "},
        {"postgresql://a:1,[::1]:2,c/n", "host='a,::1,c' port='1,2,' dbname='n' "},
        {"postgresql://u:p@h/n#part", "user='u' password='p' host='h' dbname='n' "},
        /* passwords */
        {"postgresql://u:p%40%2F%3A%25@h", "user='u' password='p@/:%' host='h' "},
        {"postgresql://u:%C3%A9@h", "user='u' password='\xC3\xA9' host='h' "},
        {"postgresql://u:100%@h", "user='u' password='100%' host='h' "},
        {"postgresql://u:%zz@h", "user='u' password='%zz' host='h' "},
        {"postgresql://u:a%00b@h", "user='u' password='ab' host='h' "},
        {"postgresql://u:a@b@h", "user='u' password='a@b' host='h' "},
        {"postgresql://u:a:b@h", "user='u' password='a:b' host='h' "},
        {"postgresql://u:[x]@h", "user='u' password='[x]' host='h' "},
        {"postgresql://u:it's\\@h", "user='u' password='it\\'s\\\\' host='h' "},
        {"postgresql://u:a+b@h", "user='u' password='a+b' host='h' "},
        {"postgres://u:a+b@h", "user='u' password='a+b' host='h' "},
        {"asyncpg://u:a+b%2B@h", "user='u' password='a b+' host='h' "},
        {"postgresql://us%40er:@h", "user='us@er' host='h' "},
        /* parameters */
        {"postgresql://h/n?sslmode=require", "host='h' dbname='n' sslmode='require' "},
        {"postgresql://h/n?application_name=a%20b&connect_timeout=3",
         "host='h' dbname='n' application_name='a b' connect_timeout='3' "},
        {"postgres://h/n?ssl=true", "host='h' dbname='n' sslmode='require' "},
        {"postgres://h/n?ssl=False", "host='h' dbname='n' sslmode='disable' "},
        {"postgres://h/n?ssl=verify-full", "host='h' dbname='n' sslmode='verify-full' "},
        {"postgres://h/n?schema=clips", "host='h' dbname='n' options='-csearch_path=clips' "},
        {"postgres://h/n?&&x&=1", "host='h' dbname='n' "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pg_url url;
        struct ry_error err = {.text = ""};
        int rc = pg_url_read(&url, cases[i].url, &err);
        if (rc != RY_OK)
            fail_msg("%s: %s", cases[i].url, err.text);
        const char *conninfo = ry_buf_cstr(&url.conninfo);
        if (strcmp(conninfo, cases[i].conninfo) != 0)
            fail_msg("%s: %s", cases[i].url, conninfo);
        pg_url_free(&url);
    }
}

static void parameters_of_other_clients_are_taken_or_named(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        struct pg_pool_limits pool;
        const char *ignored;
    } cases[] = {
        {"minsize=1&maxsize=20", {.min = 1, .max = 20}, ""},
        {"min_size=2&max_size=4", {.min = 2, .max = 4}, ""},
        {"max_queries=500&max_inactive_connection_lifetime=12.0", {.queries_max = 500, .idle_max_s = 12}, ""},
        {"maxsize=5&maxsize=6", {.max = 6}, ""},
        {"maxsize=many&minsize=-1&max_queries=0", {0}, "maxsize, minsize, max_queries"},
        {"maxsize=100000&max_inactive_connection_lifetime=0.5", {0}, "maxsize, max_inactive_connection_lifetime"},
        {"statement_cache_size=0&timeout=3&command_timeout=60", {0}, "statement_cache_size, timeout, command_timeout"},
        {"ssl=perhaps&schema=a%20b&pgbouncer=true", {0}, "ssl, schema, pgbouncer"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        struct pg_url url;
        struct ry_error err = {.text = ""};
        snprintf(text, sizeof text, "postgres://h/n?%s", cases[i].query);
        assert_int_equal(pg_url_read(&url, text, &err), RY_OK);
        assert_int_equal(url.pool.min, cases[i].pool.min);
        assert_int_equal(url.pool.max, cases[i].pool.max);
        assert_int_equal(url.pool.queries_max, cases[i].pool.queries_max);
        assert_int_equal(url.pool.idle_max_s, cases[i].pool.idle_max_s);
        assert_string_equal(url.ignored, cases[i].ignored);
        pg_url_free(&url);
    }
}

static void a_long_list_of_strange_parameters_is_cut(void **state)
{
    (void)state;
    char text[3000] = "postgres://h/n?";
    struct pg_url url;
    struct ry_error err;
    for (int i = 0; i < 200; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "strange%d=1&", i);
    assert_int_equal(pg_url_read(&url, text, &err), RY_OK);
    assert_int_equal(strlen(url.ignored), sizeof url.ignored - 1);
    pg_url_free(&url);
}

static void what_is_no_address_of_postgresql_is_refused_unquoted(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "s3cret",
                                        "mysql://u:s3cret@h/n",
                                        "sqlite://s3cret",
                                        "postgresqlx://u:s3cret@h",
                                        "post://u:s3cret@h",
                                        "postgresql:/u:s3cret@h",
                                        "postgres:s3cret@h"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pg_url url;
        struct ry_error err = {.text = ""};
        assert_int_equal(pg_url_read(&url, cases[i], &err), RY_ECONFIG);
        assert_null(strstr(err.text, "s3cret"));
        pg_url_free(&url);
    }
    char text[PG_URL_MAX_BYTES + 1];
    struct pg_url url;
    struct ry_error err;
    memset(text, 'x', sizeof text);
    memcpy(text, "postgres://", 11);
    text[PG_URL_MAX_BYTES] = '\0';
    assert_int_equal(pg_url_read(&url, text, &err), RY_ECONFIG);
    pg_url_free(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_becomes_keywords_and_values),
        cmocka_unit_test(parameters_of_other_clients_are_taken_or_named),
        cmocka_unit_test(a_long_list_of_strange_parameters_is_cut),
        cmocka_unit_test(what_is_no_address_of_postgresql_is_refused_unquoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
