/* clip.h: one clip on its way from thumbnail_make, or sheet_make, to an end.
 *
 * A clip belongs to its world (one per downloader instance), lives from clip_begin until it ends itself, and holds the
 * thumbnail_make that it was made from. All functions may end it: the pointer is dead afterwards. */
#ifndef REELYARD_ACTORS_DOWNLOADER_CLIP_H
#define REELYARD_ACTORS_DOWNLOADER_CLIP_H

#include "actors/downloader/pace.h"
#include "actors/downloader/source.h"

#define CLIP_TIMER 0 /* of the instance: paused clips go on */

struct clip;

/* What the clips of one instance share. */
struct clip_world {
    struct ry_ctx *ctx;
    struct source_world sources;
    struct clip *clips; /* in progress, the latest first */
    size_t clip_count;
    uint64_t claimed_bytes; /* that all clips hold or are fetching */
    struct pace pace;
    int64_t pace_told_mono_ms; /* when download_pace was sent last */
    uint64_t window_bytes;
    int64_t fetch_ms_max; /* one clip's bytes may take so long in all */
    double wished_s;
    enum ry_frame_mode frame;
    uint64_t small_width, small_height; /* pixels */
    uint64_t large_width, large_height; /* pixels */
    uint64_t quality;
};

/* Takes a thumbnail_make or a sheet_make (keeps the mail) and begins. */
void clip_begin(struct clip_world *world, struct ry_mail *mail);

/* The clip whose encode_run or sheet_run has this id, or NULL: it has ended, or asked anew since. */
struct clip *clip_of_encode(struct clip_world *world, uint64_t encode_id);

void clip_on_encode_needs(struct clip *clip, const struct ry_encode_needs *needs);
void clip_on_encode_done(struct clip *clip, const struct ry_encode_done *done);
void clip_on_sheet_done(struct clip *clip);
void clip_on_encode_failed(struct clip *clip, const struct ry_encode_failed *failed);
void clip_on_undeliverable(struct clip *clip, const struct ry_undeliverable *undeliverable);

/* To be called after each event: adjusts how many clips the scheduler is asked for, and tells it. Returns how many. */
unsigned clips_pace(struct clip_world *world);

/* CLIP_TIMER is due: clips whose pause is over go on. */
void clips_on_timer(struct clip_world *world);

/* Frees all clips without a word; their mails are the runtime's. */
void clips_free(struct clip_world *world);

#endif
