/* discord_json.c: Discord's objects as text; see discord_json.h. */
#include "tests/bed/discord_json.h"

#include <inttypes.h>
#include <time.h>

void discord_json_string(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20)
            fprintf(out, "\\u%04x", *p);
        else
            putc(*p, out);
    }
    putc('"', out);
}

static void string_or_null(FILE *out, const char *text)
{
    if (text && *text)
        discord_json_string(out, text);
    else
        fputs("null", out);
}

void discord_json_time(FILE *out, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(out, "\"%s.%03d000+00:00\"", text, (int)(wall_ms % 1000));
}

void discord_json_signature(FILE *out, const char *path, int64_t life_s)
{
    uint64_t sum = 14695981039346656037u;
    for (const char *p = path; *p; p++)
        sum = (sum ^ (unsigned char)*p) * 1099511628211u;
    int64_t until = (int64_t)time(NULL) + life_s;
    fprintf(out, "ex=%" PRIx64 "&is=%" PRIx64 "&hm=", (uint64_t)until, (uint64_t)(until - 86400));
    for (unsigned i = 0; i < 4; i++)
        fprintf(out, "%016" PRIx64, discord_hash(sum, i));
    putc('&', out);
}

static void user(FILE *out, const struct discord_author *author)
{
    fprintf(out, "{\"id\": \"%" PRIu64 "\", \"username\": ", author->id);
    discord_json_string(out, author->username);
    fprintf(out, ", \"discriminator\": \"%s\", \"global_name\": ", author->discriminator);
    string_or_null(out, author->global_name);
    fputs(", \"avatar\": ", out);
    string_or_null(out, author->avatar);
    fputs(", \"public_flags\": 0}", out);
}

static void address(FILE *out, const char *base, const struct discord_channel *channel,
                    const struct discord_attachment *attachment, int64_t life_s)
{
    char path[512];
    snprintf(path, sizeof path, "/attachments/%" PRIu64 "/%" PRIu64 "/%s", channel->id, attachment->id,
             attachment->filename);
    fprintf(out, "\"%s%s?", base, path);
    discord_json_signature(out, path, life_s);
    putc('"', out);
}

static void print_attachment(FILE *out, const struct discord_channel *channel,
                             const struct discord_attachment *attachment, const struct discord_urls *urls)
{
    fprintf(out, "{\"id\": \"%" PRIu64 "\", \"filename\": ", attachment->id);
    discord_json_string(out, attachment->filename);
    fprintf(out, ", \"size\": %" PRIu64 ", \"url\": ", attachment->size_bytes);
    address(out, urls->base, channel, attachment, urls->life_s);
    fputs(", \"proxy_url\": ", out);
    address(out, urls->proxy, channel, attachment, urls->life_s);
    if (attachment->is_clip)
        fputs(", \"width\": 640, \"height\": 360", out);
    fprintf(out, ", \"content_type\": \"%s\", \"content_scan_version\": 2}", attachment->content_type);
}

void discord_json_message(FILE *out, const struct discord_channel *channel, const struct discord_message *message,
                          const struct discord_urls *urls)
{
    struct discord_author author;
    discord_author_make(channel->guild, channel->seed, message->author, &author);
    fprintf(out, "{\"type\": 0, \"id\": \"%" PRIu64 "\", \"channel_id\": \"%" PRIu64 "\", \"content\": ", message->id,
            channel->id);
    discord_json_string(out, message->content);
    fputs(", \"author\": ", out);
    user(out, &author);
    fputs(", \"timestamp\": ", out);
    discord_json_time(out, message->wall_ms);
    fputs(", \"edited_timestamp\": null, \"attachments\": [", out);
    for (size_t i = 0; i < message->attachment_count; i++) {
        fputs(i ? ", " : "", out);
        print_attachment(out, channel, &message->attachments[i], urls);
    }
    fputs("], \"embeds\": [], \"mentions\": [], \"mention_roles\": [], \"mention_everyone\": false, \"pinned\": false, "
          "\"tts\": false, \"flags\": 0, \"components\": []}",
          out);
}

void discord_json_member(FILE *out, const struct discord_author *author)
{
    fputs("{\"user\": ", out);
    user(out, author);
    fputs(", \"nick\": ", out);
    string_or_null(out, author->nick);
    fputs(", \"avatar\": ", out);
    string_or_null(out, author->guild_avatar);
    fputs(", \"roles\": [], \"joined_at\": \"2023-01-01T00:00:00.000000+00:00\", \"deaf\": false, \"mute\": false, "
          "\"flags\": 0}",
          out);
}
