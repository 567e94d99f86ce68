/* datadir.h: the data folder: making it, and who holds it.
 *
 * DATA/run/lock says who holds the folder: a lock on it (F_OFD_SETLK, which ends with the process, however it ends),
 * and in it the holder's pid and, when it is a node that can be joined, its socket. Asking who holds it takes no lock,
 * so a question never gets in the way of a start. */
#ifndef REELYARD_RUNTIME_CLI_DATADIR_H
#define REELYARD_RUNTIME_CLI_DATADIR_H

#include <sys/types.h>

#include "runtime/config/config.h"

/* Longest path of a Unix socket, its NUL included. */
#define RY_SOCKET_PATH_BYTES 108

struct ry_datadir_holder {
    bool held;
    pid_t pid;                         /* 0: not known */
    char socket[RY_SOCKET_PATH_BYTES]; /* "" when it cannot be joined */
};

/* Makes the data folder and its run folders (0700) if they are missing, and takes the rights of others from a data
 * folder and a database that are there. RY_EIO, RY_EACCES with the path and what to do.
 */
int ry_datadir_prepare(const struct ry_config *config, struct ry_error *err);

/* The socket that a node with this configuration listens at. RY_ECONFIG, naming --run-dir, when its path is too long.
 */
int ry_datadir_socket(const struct ry_config *config, char path[RY_SOCKET_PATH_BYTES], struct ry_error *err);

/* Takes the (prepared) folder for this process: *lock_fd holds it until it is closed. socket: where it can be joined,
 * NULL: nowhere. A holder that cannot be joined is a command that will be done in a moment: waits for it up to 5 s.
 * RY_EBUSY names the holder. */
int ry_datadir_lock(const struct ry_config *config, const char *socket, int *lock_fd, struct ry_error *err);

/* Who holds the folder now; a folder that is not there is held by nobody. */
int ry_datadir_ask(const struct ry_config *config, struct ry_datadir_holder *holder, struct ry_error *err);

#endif
