/* encode_fuzz.c: hostile bytes as a video.
 *
 * The first byte tells mode and requested time, the second where the known bytes have a hole. An attempt must end; what it
 * asks for must lie inside the video and outside what is there; nothing may leak. Seeds: the clips of
 * tests/bed/make_media.sh with two bytes before each. */
#include <stdlib.h>

#include "actors/encoder/engine.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    engine_set_up();
    return 0;
}

static void check_needs(const struct window_io *windows)
{
    must(!windows->last_round);
    for (size_t i = 0; i < windows->need_count; i++) {
        const struct window_need *need = &windows->needs[i];
        must(need->length > 0 && need->offset + need->length <= windows->total_bytes);
        must(window_io_run(windows, need->offset) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    uint8_t options = data[0], hole = data[1];
    data += 2;
    size -= 2;
    struct window_io windows = {.total_bytes = size, .last_round = (options & 4) != 0};
    size_t first = hole > 0 ? 1 + (size - 1) * hole / 512 : size, behind = first + size / 8;
    must(window_io_place(&windows, 0, data, first));
    if (behind < size)
        must(window_io_place(&windows, behind, data + behind, size - behind));
    const struct engine_request request = {.filename = "clip.mp4",
                                           .wished_s = (options >> 3) / 4.0,
                                           .mode = (enum ry_frame_mode)(options % 4 % 3),
                                           .small = {32, 18},
                                           .large = {64, 36},
                                           .quality = 50};
    struct engine_result result;
    switch (engine_run(&windows, &request, &result)) {
    case ENGINE_DONE: must(result.large.size.width <= 64 && ry_frame_size(result.small.webp) > 0); break;
    case ENGINE_NEEDS: check_needs(&windows); break;
    case ENGINE_FAILED: must(result.error.text[0] != '\0'); break;
    }
    engine_result_free(&result);
    return 0;
}
