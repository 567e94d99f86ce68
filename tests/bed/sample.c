/* sample.c: one valid sample of every message, made from the descriptors. */
#include "tests/bed/sample.h"

#include <stdlib.h>

struct making {
    enum sample_edge edge;
    struct ry_arena *arena;
    struct ry_frames *frames;
};

/* Tests cannot go on without memory. */
static void *need(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* n bytes of UTF-8 with characters of every length, beginning with the field's name. */
static struct ry_str text_of(const struct making *self, const char *name, size_t n)
{
    static const char *const characters[] = {"a", "é", "€", "🎬"}; /* of 1 to 4 bytes */
    char *text = need(ry_arena_alloc(self->arena, n + 1));
    size_t used = strlen(name) < n ? strlen(name) : n;
    memcpy(text, name, used);
    for (size_t i = 0; used < n; i++) {
        const char *next = characters[i % 4];
        size_t bytes = i % 4 + 1;
        if (bytes > n - used) {
            next = "z";
            bytes = 1;
        }
        memcpy(text + used, next, bytes);
        used += bytes;
    }
    return (struct ry_str){text, n};
}

static size_t between(const struct making *self, const struct ry_field *field, size_t typical)
{
    size_t n = self->edge == SAMPLE_LEAST  ? (size_t)field->min.u
               : self->edge == SAMPLE_MOST ? (size_t)field->max.u
                                           : typical;
    n = n < field->min.u ? (size_t)field->min.u : n;
    return n > field->max.u ? (size_t)field->max.u : n;
}

static bool left_out(const struct making *self, const struct ry_field *field)
{
    return self->edge == SAMPLE_LEAST && !(field->flags & RY_FLAG_REQUIRED);
}

static struct ry_str make_str(const struct making *self, const struct ry_field *field)
{
    if (left_out(self, field))
        return (struct ry_str){NULL, 0};
    if (field->flags & RY_FLAG_SNOWFLAKE)
        return self->edge == SAMPLE_LEAST  ? RY_STR("1")
               : self->edge == SAMPLE_MOST ? RY_STR("9223372036854775807")
                                           : RY_STR("175928847299117063");
    return text_of(self, field->name, between(self, field, strlen(field->name) + 4));
}

static struct ry_blob make_blob(const struct making *self, const struct ry_field *field)
{
    static char nothing[8] = "nothing";
    if (left_out(self, field))
        return (struct ry_blob){0};
    size_t n = between(self, field, 12);
    struct ry_frame *frame = NULL;
    if (self->edge == SAMPLE_MOST) {
        frame = need(ry_frame_wrap(nothing, n, NULL, NULL));
    } else {
        frame = need(ry_frame_new(n));
        memset(ry_frame_data(frame), 'f', n);
    }
    if (self->frames->n == RY_FRAMES_MAX)
        abort();
    self->frames->items[self->frames->n++] = frame;
    return (struct ry_blob){ry_frame_data(frame), n, frame};
}

static size_t list_length(const struct making *self, const struct ry_field *field)
{
    size_t n = between(self, field, 2);
    return self->edge == SAMPLE_MOST && n > SAMPLE_LIST_FULL ? 3 : n;
}

static uint64_t typical_number(const char *name)
{
    uint64_t sum = 0;
    for (; *name; name++)
        sum = sum * 31 + (unsigned char)*name;
    return sum % 100000;
}

static void make_record(const struct making *self, const struct ry_record *record, void *to);

static void make_list(const struct making *self, const struct ry_field *field, void *at)
{
    struct {
        void *items;
        size_t n;
    } list = {.n = list_length(self, field)};
    list.items = need(ry_arena_array(self->arena, list.n, field->record->size));
    for (size_t i = 0; i < list.n; i++)
        make_record(self, field->record, (char *)list.items + i * field->record->size);
    memcpy(at, &list, sizeof list);
}

static void make_strs(const struct making *self, const struct ry_field *field, struct ry_strs *strs)
{
    strs->n = list_length(self, field);
    strs->items = need(ry_arena_array(self->arena, strs->n, sizeof *strs->items));
    for (size_t i = 0; i < strs->n; i++)
        strs->items[i] = text_of(self, field->name, self->edge == SAMPLE_MOST ? 4096 : i);
}

static void make_number(const struct making *self, const struct ry_field *field, void *at)
{
    uint64_t number = typical_number(field->name);
    uint64_t *u = at;
    int64_t *i = at;
    double *f = at;
    switch (self->edge) {
    case SAMPLE_LEAST: memcpy(at, &field->min, 8); return;
    case SAMPLE_MOST: memcpy(at, &field->max, 8); return;
    case SAMPLE_TYPICAL: break;
    }
    if (field->type == RY_FIELD_U64)
        *u = field->min.u + number > field->max.u ? field->min.u : field->min.u + number;
    else if (field->type == RY_FIELD_I64)
        *i = -(int64_t)number; /* every one of them may be negative */
    else
        *f = field->min.f + (field->max.f - field->min.f) / 3;
}

static void make_field(const struct making *self, const struct ry_field *field, void *at)
{
    switch (field->type) {
    case RY_FIELD_STR: *(struct ry_str *)at = make_str(self, field); break;
    case RY_FIELD_U64:
    case RY_FIELD_I64:
    case RY_FIELD_F64: make_number(self, field, at); break;
    case RY_FIELD_BOOL: *(bool *)at = self->edge != SAMPLE_LEAST; break;
    case RY_FIELD_BLOB: *(struct ry_blob *)at = make_blob(self, field); break;
    case RY_FIELD_STRS: make_strs(self, field, at); break;
    case RY_FIELD_LIST: make_list(self, field, at); break;
    }
}

static void make_record(const struct making *self, const struct ry_record *record, void *to)
{
    for (size_t i = 0; i < record->field_count; i++)
        make_field(self, &record->fields[i], (char *)to + record->fields[i].offset);
}

void *sample_make(const struct ry_descriptor *descriptor, enum sample_edge edge, struct ry_arena *arena,
                  struct ry_frames *frames)
{
    struct making self = {edge, arena, frames};
    void *message = need(ry_arena_alloc(arena, descriptor->record.size));
    make_record(&self, &descriptor->record, message);
    return message;
}

void *sample_record(const struct ry_record *record, enum sample_edge edge, struct ry_arena *arena)
{
    struct making self = {edge, arena, NULL};
    void *made = need(ry_arena_alloc(arena, record->size));
    make_record(&self, record, made);
    return made;
}

static bool lists(const struct ry_record *whole, const struct ry_record *part)
{
    for (size_t i = 0; i < whole->field_count; i++)
        if (whole->fields[i].record == part)
            return true;
    return false;
}

bool sample_is_lone(const struct ry_record *record)
{
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    bool listed = false;
    for (size_t i = 0; i < count; i++)
        listed = listed || lists(&descriptors[i].record, record);
    const struct ry_record *const *records = ry_records(&count);
    for (size_t i = 0; i < count; i++)
        listed = listed || lists(records[i], record);
    return !listed;
}

static bool equal_list(const struct ry_field *field, const void *a, const void *b, const char **where)
{
    const struct ry_strs *x = a;
    const struct ry_strs *y = b;
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (field->type == RY_FIELD_STRS
                ? !ry_str_eq(x->items[i], y->items[i])
                : !sample_equal(field->record, (const char *)(const void *)x->items + i * field->record->size,
                                (const char *)(const void *)y->items + i * field->record->size, where))
            return false;
    return true;
}

static bool equal_blob(const struct ry_blob *a, const struct ry_blob *b)
{
    if (a->n != b->n || (a->p == NULL) != (b->p == NULL))
        return false;
    return a->p == b->p || memcmp(a->p, b->p, a->n) == 0;
}

static bool equal_field(const struct ry_field *field, const void *a, const void *b, const char **where)
{
    switch (field->type) {
    case RY_FIELD_STR: return ry_str_eq(*(const struct ry_str *)a, *(const struct ry_str *)b);
    case RY_FIELD_U64:
    case RY_FIELD_I64:
    case RY_FIELD_F64: return memcmp(a, b, 8) == 0;
    case RY_FIELD_BOOL: return *(const bool *)a == *(const bool *)b;
    case RY_FIELD_BLOB: return equal_blob(a, b);
    case RY_FIELD_STRS:
    case RY_FIELD_LIST: return equal_list(field, a, b, where);
    }
    return false;
}

bool sample_equal(const struct ry_record *record, const void *a, const void *b, const char **where)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if (where)
            *where = field->name;
        if (!equal_field(field, (const char *)a + field->offset, (const char *)b + field->offset, where))
            return false;
    }
    return true;
}
