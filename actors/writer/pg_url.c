/* pg_url.c: takes an address of PostgreSQL apart.
 *
 * Sources: https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING,
 * https://tortoise.github.io/databases.html#db-url */
#include "actors/writer/pg_url.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <strings.h>

#include "runtime/base/file_url.h"

static struct ry_str cut(struct ry_str s, size_t from, size_t to)
{
    return (struct ry_str){s.p + from, to - from};
}

/* Where the first of the characters stands; the end if none does. */
static size_t find(struct ry_str s, const char *characters)
{
    size_t at = 0;
    while (at < s.n && strchr(characters, s.p[at]) == NULL)
        at++;
    return at;
}

void pg_url_quote(struct ry_buf *out, const char *keyword, struct ry_str value)
{
    if (value.n == 0)
        return;
    ry_buf_addf(out, "%s='", keyword);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\'' || value.p[i] == '\\')
            ry_buf_add(out, "\\", 1);
        ry_buf_add(out, value.p + i, 1);
    }
    ry_buf_add(out, "' ", 2);
}

/* Decodes s into text, which holds all that an address may be long. A byte of zero is left out, for libpq's texts end
 * there. */
static struct ry_str decode(struct ry_str s, bool plus_is_blank, char text[static PG_URL_MAX_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int byte = s.p[i] == '%' ? ry_percent_byte(s, i) : -1;
        char c = byte >= 0 ? (char)byte : plus_is_blank && s.p[i] == '+' ? ' ' : s.p[i];
        if (byte >= 0)
            i += 2;
        if (c != '\0')
            text[n++] = c;
    }
    return (struct ry_str){text, n};
}

static void add(struct pg_url *url, const char *keyword, struct ry_str value, bool plus_is_blank)
{
    char text[PG_URL_MAX_BYTES];
    pg_url_quote(&url->conninfo, keyword, decode(value, plus_is_blank, text));
    explicit_bzero(text, sizeof text);
}

/* "a:1,[::1]:2,c" as host='a,::1,c' and port='1,2,'. */
static void read_hosts(struct pg_url *url, struct ry_str hosts)
{
    RY_BUF_AUTO names = ry_buf_make(PG_URL_MAX_BYTES);
    RY_BUF_AUTO ports = ry_buf_make(PG_URL_MAX_BYTES);
    bool any_port = false;
    for (size_t at = 0; at <= hosts.n;) {
        struct ry_str rest = cut(hosts, at, hosts.n);
        struct ry_str host = cut(rest, 0, find(rest, ","));
        at += host.n + 1;
        bool six = host.n > 0 && host.p[0] == '[';
        size_t end = six ? find(host, "]") : find(host, ":");
        struct ry_str name = cut(host, six ? 1 : 0, end);
        end += six && end < host.n;
        struct ry_str port = end < host.n && host.p[end] == ':' ? cut(host, end + 1, host.n) : RY_STR("");
        any_port |= port.n > 0;
        ry_buf_addf(&names, "%s%.*s", names.n > 0 ? "," : "", RY_STR_ARG(name));
        ry_buf_addf(&ports, "%s%.*s", host.p == hosts.p ? "" : ",", RY_STR_ARG(port));
    }
    add(url, "host", ry_buf_str(&names), false);
    if (any_port)
        add(url, "port", ry_buf_str(&ports), false);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static void ignore(struct pg_url *url, struct ry_str name)
{
    size_t n = strlen(url->ignored);
    snprintf(url->ignored + n, sizeof url->ignored - n, "%s%.*s", n > 0 ? ", " : "", RY_STR_ARG(name));
}

/* A whole number from 1 up ("300.0" is one: Tortoise's lifetimes are floats); 0 if it is none. */
static uint64_t whole_number(struct ry_str value, uint64_t max)
{
    uint64_t number = 0;
    size_t dot = find(value, ".");
    for (size_t i = dot + 1; i < value.n; i++)
        if (value.p[i] != '0')
            return 0;
    return ry_str_u64(cut(value, 0, dot), &number) && number <= max ? number : 0;
}

static bool is_one_of(struct ry_str value, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strlen(*words) == value.n && strncasecmp(*words, value.p, value.n) == 0)
            return true;
    return false;
}

/* Tortoise's and asyncpg's ssl= as libpq's sslmode=. False when the value means nothing to either. */
static bool take_ssl(struct pg_url *url, struct ry_str value)
{
    static const char *const on[] = {"true", "1", "yes", "on", NULL};
    static const char *const off[] = {"false", "0", "no", "off", NULL};
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
    if (is_one_of(value, on))
        value = RY_STR("require");
    else if (is_one_of(value, off))
        value = RY_STR("disable");
    else if (!is_one_of(value, modes))
        return false;
    pg_url_quote(&url->conninfo, "sslmode", value);
    return true;
}

static bool take_schema(struct pg_url *url, struct ry_str value)
{
    /* libpq splits options at blanks. */
    if (value.n == 0 || value.n > 200 || find(value, " \\") < value.n)
        return false;
    char text[256];
    int n = snprintf(text, sizeof text, "-csearch_path=%.*s", RY_STR_ARG(value));
    pg_url_quote(&url->conninfo, "options", (struct ry_str){text, (size_t)n});
    return true;
}

static bool take_pool(struct pg_pool_limits *pool, struct ry_str name, struct ry_str value)
{
    bool is_min = ry_str_is(name, "minsize") || ry_str_is(name, "min_size");
    bool is_max = ry_str_is(name, "maxsize") || ry_str_is(name, "max_size");
    uint64_t number = whole_number(value, is_min || is_max ? 1000 : 1000000000);
    if (number == 0)
        return false;
    if (is_min)
        pool->min = (unsigned)number;
    else if (is_max)
        pool->max = (unsigned)number;
    else if (ry_str_is(name, "max_queries"))
        pool->queries_max = number;
    else if (ry_str_is(name, "max_inactive_connection_lifetime"))
        pool->idle_max_s = (int64_t)number;
    else
        return false;
    return true;
}

static bool take_keyword(struct pg_url *url, struct ry_str name, struct ry_str value)
{
    PQconninfoOption *all = PQconndefaults();
    const char *keyword = NULL;
    for (PQconninfoOption *option = all; option != NULL && option->keyword != NULL && keyword == NULL; option++)
        if (ry_str_is(name, option->keyword))
            keyword = option->keyword;
    if (keyword != NULL)
        pg_url_quote(&url->conninfo, keyword, value);
    PQconninfoFree(all);
    return keyword != NULL;
}

static void read_parameters(struct pg_url *url, struct ry_str query)
{
    char text[PG_URL_MAX_BYTES];
    for (size_t at = 0; at < query.n;) {
        struct ry_str rest = cut(query, at, query.n);
        struct ry_str pair = cut(rest, 0, find(rest, "&"));
        at += pair.n + 1;
        struct ry_str name = cut(pair, 0, find(pair, "="));
        struct ry_str value = name.n < pair.n ? decode(cut(pair, name.n + 1, pair.n), false, text) : RY_STR("");
        if (name.n == 0)
            continue;
        bool known = ry_str_is(name, "ssl")      ? take_ssl(url, value)
                     : ry_str_is(name, "schema") ? take_schema(url, value)
                                                 : take_pool(&url->pool, name, value) || take_keyword(url, name, value);
        if (!known)
            ignore(url, name);
    }
    explicit_bzero(text, sizeof text);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* The length of the scheme with its "://"; 0 if it is none of PostgreSQL's. */
static size_t read_scheme(struct ry_str text, bool *plus_is_blank)
{
    static const char *const schemes[] = {"postgresql", "postgres", "asyncpg", "psycopg", NULL};
    size_t end = find(text, ":");
    struct ry_str name = cut(text, 0, find(cut(text, 0, end), "+"));
    if (text.n == 0 || !ry_str_starts(cut(text, end, text.n), RY_STR("://")) || !is_one_of(name, schemes))
        return 0;
    *plus_is_blank = strncasecmp(name.p, "postgres", strlen("postgres")) != 0;
    return end + 3;
}

int pg_url_read(struct pg_url *url, const char *text, struct ry_error *err)
{
    struct ry_str s = ry_str_of(text);
    bool plus_is_blank = false;
    size_t scheme = read_scheme(s, &plus_is_blank);
    *url = (struct pg_url){.conninfo = ry_buf_make(4 * PG_URL_MAX_BYTES)};
    if (s.n >= PG_URL_MAX_BYTES)
        return ry_fail(err, RY_ECONFIG, "DATABASE_URL is longer than %zu bytes", PG_URL_MAX_BYTES - 1);
    if (scheme == 0)
        return ry_fail(err, RY_ECONFIG,
                       "DATABASE_URL is not a PostgreSQL address: write postgresql://user:password@host:5432/name");
    s = cut(s, scheme, s.n);
    /* The last '@' before the path: one in a password that was not encoded does no harm. */
    size_t authority = find(s, "/?#");
    size_t login = authority;
    while (login > 0 && s.p[login - 1] != '@')
        login--;
    struct ry_str user = cut(s, 0, login > 0 ? login - 1 : 0);
    size_t colon = find(user, ":");
    add(url, "user", cut(user, 0, colon), false);
    if (colon < user.n)
        add(url, "password", cut(user, colon + 1, user.n), plus_is_blank);
    read_hosts(url, cut(s, login, authority));
    struct ry_str rest = cut(s, authority, s.n);
    rest.n = find(rest, "#");
    size_t query = find(rest, "?");
    if (query > 1)
        add(url, "dbname", cut(rest, 1, query), false);
    if (query < rest.n)
        read_parameters(url, cut(rest, query + 1, rest.n));
    return ry_buf_cstr(&url->conninfo) ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for the address in DATABASE_URL");
}

void pg_url_free(struct pg_url *url)
{
    if (url->conninfo.p != NULL)
        explicit_bzero(url->conninfo.p, url->conninfo.n);
    ry_buf_free(&url->conninfo);
}
