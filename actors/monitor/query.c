/* query.c: parsing the query of a URL.
 *
 * Pure functions. Promises that what passes is within its limits and of its set of characters; everything else is
 * rejected with a sentence for the client. Input is hostile. */
#include "actors/monitor/query.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/store_name.h"
#include "runtime/base/clock.h"

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

/* Position of text in a list that ends with NULL; -1 if it is not in it. */
static int position(struct ry_str text, const char *const *list)
{
    for (int i = 0; list[i]; i++)
        if (ry_str_is(text, list[i]))
            return i;
    return -1;
}

static int refuse(enum link_arg arg, const char *what, struct ry_error *err)
{
    return ry_fail(err, RY_EINVAL, "%s must be %s", link_name(arg), what);
}

/* A number with an optional suffix for its unit, such as 10M; absent: 0. */
static bool read_scaled(struct ry_str text, const char *suffixes, const uint64_t *factors, uint64_t *value)
{
    *value = 0;
    if (text.n == 0)
        return true;
    const char *suffix = strchr(suffixes, text.p[text.n - 1]);
    uint64_t factor = suffix ? factors[suffix - suffixes] : factors[strlen(suffixes)];
    struct ry_str digits = {text.p, text.n - (suffix ? 1 : 0)};
    return ry_str_u64(digits, value) && !__builtin_mul_overflow(*value, factor, value) && *value <= INT64_MAX;
}

static int read_ranges(const struct links *links, struct ry_gallery_get *get, struct ry_error *err)
{
    static const uint64_t seconds[] = {1000, 60000, 3600000, 1000};
    static const uint64_t bytes[] = {1000, 1000, 1000000, 1000000000, 1};
    const struct {
        enum link_arg arg;
        const char *suffixes;
        const uint64_t *factors;
        uint64_t *value;
        const char *what;
    } ranges[] = {
        {LINK_LONGER, "smh", seconds, &get->duration_min_ms, "a length such as 30s, 5m or 1h"},
        {LINK_SHORTER, "smh", seconds, &get->duration_max_ms, "a length such as 30s, 5m or 1h"},
        {LINK_LARGER, "kKMG", bytes, &get->bytes_min, "a size such as 500k, 10M or 1G"},
        {LINK_SMALLER, "kKMG", bytes, &get->bytes_max, "a size such as 500k, 10M or 1G"},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (!read_scaled(links->values[ranges[i].arg], ranges[i].suffixes, ranges[i].factors, ranges[i].value))
            return refuse(ranges[i].arg, ranges[i].what, err);
    return RY_OK;
}

/* A day, as its beginning in UTC, or a time as RFC 3339 has it. */
static bool read_day(struct ry_str text, int64_t *wall_ms)
{
    char whole[RY_TIME_TEXT_BYTES];
    if (text.n == 0)
        return true;
    if (text.n != 10)
        return ry_time_parse(text, wall_ms);
    (void)snprintf(whole, sizeof whole, "%.*sT00:00:00Z", RY_STR_ARG(text));
    return ry_time_parse(ry_str_of(whole), wall_ms);
}

/* Which clips, by what they are. */
static int read_choices(const struct links *links, struct ry_gallery_get *get, struct ry_error *err)
{
    static const char *const states[] = {"pending", "processing", "completed", "failed", NULL};
    static const char *const shapes[] = {"landscape", "portrait", "square", NULL};
    static const char *const keeping[] = {"yes", "no", NULL};
    static const char *const orders[] = {"newest", "oldest", "longest", "largest", "relevance", NULL};
    const struct ry_str *values = links->values;
    if (values[LINK_STATUS].n > 0 && position(values[LINK_STATUS], states) < 0)
        return refuse(LINK_STATUS, "pending, processing, completed or failed", err);
    if (values[LINK_ORIENTATION].n > 0 && position(values[LINK_ORIENTATION], shapes) < 0)
        return refuse(LINK_ORIENTATION, "landscape, portrait or square", err);
    if (values[LINK_KEPT].n > 0 && position(values[LINK_KEPT], keeping) < 0)
        return refuse(LINK_KEPT, "yes or no", err);
    if (values[LINK_SORT].n > 0 && position(values[LINK_SORT], orders) < 0)
        return refuse(LINK_SORT, "newest, oldest, longest, largest or relevance", err);
    if (!read_day(values[LINK_FROM], &get->from_wall_ms))
        return refuse(LINK_FROM, "a day such as 2024-10-19", err);
    if (!read_day(values[LINK_TO], &get->to_wall_ms))
        return refuse(LINK_TO, "a day such as 2024-10-19", err);
    get->status = values[LINK_STATUS];
    get->orientation = values[LINK_ORIENTATION];
    get->kept = ry_str_is(values[LINK_KEPT], "yes") ? 1 : ry_str_is(values[LINK_KEPT], "no") ? 2 : 0;
    int order = position(values[LINK_SORT], orders);
    /* What a search found is shown best first, unless it is asked for otherwise. */
    get->sort = order >= 0                 ? (uint64_t)order
                : values[LINK_QUERY].n > 0 ? (uint64_t)RY_GALLERY_RELEVANCE
                                           : (uint64_t)RY_GALLERY_NEWEST;
    return RY_OK;
}

/* Which clips, by their ids and words. */
static int read_ids(const struct links *links, struct ry_gallery_get *get, struct ry_error *err)
{
    const struct ry_str *values = links->values;
    if (values[LINK_GUILD].n > 0 && !ry_str_is_snowflake(values[LINK_GUILD]))
        return refuse(LINK_GUILD, "a guild's id", err);
    if (values[LINK_CHANNEL].n > 0 && !ry_str_is_snowflake(values[LINK_CHANNEL]))
        return refuse(LINK_CHANNEL, "a channel's id", err);
    if (values[LINK_AUTHOR].n > 0 && !ry_str_is_snowflake(values[LINK_AUTHOR]))
        return refuse(LINK_AUTHOR, "a user's id", err);
    if (values[LINK_QUERY].n > QUERY_WORDS_MAX_BYTES)
        return ry_fail(err, RY_EINVAL, "q may have at most %d bytes", QUERY_WORDS_MAX_BYTES);
    if (!ry_str_is_utf8(values[LINK_QUERY]))
        return refuse(LINK_QUERY, "text in UTF-8", err);
    get->guild_id = values[LINK_GUILD];
    get->channel_id = values[LINK_CHANNEL];
    get->author_id = values[LINK_AUTHOR];
    get->query = values[LINK_QUERY];
    return RY_OK;
}

static int read_place(const struct links *links, struct ry_gallery_get *get, struct ry_error *err)
{
    struct ry_str cursor = links->values[LINK_CURSOR];
    if (links->values[LINK_BEFORE].n > 0 && !read_cursor(links->values[LINK_BEFORE], get))
        return ry_fail(err, RY_EINVAL, "before is not a cursor of this archive; start again without it");
    if (cursor.n > QUERY_CURSOR_MAX_BYTES || !ry_str_is_utf8(cursor))
        return ry_fail(err, RY_EINVAL, "cursor is not one of this archive; start again without it");
    get->cursor = cursor;
    get->backwards = cursor.n > 0 && ry_str_is(links->values[LINK_BACKWARDS], "1");
    return RY_OK;
}

int query_read(const struct links *links, struct ry_str limit, struct ry_gallery_get *get, struct ry_error *err)
{
    *get = (struct ry_gallery_get){.limit = QUERY_LIMIT_DEFAULT, .before_wall_ms = INT64_MAX, .count = true};
    /* An empty argument is what a form sends for a field left alone. */
    struct links given = *links;
    for (unsigned arg = 0; arg < LINK_COUNT; arg++)
        if (given.values[arg].n == 0)
            given.values[arg] = (struct ry_str){NULL, 0};
    if (limit.n > 0 && (!ry_str_u64(limit, &get->limit) || get->limit < 1 || get->limit > QUERY_LIMIT_MAX))
        return ry_fail(err, RY_EINVAL, "limit must be a number from 1 to %d", QUERY_LIMIT_MAX);
    int rc = read_ids(&given, get, err);
    if (rc == RY_OK)
        rc = read_choices(&given, get, err);
    if (rc == RY_OK)
        rc = read_ranges(&given, get, err);
    return rc == RY_OK ? read_place(&given, get, err) : rc;
}

struct ry_facets_get query_facets(const struct ry_gallery_get *get)
{
    return (struct ry_facets_get){.limit = QUERY_FACETS_MAX,
                                  .query = get->query,
                                  .guild_id = get->guild_id,
                                  .channel_id = get->channel_id,
                                  .status = get->status,
                                  .author_id = get->author_id,
                                  .duration_min_ms = get->duration_min_ms,
                                  .duration_max_ms = get->duration_max_ms,
                                  .bytes_min = get->bytes_min,
                                  .bytes_max = get->bytes_max,
                                  .from_wall_ms = get->from_wall_ms,
                                  .to_wall_ms = get->to_wall_ms,
                                  .orientation = get->orientation,
                                  .kept = get->kept};
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
    return ry_store_name_check(path, NULL) == RY_STORE_THUMBNAIL;
}

bool query_is_sheet(struct ry_str path)
{
    return ry_store_name_check(path, NULL) == RY_STORE_SHEET;
}

bool query_is_web_url(struct ry_str url)
{
    return ry_str_starts(url, RY_STR("https://")) || ry_str_starts(url, RY_STR("http://"));
}
