/* shape_layout.h: changes to a clip's container that no muxer here makes: boxes and elements that are added, claims
 * that are changed. For rows of the table of clip shapes. Each ends the program with a line if the clip has not what is
 * to be changed. */
#ifndef REELYARD_TESTS_BED_SHAPE_LAYOUT_H
#define REELYARD_TESTS_BED_SHAPE_LAYOUT_H

#include "tests/bed/shape_change.h"

/* ---- encryption ---- */

/* MP4: the scheme cenc becomes cbcs; an H.264 track becomes one of a music shop's films. */
void shape_cbcs(struct shape_bytes *bytes);
void shape_drmi(struct shape_bytes *bytes);
/* Matroska: all tracks have a content encryption. */
void shape_content_encryption(struct shape_bytes *bytes);

/* ---- MP4 with its index at the end ---- */

/* The movie box says that fragments may follow (mvex), and none do, as iPhones write it. */
void shape_mvex(struct shape_bytes *bytes);
/* 20 MB of artwork in the movie box: as its first part, as its last one, inside of the first track. */
void shape_artwork_first(struct shape_bytes *bytes);
void shape_artwork_last(struct shape_bytes *bytes);
void shape_artwork_in_track(struct shape_bytes *bytes);
/* 20 MB of XMP before everything but the file type, offsets of samples corrected; 20 MB of free space behind. */
void shape_xmp_first(struct shape_bytes *bytes);
void shape_free_last(struct shape_bytes *bytes);
/* The second track's times make it 100 s long. */
void shape_long_second_track(struct shape_bytes *bytes);
/* The first video track has no samples. */
void shape_empty_first_track(struct shape_bytes *bytes);
/* The index begins within the file and ends behind it; the size of the samples' box is 0 and no index follows. */
void shape_index_cut_off(struct shape_bytes *bytes);
void shape_never_finished(struct shape_bytes *bytes);
/* Zeros in place of the index. */
void shape_zeros_for_index(struct shape_bytes *bytes);

/* ---- fragmented MP4 ---- */

/* A random access table of 120 KB at the end; the same of 2 MB. */
void shape_large_mfra(struct shape_bytes *bytes);
void shape_huge_mfra(struct shape_bytes *bytes);

/* ---- Matroska ---- */

/* The duration is told from the first picture on, as some muxers do, though times begin at 100 s. */
void shape_relative_duration(struct shape_bytes *bytes);
/* Tracks' tags do not tell durations. */
void shape_without_tags(struct shape_bytes *bytes);

/* ---- any ---- */

/* The first 60 %; the first 1000 bytes. */
void shape_cut_at_60_percent(struct shape_bytes *bytes);
void shape_cut_at_1000(struct shape_bytes *bytes);
/* Nothing. */
void shape_emptied(struct shape_bytes *bytes);
/* AVIF's brands become HEIC's. */
void shape_heic(struct shape_bytes *bytes);
/* Zeros from the first 100 KB on, up to the last 2 %: a download that was interrupted. */
void shape_interrupted(struct shape_bytes *bytes);
/* The first 64 KiB are zeros. */
void shape_zeros_first(struct shape_bytes *bytes);

#endif
