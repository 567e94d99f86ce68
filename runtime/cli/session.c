/* session.c: the node that a command works with: the one that runs on the data folder, or one started for the command.
 *
 * Owns its console, and what it started: node, sandboxed processes, the lock of the data folder. Promises that closing
 * drains and ends what was started, and leaves a node that was joined as it is. If the command dies, the kernel releases
 * the lock, and work in progress comes back by its leases. */
#include "runtime/cli/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/wait.h"
#include "runtime/cli/confine.h"
#include "runtime/cli/datadir.h"
#include "runtime/cli/roles.h"

/* How long a person waits for an answer before an error is better. */
#define ASK_MS 30000
/* How long after its start a node's instances may still be on their way, and how often they are looked for. */
#define START_MS      60000
#define START_LOOK_MS 50

int ry_session_join(struct ry_session *session, const struct ry_cli *cli, struct ry_error *err)
{
    struct ry_datadir_holder holder;
    *session = RY_SESSION_NONE;
    session->config = cli->config;
    int rc = ry_datadir_ask(cli->config, &holder, err);
    if (rc != RY_OK)
        return rc;
    if (holder.socket[0] == '\0')
        return ry_fail(err, RY_ENOENT, "no node runs on the data folder %s; start one with `reelyard run`",
                       ry_config_str(cli->config, RY_OPT_data));
    return ry_console_open(&session->console, NULL, holder.socket, cli->config, err);
}

/* Splits the roles into those of this process and those of processes beside it. *away_count: instances of the latter.
 */
static int choose_places(const struct ry_cli *cli, struct ry_node_role *here, struct ry_node_role *away, size_t count,
                         bool listen, unsigned *away_count, struct ry_error *err)
{
    *away_count = ry_pool_take(here, away, count);
    if (*away_count == 0)
        return RY_OK;
    bool strict = ry_confine_mode(cli->config) == RY_SANDBOX_STRICT;
    if (listen && ry_config_bool(cli->config, RY_OPT_isolate))
        return strict ? ry_sandbox_check(err) : RY_OK;
    if (strict)
        return ry_fail(err, RY_ECONFIG,
                       "REELYARD_SANDBOX is strict, and threads have no sandbox: leave out "
                       "--no-isolate (REELYARD_ISOLATE)");
    for (size_t i = 0; i < count; i++)
        here[i].instances += away[i].instances;
    *away_count = 0;
    RY_LOG(
        RY_WARNING, "not_sandboxed", "reason=%s",
        "video is decoded in threads of this process, with all its privileges; use --isolate for separate processes");
    return RY_OK;
}

int ry_session_start(struct ry_session *session, const struct ry_cli *cli, const struct ry_node_role *roles,
                     size_t role_count, bool listen, struct ry_error *err)
{
    char socket[RY_SOCKET_PATH_BYTES];
    *session = RY_SESSION_NONE;
    session->config = cli->config;
    struct ry_node_role here[RY_ROLE_COUNT], away[RY_ROLE_COUNT];
    unsigned away_count = 0;
    memcpy(here, roles, role_count * sizeof *roles);
    int rc = listen ? ry_datadir_socket(cli->config, socket, err) : RY_OK;
    if (rc == RY_OK)
        rc = choose_places(cli, here, away, role_count, listen, &away_count, err);
    if (rc == RY_OK)
        rc = ry_datadir_prepare(cli->config, err);
    if (rc == RY_OK)
        rc = ry_datadir_lock(cli->config, listen ? socket : NULL, &session->lock_fd, err);
    if (rc != RY_OK)
        return rc;
    struct ry_node_options options = {
        .config = cli->config, .roles = here, .role_count = role_count, .ipc_path = listen ? socket : NULL};
    rc = ry_node_start(&session->node, &options, err);
    if (rc == RY_OK && away_count > 0)
        rc = ry_pool_start(&session->pool, cli, session->node, away, role_count, socket, err);
    if (rc != RY_OK)
        (void)ry_session_close(session, NULL);
    return rc;
}

/* Of a server only the writer can say, when it opens. */
static bool database_exists(const struct ry_cli *cli, struct ry_error *err)
{
    if (ry_config_has_postgres(cli->config))
        return true;
    const char *path = ry_config_str(cli->config, RY_OPT_sqlite_path);
    if (access(path, F_OK) == 0)
        return true;
    (void)ry_fail(err, RY_ENOENT, "there is no archive at %s: %s", path, strerror(errno));
    return false;
}

/* Starts one instance of a role that nobody else may join. */
static int start_alone(struct ry_session *session, const struct ry_cli *cli, enum ry_role role, bool make,
                       struct ry_error *err)
{
    if (!make && !database_exists(cli, err))
        return RY_ENOENT;
    const struct ry_actor_spec *spec = ry_roles_spec(cli, ry_str_of(ry_role_name(role)));
    if (spec == NULL)
        return ry_fail(err, RY_EBUG, "this program has no %s", ry_role_name(role));
    const struct ry_node_role roles[] = {{.spec = spec, .instances = 1}};
    return ry_session_start(session, cli, roles, 1, false, err);
}

int ry_session_open(struct ry_session *session, const struct ry_cli *cli, enum ry_role role, bool make,
                    struct ry_error *err)
{
    int rc = ry_session_join(session, cli, err);
    if (rc != RY_ENOENT)
        return rc;
    rc = start_alone(session, cli, role, make, err);
    /* Somebody may have started a node since it was asked for. */
    return rc == RY_EBUSY ? ry_session_join(session, cli, err) : rc;
}

/* Whether instances may still be on their way: the node is young, or its supervisor is starting some. */
static bool is_starting(struct ry_session *session)
{
    const struct ry_node_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    if (ry_console_ask(session->console, RY_TAG_node_get, &question, ASK_MS, &answer, NULL) != RY_OK)
        return false;
    const struct ry_node_state *node = RY_BODY(answer, node_state);
    bool starting = node->uptime_ms < START_MS;
    for (size_t i = 0; i < node->children.n && !starting; i++)
        starting = ry_str_is(node->children.items[i].state, "starting");
    return starting;
}

int ry_session_ask(struct ry_session *session, enum ry_tag tag, const void *message, const struct ry_mail **answer,
                   struct ry_error *err)
{
    const struct ry_clock *clock = ry_clock_system();
    int64_t wait_ms = session->ask_ms > 0 ? session->ask_ms : ASK_MS;
    int64_t until_mono_ms = ry_mono_ms(clock) + wait_ms;
    if (session->console == NULL) {
        int rc = ry_console_open(&session->console, session->node, NULL, session->config, err);
        if (rc != RY_OK)
            return rc;
    }
    for (;;) {
        int rc = ry_console_ask(session->console, tag, message, wait_ms, answer, err);
        if (rc != RY_EBUSY || session->ask_ms > 0 || ry_mono_ms(clock) >= until_mono_ms || !is_starting(session))
            return rc;
        (void)ry_wait(NULL, 0, START_LOOK_MS);
    }
}

static int inquiry_ask(void *arg, enum ry_tag tag, const void *message, const struct ry_mail **answer,
                       struct ry_error *err)
{
    return ry_session_ask(arg, tag, message, answer, err);
}

static void inquiry_failure(void *arg, struct ry_error *why)
{
    struct ry_session *session = arg;
    ry_node_failure(session->node, why);
}

struct ry_inquiry_node ry_session_inquiry(struct ry_session *session)
{
    return (struct ry_inquiry_node){.arg = session,
                                    .ask = inquiry_ask,
                                    .failure = inquiry_failure,
                                    .failed_fd = session->node != NULL ? ry_node_failed_fd(session->node) : -1};
}

int ry_session_close(struct ry_session *session, struct ry_error *err)
{
    int rc = RY_OK;
    if (session->console)
        ry_console_close(&session->console);
    ry_sandbox_pool_quiet(session->pool);
    if (session->node)
        rc = ry_node_stop(&session->node, ry_config_int(session->config, RY_OPT_drain_seconds) * 1000, err);
    ry_sandbox_pool_stop(&session->pool);
    if (session->lock_fd >= 0)
        (void)close(session->lock_fd);
    *session = RY_SESSION_NONE;
    return rc;
}

static bool uses_redis(const struct ry_cli *cli)
{
    return ry_config_str(cli->config, RY_OPT_redis_url)[0] != '\0';
}

int ry_session_queue_local(const struct ry_cli *cli, bool make, struct ry_job_queue **queue, struct ry_error *err)
{
    if (!make && !database_exists(cli, err))
        return RY_ENOENT;
    int rc = make ? ry_datadir_prepare(cli->config, err) : RY_OK;
    if (rc != RY_OK)
        return rc;
    return ry_job_queue_sqlite_open(ry_config_str(cli->config, RY_OPT_sqlite_path), ry_clock_system(), queue, err);
}

int ry_session_queue(const struct ry_cli *cli, bool make, struct ry_job_queue **queue, struct ry_error *err)
{
    if (!uses_redis(cli))
        return ry_session_queue_local(cli, make, queue, err);
    const struct ry_job_queue_redis_options options = {
        .url = ry_config_str(cli->config, RY_OPT_redis_url), .clock = ry_clock_system(), .config = cli->config};
    int rc = ry_job_queue_redis_open(&options, queue, err);
    /* A command does not wait for Redis to come back. */
    if (rc != RY_OK)
        ry_job_queue_close(queue);
    return rc;
}
