/* net_address_test.c: which addresses may be connected to. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "runtime/net/address.h"

struct row {
    const char *address;
    const char *what; /* NULL: public */
};

static const char *refusal(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return ry_address_refusal((const struct sockaddr *)&in, sizeof in);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        fail_msg("%s is not an address", text);
    return ry_address_refusal((const struct sockaddr *)&in6, sizeof in6);
}

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *what = refusal(rows[i].address);
        if (!what != !rows[i].what || (what && strcmp(what, rows[i].what) != 0))
            fail_msg("%s is %s, not %s", rows[i].address, what ? what : "public",
                     rows[i].what ? rows[i].what : "public");
    }
}

static void net_address_refuses_ipv4_that_is_not_public(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0.0.0.0", "unspecified"},
        {"0.255.255.255", "unspecified"},
        {"1.0.0.0", NULL},
        {"9.255.255.255", NULL},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"11.0.0.0", NULL},
        {"100.63.255.255", NULL},
        {"100.64.0.0", "shared (carrier-grade NAT)"},
        {"100.127.255.255", "shared (carrier-grade NAT)"},
        {"100.128.0.0", NULL},
        {"126.255.255.255", NULL},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.0", NULL},
        {"169.253.255.255", NULL},
        {"169.254.169.254", "link-local"},
        {"169.255.0.0", NULL},
        {"172.15.255.255", NULL},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", NULL},
        {"192.0.0.8", "reserved"},
        {"192.0.2.1", "for documentation"},
        {"192.88.99.1", "a 6to4 relay"},
        {"192.167.255.255", NULL},
        {"192.168.0.1", "private"},
        {"192.169.0.0", NULL},
        {"198.17.255.255", NULL},
        {"198.18.0.1", "for benchmarks"},
        {"198.19.255.255", "for benchmarks"},
        {"198.20.0.0", NULL},
        {"198.51.100.7", "for documentation"},
        {"203.0.113.7", "for documentation"},
        {"223.255.255.255", NULL},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.255", "reserved"},
        {"162.159.129.233", NULL}, /* cdn.discordapp.com, once */
    };
    check(rows, sizeof rows / sizeof *rows);
}

static void net_address_refuses_ipv6_that_is_not_public(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "reserved"},
        {"::127.0.0.1", "reserved"}, /* IPv4-compatible, long gone */
        {"fc00::1", "private (unique local)"},
        {"fdff:ffff::1", "private (unique local)"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "private (site-local)"},
        {"ff02::1", "multicast"},
        {"2001:db8::1", "for documentation"},
        {"2001:2::1", "reserved"},
        {"2001:1ff::1", "reserved"},
        {"2001:200::1", NULL},
        {"3fff::1", "for documentation"},
        {"3fff:1000::1", NULL},
        {"1fff:ffff::1", "reserved"},
        {"2000::1", NULL},
        {"3ffe::1", NULL},
        {"4000::1", "reserved"},
        {"64:ff9b:1::808:808", "reserved"}, /* NAT64 of a local network */
        {"2606:4700::6810:1", NULL},
    };
    check(rows, sizeof rows / sizeof *rows);
}

static void net_address_judges_what_hides_in_ipv6(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:169.254.169.254", "link-local"},
        {"::ffff:8.8.8.8", NULL},
        {"64:ff9b::10.0.0.1", "private"},
        {"64:ff9b::8.8.8.8", NULL},
        {"2002:7f00:1::1", "a 6to4 tunnel"},
        {"2002:808:808::1", "a 6to4 tunnel"},
        {"2001:0:808:808::f7f7:f7f7", "a Teredo tunnel"},
        {"2606:4700::5efe:192.168.1.1", "private"},
        {"2606:4700::200:5efe:127.0.0.1", "loopback"},
        {"2606:4700::5efe:8.8.8.8", NULL},
    };
    check(rows, sizeof rows / sizeof *rows);
}

static void net_address_refuses_what_is_no_internet_address(void **state)
{
    (void)state;
    const struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/docker.sock"};
    assert_non_null(ry_address_refusal((const struct sockaddr *)&un, sizeof un));
    struct sockaddr_in in = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, "8.8.8.8", &in.sin_addr), 1);
    assert_null(ry_address_refusal((const struct sockaddr *)&in, sizeof in));
    assert_non_null(ry_address_refusal((const struct sockaddr *)&in, sizeof in - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(net_address_refuses_ipv4_that_is_not_public),
        cmocka_unit_test(net_address_refuses_ipv6_that_is_not_public),
        cmocka_unit_test(net_address_judges_what_hides_in_ipv6),
        cmocka_unit_test(net_address_refuses_what_is_no_internet_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
