/* writer_pg_origin_test.c: the suite on the bot's tables, and on reelyard's, both without one default of a column: what
 * Tortoise 1.1.1 and newer make of the bot's models, and what is left when somebody takes the defaults away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/log.h"
#include "tests/conformance/writer_pg_store.h"

#include <stdio.h>
#include <unistd.h>

#define SKIPPED 77

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    if (!postgres_server_available()) {
        fprintf(stderr, "skipped: no PostgreSQL server is installed\n");
        return SKIPPED;
    }
    struct postgres_server server;
    postgres_server_make(&server);
    struct writer_pg_store bot;
    writer_pg_store_init(&bot, &server);
    bot.store.name = "writer on the bot's tables";
    bot.before = "tables.sql";
    int failed = writer_suite_run(&bot.store);
    struct writer_pg_store bare;
    writer_pg_store_init(&bare, &server);
    bare.store.name = "writer on tables without defaults";
    bare.name = "bare";
    bare.after = "without_defaults.sql";
    failed += writer_suite_run(&bare.store);
    postgres_server_remove(&server);
    return failed;
}
