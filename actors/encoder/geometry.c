/* geometry.c: turns, sample aspect ratio and the size that fits a box; see geometry.h.
 *
 * Pure. A size is at least one pixel wide and high, whatever the file says. */
#include "actors/encoder/geometry.h"

#include <stdlib.h>

#define SAR_MAX 16

struct turn geometry_turn(const int32_t matrix[9])
{
    /* x' = a x + c y, y' = b x + d y. */
    int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c))
        return (struct turn){.transpose = false, .flip_x = a < 0, .flip_y = d < 0};
    return (struct turn){.transpose = true, .flip_x = c < 0, .flip_y = b < 0};
}

static int64_t divide_round(int64_t value, int64_t by)
{
    return (value + by / 2) / by;
}

struct extent geometry_shown(struct extent stored, int sar_num, int sar_den, struct turn turn)
{
    int64_t width = stored.width, num = sar_num, den = sar_den;
    if (num > 0 && den > 0 && num <= den * SAR_MAX && den <= num * SAR_MAX)
        width = divide_round(width * num, den);
    struct extent shown = {width > 0 ? (int)width : 1, stored.height};
    return turn.transpose ? (struct extent){shown.height, shown.width} : shown;
}

struct extent geometry_fit(struct extent shown, struct extent box)
{
    int64_t width = shown.width, height = shown.height;
    if (width <= box.width && height <= box.height)
        return shown;
    struct extent fit;
    if (width * box.height >= height * box.width)
        fit = (struct extent){box.width, (int)divide_round(height * box.width, width)};
    else
        fit = (struct extent){(int)divide_round(width * box.height, height), box.height};
    return (struct extent){fit.width > 0 ? fit.width : 1, fit.height > 0 ? fit.height : 1};
}
