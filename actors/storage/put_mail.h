/* put_mail.h: what a thumbnail_store or a sheet_store asks to be put into the store, and what is said when it is there. */
#ifndef REELYARD_ACTORS_STORAGE_PUT_MAIL_H
#define REELYARD_ACTORS_STORAGE_PUT_MAIL_H

#include "actors/storage/store.h"
#include "actors/storage/webp_size.h"
#include "runtime/actor/actor.h"

/* Files of one mail: the small and the large image, or a storyboard. */
#define PUT_MAIL_FILES_MAX 2

/* Checks the mail and names its files, whose bytes are the mail's. small, large: the boxes that images are made for.
 * RY_EINVAL, RY_EDATA: the mail is not one that an encoder sends. */
int put_mail_files(const struct ry_mail *mail, const struct webp_size *small, const struct webp_size *large,
                   struct store_file files[PUT_MAIL_FILES_MAX], size_t *n, struct ry_error *err);

/* Tells the writer that the mail's files, as put_mail_files named them, are in the store. */
void put_mail_tell(struct ry_ctx *ctx, const struct ry_mail *mail, const struct store_file *files);

#endif
