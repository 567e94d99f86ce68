/* job_type.h: the types of jobs, declared once: what each cannot do without and how urgent it is.
 *
 * A pure table; any thread. docs/REDIS.md tells where jobs of these types come from. */
#ifndef REELYARD_RUNTIME_QUEUE_JOB_TYPE_H
#define REELYARD_RUNTIME_QUEUE_JOB_TYPE_H

#include <stdbool.h>

#include "proto/envelope.h"

enum ry_job_field { RY_JOB_FIELD_STRING, RY_JOB_FIELD_LIST };

struct ry_job_type {
    const char *name;
    const char *needs; /* the field it cannot do without; NULL: none beyond those of every job */
    enum ry_job_field needs_type;
    enum ry_priority priority; /* how urgent it usually is */
    const char *next;          /* the type of job that its end may queue; NULL: none goes on from it */
};

/* The type of this name; NULL: there is none. */
const struct ry_job_type *ry_job_type_find(struct ry_str name);

#endif
