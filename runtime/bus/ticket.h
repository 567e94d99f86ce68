/* ticket.h: the file that proves that a process may read this node's run folder.
 *
 * A node that listens writes a fresh secret beside its socket (SOCKET.ticket, 0600). Commands, and instances that a
 * person attaches, show it to join; a process in a sandbox has no file to read. */
#ifndef REELYARD_RUNTIME_BUS_TICKET_H
#define REELYARD_RUNTIME_BUS_TICKET_H

#include "runtime/base/error.h"
#include "runtime/process/leash.h"

/* Makes a new secret and writes it in place of an older one. RY_EIO, RY_ELIMIT. */
int ry_ticket_file_write(const char *socket_path, char token[RY_TICKET_BYTES], struct ry_error *err);

/* Reads it; the token is empty when there is none, and the node will say what that means. */
void ry_ticket_file_read(const char *socket_path, char token[RY_TICKET_BYTES]);

void ry_ticket_file_remove(const char *socket_path);

#endif
