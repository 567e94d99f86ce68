/* refresh.h: fresh URLs for clips whose signed URLs have expired. */
#ifndef REELYARD_ACTORS_SCANNER_REFRESH_H
#define REELYARD_ACTORS_SCANNER_REFRESH_H

#include "actors/scanner/scan.h"

/* Keeps the mail and answers it with urls_refreshed later. */
void refresh_begin(struct scanner *self, struct ry_ctx *ctx, struct ry_mail *mail);
/* Ends all that are under way, without answers. */
void refresh_end_all(struct scanner *self);

#endif
