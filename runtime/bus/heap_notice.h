/* heap_notice.h: heap profiles of the node's processes; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_HEAP_NOTICE_H
#define REELYARD_RUNTIME_BUS_HEAP_NOTICE_H

#include "runtime/bus/router_internal.h"

/* Answers heap_get, or passes it on to the instance that is asked. */
void heap_notice_get(struct ry_router *router, const struct attached_instance *from, const struct ry_heap_get *message,
                     uint64_t correlation);

#endif
