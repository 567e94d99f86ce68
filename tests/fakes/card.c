/* card.c: writes a film of test cards (tests/bed/card.h) as YUV4MPEG2, of pixels that the test knows: no library
 * touches them, so that they are the same with every version of ffmpeg.
 *
 *   fakes_card [--size 320x180] [--rate 10] [--tick SECONDS] [--show KIND:SECONDS,...] [--format 420|422|444|444alpha]
 *              [--turn 90|180|270|mirror] [--depth 8|10] [--matrix 601|709|2020|ycgco|ictcp] [--transfer sdr|pq|hlg]
 * [--range tv|pc] [--noise N]
 *
 * Each card's number is the time divided by the tick (1 s), rounded down. KIND is card, black, white, grey, fade (from
 * black to the card), flash (from white to the card), or bars (black with a thin white frame, as a title may be).
 * pq and hlg show white (255) at 203 cd/m2, in the colours of BT.2020. 444alpha hides the left half: its alpha is 0,
 * its colours are magenta. --turn draws the card so that turning the picture by so many degrees to the right (or
 * mirroring it) makes it upright. --noise adds noise of up to N codes to luma, so that files become large. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bed/card.h"

#define SEGMENTS_MAX 16

enum matrix { MATRIX_601, MATRIX_709, MATRIX_2020, MATRIX_YCGCO, MATRIX_ICTCP };
enum transfer { TRANSFER_SDR, TRANSFER_PQ, TRANSFER_HLG };
enum turn { TURN_NONE, TURN_90, TURN_180, TURN_270, TURN_MIRROR };
enum kind { KIND_CARD, KIND_BLACK, KIND_WHITE, KIND_GREY, KIND_FADE, KIND_FLASH, KIND_BARS };

struct segment {
    enum kind kind;
    double end_s;
    double length_s;
};

struct film {
    int width, height, rate, depth, noise;
    int shift_x, shift_y; /* log2 of chroma's steps */
    bool alpha, full;
    enum turn turn;
    double tick_s;
    enum matrix matrix;
    enum transfer transfer;
    struct segment segments[SEGMENTS_MAX];
    int segment_count;
};

/* ---- colours -------------------------------------------------------------------------------------------------- */

static double srgb_to_linear(double code)
{
    return code <= 0.04045 ? code / 12.92 : pow((code + 0.055) / 1.055, 2.4);
}

/* BT.2100, table 4; light 1.0 is 10000 cd/m2. */
static double pq_code(double light)
{
    double p = pow(fmax(light, 0), 0.1593017578125);
    return pow((0.8359375 + 18.8515625 * p) / (1 + 18.6875 * p), 78.84375);
}

/* BT.2100, table 5, by way of a screen of 1000 cd/m2; light in units of 10000 cd/m2, all components changed alike. */
static double hlg_code(double light, double luma)
{
    double scene = luma > 0 ? light * 10 * pow(luma * 10, (1 - 1.2) / 1.2) : 0;
    return scene <= 1.0 / 12 ? sqrt(3 * scene) : 0.17883277 * log(12 * scene - 0.28466892) + 0.55991073;
}

/* R'G'B' of sRGB, 0..1, becomes that of BT.2100. */
static void to_hdr(enum transfer transfer, double rgb[3], double linear[3])
{
    static const double to_2020[3][3] = {
        {0.627404, 0.329283, 0.043313}, {0.069097, 0.919540, 0.011362}, {0.016391, 0.088013, 0.895595}};
    double light[3];
    for (int i = 0; i < 3; i++)
        light[i] = srgb_to_linear(rgb[i]) * 203 / 10000;
    for (int i = 0; i < 3; i++)
        linear[i] = to_2020[i][0] * light[0] + to_2020[i][1] * light[1] + to_2020[i][2] * light[2];
    double luma = 0.2627 * linear[0] + 0.6780 * linear[1] + 0.0593 * linear[2];
    for (int i = 0; i < 3; i++)
        rgb[i] = transfer == TRANSFER_PQ ? pq_code(linear[i]) : hlg_code(linear[i], luma);
}

static void by_shares(const double rgb[3], double kr, double kb, double ycc[3])
{
    ycc[0] = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    ycc[1] = (rgb[2] - ycc[0]) / (2 * (1 - kb));
    ycc[2] = (rgb[0] - ycc[0]) / (2 * (1 - kr));
}

/* BT.2100, table 7, for PQ. */
static void to_ictcp(const double linear[3], double ycc[3])
{
    double l = pq_code((1688 * linear[0] + 2146 * linear[1] + 262 * linear[2]) / 4096);
    double m = pq_code((683 * linear[0] + 2951 * linear[1] + 462 * linear[2]) / 4096);
    double s = pq_code((99 * linear[0] + 309 * linear[1] + 3688 * linear[2]) / 4096);
    ycc[0] = (l + m) / 2;
    ycc[1] = (6610 * l - 13613 * m + 7003 * s) / 4096;
    ycc[2] = (17933 * l - 17390 * m - 543 * s) / 4096;
}

/* R'G'B' of sRGB, 0..1, becomes luma 0..1 and colour differences -0.5..0.5. */
static void to_ycc(const struct film *film, double rgb[3], double ycc[3])
{
    double linear[3];
    if (film->transfer != TRANSFER_SDR)
        to_hdr(film->transfer, rgb, linear);
    switch (film->matrix) {
    case MATRIX_601: by_shares(rgb, 0.299, 0.114, ycc); break;
    case MATRIX_709: by_shares(rgb, 0.2126, 0.0722, ycc); break;
    case MATRIX_2020: by_shares(rgb, 0.2627, 0.0593, ycc); break;
    case MATRIX_YCGCO:
        ycc[0] = rgb[0] / 4 + rgb[1] / 2 + rgb[2] / 4;
        ycc[1] = -rgb[0] / 4 + rgb[1] / 2 - rgb[2] / 4;
        ycc[2] = rgb[0] / 2 - rgb[2] / 2;
        break;
    case MATRIX_ICTCP: to_ictcp(linear, ycc); break;
    }
}

static int code_of(const struct film *film, int plane, double value)
{
    int unit = 1 << (film->depth - 8), top = (1 << film->depth) - 1;
    double code;
    if (film->full)
        code = value * top + (plane == 0 ? 0 : (top + 1) / 2);
    else
        code = plane == 0 ? (16 + 219 * value) * unit : (128 + 224 * value) * unit;
    long rounded = lrint(code);
    return rounded < 0 ? 0 : rounded > top ? top : (int)rounded;
}

/* ---- frames --------------------------------------------------------------------------------------------------- */

/* What a frame shows; two frames of the same look have the same samples, but for noise. */
struct look {
    int number;
    enum kind kind;
    double share; /* of a segment that changes */
};

static struct look look_at(const struct film *film, double at_s)
{
    int s = 0;
    while (s < film->segment_count - 1 && at_s >= film->segments[s].end_s - 1e-9)
        s++;
    const struct segment *segment = &film->segments[s];
    bool changes = segment->kind == KIND_FADE || segment->kind == KIND_FLASH;
    return (struct look){(int)(at_s / film->tick_s + 1e-9), segment->kind,
                         changes ? 1 - (segment->end_s - at_s) / segment->length_s : 1};
}

/* The place of the upright card that is stored at (x, y). */
static void upright(enum turn turn, double *x, double *y)
{
    double u = *x, v = *y;
    switch (turn) {
    case TURN_NONE: break;
    case TURN_90: *x = 1 - v, *y = u; break;
    case TURN_180: *x = 1 - u, *y = 1 - v; break;
    case TURN_270: *x = v, *y = 1 - u; break;
    case TURN_MIRROR: *x = 1 - u; break;
    }
}

static void colour_at(const struct film *film, const struct look *look, double x, double y, double rgb[3])
{
    upright(film->turn, &x, &y);
    card_colour(look->number, x, y, rgb);
    bool edge = (x < 0.1 || x > 0.9 || y < 0.1 || y > 0.9) && x > 0.08 && x < 0.92 && y > 0.08 && y < 0.92;
    for (int i = 0; i < 3; i++) {
        rgb[i] /= 255;
        switch (look->kind) {
        case KIND_CARD: break;
        case KIND_BLACK: rgb[i] = 0; break;
        case KIND_WHITE: rgb[i] = 1; break;
        case KIND_GREY: rgb[i] = 0.5; break;
        case KIND_FADE: rgb[i] *= look->share; break;
        case KIND_FLASH: rgb[i] = 1 - look->share + rgb[i] * look->share; break;
        case KIND_BARS: rgb[i] = edge; break;
        }
    }
    if (film->alpha && x < 0.5) {
        rgb[0] = rgb[2] = 1;
        rgb[1] = 0;
    }
}

static int noise_at(const struct film *film, int frame, int column, int row)
{
    if (film->noise == 0)
        return 0;
    uint32_t hash = (uint32_t)frame * 2654435761U ^ (uint32_t)column * 2246822519U ^ (uint32_t)row * 3266489917U;
    hash ^= hash >> 15;
    hash *= 2246822519U;
    hash ^= hash >> 13;
    return (int)(hash % (2 * (uint32_t)film->noise + 1)) - film->noise;
}

struct plane {
    int width, height;
    uint16_t *codes;
};

static void draw(const struct film *film, const struct look *look, struct plane planes[3])
{
    for (int p = 0; p < 3; p++) {
        uint16_t *out = planes[p].codes;
        for (int row = 0; row < planes[p].height; row++)
            for (int column = 0; column < planes[p].width; column++) {
                double rgb[3], ycc[3];
                colour_at(film, look, (column + 0.5) / planes[p].width, (row + 0.5) / planes[p].height, rgb);
                to_ycc(film, rgb, ycc);
                *out++ = (uint16_t)code_of(film, p, ycc[p]);
            }
    }
}

static void put(const struct film *film, int code)
{
    int top = (1 << film->depth) - 1;
    code = code < 0 ? 0 : code > top ? top : code;
    putchar(code & 0xFF);
    if (film->depth > 8)
        putchar(code >> 8);
}

static void write_frame(const struct film *film, int frame, const struct plane planes[3])
{
    puts("FRAME");
    for (int p = 0; p < 3; p++) {
        const uint16_t *in = planes[p].codes;
        for (int row = 0; row < planes[p].height; row++)
            for (int column = 0; column < planes[p].width; column++)
                put(film, *in++ + (p == 0 ? noise_at(film, frame, column, row) : 0));
    }
    for (int i = 0; film->alpha && i < film->width * film->height; i++)
        put(film, 2 * (i % film->width) < film->width ? 0 : 255);
}

static int write_film(const struct film *film, const char *format)
{
    struct plane planes[3];
    struct look shown = {.number = -1};
    for (int p = 0; p < 3; p++) {
        int x = p == 0 ? 0 : film->shift_x, y = p == 0 ? 0 : film->shift_y;
        planes[p].width = (film->width + (1 << x) - 1) >> x;
        planes[p].height = (film->height + (1 << y) - 1) >> y;
        planes[p].codes = calloc((size_t)planes[p].width * (size_t)planes[p].height, sizeof *planes[p].codes);
        if (!planes[p].codes)
            return 1;
    }
    printf("YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C%s XCOLORRANGE=%s\n", film->width, film->height, film->rate, format,
           film->full ? "FULL" : "LIMITED");
    int frames = (int)lrint(film->segments[film->segment_count - 1].end_s * film->rate);
    for (int frame = 0; frame < frames; frame++) {
        struct look look = look_at(film, (double)frame / film->rate);
        if (look.number != shown.number || look.kind != shown.kind || look.share != shown.share)
            draw(film, &look, planes);
        shown = look;
        write_frame(film, frame, planes);
    }
    for (int p = 0; p < 3; p++)
        free(planes[p].codes);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

/* ---- arguments ------------------------------------------------------------------------------------------------ */

static int one_of(const char *value, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], value) == 0)
            return i;
    fprintf(stderr, "fakes_card: what is %s?\n", value);
    exit(2);
}

static void read_segments(struct film *film, const char *text)
{
    static const char *const kinds[] = {"card", "black", "white", "grey", "fade", "flash", "bars", NULL};
    double at_s = 0;
    film->segment_count = 0;
    while (*text && film->segment_count < SEGMENTS_MAX) {
        char kind[16], *end;
        size_t n = strcspn(text, ":");
        snprintf(kind, sizeof kind, "%.*s", (int)n, text);
        double length_s = text[n] ? strtod(text + n + 1, &end) : 0;
        if (!(length_s > 0)) {
            fprintf(stderr, "fakes_card: --show KIND:SECONDS,...\n");
            exit(2);
        }
        at_s += length_s;
        film->segments[film->segment_count++] = (struct segment){(enum kind)one_of(kind, kinds), at_s, length_s};
        text = *end == ',' ? end + 1 : end;
    }
}

static const char *read_format(struct film *film, const char *name, char text[16])
{
    static const char *const names[] = {"420", "422", "444", "444alpha", NULL};
    int format = one_of(name, names);
    film->shift_x = format <= 1;
    film->shift_y = format == 0;
    film->alpha = format == 3;
    snprintf(text, 16, film->depth == 10 ? "%sp10" : format == 0 ? "%smpeg2" : "%s", name);
    return text;
}

int main(int argc, char **argv)
{
    static const char *const matrices[] = {"601", "709", "2020", "ycgco", "ictcp", NULL};
    static const char *const transfers[] = {"sdr", "pq", "hlg", NULL};
    static const char *const ranges[] = {"tv", "pc", NULL};
    static const char *const turns[] = {"0", "90", "180", "270", "mirror", NULL};
    static const struct option options[] = {
        {"size", 1, NULL, 's'},   {"rate", 1, NULL, 'r'},     {"tick", 1, NULL, 't'},  {"show", 1, NULL, 'S'},
        {"format", 1, NULL, 'f'}, {"depth", 1, NULL, 'd'},    {"noise", 1, NULL, 'n'}, {"matrix", 1, NULL, 'm'},
        {"range", 1, NULL, 'R'},  {"transfer", 1, NULL, 'T'}, {"turn", 1, NULL, 'u'},  {NULL, 0, NULL, 0}};
    struct film film = {.width = 320, .height = 180, .rate = 10, .depth = 8, .tick_s = 1};
    const char *format = "420";
    char text[16];
    read_segments(&film, "card:4");
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            if (sscanf(optarg, "%dx%d", &film.width, &film.height) != 2)
                return 2;
            break;
        case 'r': film.rate = atoi(optarg); break;
        case 't': film.tick_s = atof(optarg); break;
        case 'S': read_segments(&film, optarg); break;
        case 'f': format = optarg; break;
        case 'd': film.depth = atoi(optarg); break;
        case 'n': film.noise = atoi(optarg); break;
        case 'm': film.matrix = (enum matrix)one_of(optarg, matrices); break;
        case 'R': film.full = one_of(optarg, ranges) == 1; break;
        case 'u': film.turn = (enum turn)one_of(optarg, turns); break;
        case 'T': film.transfer = (enum transfer)one_of(optarg, transfers); break;
        default: return 2;
        }
    }
    return write_film(&film, read_format(&film, format, text));
}
