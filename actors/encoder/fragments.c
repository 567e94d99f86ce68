/* fragments.c: see fragments.h. Offsets in the boxes are those of the standard's tables; version 1 boxes have times of
 * 8 bytes instead of 4. */
#include "actors/encoder/fragments.h"

#include <string.h>

/* Asked for at the end of the file, where the last fragment and the random access table are: at first, and at most of
 * a small file and of a large one. */
#define TAIL_BYTES        ((uint64_t)64 << 10)
#define TAIL_MORE_BYTES   ((uint64_t)256 << 10)
#define TAIL_SHARE_OF_ALL 32

/* The head of a fragment, when its size is not known yet, and at most. */
#define FRAGMENT_FIRST_BYTES ((uint64_t)8 << 10)
#define FRAGMENT_MAX_BYTES   ((uint64_t)1 << 20)

/* Fragments walked over, one request each. */
#define WALK_MAX 12

/* Boxes between the movie and its fragments; entries of a segment index. */
#define STEPS_MAX   256
#define ENTRIES_MAX 65535

#define SAMPLES_MAX 100000

struct track {
    const struct window_io *windows;
    uint64_t number;
    double timescale;         /* ticks of a second; > 0 */
    uint64_t sample_duration; /* unless a fragment says otherwise; ticks */
};

static bool find(const struct window_io *windows, const struct box *in, const char type[4], struct box *part)
{
    uint64_t at = 0;
    return box_find(windows, in, type, &at, part);
}

static size_t time_bytes(const struct window_io *windows, const struct box *box)
{
    return box_number(windows, box, 0, 1) == 1 ? 8 : 4;
}

/* The timescale of a track: trak, tkhd (..., creation, modification, id), mdia, mdhd (..., timescale). */
static uint64_t track_timescale(const struct window_io *windows, const struct box *moov, uint64_t track)
{
    struct box trak, tkhd, mdia, mdhd;
    for (uint64_t at = 0; box_find(windows, moov, "trak", &at, &trak);)
        if (find(windows, &trak, "tkhd", &tkhd) && find(windows, &trak, "mdia", &mdia) &&
            find(windows, &mdia, "mdhd", &mdhd) &&
            box_number(windows, &tkhd, 4 + 2 * time_bytes(windows, &tkhd), 4) == track)
            return box_number(windows, &mdhd, 4 + 2 * time_bytes(windows, &mdhd), 4);
    return 0;
}

/* The duration of a sample when nothing else is said: trex (track, description index, duration, ...). */
static uint64_t track_default(const struct window_io *windows, const struct box *mvex, uint64_t track)
{
    struct box trex;
    for (uint64_t at = 0; box_find(windows, mvex, "trex", &at, &trex);)
        if (box_number(windows, &trex, 4, 4) == track)
            return box_number(windows, &trex, 12, 4);
    return 0;
}

/* mehd: version and flags, duration; in units of the movie header (mvhd: ..., creation, modification, timescale). */
static double by_extends_header(const struct window_io *windows, const struct box *moov, const struct box *mvex)
{
    struct box mehd, mvhd;
    if (!find(windows, mvex, "mehd", &mehd) || !find(windows, moov, "mvhd", &mvhd))
        return 0;
    uint64_t timescale = box_number(windows, &mvhd, 4 + 2 * time_bytes(windows, &mvhd), 4);
    uint64_t duration = box_number(windows, &mehd, 4, time_bytes(windows, &mehd));
    return timescale > 0 ? (double)duration / (double)timescale : 0;
}

/* ---- one fragment --------------------------------------------------------------------------------------------- */

/* trun: flags tell which of data offset, first sample's flags, and per sample duration, size, flags, composition offset
 * are there. */
static uint64_t run_duration(const struct window_io *windows, const struct box *trun, uint64_t sample_duration)
{
    uint64_t flags = box_number(windows, trun, 1, 3), count = box_number(windows, trun, 4, 4), sum = 0;
    uint64_t at = 8 + (flags & 0x1 ? 4U : 0U) + (flags & 0x4 ? 4U : 0U), step = 0;
    for (uint64_t bit = 0x100; bit <= 0x800; bit <<= 1)
        step += flags & bit ? 4U : 0U;
    if (count > SAMPLES_MAX)
        return 0;
    if (!(flags & 0x100))
        return count * sample_duration;
    for (uint64_t i = 0; i < count; i++)
        sum += box_number(windows, trun, at + i * step, 4);
    return sum;
}

/* When the track's part of a fragment begins and ends, seconds: its base time (tfdt) and the durations of its runs.
 * False if this part is not the track's, or has no base time. */
static bool read_part(const struct track *track, const struct box *traf, double *begin_s, double *end_s)
{
    struct box tfhd, tfdt, trun;
    const struct window_io *windows = track->windows;
    if (!find(windows, traf, "tfhd", &tfhd) || box_number(windows, &tfhd, 4, 4) != track->number ||
        !find(windows, traf, "tfdt", &tfdt))
        return false;
    uint64_t flags = box_number(windows, &tfhd, 1, 3);
    uint64_t at = 8 + (flags & 0x1 ? 8U : 0U) + (flags & 0x2 ? 4U : 0U);
    uint64_t sample_duration = flags & 0x8 ? box_number(windows, &tfhd, at, 4) : track->sample_duration;
    double base = (double)box_number(windows, &tfdt, 4, time_bytes(windows, &tfdt)), end = base;
    for (uint64_t next = 0; box_find(windows, traf, "trun", &next, &trun);)
        end += (double)run_duration(windows, &trun, sample_duration);
    *begin_s = base / track->timescale;
    *end_s = end / track->timescale;
    return true;
}

static bool read_fragment(const struct track *track, const struct box *moof, double *begin_s, double *end_s)
{
    struct box traf;
    for (uint64_t at = 0; box_find(track->windows, moof, "traf", &at, &traf);)
        if (read_part(track, &traf, begin_s, end_s))
            return true;
    return false;
}

/* Whether a fragment begins at the offset, all of its head at hand. */
static bool fragment_at(const struct window_io *windows, uint64_t offset, struct box *moof)
{
    struct box mfhd;
    return box_read(windows, offset, moof) == BOX_READ && box_is(moof, "moof") &&
           moof->end - moof->offset <= FRAGMENT_MAX_BYTES && moof->end > moof->body &&
           window_io_run(windows, offset) >= moof->end - moof->offset &&
           box_read(windows, moof->body, &mfhd) == BOX_READ && box_is(&mfhd, "mfhd");
}

/* ---- the last one --------------------------------------------------------------------------------------------- */

/* The end of the last fragment of the track that begins in [from, to), all at hand; 0: there is none. */
static double last_end(const struct track *track, uint64_t from, uint64_t to)
{
    /* A box begins 4 bytes before its type. */
    for (uint64_t at = to; window_io_find_last(track->windows, from + 4, at, 'm', &at);) {
        struct box moof;
        double begin_s, end_s;
        if (fragment_at(track->windows, at - 4, &moof) && read_fragment(track, &moof, &begin_s, &end_s))
            return end_s;
    }
    return 0;
}

/* The offset of the last fragment that a table names: tfra (track, lengths of the fields behind the offset, count,
 * entries of time, offset and those fields); 0: none. */
static uint64_t last_entry(const struct window_io *windows, const struct box *tfra)
{
    size_t wide = time_bytes(windows, tfra);
    uint64_t lengths = box_number(windows, tfra, 8, 4), count = box_number(windows, tfra, 12, 4);
    uint64_t step = 2 * wide + (lengths >> 4 & 3) + (lengths >> 2 & 3) + (lengths & 3) + 3;
    return count > 0 ? box_number(windows, tfra, 16 + (count - 1) * step + wide, wide) : 0;
}

/* Where the random access table at the end of the file begins, by the file's last four bytes (mfro); its end if there
 * is none. */
static uint64_t table_offset(const struct window_io *windows)
{
    uint64_t end = windows->total_bytes;
    struct box tail = {.body = end - 16, .end = end}, mfro;
    uint64_t size = box_number(windows, &tail, 12, 4);
    if (box_read(windows, end - 16, &mfro) != BOX_READ || !box_is(&mfro, "mfro") || size < 24 || size > end)
        return end;
    return end - size;
}

/* The end of the last fragment of the track that the table names. False if its head is not at hand. */
static bool by_table(struct window_io *windows, const struct track *track, uint64_t table, double *end_s)
{
    struct box mfra, tfra, moof;
    uint64_t last = 0;
    if (box_read(windows, table, &mfra) != BOX_READ || !box_is(&mfra, "mfra"))
        return true;
    for (uint64_t at = 0; box_find(windows, &mfra, "tfra", &at, &tfra);)
        if (box_number(windows, &tfra, 4, 4) == track->number)
            last = last_entry(windows, &tfra);
    if (last == 0 || last >= table)
        return true;
    if (!window_io_want_also(windows, last, FRAGMENT_FIRST_BYTES))
        return false;
    if (box_read(windows, last, &moof) != BOX_READ || moof.end - moof.offset > FRAGMENT_MAX_BYTES)
        return true;
    if (!window_io_want_also(windows, last, moof.end - last))
        return false;
    double begin_s;
    if (fragment_at(windows, last, &moof))
        read_fragment(track, &moof, &begin_s, end_s);
    return true;
}

/* Walks fragments that are too large for the last one to begin near the end of the file. False if the next head is not
 * at hand. */
static bool by_walking(struct window_io *windows, const struct track *track, uint64_t offset, double *end_s)
{
    double begin_s, fragment_s;
    *end_s = 0;
    for (int i = 0; offset < windows->total_bytes; i++) {
        struct box box;
        if (box_read(windows, offset, &box) == BOX_MISSING &&
            !window_io_want_also(windows, offset, FRAGMENT_FIRST_BYTES))
            return false;
        if (box_read(windows, offset, &box) != BOX_READ || box.end <= offset || i > 2 * WALK_MAX) {
            *end_s = 0;
            return true;
        }
        if (box_is(&box, "moof") && !window_io_want_also(windows, offset, box.end - offset))
            return false;
        if (fragment_at(windows, offset, &box) && read_fragment(track, &box, &begin_s, &fragment_s))
            *end_s = fragment_s;
        offset = box.end;
    }
    return true;
}

/* The end of the track by the last fragment; first is the offset of the first one. False if something is missing. */
static bool by_last(struct window_io *windows, const struct track *track, uint64_t first, double *end_s)
{
    uint64_t end = windows->total_bytes, tail = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    if (!window_io_want_also(windows, tail, end - tail))
        return false;
    uint64_t table = table_offset(windows);
    *end_s = last_end(track, tail, table);
    if (*end_s > 0)
        return true;
    if (!by_table(windows, track, table, end_s) || *end_s > 0)
        return *end_s > 0;
    uint64_t more = end / TAIL_SHARE_OF_ALL > TAIL_MORE_BYTES ? end / TAIL_SHARE_OF_ALL : TAIL_MORE_BYTES;
    uint64_t begin = table > more ? table - more : 0;
    struct box moof, data;
    if (fragment_at(windows, first, &moof) && box_read(windows, moof.end, &data) == BOX_READ &&
        (data.end - data.offset) > (end - first) / WALK_MAX && data.end - data.offset > more)
        return by_walking(windows, track, first, end_s);
    if (!window_io_want_also(windows, begin, table - begin))
        return false;
    *end_s = last_end(track, begin, table);
    return true;
}

/* ---- in front ------------------------------------------------------------------------------------------------- */

/* sidx: version and flags, reference, timescale, earliest time, first offset, reserved, count, entries of size,
 * duration, access point. Counts only if it tells of everything up to the table at the end, or to 1/16 of the file
 * before that. */
static double by_segment_index(const struct window_io *windows, const struct box *sidx)
{
    size_t wide = time_bytes(windows, sidx);
    uint64_t timescale = box_number(windows, sidx, 8, 4), count = box_number(windows, sidx, 14 + 2 * wide, 2);
    uint64_t bytes = box_number(windows, sidx, 12 + wide, wide), ticks = 0;
    if (bytes > windows->total_bytes)
        return 0;
    for (uint64_t i = 0; i < count && i < ENTRIES_MAX; i++) {
        bytes += box_number(windows, sidx, 16 + 2 * wide + 12 * i, 4) & 0x7FFFFFFF;
        ticks += box_number(windows, sidx, 20 + 2 * wide + 12 * i, 4);
    }
    bool whole = sidx->end + bytes >= windows->total_bytes - windows->total_bytes / 16;
    return whole && timescale > 0 ? (double)ticks / (double)timescale : 0;
}

/* The first fragment behind the movie box, and the duration by a segment index before it (0: none). False if something
 * is missing. */
static bool read_front(struct window_io *windows, const struct box *moov, uint64_t track, uint64_t *first,
                       double *duration_s)
{
    uint64_t offset = moov->end;
    for (int i = 0; i < STEPS_MAX && offset < windows->total_bytes; i++) {
        struct box box;
        if (box_read(windows, offset, &box) == BOX_MISSING && !window_io_want(windows, offset, FRAGMENT_FIRST_BYTES))
            return false;
        if (box_read(windows, offset, &box) != BOX_READ || box.end <= offset)
            return true;
        if (box_is(&box, "moof")) {
            *first = offset;
            return window_io_want(windows, offset,
                                  box.end - offset < FRAGMENT_MAX_BYTES ? box.end - offset : FRAGMENT_MAX_BYTES);
        }
        if (box_is(&box, "sidx")) {
            if (!window_io_want(windows, offset, box.end - offset))
                return false;
            if (*duration_s == 0 || box_number(windows, &box, 4, 4) == track)
                *duration_s = by_segment_index(windows, &box);
        }
        offset = box.end;
    }
    return true;
}

bool fragments_duration(struct window_io *windows, const struct movie *movie, uint64_t number, double *duration_s)
{
    const struct box *moov = &movie->box;
    struct box mvex, moof;
    struct track track = {.windows = windows, .number = number};
    double begin_s = 0, end_s = 0, first_s;
    uint64_t first = 0;
    *duration_s = 0;
    track.timescale = (double)track_timescale(windows, moov, number);
    if (windows->total_bytes < 32 || !find(windows, moov, "mvex", &mvex) || track.timescale <= 0)
        return true;
    track.sample_duration = track_default(windows, &mvex, number);
    if (!read_front(windows, moov, number, &first, duration_s))
        return false;
    if (*duration_s > 0 || first == 0)
        return true;
    /* Samples that the movie box tells of come before all fragments. */
    if (movie->samples == 0 && fragment_at(windows, first, &moof))
        read_fragment(&track, &moof, &begin_s, &first_s);
    if (!by_last(windows, &track, first, &end_s))
        return false;
    *duration_s = end_s > begin_s ? end_s - begin_s : by_extends_header(windows, moov, &mvex);
    return true;
}
