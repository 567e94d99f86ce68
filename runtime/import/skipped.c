/* skipped.c: see skipped.h. */
#include "runtime/import/skipped.h"

#include <inttypes.h>

static const struct {
    enum ry_counter counter;
    const char *name; /* in JSON */
    const char *one, *many;
} kinds[RY_SKIPPED_KINDS] = {
    {RY_COUNTER_skipped_images, "images", "image", "images"},
    {RY_COUNTER_skipped_sounds, "sounds", "sound file", "sound files"},
    {RY_COUNTER_skipped_texts, "texts", "text or document", "texts and documents"},
    {RY_COUNTER_skipped_archives, "archives", "archive or program", "archives and programs"},
    {RY_COUNTER_skipped_videos, "videos", "video of another format", "videos of other formats"},
    {RY_COUNTER_skipped_others, "others", "other file", "other files"},
    {RY_COUNTER_skipped_embeds, "embeds", "embedded video of another site", "embedded videos of other sites"},
};

struct ry_skipped ry_skipped_read(const uint64_t counters[RY_COUNTER_COUNT])
{
    struct ry_skipped skipped;
    for (size_t i = 0; i < RY_SKIPPED_KINDS; i++)
        skipped.n[i] = counters[kinds[i].counter];
    return skipped;
}

struct ry_skipped ry_skipped_since(const struct ry_skipped *now, const struct ry_skipped *then)
{
    struct ry_skipped skipped;
    for (size_t i = 0; i < RY_SKIPPED_KINDS; i++)
        skipped.n[i] = now->n[i] > then->n[i] ? now->n[i] - then->n[i] : 0;
    return skipped;
}

void ry_skipped_print(const struct ry_skipped *skipped, FILE *out)
{
    uint64_t total = 0;
    for (size_t i = 0; i < RY_SKIPPED_KINDS; i++)
        total += skipped->n[i];
    if (total == 0)
        return;
    fprintf(out, "skipped     %" PRIu64 " %s: ", total,
            total == 1 ? "file that is not a video to take" : "files that are not videos to take");
    const char *between = "";
    for (size_t i = 0; i < RY_SKIPPED_KINDS; i++) {
        if (skipped->n[i] == 0)
            continue;
        fprintf(out, "%s%" PRIu64 " %s", between, skipped->n[i], skipped->n[i] == 1 ? kinds[i].one : kinds[i].many);
        between = ", ";
    }
    fputc('\n', out);
}

void ry_skipped_put(const struct ry_skipped *skipped, struct ry_json_writer *writer)
{
    ry_json_put_object(writer, "skipped");
    for (size_t i = 0; i < RY_SKIPPED_KINDS; i++)
        ry_json_put_u64(writer, kinds[i].name, skipped->n[i]);
    ry_json_put_end(writer);
}
