/* message.h: the messages as C structs, and their descriptors.
 *
 * Generated from proto/messages.def by including it with different macros. A struct ry_<name> is plain data; its
 * strings, lists and blobs are borrowed: on sending they must live until ry_pack returns, on receiving they live as
 * long as the mail they came in. */
#ifndef REELYARD_PROTO_MESSAGE_H
#define REELYARD_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/descriptor.h"
#include "proto/frame.h"
#include "runtime/base/str.h"

/* Of the envelope and of every message; a peer with another one is refused. */
#define RY_PROTO_VERSION 1

enum ry_undeliverable_cause {
    RY_UNDELIVERABLE_FULL = 1,
    RY_UNDELIVERABLE_EXPIRED,
    RY_UNDELIVERABLE_DEAD,
    RY_UNDELIVERABLE_REFUSED
};

enum ry_heap_action { RY_HEAP_BEGIN = 1, RY_HEAP_WRITE, RY_HEAP_END };

enum ry_purge_scope { RY_PURGE_MESSAGE = 1, RY_PURGE_CHANNEL, RY_PURGE_GUILD };

/* Of a clip that failed. PERMANENT: no bytes of this video will ever become a picture for this encoder (audio only,
 * encrypted, damaged, not a video, deleted), so it is not tried again by itself. PASSING: everything else. */
enum ry_failure_class { RY_FAILURE_PASSING, RY_FAILURE_PERMANENT };

/* Order of a gallery's clips. Of two that are equal in it, the newer one comes first. */
enum ry_gallery_sort {
    RY_GALLERY_NEWEST,
    RY_GALLERY_OLDEST,
    RY_GALLERY_LONGEST,
    RY_GALLERY_LARGEST,
    RY_GALLERY_RELEVANCE
};

/* The longest VERSION field of messages.def, and a NUL. */
#define RY_VERSION_BYTES 101

/* The version of an encoder whose verdict a permanent failure is, when it died without telling its own. */
#define RY_ENCODER_UNKNOWN "unknown"

/* Whether a failure names a version; absent: no encoder looked at the video. */
static inline bool ry_encoder_is_known(struct ry_str version)
{
    return version.p != NULL && !ry_str_is(version, RY_ENCODER_UNKNOWN);
}

/* The largest size of a video that is believed, 1 TiB. What a message, an export or Discord says beyond it is no size
 * of a file, and the sum of the archive's would not fit into 64 bits. */
#define RY_CLIP_BYTES_MAX ((uint64_t)1 << 40)

enum ry_frame_mode { RY_FRAME_SMART, RY_FRAME_EXACT, RY_FRAME_KEYFRAME };

/* Bytes that travel as a frame of their own. To send, set `frame` (the codec takes a reference) or, with frame NULL, p
 * and n (the codec copies). On receiving all three are set and borrowed; take ry_frame_ref(frame) to keep the bytes. */
struct ry_blob {
    const void *p; /* NULL: absent */
    size_t n;
    struct ry_frame *frame;
};

struct ry_strs {
    struct ry_str *items;
    size_t n;
};

/* The structs. */
#define RECORD(name, doc) struct ry_##name {
#define END_RECORD(name) \
    } \
    ;
#define MESSAGE(name, tag, kind, senders, receivers, doc) struct ry_##name {
#define END_MESSAGE(name) \
    char end_; /* so that a message without fields is a struct too */ \
    } \
    ;
#define CAPABILITY(name, within, most, about, nodes)
#define STR(owner, name, min, max, flags, doc)  struct ry_str name;
#define U64(owner, name, min, max, flags, doc)  uint64_t name;
#define I64(owner, name, min, max, flags, doc)  int64_t name;
#define F64(owner, name, min, max, flags, doc)  double name;
#define BOOL(owner, name, flags, doc)           bool name;
#define BLOB(owner, name, min, max, flags, doc) struct ry_blob name;
#define STRS(owner, name, min, max, flags, doc) struct ry_strs name;
#define LIST(owner, record, name, min, max, flags, doc) \
    struct { \
        struct ry_##record *items; \
        size_t n; \
    } name;
#include "proto/messages.def"
#include "proto/undef.h"

#endif
