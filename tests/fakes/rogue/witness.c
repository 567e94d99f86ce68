/* witness.c: writes down rows, files, queue and dead letters as lines. Opens the database read-only; owns the lines. */
#include "tests/fakes/rogue/witness.h"

#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 2000

static void die(const char *what)
{
    (void)fprintf(stderr, "judge: %s\n", what);
    exit(2);
}

static void add(struct witness *witness, const char *line, const char *const *spared)
{
    for (; *spared; spared++)
        if (**spared && strstr(line, *spared))
            return;
    if (witness->n == witness->room) {
        witness->room = witness->room ? 2 * witness->room : 256;
        witness->lines = realloc(witness->lines, witness->room * sizeof *witness->lines);
    }
    if (witness->lines == NULL || (witness->lines[witness->n++] = strdup(line)) == NULL)
        die("out of memory");
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* What changes by itself while clips wait: times, leases' holders, sums over rows. */
static bool moves(const char *table, const char *column)
{
    static const char *const sums[] = {"reelyard_totals", "reelyard_channel_clips", "reelyard_queue_meta",
                                       "sqlite_sequence", "sqlite_stat1"};
    static const char *const columns[] = {"updated_at", "lease_until", "owner",         "due_wall_ms",    "consumer",
                                          "token",      "attempts",    "until_wall_ms", "pushed_wall_ms", "state"};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        if (strcmp(table, sums[i]) == 0)
            return true;
    for (size_t i = 0; column && i < sizeof columns / sizeof *columns; i++)
        if (strcmp(column, columns[i]) == 0)
            return true;
    return false;
}

static size_t put_value(char *line, size_t at, sqlite3_stmt *row, int column)
{
    int n = 0;
    size_t left = LINE_BYTES - at;
    if (sqlite3_column_type(row, column) == SQLITE_BLOB) {
        uint64_t sum = 14695981039346656037u;
        const unsigned char *bytes = sqlite3_column_blob(row, column);
        for (int i = 0; i < sqlite3_column_bytes(row, column); i++)
            sum = (sum ^ bytes[i]) * 1099511628211u;
        n = snprintf(line + at, left, "|%016" PRIx64, sum);
    } else {
        const unsigned char *text = sqlite3_column_text(row, column);
        n = snprintf(line + at, left, "|%s", text ? (const char *)text : "NULL");
    }
    return n < 0 || (size_t)n >= left ? LINE_BYTES - 1 : at + (size_t)n;
}

static void look_table(struct witness *witness, sqlite3 *db, const char *table, const char *const *spared)
{
    char sql[200];
    sqlite3_stmt *row = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table);
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    while (sqlite3_step(row) == SQLITE_ROW) {
        char line[LINE_BYTES];
        size_t at = (size_t)snprintf(line, sizeof line, "row %s", table);
        for (int i = 0; i < sqlite3_column_count(row); i++)
            if (!moves(table, sqlite3_column_name(row, i)))
                at = put_value(line, at, row, i);
        add(witness, line, spared);
    }
    (void)sqlite3_finalize(row);
}

static sqlite3 *open_database(const char *data)
{
    char path[4200];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/reelyard.db", data);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    (void)sqlite3_busy_timeout(db, 60000);
    return db;
}

static void look_rows(struct witness *witness, const char *data, const char *const *spared)
{
    sqlite3 *db = open_database(data);
    sqlite3_stmt *tables = NULL;
    if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1", -1, &tables, NULL) !=
            SQLITE_OK)
        die(sqlite3_errmsg(db));
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(tables, 0);
        if (!moves(table, NULL))
            look_table(witness, db, table, spared);
    }
    (void)sqlite3_finalize(tables);
    (void)sqlite3_close(db);
}

void witness_ask(const char *data, const char *sql, char *to, size_t size)
{
    sqlite3 *db = open_database(data);
    sqlite3_stmt *row = NULL;
    *to = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_text(row, 0))
        (void)snprintf(to, size, "%s", (const char *)sqlite3_column_text(row, 0));
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static uint64_t sum_of(const char *path)
{
    char bytes[65536];
    uint64_t sum = 14695981039346656037u;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211u;
    if (fd >= 0)
        (void)close(fd);
    return sum;
}

/* The node's own: the database, the socket, what is spooled. */
static bool is_of_node(const char *name)
{
    return strncmp(name, "reelyard.db", 11) == 0 || strcmp(name, "run") == 0 || strcmp(name, "spool") == 0 ||
           strcmp(name, "heap") == 0;
}

static void look_files(struct witness *witness, const char *data, const char *const *spared)
{
    char *const roots[] = {(char *)(uintptr_t)data, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    if (walk == NULL)
        die("cannot walk the data folder");
    while ((entry = fts_read(walk)) != NULL) {
        char line[LINE_BYTES];
        if (entry->fts_level == 1 && is_of_node(entry->fts_name)) {
            (void)fts_set(walk, entry, FTS_SKIP);
            continue;
        }
        if (entry->fts_info != FTS_F)
            continue;
        (void)snprintf(line, sizeof line, "file %s|%lld|%o|%016" PRIx64, entry->fts_path + strlen(data) + 1,
                       (long long)entry->fts_statp->st_size, (unsigned)entry->fts_statp->st_mode,
                       sum_of(entry->fts_accpath));
        add(witness, line, spared);
    }
    (void)fts_close(walk);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void witness_look(struct witness *witness, const char *data, const char *const *spared)
{
    *witness = (struct witness){0};
    look_rows(witness, data, spared);
    look_files(witness, data, spared);
    if (witness->n > 0)
        qsort(witness->lines, witness->n, sizeof *witness->lines, by_text);
}

void witness_free(struct witness *witness)
{
    for (size_t i = 0; i < witness->n; i++)
        free(witness->lines[i]);
    free(witness->lines);
    *witness = (struct witness){0};
}

size_t witness_differ(const struct witness *before, const struct witness *after, const char *prefix, size_t most)
{
    size_t differ = 0;
    for (size_t a = 0, b = 0; a < before->n || b < after->n;) {
        int order = a == before->n ? 1 : b == after->n ? -1 : strcmp(before->lines[a], after->lines[b]);
        if (order != 0 && differ++ < most)
            (void)printf("%s%c %.300s\n", prefix, order < 0 ? '-' : '+',
                         order < 0 ? before->lines[a] : after->lines[b]);
        a += order <= 0;
        b += order >= 0;
    }
    return differ;
}
