/* sheet_layout.h: whether the layout of a storyboard is what an encoder may say. Pure; any thread. */
#ifndef REELYARD_PROTO_SHEET_LAYOUT_H
#define REELYARD_PROTO_SHEET_LAYOUT_H

#include "proto/message.h"
#include "runtime/base/error.h"

/* The box of one tile, pixels. */
#define RY_SHEET_TILE_MAX 160

/* RY_EDATA: the pictures do not fill its rows but the last one, the tiles do not divide the image, or are too large. */
int ry_sheet_check(const struct ry_sheet *sheet, struct ry_error *err);

#endif
