/* scan_next.h: the job that goes on where a slice ended. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_NEXT_H
#define REELYARD_ACTORS_SCANNER_SCAN_NEXT_H

#include "actors/scanner/scan.h"

/* Whether another slice of what is read follows this one. */
bool scan_goes_on(const struct scan *scan);
/* Whether the channel's threads must be listed before it is known what goes on. */
bool scan_wants_threads(const struct scan *scan);
/* Whether another slice, or another thread, follows this one, and if so its job's JSON, made into the arena and kept in
 * scan->next_json. RY_ENOMEM. */
int scan_make_next(struct scan *scan, struct ry_error *err);

#endif
