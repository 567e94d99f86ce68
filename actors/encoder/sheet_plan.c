/* sheet_plan.c: see sheet_plan.h.
 *
 * Pure but for the index that libavformat has made. The index is a stranger's: its times may be anything, in any order;
 * what comes of that is a storyboard of odd pictures, never a read outside. */
#include "actors/encoder/sheet_plan.h"

#include <math.h>

#include "actors/encoder/duration.h"

/* A fortieth of a large file, so that with its index it is less than 3 %; of a small one what its key frames need. */
#define BUDGET_SHARE_OF_ALL 40
#define BUDGET_MIN_BYTES    ((uint64_t)1536 << 10)
#define BUDGET_MAX_BYTES    ((uint64_t)24 << 20)

/* Matroska's cues name clusters, not samples: so much is fetched of each at first. */
#define CLUSTER_BYTES ((uint64_t)48 << 10)

/* Before a sample of AVI stands the head of its chunk, behind it the next one's, which is read with it. */
#define CHUNK_BYTES 64

uint64_t sheet_plan_budget(uint64_t total_bytes)
{
    uint64_t share = total_bytes / BUDGET_SHARE_OF_ALL;
    share = share > BUDGET_MIN_BYTES ? share : BUDGET_MIN_BYTES;
    return share < BUDGET_MAX_BYTES ? share : BUDGET_MAX_BYTES;
}

static bool is_key(const AVIndexEntry *entry)
{
    return (entry->flags & AVINDEX_KEYFRAME) && entry->pos >= 0 && entry->size >= 0;
}

/* Seconds since the first picture. MP4's entries tell when to decode, which is before the picture is shown, but for all
 * by about the same time: they count from the first one. */
static double seconds_of(const struct media *media, const AVIndexEntry *entry)
{
    double first_s = 0;
    if (media->container->kind == CONTAINER_MP4)
        first_s = media_seconds(media, avformat_index_get_entry(media->video, 0)->timestamp);
    return media_seconds(media, entry->timestamp) - first_s;
}

static struct sheet_key key_of(const struct media *media, int number)
{
    const AVIndexEntry *entry = avformat_index_get_entry(media->video, number);
    uint64_t length = entry->size > 0 ? (uint64_t)entry->size : CLUSTER_BYTES;
    if (media->container->kind == CONTAINER_AVI)
        length += CHUNK_BYTES;
    return (struct sheet_key){.entry = number,
                              .time = entry->timestamp,
                              .at_s = seconds_of(media, entry),
                              .offset = (uint64_t)entry->pos,
                              .length = length};
}

/* How long the video is, by its own words or by its last key frames. */
static double length_of(const struct media *media, int last_key, int key_count)
{
    double duration_s = duration_of(media);
    if (duration_s > 0)
        return duration_s;
    double last_s = seconds_of(media, avformat_index_get_entry(media->video, last_key));
    return last_s > 0 ? last_s * key_count / (key_count > 1 ? key_count - 1 : 1) : 0;
}

/* Takes the key frame next to the middle of each of `count` parts; each key frame once. */
static void choose(const struct media *media, size_t count, double length_s, struct sheet_plan *plan)
{
    int entries = avformat_index_get_entries_count(media->video), at = 0, previous = -1;
    *plan = (struct sheet_plan){.count = count, .step_s = length_s / (double)count};
    for (size_t part = 0; part < count; part++) {
        double middle_s = ((double)part + 0.5) * plan->step_s;
        for (; at < entries; at++) {
            const AVIndexEntry *entry = avformat_index_get_entry(media->video, at);
            if (!is_key(entry))
                continue;
            if (previous >= 0 && seconds_of(media, entry) > middle_s)
                break;
            previous = at;
        }
        int chosen = previous;
        if (at < entries) {
            double before_s = seconds_of(media, avformat_index_get_entry(media->video, previous));
            double behind_s = seconds_of(media, avformat_index_get_entry(media->video, at));
            chosen = behind_s - middle_s < middle_s - before_s ? at : previous;
        }
        if (plan->key_count == 0 || plan->keys[plan->key_count - 1].entry < chosen)
            plan->keys[plan->key_count++] = key_of(media, chosen);
        plan->shows[part] = plan->key_count - 1;
    }
}

static uint64_t bytes_of(const struct sheet_plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->key_count; i++)
        bytes += plan->keys[i].length;
    return bytes;
}

bool sheet_plan_make(struct media *media, struct sheet_plan *plan)
{
    if (!media->video || !media->indexed || media->fragmented)
        return false;
    int entries = avformat_index_get_entries_count(media->video), key_count = 0, last = -1;
    for (int i = 0; i < entries; i++)
        if (is_key(avformat_index_get_entry(media->video, i))) {
            key_count++;
            last = i;
        }
    if (key_count == 0)
        return false;
    double length_s = length_of(media, last, key_count);
    size_t count = key_count < SHEET_PICTURES_MAX ? (size_t)key_count : SHEET_PICTURES_MAX;
    if (length_s <= 0)
        count = 1;
    choose(media, count, length_s, plan);
    while (count > 1 && bytes_of(plan) > sheet_plan_budget(media->windows->total_bytes))
        choose(media, --count, length_s, plan);
    return true;
}
