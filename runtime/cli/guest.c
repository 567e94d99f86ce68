/* guest.c: an encoder at a node of another host; see guest.h.
 *
 * Owns a socket in a folder of its own (0700), the TCP connection, and the process of that connection. First the node
 * is called, and only when it has answered the process is started: a node that is away costs no starts. The process is
 * forked, not started anew: it has one thread, and ZeroMQ is not awake yet.
 *
 * One connection a try, then a new process with a new hello, after a wait that doubles while they live shortly. A
 * node that has not yet noticed the loss of the last connection says that the name is in use; who was welcome once
 * waits that out, as it does everything else that a node may say. If this process dies, so does the other
 * (PR_SET_PDEATHSIG). */
#include "runtime/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/backoff.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/process/proxy.h"
#include "runtime/process/signals.h"
#include "runtime/sandbox/sandbox.h"

#define CONNECT_TIMEOUT_MS 10000
/* A node that lives says something every 2 s. It is looked for in bytes, not in messages: a large one is long under
 * way. */
#define SILENCE_MS 10000
/* How long the process may take to notice that its connection is lost. */
#define LEAVE_MS       5000
#define AGAIN_FIRST_MS 200
#define AGAIN_MAX_MS   10000
/* A life of this length ends the doubling. */
#define CALM_MS 30000

#define GO_ON (-1)

struct guest {
    const struct ry_guest_options *options;
    char host[256];
    char port[8];
    char folder[80];
    char socket[RY_SANDBOX_SOCKET_BYTES];
    int listen_fd;
    int signal_fd;
    sigset_t before; /* the signals that were blocked */
    bool *joined;    /* shared with the process: the node has welcomed it */
    bool welcome;    /* it did, in this life or an earlier one */
    bool stopping;
    pid_t child; /* 0: none now */
    int status;  /* of the last one */
    unsigned young;
    struct ry_rng rng;
    struct ry_proxy proxy;
};

bool ry_guest_is_remote(const char *join)
{
    return join && strncmp(join, "tcp://", 6) == 0;
}

/* "tcp://HOST:PORT", HOST in brackets if it has colons itself. */
static bool parse(struct guest *guest, const char *join)
{
    const char *host = join + strlen("tcp://");
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host || colon[1] == '\0' || strlen(colon + 1) >= sizeof guest->port)
        return false;
    size_t n = (size_t)(colon - host);
    if (host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    uint64_t port = 0;
    if (n == 0 || n >= sizeof guest->host || !ry_str_u64(ry_str_of(colon + 1), &port) || port == 0 || port > 65535)
        return false;
    (void)snprintf(guest->host, sizeof guest->host, "%.*s", (int)n, host);
    (void)snprintf(guest->port, sizeof guest->port, "%" PRIu64, port);
    return true;
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void reap(struct guest *guest)
{
    int status;
    if (guest->child && waitpid(guest->child, &status, WNOHANG) == guest->child) {
        guest->child = 0;
        guest->status = status;
    }
}

static void take_signals(struct guest *guest)
{
    int number;
    while ((number = ry_signals_take(guest->signal_fd)) != 0) {
        if (number == SIGCHLD)
            continue;
        guest->stopping = true;
        if (guest->child)
            (void)kill(guest->child, SIGTERM);
    }
    reap(guest);
}

/* Waits until something happens at fds (the first of which is for the signals), at most timeout_ms. */
static void await(struct guest *guest, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    fds[0] = (struct pollfd){.fd = guest->signal_fd, .events = POLLIN};
    for (nfds_t i = 1; i < n; i++)
        fds[i].revents = 0;
    if (poll(fds, n, (int)ry_log_tend(timeout_ms)) > 0 && fds[0].revents)
        take_signals(guest);
}

/* ---- calling the node -------------------------------------------------------------------------------------------- */

/* Connects to one address. A descriptor, or -1 and errno. */
static int dial_one(struct guest *guest, const struct addrinfo *at)
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
        if (left_ms <= 0 || guest->stopping)
            why = guest->stopping ? ECANCELED : ETIMEDOUT;
        else
            await(guest, fds, 2, (int)left_ms);
    }
    if (why == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0)
        why = errno;
    if (why == 0)
        return fd;
    (void)close(fd);
    errno = why;
    return -1;
}

static int dial(struct guest *guest)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;
    int failed = getaddrinfo(guest->host, guest->port, &hints, &found);
    for (const struct addrinfo *at = found; at && fd < 0 && !guest->stopping; at = at->ai_next)
        fd = dial_one(guest, at);
    if (fd < 0 && !guest->stopping)
        RY_LOG(RY_WARNING, "node_away", "name=%s node=%s reason=%s", guest->options->name, guest->options->join,
               failed ? gai_strerror(failed) : strerror(errno));
    if (found)
        freeaddrinfo(found);
    return fd;
}

/* ---- one connection ---------------------------------------------------------------------------------------------- */

static void note_joined(void *arg)
{
    const struct guest *guest = arg;
    *guest->joined = true;
}

static _Noreturn void be_the_child(struct guest *guest, int node_fd, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
    if (getppid() != parent)
        _exit(RY_EXIT_FAILED);
    (void)close(node_fd);
    (void)close(guest->listen_fd);
    (void)close(guest->signal_fd);
    (void)sigprocmask(SIG_SETMASK, &guest->before, NULL);
    int code = guest->options->work(guest->options->arg, guest->socket, note_joined, guest);
    (void)fflush(NULL);
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
    _exit(code);
}

static bool start(struct guest *guest, int node_fd)
{
    pid_t parent = getpid();
    *guest->joined = false;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        be_the_child(guest, node_fd, parent);
    if (child < 0) {
        RY_LOG(RY_ERROR, "process_not_started", "name=%s reason=%s", guest->options->name, strerror(errno));
        return false;
    }
    guest->child = child;
    return true;
}

/* The process's end of the connection; -1: the process ended, or the node hung up. */
static int admit(struct guest *guest, int node_fd)
{
    struct pollfd fds[3] = {
        {.fd = -1}, {.fd = guest->listen_fd, .events = POLLIN}, {.fd = node_fd, .events = POLLRDHUP}};
    while (guest->child) {
        await(guest, fds, 3, -1);
        int fd = fds[1].revents ? accept4(guest->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
        if (fd >= 0 || fds[2].revents)
            return fd;
    }
    return -1;
}

static void carry(struct guest *guest, int own_fd, int node_fd)
{
    struct pollfd fds[3];
    bool going = true;
    int64_t left_ms = SILENCE_MS, heard_mono_ms = ry_mono_ms(ry_clock_system());
    ry_proxy_begin(&guest->proxy, own_fd, node_fd);
    while (going && guest->child && left_ms > 0) {
        ry_proxy_polls(&guest->proxy, fds + 1);
        await(guest, fds, 3, (int)left_ms);
        going = ry_proxy_work(&guest->proxy, fds + 1);
        if (guest->proxy.lanes[1].heard)
            heard_mono_ms = ry_mono_ms(ry_clock_system());
        guest->proxy.lanes[1].heard = false;
        left_ms = heard_mono_ms + SILENCE_MS - ry_mono_ms(ry_clock_system());
    }
    if (left_ms <= 0)
        RY_LOG(RY_WARNING, "node_silent", "name=%s silence_ms=%d", guest->options->name, SILENCE_MS);
    /* What it said before it ended. */
    for (int i = 0; going && i < 64; i++) {
        ry_proxy_polls(&guest->proxy, fds + 1);
        if (poll(fds + 1, 2, 0) <= 0)
            break;
        going = ry_proxy_work(&guest->proxy, fds + 1);
    }
}

/* The connection is over: so is the process, if not by itself. */
static void finish(struct guest *guest)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + LEAVE_MS;
    struct pollfd signals[1];
    int64_t left_ms;
    while (guest->child && (left_ms = until_mono_ms - ry_mono_ms(ry_clock_system())) > 0)
        await(guest, signals, 1, (int)left_ms);
    if (guest->child == 0)
        return;
    (void)kill(guest->child, SIGKILL);
    (void)waitpid(guest->child, &guest->status, 0);
    guest->child = 0;
}

/* The exit code of a stop that was asked for. A try that the stop cut short has failed in nothing: no code but the
 * stop's own is due when the node could not be had, or the process was stopped before it was welcome. */
static int judge_stop(const struct guest *guest, int code)
{
    bool cut_short =
        WIFEXITED(guest->status) ? code == RY_GUEST_AGAIN : WTERMSIG(guest->status) == SIGTERM || !*guest->joined;
    return cut_short ? RY_EXIT_DONE : code;
}

/* Whether there is to be another try, or the exit code. */
static int judge(struct guest *guest)
{
    int code = WIFEXITED(guest->status) ? WEXITSTATUS(guest->status) : RY_EXIT_FAILED;
    guest->welcome = guest->welcome || *guest->joined;
    if (guest->stopping)
        return judge_stop(guest, code);
    if (WIFEXITED(guest->status) && code == RY_EXIT_CONFIG)
        return code;
    if (!guest->welcome && WIFEXITED(guest->status) && code != RY_GUEST_AGAIN && code != RY_EXIT_DONE)
        return code;
    if (WIFSIGNALED(guest->status))
        RY_LOG(RY_WARNING, "process_died", "name=%s signal=%s", guest->options->name,
               strsignal(WTERMSIG(guest->status)));
    else
        RY_LOG(RY_WARNING, "node_lost", "name=%s node=%s", guest->options->name, guest->options->join);
    return GO_ON;
}

static int try_once(struct guest *guest)
{
    int node_fd = dial(guest);
    if (node_fd < 0)
        return guest->stopping ? RY_EXIT_DONE : GO_ON;
    if (!start(guest, node_fd)) {
        (void)close(node_fd);
        return GO_ON;
    }
    int own_fd = admit(guest, node_fd);
    if (own_fd >= 0) {
        carry(guest, own_fd, node_fd);
        (void)close(own_fd);
    } else if (guest->child) {
        (void)kill(guest->child, SIGKILL); /* it has nothing to wait for */
    }
    (void)close(node_fd);
    finish(guest);
    return judge(guest);
}

static void pause_before_next(struct guest *guest, int64_t lived_ms)
{
    if (lived_ms >= CALM_MS)
        guest->young = 0;
    int64_t wait_ms = ry_backoff_doubling_ms(&guest->rng, AGAIN_FIRST_MS, AGAIN_MAX_MS, guest->young, 25);
    if (guest->young < 16)
        guest->young++;
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + wait_ms;
    struct pollfd signals[1];
    int64_t left_ms;
    while (!guest->stopping && (left_ms = until_mono_ms - ry_mono_ms(ry_clock_system())) > 0)
        await(guest, signals, 1, (int)left_ms);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int listen_here(struct guest *guest, struct ry_error *err)
{
    const char *tmp = getenv("TMPDIR");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(guest->folder, sizeof guest->folder, "%s/reelyard-guest.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (n >= (int)sizeof guest->folder)
        return ry_fail(err, RY_ECONFIG, "the folder %s is too long for a socket: set TMPDIR", tmp);
    if (mkdtemp(guest->folder) == NULL) {
        int rc = ry_fail(err, RY_EIO, "cannot make a folder for a socket: %s: %s", guest->folder, strerror(errno));
        guest->folder[0] = '\0';
        return rc;
    }
    (void)snprintf(guest->socket, sizeof guest->socket, "%s/node.sock", guest->folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", guest->socket);
    guest->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (guest->listen_fd < 0 || bind(guest->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(guest->listen_fd, 4) != 0)
        return ry_fail(err, RY_EIO, "cannot listen at %s: %s", guest->socket, strerror(errno));
    return RY_OK;
}

static int begin(struct guest *guest, struct ry_error *err)
{
    static const int watched[] = {SIGINT, SIGTERM, SIGCHLD, 0};
    guest->rng.state = (uint64_t)ry_wall_ms(ry_clock_system()) ^ (uint64_t)getpid() << 40;
    int rc = ry_signals_open(&guest->signal_fd, watched, &guest->before, err);
    if (rc != RY_OK)
        return rc;
    guest->joined = mmap(NULL, sizeof *guest->joined, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (guest->joined == MAP_FAILED) {
        guest->joined = NULL;
        return ry_fail(err, RY_ENOMEM, "no memory for a process");
    }
    return listen_here(guest, err);
}

static void guest_free(struct guest *guest)
{
    if (guest->listen_fd >= 0)
        (void)close(guest->listen_fd);
    if (guest->signal_fd >= 0)
        (void)close(guest->signal_fd);
    if (guest->socket[0])
        (void)unlink(guest->socket);
    if (guest->folder[0])
        (void)rmdir(guest->folder);
    if (guest->joined)
        (void)munmap(guest->joined, sizeof *guest->joined);
    free(guest);
}

int ry_guest_run(struct ry_cli *cli, const struct ry_guest_options *options)
{
    struct ry_error err;
    struct guest *guest = calloc(1, sizeof *guest);
    if (guest == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "no memory for a connection");
    guest->options = options;
    guest->listen_fd = guest->signal_fd = -1;
    int code = GO_ON;
    if (!parse(guest, options->join))
        code = ry_cli_complain(cli, RY_EXIT_USAGE, "--join: \"%s\" must be tcp://HOST:PORT", options->join);
    else if (begin(guest, &err) != RY_OK)
        code = ry_cli_fail(cli, &err);
    while (code == GO_ON) {
        int64_t start_mono_ms = ry_mono_ms(ry_clock_system());
        code = try_once(guest);
        if (code == GO_ON)
            pause_before_next(guest, ry_mono_ms(ry_clock_system()) - start_mono_ms);
        if (code == GO_ON && guest->stopping)
            code = RY_EXIT_DONE;
    }
    guest_free(guest);
    return code;
}
