/* engine.c: what all engines share: the tables of a batch, the end of a cooldown.
 *
 * Pure; owns nothing. Neither engine decides for itself which rows belong to which table, or when a purge's cooldown
 * ends. */
#include "actors/writer/engine_open.h"
#include "runtime/base/assert.h"

void writer_engine_close(struct writer_engine **engine)
{
    if (*engine == NULL)
        return;
    (*engine)->ops->close(*engine);
    *engine = NULL;
}

bool writer_clip_tells(const struct ry_clip_row *clip)
{
    return clip->placeholder.n > 0 || clip->source_kind.n > 0 || clip->source_url.n > 0 || clip->edited_wall_ms > 0 ||
           clip->pinned;
}

size_t writer_table_rows(const struct ry_batch_write *batch, enum writer_table table)
{
    switch (table) {
    case WRITER_MEDIA_ROOTS: return batch->media_root.p != NULL;
    case WRITER_GUILDS: return batch->guilds.n;
    case WRITER_CHANNELS: return batch->channels.n;
    case WRITER_AUTHORS: return batch->authors.n;
    case WRITER_MESSAGES: return batch->messages.n;
    case WRITER_CLIPS: return batch->clips.n;
    case WRITER_TABLE_COUNT: break;
    }
    return 0;
}

const char *writer_table_name(enum writer_table table)
{
    RY_ASSERT(table < WRITER_TABLE_COUNT, "table %d", (int)table);
    static const char *const names[WRITER_TABLE_COUNT] = {
        [WRITER_MEDIA_ROOTS] = "reelyard_media_root",
        [WRITER_GUILDS] = "guild",
        [WRITER_CHANNELS] = "channel",
        [WRITER_AUTHORS] = "author",
        [WRITER_MESSAGES] = "message",
        [WRITER_CLIPS] = "clip",
    };
    return names[table];
}

int64_t writer_cooldown_end_wall_ms(const struct ry_purge *purge, int64_t now_wall_ms)
{
    int64_t cooldown_ms = purge->cooldown_ms;
    if (cooldown_ms <= 0)
        return 0;
    return now_wall_ms > WRITER_NEVER_WALL_MS || cooldown_ms > WRITER_NEVER_WALL_MS - now_wall_ms
               ? WRITER_NEVER_WALL_MS
               : now_wall_ms + cooldown_ms;
}
