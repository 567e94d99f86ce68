/* search_words.h: what a person typed into the search box, and what it finds.
 *
 * Words are prefixes and all must be there; "quoted" words stand together and are whole; -word must not be there.
 * A clip's search text is its fields folded (fold.h), a blank before and behind each word, fields apart by a newline:
 *   " my clip \n recording 12 mp4 \n nina nina99 \n general \n look at this \n"
 * so that each term is a run of bytes to look for. Pure; any thread. */
#ifndef REELYARD_ACTORS_WRITER_SEARCH_WORDS_H
#define REELYARD_ACTORS_WRITER_SEARCH_WORDS_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#define SEARCH_QUERY_MAX_BYTES 2000
#define SEARCH_TERMS_MAX       32
#define SEARCH_WORDS_BYTES     8192
/* A clip's search text; what is beyond is not found. */
#define SEARCH_TEXT_MAX_BYTES 65536

enum search_field { SEARCH_TITLE, SEARCH_FILENAME, SEARCH_AUTHOR, SEARCH_CHANNEL, SEARCH_CONTENT, SEARCH_FIELD_COUNT };

struct search_term {
    struct ry_str needle; /* " look at" (a prefix) or " look at " (whole words) */
    bool without;
};

struct search_words {
    struct search_term terms[SEARCH_TERMS_MAX];
    size_t n;                       /* 0: everything matches */
    size_t with;                    /* of them, those that must be there */
    char bytes[SEARCH_WORDS_BYTES]; /* the needles */
};

/* Reads a query. Only its length and number of words can be wrong: RY_EINVAL with a sentence for the person. The terms
 * point into *words, which must not move. */
int search_words_read(struct ry_str query, struct search_words *words, struct ry_error *err);

/* Whether a search text has all that must be there and nothing that must not. */
bool search_words_match(const struct search_words *words, struct ry_str text);

/* How well a text that matches does so; larger is better. The title counts most, then the file name, the message, the
 * author and the channel; a whole word counts double. */
int64_t search_words_score(const struct search_words *words, struct ry_str text);

/* Appends the words that must be there as an expression of FTS5 ("look" AND "at" *), or as a tsquery ('look' & 'at':*).
 * It finds every clip that matches, and perhaps more. Nothing when no word must be there. */
void search_words_fts5(const struct search_words *words, struct ry_buf *out);
void search_words_tsquery(const struct search_words *words, struct ry_buf *out);

/* A clip's search text. */
void search_text(const struct ry_str fields[SEARCH_FIELD_COUNT], struct ry_buf *out);

#endif
