/* csv.h: rows of comma-separated values (RFC 4180), safe to open in a spreadsheet. Pure. */
#ifndef REELYARD_RUNTIME_CLI_CSV_H
#define REELYARD_RUNTIME_CLI_CSV_H

#include "runtime/base/buf.h"

/* Appends a row that ends in CR LF. A cell with a comma, a quote, a line break or a blank at an end is quoted. What a
 * spreadsheet would take for a formula (it begins with = + - @, a tab or a return) gets a ' in front, unless it is a
 * number. NUL bytes are left out. Absent cells are empty. */
void ry_csv_row(struct ry_buf *out, const struct ry_str *cells, size_t n);

#endif
