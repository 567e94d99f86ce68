/* media_folder.c: see media_folder.h. */
#include "tests/bed/media_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bed/range_player.h"

int media_folder_make(struct media_folder *folder, const char *names)
{
    const char *source = getenv("REELYARD_SOURCE");
    char command[4096];
    snprintf(folder->path, sizeof folder->path, "/tmp/reelyard-media-XXXXXX");
    if (!mkdtemp(folder->path)) {
        perror("mkdtemp");
        return -1;
    }
    int n = snprintf(command, sizeof command, "'%s/tests/bed/make_media.sh' '%s' %s", source ? source : ".",
                     folder->path, names);
    if (n < 0 || (size_t)n >= sizeof command || system(command) != 0) {
        fprintf(stderr, "the test clips cannot be made: %s\n", command);
        return -1;
    }
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void media_folder_remove(struct media_folder *folder)
{
    nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

uint8_t *media_folder_load(const struct media_folder *folder, const char *name, size_t *n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return play_load(path, n);
}
