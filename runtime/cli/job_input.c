/* job_input.c: splits a file into jobs: one object, an array, or one object after another.
 *
 * Owns its buffer, which is bounded, and the document of the current job. Promises that a malformed job is reported with
 * its line, and that reading resumes at the next line on which a job may begin. */
#include "runtime/cli/job_input.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void ry_job_input_init(struct ry_job_input *input, FILE *file)
{
    *input = (struct ry_job_input){.file = file, .text = ry_buf_make(RY_JOB_INPUT_MAX_BYTES)};
}

void ry_job_input_free(struct ry_job_input *input)
{
    ry_json_free(&input->doc);
    ry_buf_free(&input->text);
    *input = (struct ry_job_input){.file = NULL};
}

/* Appends bytes up to the next newline (with it), or up to the end. */
static int read_up_to(struct ry_job_input *input, bool newline, struct ry_error *err)
{
    int c = 0;
    while ((c = getc_unlocked(input->file)) != EOF) {
        char byte = (char)c;
        int rc = ry_buf_add(&input->text, &byte, 1);
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

/* Counts the brackets of the last line. Strings do not go over lines: one that seems to is broken, which the parser
 * will say. */
static void count_brackets(struct ry_job_input *input)
{
    bool in_string = false;
    for (size_t i = input->line_at > input->at ? input->line_at : input->at; i < input->text.n; i++) {
        char c = input->text.p[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            input->depth++;
        else if (!in_string && (c == '}' || c == ']') && input->depth > 0)
            input->depth--;
    }
}

/* Appends the next line; what has been read of the text goes. */
static int next_line(struct ry_job_input *input, struct ry_error *err)
{
    if (input->at == input->text.n) {
        ry_buf_reset(&input->text);
        input->at = 0;
    }
    input->line_at = input->text.n;
    input->line_index++;
    return read_up_to(input, true, err);
}

static void skip_blanks(struct ry_job_input *input)
{
    while (input->at < input->text.n && is_blank(input->text.p[input->at]))
        input->at++;
}

static struct ry_str rest_of(const struct ry_job_input *input)
{
    struct ry_str text = ry_buf_str(&input->text);
    return (struct ry_str){text.p + input->at, text.n - input->at};
}

/* The value at hand is broken. */
static int broken(struct ry_job_input *input, size_t begun, const struct ry_error *why, struct ry_error *err)
{
    input->resync = true;
    /* The last line may well be a whole value, after one that was cut off. */
    input->at = begun < input->line_index ? input->line_at : input->text.n;
    return ry_fail(err, RY_EINVAL, "line %zu: %s", begun, why->text);
}

/* The whole input is one array. */
static int open_array(struct ry_job_input *input, struct ry_error *err)
{
    int rc = read_up_to(input, false, err);
    if (rc != RY_OK)
        return rc;
    size_t end = 0;
    struct ry_error why;
    struct ry_str text = rest_of(input);
    rc = ry_json_parse_next(text, &input->doc, &end, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "%s", why.text);
    size_t before_at = input->at;
    input->at += end;
    if (rc == RY_OK)
        skip_blanks(input);
    size_t line = input->line_index + ry_json_line(text, input->at - before_at) - 1;
    if (rc != RY_OK)
        return ry_fail(err, RY_EDATA, "line %zu: %s", line, why.text);
    if (input->at < input->text.n)
        return ry_fail(err, RY_EDATA, "line %zu: not JSON: unexpected data after the array", line);
    ry_buf_free(&input->text);
    input->at = 0;
    input->is_array = true;
    input->array = ry_json_walk(ry_json_root(input->doc));
    return RY_OK;
}

/* Finds out what kind of input it is. */
static int open_input(struct ry_job_input *input, struct ry_error *err)
{
    do {
        int rc = next_line(input, err);
        if (rc != RY_OK)
            return rc;
        if (input->line_index == 1 && ry_str_starts(ry_buf_str(&input->text), RY_STR("\xEF\xBB\xBF")))
            input->at = 3; /* a byte order mark */
        skip_blanks(input);
    } while (input->at == input->text.n && !input->ended);
    if (input->at < input->text.n && input->text.p[input->at] == '[')
        return open_array(input, err);
    return RY_OK;
}

/* Moves to something that a value may begin with; RY_ENOENT at the end. */
static int find_text(struct ry_job_input *input, struct ry_error *err)
{
    for (;;) {
        skip_blanks(input);
        if (input->resync && input->at < input->text.n && input->text.p[input->at] != '{')
            input->at = input->text.n;
        if (input->at < input->text.n)
            return RY_OK;
        if (input->ended)
            return RY_ENOENT;
        int rc = next_line(input, err);
        if (rc != RY_OK)
            return rc;
    }
}

/* Appends lines until the value at hand may be whole, or is seen to be broken: all brackets are closed, or a line
 * begins as values do. So a value of many lines is parsed a few times only. */
static int more_lines(struct ry_job_input *input, struct ry_error *err)
{
    do {
        int rc = next_line(input, err);
        if (rc != RY_OK)
            return rc;
        count_brackets(input);
    } while (!input->ended && input->depth > 0 && input->text.p[input->line_at] != '{');
    return RY_OK;
}

int ry_job_input_next(struct ry_job_input *input, const struct ry_json **value, struct ry_error *err)
{
    *value = NULL;
    if (!input->opened) {
        int rc = open_input(input, err);
        if (rc != RY_OK)
            return rc;
        input->opened = true;
    }
    if (input->is_array)
        return ry_json_next(&input->array, value) ? RY_OK : RY_ENOENT;
    ry_json_free(&input->doc);
    int rc = find_text(input, err);
    size_t begun = input->line_index;
    size_t end = 0;
    struct ry_error why;
    input->resync = false;
    input->depth = 0;
    count_brackets(input);
    while (rc == RY_OK) {
        rc = ry_json_parse_next(rest_of(input), &input->doc, &end, &why);
        if (rc == RY_OK) {
            input->at += end;
            *value = ry_json_root(input->doc);
            return RY_OK;
        }
        if (rc == RY_EINVAL || (rc == RY_ENOENT && input->ended))
            return broken(input, begun, &why, err);
        if (rc != RY_ENOENT)
            return ry_fail(err, rc, "line %zu: %s", begun, why.text);
        rc = more_lines(input, err);
    }
    return rc;
}
