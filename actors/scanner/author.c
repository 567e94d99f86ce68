/* author.c: names and avatar URLs by Discord's rules. Pure.
 * Source: https://discord.com/developers/docs/reference#image-formatting */
#include "actors/scanner/author.h"

#include "runtime/json/read.h"

#include <inttypes.h>

/* Limits of author_row in proto/messages.def. Names are cut to them, URLs left out. */
#define NAME_MAX_BYTES          ((size_t)400)
#define URL_MAX_BYTES           ((size_t)2048)
#define DISCRIMINATOR_MAX_BYTES ((size_t)4)

#define IMAGE_HASH_MAX_BYTES ((size_t)128)

struct author {
    struct ry_str id;
    struct ry_str username;
    struct ry_str discriminator;
    struct ry_str global_name;
    struct ry_str avatar;
    struct ry_str avatar_url;
    struct ry_str nick;
    struct ry_str guild_avatar;
};

bool scan_is_image_hash(struct ry_str hash)
{
    bool good = hash.n > 0 && hash.n <= IMAGE_HASH_MAX_BYTES;
    for (size_t i = 0; good && i < hash.n; i++) {
        char c = hash.p[i];
        good = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
    }
    return good;
}

static int read_hash(const struct ry_json *object, const char *where, struct ry_str *out, struct ry_error *err)
{
    int rc = ry_json_read_str(object, where, "avatar", false, out, err);
    if (rc != RY_OK || out->p == NULL)
        return rc;
    return scan_is_image_hash(*out) ? RY_OK : ry_fail(err, RY_EINVAL, "%savatar is not an image hash", where);
}

static int read_author(const struct ry_json *object, const struct ry_json *member, bool given_urls,
                       struct author *author, struct ry_error *err)
{
    int rc = ry_json_read_id(object, "author.", "id", true, &author->id, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "author.", "username", true, &author->username, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "author.", "discriminator", false, &author->discriminator, err);
    if (rc == RY_OK && author->discriminator.n > DISCRIMINATOR_MAX_BYTES)
        rc = ry_fail(err, RY_EINVAL, "author.discriminator is longer than 4 bytes");
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "author.", "global_name", false, &author->global_name, err);
    if (rc == RY_OK)
        rc = read_hash(object, "author.", &author->avatar, err);
    if (rc == RY_OK && given_urls)
        rc = ry_json_read_str(object, "author.", "avatar_url", false, &author->avatar_url, err);
    if (rc != RY_OK || member == NULL)
        return rc;
    rc = ry_json_read_str(member, "member.", "nick", false, &author->nick, err);
    if (rc == RY_OK)
        rc = read_hash(member, "member.", &author->guild_avatar, err);
    return rc;
}

static const char *image_type(struct ry_str hash)
{
    return ry_str_starts(hash, RY_STR("a_")) ? "gif" : "png";
}

static struct ry_str user_avatar_url(const struct author *author, struct ry_arena *arena)
{
    if (author->avatar_url.n > 0 && author->avatar_url.n <= URL_MAX_BYTES)
        return ry_arena_str(arena, author->avatar_url);
    if (author->avatar.p == NULL)
        return (struct ry_str){0};
    return ry_arena_printf(arena, "https://cdn.discordapp.com/avatars/%.*s/%.*s.%s?size=1024", RY_STR_ARG(author->id),
                           RY_STR_ARG(author->avatar), image_type(author->avatar));
}

/* One of the pictures that Discord shows for people without one; accounts with a discriminator count differently. */
static struct ry_str embed_avatar_url(const struct author *author, struct ry_arena *arena)
{
    uint64_t discriminator = 0;
    uint64_t id = 0;
    ry_str_u64(author->id, &id);
    uint64_t n =
        ry_str_u64(author->discriminator, &discriminator) && discriminator > 0 ? discriminator % 5 : (id >> 22) % 6;
    return ry_arena_printf(arena, "https://cdn.discordapp.com/embed/avatars/%" PRIu64 ".png", n);
}

static struct ry_str guild_avatar_url(const struct author *author, struct ry_str guild_id, struct ry_str user_url,
                                      struct ry_arena *arena)
{
    if (author->guild_avatar.p != NULL)
        return ry_arena_printf(arena, "https://cdn.discordapp.com/guilds/%.*s/users/%.*s/avatars/%.*s.%s?size=1024",
                               RY_STR_ARG(guild_id), RY_STR_ARG(author->id), RY_STR_ARG(author->guild_avatar),
                               image_type(author->guild_avatar));
    return user_url.p != NULL ? user_url : embed_avatar_url(author, arena);
}

static struct ry_str display_name(const struct author *author)
{
    if (author->nick.n > 0)
        return author->nick;
    return author->global_name.n > 0 ? author->global_name : author->username;
}

static struct ry_str keep_name(struct ry_arena *arena, struct ry_str name)
{
    return ry_arena_str(arena, ry_json_cut(name, NAME_MAX_BYTES));
}

int scan_author_read(const struct ry_json *user, const struct ry_json *member, struct ry_str guild_id, bool given_urls,
                     struct ry_arena *arena, struct ry_author_row *row, struct ry_error *err)
{
    struct author author = {0};
    int rc = read_author(user, member, given_urls, &author, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str user_url = user_avatar_url(&author, arena);
    *row = (struct ry_author_row){
        .user_id = ry_arena_str(arena, author.id),
        .username = keep_name(arena, author.username),
        .discriminator = ry_arena_str(arena, author.discriminator.n > 0 ? author.discriminator : RY_STR("0")),
        .avatar_url = user_url,
        .nickname = keep_name(arena, author.nick),
        .display_name = keep_name(arena, display_name(&author)),
        .guild_avatar_url = guild_avatar_url(&author, guild_id, user_url, arena),
    };
    if (row->user_id.p == NULL || row->username.p == NULL || row->discriminator.p == NULL ||
        row->display_name.p == NULL || row->guild_avatar_url.p == NULL)
        return ry_fail(err, RY_ENOMEM, "the job's rows are larger than allowed");
    return RY_OK;
}
