/* store_name.c: the names of the store's files, made and recognised.
 *
 * A name is made from parts that were checked, and a name from outside is believed only if making it from its parts
 * gives the same text again; so no other text than a name of ours ever reaches a file system or a bucket. Extensions
 * come from a closed list for the same reason, and so that a file is never given out as a page or a script. */
#include "proto/store_name.h"

#include <stdio.h>

#include "runtime/base/assert.h"

#define CLIP_ID_DIGITS 32
#define SHA256_DIGITS  (RY_STORE_SHA256_BYTES - 1)
#define SHARD_DIGITS   2 /* of a SHA-256, as a folder's name */

/* The first row of an extension is the MIME type that its files are given out as. */
static const struct media_type {
    const char *extension;
    const char *mime;
} media_types[] = {
    {"mp4", "video/mp4"},        {"mov", "video/quicktime"}, {"webm", "video/webm"},
    {"mkv", "video/x-matroska"}, {"avi", "video/x-msvideo"}, {"wmv", "video/x-ms-wmv"},
    {"flv", "video/x-flv"},      {"ts", "video/mp2t"},       {"mpg", "video/mpeg"},
    {"ogv", "video/ogg"},        {"3gp", "video/3gpp"},      {"3g2", "video/3gpp2"},
    {"m4v", "video/x-m4v"},      {"gif", "image/gif"},       {"mkv", "video/matroska"},
    {"avi", "video/avi"},        {"avi", "video/msvideo"},   {"asf", "video/x-ms-asf"},
    {"wmv", "video/x-ms-asf"},   {"flv", "video/flv"},       {"ts", "video/vnd.dlna.mpeg-tts"},
    {"m2ts", "video/mp2t"},      {"mts", "video/mp2t"},      {"mpeg", "video/mpeg"},
    {"ogg", "video/ogg"},        {"qt", "video/quicktime"},
};

static const char default_extension[] = "bin";

const char *ry_store_folder(enum ry_store_kind kind)
{
    static const char *const folders[RY_STORE_KINDS] = {NULL, "thumbnails", "sheets", "media", "playable"};
    RY_ASSERT(kind > RY_STORE_NONE && kind < RY_STORE_KINDS, "kind %d", (int)kind);
    return folders[kind];
}

static bool is_hex(struct ry_str text, size_t digits)
{
    if (text.n != digits)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
            return false;
    return true;
}

/* ---- extensions -------------------------------------------------------------------------------------------------- */

static bool is_same_folded(struct ry_str text, const char *lower)
{
    return text.n == strlen(lower) && ry_str_ends(text, ry_str_of(lower), true);
}

static const struct media_type *type_of_extension(struct ry_str extension)
{
    for (size_t i = 0; i < sizeof media_types / sizeof *media_types; i++)
        if (is_same_folded(extension, media_types[i].extension))
            return &media_types[i];
    return NULL;
}

/* The text before the first `end`. */
static struct ry_str before(struct ry_str text, char end)
{
    const char *at = text.n > 0 ? memchr(text.p, end, text.n) : NULL;
    return (struct ry_str){text.p, at != NULL ? (size_t)(at - text.p) : text.n};
}

const char *ry_store_extension(struct ry_str mime, struct ry_str file_name)
{
    struct ry_str type = before(mime, ';');
    while (type.n > 0 && type.p[type.n - 1] == ' ')
        type.n--;
    for (size_t i = 0; i < sizeof media_types / sizeof *media_types; i++)
        if (is_same_folded(type, media_types[i].mime))
            return media_types[i].extension;
    const char *dot = file_name.n > 0 ? memrchr(file_name.p, '.', file_name.n) : NULL;
    if (dot == NULL)
        return default_extension;
    struct ry_str extension = {dot + 1, (size_t)(file_name.p + file_name.n - dot) - 1};
    const struct media_type *found = type_of_extension(extension);
    return found != NULL ? found->extension : default_extension;
}

const char *ry_store_name_mime(struct ry_str text)
{
    RY_ASSERT(ry_store_name_check(text, NULL) != RY_STORE_NONE, "%.*s", RY_STR_ARG(text));
    const char *dot = memrchr(text.p, '.', text.n);
    struct ry_str extension = {dot + 1, (size_t)(text.p + text.n - dot) - 1};
    if (ry_str_is(extension, "webp"))
        return "image/webp";
    const struct media_type *found = type_of_extension(extension);
    return found != NULL ? found->mime : "application/octet-stream";
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static int check_clip(struct ry_str guild_id, struct ry_str clip_id, struct ry_error *err)
{
    if (!ry_str_is_snowflake(guild_id))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a guild id", RY_STR_ARG(guild_id));
    if (!is_hex(clip_id, CLIP_ID_DIGITS))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a clip id", RY_STR_ARG(clip_id));
    return RY_OK;
}

int ry_store_name_thumbnail(struct ry_str guild_id, struct ry_str clip_id, struct ry_str size_type, ry_store_name name,
                            struct ry_error *err)
{
    int rc = check_clip(guild_id, clip_id, err);
    if (rc != RY_OK)
        return rc;
    if (!ry_str_is(size_type, "small") && !ry_str_is(size_type, "large"))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a size of a thumbnail", RY_STR_ARG(size_type));
    int n = snprintf(name, RY_STORE_NAME_BYTES, "thumbnails/guild_%.*s/%.*s_%.*s.webp", RY_STR_ARG(guild_id),
                     RY_STR_ARG(clip_id), RY_STR_ARG(size_type));
    RY_ASSERT(n > 0 && n < RY_STORE_NAME_BYTES, "%d bytes", n);
    return RY_OK;
}

int ry_store_name_sheet(struct ry_str guild_id, struct ry_str clip_id, ry_store_name name, struct ry_error *err)
{
    int rc = check_clip(guild_id, clip_id, err);
    if (rc != RY_OK)
        return rc;
    int n =
        snprintf(name, RY_STORE_NAME_BYTES, "sheets/guild_%.*s/%.*s.webp", RY_STR_ARG(guild_id), RY_STR_ARG(clip_id));
    RY_ASSERT(n > 0 && n < RY_STORE_NAME_BYTES, "%d bytes", n);
    return RY_OK;
}

static int name_by_content(const char *folder, struct ry_str sha256, struct ry_str extension, ry_store_name name,
                           struct ry_error *err)
{
    if (!is_hex(sha256, SHA256_DIGITS))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not a SHA-256", RY_STR_ARG(sha256));
    int n = snprintf(name, RY_STORE_NAME_BYTES, "%s/%.*s/%.*s.%.*s", folder, SHARD_DIGITS, sha256.p,
                     SHA256_DIGITS - SHARD_DIGITS, sha256.p + SHARD_DIGITS, RY_STR_ARG(extension));
    RY_ASSERT(n > 0 && n < RY_STORE_NAME_BYTES, "%d bytes", n);
    return RY_OK;
}

int ry_store_name_media(struct ry_str sha256, struct ry_str extension, ry_store_name name, struct ry_error *err)
{
    const struct media_type *type = type_of_extension(extension);
    if (!ry_str_is(extension, default_extension) && (type == NULL || !ry_str_is(extension, type->extension)))
        return ry_fail(err, RY_EINVAL, "'%.*s' is not an extension of kept files", RY_STR_ARG(extension));
    return name_by_content("media", sha256, extension, name, err);
}

int ry_store_name_playable(struct ry_str sha256, ry_store_name name, struct ry_error *err)
{
    return name_by_content("playable", sha256, RY_STR("mp4"), name, err);
}

/* ---- recognising ------------------------------------------------------------------------------------------------- */

/* Takes the bytes up to the next `end` off the front of *rest. */
static struct ry_str cut(struct ry_str *rest, char end)
{
    struct ry_str part = before(*rest, end);
    size_t taken = part.n < rest->n ? part.n + 1 : part.n;
    *rest = (struct ry_str){rest->p + taken, rest->n - taken};
    return part;
}

static bool make_again(enum ry_store_kind kind, struct ry_str folder, struct ry_str file, ry_store_name made)
{
    if (kind == RY_STORE_THUMBNAIL || kind == RY_STORE_SHEET) {
        (void)cut(&folder, '_'); /* guild */
        if (kind == RY_STORE_SHEET)
            return ry_store_name_sheet(folder, cut(&file, '.'), made, NULL) == RY_OK;
        struct ry_str clip_id = cut(&file, '_');
        return ry_store_name_thumbnail(folder, clip_id, cut(&file, '.'), made, NULL) == RY_OK;
    }
    char sha256[RY_STORE_SHA256_BYTES];
    struct ry_str rest = cut(&file, '.');
    if (folder.n != SHARD_DIGITS || rest.n != SHA256_DIGITS - SHARD_DIGITS)
        return false;
    (void)snprintf(sha256, sizeof sha256, "%.*s%.*s", RY_STR_ARG(folder), RY_STR_ARG(rest));
    if (kind == RY_STORE_PLAYABLE)
        return ry_store_name_playable(ry_str_of(sha256), made, NULL) == RY_OK;
    return ry_store_name_media(ry_str_of(sha256), file, made, NULL) == RY_OK;
}

enum ry_store_kind ry_store_name_check(struct ry_str text, char *name)
{
    if (text.n == 0)
        return RY_STORE_NONE;
    struct ry_str file = text;
    struct ry_str top = cut(&file, '/');
    struct ry_str folder = cut(&file, '/');
    ry_store_name made;
    for (int kind = RY_STORE_NONE + 1; kind < RY_STORE_KINDS; kind++) {
        if (!ry_str_is(top, ry_store_folder((enum ry_store_kind)kind)))
            continue;
        if (!make_again((enum ry_store_kind)kind, folder, file, made) || !ry_str_is(text, made))
            return RY_STORE_NONE;
        if (name != NULL)
            memcpy(name, made, sizeof made);
        return (enum ry_store_kind)kind;
    }
    return RY_STORE_NONE;
}

/* The guild's id in a text that may be a name. */
static struct ry_str guild_in(struct ry_str text)
{
    if (text.n == 0)
        return text;
    (void)cut(&text, '_');
    return cut(&text, '/');
}

bool ry_store_name_is_thumbnail_of(struct ry_str text, struct ry_str clip_id, struct ry_str size_type)
{
    ry_store_name name;
    return ry_store_name_thumbnail(guild_in(text), clip_id, size_type, name, NULL) == RY_OK && ry_str_is(text, name);
}

bool ry_store_name_is_sheet_of(struct ry_str text, struct ry_str clip_id)
{
    ry_store_name name;
    return ry_store_name_sheet(guild_in(text), clip_id, name, NULL) == RY_OK && ry_str_is(text, name);
}

bool ry_store_name_sha256(struct ry_str text, char sha256[RY_STORE_SHA256_BYTES])
{
    enum ry_store_kind kind = ry_store_name_check(text, NULL);
    if (kind != RY_STORE_MEDIA && kind != RY_STORE_PLAYABLE)
        return false;
    struct ry_str file = text;
    (void)cut(&file, '/');
    struct ry_str folder = cut(&file, '/');
    (void)snprintf(sha256, RY_STORE_SHA256_BYTES, "%.*s%.*s", RY_STR_ARG(folder), SHA256_DIGITS - SHARD_DIGITS, file.p);
    return true;
}
