/* leashed.c: the beginning of a process that only a keeper may start: checks for the leash, and awaits the ticket
 * on it. Owns nothing; when its keeper ends, so does the process. */
#include "runtime/cli/leashed.h"

#include <sys/socket.h>

int ry_leashed_check(struct ry_error *err)
{
    int type = 0;
    socklen_t n = sizeof type;
    if (getsockopt(RY_LEASH_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_SEQPACKET)
        return ry_fail(err, RY_EINVAL, "only a node starts this");
    return RY_OK;
}

int ry_leashed_begin(struct ry_leashed *leashed, struct ry_error *err)
{
    int rc = ry_leashed_check(err);
    if (rc == RY_OK)
        rc = ry_leash_await_ticket(RY_LEASH_FD, leashed->token, err);
    leashed->supervised = (struct ry_supervised){.leash_fd = RY_LEASH_FD, .ticket = leashed->token};
    return rc;
}
