/* ThumbHash: the same strings as the published algorithm gives, of pictures that both make by the same formulas.
 *
 * The strings were made with the reference implementation in JavaScript (package thumbhash 0.1.1), its function
 * rgbaToThumbHash fed with the pictures of make_pixel, opaque, and printed in base64. Of pictures
 * that are symmetric some frequencies are 0, and what is written of those is a matter of the last bit of a cosine: they
 * are not among these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/encoder/thumbhash.h"

enum pattern { PATTERN_SLOPES, PATTERN_WAVES, PATTERN_BLOCKS, PATTERN_NOISE };

static const struct vector {
    int width, height;
    enum pattern pattern;
    const char *text;
} vectors[] = {
    {100, 56, PATTERN_SLOPES, "USgOJJqQh4dxiIeKd3awggzpWA=="},
    {100, 56, PATTERN_WAVES, "H/gBDIIxMTAwMxRhVmPvn30HIg=="},
    {100, 56, PATTERN_BLOCKS, "2ngCbJpBmHlPhoiVeIa+sOoLqw=="},
    {100, 56, PATTERN_NOISE, "HwgCBIC5WmWxYSvPTb7fwUmfTg=="},
    {56, 100, PATTERN_SLOPES, "EigOLBqRB3eoh4aId4eghwvpWA=="},
    {56, 100, PATTERN_WAVES, "H/gBDAIRIEUEInQ3RUbfvml4Bg=="},
    {56, 100, PATTERN_BLOCKS, "2ngCbBpB+GRYiYaYd2i+sOoLqw=="},
    {56, 100, PATTERN_NOISE, "H/gBBALrS1p4uJgGh2V1sHJP2g=="},
    {64, 64, PATTERN_SLOPES, "USgOJxqQh4dwd3eKiGh4h4eHCFrIkI4F"},
    {64, 64, PATTERN_WAVES, "X/gBDwIyMSQgE1VjZTd2VXZk9N7paSAH"},
    {64, 64, PATTERN_BLOCKS, "2ngCbxpBmHlPhoiVeGeIl3eH5gurvrAK"},
    {64, 64, PATTERN_NOISE, "HwgCBwDGiZJAm7tlibaJWTdVoxCneJ8J"},
    {100, 1, PATTERN_SLOPES, "CqgWEaqDh4eIiAh80Hg3iQg="},
    {100, 1, PATTERN_WAVES, "k+sl4YR3d4eIiAiId4hwe/g="},
    {100, 1, PATTERN_BLOCKS, "2+Y1kaZ3iHiIiAiIv4j8i4g="},
    {100, 1, PATTERN_NOISE, "IQhCKYiIeIiIiAh3j4hnj3g="},
    {1, 100, PATTERN_SLOPES, "TIYZaR4Ig4x4h4iH94l531g="},
    {1, 100, PATTERN_WAVES, "Ugsm2QwIhmmYiId4CIaGJgg="},
    {1, 100, PATTERN_NOISE, "4RdCEQgIh3iIh4h4uIiPYGg="},
    {3, 2, PATTERN_SLOPES, "yDcSFZCEeAt2iHiHiJh4sNCPCKqI"},
    {3, 2, PATTERN_WAVES, "AfgBDYKEeAuGiHiHiJiHsIB292iI"},
    {3, 2, PATTERN_BLOCKS, "m+Y1naZ3iAiIiIiHiIiIgM+I+IyI"},
    {3, 2, PATTERN_NOISE, "ltgtPZqHeAiGiHeHiJh3gKkGB5mO"},
    {100, 100, PATTERN_WAVES, "H/gBDwIxMSFDVSUgIzRnGHZk4/yqeHcA"},
    {100, 100, PATTERN_BLOCKS, "2ngCbxpBmHlPhoiVeGeIl3eH5gurvrAK"},
    {100, 100, PATTERN_NOISE, "4PcBBwB4u21/p3RYJ6VYl4KJufwLtZgP"},
    {75, 100, PATTERN_SLOPES, "ESgOJRqRh3B3p3hod4h3h6CGC+lX"},
    {75, 100, PATTERN_WAVES, "H/gBDQIiEkNFBDNDdmJFVt6viXYH"},
    {75, 100, PATTERN_BLOCKS, "2ngCbRpBmE+GWIloiHl3aL6w6gur"},
    {75, 100, PATTERN_NOISE, "IPgBBQBIN4KVWHh8eVAXtIkqj/iK"},
    {100, 42, PATTERN_SLOPES, "kCgOG5qQh4dxeKh4sIEN6Vg="},
    {100, 42, PATTERN_WAVES, "XvgFC4IxMkBARTV23a5PA2c="},
    {100, 42, PATTERN_BLOCKS, "2ngCa5pBmHlPhliJvrDqC6s="},
    {100, 42, PATTERN_NOISE, "3/cBA4Bo5+bLegiDIFUnDqE="},
    {17, 31, PATTERN_SLOPES, "ESgOJBiRB4eoiHaHd4igiAvpWA=="},
    {17, 31, PATTERN_WAVES, "2egJHAhAKZZHiIV3iIjMPwyTxg=="},
    {17, 31, PATTERN_BLOCKS, "2ngCbBpB+GRYiYaYd2i+sOoLqw=="},
    {17, 31, PATTERN_NOISE, "IBgCDARw2aurKYO2ibZkQv+GdQ=="},
};

static uint8_t next_random(uint32_t *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return (uint8_t)(*seed >> 24);
}

static void make_pixel(const struct vector *vector, int x, int y, uint32_t *seed, uint8_t rgb[3])
{
    int w = vector->width, h = vector->height;
    bool on = x * 3 < vector->width || y * 10 > vector->height * 6;
    switch (vector->pattern) {
    case PATTERN_SLOPES:
        rgb[0] = (uint8_t)(x * x * 255 / (w * w));
        rgb[1] = (uint8_t)(y * y * y * 255 / (h * h * h));
        rgb[2] = (uint8_t)((x + 2 * y) * 85 / (w + h));
        break;
    case PATTERN_WAVES:
        rgb[0] = (uint8_t)(x * x + 3 * y);
        rgb[1] = (uint8_t)(7 * x + y * y);
        rgb[2] = (uint8_t)(x * y);
        break;
    case PATTERN_BLOCKS:
        rgb[0] = on ? 230 : 20;
        rgb[1] = on ? 60 : 120;
        rgb[2] = on ? 10 : 200;
        break;
    case PATTERN_NOISE:
        for (int i = 0; i < 3; i++)
            rgb[i] = next_random(seed);
        break;
    }
}

static void of_rgb(const struct vector *vector, char text[THUMBHASH_TEXT_BYTES])
{
    size_t pixels = (size_t)vector->width * (size_t)vector->height;
    uint32_t seed = (uint32_t)(vector->width * 1000 + vector->height);
    uint8_t *rgb = malloc(pixels * 3);
    assert_non_null(rgb);
    for (size_t i = 0; i < pixels; i++)
        make_pixel(vector, (int)(i % (size_t)vector->width), (int)(i / (size_t)vector->width), &seed, rgb + i * 3);
    thumbhash_of_rgb(rgb, (struct extent){vector->width, vector->height}, text);
    free(rgb);
}

static void the_hash_is_the_reference_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[THUMBHASH_TEXT_BYTES];
        of_rgb(&vectors[i], text);
        if (strcmp(text, vectors[i].text) != 0)
            fail_msg("%dx%d pattern %d: %s instead of %s", vectors[i].width, vectors[i].height, (int)vectors[i].pattern,
                     text, vectors[i].text);
    }
}

/* A picture of 320x180 in YCbCr has the hash that the reference gives of the same one, averaged to 100x56 and made RGB. */
static void a_larger_picture_is_made_smaller_first(void **state)
{
    (void)state;
    struct picture large;
    struct ry_error err;
    char text[THUMBHASH_TEXT_BYTES];
    assert_int_equal(picture_new(&large, (struct extent){320, 180}, &err), RY_OK);
    for (int y = 0; y < 180; y++)
        for (int x = 0; x < 320; x++) {
            large.planes[0][y * large.strides[0] + x] = x < 160 ? 50 : 200;
            large.planes[1][y / 2 * large.strides[1] + x / 2] = y < 90 ? 100 : 140;
            large.planes[2][y / 2 * large.strides[2] + x / 2] = 128;
        }
    assert_int_equal(thumbhash_of_picture(&large, text, &err), RY_OK);
    picture_free(&large);
    assert_string_equal(text, "X/gdNIKAioaHeIiHiHiHf4gHhw==");
}

static void a_plain_picture_has_no_frequencies(void **state)
{
    (void)state;
    uint8_t rgb[40 * 30 * 3];
    char text[THUMBHASH_TEXT_BYTES];
    memset(rgb, 120, sizeof rgb);
    thumbhash_of_rgb(rgb, (struct extent){40, 30}, text);
    assert_string_equal(text, "HggCBYAAAAAAAAAAAAAAAAAAAAAA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_the_reference_s),
        cmocka_unit_test(a_larger_picture_is_made_smaller_first),
        cmocka_unit_test(a_plain_picture_has_no_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
