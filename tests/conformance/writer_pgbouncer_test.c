/* writer_pgbouncer_test.c: the suite on a real PostgreSQL through PgBouncer in transaction mode, where no state of a
 * session survives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/pg_pool.h"
#include "runtime/base/log.h"
#include "tests/bed/skip.h"
#include "tests/conformance/writer_pg_store.h"
#include "tests/bed/patience.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PGBOUNCER "/usr/sbin/pgbouncer"
#define TRY_MS    20

/* Starts PgBouncer before the server, and waits until it answers. */
static pid_t start_bouncer(struct writer_pg_store *store)
{
    struct postgres_server *server = store->server;
    char path[128], program[] = PGBOUNCER;
    snprintf(path, sizeof path, "%s/pgbouncer.ini", server->folder);
    store->port = postgres_server_free_port();
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file,
            "[databases]\n* = host=%s port=%d user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"
            "unix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 100\n"
            "default_pool_size = 4\n",
            server->folder, server->port, store->port);
    assert_int_equal(fclose(file), 0);
    char *argv[] = {program, path, NULL};
    pid_t pid = postgres_server_spawn(server, "pgbouncer", argv);
    struct ry_config *config = writer_pg_store_config(store, "postgres", "");
    struct pg_pool *pool = NULL;
    struct ry_error err = {0};
    assert_int_equal(pg_pool_open(config, &pool, &err), RY_OK);
    for (int waited_ms = 0;; waited_ms += TRY_MS) {
        struct pg_link *link = NULL;
        bool up = pg_pool_take(pool, pg_now_mono_ms() + 1000, &link, &err) == RY_OK;
        pg_pool_put(pool, &link);
        if (up)
            break;
        if (waited_ms > PATIENCE_MS || waitpid(pid, NULL, WNOHANG) != 0)
            fail_msg("PgBouncer does not start: %s", err.text);
        (void)poll(NULL, 0, TRY_MS);
    }
    pg_pool_close(&pool);
    ry_config_free(&config);
    return pid;
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    postgres_server_needed();
    if (access(PGBOUNCER, X_OK) != 0)
        skip_program("there is no " PGBOUNCER " (Debian package pgbouncer)");
    struct postgres_server server;
    postgres_server_make(&server);
    struct writer_pg_store store;
    writer_pg_store_init(&store, &server);
    pid_t pid = start_bouncer(&store);
    store.store.name = "writer on postgresql behind pgbouncer";
    int failed = writer_suite_run(&store.store);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    postgres_server_remove(&server);
    return failed ? 1 : 0;
}
