/* settings.h: what a channel's scan goes by, resolved from defaults and the database.
 *
 * Resolved settings = channel defaults, then guild admin defaults, then guild_settings.default_channel_settings, then
 * guild_settings.settings, then channel_settings.settings; later keys win, whole values. The defaults are built in; an
 * object of settings.default.jsonc (server_admin_channel_defaults, guild_admin_settings_defaults) takes the place of
 * the built-in one as a whole, as it did for the programs that wrote the hashes. */
#ifndef REELYARD_ACTORS_SCANNER_SETTINGS_H
#define REELYARD_ACTORS_SCANNER_SETTINGS_H

#include "actors/scanner/clip_rules.h"
#include "runtime/base/digest.h"

/* The two layers that no database holds. */
struct scan_defaults {
    const struct ry_json *channel;
    const struct ry_json *guild_admin;
    /* What they belong to; NULL where not needed. */
    struct ry_json_doc *file;
    struct ry_json_doc *built_in_channel;
    struct ry_json_doc *built_in_guild_admin;
};

/* The three layers that the database holds, as JSON; absent, or the JSON null, where there is none. */
struct scan_layers {
    struct ry_str guild_default_channel;
    struct ry_str guild;
    struct ry_str channel;
};

/* One channel's settings. Counted, because the cache and the scans under way share it; one thread. Does not change. */
struct scan_settings {
    unsigned references;
    struct ry_json_doc *resolved;
    char hash[RY_MD5_HEX_BYTES];
    const char *visibility; /* PUBLIC, UNLISTED or PRIVATE; static */
    bool ignore_nsfw_channels;
    bool store_content;
    bool threads;               /* scans cover the channel's threads */
    bool forum;                 /* the channel has threads alone; told by its row, not by settings */
    uint64_t clips_per_day_max; /* of the channel and UTC day; 0: no limit */
    bool plain_extensions;      /* video_extensions are the built-in ones: nobody chose others */
    struct clip_rules *rules;
    char problems[400]; /* which values are none, and why, for one warning; "": all are good */
};

/* Fills defaults from the file at path, or with the built-in ones when path is "". RY_ECONFIG names the file and what
 * is wrong. Free with scan_defaults_free, after an error too. Blocks on the file. */
int scan_defaults_load(const char *path, struct scan_defaults *defaults, struct ry_error *err);
void scan_defaults_free(struct scan_defaults *defaults);

/* Makes a channel's settings with one reference, which the caller owns. A value that is none (of the wrong type, null,
 * an unknown word, a regex that cannot be compiled) leaves that of the layer below in force, and a layer that is no
 * object is passed over; `problems` tells. The hash is of the settings as they stand there. RY_EINVAL when they are too
 * large. */
int scan_settings_resolve(const struct scan_defaults *defaults, const struct scan_layers *layers,
                          struct scan_settings **settings, struct ry_error *err);

struct scan_settings *scan_settings_ref(struct scan_settings *settings);

/* Drops a reference and sets the pointer to NULL; NULL is allowed. */
void scan_settings_unref(struct scan_settings **settings);

#endif
