/* discord_history.h: a made channel and what has happened to it since: messages posted, messages deleted.
 *
 * Positions count from the oldest message, posted ones behind the made ones; deleted ones keep theirs. */
#ifndef REELYARD_TESTS_BED_DISCORD_HISTORY_H
#define REELYARD_TESTS_BED_DISCORD_HISTORY_H

#include "tests/bed/discord_json.h"

enum discord_thread { DISCORD_NO_THREAD, DISCORD_ACTIVE, DISCORD_PUBLIC, DISCORD_PRIVATE };

struct discord_history {
    struct discord_channel made;
    bool forbidden;
    bool forum;                   /* has no messages of its own */
    enum discord_thread thread;   /* active, or archived: public or private */
    uint64_t parent;              /* of a thread */
    struct discord_message *live; /* posted since, in order */
    size_t live_count;
    uint64_t *deleted;
    size_t deleted_count;
};

/* Messages there have been. */
uint64_t discord_history_length(const struct discord_history *history);

/* How many of them have a smaller id. */
uint64_t discord_history_before(const struct discord_history *history, uint64_t id);

/* The message of this id; false: there is none. */
bool discord_history_find(const struct discord_history *history, uint64_t id, struct discord_message *message);

/* Prints a page as a JSON array, newest first: `older` messages below position `middle`, and `newer` ones from it on;
 * at most 100 of each. */
void discord_history_page(const struct discord_history *history, FILE *out, const struct discord_urls *urls,
                          uint64_t middle, unsigned older, unsigned newer);

/* Posts a message of now with a clip of this name (NULL: without), and returns its id. */
uint64_t discord_history_post(struct discord_history *history, const char *filename, int64_t wall_ms);

/* False: there is no such message. */
bool discord_history_delete(struct discord_history *history, uint64_t id);

/* Prints what a reader of the made channel must find: a JSON object a line for each message with clips, then one with
 * the totals. */
void discord_history_expect(const struct discord_history *history, FILE *out);

#endif
