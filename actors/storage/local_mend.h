/* local_mend.h: what a start finds in the folders of an earlier one, put right. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_MEND_H
#define REELYARD_ACTORS_STORAGE_LOCAL_MEND_H

#include "actors/storage/local_root.h"

/* Removes what crashes left in .incoming, and gives the folders of thumbnails and their files the modes that are
 * wanted. A guild's folder gets its mode after its files, so that one which has it needs no look inside. What cannot be
 * changed is named once and stays. The root must be open. */
void local_mend(const struct local_root *root, mode_t file_mode);

#endif
