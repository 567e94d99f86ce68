/* sheet_layout.c: see sheet_layout.h.
 *
 * An encoder reads files of strangers and may have been taken over; pages cut tiles by these numbers. */
#include "proto/sheet_layout.h"

#include <inttypes.h>

int ry_sheet_check(const struct ry_sheet *sheet, struct ry_error *err)
{
    if (sheet->columns == 0 || sheet->rows == 0 || sheet->count > sheet->columns * sheet->rows ||
        sheet->count <= sheet->columns * (sheet->rows - 1))
        return ry_fail(err, RY_EDATA, "%" PRIu64 " pictures do not fill %" PRIu64 " rows of %" PRIu64, sheet->count,
                       sheet->rows, sheet->columns);
    if (sheet->width % sheet->columns != 0 || sheet->height % sheet->rows != 0 ||
        sheet->width / sheet->columns > RY_SHEET_TILE_MAX || sheet->height / sheet->rows > RY_SHEET_TILE_MAX ||
        sheet->width == 0 || sheet->height == 0)
        return ry_fail(err, RY_EDATA,
                       "a storyboard of %" PRIu64 "x%" PRIu64 " pixels has no %" PRIu64 "x%" PRIu64
                       " tiles of at most %d pixels",
                       sheet->width, sheet->height, sheet->columns, sheet->rows, RY_SHEET_TILE_MAX);
    return RY_OK;
}
