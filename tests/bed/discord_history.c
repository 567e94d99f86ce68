/* discord_history.c: a made channel and what has happened to it; see discord_history.h. */
#include "tests/bed/discord_history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t discord_history_length(const struct discord_history *history)
{
    return history->made.messages + history->live_count;
}

uint64_t discord_history_before(const struct discord_history *history, uint64_t id)
{
    uint64_t n = discord_messages_before(&history->made, id);
    for (size_t i = 0; n >= history->made.messages && i < history->live_count && history->live[i].id < id; i++)
        n++;
    return n;
}

static bool is_deleted(const struct discord_history *history, uint64_t id)
{
    for (size_t i = 0; i < history->deleted_count; i++)
        if (history->deleted[i] == id)
            return true;
    return false;
}

/* False: deleted. */
static bool history_at(const struct discord_history *history, uint64_t i, struct discord_message *message)
{
    if (i >= history->made.messages)
        *message = history->live[i - history->made.messages];
    else
        discord_message_make(&history->made, i, message);
    return !is_deleted(history, message->id);
}

bool discord_history_find(const struct discord_history *history, uint64_t id, struct discord_message *message)
{
    uint64_t i = discord_history_before(history, id);
    return i < discord_history_length(history) && history_at(history, i, message) && message->id == id;
}

void discord_history_page(const struct discord_history *history, FILE *out, const struct discord_urls *urls,
                          uint64_t middle, unsigned older, unsigned newer)
{
    uint64_t page[200];
    size_t n = 0;
    struct discord_message message;
    for (uint64_t i = middle; i < discord_history_length(history) && n < newer; i++)
        if (history_at(history, i, &message))
            page[n++] = i;
    for (size_t a = 0, b = n; a + 1 < b; a++) {
        uint64_t swapped = page[a];
        page[a] = page[--b];
        page[b] = swapped;
    }
    size_t most = n + older;
    for (uint64_t i = middle; i > 0 && n < most; i--)
        if (history_at(history, i - 1, &message))
            page[n++] = i - 1;
    putc('[', out);
    for (size_t i = 0; i < n; i++) {
        history_at(history, page[i], &message);
        fputs(i ? ", " : "", out);
        discord_json_message(out, &history->made, &message, urls);
    }
    putc(']', out);
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

uint64_t discord_history_post(struct discord_history *history, const char *filename, int64_t wall_ms)
{
    struct discord_message *longer = realloc(history->live, (history->live_count + 1) * sizeof *longer);
    if (!longer)
        abort();
    history->live = longer;
    uint64_t newest = history->live_count      ? longer[history->live_count - 1].id
                      : history->made.messages ? discord_message_id(&history->made, history->made.messages - 1)
                                               : 0;
    uint64_t id = (uint64_t)(wall_ms - DISCORD_EPOCH_MS) << 22;
    if (id <= newest)
        id = newest + (1 << 22);
    struct discord_message *message = &longer[history->live_count++];
    *message = (struct discord_message){.id = id, .wall_ms = (int64_t)(id >> 22) + DISCORD_EPOCH_MS, .content = "live"};
    if (!filename)
        return id;
    char *kept = strdup(filename);
    if (!kept)
        abort();
    message->attachments[message->attachment_count++] =
        (struct discord_attachment){.id = id + 1,
                                    .filename = kept,
                                    .content_type = discord_content_type(kept),
                                    .size_bytes = 123456,
                                    .is_clip = true};
    return id;
}

bool discord_history_delete(struct discord_history *history, uint64_t id)
{
    struct discord_message message;
    if (!discord_history_find(history, id, &message))
        return false;
    uint64_t *longer = realloc(history->deleted, (history->deleted_count + 1) * sizeof *longer);
    if (!longer)
        abort();
    history->deleted = longer;
    longer[history->deleted_count++] = id;
    return true;
}

/* ---- what a reader must find ------------------------------------------------------------------------------------- */

static void expect_message(FILE *out, const struct discord_channel *channel, const struct discord_message *message)
{
    struct discord_author author;
    discord_author_make(channel->guild, channel->seed, message->author, &author);
    fprintf(out,
            "{\"channel\": \"%" PRIu64 "\", \"message\": \"%" PRIu64 "\", \"author\": \"%" PRIu64 "\", \"member\": %s, "
            "\"timestamp\": ",
            channel->id, message->id, author.id, author.is_member ? "true" : "false");
    discord_json_time(out, message->wall_ms);
    fputs(", \"content\": ", out);
    discord_json_string(out, message->content);
    fputs(", \"clips\": [", out);
    const char *comma = "";
    for (size_t i = 0; i < message->attachment_count; i++) {
        if (!message->attachments[i].is_clip)
            continue;
        fprintf(out, "%s{\"id\": \"%" PRIu64 "\", \"filename\": ", comma, message->attachments[i].id);
        discord_json_string(out, message->attachments[i].filename);
        fprintf(out, ", \"size\": %" PRIu64 "}", message->attachments[i].size_bytes);
        comma = ", ";
    }
    fputs("]}\n", out);
}

void discord_history_expect(const struct discord_history *history, FILE *out)
{
    const struct discord_channel *channel = &history->made;
    uint64_t clips = 0;
    uint64_t with_clips = 0;
    for (uint64_t k = 0; k < channel->messages; k++) {
        struct discord_message message;
        discord_message_make(channel, k, &message);
        uint64_t here = 0;
        for (size_t j = 0; j < message.attachment_count; j++)
            here += message.attachments[j].is_clip;
        clips += here;
        if (here == 0)
            continue;
        with_clips++;
        expect_message(out, channel, &message);
    }
    fprintf(out,
            "{\"total\": \"%" PRIu64 "\", \"guild\": \"%" PRIu64 "\", \"messages\": %" PRIu64
            ", \"messages_with_clips\": %" PRIu64 ", \"clips\": %" PRIu64 ", \"oldest\": \"%" PRIu64
            "\", \"newest\": \"%" PRIu64 "\"}\n",
            channel->id, channel->guild, channel->messages, with_clips, clips,
            channel->messages ? discord_message_id(channel, 0) : 0,
            channel->messages ? discord_message_id(channel, channel->messages - 1) : 0);
}
