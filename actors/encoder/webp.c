/* webp.c: encodes a picture with libwebp, fed with the planes as they are.
 *
 * One thread and no metadata: the same picture gives the same bytes. The bytes are the caller's. */
#include "actors/encoder/webp.h"

#include <webp/encode.h>

static void release(void *memory)
{
    WebPFree(memory);
}

int webp_encode(const struct picture *picture, float quality, int method, struct ry_frame **file, struct ry_error *err)
{
    WebPConfig config;
    WebPPicture view;
    WebPMemoryWriter writer;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, quality) || !WebPPictureInit(&view))
        return ry_fail(err, RY_EBUG, "libwebp has another version than its headers");
    config.method = method;
    WebPMemoryWriterInit(&writer);
    view.use_argb = 0;
    view.colorspace = WEBP_YUV420;
    view.width = picture->size.width;
    view.height = picture->size.height;
    view.y = picture->planes[0];
    view.u = picture->planes[1];
    view.v = picture->planes[2];
    view.y_stride = picture->strides[0];
    view.uv_stride = picture->strides[1];
    view.writer = WebPMemoryWrite;
    view.custom_ptr = &writer;
    if (!WebPEncode(&config, &view)) {
        WebPMemoryWriterClear(&writer);
        return ry_fail(err, view.error_code == VP8_ENC_ERROR_BAD_DIMENSION ? RY_ELIMIT : RY_ENOMEM,
                       "libwebp refused a picture of %dx%d (error %d)", view.width, view.height, (int)view.error_code);
    }
    *file = ry_frame_wrap(writer.mem, writer.size, release, writer.mem);
    if (!*file) {
        WebPMemoryWriterClear(&writer);
        return ry_fail(err, RY_ENOMEM, "no memory for an image of %zu bytes", writer.size);
    }
    return RY_OK;
}
