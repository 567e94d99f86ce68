/* local_names.h: names of the store's files as folders and files of a disk. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_NAMES_H
#define REELYARD_ACTORS_STORAGE_LOCAL_NAMES_H

#include <dirent.h>
#include <stdbool.h>

#include "proto/store_name.h"

/* A name in its parts: thumbnails/guild_1/x.webp is of a kind, in the folder guild_1 below that, and called x.webp. */
struct local_name {
    enum ry_store_kind kind;
    ry_store_name folder;
    const char *file; /* in the name */
};

struct local_name local_split(const char *name);

/* Whether a folder below that of a kind may hold names of ours; text becomes what they begin with ("media/ab/"). */
bool local_is_folder(enum ry_store_kind kind, const char *folder, ry_store_name text);

/* A folder's names, which the caller closes; no symbolic link is followed. NULL: errno. */
DIR *local_open_names(int at_fd, const char *name);

#endif
