/* messages_md.c: writes docs/MESSAGES.md from proto/messages.def.
 *
 *   reelyard_messages_md               prints it
 *   reelyard_messages_md --write FILE  writes it
 *   reelyard_messages_md --check FILE  fails if FILE is not what it would write (run with the tests) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/message.h"
#include "runtime/base/buf.h"

#define PAGE_MAX_BYTES ((size_t)4 << 20)

#define ADD(out, literal) (void)ry_buf_add_str((out), RY_STR(literal))

static const char *const kinds[] = {"request", "ask", "answer", "event", "control"};

static void add_roles(struct ry_buf *out, uint32_t bits)
{
    uint32_t any = 0;
    for (unsigned role = RY_ROLE_INGESTER; role <= RY_ROLE_CONSOLE; role++)
        any |= RY_ROLE_BIT(role);
    if (bits == any) {
        ADD(out, "any");
        return;
    }
    const char *comma = "";
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (bits & RY_ROLE_BIT(role)) {
            (void)ry_buf_addf(out, "%s%s", comma, ry_role_name((enum ry_role)role));
            comma = ", ";
        }
}

/* A sentence in a table: a bar would end its cell. */
static void add_doc(struct ry_buf *out, const char *doc)
{
    for (; *doc; doc++)
        (void)ry_buf_addf(out, *doc == '|' ? "\\%c" : "%c", *doc);
}

static void add_unsigned(struct ry_buf *out, uint64_t value)
{
    if (value == UINT64_MAX)
        ADD(out, "2^64-1");
    else if (value == INT64_MAX)
        ADD(out, "2^63-1");
    else
        (void)ry_buf_addf(out, "%" PRIu64, value);
}

static void add_limits(struct ry_buf *out, const struct ry_field *field)
{
    switch (field->type) {
    case RY_FIELD_BOOL: return;
    case RY_FIELD_I64:
        if (field->min.i == INT64_MIN && field->max.i == INT64_MAX)
            ADD(out, "any");
        else
            (void)ry_buf_addf(out, "%" PRId64 " to %" PRId64, field->min.i, field->max.i);
        return;
    case RY_FIELD_F64: (void)ry_buf_addf(out, "%g to %g", field->min.f, field->max.f); return;
    case RY_FIELD_STR:
    case RY_FIELD_BLOB:
    case RY_FIELD_U64:
    case RY_FIELD_STRS:
    case RY_FIELD_LIST:
        add_unsigned(out, field->min.u);
        if (field->min.u != field->max.u) {
            ADD(out, " to ");
            add_unsigned(out, field->max.u);
        }
        if (field->type == RY_FIELD_STR || field->type == RY_FIELD_BLOB)
            ADD(out, " bytes");
        else if (field->type != RY_FIELD_U64)
            ADD(out, " items");
        return;
    }
}

static void add_type(struct ry_buf *out, const struct ry_field *field)
{
    static const char *const types[] = {"string", "u64", "i64", "f64", "bool", "blob", "strings"};
    if (field->type == RY_FIELD_LIST)
        (void)ry_buf_addf(out, "list of [%s](#record-%s)", field->record->name, field->record->name);
    else
        (void)ry_buf_addf(out, "%s", types[field->type]);
    if (field->flags & RY_FLAG_REQUIRED)
        ADD(out, ", required");
    if (field->flags & RY_FLAG_SNOWFLAKE)
        ADD(out, ", snowflake");
    if (field->flags & RY_FLAG_SECRET)
        ADD(out, ", secret");
    if (field->flags & RY_FLAG_URL)
        ADD(out, ", URL");
    if (field->flags & RY_FLAG_LOCAL)
        ADD(out, ", local");
    if (field->flags & RY_FLAG_REMADE)
        ADD(out, ", remade");
    if (field->flags & RY_FLAG_VERSION)
        ADD(out, ", written by the router");
}

static void add_fields(struct ry_buf *out, const struct ry_record *record)
{
    if (record->field_count == 0) {
        ADD(out, "No fields.\n\n");
        return;
    }
    ADD(out, "| field | type | limits | |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < record->field_count; i++) {
        (void)ry_buf_addf(out, "| `%s` | ", record->fields[i].name);
        add_type(out, &record->fields[i]);
        ADD(out, " | ");
        add_limits(out, &record->fields[i]);
        ADD(out, " | ");
        add_doc(out, record->fields[i].doc);
        ADD(out, " |\n");
    }
    ADD(out, "\n");
}

static void add_within(struct ry_buf *out, const struct ry_capability *may)
{
    for (size_t i = 0; i < RY_CAPABILITY_WITHIN_MAX && may->within[i] != RY_TAG_NONE; i++)
        (void)ry_buf_addf(out, "%s`%s`", i ? " or " : "", ry_descriptor(may->within[i])->record.name);
}

static void add_right(struct ry_buf *out, const struct ry_capability *may)
{
    switch (may->right) {
    case RY_RIGHT_FREE: ADD(out, "freely"); return;
    case RY_RIGHT_CUSTODY: ADD(out, "for mails in the sender's custody"); return;
    case RY_RIGHT_ANSWER: ADD(out, "in answer to "); break;
    case RY_RIGHT_FOLLOW: ADD(out, "in the course of "); break;
    }
    add_within(out, may);
    if (may->after != RY_TAG_NONE)
        (void)ry_buf_addf(out, ", after `%s`", ry_descriptor(may->after)->record.name);
}

/* What it takes to say a message, as a sentence. */
static void add_capability(struct ry_buf *out, const struct ry_descriptor *descriptor)
{
    const struct ry_capability *may = descriptor->may;
    const struct ry_field *subject = ry_descriptor_subject(descriptor);
    ADD(out, "Permitted ");
    add_right(out, may);
    if (may->most != 0)
        (void)ry_buf_addf(out, may->right == RY_RIGHT_FREE ? ", %u per minute" : ", %u per hand-out", may->most);
    if (subject != NULL && may->subject_item == RY_NO_FIELD)
        (void)ry_buf_addf(out, "; subject: its `%s`", subject->name);
    else if (subject != NULL)
        (void)ry_buf_addf(out, "; subject: the `%s` in its `%s`", subject->name,
                          descriptor->record.fields[may->subject].name);
    (void)ry_buf_addf(out, "; %s.\n\n", may->crosses ? "crosses nodes" : "stays on its node");
}

/* Records in the order of their first use, each once. */
static void add_records(struct ry_buf *out)
{
    enum { RECORDS_MAX = 256 };
    const struct ry_record *seen[RECORDS_MAX];
    size_t seen_count = 0;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < descriptors[i].record.field_count; f++) {
            const struct ry_record *record = descriptors[i].record.fields[f].record;
            size_t s = 0;
            while (s < seen_count && seen[s] != record)
                s++;
            if (record == NULL || s < seen_count || seen_count == RECORDS_MAX)
                continue;
            seen[seen_count++] = record;
            (void)ry_buf_addf(out, "### record %s\n\n%s\n\n", record->name, record->doc);
            add_fields(out, record);
        }
}

static bool is_listed(const struct ry_record *const *records, size_t count, const struct ry_record *part)
{
    size_t n = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&n);
    for (size_t i = 0; i < n + count; i++) {
        const struct ry_record *whole = i < n ? &descriptors[i].record : records[i - n];
        for (size_t f = 0; f < whole->field_count; f++)
            if (whole->fields[f].record == part)
                return true;
    }
    return false;
}

/* Records that are no part of a message, each with its own parts. */
static void add_lone_records(struct ry_buf *out)
{
    size_t count = 0;
    const struct ry_record *const *records = ry_records(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_listed(records, count, records[i]))
            continue;
        (void)ry_buf_addf(out, "### record %s\n\n%s\n\n", records[i]->name, records[i]->doc);
        add_fields(out, records[i]);
        for (size_t f = 0; f < records[i]->field_count; f++) {
            const struct ry_record *part = records[i]->fields[f].record;
            if (part == NULL)
                continue;
            (void)ry_buf_addf(out, "### record %s\n\n%s\n\n", part->name, part->doc);
            add_fields(out, part);
        }
    }
}

static void add_page(struct ry_buf *out)
{
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    RY_BUF_AUTO sources = ry_buf_make(PAGE_MAX_BYTES);
    add_roles(&sources, RY_ROLES_SOURCES);
    (void)ry_buf_addf(
        out,
        "<!-- Written by reelyard_messages_md from proto/messages.def; do not edit. -->\n# Messages\n\n"
        "Protocol version %d. [ARCHITECTURE.md](ARCHITECTURE.md) explains the kinds, proto/codec.h and "
        "proto/envelope.h the encoding. Each message states what permits it, as the head of proto/messages.def "
        "explains; a role that starts conversations (%s) needs no mail for a request, ask or event. A local field "
        "is meaningful on its own node only, and is absent from messages that cross nodes.\n\n"
        "| tag | message | kind | from | to | |\n| --- | --- | --- | --- | --- | --- |\n",
        RY_PROTO_VERSION, ry_buf_cstr(&sources));
    for (size_t i = 0; i < count; i++) {
        (void)ry_buf_addf(out, "| %u | [%s](#%s) | %s | ", d[i].tag, d[i].record.name, d[i].record.name,
                          kinds[d[i].kind]);
        add_roles(out, d[i].senders);
        ADD(out, " | ");
        add_roles(out, d[i].receivers);
        ADD(out, " | ");
        add_doc(out, d[i].record.doc);
        ADD(out, " |\n");
    }
    ADD(out, "\n## The messages\n\n");
    for (size_t i = 0; i < count; i++) {
        (void)ry_buf_addf(out, "### %s\n\n%s\n\n", d[i].record.name, d[i].record.doc);
        add_capability(out, &d[i]);
        add_fields(out, &d[i].record);
    }
    ADD(out, "## Records: elements of lists\n\n");
    add_records(out);
    ADD(out, "## Records between nodes\n\nRecords that nodes write into Redis.\n\n");
    add_lone_records(out);
    out->n--; /* one newline at the end */
}

static int write_page(const struct ry_buf *page, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(page->p, 1, page->n, file) != page->n || fclose(file) != 0) {
        (void)fprintf(stderr, "cannot write %s: %m\n", path);
        return 1;
    }
    return 0;
}

static int check_page(const struct ry_buf *page, const char *path)
{
    RY_BUF_AUTO there = ry_buf_make(PAGE_MAX_BYTES);
    FILE *file = fopen(path, "r");
    char chunk[4096];
    for (size_t n = 0; file && (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        (void)ry_buf_add(&there, chunk, n);
    if (file)
        (void)fclose(file);
    if (ry_str_eq(ry_buf_str(page), ry_buf_str(&there)))
        return 0;
    (void)fprintf(stderr, "%s is not what proto/messages.def says; run reelyard_messages_md --write %s\n", path, path);
    return 1;
}

int main(int argc, char **argv)
{
    RY_BUF_AUTO page = ry_buf_make(PAGE_MAX_BYTES);
    add_page(&page);
    if (page.failed) {
        (void)fprintf(stderr, "out of memory\n");
        return 1;
    }
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_page(&page, argv[2]);
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check_page(&page, argv[2]);
    if (argc != 1) {
        (void)fprintf(stderr, "usage: reelyard_messages_md [--write FILE | --check FILE]\n");
        return 2;
    }
    return fwrite(page.p, 1, page.n, stdout) == page.n ? 0 : 1;
}
