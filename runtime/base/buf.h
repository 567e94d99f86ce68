/* buf.h: a growable byte buffer that demands a maximum.
 *
 * Every buffer is told at birth how large it may become; growing past that fails with RY_ELIMIT instead of eating the
 * machine. A failed append leaves the buffer as it was and marks it (`failed`), so that a series of appends may be
 * checked once at its end. One owner, not thread-safe. */
#ifndef REELYARD_RUNTIME_BASE_BUF_H
#define REELYARD_RUNTIME_BASE_BUF_H

#include "runtime/base/str.h"

struct ry_buf {
    char *p;         /* NULL until the first append */
    size_t n;        /* bytes in use */
    size_t capacity; /* bytes allocated; at most max */
    size_t max;      /* bytes; never exceeded */
    bool failed;     /* an append was refused (limit or memory) since the last reset */
};

/* A buffer that holds at most max bytes; allocates nothing yet. */
static inline struct ry_buf ry_buf_make(size_t max)
{
    return (struct ry_buf){.max = max};
}

/* Frees the memory; the buffer may be used again with the same maximum. */
void ry_buf_free(struct ry_buf *buf);

/* Empties the buffer and clears `failed`; keeps the memory. */
void ry_buf_reset(struct ry_buf *buf);

/* Appends n bytes. RY_OK, RY_ELIMIT or RY_ENOMEM. */
int ry_buf_add(struct ry_buf *buf, const void *bytes, size_t n);
int ry_buf_add_str(struct ry_buf *buf, struct ry_str s);
int ry_buf_addf(struct ry_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes and returns where they go, or NULL; the caller then raises buf->n by what it wrote. */
char *ry_buf_reserve(struct ry_buf *buf, size_t n);

/* The contents as a borrowed string; valid until the next append. */
static inline struct ry_str ry_buf_str(const struct ry_buf *buf)
{
    return (struct ry_str){buf->p ? buf->p : "", buf->n};
}

/* The contents with a NUL behind them (not counted in n), or NULL when that byte did not fit. */
const char *ry_buf_cstr(struct ry_buf *buf);

/* For `__attribute__((cleanup(ry_buf_free)))`. */
#define RY_BUF_AUTO __attribute__((cleanup(ry_buf_free))) struct ry_buf

#endif
