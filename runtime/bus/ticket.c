/* ticket.c: the file that proves that a process may read this node's run folder; see ticket.h. */
#include "runtime/bus/ticket.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_of(const char *socket_path, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s.ticket", socket_path) < PATH_MAX;
}

int ry_ticket_file_write(const char *socket_path, char token[RY_TICKET_BYTES], struct ry_error *err)
{
    char path[PATH_MAX];
    if (!path_of(socket_path, path))
        return ry_fail(err, RY_ELIMIT, "the path of the socket is too long: %s", socket_path);
    int rc = ry_ticket_make(token, err);
    if (rc != RY_OK)
        return rc;
    (void)unlink(path); /* of a node that crashed; whoever still has it open reads the old secret */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ry_fail(err, RY_EIO, "cannot make the file %s: %m", path);
    bool written = write(fd, token, RY_TICKET_BYTES - 1) == RY_TICKET_BYTES - 1;
    if (!written || fchmod(fd, 0600) != 0)
        rc = ry_fail(err, RY_EIO, "cannot write the file %s: %m", path);
    (void)close(fd);
    return rc;
}

void ry_ticket_file_read(const char *socket_path, char token[RY_TICKET_BYTES])
{
    char path[PATH_MAX];
    token[0] = '\0';
    int fd = path_of(socket_path, path) ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    ssize_t n = read(fd, token, RY_TICKET_BYTES - 1);
    token[n > 0 ? n : 0] = '\0';
    (void)close(fd);
}

void ry_ticket_file_remove(const char *socket_path)
{
    char path[PATH_MAX];
    if (path_of(socket_path, path))
        (void)unlink(path);
}
