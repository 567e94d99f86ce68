/* thumbnail_name.c: the names of thumbnails, made and recognised.
 *
 * A name is made from parts that were checked, and a name from outside is believed only if making it from its parts
 * gives the same text again; so no other text than a thumbnail's name ever reaches a file system. */
#include "proto/thumbnail_name.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/assert.h"

#define CLIP_ID_BYTES 32

static bool is_clip_id(struct ry_str id)
{
    if (id.n != CLIP_ID_BYTES)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
            return false;
    return true;
}

int ry_thumbnail_name_make(struct ry_str guild_id, struct ry_str clip_id, struct ry_str size_type,
                           char name[RY_THUMBNAIL_NAME_BYTES], struct ry_error *err)
{
    if (!ry_str_is_snowflake(guild_id))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a guild id", RY_STR_ARG(guild_id));
    if (!is_clip_id(clip_id))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a clip id", RY_STR_ARG(clip_id));
    if (!ry_str_is(size_type, "small") && !ry_str_is(size_type, "large"))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a size of a thumbnail", RY_STR_ARG(size_type));
    int n = snprintf(name, RY_THUMBNAIL_NAME_BYTES, "thumbnails/guild_%.*s/%.*s_%.*s.webp", RY_STR_ARG(guild_id),
                     RY_STR_ARG(clip_id), RY_STR_ARG(size_type));
    RY_ASSERT(n > 0 && n < RY_THUMBNAIL_NAME_BYTES, "%d bytes", n);
    return RY_OK;
}

/* Takes the bytes up to the next `end` off the front of *rest. */
static struct ry_str cut(struct ry_str *rest, char end)
{
    const char *at = rest->n > 0 ? memchr(rest->p, end, rest->n) : NULL;
    struct ry_str part = {rest->p, at ? (size_t)(at - rest->p) : rest->n};
    size_t taken = at ? part.n + 1 : part.n;
    *rest = (struct ry_str){rest->p + taken, rest->n - taken};
    return part;
}

bool ry_thumbnail_name_check(struct ry_str text, char name[RY_THUMBNAIL_NAME_BYTES])
{
    struct ry_str rest = text;
    (void)cut(&rest, '_');
    struct ry_str guild_id = cut(&rest, '/');
    struct ry_str clip_id = cut(&rest, '_');
    struct ry_str size_type = cut(&rest, '.');
    return ry_thumbnail_name_make(guild_id, clip_id, size_type, name, NULL) == RY_OK && ry_str_is(text, name);
}

bool ry_thumbnail_name_is_of(struct ry_str text, struct ry_str clip_id, struct ry_str size_type)
{
    char name[RY_THUMBNAIL_NAME_BYTES];
    struct ry_str rest = text;
    (void)cut(&rest, '_');
    struct ry_str guild_id = cut(&rest, '/');
    return ry_thumbnail_name_make(guild_id, clip_id, size_type, name, NULL) == RY_OK && ry_str_is(text, name);
}
