/* postgres_server.c: starts and ends a real PostgreSQL.
 *
 * The server is our child directly (no pg_ctl), so that it can be told to die when this process does. Its user is
 * changed in the child; the folder is that user's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/bed/postgres_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bed/skip.h"
#include "tests/bed/patience.h"

#define TRY_MS 20

/* Finds the programs of the newest server below /usr/lib/postgresql, where Debian puts each major version into a folder
 * of its own; else those along PATH. */
static bool find_binaries(char *folder, size_t bytes)
{
    const char *named = getenv("PG_BINDIR");
    if (named) {
        char path[PATH_MAX];
        snprintf(folder, bytes, "%s", named);
        snprintf(path, sizeof path, "%s/postgres", named);
        return access(path, X_OK) == 0;
    }
    glob_t found;
    unsigned long newest = 0;
    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            unsigned long version = strtoul(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);
            if (version < newest)
                continue;
            newest = version;
            snprintf(folder, bytes, "%.*s", (int)(strrchr(found.gl_pathv[i], '/') - found.gl_pathv[i]),
                     found.gl_pathv[i]);
        }
        globfree(&found);
    }
    if (newest > 0)
        return true;
    return skip_path_of("postgres", folder, bytes);
}

bool postgres_server_available(void)
{
    char folder[256];
    return find_binaries(folder, sizeof folder);
}

void postgres_server_needed(void)
{
    if (!postgres_server_available())
        skip_program("there is no PostgreSQL server (Debian package postgresql)");
}

int postgres_server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* In the child: becomes postgres if it is root, and ends with its parent. */
static void become(pid_t parent)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent)
        _exit(126);
}

pid_t postgres_server_spawn(struct postgres_server *server, const char *name, char *const *argv)
{
    char log[128];
    snprintf(log, sizeof log, "%s/%s.log", server->folder, name);
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    become(parent);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), null = open("/dev/null", O_RDONLY);
    if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(server->folder) != 0)
        _exit(126);
    unsetenv("LC_ALL");
    execv(argv[0], argv);
    _exit(127);
}

static void show_log(const struct postgres_server *server, const char *name)
{
    char path[128], line[512];
    snprintf(path, sizeof path, "%s/%s.log", server->folder, name);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fputs(line, stderr);
    if (file != NULL)
        (void)fclose(file);
}

void postgres_server_make(struct postgres_server *server)
{
    *server = (struct postgres_server){.folder = "/tmp/reelyard-pg-XXXXXX"};
    assert_true(find_binaries(server->binaries, sizeof server->binaries));
    assert_non_null(mkdtemp(server->folder));
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL)
        assert_int_equal(chown(server->folder, user->pw_uid, user->pw_gid), 0);
    char program[300], data[96];
    snprintf(program, sizeof program, "%s/initdb", server->binaries);
    snprintf(data, sizeof data, "%s/data", server->folder);
    char *argv[] = {
        program,         (char *)"-D",        data,         (char *)"-U",   (char *)"postgres",   (char *)"-A",
        (char *)"trust", (char *)"--no-sync", (char *)"-E", (char *)"UTF8", (char *)"--locale=C", NULL};
    pid_t pid = postgres_server_spawn(server, "initdb", argv);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        show_log(server, "initdb");
    assert_int_equal(status, 0);
    server->port = postgres_server_free_port();
    postgres_server_start(server);
}

static PGconn *connect_to(struct postgres_server *server, const char *database)
{
    char text[256];
    snprintf(text, sizeof text, "host=%s port=%d user=postgres dbname=%s connect_timeout=10", server->folder,
             server->port, database ? database : "postgres");
    return PQconnectdb(text);
}

void postgres_server_start(struct postgres_server *server)
{
    char program[300], data[96], port[16];
    snprintf(program, sizeof program, "%s/postgres", server->binaries);
    snprintf(data, sizeof data, "%s/data", server->folder);
    snprintf(port, sizeof port, "%d", server->port);
    char *argv[] = {program,
                    (char *)"-D",
                    data,
                    (char *)"-k",
                    server->folder,
                    (char *)"-p",
                    port,
                    (char *)"-c",
                    (char *)"listen_addresses=127.0.0.1",
                    (char *)"-c",
                    (char *)"fsync=off",
                    (char *)"-c",
                    (char *)"full_page_writes=off",
                    (char *)"-c",
                    (char *)"deadlock_timeout=200ms",
                    (char *)"-c",
                    (char *)"max_connections=40",
                    (char *)"-c",
                    (char *)"autovacuum=off",
                    (char *)"-c",
                    (char *)"log_min_messages=fatal",
                    (char *)"-c",
                    (char *)"shared_buffers=64MB",
                    NULL};
    server->pid = postgres_server_spawn(server, "postgres", argv);
    for (int waited_ms = 0;; waited_ms += TRY_MS) {
        PGconn *conn = connect_to(server, NULL);
        bool up = PQstatus(conn) == CONNECTION_OK;
        PQfinish(conn);
        if (up)
            return;
        if (waited_ms > PATIENCE_MS || waitpid(server->pid, NULL, WNOHANG) != 0) {
            show_log(server, "postgres");
            server->pid = 0;
            fail_msg("PostgreSQL does not start");
        }
        (void)poll(NULL, 0, TRY_MS);
    }
}

void postgres_server_disconnect(struct postgres_server *server)
{
    PQfinish(server->conn);
    server->conn = NULL;
}

void postgres_server_stop(struct postgres_server *server, bool immediate)
{
    postgres_server_disconnect(server);
    if (server->pid == 0)
        return;
    int status = 0;
    assert_int_equal(kill(server->pid, immediate ? SIGQUIT : SIGINT), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    server->pid = 0;
}

void postgres_server_remove(struct postgres_server *server)
{
    postgres_server_stop(server, true);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", server->folder);
    assert_int_equal(system(command), 0);
}

void postgres_server_sql(struct postgres_server *server, const char *database, const char *sql, char *text,
                         size_t text_bytes)
{
    const char *name = database ? database : "postgres";
    if (server->conn != NULL && (strcmp(server->database, name) != 0 || PQstatus(server->conn) != CONNECTION_OK))
        postgres_server_disconnect(server);
    if (server->conn == NULL) {
        server->conn = connect_to(server, name);
        snprintf(server->database, sizeof server->database, "%s", name);
    }
    PGresult *result = PQexec(server->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(server->conn));
    size_t used = 0;
    if (text != NULL)
        text[0] = '\0';
    for (int i = 0; text != NULL && i < PQntuples(result); i++) {
        used += (size_t)snprintf(text + used, text_bytes - used, "%s%s", i ? "," : "", PQgetvalue(result, i, 0));
        assert_true(used < text_bytes);
    }
    PQclear(result);
}
