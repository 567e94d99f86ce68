#include "runtime/cli/job_input.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 64

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int ry_job_input_init(struct ry_job_input *input, FILE *file, struct ry_error *err)
{
    *input = (struct ry_job_input){.file = file, .line = ry_buf_make(RY_JOB_INPUT_MAX_BYTES)};
    input->tokener = json_tokener_new_ex(DEPTH_MAX);
    if (input->tokener == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to read jobs");
    json_tokener_set_flags(input->tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
    return RY_OK;
}

void ry_job_input_free(struct ry_job_input *input)
{
    if (input->tokener)
        json_tokener_free(input->tokener);
    (void)json_object_put(input->array);
    ry_buf_free(&input->line);
    *input = (struct ry_job_input){.file = NULL};
}

/* Appends bytes to the line up to the next newline (with it), or up to the end. */
static int read_up_to(struct ry_job_input *input, bool newline, struct ry_error *err)
{
    int c = 0;
    while ((c = getc_unlocked(input->file)) != EOF) {
        char byte = (char)c;
        int rc = ry_buf_add(&input->line, &byte, 1);
        if (rc != RY_OK)
            return ry_fail(err, rc, "line %zu: more than %zu MiB at once", input->line_index,
                           RY_JOB_INPUT_MAX_BYTES >> 20);
        if (newline && byte == '\n')
            return RY_OK;
    }
    if (ferror(input->file))
        return ry_fail(err, RY_EIO, "cannot read: %s", strerror(errno));
    input->ended = true;
    return RY_OK;
}

/* Replaces the line by the next one. */
static int next_line(struct ry_job_input *input, struct ry_error *err)
{
    ry_buf_reset(&input->line);
    input->line_at = 0;
    input->line_index++;
    return read_up_to(input, true, err);
}

/* Moves over blanks in the line. */
static void skip_blanks(struct ry_job_input *input)
{
    while (input->line_at < input->line.n && is_blank(input->line.p[input->line_at]))
        input->line_at++;
}

/* Feeds the tokener with what is left of the line; *value when it completes one. */
static enum json_tokener_error feed(struct ry_job_input *input, struct json_object **value)
{
    struct ry_str line = ry_buf_str(&input->line);
    *value = json_tokener_parse_ex(input->tokener, line.p + input->line_at, (int)(line.n - input->line_at));
    input->line_at += json_tokener_get_parse_end(input->tokener);
    return json_tokener_get_error(input->tokener);
}

static int broken(struct ry_job_input *input, enum json_tokener_error error, struct ry_error *err)
{
    size_t begun = input->begun;
    input->begun = 0;
    input->resync = true;
    json_tokener_reset(input->tokener);
    if (begun < input->line_index)
        input->line_at = 0; /* this line may well be a whole value, after one that was cut off */
    else
        input->line_at = input->line.n;
    return ry_fail(err, RY_EINVAL, "line %zu: not JSON: %s", begun,
                   error == json_tokener_continue ? "it ends too early" : json_tokener_error_desc(error));
}

/* The whole input is one array. */
static int open_array(struct ry_job_input *input, struct ry_error *err)
{
    int rc = read_up_to(input, false, err);
    if (rc != RY_OK)
        return rc;
    struct json_object *value = NULL;
    enum json_tokener_error error = feed(input, &value);
    struct ry_str text = ry_buf_str(&input->line);
    if (error == json_tokener_success)
        skip_blanks(input);
    if (error == json_tokener_success && input->line_at == text.n) {
        input->array = value;
        ry_buf_free(&input->line);
        return RY_OK;
    }
    (void)json_object_put(value);
    for (size_t i = 0; i < input->line_at; i++)
        input->line_index += text.p[i] == '\n';
    return ry_fail(err, RY_EDATA, "line %zu: not JSON: %s", input->line_index,
                   error == json_tokener_success    ? "something follows the array"
                   : error == json_tokener_continue ? "it ends too early"
                                                    : json_tokener_error_desc(error));
}

/* Finds out what kind of input it is. */
static int open_input(struct ry_job_input *input, struct ry_error *err)
{
    do {
        int rc = next_line(input, err);
        if (rc != RY_OK)
            return rc;
        if (input->line_index == 1 && ry_str_starts(ry_buf_str(&input->line), RY_STR("\xEF\xBB\xBF")))
            input->line_at = 3; /* a byte order mark */
        skip_blanks(input);
    } while (input->line_at == input->line.n && !input->ended);
    if (input->line_at < input->line.n && input->line.p[input->line_at] == '[')
        return open_array(input, err);
    return RY_OK;
}

static int next_of_array(struct ry_job_input *input, struct json_object **value)
{
    if (input->array_next == json_object_array_length(input->array))
        return RY_ENOENT;
    *value = json_object_get(json_object_array_get_idx(input->array, input->array_next++));
    return RY_OK;
}

/* Moves to something that a value may begin or go on with; RY_ENOENT at the end. */
static int find_text(struct ry_job_input *input, struct ry_error *err)
{
    for (;;) {
        if (input->begun == 0)
            skip_blanks(input);
        if (input->resync && input->line_at < input->line.n && input->line.p[input->line_at] != '{')
            input->line_at = input->line.n;
        if (input->line_at < input->line.n)
            return RY_OK;
        if (input->ended)
            return RY_ENOENT;
        int rc = next_line(input, err);
        if (rc != RY_OK)
            return rc;
    }
}

int ry_job_input_next(struct ry_job_input *input, struct json_object **value, struct ry_error *err)
{
    *value = NULL;
    if (!input->opened) {
        int rc = open_input(input, err);
        if (rc != RY_OK)
            return rc;
        input->opened = true;
    }
    if (input->array)
        return next_of_array(input, value);
    for (;;) {
        int rc = find_text(input, err);
        if (rc == RY_ENOENT && input->begun)
            return broken(input, json_tokener_continue, err);
        if (rc != RY_OK)
            return rc;
        if (input->begun == 0)
            input->begun = input->line_index;
        input->resync = false;
        enum json_tokener_error error = feed(input, value);
        if (error == json_tokener_success) {
            input->begun = 0;
            return RY_OK;
        }
        if (error != json_tokener_continue)
            return broken(input, error, err);
    }
}
