/* access.c: who may see the page: comparing tokens, and reading the host and cookie of a request.
 *
 * Owns nothing; pure functions on hostile input. Promises that the time of a comparison depends on the length of what
 * was sent, not on how much of the token it matches. */
#include "actors/monitor/access.h"

#include <strings.h>

bool access_same(struct ry_str a, struct ry_str b)
{
    /* Every byte of a is looked at, whatever b is; b's length shows, its contents do not. */
    unsigned char differ = a.n != b.n || b.n == 0;
    for (size_t i = 0; i < a.n; i++)
        differ |= (unsigned char)((unsigned char)a.p[i] ^ (unsigned char)(b.n ? b.p[i % b.n] : 0));
    return differ == 0;
}

struct ry_str access_bearer(const char *header)
{
    static const char scheme[] = "Bearer ";
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return (struct ry_str){NULL, 0};
    return ry_str_of(header + sizeof scheme - 1);
}

static void hex(struct ry_str token, struct ry_buf *out)
{
    for (size_t i = 0; i < token.n; i++)
        (void)ry_buf_addf(out, "%02x", (unsigned)(unsigned char)token.p[i]);
}

bool access_cookie(struct ry_str token, const char *value)
{
    RY_BUF_AUTO wanted = ry_buf_make(2 * token.n + 1);
    hex(token, &wanted);
    return !wanted.failed && access_same(ry_str_of(value), ry_buf_str(&wanted));
}

void access_set_cookie(struct ry_str token, struct ry_buf *out)
{
    (void)ry_buf_add_str(out, RY_STR(ACCESS_COOKIE "="));
    hex(token, out);
    (void)ry_buf_add_str(out, RY_STR("; HttpOnly; SameSite=Lax; Path=/"));
}

bool access_host_is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    if (host == NULL)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
            return true;
    }
    return false;
}

/* Whether an Origin names the host that was asked. Its scheme does not count: a proxy may speak TLS for this server. */
static bool is_same_origin(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    return at && host && strcasecmp(at + 3, host) == 0;
}

const char *access_refuses(const struct access_change *change)
{
    if (change->fetch_site && strcmp(change->fetch_site, "same-origin") != 0)
        return "a change is only taken from this archive's own page";
    /* A browser that says where it is from by the first header has said it there. */
    if (change->fetch_site == NULL && change->origin && !is_same_origin(change->origin, change->host))
        return "a change is only taken from this archive's own page";
    if (!change->bearer && !access_same(change->given, change->wanted))
        return "the page is from before the node started again; reload it and repeat";
    return NULL;
}
