/* pg_address.c: reads where PostgreSQL is.
 *
 * libpq's own reader does the work (so every parameter of its manual may stand in the address, and several hosts),
 * after pg_url.c has turned what other clients write into what libpq knows. What it says of a bad address is not passed
 * on, since it quotes the address, and the password with it. Source:
 * https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING */
#include "actors/writer/pg_address.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* What stands there, or what Tortoise's configuration of the bot takes: over TCP, unless libpq's own environment says
 * it, "postgres". A socket's folder has libpq's defaults. */
static struct ry_str part(const struct ry_config *config, enum ry_option option, const char *variable)
{
    const char *value = ry_config_str(config, option);
    bool tcp = ry_config_str(config, RY_OPT_db_host)[0] != '/';
    return ry_str_of(value[0] == '\0' && tcp && getenv(variable) == NULL ? "postgres" : value);
}

static int join_parts(const struct ry_config *config, struct ry_buf *out, struct ry_error *err)
{
    const char *host = ry_config_str(config, RY_OPT_db_host);
    bool has_passfile = getenv("PGPASSFILE") != NULL;
    pg_url_quote(out, "host", ry_str_of(host[0] ? host : "localhost"));
    pg_url_quote(out, "port", ry_str_of(ry_config_text(config, RY_OPT_db_port)));
    pg_url_quote(out, "user", part(config, RY_OPT_db_user, "PGUSER"));
    pg_url_quote(out, "password",
                 has_passfile ? ry_str_of(ry_config_str(config, RY_OPT_db_password))
                              : part(config, RY_OPT_db_password, "PGPASSWORD"));
    pg_url_quote(out, "dbname", part(config, RY_OPT_db_name, "PGDATABASE"));
    return ry_buf_cstr(out) ? RY_OK : ry_fail(err, RY_ECONFIG, "the DB_* values are too long");
}

/* The configuration as libpq's keywords and values, and what it says of the pool. */
static int read_text(const struct ry_config *config, struct pg_url *url, struct ry_error *err)
{
    const char *text = ry_config_str(config, RY_OPT_database_url);
    if (text[0] != '\0')
        return pg_url_read(url, text, err);
    *url = (struct pg_url){.conninfo = ry_buf_make(4 * PG_URL_MAX_BYTES)};
    return join_parts(config, &url->conninfo, err);
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
    struct pg_url url;
    int rc = read_text(config, &url, err);
    PQconninfoOption *options = rc == RY_OK ? PQconninfoParse(ry_buf_cstr(&url.conninfo), NULL) : NULL;
    address->pool = url.pool;
    memcpy(address->ignored, url.ignored, sizeof address->ignored);
    pg_url_free(&url);
    if (rc != RY_OK)
        return rc;
    if (options == NULL)
        return ry_fail(err, RY_ECONFIG,
                       "libpq cannot read the address in %s: write postgresql://user:password@host:5432/name, special "
                       "characters as %%XX",
                       ry_config_str(config, RY_OPT_database_url)[0] ? "DATABASE_URL" : "DB_HOST and its fellows");
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
