/* dead_letter.h: a job or mail that failed for good, as a queue keeps it until a person drops or replays it. */
#ifndef REELYARD_RUNTIME_QUEUE_DEAD_LETTER_H
#define REELYARD_RUNTIME_QUEUE_DEAD_LETTER_H

#include <stdint.h>

#include "proto/envelope.h"

enum ry_dead_kind { RY_DEAD_JOB, RY_DEAD_MAIL };

/* A dead letter. */
struct ry_dead {
    int64_t id; /* 0 on adding */
    enum ry_dead_kind kind;
    struct ry_str job_id; /* of a job; of a mail its id as text */
    struct ry_str type;   /* of a job; of a mail the message's name */
    struct ry_str guild_id;
    struct ry_str channel_id;
    struct ry_str reason;
    struct ry_str summary; /* one line for people */
    struct ry_str body;    /* the job's JSON, or the frozen mail; absent in lists */
    enum ry_priority priority;
    unsigned attempts;
    int64_t died_wall_ms;
};

#endif
