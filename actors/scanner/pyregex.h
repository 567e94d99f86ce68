/* pyregex.h: regular expressions of Python's re module, translated for PCRE2.
 *
 * Guilds keep their filters as Python writes them. The two dialects differ in what a case fold covers, in word and
 * space characters, in line ends, and in dozens of escapes; PCRE2's own answers also change from release to release.
 * The translation leaves nothing of that to PCRE2: every class is written out, every literal is a literal, and what
 * Python refuses is refused here with Python's reason. It also brings callouts, so that whoever searches can stop a
 * search that takes too long.
 * Source: https://docs.python.org/3.11/library/re.html and Python 3.11's answers. */
#ifndef REELYARD_ACTORS_SCANNER_PYREGEX_H
#define REELYARD_ACTORS_SCANNER_PYREGEX_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

/* Longest pattern, bytes. */
#define PYREGEX_PATTERN_BYTES_MAX ((size_t)16 * 1024)
/* Longest translation, bytes: two bytes of pattern become at most 240 (\S, \B). */
#define PYREGEX_OUT_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* Appends the translation of pattern (a str pattern, UTF-8) to out, to be compiled with PCRE2_UTF, PCRE2_NEWLINE_LF and
 * no other option, and searched in UTF-8. A search for it passes a callout after at most a few dozen steps or one look
 * at the rest of the text, at whatever place it starts; only a search that is surely short passes none. Groups keep
 * their numbers and lose their names. Pure; any thread. RY_EINVAL: Python refuses the pattern, or it is beyond a limit
 * of this file; err says why and at which byte. RY_ENOMEM: out is full, or no memory. Two differences remain: a
 * back-reference under (?ai) folds all letters, and PCRE2 knows no count above 65,535. */
int pyregex_translate(struct ry_str pattern, struct ry_buf *out, struct ry_error *err);

#endif
