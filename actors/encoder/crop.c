/* crop.c: the crop rectangle of a container; see crop.h.
 *
 * Owns nothing. A rectangle that does not lie within the picture is ignored, so that a lying file loses nothing but its
 * crop. */
#include "actors/encoder/crop.h"

#include "actors/encoder/duration.h"

/* A visual sample entry's own fields, before the boxes in it. */
#define VISUAL_ENTRY_BYTES 78

static bool find(const struct window_io *windows, const struct box *in, const char type[4], struct box *part)
{
    uint64_t at = 0;
    return box_find(windows, in, type, &at, part);
}

/* The sample entry of a track: trak, tkhd (version and flags, two times, id), mdia, minf, stbl, stsd (..., count,
 * entries). */
static bool find_entry(const struct media *media, struct box *entry)
{
    const struct window_io *windows = media->windows;
    struct box trak, tkhd, mdia, minf, stbl, stsd;
    for (uint64_t at = 0; box_find(windows, &media->movie.box, "trak", &at, &trak);) {
        if (!find(windows, &trak, "tkhd", &tkhd))
            continue;
        size_t wide = box_number(windows, &tkhd, 0, 1) == 1 ? 8 : 4;
        if (box_number(windows, &tkhd, 4 + 2 * wide, 4) != (uint64_t)media->video->id)
            continue;
        return find(windows, &trak, "mdia", &mdia) && find(windows, &mdia, "minf", &minf) &&
               find(windows, &minf, "stbl", &stbl) && find(windows, &stbl, "stsd", &stsd) &&
               box_read(windows, stsd.body + 8, entry) == BOX_READ && entry->end > entry->body + VISUAL_ENTRY_BYTES;
    }
    return false;
}

/* A fraction of two numbers of 32 bits, the first with a sign. */
static double fraction(const struct window_io *windows, const struct box *box, uint64_t offset)
{
    uint64_t below = box_number(windows, box, offset + 4, 4);
    return below > 0 ? (double)(int32_t)box_number(windows, box, offset, 4) / (double)below : 0;
}

/* clap: width, height, horizontal and vertical offset of its middle from the picture's. */
static void by_movie(const struct media *media, const AVFrame *frame, struct crop *crop)
{
    struct box entry, clap;
    if (!media->movie.found || !find_entry(media, &entry))
        return;
    entry.body += VISUAL_ENTRY_BYTES;
    if (!find(media->windows, &entry, "clap", &clap))
        return;
    double width = fraction(media->windows, &clap, 0), height = fraction(media->windows, &clap, 8);
    double left = (frame->width - width) / 2 + fraction(media->windows, &clap, 16);
    double top = (frame->height - height) / 2 + fraction(media->windows, &clap, 24);
    if (width < 1 || height < 1 || left < 0 || top < 0 || left + width > frame->width || top + height > frame->height)
        return;
    crop->left = (uint64_t)left;
    crop->top = (uint64_t)top;
    crop->right = (uint64_t)(frame->width - left - width);
    crop->bottom = (uint64_t)(frame->height - top - height);
}

static void by_matroska(const struct media *media, struct crop *crop)
{
    uint64_t track = duration_matroska_track(media);
    for (unsigned i = 0; i < media->matroska.videos && i < MATROSKA_VIDEOS_MAX; i++)
        if (media->matroska.video_tracks[i] == track)
            *crop = media->matroska.crops[i];
}

/* Matroska's display size is that of what is left; pixels are square when there is none. */
static AVRational ratio_of(const struct crop *crop, const AVFrame *frame)
{
    AVRational ratio = {1, 1};
    if (crop->display_width > 0 && crop->display_height > 0)
        av_reduce(&ratio.num, &ratio.den, (int64_t)crop->display_width * frame->height,
                  (int64_t)crop->display_height * frame->width, INT32_MAX);
    return ratio;
}

void crop_frame(struct media *media, AVFrame *frame)
{
    struct crop crop = {.left = 0};
    uint64_t width = (uint64_t)frame->width, height = (uint64_t)frame->height;
    by_movie(media, frame, &crop);
    by_matroska(media, &crop);
    if (!(crop.left || crop.top || crop.right || crop.bottom) || crop.left >= width ||
        crop.right >= width - crop.left || crop.top >= height || crop.bottom >= height - crop.top)
        return;
    frame->crop_left = crop.left;
    frame->crop_top = crop.top;
    frame->crop_right = crop.right;
    frame->crop_bottom = crop.bottom;
    if (av_frame_apply_cropping(frame, AV_FRAME_CROP_UNALIGNED) >= 0 && media->matroska.videos > 0)
        media->video->sample_aspect_ratio = ratio_of(&crop, frame);
}
