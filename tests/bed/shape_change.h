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

/* ---- what the file says of key frames ---- */

/* MP4: without its list of key frames (stss), so that every sample claims to be one; or with a list that names the
 * sample behind each. */
void shape_without_stss(struct shape_bytes *bytes);
void shape_shifted_stss(struct shape_bytes *bytes);
/* Fragmented MP4: every sample claims to be a key frame. */
void shape_all_fragments_sync(struct shape_bytes *bytes);
/* AVI: the same, by its index. */
void shape_all_avi_keys(struct shape_bytes *bytes);

/* ---- damage ---- */

/* Noise over the second half of: the first key frame, the second one, all but the last, all. */
void shape_damaged_first_key(struct shape_bytes *bytes);
void shape_damaged_second_key(struct shape_bytes *bytes);
void shape_damaged_all_but_last_key(struct shape_bytes *bytes);
void shape_damaged_all_keys(struct shape_bytes *bytes);
/* Zeros from 10 % to 70 % of the file; from 10 % to 95 %. */
void shape_hole(struct shape_bytes *bytes);
void shape_large_hole(struct shape_bytes *bytes);

/* ---- what the header says ---- */

/* MP4: the display matrix turns to the right by so many degrees, or mirrors. */
void shape_turned_90(struct shape_bytes *bytes);
void shape_turned_180(struct shape_bytes *bytes);
void shape_turned_270(struct shape_bytes *bytes);
void shape_mirrored(struct shape_bytes *bytes);

/* MP4 with its index at the end: a clean aperture of 240x180 in the middle of 320x180. */
void shape_clap(struct shape_bytes *bytes);
/* Matroska: 40 pixels cut on the left and on the right of 320x180 (PixelCrop), shown as 240x180. */
void shape_pixel_crop(struct shape_bytes *bytes);
/* MP4 with its index at the end, HEVC: said to be Dolby Vision of profile 5, with no layer that others can show. */
void shape_dolby_vision_5(struct shape_bytes *bytes);
/* MP4 with its index at the end: an edit list with nothing but an empty edit. */
void shape_empty_edit(struct shape_bytes *bytes);

#endif
