/* error.h: what went wrong, in which class, in words a person can act on.
 *
 * A function that can fail returns 0, or a negative enum ry_err that it has also put into its struct ry_error together
 * with a sentence. The code's class decides what the caller may do:
 *   RETRY   the same call may succeed later (peer away, disk full, lock held)
 *   REJECT  this input will never succeed; put it aside with its reason and go on
 *   DIE     this actor cannot go on (its configuration or its engine is unusable) */
#ifndef REELYARD_RUNTIME_BASE_ERROR_H
#define REELYARD_RUNTIME_BASE_ERROR_H

#include <stdarg.h>

enum ry_err {
    RY_OK = 0,
    /* RETRY */
    RY_EBUSY = -1,    /* a lock or a limit is held by someone else */
    RY_EAWAY = -2,    /* a peer cannot be reached, or hung up */
    RY_ETIMEOUT = -3, /* a deadline passed */
    RY_EFULL = -4,    /* no room: mailbox, disk, quota */
    RY_EIO = -5,      /* the operating system failed an operation that usually works */
    RY_ENOMEM = -6,
    RY_ESCHEMA = -7, /* the database's schema or rights are not as this program knows them: a person must mend it */
    /* REJECT */
    RY_EINVAL = -20, /* malformed or out of range */
    RY_ELIMIT = -21, /* larger than a limit allows */
    RY_ENOENT = -22, /* what is named does not exist */
    RY_EACCES = -23, /* not allowed */
    RY_EDATA = -24,  /* well-formed, but breaks a constraint of the data */
    RY_EUNSUPPORTED = -25,
    RY_EFENCED = -26, /* the lease was lost to another worker */
    /* DIE */
    RY_ECONFIG = -40,
    RY_ECORRUPT = -41, /* the store is damaged or not ours */
    RY_EBUG = -42
};

enum ry_err_class { RY_CLASS_NONE, RY_CLASS_RETRY, RY_CLASS_REJECT, RY_CLASS_DIE };

struct ry_error {
    enum ry_err code;
    char text[400]; /* one line of UTF-8: what, where, what to do; never a secret */
};

/* The class of a code; RY_OK has RY_CLASS_NONE. */
enum ry_err_class ry_err_class(enum ry_err code);

/* The code's lower-case name for logs and metrics, e.g. "timeout". Static; never NULL. */
const char *ry_err_name(enum ry_err code);

/* Fills *err (which may be NULL) and returns code, so that `return ry_fail(err, RY_EIO, "cannot open %s: %m", path);`
 * is the whole error path. Whatever is quoted, the text is one line of UTF-8 without control characters, cut between
 * characters (ry_utf8_print). */
int ry_fail(struct ry_error *err, enum ry_err code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int ry_vfail(struct ry_error *err, enum ry_err code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
