/* download_bench.h: a downloader on a folder of files, and on the fake CDN where asked for, driven by hand: the test
 * plays the scheduler and the encoder. */
#ifndef REELYARD_TESTS_BED_DOWNLOAD_BENCH_H
#define REELYARD_TESTS_BED_DOWNLOAD_BENCH_H

#include "tests/bed/bed.h"

#include "actors/downloader/downloader.h"
#include "actors/downloader/source.h"
#include "tests/bed/fake.h"
#include "tests/bed/patience.h"

#define DOWNLOAD_FILE_BYTES   500000 /* of clip.mp4; the first window is 64 KiB */
#define DOWNLOAD_SMALL_BYTES  3000   /* of small.mp4 */
#define DOWNLOAD_WINDOW_BYTES 65536
#define DOWNLOAD_CLIP_ID      "d1523646fd8f70dd6e199d427ae00606"

struct download_bench {
    struct bed *bed;
    struct fake *fake;
    char root[80];   /* the registered folder: in the bed's data folder, as is what lies beside it */
    char served[64]; /* the fake's folder */
};

/* A downloader with these options and a folder of files. */
struct download_bench *download_bench_new(bed_option *options);

/* A bench with a fake on the list of hosts. more: further options, at most three. */
struct download_bench *download_bench_with_fake(bed_option *more);

/* Ends it all. */
void download_bench_free(struct download_bench *bench);

/* Asks for the thumbnails of a clip; the id of the mail. */
uint64_t download_make(struct download_bench *bench, const struct ry_clip_work *work);

/* A clip of a file of the registered folder; path as it stands in the URL, behind the root. */
uint64_t download_make_file(struct download_bench *bench, const char *path);

/* A clip of the fake, served in one of its ways ("ok/clip.mp4"). */
uint64_t download_make_remote(struct download_bench *bench, const char *path);

/* Lets the engine run, and the clock when clips are paused, until something is said. */
void download_listen_for_more(struct download_bench *bench);

/* Expects a round for the encoder. */
const struct ry_encode_run *download_expect_run(struct download_bench *bench);

/* The clip must fail, with these words in the reason. */
void download_expect_failure(struct download_bench *bench, uint64_t id, const char *words);

/* The encoder needs a range. */
void download_answer_needs(struct download_bench *bench, uint64_t run_id, uint64_t offset, uint64_t length);

/* The encoder is done. */
void download_answer_done(struct download_bench *bench, uint64_t run_id);

/* The id of the round that was expected last. */
uint64_t download_run_id(struct download_bench *bench);

/* The windows of a run must be these bytes of the file, and no others. */
void download_check_windows(const struct ry_encode_run *run, uint64_t bytes);

#endif
