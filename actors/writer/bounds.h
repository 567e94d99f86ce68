/* bounds.h: how much of the archive one step of an engine reads. */
#ifndef REELYARD_ACTORS_WRITER_BOUNDS_H
#define REELYARD_ACTORS_WRITER_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a claimed clip's texts at most so many bytes are read: more than a message carries, so that one which is too long
 * is found out, and ids whole. */
#define CLAIM_ID_BYTES   256
#define CLAIM_NAME_BYTES 1100
#define CLAIM_URL_BYTES  8200

/* A walk over permanent failures, a step at a time. */
struct writer_review {
    char after[CLAIM_ID_BYTES + 1]; /* in, out: the clip that it has come to; "": the beginning */
    size_t max;                     /* in: failures to look at */
    uint64_t due;                   /* out: of these, those that are tried again */
    bool more;                      /* out: there may be others behind `after` */
};

#endif
