/* card.c: see card.h. */
#include "tests/bed/card.h"

#include <math.h>
#include <string.h>

#define COLUMNS 5
#define ROWS    2
/* The part of the card that the blocks cover. */
#define BLOCKS_LEFT   0.25
#define BLOCKS_RIGHT  0.75
#define BLOCKS_TOP    0.3
#define BLOCKS_BOTTOM 0.7

static const double quarters[4][3] = {{200, 40, 40}, {40, 170, 60}, {50, 70, 200}, {220, 220, 220}};

static bool bit_of(int number, int block)
{
    int parity = __builtin_popcount((unsigned)number) & 1;
    return (number << 1 | parity) >> (COLUMNS * ROWS - 1 - block) & 1;
}

void card_colour(int number, double x, double y, double rgb[3])
{
    if (x >= BLOCKS_LEFT && x < BLOCKS_RIGHT && y >= BLOCKS_TOP && y < BLOCKS_BOTTOM) {
        int column = (int)((x - BLOCKS_LEFT) / (BLOCKS_RIGHT - BLOCKS_LEFT) * COLUMNS);
        int row = (int)((y - BLOCKS_TOP) / (BLOCKS_BOTTOM - BLOCKS_TOP) * ROWS);
        rgb[0] = rgb[1] = rgb[2] = bit_of(number, row * COLUMNS + column) ? 220 : 20;
        return;
    }
    memcpy(rgb, quarters[(y >= 0.5 ? 2 : 0) + (x >= 0.5 ? 1 : 0)], sizeof quarters[0]);
}

struct image {
    const uint8_t *rgb;
    int width, height;
};

/* A place of the upright card, on the picture. */
static void turned(int turn, double *x, double *y)
{
    if (turn & CARD_TRANSPOSED) {
        double swap = *x;
        *x = *y;
        *y = swap;
    }
    if (turn & CARD_FLIPPED_X)
        *x = 1 - *x;
    if (turn & CARD_FLIPPED_Y)
        *y = 1 - *y;
}

/* The mean of a rectangle around a place of the card. */
static void mean_around(const struct image *image, int turn, double x, double y, double reach, double mean[3])
{
    turned(turn, &x, &y);
    int left = (int)((x - reach) * image->width), right = (int)((x + reach) * image->width);
    int top = (int)((y - reach) * image->height), bottom = (int)((y + reach) * image->height);
    double sum[3] = {0}, count = 0;
    for (int row = top; row <= bottom; row++)
        for (int column = left; column <= right; column++, count++)
            for (int i = 0; i < 3; i++)
                sum[i] += image->rgb[((size_t)row * (size_t)image->width + (size_t)column) * 3 + (size_t)i];
    for (int i = 0; i < 3; i++)
        mean[i] = sum[i] / count;
}

static double read_quarters(const struct image *image, int turn, double means[4][3])
{
    double error = 0;
    for (int q = 0; q < 4; q++) {
        mean_around(image, turn, q % 2 ? 0.88 : 0.12, q / 2 ? 0.85 : 0.15, 0.06, means[q]);
        for (int i = 0; i < 3; i++)
            error = fmax(error, fabs(means[q][i] - quarters[q][i]));
    }
    return error;
}

static double luma(const double rgb[3])
{
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
}

static int read_number(const struct image *image, int turn, double white)
{
    int number = 0, ones = 0;
    for (int block = 0; block < COLUMNS * ROWS; block++) {
        double mean[3];
        double x = BLOCKS_LEFT + (block % COLUMNS + 0.5) * (BLOCKS_RIGHT - BLOCKS_LEFT) / COLUMNS;
        double y = BLOCKS_TOP + (block / COLUMNS + 0.5) * (BLOCKS_BOTTOM - BLOCKS_TOP) / ROWS;
        mean_around(image, turn, x, y, 0.025, mean);
        double share = luma(mean) / white;
        if (share > 0.35 && share < 0.65)
            return -1;
        int one = share >= 0.65;
        ones += one;
        number = number << 1 | one;
    }
    return ones % 2 == 0 && white >= 4 ? number >> 1 : -1;
}

static double luma_at(const struct image *image, int column, int row)
{
    const uint8_t *p = image->rgb + ((size_t)row * (size_t)image->width + (size_t)column) * 3;
    return luma((const double[3]){p[0], p[1], p[2]});
}

/* Of one window of 8 x 8 (Wang et al. 2004, with plain means). */
static double ssim_of_window(const struct image *image, int number, int left, int top)
{
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (int row = top; row < top + 8; row++)
        for (int column = left; column < left + 8; column++) {
            double rgb[3];
            card_colour(number, (column + 0.5) / image->width, (row + 0.5) / image->height, rgb);
            double x = luma_at(image, column, row), y = luma(rgb);
            a += x, b += y, aa += x * x, bb += y * y, ab += x * y;
        }
    a /= 64, b /= 64;
    double va = aa / 64 - a * a, vb = bb / 64 - b * b, cov = ab / 64 - a * b;
    const double c1 = 6.5025, c2 = 58.5225;
    return (2 * a * b + c1) * (2 * cov + c2) / ((a * a + b * b + c1) * (va + vb + c2));
}

static double ssim(const struct image *image, int number)
{
    double sum = 0;
    int windows = 0;
    for (int top = 0; top + 8 <= image->height; top += 8)
        for (int left = 0; left + 8 <= image->width; left += 8, windows++)
            sum += ssim_of_window(image, number, left, top);
    return windows > 0 ? sum / windows : 0;
}

static double contrast(const struct image *image)
{
    double sum = 0, squares = 0, count = (double)image->width * image->height;
    for (int row = 0; row < image->height; row++)
        for (int column = 0; column < image->width; column++) {
            double value = luma_at(image, column, row);
            sum += value;
            squares += value * value;
        }
    double variance = squares / count - sum / count * (sum / count);
    return variance > 0 ? sqrt(variance) : 0;
}

void card_read(const uint8_t *rgb, int width, int height, struct card_reading *reading)
{
    const struct image image = {rgb, width, height};
    double means[4][3];
    *reading = (struct card_reading){.colour_error = 1000, .contrast = contrast(&image)};
    for (int turn = 0; turn < 8; turn++) {
        double error = read_quarters(&image, turn, means);
        if (error < reading->colour_error) {
            reading->turn = turn;
            reading->colour_error = error;
            memcpy(reading->quarters, means, sizeof means);
        }
    }
    reading->number = read_number(&image, reading->turn, luma(reading->quarters[3]));
    if (reading->turn == 0 && reading->number >= 0)
        reading->ssim = ssim(&image, reading->number);
}
