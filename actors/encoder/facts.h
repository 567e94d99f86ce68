/* facts.h: what is told of a video beside its picture. */
#ifndef REELYARD_ACTORS_ENCODER_FACTS_H
#define REELYARD_ACTORS_ENCODER_FACTS_H

#include "actors/encoder/codec_string.h"
#include "actors/encoder/media.h"

#define FACTS_MIME_BYTES 32
#define FACTS_NAME_BYTES 16

/* As proto/messages.def limits video_facts. */
#define FACTS_FPS_MAX     1000.0
#define FACTS_SECONDS_MAX 1e9

struct media_facts {
    double duration_s;   /* 0: not known */
    struct extent shown; /* after cropping, aspect ratio and rotation */
    struct turn turn;    /* from stored to shown */
    unsigned rotation;   /* the same as degrees clockwise: 0, 90, 180, 270; mirroring is not told */
    double fps;          /* 0: not known */
    uint64_t bitrate;    /* of the whole file, bits a second; 0: not known */
    double frame_time_s; /* of the picture that was chosen, since the first one */
    bool has_audio;
    char mime_type[FACTS_MIME_BYTES];
    char container[FACTS_NAME_BYTES]; /* mp4, mov, 3gp, webm, matroska, avi, flv, mpegts, mpeg, asf, ogg, mxf, ... */
    char video_codec[CODEC_STRING_BYTES]; /* see codec_string.h */
    char audio_codec[CODEC_STRING_BYTES]; /* of the first sound track; "": none, or not met yet */
};

/* The facts, by the file and by the frame that was chosen, cropped. */
void facts_read(const struct media *media, const AVFrame *frame, struct media_facts *facts);

/* How the stream or its frame says it is to be turned. */
struct turn facts_turn(const struct media *media, const AVFrame *frame);

/* The size in which a cropped frame is shown, turned so. */
struct extent facts_shown(const struct media *media, const AVFrame *frame, struct turn turn);

#endif
