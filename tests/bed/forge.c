/* forge.c: fills the fields of a message by their names, so that the message refers to a subject that exists. Owns
 * nothing; strings are static or the caller's. */
#include "tests/bed/forge.h"

#include <stdlib.h>

struct forging {
    const struct forge_target *target;
    struct ry_arena *arena;
    struct ry_frames *frames;
    enum sample_edge edge;
};

/* Which part of the target a field of this name is about. An `id` is what its record is about. */
static const struct {
    const char *record; /* NULL: any */
    const char *field;
    size_t offset; /* of the string in the target */
} AIMS[] = {
#define AIM(record, field, what) \
    { \
        record, field, offsetof(struct forge_target, what) \
    }
    AIM(NULL, "clip_id", clip_id),
    AIM(NULL, "clip_ids", clip_id),
    AIM(NULL, "guild_id", guild_id),
    AIM(NULL, "channel_id", channel_id),
    AIM(NULL, "channel_ids", channel_id),
    AIM(NULL, "parent_id", channel_id),
    AIM(NULL, "message_id", message_id),
    AIM(NULL, "message_ids", message_id),
    AIM(NULL, "user_id", user_id),
    AIM(NULL, "user_ids", user_id),
    AIM(NULL, "author_id", user_id),
    AIM(NULL, "job_id", job_id),
    AIM(NULL, "storage_path", path),
    AIM(NULL, "paths", path),
    AIM(NULL, "url", url),
    AIM(NULL, "owner", owner),
    AIM(NULL, "instance", instance),
    AIM(NULL, "json", job),
    AIM(NULL, "next", job),
    AIM(NULL, "job", job),
    AIM(NULL, "mail", mail),
    AIM("guild_row", "id", guild_id),
    AIM("channel_row", "id", channel_id),
    AIM("message_row", "id", message_id),
    AIM("clip_row", "id", clip_id),
#undef AIM
};

/* Words that the receivers look at, where anything else would be put aside before it does harm. */
static const struct {
    const char *field;
    const char *words[2];
} WORDS[] = {
    {"size_type", {"small", "large"}},
    {"direction", {"forward", "backward"}},
    {"status", {"CANCELLED", "FAILED"}},
    {"media_root", {"/", "/tmp"}},
    {"mime_type", {"text/html", "text/html"}},
    {"type", {"text", "purge_guild"}},
    {"visibility", {"PUBLIC", "PRIVATE"}},
    {"defaults", {"{}", "{\"auto_archive_after\":{\"unit\":\"days\",\"count\":1}}"}},
};

static struct ry_str aim_of(const struct forging *self, const struct ry_record *record, const struct ry_field *field,
                            size_t index)
{
    for (size_t i = 0; i < sizeof AIMS / sizeof *AIMS; i++)
        if (strcmp(AIMS[i].field, field->name) == 0 &&
            (AIMS[i].record == NULL || strcmp(AIMS[i].record, record->name) == 0))
            return *(const struct ry_str *)(const void *)((const char *)self->target + AIMS[i].offset);
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(WORDS[i].field, field->name) == 0)
            return ry_str_of(WORDS[i].words[index % 2]);
    return (struct ry_str){NULL, 0};
}

static bool fits(const struct ry_field *field, struct ry_str text)
{
    return text.p && text.n >= field->min.u && text.n <= field->max.u &&
           (!(field->flags & RY_FLAG_SNOWFLAKE) || ry_str_is_snowflake(text));
}

static void put_blob(struct forging *self, const struct ry_field *field, struct ry_blob *blob, struct ry_str text)
{
    size_t n = blob->n < FORGE_BLOB_MAX ? blob->n : FORGE_BLOB_MAX;
    if (blob->p == NULL && text.p == NULL)
        return;
    if (strcmp(field->name, "ids") == 0)
        text = (struct ry_str){(const char *)&self->target->mail_id, sizeof self->target->mail_id};
    if (text.p && text.n <= field->max.u)
        n = text.n;
    struct ry_frame *frame = ry_frame_new(n);
    if (frame == NULL || self->frames->n == RY_FRAMES_MAX)
        abort();
    memset(ry_frame_data(frame), 'f', n);
    if (text.p && n == text.n)
        memcpy(ry_frame_data(frame), text.p, n);
    self->frames->items[self->frames->n++] = frame;
    *blob = (struct ry_blob){ry_frame_data(frame), n, frame};
}

static void aim_record(struct forging *self, const struct ry_record *record, void *at, size_t index);

static void aim_field(struct forging *self, const struct ry_record *record, const struct ry_field *field, void *at,
                      size_t index)
{
    struct ry_str text = aim_of(self, record, field, index);
    struct ry_strs *strs = at;
    switch (field->type) {
    case RY_FIELD_STR:
        if (fits(field, text) && (self->edge != SAMPLE_LEAST || (field->flags & RY_FLAG_REQUIRED)))
            *(struct ry_str *)at = text;
        break;
    case RY_FIELD_STRS:
        for (size_t i = 0; i < strs->n && text.p; i++)
            strs->items[i] = text;
        break;
    case RY_FIELD_BLOB: put_blob(self, field, at, text); break;
    case RY_FIELD_LIST:
        for (size_t i = 0; i < strs->n; i++) /* each list's struct begins alike */
            aim_record(self, field->record, (char *)(void *)strs->items + i * field->record->size, i);
        break;
    case RY_FIELD_U64:
        if (strcmp(field->name, "id") == 0 && self->target->mail_id != 0)
            *(uint64_t *)at = self->target->mail_id;
        break;
    case RY_FIELD_I64:
    case RY_FIELD_F64:
    case RY_FIELD_BOOL: break;
    }
}

static void aim_record(struct forging *self, const struct ry_record *record, void *at, size_t index)
{
    for (size_t i = 0; i < record->field_count; i++)
        aim_field(self, record, &record->fields[i], (char *)at + record->fields[i].offset, index);
}

void *forge_make(const struct ry_descriptor *descriptor, enum sample_edge edge, const struct forge_target *target,
                 struct ry_arena *arena, struct ry_frames *frames)
{
    struct ry_frames hollow = {.n = 0};
    void *message = sample_make(descriptor, edge, arena, &hollow);
    struct forging self = {target, arena, frames, edge};
    aim_record(&self, &descriptor->record, message, 0);
    ry_frames_clear(&hollow);
    return message;
}
