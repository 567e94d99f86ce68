/* The encoder as an actor: which messages an encode_run brings about. What the images show is tested in unit/. */
#include "tests/bed/bed.h"

#include <stdlib.h>
#include <string.h>

#include "actors/encoder/encoder.h"
#include "actors/encoder/engine.h"
#include "tests/bed/media_folder.h"
#include "tests/bed/skip.h"

#define CLIP   "d1523646fd8f70dd6e199d427ae00606"
#define ORIGIN UINT64_C(0x0000000900000001)

static struct media_folder clips;

static int make_clips(void **state)
{
    (void)state;
    return media_folder_make(&clips, "quad.mp4 quad_fast.mp4 large.mp4 audio.m4a");
}

static int remove_clips(void **state)
{
    (void)state;
    media_folder_remove(&clips);
    return 0;
}

/* A message with the first n bytes of a clip (0: all) as its one window. */
struct run {
    uint8_t *bytes;
    struct ry_window window;
    struct ry_encode_run message;
};

static void make_run(struct run *run, const char *clip, size_t n)
{
    size_t size;
    run->bytes = media_folder_load(&clips, clip, &size);
    assert_non_null(run->bytes);
    run->window = (struct ry_window){.offset = 0, .bytes = {.p = run->bytes, .n = n > 0 ? n : size}};
    run->message = (struct ry_encode_run){.clip_id = RY_STR(CLIP),
                                          .guild_id = RY_STR("81384788765712384"),
                                          .filename = ry_str_of(clip),
                                          .total_bytes = size,
                                          .windows = {.items = &run->window, .n = 1},
                                          .wished_s = 1.0,
                                          .frame = RY_FRAME_SMART,
                                          .small_width = 320,
                                          .small_height = 180,
                                          .large_width = 640,
                                          .large_height = 360,
                                          .quality = 85};
}

static uint64_t deliver(struct bed *bed, const struct run *run)
{
    return BED_DELIVER(bed, encode_run, &run->message,
                       (&(struct ry_send){.correlation = ORIGIN, .tenant = 5, .priority = RY_PRIORITY_LIVE}));
}

static void images_go_to_storage_before_the_downloader_hears(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&ry_encoder_spec, NULL);
    struct run run;
    make_run(&run, "large.mp4", 0);
    uint64_t id = deliver(bed, &run);

    const struct ry_thumbnail_store *store = BED_EXPECT(bed, thumbnail_store);
    assert_int_equal(bed_envelope(bed)->correlation, ORIGIN);
    assert_int_equal(bed_envelope(bed)->tenant, 5);
    assert_int_equal(bed_envelope(bed)->priority, RY_PRIORITY_LIVE);
    assert_true(ry_str_is(store->clip_id, CLIP));
    assert_true(ry_str_is(store->guild_id, "81384788765712384"));
    assert_int_equal(store->bytes_read, run.message.total_bytes);
    assert_int_equal(store->images.n, 2);
    static const struct {
        const char *size_type;
        uint64_t width, height;
    } expected[] = {{"small", 320, 180}, {"large", 640, 360}};
    for (int i = 0; i < 2; i++) {
        const struct ry_image *image = &store->images.items[i];
        assert_true(ry_str_is(image->size_type, expected[i].size_type));
        assert_int_equal(image->width, expected[i].width);
        assert_int_equal(image->height, expected[i].height);
        assert_memory_equal((const char *)image->webp.p + 8, "WEBP", 4);
    }
    assert_int_equal(store->facts.items[0].width, 1280);
    assert_int_equal(store->facts.items[0].height, 720);
    assert_true(ry_str_is(store->facts.items[0].mime_type, "video/mp4"));

    BED_EXPECT(bed, encode_done);
    assert_int_equal(bed_envelope(bed)->correlation, id);
    bed_expect_done(bed, id);
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_encode_rounds), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_encode_done), 1);
    free(run.bytes);
    bed_free(bed);
}

static void an_encoder_says_which_version_it_is_less_and_less_often(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&ry_encoder_spec, NULL);
    char version[ENGINE_VERSION_BYTES];
    engine_version(version);
    bed_advance(bed, 0);
    assert_true(ry_str_is(BED_EXPECT(bed, encoder_here)->version, version));
    for (int64_t wait_ms = 4000; wait_ms <= 4096000; wait_ms *= 2) {
        bed_advance(bed, wait_ms - 1);
        bed_expect_nothing(bed);
        bed_advance(bed, 1);
        BED_EXPECT(bed, encoder_here);
    }
    bed_advance(bed, 4096000);
    BED_EXPECT(bed, encoder_here);
    bed_expect_nothing(bed);
    bed_free(bed);
}

static void missing_bytes_are_asked_of_the_downloader(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&ry_encoder_spec, NULL);
    struct run run;
    make_run(&run, "large.mp4", 4096);
    uint64_t id = deliver(bed, &run);
    const struct ry_encode_needs *needs = BED_EXPECT(bed, encode_needs);
    assert_int_equal(bed_envelope(bed)->correlation, id);
    assert_int_equal(needs->ranges.n, 1);
    assert_int_equal(needs->ranges.items[0].offset + needs->ranges.items[0].length, run.message.total_bytes);
    bed_expect_done(bed, id);
    bed_expect_nothing(bed);
    free(run.bytes);
    bed_free(bed);
}

static void a_hopeless_video_fails_for_good_with_its_reason_and_the_version_that_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        size_t n;
        bool last_round;
        const char *reason;
    } cases[] = {
        {"audio.m4a", 0, false, "it has sound but no video"},
        {"quad.mp4", 2000, true, "it is damaged: its index is missing"},
    };
    char version[ENGINE_VERSION_BYTES];
    engine_version(version);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bed *bed = bed_new(&ry_encoder_spec, NULL);
        struct run run;
        make_run(&run, cases[i].clip, cases[i].n);
        run.message.last_round = cases[i].last_round;
        uint64_t id = deliver(bed, &run);
        const struct ry_encode_failed *failed = BED_EXPECT(bed, encode_failed);
        assert_true(ry_str_is(failed->reason, cases[i].reason));
        assert_int_equal(failed->class, RY_FAILURE_PERMANENT);
        assert_true(ry_str_is(failed->encoder, version));
        bed_expect_done(bed, id);
        bed_expect_nothing(bed);
        assert_int_equal(bed_counter(bed, RY_COUNTER_encode_failed), 1);
        free(run.bytes);
        bed_free(bed);
    }
}

static void windows_that_overlap_fail_the_clip_not_the_actor(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&ry_encoder_spec, NULL);
    struct run run;
    make_run(&run, "quad_fast.mp4", 0);
    struct ry_window twice[2] = {run.window, run.window};
    run.message.windows.items = twice;
    run.message.windows.n = 2;
    uint64_t id = deliver(bed, &run);
    BED_EXPECT(bed, encode_failed);
    bed_expect_done(bed, id);
    make_run(&run, "quad_fast.mp4", 0);
    id = deliver(bed, &run);
    BED_EXPECT(bed, thumbnail_store);
    BED_EXPECT(bed, encode_done);
    bed_expect_done(bed, id);
    free((void *)twice[0].bytes.p);
    free(run.bytes);
    bed_free(bed);
}

static void the_same_mail_twice_gives_the_same_images(void **state)
{
    (void)state;
    struct bed *bed = bed_new(&ry_encoder_spec, NULL);
    struct run run;
    uint8_t *first = NULL;
    size_t n = 0;
    make_run(&run, "quad_fast.mp4", 0);
    uint64_t id = deliver(bed, &run);
    for (unsigned attempt = 1; attempt <= 2; attempt++) {
        const struct ry_thumbnail_store *store = BED_EXPECT(bed, thumbnail_store);
        const struct ry_blob *webp = &store->images.items[1].webp;
        if (attempt == 1) {
            n = webp->n;
            first = malloc(n);
            assert_non_null(first);
            memcpy(first, webp->p, n);
        } else {
            assert_int_equal(webp->n, n);
            assert_memory_equal(webp->p, first, n);
        }
        BED_EXPECT(bed, encode_done);
        bed_expect_done(bed, id);
        if (attempt == 1)
            bed_redeliver(bed, id, 2, RY_TAG_encode_run, &run.message, &(struct ry_send){.correlation = ORIGIN});
    }
    free(first);
    free(run.bytes);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_go_to_storage_before_the_downloader_hears),
        cmocka_unit_test(an_encoder_says_which_version_it_is_less_and_less_often),
        cmocka_unit_test(missing_bytes_are_asked_of_the_downloader),
        cmocka_unit_test(a_hopeless_video_fails_for_good_with_its_reason_and_the_version_that_says_so),
        cmocka_unit_test(windows_that_overlap_fail_the_clip_not_the_actor),
        cmocka_unit_test(the_same_mail_twice_gives_the_same_images),
    };
    skip_without("ffmpeg", "ffmpeg");
    return cmocka_run_group_tests(tests, make_clips, remove_clips);
}
