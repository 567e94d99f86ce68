/* fit.c: what never crosses nodes.
 *
 * A message that is declared to stay is neither sent nor taken: what is asked of other nodes is work, and never to
 * delete something. Fields that are declared LOCAL name something of this host: a folder, or that its files may be
 * read. They are left out of what is sent, so that the other node does without them, clip by clip, with its own reason.
 * What comes with one is refused: no node of the fleet sends such a thing, and what it names would be files of this
 * host. */
#include "actors/relay/relay.h"

#include "proto/codec.h"
#include "runtime/actor/forward.h"

#define ARENA_BYTES ((size_t)256 << 20)

static bool has_local_fields(const struct ry_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if ((field->flags & RY_FLAG_LOCAL) || (field->type == RY_FIELD_LIST && has_local_fields(field->record)))
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
    if (field->type == RY_FIELD_STR) {
        set = text->p != NULL;
        *text = (struct ry_str){0};
    } else if (field->type == RY_FIELD_BOOL) {
        set = *truth;
        *truth = false;
    }
    return set;
}

/* Blanks the LOCAL fields. True: one was set. */
static bool blank_local(const struct ry_record *record, char *message)
{
    bool set = false;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        struct {
            char *items;
            size_t n;
        } list;
        set = blank_field(field, message + field->offset) || set;
        if (field->type != RY_FIELD_LIST || !has_local_fields(field->record))
            continue;
        memcpy(&list, message + field->offset, sizeof list);
        for (size_t k = 0; k < list.n; k++)
            set = blank_local(field->record, list.items + k * field->record->size) || set;
    }
    return set;
}

/* The message of a whole mail in the arena, the frames with a reference each. */
static int read_message(struct ry_str whole, const struct ry_descriptor *descriptor, struct ry_envelope *envelope,
                        struct ry_frames *frames, struct ry_arena *arena, void **message)
{
    frames->n = 0;
    int rc = ry_mail_thaw(whole, envelope, frames->items, RY_FRAMES_MAX, NULL);
    if (rc != RY_OK)
        return rc;
    frames->n = envelope->frame_count;
    return ry_unpack(descriptor, envelope->body, frames->items, frames->n, arena, message, NULL);
}

/* Packs the message anew, with the envelope of before. */
static int pack_again(const struct ry_descriptor *descriptor, const void *message, struct ry_envelope envelope,
                      struct ry_buf *out)
{
    RY_BUF_AUTO body = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    struct ry_frames frames;
    frames.n = 0;
    int rc = ry_pack(descriptor, message, &body, &frames, NULL);
    envelope.body = ry_buf_str(&body);
    envelope.frame_count = (uint16_t)frames.n;
    if (rc == RY_OK) {
        ry_buf_reset(out);
        rc = ry_mail_freeze(&envelope, frames.items, out);
    }
    ry_frames_clear(&frames);
    return rc;
}

int relay_whole(const struct ry_mail *mail, struct ry_buf *out)
{
    int rc = ry_mail_whole(mail, out);
    if (rc != RY_OK || !has_local_fields(&mail->descriptor->record))
        return rc;
    struct ry_arena arena = ry_arena_make(ARENA_BYTES);
    struct ry_envelope envelope;
    struct ry_frames frames;
    void *message = NULL;
    RY_BUF_AUTO again = ry_buf_make(out->max);
    rc = read_message(ry_buf_str(out), mail->descriptor, &envelope, &frames, &arena, &message);
    if (rc == RY_OK && blank_local(&mail->descriptor->record, message)) {
        rc = pack_again(mail->descriptor, message, envelope, &again);
        if (rc == RY_OK) {
            struct ry_buf before = *out;
            *out = again;
            again = before;
        }
    }
    ry_frames_clear(&frames);
    ry_arena_free(&arena);
    return rc;
}

const char *relay_unfit(struct ry_str whole, const struct ry_descriptor *descriptor)
{
    if (!descriptor->may->crosses)
        return "it is a message that never crosses nodes";
    if (!has_local_fields(&descriptor->record))
        return NULL;
    struct ry_arena arena = ry_arena_make(ARENA_BYTES);
    struct ry_envelope envelope;
    struct ry_frames frames;
    void *message = NULL;
    const char *why = NULL;
    if (read_message(whole, descriptor, &envelope, &frames, &arena, &message) != RY_OK)
        why = "it is malformed";
    else if (blank_local(&descriptor->record, message))
        why = "it names files of another host";
    ry_frames_clear(&frames);
    ry_arena_free(&arena);
    return why;
}
