/* message_json.c: see message_json.h. Pure; walks a message by its descriptor. */
#include "runtime/cli/message_json.h"

/* How a list lies in a message's struct, whatever its items are. */
struct any_list {
    const char *items;
    size_t n;
};

static void put_strings(struct ry_json_writer *writer, const char *name, const struct ry_strs *strings)
{
    ry_json_put_array(writer, name);
    for (size_t i = 0; i < strings->n; i++)
        ry_json_put_str(writer, NULL, strings->items[i]);
    ry_json_put_end(writer);
}

static void put_list(struct ry_json_writer *writer, const char *name, const struct ry_record *record,
                     const struct any_list *list)
{
    ry_json_put_array(writer, name);
    for (size_t i = 0; i < list->n; i++)
        ry_message_json(writer, NULL, record, list->items + i * record->size);
    ry_json_put_end(writer);
}

static void put_field(struct ry_json_writer *writer, const struct ry_field *field, const void *at)
{
    const char *name = field->name;
    switch (field->type) {
    case RY_FIELD_STR: ry_json_put_str(writer, name, *(const struct ry_str *)at); break;
    case RY_FIELD_U64: ry_json_put_u64(writer, name, *(const uint64_t *)at); break;
    case RY_FIELD_I64: ry_json_put_i64(writer, name, *(const int64_t *)at); break;
    case RY_FIELD_F64: ry_json_put_f64(writer, name, *(const double *)at, -1); break;
    case RY_FIELD_BOOL: ry_json_put_bool(writer, name, *(const bool *)at); break;
    case RY_FIELD_STRS: put_strings(writer, name, at); break;
    case RY_FIELD_LIST: put_list(writer, name, field->record, at); break;
    case RY_FIELD_BLOB: break;
    }
}

void ry_message_json_fields(struct ry_json_writer *writer, const struct ry_record *record, const void *message,
                            const char *except)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if (!(field->flags & RY_FLAG_SECRET) && (except == NULL || strcmp(field->name, except) != 0))
            put_field(writer, field, (const char *)message + field->offset);
    }
}

void ry_message_json(struct ry_json_writer *writer, const char *name, const struct ry_record *record,
                     const void *message)
{
    ry_json_put_object(writer, name);
    ry_message_json_fields(writer, record, message, NULL);
    ry_json_put_end(writer);
}

int ry_message_json_print(const struct ry_buf *text, FILE *out, struct ry_error *err)
{
    if (text->failed)
        return ry_fail(err, RY_ENOMEM, "no memory for what is to be printed");
    (void)fwrite(text->p, 1, text->n, out);
    (void)fputc('\n', out);
    return RY_OK;
}
