/* pg_sqlstate.c: the table of SQLSTATE codes; see pg_sqlstate.h.
 *
 * Pure. A code's own row comes before that of its class (the first two characters); one that is not listed is RY_EIO,
 * an error to retry. */
#include "actors/writer/pg_sqlstate.h"

#include <string.h>

static const struct {
    const char *prefix;
    enum ry_err code;
} meanings[] = {
    {"08", RY_EAWAY},      /* connection */
    {"0A", RY_ESCHEMA},    /* feature not supported, of a view or a foreign table */
    {"21", RY_ESCHEMA},    /* cardinality */
    {"22004", RY_ESCHEMA}, /* NULL where none may be, of a function */
    {"22", RY_EDATA},      /* a value that its column does not take */
    {"23502", RY_ESCHEMA}, /* NULL in a column that this program knows nothing of, or forgot */
    {"23503", RY_EDATA},   /* the row that it belongs to is not there */
    {"23", RY_ESCHEMA}, /* a rule of which this program knows nothing: those it knows hold, or are met by ON CONFLICT */
    {"25006", RY_EAWAY},    /* read only: after a failover the next connection finds the new primary */
    {"25P03", RY_EAWAY},    /* idle for too long in a transaction */
    {"28", RY_ECONFIG},     /* who are you */
    {"2F", RY_ESCHEMA},     /* a function of the database */
    {"38", RY_ESCHEMA},     /* the same */
    {"39", RY_ESCHEMA},     /* the same; a trigger among them */
    {"3D000", RY_ECONFIG},  /* no such database */
    {"3F000", RY_ESCHEMA},  /* no such schema */
    {"40", RY_EBUSY},       /* deadlock, serialization */
    {"42", RY_ESCHEMA},     /* undefined, of another type, or not allowed */
    {"44", RY_ESCHEMA},     /* WITH CHECK OPTION of a view */
    {"53100", RY_EFULL},    /* disk */
    {"53", RY_EBUSY},       /* memory, connections */
    {"54000", RY_EDATA},    /* a value too long for an index */
    {"54", RY_ESCHEMA},     /* too complex */
    {"55P03", RY_EBUSY},    /* lock not available */
    {"57014", RY_ETIMEOUT}, /* statement_timeout, or somebody cancelled it */
    {"57P0", RY_EAWAY},     /* shutdown */
    {"P0", RY_ESCHEMA},     /* PL/pgSQL: a trigger says no */
    {"XX001", RY_ECORRUPT}, {"XX002", RY_ECORRUPT}, {"RY001", RY_EFENCED}, /* 0002_reelyard.sql */
    {"RY002", RY_EDATA},                                                   /* 0007_guilds.sql */
};

enum ry_err pg_sqlstate_code(const char *state)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strncmp(state, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
            return meanings[i].code;
    return RY_EIO;
}
