/* faults.h: when an instance of a confined role is put out; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_FAULTS_H
#define REELYARD_RUNTIME_BUS_FAULTS_H

#include "runtime/bus/router_internal.h"

/* Whether it has too many faults. */
bool faults_too_many(const struct attached_instance *instance);
/* Puts out the instance of this session if it is of a confined role and has too many faults. */
void faults_judge(struct ry_router *router, uint32_t session);
/* Puts out confined instances that have held a mail for too long; the time when to look again. */
int64_t faults_put_out_idle(struct ry_router *router);

#endif
