/* admission.h: which process may join a router, and as what.
 *
 * The node's ticket is a file that who may read the run folder can read (ticket.h). Commands (role console) show it,
 * at any node. A node without a supervisor takes processes in any role that show it, and in confined roles without:
 * they have no file to read, and gain nothing. A guarded one takes instances only with a ticket of the supervisor's: a
 * secret that it gave to one process that it started, and that is good for one name, one role and one time. A process
 * that has joined in a confined role joins in no other: what may have been taken over by what it reads stays what it
 * is. Other hosts come with a key instead (curve_listener.h), and as encoders only. One thread. */
#ifndef REELYARD_RUNTIME_BUS_ADMISSION_H
#define REELYARD_RUNTIME_BUS_ADMISSION_H

#include "proto/message.h"
#include "runtime/base/error.h"
#include "runtime/process/leash.h"

struct ry_admission;

/* What a process shows to join. */
struct ry_ticket {
    char token[RY_TICKET_BYTES];
    char name[RY_CHILD_NAME_BYTES];
    enum ry_role role;
};

/* NULL: no memory. */
struct ry_admission *ry_admission_new(bool guarded);
void ry_admission_free(struct ry_admission **admission);

/* Adds a ticket; one of the same name is void from now on. */
int ry_admission_add(struct ry_admission *admission, const struct ry_ticket *ticket);
void ry_admission_revoke(struct ry_admission *admission, const char *name);

/* The node's ticket. */
void ry_admission_keep(struct ry_admission *admission, const char token[RY_TICKET_BYTES]);

/* Which roles (bits) a process may take that says this. before: the roles in which it has joined already. RY_EACCES:
 * none, and why, without a word about tickets that are good. */
int ry_admission_check(const struct ry_admission *admission, const struct ry_hello *hello, uint32_t before,
                       uint32_t *allowed, struct ry_error *err);
/* The same for one on another host, whose key has been proved: an encoder and nothing else, ticket or not. Its name has
 * an '@', so that it cannot stand in the way of a process that the supervisor starts. */
int ry_admission_check_remote(const struct ry_hello *hello, uint32_t *allowed, struct ry_error *err);
/* It has joined: its ticket is used up. */
void ry_admission_used(struct ry_admission *admission, const struct ry_hello *hello);

#endif
