/* monitor.h: the monitor's spec; the head of monitor.c describes what it does. */
#ifndef REELYARD_ACTORS_MONITOR_MONITOR_H
#define REELYARD_ACTORS_MONITOR_MONITOR_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_monitor_spec;

#endif
