/* local_internal.h: what the files of the folder store share; nobody else includes it. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_INTERNAL_H
#define REELYARD_ACTORS_STORAGE_LOCAL_INTERNAL_H

#include "actors/storage/local_root.h"
#include "actors/storage/store.h"
#include "runtime/base/rng.h"

#define LOCAL_MAGIC 0x6c6f6361u

struct local {
    struct store store; /* first, so that the ops find the rest */
    unsigned magic;
    struct local_root root;
    char *path;
    mode_t file_mode;
    bool swept; /* what an earlier start left was put right */
    uint64_t reserve_bytes;
    struct ry_rng *rng;
};

struct local *local_of(struct store *store);

/* "cannot <doing> <root>/<name>: <errno>". Of a failure at the store's own folders, which another file would meet too;
 * of one in a guild's folder. */
int local_fail_store(const struct local *local, const char *doing, const char *name, struct ry_error *err);
int local_fail_guild(const struct local *local, const char *doing, const char *name, struct ry_error *err);

/* Opens what is to be had by its name now; what an earlier start left is put right once. */
int local_settle(struct local *local, struct ry_error *err);

/* The end of an operation: of a store that is not to be had, nothing stays open. Returns rc. */
int local_leave(struct local *local, int rc);

/* Splits thumbnails/guild_1/x.webp into its folder's name (below thumbnails) and its own. */
struct local_name {
    char folder[RY_THUMBNAIL_NAME_BYTES];
    const char *file;
};

struct local_name local_split(const char *name);

/* Whether what was written or deleted in this folder was done under its name. */
int local_check_names(const struct local *local, int folder_fd, const char *folder, struct ry_error *err);

/* Deletes files: those of a folder together, so that it is synced once. An operation of the store (store.h). */
int local_remove(struct store *store, const store_name *names, size_t n, bool *gone, struct ry_error *err);

#endif
