/* store.h: a place where the archive's files are kept: thumbnails, sheets, originals and what is playable of them.
 *
 * Names are those of the archive's tables (proto/store_name.h), below the store's root. Whoever calls checks names with
 * ry_store_name_check first; a store trusts them. Implementations: local.c.
 * One thread; several stores on one place work side by side. */
#ifndef REELYARD_ACTORS_STORAGE_STORE_H
#define REELYARD_ACTORS_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/store_name.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Largest file that `put` keeps or `get` gives out, and largest range of `read`; thumbnail_data has no room for more. */
#define STORE_FILE_MAX_BYTES ((size_t)16 << 20)

/* Most entries of one `list`. */
#define STORE_LIST_MAX ((size_t)10000)

/* Longest time that a presigned URL may be valid for; S3's limit. */
#define STORE_PRESIGN_MAX_S (7u * 24 * 60 * 60)

struct store_file {
    ry_store_name name;
    struct ry_str bytes;
};

/* What a put did. */
struct store_written {
    uint64_t files;
    uint64_t bytes;
};

/* A file of the store, as `list` finds it. */
struct store_entry {
    const char *name; /* valid during the call */
    uint64_t bytes;
    int64_t modified_wall_ms; /* since 1970 */
};

typedef void store_on_entry(void *arg, const struct store_entry *entry);

/* One of several puts that are done together; files, n: in, the rest: out. */
struct store_put {
    const struct store_file *files; /* of one clip, all of one folder */
    size_t n;                       /* at least 1 */
    struct store_written written;   /* also of a put that failed */
    int rc;
    struct ry_error err;
};

struct store;

struct store_ops {
    /* Keeps the files of one clip, all of one folder: on RY_OK each is whole under its name and survives a power cut.
     * Files that are there with the same bytes are left as they are. On an error some may be there. May block for as
     * long as the disk needs. RY_EFULL: no room. RY_EAWAY: the whole store is not to be had (read-only, moved, not
     * mounted, failing); neither is the files' fault, and both pass. RY_EIO, RY_EACCES: of these files alone. */
    int (*put)(struct store *store, const struct store_file *files, size_t n, struct store_written *written,
               struct ry_error *err);
    /* Several puts at once, each as `put` and each with an outcome of its own, for the cost of about one: a disk is asked
     * once for all of them to make the bytes durable, and once for the names. */
    void (*put_group)(struct store *store, struct store_put *puts, size_t n);
    /* The bytes under a name as a new frame, which the caller drops. RY_ENOENT, RY_ELIMIT, RY_EAWAY, RY_EIO, RY_EACCES.
     */
    int (*get)(struct store *store, const char *name, struct ry_frame **frame, struct ry_error *err);
    /* Deletes files. gone[i]: names[i] is gone for good, also after a power cut; one that was not there, or that is no
     * file of the store's (a folder, or one behind a symbolic link: left alone and logged), counts as gone. On an error
     * the others have been tried all the same, and *err is of the first. RY_EAWAY, RY_EIO, RY_EACCES. */
    int (*remove)(struct store *store, const ry_store_name *names, size_t n, bool *gone, struct ry_error *err);
    /* Whether a put would find a place and room for it, looked at anew. RY_EFULL, RY_EAWAY: not until a person has
     * repaired what *err says. */
    int (*ready)(struct store *store, struct ry_error *err);

    /* Keeps a whole file, which fd is open on for reading and which has just these bytes, under a name of kind media or
     * playable: on RY_OK it is whole there and survives a power cut. A file of that name and size is left as it is, and
     * nothing is written: names of these kinds are made of the content. fd stays the caller's, its offset may change;
     * whether the file still has its old name is for the caller to look at, as a store may have taken it by renaming.
     * May block for as long as copying takes. As put, and RY_EDATA: the file has another size. */
    int (*keep)(struct store *store, const char *name, int fd, uint64_t bytes, struct ry_error *err);
    /* A range of a file as a new frame, which the caller drops, and the size of the whole file. The frame is shorter
     * than length (1..STORE_FILE_MAX_BYTES) where the file ends, and empty from its end on. As get, but RY_ELIMIT. */
    int (*read)(struct store *store, const char *name, uint64_t offset, size_t length, struct ry_frame **frame,
                uint64_t *total_bytes, struct ry_error *err);
    /* A URL by which whoever holds it may get the file (GET and HEAD, with ranges) for so many seconds
     * (1..STORE_PRESIGN_MAX_S); whether the file is there is not looked at. The text is appended to *url. RY_EUNSUPPORTED
     * of a store whose files have no URL; RY_ELIMIT when it does not fit. */
    int (*presign)(struct store *store, const char *name, unsigned seconds, struct ry_buf *url, struct ry_error *err);
    /* Calls on_entry for files whose names begin with prefix and come after `after` (may be ""), by rising name (bytes
     * compared), at most limit (1..STORE_LIST_MAX) of them. Fewer than limit: there are no more. Only files with names of
     * ours are listed. prefix: a kind's folder and slash ("media/"), or further characters of a name. A call costs up
     * to a walk through the folder that the prefix or `after` names. RY_EAWAY, RY_EIO, RY_EACCES. */
    int (*list)(struct store *store, const char *prefix, const char *after, size_t limit, store_on_entry *on_entry,
                void *arg, struct ry_error *err);
    /* Lets go of what is open between calls, so that a disk can be unmounted; the next call opens it again. */
    void (*release)(struct store *store);
    void (*close)(struct store *store);
};

struct store {
    const struct store_ops *ops;
};

#endif
