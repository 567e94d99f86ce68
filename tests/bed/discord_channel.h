/* discord_channel.h: a channel's history made from a seed, without being stored.
 *
 * Message number k (0: the oldest) is a function of the channel and k alone, so that a channel of any size costs
 * nothing, a page costs what is on it, and a test can compute what a server of the same seed will have told. Ids are
 * snowflakes whose times rise with k; a message's number is found from its id by arithmetic. */
#ifndef REELYARD_TESTS_BED_DISCORD_CHANNEL_H
#define REELYARD_TESTS_BED_DISCORD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISCORD_EPOCH_MS        INT64_C(1420070400000)
#define DISCORD_ATTACHMENTS_MAX 16
#define DISCORD_AUTHORS         40

struct discord_channel {
    uint64_t id;
    uint64_t guild;
    uint64_t seed;
    uint64_t messages;
    uint64_t clips;           /* video attachments, spread evenly; at most 8 a message */
    const char *const *media; /* file names of clips, borrowed */
    size_t media_count;       /* > 0 */
};

struct discord_attachment {
    uint64_t id;
    const char *filename; /* borrowed from the channel, or static */
    const char *content_type;
    uint64_t size_bytes;
    bool is_clip;
};

struct discord_message {
    uint64_t id;
    int64_t wall_ms;
    unsigned author; /* number of the author, below DISCORD_AUTHORS */
    char content[256];
    struct discord_attachment attachments[DISCORD_ATTACHMENTS_MAX];
    size_t attachment_count;
};

/* An author as the guild has it. */
struct discord_author {
    uint64_t id;
    char username[33];
    const char *discriminator;
    const char *global_name; /* NULL: none */
    const char *nick;        /* NULL: none */
    char avatar[40];         /* "": none */
    char guild_avatar[40];   /* "": none */
    bool is_member;          /* false: has left the guild */
};

uint64_t discord_hash(uint64_t seed, uint64_t n);

/* The content type by a file name's ending; "application/octet-stream" for what is not known. */
const char *discord_content_type(const char *filename);

uint64_t discord_message_id(const struct discord_channel *channel, uint64_t k);
void discord_message_make(const struct discord_channel *channel, uint64_t k, struct discord_message *message);

/* How many messages have a smaller id. */
uint64_t discord_messages_before(const struct discord_channel *channel, uint64_t id);

void discord_author_make(uint64_t guild, uint64_t seed, unsigned number, struct discord_author *author);

#endif
