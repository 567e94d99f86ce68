/* descriptor.h: the descriptor of each message: its fields and their limits, who may send it to whom, and what permits
 * it.
 *
 * The tables are generated from proto/messages.def (descriptor.c), whose head explains the terms. Constant data, for
 * any thread. Included by message.h. */
#ifndef REELYARD_PROTO_DESCRIPTOR_H
#define REELYARD_PROTO_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/role.h"
#include "runtime/base/str.h"

/* The tags: RY_TAG_batch_write = 30. */
enum ry_tag {
    RY_TAG_NONE = 0,
#define RECORD(name, doc)
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc) RY_TAG_##name = (tag),
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"
};

enum ry_kind { RY_KIND_REQUEST, RY_KIND_ASK, RY_KIND_ANSWER, RY_KIND_EVENT, RY_KIND_CONTROL };

enum ry_field_type {
    RY_FIELD_STR,
    RY_FIELD_U64,
    RY_FIELD_I64,
    RY_FIELD_F64,
    RY_FIELD_BOOL,
    RY_FIELD_BLOB,
    RY_FIELD_STRS,
    RY_FIELD_LIST
};

enum ry_field_flag {
    RY_FLAG_REQUIRED = 1,
    RY_FLAG_SECRET = 2,
    RY_FLAG_SNOWFLAKE = 4,
    RY_FLAG_URL = 8,
    RY_FLAG_LOCAL = 16,
    RY_FLAG_REMADE = 32,
    RY_FLAG_VERSION = 64
};

/* The limits of a field: of the value for numbers, of the bytes for strings and blobs, of the count for lists. */
union ry_limit {
    uint64_t u;
    int64_t i;
    double f;
};

struct ry_field {
    const char *name;
    enum ry_field_type type;
    unsigned flags; /* enum ry_field_flag */
    size_t offset;  /* in the struct */
    union ry_limit min;
    union ry_limit max;
    const struct ry_record *record; /* of a list's items */
    const char *doc;
};

struct ry_record {
    const char *name;
    const char *doc;
    size_t size; /* of the struct */
    const struct ry_field *fields;
    size_t field_count;
};

/* By what right a message is said; the head of proto/messages.def tells what each means. */
enum ry_right { RY_RIGHT_FREE = 1, RY_RIGHT_CUSTODY, RY_RIGHT_ANSWER, RY_RIGHT_FOLLOW };

/* Each record's description: ry_record_batch_part. */
#define RECORD(name, doc) extern const struct ry_record ry_record_##name;
#define END_RECORD(name)
#define MESSAGE(name, tag, kind, senders, receivers, doc)
#define END_MESSAGE(name)
#include "proto/no_fields.h"
#include "proto/messages.def"
#include "proto/undef.h"

/* All records, in the order of messages.def. */
const struct ry_record *const *ry_records(size_t *count);

#define RY_CAPABILITY_WITHIN_MAX 2
#define RY_NO_FIELD              UINT8_MAX

struct ry_capability {
    enum ry_right right;
    uint16_t within[RY_CAPABILITY_WITHIN_MAX]; /* tags of the mails that allow it; RY_TAG_NONE: no more */
    uint16_t after;                            /* tag of what must have been said before; RY_TAG_NONE: nothing */
    unsigned most;                             /* for one hand-out, or a minute; 0: any number */
    uint8_t subject;                           /* index of its field, or of the list that it is in; RY_NO_FIELD: none */
    uint8_t subject_item;                      /* index in the list's record; RY_NO_FIELD: it is in no list */
    bool crosses;                              /* nodes */
};

struct ry_descriptor {
    struct ry_record record;
    enum ry_tag tag;
    enum ry_kind kind;
    uint32_t senders;   /* RY_ROLE_BIT of those that may send it */
    uint32_t receivers; /* of those that it may go to */
    const struct ry_capability *may;
};

/* The descriptor of a tag, or NULL for an unknown one. */
const struct ry_descriptor *ry_descriptor(unsigned tag);

/* All descriptors, by rising tag. */
const struct ry_descriptor *ry_descriptors(size_t *count);

/* The field that names what a message is about, or NULL. */
const struct ry_field *ry_descriptor_subject(const struct ry_descriptor *descriptor);

/* The subject in a packed body, borrowed; absent when there is none. Reads no further than it must. */
struct ry_str ry_subject_of(const struct ry_descriptor *descriptor, struct ry_str body);

/* The guild that a packed body names (its field guild_id), borrowed; absent when it names none. *has: whether the
 * message has such a field. */
struct ry_str ry_guild_of(const struct ry_descriptor *descriptor, struct ry_str body, bool *has);

/* The one role that a REQUEST, ASK or EVENT goes to. */
enum ry_role ry_descriptor_role(const struct ry_descriptor *descriptor);

/* Whether it has a REMADE field, in a record that it lists too. */
bool ry_descriptor_is_remade(const struct ry_descriptor *descriptor);

#endif
