/* redis_server.c: a Redis of the test's own: started on a free port, stopped with the test. */
#include "tests/bed/redis_server.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/queue/redis_link.h"
#include "tests/bed/skip.h"
#include "tests/bed/patience.h"

#define ARGS_MAX      64
#define START_WAIT_MS 20

struct redis_server {
    pid_t pid; /* 0: does not run */
    unsigned port;
    const char *program;
    bool append_only;
    const char *const *extra;
    char folder[64];
    char url[64];
    struct ry_redis_url where;
    struct ry_redis_link link;
    struct ry_buf answer;
};

static unsigned free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

/* Redis, or else Valkey, which some systems have in its place. */
static const char *find_program(void)
{
    static const char *const names[] = {"redis-server", "valkey-server"};
    char folder[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (skip_path_of(names[i], folder, sizeof folder))
            return names[i];
    return NULL;
}

void redis_server_needed(void)
{
    if (!find_program())
        skip_program("there is neither redis-server nor valkey-server (Debian packages of these names)");
}

static void run_server(const struct redis_server *server)
{
    char port[8];
    const char *argv[ARGS_MAX] = {server->program, "--port",       port,
                                  "--bind",        "127.0.0.1",    "--dir",
                                  server->folder,  "--save",       "",
                                  "--loglevel",    "warning",      "--logfile",
                                  "redis.log",     "--appendonly", server->append_only ? "yes" : "no",
                                  "--appendfsync", "always"};
    size_t n = 17;
    (void)snprintf(port, sizeof port, "%u", server->port);
    for (const char *const *arg = server->extra; arg && *arg && n + 1 < ARGS_MAX; arg++)
        argv[n++] = *arg;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Waits until it answers PING; false if it has ended, because another took the port. */
static bool answers(struct redis_server *server)
{
    for (int i = 0; i < PATIENCE_MS / START_WAIT_MS; i++) {
        struct ry_error err;
        int rc = ry_redis_link_open(&server->link, &err);
        redisReply *reply = NULL;
        if (rc == RY_OK)
            rc = ry_redis_link_call(&server->link, RY_STR("*1\r\n$4\r\nPING\r\n"), &reply, &err);
        if (reply)
            freeReplyObject(reply);
        /* Refused for want of a password is an answer too. */
        if (rc == RY_OK || rc == RY_EACCES)
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            return false;
        (void)poll(NULL, 0, START_WAIT_MS);
    }
    return false;
}

static bool start(struct redis_server *server)
{
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        run_server(server);
    return answers(server);
}

struct redis_server *redis_server_start(const struct redis_server_options *options)
{
    struct redis_server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    server->program = find_program();
    assert_non_null(server->program);
    server->append_only = options && options->append_only;
    server->extra = options ? options->extra : NULL;
    server->answer = ry_buf_make((size_t)64 << 20);
    (void)snprintf(server->folder, sizeof server->folder, "/tmp/reelyard-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    for (int i = 0; i < 5; i++) {
        server->port = free_port();
        (void)snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%u", server->port);
        assert_int_equal(ry_redis_url_parse(&server->where, server->url, NULL), RY_OK);
        ry_redis_link_init(&server->link, &server->where, PATIENCE_MS);
        if (start(server))
            return server;
    }
    fail_msg("%s does not start; see %s/redis.log", server->program, server->folder);
    return NULL;
}

static void end(struct redis_server *server, int signal_number)
{
    ry_redis_link_close(&server->link);
    if (server->pid == 0)
        return;
    assert_int_equal(kill(server->pid, signal_number), 0);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
}

void redis_server_stop(struct redis_server *server)
{
    end(server, SIGTERM);
}

void redis_server_kill(struct redis_server *server)
{
    end(server, SIGKILL);
}

void redis_server_restart(struct redis_server *server)
{
    assert_int_equal(server->pid, 0);
    if (!start(server))
        fail_msg("%s does not start again; see %s/redis.log", server->program, server->folder);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void redis_server_free(struct redis_server *server)
{
    if (server == NULL)
        return;
    end(server, SIGTERM);
    assert_int_equal(nftw(server->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    ry_buf_free(&server->answer);
    free(server);
}

const char *redis_server_url(const struct redis_server *server)
{
    return server->url;
}

unsigned redis_server_port(const struct redis_server *server)
{
    return server->port;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void print(struct ry_buf *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER: (void)ry_buf_addf(out, "%lld", reply->integer); break;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++) {
            print(out, reply->element[i]);
            if (i + 1 < reply->elements)
                (void)ry_buf_add(out, "\n", 1);
        }
        break;
    case REDIS_REPLY_NIL: break;
    default: (void)ry_buf_add(out, reply->str, reply->len); break;
    }
}

static const char *say(struct redis_server *server, va_list args, bool may_fail)
{
    const char *argv[ARGS_MAX];
    size_t n = 0;
    while (n < ARGS_MAX && (argv[n] = va_arg(args, const char *)) != NULL)
        n++;
    RY_BUF_AUTO command = ry_buf_make((size_t)128 << 20);
    ry_redis_argc(&command, n);
    for (size_t i = 0; i < n; i++)
        ry_redis_arg_text(&command, argv[i]);
    struct ry_error err = {0};
    if (server->link.fd < 0 && ry_redis_link_open(&server->link, &err) != RY_OK)
        fail_msg("%s", err.text);
    redisReply *reply = NULL;
    int rc = ry_redis_link_call(&server->link, ry_buf_str(&command), &reply, &err);
    ry_buf_reset(&server->answer);
    if (rc == RY_OK) {
        print(&server->answer, reply);
        freeReplyObject(reply);
    } else if (may_fail) {
        (void)ry_buf_addf(&server->answer, "%s", err.text);
    } else {
        fail_msg("%s: %s", argv[0], err.text);
    }
    const char *text = ry_buf_cstr(&server->answer);
    return text ? text : "";
}

const char *redis_server_say(struct redis_server *server, ...)
{
    va_list args;
    va_start(args, server);
    const char *text = say(server, args, false);
    va_end(args);
    return text;
}

const char *redis_server_try(struct redis_server *server, ...)
{
    va_list args;
    va_start(args, server);
    const char *text = say(server, args, true);
    va_end(args);
    return text;
}

int64_t redis_server_int(struct redis_server *server, ...)
{
    va_list args;
    va_start(args, server);
    const char *text = say(server, args, false);
    va_end(args);
    return strtoll(text, NULL, 10);
}

int64_t redis_server_commands(struct redis_server *server)
{
    const char *line = redis_server_say(server, "INFO", "commandstats", NULL);
    int64_t calls = 0;
    while ((line = strstr(line, "cmdstat_")) != NULL) {
        bool own = strncmp(line, "cmdstat_info", 12) == 0 || strncmp(line, "cmdstat_config", 14) == 0;
        const char *number = strstr(line, ":calls=");
        line += 8;
        if (number && !own)
            calls += strtoll(number + 7, NULL, 10);
    }
    return calls;
}

int redis_server_begin(void **state)
{
    *state = redis_server_start(NULL);
    return *state == NULL;
}

int redis_server_end(void **state)
{
    redis_server_free(*state);
    return 0;
}
