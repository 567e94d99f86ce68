/* config.h: every option, declared once in options.def, read from flag, environment, settings file and default, in this
 * order.
 *
 * A ry_config is a snapshot: filled once, checked as a whole, then never changed; each instance has the one it was
 * started with. */
#ifndef REELYARD_RUNTIME_CONFIG_CONFIG_H
#define REELYARD_RUNTIME_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

struct ry_config;

/* Options by name: RY_OPT_data is `--data`, REELYARD_DATA. */
enum ry_option {
#define OPTION(name, type, env, flag, setting, fallback, min, max, unit, secret_of, doc) RY_OPT_##name,
#include "runtime/config/options.def"
#undef OPTION
    RY_OPT_COUNT
};

enum ry_source { RY_SOURCE_DEFAULT, RY_SOURCE_SETTINGS, RY_SOURCE_ENVIRONMENT, RY_SOURCE_FLAG };

/* Defaults and the environment (an envp array; a variable that is empty counts as unset). On error (RY_ECONFIG) names
 * the variable, the value (never a secret) and what is allowed. */
int ry_config_load(struct ry_config **config, char *const *env, struct ry_error *err);

/* Takes the options that begin argv[first..argc) (`--name value`, `--name=value`, `--flag` for booleans) and stops at
 * the first word that is none or behind `--`; *next is its index. An option that the table does not know is left to the
 * caller: RY_ENOENT and *next on it. RY_EINVAL when a value is missing (a word that begins with -- is none;
 * `--name=--x` works), RY_ECONFIG when it is not allowed. */
int ry_config_flags(struct ry_config *config, int argc, char *const *argv, int first, int *next, struct ry_error *err);

/* Sets one option as a flag would. For tests and for commands that imply an option. */
int ry_config_set(struct ry_config *config, enum ry_option option, const char *value, struct ry_error *err);

/* Reads the settings file, if one is named (RY_ECONFIG names its line), checks what concerns more than one option, and
 * fills what is derived: the node's name, paths below --data, where jobs come from (redis_url is empty if not from
 * Redis). Call once, after the last change. */
int ry_config_finish(struct ry_config *config, struct ry_error *err);

struct ry_config *ry_config_copy(const struct ry_config *config);
void ry_config_free(struct ry_config **config);

/* Values. The option must have the type that the call names (abort otherwise). Strings are borrowed; "" when not set.
 */
const char *ry_config_str(const struct ry_config *config, enum ry_option option);
int64_t ry_config_int(const struct ry_config *config, enum ry_option option);
double ry_config_real(const struct ry_config *config, enum ry_option option);
bool ry_config_bool(const struct ry_config *config, enum ry_option option);
/* A value of any type as text. */
const char *ry_config_text(const struct ry_config *config, enum ry_option option);
enum ry_source ry_config_source(const struct ry_config *config, enum ry_option option);

/* The environment of a process with this role that has this configuration: an array with a NULL at its end, in one
 * piece of memory, to be freed. It holds every option that has a variable and is not at its default, but no secret of
 * another role; and of env what programs in general need (PATH, HOME, TZ, locale, certificates; PG* for the writer).
 * settings_path: what DEFAULT_SETTINGS_PATH shall be; NULL: as configured. NULL without memory. */
char **ry_config_environment(const struct ry_config *config, const char *role, char *const *env,
                             const char *settings_path);

/* Whether env sets an option that is a secret, and not one of this role. */
bool ry_config_env_has_secret(char *const *env, const char *role);

/* Whether the archive is in PostgreSQL (an address or a part of one is set); else it is in the embedded database. */
bool ry_config_has_postgres(const struct ry_config *config);

/* Where jobs are when Redis is the queue and nobody says where it is. */
#define RY_REDIS_URL_USUAL "redis://localhost:6379"

/* Where database or queue are and why there, for people and logs; nothing of an address that may be secret. */
#define RY_PLACE_BYTES 4352
struct ry_place {
    char where[RY_PLACE_BYTES];
    const char *why; /* static */
};

/* Both after ry_config_finish. */
void ry_config_database_place(const struct ry_config *config, struct ry_place *place);
void ry_config_queue_place(const struct ry_config *config, struct ry_place *place);
/* Logs both; for the start of a node. */
void ry_config_log_places(const struct ry_config *config);

/* A list of numbers ("5,15,60"); writes up to max of them and returns how many there are. */
size_t ry_config_ints(const struct ry_config *config, enum ry_option option, int64_t *values, size_t max);

/* Appends the table of options for `reelyard help options` and docs. markdown: as a table, else as text. */
void ry_config_help(struct ry_buf *out, bool markdown);

/* Appends name=value and source of every option, secrets as ***. */
void ry_config_dump(const struct ry_config *config, struct ry_buf *out);

#endif
