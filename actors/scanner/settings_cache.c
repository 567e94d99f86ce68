/* settings_cache.c: an array in the order of insertion. Every entry lives equally long, so that is also the order in
 * which entries end, and the oldest is always the first. A look-up walks the array: a thousand comparisons of numbers
 * cost a microsecond, once a job. */
#include "actors/scanner/settings_cache.h"

#include <stdlib.h>

struct entry {
    uint64_t guild_id;
    uint64_t channel_id;
    struct scan_settings *settings;
    bool permitted; /* the flags allowed a scan when they were read */
    int64_t ends_mono_ms;
};

struct settings_cache {
    int64_t ttl_ms;
    size_t size;
    uint64_t hits;
    uint64_t misses;
    struct entry entries[SETTINGS_CACHE_MAX];
};

/* The number of a snowflake; 0, which is none, for the absent string. */
static uint64_t number(struct ry_str id)
{
    uint64_t value = 0;
    ry_str_u64(id, &value);
    return value;
}

static void drop(struct settings_cache *cache, size_t i)
{
    scan_settings_unref(&cache->entries[i].settings);
    cache->size--;
    memmove(&cache->entries[i], &cache->entries[i + 1], (cache->size - i) * sizeof cache->entries[0]);
}

struct settings_cache *settings_cache_new(int64_t ttl_ms)
{
    struct settings_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL)
        cache->ttl_ms = ttl_ms;
    return cache;
}

void settings_cache_free(struct settings_cache **cache)
{
    if (*cache == NULL)
        return;
    settings_cache_invalidate(*cache, (struct ry_str){0}, (struct ry_str){0});
    free(*cache);
    *cache = NULL;
}

/* The place of a channel's entry; cache->size when it has none. */
static size_t find(const struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id)
{
    uint64_t guild = number(guild_id);
    uint64_t channel = number(channel_id);
    size_t i = 0;
    while (i < cache->size && (cache->entries[i].guild_id != guild || cache->entries[i].channel_id != channel))
        i++;
    return i;
}

struct scan_settings *settings_cache_get(struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id,
                                         bool permitted, int64_t now_mono_ms)
{
    size_t i = find(cache, guild_id, channel_id);
    if (i == cache->size || cache->entries[i].ends_mono_ms <= now_mono_ms ||
        (permitted && !cache->entries[i].permitted)) {
        cache->misses++;
        return NULL;
    }
    cache->hits++;
    return scan_settings_ref(cache->entries[i].settings);
}

void settings_cache_put(struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id,
                        struct scan_settings *settings, bool permitted, int64_t now_mono_ms)
{
    if (cache->ttl_ms <= 0)
        return;
    size_t i = find(cache, guild_id, channel_id);
    if (i < cache->size)
        drop(cache, i);
    else if (cache->size == SETTINGS_CACHE_MAX)
        drop(cache, 0);
    cache->entries[cache->size++] = (struct entry){.guild_id = number(guild_id),
                                                   .channel_id = number(channel_id),
                                                   .settings = scan_settings_ref(settings),
                                                   .permitted = permitted,
                                                   .ends_mono_ms = now_mono_ms + cache->ttl_ms};
}

void settings_cache_invalidate(struct settings_cache *cache, struct ry_str guild_id, struct ry_str channel_id)
{
    uint64_t guild = number(guild_id);
    uint64_t channel = number(channel_id);
    for (size_t i = cache->size; i-- > 0;)
        if ((guild == 0 || cache->entries[i].guild_id == guild) &&
            (channel == 0 || cache->entries[i].channel_id == channel))
            drop(cache, i);
}

struct settings_cache_figures settings_cache_figures(const struct settings_cache *cache)
{
    return (struct settings_cache_figures){cache->size, cache->hits, cache->misses};
}
