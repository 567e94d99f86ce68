/* redis_url.c: takes REDIS_URL apart; see redis_url.h.
 *
 * Owns nothing. The URL holds a password, so no error repeats any of it. */
#include "runtime/queue/redis_url.h"

#include "runtime/base/file_url.h"
#include "runtime/base/str.h"

#define DEFAULT_PORT 6379
#define FORM         "REDIS_URL must look like redis://[user:password@]host[:port][/number]"

/* Decodes s into a text of `room` bytes; false if it is malformed, too long or holds a NUL. */
static bool decode(struct ry_str s, char *text, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int byte = (unsigned char)s.p[i];
        if (byte == '%') {
            byte = ry_percent_byte(s, i);
            i += 2;
        }
        if (byte <= 0 || n + 1 >= room)
            return false;
        text[n++] = (char)byte;
    }
    text[n] = '\0';
    return true;
}

static struct ry_str cut(struct ry_str s, size_t from, size_t to)
{
    return (struct ry_str){s.p + from, to - from};
}

static size_t find(struct ry_str s, char c)
{
    const char *at = s.p != NULL ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

static int read_number(struct ry_str s, uint64_t max, unsigned *number, const char *what, struct ry_error *err)
{
    uint64_t value = 0;
    if (!ry_str_u64(s, &value) || value > max)
        return ry_fail(err, RY_ECONFIG, "%s of REDIS_URL is not a number up to %llu; " FORM, what,
                       (unsigned long long)max);
    *number = (unsigned)value;
    return RY_OK;
}

static int read_login(struct ry_redis_url *url, struct ry_str login, struct ry_error *err)
{
    size_t colon = find(login, ':');
    /* redis://word@host has a user and no password, which no server takes; redis-py reads it as a user too. */
    struct ry_str password = colon < login.n ? cut(login, colon + 1, login.n) : RY_STR("");
    if (!decode(cut(login, 0, colon), url->user, sizeof url->user) ||
        !decode(password, url->password, sizeof url->password))
        return ry_fail(
            err, RY_ECONFIG,
            "user or password of REDIS_URL is too long or badly percent-encoded; write @ as %%40, : as %%3A, "
            "/ as %%2F and %% as %%25");
    return RY_OK;
}

static int read_place(struct ry_redis_url *url, struct ry_str place, struct ry_error *err)
{
    struct ry_str host = place;
    struct ry_str port = {NULL, 0};
    if (place.n > 0 && place.p[0] == '[') {
        size_t end = find(place, ']');
        if (end == place.n || (end + 1 < place.n && place.p[end + 1] != ':'))
            return ry_fail(err, RY_ECONFIG, "the address in REDIS_URL has no end; " FORM);
        host = cut(place, 1, end);
        if (end + 1 < place.n)
            port = cut(place, end + 2, place.n);
    } else if (find(place, ':') < place.n) {
        host = cut(place, 0, find(place, ':'));
        port = cut(place, host.n + 1, place.n);
    }
    if (!decode(host, url->host, sizeof url->host))
        return ry_fail(err, RY_ECONFIG, "the host of REDIS_URL is too long or badly encoded; " FORM);
    if (url->host[0] == '\0')
        memcpy(url->host, "localhost", sizeof "localhost");
    return port.n == 0 ? RY_OK : read_number(port, 65535, &url->port, "the port", err);
}

int ry_redis_url_parse(struct ry_redis_url *url, const char *text, struct ry_error *err)
{
    static const struct ry_str plain = {"redis://", 8};
    struct ry_str s = ry_str_of(text);
    *url = (struct ry_redis_url){.port = DEFAULT_PORT};
    if (ry_str_starts(s, RY_STR("rediss://")))
        return ry_fail(err, RY_ECONFIG,
                       "REDIS_URL asks for TLS (rediss://), which this build cannot speak (hiredis 0.14); use redis:// "
                       "on a private network or through a TLS tunnel");
    if (!ry_str_starts(s, plain))
        return ry_fail(err, RY_ECONFIG, FORM);
    s = cut(s, plain.n, s.n);
    s = cut(s, 0, find(s, '?'));
    size_t slash = find(s, '/');
    struct ry_str number = slash < s.n ? cut(s, slash + 1, s.n) : (struct ry_str){NULL, 0};
    struct ry_str place = cut(s, 0, slash);
    const char *at = place.p == NULL ? NULL : memrchr(place.p, '@', place.n);
    int rc = RY_OK;
    if (at != NULL) {
        rc = read_login(url, cut(place, 0, (size_t)(at - place.p)), err);
        place = cut(place, (size_t)(at - place.p) + 1, place.n);
    }
    if (rc == RY_OK)
        rc = read_place(url, place, err);
    if (rc == RY_OK && number.n > 0)
        rc = read_number(number, 1000000, &url->database, "the database", err);
    return rc;
}
