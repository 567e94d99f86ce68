/* no_fields.h: for a reading of proto/messages.def that looks at records and messages, but not at their fields. Has no
 * guard: undef.h ends what it begins. */
#define CAPABILITY(name, within, most, about, nodes)
#define STR(owner, name, min, max, flags, doc)
#define U64(owner, name, min, max, flags, doc)
#define I64(owner, name, min, max, flags, doc)
#define F64(owner, name, min, max, flags, doc)
#define BOOL(owner, name, flags, doc)
#define BLOB(owner, name, min, max, flags, doc)
#define STRS(owner, name, min, max, flags, doc)
#define LIST(owner, record, name, min, max, flags, doc)
