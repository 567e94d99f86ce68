/* export_reader_test.c: exports of every shape are read message by message, and what is damaged is named with its
 * place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/buf.h"
#include "runtime/base/file_url.h"
#include "proto/direct_guild.h"
#include "runtime/import/export_message.h"
#include "runtime/import/export_reader.h"
#include "runtime/import/export_url.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUILD "\"guild\":{\"id\":\"1\",\"name\":\"G\",\"iconUrl\":\"https://i\"}"
#define CHANNEL \
    "\"channel\":{\"id\":\"2\",\"type\":\"GuildTextChat\",\"categoryId\":\"3\",\"name\":\"C\",\"topic\":null}"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "/tmp/reelyard-export.XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_export(const char *text, size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static struct ry_export *open_export(const char *text)
{
    struct ry_export *reader = NULL;
    struct ry_error err = {0};
    write_export(text, strlen(text));
    if (ry_export_open(path, &reader, &err) != RY_OK)
        fail_msg("%s", err.text);
    return reader;
}

/* Reads to the end or the error; the texts joined by '|'. */
static int read_all(struct ry_export *reader, struct ry_buf *texts, struct ry_error *err)
{
    struct ry_export_message message;
    int rc = 0;
    while ((rc = ry_export_next(reader, &message, err)) == 1) {
        if (texts->n > 0)
            ry_buf_add(texts, "|", 1);
        ry_buf_add_str(texts, message.too_large ? RY_STR("(too large)") : message.text);
    }
    return rc;
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static void the_head_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "{" GUILD "," CHANNEL ",\"messages\":[{\"id\":\"7\"}],\"messageCount\":1}",
        "\xef\xbb\xbf{" GUILD "," CHANNEL ",\"messages\":[{\"id\":\"7\"}]}",
        " \r\n{ \"x\" : [ 1 , {\"y\":\"]}\"} ] , " GUILD " , " CHANNEL " , \"messages\" : [ {\"id\":\"7\"} ] } \n",
        "{\"messages\":[{\"id\":\"7\"}]," GUILD "," CHANNEL "}",
        "{" GUILD ",\"messages\":[{\"id\":\"7\"}]," CHANNEL ",\"messageCount\":1}",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct ry_export *reader = open_export(CASES[i]);
        const struct ry_export_head *head = ry_export_head(reader);
        assert_true(ry_str_is(head->guild_id, "1"));
        assert_true(ry_str_is(head->guild_name, "G"));
        assert_true(ry_str_is(head->guild_icon_url, "https://i"));
        assert_true(ry_str_is(head->channel_id, "2"));
        assert_true(ry_str_is(head->channel_name, "C"));
        assert_string_equal(head->channel_type, "text");
        assert_true(ry_str_is(head->category_id, "3"));
        assert_null(head->topic.p);
        RY_BUF_AUTO texts = ry_buf_make(4096);
        struct ry_error err = {0};
        assert_int_equal(read_all(reader, &texts, &err), 0);
        assert_string_equal(ry_buf_cstr(&texts), "{\"id\":\"7\"}");
        ry_export_close(&reader);
    }
}

static void a_channel_s_type_is_known_by_name_and_by_number(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"\"GuildTextChat\"", "text"},     {"0", "text"},   {"\"GuildNews\"", "text"},         {"5", "text"},
        {"\"GuildPublicThread\"", "text"}, {"11", "text"},  {"\"GuildVoiceChat\"", "voice"},   {"2", "voice"},
        {"\"GuildStageVoice\"", "voice"},  {"13", "voice"}, {"\"GuildCategory\"", "category"}, {"4", "category"},
        {"\"GuildForum\"", "forum"},       {"15", "forum"}, {"\"Something new\"", "text"},     {"null", "text"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "{" GUILD ",\"channel\":{\"id\":\"2\",\"type\":%s},\"messages\":[]}", CASES[i][0]);
        struct ry_export *reader = open_export(text);
        assert_string_equal(ry_export_head(reader)->channel_type, CASES[i][1]);
        ry_export_close(&reader);
    }
}

/* The heads that DiscordChatExporter writes for a direct chat and for a group, which have no guild. */
static void direct_messages_have_a_guild_of_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *guild_name, *name;
    } CASES[] = {
        {"{\"guild\":{\"id\":\"0\",\"name\":\"Direct Messages\",\"iconUrl\":\"https://cdn.discordapp.com/embed/avatars/"
         "0.png\"},\"channel\":{\"id\":\"822222222222222222\",\"type\":\"DirectTextChat\",\"categoryId\":null,"
         "\"category\":null,\"name\":\"Ann\",\"topic\":null},\"messages\":[]}",
         "Direct Messages", "Ann"},
        {"{\"guild\":{\"id\":\"0\"},\"channel\":{\"id\":\"2\",\"type\":\"DirectGroupTextChat\",\"name\":\"Ann, "
         "Bob\",\"iconUrl\":\"https://i\"},\"messages\":[]}",
         RY_DIRECT_GUILD_NAME, "Ann, Bob"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct ry_export *reader = open_export(CASES[i].text);
        const struct ry_export_head *head = ry_export_head(reader);
        assert_true(head->direct);
        assert_true(ry_str_is(head->guild_id, RY_DIRECT_GUILD_ID));
        assert_true(ry_str_is(head->guild_name, CASES[i].guild_name));
        assert_true(ry_str_is(head->channel_name, CASES[i].name));
        assert_null(head->guild_icon_url.p);
        assert_null(head->category_id.p);
        ry_export_close(&reader);
    }
}

static void what_is_no_export_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", "empty"},
        {" \n ", "empty"},
        {"PK\3\4", "not a DiscordChatExporter JSON export"},
        {"<!DOCTYPE html>", "not a DiscordChatExporter JSON export"},
        {"[]", "not a DiscordChatExporter JSON export"},
        {"{}", "no messages"},
        {"{\"messages\":[]}", "no guild"},
        {"{\"messages\":[]," GUILD "}", "no channel"},
        {"{" GUILD "," CHANNEL "}", "no messages"},
        {"{" GUILD "," CHANNEL ",\"messages\":{}}", "'[' expected behind \"messages\""},
        {"{\"guild\":7,\"messages\":[]}", "guild: not a JSON object"},
        {"{\"guild\":{\"id\":\"x\"}," CHANNEL ",\"messages\":[]}", "guild.id 'x' is not a snowflake"},
        {"{" GUILD ",\"channel\":{\"id\":\"\"},\"messages\":[]}", "channel.id '' is not a snowflake"},
        {"{" GUILD, "cut off (line 1, byte"},
        {"{\n\n" GUILD ",\n x", "a name in quotes expected in the outermost object (line 4"},
        {"{\"guild\":", "ends where a value is expected"},
        {"{\"guild\":}", "no JSON value begins with byte 0x7d"},
        {"{\"guild\" 1}", "':' expected"},
        {"{\"guild\":{\"id\":\"1\"", "in the middle of a value"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct ry_export *reader = NULL;
        struct ry_error err = {0};
        write_export(CASES[i][0], strlen(CASES[i][0]));
        int rc = ry_export_open(path, &reader, &err);
        if (rc != RY_EINVAL || reader != NULL || strstr(err.text, CASES[i][1]) == NULL ||
            strstr(err.text, path) == NULL)
            fail_msg("%s: %d, %s", CASES[i][0], rc, err.text);
    }
}

static void what_is_no_file_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct ry_export *reader = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_export_open("/nonexistent/export.json", &reader, &err), RY_ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/export.json"));
    assert_int_equal(ry_export_open("/tmp", &reader, &err), RY_EINVAL);
    assert_non_null(strstr(err.text, "not a regular file"));
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

#define BEGIN "{" GUILD "," CHANNEL ",\"messages\":["

static void every_message_has_its_bytes_and_its_place(void **state)
{
    (void)state;
    static const char *const MESSAGES[] = {
        "{\"id\":\"1\",\"content\":\"a ] } \\\" b\"}",
        "{\"a\":[[{}],\"\\\\\"],\"b\":\"\\\\\\\"\"}",
        "\"text\"",
        "17",
        "null",
        "[1,[2]]",
        "{\"\\u00e9\":\"\xc3\xa9 \xf0\x9f\x98\x80\"}",
    };
    enum { N = sizeof MESSAGES / sizeof MESSAGES[0] };
    RY_BUF_AUTO text = ry_buf_make(65536);
    uint64_t offsets[N];
    ry_buf_add_str(&text, RY_STR(BEGIN));
    for (size_t i = 0; i < N; i++) {
        ry_buf_addf(&text, "%s\n  ", i > 0 ? " ," : "");
        offsets[i] = text.n;
        ry_buf_add_str(&text, ry_str_of(MESSAGES[i]));
    }
    ry_buf_add_str(&text, RY_STR("\n]}"));
    struct ry_export *reader = open_export(ry_buf_cstr(&text));
    struct ry_export_message message;
    struct ry_error err = {0};
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(ry_export_next(reader, &message, &err), 1);
        assert_true(ry_str_is(message.text, MESSAGES[i]));
        assert_int_equal(message.index, i);
        assert_int_equal(message.offset, offsets[i]);
        assert_int_equal(message.end, offsets[i] + strlen(MESSAGES[i]));
    }
    assert_int_equal(ry_export_next(reader, &message, &err), 0);
    assert_int_equal(ry_export_next(reader, &message, &err), 0);
    /* And from every place where reading may have stopped. */
    for (size_t i = 0; i < N; i++) {
        ry_export_close(&reader);
        reader = open_export(ry_buf_cstr(&text));
        ry_export_seek(reader, offsets[i] + strlen(MESSAGES[i]), i + 1);
        for (size_t k = i + 1; k < N; k++) {
            assert_int_equal(ry_export_next(reader, &message, &err), 1);
            assert_int_equal(message.index, k);
            assert_int_equal(message.offset, offsets[k]);
        }
        assert_int_equal(ry_export_next(reader, &message, &err), 0);
    }
    ry_export_close(&reader);
}

/* Strings whose escapes and quotes fall on every side of the end of the reader's first window, which begins behind the
 * messages' bracket and has 256 KiB. */
static void a_message_across_two_windows_is_whole(void **state)
{
    (void)state;
    enum { WINDOW = 256 * 1024, TAIL = 24 };
    for (size_t shift = 0; shift < TAIL; shift++) {
        RY_BUF_AUTO text = ry_buf_make(1 << 20);
        ry_buf_add_str(&text, RY_STR(BEGIN "{\"content\":\""));
        while (text.n < sizeof BEGIN - 1 + WINDOW - shift)
            ry_buf_add(&text, "x", 1);
        ry_buf_add_str(&text, RY_STR("\\\\\\\"]}\\\\\\\\\\\"{["));
        ry_buf_add_str(&text, RY_STR("\"},{\"id\":\"2\"}]}"));
        struct ry_export *reader = open_export(ry_buf_cstr(&text));
        struct ry_export_message message;
        struct ry_error err = {0};
        assert_int_equal(ry_export_next(reader, &message, &err), 1);
        assert_true(ry_str_ends(message.text, RY_STR("{[\"}"), false));
        assert_int_equal(ry_export_next(reader, &message, &err), 1);
        assert_true(ry_str_is(message.text, "{\"id\":\"2\"}"));
        assert_int_equal(ry_export_next(reader, &message, &err), 0);
        ry_export_close(&reader);
    }
}

static void a_message_that_is_too_large_is_passed_over(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(BEGIN "{\"id\":\"1\"},{\"content\":\"", file);
    char chunk[65536];
    memset(chunk, 'x', sizeof chunk);
    for (size_t n = 0; n < RY_EXPORT_MESSAGE_MAX_BYTES; n += sizeof chunk)
        fwrite(chunk, 1, sizeof chunk, file);
    fputs("\"},{\"id\":\"3\"}]}", file);
    fclose(file);
    struct ry_export *reader = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_export_open(path, &reader, &err), RY_OK);
    RY_BUF_AUTO texts = ry_buf_make(4096);
    assert_int_equal(read_all(reader, &texts, &err), 0);
    assert_string_equal(ry_buf_cstr(&texts), "{\"id\":\"1\"}|(too large)|{\"id\":\"3\"}");
    ry_export_close(&reader);
}

static void what_comes_before_the_damage_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        const char *texts;
        const char *says;
    } CASES[] = {
        {"", "", "ends where a value is expected"},
        {"{\"id\":\"1\"}", "{\"id\":\"1\"}", "the file ends at message 2: the export was cut off (line 1, byte"},
        {"{\"id\":\"1\"},", "{\"id\":\"1\"}", "ends where a value is expected, at message 2"},
        {"{\"id\":\"1\"},{\"id", "{\"id\":\"1\"}", "in the middle of a value"},
        {"{\"id\":\"1\"},\n\n{\"id\":\"2", "{\"id\":\"1\"}", "(line 3, byte"},
        {"{\"id\":\"1\"}]", "{\"id\":\"1\"}", "cut off"},
        {"{\"id\":\"1\"}],\"messageCount\":1", "{\"id\":\"1\"}", "cut off"},
        {"{\"id\":\"1\"} {\"id\":\"2\"}]}", "{\"id\":\"1\"}", "',' expected at message 2"},
        {"{\"id\":\"1\"},]}", "{\"id\":\"1\"}", "no JSON value begins with byte 0x5d"},
        {"{\"id\":\"1\"}]} x", "{\"id\":\"1\"}", "after the end of the export"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, BEGIN "%s", CASES[i].tail);
        struct ry_export *reader = open_export(text);
        RY_BUF_AUTO texts = ry_buf_make(4096);
        struct ry_error err = {0};
        int rc = read_all(reader, &texts, &err);
        if (rc != RY_EINVAL || strcmp(ry_buf_cstr(&texts), CASES[i].texts) != 0 ||
            strstr(err.text, CASES[i].says) == NULL)
            fail_msg("%s: %d, %s, %s", CASES[i].tail, rc, ry_buf_cstr(&texts), err.text);
        ry_export_close(&reader);
    }
}

static void messages_without_attachments_are_known_without_parsing(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        bool has;
    } CASES[] = {
        {"{\"id\":\"1\",\"attachments\":[]}", false},
        {"{\"id\":\"1\",\"attachments\" : [ \n ] }", false},
        {"{\"id\":\"1\"}", false},
        {"{\"content\":\"\\\"attachments\\\":[1]\"}", false},
        {"{\"attachments\":[{}]}", true},
        {"{\"attachments\"\n:\t[ {}]}", true},
        {"{\"attachments\":[],\"forwardedMessage\":{\"attachments\":[{}]}}", true},
        {"{\"attachments\":[],\"embeds\":[{\"video\":{\"url\":\"x\"}}]}", true},
        {"{\"attachments\":[],\"embeds\":[{\"video\":{ }},{\"video\":null}],\"content\":\"\\\"video\\\":{1\"}", false},
        {"{\"attachments\":null}", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, BEGIN "%s]}", CASES[i].message);
        struct ry_export *reader = open_export(text);
        struct ry_export_message message;
        struct ry_error err = {0};
        assert_int_equal(ry_export_next(reader, &message, &err), 1);
        if (message.has_files != CASES[i].has)
            fail_msg("%s", CASES[i].message);
        ry_export_close(&reader);
    }
}

/* ---- a message in Discord's words -------------------------------------------------------------------------------- */

static void count_reason(void *arg, const char *reason)
{
    (void)reason;
    ++*(int *)arg;
}

#define E_AUTHOR "\"author\":{\"id\":\"9\",\"name\":\"u\",\"discriminator\":\"0000\",\"nickname\":\"n\"}"
#define D_AUTHOR "\"author\":{\"id\":\"9\",\"username\":\"u\",\"discriminator\":\"0\"},\"member\":{\"nick\":\"n\"}"

static const struct {
    const char *text;
    const char *converted; /* "": nothing */
    int result;
    int put_aside;
} conversions[] = {
    {"{\"id\":\"1\",\"timestamp\":\"2024-10-19T15:03:09+00:00\",\"content\":\"a\\\"\\n\\u00e9\"," E_AUTHOR
     ",\"attachments\":[{\"id\":\"2\",\"url\":\"https://x/a?ex=1\",\"fileName\":\"a.mp4\",\"fileSizeBytes\":5}]}",
     "{\"id\":\"1\",\"timestamp\":\"2024-10-19T15:03:09+00:00\",\"content\":\"a\\\"\\n\u00e9\"," D_AUTHOR
     ",\"attachments\":[{\"id\":\"2\",\"filename\":\"a.mp4\",\"size\":5,\"url\":\"https://x/a?ex=1\"}]}",
     1, 0},
    {"{\"id\":1,\"content\":\"\",\"author\":{\"id\":9,\"name\":\"u\",\"discriminator\":\"1234\",\"nickname\":\"u\","
     "\"avatarUrl\":\"f/b.png\"},\"attachments\":[{\"id\":2,\"url\":\"f/a b.mp4\",\"fileName\":\"a b.mp4\"}]}",
     "{\"id\":\"1\",\"content\":\"\",\"author\":{\"id\":\"9\",\"username\":\"u\",\"discriminator\":\"1234\","
     "\"avatar_url\":\"file:///no/where/f/b.png\"},\"attachments\":[{\"id\":\"2\",\"filename\":\"a "
     "b.mp4\",\"size\":0,"
     "\"url\":\"file:///no/where/f/a%20b.mp4\"}]}",
     1, 0},
    {"{\"id\":\"1\",\"content\":\"\",\"attachments\":[],\"forwardedMessage\":{\"content\":\"fwd\",\"attachments\":["
     "{"
     "\"id\":\"2\",\"url\":\"https://x\",\"fileName\":\"a.mp4\"}]}," E_AUTHOR "}",
     "{\"id\":\"1\",\"content\":\"\"," D_AUTHOR
     ",\"attachments\":[],\"message_snapshots\":[{\"message\":{\"content\":\"fwd\",\"attachments\":[{\"id\":\"2\","
     "\"filename\":\"a.mp4\",\"size\":0,\"url\":\"https://x\"}]}}]}",
     1, 0},
    /* A forward as the exporter writes it today, of a message with an embed. */
    {"{\"id\":\"1\",\"type\":\"Default\",\"timestampEdited\":\"2024-10-19T15:04:09+00:00\",\"isPinned\":true,"
     "\"content\":\"\"," E_AUTHOR
     ",\"attachments\":[],\"embeds\":[],\"reference\":{\"type\":\"Forward\",\"messageId\":\"5\",\"channelId\":"
     "\"6\",\"guildId\":null},\"forwardedMessage\":{\"timestamp\":\"2024-10-19T15:03:09+00:00\",\"content\":\"f\","
     "\"attachments\":[],\"embeds\":[{\"title\":\"\",\"video\":{\"url\":\"m/v-1B2C3.mp4\",\"canonicalUrl\":"
     "\"https://v.example/v.mp4\",\"width\":1,\"height\":1},\"images\":[]}],\"stickers\":[]}}",
     "{\"id\":\"1\",\"edited_timestamp\":\"2024-10-19T15:04:09+00:00\",\"pinned\":true,\"content\":\"\"," D_AUTHOR
     ",\"attachments\":[],\"message_reference\":{\"type\":1,\"message_id\":\"5\",\"channel_id\":\"6\"},"
     "\"message_snapshots\":[{\"message\":{\"content\":\"f\",\"attachments\":[],\"embeds\":[{\"video\":{\"url\":"
     "\"https://v.example/v.mp4\",\"proxy_url\":\"file:///no/where/m/v-1B2C3.mp4\"}}]}}]}",
     1, 0},
    /* A reply, an embed that was not downloaded, one without a video. */
    {"{\"id\":\"1\",\"type\":\"Reply\"," E_AUTHOR
     ",\"attachments\":[],\"embeds\":[{\"image\":{\"url\":\"https://x/a.png\"}},{\"video\":{\"url\":"
     "\"https://www.youtube.com/embed/x\"}},{\"video\":{\"width\":1}}],\"reference\":{\"type\":\"Default\","
     "\"messageId\":\"5\",\"channelId\":\"6\",\"guildId\":\"7\"}}",
     "{\"id\":\"1\"," D_AUTHOR
     ",\"attachments\":[],\"embeds\":[{\"video\":{\"url\":\"https://www.youtube.com/embed/x\"}}],\"type\":19,"
     "\"message_reference\":{\"type\":0,\"message_id\":\"5\",\"channel_id\":\"6\",\"guild_id\":\"7\"}}",
     1, 0},
    {"{\"id\":\"1\"," E_AUTHOR ",\"attachments\":[{\"id\":\"x\"},7,{\"id\":\"2\",\"fileName\":\"a\"},{\"id\":\"2\","
     "\"url\":\"https://x\",\"fileName\":\"a.mp4\"}]}",
     "{\"id\":\"1\"," D_AUTHOR
     ",\"attachments\":[{\"id\":\"2\",\"filename\":\"a.mp4\",\"size\":0,\"url\":\"https://x\"}]}",
     1, 3},
    {"{\"id\":\"1\"," E_AUTHOR ",\"attachments\":[{}]}", "", 0, 1},
    {"{\"id\":\"1\"}", "", 0, 0},
    {"{\"id\":\"1\",\"attachments\":\"none\"}", "", 0, 0},
    {"{\"id\":\"x\"," E_AUTHOR ",\"attachments\":[{}]}", "", RY_EINVAL, 0},
    {"{\"id\":\"1\",\"timestamp\":\"x\"," E_AUTHOR ",\"attachments\":[{}]}", "", RY_EINVAL, 0},
    {"{\"id\":\"1\",\"attachments\":[{}]}", "", RY_EINVAL, 0},
    {"{\"id\":\"1\",\"author\":{\"id\":\"9\"},\"attachments\":[{}]}", "", RY_EINVAL, 0},
    {"[]", "", RY_EINVAL, 0},
    {"{\"id\":\"1\",}", "", RY_EINVAL, 0},
    {"{\"id\":\"\xff\"}", "", RY_EINVAL, 0},
};

static void a_message_is_told_as_discord_tells_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conversions / sizeof conversions[0]; i++) {
        RY_BUF_AUTO out = ry_buf_make(4096);
        struct ry_error err = {0};
        int put_aside = 0;
        struct ry_export_media media = {.folder = "/no/where"};
        int rc = ry_export_convert(ry_str_of(conversions[i].text), &media, &out, count_reason, &put_aside, &err);
        if (rc != conversions[i].result || put_aside != conversions[i].put_aside ||
            strcmp(ry_buf_cstr(&out), conversions[i].converted) != 0)
            fail_msg("%s: %d, %d put aside, %s; %s", conversions[i].text, rc, put_aside, ry_buf_cstr(&out), err.text);
    }
}

static void a_message_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t max = 1; max < 150; max++) {
        RY_BUF_AUTO out = ry_buf_make(max);
        struct ry_error err = {0};
        int put_aside = 0;
        struct ry_export_media media = {.folder = "/no/where"};
        int rc = ry_export_convert(RY_STR("{\"id\":\"1\"," E_AUTHOR ",\"attachments\":[{\"id\":\"2\",\"url\":\"https://"
                                          "x\",\"fileName\":\"a.mp4\"}]}"),
                                   &media, &out, count_reason, &put_aside, &err);
        assert_true(rc == RY_ELIMIT || rc == 1);
        assert_int_equal(out.n > 0, rc == 1);
        assert_false(out.failed);
    }
}

static void a_path_is_read_in_the_way_that_names_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/reelyard-folder.XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const char *const FILES[] = {"f/a.mp4", "f/b c.mp4", "f/d%20e.mp4", "f/g h.mp4"};
    char name[128];
    snprintf(name, sizeof name, "%s/f", folder);
    assert_int_equal(mkdir(name, 0700), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, FILES[i]);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        fclose(file);
    }
    static const char *const CASES[][2] = {
        {"f/a.mp4", "/f/a.mp4"},          {"f\\a.mp4", "/f/a.mp4"},          {"f/b%20c.mp4", "/f/b%20c.mp4"},
        {"f/b c.mp4", "/f/b%20c.mp4"},    {"f/d%20e.mp4", "/f/d%2520e.mp4"}, {"f\\g%20h.mp4", "/f/g%20h.mp4"},
        {"f\\none.mp4", "/f%5Cnone.mp4"}, {"../x.mp4", "/../x.mp4"},         {"\u65e5#?.mp4", "/%E6%97%A5%23%3F.mp4"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        RY_BUF_AUTO url = ry_buf_make(4096);
        char expected[256];
        struct ry_export_media media = {.folder = folder};
        ry_export_url(&media, ry_str_of(CASES[i][0]), &url);
        snprintf(expected, sizeof expected, "file://%s%s", folder, CASES[i][1]);
        assert_string_equal(ry_buf_cstr(&url), expected);
    }
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, FILES[i]);
        unlink(name);
    }
    snprintf(name, sizeof name, "%s/f", folder);
    rmdir(name);
    rmdir(folder);
}

static void a_url_with_a_scheme_and_an_absolute_path_stay(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"https://cdn.discordapp.com/a b?ex=1", "https://cdn.discordapp.com/a b?ex=1"},
        {"file:///x", "file:///x"},
        {"/etc/passwd", "file:///etc/passwd"},
        {"c://x", "file:///no/where/c%3A//x"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        RY_BUF_AUTO url = ry_buf_make(4096);
        struct ry_export_media media = {.folder = "/no/where"};
        ry_export_url(&media, ry_str_of(CASES[i][0]), &url);
        assert_string_equal(ry_buf_cstr(&url), CASES[i][1]);
    }
}

/* A folder with the files named, a line each; made and removed by the tests below. */
static void make_file_at(const char *folder, const char *name)
{
    char name_at[256];
    int n = snprintf(name_at, sizeof name_at, "%s/%s", folder, name);
    for (char *slash = name_at + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        assert_true(mkdir(name_at, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    assert_true(n > 0);
    FILE *file = fopen(name_at, "w");
    assert_non_null(file);
    fclose(file);
}

static int remove_entry(const char *name_at, const struct stat *status, int flag, struct FTW *at)
{
    (void)status, (void)flag, (void)at;
    return remove(name_at);
}

static const struct {
    const char *url;   /* %s: the top folder */
    const char *found; /* below the top folder; NULL: the path as it stands */
    uint32_t used;
} foreign_paths[] = {
    {"C:\\Users\\ann\\media\\x-1B2C3.mp4", "media/x-1B2C3.mp4", 2},
    {"C:\\exports\\b\\y-1B2C3.mp4", "other/b/y-1B2C3.mp4", 4},
    {"\\\\nas\\share\\b\\y-1B2C3.mp4", "other/b/y-1B2C3.mp4", 4},
    {"/home/ann/media/x-1B2C3.mp4", "media/x-1B2C3.mp4", 2}, /* the first folder of equal tails */
    {"/home/ann/a/same.mp4", "media/a/same.mp4", 2},         /* a longer tail in a later folder */
    {"/home/ann/q/same.mp4", "export/same.mp4", 1},          /* the export's own folder comes first */
    {"m/deep-0123456789ABCDEF.mp4", "export/m/deep-0123456789ABCDEF.mp4", 1},
    {"D:\\m\\deep-0123456789ABCDEF.mp4", "export/m/deep-0123456789ABCDEF.mp4", 1},
    {"lost_Files/x-1B2C3.mp4", "media/x-1B2C3.mp4", 2}, /* a relative path whose folder was moved */
    {"/srv/c/100%25.mp4", "other/c/100%25.mp4", 4},     /* paths stand raw */
    {"/srv/c/100%2525.mp4", "other/c/100%25.mp4", 4},   /* and are decoded only if they do not exist so */
    {"/srv/e\\f.mp4", "other/e\\f.mp4", 4},
    {"%s/media/x-1B2C3.mp4", "media/x-1B2C3.mp4", 2}, /* an absolute path of this machine */
    {"%s/out/secret.mp4", NULL, 0},                   /* of nobody's folder: as it stands, and refused later */
    {"../out/z.mp4", NULL, 1},                        /* below only by its text: refused when it is opened */
    {"/srv/../out/z.mp4", NULL, 0},
    {"/srv/media/..", NULL, 0},
    {"/srv/dir.mp4", NULL, 0}, /* a folder is no video */
    {"/srv/none.mp4", NULL, 0},
};

/* {export} is the export's folder, {media} one that was named, {other} another that was; {out} is nobody's. */
static void a_path_of_another_machine_is_found_by_its_longest_tail(void **state)
{
    (void)state;
    char top[] = "/tmp/reelyard-tail.XXXXXX";
    assert_non_null(mkdtemp(top));
    char folders[4][64];
    static const char *const names[] = {"export", "media", "other", "out"};
    for (size_t i = 0; i < 4; i++)
        snprintf(folders[i], sizeof folders[i], "%s/%s", top, names[i]);
    static const char *const files[] = {"export/same.mp4",     "export/m/deep-0123456789ABCDEF.mp4",
                                        "media/same.mp4",      "media/a/same.mp4",
                                        "media/x-1B2C3.mp4",   "other/x-1B2C3.mp4",
                                        "other/b/y-1B2C3.mp4", "other/c/100%25.mp4",
                                        "other/e\\f.mp4",      "out/secret.mp4",
                                        "out/z.mp4",           "media/dir.mp4/inside"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        make_file_at(top, files[i]);
    const char *dirs[] = {folders[1], folders[2]};
    for (size_t i = 0; i < sizeof foreign_paths / sizeof *foreign_paths; i++) {
        struct ry_export_media media = {.folder = folders[0], .dirs = dirs, .dir_count = 2};
        RY_BUF_AUTO url = ry_buf_make(4096);
        RY_BUF_AUTO text = ry_buf_make(4096);
        const char *rest =
            strncmp(foreign_paths[i].url, "%s", 2) == 0 ? foreign_paths[i].url + 2 : foreign_paths[i].url;
        ry_buf_addf(&text, "%s%s", rest == foreign_paths[i].url ? "" : top, rest);
        ry_export_url(&media, ry_buf_str(&text), &url);
        char name_at[512] = "";
        (void)ry_file_url_path(ry_buf_str(&url), name_at, sizeof name_at);
        char expected[512];
        if (foreign_paths[i].found)
            snprintf(expected, sizeof expected, "%s/%s", top, foreign_paths[i].found);
        else
            snprintf(expected, sizeof expected, "%s%s%s", ry_buf_cstr(&text)[0] == '/' ? "" : folders[0],
                     ry_buf_cstr(&text)[0] == '/' ? "" : "/", ry_buf_cstr(&text));
        if (strcmp(name_at, expected) != 0 || media.used != foreign_paths[i].used)
            fail_msg("%s: %s (%u) instead of %s (%u)", foreign_paths[i].url, name_at, media.used, expected,
                     foreign_paths[i].used);
    }
    assert_int_equal(nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#define WITH_PATH(test) cmocka_unit_test_setup_teardown(test, make_path, remove_path)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PATH(the_head_is_found_wherever_it_stands),
        WITH_PATH(a_channel_s_type_is_known_by_name_and_by_number),
        WITH_PATH(direct_messages_have_a_guild_of_their_own),
        WITH_PATH(what_is_no_export_is_refused_with_a_reason),
        WITH_PATH(every_message_has_its_bytes_and_its_place),
        WITH_PATH(a_message_across_two_windows_is_whole),
        WITH_PATH(a_message_that_is_too_large_is_passed_over),
        WITH_PATH(what_comes_before_the_damage_is_read),
        WITH_PATH(messages_without_attachments_are_known_without_parsing),
        cmocka_unit_test(what_is_no_file_is_refused_with_a_reason),
        cmocka_unit_test(a_message_is_told_as_discord_tells_it),
        cmocka_unit_test(a_message_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(a_path_is_read_in_the_way_that_names_a_file),
        cmocka_unit_test(a_url_with_a_scheme_and_an_absolute_path_stay),
        cmocka_unit_test(a_path_of_another_machine_is_found_by_its_longest_tail),
    };
    return cmocka_run_group_tests_name("export_reader", tests, NULL, NULL);
}
