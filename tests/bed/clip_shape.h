/* clip_shape.h: one row of the table of clip shapes: a clip, a request, and what is right.
 *
 * The rows stand in tests/bed/shapes/<name>.def, the recipes of their clips in tests/bed/shapes/<name>.recipes (see
 * make_shapes.sh). A row may change the bytes of its clip before they are played (`change`, shape_change.h). What is 0
 * or NULL in a row is not looked at, unless said otherwise. */
#ifndef REELYARD_TESTS_BED_CLIP_SHAPE_H
#define REELYARD_TESTS_BED_CLIP_SHAPE_H

#include "tests/bed/range_player.h"
#include "tests/bed/shape_change.h"
#include "tests/bed/shape_layout.h"

/* What the images are expected to be; a card (card.h) unless said otherwise. */
enum shape_shows {
    SHOWS_CARD,
    SHOWS_RIGHT_HALF, /* of a card; the left one is transparent, which is black */
    SHOWS_MIDDLE,     /* of a card: three quarters of its width */
    SHOWS_ANYTHING,   /* but nothing blank */
    SHOWS_BLANK       /* nothing but one plain colour: that is all the clip has */
};

struct clip_shape {
    const char *name; /* a claim's subject: what is special */
    const char *clip; /* file, as its recipe names it */
    void (*change)(struct shape_bytes *bytes);

    const char *filename; /* told to the engine; NULL: the clip's */
    double wished_s;
    enum ry_frame_mode mode;
    size_t first_bytes; /* of the first window; 0: the downloader's */
    bool hide_total;    /* the server does not tell the size */

    const char *reason; /* extended regular expression; not NULL: there is no image but this reason */
    enum shape_shows shows;
    int numbers[2];          /* the card's number is between these */
    double colour_error_max; /* of 255; 0: 16 */
    double ssim_min;         /* 0: 0.8; below 0: any */
    int width, height;       /* facts: the size shown */
    double duration_s;       /* below 0: must not be known */
    double duration_error_s; /* 0: 0.1 */
    const char *mime_type;
    uint64_t bytes_max; /* 0: for a failure SHAPE_FAILURE_BYTES_MAX, else not looked at */
    unsigned requests_max;
};

/* No failure costs more bytes. */
#define SHAPE_FAILURE_BYTES_MAX ((uint64_t)8 << 20)

extern const struct clip_shape clip_shapes[];
extern const size_t clip_shape_count;

#endif
