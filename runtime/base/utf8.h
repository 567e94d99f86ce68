/* utf8.h: text from outside made fit for a message, a log line and a page.
 *
 * What libraries, servers, file names and peers say is bytes. It becomes text here, where it enters: a byte that begins
 * no well-formed sequence (RFC 3629) becomes a question mark, so that nothing grows, and a text is cut between
 * characters. Any thread; nothing allocates. */
#ifndef REELYARD_RUNTIME_BASE_UTF8_H
#define REELYARD_RUNTIME_BASE_UTF8_H

#include <stdarg.h>

#include "runtime/base/str.h"

/* The longest beginning of s that has at most max bytes and does not end inside a character. What is no UTF-8 is cut
 * at max bytes, or up to three before it. */
struct ry_str ry_utf8_head(struct ry_str s, size_t max);

/* Makes the n bytes at text well-formed, in place. Controls are left alone. */
void ry_utf8_mend(char *text, size_t n);

/* The same, and control characters become blanks: one line. */
void ry_utf8_line(char *text, size_t n);

/* snprintf for a sentence that may quote what came from outside: out is one line of well-formed UTF-8 that ends in NUL
 * and has at most size - 1 bytes (size > 0), cut between characters; as of ry_utf8_line. Returns its
 * length. errno stays as it was, and %m prints it. */
size_t ry_utf8_print(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t ry_utf8_vprint(char *out, size_t size, const char *format, va_list args) __attribute__((format(printf, 3, 0)));

#endif
