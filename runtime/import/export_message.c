/* export_message.c: names of one program's JSON into names of another's. Pure, but for the look at the file system that
 * tells how a path is to be read. */
#include "runtime/import/export_message.h"

#include "proto/message.h"
#include "runtime/base/clock.h"
#include "runtime/json/read.h"
#include "runtime/json/writer.h"

#include <inttypes.h>
#include <stdio.h>

#define URL_MAX_BYTES ((size_t)64 * 1024)

static const struct ry_json *member_of(const struct ry_json *object, const char *name, enum ry_json_type type)
{
    const struct ry_json *value = ry_json_get(object, name);
    return ry_json_is(value, type) ? value : NULL;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A member, when there is one. */
static void put_text(struct ry_json_writer *writer, const char *name, struct ry_str value)
{
    if (value.p != NULL)
        ry_json_put_str(writer, name, value);
}

static void put_url(struct ry_json_writer *writer, const char *name, struct ry_export_media *media, struct ry_str url)
{
    RY_BUF_AUTO absolute = ry_buf_make(URL_MAX_BYTES);
    ry_export_url(media, url, &absolute);
    put_text(writer, name, ry_buf_str(&absolute));
}

static int put_author(struct ry_json_writer *writer, const struct ry_json *message, struct ry_export_media *media,
                      struct ry_error *err)
{
    char id_digits[RY_JSON_DIGITS_BYTES];
    char name_digits[RY_JSON_DIGITS_BYTES];
    char nick_digits[RY_JSON_DIGITS_BYTES];
    char discriminator_digits[RY_JSON_DIGITS_BYTES];
    const struct ry_json *author = member_of(message, "author", RY_JSON_OBJECT);
    if (author == NULL)
        return ry_fail(err, RY_EINVAL, "author is missing");
    struct ry_str id = ry_json_text(author, "id", id_digits);
    if (!ry_str_is_snowflake(id))
        return ry_fail(err, RY_EINVAL, "author.id '%.*s' is not a snowflake", RY_STR_ARG(ry_json_cut(id, 40)));
    struct ry_str name = ry_json_text(author, "name", name_digits);
    if (name.p == NULL)
        return ry_fail(err, RY_EINVAL, "author.name is missing");
    struct ry_str discriminator = ry_json_text(author, "discriminator", discriminator_digits);
    if (discriminator.n == 0 || discriminator.n > 4 || ry_str_is(discriminator, "0000"))
        discriminator = RY_STR("0");
    ry_json_put_object(writer, "author");
    ry_json_put_str(writer, "id", id);
    ry_json_put_str(writer, "username", name);
    ry_json_put_str(writer, "discriminator", discriminator);
    struct ry_str avatar_url = ry_json_get_str(author, "avatarUrl");
    if (avatar_url.n > 0)
        put_url(writer, "avatar_url", media, avatar_url);
    ry_json_put_end(writer);
    /* What the guild saw: the export prints the name itself where there was no nickname. */
    struct ry_str nick = ry_json_text(author, "nickname", nick_digits);
    if (nick.n > 0 && !ry_str_eq(nick, name)) {
        ry_json_put_object(writer, "member");
        ry_json_put_str(writer, "nick", nick);
        ry_json_put_end(writer);
    }
    return RY_OK;
}

/* Bytes of the file; 0, unknown, for what can be no size: negative, with a fraction, no number, or far too large. */
static uint64_t size_of(const struct ry_json *attachment)
{
    uint64_t bytes = 0;
    return ry_json_u64(ry_json_get(attachment, "fileSizeBytes"), &bytes) && bytes <= RY_CLIP_BYTES_MAX ? bytes : 0;
}

static int put_attachment(struct ry_json_writer *writer, const struct ry_json *attachment,
                          struct ry_export_media *media, struct ry_error *err)
{
    char digits[RY_JSON_DIGITS_BYTES];
    if (!ry_json_is(attachment, RY_JSON_OBJECT))
        return ry_fail(err, RY_EINVAL, "an attachment is not an object");
    struct ry_str id = ry_json_text(attachment, "id", digits);
    if (!ry_str_is_snowflake(id))
        return ry_fail(err, RY_EINVAL, "attachment id '%.*s' is not a snowflake", RY_STR_ARG(ry_json_cut(id, 40)));
    struct ry_str filename = ry_json_get_str(attachment, "fileName");
    struct ry_str url = ry_json_get_str(attachment, "url");
    if (filename.n == 0 || url.n == 0)
        return ry_fail(err, RY_EINVAL, "attachment %.*s has no %s", RY_STR_ARG(id), url.n == 0 ? "url" : "fileName");
    ry_json_put_object(writer, NULL);
    ry_json_put_str(writer, "id", id);
    ry_json_put_str(writer, "filename", filename);
    ry_json_put_u64(writer, "size", size_of(attachment));
    put_url(writer, "url", media, url);
    ry_json_put_end(writer);
    return RY_OK;
}

/* What a message is converted with. */
struct convert {
    struct ry_json_writer writer;
    struct ry_export_media *media;
    void (*put_aside)(void *arg, const char *reason);
    void *arg;
};

/* How many were written. */
static int put_attachments(struct convert *convert, const struct ry_json *attachments)
{
    int n = 0;
    const struct ry_json *attachment = NULL;
    struct ry_json_walk walk = ry_json_walk(attachments);
    ry_json_put_array(&convert->writer, "attachments");
    while (ry_json_next(&walk, &attachment)) {
        struct ry_error why;
        if (put_attachment(&convert->writer, attachment, convert->media, &why) == RY_OK)
            n++;
        else
            convert->put_aside(convert->arg, why.text);
    }
    ry_json_put_end(&convert->writer);
    return n;
}

/* The video of an embed; NULL: it has none. `url` is where it is, on this machine if the exporter downloaded it, and
 * `canonicalUrl` where it was published. */
static const struct ry_json *video_of(const struct ry_json *embed)
{
    const struct ry_json *video = ry_json_get(embed, "video");
    return ry_json_get_str(video, "url").n > 0 ? video : NULL;
}

static int count_videos(const struct ry_json *embeds)
{
    int n = 0;
    const struct ry_json *embed = NULL;
    struct ry_json_walk walk = ry_json_walk(embeds);
    while (ry_json_next(&walk, &embed))
        n += video_of(embed) != NULL;
    return n;
}

/* The embeds that have videos: Discord's url is where it was published, its proxy_url another place of it. */
static void put_embeds(struct convert *convert, const struct ry_json *embeds)
{
    const struct ry_json *embed = NULL;
    struct ry_json_walk walk = ry_json_walk(embeds);
    struct ry_json_writer *writer = &convert->writer;
    if (count_videos(embeds) == 0)
        return;
    ry_json_put_array(writer, "embeds");
    while (ry_json_next(&walk, &embed)) {
        const struct ry_json *video = video_of(embed);
        if (video == NULL)
            continue;
        struct ry_str canonical = ry_json_get_str(video, "canonicalUrl");
        ry_json_put_object(writer, NULL);
        ry_json_put_object(writer, "video");
        if (canonical.n > 0)
            ry_json_put_str(writer, "url", canonical);
        put_url(writer, canonical.n > 0 ? "proxy_url" : "url", convert->media, ry_json_get_str(video, "url"));
        ry_json_put_end(writer);
        ry_json_put_end(writer);
    }
    ry_json_put_end(writer);
}

/* A member that holds an id, if it does. */
static void put_id(struct ry_json_writer *writer, const char *name, const struct ry_json *object, const char *from)
{
    char digits[RY_JSON_DIGITS_BYTES];
    struct ry_str id = ry_json_text(object, from, digits);
    if (ry_str_is_snowflake(id))
        ry_json_put_str(writer, name, id);
}

/* Which message is forwarded or replied to. */
static void put_reference(struct ry_json_writer *writer, const struct ry_json *message, bool forward)
{
    const struct ry_json *reference = member_of(message, "reference", RY_JSON_OBJECT);
    char digits[RY_JSON_DIGITS_BYTES];
    struct ry_str type = ry_json_text(message, "type", digits);
    bool reply = !forward && (ry_str_is(type, "Reply") || ry_str_is(type, "19"));
    if (reference == NULL || (!forward && !reply))
        return;
    if (reply)
        ry_json_put_u64(writer, "type", 19);
    ry_json_put_object(writer, "message_reference");
    ry_json_put_u64(writer, "type", forward ? 1 : 0);
    put_id(writer, "message_id", reference, "messageId");
    put_id(writer, "channel_id", reference, "channelId");
    put_id(writer, "guild_id", reference, "guildId");
    ry_json_put_end(writer);
}

/* The forwarded message. How many attachments and videos of embeds it has. */
static int put_forwarded(struct convert *convert, const struct ry_json *forwarded)
{
    char digits[RY_JSON_DIGITS_BYTES];
    const struct ry_json *embeds = member_of(forwarded, "embeds", RY_JSON_ARRAY);
    ry_json_put_array(&convert->writer, "message_snapshots");
    ry_json_put_object(&convert->writer, NULL);
    ry_json_put_object(&convert->writer, "message");
    put_text(&convert->writer, "content", ry_json_text(forwarded, "content", digits));
    int n = put_attachments(convert, member_of(forwarded, "attachments", RY_JSON_ARRAY)) + count_videos(embeds);
    put_embeds(convert, embeds);
    ry_json_put_end(&convert->writer);
    ry_json_put_end(&convert->writer);
    ry_json_put_end(&convert->writer);
    return n;
}

/* Whether anything of it may be a video. */
static bool has_files(const struct ry_json *message)
{
    const struct ry_json *forwarded = member_of(message, "forwardedMessage", RY_JSON_OBJECT);
    return ry_json_count(member_of(message, "attachments", RY_JSON_ARRAY)) > 0 ||
           ry_json_count(member_of(forwarded, "attachments", RY_JSON_ARRAY)) > 0 ||
           count_videos(member_of(message, "embeds", RY_JSON_ARRAY)) > 0 ||
           count_videos(member_of(forwarded, "embeds", RY_JSON_ARRAY)) > 0;
}

/* Checks the message's own fields; id, timestamp, edited: as they are to be written. */
static int read_head(const struct ry_json *message, struct ry_str *id, char digits[RY_JSON_DIGITS_BYTES],
                     struct ry_str *timestamp, struct ry_str *edited, struct ry_error *err)
{
    int64_t wall_ms = 0;
    *id = ry_json_text(message, "id", digits);
    *timestamp = ry_json_get_str(message, "timestamp");
    *edited = ry_json_get_str(message, "timestampEdited");
    if (!ry_str_is_snowflake(*id))
        return ry_fail(err, RY_EINVAL, "id is not a snowflake");
    if (timestamp->p != NULL && !ry_time_parse(*timestamp, &wall_ms))
        return ry_fail(err, RY_EINVAL, "timestamp is not an ISO 8601 time");
    return RY_OK;
}

static int convert_message(const struct ry_json *message, struct convert *convert, struct ry_error *err)
{
    char digits[RY_JSON_DIGITS_BYTES];
    char content_digits[RY_JSON_DIGITS_BYTES];
    struct ry_str id, timestamp, edited;
    const struct ry_json *forwarded = member_of(message, "forwardedMessage", RY_JSON_OBJECT);
    const struct ry_json *embeds = member_of(message, "embeds", RY_JSON_ARRAY);
    struct ry_json_writer *writer = &convert->writer;
    if (!has_files(message))
        return 0;
    int rc = read_head(message, &id, digits, &timestamp, &edited, err);
    if (rc != RY_OK)
        return rc;
    ry_json_put_object(writer, NULL);
    ry_json_put_str(writer, "id", id);
    put_text(writer, "timestamp", timestamp);
    if (edited.n > 0)
        put_text(writer, "edited_timestamp", edited);
    if (ry_json_true(ry_json_get(message, "isPinned")))
        ry_json_put_bool(writer, "pinned", true);
    put_text(writer, "content", ry_json_text(message, "content", content_digits));
    rc = put_author(writer, message, convert->media, err);
    if (rc != RY_OK)
        return rc;
    int n = put_attachments(convert, member_of(message, "attachments", RY_JSON_ARRAY)) + count_videos(embeds);
    put_embeds(convert, embeds);
    put_reference(writer, message, forwarded != NULL);
    if (forwarded != NULL)
        n += put_forwarded(convert, forwarded);
    ry_json_put_end(writer);
    return n;
}

int ry_export_convert(struct ry_str text, struct ry_export_media *media, struct ry_buf *out,
                      void (*put_aside)(void *arg, const char *reason), void *arg, struct ry_error *err)
{
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *message = NULL;
    int rc = ry_json_parse_object(text, &doc, &message, err);
    if (rc != RY_OK)
        return rc;
    size_t before = out->n;
    struct convert convert = {.writer = ry_json_writer(out, false), .media = media, .put_aside = put_aside, .arg = arg};
    rc = convert_message(message, &convert, err);
    if (rc >= 0 && out->failed)
        rc = ry_fail(err, RY_ELIMIT, "the message does not fit into a job");
    if (rc <= 0) {
        out->n = before;
        out->failed = false;
    }
    return rc;
}

void ry_export_message_id(struct ry_str text, char id[24])
{
    static const char NAME[] = "\"id\"";
    id[0] = '\0';
    const char *end = text.p + text.n;
    const char *p = text.p ? memmem(text.p, text.n, NAME, sizeof NAME - 1) : NULL;
    if (p == NULL)
        return;
    p += sizeof NAME - 1;
    while (p < end && strchr(": \t\r\n\"", *p) != NULL)
        p++;
    size_t n = 0;
    for (; p < end && n < 23 && strchr("\",}\n", *p) == NULL; p++)
        id[n++] = *p >= 0x20 && *p < 0x7f ? *p : '?';
    id[n] = '\0';
}
