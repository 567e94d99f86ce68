/* own_file.h: small files whose rights matter: keys, lists of keys.
 *
 * A file is read only if it belongs to the user who runs this, or to root, and grants others nothing that is forbidden.
 * The text may be secret: errors name the path and no byte of it. */
#ifndef REELYARD_RUNTIME_BASE_OWN_FILE_H
#define REELYARD_RUNTIME_BASE_OWN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/error.h"

#define RY_OWN_PRIVATE  ((mode_t)0077) /* forbidden: nobody else may do anything with it */
#define RY_OWN_READABLE ((mode_t)0022) /* forbidden: others may read it, and not write */

/* Reads the whole file into text, at most max bytes; *n: how many. what names it in errors ("key file"). RY_ECONFIG: it
 * cannot be read, is no regular file, is another user's or has rights that are forbidden; RY_ELIMIT: it has max bytes
 * or more. Blocks on the disk. */
int ry_own_file_read(const char *path, mode_t forbidden, const char *what, char *text, size_t max, size_t *n,
                     struct ry_error *err);

/* Makes a file of mode 0600 with this text, on the disk when it returns. RY_EBUSY: there is one of this name; RY_EIO,
 * and then there is none. */
int ry_own_file_create(const char *path, const char *what, const char *text, size_t n, struct ry_error *err);

#endif
