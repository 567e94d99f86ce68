/* remote_encoder.c: an encoder at a node of another host; see remote_encoder.h.
 *
 * Owns a socket in a folder of its own (0700), the TCP connection, and the process of that connection. First the node
 * is called, and only when it has answered the process is started: a node that is away costs no starts. The process is
 * forked, not started anew: it has one thread, and ZeroMQ is not awake yet.
 *
 * One connection a try, then a new process with a new hello, after a wait that doubles while they live shortly. A
 * node that has not yet noticed the loss of the last connection says that the name is in use; who was welcome once
 * waits that out, as it does everything else that a node may say. If this process dies, so does the other
 * (PR_SET_PDEATHSIG). */
#include "runtime/process/remote_encoder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/process/proxy.h"
#include "runtime/process/restart.h"
#include "runtime/process/signals.h"
#include "runtime/process/tally.h"

#define CONNECT_TIMEOUT_MS 10000
/* A node that lives says something every 2 s. It is looked for in bytes, not in messages: a large one is long under
 * way. */
#define SILENCE_MS 10000
/* How long the process may take to notice that its connection is lost. */
#define LEAVE_MS 5000

/* A node that is away for long is no reason to give up: there is no restart budget. Deaths before the node welcomed the
 * process are limited (restart.h). */
static const struct ry_restart_rule again = {
    .first_ms = 200, .longest_ms = 10000, .calm_ms = 30000, .period_ms = 0, .most = RY_RESTARTS_MAX - 1};

#define GO_ON (-1)

struct remote {
    const struct ry_remote_encoder_options *options;
    char host[256];
    char port[8];
    char folder[80];
    char socket[sizeof((struct sockaddr_un *)0)->sun_path];
    int listen_fd;
    int signal_fd;
    sigset_t before; /* the signals that were blocked */
    bool *joined;    /* shared with the process: the node has welcomed it */
    bool welcome;    /* it did, in this life or an earlier one */
    bool stopping;
    pid_t child;       /* 0: none now */
    int status;        /* of the last one */
    bool killed;       /* by us */
    enum ry_life life; /* of the last try */
    struct ry_restart restart;
    struct ry_rng rng;
    struct ry_proxy proxy;
};

bool ry_remote_encoder_wanted(const char *join)
{
    return join && strncmp(join, "tcp://", 6) == 0;
}

/* "tcp://HOST:PORT", HOST in brackets if it has colons itself. */
static bool parse(struct remote *remote, const char *join)
{
    const char *host = join + strlen("tcp://");
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host || colon[1] == '\0' || strlen(colon + 1) >= sizeof remote->port)
        return false;
    size_t n = (size_t)(colon - host);
    if (host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    uint64_t port = 0;
    if (n == 0 || n >= sizeof remote->host || !ry_str_u64(ry_str_of(colon + 1), &port) || port == 0 || port > 65535)
        return false;
    (void)snprintf(remote->host, sizeof remote->host, "%.*s", (int)n, host);
    (void)snprintf(remote->port, sizeof remote->port, "%" PRIu64, port);
    return true;
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void reap(struct remote *remote)
{
    int status;
    if (remote->child && waitpid(remote->child, &status, WNOHANG) == remote->child) {
        remote->child = 0;
        remote->status = status;
    }
}

static void take_signals(struct remote *remote)
{
    int number;
    while ((number = ry_signals_take(remote->signal_fd)) != 0) {
        if (number == SIGCHLD)
            continue;
        remote->stopping = true;
        if (remote->child)
            (void)kill(remote->child, SIGTERM);
    }
    reap(remote);
}

/* Waits until something happens at fds (the first of which is for the signals), at most timeout_ms. */
static void await(struct remote *remote, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    fds[0] = (struct pollfd){.fd = remote->signal_fd, .events = POLLIN};
    for (nfds_t i = 1; i < n; i++)
        fds[i].revents = 0;
    if (poll(fds, n, (int)ry_log_tend(timeout_ms)) > 0 && fds[0].revents)
        take_signals(remote);
}

/* ---- calling the node -------------------------------------------------------------------------------------------- */

/* Connects to one address. A descriptor, or -1 and errno. */
static int dial_one(struct remote *remote, const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd < 0)
        return -1;
    const int one = 1;
    int why = 0;
    socklen_t n = sizeof why;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS)
        why = errno;
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + CONNECT_TIMEOUT_MS;
    struct pollfd fds[2] = {{.fd = -1}, {.fd = fd, .events = POLLOUT}};
    while (why == 0 && fds[1].revents == 0) {
        int64_t left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
        if (left_ms <= 0 || remote->stopping)
            why = remote->stopping ? ECANCELED : ETIMEDOUT;
        else
            await(remote, fds, 2, (int)left_ms);
    }
    if (why == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0)
        why = errno;
    if (why == 0 && remote->stopping) /* the signal came with the answer */
        why = ECANCELED;
    if (why == 0)
        return fd;
    (void)close(fd);
    errno = why;
    return -1;
}

static int dial(struct remote *remote)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;
    int failed = getaddrinfo(remote->host, remote->port, &hints, &found);
    for (const struct addrinfo *at = found; at && fd < 0 && !remote->stopping; at = at->ai_next)
        fd = dial_one(remote, at);
    if (fd < 0 && !remote->stopping)
        RY_LOG(RY_WARNING, "node_away", "name=%s node=%s reason=%s", remote->options->name, remote->options->join,
               failed ? gai_strerror(failed) : strerror(errno));
    if (found)
        freeaddrinfo(found);
    return fd;
}

/* ---- one connection ---------------------------------------------------------------------------------------------- */

static void note_joined(void *arg)
{
    const struct remote *remote = arg;
    *remote->joined = true;
}

static _Noreturn void be_the_child(struct remote *remote, int node_fd, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
    if (getppid() != parent)
        _exit(RY_EXIT_FAILED);
    (void)close(node_fd);
    (void)close(remote->listen_fd);
    (void)close(remote->signal_fd);
    (void)sigprocmask(SIG_SETMASK, &remote->before, NULL);
    int code = remote->options->work(remote->options->arg, remote->socket, note_joined, remote);
    (void)fflush(NULL);
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
    _exit(code);
}

static bool start(struct remote *remote, int node_fd)
{
    pid_t parent = getpid();
    *remote->joined = remote->killed = false;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        be_the_child(remote, node_fd, parent);
    if (child < 0) {
        RY_LOG(RY_ERROR, "process_not_started", "name=%s reason=%s", remote->options->name, strerror(errno));
        return false;
    }
    remote->child = child;
    return true;
}

/* The process's end of the connection; -1: the process ended, or the node hung up. */
static int admit(struct remote *remote, int node_fd)
{
    struct pollfd fds[3] = {
        {.fd = -1}, {.fd = remote->listen_fd, .events = POLLIN}, {.fd = node_fd, .events = POLLRDHUP}};
    while (remote->child) {
        await(remote, fds, 3, -1);
        int fd = fds[1].revents ? accept4(remote->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
        if (fd >= 0 || fds[2].revents)
            return fd;
    }
    return -1;
}

static void carry(struct remote *remote, int own_fd, int node_fd)
{
    struct pollfd fds[3];
    bool going = true;
    int64_t left_ms = SILENCE_MS, heard_mono_ms = ry_mono_ms(ry_clock_system());
    ry_proxy_begin(&remote->proxy, own_fd, node_fd);
    while (going && remote->child && left_ms > 0) {
        ry_proxy_polls(&remote->proxy, fds + 1);
        await(remote, fds, 3, (int)left_ms);
        going = ry_proxy_work(&remote->proxy, fds + 1);
        if (remote->proxy.lanes[1].heard)
            heard_mono_ms = ry_mono_ms(ry_clock_system());
        remote->proxy.lanes[1].heard = false;
        left_ms = heard_mono_ms + SILENCE_MS - ry_mono_ms(ry_clock_system());
    }
    if (left_ms <= 0)
        RY_LOG(RY_WARNING, "node_silent", "name=%s silence_ms=%d", remote->options->name, SILENCE_MS);
    /* What it said before it ended. */
    for (int i = 0; going && i < 64; i++) {
        ry_proxy_polls(&remote->proxy, fds + 1);
        if (poll(fds + 1, 2, 0) <= 0)
            break;
        going = ry_proxy_work(&remote->proxy, fds + 1);
    }
}

static void kill_child(struct remote *remote)
{
    remote->killed = true;
    (void)kill(remote->child, SIGKILL);
}

/* The connection is over: so is the process, if not by itself. */
static void finish(struct remote *remote)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + LEAVE_MS;
    struct pollfd signals[1];
    int64_t left_ms;
    while (remote->child && (left_ms = until_mono_ms - ry_mono_ms(ry_clock_system())) > 0)
        await(remote, signals, 1, (int)left_ms);
    if (remote->child == 0)
        return;
    kill_child(remote);
    (void)waitpid(remote->child, &remote->status, 0);
    remote->child = 0;
}

/* The exit code of a stop that was asked for. A try that the stop cut short has failed in nothing: no code but the
 * stop's own is due when the node could not be had, or the process was stopped before it was welcome. */
static int judge_stop(const struct remote *remote, int code)
{
    bool cut_short =
        WIFEXITED(remote->status) ? code == RY_EXIT_ORPHAN : WTERMSIG(remote->status) == SIGTERM || !*remote->joined;
    return cut_short ? RY_EXIT_DONE : code;
}

/* An exit code before the welcome is the node's answer, or its absence; a signal is the process's own failure. */
static enum ry_life life_of(const struct remote *remote)
{
    if (*remote->joined)
        return RY_LIFE_READY;
    return WIFSIGNALED(remote->status) && !remote->killed ? RY_LIFE_UNREADY : RY_LIFE_EXCUSED;
}

/* Whether there is to be another try, or the exit code. */
static int judge(struct remote *remote)
{
    int code = WIFEXITED(remote->status) ? WEXITSTATUS(remote->status) : RY_EXIT_FAILED;
    remote->welcome = remote->welcome || *remote->joined;
    remote->life = life_of(remote);
    if (remote->stopping)
        return judge_stop(remote, code);
    if (WIFEXITED(remote->status) && code == RY_EXIT_CONFIG)
        return code;
    if (!remote->welcome && WIFEXITED(remote->status) && code != RY_EXIT_ORPHAN && code != RY_EXIT_DONE)
        return code;
    if (WIFSIGNALED(remote->status))
        RY_LOG(RY_WARNING, "process_died", "name=%s signal=%s", remote->options->name,
               strsignal(WTERMSIG(remote->status)));
    else
        RY_LOG(RY_WARNING, "node_lost", "name=%s node=%s", remote->options->name, remote->options->join);
    return GO_ON;
}

static int try_once(struct remote *remote)
{
    remote->life = RY_LIFE_EXCUSED;
    int node_fd = dial(remote);
    if (node_fd < 0)
        return remote->stopping ? RY_EXIT_DONE : GO_ON;
    if (!start(remote, node_fd)) {
        (void)close(node_fd);
        return GO_ON;
    }
    int own_fd = admit(remote, node_fd);
    if (own_fd >= 0) {
        carry(remote, own_fd, node_fd);
        (void)close(own_fd);
    } else if (remote->child) {
        kill_child(remote); /* it has nothing to wait for */
    }
    (void)close(node_fd);
    finish(remote);
    return judge(remote);
}

static int fail_unready(const struct remote *remote, struct ry_error *err)
{
    char death[RY_DEATH_TEXT_BYTES];
    ry_death_describe(remote->status, RY_KILL_NONE, death);
    return ry_fail(err, RY_EIO, "%s died %u times in a row before the node welcomed it (the last time: %s)",
                   remote->options->name, remote->restart.unready, death);
}

static int pause_before_next(struct remote *remote, int64_t lived_ms, struct ry_error *err)
{
    int64_t wait_ms = 0;
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system());
    if (!ry_restart_after(&remote->restart, &again, &remote->rng, until_mono_ms, lived_ms, remote->life, &wait_ms))
        return fail_unready(remote, err);
    until_mono_ms += wait_ms;
    struct pollfd signals[1];
    int64_t left_ms;
    while (!remote->stopping && (left_ms = until_mono_ms - ry_mono_ms(ry_clock_system())) > 0)
        await(remote, signals, 1, (int)left_ms);
    return RY_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int listen_here(struct remote *remote, struct ry_error *err)
{
    const char *tmp = getenv("TMPDIR");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(remote->folder, sizeof remote->folder, "%s/reelyard-guest.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (n >= (int)sizeof remote->folder)
        return ry_fail(err, RY_ECONFIG, "the folder %s is too long for a socket: set TMPDIR", tmp);
    if (mkdtemp(remote->folder) == NULL) {
        int rc = ry_fail(err, RY_EIO, "cannot make a folder for a socket: %s: %s", remote->folder, strerror(errno));
        remote->folder[0] = '\0';
        return rc;
    }
    (void)snprintf(remote->socket, sizeof remote->socket, "%s/node.sock", remote->folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", remote->socket);
    remote->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (remote->listen_fd < 0 || bind(remote->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(remote->listen_fd, 4) != 0)
        return ry_fail(err, RY_EIO, "cannot listen at %s: %s", remote->socket, strerror(errno));
    return RY_OK;
}

static int begin(struct remote *remote, struct ry_error *err)
{
    static const int watched[] = {SIGINT, SIGTERM, SIGCHLD, 0};
    remote->rng.state = (uint64_t)ry_wall_ms(ry_clock_system()) ^ (uint64_t)getpid() << 40;
    int rc = ry_signals_open(&remote->signal_fd, watched, &remote->before, err);
    if (rc != RY_OK)
        return rc;
    remote->joined = mmap(NULL, sizeof *remote->joined, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (remote->joined == MAP_FAILED) {
        remote->joined = NULL;
        return ry_fail(err, RY_ENOMEM, "no memory for a process");
    }
    return listen_here(remote, err);
}

static void remote_free(struct remote *remote)
{
    if (remote->listen_fd >= 0)
        (void)close(remote->listen_fd);
    if (remote->signal_fd >= 0)
        (void)close(remote->signal_fd);
    if (remote->socket[0])
        (void)unlink(remote->socket);
    if (remote->folder[0])
        (void)rmdir(remote->folder);
    if (remote->joined)
        (void)munmap(remote->joined, sizeof *remote->joined);
    free(remote);
}

int ry_remote_encoder_run(const struct ry_remote_encoder_options *options, int *exit_code, struct ry_error *err)
{
    struct remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a connection");
    remote->options = options;
    remote->listen_fd = remote->signal_fd = -1;
    int rc = parse(remote, options->join)
                 ? begin(remote, err)
                 : ry_fail(err, RY_EINVAL, "--join: \"%s\" must be tcp://HOST:PORT", options->join);
    int code = GO_ON;
    while (rc == RY_OK && code == GO_ON) {
        int64_t start_mono_ms = ry_mono_ms(ry_clock_system());
        code = try_once(remote);
        if (code == GO_ON)
            rc = pause_before_next(remote, ry_mono_ms(ry_clock_system()) - start_mono_ms, err);
        if (rc == RY_OK && code == GO_ON && remote->stopping)
            code = RY_EXIT_DONE;
    }
    remote_free(remote);
    *exit_code = code;
    return rc;
}
