/* search_words.c: the query's grammar, and matching as a search for bytes.
 *
 * Promises that no input is an error but one that is too long: quotes that are not closed end with the query, signs that
 * are no words vanish. */
#include "actors/writer/search_words.h"

#include "actors/writer/fold.h"

#define TELLING_BYTES 4

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

/* Adds a term of the words in text, if it has any. */
static int add_term(struct search_words *words, struct ry_buf *bytes, struct ry_str text, bool whole, bool without,
                    struct ry_error *err)
{
    size_t began = bytes->n;
    (void)ry_buf_add(bytes, " ", 1);
    bool none = fold_words(text, bytes) == 0;
    if (bytes->failed)
        return ry_fail(err, RY_EINVAL, "the search is too long");
    if (none) {
        bytes->n = began;
        return RY_OK;
    }
    if (words->n == SEARCH_TERMS_MAX)
        return ry_fail(err, RY_EINVAL, "the search has more than %d words", SEARCH_TERMS_MAX);
    /* -car is not to hide what has a cartoon. */
    if (!whole && !without)
        bytes->n--;
    memcpy(words->bytes + began, bytes->p + began, bytes->n - began);
    words->terms[words->n++] = (struct search_term){{words->bytes + began, bytes->n - began}, without};
    words->with += !without;
    return RY_OK;
}

int search_words_read(struct ry_str query, struct search_words *words, struct ry_error *err)
{
    words->n = words->with = 0;
    if (query.n > SEARCH_QUERY_MAX_BYTES)
        return ry_fail(err, RY_EINVAL, "the search is longer than %d bytes", SEARCH_QUERY_MAX_BYTES);
    RY_BUF_AUTO bytes = ry_buf_make(SEARCH_WORDS_BYTES);
    for (size_t i = 0; i < query.n;) {
        if (is_blank(query.p[i])) {
            i++;
            continue;
        }
        bool without = query.p[i] == '-';
        i += without;
        bool whole = i < query.n && query.p[i] == '"';
        i += whole;
        size_t end = i;
        while (end < query.n && query.p[end] != '"' && (whole || !is_blank(query.p[end])))
            end++;
        int rc = add_term(words, &bytes, (struct ry_str){query.p + i, end - i}, whole, without, err);
        if (rc != RY_OK)
            return rc;
        i = end + (whole && end < query.n);
    }
    return RY_OK;
}

static bool has(struct ry_str text, struct ry_str needle)
{
    return memmem(text.p, text.n, needle.p, needle.n) != NULL;
}

bool search_words_match(const struct search_words *words, struct ry_str text)
{
    if (text.p == NULL)
        text = RY_STR("");
    for (size_t i = 0; i < words->n; i++)
        if (has(text, words->terms[i].needle) == words->terms[i].without)
            return false;
    return true;
}

int64_t search_words_score(const struct search_words *words, struct ry_str text)
{
    static const int64_t weights[SEARCH_FIELD_COUNT] = {
        [SEARCH_TITLE] = 16, [SEARCH_FILENAME] = 8, [SEARCH_AUTHOR] = 3, [SEARCH_CHANNEL] = 2, [SEARCH_CONTENT] = 6};
    int64_t score = 0;
    for (unsigned f = 0; f < SEARCH_FIELD_COUNT && text.n > 0; f++) {
        const char *end = memchr(text.p, '\n', text.n);
        struct ry_str field = {text.p, end ? (size_t)(end - text.p) : text.n};
        size_t skip = end ? field.n + 1 : field.n;
        text = (struct ry_str){text.p + skip, text.n - skip};
        for (size_t i = 0; i < words->n; i++) {
            struct ry_str needle = words->terms[i].needle;
            const char *at =
                words->terms[i].without || field.n == 0 ? NULL : memmem(field.p, field.n, needle.p, needle.n);
            if (at == NULL)
                continue;
            const char *behind = at + needle.n;
            bool whole = needle.p[needle.n - 1] == ' ' || (behind < field.p + field.n && *behind == ' ');
            score += whole ? 2 * weights[f] : weights[f];
        }
    }
    return score;
}

/* Takes the next word off a needle: its first byte is a blank, and so is the one behind a whole word. */
static struct ry_str next_word(struct ry_str *rest, bool *prefix)
{
    *rest = (struct ry_str){rest->p + 1, rest->n - 1};
    const char *end = memchr(rest->p, ' ', rest->n);
    struct ry_str word = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    *rest = (struct ry_str){rest->p + word.n, rest->n - word.n};
    *prefix = end == NULL;
    return word;
}

static size_t longest_word(const struct search_words *words)
{
    size_t longest = 0;
    bool prefix;
    for (size_t i = 0; i < words->n; i++)
        for (struct ry_str rest = words->terms[i].needle; !words->terms[i].without && rest.n > 1;) {
            struct ry_str word = next_word(&rest, &prefix);
            longest = word.n > longest ? word.n : longest;
        }
    return longest;
}

/* Appends every word of the terms that must be there between the signs of a language. Beginnings that many words share
 * cost much and tell little: they are left out where a longer word tells more. */
static void add_words(const struct search_words *words, const char *and, const char *quote, const char *sign,
                      struct ry_buf *out)
{
    bool first = true, prefix;
    bool tells = longest_word(words) >= TELLING_BYTES;
    for (size_t i = 0; i < words->n; i++)
        for (struct ry_str rest = words->terms[i].needle; !words->terms[i].without && rest.n > 1;) {
            struct ry_str word = next_word(&rest, &prefix);
            if (prefix && tells && word.n < TELLING_BYTES)
                continue;
            (void)ry_buf_addf(out, "%s%s%.*s%s%s", first ? "" : and, quote, RY_STR_ARG(word), quote,
                              prefix ? sign : "");
            first = false;
        }
}

void search_words_fts5(const struct search_words *words, struct ry_buf *out)
{
    add_words(words, " AND ", "\"", "*", out);
}

void search_words_tsquery(const struct search_words *words, struct ry_buf *out)
{
    add_words(words, " & ", "'", ":*", out);
}

void search_text(const struct ry_str fields[SEARCH_FIELD_COUNT], struct ry_buf *out)
{
    for (unsigned f = 0; f < SEARCH_FIELD_COUNT; f++) {
        (void)ry_buf_add(out, " ", 1);
        (void)fold_words(fields[f], out);
        (void)ry_buf_add(out, "\n", 1);
    }
}
