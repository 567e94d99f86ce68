/* pg_address.c: reads where PostgreSQL is.
 *
 * libpq's own reader does the work (so every parameter of its manual may stand in the address, and several hosts),
 * after what other clients write has been turned into what libpq knows. What it says of a bad address is not passed on,
 * since it quotes the address, and the password with it. Source:
 * https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING */
#include "actors/writer/pg_address.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#define URL_MAX_BYTES 4096

/* "postgresql+asyncpg://..." without the driver, and SQLAlchemy's "ssl=" as libpq's "sslmode=". */
static int normalize(const char *url, struct ry_buf *out, struct ry_error *err)
{
    const char *rest = strstr(url, "://");
    size_t scheme = rest ? (size_t)(rest - url) : 0;
    size_t name = strcspn(url, "+:");
    bool known = rest != NULL && name <= scheme &&
                 ((name == 10 && memcmp(url, "postgresql", 10) == 0) || (name == 8 && memcmp(url, "postgres", 8) == 0));
    if (!known)
        return ry_fail(err, RY_ECONFIG,
                       "DATABASE_URL is no PostgreSQL address: write postgresql://user:password@host:5432/name");
    ry_buf_add_str(out, RY_STR("postgresql"));
    for (const char *p = rest; *p != '\0'; p++) {
        bool asks_ssl = (*p == '?' || *p == '&') && strncmp(p + 1, "ssl=", 4) == 0 && strncmp(p + 5, "true", 4) != 0;
        ry_buf_add(out, p, 1);
        if (asks_ssl) {
            ry_buf_add_str(out, RY_STR("sslmode="));
            p += 4;
        }
    }
    return ry_buf_cstr(out) ? RY_OK : ry_fail(err, RY_ECONFIG, "DATABASE_URL is longer than %d bytes", URL_MAX_BYTES);
}

static void quote(struct ry_buf *out, const char *keyword, const char *value)
{
    if (value[0] == '\0')
        return;
    ry_buf_addf(out, "%s='", keyword);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\')
            ry_buf_add(out, "\\", 1);
        ry_buf_add(out, p, 1);
    }
    ry_buf_add(out, "' ", 2);
}

static int join_parts(const struct ry_config *config, struct ry_buf *out, struct ry_error *err)
{
    char port[24];
    snprintf(port, sizeof port, "%" PRId64, ry_config_int(config, RY_OPT_db_port));
    const char *host = ry_config_str(config, RY_OPT_db_host);
    quote(out, "host", host[0] ? host : "localhost");
    quote(out, "port", port);
    quote(out, "user", ry_config_str(config, RY_OPT_db_user));
    quote(out, "password", ry_config_str(config, RY_OPT_db_password));
    quote(out, "dbname", ry_config_str(config, RY_OPT_db_name));
    return ry_buf_cstr(out) ? RY_OK
                            : ry_fail(err, RY_ECONFIG, "the DB_* values are longer than %d bytes", URL_MAX_BYTES);
}

static const char *find(const struct pg_address *address, const char *keyword)
{
    for (size_t i = 0; address->keywords[i] != NULL; i++)
        if (strcmp(address->keywords[i], keyword) == 0)
            return address->values[i];
    return NULL;
}

static void take(struct pg_address *address, size_t *n, const char *keyword, const char *value)
{
    if (*n == PG_ADDRESS_OPTIONS_MAX)
        return;
    address->keywords[*n] = keyword;
    address->values[*n] = value;
    *n += 1;
}

int pg_address_read(const struct ry_config *config, struct pg_address *address, struct ry_error *err)
{
    *address = (struct pg_address){0};
    RY_BUF_AUTO text = ry_buf_make(URL_MAX_BYTES);
    const char *url = ry_config_str(config, RY_OPT_database_url);
    const char *source = url[0] ? "DATABASE_URL" : "DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME";
    int rc = url[0] ? normalize(url, &text, err) : join_parts(config, &text, err);
    if (rc != RY_OK)
        return rc;
    PQconninfoOption *options = PQconninfoParse(ry_buf_cstr(&text), NULL);
    if (text.p != NULL)
        explicit_bzero(text.p, text.n);
    if (options == NULL)
        return ry_fail(err, RY_ECONFIG,
                       "libpq cannot read the address in %s: write postgresql://user:password@host:5432/name, special "
                       "characters as %%XX, and only parameters of libpq behind '?'",
                       source);
    address->parsed = options;
    size_t n = 0;
    for (PQconninfoOption *option = options; option->keyword != NULL; option++)
        if (option->val != NULL && strcmp(option->keyword, "client_encoding") != 0)
            take(address, &n, option->keyword, option->val);
    take(address, &n, "client_encoding", "UTF8");
    take(address, &n, "fallback_application_name", "reelyard");
    const char *host = find(address, "host"), *port = find(address, "port"), *name = find(address, "dbname");
    const char *user = find(address, "user");
    snprintf(address->where, sizeof address->where, "%s:%s/%s", host ? host : "localhost", port ? port : "5432",
             name   ? name
             : user ? user
                    : "");
    return RY_OK;
}

bool pg_address_eq(const struct pg_address *a, const struct pg_address *b)
{
    size_t i = 0;
    for (; a->keywords[i] != NULL && b->keywords[i] != NULL; i++)
        if (strcmp(a->keywords[i], b->keywords[i]) != 0 || strcmp(a->values[i], b->values[i]) != 0)
            return false;
    return a->keywords[i] == NULL && b->keywords[i] == NULL;
}

void pg_address_free(struct pg_address *address)
{
    PQconninfoFree(address->parsed);
    *address = (struct pg_address){0};
}
