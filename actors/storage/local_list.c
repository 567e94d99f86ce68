/* local_list.c: lists files of the store by rising name.
 *
 * A page holds the least names that come after the one asked for, so a folder is read once for each page, however many
 * files it has, and memory is bounded by the page. Folders are visited by rising name, and only those whose names can
 * hold what is asked for. What a person put there, symbolic links included, is passed over. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/assert.h"

/* Folders of a kind that are looked at together. */
#define FOLDERS_PAGE 512

/* The least of the names that were offered. */
struct page {
    ry_store_name *names; /* room for twice the limit */
    size_t n;
    size_t limit;
    bool more; /* some were left out */
};

static bool page_make(struct page *page, size_t limit)
{
    *page = (struct page){.limit = limit, .names = calloc(2 * limit, sizeof(ry_store_name))};
    return page->names != NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void page_sort(struct page *page)
{
    qsort(page->names, page->n, sizeof *page->names, compare);
    page->more = page->more || page->n > page->limit;
    if (page->n > page->limit)
        page->n = page->limit;
}

static void page_offer(struct page *page, const char *name)
{
    if (page->n == 2 * page->limit)
        page_sort(page);
    (void)snprintf(page->names[page->n++], sizeof *page->names, "%s", name);
}

static void page_empty(struct page *page)
{
    page->n = 0;
    page->more = false;
}

/* What is listed, and how much of it has been. */
struct listing {
    struct local *local;
    const char *prefix;
    const char *after;
    struct page files;
    struct page folders;
    store_on_entry *on_entry;
    void *arg;
    size_t told;
};

static bool is_full(const struct listing *listing)
{
    return listing->told == listing->files.limit;
}

/* Whether names that begin with this text may be asked for. */
static bool may_hold(const struct listing *listing, const char *text)
{
    size_t n = strlen(text);
    size_t prefix = strlen(listing->prefix);
    return strncmp(text, listing->prefix, n < prefix ? n : prefix) == 0 && strncmp(text, listing->after, n) >= 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void tell_page(struct listing *listing, int folder_fd)
{
    for (size_t i = 0; i < listing->files.n && !is_full(listing); i++) {
        const char *name = listing->files.names[i];
        struct stat st;
        if (fstatat(folder_fd, local_split(name).file, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue; /* deleted meanwhile, or nothing of ours */
        const struct store_entry entry = {
            .name = name,
            .bytes = (uint64_t)st.st_size,
            .modified_wall_ms = ((int64_t)st.st_mtim.tv_sec * 1000) + (st.st_mtim.tv_nsec / 1000000),
        };
        listing->on_entry(listing->arg, &entry);
        listing->told++;
    }
}

/* Finds the next files of a folder, "media/ab/", whose names come after `after`. */
static void find_files(struct listing *listing, DIR *names, const char *folder, const char *after)
{
    const struct dirent *entry;
    page_empty(&listing->files);
    rewinddir(names);
    while ((entry = readdir(names)) != NULL) {
        char text[RY_STORE_NAME_BYTES + sizeof entry->d_name];
        (void)snprintf(text, sizeof text, "%s%s", folder, entry->d_name);
        if (strncmp(text, listing->prefix, strlen(listing->prefix)) == 0 && strcmp(text, after) > 0 &&
            ry_store_name_check(ry_str_of(text), NULL) != RY_STORE_NONE)
            page_offer(&listing->files, text);
    }
    page_sort(&listing->files);
}

static int list_folder(struct listing *listing, int top_fd, const char *folder, struct ry_error *err)
{
    ry_store_name name;
    ry_store_name after;
    (void)snprintf(after, sizeof after, "%s", listing->after);
    (void)snprintf(name, sizeof name, "%s", strchr(folder, '/') + 1);
    *strchr(name, '/') = '\0';
    DIR *names = local_open_names(top_fd, name);
    if (names == NULL && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return RY_OK; /* deleted meanwhile, or nothing of ours */
    if (names == NULL)
        return local_fail_guild(listing->local, "read the folder", folder, err);
    do {
        find_files(listing, names, folder, after);
        tell_page(listing, dirfd(names));
        if (listing->files.more)
            memcpy(after, listing->files.names[listing->files.n - 1], sizeof after);
    } while (listing->files.more && !is_full(listing));
    (void)closedir(names);
    return RY_OK;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

static void find_folders(struct listing *listing, DIR *names, enum ry_store_kind kind, const char *after)
{
    const struct dirent *entry;
    page_empty(&listing->folders);
    rewinddir(names);
    while ((entry = readdir(names)) != NULL) {
        ry_store_name text;
        if (local_is_folder(kind, entry->d_name, text) && may_hold(listing, text) && strcmp(text, after) > 0)
            page_offer(&listing->folders, text);
    }
    page_sort(&listing->folders);
}

static int list_kind(struct listing *listing, int root_fd, enum ry_store_kind kind, struct ry_error *err)
{
    ry_store_name after = "";
    DIR *names = local_open_names(root_fd, ry_store_folder(kind));
    if (names == NULL && errno == ENOENT)
        return RY_OK;
    if (names == NULL)
        return local_fail_store(listing->local, "read the folder", ry_store_folder(kind), err);
    int rc = RY_OK;
    do {
        find_folders(listing, names, kind, after);
        for (size_t i = 0; i < listing->folders.n && rc == RY_OK && !is_full(listing); i++)
            rc = list_folder(listing, dirfd(names), listing->folders.names[i], err);
        if (listing->folders.more)
            memcpy(after, listing->folders.names[listing->folders.n - 1], sizeof after);
    } while (listing->folders.more && rc == RY_OK && !is_full(listing));
    (void)closedir(names);
    return rc;
}

static int list_root(struct listing *listing, int root_fd, struct ry_error *err)
{
    static const enum ry_store_kind rising[] = {RY_STORE_MEDIA, RY_STORE_PLAYABLE, RY_STORE_SHEET, RY_STORE_THUMBNAIL};
    int rc = RY_OK;
    for (size_t i = 0; i < sizeof rising / sizeof *rising && rc == RY_OK && !is_full(listing); i++) {
        ry_store_name text;
        (void)snprintf(text, sizeof text, "%s/", ry_store_folder(rising[i]));
        if (may_hold(listing, text))
            rc = list_kind(listing, root_fd, rising[i], err);
    }
    return rc;
}

int local_list(struct store *store, const char *prefix, const char *after, size_t limit, store_on_entry *on_entry,
               void *arg, struct ry_error *err)
{
    struct local *local = local_of(store);
    RY_ASSERT(limit > 0 && limit <= STORE_LIST_MAX, "%zu entries", limit);
    struct listing listing = {.local = local, .prefix = prefix, .after = after, .on_entry = on_entry, .arg = arg};
    int rc = local_settle(local, err);
    FD_AUTO readable_fd = rc == RY_EAWAY ? local_root_open_to_read(&local->root) : -1;
    int root_fd = rc == RY_OK ? local->root.root_fd : readable_fd;
    if (root_fd < 0)
        return rc;
    if (page_make(&listing.files, limit) && page_make(&listing.folders, FOLDERS_PAGE))
        rc = list_root(&listing, root_fd, err);
    else
        rc = ry_fail(err, RY_ENOMEM, "no memory to list %s", local->path);
    free(listing.files.names);
    free(listing.folders.names);
    return local_leave(local, rc);
}
