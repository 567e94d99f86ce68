/* engine.c: one attempt at a clip, from windows to images; see engine.h.
 *
 * Owns everything that one call makes, and frees it before it returns; nothing is kept between calls. A crash ends the
 * sandboxed process, whose mail another one gets. */
#include "actors/encoder/engine.h"

#include <stdio.h>
#include <string.h>

#include "actors/encoder/colour.h"
#include "actors/encoder/crop.h"
#include "runtime/video/ffmpeg_log.h"
#include "actors/encoder/picture.h"
#include "actors/encoder/pick.h"
#include "actors/encoder/webp.h"
#include "runtime/base/assert.h"

/* The largest single block libavutil may allocate: a plane of MEDIA_PIXELS_MAX at 16 bits, and room. */
#define ALLOCATION_MAX_BYTES ((size_t)160 << 20)

void engine_version(char version[ENGINE_VERSION_BYTES])
{
    unsigned lavc = avcodec_version();
    (void)snprintf(version, ENGINE_VERSION_BYTES, "%d, libavcodec %u.%u.%u", ENGINE_RULES, AV_VERSION_MAJOR(lavc),
                   AV_VERSION_MINOR(lavc), AV_VERSION_MICRO(lavc));
}

void engine_set_up(void)
{
    av_max_alloc(ALLOCATION_MAX_BYTES);
    ffmpeg_log_set_up();
}

static int encode(const struct picture *picture, float quality, struct engine_image *image, struct ry_error *err)
{
    image->size = picture->size;
    return webp_encode(picture, quality, WEBP_METHOD, &image->webp, err);
}

/* The small image is made from the large one's pixels: scaling the frame twice would cost more and show no more. */
static int encode_images(const AVFrame *frame, const struct engine_request *request, struct engine_result *result)
{
    struct picture large, small;
    struct extent large_size = geometry_fit(result->facts.shown, request->large);
    struct extent small_size = geometry_fit(result->facts.shown, request->small);
    int rc = picture_from_frame(&large, frame, result->facts.turn, large_size, &result->error);
    if (rc != RY_OK)
        return rc;
    rc = encode(&large, request->quality, &result->large, &result->error);
    if (rc == RY_OK && small_size.width == large_size.width && small_size.height == large_size.height) {
        result->small = (struct engine_image){small_size, ry_frame_ref(result->large.webp)};
        rc = thumbhash_of_picture(&large, result->thumbhash, &result->error);
    } else if (rc == RY_OK) {
        rc = picture_shrink(&small, &large, small_size, &result->error);
        if (rc == RY_OK) {
            rc = encode(&small, request->quality, &result->small, &result->error);
            if (rc == RY_OK)
                rc = thumbhash_of_picture(&small, result->thumbhash, &result->error);
            picture_free(&small);
        }
    }
    picture_free(&large);
    return rc;
}

/* Opens the file, decodes a picture (any: of a damaged file) and makes the images. */
static int attempt(struct window_io *windows, const struct engine_request *request, bool any,
                   struct engine_result *result)
{
    struct media media;
    AVFrame *frame = NULL;
    int rc = media_open(&media, windows, request->filename, &result->error);
    if (rc == RY_OK)
        rc = any ? pick_any_frame(&media, &frame, &result->error)
                 : pick_frame(&media, request->wished_s, request->mode, &frame, &result->error);
    if (rc == RY_OK && window_io_settle(windows)) {
        colour_complete(frame, media.video->codecpar);
        crop_frame(&media, frame);
        facts_read(&media, frame, &result->facts);
        rc = encode_images(frame, request, result);
    }
    av_frame_free(&frame);
    media_close(&media);
    return rc;
}

enum engine_outcome engine_run(struct window_io *windows, const struct engine_request *request,
                               struct engine_result *result)
{
    *result = (struct engine_result){.error.code = RY_OK};
    windows->need_count = 0;
    window_io_allow_cpu(windows, ENGINE_CPU_MS);
    int rc = attempt(windows, request, false, result);
    if (rc == RY_EDATA && windows->need_count == 0 && !windows->spent) {
        struct ry_error first = result->error;
        rc = attempt(windows, request, true, result);
        if (rc != RY_OK)
            result->error = first;
    }
    if (windows->need_count > 0)
        return ENGINE_NEEDS;
    if (windows->spent)
        rc = ry_fail(&result->error, RY_ELIMIT, "decoding took more than %d s of CPU", ENGINE_CPU_MS / 1000);
    RY_ASSERT(rc != RY_OK || (result->small.webp != NULL && result->large.webp != NULL), "an end without images");
    return rc == RY_OK ? ENGINE_DONE : ENGINE_FAILED;
}

void engine_result_free(struct engine_result *result)
{
    ry_frame_unref(result->small.webp);
    ry_frame_unref(result->large.webp);
    result->small.webp = result->large.webp = NULL;
}
