/* range_player.h: plays the downloader for the encoder's engine on a file in memory: gives it a first window, then what
 * it asks for, until it is done. Counts rounds and bytes, so that tests can hold them to a bound. */
#ifndef REELYARD_TESTS_BED_RANGE_PLAYER_H
#define REELYARD_TESTS_BED_RANGE_PLAYER_H

#include "actors/encoder/engine.h"
#include "actors/encoder/sheet.h"

/* As the downloader's: download_window, most rounds, most bytes of one video. */
#define PLAY_FIRST_BYTES ((size_t)64 << 10)
#define PLAY_ROUNDS_MAX  24
#define PLAY_BYTES_MAX   ((uint64_t)64 << 20)

struct play {
    size_t first_bytes;  /* size of the first window; 0: PLAY_FIRST_BYTES */
    bool hide_total;     /* the size of the video is not told until a range reaches it */
    unsigned rounds;     /* out: attempts, the last one included */
    unsigned requests;   /* out: ranges fetched, the first window included */
    uint64_t bytes_read; /* out: bytes fetched */
};

/* The whole file, malloc'd; NULL if it cannot be read. */
uint8_t *play_load(const char *path, size_t *n);

/* Runs attempts until done, failed or out of rounds. The result is to be freed in every case. */
enum engine_outcome play_run(struct play *play, const uint8_t *bytes, size_t n, const struct engine_request *request,
                             struct engine_result *result);

/* The same for a storyboard. */
enum engine_outcome play_sheet(struct play *play, const uint8_t *bytes, size_t n, const struct sheet_request *request,
                               struct sheet_result *result);

/* The request of the default configuration: 1 s, smart, 320x180, 640x360, quality 85. */
struct engine_request play_request(const char *filename);

#endif
