/* sandbox.c: the order of the steps, which is the whole art of it.
 *
 * What needs a right comes before the right is given up; what would let something in comes before there is something to
 * let in: no_new_privs, namespaces, the split, the empty root, capabilities, limits, descriptors; then the caller's
 * connection and threads, none of which has a right any more; then no further thread; then the filter.
 *
 * A part that cannot be had is noted and the others are made all the same; whether that is good enough is decided once,
 * when everything has been tried. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

const char *ry_sandbox_unavailable(void)
{
#ifdef SANITIZED
    /* Its runtime reads /proc, starts threads and maps terabytes, at any moment. */
    return "this program was built with a sanitizer, which does not work in a sandbox";
#else
    return "";
#endif
}

/* ---- what is missing --------------------------------------------------------------------------------------------- */

/* RY_OK when what there is is enough for the mode. */
static int judge(const struct ry_sandbox *sandbox, struct ry_error *err)
{
    char list[128] = "";
    if (sandbox->missing == 0 || sandbox->options.mode != RY_SANDBOX_STRICT)
        return RY_OK;
    sandbox_list_missing(sandbox, list);
    return ry_fail(err, RY_ECONFIG,
                   "%s: the sandbox lacks %s (%s); allow it in the kernel or the container, or run without: "
                   "REELYARD_SANDBOX=auto",
                   sandbox->options.name, list, sandbox->why);
}

/* ---- enter ------------------------------------------------------------------------------------------------------- */

/* What the two processes have in common: the pipe of the log, outwards, and the connection to the node. */
struct split {
    int log[2];
    struct connection *connection;
};

/* The log's end inside is that process's alone, so that it need not wait for the outer one. */
static int split_open(struct split *split, const struct ry_sandbox_options *options, struct ry_error *err)
{
    split->connection = calloc(1, sizeof *split->connection);
    if (split->connection == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the connection of a sandbox");
    int rc = connection_call(split->connection, options, err);
    if (rc != RY_OK)
        return rc;
    if (pipe2(split->log, O_CLOEXEC) != 0)
        return ry_fail(err, RY_EIO, "cannot make a pipe for the sandbox: %s", strerror(errno));
    (void)fcntl(split->log[1], F_SETFL, O_NONBLOCK);
    return RY_OK;
}

static void split_free(struct split *split)
{
    if (split->connection)
        connection_close(split->connection);
    free(split->connection);
    split->connection = NULL;
}

/* Makes sure that the outer one lives, and that this one will not outlive it. */
static int meet_outer(const struct split *split, struct ry_error *err)
{
    (void)close(split->log[0]);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
    struct pollfd log = {.fd = split->log[1]};
    if (poll(&log, 1, 0) == 1 && log.revents & POLLERR)
        return ry_fail(err, RY_EAWAY, "the process outside the sandbox ended");
    return RY_OK;
}

static int settle_in(struct ry_sandbox *sandbox, const struct split *split, struct ry_error *err)
{
    int rc = meet_outer(split, err);
    if (rc == RY_OK)
        rc = privileges_close_descriptors(split->log[1], sandbox->options.kept_fd, err);
    if (rc != RY_OK)
        return rc;
    namespaces_empty_root(sandbox);
    privileges_drop(sandbox);
    privileges_limit(sandbox);
    return judge(sandbox, err);
}

int ry_sandbox_enter(struct ry_sandbox *sandbox, const struct ry_sandbox_options *options, struct ry_error *err)
{
    struct split split = {.log = {-1, -1}};
    *sandbox = (struct ry_sandbox){.options = *options, .pid = getpid()};
    if (*ry_sandbox_unavailable())
        return ry_fail(err, RY_ECONFIG, "%s: %s", options->name, ry_sandbox_unavailable());
    int rc = split_open(&split, options, err);
    if (rc == RY_OK) {
        (void)fflush(NULL);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
            sandbox_miss(sandbox, RY_SANDBOX_PRIVILEGES, "prctl(PR_SET_NO_NEW_PRIVS)");
        namespaces_leave(sandbox);
        rc = connection_offer(split.connection, sandbox->socket, err);
    }
    pid_t inner = rc == RY_OK ? fork() : -1;
    if (inner > 0) {
        (void)close(split.log[1]);
        outer_run(options->name, split.connection, inner, split.log[0]);
    }
    if (rc == RY_OK && inner < 0)
        rc = ry_fail(err, RY_EIO, "cannot start the process inside the sandbox: %s", strerror(errno));
    split_free(&split);
    return rc == RY_OK ? settle_in(sandbox, &split, err) : rc;
}

/* ---- seal -------------------------------------------------------------------------------------------------------- */

int ry_sandbox_seal(struct ry_sandbox *sandbox, struct ry_error *err)
{
    struct ry_error why;
    privileges_forbid_children(sandbox);
    if (filter_load(&why) != RY_OK) {
        if (sandbox->missing == 0)
            (void)snprintf(sandbox->why, sizeof sandbox->why, "%.200s", why.text);
        sandbox->missing |= 1u << RY_SANDBOX_FILTER;
    }
    int rc = judge(sandbox, err);
    if (rc != RY_OK)
        return rc;
    char list[128] = "";
    sandbox_list_missing(sandbox, list);
    if (sandbox->missing)
        RY_LOG(RY_WARNING, "sandbox_incomplete", "missing=%s reason=%s", list, sandbox->why);
    else
        RY_LOG(RY_INFO, "sandboxed", "pid=%d", (int)sandbox->pid);
    return RY_OK;
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

static _Noreturn void check_inside(void)
{
    const struct ry_sandbox_options options = {.mode = RY_SANDBOX_STRICT, .name = "sandbox"};
    struct ry_sandbox sandbox;
    struct ry_error err = {.code = RY_OK};
    int rc = ry_sandbox_enter(&sandbox, &options, &err);
    if (rc == RY_OK)
        rc = ry_sandbox_seal(&sandbox, &err);
    if (rc != RY_OK && write(STDERR_FILENO, err.text, strlen(err.text)) < 0)
        _exit(1);
    _exit(rc == RY_OK ? 0 : 1);
}

int ry_sandbox_check(struct ry_error *err)
{
    int said[2];
    if (*ry_sandbox_unavailable())
        return ry_fail(err, RY_ECONFIG, "%s", ry_sandbox_unavailable());
    if (pipe2(said, O_CLOEXEC) != 0)
        return ry_fail(err, RY_EIO, "cannot make a pipe: %s", strerror(errno));
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(said[1], STDERR_FILENO);
        ry_log_setup(RY_CRITICAL, RY_LOG_JSON, STDERR_FILENO);
        check_inside();
    }
    (void)close(said[1]);
    char text[sizeof err->text] = "";
    size_t n = 0;
    ssize_t got = 0;
    while (child > 0 && n < sizeof text - 1 && (got = read(said[0], text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    (void)close(said[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return ry_fail(err, RY_EIO, "cannot try the sandbox: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return RY_OK;
    return ry_fail(err, RY_ECONFIG, "%s", n ? text : "the sandbox is not available here");
}
