/* job_input.h: a stream of bytes as a series of JSON values: one value, the elements of one array, or one value after
 * the other, usually one a line.
 *
 * Of many values one after the other only the one at hand is in memory, and one that is broken costs only itself:
 * reading goes on at the next line that begins one. */
#ifndef REELYARD_RUNTIME_CLI_JOB_INPUT_H
#define REELYARD_RUNTIME_CLI_JOB_INPUT_H

#include <json-c/json.h>
#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

/* Largest array, and largest line. */
#define RY_JOB_INPUT_MAX_BYTES ((size_t)256 << 20)

struct ry_job_input {
    FILE *file; /* borrowed */
    struct json_tokener *tokener;
    struct json_object *array; /* when the input is one array */
    size_t array_next;
    struct ry_buf line;
    size_t line_at;    /* what of the line has been read */
    size_t line_index; /* from 1 */
    size_t begun;      /* the line on which the value at hand began; 0: none is begun */
    bool resync;       /* a value was broken: skip to a line that begins one */
    bool opened;
    bool ended;
};

/* RY_ENOMEM. */
int ry_job_input_init(struct ry_job_input *input, FILE *file, struct ry_error *err);
void ry_job_input_free(struct ry_job_input *input);

/* The next value, owned by the caller (NULL for JSON's null). RY_ENOENT at the end. RY_EINVAL for a value that is
 * broken (err says where); the next call goes on behind it. Other errors end the reading. */
int ry_job_input_next(struct ry_job_input *input, struct json_object **value, struct ry_error *err);

#endif
