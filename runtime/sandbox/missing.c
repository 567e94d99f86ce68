/* missing.c: which parts of a sandbox could not be had, and why the first of them could not. Nothing that survives a
 * crash. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *ry_sandbox_part_name(enum ry_sandbox_part part)
{
    static const char *const names[RY_SANDBOX_PARTS] = {[RY_SANDBOX_PRIVILEGES] = "privileges",
                                                        [RY_SANDBOX_LIMITS] = "limits",
                                                        [RY_SANDBOX_USER] = "user",
                                                        [RY_SANDBOX_ROOT] = "root",
                                                        [RY_SANDBOX_NETWORK] = "network",
                                                        [RY_SANDBOX_PID] = "pid",
                                                        [RY_SANDBOX_IPC] = "ipc",
                                                        [RY_SANDBOX_UTS] = "uts",
                                                        [RY_SANDBOX_FILTER] = "filter"};
    return names[part];
}

void sandbox_miss(struct ry_sandbox *sandbox, enum ry_sandbox_part part, const char *what)
{
    if (sandbox->missing == 0)
        (void)snprintf(sandbox->why, sizeof sandbox->why, "%s: %s", what, strerror(errno));
    sandbox->missing |= 1u << part;
}

void sandbox_list_missing(const struct ry_sandbox *sandbox, char list[128])
{
    size_t n = 0;
    for (unsigned part = 0; part < RY_SANDBOX_PARTS; part++)
        if (sandbox->missing & 1u << part)
            n += (size_t)snprintf(list + n, 128 - n, "%s%s", n ? "," : "", ry_sandbox_part_name(part));
}
