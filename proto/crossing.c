/* crossing.c: what means something on its own node only; see crossing.h. */
#include "proto/crossing.h"

#include <string.h>

#include "proto/codec.h"
#include "runtime/base/assert.h"

#define ARENA_BYTES ((size_t)256 << 20)

bool ry_local_has(const struct ry_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if ((field->flags & RY_FLAG_LOCAL) || (field->type == RY_FIELD_LIST && ry_local_has(field->record)))
            return true;
    }
    return false;
}

/* Blanks a field if it is a LOCAL one. True: it was set. */
static bool blank_field(const struct ry_field *field, void *at)
{
    struct ry_str *text = at;
    bool *truth = at;
    bool set = false;
    if (!(field->flags & RY_FLAG_LOCAL))
        return false;
    RY_ASSERT(field->type == RY_FIELD_STR || field->type == RY_FIELD_BOOL, "%s", field->name);
    if (field->type == RY_FIELD_STR) {
        set = text->p != NULL;
        *text = (struct ry_str){0};
    } else {
        set = *truth;
        *truth = false;
    }
    return set;
}

bool ry_local_blank(const struct ry_record *record, char *message)
{
    bool set = false;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        struct {
            char *items;
            size_t n;
        } list;
        set = blank_field(field, message + field->offset) || set;
        if (field->type != RY_FIELD_LIST || !ry_local_has(field->record))
            continue;
        memcpy(&list, message + field->offset, sizeof list);
        for (size_t k = 0; k < list.n; k++)
            set = ry_local_blank(field->record, list.items + k * field->record->size) || set;
    }
    return set;
}

int ry_crossing_read(struct ry_str whole, const struct ry_descriptor *descriptor, struct ry_envelope *envelope,
                     struct ry_frames *frames, struct ry_arena *arena, void **message)
{
    frames->n = 0;
    int rc = ry_mail_thaw(whole, envelope, frames->items, RY_FRAMES_MAX, NULL);
    if (rc != RY_OK)
        return rc;
    frames->n = envelope->frame_count;
    return ry_unpack(descriptor, envelope->body, frames->items, frames->n, arena, message, NULL);
}

const char *ry_crossing_fault(struct ry_str whole, const struct ry_descriptor *descriptor)
{
    if (!descriptor->may->crosses)
        return "it is a message that never crosses nodes";
    if (!ry_local_has(&descriptor->record))
        return NULL;
    struct ry_arena arena = ry_arena_make(ARENA_BYTES);
    struct ry_envelope envelope;
    struct ry_frames frames;
    void *message = NULL;
    const char *why = NULL;
    if (ry_crossing_read(whole, descriptor, &envelope, &frames, &arena, &message) != RY_OK)
        why = "it is malformed";
    else if (ry_local_blank(&descriptor->record, message))
        why = "it names files of a host";
    ry_frames_clear(&frames);
    ry_arena_free(&arena);
    return why;
}
