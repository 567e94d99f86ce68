/* box.h: the boxes of ISO base media files (MP4, MOV), read from the windows. All numbers come from strangers.
 * Source: ISO/IEC 14496-12, 4.2. */
#ifndef REELYARD_ACTORS_ENCODER_BOX_H
#define REELYARD_ACTORS_ENCODER_BOX_H

#include "runtime/video/window_io.h"

struct box {
    uint64_t offset; /* of its header */
    uint64_t body;   /* of what follows the header */
    uint64_t end;    /* of what follows the box; the offset of the header if it reaches to the end of the file */
    char type[4];
};

enum box_read { BOX_READ, BOX_MISSING, BOX_INVALID };

/* Reads the header at offset: BOX_MISSING if it is not at hand, BOX_INVALID if it is none. */
enum box_read box_read(const struct window_io *windows, uint64_t offset, struct box *box);

bool box_is(const struct box *box, const char type[4]);

/* The first part of that type inside a box, from *at on (0: from its body); *at becomes where to go on. False if there
 * is none at hand. */
bool box_find(const struct window_io *windows, const struct box *in, const char type[4], uint64_t *at,
              struct box *part);

/* The big-endian number of n bytes (1..8) at an offset of the box's body; 0 if the box is too short or not at hand. */
uint64_t box_number(const struct window_io *windows, const struct box *box, uint64_t offset, size_t n);

#endif
