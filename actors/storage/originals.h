/* originals.h: originals: put together (assembly.h), taken into the store, told to the writer; and files of the store
 * told to a console that verifies or sweeps it. Part of storage.c. */
#ifndef REELYARD_ACTORS_STORAGE_ORIGINALS_H
#define REELYARD_ACTORS_STORAGE_ORIGINALS_H

#include "actors/storage/assembly.h"
#include "actors/storage/store.h"
#include "runtime/actor/actor.h"
#include "runtime/base/media_file.h"

struct originals {
    struct store *store; /* borrowed */
    struct assembly assembly;
    struct ry_media_roots roots;
    int64_t swept_mono_ms; /* when the assembly was last swept; 0: never */
};

/* The assembly lies where the store can take a file by renaming it, or else in the spool. RY_ECONFIG. */
int originals_open(struct originals *self, struct store *store, const struct ry_config *config, struct ry_error *err);

/* Every hour, what nobody has touched for a day is removed from the assembly. */
void originals_look(struct originals *self, struct ry_ctx *ctx);

/* Answers a media_begin, media_write, media_commit, media_copy, files_list or file_hash. False: it is none of these. */
bool originals_receive(struct originals *self, struct ry_ctx *ctx, struct ry_mail *mail);

#endif
