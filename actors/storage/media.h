/* media.h: giving out videos by parts, to whoever watches them. */
#ifndef REELYARD_ACTORS_STORAGE_MEDIA_H
#define REELYARD_ACTORS_STORAGE_MEDIA_H

#include "actors/storage/store.h"
#include "runtime/actor/actor.h"
#include "runtime/base/media_file.h"

/* Answers a media_read: of a file of the store with a name of kind media or playable, or of an export's file below its
 * registered folder. Opens the file for each part, so nothing is held between two. Blocks for as long as the disk
 * needs. roots: what is remembered of exports' folders. */
void media_on_read(struct store *store, struct ry_media_roots *roots, struct ry_ctx *ctx, const struct ry_mail *mail);

#endif
