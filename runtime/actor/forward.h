/* forward.h: whole mails, for the relay only: as bytes that leave the node, and sent again on another. */
#ifndef REELYARD_RUNTIME_ACTOR_FORWARD_H
#define REELYARD_RUNTIME_ACTOR_FORWARD_H

#include "runtime/actor/actor.h"
#include "runtime/base/buf.h"

/* Appends a mail that a handler sees, envelope and frames (ry_mail_freeze). RY_ELIMIT, RY_ENOMEM. */
int ry_mail_whole(const struct ry_mail *mail, struct ry_buf *out);

/* What such bytes hold; the body points into them. RY_EINVAL when they are no mail of this protocol, or no REQUEST,
 * ASK, ANSWER or EVENT. */
int ry_whole_read(struct ry_str whole, struct ry_envelope *envelope, const struct ry_descriptor **descriptor,
                  struct ry_error *err);

/* Says such a mail under a new id of this instance, which is returned: with this correlation, or (0) its own id, for
 * all but an ANSWER. Its trace, tenant, priority and deadline stay. 0: *err tells what is wrong with the bytes. */
uint64_t ry_forward(struct ry_ctx *ctx, struct ry_str whole, uint64_t correlation, struct ry_error *err);

#endif
