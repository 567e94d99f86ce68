/* job_input.h: a stream of bytes as a series of JSON values: one value, the elements of one array, or one value after
 * the other, usually one a line.
 *
 * Of many values one after the other only the one at hand is in memory, and one that is broken costs only itself:
 * reading goes on at the next line that begins one. */
#ifndef REELYARD_RUNTIME_CLI_JOB_INPUT_H
#define REELYARD_RUNTIME_CLI_JOB_INPUT_H

#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/json/json.h"

/* Largest array, and largest value. */
#define RY_JOB_INPUT_MAX_BYTES RY_JSON_MAX_BYTES

struct ry_job_input {
    FILE *file;                /* borrowed */
    struct ry_json_doc *doc;   /* of the value that was handed out last, or of the array */
    struct ry_json_walk array; /* its elements that are left, when the input is one array */
    bool is_array;
    struct ry_buf text; /* lines: those of the value at hand */
    size_t at;          /* what of the text has been read */
    size_t line_at;     /* where its last line begins */
    size_t line_index;  /* of that, from 1 */
    size_t depth;       /* brackets that are open at the end of the text; outside strings */
    bool resync;        /* a value was broken: skip to a line that begins one */
    bool opened;
    bool ended;
};

void ry_job_input_init(struct ry_job_input *input, FILE *file);
void ry_job_input_free(struct ry_job_input *input);

/* The next value, borrowed until the next call (NULL for JSON's null). RY_ENOENT at the end. RY_EINVAL for a value that
 * is broken (err says where); the next call goes on behind it. Other errors end the reading. */
int ry_job_input_next(struct ry_job_input *input, const struct ry_json **value, struct ry_error *err);

#endif
