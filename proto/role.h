/* role.h: the roles of actors on the bus. */
#ifndef REELYARD_PROTO_ROLE_H
#define REELYARD_PROTO_ROLE_H

#include <stdint.h>

/* Values are on the wire (hello): never reuse one. */
enum ry_role {
    RY_ROLE_NONE = 0,
    RY_ROLE_INGESTER = 1,
    RY_ROLE_SCANNER = 2,
    RY_ROLE_WRITER = 3,
    RY_ROLE_DOWNLOADER = 4,
    RY_ROLE_ENCODER = 5,
    RY_ROLE_STORAGE = 6,
    RY_ROLE_SCHEDULER = 7,
    RY_ROLE_MONITOR = 8,
    RY_ROLE_CONSOLE = 9, /* a command of the command line that joins a node */
    RY_ROLE_ROUTER = 10,
    RY_ROLE_RELAY = 11, /* speaks for the instances of other nodes, whose routers have checked what they say */
    RY_ROLE_COUNT
};

#define RY_ROLE_BIT(role) ((uint32_t)1 << (role))

/* Roles that begin conversations: they send of themselves, without having been given mail. The router is one. */
#define RY_ROLES_SOURCES \
    (RY_ROLE_BIT(RY_ROLE_INGESTER) | RY_ROLE_BIT(RY_ROLE_SCHEDULER) | RY_ROLE_BIT(RY_ROLE_MONITOR) | \
     RY_ROLE_BIT(RY_ROLE_CONSOLE) | RY_ROLE_BIT(RY_ROLE_ROUTER))

/* Roles that work on bytes of strangers and may have been taken over by them: what they say is believed least. Those of
 * the specs that need confinement (a test says so). */
#define RY_ROLES_CONFINED RY_ROLE_BIT(RY_ROLE_ENCODER)

/* Lower-case name, "encoder"; "none" for what is no role. Static. */
const char *ry_role_name(enum ry_role role);

#endif
