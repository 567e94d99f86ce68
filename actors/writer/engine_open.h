/* engine_open.h: how an engine (engine.h) is opened and closed. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_OPEN_H
#define REELYARD_ACTORS_WRITER_ENGINE_OPEN_H

#include "actors/writer/engine.h"

struct writer_sqlite_options {
    const char *path;             /* made, with its tables, if it is missing; its folder must exist */
    const struct ry_clock *clock; /* borrowed */
    int busy_ms;                  /* how long a lock of another connection is waited for */
    double video_min_s;           /* min_video_seconds where no row says it */
};

/* Opens the embedded database and brings its schema up to date. RY_EACCES, RY_EBUSY, RY_EIO, RY_EFULL; RY_ECORRUPT when
 * it is damaged; RY_ECONFIG when it is not reelyard's, or newer than this program. The text says what to do. */
int writer_engine_sqlite_open(const struct writer_sqlite_options *options, struct writer_engine **engine,
                              struct ry_error *err);

struct writer_pg_options {
    const struct ry_config *config; /* borrowed: database_url or db_*, pool limits, timeouts, video_min_s */
    const struct ry_clock *clock;   /* borrowed */
};

/* Opens PostgreSQL and checks its schema (migrate: brings it up to date, on an empty database or on DiscordClipSaver's;
 * else a schema that is behind is brought up to date as well, and one that is ahead or not ours is refused). RY_EAWAY,
 * RY_ETIMEOUT when it cannot be reached; RY_ECONFIG for a bad address, user or schema. The text never has the password.
 */
int writer_engine_pg_open(const struct writer_pg_options *options, struct writer_engine **engine, struct ry_error *err);

/* Closes an engine and sets it to NULL; NULL is allowed. */
void writer_engine_close(struct writer_engine **engine);

#endif
