/* `reelyard up`: a node whose router and instances are processes, looked after by this one.
 *
 * This file makes the plan: which roles, how many of each, with which configuration; at the start and again at each
 * SIGHUP, by the same code from the same words, so that what a restart would do is what a reload does. What becomes of
 * the plan is runtime/supervisor's. */
#include "runtime/cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/cli/datadir.h"
#include "runtime/cli/env_file.h"
#include "runtime/cli/roles.h"
#include "runtime/supervisor/supervisor.h"

#define WORDS_MAX 512

struct up {
    struct ry_cli *cli;
    char *words[WORDS_MAX]; /* as they were given */
    int word_count;
    int code;  /* why there is no plan, as an exit code */
    bool said; /* and it has been said */
};

/* What is being made. */
struct making {
    struct ry_up_plan *plan;
    struct ry_cli *cli;
};

static struct ry_up_role *role_of(struct ry_up_plan *plan, struct ry_str name, const char *place, struct ry_error *err)
{
    for (size_t i = 0; i < plan->role_count; i++)
        if (ry_str_is(name, plan->roles[i].name))
            return &plan->roles[i];
    (void)ry_fail(err, RY_ECONFIG, "%s: there is no role \"%.*s\"", place, RY_STR_ARG(name));
    return NULL;
}

static int set_instances(void *arg, struct ry_str name, uint64_t number, struct ry_error *err)
{
    struct ry_up_role *role = role_of(arg, name, "instances", err);
    if (role == NULL)
        return (int)err->code;
    role->instances = (unsigned)number;
    return RY_OK;
}

static int set_memory(void *arg, struct ry_str name, uint64_t number, struct ry_error *err)
{
    struct ry_up_role *role = role_of(arg, name, "memory-limits", err);
    if (role == NULL)
        return (int)err->code;
    role->memory_max_bytes = (size_t)number << 20;
    return RY_OK;
}

/* The roles and their usual numbers. Two writers on one SQLite file would only wait for each other. */
static void usual_roles(struct making *making)
{
    struct ry_up_plan *plan = making->plan;
    bool postgres = ry_config_has_postgres(plan->config);
    for (size_t i = 0; i < making->cli->registry_count; i++) {
        const struct ry_actor_spec *spec = making->cli->registry[i];
        plan->roles[plan->role_count++] = (struct ry_up_role){
            .role = (uint32_t)spec->role,
            .name = ry_role_name(spec->role),
            .instances = ry_roles_wanted(making->cli, spec) ? spec->threads : 0,
            .most = (spec->role == RY_ROLE_WRITER && !postgres) || spec->role == RY_ROLE_RELAY ? 1 : RY_CHILDREN_MAX,
            .essential = spec->role == RY_ROLE_WRITER,
            .source = spec->role == RY_ROLE_INGESTER || spec->role == RY_ROLE_SCHEDULER,
        };
    }
}

/* --roles a,b: nothing but these, and the relay, which brings what the others lack. */
static int only_roles(struct ry_up_plan *plan, const char *list, struct ry_error *err)
{
    bool named[RY_UP_ROLES_MAX] = {false};
    while (*list) {
        struct ry_str word = {list, strcspn(list, ",")};
        const struct ry_up_role *role = role_of(plan, word, "--roles", err);
        if (role == NULL)
            return (int)err->code;
        named[role - plan->roles] = true;
        list += word.n + (list[word.n] == ',');
    }
    for (size_t i = 0; i < plan->role_count; i++)
        if (!named[i] && plan->roles[i].role != RY_ROLE_RELAY) {
            plan->roles[i].instances = 0;
            plan->roles[i].essential = false;
        }
    return RY_OK;
}

static int check_roles(const struct ry_up_plan *plan, struct ry_error *err)
{
    size_t all = 1;
    for (size_t i = 0; i < plan->role_count; i++) {
        const struct ry_up_role *role = &plan->roles[i];
        all += role->instances;
        if (role->instances > role->most)
            return ry_fail(err, RY_ECONFIG,
                           "%u of the role %s: at most %u makes sense here; of writers more do with DATABASE_URL",
                           role->instances, role->name, role->most);
    }
    if (all > RY_CHILDREN_MAX)
        return ry_fail(err, RY_ECONFIG, "%zu processes are more than the %d that a node may have", all,
                       RY_CHILDREN_MAX);
    return RY_OK;
}

static int make_roles(struct making *making, const char *only, const struct ry_roles *counts, struct ry_error *err)
{
    struct ry_up_plan *plan = making->plan;
    usual_roles(making);
    int rc = only ? only_roles(plan, only, err) : RY_OK;
    if (rc == RY_OK)
        rc = ry_up_list(ry_config_str(plan->config, RY_OPT_instances), "instances", RY_CHILDREN_MAX, set_instances,
                        plan, err);
    if (rc == RY_OK)
        rc = ry_up_list(ry_config_str(plan->config, RY_OPT_memory_limits), "memory-limits", 1 << 20, set_memory, plan,
                        err);
    for (size_t i = 0; rc == RY_OK && i < plan->role_count; i++) {
        uint64_t number = 0;
        if (counts->counts[i] == NULL)
            continue;
        if (!ry_str_u64(ry_str_of(counts->counts[i]), &number) || number > RY_CHILDREN_MAX)
            rc = ry_fail(err, RY_EINVAL, "--%s: \"%s\" must be a whole number from 0 to %d", plan->roles[i].name,
                         counts->counts[i], RY_CHILDREN_MAX);
        plan->roles[i].instances = (unsigned)number;
    }
    return rc == RY_OK ? check_roles(plan, err) : rc;
}

/* The file of --env-file, which must be known before the other words are read. NULL: none. */
static const char *env_file_of(char *const *words, int count)
{
    for (int i = 1; i < count; i++) {
        if (strncmp(words[i], "--env-file=", 11) == 0)
            return words[i] + 11;
        if (strcmp(words[i], "--env-file") == 0 && i + 1 < count && strncmp(words[i + 1], "--", 2) != 0)
            return words[i + 1];
    }
    return NULL;
}

/* Reads words, environment and settings. On error up->code is the exit code,
 * and what was wrong with the words has been said. */
static int make_plan(struct up *up, struct ry_up_plan **out, struct ry_error *err)
{
    const char *only = NULL;
    const char *env_file = NULL;
    struct ry_roles counts;
    struct ry_cli_flag flags[RY_ROLE_COUNT + 2] = {{.name = "roles", .value = &only},
                                                   {.name = "env-file", .value = &env_file}};
    char *words[WORDS_MAX];
    int count = up->word_count;
    struct ry_cli cli = *up->cli;
    struct making making = {.cli = &cli, .plan = calloc(1, sizeof *making.plan)};
    *out = making.plan;
    up->code = RY_EXIT_FAILED;
    up->said = false;
    cli.config = NULL;
    if (making.plan == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the plan");
    memcpy(words, up->words, sizeof words);
    size_t n = ry_roles_flags(&counts, &cli);
    memcpy(flags + 2, counts.flags, n * sizeof flags[0]);
    int rc = ry_env_file_read(env_file_of(words, count), up->cli->env, &making.plan->env, err);
    if (rc == RY_OK) {
        cli.env = making.plan->env;
        up->code = ry_cli_begin(&cli, &count, words, flags, n + 2, 0, 0);
        making.plan->config = cli.config;
        up->said = up->code != RY_CLI_GO;
        if (up->said)
            return ry_fail(err, RY_ECONFIG, "the configuration is invalid; see the errors above");
        rc = make_roles(&making, only, &counts, err);
    }
    if (rc != RY_OK)
        up->code = rc == RY_EINVAL ? RY_EXIT_USAGE : rc == RY_ECONFIG ? RY_EXIT_CONFIG : RY_EXIT_FAILED;
    return rc;
}

static int replan(void *arg, struct ry_up_plan **plan, struct ry_error *err)
{
    return make_plan(arg, plan, err);
}

static int work(struct up *up, struct ry_up_plan *plan)
{
    char socket[RY_SOCKET_PATH_BYTES];
    char control[RY_SOCKET_PATH_BYTES + 32];
    char settings[RY_SOCKET_PATH_BYTES + 32];
    int lock_fd = -1;
    struct ry_error err;
    struct ry_cli *cli = up->cli;
    int rc = ry_datadir_socket(plan->config, socket, &err);
    if (rc == RY_OK)
        rc = ry_datadir_prepare(plan->config, &err);
    if (rc == RY_OK)
        rc = ry_datadir_lock(plan->config, socket, &lock_fd, &err);
    if (rc != RY_OK) {
        ry_up_plan_free(&plan);
        return ry_cli_fail(cli, &err);
    }
    ry_config_log_places(plan->config);
    int folder = (int)(strrchr(socket, '/') - socket);
    (void)snprintf(control, sizeof control, "%.*s/up.sock", folder, socket);
    (void)snprintf(settings, sizeof settings, "%.*s/settings.jsonc", folder, socket);
    const struct ry_up_options options = {
        .plan = plan,
        .replan = replan,
        .arg = up,
        .program = "reelyard",
        .socket = socket,
        .control = control,
        .settings_copy = settings,
    };
    rc = ry_up_run(&options, &err);
    (void)close(lock_fd);
    if (rc == RY_OK)
        RY_LOG(RY_INFO, "node_stopped", "");
    else if (rc == RY_ETIMEOUT)
        RY_LOG(RY_WARNING, "drain_incomplete", "reason=%s", err.text);
    return rc == RY_OK ? RY_EXIT_DONE : rc == RY_ETIMEOUT ? RY_EXIT_FAILED : ry_cli_fail(cli, &err);
}

int ry_cmd_up(struct ry_cli *cli, int argc, char **argv)
{
    struct up up = {.cli = cli, .word_count = argc};
    struct ry_up_plan *plan = NULL;
    struct ry_error err;
    if (argc >= WORDS_MAX)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "more than %d words", WORDS_MAX - 1);
    memcpy(up.words, argv, (size_t)argc * sizeof *argv);
    if (make_plan(&up, &plan, &err) != RY_OK) {
        ry_up_plan_free(&plan);
        return up.said ? up.code : ry_cli_complain(cli, (enum ry_exit)up.code, "%s", err.text);
    }
    return work(&up, plan);
}
