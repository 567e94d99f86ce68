/* namespaces.c: leaving the world, one namespace after the other.
 *
 * Each is asked for alone, so that a kernel or a container that refuses one still gives the others. The user namespace
 * comes first: in it an ordinary user may make the others. Root gets one too, and with it loses what root may do.
 *
 * The new root is a tmpfs, read-only, with nothing in it. The old root is let go of. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The user inside: nobody, as far as any program knows. */
#define INSIDE_ID 65534
/* Where the new root is put together: a folder that every system has, and below which no socket lies. */
#define STAGE "/proc"

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int why = errno;
    (void)close(fd);
    errno = why;
    return written;
}

static bool map_ids(uid_t uid, gid_t gid)
{
    char uids[64];
    char gids[64];
    (void)snprintf(uids, sizeof uids, "%d %u 1\n", INSIDE_ID, uid);
    (void)snprintf(gids, sizeof gids, "%d %u 1\n", INSIDE_ID, gid);
    return write_file("/proc/self/uid_map", uids) && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/gid_map", gids);
}

void namespaces_leave(struct ry_sandbox *sandbox)
{
    static const struct {
        int flag;
        enum ry_sandbox_part part;
        const char *what;
    } others[] = {{CLONE_NEWNS, RY_SANDBOX_ROOT, "unshare(CLONE_NEWNS)"},
                  {CLONE_NEWNET, RY_SANDBOX_NETWORK, "unshare(CLONE_NEWNET)"},
                  {CLONE_NEWPID, RY_SANDBOX_PID, "unshare(CLONE_NEWPID)"},
                  {CLONE_NEWIPC, RY_SANDBOX_IPC, "unshare(CLONE_NEWIPC)"},
                  {CLONE_NEWUTS, RY_SANDBOX_UTS, "unshare(CLONE_NEWUTS)"}};
    uid_t uid = geteuid();
    gid_t gid = getegid();
    /* Root's further groups go; others may not change theirs, and keep the rights over files that are not there. */
    (void)setgroups(0, NULL);
    if (unshare(CLONE_NEWUSER) != 0)
        sandbox_miss(sandbox, RY_SANDBOX_USER, "unshare(CLONE_NEWUSER)");
    else if (!map_ids(uid, gid))
        sandbox_miss(sandbox, RY_SANDBOX_USER, "mapping of the user");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (unshare(others[i].flag) != 0)
            sandbox_miss(sandbox, others[i].part, others[i].what);
    /* The host's name is its own business. */
    if (!(sandbox->missing & 1u << RY_SANDBOX_UTS) && sethostname("sandbox", strlen("sandbox")) != 0)
        sandbox_miss(sandbox, RY_SANDBOX_UTS, "sethostname");
}

static bool go_there(void)
{
    /* The old root is put on top of the new one, and let go of with everything below it. */
    return chdir(STAGE) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
           chdir("/") == 0;
}

/* What of it failed; NULL: nothing. */
static const char *make_root(void)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return "mount(MS_PRIVATE)";
    if (mount("sandbox", STAGE, "tmpfs", flags, "size=4k,nr_inodes=1,mode=0555") != 0)
        return "mount(tmpfs)";
    if (mount(NULL, STAGE, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) != 0)
        return "mount(MS_RDONLY)";
    return go_there() ? NULL : "pivot_root";
}

void namespaces_empty_root(struct ry_sandbox *sandbox)
{
    if (sandbox->missing & 1u << RY_SANDBOX_ROOT)
        return;
    const char *failed = make_root();
    if (failed)
        sandbox_miss(sandbox, RY_SANDBOX_ROOT, failed);
}
