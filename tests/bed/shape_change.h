/* shape_change.h: changes to a clip's bytes that no encoder makes: holes, wrong claims, lies. For rows of the table of
 * clip shapes. Each ends the program with a line if the clip has not what is to be changed. */
#ifndef REELYARD_TESTS_BED_SHAPE_CHANGE_H
#define REELYARD_TESTS_BED_SHAPE_CHANGE_H

#include <stddef.h>
#include <stdint.h>

struct shape_bytes {
    uint8_t *p; /* malloc'd */
    size_t n;
};

/* MP4: without its list of key frames (stss), so that every sample claims to be one. */
void shape_without_stss(struct shape_bytes *bytes);

#endif
