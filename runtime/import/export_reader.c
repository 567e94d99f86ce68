/* export_reader.c: the root object of an export.
 *
 * Owns the open file, the scanner over it and the parsed head. The members of the root are passed over value by value;
 * those that are looked at (guild, channel) are parsed, each by itself. */
#include "runtime/import/export_reader.h"

#include "proto/direct_guild.h"
#include "runtime/base/arena.h"
#include "runtime/import/json_scan.h"
#include "runtime/json/read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MEMBER_MAX_BYTES ((size_t)1 << 20)
#define KEY_MAX_BYTES         ((size_t)256)
#define NUMBERS_MAX_BYTES     ((size_t)16 * 1024)

struct ry_export {
    int fd;
    struct json_scan scan;
    uint64_t size;
    char identity[96];
    struct ry_json_doc *guild_doc; /* NULL until it is found */
    struct ry_json_doc *channel_doc;
    const struct ry_json *guild;
    const struct ry_json *channel;
    struct ry_arena numbers; /* members of these two that stand there as numbers, as text */
    struct ry_export_head head;
    uint64_t messages_offset; /* of the byte behind the messages' opening bracket; 0: not found */
    uint64_t index;           /* of the next message */
    bool behind_first;        /* a comma or the closing bracket comes next */
    bool finished;
};

/* An error at an offset of the file. */
static int fail_at(const struct ry_export *reader, struct ry_error *err, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int fail_at(const struct ry_export *reader, struct ry_error *err, uint64_t offset, const char *format, ...)
{
    struct ry_error what;
    va_list args;
    va_start(args, format);
    ry_vfail(&what, RY_EINVAL, format, args);
    va_end(args);
    return ry_fail(err, RY_EINVAL, "%s (line %llu, byte %llu)", what.text,
                   (unsigned long long)json_scan_line(reader->fd, offset), (unsigned long long)offset);
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

/* A member as text; old versions print some numbers where new ones print strings. Absent when missing, null or empty.
 */
static struct ry_str member_text(struct ry_export *reader, const struct ry_json *object, const char *name)
{
    char digits[RY_JSON_DIGITS_BYTES];
    struct ry_str text = ry_json_text(object, name, digits);
    if (text.p == digits)
        text = ry_arena_str(&reader->numbers, text);
    return text.n > 0 ? text : (struct ry_str){0};
}

/* Discord's kinds of channels by name (DiscordChatExporter's ChannelKind) and by number, as the database knows them.
 * Source: https://discord.com/developers/docs/resources/channel#channel-object-channel-types */
static const char *channel_type(struct ry_str kind)
{
    static const struct {
        const char *name;
        const char *number;
        const char *type;
    } KINDS[] = {
        {"GuildVoiceChat", "2", "voice"}, {"GuildStageVoice", "13", "voice"}, {"GuildCategory", "4", "category"},
        {"GuildForum", "15", "forum"},    {"GuildMedia", "16", "forum"},
    };
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (ry_str_is(kind, KINDS[i].name) || ry_str_is(kind, KINDS[i].number))
            return KINDS[i].type;
    return "text";
}

static int read_head(struct ry_export *reader, struct ry_error *err)
{
    if (reader->guild == NULL || reader->channel == NULL || reader->messages_offset == 0)
        return ry_fail(err, RY_EINVAL, "not a DiscordChatExporter export: it has no %s",
                       reader->messages_offset == 0 ? "messages"
                       : reader->guild == NULL      ? "guild"
                                                    : "channel");
    struct ry_export_head *head = &reader->head;
    head->guild_id = member_text(reader, reader->guild, "id");
    head->guild_name = member_text(reader, reader->guild, "name");
    head->guild_icon_url = member_text(reader, reader->guild, "iconUrl");
    head->channel_id = member_text(reader, reader->channel, "id");
    head->channel_name = member_text(reader, reader->channel, "name");
    head->channel_type = channel_type(member_text(reader, reader->channel, "type"));
    head->category_id = member_text(reader, reader->channel, "categoryId");
    head->topic = member_text(reader, reader->channel, "topic");
    if (ry_str_is(head->guild_id, "0")) {
        head->direct = true;
        head->guild_id = RY_STR(RY_DIRECT_GUILD_ID);
        head->guild_name = head->guild_name.p ? head->guild_name : RY_STR(RY_DIRECT_GUILD_NAME);
        head->guild_icon_url = (struct ry_str){0};
    }
    if (!ry_str_is_snowflake(head->guild_id))
        return ry_fail(err, RY_EINVAL, "guild.id '%.*s' is not a snowflake", RY_STR_ARG(head->guild_id));
    if (!ry_str_is_snowflake(head->channel_id))
        return ry_fail(err, RY_EINVAL, "channel.id '%.*s' is not a snowflake", RY_STR_ARG(head->channel_id));
    if (!ry_str_is_snowflake(head->category_id))
        head->category_id = (struct ry_str){0};
    return RY_OK;
}

/* ---- the root object --------------------------------------------------------------------------------------------- */

/* Expects one byte and steps over it. */
static int expect(struct ry_export *reader, char wanted, const char *where, struct ry_error *err)
{
    int c = json_scan_peek(&reader->scan, err);
    if (c == RY_EIO || c == RY_ENOMEM)
        return c;
    if (c == JSON_SCAN_END)
        return fail_at(reader, err, json_scan_offset(&reader->scan), "the file ends %s: the export was cut off", where);
    if (c != wanted)
        return fail_at(reader, err, json_scan_offset(&reader->scan), "'%c' expected %s", wanted, where);
    json_scan_skip(&reader->scan);
    return RY_OK;
}

static int next_value(struct ry_export *reader, size_t max, const char *where, struct json_scan_value *value,
                      struct ry_error *err)
{
    struct ry_error why;
    int rc = json_scan_next(&reader->scan, max, value, &why);
    if (rc != RY_ENOENT && rc != RY_EINVAL)
        return rc == RY_OK ? rc : ry_fail(err, rc, "%s", why.text);
    return fail_at(reader, err, json_scan_offset(&reader->scan), "%s, %s", why.text, where);
}

/* Reads the key and the colon of a member. */
static int read_key(struct ry_export *reader, char key[KEY_MAX_BYTES], struct ry_error *err)
{
    struct json_scan_value value;
    int c = json_scan_peek(&reader->scan, err);
    if (c == RY_EIO || c == RY_ENOMEM)
        return c;
    if (c == JSON_SCAN_END)
        return fail_at(reader, err, json_scan_offset(&reader->scan),
                       "the file ends in its outermost object: the export was cut off");
    if (c != '"')
        return fail_at(reader, err, json_scan_offset(&reader->scan),
                       "a name in quotes expected in the outermost object");
    int rc = next_value(reader, KEY_MAX_BYTES, "in the outermost object", &value, err);
    if (rc != RY_OK)
        return rc;
    size_t n = value.text.n >= 2 ? value.text.n - 2 : 0; /* keys of interest have no escapes */
    snprintf(key, KEY_MAX_BYTES, "%.*s", (int)n, n > 0 ? value.text.p + 1 : "");
    return expect(reader, ':', "behind a name", err);
}

/* Keeps the first parsed object under that name. */
static int read_member(struct ry_export *reader, const char *key, struct ry_error *err)
{
    bool guild = strcmp(key, "guild") == 0 && reader->guild == NULL;
    bool channel = strcmp(key, "channel") == 0 && reader->channel == NULL;
    bool wanted = guild || channel;
    struct json_scan_value value;
    struct ry_error why;
    int rc = next_value(reader, wanted ? HEAD_MEMBER_MAX_BYTES : 0, "in the outermost object", &value, err);
    if (rc != RY_OK || !wanted)
        return rc;
    if (value.text.p == NULL)
        return fail_at(reader, err, value.offset, "%s has more than %zu bytes", key, HEAD_MEMBER_MAX_BYTES);
    rc = ry_json_parse_object(value.text, guild ? &reader->guild_doc : &reader->channel_doc,
                              guild ? &reader->guild : &reader->channel, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "%s", why.text);
    return rc == RY_OK ? RY_OK : fail_at(reader, err, value.offset, "%s: %s", key, why.text);
}

/* Walks the root's members from the next one on. stop: as soon as guild, channel and messages are known. */
static int walk_root(struct ry_export *reader, bool first, bool stop, struct ry_error *err)
{
    char key[KEY_MAX_BYTES];
    int rc = RY_OK;
    for (; rc == RY_OK; first = false) {
        int c = json_scan_peek(&reader->scan, err);
        if (c == '}') {
            json_scan_skip(&reader->scan);
            return RY_OK;
        }
        if (!first)
            rc = expect(reader, ',', "between members of the outermost object", err);
        if (rc == RY_OK)
            rc = read_key(reader, key, err);
        if (rc == RY_OK && strcmp(key, "messages") == 0 && reader->messages_offset == 0) {
            uint64_t before = json_scan_offset(&reader->scan);
            rc = expect(reader, '[', "behind \"messages\"", err);
            reader->messages_offset = json_scan_offset(&reader->scan);
            if (rc == RY_OK && stop && reader->guild != NULL && reader->channel != NULL)
                return RY_OK;
            json_scan_seek(&reader->scan, before);
        }
        if (rc == RY_OK)
            rc = read_member(reader, key, err);
    }
    return rc;
}

static int begin_root(struct ry_export *reader, struct ry_error *err)
{
    unsigned char mark[3];
    if (pread(reader->fd, mark, 3, 0) == 3 && memcmp(mark, "\xef\xbb\xbf", 3) == 0)
        json_scan_seek(&reader->scan, 3);
    int c = json_scan_peek(&reader->scan, err);
    if (c == RY_EIO || c == RY_ENOMEM)
        return c;
    if (c == JSON_SCAN_END)
        return ry_fail(err, RY_EINVAL, "the file is empty");
    if (c != '{')
        return fail_at(reader, err, json_scan_offset(&reader->scan),
                       "not a DiscordChatExporter JSON export: it does not begin with '{'");
    json_scan_skip(&reader->scan);
    int rc = walk_root(reader, true, true, err);
    if (rc == RY_OK)
        rc = read_head(reader, err);
    if (rc == RY_OK)
        json_scan_seek(&reader->scan, reader->messages_offset);
    return rc;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int open_file(struct ry_export *reader, const char *path, struct ry_error *err)
{
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (reader->fd < 0)
        return ry_fail(err,
                       errno == ENOENT   ? RY_ENOENT
                       : errno == EACCES ? RY_EACCES
                                         : RY_EIO,
                       "cannot open it: %s", strerror(errno));
    struct stat st;
    if (fstat(reader->fd, &st) != 0)
        return ry_fail(err, RY_EIO, "cannot look at it: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ry_fail(err, RY_EINVAL, "not a regular file: an import must be able to resume in the middle of it");
    reader->size = (uint64_t)st.st_size;
    snprintf(reader->identity, sizeof reader->identity, "%llx:%llx:%llx:%llx.%lx", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec,
             (unsigned long)st.st_mtim.tv_nsec);
    (void)posix_fadvise(reader->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return json_scan_open(&reader->scan, reader->fd, 0, err);
}

int ry_export_open(const char *path, struct ry_export **out, struct ry_error *err)
{
    struct ry_error why;
    struct ry_export *reader = calloc(1, sizeof *reader);
    *out = reader;
    if (reader == NULL)
        return ry_fail(err, RY_ENOMEM, "%s: no memory", path);
    reader->numbers = ry_arena_make(NUMBERS_MAX_BYTES);
    int rc = open_file(reader, path, &why);
    if (rc == RY_OK)
        rc = begin_root(reader, &why);
    if (rc != RY_OK) {
        ry_export_close(out);
        return ry_fail(err, rc, "%s: %s", path, why.text);
    }
    return RY_OK;
}

void ry_export_close(struct ry_export **reader)
{
    struct ry_export *self = *reader;
    *reader = NULL;
    if (self == NULL)
        return;
    json_scan_close(&self->scan);
    ry_json_free(&self->guild_doc);
    ry_json_free(&self->channel_doc);
    ry_arena_free(&self->numbers);
    if (self->fd >= 0)
        close(self->fd);
    free(self);
}

const struct ry_export_head *ry_export_head(const struct ry_export *reader)
{
    return &reader->head;
}

const char *ry_export_identity(const struct ry_export *reader)
{
    return reader->identity;
}

uint64_t ry_export_size(const struct ry_export *reader)
{
    return reader->size;
}

uint64_t ry_export_offset(const struct ry_export *reader)
{
    return json_scan_offset(&reader->scan);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

void ry_export_seek(struct ry_export *reader, uint64_t offset, uint64_t next_index)
{
    json_scan_seek(&reader->scan, offset);
    reader->index = next_index;
    reader->behind_first = true;
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Whether somewhere in the text there is a member of this name (in quotes), an array or an object, with something in
 * it. Quotes inside strings are escaped, so the name in quotes is only ever found where it is a name (or a whole string,
 * which does no harm). */
static bool has_member(struct ry_str text, struct ry_str name, const char brackets[2])
{
    const char *end = text.p + text.n;
    const char *p = text.p;
    while ((p = memmem(p, (size_t)(end - p), name.p, name.n)) != NULL) {
        p = skip_spaces(p + name.n, end);
        if (p == end || *p != ':')
            continue;
        p = skip_spaces(p + 1, end);
        if (p == end || *p != brackets[0])
            continue;
        p = skip_spaces(p + 1, end);
        if (p < end && *p != brackets[1])
            return true;
    }
    return false;
}

static bool has_files(struct ry_str text)
{
    return has_member(text, RY_STR("\"attachments\""), "[]") || has_member(text, RY_STR("\"video\""), "{}");
}

/* Behind the last message: the rest of the root, and nothing behind it. */
static int finish(struct ry_export *reader, struct ry_error *err)
{
    reader->finished = true;
    int rc = walk_root(reader, false, false, err);
    if (rc != RY_OK)
        return rc;
    int c = json_scan_peek(&reader->scan, err);
    if (c == RY_EIO || c == RY_ENOMEM)
        return c;
    return c == JSON_SCAN_END
               ? 0
               : fail_at(reader, err, json_scan_offset(&reader->scan), "unexpected data after the end of the export");
}

int ry_export_next(struct ry_export *reader, struct ry_export_message *message, struct ry_error *err)
{
    if (reader->finished)
        return 0;
    char where[64];
    snprintf(where, sizeof where, "at message %llu", (unsigned long long)reader->index + 1);
    int c = json_scan_peek(&reader->scan, err);
    if (c == RY_EIO || c == RY_ENOMEM)
        return c;
    if (c == ']') {
        json_scan_skip(&reader->scan);
        return finish(reader, err);
    }
    int rc = reader->behind_first ? expect(reader, ',', where, err) : RY_OK;
    struct json_scan_value value;
    if (rc == RY_OK)
        rc = next_value(reader, RY_EXPORT_MESSAGE_MAX_BYTES, where, &value, err);
    if (rc != RY_OK)
        return rc;
    reader->behind_first = true;
    *message = (struct ry_export_message){.index = reader->index++,
                                          .offset = value.offset,
                                          .end = value.end,
                                          .too_large = value.text.p == NULL,
                                          .has_files = value.text.p != NULL && has_files(value.text),
                                          .text = value.text};
    return 1;
}
