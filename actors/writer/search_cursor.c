/* search_cursor.c: "0.KEY.DOCID.ANCHOR.WHOLE.CLIP": numbers in hex of their two's complement. */
#include "actors/writer/search_cursor.h"

#include <inttypes.h>

/* Takes lower-case hex up to the next dot. */
static bool take_number(struct ry_str *text, uint64_t *value)
{
    size_t n = 0;
    *value = 0;
    for (; n < text->n && n <= 16 && text->p[n] != '.'; n++) {
        char c = text->p[n];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *value = *value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (n == 0 || n > 16 || n == text->n)
        return false;
    *text = (struct ry_str){text->p + n + 1, text->n - n - 1};
    return true;
}

bool search_cursor_read(struct ry_str text, enum ry_gallery_sort sort, struct search_cursor *cursor)
{
    uint64_t numbers[5];
    for (size_t i = 0; i < 5; i++)
        if (!take_number(&text, &numbers[i]))
            return false;
    if (numbers[0] != (uint64_t)sort || numbers[4] > 1 || text.n == 0 || text.n > 64 || !ry_str_is_utf8(text))
        return false;
    *cursor = (struct search_cursor){.sort = sort,
                                     .place = {(int64_t)numbers[1], (int64_t)numbers[2], text},
                                     .anchor = (int64_t)numbers[3],
                                     .whole = numbers[4] == 1};
    return true;
}

struct ry_str search_cursor_write(const struct search_cursor *cursor, struct ry_arena *arena)
{
    struct ry_str id = cursor->place.clip_id.n > 0 ? cursor->place.clip_id : RY_STR("0");
    return ry_arena_printf(arena, "%x.%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%x.%.*s", (unsigned)cursor->sort,
                           (uint64_t)cursor->place.key, (uint64_t)cursor->place.docid, (uint64_t)cursor->anchor,
                           (unsigned)cursor->whole, RY_STR_ARG(id));
}
