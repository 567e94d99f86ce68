/* engine_sqlite_batch.c: the rows of a batch, one prepared upsert each.
 *
 * SQLite runs in this process, so a statement per row costs no round trip; a row that is already as wished is compared
 * and left alone, so that a rescan writes nothing at all. Text is cut to its column's width on the way. */
#include "actors/writer/engine_sqlite_ops.h"

static int upsert_media_root(struct lite *lite, const struct ry_batch_write *batch, size_t index,
                             struct writer_tally *tally, struct ry_error *err)
{
    (void)index;
    struct ry_str root = batch->media_root;
    while (root.n > 1 && root.p[root.n - 1] == '/')
        root.n--;
    return lite_run_id(lite, LITE_media_root_upsert, root, &tally->changed, err);
}

static int upsert_guild(struct lite *lite, const struct ry_batch_write *batch, size_t index, struct writer_tally *tally,
                        struct ry_error *err)
{
    const struct ry_guild_row *row = &batch->guilds.items[index];
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_guild_upsert, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->id);
    lite_bind_fit(lite, s, 2, row->name, WRITER_WIDTH_PLACE, &tally->cut);
    lite_bind_fit(lite, s, 3, row->icon_url, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_now(lite, s, 4);
    return lite_run(lite, s, &tally->changed, err);
}

static int upsert_channel(struct lite *lite, const struct ry_batch_write *batch, size_t index,
                          struct writer_tally *tally, struct ry_error *err)
{
    const struct ry_channel_row *row = &batch->channels.items[index];
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_channel_upsert, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->id);
    lite_bind(s, 2, batch->guild_id);
    lite_bind_fit(lite, s, 3, row->name, WRITER_WIDTH_PLACE, &tally->cut);
    lite_bind(s, 4, row->type);
    lite_bind(s, 5, row->parent_id);
    lite_bind_fit(lite, s, 6, row->topic, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_now(lite, s, 7);
    return lite_run(lite, s, &tally->changed, err);
}

static int upsert_author(struct lite *lite, const struct ry_batch_write *batch, size_t index,
                         struct writer_tally *tally, struct ry_error *err)
{
    const struct ry_author_row *row = &batch->authors.items[index];
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_author_upsert, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->user_id);
    lite_bind(s, 2, batch->guild_id);
    lite_bind_fit(lite, s, 3, row->username, WRITER_WIDTH_PERSON, &tally->cut);
    lite_bind_fit(lite, s, 4, row->discriminator, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_fit(lite, s, 5, row->avatar_url, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_fit(lite, s, 6, row->nickname, WRITER_WIDTH_PERSON, &tally->cut);
    lite_bind_fit(lite, s, 7, row->display_name, WRITER_WIDTH_PERSON, &tally->cut);
    lite_bind_fit(lite, s, 8, row->guild_avatar_url, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_now(lite, s, 9);
    return lite_run(lite, s, &tally->changed, err);
}

static int upsert_message(struct lite *lite, const struct ry_batch_write *batch, size_t index,
                          struct writer_tally *tally, struct ry_error *err)
{
    const struct ry_message_row *row = &batch->messages.items[index];
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_message_upsert, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->id);
    lite_bind(s, 2, batch->guild_id);
    lite_bind(s, 3, batch->channel_id);
    lite_bind(s, 4, row->author_id);
    lite_bind_fit(lite, s, 5, row->content, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_time(lite, s, 6, row->timestamp_wall_ms);
    lite_bind_now(lite, s, 7);
    return lite_run(lite, s, &tally->changed, err);
}

/* *wrote: the row was inserted or updated. */
static int write_clip(struct lite *lite, const struct ry_batch_write *batch, const struct ry_clip_row *row,
                      struct writer_tally *tally, bool *wrote, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clip_upsert, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->id);
    lite_bind(s, 2, row->message_id);
    lite_bind(s, 3, batch->guild_id);
    lite_bind(s, 4, batch->channel_id);
    lite_bind(s, 5, row->author_id);
    lite_bind(s, 6, row->visibility);
    lite_bind_fit(lite, s, 7, row->filename, WRITER_WIDTH_FILENAME, &tally->cut);
    lite_bind_u64(s, 8, row->file_size);
    lite_bind_fit(lite, s, 9, row->mime_type, WRITER_WIDTH_MIME, &tally->cut);
    lite_bind(s, 10, row->settings_hash);
    lite_bind_fit(lite, s, 11, row->url, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_time(lite, s, 12, row->expires_wall_ms);
    lite_bind_now(lite, s, 13);
    *wrote = false;
    while ((rc = lite_step(lite, s, err)) == 1) {
        *wrote = true;
        tally->changed++;
        tally->pending += sqlite3_column_int(s, 0) != 0;
    }
    return rc;
}

static int refresh_clip(struct lite *lite, const struct ry_clip_row *row, struct writer_tally *tally,
                        struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clip_refresh, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->id);
    lite_bind(s, 2, row->settings_hash);
    lite_bind_fit(lite, s, 3, row->url, WRITER_WIDTH_ANY, &tally->cut);
    lite_bind_time(lite, s, 4, row->expires_wall_ms);
    lite_bind_now(lite, s, 5);
    return lite_run(lite, s, &tally->changed, err);
}

/* What Discord tells of a clip and no column of the interface holds. Not counted: it is no row of the batch. */
static int tell_media(struct lite *lite, const struct ry_clip_row *row, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    uint64_t changed = 0;
    int rc = lite_get(lite, LITE_media_told, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, row->id);
    lite_bind(s, 2, row->placeholder);
    lite_bind(s, 3, row->source_kind);
    lite_bind(s, 4, row->source_url);
    if (row->edited_wall_ms > 0)
        lite_bind_time(lite, s, 5, row->edited_wall_ms);
    lite_bind_u64(s, 6, row->pinned);
    return lite_run(lite, s, &changed, err);
}

static int upsert_clip(struct lite *lite, const struct ry_batch_write *batch, size_t index, struct writer_tally *tally,
                       struct ry_error *err)
{
    const struct ry_clip_row *row = &batch->clips.items[index];
    bool wrote = false;
    int rc = write_clip(lite, batch, row, tally, &wrote, err);
    if (rc == RY_OK && !wrote)
        rc = refresh_clip(lite, row, tally, err);
    return rc == RY_OK && writer_clip_tells(row) ? tell_media(lite, row, err) : rc;
}

bool lite_is_of_other_guild(struct lite *lite, enum lite_statement which, struct ry_str id, struct ry_str guild_id)
{
    LITE_AUTO *s = NULL;
    if (lite_get(lite, which, &s, NULL) != RY_OK)
        return false;
    lite_bind(s, 1, id);
    lite_bind(s, 2, guild_id);
    return lite_step(lite, s, NULL) == 1;
}

/* After a row that broke a rule: whether that is because its id is that of another guild's row. */
static bool met_other_guild(struct lite *lite, enum writer_table table, const struct ry_batch_write *batch,
                            size_t index)
{
    switch (table) {
    case WRITER_CHANNELS:
        return lite_is_of_other_guild(lite, LITE_other_channel, batch->channels.items[index].id, batch->guild_id);
    case WRITER_MESSAGES:
        return lite_is_of_other_guild(lite, LITE_other_message, batch->messages.items[index].id, batch->guild_id);
    case WRITER_CLIPS:
        return lite_is_of_other_guild(lite, LITE_other_clip, batch->clips.items[index].id, batch->guild_id);
    default: return false;
    }
}

int lite_upsert(struct writer_engine *engine, enum writer_table table, const struct writer_slice *slices,
                size_t slice_count, struct ry_error *err)
{
    static int (*const upserts[WRITER_TABLE_COUNT])(struct lite *, const struct ry_batch_write *, size_t,
                                                    struct writer_tally *, struct ry_error *) = {
        [WRITER_MEDIA_ROOTS] = upsert_media_root, [WRITER_GUILDS] = upsert_guild,
        [WRITER_CHANNELS] = upsert_channel,       [WRITER_AUTHORS] = upsert_author,
        [WRITER_MESSAGES] = upsert_message,       [WRITER_CLIPS] = upsert_clip,
    };
    struct lite *lite = lite_of(engine);
    for (const struct writer_slice *slice = slices; slice < slices + slice_count; slice++)
        for (size_t i = slice->first; i < slice->first + slice->n; i++) {
            int rc = upserts[table](lite, slice->batch, i, slice->tally, err);
            if (rc == RY_ESCHEMA && met_other_guild(lite, table, slice->batch, i))
                rc = ry_fail(err, RY_EDATA, "the id is that of a row of another guild");
            if (rc != RY_OK)
                return rc;
        }
    return RY_OK;
}
