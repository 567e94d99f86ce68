/* codec_describe.c: a message as one line for people: logs, dead letters, `reelyard dead show`. */
#include <inttypes.h>

#include "proto/check.h"
#include "proto/codec.h"

/* Of a string this many bytes are shown, of a list this many items. */
#define SHOWN_BYTES 80
#define SHOWN_ITEMS 3

/* The part of a URL before its query and fragment, which may hold a signature. */
static struct ry_str without_query(struct ry_str url)
{
    size_t n = 0;
    while (n < url.n && url.p[n] != '?' && url.p[n] != '#')
        n++;
    return (struct ry_str){url.p, n};
}

/* A string's bytes that are shown: cut between characters. */
static size_t shown_bytes(struct ry_str text)
{
    if (text.n <= SHOWN_BYTES)
        return text.n;
    size_t n = SHOWN_BYTES;
    while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n--;
    return n;
}

static void describe_text(const struct ry_field *field, struct ry_str text, struct ry_buf *out)
{
    if (text.p == NULL) {
        (void)ry_buf_add_str(out, RY_STR("-"));
        return;
    }
    if (field->flags & RY_FLAG_SECRET) {
        (void)ry_buf_add_str(out, RY_STR("***"));
        return;
    }
    struct ry_str url = field->flags & RY_FLAG_URL ? without_query(text) : text;
    size_t shown = shown_bytes(url);
    (void)ry_buf_add_str(out, RY_STR("\""));
    size_t plain = 0; /* where the run of bytes that need no escape begins; added whole, so that no character is cut */
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)url.p[i];
        if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
            continue;
        (void)ry_buf_add(out, url.p + plain, i - plain);
        (void)ry_buf_addf(out, c == '"' || c == '\\' ? "\\%c" : "\\x%02x", c);
        plain = i + 1;
    }
    (void)ry_buf_add(out, url.p + plain, shown - plain);
    (void)ry_buf_add_str(out, RY_STR("\""));
    if (shown < text.n)
        (void)ry_buf_addf(out, "+%zu", text.n - shown);
}

static void describe_record(const struct ry_record *record, const void *from, struct ry_buf *out);

static void describe_list(const struct ry_field *field, const struct ry_list *list, struct ry_buf *out)
{
    (void)ry_buf_addf(out, "%zu[", list->n);
    for (size_t i = 0; i < list->n && i < SHOWN_ITEMS; i++) {
        if (i > 0)
            (void)ry_buf_add_str(out, RY_STR(" "));
        describe_record(field->record, (const char *)list->items + i * field->record->size, out);
    }
    (void)ry_buf_add_str(out, list->n > SHOWN_ITEMS ? RY_STR(" ...]") : RY_STR("]"));
}

static void describe_strs(const struct ry_field *field, const struct ry_strs *strs, struct ry_buf *out)
{
    (void)ry_buf_addf(out, "%zu[", strs->n);
    for (size_t i = 0; i < strs->n && i < SHOWN_ITEMS; i++) {
        if (i > 0)
            (void)ry_buf_add_str(out, RY_STR(" "));
        describe_text(field, strs->items[i], out);
    }
    (void)ry_buf_add_str(out, strs->n > SHOWN_ITEMS ? RY_STR(" ...]") : RY_STR("]"));
}

static void describe_field(const struct ry_field *field, const void *at, struct ry_buf *out)
{
    const struct ry_blob *blob = at;
    bool secret = (field->flags & RY_FLAG_SECRET) != 0;
    if (secret && field->type != RY_FIELD_STR && field->type != RY_FIELD_STRS) {
        (void)ry_buf_add_str(out, RY_STR("***"));
        return;
    }
    switch (field->type) {
    case RY_FIELD_STR: describe_text(field, *(const struct ry_str *)at, out); break;
    case RY_FIELD_U64: (void)ry_buf_addf(out, "%" PRIu64, *(const uint64_t *)at); break;
    case RY_FIELD_I64: (void)ry_buf_addf(out, "%" PRId64, *(const int64_t *)at); break;
    case RY_FIELD_F64: (void)ry_buf_addf(out, "%g", *(const double *)at); break;
    case RY_FIELD_BOOL: (void)ry_buf_add_str(out, *(const bool *)at ? RY_STR("true") : RY_STR("false")); break;
    case RY_FIELD_BLOB:
        if (blob->frame == NULL && blob->p == NULL)
            (void)ry_buf_add_str(out, RY_STR("-"));
        else
            (void)ry_buf_addf(out, "<%zu bytes>", blob->frame ? ry_frame_size(blob->frame) : blob->n);
        break;
    case RY_FIELD_STRS: describe_strs(field, at, out); break;
    case RY_FIELD_LIST: describe_list(field, at, out); break;
    }
}

static void describe_record(const struct ry_record *record, const void *from, struct ry_buf *out)
{
    (void)ry_buf_add_str(out, RY_STR("{"));
    /* Once something did not fit, smaller things behind it would make a line with a hole. */
    for (size_t i = 0; i < record->field_count && !out->failed; i++) {
        const struct ry_field *field = &record->fields[i];
        (void)ry_buf_addf(out, "%s%s=", i ? " " : "", field->name);
        describe_field(field, (const char *)from + field->offset, out);
    }
    (void)ry_buf_add_str(out, RY_STR("}"));
}

void ry_describe(const struct ry_descriptor *descriptor, const void *message, struct ry_buf *out)
{
    bool had_failed = out->failed;
    out->failed = false;
    (void)ry_buf_addf(out, "%s", descriptor->record.name);
    describe_record(&descriptor->record, message, out);
    out->failed = had_failed;
}
