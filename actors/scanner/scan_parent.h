/* scan_parent.h: the channel of a thread that a live message came from. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_PARENT_H
#define REELYARD_ACTORS_SCANNER_SCAN_PARENT_H

#include "actors/scanner/scan.h"

/* Whether the channel of a live job is known to be no channel of its own; if a thread, its channel takes its place.
 * *refused: it is neither. */
bool scan_knows_parent(struct scan *scan, bool *refused);

#endif
