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

static int put_attachments(struct ry_json_writer *writer, const struct ry_json *attachments,
                           struct ry_export_media *media, void (*put_aside)(void *arg, const char *reason), void *arg)
{
    int n = 0;
    const struct ry_json *attachment = NULL;
    struct ry_json_walk walk = ry_json_walk(attachments);
    ry_json_put_array(writer, "attachments");
    while (ry_json_next(&walk, &attachment)) {
        struct ry_error why;
        if (put_attachment(writer, attachment, media, &why) == RY_OK)
            n++;
        else
            put_aside(arg, why.text);
    }
    ry_json_put_end(writer);
    return n;
}

static int convert(const struct ry_json *message, struct ry_export_media *media, struct ry_buf *out,
                   void (*put_aside)(void *arg, const char *reason), void *arg, struct ry_error *err)
{
    char digits[RY_JSON_DIGITS_BYTES];
    char content_digits[RY_JSON_DIGITS_BYTES];
    const struct ry_json *attachments = member_of(message, "attachments", RY_JSON_ARRAY);
    const struct ry_json *forwarded = member_of(message, "forwardedMessage", RY_JSON_OBJECT);
    struct ry_str content = ry_json_text(message, "content", content_digits);
    if (ry_json_count(attachments) == 0 && forwarded != NULL) {
        attachments = member_of(forwarded, "attachments", RY_JSON_ARRAY);
        content = content.n > 0 ? content : ry_json_text(forwarded, "content", content_digits);
    }
    if (ry_json_count(attachments) == 0)
        return 0;
    struct ry_str id = ry_json_text(message, "id", digits);
    if (!ry_str_is_snowflake(id))
        return ry_fail(err, RY_EINVAL, "id is not a snowflake");
    struct ry_str timestamp = ry_json_get_str(message, "timestamp");
    int64_t wall_ms = 0;
    if (timestamp.p != NULL && !ry_time_parse(timestamp, &wall_ms))
        return ry_fail(err, RY_EINVAL, "timestamp is not an ISO 8601 time");
    struct ry_json_writer writer = ry_json_writer(out, false);
    ry_json_put_object(&writer, NULL);
    ry_json_put_str(&writer, "id", id);
    put_text(&writer, "timestamp", timestamp);
    put_text(&writer, "content", content);
    int rc = put_author(&writer, message, media, err);
    if (rc != RY_OK)
        return rc;
    int n = put_attachments(&writer, attachments, media, put_aside, arg);
    ry_json_put_end(&writer);
    return out->failed ? ry_fail(err, RY_ELIMIT, "the message does not fit into a job") : n;
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
    rc = convert(message, media, out, put_aside, arg, err);
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
