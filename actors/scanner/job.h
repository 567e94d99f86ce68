/* job.h: a job as its producer wrote it, checked. */
#ifndef REELYARD_ACTORS_SCANNER_JOB_H
#define REELYARD_ACTORS_SCANNER_JOB_H

#include "proto/message.h"
#include "runtime/base/error.h"

#include "runtime/json/json.h"

/* Messages that one job may hold. */
#define SCAN_JOB_MESSAGES_MAX ((size_t)10000)
/* Messages of one slice: a job that asks for more gets this many at a time. */
#define SCAN_JOB_LIMIT_MAX ((uint64_t)10000)
/* Threads that one job carries on. */
#define SCAN_JOB_THREADS_MAX ((size_t)2500)

/* Limits of guild_row and channel_row in proto/messages.def, to which names and topics are cut. */
#define SCAN_NAME_MAX_BYTES  ((size_t)400)
#define SCAN_TOPIC_MAX_BYTES ((size_t)4096)

enum scan_job_type {
    SCAN_JOB_BATCH,
    SCAN_JOB_MESSAGE,
    SCAN_JOB_MESSAGES,
    SCAN_JOB_RESCAN,
    SCAN_JOB_THUMBNAIL_RETRY,
    SCAN_JOB_THUMBNAIL_CLEANUP,
    SCAN_JOB_MESSAGE_DELETION,
    SCAN_JOB_PURGE_CHANNEL,
    SCAN_JOB_PURGE_GUILD,
    SCAN_JOB_TYPE_COUNT
};

/* What becomes of messages that are stored already. */
enum scan_rescan {
    SCAN_RESCAN_STOP,     /* left out, and the scan ends */
    SCAN_RESCAN_CONTINUE, /* left out */
    SCAN_RESCAN_UPDATE    /* processed again */
};

/* Strings point into the document. Fields that a type does not have are zero. */
struct scan_job {
    struct ry_json_doc *doc;
    const struct ry_json *root;
    enum scan_job_type type;
    struct ry_str job_id;
    struct ry_str guild_id;   /* a snowflake, but of thumbnail jobs, which may say 'global' */
    struct ry_str channel_id; /* a snowflake, but of jobs that concern no channel */
    /* batch, rescan */
    bool forward;
    bool direction_told;
    uint64_t limit;          /* 1 .. SCAN_JOB_LIMIT_MAX; 0: not told */
    uint64_t limit_asked;    /* what the producer wrote */
    uint64_t messages_max;   /* what this job and those that go on from it may read; 0: no end */
    struct ry_str before_id; /* absent: from the newest */
    struct ry_str after_id;  /* absent: from the oldest */
    bool auto_continue;
    const struct ry_json
        *threads;                /* ids of threads that are left to be read, the first one now; NULL: the channel is */
    struct ry_str threads_below; /* behind them come those with smaller ids; absent: none */
    struct ry_str threads_from;  /* where each thread begins, as before_id or after_id; "": at its end; absent: this is
                                  * the scan's first job, whose own bound it is */
    enum scan_rescan rescan;
    bool reset;   /* forget the scan's bounds and totals first */
    bool restart; /* begin even if the scan is CANCELLED; of a batch: its first slice, and a person waits for it */
    /* message; thumbnail_retry */
    const struct ry_json *ids; /* array of strings inside root; NULL: none */
    double timeout_minutes;    /* thumbnail_cleanup; at least 0, maybe infinite */
    struct ry_str message_id;  /* message_deletion */
    /* messages */
    const struct ry_json *messages; /* an array inside root */
    /* Only of jobs of the node's own queue. */
    bool brings_guild; /* the row is given, or was made from Discord's answer */
    bool brings_channel;
    struct ry_guild_row guild;
    struct ry_channel_row channel;
    struct ry_str media_root; /* absolute path, or absent */
};

/* Reads a job of the type that the queue gave it. local: the queue is this node's own, so `guild`, `channel`
 * and `media_root` are honoured; otherwise they are not looked at. RY_EINVAL names the field, RY_EUNSUPPORTED an
 * unknown type; the job is then empty. Free with scan_job_free.
 *
 * A batch knows fields beyond those of the bot: `restart` (a person asked for it: it begins even if the scan is
 * CANCELLED), `messages_max`, and of jobs that go on with a channel's threads `threads`, `threads_below` and
 * `threads_from` (ADR 0017). */
int scan_job_parse(struct ry_str json, struct ry_str type, bool local, struct scan_job *job, struct ry_error *err);

/* Whether a job of this type reads a channel's messages, so that flags and settings concern it. */
bool scan_job_is_scan(const struct scan_job *job);

/* Frees what the job holds; an empty one is allowed. */
void scan_job_free(struct scan_job *job);

#endif
