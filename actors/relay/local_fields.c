/* local_fields.c: what never crosses nodes.
 *
 * A message that is declared to stay is neither sent nor taken: what is asked of other nodes is work, and never to
 * delete something. Fields that are declared LOCAL name something of this host: a folder, or that its files may be
 * read. They are left out of what is sent, so that the other node does without them, clip by clip, with its own reason.
 * What comes with one is refused: no node of the fleet sends such a thing, and what it names would be files of this
 * host. */
#include "actors/relay/local_fields.h"

#include "proto/codec.h"
#include "proto/crossing.h"
#include "runtime/actor/forward.h"

#define ARENA_BYTES ((size_t)256 << 20)

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
    if (rc != RY_OK || !ry_local_has(&mail->descriptor->record))
        return rc;
    struct ry_arena arena = ry_arena_make(ARENA_BYTES);
    struct ry_envelope envelope;
    struct ry_frames frames;
    void *message = NULL;
    RY_BUF_AUTO again = ry_buf_make(out->max);
    rc = ry_crossing_read(ry_buf_str(out), mail->descriptor, &envelope, &frames, &arena, &message);
    if (rc == RY_OK && ry_local_blank(&mail->descriptor->record, message)) {
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
