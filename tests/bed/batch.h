/* batch.h: a small batch_write for tests of the writer: one message with one clip, its guild, channel and author. */
#ifndef REELYARD_TESTS_BED_BATCH_H
#define REELYARD_TESTS_BED_BATCH_H

#include "proto/message.h"

/* The rows of batch_make's message. */
#define BATCH_ROWS 5

/* Its message points into it: change what is to be different, and let it live until the message is delivered. */
struct batch {
    struct ry_batch_write write;
    struct ry_guild_row guild;
    struct ry_channel_row channel;
    struct ry_author_row author;
    struct ry_message_row message;
    struct ry_clip_row clip;
    struct ry_scan_progress progress; /* not part of it until write.progress.n is 1 */
    char message_id[24];
    char clip_id[33];
};

/* Fills *batch: job "job", token 5, guild 100, channel 200, author 300, message 1000 + number, clip `number`. */
struct ry_batch_write *batch_make(struct batch *batch, unsigned number);

#endif
