/* fold.h: text made comparable: words in lower case, without accents, a blank before and behind each.
 *
 * Both engines index and compare what this makes, so they find the same clips whatever their own rules for text are.
 * Pure; any thread. */
#ifndef REELYARD_ACTORS_WRITER_FOLD_H
#define REELYARD_ACTORS_WRITER_FOLD_H

#include "runtime/base/buf.h"

/* A longer word is cut, in the archive and in a query alike. */
#define FOLD_WORD_MAX_BYTES 60

/* Appends the words of text to out, each followed by a blank; returns how many there were. Letters lose case and
 * accents (ß becomes ss, full width becomes half width), digits stay, all else separates. A Han character, a kana and an
 * emoji are words of their own, because no blanks stand between them. Bytes that are no UTF-8 separate. Words that do
 * not fit in out are left out (out->failed). */
size_t fold_words(struct ry_str text, struct ry_buf *out);

#endif
