/* clip_words.c: the words and links of a clip. Owns nothing; pure functions. Input is what the archive holds: any text
 * from a message. */
#include "actors/monitor/clip_words.h"

#include "actors/monitor/html.h"
#include "actors/monitor/query.h"

static struct ry_str or_else(struct ry_str first, struct ry_str second)
{
    return first.n > 0 ? first : second;
}

struct ry_str clip_title(const struct ry_gallery_clip *clip)
{
    return or_else(clip->title, clip->filename);
}

struct ry_str clip_author(const struct ry_gallery_clip *clip)
{
    return or_else(clip->author_name, RY_STR("unknown author"));
}

struct ry_str clip_channel(const struct ry_gallery_clip *clip)
{
    return or_else(clip->channel_name, clip->channel_id);
}

struct ry_str clip_guild(const struct ry_gallery_clip *clip)
{
    return or_else(clip->guild_name, clip->guild_id);
}

const char *clip_waiting(const struct ry_gallery_clip *clip)
{
    if (ry_str_is(clip->status, "failed") || ry_str_is(clip->status, "damaged"))
        return "No thumbnail";
    return ry_str_is(clip->status, "processing") ? "Thumbnail in progress" : "Thumbnail pending";
}

const char *clip_failure(const struct ry_gallery_clip *clip, struct ry_str *reason)
{
    *reason = or_else(clip->failure, RY_STR("unknown reason"));
    if (ry_str_is(clip->status, "damaged"))
        return "Damaged";
    if (!ry_str_is(clip->status, "failed"))
        return NULL;
    return clip->class == RY_FAILURE_PERMANENT ? "Failed permanently" : "Failed";
}

struct ry_str clip_kept(const struct ry_gallery_clip *clip)
{
    static const struct {
        const char *state;
        const char *words;
    } states[] = {{"kept", "kept in this archive"},
                  {"wanted", "will be kept"},
                  {"failed", "could not be kept yet"},
                  {"gone", "no longer available at its source"}};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (ry_str_is(clip->keep_state, states[i].state))
            return ry_str_of(states[i].words);
    return (struct ry_str){NULL, 0};
}

bool clip_has_small(const struct ry_gallery_clip *clip)
{
    return query_is_thumbnail(clip->small_path) && clip->small_width > 0 && clip->small_height > 0;
}

bool clip_has_large(const struct ry_gallery_clip *clip)
{
    return query_is_thumbnail(clip->large_path);
}

void clip_message_url(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    if (ry_str_is_snowflake(clip->guild_id) && ry_str_is_snowflake(clip->channel_id) &&
        ry_str_is_snowflake(clip->message_id))
        (void)ry_buf_addf(out, "https://discord.com/channels/%.*s/%.*s/%.*s", RY_STR_ARG(clip->guild_id),
                          RY_STR_ARG(clip->channel_id), RY_STR_ARG(clip->message_id));
}

void clip_link(struct ry_str clip_id, const struct links *links, struct ry_buf *out)
{
    RY_BUF_AUTO path = ry_buf_make(256);
    (void)ry_buf_add_str(&path, RY_STR("/clip/"));
    html_component(&path, clip_id);
    link_add(ry_buf_cstr(&path), links, out);
}

bool clip_size(const struct ry_gallery_clip *clip, uint64_t *width, uint64_t *height)
{
    const char *x = clip->resolution.n > 0 ? memchr(clip->resolution.p, 'x', clip->resolution.n) : NULL;
    if (x == NULL)
        return false;
    size_t n = (size_t)(x - clip->resolution.p);
    return ry_str_u64((struct ry_str){clip->resolution.p, n}, width) &&
           ry_str_u64((struct ry_str){x + 1, clip->resolution.n - n - 1}, height) && *width > 0 && *height > 0;
}
