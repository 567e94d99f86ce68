/* sheet_plan.h: which key frames of a video a storyboard shows. */
#ifndef REELYARD_ACTORS_ENCODER_SHEET_PLAN_H
#define REELYARD_ACTORS_ENCODER_SHEET_PLAN_H

#include "actors/encoder/media.h"

#define SHEET_PICTURES_MAX 16

/* A key frame of the index. */
struct sheet_key {
    int entry;
    int64_t time; /* of the entry */
    double at_s;
    uint64_t offset, length; /* of its sample; where the index does not tell how long it is, a guess */
};

struct sheet_plan {
    size_t count;                              /* pictures: the video in so many equal parts */
    double step_s;                             /* length of a part; 0: not known */
    struct sheet_key keys[SHEET_PICTURES_MAX]; /* by rising time */
    size_t key_count;
    size_t shows[SHEET_PICTURES_MAX]; /* of each part, the key frame next to its middle */
};

/* Chooses up to SHEET_PICTURES_MAX parts, no more than there are key frames, and no more than what is worth fetching
 * for them (see sheet_plan_budget) has key frames. False: the file has no index of key frames. */
bool sheet_plan_make(struct media *media, struct sheet_plan *plan);

/* Bytes of samples that a storyboard of a video of so many bytes may fetch. */
uint64_t sheet_plan_budget(uint64_t total_bytes);

#endif
