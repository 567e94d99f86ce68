/* writer_pg_test.c: the suite on a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/log.h"
#include "tests/conformance/writer_pg_store.h"

#include <unistd.h>

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    postgres_server_needed();
    struct postgres_server server;
    postgres_server_make(&server);
    struct writer_pg_store store;
    writer_pg_store_init(&store, &server);
    int failed = writer_suite_run(&store.store);
    postgres_server_remove(&server);
    return failed ? 1 : 0;
}
