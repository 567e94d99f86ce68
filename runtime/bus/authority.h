/* authority.h: what an instance may say is what the mail in its hands allows; only for the files of the router.
 *
 * The rules are the CAPABILITY rows of proto/messages.def. The role of a sender is checked before (router.c). */
#ifndef REELYARD_RUNTIME_BUS_AUTHORITY_H
#define REELYARD_RUNTIME_BUS_AUTHORITY_H

#include "runtime/bus/router_internal.h"

/* Whether the sender may say this. On RY_OK said->within is the mail in its custody that allows it, or NULL where none
 * is needed. RY_EACCES: it may not, and *why says what is wrong. RY_EAWAY: it comes from another node too late, behind
 * the end of its conversation, as happens when two nodes worked on one mail. */
int authority_check(struct ry_router *router, struct router_said *said, const char **why);

/* What was checked has been accepted: it counts for the mail that allowed it. */
void authority_note(const struct router_said *said);

/* The mail of that id, if this instance holds it. */
struct mail *authority_held(const struct ry_router *router, const struct attached_instance *instance, uint64_t id);

/* Whether the relay has the mail of that id, or one of that origin, so that it may tell of its end. */
bool authority_relays(struct ry_router *router, const struct attached_instance *relay, uint64_t to);

/* The mail is handed out: what is said of it is counted from the beginning. */
void authority_begin(struct mail *mail);

/* Whether a mail that its holder calls done has had the answer that it must have. */
bool authority_is_answered(const struct mail *mail);

#endif
