/* hosts.h: the list of hosts that videos may come from.
 *
 * Discord's two media hosts are always on it: https on port 443, public addresses only. What the operator adds
 * (REELYARD_ALLOWED_HOSTS) may also speak plain http and live at a private address, for exactly these hosts and ports:
 * an added host without a port means ports 80 and 443. Pure; a filled list may be read from any thread. */
#ifndef REELYARD_RUNTIME_NET_HOSTS_H
#define REELYARD_RUNTIME_NET_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"

#define RY_HOSTS_MAX     64
#define RY_HOST_NAME_MAX 255 /* bytes, the NUL included; RFC 1035 allows 253 */
#define RY_HOST_TEXT_MAX (RY_HOST_NAME_MAX + 8)
#define RY_HTTP_PORT     80
#define RY_HTTPS_PORT    443

struct ry_host {
    char name[RY_HOST_NAME_MAX]; /* lower case; an IPv6 literal without its brackets */
    uint16_t port;               /* 0: the scheme's own */
};

struct ry_hosts {
    struct ry_host added[RY_HOSTS_MAX];
    size_t n;
};

enum ry_host_rank {
    RY_HOST_REFUSED, /* not on the list, or not with this scheme and port */
    RY_HOST_PUBLIC,  /* may be fetched from, at public addresses */
    RY_HOST_ADDED    /* may be fetched from wherever it lives */
};

/* Fills the list from "host[:port],[ipv6]:port,..."; blanks around entries are ignored, "" adds nothing. RY_ECONFIG
 * names the entry that is wrong; *hosts is then empty. */
int ry_hosts_parse(struct ry_hosts *hosts, const char *list, struct ry_error *err);

/* What a URL's host and port are on this list. host in any case, an IPv6 literal with or without brackets. */
enum ry_host_rank ry_hosts_rank(const struct ry_hosts *hosts, struct ry_str host, uint16_t port, bool tls);

#endif
