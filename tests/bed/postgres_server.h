/* postgres_server.h: a real PostgreSQL of the test's own, in a temporary folder, on a socket in it and a free port.
 *
 * It runs as the user postgres when the test runs as root (PostgreSQL refuses to be root), without syncing, and dies
 * with the test whatever ends it. Needs the server's programs: those of PG_BINDIR, else of the newest
 * major version that Debian's packages installed, else of PATH. */
#ifndef REELYARD_TESTS_BED_POSTGRES_SERVER_H
#define REELYARD_TESTS_BED_POSTGRES_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct postgres_server {
    char folder[64]; /* the data is in data/ below it, the socket beside */
    char binaries[256];
    int port;
    pid_t pid;  /* 0: not running */
    void *conn; /* of postgres_server_sql, to `database`; NULL: none */
    char database[64];
};

/* Whether the server's programs are there. */
bool postgres_server_available(void);
/* Ends the test program as skipped if they are not. */
void postgres_server_needed(void);

/* Makes a cluster and starts it. Fails the test (cmocka) on an error. */
void postgres_server_make(struct postgres_server *server);
void postgres_server_start(struct postgres_server *server);
/* immediate: as a crash; else open connections are ended in order. Waits until it is gone. */
void postgres_server_stop(struct postgres_server *server, bool immediate);
/* Stops it and removes the folder. */
void postgres_server_remove(struct postgres_server *server);

/* Runs SQL on a database (NULL: postgres) outside of what is tested: the first column of every row, joined by commas,
 * into text (may be NULL). Fails the test on an error. */
void postgres_server_sql(struct postgres_server *server, const char *database, const char *sql, char *text,
                         size_t text_bytes);

/* Ends the connection of postgres_server_sql. A copy of the struct without one (conn NULL) has a session of its own. */
void postgres_server_disconnect(struct postgres_server *server);

/* Starts another program as the server's user that ends with the test, its output into FOLDER/NAME.log. */
pid_t postgres_server_spawn(struct postgres_server *server, const char *name, char *const *argv);

/* A TCP port that nobody listens on now. */
int postgres_server_free_port(void);

#endif
