/* batch.c: see batch.h. */
#include "tests/bed/batch.h"

#include "tests/bed/bed.h"

#include <stdio.h>

struct ry_batch_write *batch_make(struct batch *batch, unsigned number)
{
    snprintf(batch->message_id, sizeof batch->message_id, "%u", 1000 + number);
    snprintf(batch->clip_id, sizeof batch->clip_id, "%032x", number);
    batch->guild = (struct ry_guild_row){.id = RY_STR("100"), .name = RY_STR("A guild")};
    batch->channel = (struct ry_channel_row){.id = RY_STR("200"), .name = RY_STR("clips"), .type = RY_STR("text")};
    batch->author =
        (struct ry_author_row){.user_id = RY_STR("300"), .username = RY_STR("somebody"), .discriminator = RY_STR("0")};
    batch->message = (struct ry_message_row){.id = ry_str_of(batch->message_id),
                                             .author_id = RY_STR("300"),
                                             .content = RY_STR("look"),
                                             .timestamp_wall_ms = BED_START_WALL_MS};
    batch->clip = (struct ry_clip_row){.id = ry_str_of(batch->clip_id),
                                       .message_id = ry_str_of(batch->message_id),
                                       .author_id = RY_STR("300"),
                                       .filename = RY_STR("a.mp4"),
                                       .mime_type = RY_STR("video/mp4"),
                                       .visibility = RY_STR("PUBLIC"),
                                       .settings_hash = RY_STR("27b3234951922ec2213c626963892154"),
                                       .url = RY_STR("https://cdn.discordapp.com/a.mp4"),
                                       .expires_wall_ms = BED_START_WALL_MS + 86400000};
    batch->progress = (struct ry_scan_progress){.direction = RY_STR("backward"), .messages = 100, .clips = 1};
    batch->write = (struct ry_batch_write){.job_id = RY_STR("job"),
                                           .token = 5,
                                           .guild_id = RY_STR("100"),
                                           .channel_id = RY_STR("200"),
                                           .guilds = {&batch->guild, 1},
                                           .channels = {&batch->channel, 1},
                                           .authors = {&batch->author, 1},
                                           .messages = {&batch->message, 1},
                                           .clips = {&batch->clip, 1},
                                           .progress = {&batch->progress, 0}};
    return &batch->write;
}
