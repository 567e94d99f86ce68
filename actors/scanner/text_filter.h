/* text_filter.h: searching messages for the regular expressions of a channel's settings, which strangers wrote.
 *
 * A search is stopped when it has had its time, its steps (counted over all places that it starts at) or its memory,
 * and then has found nothing. Time is the thread's own, so that a busy machine cuts no search short. PCRE2 compiles
 * patterns to machine code where the system allows that to this process, and interprets them elsewhere. */
#ifndef REELYARD_ACTORS_SCANNER_TEXT_FILTER_H
#define REELYARD_ACTORS_SCANNER_TEXT_FILTER_H

#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Time that searches take, nanoseconds since some moment. */
struct text_clock {
    int64_t (*now_ns)(void *arg);
    void *arg;
};

/* The processor time of the calling thread. Static. */
const struct text_clock *text_clock_thread(void);

/* What all searches of one thread share: memory, limits, the clock. */
struct text_searcher;

/* The clock must live as long as the searcher. RY_ENOMEM. */
int text_searcher_new(struct text_searcher **searcher, const struct text_clock *clock, struct ry_error *err);
/* *searcher may be NULL. */
void text_searcher_free(struct text_searcher **searcher);

/* One compiled pattern. Does not change. */
struct text_filter;

/* Compiles a pattern of Python's re (UTF-8, not empty); setting is its name in the error. What it may cost is bounded
 * by the pattern's length (pyregex.h) and its size when compiled. RY_EINVAL: it is no regular expression, or too
 * large; RY_ENOMEM. */
int text_filter_compile(const char *setting, struct ry_str pattern, struct text_filter **filter, struct ry_error *err);
/* *filter may be NULL. */
void text_filter_free(struct text_filter **filter);

enum text_found { TEXT_ABSENT, TEXT_FOUND, TEXT_GIVEN_UP };

/* Whether the filter is found anywhere in the text (UTF-8; absent is empty). *left_ns is the time that the search may
 * take, and is lessened by what it took; a search that passes few callouts is not timed at all. TEXT_GIVEN_UP: a limit
 * was met. */
enum text_found text_filter_search(const struct text_filter *filter, struct text_searcher *searcher, struct ry_str text,
                                   int64_t *left_ns);

#endif
