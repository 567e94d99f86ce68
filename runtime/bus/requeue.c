/* requeue.c: a mail that comes back from an instance waits again, in front.
 *
 * Owns nothing. An instance that died, left or refused a mail has it no more; another one gets it. If there is no
 * memory to let it wait, those whom it concerns are told that it is lost: it never vanishes silently. */
#include "runtime/bus/router_internal.h"

#include <inttypes.h>

#include "runtime/base/assert.h"

void router_requeue(struct ry_router *router, struct mail *mail)
{
    RY_ASSERT(mail->holder == NULL && !mail->covered && mail_has_custody(mail), "mail %" PRIu64, mail->head.id);
    mail->returned = true;
    if (router_enqueue(router, mail, true) == RY_OK)
        return;
    struct ry_envelope head = mail->head;
    head.body = (struct ry_str){0};
    uint32_t concerned = router_concerned(&head, mail->descriptor);
    RY_LOG(RY_CRITICAL, "mail_lost", "id=%" PRIu64 " reason=%s", head.id, "out of memory");
    router_forget(router, mail);
    router_undeliverable(router, concerned, &head, RY_UNDELIVERABLE_FULL, ROUTER_NO_MEMORY);
}
