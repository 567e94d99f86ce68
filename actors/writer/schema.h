/* schema.h: the numbered SQL files of actors/writer/schema, as the build put them into the program. */
#ifndef REELYARD_ACTORS_WRITER_SCHEMA_H
#define REELYARD_ACTORS_WRITER_SCHEMA_H

#include <stddef.h>

struct writer_migration {
    int version;      /* 1, 2, 3, ... without a gap */
    const char *name; /* "archive" */
    const char *sha1; /* of the file, 40 hex digits */
    const char *sql;
};

/* SQLite's, schema/<number>_<name>.sql. */
extern const struct writer_migration writer_migrations[];
extern const size_t writer_migration_count;

/* PostgreSQL's, schema/pg/<number>_<name>.sql. */
extern const struct writer_migration writer_pg_migrations[];
extern const size_t writer_pg_migration_count;

#endif
