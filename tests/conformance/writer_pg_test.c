/* writer_pg_test.c: PostgreSQL: the suite, on a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/log.h"
#include "tests/bed/postgres_server.h"
#include "tests/conformance/writer_pg_store.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, 2);
    if (!postgres_server_available()) {
        fprintf(stderr, "no PostgreSQL server is installed: passed over\n");
        return 0;
    }
    struct postgres_server server;
    postgres_server_make(&server);
    struct writer_pg_store store;
    writer_pg_store_init(&store, &server);
    int failed = writer_suite_run(&store.store);
    postgres_server_remove(&server);
    return failed;
}
