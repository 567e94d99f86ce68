/* pg_sqlstate.h: what PostgreSQL's error codes mean to the writer. */
#ifndef REELYARD_ACTORS_WRITER_PG_SQLSTATE_H
#define REELYARD_ACTORS_WRITER_PG_SQLSTATE_H

#include "runtime/base/error.h"

/* The code of an error by its SQLSTATE:
 *   RY_EDATA    the row's own data are at fault: too long, out of range, badly encoded, belonging to nothing
 *   RY_ESCHEMA  the schema or this program is: a column without a value, a table, column, right or type that is not as
 * this program knows it, a rule or trigger that it does not know. Never the fault of one row. RY_ECONFIG  the user or
 * the database cannot be used at all others      as their names say; RY_EIO for what is in no list Source:
 * https://www.postgresql.org/docs/15/errcodes-appendix.html */
enum ry_err pg_sqlstate_code(const char *state);

#endif
