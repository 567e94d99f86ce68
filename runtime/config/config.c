/* Where values come from and which of them wins; what a value may be stands in option.c, the settings file is read in
 * settings.c.
 *
 * A source sets an option only if what stands there came from no stronger one, so that flags may be read before or
 * after the rest and the order of calls does not matter. A value that is overruled is still checked: an error in the
 * environment is told even when a flag hides it, because the next run may have no such flag. */
#include "runtime/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"
#include "runtime/config/option.h"
#include "runtime/config/settings.h"

#define CONFIG_MAGIC   0x52594346u
#define NODE_NAME_MAX  ((size_t)64)
#define HOST_NAME_SIZE 256

struct ry_config {
    unsigned magic;
    struct {
        struct ry_option_value value;
        enum ry_source source;
    } options[RY_OPT_COUNT];
};

static void config_check(const struct ry_config *config)
{
    RY_ASSERT(config != NULL && config->magic == CONFIG_MAGIC);
}

/* Checks text and takes it over unless a stronger source has spoken. */
static int config_take(struct ry_config *config, enum ry_option option, enum ry_source source, const char *text,
                       const char *place, struct ry_error *err)
{
    struct ry_option_value value = {.text = NULL};
    int rc = ry_option_parse(ry_option_row(option), text, place, &value, err);
    if (rc != RY_OK)
        return rc;
    if (source < config->options[option].source) {
        free(value.text);
        return RY_OK;
    }
    free(config->options[option].value.text);
    config->options[option].value = value;
    config->options[option].source = source;
    return RY_OK;
}

static int take_setting(void *arg, enum ry_option option, const char *text, const char *place, struct ry_error *err)
{
    return config_take(arg, option, RY_SOURCE_SETTINGS, text, place, err);
}

/* The value of a variable; NULL when it is unset or empty, which is the same here: `NAME= reelyard run` and an empty
 * line of an env file mean "not set". */
static const char *env_get(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return (*env)[n + 1] ? *env + n + 1 : NULL;
    return NULL;
}

static int take_environment(struct ry_config *config, char *const *env, struct ry_error *err)
{
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const char *name = ry_option_row((enum ry_option)i)->env;
        const char *text = name ? env_get(env, name) : NULL;
        if (text == NULL)
            continue;
        char place[128];
        (void)snprintf(place, sizeof place, "%s (environment)", name);
        int rc = config_take(config, (enum ry_option)i, RY_SOURCE_ENVIRONMENT, text, place, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

int ry_config_load(struct ry_config **config, char *const *env, struct ry_error *err)
{
    struct ry_config *made = calloc(1, sizeof *made);
    *config = made;
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the configuration");
    made->magic = CONFIG_MAGIC;
    int rc = RY_OK;
    for (unsigned i = 0; i < RY_OPT_COUNT && rc == RY_OK; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        rc = config_take(made, (enum ry_option)i, RY_SOURCE_DEFAULT, row->fallback, row->name, err);
    }
    if (rc == RY_OK)
        rc = take_environment(made, env, err);
    if (rc != RY_OK)
        ry_config_free(config);
    return rc;
}

/* The option whose flag is `name`; `negated` when it is a boolean's --no-NAME. RY_OPT_COUNT if none. */
static enum ry_option flag_find(struct ry_str name, bool *negated)
{
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        *negated = false;
        if (row->flag && ry_str_is(name, row->flag))
            return (enum ry_option)i;
        *negated = true;
        if (row->flag && row->type == RY_TYPE_BOOL && ry_str_starts(name, RY_STR("no-")) &&
            ry_str_is((struct ry_str){name.p + 3, name.n - 3}, row->flag))
            return (enum ry_option)i;
    }
    return RY_OPT_COUNT;
}

/* Takes the flag at argv[at], and its value; *used: how many words. */
static int take_flag(struct ry_config *config, int argc, char *const *argv, int at, int *used, struct ry_error *err)
{
    const char *word = argv[at] + 2;
    struct ry_str name = {word, strcspn(word, "=")};
    const char *text = word[name.n] == '=' ? word + name.n + 1 : NULL;
    bool negated = false;
    enum ry_option option = flag_find(name, &negated);
    if (option == RY_OPT_COUNT)
        return ry_fail(err, RY_ENOENT, "unknown option --%.*s", RY_STR_ARG(name));
    char place[64];
    (void)snprintf(place, sizeof place, "--%.*s", RY_STR_ARG(name));
    *used = 1;
    if (ry_option_row(option)->type == RY_TYPE_BOOL) {
        if (negated && text)
            return ry_fail(err, RY_EINVAL, "%s takes no value", place);
        text = text ? text : negated ? "false" : "true";
    } else if (text == NULL) {
        if (at + 1 == argc || strncmp(argv[at + 1], "--", 2) == 0)
            return ry_fail(err, RY_EINVAL, "%s needs a value", place);
        text = argv[at + 1];
        *used = 2;
    }
    return config_take(config, option, RY_SOURCE_FLAG, text, place, err);
}

int ry_config_flags(struct ry_config *config, int argc, char *const *argv, int first, int *next, struct ry_error *err)
{
    config_check(config);
    int at = first;
    int rc = RY_OK;
    while (rc == RY_OK && at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
        int used = 1;
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        rc = argv[at][1] == '-' ? take_flag(config, argc, argv, at, &used, err)
                                : ry_fail(err, RY_ENOENT, "unknown option %s", argv[at]);
        if (rc == RY_OK)
            at += used;
    }
    *next = at;
    return rc;
}

int ry_config_set(struct ry_config *config, enum ry_option option, const char *value, struct ry_error *err)
{
    config_check(config);
    return config_take(config, option, RY_SOURCE_FLAG, value, ry_option_row(option)->name, err);
}

/* Fills an empty option with what follows from others; its source stays "default". */
static int derive(struct ry_config *config, enum ry_option option, const char *text, struct ry_error *err)
{
    if (*ry_config_str(config, option))
        return RY_OK;
    return config_take(config, option, config->options[option].source, text, ry_option_row(option)->name, err);
}

static int derive_path(struct ry_config *config, enum ry_option option, const char *below, struct ry_error *err)
{
    char path[RY_OPTION_TEXT_MAX + 64];
    const char *data = ry_config_str(config, RY_OPT_data);
    size_t n = strlen(data);
    while (n > 1 && data[n - 1] == '/')
        n--;
    (void)snprintf(path, sizeof path, "%.*s/%s", (int)n, data, below);
    return derive(config, option, path, err);
}

static int finish_node(struct ry_config *config, struct ry_error *err)
{
    char host[HOST_NAME_SIZE] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        (void)snprintf(host, sizeof host, "localhost");
    host[strcspn(host, ".")] = '\0';
    host[strnlen(host, NODE_NAME_MAX)] = '\0';
    int rc = derive(config, RY_OPT_node, host, err);
    const char *node = ry_config_str(config, RY_OPT_node);
    if (rc == RY_OK && (strlen(node) > NODE_NAME_MAX || strchr(node, '/') || !ry_str_is_utf8(ry_str_of(node))))
        return ry_fail(err, RY_ECONFIG, "node: a name must be UTF-8 of at most %zu bytes without \"/\"", NODE_NAME_MAX);
    return rc;
}

/* Decides where jobs come from: redis_url is empty afterwards if not from Redis. Beside PostgreSQL no REDIS_URL means
 * what it means to the bot, a Redis on this host: a node that replaces the bot's worker must not wait on a queue of its
 * own that nobody fills. */
static int finish_queue(struct ry_config *config, struct ry_error *err)
{
    const char *queue = ry_config_str(config, RY_OPT_queue);
    bool embedded = strcmp(queue, "embedded") == 0;
    if (embedded)
        return ry_config_set(config, RY_OPT_redis_url, "", err);
    bool redis = strcmp(queue, "redis") == 0 || ry_config_has_postgres(config);
    return redis ? derive(config, RY_OPT_redis_url, RY_REDIS_URL_USUAL, err) : RY_OK;
}

int ry_config_finish(struct ry_config *config, struct ry_error *err)
{
    static const struct {
        enum ry_option option;
        const char *below;
    } paths[] = {{RY_OPT_sqlite_path, "reelyard.db"},
                 {RY_OPT_spool_path, "spool"},
                 {RY_OPT_heap_folder, "heap"},
                 {RY_OPT_storage_path, "storage"},
                 {RY_OPT_run_dir, "run"}};
    config_check(config);
    if (*ry_config_str(config, RY_OPT_data) == '\0')
        return ry_fail(err, RY_ECONFIG, "data: the name of the data folder is empty");
    const char *settings = ry_config_str(config, RY_OPT_settings_path);
    int rc = *settings ? ry_settings_read(settings, take_setting, config, err) : RY_OK;
    if (rc == RY_OK)
        rc = finish_node(config, err);
    for (size_t i = 0; i < sizeof paths / sizeof *paths && rc == RY_OK; i++)
        rc = derive_path(config, paths[i].option, paths[i].below, err);
    if (rc == RY_OK)
        rc = finish_queue(config, err);
    if (rc != RY_OK)
        return rc;
    if (ry_config_real(config, RY_OPT_db_retry_base_delay) > ry_config_real(config, RY_OPT_db_retry_max_delay))
        return ry_fail(err, RY_ECONFIG, "db_retry_base_delay (%s s) must not exceed db_retry_max_delay (%s s)",
                       config->options[RY_OPT_db_retry_base_delay].value.text,
                       config->options[RY_OPT_db_retry_max_delay].value.text);
    return RY_OK;
}

struct ry_config *ry_config_copy(const struct ry_config *config)
{
    config_check(config);
    struct ry_config *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *config;
    bool whole = true;
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        copy->options[i].value.text = strdup(config->options[i].value.text);
        whole = whole && copy->options[i].value.text;
    }
    if (!whole)
        ry_config_free(&copy);
    return copy;
}

void ry_config_free(struct ry_config **config)
{
    if (*config == NULL)
        return;
    config_check(*config);
    for (unsigned i = 0; i < RY_OPT_COUNT; i++)
        free((*config)->options[i].value.text);
    (*config)->magic = 0;
    free(*config);
    *config = NULL;
}

static const struct ry_option_value *value_of(const struct ry_config *config, enum ry_option option,
                                              enum ry_option_type type)
{
    config_check(config);
    const struct ry_option_row *row = ry_option_row(option);
    RY_ASSERT(row->type == type, "%s is of type %d, not %d", row->name, (int)row->type, (int)type);
    return &config->options[option].value;
}

const char *ry_config_str(const struct ry_config *config, enum ry_option option)
{
    bool choice = ry_option_row(option)->type == RY_TYPE_CHOICE;
    return value_of(config, option, choice ? RY_TYPE_CHOICE : RY_TYPE_STRING)->text;
}

int64_t ry_config_int(const struct ry_config *config, enum ry_option option)
{
    return value_of(config, option, RY_TYPE_INT)->integer;
}

double ry_config_real(const struct ry_config *config, enum ry_option option)
{
    return value_of(config, option, RY_TYPE_REAL)->real;
}

bool ry_config_bool(const struct ry_config *config, enum ry_option option)
{
    return value_of(config, option, RY_TYPE_BOOL)->truth;
}

bool ry_config_has_postgres(const struct ry_config *config)
{
    static const enum ry_option signs[] = {RY_OPT_database_url, RY_OPT_db_type,     RY_OPT_db_host,
                                           RY_OPT_db_user,      RY_OPT_db_password, RY_OPT_db_name};
    const char *database = ry_config_str(config, RY_OPT_database);
    bool signed_ = strcmp(database, "postgresql") == 0;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        signed_ = signed_ || ry_config_text(config, signs[i])[0] != '\0';
    return signed_ && strcmp(database, "sqlite") != 0;
}

size_t ry_config_ints(const struct ry_config *config, enum ry_option option, int64_t *values, size_t max)
{
    return ry_option_ints(value_of(config, option, RY_TYPE_INTS)->text, values, max);
}

const char *ry_config_text(const struct ry_config *config, enum ry_option option)
{
    config_check(config);
    (void)ry_option_row(option);
    return config->options[option].value.text;
}

enum ry_source ry_config_source(const struct ry_config *config, enum ry_option option)
{
    config_check(config);
    (void)ry_option_row(option);
    return config->options[option].source;
}

void ry_config_dump(const struct ry_config *config, struct ry_buf *out)
{
    static const char *const sources[] = {"default", "settings", "environment", "flag"};
    config_check(config);
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        const char *text = config->options[i].value.text;
        (void)ry_buf_addf(out, "%s=", row->name);
        size_t value = out->n;
        (void)ry_buf_add_str(out, ry_str_of(row->secret_of && *text ? "***" : text));
        if (out->n > value)
            ry_utf8_line(out->p + value, out->n - value);
        (void)ry_buf_addf(out, "  (%s)\n", sources[config->options[i].source]);
    }
}
