/* address.c: the tables of special addresses, and the walk through what hides inside others.
 *
 * IPv4 is refused by a list of what is not public. IPv6 is the other way round: only 2000::/3 is handed out as public
 * at all, so everything outside it is refused, and a list names what is not public inside it. */
#include "runtime/net/address.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct block {
    uint8_t prefix[16];
    unsigned bits;
    const char *what;
};

static const struct block ipv4_special[] = {
    {{0}, 8, "unspecified"},
    {{10}, 8, "private"},
    {{100, 64}, 10, "shared (carrier-grade NAT)"},
    {{127}, 8, "loopback"},
    {{169, 254}, 16, "link-local"},
    {{172, 16}, 12, "private"},
    {{192, 0, 0}, 24, "reserved"},
    {{192, 0, 2}, 24, "for documentation"},
    {{192, 88, 99}, 24, "a 6to4 relay"},
    {{192, 168}, 16, "private"},
    {{198, 18}, 15, "for benchmarks"},
    {{198, 51, 100}, 24, "for documentation"},
    {{203, 0, 113}, 24, "for documentation"},
    {{224}, 4, "multicast"},
    {{240}, 4, "reserved"}, /* broadcast included */
};

/* In order: the first match counts. */
static const struct block ipv6_special[] = {
    {{[15] = 0}, 128, "unspecified"},
    {{[15] = 1}, 128, "loopback"},
    {{0xfc}, 7, "private (unique local)"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "private (site-local)"},
    {{0xff}, 8, "multicast"},
    {{0x20, 0x01, 0x00, 0x00}, 32, "a Teredo tunnel"},
    {{0x20, 0x01, 0x00}, 23, "reserved"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "for documentation"},
    {{0x20, 0x02}, 16, "a 6to4 tunnel"},
    {{0x3f, 0xff, 0x00}, 20, "for documentation"},
};

static const struct block ipv6_public = {{0x20}, 3, NULL};

/* IPv6 addresses whose last four bytes are the IPv4 address that is really meant. */
static const struct block ipv6_embedding[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, "IPv4-mapped"},
    {{0x00, 0x64, 0xff, 0x9b}, 96, "NAT64"},
};

static bool block_holds(const struct block *block, const uint8_t *bytes)
{
    unsigned whole = block->bits / 8;
    unsigned rest = block->bits % 8;
    if (memcmp(block->prefix, bytes, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || ((block->prefix[whole] ^ bytes[whole]) & mask) == 0;
}

static const char *refuse_ipv4(const uint8_t bytes[4])
{
    for (size_t i = 0; i < sizeof ipv4_special / sizeof *ipv4_special; i++)
        if (block_holds(&ipv4_special[i], bytes))
            return ipv4_special[i].what;
    return NULL;
}

/* An ISATAP interface identifier (0000:5efe or 0200:5efe, then the IPv4 address) tunnels out of any prefix. */
static bool is_isatap(const uint8_t bytes[16])
{
    return (bytes[8] & 0xfd) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

static const char *refuse_ipv6(const uint8_t bytes[16])
{
    for (size_t i = 0; i < sizeof ipv6_embedding / sizeof *ipv6_embedding; i++)
        if (block_holds(&ipv6_embedding[i], bytes))
            return refuse_ipv4(bytes + 12);
    for (size_t i = 0; i < sizeof ipv6_special / sizeof *ipv6_special; i++)
        if (block_holds(&ipv6_special[i], bytes))
            return ipv6_special[i].what;
    if (!block_holds(&ipv6_public, bytes))
        return "reserved";
    return is_isatap(bytes) ? refuse_ipv4(bytes + 12) : NULL;
}

const char *ry_address_refusal(const struct sockaddr *address, socklen_t length)
{
    if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return refuse_ipv4((const uint8_t *)&in.sin_addr);
    }
    if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        return refuse_ipv6(in6.sin6_addr.s6_addr);
    }
    return "not an internet address";
}
