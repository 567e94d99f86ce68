/* net_hosts_test.c: the list of allowed hosts, and the Content-Range header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "runtime/net/content_range.h"
#include "runtime/net/hosts.h"

static void net_hosts_rank_by_name_port_and_scheme(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *host;
        uint16_t port;
        bool tls;
        enum ry_host_rank rank;
    } rows[] = {
        {"", "cdn.discordapp.com", 443, true, RY_HOST_PUBLIC},
        {"", "CDN.DiscordApp.com", 443, true, RY_HOST_PUBLIC},
        {"", "media.discordapp.net", 443, true, RY_HOST_PUBLIC},
        {"", "cdn.discordapp.com", 80, false, RY_HOST_REFUSED},
        {"", "cdn.discordapp.com", 8443, true, RY_HOST_REFUSED},
        {"", "cdn.discordapp.com.", 443, true, RY_HOST_REFUSED},
        {"", "evil-cdn.discordapp.com", 443, true, RY_HOST_REFUSED},
        {"", "cdn.discordapp.com.evil.example", 443, true, RY_HOST_REFUSED},
        {"", "", 443, true, RY_HOST_REFUSED},
        {"media.example", "media.example", 443, true, RY_HOST_ADDED},
        {"media.example", "media.example", 80, false, RY_HOST_ADDED},
        {"media.example", "media.example", 8080, false, RY_HOST_REFUSED},
        {"Media.Example:8080", "media.example", 8080, false, RY_HOST_ADDED},
        {"media.example:8080", "media.example", 8080, true, RY_HOST_ADDED},
        {"media.example:8080", "media.example", 80, false, RY_HOST_REFUSED},
        {" a.example , ,b.example:81 ", "b.example", 81, false, RY_HOST_ADDED},
        {" a.example , ,b.example:81 ", "a.example", 443, true, RY_HOST_ADDED},
        {"[::1]:8080", "[::1]", 8080, false, RY_HOST_ADDED},
        {"[::1]:8080", "::1", 8080, false, RY_HOST_ADDED},
        {"[::1]", "[::1]", 80, false, RY_HOST_ADDED},
        {"127.0.0.1:9000", "127.0.0.1", 9000, false, RY_HOST_ADDED},
        {"cdn.discordapp.com", "cdn.discordapp.com", 80, false, RY_HOST_ADDED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ry_hosts hosts;
        struct ry_error err = {0};
        if (ry_hosts_parse(&hosts, rows[i].list, &err) != RY_OK)
            fail_msg("row %zu: %s", i, err.text);
        enum ry_host_rank rank = ry_hosts_rank(&hosts, ry_str_of(rows[i].host), rows[i].port, rows[i].tls);
        if (rank != rows[i].rank)
            fail_msg("row %zu: %s has rank %d", i, rows[i].host, rank);
    }
}

static void net_hosts_refuse_a_malformed_list(void **state)
{
    (void)state;
    static const char *const lists[] = {"http://a.example",
                                        "a.example/",
                                        "a.example:",
                                        "a.example:0",
                                        "a.example:65536",
                                        "a b.example",
                                        "ok.example,a:b:c",
                                        "[::1",
                                        "[]",
                                        "*.example",
                                        ":80",
                                        "user@a.example"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct ry_hosts hosts;
        struct ry_error err = {0};
        if (ry_hosts_parse(&hosts, lists[i], &err) != RY_ECONFIG)
            fail_msg("\"%s\" passes", lists[i]);
        assert_int_equal(hosts.n, 0);
        assert_true(err.text[0]);
    }
}

static void net_hosts_are_bounded(void **state)
{
    (void)state;
    char list[RY_HOSTS_MAX * 8 + 8] = "";
    size_t n = 0;
    for (unsigned i = 0; i < RY_HOSTS_MAX; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "h%u,", i);
    struct ry_hosts hosts;
    struct ry_error err = {0};
    assert_int_equal(ry_hosts_parse(&hosts, list, &err), RY_OK);
    assert_int_equal(hosts.n, RY_HOSTS_MAX);
    snprintf(list + n, sizeof list - n, "more");
    assert_int_equal(ry_hosts_parse(&hosts, list, &err), RY_ECONFIG);
}

static void net_content_range_reads_the_three_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct ry_content_range range;
    } rows[] = {
        {"bytes 0-99/1234", {true, true, 0, 99, 1234}},
        {"BYTES 5-5/6", {true, true, 5, 5, 6}},
        {"bytes 0-99/*", {true, false, 0, 99, 0}},
        {"bytes */1234", {false, true, 0, 0, 1234}},
        {"bytes */0", {false, true, 0, 0, 0}},
        {"bytes 0-9223372036854775806/9223372036854775807", {true, true, 0, INT64_MAX - 1, INT64_MAX}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ry_content_range got = {0};
        if (!ry_content_range_parse(ry_str_of(rows[i].text), &got))
            fail_msg("\"%s\" does not pass", rows[i].text);
        const struct ry_content_range *want = &rows[i].range;
        assert_int_equal(got.has_bytes, want->has_bytes);
        assert_int_equal(got.has_total, want->has_total);
        assert_int_equal(got.first, want->first);
        assert_int_equal(got.last, want->last);
        assert_int_equal(got.total, want->total);
    }
}

static void net_content_range_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "bytes",
                                        "bytes ",
                                        "bytes 0-99",
                                        "bytes 0-/100",
                                        "bytes -99/100",
                                        "bytes 99-0/100",
                                        "bytes 0-100/100",
                                        "bytes */*",
                                        "bytes 0-9/10 ",
                                        "bytes  0-9/10",
                                        "bytes 0x0-9/10",
                                        "bytes +0-9/10",
                                        "items 0-9/10",
                                        "bytes 0-9223372036854775808/*",
                                        "bytes 0-18446744073709551616/*",
                                        "bytes 0-9/-1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ry_content_range range = {.first = 42};
        if (ry_content_range_parse(ry_str_of(texts[i]), &range))
            fail_msg("\"%s\" passes", texts[i]);
        assert_int_equal(range.first, 42);
    }
    struct ry_content_range range;
    assert_false(ry_content_range_parse((struct ry_str){0}, &range));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(net_hosts_rank_by_name_port_and_scheme),
        cmocka_unit_test(net_hosts_refuse_a_malformed_list),
        cmocka_unit_test(net_hosts_are_bounded),
        cmocka_unit_test(net_content_range_reads_the_three_forms),
        cmocka_unit_test(net_content_range_refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
