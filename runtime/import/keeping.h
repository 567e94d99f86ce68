/* keeping.h: has the originals of some channels kept, and waits until they are. */
#ifndef REELYARD_RUNTIME_IMPORT_KEEPING_H
#define REELYARD_RUNTIME_IMPORT_KEEPING_H

#include "runtime/import/inquiry.h"
#include "runtime/import/progress.h"
#include "runtime/json/writer.h"

/* How far it is, over all channels. */
struct ry_keeping {
    bool asked;       /* it was asked for */
    uint64_t kept;    /* clips */
    uint64_t wanted;  /* to be kept */
    uint64_t waiting; /* of these: failed before, their next attempt comes later */
    uint64_t failed;  /* not tried again by themselves */
    uint64_t gone;    /* deleted at the source */
    uint64_t bytes_kept;
    uint64_t bytes_wanted;
    char trouble[401]; /* why the last attempt failed; "": none did */
};

/* Asks for the originals of all clips of these channels whose thumbnails are settled (also of those that failed before),
 * shows how far it is, and returns when all are kept, or those that are left wait for their next attempt or are given
 * up. False when it was stopped or broke off (inquiry says why); *keeping is what was last known. */
bool ry_keeping_run(struct ry_inquiry *inquiry, const struct ry_str *channel_ids, size_t n,
                    const struct ry_clock *clock, struct ry_keeping *keeping);

/* Whether all is kept, or nothing was asked for. */
bool ry_keeping_good(const struct ry_keeping *keeping);

/* The lines of a summary, and its JSON; nothing if it was not asked for. */
void ry_keeping_print(const struct ry_keeping *keeping, FILE *out);
void ry_keeping_put(const struct ry_keeping *keeping, struct ry_json_writer *writer);

#endif
