/* blank.c: see blank.h. Reads a few thousand samples where they lie, of any depth; scaling first would cost more than
 * decoding the next key frame. */
#include "actors/encoder/blank.h"

#include <math.h>
#include <stdlib.h>

#include <libavutil/pixdesc.h>

/* A grid fine enough to meet a line of titles. */
#define GRID_COLUMNS 96
#define GRID_ROWS    54

/* Noise and compression around a plain area stay below this. */
#define CONTRAST_BLANK 5.0

/* Of 255: how much a smeared row differs from the one above, on average. */
#define SMEAR_REACH 1.5

/* Of 255: how far from the middle a sample of the grey is that stands for a missing picture. */
#define GREY_REACH 2

/* NULL: samples of this format cannot be read one by one. */
static const AVPixFmtDescriptor *readable(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    const uint64_t no = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BE |
                        AV_PIX_FMT_FLAG_FLOAT;
    return format && !(format->flags & no) ? format : NULL;
}

/* The sample of a component at a cell of the grid, in 1/255 of its range. */
static double sample(const AVFrame *frame, const AVPixFmtDescriptor *format, int number, int column, int row)
{
    const AVComponentDescriptor *component = &format->comp[number];
    bool chroma = number > 0 && number < 3 && !(format->flags & AV_PIX_FMT_FLAG_RGB);
    int64_t x = (2 * column + 1) * (int64_t)frame->width / (2 * GRID_COLUMNS) >> (chroma ? format->log2_chroma_w : 0);
    int64_t y = (2 * row + 1) * (int64_t)frame->height / (2 * GRID_ROWS) >> (chroma ? format->log2_chroma_h : 0);
    const uint8_t *at =
        frame->data[component->plane] + y * frame->linesize[component->plane] + x * component->step + component->offset;
    int code = component->depth + component->shift > 8 ? at[0] | at[1] << 8 : at[0];
    int most = (1 << component->depth) - 1;
    return ((code >> component->shift) & most) * 255.0 / most;
}

double blank_contrast(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = readable(frame);
    if (!format)
        return -1;
    /* The component that tells brightness: luma, or green. */
    int component = format->flags & AV_PIX_FMT_FLAG_RGB ? 1 : 0;
    double sum = 0, sum_squares = 0, count = (double)GRID_COLUMNS * GRID_ROWS;
    for (int row = 0; row < GRID_ROWS; row++)
        for (int column = 0; column < GRID_COLUMNS; column++) {
            double value = sample(frame, format, component, column, row);
            sum += value;
            sum_squares += value * value;
        }
    double mean = sum / count;
    double variance = sum_squares / count - mean * mean;
    return sqrt(variance > 0 ? variance : 0) + mean / 255;
}

bool blank_is(double contrast)
{
    return contrast >= 0 && contrast < CONTRAST_BLANK;
}

/* The share of cells whose three components are near to these. */
static double share_near(const AVFrame *frame, double luma, double chroma, double reach)
{
    const AVPixFmtDescriptor *format = readable(frame);
    int cells = 0;
    if (!format || format->nb_components < 3 || (format->flags & AV_PIX_FMT_FLAG_RGB))
        return 0;
    for (int row = 0; row < GRID_ROWS; row++)
        for (int column = 0; column < GRID_COLUMNS; column++)
            cells += fabs(sample(frame, format, 0, column, row) - luma) <= reach &&
                     fabs(sample(frame, format, 1, column, row) - chroma) <= reach &&
                     fabs(sample(frame, format, 2, column, row) - chroma) <= reach;
    return (double)cells / (GRID_COLUMNS * GRID_ROWS);
}

double blank_untouched(const AVFrame *frame)
{
    return share_near(frame, 0, 0, 0);
}

double blank_grey(const AVFrame *frame)
{
    return share_near(frame, 128, 128, GREY_REACH);
}

double blank_smeared(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = readable(frame);
    int rows = 0;
    if (!format)
        return 0;
    for (int row = 1; row < GRID_ROWS; row++) {
        double difference = 0;
        for (int column = 0; column < GRID_COLUMNS; column++)
            difference += fabs(sample(frame, format, 0, column, row) - sample(frame, format, 0, column, row - 1));
        rows += difference < SMEAR_REACH * GRID_COLUMNS;
    }
    return (double)rows / (GRID_ROWS - 1);
}
