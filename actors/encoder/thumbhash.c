/* thumbhash.c: see thumbhash.h.
 *
 * Owns nothing that outlives a call. The transform is the plain double sum of each of at most 37 frequencies: of 5,600
 * pixels some 200,000 steps, a hundredth of what the images cost. */
#include "actors/encoder/thumbhash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"

/* Frequencies along the longer side of luminance; of the colours, along both. */
#define LUMA_FREQUENCIES   7
#define COLOUR_FREQUENCIES 3
#define HEAD_BYTES         5
#define HASH_BYTES_MAX     25
#define AC_MAX             (LUMA_FREQUENCIES * LUMA_FREQUENCIES)

/* Below this a channel does not vary: what is left is rounding. */
#define SCALE_MIN 1e-9

/* A channel in frequencies: its mean, what varies (0..1, in the order of the file), and how much. */
struct channel {
    double mean;
    double ac[AC_MAX];
    size_t ac_count;
    double scale;
};

/* As JavaScript rounds, which the format is defined by; values are not negative. */
static unsigned round_up_half(double value)
{
    return (unsigned)floor(value + 0.5);
}

/* One frequency of the values: the sum that the format is defined by, in the order of the published program, so that
 * what is rounded is the same to the last bit. */
static double frequency(const double *values, struct extent size, int cx, int cy)
{
    double wave[THUMBHASH_SIDE_MAX], f = 0;
    for (int x = 0; x < size.width; x++)
        wave[x] = cos(M_PI / size.width * cx * (x + 0.5));
    for (int y = 0; y < size.height; y++) {
        double down = cos(M_PI / size.height * cy * (y + 0.5));
        for (int x = 0; x < size.width; x++)
            f += values[y * size.width + x] * wave[x] * down;
    }
    return f / ((double)size.width * size.height);
}

static void encode_channel(const double *values, struct extent size, int nx, int ny, struct channel *channel)
{
    RY_ASSERT(nx <= LUMA_FREQUENCIES && ny <= LUMA_FREQUENCIES, "%dx%d frequencies", nx, ny);
    *channel = (struct channel){.mean = frequency(values, size, 0, 0)};
    for (int cy = 0; cy < ny; cy++)
        for (int cx = cy == 0 ? 1 : 0; cx * ny < nx * (ny - cy); cx++) {
            double f = frequency(values, size, cx, cy);
            channel->ac[channel->ac_count++] = f;
            channel->scale = fmax(channel->scale, fabs(f));
        }
    if (channel->scale < SCALE_MIN)
        channel->scale = 0;
    for (size_t i = 0; i < channel->ac_count; i++)
        channel->ac[i] = channel->scale > 0 ? 0.5 + 0.5 / channel->scale * channel->ac[i] : 0;
}

static int frequencies(int side, int longest)
{
    int n = (int)round_up_half((double)LUMA_FREQUENCIES * side / longest);
    return n > 1 ? n : 1;
}

static int at_least(int value, int least)
{
    return value > least ? value : least;
}

/* Means and scales in five bytes, then four bits for each frequency. */
static size_t pack(const struct channel channels[3], struct extent size, int lx, int ly, uint8_t hash[HASH_BYTES_MAX])
{
    const struct channel *l = &channels[0], *p = &channels[1], *q = &channels[2];
    bool landscape = size.width > size.height;
    unsigned head = round_up_half(63 * l->mean) | round_up_half(31.5 + 31.5 * p->mean) << 6 |
                    round_up_half(31.5 + 31.5 * q->mean) << 12 | round_up_half(31 * l->scale) << 18;
    unsigned rest = (unsigned)(landscape ? ly : lx) | round_up_half(63 * p->scale) << 3 |
                    round_up_half(63 * q->scale) << 9 | (unsigned)landscape << 15;
    memset(hash, 0, HASH_BYTES_MAX);
    hash[0] = (uint8_t)head, hash[1] = (uint8_t)(head >> 8), hash[2] = (uint8_t)(head >> 16);
    hash[3] = (uint8_t)rest, hash[4] = (uint8_t)(rest >> 8);
    size_t nibbles = 0;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < channels[c].ac_count; i++, nibbles++)
            hash[HEAD_BYTES + nibbles / 2] |= (uint8_t)(round_up_half(15 * channels[c].ac[i]) << (nibbles % 2 * 4));
    RY_ASSERT(HEAD_BYTES + (nibbles + 1) / 2 <= HASH_BYTES_MAX, "%zu frequencies", nibbles);
    return HEAD_BYTES + (nibbles + 1) / 2;
}

static void to_base64(const uint8_t *bytes, size_t n, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned bits =
            (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0) | (i + 2 < n ? bytes[i + 2] : 0);
        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
        *text++ = i + 2 < n ? digits[bits & 63] : '=';
    }
    *text = '\0';
}

void thumbhash_of_rgb(const uint8_t *rgb, struct extent size, char text[THUMBHASH_TEXT_BYTES])
{
    static const int colours = COLOUR_FREQUENCIES;
    double values[3][THUMBHASH_SIDE_MAX * THUMBHASH_SIDE_MAX];
    struct channel channels[3];
    uint8_t hash[HASH_BYTES_MAX];
    RY_ASSERT(size.width > 0 && size.width <= THUMBHASH_SIDE_MAX && size.height > 0 &&
                  size.height <= THUMBHASH_SIDE_MAX,
              "%dx%d", size.width, size.height);
    for (int i = 0; i < size.width * size.height; i++) {
        double r = rgb[i * 3] / 255.0, g = rgb[i * 3 + 1] / 255.0, b = rgb[i * 3 + 2] / 255.0;
        values[0][i] = (r + g + b) / 3;
        values[1][i] = (r + g) / 2 - b;
        values[2][i] = r - g;
    }
    int longest = size.width > size.height ? size.width : size.height;
    int lx = frequencies(size.width, longest), ly = frequencies(size.height, longest);
    encode_channel(values[0], size, at_least(lx, colours), at_least(ly, colours), &channels[0]);
    encode_channel(values[1], size, colours, colours, &channels[1]);
    encode_channel(values[2], size, colours, colours, &channels[2]);
    to_base64(hash, pack(channels, size, lx, ly, hash), text);
}

/* ---- of a picture --------------------------------------------------------------------------------------------- */

/* The mean of a plane's samples in [x0, x1) and [y0, y1), which is at least one sample. */
static double mean_of(const struct picture *picture, int plane, int x0, int x1, int y0, int y1)
{
    int sum = 0, n = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++, n++)
            sum += picture->planes[plane][(ptrdiff_t)y * picture->strides[plane] + x];
    return (double)sum / n;
}

static uint8_t clip(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : lrint(value));
}

/* BT.601 in limited range, which all pictures are. */
static void to_rgb(double luma, double cb, double cr, uint8_t rgb[3])
{
    double y = (luma - 16) * 255 / 219;
    rgb[0] = clip(y + 1.402 * 255 / 224 * (cr - 128));
    rgb[1] = clip(y - 0.344136 * 255 / 224 * (cb - 128) - 0.714136 * 255 / 224 * (cr - 128));
    rgb[2] = clip(y + 1.772 * 255 / 224 * (cb - 128));
}

/* The end of a range of samples that begins at `from` and has at least one. */
static int range_end(int to, int from)
{
    return to > from ? to : from + 1;
}

int thumbhash_of_picture(const struct picture *picture, char text[THUMBHASH_TEXT_BYTES], struct ry_error *err)
{
    struct extent from = picture->size;
    struct extent size = geometry_fit(from, (struct extent){THUMBHASH_SIDE_MAX, THUMBHASH_SIDE_MAX});
    uint8_t *rgb = malloc((size_t)size.width * (size_t)size.height * 3);
    if (!rgb)
        return ry_fail(err, RY_ENOMEM, "no memory for a placeholder of %dx%d", size.width, size.height);
    for (int y = 0; y < size.height; y++)
        for (int x = 0; x < size.width; x++) {
            int x0 = x * from.width / size.width, x1 = (x + 1) * from.width / size.width;
            int y0 = y * from.height / size.height, y1 = (y + 1) * from.height / size.height;
            to_rgb(mean_of(picture, 0, x0, range_end(x1, x0), y0, range_end(y1, y0)),
                   mean_of(picture, 1, x0 / 2, range_end(x1 / 2, x0 / 2), y0 / 2, range_end(y1 / 2, y0 / 2)),
                   mean_of(picture, 2, x0 / 2, range_end(x1 / 2, x0 / 2), y0 / 2, range_end(y1 / 2, y0 / 2)),
                   rgb + ((size_t)y * (size_t)size.width + (size_t)x) * 3);
        }
    thumbhash_of_rgb(rgb, size, text);
    free(rgb);
    return RY_OK;
}
