/* job.h: a scan job as its producer wrote it, checked. */
#ifndef REELYARD_ACTORS_SCANNER_JOB_H
#define REELYARD_ACTORS_SCANNER_JOB_H

#include "proto/message.h"
#include "runtime/base/error.h"

#include <json-c/json.h>

/* Messages that one job may hold. */
#define SCAN_JOB_MESSAGES_MAX ((size_t)10000)

/* Strings point into root. */
struct scan_job {
    struct json_object *root;
    struct json_object *messages; /* an array inside root */
    struct ry_str guild_id;
    struct ry_str channel_id;
    bool brings_guild; /* the producer gave the row; only honoured for jobs of the node's own queue */
    bool brings_channel;
    struct ry_guild_row guild;
    struct ry_channel_row channel;
    struct ry_str media_root; /* absolute path, or absent */
};

/* Reads a job of type `messages`. local: the queue is this node's own, so `guild`, `channel` and `media_root` are
 * honoured; otherwise they are not looked at. RY_EINVAL names the field; the job is then empty. Free with
 * scan_job_free. */
int scan_job_parse(struct ry_str json, bool local, struct scan_job *job, struct ry_error *err);

/* Frees the messages, once they are rows; the rest stays. */
void scan_job_drop_messages(struct scan_job *job);

/* Frees what the job holds; an empty one is allowed. */
void scan_job_free(struct scan_job *job);

#endif
