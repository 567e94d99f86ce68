/* feed.h: from an export to jobs in the queue, some messages at a time.
 *
 * A feed reads messages, packs those with attachments into jobs of type `messages`, and pushes a group of jobs together
 * with the place it has reached (a cursor, in the same transaction). So an import that was killed goes on there, and no
 * message is pushed twice or left out. Job ids are made from the file's identity and the first message's place.
 * One owner, one thread; blocks on the file and the queue. */
#ifndef REELYARD_RUNTIME_IMPORT_FEED_H
#define REELYARD_RUNTIME_IMPORT_FEED_H

#include "runtime/import/export_reader.h"
#include "runtime/queue/job_queue.h"

struct ry_import_feed;

/* Since the beginning of the file, earlier runs included. */
struct ry_import_counts {
    uint64_t messages;         /* read */
    uint64_t with_attachments; /* put into jobs */
    uint64_t put_aside;        /* messages and attachments that are bad */
};

struct ry_import_feed_options {
    const char *path; /* of the export */
    /* Further folders with its files, as in struct ry_export_media. */
    const char *const *media_dirs;
    size_t media_dir_count;
    bool guilds_only; /* direct messages and group chats are refused: RY_EUNSUPPORTED */
    struct ry_job_queue *queue;
    const struct ry_clock *clock;
    /* Told of every message and attachment that is put aside: a sentence with the message's place. */
    void (*put_aside)(void *arg, const char *reason);
    void *put_aside_arg;
};

/* Opens the export and goes to where an earlier run stopped, if one did. Options are copied, what they point to must
 * outlive the feed. Errors as ry_export_open, and those of the queue. */
int ry_import_feed_open(struct ry_import_feed **out, const struct ry_import_feed_options *options,
                        struct ry_error *err);

/* Frees the feed, what was not pushed with it, and sets it to NULL; NULL is allowed. */
void ry_import_feed_close(struct ry_import_feed **feed);

enum ry_import_step {
    RY_IMPORT_END = 0, /* the file is read; push what is there */
    RY_IMPORT_MORE,    /* call again */
    RY_IMPORT_PUSH     /* a group of jobs is full: push it before the next step */
};

/* Reads some messages. One of the above, or an error of ry_export_next: then everything before it can be pushed. */
int ry_import_feed_step(struct ry_import_feed *feed, struct ry_error *err);

/* Pushes the jobs that were packed, and the cursor. Errors of the queue; then it may be called again. */
int ry_import_feed_push(struct ry_import_feed *feed, struct ry_error *err);

/* The name of the file's cursor; lives as long as the feed. */
const char *ry_import_feed_cursor(const struct ry_import_feed *feed);
/* Removes a cursor by its name: the import of that file is complete. Errors of the queue. */
int ry_import_forget(struct ry_job_queue *queue, const char *cursor, struct ry_error *err);

/* The export's channel; lives as long as the feed. */
struct ry_str ry_import_feed_channel(const struct ry_import_feed *feed);
struct ry_import_counts ry_import_feed_counts(const struct ry_import_feed *feed);
/* Bytes of the file that were read, and all of them. */
uint64_t ry_import_feed_offset(const struct ry_import_feed *feed);
uint64_t ry_import_feed_size(const struct ry_import_feed *feed);
/* Whether an earlier run had stopped in the middle. */
bool ry_import_feed_resumed(const struct ry_import_feed *feed);

#endif
