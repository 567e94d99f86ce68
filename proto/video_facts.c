/* video_facts.c: see video_facts.h.
 *
 * Of a ThumbHash the length is checked against what its own head says, so that whoever draws it reads what is there. */
#include "proto/video_facts.h"

#include <string.h>

/* Of a ThumbHash: its head, the frequencies of the two colours, and the least ones of luminance along a side. */
#define HEAD_BYTES      5
#define COLOUR_NUMBERS  5
#define LUMA_SIDE_LEAST 3
#define LUMA_SIDE_MOST  7
#define HASH_BYTES_MAX  27 /* 36 characters */

static bool is_name(struct ry_str text, const char *others)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (!plain && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return true;
}

static bool is_codec(struct ry_str text)
{
    return is_name(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-");
}

/* The bits of a base64 digit; -1: it is none. */
static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at ? (int)(at - digits) : -1;
}

/* Decodes base64 with its padding; 0: it is none, or longer than there is room. */
static size_t decode(struct ry_str text, uint8_t bytes[HASH_BYTES_MAX])
{
    size_t n = 0, padding = 0;
    unsigned bits = 0;
    if (text.n % 4 != 0 || text.n / 4 * 3 > HASH_BYTES_MAX)
        return 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = digit_of(text.p[i]);
        if (text.p[i] == '=' && i + 2 >= text.n)
            padding++;
        else if (digit < 0 || padding > 0)
            return 0;
        bits = bits << 6 | (digit < 0 ? 0U : (unsigned)digit);
        if (i % 4 == 3)
            for (int shift = 16; shift >= 0; shift -= 8)
                bytes[n++] = (uint8_t)(bits >> shift);
    }
    return n - padding;
}

static int longer(int a, int b)
{
    return a > b ? a : b;
}

/* How many numbers luminance has: of each row of frequencies what lies above the diagonal, the mean apart. */
static int luma_numbers(int nx, int ny)
{
    int n = -1;
    for (int cy = 0; cy < ny; cy++)
        for (int cx = 0; cx * ny < nx * (ny - cy); cx++)
            n++;
    return n;
}

static bool is_thumbhash(struct ry_str text)
{
    uint8_t bytes[HASH_BYTES_MAX + 3];
    size_t n = decode(text, bytes);
    if (n < HEAD_BYTES || bytes[2] & 0x80) /* ours know no transparency */
        return false;
    int side = bytes[3] & 7;
    if (side == 0)
        return false;
    bool landscape = (bytes[4] & 0x80) != 0;
    int nx = longer(landscape ? LUMA_SIDE_MOST : side, LUMA_SIDE_LEAST);
    int ny = longer(landscape ? side : LUMA_SIDE_MOST, LUMA_SIDE_LEAST);
    return n == HEAD_BYTES + ((size_t)luma_numbers(nx, ny) + 2 * COLOUR_NUMBERS + 1) / 2;
}

int ry_video_facts_check(const struct ry_video_facts *facts, struct ry_error *err)
{
    if (!is_name(facts->container, ""))
        return ry_fail(err, RY_EDATA, "the container of the video has a name that no format has");
    if (!is_codec(facts->video_codec) || !is_codec(facts->audio_codec))
        return ry_fail(err, RY_EDATA, "a codec of the video has a name that no codec has");
    if (facts->rotation % 90 != 0)
        return ry_fail(err, RY_EDATA, "the video is turned by %llu degrees, which is no quarter turn",
                       (unsigned long long)facts->rotation);
    if (facts->thumbhash.p != NULL && !is_thumbhash(facts->thumbhash))
        return ry_fail(err, RY_EDATA, "the placeholder of the video is not a ThumbHash");
    return RY_OK;
}
