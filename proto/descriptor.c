/* descriptor.c: the tables that proto/messages.def unfolds to. Constant data; nothing runs here but look-ups. */
#include "proto/message.h"
#include "proto/wire.h"
#include "runtime/base/assert.h"

/* What the words of messages.def mean. */
enum word {
    REQUIRED = RY_FLAG_REQUIRED,
    SECRET = RY_FLAG_SECRET,
    SNOWFLAKE = RY_FLAG_SNOWFLAKE,
    URL = RY_FLAG_URL,
    LOCAL = RY_FLAG_LOCAL,
    REMADE = RY_FLAG_REMADE,
    VERSION = RY_FLAG_VERSION,

    INGESTER = 1 << RY_ROLE_INGESTER,
    SCANNER = 1 << RY_ROLE_SCANNER,
    WRITER = 1 << RY_ROLE_WRITER,
    DOWNLOADER = 1 << RY_ROLE_DOWNLOADER,
    ENCODER = 1 << RY_ROLE_ENCODER,
    STORAGE = 1 << RY_ROLE_STORAGE,
    SCHEDULER = 1 << RY_ROLE_SCHEDULER,
    MONITOR = 1 << RY_ROLE_MONITOR,
    CONSOLE = 1 << RY_ROLE_CONSOLE,
    ROUTER = 1 << RY_ROLE_ROUTER,
    RELAY = 1 << RY_ROLE_RELAY,
    /* Any instance; the router is none. */
    ANY = INGESTER | SCANNER | WRITER | DOWNLOADER | ENCODER | STORAGE | SCHEDULER | MONITOR | CONSOLE | RELAY
};

/* First reading: a record's sentence, which its END_RECORD below does not have. */
#define RECORD(name, doc) static const char doc_of_##name[] = doc;
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc)
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"

/* Second reading: fields_<name> of each record and message, and behind a record's fields its own description, which the
 * lists of later ones point to. */
#define FIELD(owner, field, kind, least, most, bits, of, text) \
    {.name = #field, \
     .type = (kind), \
     .flags = (unsigned)(bits), \
     .offset = offsetof(struct ry_##owner, field), \
     .min = {least}, \
     .max = {most}, \
     .record = (of), \
     .doc = (text)},
#define RECORD(name, doc) static const struct ry_field fields_##name[] = {
#define END_RECORD(name) \
    } \
    ; \
    const struct ry_record ry_record_##name = {#name, doc_of_##name, sizeof(struct ry_##name), fields_##name, \
                                               sizeof fields_##name / sizeof(struct ry_field)};
#define MESSAGE(name, tag, kind, senders, receivers, doc) static const struct ry_field fields_##name[] = {
#define END_MESSAGE(name) \
    } \
    ;
#define STR(owner, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_STR, .u = (min), .u = (max), (flags), NULL, doc)
#define U64(owner, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_U64, .u = (min), .u = (max), (flags), NULL, doc)
#define I64(owner, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_I64, .i = (min), .i = (max), (flags), NULL, doc)
#define F64(owner, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_F64, .f = (min), .f = (max), (flags), NULL, doc)
#define BOOL(owner, name, flags, doc) FIELD(owner, name, RY_FIELD_BOOL, .u = 0, .u = 1, (flags), NULL, doc)
#define BLOB(owner, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_BLOB, .u = (min), .u = (max), (flags), NULL, doc)
#define STRS(owner, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_STRS, .u = (min), .u = (max), (flags), NULL, doc)
#define LIST(owner, record, name, min, max, flags, doc) \
    FIELD(owner, name, RY_FIELD_LIST, .u = (min), .u = (max), (flags), &ry_record_##record, doc)
#define CAPABILITY(name, within, most, about, nodes)
#include "proto/messages.def"
#include "proto/undef.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Third reading: FIELD_<owner>_<field>, each field's position. */
#define RECORD(name, doc) \
    enum position_in_##name \
    {
#define END_RECORD(name) \
    FIELDS_OF_##name \
    } \
    ;
#define MESSAGE(name, tag, kind, senders, receivers, doc) \
    enum position_in_##name \
    {
#define END_MESSAGE(name) \
    FIELDS_OF_##name \
    } \
    ;
#define CAPABILITY(name, within, most, about, nodes)
#define STR(owner, name, min, max, flags, doc)          FIELD_##owner##_##name,
#define U64                                             STR
#define I64                                             STR
#define F64                                             STR
#define BOOL(owner, name, flags, doc)                   FIELD_##owner##_##name,
#define BLOB                                            STR
#define STRS                                            STR
#define LIST(owner, record, name, min, max, flags, doc) FIELD_##owner##_##name,
#include "proto/messages.def"
#include "proto/undef.h"

/* Fourth reading: capability_of_<name>. */
#define FREELY                      .right = RY_RIGHT_FREE
#define OF_CUSTODY                  .right = RY_RIGHT_CUSTODY
#define ANSWERS(ask)                .right = RY_RIGHT_ANSWER, .within = {RY_TAG_##ask}
#define ANSWERS_EITHER(one, other)  .right = RY_RIGHT_ANSWER, .within = {RY_TAG_##one, RY_TAG_##other}
#define ANSWERS_AFTER(ask, message) .right = RY_RIGHT_ANSWER, .within = {RY_TAG_##ask}, .after = RY_TAG_##message
#define FOLLOWS(mail)               .right = RY_RIGHT_FOLLOW, .within = {RY_TAG_##mail}
#define FOLLOWS_EITHER(one, other)  .right = RY_RIGHT_FOLLOW, .within = {RY_TAG_##one, RY_TAG_##other}
#define ANY_NUMBER                  0
#define NOTHING                     .subject = RY_NO_FIELD, .subject_item = RY_NO_FIELD
#define ABOUT(message, field)       .subject = FIELD_##message##_##field, .subject_item = RY_NO_FIELD
#define ABOUT_ITEM(message, list, record, field) \
    .subject = FIELD_##message##_##list, .subject_item = FIELD_##record##_##field
#define CROSSES true
#define STAYS   false
#define RECORD(name, doc)
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc)
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#undef CAPABILITY
#define CAPABILITY(name, within, number, about, nodes) \
    static const struct ry_capability capability_of_##name = {within, .most = (number), about, .crosses = (nodes)};
#include "proto/messages.def"
#include "proto/undef.h"

/* Fifth reading: the descriptors, in the order of messages.def, which is that of their tags (a test says so). */
static const struct ry_descriptor descriptors[] = {
#define RECORD(name, doc)
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc) \
    {{#name, doc, sizeof(struct ry_##name), fields_##name, sizeof fields_##name / sizeof(struct ry_field)}, \
     RY_TAG_##name, \
     RY_KIND_##kind, \
     (uint32_t)(senders), \
     (uint32_t)(receivers), \
     &capability_of_##name},
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"
};

/* And the records, in their order. */
static const struct ry_record *const records[] = {
#define RECORD(name, doc) &ry_record_##name,
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc)
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"
};

/* Sixth reading: each message's position above, and where each tag's descriptor stands (position + 1; 0: none). */
enum position {
#define RECORD(name, doc)
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc) POSITION_##name,
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"
};

static const uint8_t position_of_tag[] = {
#define RECORD(name, doc)
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc) [tag] = POSITION_##name + 1,
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"
};

_Static_assert(COUNT_OF(descriptors) < UINT8_MAX, "position_of_tag holds bytes");

const struct ry_descriptor *ry_descriptor(unsigned tag)
{
    if (tag >= COUNT_OF(position_of_tag) || position_of_tag[tag] == 0)
        return NULL;
    return &descriptors[position_of_tag[tag] - 1];
}

const struct ry_descriptor *ry_descriptors(size_t *count)
{
    *count = COUNT_OF(descriptors);
    return descriptors;
}

const struct ry_record *const *ry_records(size_t *count)
{
    *count = COUNT_OF(records);
    return records;
}

enum ry_role ry_descriptor_role(const struct ry_descriptor *descriptor)
{
    uint32_t bits = descriptor->receivers;
    bool one = bits != 0 && (bits & (bits - 1)) == 0;
    return one ? (enum ry_role)__builtin_ctz(bits) : RY_ROLE_NONE;
}

const struct ry_field *ry_descriptor_subject(const struct ry_descriptor *descriptor)
{
    const struct ry_capability *may = descriptor->may;
    if (may->subject == RY_NO_FIELD)
        return NULL;
    RY_ASSERT(may->subject < descriptor->record.field_count, "%s", descriptor->record.name);
    const struct ry_field *field = &descriptor->record.fields[may->subject];
    return may->subject_item == RY_NO_FIELD ? field : &field->record->fields[may->subject_item];
}

/* Steps into an array up to its value number `index`. */
static bool step_to(struct ry_wire *wire, size_t index)
{
    size_t n = 0;
    return ry_wire_array(wire, &n) && index < n && ry_wire_skip(wire, index);
}

struct ry_str ry_subject_of(const struct ry_descriptor *descriptor, struct ry_str body)
{
    const struct ry_capability *may = descriptor->may;
    struct ry_wire wire = ry_wire_of(body);
    struct ry_str subject = {0};
    if (may->subject == RY_NO_FIELD || !step_to(&wire, may->subject))
        return subject;
    if (may->subject_item != RY_NO_FIELD && (!step_to(&wire, 0) || !step_to(&wire, may->subject_item)))
        return subject;
    (void)ry_wire_str(&wire, &subject);
    return subject;
}

struct ry_str ry_guild_of(const struct ry_descriptor *descriptor, struct ry_str body, bool *has)
{
    struct ry_wire wire = ry_wire_of(body);
    struct ry_str guild = {0};
    size_t i = 0;
    while (i < descriptor->record.field_count && strcmp(descriptor->record.fields[i].name, "guild_id") != 0)
        i++;
    *has = i < descriptor->record.field_count;
    if (*has && step_to(&wire, i))
        (void)ry_wire_str(&wire, &guild);
    return guild;
}

static bool has_flag(const struct ry_record *record, enum ry_field_flag flag)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if ((field->flags & flag) != 0 || (field->record != NULL && has_flag(field->record, flag)))
            return true;
    }
    return false;
}

bool ry_descriptor_is_remade(const struct ry_descriptor *descriptor)
{
    return has_flag(&descriptor->record, RY_FLAG_REMADE);
}
