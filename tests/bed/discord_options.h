/* discord_options.h: what the fake Discord can be told on its command line. */
#ifndef REELYARD_TESTS_BED_DISCORD_OPTIONS_H
#define REELYARD_TESTS_BED_DISCORD_OPTIONS_H

#include "tests/bed/discord_history.h"

#define DISCORD_CHANNELS_MAX 4096
#define DISCORD_MEDIA_MAX    64
#define DISCORD_URL_LIFE_S   86400

enum discord_scope { USER, GLOBAL, SHARED, MIX };

extern const char *const discord_scope_names[4];

struct discord_options {
    unsigned port;
    const char *token;
    uint64_t seed;
    uint64_t messages;
    uint64_t clips;
    unsigned bucket_limit; /* 0: no buckets */
    int64_t bucket_window_ms;
    unsigned global_per_second; /* 0: no limit */
    unsigned fault_429_percent;
    unsigned fault_500_percent;
    unsigned fault_truncate_percent;
    unsigned fault_close_percent;
    enum discord_scope fault_scope;
    int64_t fault_retry_after_ms;
    int64_t latency_ms;
    bool no_refresh;
    bool expect;
    struct discord_urls urls;
    const char *media[DISCORD_MEDIA_MAX];
    size_t media_count;
    struct discord_history *channels; /* owned */
    size_t channel_count;
};

/* Reads the command line into options; strings are argv's. Ends the program with a word if it cannot, and after --help.
 */
void discord_options_parse(struct discord_options *options, int argc, char **argv);

#endif
