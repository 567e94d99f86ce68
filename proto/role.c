/* role.c: the names of roles. Constant data; any thread. */
#include "proto/role.h"

static const char *const names[RY_ROLE_COUNT] = {
    [RY_ROLE_NONE] = "none",       [RY_ROLE_INGESTER] = "ingester",     [RY_ROLE_SCANNER] = "scanner",
    [RY_ROLE_WRITER] = "writer",   [RY_ROLE_DOWNLOADER] = "downloader", [RY_ROLE_ENCODER] = "encoder",
    [RY_ROLE_STORAGE] = "storage", [RY_ROLE_SCHEDULER] = "scheduler",   [RY_ROLE_MONITOR] = "monitor",
    [RY_ROLE_CONSOLE] = "console", [RY_ROLE_ROUTER] = "router",         [RY_ROLE_RELAY] = "relay",
};

const char *ry_role_name(enum ry_role role)
{
    /* A role may come from the wire, so it can be any number. */
    return (unsigned)role < RY_ROLE_COUNT ? names[role] : names[RY_ROLE_NONE];
}
