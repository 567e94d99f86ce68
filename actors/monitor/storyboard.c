/* storyboard.c: see storyboard.h.
 *
 * Rows may be of other programs' making: a layout that is none gives no cues. */
#include "actors/monitor/storyboard.h"

#include <inttypes.h>

#include "proto/sheet_layout.h"
#include "proto/store_name.h"

/* Of a clip of one picture whose length nobody knows: as long as a player may be open. */
#define UNKNOWN_LENGTH_S 86400.0

bool storyboard_path(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    if (!ry_store_name_is_sheet_of(clip->sheet_path, clip->clip_id))
        return false;
    (void)ry_buf_add_str(out, RY_STR("/"));
    (void)ry_buf_add_str(out, clip->sheet_path);
    return true;
}

static void add_time(struct ry_buf *out, double at_s)
{
    uint64_t ms = (uint64_t)(at_s * 1000 + 0.5);
    (void)ry_buf_addf(out, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, ms / 3600000, ms / 60000 % 60,
                      ms / 1000 % 60, ms % 1000);
}

bool storyboard_vtt(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    const struct ry_sheet sheet = {.columns = clip->sheet_columns,
                                   .rows = clip->sheet_rows,
                                   .count = clip->sheet_count,
                                   .width = clip->sheet_width,
                                   .height = clip->sheet_height};
    double step_s = clip->sheet_step_s > 0 ? clip->sheet_step_s
                    : clip->duration_s > 0 ? clip->duration_s
                                           : UNKNOWN_LENGTH_S;
    if (ry_sheet_check(&sheet, NULL) != RY_OK || !ry_store_name_is_sheet_of(clip->sheet_path, clip->clip_id))
        return false;
    uint64_t width = sheet.width / sheet.columns, height = sheet.height / sheet.rows;
    (void)ry_buf_add_str(out, RY_STR("WEBVTT\n"));
    for (uint64_t i = 0; i < sheet.count; i++) {
        double end_s = (double)(i + 1) * step_s;
        if (i + 1 == sheet.count && clip->duration_s > (double)i * step_s)
            end_s = clip->duration_s;
        (void)ry_buf_add_str(out, RY_STR("\n"));
        add_time(out, (double)i * step_s);
        (void)ry_buf_add_str(out, RY_STR(" --> "));
        add_time(out, end_s);
        (void)ry_buf_addf(out, "\n/%.*s#xywh=%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                          RY_STR_ARG(clip->sheet_path), i % sheet.columns * width, i / sheet.columns * height, width,
                          height);
    }
    return true;
}
