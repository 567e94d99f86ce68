/* damaged.c: goes by the answer's descriptor, so that no kind of row is forgotten.
 *
 * A row is checked as the only one of an answer of its own. Numbers out of range become the nearest that is allowed, a
 * text that is too short is filled up, one that is too long is cut; `status` and `failure` or `reason`, where a record
 * has them, say what was wrong. */
#include "actors/writer/damaged.h"

#include <math.h>
#include <string.h>

#include "runtime/actor/actor.h"
#include "runtime/base/utf8.h"

/* A list of any record, and one of texts: each LIST and STRS field's struct begins like this. */
struct list {
    char *items;
    size_t n;
};

/* What stands where a text is missing; "0", so that an id is still one and sorts low. */
#define FILLER '0'

static void mend_text(const struct ry_field *field, struct ry_str *text, struct ry_arena *arena)
{
    if (text->p == NULL && !(field->flags & RY_FLAG_REQUIRED))
        return;
    struct ry_str head = text->p ? ry_utf8_head(*text, (size_t)field->max.u) : RY_STR("");
    size_t least = (size_t)field->min.u;
    size_t n = head.n > least ? head.n : least;
    char *copy = ry_arena_alloc(arena, n);
    if (copy == NULL)
        return;
    memcpy(copy, head.p, head.n);
    memset(copy + head.n, FILLER, n - head.n);
    *text = (struct ry_str){copy, n};
}

static void mend_field(const struct ry_field *field, char *row, struct ry_arena *arena)
{
    void *at = row + field->offset;
    switch (field->type) {
    case RY_FIELD_STR: mend_text(field, at, arena); break;
    case RY_FIELD_U64: {
        uint64_t *value = at;
        *value = *value < field->min.u ? field->min.u : *value > field->max.u ? field->max.u : *value;
        break;
    }
    case RY_FIELD_I64: {
        int64_t *value = at;
        *value = *value < field->min.i ? field->min.i : *value > field->max.i ? field->max.i : *value;
        break;
    }
    case RY_FIELD_F64: {
        double *value = at;
        *value = !isfinite(*value) || *value < field->min.f ? field->min.f
                 : *value > field->max.f                    ? field->max.f
                                                            : *value;
        break;
    }
    default: break;
    }
}

static void mark(const struct ry_record *record, char *row, struct ry_arena *arena, const struct ry_error *why)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        struct ry_str *text = (struct ry_str *)(void *)(row + field->offset);
        if (field->type != RY_FIELD_STR)
            continue;
        if (strcmp(field->name, "status") == 0)
            *text = RY_STR("damaged");
        else if (strcmp(field->name, "failure") == 0 || strcmp(field->name, "reason") == 0)
            *text = ry_arena_printf(arena, "its row in the database is damaged: %.300s", why->text);
    }
}

static bool fits(enum ry_tag tag, const struct ry_field *list, void *alone, const struct list *one,
                 struct ry_error *why)
{
    memcpy((char *)alone + list->offset, one, sizeof *one);
    return ry_check(tag, alone, why) == RY_OK;
}

/* Mends the row, or says that it is to be left out. */
static bool keep_row(const struct ry_field *list, char *row, enum damaged_way way, struct ry_arena *arena,
                     const struct ry_error *why)
{
    if (way == DAMAGED_LEFT_OUT || list->type != RY_FIELD_LIST)
        return false;
    for (size_t i = 0; i < list->record->field_count; i++)
        mend_field(&list->record->fields[i], row, arena);
    mark(list->record, row, arena, why);
    return true;
}

static size_t mend_list(enum ry_tag tag, const struct ry_field *field, struct list *list, void *alone,
                        enum damaged_way way, struct ry_arena *arena, struct ry_error *first)
{
    size_t size = field->type == RY_FIELD_LIST ? field->record->size : sizeof(struct ry_str);
    size_t kept = 0;
    size_t damaged = 0;
    for (size_t i = 0; i < list->n; i++) {
        char *row = list->items + i * size;
        struct list one = {row, 1};
        struct ry_error why = {0};
        struct ry_error still = {0};
        bool good = fits(tag, field, alone, &one, &why);
        if (!good && damaged++ == 0)
            *first = why;
        if (!good && (!keep_row(field, row, way, arena, &why) || !fits(tag, field, alone, &one, &still)))
            continue;
        memmove(list->items + kept++ * size, row, size);
    }
    list->n = kept;
    return damaged;
}

size_t damaged_rows(enum ry_tag tag, void *answer, enum damaged_way way, struct ry_arena *arena, struct ry_error *why)
{
    const struct ry_record *record = &ry_descriptor(tag)->record;
    void *alone = ry_arena_alloc(arena, record->size);
    size_t damaged = 0;
    if (way == DAMAGED_REFUSED || alone == NULL)
        return 0;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if (field->type != RY_FIELD_LIST && field->type != RY_FIELD_STRS)
            continue;
        struct list list;
        memset(alone, 0, record->size); /* an answer of which nothing but this row is there */
        memcpy(&list, (char *)answer + field->offset, sizeof list);
        damaged += mend_list(tag, field, &list, alone, way, arena, damaged == 0 ? why : &(struct ry_error){0});
        memcpy((char *)answer + field->offset, &list, sizeof list);
    }
    return damaged;
}
