/* ebml.h: the elements of EBML files (Matroska, WebM), read from the windows. All numbers come from strangers.
 * Source: RFC 8794, sections 4 to 7. */
#ifndef REELYARD_ACTORS_ENCODER_EBML_H
#define REELYARD_ACTORS_ENCODER_EBML_H

#include "runtime/video/window_io.h"

#define EBML_SIZE_UNKNOWN UINT64_MAX

struct element {
    uint32_t id;
    uint64_t offset; /* of its id */
    uint64_t data;   /* of what follows its head */
    uint64_t
        size; /* of that; EBML_SIZE_UNKNOWN: to the end of its parent, or to an element that is none of its parts */
};

/* Reads the head at offset; false if it is not at hand or none. */
bool ebml_read(const struct window_io *windows, uint64_t offset, struct element *element);

/* Walks the parts of an element of known size: reads the one at *at (0: the first), which becomes where to go on. False
 * when there is no further one at hand. */
bool ebml_next(const struct window_io *windows, const struct element *in, uint64_t *at, struct element *part);

/* The first part with that id; false if there is none at hand. */
bool ebml_find(const struct window_io *windows, const struct element *in, uint32_t id, struct element *part);

/* The unsigned number that is its content; false if it is longer than 8 bytes, empty or not at hand. */
bool ebml_unsigned(const struct window_io *windows, const struct element *element, uint64_t *value);

/* A variable-length number without its marker at offset; its length, 0 if it is none or not at hand. */
size_t ebml_number(const struct window_io *windows, uint64_t offset, uint64_t *value);

/* Makes a void element of the same extent of it in the demuxer's eyes; of known size. */
void ebml_pass_over(struct window_io *windows, const struct element *element);

#endif
