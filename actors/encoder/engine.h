/* engine.h: the encoder's engine, a pure function: windows of a video and a request in; images and facts, or the ranges
 * that are missing, or a reason out. It keeps nothing between calls and touches nothing but its arguments and the CPU.
 *
 * Any thread; blocks for as long as decoding takes, at most about ENGINE_CPU_MS. */
#ifndef REELYARD_ACTORS_ENCODER_ENGINE_H
#define REELYARD_ACTORS_ENCODER_ENGINE_H

#include "actors/encoder/facts.h"
#include "actors/encoder/thumbhash.h"
#include "proto/frame.h"
#include "proto/message.h"

/* CPU time that one attempt may take, milliseconds. Asked between reads and packets; one picture is not interrupted. */
#define ENGINE_CPU_MS 20000

/* Of the engine and libavcodec, such as "1, libavcodec 59.37.100". A video that failed for good is tried once more by
 * another version. Raise ENGINE_RULES when a change lets videos give a picture that gave none before. */
#define ENGINE_RULES         2
#define ENGINE_VERSION_BYTES 48
void engine_version(char version[ENGINE_VERSION_BYTES]);

struct engine_request {
    const char *filename; /* a hint for the demuxer */
    double wished_s;
    enum ry_frame_mode mode;
    struct extent small, large; /* boxes */
    float quality;              /* WebP, 1..100 */
};

struct engine_image {
    struct extent size;
    struct ry_frame *webp; /* one reference */
};

enum engine_outcome { ENGINE_DONE, ENGINE_NEEDS, ENGINE_FAILED };

struct engine_result {
    struct engine_image small, large;     /* ENGINE_DONE */
    struct media_facts facts;             /* ENGINE_DONE */
    char thumbhash[THUMBHASH_TEXT_BYTES]; /* ENGINE_DONE: of the small image */
    struct ry_error error; /* ENGINE_FAILED: a reason for people; its code's class tells whether for good */
};

/* Sets the process-wide limits of libavutil and sends its log to ours. Idempotent; call before the first attempt. */
void engine_set_up(void);

/* One attempt. On ENGINE_NEEDS windows->needs tells what to fetch. The result is to be freed in every case. */
enum engine_outcome engine_run(struct window_io *windows, const struct engine_request *request,
                               struct engine_result *result);
void engine_result_free(struct engine_result *result);

#endif
