#include "runtime/cli/message_json.h"

/* How a list lies in a message's struct, whatever its items are. */
struct any_list {
    const char *items;
    size_t n;
};

static struct json_object *string_json(struct ry_str text)
{
    return text.p ? json_object_new_string_len(text.p, (int)text.n) : NULL;
}

static struct json_object *strings_json(const struct ry_strs *strings)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; array && i < strings->n; i++)
        (void)json_object_array_add(array, string_json(strings->items[i]));
    return array;
}

static struct json_object *list_json(const struct ry_record *record, const struct any_list *list)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; array && i < list->n; i++)
        (void)json_object_array_add(array, ry_message_json(record, list->items + i * record->size));
    return array;
}

static struct json_object *field_json(const struct ry_field *field, const void *at)
{
    switch (field->type) {
    case RY_FIELD_STR: return string_json(*(const struct ry_str *)at);
    case RY_FIELD_U64: return json_object_new_uint64(*(const uint64_t *)at);
    case RY_FIELD_I64: return json_object_new_int64(*(const int64_t *)at);
    case RY_FIELD_F64: return json_object_new_double(*(const double *)at);
    case RY_FIELD_BOOL: return json_object_new_boolean(*(const bool *)at);
    case RY_FIELD_STRS: return strings_json(at);
    case RY_FIELD_LIST: return list_json(field->record, at);
    case RY_FIELD_BLOB: break;
    }
    return NULL;
}

struct json_object *ry_message_json(const struct ry_record *record, const void *message)
{
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; object && i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if (field->type != RY_FIELD_BLOB && !(field->flags & RY_FLAG_SECRET))
            (void)json_object_object_add(object, field->name, field_json(field, (const char *)message + field->offset));
    }
    return object;
}

void ry_message_json_print(struct json_object *object, FILE *out)
{
    (void)fprintf(out, "%s\n",
                  json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE |
                                                             JSON_C_TO_STRING_SPACED));
}
