/* form.h: the fields of a form that was sent (application/x-www-form-urlencoded). Pure functions on hostile input. */
#ifndef REELYARD_ACTORS_MONITOR_FORM_H
#define REELYARD_ACTORS_MONITOR_FORM_H

#include "runtime/base/buf.h"

#define FORM_FIELDS_MAX 4
/* Of a field's value, decoded; a longer one counts as absent. */
#define FORM_VALUE_MAX_BYTES ((size_t)4096)
/* Of a path to return to, with its end. */
#define FORM_BACK_MAX_BYTES (FORM_VALUE_MAX_BYTES + 1)

/* Decoded values; zero-initialized, ended by form_free. */
struct form_fields {
    struct ry_buf values[FORM_FIELDS_MAX];
    size_t n;
};

/* *value: of the first field of this name in body, decoded, borrowed from `fields`; absent if there is none, or it is
 * too long, or holds a NUL. At most FORM_FIELDS_MAX fields are read with the same `fields`. */
void form_read(struct ry_str body, const char *name, struct form_fields *fields, struct ry_str *value);

void form_free(struct form_fields *fields);

/* Whether a path may be sent to a browser as a place of this server: it begins with one slash, and holds nothing that
 * ends a header or names a host. */
bool form_is_local(struct ry_str path);

#endif
