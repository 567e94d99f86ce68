/* search_row.c: see search_row.h. */
#include "actors/writer/search_row.h"

/* The last millisecond whose docid is positive. */
#define POSTED_MAX_MS ((INT64_C(1) << 42) - 1)

static int64_t hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 15;
}

int64_t search_docid(int64_t posted_wall_ms, struct ry_str clip_id)
{
    int64_t posted = posted_wall_ms < 0 ? 0 : posted_wall_ms > POSTED_MAX_MS ? POSTED_MAX_MS : posted_wall_ms;
    int64_t head = 0;
    /* Five digits are 20 bits; the last bit leaves room behind each for those that begin alike. */
    for (size_t i = 0; i < 5; i++)
        head = head << 4 | (i < clip_id.n ? hex_of(clip_id.p[i]) : 0);
    return posted << SEARCH_ID_BITS | head << 1;
}

enum search_orientation search_orientation_of(struct ry_str resolution)
{
    const char *x = resolution.n > 0 ? memchr(resolution.p, 'x', resolution.n) : NULL;
    uint64_t width = 0, height = 0;
    if (x == NULL || !ry_str_u64((struct ry_str){resolution.p, (size_t)(x - resolution.p)}, &width) ||
        !ry_str_u64((struct ry_str){x + 1, resolution.n - (size_t)(x - resolution.p) - 1}, &height) || width == 0 ||
        height == 0)
        return SEARCH_ORIENTATION_UNKNOWN;
    return width > height ? SEARCH_LANDSCAPE : width < height ? SEARCH_PORTRAIT : SEARCH_SQUARE;
}

enum search_orientation search_orientation_named(struct ry_str name)
{
    if (ry_str_is(name, "landscape"))
        return SEARCH_LANDSCAPE;
    if (ry_str_is(name, "portrait"))
        return SEARCH_PORTRAIT;
    return ry_str_is(name, "square") ? SEARCH_SQUARE : SEARCH_ORIENTATION_UNKNOWN;
}

int64_t search_duration_ms(double duration_s)
{
    return duration_s > 0 && duration_s < 1.0e9 ? (int64_t)(duration_s * 1000 + 0.5) : 0;
}

struct ry_str search_author(struct ry_str display_name, struct ry_str nickname, struct ry_str username,
                            struct ry_arena *arena)
{
    if (ry_str_eq(nickname, display_name))
        nickname = (struct ry_str){0};
    return ry_arena_printf(arena, "%.*s %.*s %.*s", RY_STR_ARG(display_name), RY_STR_ARG(nickname),
                           RY_STR_ARG(username));
}

struct ry_str search_row_text(const struct ry_str fields[SEARCH_FIELD_COUNT], struct ry_arena *arena)
{
    RY_BUF_AUTO text = ry_buf_make(SEARCH_TEXT_MAX_BYTES);
    search_text(fields, &text);
    return ry_arena_str(arena, ry_buf_str(&text));
}
