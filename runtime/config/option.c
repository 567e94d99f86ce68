/* option.c: see option.h. The rows are those of options.def; a value's text is the caller's to free. */
#include "runtime/config/option.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

static const struct ry_option_row rows[RY_OPT_COUNT] = {
#define OPTION(name, type, env, flag, setting, fallback, min, max, unit, secret_of, doc) \
    [RY_OPT_##name] = {#name, env, flag, setting, fallback, min, max, unit, doc, RY_TYPE_##type, secret_of},
#include "runtime/config/options.def"
#undef OPTION
};

const struct ry_option_row *ry_option_row(enum ry_option option)
{
    RY_ASSERT((unsigned)option < RY_OPT_COUNT, "option %u", (unsigned)option);
    return &rows[option];
}

bool ry_option_next_word(const char **words, struct ry_str *word)
{
    if (**words == '\0')
        return false;
    size_t n = strcspn(*words, "|");
    *word = (struct ry_str){*words, n};
    *words += n + ((*words)[n] == '|');
    return true;
}

/* Whole decimal numbers only: strtoll alone would take blanks, a plus and a tail. */
static bool read_int(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-');
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

/* Decimal numbers only: strtod alone would take blanks, hexadecimal, infinities and a tail. */
static bool read_real(const char *text, double *value)
{
    if (*text == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
        return false;
    char *end = NULL;
    *value = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*value);
}

static bool int_within(const struct ry_option_row *row, int64_t value)
{
    int64_t limit = 0;
    return !(read_int(row->min, &limit) && value < limit) && !(read_int(row->max, &limit) && value > limit);
}

static bool parse_int(const struct ry_option_row *row, const char *text, int64_t *value)
{
    return read_int(text, value) && int_within(row, *value);
}

static bool parse_real(const struct ry_option_row *row, const char *text, double *value)
{
    double limit = 0;
    return read_real(text, value) && !(read_real(row->min, &limit) && *value < limit) &&
           !(read_real(row->max, &limit) && *value > limit);
}

static bool parse_bool(const char *text, bool *value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
                 {"false", false}, {"no", false}, {"off", false}, {"0", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

/* Copies the next number of a list, without the blanks around it, into item; false at the end. What is too long for a
 * number becomes "", which is none. */
static bool next_item(const char **text, char item[32])
{
    if (*text == NULL)
        return false;
    size_t n = strcspn(*text, ",");
    const char *p = *text;
    *text = p[n] == ',' ? p + n + 1 : NULL;
    while (n > 0 && *p == ' ') {
        p++;
        n--;
    }
    while (n > 0 && p[n - 1] == ' ')
        n--;
    n = n < 32 ? n : 0;
    memcpy(item, p, n);
    item[n] = '\0';
    return true;
}

static bool parse_ints(const struct ry_option_row *row, const char *text)
{
    char item[32];
    int64_t value = 0;
    while (next_item(&text, item))
        if (!parse_int(row, item, &value))
            return false;
    return true;
}

size_t ry_option_ints(const char *text, int64_t *values, size_t max)
{
    char item[32];
    size_t n = 0;
    for (; next_item(&text, item); n++)
        if (n < max)
            (void)read_int(item, &values[n]);
    return n;
}

/* The declared spelling of the word, or the absent string. */
static struct ry_str parse_choice(const struct ry_option_row *row, const char *text)
{
    const char *words = row->min;
    struct ry_str word = {NULL, 0};
    while (ry_option_next_word(&words, &word))
        if (strlen(text) == word.n && strncasecmp(text, word.p, word.n) == 0)
            return word;
    return (struct ry_str){NULL, 0};
}

void ry_option_allowed(const struct ry_option_row *row, struct ry_buf *out)
{
    const char *words = row->min;
    struct ry_str word = {NULL, 0};
    switch (row->type) {
    case RY_TYPE_STRING: (void)ry_buf_addf(out, "text of at most %zu bytes", RY_OPTION_TEXT_MAX); return;
    case RY_TYPE_BOOL: (void)ry_buf_addf(out, "true or false"); return;
    case RY_TYPE_CHOICE:
        (void)ry_buf_addf(out, "one of");
        for (const char *comma = " "; ry_option_next_word(&words, &word);)
            if (word.n > 0) { /* the empty word is what an unset option has */
                (void)ry_buf_addf(out, "%s%.*s", comma, RY_STR_ARG(word));
                comma = ", ";
            }
        return;
    case RY_TYPE_INT: (void)ry_buf_addf(out, "a whole number"); break;
    case RY_TYPE_REAL: (void)ry_buf_addf(out, "a number"); break;
    case RY_TYPE_INTS: (void)ry_buf_addf(out, "whole numbers joined by commas, each"); break;
    }
    if (*row->min)
        (void)ry_buf_addf(out, " from %s", row->min);
    if (*row->max)
        (void)ry_buf_addf(out, " to %s", row->max);
    if (*row->unit)
        (void)ry_buf_addf(out, " (%s)", row->unit);
}

/* The sentence for a value that is not allowed: where, what (shortened, printable, never a secret), what is allowed. */
static int refuse(const struct ry_option_row *row, const char *text, const char *place, struct ry_error *err)
{
    char shown[64];
    size_t n = 0;
    for (; text[n] && n < sizeof shown - 1; n++)
        shown[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7F ? '?' : text[n];
    shown[n] = '\0';
    RY_BUF_AUTO allowed = ry_buf_make(512);
    ry_option_allowed(row, &allowed);
    struct ry_str words = ry_buf_str(&allowed);
    if (row->secret_of)
        return ry_fail(err, RY_ECONFIG, "%s: the value (not shown) must be %.*s", place, RY_STR_ARG(words));
    return ry_fail(err, RY_ECONFIG, "%s: \"%s%s\" must be %.*s", place, shown, text[n] ? "..." : "", RY_STR_ARG(words));
}

int ry_option_parse(const struct ry_option_row *row, const char *text, const char *place, struct ry_option_value *value,
                    struct ry_error *err)
{
    struct ry_str canonical = ry_str_of(text);
    bool good = canonical.n <= RY_OPTION_TEXT_MAX;
    switch (row->type) {
    case RY_TYPE_STRING: break;
    case RY_TYPE_INT: good = good && parse_int(row, text, &value->integer); break;
    case RY_TYPE_REAL: good = good && parse_real(row, text, &value->real); break;
    case RY_TYPE_BOOL: good = good && parse_bool(text, &value->truth); break;
    case RY_TYPE_INTS: good = good && parse_ints(row, text); break;
    case RY_TYPE_CHOICE:
        canonical = parse_choice(row, text);
        good = canonical.p != NULL;
        break;
    }
    if (!good)
        return refuse(row, text, place, err);
    value->text = strndup(canonical.p, canonical.n);
    return value->text ? RY_OK : ry_fail(err, RY_ENOMEM, "%s: no memory", place);
}
