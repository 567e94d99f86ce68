/* codec_unpack.c: a body and its frames to a message's struct.
 *
 * Written against a hostile sender: no count is believed before the bytes left and the field's limit allow it, so that
 * what is allocated is bounded by what was sent (and by the arena), and depth by the declarations. */
#include "proto/check.h"
#include "proto/codec.h"
#include "proto/wire.h"
#include "runtime/base/assert.h"

struct unpacking {
    struct ry_wire in;
    struct ry_frame *const *frames;
    size_t frame_count;
    size_t next_frame; /* frames are named in their order, each once */
    struct ry_arena *arena;
    struct ry_error *err;
};

static int wrong_type(const struct unpacking *self, const struct ry_path *path, const char *wanted)
{
    return ry_refuse(self->err, RY_EINVAL, path, "is not %s, or cut off", wanted);
}

static int take_strs(struct unpacking *self, const struct ry_field *field, struct ry_strs *strs,
                     const struct ry_path *path)
{
    size_t n = 0;
    if (!ry_wire_array(&self->in, &n))
        return wrong_type(self, path, "a list");
    int rc = ry_check_count(field, n, path, self->err);
    if (rc != RY_OK)
        return rc;
    strs->items = ry_arena_array(self->arena, n, sizeof *strs->items);
    if (strs->items == NULL)
        return ry_refuse(self->err, RY_ENOMEM, path, "does not fit in memory");
    strs->n = n;
    struct ry_path item = *path;
    for (size_t i = 0; i < n; i++) {
        item.index = i;
        if (!ry_wire_str(&self->in, &strs->items[i]))
            return wrong_type(self, &item, "a string");
    }
    return RY_OK;
}

static int take_blob(struct unpacking *self, struct ry_blob *blob, const struct ry_path *path)
{
    uint64_t index = 0;
    if (ry_wire_nil(&self->in))
        return RY_OK;
    if (!ry_wire_u64(&self->in, &index))
        return wrong_type(self, path, "the index of a frame");
    if (index != self->next_frame)
        return ry_refuse(self->err, RY_EINVAL, path, "names frame %llu where frame %zu is next",
                         (unsigned long long)index, self->next_frame);
    if (index >= self->frame_count)
        return ry_refuse(self->err, RY_EINVAL, path, "names frame %zu of %zu", self->next_frame, self->frame_count);
    blob->frame = self->frames[self->next_frame++];
    blob->n = ry_frame_size(blob->frame);
    blob->p = ry_frame_data(blob->frame);
    if (blob->p == NULL)
        blob->p = ""; /* wrapped memory of no bytes: empty, not absent */
    return RY_OK;
}

static int take_record(struct unpacking *self, const struct ry_record *record, void *to, const struct ry_path *up);

static int take_list(struct unpacking *self, const struct ry_field *field, struct ry_list *list,
                     const struct ry_path *path)
{
    size_t n = 0;
    if (!ry_wire_array(&self->in, &n))
        return wrong_type(self, path, "a list");
    int rc = ry_check_count(field, n, path, self->err);
    if (rc != RY_OK)
        return rc;
    list->items = ry_arena_array(self->arena, n, field->record->size);
    if (list->items == NULL)
        return ry_refuse(self->err, RY_ENOMEM, path, "does not fit in memory");
    list->n = n;
    struct ry_path item = *path;
    for (size_t i = 0; rc == RY_OK && i < n; i++) {
        item.index = i;
        rc = take_record(self, field->record, (char *)list->items + i * field->record->size, &item);
    }
    return rc;
}

static int take_field(struct unpacking *self, const struct ry_field *field, void *at, const struct ry_path *path)
{
    switch (field->type) {
    case RY_FIELD_STR:
        return ry_wire_nil(&self->in) || ry_wire_str(&self->in, at) ? RY_OK : wrong_type(self, path, "a string");
    case RY_FIELD_U64: return ry_wire_u64(&self->in, at) ? RY_OK : wrong_type(self, path, "a natural number");
    case RY_FIELD_I64: return ry_wire_i64(&self->in, at) ? RY_OK : wrong_type(self, path, "a whole number");
    case RY_FIELD_F64: return ry_wire_f64(&self->in, at) ? RY_OK : wrong_type(self, path, "a double");
    case RY_FIELD_BOOL: return ry_wire_bool(&self->in, at) ? RY_OK : wrong_type(self, path, "a boolean");
    case RY_FIELD_BLOB: return take_blob(self, at, path);
    case RY_FIELD_STRS: return take_strs(self, field, at, path);
    case RY_FIELD_LIST: return take_list(self, field, at, path);
    }
    return ry_refuse(self->err, RY_EBUG, path, "has no type");
}

/* Fields that an older sender does not have yet stay zero (absent, empty) and must be allowed to be that; those that a
 * newer one has in addition are stepped over. */
static int take_record(struct unpacking *self, const struct ry_record *record, void *to, const struct ry_path *up)
{
    size_t n = 0;
    if (!ry_wire_array(&self->in, &n))
        return wrong_type(self, up, "an array of fields");
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        struct ry_path path = ry_path_of(up, field->name);
        int rc = i < n ? take_field(self, field, (char *)to + field->offset, &path) : RY_OK;
        if (rc == RY_OK)
            rc = ry_check_field(field, to, RY_CHECK_TEXTS, &path, self->err);
        if (rc != RY_OK)
            return rc;
    }
    if (n > record->field_count && !ry_wire_skip(&self->in, n - record->field_count))
        return ry_refuse(self->err, RY_EINVAL, up, "has further fields that are not msgpack, or cut off");
    return RY_OK;
}

static int unpack(struct unpacking *self, const struct ry_record *record, void **out)
{
    struct ry_path path = ry_path_of(NULL, record->name);
    void *to = ry_arena_alloc(self->arena, record->size);
    if (to == NULL)
        return ry_refuse(self->err, RY_ENOMEM, &path, "does not fit in memory");
    int rc = take_record(self, record, to, &path);
    RY_ASSERT(self->in.p <= self->in.end && self->next_frame <= self->frame_count, "%s: frame %zu of %zu", record->name,
              self->next_frame, self->frame_count);
    if (rc != RY_OK)
        return rc;
    if (ry_wire_left(&self->in) > 0)
        return ry_refuse(self->err, RY_EINVAL, &path, "has %zu trailing bytes", ry_wire_left(&self->in));
    if (self->next_frame != self->frame_count)
        return ry_refuse(self->err, RY_EINVAL, &path, "has %zu frames left over", self->frame_count - self->next_frame);
    *out = to;
    return RY_OK;
}

int ry_unpack(const struct ry_descriptor *descriptor, struct ry_str body, struct ry_frame *const *frames,
              size_t frame_count, struct ry_arena *arena, void **message, struct ry_error *err)
{
    struct unpacking self = {
        .in = ry_wire_of(body), .frames = frames, .frame_count = frame_count, .arena = arena, .err = err};
    return unpack(&self, &descriptor->record, message);
}

int ry_unpack_record(const struct ry_record *record, struct ry_str body, struct ry_arena *arena, void **to,
                     struct ry_error *err)
{
    struct unpacking self = {.in = ry_wire_of(body), .arena = arena, .err = err};
    return unpack(&self, record, to);
}
