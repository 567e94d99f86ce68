/* files_session.h: the node that `verify` and `sweep` talk to: the one that runs, or a writer and a storage of their own.
 */
#ifndef REELYARD_RUNTIME_CLI_FILES_SESSION_H
#define REELYARD_RUNTIME_CLI_FILES_SESSION_H

#include "runtime/cli/session.h"

/* Joins the node on the data folder, or starts the two roles; a folder without a database is RY_ENOENT. */
int ry_files_session_open(struct ry_session *session, struct ry_cli *cli, struct ry_error *err);

/* Asks storage how large a file is. *found: it is there. */
int ry_files_session_size(struct ry_session *session, struct ry_str path, bool *found, uint64_t *bytes,
                          struct ry_error *err);

#endif
