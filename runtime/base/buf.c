/* buf.c: see buf.h. Owns the memory of each buffer, which doubles until the maximum. */
#include "runtime/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/error.h"

void ry_buf_free(struct ry_buf *buf)
{
    free(buf->p);
    *buf = ry_buf_make(buf->max);
}

void ry_buf_reset(struct ry_buf *buf)
{
    buf->n = 0;
    buf->failed = false;
}

static int buf_grow(struct ry_buf *buf, size_t more)
{
    if (more > buf->max || buf->n > buf->max - more) {
        buf->failed = true;
        return RY_ELIMIT;
    }
    RY_ASSERT(buf->n <= buf->capacity && buf->capacity <= buf->max, "%zu of %zu of %zu bytes", buf->n, buf->capacity,
              buf->max);
    size_t need = buf->n + more;
    if (need <= buf->capacity)
        return RY_OK;
    size_t capacity = buf->capacity < 128 ? 128 : buf->capacity;
    if (capacity > buf->max)
        capacity = buf->max;
    while (capacity < need)
        capacity = capacity > buf->max / 2 ? buf->max : capacity * 2;
    char *grown = realloc(buf->p, capacity);
    if (grown == NULL) {
        buf->failed = true;
        return RY_ENOMEM;
    }
    buf->p = grown;
    buf->capacity = capacity;
    return RY_OK;
}

char *ry_buf_reserve(struct ry_buf *buf, size_t n)
{
    if (buf_grow(buf, n ? n : 1) != RY_OK)
        return NULL;
    return buf->p + buf->n;
}

int ry_buf_add(struct ry_buf *buf, const void *bytes, size_t n)
{
    if (n == 0)
        return RY_OK;
    int rc = buf_grow(buf, n);
    if (rc != RY_OK)
        return rc;
    memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    return RY_OK;
}

int ry_buf_add_str(struct ry_buf *buf, struct ry_str s)
{
    return ry_buf_add(buf, s.p, s.n);
}

/* printf ends with a NUL that is not counted; text that fills the buffer to its maximum is printed elsewhere first. */
static int buf_print_last(struct ry_buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static int buf_print_last(struct ry_buf *buf, const char *format, va_list args)
{
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    if (length < 0) {
        buf->failed = true;
        return RY_ENOMEM;
    }
    int rc = ry_buf_add(buf, text, (size_t)length);
    free(text);
    return rc;
}

int ry_buf_addf(struct ry_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int rc = RY_EINVAL;
    if (length >= 0 && (size_t)length == buf->max - buf->n) {
        rc = buf_print_last(buf, format, again);
    } else if (length >= 0 && (rc = buf_grow(buf, (size_t)length + 1)) == RY_OK) {
        (void)vsnprintf(buf->p + buf->n, (size_t)length + 1, format, again);
        buf->n += (size_t)length;
    }
    buf->failed = buf->failed || rc != RY_OK;
    va_end(again);
    return rc;
}

const char *ry_buf_cstr(struct ry_buf *buf)
{
    if (buf_grow(buf, 1) != RY_OK)
        return NULL;
    buf->p[buf->n] = '\0';
    return buf->p;
}
