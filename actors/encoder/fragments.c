/* fragments.c: see fragments.h. Offsets in the boxes are those of the standard's tables; version 1 boxes have times of
 * 8 bytes instead of 4. */
#include "actors/encoder/fragments.h"

#include "actors/encoder/box.h"

/* Asked for at the end of the file, where the random access table is. */
#define TAIL_BYTES ((uint64_t)64 << 10)

/* The head of a fragment, when its size is not known yet. */
#define FRAGMENT_FIRST_BYTES ((uint64_t)8 << 10)

#define SAMPLES_MAX 100000

static bool find(const struct windows *windows, const struct box *in, const char type[4], struct box *part)
{
    uint64_t at = 0;
    return box_find(windows, in, type, &at, part);
}

static size_t time_bytes(const struct windows *windows, const struct box *box)
{
    return box_number(windows, box, 0, 1) == 1 ? 8 : 4;
}

/* mehd: version and flags, duration; in units of the movie header (mvhd: ..., creation, modification, timescale). */
static double by_extends_header(const struct windows *windows, const struct box *moov, const struct box *mvex)
{
    struct box mehd, mvhd;
    if (!find(windows, mvex, "mehd", &mehd) || !find(windows, moov, "mvhd", &mvhd))
        return 0;
    uint64_t timescale = box_number(windows, &mvhd, 4 + 2 * time_bytes(windows, &mvhd), 4);
    uint64_t duration = box_number(windows, &mehd, 4, time_bytes(windows, &mehd));
    return timescale > 0 ? (double)duration / (double)timescale : 0;
}

/* The timescale of a track: trak, tkhd (..., creation, modification, id), mdia, mdhd (..., timescale). */
static uint64_t track_timescale(const struct windows *windows, const struct box *moov, uint64_t track)
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
static uint64_t track_default(const struct windows *windows, const struct box *mvex, uint64_t track)
{
    struct box trex;
    for (uint64_t at = 0; box_find(windows, mvex, "trex", &at, &trex);)
        if (box_number(windows, &trex, 4, 4) == track)
            return box_number(windows, &trex, 12, 4);
    return 0;
}

/* trun: flags tell which of data offset, first sample's flags, and per sample duration, size, flags, composition offset
 * are there. */
static uint64_t run_duration(const struct windows *windows, const struct box *trun, uint64_t sample_duration)
{
    uint64_t flags = box_number(windows, trun, 1, 3), count = box_number(windows, trun, 4, 4), sum = 0;
    uint64_t at = 8 + (flags & 0x1 ? 4U : 0U) + (flags & 0x4 ? 4U : 0U), step = 0;
    for (uint64_t bit = 0x100; bit <= 0x800; bit <<= 1)
        step += flags & bit ? 4U : 0U;
    if (count > SAMPLES_MAX)
        return 0;
    for (uint64_t i = 0; i < count; i++)
        sum += flags & 0x100 ? box_number(windows, trun, at + i * step, 4) : sample_duration;
    return sum;
}

/* When a track's part of a fragment ends, seconds: its base time (tfdt) and the durations of its runs. */
static double part_end(const struct windows *windows, const struct box *moov, const struct box *mvex,
                       const struct box *traf)
{
    struct box tfhd, tfdt, trun;
    if (!find(windows, traf, "tfhd", &tfhd) || !find(windows, traf, "tfdt", &tfdt))
        return 0;
    uint64_t flags = box_number(windows, &tfhd, 1, 3), track = box_number(windows, &tfhd, 4, 4);
    uint64_t at = 8 + (flags & 0x1 ? 8U : 0U) + (flags & 0x2 ? 4U : 0U);
    uint64_t sample_duration = flags & 0x8 ? box_number(windows, &tfhd, at, 4) : track_default(windows, mvex, track);
    double end = (double)box_number(windows, &tfdt, 4, time_bytes(windows, &tfdt));
    for (uint64_t next = 0; box_find(windows, traf, "trun", &next, &trun);)
        end += (double)run_duration(windows, &trun, sample_duration);
    uint64_t timescale = track_timescale(windows, moov, track);
    return timescale > 0 ? end / (double)timescale : 0;
}

/* The offset of the last fragment that a table names: tfra (track, lengths of the fields behind the offset, count,
 * entries of time, offset and those fields); 0: none. */
static uint64_t last_entry(const struct windows *windows, const struct box *tfra)
{
    size_t wide = time_bytes(windows, tfra);
    uint64_t lengths = box_number(windows, tfra, 8, 4), count = box_number(windows, tfra, 12, 4);
    uint64_t step = 2 * wide + (lengths >> 4 & 3) + (lengths >> 2 & 3) + (lengths & 3) + 3;
    return count > 0 ? box_number(windows, tfra, 16 + (count - 1) * step + wide, wide) : 0;
}

/* The offset of the last fragment by the table at the end: mfra, found by the last four bytes of the file (mfro). */
static uint64_t last_fragment(const struct windows *windows)
{
    uint64_t end = windows->total_bytes, last = 0;
    struct box tail = {.body = end - 4, .end = end}, mfra, tfra;
    uint64_t size = box_number(windows, &tail, 0, 4);
    if (size < 8 || size > end || box_read(windows, end - size, &mfra) != BOX_READ || !box_is(&mfra, "mfra"))
        return 0;
    for (uint64_t at = 0; box_find(windows, &mfra, "tfra", &at, &tfra);) {
        uint64_t offset = last_entry(windows, &tfra);
        last = offset > last ? offset : last;
    }
    return last < end ? last : 0;
}

bool fragments_duration(struct windows *windows, uint64_t moov_offset, double *duration_s)
{
    struct box moov, mvex, moof, traf;
    *duration_s = 0;
    if (box_read(windows, moov_offset, &moov) != BOX_READ || !find(windows, &moov, "mvex", &mvex))
        return true;
    *duration_s = by_extends_header(windows, &moov, &mvex);
    uint64_t end = windows->total_bytes;
    if (*duration_s > 0 || end < 16)
        return true;
    uint64_t tail = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    if (!windows_want(windows, tail, end - tail))
        return false;
    uint64_t last = last_fragment(windows);
    if (last == 0)
        return true;
    if (!windows_want(windows, last, FRAGMENT_FIRST_BYTES))
        return false;
    if (box_read(windows, last, &moof) != BOX_READ || !box_is(&moof, "moof"))
        return true;
    if (!windows_want(windows, last, moof.end - last))
        return false;
    for (uint64_t at = 0; box_find(windows, &moof, "traf", &at, &traf);) {
        double end_s = part_end(windows, &moov, &mvex, &traf);
        *duration_s = end_s > *duration_s ? end_s : *duration_s;
    }
    return true;
}
