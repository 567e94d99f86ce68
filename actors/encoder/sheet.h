/* sheet.h: the storyboard of a video: key frames spread over it as tiles of one WebP image.
 *
 * A pure function like engine.h's: windows and a request in; an image, the ranges that are missing, or a reason out. Any
 * thread; blocks for as long as decoding takes, at most about ENGINE_CPU_MS. */
#ifndef REELYARD_ACTORS_ENCODER_SHEET_H
#define REELYARD_ACTORS_ENCODER_SHEET_H

#include "actors/encoder/engine.h"
#include "actors/encoder/sheet_plan.h"

#define SHEET_COLUMNS_MAX 4

struct sheet_request {
    const char *filename; /* a hint for the demuxer */
    struct extent tile;   /* box of one picture */
    float quality;        /* WebP, 1..100 */
};

struct sheet_result {
    struct engine_image image; /* ENGINE_DONE: columns x rows tiles of one size, by rows; black where there is none */
    unsigned columns, rows, count;
    double step_s;         /* tile i stands for the time from i * step_s on; 0: not known, of a single one */
    struct ry_error error; /* ENGINE_FAILED; its code's class tells whether for good */
};

/* One attempt. Only formats whose index names key frames have storyboards; of others it fails for good and asks for
 * nothing more. On ENGINE_NEEDS windows->needs tells what to fetch. The result is to be freed in every case. */
enum engine_outcome sheet_run(struct window_io *windows, const struct sheet_request *request,
                              struct sheet_result *result);
void sheet_result_free(struct sheet_result *result);

#endif
