/* forge.h: a message of any kind that speaks of a subject of the caller's choice, made from its declaration alone.
 *
 * What sample.h makes is well-formed and means nothing. Here each field whose name says what it is gets a value that
 * means something: an id that has a row, the path of a file that is there, a job that deletes a guild. So a message
 * that is acted on leaves a trace. The names are those of proto/messages.def: a new message about a clip, a guild, a
 * channel, a message or a job is aimed without a further line. */
#ifndef REELYARD_TESTS_BED_FORGE_H
#define REELYARD_TESTS_BED_FORGE_H

#include "tests/bed/sample.h"

/* What a forged message is about; strings are borrowed. An absent one leaves what sample.h makes. */
struct forge_target {
    struct ry_str clip_id;
    struct ry_str guild_id;
    struct ry_str channel_id;
    struct ry_str message_id;
    struct ry_str user_id;
    struct ry_str job_id;
    struct ry_str path;     /* of a thumbnail, below the storage root */
    struct ry_str url;      /* of a video */
    struct ry_str owner;    /* of leases */
    struct ry_str job;      /* JSON of a job */
    struct ry_str mail;     /* a frozen mail */
    struct ry_str instance; /* another instance's name */
    uint64_t mail_id;       /* of a mail that is in somebody's custody */
};

/* The struct, in the arena. Blobs have their bytes (at most FORGE_BLOB_MAX of them) in frames, one reference each, for
 * the caller to clear. */
#define FORGE_BLOB_MAX ((size_t)4096)
void *forge_make(const struct ry_descriptor *descriptor, enum sample_edge edge, const struct forge_target *target,
                 struct ry_arena *arena, struct ry_frames *frames);

#endif
