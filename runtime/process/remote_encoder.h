/* remote_encoder.h: an encoder at a node of another host, over TCP.
 *
 * Two parts. The host's part (this process) connects, and carries bytes between the TCP connection and a unix socket;
 * it can read none of them, for they are encrypted from end to end. The other part is a process that it starts for each
 * connection: it joins through that socket as it would join a node of its own host, shut in as always, with no network
 * and one connection. When either end is lost, both parts of the connection end, and the host tries again. */
#ifndef REELYARD_RUNTIME_PROCESS_REMOTE_ENCODER_H
#define REELYARD_RUNTIME_PROCESS_REMOTE_ENCODER_H

#include <stdbool.h>

#include "runtime/base/error.h"
#include "runtime/process/exit_code.h"

struct ry_remote_encoder_options {
    const char *join; /* "tcp://HOST:PORT" */
    const char *name; /* of the instance, in the log */
    /* The process of one connection: joins at the socket, works until the end, returns the exit code: RY_EXIT_ORPHAN
     * when the node is away or was lost. joined is called with joined_arg when the node has welcomed it. */
    int (*work)(void *arg, const char *socket, void (*joined)(void *joined_arg), void *joined_arg);
    void *arg;
};

/* Whether it is the address of a node on another host; such an address may still be malformed. */
bool ry_remote_encoder_wanted(const char *join);

/* Connects and works, again and again, until SIGINT or SIGTERM (which must be blocked, and are passed on to the
 * process): then *exit_code is that process's. Ends by itself only when another try would be no better: the node does
 * not know our key (RY_EXIT_CONFIG), or it refuses us though we were never welcome (its exit code). RY_EINVAL: join is
 * no address. RY_EIO: processes died of signals before they were welcome, too often in a row (restart.h). */
int ry_remote_encoder_run(const struct ry_remote_encoder_options *options, int *exit_code, struct ry_error *err);

#endif
