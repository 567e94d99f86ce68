/* writer_errors_test.c: whose fault an error of a database is: the row's, the schema's, or nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/engine_sqlite.h"
#include "actors/writer/pg_sqlstate.h"

static const struct {
    const char *state;
    enum ry_err code;
} sqlstates[] = {
    /* the row's own data */
    {"22001", RY_EDATA}, /* too long */
    {"22003", RY_EDATA}, /* out of range */
    {"22007", RY_EDATA}, /* no time */
    {"22008", RY_EDATA}, /* time out of range */
    {"22021", RY_EDATA}, /* not in the encoding */
    {"22023", RY_EDATA}, /* no such value */
    {"22P02", RY_EDATA}, /* not to be read */
    {"22P05", RY_EDATA}, /* not in the client's encoding */
    {"23503", RY_EDATA}, /* its parent is not there */
    {"54000", RY_EDATA}, /* too long for an index */
    /* the schema's, or this program's */
    {"22004", RY_ESCHEMA},
    {"23502", RY_ESCHEMA}, /* a column that gets no value */
    {"23505", RY_ESCHEMA}, /* a UNIQUE rule that no ON CONFLICT names */
    {"23514", RY_ESCHEMA}, /* a CHECK */
    {"23P01", RY_ESCHEMA}, /* EXCLUDE */
    {"23001", RY_ESCHEMA}, /* ON DELETE RESTRICT */
    {"42501", RY_ESCHEMA}, /* not allowed */
    {"42601", RY_ESCHEMA}, /* syntax */
    {"42703", RY_ESCHEMA}, /* no such column */
    {"42804", RY_ESCHEMA}, /* another type */
    {"42883", RY_ESCHEMA}, /* no such function */
    {"42P01", RY_ESCHEMA}, /* no such table */
    {"42P10", RY_ESCHEMA}, /* ON CONFLICT without its rule */
    {"428C9", RY_ESCHEMA}, /* a generated column */
    {"44000", RY_ESCHEMA},
    {"0A000", RY_ESCHEMA},
    {"21000", RY_ESCHEMA},
    {"3F000", RY_ESCHEMA},
    {"39P01", RY_ESCHEMA}, /* a trigger */
    {"P0001", RY_ESCHEMA}, /* RAISE in one */
    {"54023", RY_ESCHEMA},
    /* passing */
    {"08006", RY_EAWAY},
    {"25006", RY_EAWAY},
    {"25P03", RY_EAWAY},
    {"57P01", RY_EAWAY},
    {"57P03", RY_EAWAY},
    {"40001", RY_EBUSY},
    {"40P01", RY_EBUSY},
    {"53200", RY_EBUSY},
    {"53300", RY_EBUSY},
    {"55P03", RY_EBUSY},
    {"53100", RY_EFULL},
    {"57014", RY_ETIMEOUT},
    {"58030", RY_EIO},
    {"XX000", RY_EIO},
    {"99999", RY_EIO},
    /* for good */
    {"28P01", RY_ECONFIG},
    {"28000", RY_ECONFIG},
    {"3D000", RY_ECONFIG},
    {"XX001", RY_ECORRUPT},
    {"XX002", RY_ECORRUPT},
    /* reelyard's own */
    {"RY001", RY_EFENCED},
};

static void sqlstate_tells_the_rows_fault_from_the_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sqlstates / sizeof sqlstates[0]; i++)
        if (pg_sqlstate_code(sqlstates[i].state) != sqlstates[i].code)
            fail_msg("%s: %s", sqlstates[i].state, ry_err_name(pg_sqlstate_code(sqlstates[i].state)));
}

static void sqlite_result_tells_the_rows_fault_from_the_schemas(void **state)
{
    (void)state;
    static const struct {
        int rc;
        enum ry_err code;
    } cases[] = {
        {SQLITE_OK, RY_OK},
        {SQLITE_TOOBIG, RY_EDATA},
        {SQLITE_CONSTRAINT_CHECK, RY_EDATA}, /* the file's own widths and values */
        {SQLITE_CONSTRAINT_FOREIGNKEY, RY_EDATA},
        {SQLITE_CONSTRAINT_NOTNULL, RY_ESCHEMA},
        {SQLITE_CONSTRAINT_UNIQUE, RY_ESCHEMA},
        {SQLITE_CONSTRAINT_PRIMARYKEY, RY_ESCHEMA},
        {SQLITE_CONSTRAINT_TRIGGER, RY_ESCHEMA},
        {SQLITE_CONSTRAINT_DATATYPE, RY_ESCHEMA},
        {SQLITE_CONSTRAINT, RY_ESCHEMA},
        {SQLITE_MISMATCH, RY_ESCHEMA},
        {SQLITE_ERROR, RY_ESCHEMA}, /* no such table or column */
        {SQLITE_SCHEMA, RY_ESCHEMA},
        {SQLITE_BUSY, RY_EBUSY},
        {SQLITE_BUSY_SNAPSHOT, RY_EBUSY},
        {SQLITE_LOCKED, RY_EBUSY},
        {SQLITE_FULL, RY_EFULL},
        {SQLITE_NOMEM, RY_ENOMEM},
        {SQLITE_READONLY, RY_EIO},
        {SQLITE_IOERR_WRITE, RY_EIO},
        {SQLITE_CANTOPEN, RY_EIO},
        {SQLITE_CORRUPT, RY_ECORRUPT},
        {SQLITE_NOTADB, RY_ECORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (lite_code(cases[i].rc) != cases[i].code)
            fail_msg("%d: %s", cases[i].rc, ry_err_name(lite_code(cases[i].rc)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlstate_tells_the_rows_fault_from_the_schemas),
        cmocka_unit_test(sqlite_result_tells_the_rows_fault_from_the_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
