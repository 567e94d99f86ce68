/* listener.c: the listening socket and the addresses of clients.
 *
 * Owns nothing after listener_open returns the socket. Promises that only the configured address is bound, and that two
 * addresses of one IPv6 customer network compare equal. */
#include "actors/monitor/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Connections that have come and were not accepted yet; they are accepted at every turn. */
#define LISTEN_BACKLOG 128

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_address(const char *text, uint16_t port, union any_address *address, socklen_t *size)
{
    *address = (union any_address){0};
    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *size = sizeof address->v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        *size = sizeof address->v6;
        return true;
    }
    return false;
}

static bool is_loopback(const union any_address *address)
{
    if (address->any.sa_family == AF_INET)
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

int listener_open(struct listener *listener, const char *address, uint16_t port, struct ry_error *err)
{
    union any_address place;
    socklen_t size = 0;
    if (!parse_address(address, port, &place, &size))
        return ry_fail(err, RY_ECONFIG, "http-bind is '%s'; an IPv4 or IPv6 address or localhost is allowed", address);
    listener->loopback = is_loopback(&place);
    bool v6 = place.any.sa_family == AF_INET6;
    (void)snprintf(listener->url, sizeof listener->url, "http://%s%s%s:%u/", v6 ? "[" : "", address, v6 ? "]" : "",
                   (unsigned)port);
    int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    /* SO_REUSEADDR: a restart need not wait for connections of the previous incarnation to time out. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(fd, &place.any, size) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        int why = errno;
        if (fd >= 0)
            (void)close(fd);
        errno = why;
        return ry_fail(err, RY_ECONFIG, "cannot listen on %s: %m; choose another --http-port (0: no HTTP)",
                       listener->url);
    }
    listener->fd = fd;
    return RY_OK;
}

static struct peer peer_v4(const struct in_addr *address)
{
    struct peer peer = {{[10] = 0xFF, [11] = 0xFF}};
    memcpy(peer.bytes + 12, address, 4);
    return peer;
}

static struct peer peer_v6(const struct in6_addr *address)
{
    struct peer peer = {{0}};
    bool mapped = IN6_IS_ADDR_V4MAPPED(address);
    memcpy(peer.bytes, address, mapped ? 16 : 8);
    return peer;
}

struct peer peer_of(const struct sockaddr *address)
{
    union any_address any = {0};
    if (address->sa_family == AF_INET) {
        memcpy(&any.v4, address, sizeof any.v4);
        return peer_v4(&any.v4.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&any.v6, address, sizeof any.v6);
        return peer_v6(&any.v6.sin6_addr);
    }
    return (struct peer){{0}};
}

bool peer_parse(struct ry_str text, struct peer *peer)
{
    char copy[64];
    struct in_addr v4;
    struct in6_addr v6;
    for (; text.n > 0 && (*text.p == ' ' || *text.p == '\t'); text.p++)
        text.n--;
    while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text.n--;
    const char *bracket = text.n > 0 && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
    if (bracket != NULL)
        text = (struct ry_str){text.p + 1, (size_t)(bracket - text.p) - 1};
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    char *colon = strchr(copy, ':');
    if (colon != NULL && strchr(colon + 1, ':') == NULL)
        *colon = '\0'; /* of an IPv4 address's port */
    if (inet_pton(AF_INET, copy, &v4) == 1)
        *peer = peer_v4(&v4);
    else if (inet_pton(AF_INET6, copy, &v6) == 1)
        *peer = peer_v6(&v6);
    else
        return false;
    return true;
}

bool peer_same(const struct peer *a, const struct peer *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
