/* sheet.c: one attempt at a storyboard; see sheet.h.
 *
 * First all packets are read, then all are decoded: what is missing of any of them is asked for at once, and no picture
 * is decoded twice. A key frame that is damaged or gives no picture is left out, and its parts show the one next to it.
 * Owns everything that one call makes. */
#include "actors/encoder/sheet.h"

#include <string.h>

#include "actors/encoder/colour.h"
#include "actors/encoder/crop.h"
#include "actors/encoder/decode.h"
#include "actors/encoder/keys.h"
#include "actors/encoder/picture.h"
#include "actors/encoder/webp.h"
#include "runtime/base/assert.h"

#define NO_INDEX   "its format names no key frames, so a storyboard would take reading all of it"
#define NO_PICTURE "none of its key frames gives a picture"

/* Black, in BT.601 and limited range. */
#define BLACK_LUMA   16
#define BLACK_CHROMA 128

struct board {
    struct media media;
    struct keys keys;
    struct sheet_plan plan;
    AVPacket *packets[SHEET_PICTURES_MAX];    /* of plan.keys; NULL: none */
    struct picture tiles[SHEET_PICTURES_MAX]; /* of plan.keys; planes[0] NULL: none */
    struct extent tile;                       /* of each; 0x0: there is none yet */
};

/* ---- packets -------------------------------------------------------------------------------------------------- */

/* Asks for all samples at once. False if some are not at hand. */
static bool want_samples(struct board *board)
{
    struct window_io *windows = board->media.windows;
    for (size_t i = 0; i < board->plan.key_count; i++)
        (void)window_io_want_sample(windows, board->plan.keys[i].offset, board->plan.keys[i].length);
    return windows->need_count == 0;
}

/* Lets reading go on behind a miss, of which only the need is kept. */
static void forget_miss(struct media *media)
{
    media->windows->need_count = 0;
    media->io->eof_reached = 0;
    media->io->error = 0;
}

/* Reads the packet of each key frame. False if some of the bytes are not at hand, all of which are asked for. */
static bool read_packets(struct board *board)
{
    struct window_io *windows = board->media.windows;
    struct window_need needs[WINDOW_IO_NEEDS_MAX];
    size_t need_count = 0;
    for (size_t i = 0; i < board->plan.key_count && !windows->spent; i++) {
        bool read = keys_return(&board->keys, board->plan.keys[i].time);
        if (windows->need_count > 0) {
            for (size_t k = 0; k < windows->need_count && need_count < WINDOW_IO_NEEDS_MAX; k++)
                needs[need_count++] = windows->needs[k];
            forget_miss(&board->media);
        } else if (read && keys_is_key(&board->keys)) {
            board->packets[i] = av_packet_clone(board->keys.packet);
        }
    }
    memcpy(windows->needs, needs, need_count * sizeof needs[0]);
    windows->need_count = need_count;
    return need_count == 0;
}

/* ---- pictures ------------------------------------------------------------------------------------------------- */

/* Chroma has half the size: tiles have even sides, so that each begins on a sample of it. */
static int even(int side)
{
    return side < 2 ? 2 : side & ~1;
}

static int take_tile(struct board *board, AVFrame *frame, const struct sheet_request *request, struct picture *tile,
                     struct ry_error *err)
{
    colour_complete(frame, board->media.video->codecpar);
    crop_frame(&board->media, frame);
    struct turn turn = facts_turn(&board->media, frame);
    if (board->tile.width == 0) {
        struct extent fit = geometry_fit(facts_shown(&board->media, frame, turn), request->tile);
        board->tile = (struct extent){even(fit.width), even(fit.height)};
    }
    return picture_from_frame(tile, frame, turn, board->tile, err);
}

/* Decodes one key frame alone. RY_OK, with a tile unless it gives no whole picture; RY_ENOMEM and the like. */
static int decode_key(struct board *board, const AVPacket *packet, const struct sheet_request *request,
                      struct picture *tile, struct ry_error *err)
{
    AVCodecContext *decoder = NULL;
    AVFrame *frame = av_frame_alloc();
    int rc = frame ? media_decoder(&board->media, false, &decoder, err) : ry_fail(err, RY_ENOMEM, "no memory");
    /* What the loop filter smooths is gone when a picture is made so small. */
    if (rc == RY_OK)
        decoder->skip_loop_filter = AVDISCARD_ALL;
    if (rc == RY_OK && avcodec_send_packet(decoder, packet) >= 0 && avcodec_send_packet(decoder, NULL) >= 0 &&
        avcodec_receive_frame(decoder, frame) >= 0 && decode_is_intra(decoder, frame) && decode_is_sound(frame))
        rc = take_tile(board, frame, request, tile, err);
    avcodec_free_context(&decoder);
    av_frame_free(&frame);
    return rc;
}

static int decode_all(struct board *board, const struct sheet_request *request, struct ry_error *err)
{
    size_t decoded = 0;
    for (size_t i = 0; i < board->plan.key_count && !window_io_spent(board->media.windows); i++) {
        int rc = RY_OK;
        if (board->packets[i])
            rc = decode_key(board, board->packets[i], request, &board->tiles[i], err);
        if (rc != RY_OK)
            return rc;
        decoded += board->tiles[i].planes[0] != NULL;
    }
    return decoded > 0 ? RY_OK : ry_fail(err, RY_EDATA, NO_PICTURE);
}

/* The tile of a key frame, or the one of the next key frame that has one. */
static const struct picture *tile_near(const struct board *board, size_t key)
{
    for (size_t away = 0; away < board->plan.key_count; away++) {
        if (away <= key && board->tiles[key - away].planes[0])
            return &board->tiles[key - away];
        if (key + away < board->plan.key_count && board->tiles[key + away].planes[0])
            return &board->tiles[key + away];
    }
    return NULL;
}

static void paint_black(struct picture *picture)
{
    for (int plane = 0; plane < 3; plane++) {
        int rows = plane == 0 ? picture->size.height : (picture->size.height + 1) / 2;
        memset(picture->planes[plane], plane == 0 ? BLACK_LUMA : BLACK_CHROMA,
               (size_t)picture->strides[plane] * (size_t)rows);
    }
}

static void place_tile(struct picture *sheet, const struct picture *tile, int left, int top)
{
    RY_ASSERT(left % 2 == 0 && top % 2 == 0 && left + tile->size.width <= sheet->size.width &&
                  top + tile->size.height <= sheet->size.height,
              "a tile at %d,%d", left, top);
    for (int plane = 0; plane < 3; plane++) {
        int half = plane == 0 ? 1 : 2;
        for (int y = 0; y < tile->size.height / half; y++)
            memcpy(sheet->planes[plane] + (ptrdiff_t)(top / half + y) * sheet->strides[plane] + left / half,
                   tile->planes[plane] + (ptrdiff_t)y * tile->strides[plane], (size_t)(tile->size.width / half));
    }
}

static int make_sheet(const struct board *board, const struct sheet_request *request, struct sheet_result *result)
{
    const struct sheet_plan *plan = &board->plan;
    struct extent tile = board->tile;
    struct picture sheet;
    result->count = (unsigned)plan->count;
    result->columns = result->count < SHEET_COLUMNS_MAX ? result->count : SHEET_COLUMNS_MAX;
    result->rows = (result->count + result->columns - 1) / result->columns;
    result->step_s = plan->step_s;
    struct extent size = {tile.width * (int)result->columns, tile.height * (int)result->rows};
    int rc = picture_new(&sheet, size, &result->error);
    if (rc != RY_OK)
        return rc;
    paint_black(&sheet);
    for (unsigned i = 0; i < result->count; i++)
        place_tile(&sheet, tile_near(board, plan->shows[i]), (int)(i % result->columns) * tile.width,
                   (int)(i / result->columns) * tile.height);
    result->image.size = size;
    rc = webp_encode(&sheet, request->quality, WEBP_METHOD, &result->image.webp, &result->error);
    picture_free(&sheet);
    return rc;
}

/* ---- one attempt ---------------------------------------------------------------------------------------------- */

static int attempt(struct board *board, struct window_io *windows, const struct sheet_request *request,
                   struct sheet_result *result)
{
    int rc = media_open(&board->media, windows, request->filename, &result->error);
    if (rc == RY_OK)
        rc = keys_open(&board->keys, &board->media, &result->error);
    if (rc != RY_OK)
        return rc;
    /* Matroska's cues are read by the first seek. */
    if (!keys_seek(&board->keys, 0) || !sheet_plan_make(&board->media, &board->plan))
        return ry_fail(&result->error, RY_EDATA, NO_INDEX);
    if (!want_samples(board) || !read_packets(board))
        return ry_fail(&result->error, RY_EDATA, "its key frames are not at hand");
    rc = decode_all(board, request, &result->error);
    return rc == RY_OK ? make_sheet(board, request, result) : rc;
}

static void board_free(struct board *board)
{
    for (size_t i = 0; i < SHEET_PICTURES_MAX; i++) {
        av_packet_free(&board->packets[i]);
        if (board->tiles[i].planes[0])
            picture_free(&board->tiles[i]);
    }
    keys_close(&board->keys);
    media_close(&board->media);
}

enum engine_outcome sheet_run(struct window_io *windows, const struct sheet_request *request,
                              struct sheet_result *result)
{
    struct board board = {.tile = {0, 0}};
    *result = (struct sheet_result){.error.code = RY_OK};
    windows->need_count = 0;
    window_io_allow_cpu(windows, ENGINE_CPU_MS);
    int rc = attempt(&board, windows, request, result);
    board_free(&board);
    if (windows->need_count > 0)
        return ENGINE_NEEDS;
    if (windows->spent)
        rc = ry_fail(&result->error, RY_ELIMIT, "decoding took more than %d s of CPU", ENGINE_CPU_MS / 1000);
    RY_ASSERT(rc != RY_OK || result->image.webp != NULL, "an end without an image");
    return rc == RY_OK ? ENGINE_DONE : ENGINE_FAILED;
}

void sheet_result_free(struct sheet_result *result)
{
    ry_frame_unref(result->image.webp);
    result->image.webp = NULL;
}
