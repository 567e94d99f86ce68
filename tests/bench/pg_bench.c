/* pg_bench.c PEER [MESSAGES]: what PostgreSQL costs the writer: rows of `message` with all its indexes, per second.
 *
 * The engine writes batches of 1,000 messages, each a transaction of one round trip: into an empty table as a first
 * scan does, which knows that they are new, then the same once more (a rescan), with the bytes of log that a row costs.
 * Beside it, in the same run on the same server of its own: (a) a client that inserts row by row, (b) INSERT ... SELECT
 * generate_series, the server alone, (c) PEER, a Python program that uses asyncpg's executemany in batches of 100. Rows
 * are made before the clock starts. The rounds take turns, because machines are noisy: read the ratios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actors/writer/batch.h"
#include "actors/writer/engine_open.h"
#include "runtime/base/log.h"
#include "tests/conformance/writer_pg_store.h"

#define BATCH_MESSAGES  1000
#define ROUNDS          5
#define ROW_BY_ROW_PART 20 /* the slow way does a part of the rows */
#define START_WALL_MS   INT64_C(1600000000000)
#define FIRST_ID        UINT64_C(1297213456789012480)
#define GUILD           "41771983423143937"
#define CHANNEL         "1424914917202464798"
#define FRESH_AIM       0.8 /* of (b) */
#define PEER_AIM        1.8 /* times (c) */
#define RESCAN_AIM      4.0 /* times fresh rows */

enum way { WAY_FRESH, WAY_RESCAN, WAY_ROW_BY_ROW, WAY_SERVER, WAY_PEER, WAY_COUNT };

struct bench {
    struct postgres_server server;
    struct writer_pg_store store;
    struct writer_engine *engine;
    struct ry_arena arena; /* of the batches */
    struct ry_arena transaction;
    struct ry_batch_write *batches;
    unsigned messages;
    const char *peer;                /* NULL: it cannot run here */
    double rates[WAY_COUNT][ROUNDS]; /* rows per second */
    double wal_bytes[WAY_COUNT];     /* per row, of the last round */
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sql(struct bench *b, const char *text)
{
    postgres_server_sql(&b->server, b->store.database, text, NULL, 0);
}

static double wal(struct bench *b)
{
    char text[64];
    postgres_server_sql(&b->server, b->store.database, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')",
                        text, sizeof text);
    return strtod(text, NULL);
}

static void check(int rc, const struct ry_error *err)
{
    if (rc == RY_OK)
        return;
    fprintf(stderr, "pg_bench: %s\n", err->text);
    exit(1);
}

static struct ry_batch_write make(struct bench *b, unsigned first)
{
    struct ry_batch_write batch = {.job_id = ry_arena_printf(&b->arena, "job-%u", first),
                                   .token = 1,
                                   .guild_id = RY_STR(GUILD),
                                   .channel_id = RY_STR(CHANNEL)};
    batch.messages.n = BATCH_MESSAGES;
    batch.messages.items = ry_arena_array(&b->arena, BATCH_MESSAGES, sizeof *batch.messages.items);
    for (unsigned i = 0; i < BATCH_MESSAGES; i++)
        batch.messages.items[i] = (struct ry_message_row){
            .id = ry_arena_printf(&b->arena, "%" PRIu64, FIRST_ID + (first + i) * UINT64_C(4194304)),
            .author_id = ry_arena_printf(&b->arena, "1759288472991%05u", (first + i) % 500),
            .content = ry_arena_printf(&b->arena, "that was the round of the evening, number %u", first + i),
            .timestamp_wall_ms = START_WALL_MS + (int64_t)(first + i) * 1000};
    return batch;
}

static void make_all(struct bench *b)
{
    b->batches = ry_arena_array(&b->arena, b->messages / BATCH_MESSAGES, sizeof *b->batches);
    for (unsigned i = 0; i < b->messages / BATCH_MESSAGES; i++)
        b->batches[i] = make(b, i * BATCH_MESSAGES);
}

static double write_all(struct bench *b, bool fresh)
{
    struct ry_error err = {0};
    const struct writer_engine_ops *ops = b->engine->ops;
    double began_s = now_s();
    for (unsigned i = 0; i < b->messages / BATCH_MESSAGES; i++) {
        b->batches[i].fresh = fresh;
        struct writer_batch batch = {.write = &b->batches[i]};
        struct writer_batch *list[] = {&batch};
        check(ops->begin(b->engine, &err), &err);
        check(writer_batches_write(b->engine, list, 1, &b->transaction, &err), &err);
        check(ops->commit(b->engine, &err), &err);
        ry_arena_reset(&b->transaction);
    }
    return b->messages / (now_s() - began_s);
}

static double write_fresh(struct bench *b)
{
    return write_all(b, true);
}

static double write_again(struct bench *b)
{
    return write_all(b, false);
}

static double run_peer(struct bench *b)
{
    char command[512], text[64] = "";
    if (b->peer == NULL)
        return 0;
    snprintf(command, sizeof command, "/usr/bin/python3 %s postgresql://postgres@127.0.0.1:%d/%s %u", b->peer,
             b->server.port, b->store.database, b->messages);
    FILE *out = popen(command, "r");
    bool said = out != NULL && fgets(text, sizeof text, out) != NULL;
    if (out == NULL || pclose(out) != 0 || !said) {
        fprintf(stderr, "pg_bench: the peer did not run, and is left out: %s\n", command);
        b->peer = NULL;
        return 0;
    }
    return b->messages / strtod(text, NULL);
}

/* As a client without batches does: one statement, one transaction a row, prepared once. */
static double insert_row_by_row(struct bench *b)
{
    char address[128];
    snprintf(address, sizeof address, "host=127.0.0.1 port=%d user=postgres dbname=%s", b->server.port,
             b->store.database);
    PGconn *conn = PQconnectdb(address);
    PGresult *result = PQprepare(conn, "one",
                                 "INSERT INTO message (id, guild_id, channel_id, author_id, content, timestamp)"
                                 " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET content ="
                                 " excluded.content",
                                 6, NULL);
    PQclear(result);
    unsigned n = b->messages / ROW_BY_ROW_PART;
    double began_s = now_s();
    for (unsigned i = 0; i < n; i++) {
        char id[24], author[24], content[64], posted[RY_TIME_TEXT_BYTES];
        snprintf(id, sizeof id, "%" PRIu64, FIRST_ID + i * UINT64_C(4194304));
        snprintf(author, sizeof author, "1759288472991%05u", i % 500);
        snprintf(content, sizeof content, "that was the round of the evening, number %u", i);
        ry_time_format(START_WALL_MS + (int64_t)i * 1000, posted);
        const char *const values[] = {id, GUILD, CHANNEL, author, content, posted};
        result = PQexecPrepared(conn, "one", 6, values, NULL, NULL, 0);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            fprintf(stderr, "pg_bench: %s\n", PQerrorMessage(conn));
            exit(1);
        }
        PQclear(result);
    }
    double rate = n / (now_s() - began_s);
    PQfinish(conn);
    return rate;
}

static double generate(struct bench *b)
{
    char text[1024];
    snprintf(text, sizeof text,
             "INSERT INTO message (id, guild_id, channel_id, author_id, content, timestamp, created_at, updated_at)"
             " SELECT (%" PRIu64 " + i * 4194304::bigint)::text, '" GUILD "', '" CHANNEL "', '1759288472991' ||"
             " lpad((i %% 500)::text, 5, '0'), 'that was the round of the evening, number ' || i,"
             " to_timestamp(1600000000 + i), now(), now() FROM generate_series(0, %u) i",
             FIRST_ID, b->messages - 1);
    double began_s = now_s();
    sql(b, text);
    return b->messages / (now_s() - began_s);
}

static void measure(struct bench *b, enum way way, unsigned round, double (*run)(struct bench *))
{
    if (way != WAY_RESCAN)
        sql(b, "SET client_min_messages = error; TRUNCATE message CASCADE");
    sql(b, "CHECKPOINT");
    double wal_before = wal(b);
    b->rates[way][round] = run(b);
    unsigned rows = way == WAY_ROW_BY_ROW ? b->messages / ROW_BY_ROW_PART : b->messages;
    b->wal_bytes[way] = (wal(b) - wal_before) / rows;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(double *rates)
{
    qsort(rates, ROUNDS, sizeof *rates, compare);
    return rates[ROUNDS / 2];
}

static void print_aim(const char *what, double ratio, double aim)
{
    printf("%s: %.2f, aim %.1f: %s\n", what, ratio, aim, ratio >= aim ? "met" : "missed");
}

static void print_all(struct bench *b)
{
    static const char *const names[] = {"engine, fresh rows", "engine, rescan", "(a) client, row by row",
                                        "(b) server alone, generate_series", "(c) asyncpg, executemany by 100"};
    printf("%u messages with all indexes, batches of %d, %d rounds\n%-36s %12s %14s %8s\n", b->messages, BATCH_MESSAGES,
           ROUNDS, "", "rows/s", "WAL bytes/row", "to (b)");
    double alone = median(b->rates[WAY_SERVER]), fresh = median(b->rates[WAY_FRESH]);
    for (int way = 0; way < WAY_COUNT; way++)
        if (way != WAY_PEER || b->peer != NULL)
            printf("%-36s %12.0f %14.1f %8.2f\n", names[way], median(b->rates[way]), b->wal_bytes[way],
                   median(b->rates[way]) / alone);
    print_aim("fresh rows to the server alone", fresh / alone, FRESH_AIM);
    print_aim("a rescan to fresh rows", median(b->rates[WAY_RESCAN]) / fresh, RESCAN_AIM);
    if (b->peer != NULL)
        print_aim("fresh rows to asyncpg", fresh / median(b->rates[WAY_PEER]), PEER_AIM);
}

int main(int argc, char **argv)
{
    static struct bench b = {.messages = 50000};
    if (argc > 2)
        b.messages = (unsigned)strtoul(argv[2], NULL, 10) / BATCH_MESSAGES * BATCH_MESSAGES;
    b.peer = argc > 1 ? argv[1] : NULL;
    ry_log_setup(RY_ERROR, RY_LOG_AUTO, 2);
    if (b.messages < BATCH_MESSAGES || !postgres_server_available()) {
        fprintf(stderr, "pg_bench: needs a PostgreSQL server's programs, and %d messages at least\n", BATCH_MESSAGES);
        return 1;
    }
    struct ry_error err = {0};
    b.arena = ry_arena_make((size_t)1 << 30);
    b.transaction = ry_arena_make((size_t)64 << 20);
    make_all(&b);
    postgres_server_make(&b.server);
    writer_pg_store_init(&b.store, &b.server);
    check(b.store.store.open(&b.store.store, ry_clock_system(), &b.engine, &err), &err);
    /* What the messages belong to, so that every way pays for the same foreign keys. */
    sql(&b, "INSERT INTO guild (id, name) VALUES ('" GUILD "', 'A guild');"
            " INSERT INTO channel (id, guild_id, name) VALUES ('" CHANNEL "', '" GUILD "', 'clips')");
    for (unsigned round = 0; round < ROUNDS; round++) {
        measure(&b, WAY_SERVER, round, generate);
        measure(&b, WAY_FRESH, round, write_fresh);
        (void)write_again(&b); /* hint bits of the fresh rows */
        measure(&b, WAY_RESCAN, round, write_again);
        measure(&b, WAY_ROW_BY_ROW, round, insert_row_by_row);
        measure(&b, WAY_PEER, round, run_peer);
    }
    print_all(&b);
    writer_engine_close(&b.engine);
    ry_arena_free(&b.arena);
    ry_arena_free(&b.transaction);
    postgres_server_remove(&b.server);
    return 0;
}
