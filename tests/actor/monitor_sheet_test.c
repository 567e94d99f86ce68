/* monitor_sheet_test.c: storyboards over HTTP: the image, where it is, and its index as WebVTT. */
#include "tests/bed/monitor_site.h"

#include <stdio.h>
#include <string.h>

#define SHEET "sheets/guild_41771983423143937/" SITE_CLIP_ID ".webp"

static struct ry_gallery_clip with_sheet(void)
{
    struct ry_gallery_clip clip = site_clip();
    clip.duration_s = 100.5;
    clip.sheet_path = RY_STR(SHEET);
    clip.sheet_columns = 4;
    clip.sheet_rows = 2;
    clip.sheet_count = 5;
    clip.sheet_step_s = 20.1;
    clip.sheet_width = 640;
    clip.sheet_height = 180;
    return clip;
}

static void expect(struct ry_gallery_clip clip, const char *path, unsigned status, const char *const *parts)
{
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, path);
    site_until_asked(&site);
    const struct ry_gallery_get *get = BED_EXPECT(site.bed, gallery_get);
    assert_true(ry_str_is(get->clip_id, SITE_CLIP_ID));
    const struct ry_gallery_page page = {.clips = {&clip, 1}};
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page, &page);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, status);
    for (; *parts; parts++)
        site_assert_has(answer, *parts);
    visit_end(&visit);
    site_close(&site);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void the_index_names_a_tile_for_each_part_of_the_clip(void **state)
{
    (void)state;
    expect(with_sheet(), "/sheet/" SITE_CLIP_ID ".vtt", 200,
           PARTS("Content-Type: text/vtt; charset=utf-8",
                 "WEBVTT\n\n00:00:00.000 --> 00:00:20.100\n/" SHEET "#xywh=0,0,160,90\n",
                 "\n00:01:00.300 --> 00:01:20.400\n/" SHEET "#xywh=480,0,160,90\n",
                 "\n00:01:20.400 --> 00:01:40.500\n/" SHEET "#xywh=0,90,160,90\n"));
}

static void the_sheet_is_where_its_file_is(void **state)
{
    (void)state;
    expect(with_sheet(), "/sheet/" SITE_CLIP_ID, 302, PARTS("Location: /" SHEET "\r\n"));
}

static void a_clip_without_a_good_sheet_has_none(void **state)
{
    (void)state;
    struct ry_gallery_clip clips[] = {site_clip(), with_sheet(), with_sheet(), with_sheet(), with_sheet()};
    clips[1].sheet_path = RY_STR("sheets/guild_1/00000000000000000000000000000000.webp"); /* another clip's */
    clips[2].sheet_count = 9;
    clips[3].sheet_width = 641;
    clips[4].sheet_columns = 0;
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++)
        expect(clips[i], "/sheet/" SITE_CLIP_ID ".vtt", 404, PARTS("no storyboard"));
    expect(clips[1], "/sheet/" SITE_CLIP_ID, 404, PARTS("no storyboard"));
}

static void the_image_comes_from_the_storage(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/" SHEET);
    site_until_asked(&site);
    const struct ry_thumbnail_read *read = BED_EXPECT(site.bed, thumbnail_read);
    assert_true(ry_str_is(read->storage_path, SHEET));
    struct ry_frame *frame = ry_frame_new(9);
    memcpy(ry_frame_data(frame), "webp file", 9);
    const struct ry_thumbnail_data data = {.found = true, .bytes = {ry_frame_data(frame), 9, frame}};
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, thumbnail_data, &data);
    ry_frame_unref(frame);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "Content-Type: image/webp");
    site_assert_has(answer, "webp file");
    visit_end(&visit);
    site_expect_at_once(&site, "GET", "/sheets/guild_1/../../etc/passwd", "", 404, "");
    site_expect_at_once(&site, "GET", "/sheets/guild_1/x.webp", "", 404, "no such thumbnail");
    site_expect_at_once(&site, "GET", "/sheet/" SITE_CLIP_ID ".vtt2", "", 404, "");
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_names_a_tile_for_each_part_of_the_clip),
        cmocka_unit_test(the_sheet_is_where_its_file_is),
        cmocka_unit_test(a_clip_without_a_good_sheet_has_none),
        cmocka_unit_test(the_image_comes_from_the_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
