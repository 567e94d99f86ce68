/* settings_cache.h: channels' settings that were resolved lately.
 *
 * Bounded in entries (the one that ends first makes room) and in time. One owner, one thread. */
#ifndef REELYARD_ACTORS_SCANNER_SETTINGS_CACHE_H
#define REELYARD_ACTORS_SCANNER_SETTINGS_CACHE_H

#include "actors/scanner/settings.h"

/* Channels that are kept. */
#define SETTINGS_CACHE_MAX 1024

struct settings_cache;

/* ttl_ms: lifetime of settings in the cache; 0: nothing is cached. NULL without memory. */
struct settings_cache *settings_cache_new(int64_t ttl_ms);
void settings_cache_free(struct settings_cache **cache);

/* A new reference to a channel's settings, or NULL when there are none that may still be believed; counts a hit or a
 * miss. permitted: only those of a channel whose flags were found to allow a scan. A caller that needs the database's
 * word bypasses the cache by not calling this. */
struct scan_settings *settings_cache_get(struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id,
                                         bool permitted, int64_t now_mono_ms);

/* Keeps settings (takes a reference of its own) in the place of what was kept for this channel. permitted: the
 * channel's flags allow a scan. */
void settings_cache_put(struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id,
                        struct scan_settings *settings, bool permitted, int64_t now_mono_ms);

/* Forgets: one channel (both ids given), a guild (channel_id absent), or everything (both absent). */
void settings_cache_invalidate(struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id);

struct settings_cache_figures {
    size_t size;
    uint64_t hits;
    uint64_t misses;
};
struct settings_cache_figures settings_cache_figures(const struct settings_cache *cache);

#endif
