/* place.c: where the archive and the queue are, and which option decided it, as text for logs and `status`.
 *
 * Owns nothing. Promises that no password of a URL appears in the text. */
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/utf8.h"
#include "runtime/config/config.h"

/* The part of an address behind user and password and before its parameters; false when nobody can tell where a
 * password ends. */
static bool print_address(const char *url, const char *kind, struct ry_place *place)
{
    const char *begin = strstr(url, "://"), *at = strrchr(url, '@'), *query = strchr(url, '?');
    if (begin == NULL || (at != NULL && query != NULL && at > query))
        return false;
    begin = at != NULL ? at + 1 : begin + 3;
    size_t n = strcspn(begin, "?#");
    struct ry_str address = {begin, n < 200 ? n : 200};
    (void)ry_utf8_print(place->where, sizeof place->where, "%s at %.*s", kind, RY_STR_ARG(address));
    return true;
}

static void say(struct ry_place *place, const char *where)
{
    (void)ry_utf8_print(place->where, sizeof place->where, "%s", where);
}

/* Of a server that is told by its parts. */
static void print_parts(const struct ry_config *config, struct ry_place *place)
{
    const char *host = ry_config_str(config, RY_OPT_db_host), *name = ry_config_str(config, RY_OPT_db_name);
    (void)ry_utf8_print(place->where, sizeof place->where, "PostgreSQL at %.120s:%s%s%.100s",
                        host[0] ? host : "localhost", ry_config_text(config, RY_OPT_db_port), name[0] ? "/" : "", name);
}

void ry_config_database_place(const struct ry_config *config, struct ry_place *place)
{
    const char *url = ry_config_str(config, RY_OPT_database_url);
    bool forced = strcmp(ry_config_str(config, RY_OPT_database), "auto") != 0;
    if (!ry_config_has_postgres(config)) {
        say(place, ry_config_str(config, RY_OPT_sqlite_path));
        place->why = forced ? "REELYARD_DATABASE" : "neither DATABASE_URL nor a DB_ variable is set";
    } else if (url[0] != '\0') {
        if (!print_address(url, "PostgreSQL", place))
            say(place, "PostgreSQL");
        place->why = "DATABASE_URL";
    } else {
        print_parts(config, place);
        place->why = ry_config_str(config, RY_OPT_db_host)[0] ? "DB_HOST"
                     : forced                                 ? "REELYARD_DATABASE; DB_HOST is not set"
                                                              : "a DB_ variable is set, and not DB_HOST";
    }
}

void ry_config_queue_place(const struct ry_config *config, struct ry_place *place)
{
    const char *url = ry_config_str(config, RY_OPT_redis_url);
    bool forced = strcmp(ry_config_str(config, RY_OPT_queue), "auto") != 0;
    if (url[0] == '\0') {
        (void)ry_utf8_print(place->where, sizeof place->where, "embedded, %s",
                            ry_config_str(config, RY_OPT_sqlite_path));
        place->why = forced ? "REELYARD_QUEUE" : "neither REDIS_URL nor PostgreSQL is set";
        return;
    }
    if (!print_address(url, "Redis", place))
        say(place, "Redis");
    place->why = ry_config_source(config, RY_OPT_redis_url) != RY_SOURCE_DEFAULT ? "REDIS_URL"
                 : forced
                     ? "REELYARD_QUEUE; REDIS_URL is not set"
                     : "usual beside PostgreSQL without REDIS_URL; REELYARD_QUEUE=embedded takes the node's own queue";
}

void ry_config_log_places(const struct ry_config *config)
{
    struct ry_place place;
    ry_config_database_place(config, &place);
    RY_LOG(RY_INFO, "database", "where=%s because=%s", place.where, place.why);
    ry_config_queue_place(config, &place);
    RY_LOG(RY_INFO, "queue", "where=%s because=%s", place.where, place.why);
}
