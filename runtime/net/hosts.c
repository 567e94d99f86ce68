/* hosts.c: parsing and matching of the allowed hosts.
 *
 * Names are compared as bytes after folding ASCII case, never by suffix: "cdn.discordapp.com.example.net" and
 * "cdn.discordapp.com." are other hosts. */
#include "runtime/net/hosts.h"

#include <string.h>

/* Where Discord serves attachments: https://discord.com/developers/docs/reference#signed-attachment-cdn-urls */
static const char *const discord_hosts[] = {"cdn.discordapp.com", "media.discordapp.net"};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct ry_str trim(struct ry_str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct ry_str){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static struct ry_str unbracket(struct ry_str host)
{
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return (struct ry_str){host.p + 1, host.n - 2};
    return host;
}

static bool name_is(const char *name, struct ry_str host)
{
    if (strlen(name) != host.n)
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (name[i] != lower(host.p[i]))
            return false;
    return true;
}

static bool is_name_byte(char c, bool ipv6)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.')
        return true;
    return ipv6 ? c == ':' : c == '-' || c == '_';
}

/* Splits "host", "host:port", "[v6]" or "[v6]:port". */
static bool split_port(struct ry_str entry, struct ry_str *host, struct ry_str *port)
{
    *port = (struct ry_str){0};
    const char *from = entry.p;
    if (entry.n && entry.p[0] == '[') {
        from = memchr(entry.p, ']', entry.n);
        if (!from)
            return false;
    }
    const char *colon = memchr(from, ':', entry.n - (size_t)(from - entry.p));
    *host = colon ? (struct ry_str){entry.p, (size_t)(colon - entry.p)} : entry;
    if (colon)
        *port = (struct ry_str){colon + 1, entry.n - host->n - 1};
    return true;
}

static bool parse_entry(struct ry_str entry, struct ry_host *out)
{
    struct ry_str host;
    struct ry_str port_text;
    if (!split_port(entry, &host, &port_text))
        return false;
    uint64_t port = 0;
    if (port_text.p && (!ry_str_u64(port_text, &port) || port == 0 || port > UINT16_MAX))
        return false;
    struct ry_str bare = unbracket(host);
    bool ipv6 = bare.n != host.n;
    if (bare.n == 0 || bare.n >= sizeof out->name)
        return false;
    for (size_t i = 0; i < bare.n; i++) {
        out->name[i] = lower(bare.p[i]);
        if (!is_name_byte(out->name[i], ipv6))
            return false;
    }
    out->name[bare.n] = '\0';
    out->port = (uint16_t)port;
    return true;
}

int ry_hosts_parse(struct ry_hosts *hosts, const char *list, struct ry_error *err)
{
    *hosts = (struct ry_hosts){0};
    struct ry_hosts filled = {0};
    struct ry_str rest = ry_str_of(list);
    while (rest.n) {
        const char *comma = memchr(rest.p, ',', rest.n);
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        struct ry_str entry = trim((struct ry_str){rest.p, n});
        rest = (struct ry_str){rest.p + n + (comma != NULL), rest.n - n - (comma != NULL)};
        if (entry.n == 0)
            continue;
        if (filled.n == RY_HOSTS_MAX)
            return ry_fail(err, RY_ECONFIG, "the list of allowed hosts has more than %d entries", RY_HOSTS_MAX);
        if (!parse_entry(entry, &filled.added[filled.n++]))
            return ry_fail(err, RY_ECONFIG,
                           "the list of allowed hosts has \"%.*s\", which is not a host[:port]; write a name or an "
                           "address without scheme and path",
                           RY_STR_ARG(entry));
    }
    *hosts = filled;
    return RY_OK;
}

enum ry_host_rank ry_hosts_rank(const struct ry_hosts *hosts, struct ry_str host, uint16_t port, bool tls)
{
    struct ry_str bare = unbracket(host);
    for (size_t i = 0; i < hosts->n; i++) {
        const struct ry_host *added = &hosts->added[i];
        uint16_t wanted = added->port ? added->port : tls ? RY_HTTPS_PORT : RY_HTTP_PORT;
        if (wanted == port && name_is(added->name, bare))
            return RY_HOST_ADDED;
    }
    if (tls && port == RY_HTTPS_PORT)
        for (size_t i = 0; i < sizeof discord_hosts / sizeof *discord_hosts; i++)
            if (name_is(discord_hosts[i], bare))
                return RY_HOST_PUBLIC;
    return RY_HOST_REFUSED;
}
