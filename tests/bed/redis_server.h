/* redis_server.h: a real Redis (or Valkey) for a test: on a free port of 127.0.0.1, in a temporary folder, ended with
 * the test even if that dies. Everything that fails here fails the cmocka test. */
#ifndef REELYARD_TESTS_BED_REDIS_SERVER_H
#define REELYARD_TESTS_BED_REDIS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct redis_server;

struct redis_server_options {
    bool append_only;         /* every command is on the disk, so that a restart finds it */
    const char *const *extra; /* further words of redis-server's command line, ended by NULL; NULL: none */
};

/* Ends the test program as skipped if neither Redis nor Valkey is installed. */
void redis_server_needed(void);

/* Starts a server and waits until it answers. options may be NULL. */
struct redis_server *redis_server_start(const struct redis_server_options *options);

/* Asks it to end, and removes its folder. NULL is allowed. */
void redis_server_free(struct redis_server *server);

/* Set-up and tear-down of a group of tests that share a server: *state is it. */
int redis_server_begin(void **state);
int redis_server_end(void **state);

/* Ends it (SIGTERM), kills it (SIGKILL); starts it again on the same port and folder. */
void redis_server_stop(struct redis_server *server);
void redis_server_kill(struct redis_server *server);
void redis_server_restart(struct redis_server *server);

/* "redis://127.0.0.1:PORT"; valid until redis_server_free. */
const char *redis_server_url(const struct redis_server *server);
unsigned redis_server_port(const struct redis_server *server);

/* Runs a command, its words ended by NULL, and returns its answer as text: a string or status as it is, an integer in
 * digits, an array's elements in lines, nil as "". An error answer fails the test, unless its text is asked for by
 * redis_server_try. Valid until the next command. */
const char *redis_server_say(struct redis_server *server, ...) __attribute__((sentinel));
const char *redis_server_try(struct redis_server *server, ...) __attribute__((sentinel));
int64_t redis_server_int(struct redis_server *server, ...) __attribute__((sentinel));

/* How often commands have run since the server started or CONFIG RESETSTAT, those inside scripts included; the test's
 * own CONFIG and INFO are left out. */
int64_t redis_server_commands(struct redis_server *server);

#endif
