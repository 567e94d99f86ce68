/* export_message.c: names of one program's JSON into names of another's. Pure, but for the look at the file system that
 * tells how a path is to be read. */
#include "runtime/cli/export_message.h"

#include "runtime/base/clock.h"
#include "runtime/cli/export_url.h"

#include <inttypes.h>

#define DEPTH_MAX     64
#define URL_MAX_BYTES ((size_t)64 * 1024)

void ry_export_json_str(struct ry_buf *out, struct ry_str s)
{
    ry_buf_add(out, "\"", 1);
    size_t plain = 0; /* first byte that is not yet written */
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        ry_buf_add(out, s.p + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\')
            ry_buf_addf(out, "\\%c", c);
        else
            ry_buf_addf(out, "\\u%04x", c);
    }
    if (s.n > plain)
        ry_buf_add(out, s.p + plain, s.n - plain);
    ry_buf_add(out, "\"", 1);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int parse(struct ry_str text, struct json_object **value, struct ry_error *err)
{
    *value = NULL;
    if (!ry_str_is_utf8(text)) /* json-c's own check lets overlong forms and surrogates pass */
        return ry_fail(err, RY_EINVAL, "not JSON: the text is not UTF-8");
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to read a message");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    *value = json_tokener_parse_ex(tokener, text.p, (int)text.n);
    enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t at = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (code == json_tokener_success && json_object_is_type(*value, json_type_object))
        return RY_OK;
    json_object_put(*value);
    *value = NULL;
    if (code == json_tokener_success || code == json_tokener_continue)
        return ry_fail(err, RY_EINVAL, "not a JSON object");
    return ry_fail(err, RY_EINVAL, "not JSON: %s, %zu bytes into it", json_tokener_error_desc(code), at);
}

/* A member as text, numbers too (old versions print some); absent when it is missing, null or something else. */
static struct ry_str text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value))
        return (struct ry_str){0};
    if (json_object_is_type(value, json_type_string))
        return (struct ry_str){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    return json_object_is_type(value, json_type_int) ? ry_str_of(json_object_get_string(value)) : (struct ry_str){0};
}

static struct json_object *member_of(struct json_object *object, const char *key, enum json_type type)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, type) ? value : NULL;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Appends "key":"value", when there is one. */
static void add_text(struct ry_buf *out, const char *before, const char *key, struct ry_str value)
{
    if (value.p == NULL)
        return;
    ry_buf_addf(out, "%s\"%s\":", before, key);
    ry_export_json_str(out, value);
}

static void add_url(struct ry_buf *out, const char *before, const char *key, const char *folder, struct ry_str url)
{
    RY_BUF_AUTO absolute = ry_buf_make(URL_MAX_BYTES);
    ry_export_url(folder, url, &absolute);
    add_text(out, before, key, ry_buf_str(&absolute));
}

static int add_author(struct ry_buf *out, struct json_object *message, const char *folder, struct ry_error *err)
{
    struct json_object *author = member_of(message, "author", json_type_object);
    if (author == NULL)
        return ry_fail(err, RY_EINVAL, "author is missing");
    struct ry_str id = text_of(author, "id");
    if (!ry_str_is_snowflake(id))
        return ry_fail(err, RY_EINVAL, "author.id '%.*s' is no snowflake", (int)(id.n < 40 ? id.n : 40),
                       id.p ? id.p : "");
    struct ry_str name = text_of(author, "name");
    if (name.p == NULL)
        return ry_fail(err, RY_EINVAL, "author.name is missing");
    struct ry_str discriminator = text_of(author, "discriminator");
    if (discriminator.n == 0 || discriminator.n > 4 || ry_str_is(discriminator, "0000"))
        discriminator = RY_STR("0");
    ry_buf_add_str(out, RY_STR(",\"author\":{"));
    add_text(out, "", "id", id);
    add_text(out, ",", "username", name);
    add_text(out, ",", "discriminator", discriminator);
    struct ry_str avatar_url = text_of(author, "avatarUrl");
    if (avatar_url.n > 0)
        add_url(out, ",", "avatar_url", folder, avatar_url);
    ry_buf_add_str(out, RY_STR("}"));
    /* What the guild saw: the export prints the name itself where there was no nickname. */
    struct ry_str nick = text_of(author, "nickname");
    if (nick.n > 0 && !ry_str_eq(nick, name)) {
        ry_buf_add_str(out, RY_STR(",\"member\":{"));
        add_text(out, "", "nick", nick);
        ry_buf_add_str(out, RY_STR("}"));
    }
    return RY_OK;
}

static int add_attachment(struct ry_buf *out, struct json_object *attachment, const char *folder, struct ry_error *err)
{
    if (!json_object_is_type(attachment, json_type_object))
        return ry_fail(err, RY_EINVAL, "an attachment is not an object");
    struct ry_str id = text_of(attachment, "id");
    if (!ry_str_is_snowflake(id))
        return ry_fail(err, RY_EINVAL, "attachment id '%.*s' is no snowflake", (int)(id.n < 40 ? id.n : 40),
                       id.p ? id.p : "");
    struct ry_str filename = text_of(attachment, "fileName");
    struct ry_str url = text_of(attachment, "url");
    if (filename.n == 0 || url.n == 0)
        return ry_fail(err, RY_EINVAL, "attachment %.*s has no %s", RY_STR_ARG(id), url.n == 0 ? "url" : "fileName");
    struct json_object *size = member_of(attachment, "fileSizeBytes", json_type_int);
    int64_t size_bytes = size ? json_object_get_int64(size) : 0;
    add_text(out, "{", "id", id);
    add_text(out, ",", "filename", filename);
    ry_buf_addf(out, ",\"size\":%" PRId64, size_bytes > 0 ? size_bytes : 0);
    add_url(out, ",", "url", folder, url);
    ry_buf_add(out, "}", 1);
    return RY_OK;
}

static int add_attachments(struct ry_buf *out, struct json_object *attachments, const char *folder,
                           void (*put_aside)(void *arg, const char *reason), void *arg)
{
    int n = 0;
    ry_buf_add_str(out, RY_STR(",\"attachments\":["));
    for (size_t i = 0; i < json_object_array_length(attachments); i++) {
        size_t before = out->n;
        struct ry_error why;
        if (n > 0)
            ry_buf_add(out, ",", 1);
        if (add_attachment(out, json_object_array_get_idx(attachments, i), folder, &why) == RY_OK) {
            n++;
        } else {
            out->n = before;
            put_aside(arg, why.text);
        }
    }
    ry_buf_add(out, "]", 1);
    return n;
}

static bool is_filled(struct json_object *array)
{
    return array != NULL && json_object_array_length(array) > 0;
}

static int convert(struct json_object *message, const char *folder, struct ry_buf *out,
                   void (*put_aside)(void *arg, const char *reason), void *arg, struct ry_error *err)
{
    struct json_object *attachments = member_of(message, "attachments", json_type_array);
    struct json_object *forwarded = member_of(message, "forwardedMessage", json_type_object);
    struct ry_str content = text_of(message, "content");
    if (!is_filled(attachments) && forwarded != NULL) {
        attachments = member_of(forwarded, "attachments", json_type_array);
        content = content.n > 0 ? content : text_of(forwarded, "content");
    }
    if (!is_filled(attachments))
        return 0;
    struct ry_str id = text_of(message, "id");
    if (!ry_str_is_snowflake(id))
        return ry_fail(err, RY_EINVAL, "id is no snowflake");
    struct ry_str timestamp = text_of(message, "timestamp");
    int64_t wall_ms = 0;
    if (timestamp.p != NULL && !ry_time_parse(timestamp, &wall_ms))
        return ry_fail(err, RY_EINVAL, "timestamp is no ISO 8601 time");
    add_text(out, "{", "id", id);
    add_text(out, ",", "timestamp", timestamp);
    add_text(out, ",", "content", content);
    int rc = add_author(out, message, folder, err);
    if (rc != RY_OK)
        return rc;
    int n = add_attachments(out, attachments, folder, put_aside, arg);
    ry_buf_add(out, "}", 1);
    return out->failed ? ry_fail(err, RY_ELIMIT, "the message does not fit into a job") : n;
}

int ry_export_convert(struct ry_str text, const char *folder, struct ry_buf *out,
                      void (*put_aside)(void *arg, const char *reason), void *arg, struct ry_error *err)
{
    struct json_object *message = NULL;
    int rc = parse(text, &message, err);
    if (rc != RY_OK)
        return rc;
    size_t before = out->n;
    rc = convert(message, folder, out, put_aside, arg, err);
    json_object_put(message);
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
