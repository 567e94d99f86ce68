/* sample.h: a message of any kind, made from its descriptor alone; and whether two are equal.
 *
 * Tests of the codec, the golden file and the fuzz targets walk all descriptors with it, so that a message added to
 * messages.def is tested without a further line. Written apart from the codec, so that they do not share mistakes. */
#ifndef REELYARD_TESTS_BED_SAMPLE_H
#define REELYARD_TESTS_BED_SAMPLE_H

#include "proto/codec.h"

enum sample_edge {
    SAMPLE_LEAST,  /* each field at its lower limit; what may be absent is absent */
    SAMPLE_MOST,   /* at its upper limit; lists that may have more than SAMPLE_LIST_FULL items have 3 */
    SAMPLE_TYPICAL /* something in between, the same every time; lists have up to 2 items */
};

#define SAMPLE_LIST_FULL 64

/* The struct, in the arena. Blobs at SAMPLE_MOST are frames that claim their size without having the bytes: they may be
 * carried, never read. Frames made are added to frames (one reference each), for the caller to clear. */
void *sample_make(const struct ry_descriptor *descriptor, enum sample_edge edge, struct ry_arena *arena,
                  struct ry_frames *frames);

/* The same of a record that is no part of a message. */
void *sample_record(const struct ry_record *record, enum sample_edge edge, struct ry_arena *arena);

/* Whether no message and no other record lists it. */
bool sample_is_lone(const struct ry_record *record);

/* Equal field for field; blobs by size and place, or by content. *where (may be NULL) names the first field that
 * differs. */
bool sample_equal(const struct ry_record *record, const void *a, const void *b, const char **where);

#endif
