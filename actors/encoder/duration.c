/* duration.c: chooses the source of a duration by container; see duration.h.
 *
 * Owns nothing. Bytes near the end of the file are asked for only where the head does not say enough. A duration that
 * cannot be found is 0, which is no failure of the clip. */
#include "actors/encoder/duration.h"

#include <stdio.h>

#include "actors/encoder/fragments.h"
#include "runtime/base/assert.h"

/* libavformat numbers streams by its own count: video tracks and video streams have the same order. */
uint64_t duration_matroska_track(const struct media *media)
{
    size_t nth = 0;
    for (unsigned i = 0; i < media->format->nb_streams && media->format->streams[i] != media->video; i++) {
        const AVStream *stream = media->format->streams[i];
        nth +=
            stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
    }
    return nth < MATROSKA_VIDEOS_MAX ? media->matroska.video_tracks[nth] : 0;
}

void duration_measure(struct media *media)
{
    struct window_io *windows = media->windows;
    const struct matroska *matroska = &media->matroska;
    bool by_stream = media->container->kind != CONTAINER_FLV && media->container->kind != CONTAINER_PROGRAM;
    if (by_stream && !media->video)
        return;
    RY_ASSERT(!media->measured, "measured twice");
    media->measured = true;
    switch (media->container->kind) {
    case CONTAINER_MP4:
        if (media->fragmented)
            fragments_duration(windows, &media->movie, (uint64_t)media->video->id, &media->fragments_s);
        break;
    case CONTAINER_MATROSKA:
        if (matroska->duration_s <= 0)
            matroska_last_s(windows, matroska, duration_matroska_track(media), &media->last_s);
        break;
    case CONTAINER_FLV:
        if (!tail_flv_is_told(windows))
            tail_flv(windows, &media->tail);
        break;
    case CONTAINER_TRANSPORT: tail_mpeg(windows, media->video->id, &media->tail); break;
    case CONTAINER_PROGRAM: tail_mpeg(windows, -1, &media->tail); break;
    default: break;
    }
}

/* The duration of the track by the tag that muxers write ("00:00:08.023000000"); 0: there is none. */
static double tagged_duration_s(const AVStream *video)
{
    const AVDictionaryEntry *tag = av_dict_get(video->metadata, "DURATION", NULL, AV_DICT_IGNORE_SUFFIX);
    unsigned hours, minutes;
    double seconds;
    if (!tag || sscanf(tag->value, "%3u:%2u:%lf", &hours, &minutes, &seconds) != 3 || !(seconds >= 0 && seconds < 60))
        return 0;
    return hours * 3600.0 + minutes * 60.0 + seconds;
}

/* Matroska's duration is by some muxers the time of the end, by others the time from the beginning to the end: where
 * pictures are indexed behind it, it is the latter. */
static double matroska_duration_s(const struct media *media)
{
    AVStream *video = media->video;
    double start_s = (media->start != AV_NOPTS_VALUE ? (double)media->start : 0) * av_q2d(video->time_base),
           end_s = media->matroska.duration_s;
    double tag_s = tagged_duration_s(video);
    if (end_s <= 0)
        return media->last_s > start_s ? media->last_s - start_s : 0;
    if (tag_s > 0 && tag_s < end_s)
        end_s = tag_s;
    int entries = avformat_index_get_entries_count(video);
    const AVIndexEntry *last = entries > 0 ? avformat_index_get_entry(video, entries - 1) : NULL;
    bool relative = start_s >= end_s || (last && (double)last->timestamp * av_q2d(video->time_base) >= end_s);
    return relative ? end_s : end_s - start_s;
}

/* From the first picture's time, which is known once it was read, to the last one's end. */
static double tail_duration_s(const struct media *media)
{
    const struct tail_times *tail = &media->tail;
    if (tail->n == 0 || media->start == AV_NOPTS_VALUE)
        return 0;
    double frame = tail->frame > 0 ? (double)tail->frame : media->step;
    return ((double)(((uint64_t)tail->last - (uint64_t)media->start) & (TAIL_WRAP - 1)) + frame) *
           av_q2d(media->video->time_base);
}

static double stream_duration_s(const struct media *media)
{
    const AVStream *video = media->video;
    if (video->duration > 0)
        return (double)video->duration * av_q2d(video->time_base);
    return media->format->duration > 0 ? (double)media->format->duration / AV_TIME_BASE : 0;
}

double duration_of(const struct media *media)
{
    double duration_s = 0;
    if (!media->video)
        return 0;
    if (media->fragmented)
        duration_s = media->fragments_s;
    else if (media->container->kind == CONTAINER_MATROSKA)
        duration_s = matroska_duration_s(media);
    else if (media->tail.n > 0)
        duration_s = tail_duration_s(media);
    else if (media->container->kind != CONTAINER_IMAGE)
        duration_s = stream_duration_s(media);
    return duration_s > 0 && duration_s < 1.0e9 ? duration_s : 0;
}
