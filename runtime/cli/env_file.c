/* env_file.c: reads NAME=value lines, with the quotes and comments of the bot's files.
 *
 * Owns its read buffer during the call. Promises that an error names the file and line, and no value. */
#include "runtime/cli/env_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/buf.h"

#define ENVIRONMENT_MAX_BYTES ((size_t)2 << 20)
#define LINE_BYTES            8192
#define NAME_SHOWN_BYTES      60

static bool has(char *const *env, struct ry_str name)
{
    for (; env && *env; env++)
        if (strncmp(*env, name.p, name.n) == 0 && (*env)[name.n] == '=')
            return true;
    return false;
}

/* The variable's name at the front of the text; empty when there is none. */
static struct ry_str read_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return (struct ry_str){text, *text >= '0' && *text <= '9' ? 0 : strspn(text, letters)};
}

/* The value without its quotes, or without the comment behind it: what Compose and python-dotenv make of the line. */
static struct ry_str read_value(struct ry_str text)
{
    char quote = text.n > 0 ? text.p[0] : '\0';
    const char *end = quote == '"' || quote == '\'' ? memchr(text.p + 1, quote, text.n - 1) : NULL;
    size_t rest = end ? (size_t)(end - text.p) + 1 : text.n;
    while (rest < text.n && (text.p[rest] == ' ' || text.p[rest] == '\t'))
        rest++;
    if (end && (rest == text.n || text.p[rest] == '#'))
        return (struct ry_str){text.p + 1, (size_t)(end - text.p) - 1};
    for (size_t i = 1; i < text.n; i++)
        if (text.p[i] == '#' && (text.p[i - 1] == ' ' || text.p[i - 1] == '\t'))
            text.n = i;
    while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text.n--;
    return text;
}

#define LINE_ADVICE "a line must be NAME=value, blank, or a comment that begins with #"

/* Appends the line's variable. Of what is wrong only the name is told: the rest may be a secret. */
static int take_line(char *line, char *const *env, struct ry_buf *text, struct ry_error *err)
{
    line += strspn(line, " \t");
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return RY_OK;
    struct ry_str name = read_name(line);
    if (ry_str_is(name, "export") && line[name.n] == ' ')
        name = read_name(line + name.n + strspn(line + name.n, " \t"));
    if (name.n == 0)
        return ry_fail(err, RY_ECONFIG,
                       "it does not begin with a name (letters, digits and _, no digit first); " LINE_ADVICE);
    if (name.p[name.n] != '=')
        return ry_fail(err, RY_ECONFIG, "there is no \"=\" after the name %.*s; " LINE_ADVICE,
                       name.n < NAME_SHOWN_BYTES ? (int)name.n : NAME_SHOWN_BYTES, name.p);
    struct ry_str value = read_value(ry_str_of(name.p + name.n + 1));
    if (has(env, name))
        return RY_OK;
    (void)ry_buf_addf(text, "%.*s=%.*s", RY_STR_ARG(name), RY_STR_ARG(value));
    (void)ry_buf_add(text, "", 1);
    return RY_OK;
}

static int take_file(const char *path, char *const *env, struct ry_buf *text, struct ry_error *err)
{
    char line[LINE_BYTES];
    struct ry_error why;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ry_fail(err, RY_ECONFIG, "--env-file: cannot open %s: %s; name a file with lines NAME=value", path,
                       strerror(errno));
    int rc = RY_OK;
    static const char utf16[] = "\xFF\xFE";
    if (fread(line, 1, 2, file) == 2 && memcmp(line, utf16, 2) == 0)
        rc = ry_fail(err, RY_ECONFIG, "--env-file: %s is in UTF-16; save it as UTF-8", path);
    rewind(file);
    for (unsigned number = 1; rc == RY_OK && fgets(line, sizeof line, file); number++) {
        bool whole = strchr(line, '\n') != NULL || strlen(line) + 1 < sizeof line;
        rc = whole ? take_line(line, env, text, &why)
                   : ry_fail(&why, RY_ECONFIG, "it has more than the %d bytes allowed", LINE_BYTES - 2);
        if (rc != RY_OK)
            (void)ry_fail(err, RY_ECONFIG, "--env-file: %s, line %u: %s", path, number, why.text);
    }
    if (rc == RY_OK && ferror(file))
        rc = ry_fail(err, RY_ECONFIG, "--env-file: cannot read %s: %s; name a file with lines NAME=value", path,
                     strerror(errno));
    explicit_bzero(line, sizeof line);
    (void)fclose(file);
    return rc;
}

int ry_env_file_read(const char *path, char *const *env, char ***out, struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(ENVIRONMENT_MAX_BYTES);
    for (char *const *at = env; at && *at; at++)
        (void)ry_buf_add(&text, *at, strlen(*at) + 1);
    int rc = path ? take_file(path, env, &text, err) : RY_OK;
    if (rc != RY_OK)
        return rc;
    size_t count = 0;
    for (size_t i = 0; i < text.n; i++)
        count += text.p[i] == '\0';
    *out = text.failed ? NULL : malloc((count + 1) * sizeof **out + text.n);
    if (*out == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the environment");
    char *at = (char *)(*out + count + 1);
    if (text.n > 0)
        memcpy(at, text.p, text.n);
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
        (*out)[i] = at;
    (*out)[count] = NULL;
    return RY_OK;
}
