/* discord_json.h: prints what Discord's API answers about a made history, as Discord prints it. */
#ifndef REELYARD_TESTS_BED_DISCORD_JSON_H
#define REELYARD_TESTS_BED_DISCORD_JSON_H

#include <stdio.h>

#include "tests/bed/discord_channel.h"

/* Where clips are said to be: <base>/attachments/<channel>/<attachment>/<file name>?ex=..&is=..&hm=.. */
struct discord_urls {
    const char *base;  /* of url */
    const char *proxy; /* of proxy_url */
    int64_t life_s;    /* from now until ex; negative: expired already */
};

/* A string with its quotes. */
void discord_json_string(FILE *out, const char *text);

/* ISO 8601 as Discord prints it, "2024-10-19T15:03:09.159000+00:00". */
void discord_json_time(FILE *out, int64_t wall_ms);

void discord_json_message(FILE *out, const struct discord_channel *channel, const struct discord_message *message,
                          const struct discord_urls *urls);
void discord_json_member(FILE *out, const struct discord_author *author);

/* The query of a signed URL, "ex=..&is=..&hm=..&". */
void discord_json_signature(FILE *out, const char *path, int64_t life_s);

#endif
