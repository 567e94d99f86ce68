/* environment.c: the environment of a process of one role.
 *
 * The rows of options.def decide: a secret option reaches only the roles that it names. Of the other variables only an
 * allow-list is passed on, because any unknown one may be a password. Owns nothing; the caller frees the result. */
#include "runtime/config/config.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "runtime/config/option.h"

/* Largest environment: a few hundred variables, some of them as long as a value may be. */
#define ENVIRONMENT_MAX_BYTES ((size_t)1 << 20)
#define VARIABLES_MAX         1024

static const char *const harmless[] = {"PATH",           "HOME",           "USER",
                                       "LOGNAME",        "SHELL",          "LANG",
                                       "LANGUAGE",       "LC_*",           "TZ",
                                       "TZDIR",          "TMPDIR",         "TERM",
                                       "COLORTERM",      "NO_COLOR",       "SSL_CERT_FILE",
                                       "SSL_CERT_DIR",   "CURL_CA_BUNDLE", "MALLOC_*",
                                       "GLIBC_TUNABLES", "ASAN_OPTIONS",   "UBSAN_OPTIONS",
                                       "TSAN_OPTIONS",   "LSAN_OPTIONS",   "LD_LIBRARY_PATH",
                                       "LD_PRELOAD",     "http_proxy",     "https_proxy",
                                       "HTTPS_PROXY",    "no_proxy",       "NO_PROXY"};

/* Whether a list "a,b" names a role. */
static bool lists(const char *roles, const char *role)
{
    size_t n = strlen(role);
    while (*roles) {
        size_t word = strcspn(roles, ",");
        if (word == n && strncmp(roles, role, n) == 0)
            return true;
        roles += word + (roles[word] == ',');
    }
    return false;
}

static bool of_use(const char *variable, const char *role)
{
    char name[128];
    size_t n = strcspn(variable, "=");
    if (n >= sizeof name)
        return false;
    memcpy(name, variable, n);
    name[n] = '\0';
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (fnmatch(harmless[i], name, 0) == 0)
            return true;
    /* libpq reads these itself: PGPASSFILE, PGSSLMODE. */
    return lists("writer", role) && strncmp(name, "PG", 2) == 0;
}

/* Appends "NAME=value" and its NUL. */
static void add(struct ry_buf *text, size_t *count, const char *name, const char *value)
{
    (void)ry_buf_addf(text, name ? "%s=%s" : "%s%s", name ? name : "", value);
    (void)ry_buf_add(text, "", 1);
    (*count)++;
}

static void gather(const struct ry_config *config, const char *role, char *const *env, const char *settings_path,
                   struct ry_buf *text, size_t *count)
{
    for (; env && *env && *count < VARIABLES_MAX; env++)
        if (of_use(*env, role))
            add(text, count, NULL, *env);
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        const char *value = ry_config_text(config, (enum ry_option)i);
        if (i == RY_OPT_settings_path && settings_path)
            value = settings_path;
        if (i == RY_OPT_database || i == RY_OPT_queue)
            continue; /* told below, as they were decided */
        bool set = ry_config_source(config, (enum ry_option)i) != RY_SOURCE_DEFAULT || i == RY_OPT_settings_path;
        if (row->env && *value && set && (row->secret_of == NULL || lists(row->secret_of, role)))
            add(text, count, row->env, value);
    }
    /* Who may not know where database and queue are may still have to know of what kind. */
    add(text, count, ry_option_row(RY_OPT_database)->env, ry_config_has_postgres(config) ? "postgresql" : "sqlite");
    bool redis = *ry_config_str(config, RY_OPT_redis_url) != '\0';
    add(text, count, ry_option_row(RY_OPT_queue)->env, redis ? "redis" : "embedded");
}

/* Whether "NAME=value" sets an option that this role may not know. */
static bool is_secret(const char *variable, const char *role)
{
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        size_t n = row->env ? strlen(row->env) : 0;
        if (row->secret_of != NULL && n > 0 && strncmp(variable, row->env, n) == 0 && variable[n] == '=')
            return !lists(row->secret_of, role);
    }
    return false;
}

bool ry_config_env_has_secret(char *const *env, const char *role)
{
    for (; env && *env; env++)
        if (is_secret(*env, role))
            return true;
    return false;
}

char **ry_config_environment(const struct ry_config *config, const char *role, char *const *env,
                             const char *settings_path)
{
    RY_BUF_AUTO text = ry_buf_make(ENVIRONMENT_MAX_BYTES);
    size_t count = 0;
    gather(config, role, env, settings_path, &text, &count);
    char **out = text.failed ? NULL : malloc((count + 1) * sizeof *out + text.n);
    if (out == NULL)
        return NULL;
    char *at = (char *)(out + count + 1);
    if (text.n > 0)
        memcpy(at, text.p, text.n);
    for (size_t i = 0; i < count; i++) {
        out[i] = at;
        at += strlen(at) + 1;
    }
    out[count] = NULL;
    return out;
}
