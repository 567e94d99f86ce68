/* confine.c: confines the process of an actor whose spec requires it.
 *
 * Restarts the program without secrets, then enters the sandbox with the limits of the spec; ry_confined, which the
 * caller owns, holds what the instance's loop needs to complete it. Promises that with REELYARD_SANDBOX=strict the
 * instance does not start unless the sandbox is complete; with auto, what is missing is logged. */
#include "runtime/cli/confine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/bus/bag.h"

enum ry_sandbox_mode ry_confine_mode(const struct ry_config *config)
{
    const char *mode = ry_config_str(config, RY_OPT_sandbox);
    return strcmp(mode, "off") == 0      ? RY_SANDBOX_OFF
           : strcmp(mode, "strict") == 0 ? RY_SANDBOX_STRICT
                                         : RY_SANDBOX_AUTO;
}

/* Starts this program again without the secrets of its environment, and does not return; returns if there are none. */
int ry_confine_forget(struct ry_cli *cli, const char *role, struct ry_error *err)
{
    if (!ry_config_env_has_secret(cli->env, role))
        return RY_OK;
    char **env = ry_config_environment(cli->config, role, cli->env, NULL);
    if (env == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for an environment");
    (void)fflush(NULL);
    (void)execve("/proc/self/exe", cli->words, env);
    int rc = ry_fail(err, RY_EIO, "cannot start without the secrets of the environment: %s", strerror(errno));
    free(env);
    return rc;
}

static int shut(void *arg, struct ry_error *err)
{
    struct ry_confined *confined = arg;
    return ry_sandbox_seal(&confined->sandbox, err);
}

static void turn(void *arg)
{
    const struct ry_confined *confined = arg;
    ry_sandbox_turn(&confined->sandbox);
}

static void end(void *arg)
{
    (void)arg;
    _exit(RY_EXIT_CPU);
}

int ry_confine(struct ry_confined *confined, struct ry_cli *cli, const struct ry_confine_options *options,
               struct ry_error *err)
{
    const struct ry_actor_spec *spec = options->spec;
    *confined = (struct ry_confined){.socket = options->socket};
    if (!spec->confinement.needed)
        return RY_OK;
    int rc = ry_confine_forget(cli, ry_role_name(spec->role), err);
    if (rc != RY_OK)
        return rc;
    enum ry_sandbox_mode mode = ry_confine_mode(cli->config);
    const char *unavailable = ry_sandbox_unavailable();
    if (mode == RY_SANDBOX_STRICT && *unavailable)
        return ry_fail(err, RY_ECONFIG, "%s, and REELYARD_SANDBOX is strict", unavailable);
    if (mode == RY_SANDBOX_OFF || *unavailable) {
        RY_LOG(RY_WARNING, "not_sandboxed", "name=%s reason=%s", options->name,
               *unavailable ? unavailable : "REELYARD_SANDBOX is off");
        return RY_OK;
    }
    const struct ry_sandbox_options sandbox = {
        .mode = mode,
        .name = options->name,
        .socket = options->socket,
        .message_max_bytes = options->encrypted ? 0 : RY_BAG_ENCODER_MAX_BYTES,
        .message_max_parts = RY_BAG_MAX_FRAMES + 1,
        .kept_fd = options->kept_fd,
        .memory_max_bytes = spec->confinement.memory_max_bytes,
        .turn_cpu_max_s = spec->confinement.mail_cpu_max_s,
    };
    rc = ry_sandbox_enter(&confined->sandbox, &sandbox, err);
    if (rc != RY_OK)
        return rc;
    confined->socket = confined->sandbox.socket;
    (void)snprintf(confined->reason, sizeof confined->reason, "%s took more than %u s of CPU", spec->confinement.work,
                   spec->confinement.mail_cpu_max_s);
    confined->sealing = (struct ry_seal){.pid = (uint32_t)confined->sandbox.pid,
                                         .shut = shut,
                                         .turn = turn,
                                         .alarm_fd = spec->confinement.mail_cpu_max_s > 0 ? ry_sandbox_alarm() : -1,
                                         .reason = confined->reason,
                                         .end = end,
                                         .arg = confined};
    confined->seal = &confined->sealing;
    return RY_OK;
}
