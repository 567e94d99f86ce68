/* query.c: parsing the query of a URL.
 *
 * Pure functions. Promises that what passes is within its limits and of its set of characters; everything else is
 * rejected with a sentence for the client. Input is hostile. */
#include "actors/monitor/query.h"

#include <inttypes.h>
#include <stdlib.h>

/* Takes `count` bytes that are all in `set` from the front of s. */
static bool take_run(struct ry_str *s, size_t least, size_t most, const char *set)
{
    size_t n = 0;
    while (n < s->n && n < most && s->p[n] != '\0' && strchr(set, s->p[n]))
        n++;
    if (n < least)
        return false;
    *s = (struct ry_str){s->p + n, s->n - n};
    return true;
}

static bool take_text(struct ry_str *s, struct ry_str text)
{
    if (!ry_str_starts(*s, text))
        return false;
    *s = (struct ry_str){s->p + text.n, s->n - text.n};
    return true;
}

/* A cursor is the clip's time, a dot and its id: "1729350189159.d1523646fd8f70dd6e199d427ae00606"; "-" before a time
 * before 1970. */
static bool read_cursor(struct ry_str cursor, struct ry_gallery_get *get)
{
    bool negative = take_text(&cursor, RY_STR("-"));
    size_t dot = 0;
    while (dot < cursor.n && cursor.p[dot] != '.')
        dot++;
    uint64_t time = 0;
    if (dot == cursor.n || !ry_str_u64((struct ry_str){cursor.p, dot}, &time) || time > INT64_MAX)
        return false;
    struct ry_str id = {cursor.p + dot + 1, cursor.n - dot - 1};
    struct ry_str rest = id;
    if (!take_run(&rest, 1, 64, "0123456789abcdef") || rest.n > 0)
        return false;
    get->before_wall_ms = negative ? -(int64_t)time : (int64_t)time;
    get->before_id = id;
    return true;
}

static bool is_status(struct ry_str status)
{
    return ry_str_is(status, "pending") || ry_str_is(status, "processing") || ry_str_is(status, "completed") ||
           ry_str_is(status, "failed");
}

int query_read(const struct query_args *args, struct ry_gallery_get *get, struct ry_error *err)
{
    *get = (struct ry_gallery_get){.limit = QUERY_LIMIT_DEFAULT, .before_wall_ms = INT64_MAX};
    /* An empty argument is what a form sends for a field left alone. */
    if (args->limit.n > 0 && (!ry_str_u64(args->limit, &get->limit) || get->limit < 1 || get->limit > QUERY_LIMIT_MAX))
        return ry_fail(err, RY_EINVAL, "limit must be a number from 1 to %d", QUERY_LIMIT_MAX);
    if (args->before.n > 0 && !read_cursor(args->before, get))
        return ry_fail(err, RY_EINVAL, "before is not a cursor of this archive; start again without it");
    if (args->guild.n > 0 && !ry_str_is_snowflake(args->guild))
        return ry_fail(err, RY_EINVAL, "guild must be a guild's id");
    if (args->channel.n > 0 && !ry_str_is_snowflake(args->channel))
        return ry_fail(err, RY_EINVAL, "channel must be a channel's id");
    if (args->status.n > 0 && !is_status(args->status))
        return ry_fail(err, RY_EINVAL, "status must be pending, processing, completed or failed");
    const struct ry_str absent = {NULL, 0};
    get->guild_id = args->guild.n ? args->guild : absent;
    get->channel_id = args->channel.n ? args->channel : absent;
    get->status = args->status.n ? args->status : absent;
    return RY_OK;
}

static bool has_time(const struct ry_gallery_clip *clip)
{
    return clip->posted_wall_ms != INT64_MAX && clip->posted_wall_ms != INT64_MIN;
}

static bool can_be_named(const struct ry_gallery_clip *clip)
{
    struct ry_str id = clip->clip_id;
    return has_time(clip) && !ry_str_is(clip->status, "damaged") && take_run(&id, 1, 64, "0123456789abcdef") &&
           id.n == 0;
}

void query_cursor(const struct ry_gallery_page *page, struct ry_buf *out)
{
    const struct ry_gallery_clip *clips = page->clips.items;
    size_t n = page->clips.n;
    while (n > 0 && !can_be_named(&clips[n - 1]))
        n--;
    if (n > 0) {
        (void)ry_buf_addf(out, "%" PRId64 ".%.*s", clips[n - 1].posted_wall_ms, RY_STR_ARG(clips[n - 1].clip_id));
        return;
    }
    for (n = page->clips.n; n > 0 && !has_time(&clips[n - 1]);)
        n--;
    if (n > 0)
        (void)ry_buf_addf(out, "%" PRId64 ".0", clips[n - 1].posted_wall_ms);
}

bool query_is_thumbnail(struct ry_str path)
{
    return take_text(&path, RY_STR("thumbnails/guild_")) && take_run(&path, 1, 20, "0123456789") &&
           take_text(&path, RY_STR("/")) && take_run(&path, 32, 32, "0123456789abcdef") &&
           (take_text(&path, RY_STR("_small.webp")) || take_text(&path, RY_STR("_large.webp"))) && path.n == 0;
}

bool query_is_web_url(struct ry_str url)
{
    return ry_str_starts(url, RY_STR("https://")) || ry_str_starts(url, RY_STR("http://"));
}
