/* heap_notice.c: heap profiles of the node's processes, asked for by a console.
 *
 * The router passes the question on to the instance that is named, which answers the console itself; it answers for its
 * own process, and for instances that cannot: a sandbox has no file to write to, another host's file is of no use here.
 * Keeps nothing. */
#include "runtime/bus/heap_notice.h"

#include "runtime/base/utf8.h"
#include "runtime/bus/heap_answer.h"

static void refuse(struct ry_router *router, const struct attached_instance *to, uint64_t correlation,
                   const char *reason)
{
    const struct ry_heap_made answer = {.error = ry_str_of(reason)};
    router_say(router, to, RY_TAG_heap_made, &answer, correlation);
}

void heap_notice_get(struct ry_router *router, const struct attached_instance *from, const struct ry_heap_get *message,
                     uint64_t correlation)
{
    const struct ry_heap_make make = {.action = message->action};
    if (ry_str_is(message->instance, "router")) {
        struct ry_heap_answer answer;
        ry_heap_answer(&answer, router->options.heap_folder, "router", (enum ry_heap_action)make.action);
        router_say(router, from, RY_TAG_heap_made, &answer.message, correlation);
        return;
    }
    char reason[300];
    struct attached_instance *instance = router_instance_named(router, message->instance);
    if (instance == NULL) {
        (void)ry_utf8_print(reason, sizeof reason, "there is no instance %.*s; `reelyard status` lists them",
                            RY_STR_ARG(message->instance));
        refuse(router, from, correlation, reason);
    } else if (instance->role == RY_ROLE_CONSOLE) {
        refuse(router, from, correlation, "a console has no profile");
    } else if (instance->sandboxed) {
        (void)ry_utf8_print(
            reason, sizeof reason,
            "%s is in a sandbox and can write no file; start the node with --isolate=false to profile it",
            instance->name);
        refuse(router, from, correlation, reason);
    } else {
        instance->heap_asked = correlation;
        router_say(router, instance, RY_TAG_heap_make, &make, correlation);
    }
}
