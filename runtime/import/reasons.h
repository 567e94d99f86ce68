/* reasons.h: sentences that say what went wrong, of one kind: the first ones are kept, all are counted.
 *
 * Owns its text, whose size is bounded. One owner, not thread-safe. */
#ifndef REELYARD_RUNTIME_IMPORT_REASONS_H
#define REELYARD_RUNTIME_IMPORT_REASONS_H

#include "runtime/base/buf.h"

/* Sentences that are kept. */
#define RY_REASONS_SHOWN_MAX 20
/* Bytes of them. */
#define RY_REASONS_MAX_BYTES ((size_t)64 * 1024)

struct ry_reasons {
    struct ry_buf text; /* a line each */
    size_t shown;
    uint64_t total;
};

/* None yet. Free with ry_reasons_free. */
struct ry_reasons ry_reasons_make(void);
void ry_reasons_free(struct ry_reasons *reasons);

/* Adds a sentence; control characters become '?'. */
void ry_reasons_add(struct ry_reasons *reasons, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Counts more that have no sentence here. */
void ry_reasons_count(struct ry_reasons *reasons, uint64_t more);

/* Forgets all. */
void ry_reasons_reset(struct ry_reasons *reasons);

/* The next sentence of those kept, without its newline; rest starts as ry_buf_str(&reasons->text). False: no more. */
bool ry_reasons_next(struct ry_str *rest, struct ry_str *sentence);

#endif
