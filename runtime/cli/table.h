/* table.h: rows for a terminal, in columns as wide as their widest cell. */
#ifndef REELYARD_RUNTIME_CLI_TABLE_H
#define REELYARD_RUNTIME_CLI_TABLE_H

#include <stdio.h>

#include "runtime/base/arena.h"

#define RY_TABLE_COLUMNS_MAX 8

struct ry_table_row;

struct ry_table {
    struct ry_arena arena;
    struct ry_table_row *first;
    struct ry_table_row *last;
    size_t columns;
    size_t at; /* the column that the next cell goes to */
};

/* A table with these headings, `columns` of them. It holds at most 64 MiB of text; what does not fit is left out and
 * ry_table_print says so. */
void ry_table_init(struct ry_table *table, const char *const *headings, size_t columns);

/* Adds the next cell, row by row. */
void ry_table_cell(struct ry_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the table, the last column unpadded, and frees it. Text that strangers wrote is made safe for a terminal. */
void ry_table_print(struct ry_table *table, FILE *out);

#endif
