/* files.c: see files.h. Owns the paths. Looks at the file system and changes nothing there. */
#include "runtime/import/files.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/str.h"

static int add_file(struct ry_import_files *files, const char *path, bool searched, struct ry_error *err)
{
    if (files->n == RY_IMPORT_FILES_MAX)
        return ry_fail(err, RY_ELIMIT, "more than %d files; import them in several runs", RY_IMPORT_FILES_MAX);
    char *copy = strdup(path);
    if (copy == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the list of files");
    files->items[files->n++] = (struct ry_import_source){.path = copy, .searched = searched};
    return RY_OK;
}

/* Adds a folder's real path, once. */
static int add_dir(struct ry_import_files *files, const char *path, struct ry_error *err)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return ry_fail(err, RY_EINVAL, "cannot find the folder %s: %s", path, strerror(errno));
    for (size_t i = 0; i < files->dir_count; i++)
        if (strcmp(files->dirs[i], real) == 0) {
            free(real);
            return RY_OK;
        }
    if (files->dir_count == RY_EXPORT_DIRS_MAX || !ry_str_is_utf8(ry_str_of(real))) {
        bool full = files->dir_count == RY_EXPORT_DIRS_MAX;
        free(real);
        return full ? ry_fail(err, RY_ELIMIT, "more than %d folders; import them in several runs", RY_EXPORT_DIRS_MAX)
                    : ry_fail(err, RY_EINVAL, "the path of the folder %s is not UTF-8", path);
    }
    files->dirs[files->dir_count++] = real;
    return RY_OK;
}

/* "x [part 2].json" comes before "x [part 10].json". */
static int compare(const FTSENT **a, const FTSENT **b)
{
    return strverscmp((*a)->fts_name, (*b)->fts_name);
}

static int search(struct ry_import_files *files, char *folder, struct ry_error *err)
{
    char *const roots[] = {folder, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare);
    if (tree == NULL)
        return ry_fail(err, RY_EIO, "cannot search the folder %s: %s", folder, strerror(errno));
    size_t before = files->n;
    int rc = RY_OK;
    const FTSENT *entry;
    while (rc == RY_OK && (errno = 0, entry = fts_read(tree)) != NULL) {
        bool file = entry->fts_info == FTS_F || entry->fts_info == FTS_SL;
        if (file && ry_str_ends(ry_str_of(entry->fts_name), RY_STR(".json"), true))
            rc = add_file(files, entry->fts_path, true, err);
        else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            rc = ry_fail(err, RY_EIO, "cannot search the folder %s: %s", entry->fts_path, strerror(entry->fts_errno));
    }
    if (rc == RY_OK && errno != 0)
        rc = ry_fail(err, RY_EIO, "cannot search the folder %s: %s", folder, strerror(errno));
    (void)fts_close(tree);
    if (rc == RY_OK && files->n == before)
        return ry_fail(err, RY_ENOENT, "the folder %s has no file whose name ends in .json", folder);
    return rc;
}

int ry_import_files_list(struct ry_import_files *files, char *const *words, size_t word_count, const char *const *media,
                         size_t media_count, struct ry_error *err)
{
    struct stat status;
    *files = (struct ry_import_files){.items = calloc(RY_IMPORT_FILES_MAX, sizeof *files->items)};
    if (files->items == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the list of files");
    int rc = RY_OK;
    for (size_t i = 0; i < media_count && rc == RY_OK; i++) {
        bool folder = stat(media[i], &status) == 0 && S_ISDIR(status.st_mode);
        rc = folder ? add_dir(files, media[i], err) : ry_fail(err, RY_EINVAL, "--media: %s is not a folder", media[i]);
    }
    for (size_t i = 0; i < word_count && rc == RY_OK; i++) {
        bool folder = stat(words[i], &status) == 0 && S_ISDIR(status.st_mode);
        rc = folder ? add_dir(files, words[i], err) : add_file(files, words[i], false, err);
        if (rc == RY_OK && folder)
            rc = search(files, words[i], err);
    }
    return rc;
}

void ry_import_files_free(struct ry_import_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->items[i].path);
    for (size_t i = 0; i < files->dir_count; i++)
        free(files->dirs[i]);
    free(files->items);
    *files = (struct ry_import_files){.items = NULL};
}
