/* pyregex_test.c: translated patterns answer as Python's re.search does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/pyregex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

/* What Python 3.11 answers: the span of the first match in characters, no match, or an error. */
#define NONE    -1, -1
#define REFUSED -2, -2

static const struct {
    const char *pattern, *text;
    int start, end;
} CASES[] = {
    /* case folds */
    {"(?i)istanbul", "\u0130stanbul", 0, 8},
    {"(?i)istanbul", "ISTANBUL", 0, 8},
    {"(?i)istanbul", "\u0131stanbul", 0, 8},
    {"(?i)istanbul", "istanbu", NONE},
    {"istanbul", "\u0130stanbul", NONE},
    {"(?i)\u0130", "i", 0, 1},
    {"(?i)[a-i]", "\u0130", 0, 1},
    {"(?i)[^a-i]", "\u0130", NONE},
    {"(?i)[a-h]", "\u0131", NONE},
    {"(?i)k", "\u212A", 0, 1},
    {"(?ai)k", "\u212A", NONE},
    {"(?ai)K", "k", 0, 1},
    {"(?ai)\u00E9", "\u00C9", NONE},
    {"(?i)\u00E9", "\u00C9", 0, 1},
    {"(?ai)[a-z]", "Q", 0, 1},
    {"(?ai)[Z-a]", "z", 0, 1},
    {"(?ai)[Z-a]", "y", NONE},
    {"(?i)s", "\u017F", 0, 1},
    {"(?i)\u00DF", "\u1E9E", 0, 1},
    {"(?i)\u00DF", "SS", NONE},
    {"(?i)\uFB05", "\uFB06", 0, 1},
    {"(?i)\u0390", "\u1FD3", 0, 1},
    {"(?i:a)b", "Ab", 0, 2},
    {"(?i:a)b", "AB", NONE},
    {"(?i)a(?-i:b)", "AB", NONE},
    {"(?i)a(?-i:b)", "Ab", 0, 2},
    {"(?i)a(?a:k)", "A\u212A", NONE},
    {"(?i)(a)\\1", "aA", 0, 2},
    {"(a)(?i:\\1)", "aA", 0, 2},
    {"(?i)a|B", "b", 0, 1},
    /* counts */
    {"go{,2}al", "gal", 0, 3},
    {"go{,2}al", "gooal", 0, 5},
    {"go{,2}al", "goooal", NONE},
    {"go{,2}al", "go{,2}al", NONE},
    {"a{2}", "aa", 0, 2},
    {"a{2,}", "aaa", 0, 3},
    {"a{,}", "aaa", 0, 3},
    {"a{}", "a{}", 0, 3},
    {"a{x", "a{x", 0, 3},
    {"a{1", "a{1", 0, 3},
    {"{", "{", 0, 1},
    {"a{2,1}", "aa", REFUSED},
    {"a**", "a", REFUSED},
    {"a{2}{3}", "a", REFUSED},
    {"*a", "a", REFUSED},
    {"^*", "a", REFUSED},
    {"\\b+", "a", REFUSED},
    {"(*LIMIT_MATCH=9)a", "a", REFUSED},
    {"a*?b", "aab", 0, 3},
    {"a++a", "aa", NONE},
    {"a?+a", "a", NONE},
    {"(?:a)*", "aa", 0, 2},
    {"(?:)*", "x", 0, 0},
    {"(?=a)*a", "a", 0, 1},
    {"(?x)a {2}", "aa", 0, 2},
    {"a{,2}?", "aa", 0, 0},
    /* line ends */
    {"clip\\Z", "clip", 0, 4},
    {"clip\\Z", "clip\n", NONE},
    {"clip$", "clip\n", 0, 4},
    {"clip$", "clip\n\n", NONE},
    {"(?m)clip$", "clip\nx", 0, 4},
    {"(?m)^", "\n", 0, 0},
    {"(?m)^$", "a\n", 2, 2},
    {"^b", "a\nb", NONE},
    {"(?m)^b", "a\nb", 2, 3},
    {"(?m)^b", "a\015b", NONE},
    {"a.b", "a\nb", NONE},
    {"(?s)a.b", "a\nb", 0, 3},
    {"a.b", "a\015b", 0, 3},
    {"a(?s:.)b.", "a\nb\n", NONE},
    {"(?s-m:a$)", "a\n", 0, 1},
    {"\\Aa", "ba", NONE},
    {"(?m)\\Ab", "a\nb", NONE},
    /* escapes */
    {"\\U0001F600", "\U0001F600", 0, 1},
    {"\\N{GRINNING FACE}", "\U0001F600", 0, 1},
    {"\\N{grinning face}", "\U0001F600", 0, 1},
    {"[\\N{EM DASH}]", "\u2014", 0, 1},
    {"\\N{NO SUCH NAME}", "a", REFUSED},
    {"\\N", "a", REFUSED},
    {"\\u00e9", "\u00E9", 0, 1},
    {"\\u00e", "\u00E9", REFUSED},
    {"\\x41", "A", 0, 1},
    {"\\x4", "A", REFUSED},
    {"\\xe9", "\u00E9", 0, 1},
    {"\\101", "A", 0, 1},
    {"\\012", "\n", 0, 1},
    {"\\400", "a", REFUSED},
    {"\\8", "8", REFUSED},
    {"[\\8]", "8", REFUSED},
    {"[\\101]", "A", 0, 1},
    {"(a)\\1", "aa", 0, 2},
    {"(a)\\2", "aa", REFUSED},
    {"\\1(a)", "aa", REFUSED},
    {"(a\\1)", "aa", REFUSED},
    {"\\q", "q", REFUSED},
    {"\\C", "a", REFUSED},
    {"\\K", "a", REFUSED},
    {"\\R", "\n", REFUSED},
    {"\\X", "a", REFUSED},
    {"\\h", "a", REFUSED},
    {"\\p{L}", "a", REFUSED},
    {"\\G", "a", REFUSED},
    {"\\z", "a", REFUSED},
    {"\\Q.\\E", ".", REFUSED},
    {"\\e", "e", REFUSED},
    {"\\\u00E9", "\u00E9", 0, 1},
    {"\\_", "_", 0, 1},
    {"\\ ", " ", 0, 1},
    {"\\", "a", REFUSED},
    {"\\ud83d", "a", NONE},
    {"[\\ud800-\\ue000]", "\uE000", 0, 1},
    {"[^\\ud800]", "a", 0, 1},
    {"\\U00110000", "a", REFUSED},
    {"\\a\\f\\v", "\007\014\013", 0, 3},
    {"[\\b]", "\010", 0, 1},
    /* sets */
    {"[[:alpha:]]", ":]", 0, 2},
    {"[[:alpha:]]", "a", NONE},
    {"[[:alpha:]]", "b]", NONE},
    {"[]a]", "]", 0, 1},
    {"[^]a]", "]", NONE},
    {"[^]a]", "b", 0, 1},
    {"[]", "a", REFUSED},
    {"[a-]", "-", 0, 1},
    {"[a\\-z]", "m", NONE},
    {"[z-a]", "b", REFUSED},
    {"[a-\\d]", "a", REFUSED},
    {"[\\d-a]", "a", REFUSED},
    {"[\\d-]", "-", 0, 1},
    {"[+--]", ",", 0, 1},
    {"[[a]&&[b]]", "a&]", NONE},
    {"[\\W_]", "_", 0, 1},
    {"[\\W_]", "a", NONE},
    {"[^\\W_]", "a", 0, 1},
    {"[^\\W_]", "_", NONE},
    {"[^\\W_]", "-", NONE},
    {"[^\\W\u00E9]", "\u00E9", NONE},
    {"[\\S]", " ", NONE},
    {"[^\\S]", "\034", 0, 1},
    {"[\\D5]", "5", 0, 1},
    {"[\\D5]", "6", NONE},
    {"[a", "a", REFUSED},
    {"[^\\d\\D]", "a", NONE},
    {"[.]", ".", 0, 1},
    {"[.]", "a", NONE},
    /* words and spaces */
    {"\\w", "\u00E9", 0, 1},
    {"\\w", "\u65E5", 0, 1},
    {"\\w", "\u0301", NONE},
    {"\\w", "\u00B2", 0, 1},
    {"\\w", "_", 0, 1},
    {"\\w", "\u203F", NONE},
    {"(?a)\\w", "\u00E9", NONE},
    {"\\d", "\u0663", 0, 1},
    {"(?a)\\d", "\u0663", NONE},
    {"\\d", "\u00B2", NONE},
    {"\\s", "\034", 0, 1},
    {"\\s", "\u180E", NONE},
    {"\\s", "\u2028", 0, 1},
    {"\\s", "\013", 0, 1},
    {"(?a)\\s", "\u00A0", NONE},
    {"(?a)\\s", "\034", NONE},
    {"^\\w+$", "e\u0301", NONE},
    {"\\b\u00E9", "a\u00E9", NONE},
    {"(?a)\\b\u00E9", "a\u00E9", 1, 2},
    {"a\\b", "a\u0301", 0, 1},
    {"\\B", "", NONE},
    {"\\B", "a", NONE},
    {"\\B", "ab", 1, 1},
    {"\\b", "", NONE},
    {"(?a:\\b)\u00E9", "\u00E9", NONE},
    {"\\S", "\037", NONE},
    /* flags */
    {"(?u)a", "a", 0, 1},
    {"(?a)(?u)a", "a", REFUSED},
    {"(?au)a", "a", REFUSED},
    {"(?L)a", "a", REFUSED},
    {"a(?i)b", "AB", REFUSED},
    {"(?i)(?m)^b", "a\nB", 2, 3},
    {"(?#x)(?i)a", "A", 0, 1},
    {" (?x)a", "a", REFUSED},
    {"(?x) a b # c", "ab", 0, 2},
    {"(?x)a#b\nc", "ac", 0, 2},
    {"(?x)[ ]a", " a", 0, 2},
    {"(?x)a\\ b", "a b", 0, 3},
    {"(?x: a )b", "ab", 0, 2},
    {"(?-x: a)", " a", 0, 2},
    {"(?i-i:a)", "a", REFUSED},
    {"(?-a:a)", "a", REFUSED},
    {"(?i-:a)", "a", REFUSED},
    {"(?-)a", "a", REFUSED},
    {"(?y)a", "a", REFUSED},
    {"(?u:\\w)(?a:\\w)", "\u00E9\u00E9", NONE},
    {"a|(?i)b", "B", REFUSED},
    /* groups */
    {"(?P<x>a)(?P=x)", "aa", 0, 2},
    {"(?P<x>a)(?P<x>b)", "ab", REFUSED},
    {"(?P=y)", "a", REFUSED},
    {"(?P<1>a)", "a", REFUSED},
    {"(?P<\u00E9>a)(?P=\u00E9)", "aa", 0, 2},
    {"(?P>x)", "a", REFUSED},
    {"(?<x>a)", "a", REFUSED},
    {"(?'x'a)", "a", REFUSED},
    {"(?&x)", "a", REFUSED},
    {"(?R)", "a", REFUSED},
    {"(?1)", "a", REFUSED},
    {"(?|a|b)", "a", REFUSED},
    {"(?C1)a", "a", REFUSED},
    {"(a)?(?(1)b|c)", "ab", 0, 2},
    {"(a)?(?(1)b|c)", "c", 0, 1},
    {"(a)?(?(1)b)", "c", 0, 0},
    {"(?P<n>a)?(?(n)b|c)", "ab", 0, 2},
    {"(?(1)a|b)", "b", REFUSED},
    {"(?(1)a|b)(x)", "bx", 0, 2},
    {"(?(0)a|b)", "b", REFUSED},
    {"(a)(?(1)b|c|d)", "ab", REFUSED},
    {"(?>a+)a", "aa", NONE},
    {"(?>a|ab)c", "abc", NONE},
    {"(", "a", REFUSED},
    {")", "a", REFUSED},
    {"(?", "a", REFUSED},
    {"(?:a", "a", REFUSED},
    {"(?#a", "a", REFUSED},
    {"(a|b|)c", "c", 0, 1},
    {"", "a", 0, 0},
    /* looking around */
    {"(?<!no )clip", "no clip", NONE},
    {"(?<!no )clip", "my clip", 3, 7},
    {"(?<=a|b)c", "bc", 1, 2},
    {"(?<=a|bc)d", "bcd", REFUSED},
    {"(?<=a+)b", "ab", REFUSED},
    {"(?<=a{2})b", "aab", 2, 3},
    {"(?<=[ab])c", "ac", 1, 2},
    {"(?<=^)a", "a", 0, 1},
    {"(?<=\\b)a", "a", 0, 1},
    {"(a)(?<=\\1)b", "ab", 0, 2},
    {"(?<=(a)\\1)b", "aab", REFUSED},
    {"(a)(?<=(?(1)a|b))c", "ac", 0, 2},
    {"(?=a)b", "b", NONE},
    {"(?=ab)a", "ab", 0, 1},
    {"(?!a)b", "b", 0, 1},
    {"a(?!b)", "ab", NONE},
    {"(?<=\U0001F600)a", "\U0001F600a", 1, 2},
};

/* Characters before a byte of a text. */
static int characters(const char *text, size_t bytes)
{
    int n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* Searches with the translation; *span is -1, -1 or -2, -2 as above. */
static void search(const char *pattern, const char *text, int span[2])
{
    RY_BUF_AUTO translated = ry_buf_make(PYREGEX_OUT_BYTES_MAX);
    struct ry_error err = {0};
    span[0] = span[1] = -2;
    int rc = pyregex_translate(ry_str_of(pattern), &translated, &err);
    if (rc != RY_OK) {
        assert_int_equal(rc, RY_EINVAL);
        assert_non_null(strstr(err.text, "at offset"));
        return;
    }
    int number = 0;
    PCRE2_SIZE at = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    assert_int_equal(pcre2_set_newline(context, PCRE2_NEWLINE_LF), 0);
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)ry_buf_str(&translated).p, translated.n, PCRE2_UTF, &number, &at, context);
    pcre2_compile_context_free(context);
    if (code == NULL)
        fail_msg("%s became %.*s, which PCRE2 refuses (%d at %zu)", pattern, (int)translated.n, translated.p, number,
                 (size_t)at);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    rc = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, match, NULL);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);
    span[0] = rc >= 0 ? characters(text, ends[0]) : -1;
    span[1] = rc >= 0 ? characters(text, ends[1]) : -1;
    pcre2_match_data_free(match);
    pcre2_code_free(code);
}

static void a_translated_pattern_answers_as_python_does(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int span[2];
        search(CASES[i].pattern, CASES[i].text, span);
        if (span[0] != CASES[i].start || span[1] != CASES[i].end) {
            print_message("%s on \"%s\": %d, %d instead of %d, %d\n", CASES[i].pattern, CASES[i].text, span[0], span[1],
                          CASES[i].start, CASES[i].end);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static int translate(const char *bytes, size_t n, size_t room)
{
    RY_BUF_AUTO translated = ry_buf_make(room);
    struct ry_error err = {0};
    return pyregex_translate((struct ry_str){bytes, n}, &translated, &err);
}

static void limits_are_refusals(void **state)
{
    (void)state;
    static char pattern[PYREGEX_PATTERN_BYTES_MAX + 1];
    memset(pattern, 'a', sizeof pattern);
    assert_int_equal(translate(pattern, sizeof pattern - 1, PYREGEX_OUT_BYTES_MAX), RY_OK);
    assert_int_equal(translate(pattern, sizeof pattern, PYREGEX_OUT_BYTES_MAX), RY_EINVAL);
    assert_int_equal(translate(pattern, 100, 99), RY_ENOMEM);
    memset(pattern, '(', sizeof pattern);
    assert_int_equal(translate(pattern, sizeof pattern - 1, PYREGEX_OUT_BYTES_MAX), RY_EINVAL);
    for (size_t i = 0; i + 1 < sizeof pattern; i += 2)
        memcpy(pattern + i, "()", 2);
    assert_int_equal(translate(pattern, sizeof pattern - 1, PYREGEX_OUT_BYTES_MAX), RY_EINVAL);
}

/* The few bytes of pattern that become the longest translations. */
static void a_pattern_of_nothing_but_the_longest_classes_fits(void **state)
{
    (void)state;
    static char pattern[PYREGEX_PATTERN_BYTES_MAX];
    static const char *const ITEMS[] = {"\\B", "\\S", "[\\W\\S]", "[\\S\\S\\S\\S\\S\\S\\S\\S]"};
    for (size_t k = 0; k < sizeof ITEMS / sizeof ITEMS[0]; k++) {
        size_t n = strlen(ITEMS[k]), used = 0;
        for (; used + n <= sizeof pattern; used += n)
            memcpy(pattern + used, ITEMS[k], n);
        assert_int_equal(translate(pattern, used, PYREGEX_OUT_BYTES_MAX), RY_OK);
    }
}

static void a_nul_is_a_character(void **state)
{
    (void)state;
    assert_int_equal(translate("a\0[\0-\1]", 7, PYREGEX_OUT_BYTES_MAX), RY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_translated_pattern_answers_as_python_does),
        cmocka_unit_test(limits_are_refusals),
        cmocka_unit_test(a_pattern_of_nothing_but_the_longest_classes_fits),
        cmocka_unit_test(a_nul_is_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
