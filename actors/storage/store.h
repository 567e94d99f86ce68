/* store.h: a place where thumbnail files are kept.
 *
 * Names are those of the archive's tables: thumbnails/guild_{guild_id}/{clip_id}_{small|large}.webp, below the store's
 * root. Whoever calls checks names with ry_thumbnail_name_check first; a store trusts them. Implementations: local.c.
 * One thread; several stores on one place work side by side. */
#ifndef REELYARD_ACTORS_STORAGE_STORE_H
#define REELYARD_ACTORS_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/thumbnail_name.h"
#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Largest file that is kept or given out; thumbnail_data has no room for more. */
#define STORE_FILE_MAX_BYTES ((size_t)16 << 20)

typedef char store_name[RY_THUMBNAIL_NAME_BYTES];

struct store_file {
    store_name name;
    struct ry_str bytes;
};

/* What a put did. */
struct store_written {
    uint64_t files;
    uint64_t bytes;
};

struct store;

struct store_ops {
    /* Keeps the files of one clip, all of one guild: on RY_OK each is whole under its name and survives a power cut.
     * Files that are there with the same bytes are left as they are. On an error some may be there. May block for as
     * long as the disk needs. RY_EFULL: no room. RY_EAWAY: the whole store is not to be had (read-only, moved, not
     * mounted, failing); neither is the files' fault, and both pass. RY_EIO, RY_EACCES: of these files alone. */
    int (*put)(struct store *store, const struct store_file *files, size_t n, struct store_written *written,
               struct ry_error *err);
    /* The bytes under a name as a new frame, which the caller drops. RY_ENOENT, RY_ELIMIT, RY_EAWAY, RY_EIO, RY_EACCES.
     */
    int (*get)(struct store *store, const char *name, struct ry_frame **frame, struct ry_error *err);
    /* Deletes files. gone[i]: names[i] is gone for good, also after a power cut; one that was not there, or that is no
     * file of the store's (a folder, or one behind a symbolic link: left alone and logged), counts as gone. On an error
     * the others have been tried all the same, and *err is of the first. RY_EAWAY, RY_EIO, RY_EACCES. */
    int (*remove)(struct store *store, const store_name *names, size_t n, bool *gone, struct ry_error *err);
    /* Whether a put would find a place and room for it, looked at anew. RY_EFULL, RY_EAWAY: not until a person has
     * repaired what *err says. */
    int (*ready)(struct store *store, struct ry_error *err);
    void (*close)(struct store *store);
};

struct store {
    const struct store_ops *ops;
};

#endif
