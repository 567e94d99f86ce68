/* json_scan.c: one pass over the bytes; inside strings memchr does the walking. */
#include "runtime/import/json_scan.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define WINDOW_BYTES ((size_t)256 * 1024)

int json_scan_open(struct json_scan *scan, int fd, uint64_t offset, struct ry_error *err)
{
    *scan = (struct json_scan){.fd = fd, .base = offset};
    scan->buffer = malloc(WINDOW_BYTES);
    if (scan->buffer == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to read the file");
    scan->size = WINDOW_BYTES;
    return RY_OK;
}

void json_scan_close(struct json_scan *scan)
{
    free(scan->buffer);
    *scan = (struct json_scan){.fd = -1};
}

void json_scan_seek(struct json_scan *scan, uint64_t offset)
{
    scan->base = offset;
    scan->n = 0;
    scan->at = 0;
    scan->keeping = false;
    scan->ended = false;
}

uint64_t json_scan_offset(const struct json_scan *scan)
{
    return scan->base + scan->at;
}

/* Brings more bytes behind the window: drops what need not stay, grows the buffer only for a kept value. */
static int fill(struct json_scan *scan, struct ry_error *err)
{
    RY_ASSERT(scan->at <= scan->n && scan->n <= scan->size, "at %zu of %zu of %zu", scan->at, scan->n, scan->size);
    RY_ASSERT(!scan->keeping || scan->keep <= scan->at, "keeps %zu, at %zu", scan->keep, scan->at);
    size_t drop = scan->keeping ? scan->keep : scan->at;
    if (drop > 0) {
        memmove(scan->buffer, scan->buffer + drop, scan->n - drop);
        scan->n -= drop;
        scan->at -= drop;
        scan->keep -= scan->keeping ? drop : 0;
        scan->base += drop;
    }
    if (scan->size - scan->n < WINDOW_BYTES / 2) {
        char *grown = realloc(scan->buffer, scan->size * 2);
        if (grown == NULL)
            return ry_fail(err, RY_ENOMEM, "no memory to read the file");
        scan->buffer = grown;
        scan->size *= 2;
    }
    uint64_t offset = scan->base + scan->n;
    ssize_t n = 0;
    do
        n = pread(scan->fd, scan->buffer + scan->n, scan->size - scan->n, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return ry_fail(err, RY_EIO, "cannot read at byte %" PRIu64 ": %s", offset, strerror(errno));
    scan->n += (size_t)n;
    scan->ended = n == 0;
    return RY_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int json_scan_peek(struct json_scan *scan, struct ry_error *err)
{
    for (;;) {
        while (scan->at < scan->n && is_space(scan->buffer[scan->at]))
            scan->at++;
        if (scan->at < scan->n)
            return (unsigned char)scan->buffer[scan->at];
        if (scan->ended)
            return JSON_SCAN_END;
        int rc = fill(scan, err);
        if (rc != RY_OK)
            return rc;
    }
}

void json_scan_skip(struct json_scan *scan)
{
    RY_ASSERT(scan->at < scan->n, "nothing was seen at byte %" PRIu64, scan->base + scan->at);
    scan->at++;
}

/* ---- the end of a value ------------------------------------------------------------------------------------------ */

/* Where a walk through a value stands between two windows. */
struct walk {
    size_t depth;
    bool in_string;
    bool escaped; /* in a string: the byte before was a backslash that escapes the next one */
    bool done;
};

/* Through a string's rest: returns the place behind its closing quote, or end. */
static const char *walk_string(struct walk *walk, const char *p, const char *end)
{
    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *stop = quote ? quote : end;
        /* An odd run of backslashes before `stop` escapes it; one that fills all since p goes on from before. */
        const char *run = stop;
        while (run > p && run[-1] == '\\')
            run--;
        bool escaped = (stop - run) % 2 != 0;
        if (run == p && walk->escaped)
            escaped = !escaped;
        walk->escaped = escaped && quote == NULL;
        p = quote ? quote + 1 : end;
        if (quote != NULL && !escaped) {
            walk->in_string = false;
            return p;
        }
    }
    return p;
}

/* Through one window's rest; returns how far it came. */
static const char *walk_value(struct walk *walk, const char *p, const char *end)
{
    while (p < end && !walk->done) {
        if (walk->in_string) {
            p = walk_string(walk, p, end);
            walk->done = !walk->in_string && walk->depth == 0;
            continue;
        }
        char c = *p++;
        if (c == '"') {
            walk->in_string = true;
        } else if (c == '{' || c == '[') {
            walk->depth++;
        } else if (c == '}' || c == ']') {
            RY_ASSERT(walk->depth > 0, "a value began with a closing bracket");
            walk->depth--;
            walk->done = walk->depth == 0;
        }
    }
    return p;
}

/* A number or a word goes on to what cannot belong to it. */
static const char *walk_word(struct walk *walk, const char *p, const char *end)
{
    while (p < end && !is_space(*p) && strchr(",:]}[{\"", *p) == NULL)
        p++;
    walk->done = p < end;
    return p;
}

static bool begins_word(char c)
{
    return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'N' || c == 'I';
}

int json_scan_next(struct json_scan *scan, size_t max, struct json_scan_value *value, struct ry_error *err)
{
    int first = json_scan_peek(scan, err);
    if (first == RY_EIO || first == RY_ENOMEM)
        return first;
    if (first == JSON_SCAN_END)
        return ry_fail(err, RY_ENOENT, "the file ends where a value is expected");
    bool word = begins_word((char)first);
    if (!word && first != '{' && first != '[' && first != '"')
        return ry_fail(err, RY_EINVAL, "no JSON value begins with byte 0x%02x", (unsigned)first);
    *value = (struct json_scan_value){.offset = json_scan_offset(scan)};
    scan->keeping = true;
    scan->keep = scan->at;
    struct walk walk = {0};
    int rc = RY_OK;
    while (rc == RY_OK) {
        const char *p = scan->buffer + scan->at;
        const char *end = scan->buffer + scan->n;
        p = word ? walk_word(&walk, p, end) : walk_value(&walk, p, end);
        scan->at = (size_t)(p - scan->buffer);
        if (scan->keeping && scan->at - scan->keep > max)
            scan->keeping = false;
        if (walk.done || (word && scan->ended))
            break;
        if (scan->ended)
            rc = ry_fail(err, RY_ENOENT, "the file ends in the middle of a value: the export was cut off");
        else
            rc = fill(scan, err);
    }
    if (rc == RY_OK && scan->keeping)
        value->text = (struct ry_str){scan->buffer + scan->keep, scan->at - scan->keep};
    value->end = json_scan_offset(scan);
    RY_ASSERT(value->end >= value->offset && value->text.n <= max, "%zu bytes of %zu", value->text.n, max);
    scan->keeping = false;
    return rc;
}

uint64_t json_scan_line(int fd, uint64_t offset)
{
    uint64_t line = 1;
    char chunk[65536];
    for (uint64_t at = 0; at < offset;) {
        size_t want = offset - at < sizeof chunk ? (size_t)(offset - at) : sizeof chunk;
        ssize_t n = pread(fd, chunk, want, (off_t)at);
        if (n <= 0)
            break;
        for (const char *p = chunk; (p = memchr(p, '\n', (size_t)(chunk + n - p))) != NULL; p++)
            line++;
        at += (uint64_t)n;
    }
    return line;
}
