/* settings.h: options out of the settings file (CONTRACT: settings.default.jsonc). Within runtime/config. */
#ifndef REELYARD_RUNTIME_CONFIG_SETTINGS_H
#define REELYARD_RUNTIME_CONFIG_SETTINGS_H

#include "runtime/config/option.h"

/* Largest settings file. */
#define RY_SETTINGS_MAX_BYTES ((size_t)1 << 20)

/* Reads the file and calls set for every option whose `setting` key stands in its worker_settings_defaults or
 * database_settings_defaults, with the value as text and the place as "FILE:LINE: KEY". Keys that no option has are
 * left alone: the file is shared with programs that have more. Stops at set's first error. RY_ECONFIG names file and
 * line. */
int ry_settings_read(const char *path,
                     int (*set)(void *arg, enum ry_option option, const char *text, const char *place,
                                struct ry_error *err),
                     void *arg, struct ry_error *err);

#endif
