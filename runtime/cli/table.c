/* table.c: text in columns for a terminal.
 *
 * Owns the cells until the table is printed. Promises that control characters in cells do not reach the terminal. */
#include "runtime/cli/table.h"

#include <stdarg.h>

#include "runtime/cli/cli.h"

#define TABLE_BYTES_MAX ((size_t)64 << 20)
#define CELL_BYTES      512
#define WIDTH_MAX       48 /* a wider cell moves its row, not the table */

struct ry_table_row {
    struct ry_table_row *next;
    struct ry_str cells[];
};

/* Columns of a text: its characters. */
static size_t text_width(struct ry_str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.n; i++)
        width += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return width;
}

static void add_cell(struct ry_table *table, struct ry_str text)
{
    if (table->at == 0) {
        size_t size = sizeof *table->last + table->columns * sizeof(struct ry_str);
        struct ry_table_row *row = ry_arena_alloc(&table->arena, size);
        if (row == NULL)
            return;
        if (table->last)
            table->last->next = row;
        else
            table->first = row;
        table->last = row;
    }
    table->last->cells[table->at] = ry_arena_str(&table->arena, text);
    table->at = (table->at + 1) % table->columns;
}

void ry_table_init(struct ry_table *table, const char *const *headings, size_t columns)
{
    *table = (struct ry_table){.arena = ry_arena_make(TABLE_BYTES_MAX), .columns = columns};
    for (size_t i = 0; i < columns; i++)
        add_cell(table, ry_str_of(headings[i]));
}

void ry_table_cell(struct ry_table *table, const char *format, ...)
{
    char text[CELL_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    add_cell(table, (struct ry_str){text, length});
}

void ry_table_print(struct ry_table *table, FILE *out)
{
    size_t widths[RY_TABLE_COLUMNS_MAX] = {0};
    for (const struct ry_table_row *row = table->first; row; row = row->next) {
        for (size_t i = 0; i < table->columns; i++) {
            size_t width = text_width(row->cells[i]);
            if (width > widths[i] && width <= WIDTH_MAX)
                widths[i] = width;
        }
    }
    for (const struct ry_table_row *row = table->first; row; row = row->next) {
        for (size_t i = 0; i < table->columns; i++) {
            ry_cli_print_safe(out, row->cells[i]);
            size_t width = text_width(row->cells[i]);
            if (i + 1 < table->columns)
                (void)fprintf(out, "%*s", (int)(2 + (width < widths[i] ? widths[i] - width : 0)), "");
        }
        (void)fputc('\n', out);
    }
    ry_arena_free(&table->arena);
}
