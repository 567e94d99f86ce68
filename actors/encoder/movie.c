/* movie.c: see movie.h. All numbers come from strangers: every sum is checked against the range of a file offset, every
 * walk is bounded. */
#include "actors/encoder/movie.h"

#include <string.h>

/* Boxes looked at before giving up. */
#define STEPS_MAX 4096

/* The first look at a box of unknown size; the smallest movie box that is not simply read as a whole. */
#define FIRST_LOOK_BYTES ((uint64_t)64 << 10)
#define WHOLE_MAX_BYTES  ((uint64_t)128 << 10)

/* Of a fragment that may follow. */
#define FRAGMENT_FIRST_BYTES ((uint64_t)8 << 10)

/* Of the file: how much of its end is asked for at once when the index may be there. */
#define TAIL_SHARE_OF_ALL 32
#define TAIL_MAX_BYTES    ((uint64_t)1 << 20)

/* A part of the movie box that nobody needs is read all the same when it is no larger than this. */
#define PASS_MIN_BYTES ((uint64_t)16 << 10)

static void want_header_at(struct window_io *windows, uint64_t offset)
{
    uint64_t end = window_io_end(windows), length = end / TAIL_SHARE_OF_ALL;
    length = length < FIRST_LOOK_BYTES ? FIRST_LOOK_BYTES : length < TAIL_MAX_BYTES ? length : TAIL_MAX_BYTES;
    /* The tail of the file, when that is short: the index is nearly always what stands there. */
    window_io_want(windows, offset, end > offset && end - offset <= length ? end - offset : FIRST_LOOK_BYTES);
}

static bool find(const struct window_io *windows, const struct box *in, const char type[4], struct box *part)
{
    uint64_t at = 0;
    return box_find(windows, in, type, &at, part);
}

/* Makes free space of a box in the demuxer's eyes. */
static void pass_over(struct window_io *windows, const struct box *box)
{
    window_io_patch(windows, box->offset + 4, (const uint8_t *)"skip", 4);
}

/* ---- tracks --------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char type[4], const char *types)
{
    for (; *types; types += 4)
        if (memcmp(type, types, 4) == 0)
            return true;
    return false;
}

/* The handler of a track (hdlr: ..., pre_defined, handler_type); false if it is not at hand. */
static bool handler_of(const struct window_io *windows, const struct box *trak, char handler[4])
{
    struct box mdia, hdlr;
    return find(windows, trak, "mdia", &mdia) && find(windows, &mdia, "hdlr", &hdlr) &&
           window_io_copy(windows, hdlr.body + 8, handler, 4);
}

/* Whether a track's edit list has nothing but empty edits (elst: version and flags, count, entries of duration, media
 * time, which is -1 then, and rate). */
static bool is_hidden(const struct window_io *windows, const struct box *trak)
{
    struct box edts, elst;
    if (!find(windows, trak, "edts", &edts) || !find(windows, &edts, "elst", &elst))
        return false;
    size_t wide = box_number(windows, &elst, 0, 1) == 1 ? 8 : 4;
    uint64_t count = box_number(windows, &elst, 4, 4), empty = wide == 8 ? UINT64_MAX : UINT32_MAX;
    for (uint64_t i = 0; i < count; i++)
        if (box_number(windows, &elst, 8 + i * (2 * wide + 4) + wide, wide) != empty)
            return false;
    return count > 0;
}

/* Counts a track by its handler and what its sample table says (stsd: ..., entry count, entries; stsz: ..., size,
 * sample count). True if it may show something. */
static bool count_track(const struct window_io *windows, const struct box *trak, const char handler[4],
                        struct movie *movie)
{
    struct box mdia, minf, stbl, stsd, stsz, entry;
    if (is_one_of(handler, "soun")) {
        movie->sounds++;
        return false;
    }
    if (is_one_of(handler, "textsbtlsubtsubpclcpmetatmcdhintsdsmodsm"))
        return false;
    movie->videos++;
    movie->hidden += is_hidden(windows, trak);
    if (!find(windows, trak, "mdia", &mdia) || !find(windows, &mdia, "minf", &minf) ||
        !find(windows, &minf, "stbl", &stbl))
        return true;
    if (find(windows, &stbl, "stsd", &stsd) && box_read(windows, stsd.body + 8, &entry) == BOX_READ)
        movie->encrypted += is_one_of(entry.type, "encvdrmi");
    if (find(windows, &stbl, "stsz", &stsz) || find(windows, &stbl, "stz2", &stsz))
        movie->samples += box_number(windows, &stsz, 8, 4) > 0;
    return true;
}

/* A track: needed as a whole if it shows something; else passed over when it is large. */
static bool read_track(struct window_io *windows, const struct box *trak, struct movie *movie)
{
    uint64_t size = trak->end - trak->offset;
    char handler[4];
    if (size <= PASS_MIN_BYTES && !window_io_want(windows, trak->offset, size))
        return false;
    if (!handler_of(windows, trak, handler)) {
        if (!window_io_want(windows, trak->offset, size < FIRST_LOOK_BYTES ? size : FIRST_LOOK_BYTES))
            return false;
        /* Its handler stands behind something large: the whole track tells. */
        if (!handler_of(windows, trak, handler) && !window_io_want(windows, trak->offset, size))
            return false;
        if (!handler_of(windows, trak, handler))
            return true;
    }
    if (count_track(windows, trak, handler, movie))
        return window_io_want(windows, trak->offset, size);
    if (size > PASS_MIN_BYTES)
        pass_over(windows, trak);
    return true;
}

/* ---- the movie box -------------------------------------------------------------------------------------------- */

static bool read_part(struct window_io *windows, const struct box *part, struct movie *movie)
{
    if (box_is(part, "trak"))
        return read_track(windows, part, movie);
    movie->extended |= box_is(part, "mvex");
    if (part->end - part->offset <= PASS_MIN_BYTES || is_one_of(part->type, "mvhdmvexcmov"))
        return window_io_want(windows, part->offset, part->end - part->offset);
    pass_over(windows, part);
    return true;
}

static bool read_parts(struct window_io *windows, struct movie *movie)
{
    const struct box *moov = &movie->box;
    uint64_t offset = moov->body;
    bool all = true;
    for (int i = 0; i < STEPS_MAX && offset < moov->end && moov->end - offset >= 8; i++) {
        struct box part;
        enum box_read read = box_read(windows, offset, &part);
        if (read == BOX_MISSING) {
            uint64_t rest = moov->end - offset;
            return window_io_want(windows, offset, rest < FIRST_LOOK_BYTES ? rest : FIRST_LOOK_BYTES) && all;
        }
        if (read == BOX_INVALID || part.end <= part.offset || part.end > moov->end)
            return all;
        all = read_part(windows, &part, movie) && all;
        offset = part.end;
    }
    return all;
}

/* Looks behind the movie box: for fragments, as far as it speaks of them; for a box that is longer than the file. */
static void look_behind(struct window_io *windows, struct movie *movie)
{
    uint64_t offset = movie->box.end, end = window_io_end(windows);
    bool fragments = false;
    for (int i = 0; i < STEPS_MAX && !fragments && offset < end; i++) {
        struct box box;
        enum box_read read = box_read(windows, offset, &box);
        if (read == BOX_MISSING && movie->extended && end - offset >= 8)
            window_io_want_also(windows, offset, FRAGMENT_FIRST_BYTES);
        if (read != BOX_READ || box.end <= offset)
            break;
        fragments = box_is(&box, "moof");
        movie->cut_off |= box.end > end;
        offset = box.end;
    }
    movie->fragmented = movie->extended && (movie->samples == 0 || fragments);
}

static bool read_movie(struct window_io *windows, struct movie *movie)
{
    uint64_t size = movie->box.end - movie->box.offset;
    movie->found = true;
    if (size <= WHOLE_MAX_BYTES && !window_io_want(windows, movie->box.offset, size))
        return false;
    if (!read_parts(windows, movie))
        return false;
    look_behind(windows, movie);
    return windows->need_count == 0;
}

bool movie_read(struct window_io *windows, struct movie *movie)
{
    uint64_t offset = 0, end = window_io_end(windows);
    *movie = (struct movie){.found = false};
    for (int i = 0; i < STEPS_MAX && (end == 0 || offset < end); i++) {
        enum box_read read = box_read(windows, offset, &movie->box);
        if (read == BOX_MISSING) {
            movie->cut_off = end > 0 && end - offset < 8;
            if (!movie->cut_off)
                want_header_at(windows, offset);
            return windows->need_count == 0;
        }
        if (read == BOX_INVALID)
            return true;
        bool is_movie = box_is(&movie->box, "moov"), endless = movie->box.end == offset;
        movie->zeros = memcmp(movie->box.type, "\0\0\0\0", 4) == 0;
        /* A last box whose size was never written was cut off while it was recorded. */
        movie->cut_off = endless || (end > 0 && movie->box.end > end);
        if (movie->zeros || (endless && (!is_movie || end == 0)))
            return true;
        if (endless)
            movie->box.end = end;
        if (is_movie)
            return read_movie(windows, movie);
        offset = movie->box.end;
    }
    return true;
}
