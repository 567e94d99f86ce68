/* search_fuzz.c: whatever is typed, reading it ends within its bounds, and what it asks an engine is one word after the
 * other between quotes; a text is found by its own words. */
#include "actors/writer/fold.h"
#include "actors/writer/search_cursor.h"
#include "actors/writer/search_words.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

/* Every word is quoted, so none can be a sign of the engine's language. */
static void check_expression(struct ry_str text, char quote)
{
    bool inside = false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (text.p[i] == quote)
            inside = !inside;
        else if (inside)
            check(c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
        else
            check(strchr(" AND&:*", (int)c) != NULL);
    }
    check(!inside);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct search_words words;
    struct search_cursor cursor;
    struct ry_error err;
    const struct ry_str input = {(const char *)data, size};
    RY_BUF_AUTO text = ry_buf_make(SEARCH_TEXT_MAX_BYTES);
    RY_BUF_AUTO fts5 = ry_buf_make(4 * SEARCH_WORDS_BYTES);
    RY_BUF_AUTO tsquery = ry_buf_make(4 * SEARCH_WORDS_BYTES);
    for (int sort = RY_GALLERY_NEWEST; sort <= RY_GALLERY_RELEVANCE; sort++)
        (void)search_cursor_read(input, (enum ry_gallery_sort)sort, &cursor);
    const struct ry_str fields[SEARCH_FIELD_COUNT] = {[SEARCH_CONTENT] = input};
    search_text(fields, &text);
    check(ry_str_is_utf8(ry_buf_str(&text)));
    if (search_words_read(input, &words, &err) != RY_OK)
        return 0;
    check(words.n <= SEARCH_TERMS_MAX && words.with <= words.n);
    search_words_fts5(&words, &fts5);
    search_words_tsquery(&words, &tsquery);
    check(!fts5.failed && !tsquery.failed);
    check_expression(ry_buf_str(&fts5), '"');
    check_expression(ry_buf_str(&tsquery), '\'');
    check(search_words_score(&words, ry_buf_str(&text)) >= 0);
    if (words.with == words.n && memchr(input.p, '"', input.n) == NULL && memchr(input.p, '-', input.n) == NULL)
        check(text.failed || search_words_match(&words, ry_buf_str(&text)));
    return 0;
}
