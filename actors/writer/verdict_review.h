/* verdict_review.h: permanent failures are judged anew when an encoder of another version is there. */
#ifndef REELYARD_ACTORS_WRITER_VERDICT_REVIEW_H
#define REELYARD_ACTORS_WRITER_VERDICT_REVIEW_H

#include "actors/writer/writer_state.h"

/* An encoder's version was named in a claim or with a verdict: one that is new since the start begins a review. */
void writer_version_seen(struct writer *self, struct ry_ctx *ctx, struct ry_str version);

/* WRITER_TIMER_REVIEW is due: the next step of a review. */
void writer_review_step(struct writer *self, struct ry_ctx *ctx);

#endif
