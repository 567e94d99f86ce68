/* media_folder.h: a temporary folder with the small clips that tests/bed/make_media.sh makes. */
#ifndef REELYARD_TESTS_BED_MEDIA_FOLDER_H
#define REELYARD_TESTS_BED_MEDIA_FOLDER_H

#include <stddef.h>
#include <stdint.h>

struct media_folder {
    char path[64];
};

/* Makes the clips named (joined by blanks; "" for all). 0, or -1 with a line on standard error. The script is found by
 * REELYARD_SOURCE, or from the current folder. */
int media_folder_make(struct media_folder *folder, const char *names);
void media_folder_remove(struct media_folder *folder);

/* A clip's bytes, malloc'd; NULL if it was left out because this ffmpeg lacks its encoder. */
uint8_t *media_folder_load(const struct media_folder *folder, const char *name, size_t *n);

#endif
