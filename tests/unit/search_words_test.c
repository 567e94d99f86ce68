/* search_words_test.c: what is typed into a search becomes terms, and text becomes words, as people expect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/writer/fold.h"
#include "actors/writer/search_cursor.h"
#include "actors/writer/search_row.h"

static void text_is_folded(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", ""},
        {"  !?  ", ""},
        {"Hello, World", "hello world "},
        {"ÄÖÜ äöü ß ẞ", "aou aou ss ss "},
        {"Ærøskøbing Łódź Đorđe Þór œuvre", "aeroskobing lodz dorde thor oeuvre "},
        {"İstanbul ISPARTA ısı", "istanbul isparta isi "},
        {"e\xcc\x81\xcc\x82t\xc3\xa9", "ete "},
        {"ＦＵＬＬ　ｗｉｄｔｈ１", "full width1 "},
        {"ﬁne ½", "fine 1 2 "},
        {"東京tower", "東 京 tower "},
        {"ｶﾞ", "カ "},
        {"Привет ёлка", "привет елка "},
        {"مُحَمَّد", "محمد "},
        {"clip_2-final.MP4", "clip 2 final mp4 "},
        {"👍🏽👍", "👍 👍 "},
        {"a\xff"
         "b\xc3",
         "a b "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RY_BUF_AUTO out = ry_buf_make(1024);
        (void)fold_words(ry_str_of(cases[i].text), &out);
        if (!ry_str_is(ry_buf_str(&out), cases[i].words))
            fail_msg("'%s' becomes '%.*s', not '%s'", cases[i].text, RY_STR_ARG(ry_buf_str(&out)), cases[i].words);
    }
    /* A word is cut between characters, and what does not fit is left out whole. */
    RY_BUF_AUTO out = ry_buf_make(70);
    char longest[200];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(fold_words((struct ry_str){longest, sizeof longest}, &out), 1);
    assert_int_equal(out.n, FOLD_WORD_MAX_BYTES + 1);
    assert_int_equal(fold_words(RY_STR("ab cdefghijkl"), &out), 1);
    assert_true(out.failed);
    assert_true(ry_str_ends(ry_buf_str(&out), RY_STR("x ab "), false));
}

static void query_becomes_terms(void **state)
{
    static const struct {
        const char *query, *terms, *fts5, *tsquery;
    } cases[] = {
        {"", "", "", ""},
        {"goal", "+[ goal]", "\"goal\"*", "'goal':*"},
        {"Two words", "+[ two]+[ words]", "\"words\"*", "'words':*"},
        {"\"Two words\"", "+[ two words ]", "\"two\" AND \"words\"", "'two' & 'words'"},
        {"\"open", "+[ open ]", "\"open\"", "'open'"},
        {"don't", "+[ don t]", "\"don\" AND \"t\"*", "'don' & 't':*"},
        {"a -b", "+[ a]-[ b ]", "\"a\"*", "'a':*"},
        {"-\"b c\" - -", "-[ b c ]", "", ""},
        {"a\"b\"c", "+[ a]+[ b ]+[ c]", "\"a\"* AND \"b\" AND \"c\"*", "'a':* & 'b' & 'c':*"},
        {"OR AND NOT *", "+[ or]+[ and]+[ not]", "\"or\"* AND \"and\"* AND \"not\"*", "'or':* & 'and':* & 'not':*"},
        {"a:b^2", "+[ a b 2]", "\"a\" AND \"b\" AND \"2\"*", "'a' & 'b' & '2':*"},
        {"\\' \"\"", "", "", ""},
    };
    (void)state;
    static struct search_words words;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RY_BUF_AUTO terms = ry_buf_make(1024);
        RY_BUF_AUTO fts5 = ry_buf_make(1024);
        RY_BUF_AUTO tsquery = ry_buf_make(1024);
        assert_int_equal(search_words_read(ry_str_of(cases[i].query), &words, NULL), RY_OK);
        for (size_t k = 0; k < words.n; k++)
            (void)ry_buf_addf(&terms, "%c[%.*s]", words.terms[k].without ? '-' : '+',
                              RY_STR_ARG(words.terms[k].needle));
        search_words_fts5(&words, &fts5);
        search_words_tsquery(&words, &tsquery);
        assert_string_equal(ry_buf_cstr(&terms), cases[i].terms);
        assert_string_equal(ry_buf_cstr(&fts5), cases[i].fts5);
        assert_string_equal(ry_buf_cstr(&tsquery), cases[i].tsquery);
    }
}

static void long_query_is_refused_in_words(void **state)
{
    static char text[SEARCH_QUERY_MAX_BYTES + 1];
    static struct search_words words;
    struct ry_error err;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(search_words_read((struct ry_str){text, sizeof text}, &words, &err), RY_EINVAL);
    assert_non_null(strstr(err.text, "longer than 2000 bytes"));
    assert_int_equal(search_words_read((struct ry_str){text, sizeof text - 1}, &words, &err), RY_OK);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = ' ';
    assert_int_equal(search_words_read((struct ry_str){text, 2 * SEARCH_TERMS_MAX}, &words, &err), RY_OK);
    assert_int_equal(search_words_read((struct ry_str){text, 2 * SEARCH_TERMS_MAX + 1}, &words, &err), RY_EINVAL);
    assert_non_null(strstr(err.text, "32 words"));
    /* The most that decomposition makes of what is allowed (U+FDFA is 18 letters). */
    for (size_t i = 0; i + 3 <= SEARCH_QUERY_MAX_BYTES; i += 3)
        memcpy(text + i, "\xef\xb7\xba", 3);
    int rc = search_words_read((struct ry_str){text, SEARCH_QUERY_MAX_BYTES / 3 * 3}, &words, &err);
    assert_true(rc == RY_OK || rc == RY_EINVAL);
}

static void better_matches_score_higher(void **state)
{
    static struct search_words words;
    (void)state;
    /* From the best down: title, file name, message, author, channel; a whole word before a part. */
    static const char *const texts[] = {" goal \n \n \n \n \n", " goals \n \n \n \n \n", " \n goal \n \n \n \n",
                                        " \n \n \n \n goal \n", " \n \n goal \n \n \n",  " \n \n \n goal \n \n",
                                        " \n \n \n goals \n \n"};
    assert_int_equal(search_words_read(RY_STR("goal"), &words, NULL), RY_OK);
    int64_t before = INT64_MAX;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t score = search_words_score(&words, ry_str_of(texts[i]));
        assert_true(search_words_match(&words, ry_str_of(texts[i])));
        assert_true(score > 0 && score <= before);
        before = score;
    }
    assert_true(search_words_match(&words, RY_STR(" \n \n \n \n own goalless \n")));
    assert_false(search_words_match(&words, RY_STR(" \n \n \n \n owngoal \n")));
    assert_false(search_words_match(&words, (struct ry_str){0}));
}

static void clips_are_ordered_by_time_and_id(void **state)
{
    (void)state;
    int64_t a = search_docid(1000, RY_STR("00000fff")), b = search_docid(1000, RY_STR("00001000"));
    int64_t c = search_docid(1001, RY_STR("00000000"));
    assert_true(a < b && b < c);
    assert_int_equal(search_posted_wall_ms(b), 1000);
    assert_int_equal(search_docid(-5, RY_STR("")), 0);
    assert_true(search_docid(INT64_MAX, RY_STR("ffffffff")) > 0);
    assert_int_equal(search_orientation_of(RY_STR("1920x1080")), SEARCH_LANDSCAPE);
    assert_int_equal(search_orientation_of(RY_STR("1080x1920")), SEARCH_PORTRAIT);
    assert_int_equal(search_orientation_of(RY_STR("600x600")), SEARCH_SQUARE);
    static const char *const odd[] = {"", "x", "0x5", "5x0", "1920", "1920x", "ax5", "-1x5"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(search_orientation_of(ry_str_of(odd[i])), SEARCH_ORIENTATION_UNKNOWN);
    assert_int_equal(search_duration_ms(12.3456), 12346);
    assert_int_equal(search_duration_ms(-1), 0);
    assert_int_equal(search_duration_ms(1e12), 0);
}

static void cursor_is_read_as_it_was_written(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make(65536);
    const struct search_cursor written = {
        .sort = RY_GALLERY_RELEVANCE, .place = {INT64_MIN, INT64_MAX, RY_STR("00ff")}, .anchor = -1, .whole = true};
    struct search_cursor read;
    struct ry_str text = search_cursor_write(&written, &arena);
    assert_true(search_cursor_read(text, RY_GALLERY_RELEVANCE, &read));
    assert_true(read.place.key == INT64_MIN && read.place.docid == INT64_MAX && read.anchor == -1 && read.whole);
    assert_true(ry_str_is(read.place.clip_id, "00ff"));
    assert_false(search_cursor_read(text, RY_GALLERY_NEWEST, &read));
    for (size_t n = 0; n + 5 < text.n; n++)
        assert_false(search_cursor_read((struct ry_str){text.p, n}, RY_GALLERY_RELEVANCE, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_folded),
        cmocka_unit_test(query_becomes_terms),
        cmocka_unit_test(long_query_is_refused_in_words),
        cmocka_unit_test(better_matches_score_higher),
        cmocka_unit_test(clips_are_ordered_by_time_and_id),
        cmocka_unit_test(cursor_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
