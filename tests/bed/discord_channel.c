/* discord_channel.c: a channel's history from a seed; see discord_channel.h. */
#include "tests/bed/discord_channel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define START_MS    INT64_C(1672531200000) /* 2023-01-01T00:00:00Z, the oldest message */
#define SPAN_MS     INT64_C(94608000000)   /* three years, that a large channel is squeezed into */
#define STEP_MAX_MS INT64_C(60000)

/* SplitMix64's finisher: what belongs to number n of a seed. */
uint64_t discord_hash(uint64_t seed, uint64_t n)
{
    uint64_t z = seed + (n + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

const char *discord_content_type(const char *filename)
{
    static const char *const types[][2] = {
        {".mp4", "video/mp4"},        {".webm", "video/webm"}, {".mov", "video/quicktime"}, {".avi", "video/x-msvideo"},
        {".mkv", "video/x-matroska"}, {".flv", "video/x-flv"}, {".m4v", "video/x-m4v"},     {".png", "image/png"},
        {".jpg", "image/jpeg"},       {".txt", "text/plain"},
    };
    size_t n = strlen(filename);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t m = strlen(types[i][0]);
        if (n >= m && strcasecmp(filename + n - m, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

static uint64_t step_ms(const struct discord_channel *channel)
{
    int64_t step = channel->messages ? SPAN_MS / (int64_t)channel->messages : STEP_MAX_MS;
    return (uint64_t)(step > STEP_MAX_MS ? STEP_MAX_MS : step < 2 ? 2 : step);
}

uint64_t discord_message_id(const struct discord_channel *channel, uint64_t k)
{
    uint64_t step = step_ms(channel);
    uint64_t chance = discord_hash(channel->seed ^ channel->id, k);
    uint64_t at_ms = (uint64_t)(START_MS - DISCORD_EPOCH_MS) + k * step + chance % step;
    return at_ms << 22 | (chance >> 42);
}

uint64_t discord_messages_before(const struct discord_channel *channel, uint64_t id)
{
    int64_t since_ms = (int64_t)(id >> 22) - (START_MS - DISCORD_EPOCH_MS);
    if (since_ms < 0)
        return 0;
    uint64_t k = (uint64_t)since_ms / step_ms(channel);
    if (k >= channel->messages)
        return channel->messages;
    return discord_message_id(channel, k) < id ? k + 1 : k;
}

/* ---- attachments ------------------------------------------------------------------------------------------------- */

/* The first clip that would stand at message k if all were spread evenly. */
static uint64_t even_clip(const struct discord_channel *channel, uint64_t k)
{
    return (uint64_t)((unsigned __int128)k * channel->clips / channel->messages);
}

/* Every eighth clip stands with the one before it, so that some messages have two. */
static bool is_moved(uint64_t clip)
{
    return clip % 8 == 7;
}

static struct discord_attachment *add(struct discord_message *message, uint64_t k)
{
    if (message->attachment_count == DISCORD_ATTACHMENTS_MAX)
        return NULL;
    size_t j = message->attachment_count++;
    struct discord_attachment *attachment = &message->attachments[j];
    /* Uploads come shortly before their message. */
    attachment->id = ((message->id >> 22) - 300) << 22 | ((k * DISCORD_ATTACHMENTS_MAX + j) & 0x3FFFFF);
    return attachment;
}

static void add_clip(const struct discord_channel *channel, struct discord_message *message, uint64_t k, uint64_t clip)
{
    struct discord_attachment *attachment = add(message, k);
    if (!attachment)
        return;
    uint64_t chance = discord_hash(channel->seed + 2, clip);
    attachment->filename = channel->media[chance % channel->media_count];
    attachment->content_type = discord_content_type(attachment->filename);
    attachment->size_bytes = 100000 + chance % 9000000;
    attachment->is_clip = true;
}

static void add_attachments(const struct discord_channel *channel, struct discord_message *message, uint64_t k)
{
    static const char *const others[] = {"screenshot.png", "notes.txt", "photo.jpg", "archive.bin"};
    uint64_t chance = discord_hash(channel->seed + 3, k);
    if (chance % 7 == 0) {
        struct discord_attachment *other = add(message, k);
        other->filename = others[chance / 7 % 4];
        other->content_type = discord_content_type(other->filename);
        other->size_bytes = 1000 + chance % 100000;
    }
    for (uint64_t clip = even_clip(channel, k); clip < even_clip(channel, k + 1); clip++) {
        if (is_moved(clip))
            continue;
        add_clip(channel, message, k, clip);
        if (clip + 1 < channel->clips && is_moved(clip + 1))
            add_clip(channel, message, k, clip + 1);
    }
}

void discord_message_make(const struct discord_channel *channel, uint64_t k, struct discord_message *message)
{
    static const char *const words[] = {"nice",        "clutch", "wat",     "Ünïcode",  "日本語",     "clip",
                                        "né",          "🎬",      "gg",      "\\o/",     "\"quoted\"", "и так",
                                        "line\nbreak", "lol",    "e\u0301", "\u202Ertl"};
    uint64_t chance = discord_hash(channel->seed + 1, k);
    *message = (struct discord_message){.id = discord_message_id(channel, k)};
    message->wall_ms = (int64_t)(message->id >> 22) + DISCORD_EPOCH_MS;
    message->author = (unsigned)(chance % DISCORD_AUTHORS);
    size_t n = 0;
    for (uint64_t word = 0; word < chance / 64 % 8; word++)
        n += (size_t)snprintf(message->content + n, sizeof message->content - n, "%s%s", word ? " " : "",
                              words[chance >> (word * 4 + 16) & 15]);
    add_attachments(channel, message, k);
}

/* ---- people ------------------------------------------------------------------------------------------------------ */

void discord_author_make(uint64_t guild, uint64_t seed, unsigned number, struct discord_author *author)
{
    static const char *const globals[] = {NULL, "Ann", "Bärbel", "千夏", "Mr. 🎥"};
    static const char *const nicks[] = {NULL, NULL, "the clipper", "Ñandú"};
    uint64_t chance = discord_hash(seed ^ guild ^ 0xA07401, number);
    *author = (struct discord_author){.discriminator = number % 9 == 4 ? "4711" : "0",
                                      .global_name = globals[chance % 5],
                                      .nick = nicks[chance / 5 % 4],
                                      .is_member = number % 10 != 3};
    author->id = (UINT64_C(100000000) + number * UINT64_C(86400000) + chance % 86400000) << 22 | (chance >> 42);
    snprintf(author->username, sizeof author->username, "user_%u_%04" PRIx64, number, chance >> 48);
    if (number % 4 != 0)
        snprintf(author->avatar, sizeof author->avatar, "%s%016" PRIx64 "%016" PRIx64, number % 4 == 1 ? "a_" : "",
                 chance, discord_hash(chance, 1));
    if (number % 6 == 5)
        snprintf(author->guild_avatar, sizeof author->guild_avatar, "%016" PRIx64 "%016" PRIx64,
                 discord_hash(chance, 2), discord_hash(chance, 3));
}
