/* local_internal.h: what the files of the folder store share; nobody else includes it. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_INTERNAL_H
#define REELYARD_ACTORS_STORAGE_LOCAL_INTERNAL_H

#include "actors/storage/local_names.h"
#include "actors/storage/local_root.h"
#include "actors/storage/store.h"
#include "runtime/base/rng.h"

#define LOCAL_MAGIC 0x6c6f6361u

/* The folder below that of media in which large files are put together; see local_keep.c. */
#define LOCAL_PARTIAL "partial"

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

/* A name for a file in .incoming that nobody else has. */
#define LOCAL_TEMPORARY_BYTES (RY_STORE_NAME_BYTES + 32)
void local_temporary(struct local *local, const char *file, char temporary[LOCAL_TEMPORARY_BYTES]);

/* Whether what was written or deleted in this folder was done under its name. */
int local_check_names(const struct local *local, enum ry_store_kind kind, int folder_fd, const char *folder,
                      struct ry_error *err);

/* Whether there is room for so many more bytes below the folder of a kind, which is open. RY_EFULL, RY_EAWAY. */
int local_check_space(const struct local *local, enum ry_store_kind kind, uint64_t need_bytes, struct ry_error *err);

/* Reads n bytes from offset; false: errno. */
bool local_read_whole(int fd, char *bytes, size_t n, uint64_t offset);

/* Operations of the store (store.h). Deleting: files of a folder together, so that it is synced once. */
int local_remove(struct store *store, const ry_store_name *names, size_t n, bool *gone, struct ry_error *err);
int local_put(struct store *store, const struct store_file *files, size_t n, struct store_written *written,
              struct ry_error *err);
void local_put_group(struct store *store, struct store_put *puts, size_t n);
int local_get(struct store *store, const char *name, struct ry_frame **frame, struct ry_error *err);
int local_read(struct store *store, const char *name, uint64_t offset, size_t length, struct ry_frame **frame,
               uint64_t *total_bytes, struct ry_error *err);
int local_keep(struct store *store, const char *name, int fd, uint64_t bytes, struct ry_error *err);
int local_list(struct store *store, const char *prefix, const char *after, size_t limit, store_on_entry *on_entry,
               void *arg, struct ry_error *err);

#endif
