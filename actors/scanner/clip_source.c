/* clip_source.c: references, embeds and placeholders of messages. */
#include "actors/scanner/clip_source.h"

#include "proto/direct_guild.h"
#include "runtime/base/file_url.h"
#include "runtime/json/read.h"

#define FILENAME_MAX_BYTES    ((size_t)255)
#define PLACEHOLDER_MAX_BYTES ((size_t)64)

/* ---- links ------------------------------------------------------------------------------------------------------- */

struct ry_str clip_source_link(const struct ry_json *reference, struct ry_str guild_id, struct ry_arena *arena)
{
    struct ry_str channel = ry_json_get_str(reference, "channel_id");
    struct ry_str message = ry_json_get_str(reference, "message_id");
    struct ry_str guild = ry_json_get_str(reference, "guild_id");
    if (!ry_str_is_snowflake(channel) || !ry_str_is_snowflake(message))
        return (struct ry_str){0};
    if (!ry_str_is_snowflake(guild))
        guild = guild_id;
    if (!ry_str_is_snowflake(guild) || ry_str_is(guild, RY_DIRECT_GUILD_ID))
        guild = RY_STR("@me");
    return ry_arena_printf(arena, "https://discord.com/channels/%.*s/%.*s/%.*s", RY_STR_ARG(guild), RY_STR_ARG(channel),
                           RY_STR_ARG(message));
}

/* ---- embeds ------------------------------------------------------------------------------------------------------ */

static bool is_file(struct ry_str url)
{
    return ry_str_starts(url, RY_STR("file://"));
}

static bool is_remote(struct ry_str url)
{
    return ry_str_starts(url, RY_STR("https://")) || ry_str_starts(url, RY_STR("http://"));
}

/* The part between the scheme and the path, in a URL with both. */
static struct ry_str host_of(struct ry_str url)
{
    const char *at = memmem(url.p, url.n, "://", 3);
    if (at == NULL)
        return (struct ry_str){0};
    at += 3;
    const char *end = url.p + url.n;
    size_t n = 0;
    while (at + n < end && strchr("/?#", at[n]) == NULL)
        n++;
    return (struct ry_str){at, n};
}

/* Pictures that move and are sent in the place of words. */
static bool is_gif_host(struct ry_str host)
{
    static const char *const domains[] = {"tenor.com", "tenor.co", "giphy.com"};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        struct ry_str domain = ry_str_of(domains[i]);
        if (ry_str_ends(host, domain, true) && (host.n == domain.n || host.p[host.n - domain.n - 1] == '.'))
            return true;
    }
    return false;
}

/* The last part of a URL's path, decoded; absent when it is empty, too long or no text. */
static struct ry_str name_of(struct ry_str url, struct ry_arena *arena)
{
    char name[FILENAME_MAX_BYTES];
    size_t end = 0, n = 0;
    while (end < url.n && url.p[end] != '?' && url.p[end] != '#')
        end++;
    size_t from = end;
    while (from > 0 && url.p[from - 1] != '/')
        from--;
    for (size_t i = from; i < end; i++) {
        int byte = ry_percent_byte((struct ry_str){url.p, end}, i);
        if (n == sizeof name)
            return (struct ry_str){0};
        name[n++] = byte >= 0 ? (char)byte : url.p[i];
        i += byte >= 0 ? 2 : 0;
    }
    struct ry_str text = {name, n};
    bool good = n > 0 && ry_str_is_utf8(text) && memchr(name, '\0', n) == NULL && memchr(name, '/', n) == NULL;
    return good ? ry_arena_str(arena, text) : (struct ry_str){0};
}

/* Whether a name has an extension, which is what tells a video. */
static bool has_extension(struct ry_str name)
{
    const char *dot = name.n > 0 ? memrchr(name.p, '.', name.n) : NULL;
    return dot != NULL && dot > name.p && dot < name.p + name.n - 1;
}

bool clip_embed_read(const struct ry_json *embed, bool file_urls, struct ry_arena *arena, struct clip_embed *out)
{
    *out = (struct clip_embed){0};
    const struct ry_json *video = ry_json_get(embed, "video");
    struct ry_str url = ry_json_get_str(video, "url");
    struct ry_str proxy = ry_json_get_str(video, "proxy_url");
    if (url.n == 0 && proxy.n == 0)
        return false;
    if (is_remote(url) && url.n <= CLIP_SOURCE_URL_MAX_BYTES)
        out->page_url = url;
    struct ry_str file = is_file(proxy) ? proxy : is_file(url) ? url : (struct ry_str){0};
    if (file.p == NULL || !file_urls || (is_remote(url) && is_gif_host(host_of(url))))
        return true;
    struct ry_str name = is_remote(url) ? name_of(url, arena) : (struct ry_str){0};
    if (!has_extension(name))
        name = name_of(file, arena);
    if (name.p != NULL) {
        out->url = file;
        out->filename = name;
    }
    return true;
}

/* ---- placeholders ------------------------------------------------------------------------------------------------ */

struct ry_str clip_placeholder(const struct ry_json *attachment)
{
    struct ry_str text = ry_json_get_str(attachment, "placeholder");
    if (text.n == 0 || text.n > PLACEHOLDER_MAX_BYTES || ry_json_get_u64(attachment, "placeholder_version") != 1)
        return (struct ry_str){0};
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool good = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
                    (c == '=' && i + 2 >= text.n);
        if (!good)
            return (struct ry_str){0};
    }
    return text;
}
