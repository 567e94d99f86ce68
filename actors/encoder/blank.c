/* blank.c: see blank.h. Reads a few thousand samples where they lie, of any depth; scaling first would cost more than
 * decoding the next key frame. */
#include "actors/encoder/blank.h"

#include <math.h>

#include <libavutil/pixdesc.h>

/* A grid fine enough to meet a line of titles. */
#define GRID_COLUMNS 96
#define GRID_ROWS    54

/* Noise and compression around a plain area stay below this. */
#define CONTRAST_BLANK 5.0

/* The component that tells brightness: luma, or green. */
static const AVComponentDescriptor *brightness(const AVPixFmtDescriptor *format)
{
    if (format->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                         AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_FLOAT))
        return NULL;
    return &format->comp[format->flags & AV_PIX_FMT_FLAG_RGB ? 1 : 0];
}

double blank_contrast(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    const AVComponentDescriptor *component = format ? brightness(format) : NULL;
    if (!component)
        return -1;
    double sum = 0, sum_squares = 0, count = (double)GRID_COLUMNS * GRID_ROWS;
    double unit = 255.0 / (double)((1 << component->depth) - 1);
    for (int row = 0; row < GRID_ROWS; row++) {
        int64_t y = (2 * row + 1) * (int64_t)frame->height / (2 * GRID_ROWS);
        const uint8_t *line = frame->data[component->plane] + y * frame->linesize[component->plane];
        for (int column = 0; column < GRID_COLUMNS; column++) {
            int64_t x = (2 * column + 1) * (int64_t)frame->width / (2 * GRID_COLUMNS);
            const uint8_t *at = line + x * component->step + component->offset;
            int code = component->depth + component->shift > 8 ? at[0] | at[1] << 8 : at[0];
            double value = ((code >> component->shift) & ((1 << component->depth) - 1)) * unit;
            sum += value;
            sum_squares += value * value;
        }
    }
    double mean = sum / count;
    double variance = sum_squares / count - mean * mean;
    return sqrt(variance > 0 ? variance : 0) + mean / 255;
}

bool blank_is(double contrast)
{
    return contrast >= 0 && contrast < CONTRAST_BLANK;
}
