/* files.h: which files an import reads: those that are named, and those of the folders that are named. */
#ifndef REELYARD_RUNTIME_IMPORT_FILES_H
#define REELYARD_RUNTIME_IMPORT_FILES_H

#include "runtime/base/error.h"
#include "runtime/import/export_url.h"

/* Most files of one import. */
#define RY_IMPORT_FILES_MAX 10000

struct ry_import_source {
    char *path;
    bool searched; /* it comes from a folder: what is no export there is passed over */
};

struct ry_import_files {
    struct ry_import_source *items; /* those of a folder by name, parts in the order of their numbers */
    size_t n;
    char *dirs[RY_EXPORT_DIRS_MAX]; /* real paths of the media folders, and of the folders that were named */
    size_t dir_count;
};

/* Makes the list. A folder is searched through all its depths for names that end in .json; symbolic links to folders
 * are not followed. media: the values of --media. RY_EINVAL when a media folder is none, RY_ELIMIT when there are too
 * many, RY_ENOENT when a folder has no such file, RY_EIO. Call ry_import_files_free in any case. */
int ry_import_files_list(struct ry_import_files *files, char *const *words, size_t word_count, const char *const *media,
                         size_t media_count, struct ry_error *err);
void ry_import_files_free(struct ry_import_files *files);

#endif
