/* scan_status.h: scans that end instead of going on. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_STATUS_H
#define REELYARD_ACTORS_SCANNER_SCAN_STATUS_H

#include "actors/scanner/scan.h"

/* Why a job of a channel that nobody knows is skipped. */
#define SCAN_NOT_FOUND "Guild or channel not found in database"

/* The scan of the channel ends with this status and error (NULL: none) instead of going on. */
enum scan_step scan_give_up(struct scan *scan, const char *status, const char *error);
/* The channel is not scanned: a batch or rescan says so in the scan's status, other jobs are skipped. */
enum scan_step scan_refuse(struct scan *scan, const char *why);

#endif
