/* text.h: text that fits its column. */
#ifndef REELYARD_ACTORS_WRITER_TEXT_H
#define REELYARD_ACTORS_WRITER_TEXT_H

#include "runtime/base/arena.h"

/* Widths of columns, in characters (the interface's schema). */
enum writer_width {
    WRITER_WIDTH_ANY = 0,
    WRITER_WIDTH_RESOLUTION = 20,
    WRITER_WIDTH_PERSON = 32, /* username, nickname, display_name */
    WRITER_WIDTH_MIME = 50,
    WRITER_WIDTH_PLACE = 100, /* name of a guild or channel */
    WRITER_WIDTH_FILENAME = 255
};

/* s without NUL bytes (a database takes none) and no longer than `chars` characters (WRITER_WIDTH_ANY: any length).
 * Points into s, or into the arena when bytes had to be taken out; absent stays absent. *cut is raised by one when
 * characters were left out. Out of memory gives the absent string with *failed set. */
struct ry_str writer_text_fit(struct ry_str s, unsigned chars, struct ry_arena *arena, uint64_t *cut, bool *failed);

/* The file-system path of a file: URL with the %XX undone, in the arena; absent if url is no file: URL, names another
 * host, or is malformed. */
struct ry_str writer_text_file_path(struct ry_str url, struct ry_arena *arena);

#endif
