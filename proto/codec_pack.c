/* codec_pack.c: a message's struct to its body and frames. */
#include "proto/codec.h"

#include <stdlib.h>

#include <msgpack/pack.h>

#include "proto/check.h"
#include "proto/wire.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

struct packing {
    msgpack_packer packer;
    struct ry_wire_sink sink;
    struct ry_frames *frames;
    size_t first_frame; /* of this message in frames */
    enum ry_check_texts texts;
    struct ry_error *err;
};

void ry_frames_clear(struct ry_frames *frames)
{
    for (size_t i = 0; i < frames->n; i++)
        ry_frame_unref(frames->items[i]);
    frames->n = 0;
}

static void pack_str(struct packing *self, struct ry_str text)
{
    (void)msgpack_pack_str(&self->packer, text.n);
    (void)msgpack_pack_str_body(&self->packer, text.n ? text.p : "", text.n);
    struct ry_buf *out = self->sink.out;
    if (self->texts == RY_PASS_TEXTS && self->sink.rc == RY_OK && !ry_str_is_utf8(text)) {
        RY_ASSERT(out->n >= self->sink.start + text.n, "%zu bytes written of a text of %zu", out->n, text.n);
        ry_utf8_mend(out->p + out->n - text.n, text.n);
    }
}

static int pack_blob(struct packing *self, const struct ry_blob *blob, const struct ry_path *path)
{
    if (blob->frame == NULL && blob->p == NULL) {
        (void)msgpack_pack_nil(&self->packer);
        return RY_OK;
    }
    if (self->frames->n == RY_FRAMES_MAX)
        return ry_refuse(self->err, RY_ELIMIT, path, "is one frame more than %d", RY_FRAMES_MAX);
    struct ry_frame *frame = blob->frame ? ry_frame_ref(blob->frame) : ry_frame_copy(blob->p, blob->n);
    if (frame == NULL)
        return ry_refuse(self->err, RY_ENOMEM, path, "does not fit in memory");
    (void)msgpack_pack_uint64(&self->packer, self->frames->n - self->first_frame);
    self->frames->items[self->frames->n++] = frame;
    return RY_OK;
}

static int pack_record(struct packing *self, const struct ry_record *record, const void *from,
                       const struct ry_path *up);

static int pack_list(struct packing *self, const struct ry_field *field, const struct ry_list *list,
                     const struct ry_path *path)
{
    (void)msgpack_pack_array(&self->packer, list->n);
    struct ry_path item = *path;
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < list->n; i++) {
        item.index = i;
        rc = pack_record(self, field->record, (const char *)list->items + i * field->record->size, &item);
    }
    return rc;
}

static int pack_field(struct packing *self, const struct ry_field *field, const void *at, const struct ry_path *path)
{
    const struct ry_str *text = at;
    const struct ry_strs *strs = at;
    switch (field->type) {
    case RY_FIELD_STR:
        if (text->p)
            pack_str(self, *text);
        else
            (void)msgpack_pack_nil(&self->packer);
        break;
    case RY_FIELD_U64: (void)msgpack_pack_uint64(&self->packer, *(const uint64_t *)at); break;
    case RY_FIELD_I64: (void)msgpack_pack_int64(&self->packer, *(const int64_t *)at); break;
    case RY_FIELD_F64: (void)msgpack_pack_double(&self->packer, *(const double *)at); break;
    case RY_FIELD_BOOL:
        (void)(*(const bool *)at ? msgpack_pack_true(&self->packer) : msgpack_pack_false(&self->packer));
        break;
    case RY_FIELD_BLOB: return pack_blob(self, at, path);
    case RY_FIELD_STRS:
        (void)msgpack_pack_array(&self->packer, strs->n);
        for (size_t i = 0; i < strs->n; i++)
            pack_str(self, strs->items[i]);
        break;
    case RY_FIELD_LIST: return pack_list(self, field, at, path);
    }
    return RY_OK;
}

static int pack_record(struct packing *self, const struct ry_record *record, const void *from, const struct ry_path *up)
{
    (void)msgpack_pack_array(&self->packer, record->field_count);
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        struct ry_path path = ry_path_of(up, field->name);
        rc = ry_check_field(field, from, self->texts, &path, self->err);
        if (rc == RY_OK)
            rc = pack_field(self, field, (const char *)from + field->offset, &path);
    }
    return rc;
}

static int pack(struct packing *self, const struct ry_record *record, const void *from)
{
    msgpack_packer_init(&self->packer, &self->sink, ry_wire_write);
    struct ry_path path = ry_path_of(NULL, record->name);
    int rc = pack_record(self, record, from, &path);
    if (rc != RY_OK)
        ry_wire_undo(&self->sink);
    else if ((rc = ry_wire_finish(&self->sink)) != RY_OK)
        (void)ry_refuse(self->err, (enum ry_err)rc, &path, "does not fit in its buffer of %zu bytes",
                        self->sink.out->max);
    RY_ASSERT(self->first_frame <= self->frames->n && self->frames->n <= RY_FRAMES_MAX, "%s: frames %zu to %zu",
              record->name, self->first_frame, self->frames->n);
    if (rc != RY_OK)
        while (self->frames->n > self->first_frame)
            ry_frame_unref(self->frames->items[--self->frames->n]);
    return rc;
}

int ry_pack(const struct ry_descriptor *descriptor, const void *message, struct ry_buf *out, struct ry_frames *frames,
            struct ry_error *err)
{
    struct packing self = {
        .sink = ry_wire_sink_of(out), .frames = frames, .first_frame = frames->n, .texts = RY_CHECK_TEXTS, .err = err};
    return pack(&self, &descriptor->record, message);
}

int ry_pack_mended(const struct ry_descriptor *descriptor, const void *message, struct ry_buf *out,
                   struct ry_frames *frames, struct ry_error *err)
{
    struct packing self = {
        .sink = ry_wire_sink_of(out), .frames = frames, .first_frame = frames->n, .texts = RY_PASS_TEXTS, .err = err};
    return pack(&self, &descriptor->record, message);
}

int ry_pack_record(const struct ry_record *record, const void *from, struct ry_buf *out, struct ry_error *err)
{
    struct ry_frames none;
    none.n = 0;
    struct packing self = {.sink = ry_wire_sink_of(out), .frames = &none, .texts = RY_CHECK_TEXTS, .err = err};
    int rc = pack(&self, record, from);
    RY_ASSERT(none.n == 0, "%s has a blob", record->name);
    return rc;
}
