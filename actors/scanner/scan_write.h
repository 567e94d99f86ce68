/* scan_write.h: what follows from a batch that the writer has answered. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_WRITE_H
#define REELYARD_ACTORS_SCANNER_SCAN_WRITE_H

#include "actors/scanner/scan.h"

/* The step after batch_written: `next`, unless the job was fenced off, the scan cancelled, or the writer is in trouble.
 */
enum scan_step scan_on_batch_written(struct scan *scan, const struct ry_batch_written *written, enum scan_step next);

#endif
