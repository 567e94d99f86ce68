/* pyregex_internal.h: what the files of the translator share: the reader's state, and the steps below the grammar. */
#ifndef REELYARD_ACTORS_SCANNER_PYREGEX_INTERNAL_H
#define REELYARD_ACTORS_SCANNER_PYREGEX_INTERNAL_H

#include "actors/scanner/pyregex.h"

#define PYREGEX_GROUPS_MAX 1000
#define PYREGEX_DEPTH_MAX  100

/* Flags in force; (?u) is the absence of PYREGEX_ASCII. */
enum {
    PYREGEX_ASCII = 1,
    PYREGEX_IGNORECASE = 2,
    PYREGEX_MULTILINE = 4,
    PYREGEX_DOTALL = 8,
    PYREGEX_VERBOSE = 16,
};

/* How many characters a part can match; PYREGEX_ENDLESS: no bound. */
#define PYREGEX_ENDLESS UINT64_MAX
struct pyregex_width {
    uint64_t min, max;
};

struct pyregex_group {
    struct ry_str name; /* absent: none; points into the pattern */
    bool open;          /* its closing bracket has not come yet */
    struct pyregex_width width;
};

struct pyregex {
    const char *start, *at, *end; /* of the pattern */
    struct ry_buf *out;
    struct ry_error *err;
    unsigned flags; /* global ones */
    bool unicode;   /* (?u) was among them */
    int depth;
    int groups_n; /* with group 0, the whole */
    struct pyregex_group groups[PYREGEX_GROUPS_MAX];
    int lookbehind_groups; /* groups begun before the outermost look-behind; 0: in none */
    int condition_max;     /* highest group that a condition names by number */
    int items_n;           /* since the last callout */
    uint64_t folded;       /* characters of sets that PCRE2 is asked to fold */
};

/* What the last item of a sequence was, as far as a quantifier behind it cares. */
enum pyregex_item { PYREGEX_ITEM_NONE, PYREGEX_ITEM_POSITION, PYREGEX_ITEM_REPEATED, PYREGEX_ITEM_OTHER };

struct pyregex_sequence {
    unsigned flags;
    enum pyregex_item last;
    struct pyregex_width width, last_width;
    bool first; /* global flags may still come */
};

/* Reports why the pattern is refused; always RY_EINVAL. */
__attribute__((format(printf, 2, 3))) int pyregex_refuse(struct pyregex *self, const char *format, ...);

/* The next code point, which is consumed; -1 at the end. */
int32_t pyregex_get(struct pyregex *self);
/* Consumes the byte c if it is next. */
bool pyregex_match(struct pyregex *self, char c);
/* Consumes up to max digits of the base and returns how many; *value is theirs. base: 8, 10 or 16. */
int pyregex_digits(struct pyregex *self, int base, int max, uint64_t *value);
/* Consumes a name and the mark behind it. */
int pyregex_until(struct pyregex *self, char mark, const char *what, struct ry_str *name);

/* Whether PCRE2 is asked to fold case: in ASCII mode the translation does it. */
static inline bool pyregex_native_fold(unsigned flags)
{
    return (flags & PYREGEX_IGNORECASE) && !(flags & PYREGEX_ASCII);
}

/* The meaning of an escape: a character, a class by its letter (d D s S w W), a position (A Z b B), or a group. */
enum pyregex_escape_kind { PYREGEX_CHARACTER, PYREGEX_CLASS, PYREGEX_POSITION, PYREGEX_REFERENCE };
struct pyregex_escape {
    enum pyregex_escape_kind kind;
    int32_t value; /* code point, letter or group */
};

/* Reads the escape whose backslash was consumed. in_set: between [ and ]. */
int pyregex_read_escape(struct pyregex *self, bool in_set, struct pyregex_escape *escape);

/* A group that a reference names must be closed, and not begun in the look-behind that it stands in. */
int pyregex_check_reference(struct pyregex *self, int group, const char *name, bool must_be_closed);

/* The flag of a letter; 0: u, which has none of its own; -1: no flag. */
int pyregex_flag_of(char letter);

struct pyregex_flags {
    unsigned on, off;
    bool unicode; /* u was among them */
    char mark;    /* what stood behind them: ) or : */
};

/* Reads the flags behind (? and the mark behind them. flags: all zero before. */
int pyregex_read_flags(struct pyregex *self, struct pyregex_flags *flags);

/* Writes one character, a class by its letter, a position, any character. */
void pyregex_put_character(struct pyregex *self, int32_t c, unsigned flags);
void pyregex_put_class(struct pyregex *self, char letter, unsigned flags);
void pyregex_put_position(struct pyregex *self, char letter, unsigned flags);

/* Ends an item of the sequence, which can match min to max characters. */
void pyregex_item_end(struct pyregex_sequence *sequence, enum pyregex_item kind, uint64_t min, uint64_t max);
/* Reads what stands behind the mark of a quantifier (one of * + ? {) and repeats the last item. */
int pyregex_read_quantifier(struct pyregex *self, struct pyregex_sequence *sequence, char mark);
/* Writes a callout, at which a search that takes too long ends. */
void pyregex_put_callout(struct pyregex *self);

/* Reads the set whose [ was consumed and writes it. */
int pyregex_read_set(struct pyregex *self, unsigned flags);

#endif
