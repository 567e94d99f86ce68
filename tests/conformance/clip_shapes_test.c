/* Every row of the table of clip shapes (tests/bed/shapes/): what its clip shows, says and costs, or why it shows
 * nothing. All rows are looked at, and each that is not right is told.
 *
 *   conformance_clip_shapes_test [PART-OF-A-NAME...]   only rows with such a name, with what came of them
 *
 * At the end it tells what all rows cost together: of large files, the share of bytes that was fetched, which is held
 * to a limit; of failures, the most bytes and the most CPU time.
 *
 * Clips are kept below $REELYARD_BUILD/tests/shapes (see make_shapes.sh). Ends with 77 if no row could be tried. */
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <webp/decode.h>

#include "tests/bed/card.h"
#include "tests/bed/clip_shape.h"

#define COLOUR_ERROR_MAX 16.0
#define SSIM_MIN         0.8
#define DURATION_ERROR_S 0.1

/* A blank picture's luma differs less, of 255. */
#define BLANK_CONTRAST_MAX 5.0

#define LARGE_BYTES ((size_t)5000000)
#define LARGE_MAX   256

/* Of a large file: what share is fetched, in the median of all and at most. */
#define SHARE_MEDIAN_MAX 0.01
#define SHARE_MAX        0.06

/* What the rows cost. */
struct costs {
    double shares[LARGE_MAX];
    size_t share_count;
    const char *worst; /* row of the largest share */
    uint64_t failure_bytes;
    double failure_cpu_ms;
};

struct row {
    const struct clip_shape *shape;
    char wrong[1024]; /* what is not right, sentence by sentence */
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct row *row, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(row->wrong + row->used, sizeof row->wrong - row->used, format, arguments);
    va_end(arguments);
    row->used = n > 0 && row->used + (size_t)n < sizeof row->wrong ? row->used + (size_t)n : sizeof row->wrong - 1;
}

/* ---- what is right -------------------------------------------------------------------------------------------- */

static void check_card(struct row *row, const char *which, const struct card_reading *reading, bool large)
{
    const struct clip_shape *shape = row->shape;
    double error_max = shape->colour_error_max > 0 ? shape->colour_error_max : COLOUR_ERROR_MAX;
    double ssim_min = shape->ssim_min != 0 ? shape->ssim_min : SSIM_MIN;
    if (reading->turn != 0)
        wrong(row, " %s image is turned (%s%s%s);", which, reading->turn & CARD_TRANSPOSED ? "transposed " : "",
              reading->turn & CARD_FLIPPED_X ? "flipped x " : "", reading->turn & CARD_FLIPPED_Y ? "flipped y" : "");
    if (reading->number < shape->numbers[0] || reading->number > shape->numbers[1])
        wrong(row, " %s image shows %d, not %d to %d;", which, reading->number, shape->numbers[0], shape->numbers[1]);
    if (reading->colour_error > error_max)
        wrong(row, " %s image's colours are wrong by %.0f (red is %.0f,%.0f,%.0f);", which, reading->colour_error,
              reading->quarters[0][0], reading->quarters[0][1], reading->quarters[0][2]);
    if (large && reading->ssim < ssim_min)
        wrong(row, " %s image's SSIM is %.3f;", which, reading->ssim);
}

/* Upper left, upper right, lower left, lower right of a card whose left half is black. */
static void check_right_half(struct row *row, const char *which, const uint8_t *rgb, int width, int height)
{
    static const int quarters[4][3] = {{0, 0, 0}, {40, 170, 60}, {0, 0, 0}, {220, 220, 220}};
    for (int q = 0; q < 4; q++) {
        int x = q % 2 ? width * 7 / 8 : width / 8, y = q / 2 ? height * 7 / 8 : height / 8;
        const uint8_t *at = rgb + ((size_t)y * (size_t)width + (size_t)x) * 3;
        for (int i = 0; i < 3; i++)
            if (fabs(at[i] - (double)quarters[q][i]) > COLOUR_ERROR_MAX) {
                wrong(row, " %s image has %d,%d,%d in quarter %d;", which, at[0], at[1], at[2], q);
                break;
            }
    }
}

/* A picture of a card's middle, made as wide as the card again by its edges; malloc'd. */
static uint8_t *widen(uint8_t *rgb, int *width, int height)
{
    int side = *width / 6, wide = *width + 2 * side;
    uint8_t *out = malloc((size_t)wide * (size_t)height * 3);
    for (int y = 0; out && y < height; y++)
        for (int x = 0; x < wide; x++) {
            int from = x < side ? 0 : x - side >= *width ? *width - 1 : x - side;
            memcpy(out + ((size_t)y * (size_t)wide + (size_t)x) * 3,
                   rgb + ((size_t)y * (size_t)*width + (size_t)from) * 3, 3);
        }
    *width = wide;
    return out;
}

static void check_image(struct row *row, const char *which, const struct engine_image *file, bool large, bool verbose)
{
    struct card_reading reading;
    int width, height;
    uint8_t *rgb = WebPDecodeRGB(ry_frame_data(file->webp), ry_frame_size(file->webp), &width, &height);
    if (!rgb || width != file->size.width || height != file->size.height) {
        wrong(row, " %s image cannot be read;", which);
    } else if (width >= 32 && height >= 32) {
        uint8_t *wide = row->shape->shows == SHOWS_MIDDLE ? widen(rgb, &width, height) : NULL;
        card_read(wide ? wide : rgb, width, height, &reading);
        free(wide);
        if (verbose)
            printf("    %s image: turn %d, number %d, colour error %.1f, SSIM %.3f, contrast %.1f\n", which,
                   reading.turn, reading.number, reading.colour_error, reading.ssim, reading.contrast);
        if (row->shape->shows == SHOWS_CARD || row->shape->shows == SHOWS_MIDDLE)
            check_card(row, which, &reading, large);
        else if (row->shape->shows == SHOWS_RIGHT_HALF)
            check_right_half(row, which, rgb, width, height);
        else if ((row->shape->shows == SHOWS_BLANK) != (reading.contrast < BLANK_CONTRAST_MAX))
            wrong(row, " %s image's contrast is %.1f;", which, reading.contrast);
    }
    WebPFree(rgb);
}

static void check_facts(struct row *row, const struct media_facts *facts)
{
    const struct clip_shape *shape = row->shape;
    double error_s = shape->duration_error_s > 0 ? shape->duration_error_s : DURATION_ERROR_S;
    if (shape->width > 0 && (facts->shown.width != shape->width || facts->shown.height != shape->height))
        wrong(row, " it is %dx%d, not %dx%d;", facts->shown.width, facts->shown.height, shape->width, shape->height);
    if (shape->duration_s < 0 ? facts->duration_s != 0
                              : shape->duration_s > 0 && fabs(facts->duration_s - shape->duration_s) > error_s)
        wrong(row, " it lasts %.3f s, not %.3f;", facts->duration_s, shape->duration_s < 0 ? 0 : shape->duration_s);
    if (shape->mime_type && strcmp(shape->mime_type, facts->mime_type) != 0)
        wrong(row, " it is %s, not %s;", facts->mime_type, shape->mime_type);
}

/* A reason is a sentence about the file ("it ..."), in the words of people who watch videos. */
static void check_words(struct row *row, const char *reason)
{
    static const char *const jargon[] = {"moov",  "mdat",  "atom",     "piped",  "demux",     "libav", "ffmpeg",
                                         "avcod", "AVERR", "Invalid ", "packet", "truncated", "(null)"};
    if (strncmp(reason, "it ", 3) != 0 && strncmp(reason, "decoding ", 9) != 0)
        wrong(row, " the reason is not a sentence about the file;");
    for (size_t i = 0; i < sizeof jargon / sizeof jargon[0]; i++)
        if (strcasestr(reason, jargon[i]))
            wrong(row, " the reason says '%s';", jargon[i]);
}

static void check_reason(struct row *row, const char *reason)
{
    check_words(row, reason);
    regex_t pattern;
    if (regcomp(&pattern, row->shape->reason, REG_EXTENDED | REG_NOSUB) != 0) {
        wrong(row, " the row's pattern is none;");
        return;
    }
    if (regexec(&pattern, reason, 0, NULL, 0) != 0)
        wrong(row, " the reason is '%s';", reason);
    regfree(&pattern);
}

static void check(struct row *row, enum engine_outcome outcome, const struct engine_result *result,
                  const struct play *play, bool verbose)
{
    const struct clip_shape *shape = row->shape;
    uint64_t bytes_max = shape->bytes_max > 0 ? shape->bytes_max : shape->reason ? SHAPE_FAILURE_BYTES_MAX : UINT64_MAX;
    if (outcome == ENGINE_NEEDS)
        wrong(row, " there is no end after %u rounds;", play->rounds);
    else if (outcome == ENGINE_FAILED && !shape->reason)
        wrong(row, " there is no image: %s;", result->error.text);
    else if (outcome == ENGINE_FAILED)
        check_reason(row, result->error.text);
    else if (shape->reason)
        wrong(row, " there is an image;");
    if (outcome == ENGINE_DONE && (!shape->reason || verbose)) {
        check_image(row, "the large", &result->large, true, verbose);
        check_image(row, "the small", &result->small, false, verbose);
        check_facts(row, &result->facts);
    }
    if (play->bytes_read > bytes_max)
        wrong(row, " it cost %llu bytes of %llu;", (unsigned long long)play->bytes_read, (unsigned long long)bytes_max);
    if (shape->requests_max > 0 && play->requests > shape->requests_max)
        wrong(row, " it cost %u requests of %u;", play->requests, shape->requests_max);
}

/* ---- playing -------------------------------------------------------------------------------------------------- */

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void count_cost(struct costs *costs, const struct clip_shape *shape, enum engine_outcome outcome,
                       const struct play *play, size_t bytes, double cpu)
{
    double share = (double)play->bytes_read / (double)(bytes > 0 ? bytes : 1);
    if (outcome == ENGINE_FAILED) {
        costs->failure_bytes = play->bytes_read > costs->failure_bytes ? play->bytes_read : costs->failure_bytes;
        costs->failure_cpu_ms = fmax(cpu, costs->failure_cpu_ms);
    } else if (bytes >= LARGE_BYTES && !shape->change && costs->share_count < LARGE_MAX) {
        bool worst = true;
        for (size_t i = 0; i < costs->share_count; i++)
            worst = worst && costs->shares[i] <= share;
        costs->worst = worst ? shape->name : costs->worst;
        costs->shares[costs->share_count++] = share;
    }
}

static void play_row(struct row *row, struct shape_bytes *bytes, struct costs *costs, bool verbose)
{
    const struct clip_shape *shape = row->shape;
    struct engine_result result;
    struct play play = {.first_bytes = shape->first_bytes, .hide_total = shape->hide_total};
    struct engine_request request = play_request(shape->filename ? shape->filename : shape->clip);
    request.wished_s = shape->wished_s;
    request.mode = shape->mode;
    if (shape->change)
        shape->change(bytes);
    double begin_ms = cpu_ms();
    enum engine_outcome outcome = play_run(&play, bytes->p, bytes->n, &request, &result);
    double cpu = cpu_ms() - begin_ms;
    count_cost(costs, shape, outcome, &play, bytes->n, cpu);
    if (verbose) {
        printf("%s: %s, %.1f ms of CPU, %u rounds, %u requests, %llu of %zu bytes\n", shape->name,
               outcome == ENGINE_DONE     ? "done"
               : outcome == ENGINE_FAILED ? result.error.text
                                          : "no end",
               cpu, play.rounds, play.requests, (unsigned long long)play.bytes_read, bytes->n);
        if (outcome == ENGINE_DONE)
            printf("    %dx%d, %.3f s, %s\n", result.facts.shown.width, result.facts.shown.height,
                   result.facts.duration_s, result.facts.mime_type);
    }
    check(row, outcome, &result, &play, verbose);
    engine_result_free(&result);
}

/* Why a clip is not there, as make_shapes.sh wrote it beside it. False if it does not say. */
static bool read_note(const char *path, const char *suffix, char *text, size_t n)
{
    char name[1024];
    snprintf(name, sizeof name, "%s.%s", path, suffix);
    FILE *file = fopen(name, "r");
    if (!file)
        return false;
    if (!fgets(text, (int)n, file))
        text[0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fclose(file);
    return true;
}

enum verdict { RIGHT, WRONG, SKIPPED };

static enum verdict try_row(const struct clip_shape *shape, const char *folder, struct costs *costs, bool verbose)
{
    char path[1000], note[500];
    struct row row = {.shape = shape};
    struct shape_bytes bytes;
    snprintf(path, sizeof path, "%s/%s", folder, shape->clip);
    bytes.p = play_load(path, &bytes.n);
    if (!bytes.p && read_note(path, "skipped", note, sizeof note)) {
        printf("skipped: %s: %s\n", shape->name, note);
        return SKIPPED;
    }
    if (bytes.p)
        play_row(&row, &bytes, costs, verbose);
    else
        wrong(&row, " its clip %s cannot be made: %s", shape->clip,
              read_note(path, "failed", note, sizeof note) ? note : "it has no recipe");
    free(bytes.p);
    if (row.used > 0)
        printf("WRONG: %s:%s\n", shape->name, row.wrong);
    return row.used > 0 ? WRONG : RIGHT;
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

static bool is_named(const struct clip_shape *shape, char **parts)
{
    if (!*parts)
        return true;
    for (; *parts; parts++)
        if (strstr(shape->name, *parts))
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* False if large files cost too much. */
static bool tell_costs(struct costs *costs)
{
    size_t n = costs->share_count;
    if (costs->failure_bytes > 0)
        printf("failures: at most %llu bytes and %.0f ms of CPU\n", (unsigned long long)costs->failure_bytes,
               costs->failure_cpu_ms);
    if (n == 0)
        return true;
    qsort(costs->shares, n, sizeof costs->shares[0], compare);
    double median = (costs->shares[(n - 1) / 2] + costs->shares[n / 2]) / 2;
    printf("%zu files of 5 MB and more: fetched %.2f %% in the median, at most %.2f %% (%s)\n", n, 100 * median,
           100 * costs->shares[n - 1], costs->worst);
    return median <= SHARE_MEDIAN_MAX && costs->shares[n - 1] <= SHARE_MAX;
}

static int make_clips(char *folder, size_t n)
{
    const char *source = getenv("REELYARD_SOURCE"), *build = getenv("REELYARD_BUILD");
    char command[4096];
    snprintf(folder, n, "%s/tests/shapes", build ? build : "build");
    snprintf(command, sizeof command, "'%s/tests/bed/make_shapes.sh' '%s' '%s/tests/fakes_card'", source ? source : ".",
             folder, build ? build : "build");
    return system(command);
}

int main(int argc, char **argv)
{
    char folder[512];
    size_t counts[3] = {0};
    struct costs costs = {.share_count = 0};
    if (make_clips(folder, sizeof folder) != 0) {
        printf("the clips cannot be made\n");
        return 1;
    }
    engine_set_up();
    for (size_t i = 0; i < clip_shape_count; i++)
        if (is_named(&clip_shapes[i], argv + 1))
            counts[try_row(&clip_shapes[i], folder, &costs, argc > 1)]++;
    /* Of some of the rows the median means nothing. */
    bool cheap = tell_costs(&costs) || argc > 1;
    if (!cheap)
        printf("WRONG: that is more than %.0f %% and %.0f %%\n", 100 * SHARE_MEDIAN_MAX, 100 * SHARE_MAX);
    printf("%zu clip shapes: %zu right, %zu wrong, %zu skipped\n", counts[RIGHT] + counts[WRONG] + counts[SKIPPED],
           counts[RIGHT], counts[WRONG], counts[SKIPPED]);
    return counts[WRONG] > 0 || !cheap ? 1 : counts[RIGHT] > 0 ? 0 : 77;
}
