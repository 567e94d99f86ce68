/* csv.c: see csv.h. */
#include "runtime/cli/csv.h"

/* A number as this program prints them: a sign, digits, a point. */
static bool is_number(struct ry_str cell)
{
    size_t i = cell.n > 0 && cell.p[0] == '-';
    bool digits = false;
    for (; i < cell.n; i++) {
        if (cell.p[i] != '.' && (cell.p[i] < '0' || cell.p[i] > '9'))
            return false;
        digits = digits || cell.p[i] != '.';
    }
    return digits;
}

/* Formulas begin so; full-width signs count too in some programs. */
static bool is_formula(struct ry_str cell)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"}; /* = + - @ */
    if (cell.n == 0 || is_number(cell))
        return false;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (ry_str_starts(cell, ry_str_of(wide[i])))
            return true;
    return cell.p[0] != '\0' && strchr("=+-@\t\r\n", cell.p[0]) != NULL;
}

static bool needs_quotes(struct ry_str cell)
{
    for (size_t i = 0; i < cell.n; i++)
        if (cell.p[i] == ',' || cell.p[i] == '"' || cell.p[i] == '\n' || cell.p[i] == '\r')
            return true;
    return cell.n > 0 && (cell.p[0] == ' ' || cell.p[cell.n - 1] == ' ');
}

static void add_cell(struct ry_buf *out, struct ry_str cell)
{
    bool quotes = needs_quotes(cell);
    if (quotes)
        (void)ry_buf_add(out, "\"", 1);
    if (is_formula(cell))
        (void)ry_buf_add(out, "'", 1);
    for (size_t i = 0; i < cell.n; i++) {
        if (cell.p[i] == '"')
            (void)ry_buf_add(out, "\"", 1);
        if (cell.p[i] != '\0')
            (void)ry_buf_add(out, &cell.p[i], 1);
    }
    if (quotes)
        (void)ry_buf_add(out, "\"", 1);
}

void ry_csv_row(struct ry_buf *out, const struct ry_str *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            (void)ry_buf_add(out, ",", 1);
        add_cell(out, cells[i]);
    }
    (void)ry_buf_add(out, "\r\n", 2);
}
