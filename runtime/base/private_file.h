/* private_file.h: files that only their owner may read, whatever the umask. */
#ifndef REELYARD_RUNTIME_BASE_PRIVATE_FILE_H
#define REELYARD_RUNTIME_BASE_PRIVATE_FILE_H

#include <stdbool.h>

/* Makes an empty file (0600) where there is none. Opens nothing: to close a file that SQLite has open elsewhere in the
 * process would end its locks. What goes wrong is left to whoever opens the file. */
void ry_private_file_make(const char *path);

/* Takes the rights of group and others from a file or folder of this user. True: it had some. One that is not there,
 * belongs to somebody else or is a symbolic link is left alone. */
bool ry_private_file_mend(const char *path);

#endif
