/* clip_shape.c: the table of clip shapes, put together. */
#include "tests/bed/clip_shape.h"

#define SHAPE(...) {__VA_ARGS__},
const struct clip_shape clip_shapes[] = {
#include "tests/bed/shapes/ordinary.def"
#include "tests/bed/shapes/picture.def"
#include "tests/bed/shapes/container.def"
};
#undef SHAPE

const size_t clip_shape_count = sizeof clip_shapes / sizeof clip_shapes[0];
