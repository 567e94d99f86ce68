/* pyregex_set.c: characters, sets and classes of characters, written so that every PCRE2 answers as Python does.
 *
 * Python's \w is letters, numbers and the underscore; PCRE2's has changed with its releases. Python's \s knows the
 * separators U+001C to U+001F. Its case folding joins a few characters that PCRE2's does not. So classes are written
 * out, and characters of those few groups bring their group with them. In ASCII mode, PCRE2 is not asked to fold. */
#include "actors/scanner/pyregex_internal.h"

#define CHARACTER_MAX   0x10FFFF
#define SURROGATE_FIRST 0xD800
#define SURROGATE_LAST  0xDFFF

#define UNICODE_WORD "\\p{L}\\p{N}_"
#define UNICODE_SPACE \
    "\\x{9}-\\x{d}\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{" \
    "3000}"
#define UNICODE_NO_SPACE \
    "\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"

/* What stands between [ and ] for a class; NULL: it can be said as a complement only. */
static const struct {
    char letter;
    const char *ascii, *unicode;
} CLASSES[] = {
    {'d', "0-9", "\\p{Nd}"},
    {'D', "\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}", "\\P{Nd}"},
    {'s', "\\x{9}-\\x{d}\\x{20}", UNICODE_SPACE},
    {'S', "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}", UNICODE_NO_SPACE},
    {'w', "A-Za-z0-9_", UNICODE_WORD},
    {'W', "\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}", NULL},
};

/* The groups of characters that Python folds into one and some PCRE2 does not: found by comparing both for every
 * character (Python 3.11, PCRE2 10.42). Zero ends a group. */
static const int32_t FOLDED[][5] = {
    {'I', 'i', 0x130, 0x131, 0}, {0x390, 0x1FD3, 0}, {0x3B0, 0x1FE3, 0}, {0xFB05, 0xFB06, 0}};
#define FOLDED_N (sizeof FOLDED / sizeof FOLDED[0])

static const char *class_inside(char letter, unsigned flags)
{
    for (size_t i = 0; i < sizeof CLASSES / sizeof CLASSES[0]; i++)
        if (CLASSES[i].letter == letter)
            return flags & PYREGEX_ASCII ? CLASSES[i].ascii : CLASSES[i].unicode;
    return NULL;
}

static bool is_surrogate(int32_t c)
{
    return c >= SURROGATE_FIRST && c <= SURROGATE_LAST;
}

static bool is_ascii_letter(int32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool folds_with(const int32_t *group, int32_t first, int32_t last)
{
    for (; *group != 0; group++)
        if (*group >= first && *group <= last)
            return true;
    return false;
}

void pyregex_put_character(struct pyregex *self, int32_t c, unsigned flags)
{
    if (is_surrogate(c)) { /* no text has one */
        ry_buf_add_str(self->out, RY_STR("(?!)"));
        return;
    }
    const int32_t *group = NULL;
    for (size_t g = 0; g < FOLDED_N && pyregex_native_fold(flags); g++)
        if (folds_with(FOLDED[g], c, c))
            group = FOLDED[g];
    if (group != NULL) {
        ry_buf_add_str(self->out, RY_STR("["));
        for (; *group != 0; group++)
            ry_buf_addf(self->out, "\\x{%x}", (unsigned)*group);
        ry_buf_add_str(self->out, RY_STR("]"));
    } else if (is_ascii_letter(c) && (flags & PYREGEX_IGNORECASE) && (flags & PYREGEX_ASCII)) {
        ry_buf_addf(self->out, "[%c%c]", c, c ^ 0x20);
    } else if (is_ascii_letter(c)) {
        ry_buf_addf(self->out, "%c", c);
    } else {
        ry_buf_addf(self->out, "\\x{%x}", (unsigned)c);
    }
}

/* No class needs to be folded, and PCRE2 takes milliseconds to fold a large one. */
void pyregex_put_class(struct pyregex *self, char letter, unsigned flags)
{
    const char *inside = class_inside(letter, flags);
    bool fold = pyregex_native_fold(flags);
    ry_buf_add_str(self->out, fold ? RY_STR("(?-i:") : RY_STR(""));
    if (inside != NULL)
        ry_buf_addf(self->out, "[%s]", inside);
    else
        ry_buf_add_str(self->out, RY_STR("[^" UNICODE_WORD "]"));
    ry_buf_add_str(self->out, fold ? RY_STR(")") : RY_STR(""));
}

void pyregex_put_position(struct pyregex *self, char letter, unsigned flags)
{
    const char *word = class_inside('w', flags);
    switch (letter) {
    case 'A': ry_buf_add_str(self->out, RY_STR("\\A")); break;
    case 'Z': ry_buf_add_str(self->out, RY_STR("\\z")); break;
    case '^': /* behind every line end, the last one too */
        ry_buf_add_str(self->out, flags & PYREGEX_MULTILINE ? RY_STR("(?<![^\\n])") : RY_STR("\\A"));
        break;
    case '$':
        ry_buf_add_str(self->out, flags & PYREGEX_MULTILINE ? RY_STR("(?![^\\n])") : RY_STR("(?=\\n?\\z)"));
        break;
    case 'b': ry_buf_addf(self->out, "(?:(?<=[%s])(?![%s])|(?<![%s])(?=[%s]))", word, word, word, word); break;
    default: /* \B, which is nowhere in an empty text */
        ry_buf_addf(self->out, "(?!\\A\\z)(?:(?<=[%s])(?=[%s])|(?<![%s])(?![%s]))", word, word, word, word);
        break;
    }
}

/* A set as it is read. */
struct set {
    struct ry_buf inside; /* what it takes, as it stands between [ and ] */
    bool no_word;         /* it also takes all that is not \w, which cannot stand there */
    bool negated;
    uint64_t wide; /* characters of its ranges, about */
};

static void set_add_plain(struct set *set, int32_t first, int32_t last)
{
    if (first > last)
        return;
    set->wide += (uint64_t)(last - first) + 1;
    if (first == last)
        ry_buf_addf(&set->inside, "\\x{%x}", (unsigned)first);
    else
        ry_buf_addf(&set->inside, "\\x{%x}-\\x{%x}", (unsigned)first, (unsigned)last);
}

/* The other case of the ASCII letters from..to (all of one case) that stand between first and last. */
static void set_add_other_case(struct set *set, int32_t first, int32_t last, int32_t from, int32_t to)
{
    int32_t low = first > from ? first : from, high = last < to ? last : to;
    set_add_plain(set, low ^ 0x20, low > high ? -1 : high ^ 0x20);
}

static void set_add(struct set *set, int32_t first, int32_t last, unsigned flags)
{
    set_add_plain(set, first, last < SURROGATE_FIRST ? last : (first < SURROGATE_FIRST ? SURROGATE_FIRST - 1 : -1));
    set_add_plain(set, first > SURROGATE_LAST ? first : SURROGATE_LAST + 1, last);
    if (!(flags & PYREGEX_IGNORECASE))
        return;
    if (flags & PYREGEX_ASCII) {
        set_add_other_case(set, first, last, 'A', 'Z');
        set_add_other_case(set, first, last, 'a', 'z');
        return;
    }
    for (size_t g = 0; g < FOLDED_N; g++)
        for (const int32_t *c = FOLDED[g]; *c != 0 && folds_with(FOLDED[g], first, last); c++)
            set_add_plain(set, *c, *c);
}

static void set_add_class(struct set *set, char letter, unsigned flags)
{
    const char *inside = class_inside(letter, flags);
    if (letter == 'S')
        set->wide += CHARACTER_MAX; /* the others are properties for PCRE2, not ranges */
    if (inside != NULL)
        ry_buf_add(&set->inside, inside, strlen(inside));
    else
        set->no_word = true;
}

/* One character or class of a set; its first code point was consumed. */
static int read_member(struct pyregex *self, int32_t c, struct pyregex_escape *member)
{
    if (c < 0)
        return pyregex_refuse(self, "unterminated character set");
    if (c == '\\')
        return pyregex_read_escape(self, true, member);
    *member = (struct pyregex_escape){PYREGEX_CHARACTER, c};
    return RY_OK;
}

static void set_add_member(struct set *set, const struct pyregex_escape *member, unsigned flags)
{
    if (member->kind == PYREGEX_CLASS)
        set_add_class(set, (char)member->value, flags);
    else
        set_add(set, member->value, member->value, flags);
}

/* The rest of a range whose hyphen was consumed. *done: the set's ] was met: the hyphen was a character. */
static int read_range(struct pyregex *self, struct set *set, const struct pyregex_escape *first, unsigned flags,
                      bool *done)
{
    int32_t c = pyregex_get(self);
    if (c == ']') {
        set_add_member(set, first, flags);
        set_add(set, '-', '-', flags);
        *done = true;
        return RY_OK;
    }
    struct pyregex_escape last = {0};
    int rc = read_member(self, c, &last);
    if (rc != RY_OK)
        return rc;
    if (first->kind != PYREGEX_CHARACTER || last.kind != PYREGEX_CHARACTER || last.value < first->value)
        return pyregex_refuse(self, "bad character range");
    set_add(set, first->value, last.value, flags);
    return RY_OK;
}

static int read_members(struct pyregex *self, struct set *set, unsigned flags)
{
    for (bool first = true;; first = false) {
        int32_t c = pyregex_get(self);
        if (c == ']' && !first)
            return RY_OK;
        struct pyregex_escape member = {0};
        int rc = read_member(self, c, &member);
        if (rc != RY_OK)
            return rc;
        bool done = false;
        if (!pyregex_match(self, '-'))
            set_add_member(set, &member, flags);
        else if ((rc = read_range(self, set, &member, flags, &done)) != RY_OK || done)
            return rc;
    }
}

static void put_set(struct pyregex *self, const struct set *set)
{
    struct ry_str inside = ry_buf_str(&set->inside);
    if (set->no_word && inside.n == 0)
        ry_buf_addf(self->out, set->negated ? "[%s]" : "[^%s]", UNICODE_WORD);
    else if (set->no_word && set->negated)
        ry_buf_addf(self->out, "(?:(?![%.*s])[%s])", RY_STR_ARG(inside), UNICODE_WORD);
    else if (set->no_word)
        /* one way through it, also for what both take */
        ry_buf_addf(self->out, "(?>[%.*s]|[^%s])", RY_STR_ARG(inside), UNICODE_WORD);
    else if (inside.n == 0) /* surrogates alone */
        ry_buf_add_str(self->out, set->negated ? RY_STR("(?s:.)") : RY_STR("(?!)"));
    else
        ry_buf_addf(self->out, set->negated ? "[^%.*s]" : "[%.*s]", RY_STR_ARG(inside));
}

int pyregex_read_set(struct pyregex *self, unsigned flags)
{
    struct set set = {.inside = ry_buf_make(PYREGEX_OUT_BYTES_MAX), .negated = pyregex_match(self, '^')};
    int rc = read_members(self, &set, flags);
    if (rc == RY_OK && set.inside.failed)
        rc = ry_fail(self->err, RY_ENOMEM, "no memory for a character set");
    if (rc == RY_OK)
        put_set(self, &set);
    if (pyregex_native_fold(flags))
        self->folded += set.wide;
    ry_buf_free(&set.inside);
    return rc;
}
