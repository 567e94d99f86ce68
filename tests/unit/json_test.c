/* json_test.c: what is JSON and what is not (RFC 8259), what a document says, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/json/json_internal.h"
#include "runtime/json/read.h"
#include "runtime/json/writer.h"

#include <math.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* A literal with its bytes, NUL among them. */
#define BYTES(literal) \
    { \
        (literal), sizeof(literal) - 1 \
    }

static void what_the_grammar_allows_is_read(void **state)
{
    (void)state;
    static const struct ry_str CASES[] = {
        BYTES("null"),
        BYTES("true"),
        BYTES("false"),
        BYTES("0"),
        BYTES("-0"),
        BYTES("7"),
        BYTES("\"\""),
        BYTES("[]"),
        BYTES("{}"),
        BYTES(" \t\r\n[ \t\r\n] \t\r\n"),
        BYTES("[1,2,[3,{\"a\":[]}]]"),
        BYTES("{\"\":0}"),
        BYTES("{\"a\":1,\"a\":2}"),
        BYTES("{ \"a\" : 1 , \"b\" : null }"),
        BYTES("-1.5e+10"),
        BYTES("1E-2"),
        BYTES("0e1"),
        BYTES("0.0"),
        BYTES("-0.0"),
        BYTES("1e400"),
        BYTES("-1E400"),
        BYTES("1e-400"),
        BYTES("123456789012345678901234567890"),
        BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
        BYTES("\"\\u0000\""),
        BYTES("\"\\u00e9\\uD83D\\uDE00\""),
        BYTES("\"\\ud800\""),
        BYTES("\"\\udc00\""),
        BYTES("\"\\ud800\\ud800\""),
        BYTES("\"\\ud800x\\\"\""),
        BYTES("\"\x7f\""),
        BYTES("\"\xc2\x80\""),
        BYTES("\"\xdf\xbf\""),
        BYTES("\"\xe0\xa0\x80\""),
        BYTES("\"\xed\x9f\xbf\""),
        BYTES("\"\xee\x80\x80\""),
        BYTES("\"\xef\xbf\xbf\""),
        BYTES("\"\xf0\x90\x80\x80\""),
        BYTES("\"\xf4\x8f\xbf\xbf\""),
        BYTES("\"/* no comment */\""),
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {.text = ""};
        if (ry_json_parse(CASES[i], &doc, &err) != RY_OK)
            fail_msg("%s is refused: %s", CASES[i].p, err.text);
    }
}

static const struct ry_str REFUSED[] = {
    /* nothing, half of something, too much */
    BYTES(""),
    BYTES(" "),
    BYTES("["),
    BYTES("[1"),
    BYTES("[1,"),
    BYTES("{"),
    BYTES("{\"a\""),
    BYTES("{\"a\":"),
    BYTES("{\"a\":1"),
    BYTES("{\"a\":1,"),
    BYTES("\""),
    BYTES("\"a"),
    BYTES("\"\\"),
    BYTES("\"\\u12"),
    BYTES("tru"),
    BYTES("[1]x"),
    BYTES("[1] 2"),
    BYTES("{}{}"),
    BYTES("1 1"),
    BYTES("null,"),
    BYTES("[]\0"),
    BYTES("]"),
    BYTES("}"),
    /* structure */
    BYTES("[1,]"),
    BYTES("[,1]"),
    BYTES("[1,,2]"),
    BYTES("[1 2]"),
    BYTES("[1;2]"),
    BYTES("{\"a\":1,}"),
    BYTES("{,}"),
    BYTES("{\"a\" 1}"),
    BYTES("{\"a\":}"),
    BYTES("{\"a\"::1}"),
    BYTES("{1:2}"),
    BYTES("{a:1}"),
    BYTES("{null:1}"),
    BYTES("{\"a\":1 \"b\":2}"),
    BYTES("[1}"),
    BYTES("{\"a\":1]"),
    BYTES("[\"a\":1]"),
    /* numbers */
    BYTES("+1"),
    BYTES("01"),
    BYTES("-01"),
    BYTES("00"),
    BYTES("-"),
    BYTES("5."),
    BYTES("[5.]"),
    BYTES(".5"),
    BYTES("5.e1"),
    BYTES("1e"),
    BYTES("1e+"),
    BYTES("1e1.5"),
    BYTES("0x10"),
    BYTES("1_000"),
    BYTES("1.2.3"),
    BYTES("--1"),
    BYTES("- 1"),
    BYTES("NaN"),
    BYTES("-NaN"),
    BYTES("nan"),
    BYTES("Infinity"),
    BYTES("-Infinity"),
    BYTES("inf"),
    BYTES("[NaN]"),
    BYTES("1f"),
    BYTES("\xef\xbc\x91"),
    /* words */
    BYTES("True"),
    BYTES("TRUE"),
    BYTES("nul"),
    BYTES("Null"),
    BYTES("none"),
    BYTES("undefined"),
    BYTES("truefalse"),
    /* strings */
    BYTES("'a'"),
    BYTES("{'a':1}"),
    BYTES("\"\n\""),
    BYTES("\"\t\""),
    BYTES("\"\x01\""),
    BYTES("\"\x1f\""),
    BYTES("\"a\0b\""),
    BYTES("\"\\x41\""),
    BYTES("\"\\a\""),
    BYTES("\"\\'\""),
    BYTES("\"\\u12G4\""),
    BYTES("\"\\U00000041\""),
    BYTES("\"\\\n\""),
    BYTES("\"\\ud800\\x\""),
    /* UTF-8 */
    BYTES("\"\x80\""),
    BYTES("\"\xbf\""),
    BYTES("\"\xc0\x80\""),
    BYTES("\"\xc1\xbf\""),
    BYTES("\"\xe0\x80\x80\""),
    BYTES("\"\xe0\x9f\xbf\""),
    BYTES("\"\xf0\x80\x80\x80\""),
    BYTES("\"\xf0\x8f\xbf\xbf\""),
    BYTES("\"\xed\xa0\x80\""),
    BYTES("\"\xed\xbf\xbf\""),
    BYTES("\"\xf4\x90\x80\x80\""),
    BYTES("\"\xf5\x80\x80\x80\""),
    BYTES("\"\xfe\""),
    BYTES("\"\xff\""),
    BYTES("\"\xc2\""),
    BYTES("\"\xe2\x82\""),
    BYTES("\"\xf0\x9f\x98\""),
    BYTES("\xc2\xa0[]"),
    BYTES("\xef\xbb\xbf[]"),
    BYTES("\xff"),
    BYTES("\"\xe2"),
    BYTES("\"\xf0\x9f\x98"),
    BYTES("[\x00]"),
    /* what only settings files may have */
    BYTES("// c\n1"),
    BYTES("/* c */ 1"),
    BYTES("1 // c"),
    BYTES("[1, /* c */ 2]"),
    BYTES("# c\n1"),
    /* white space that is none */
    BYTES("\v[]"),
    BYTES("\f[]"),
    BYTES("[\xe2\x80\xa8]"),
};

static void what_the_grammar_does_not_allow_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(REFUSED); i++) {
        /* In memory of its own size, so that a sanitizer sees a read behind the end. */
        char *copy = malloc(REFUSED[i].n + (REFUSED[i].n == 0));
        assert_non_null(copy);
        memcpy(copy, REFUSED[i].p, REFUSED[i].n);
        struct ry_json_doc *doc = NULL;
        struct ry_error err = {.text = ""};
        int rc = ry_json_parse((struct ry_str){copy, REFUSED[i].n}, &doc, &err);
        free(copy);
        assert_null(doc);
        if (rc != RY_EINVAL || strncmp(err.text, "not JSON: ", 10) != 0 || strstr(err.text, " at byte ") == NULL)
            fail_msg("case %zu, %s: %d %s", i, REFUSED[i].p, rc, err.text);
    }
}

static void an_error_says_where_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } CASES[] = {
        {"{\"a\":}", " at byte 5"},        {"{} x", " at byte 3"},      {"{a: 1}", " at byte 1"},
        {"[1,2", "ends too early"},        {"/* c */ 1", " at byte 0"}, {"[\"\xff\"]", "not UTF-8 at byte 2"},
        {"", "ends too early, at byte 0"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {.text = ""};
        assert_int_equal(ry_json_parse(ry_str_of(CASES[i].text), &doc, &err), RY_EINVAL);
        if (strstr(err.text, CASES[i].says) == NULL)
            fail_msg("%s: %s", CASES[i].text, err.text);
    }
}

static void a_settings_file_may_have_comments_and_commas(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line; /* of the error; 0: it is read */
    } CASES[] = {
        {"// c\n{\"a\": [1, /* x, } */ 2,], }\n", 0},
        {"{\"a\": \"// no comment\"}", 0},
        {"[1,,]", 1},
        {"[1]\n\nx", 3},
        {"{\n'a': 1}", 2},
        {"{\n\n\"a\": NaN}", 3},
        {"[1\n/* open", 2},
        {"[\"open\n", 1},
        {"{\"a\":\n5.}", 2},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {.text = ""};
        size_t line = 0;
        int rc = ry_json_parse_jsonc(ry_str_of(CASES[i].text), &doc, &line, &err);
        if (rc != (CASES[i].line ? RY_EINVAL : RY_OK) || (CASES[i].line && line != CASES[i].line))
            fail_msg("%s: %d, line %zu: %s", CASES[i].text, rc, line, err.text);
    }
}

static void nested_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    static const size_t DEPTHS[] = {1, RY_JSON_DEPTH_MAX - 1, RY_JSON_DEPTH_MAX, RY_JSON_DEPTH_MAX + 1, 1000, 200000};
    static const struct {
        const char *open;
        const char *close;
    } KINDS[] = {{"[", "]"}, {"{\"a\":", "}"}, {"[[],[[]],", "]"}};
    for (size_t k = 0; k < COUNT(KINDS); k++)
        for (size_t d = 0; d < COUNT(DEPTHS); d++) {
            RY_BUF_AUTO text = ry_buf_make((size_t)16 << 20);
            for (size_t i = 0; i < DEPTHS[d]; i++)
                ry_buf_add_str(&text, ry_str_of(KINDS[k].open));
            ry_buf_add_str(&text, RY_STR("0"));
            for (size_t i = 0; i < DEPTHS[d]; i++)
                ry_buf_add_str(&text, ry_str_of(KINDS[k].close));
            RY_JSON_AUTO *doc = NULL;
            struct ry_error err = {.text = ""};
            bool side = k == 2 && DEPTHS[d] >= RY_JSON_DEPTH_MAX - 1; /* its neighbours are two levels deeper */
            int wanted = DEPTHS[d] > RY_JSON_DEPTH_MAX || side ? RY_EINVAL : RY_OK;
            if (ry_json_parse(ry_buf_str(&text), &doc, &err) != wanted)
                fail_msg("%s, %zu levels: %s", KINDS[k].open, DEPTHS[d], err.text);
        }
}

/* An allocator that fails once. */
struct failing {
    size_t calls;
    size_t fails_at;
};

static void *failing_malloc(void *ctx, size_t size)
{
    struct failing *self = ctx;
    return self->calls++ == self->fails_at ? NULL : malloc(size);
}

static void *failing_realloc(void *ctx, void *old, size_t old_size, size_t size)
{
    struct failing *self = ctx;
    (void)old_size;
    return self->calls++ == self->fails_at ? NULL : realloc(old, size);
}

static void failing_free(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

static void no_memory_is_not_bad_syntax(void **state)
{
    (void)state;
    RY_BUF_AUTO text = ry_buf_make((size_t)1 << 20);
    ry_buf_add_str(&text, RY_STR("[\"\\ud800\""));
    for (int i = 0; i < 20000; i++)
        ry_buf_add_str(&text, RY_STR(",[]"));
    ry_buf_add_str(&text, RY_STR("]"));
    size_t failed = 0;
    for (struct failing memory = {.fails_at = 0};; memory.fails_at++) {
        yyjson_alc alc = {failing_malloc, failing_realloc, failing_free, &memory};
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {.text = ""};
        memory.calls = 0;
        int rc = ry_json_parse_with(ry_buf_str(&text), YYJSON_READ_NOFLAG, &alc, NULL, &doc, &err);
        if (memory.calls <= memory.fails_at) {
            assert_int_equal(rc, RY_OK);
            break;
        }
        assert_int_equal(rc, RY_ENOMEM);
        assert_int_equal(ry_err_class((enum ry_err)rc), RY_CLASS_RETRY);
        failed++;
    }
    assert_true(failed >= 3);
}

/* ---- what a document says ---------------------------------------------------------------------------------------- */

static void a_string_is_read_with_every_character(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        struct ry_str text;
    } CASES[] = {
        {"\"\"", BYTES("")},
        {"\"a\\u0000b\"", BYTES("a\0b")},
        {"\"\\u00e9\\ud83d\\ude00\\/\"", BYTES("\u00e9\U0001F600/")},
        {"\"\\ud800\"", BYTES("\uFFFD")},
        {"\"a\\uDC00b\"", BYTES("a\uFFFDb")},
        {"\"\\ud800\\ud83d\\ude00\"", BYTES("\uFFFD\U0001F600")},
        {"\"\\ud83d\\u0041\"", BYTES("\uFFFDA")},
        {"\"\\\\ud800\\ud800\"", BYTES("\\ud800\uFFFD")},
        {"\"\u00e9\"", BYTES("\u00e9")},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {.text = ""};
        if (ry_json_parse(ry_str_of(CASES[i].json), &doc, &err) != RY_OK)
            fail_msg("%s: %s", CASES[i].json, err.text);
        if (!ry_str_eq(ry_json_str(ry_json_root(doc)), CASES[i].text))
            fail_msg("%s is read as %s", CASES[i].json, ry_json_str(ry_json_root(doc)).p);
    }
}

static void a_number_is_read_in_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum ry_json_type type;
        bool u64;
        bool i64;
        bool big;
        double f64;
    } CASES[] = {
        {"0", RY_JSON_INT, true, true, false, 0},
        {"-0", RY_JSON_INT, true, true, false, 0},
        {"-1", RY_JSON_INT, false, true, false, -1},
        {"9223372036854775807", RY_JSON_INT, true, true, false, 9223372036854775807.0},
        {"9223372036854775808", RY_JSON_INT, true, false, false, 9223372036854775808.0},
        {"18446744073709551615", RY_JSON_INT, true, false, false, 18446744073709551615.0},
        {"18446744073709551616", RY_JSON_INT, false, false, true, 18446744073709551616.0},
        {"-9223372036854775808", RY_JSON_INT, false, true, false, -9223372036854775808.0},
        {"-9223372036854775809", RY_JSON_INT, false, false, true, -9223372036854775809.0},
        {"1.0", RY_JSON_REAL, false, false, false, 1},
        {"1e2", RY_JSON_REAL, false, false, false, 100},
        {"1e400", RY_JSON_REAL, false, false, true, HUGE_VAL},
        {"-1E400", RY_JSON_REAL, false, false, true, -HUGE_VAL},
        {"5e-324", RY_JSON_REAL, false, false, false, 5e-324},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_BUF_AUTO text = ry_buf_make(128);
        ry_buf_addf(&text, "[%s,%s]", CASES[i].json, CASES[i].json);
        RY_JSON_AUTO *doc = NULL;
        assert_int_equal(ry_json_parse(ry_buf_str(&text), &doc, NULL), RY_OK);
        for (size_t k = 0; k < 2; k++) {
            const struct ry_json *value = ry_json_at(ry_json_root(doc), k);
            uint64_t u64 = 0;
            int64_t i64 = 0;
            double f64 = NAN;
            if (ry_json_type(value) != CASES[i].type || ry_json_u64(value, &u64) != CASES[i].u64 ||
                ry_json_i64(value, &i64) != CASES[i].i64 || !ry_json_f64(value, &f64) || f64 != CASES[i].f64 ||
                (CASES[i].big ? !ry_str_is(ry_json_big(value), CASES[i].json) : ry_json_big(value).p != NULL))
                fail_msg("%s", CASES[i].json);
        }
    }
}

static void the_last_of_members_with_one_name_counts(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *name;
        const char *value; /* NULL: null or missing */
    } CASES[] = {
        {"{\"a\":\"1\",\"a\":\"2\"}", "a", "2"},
        {"{\"a\":\"1\",\"b\":\"x\",\"a\":null}", "a", NULL},
        {"{\"a\":{\"b\":\"1\"}}", "b", NULL},
        {"{\"a\\u0000b\":\"1\"}", "a", NULL},
        {"{\"a\\u0000b\":\"1\",\"a\":\"2\"}", "a", "2"},
        {"{\"\\u0061\":\"1\"}", "a", "1"},
        {"{\"\":\"1\"}", "", "1"},
        {"{}", "a", NULL},
        {"[\"a\"]", "a", NULL},
        {"\"a\"", "a", NULL},
        {"{\"b\":[{\"a\":\"0\"}],\"a\":\"1\",\"c\":{}}", "a", "1"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        assert_int_equal(ry_json_parse(ry_str_of(CASES[i].json), &doc, NULL), RY_OK);
        const struct ry_json *value = ry_json_get(ry_json_root(doc), CASES[i].name);
        if (CASES[i].value == NULL ? value != NULL : !ry_str_is(ry_json_str(value), CASES[i].value))
            fail_msg("%s in %s", CASES[i].name, CASES[i].json);
    }
}

static void a_value_ends_where_it_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        size_t end;
    } CASES[] = {
        {"{} {}", RY_OK, 2},    {" [1]\nrest", RY_OK, 4},    {"{\"a\":", RY_ENOENT, 5}, {"[1,\n", RY_ENOENT, 4},
        {"\"ab", RY_ENOENT, 3}, {"{\"a\" 1}", RY_EINVAL, 5}, {"x", RY_EINVAL, 0},       {"{\"a\":1\n{", RY_EINVAL, 7},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {.text = ""};
        size_t end = 0;
        int rc = ry_json_parse_next(ry_str_of(CASES[i].text), &doc, &end, &err);
        if (rc != CASES[i].rc || end != CASES[i].end)
            fail_msg("%s: %d, ends at %zu: %s", CASES[i].text, rc, end, err.text);
    }
}

static void a_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t max;
        size_t n;
    } CASES[] = {{"abc", 3, 3},        {"abc", 2, 2},         {"a\u00e9", 2, 1},
                 {"\U0001F600", 3, 0}, {"\U0001F600x", 4, 4}, {"", 0, 0}};
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(ry_json_cut(ry_str_of(CASES[i].text), CASES[i].max).n, CASES[i].n);
    assert_null(ry_json_cut((struct ry_str){0}, 1).p);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void a_string_is_written_escaped_and_always_utf8(void **state)
{
    (void)state;
    static const struct {
        struct ry_str text;
        const char *json;
    } CASES[] = {
        {BYTES(""), "\"\""},
        {BYTES("plain text that is longer than a word"), "\"plain text that is longer than a word\""},
        {BYTES("\"\\/\n\r\t\b\f\x01\x1f\x7f"), "\"\\\"\\\\/\\n\\r\\t\\u0008\\u000c\\u0001\\u001f\x7f\""},
        {BYTES("a\0b"), "\"a\\u0000b\""},
        {BYTES("1234567\"90123456\\890"), "\"1234567\\\"90123456\\\\890\""},
        {BYTES("\u00e9 \U0001F600"), "\"\u00e9 \U0001F600\""},
        {BYTES("a\xff\x80z\xe2\x82"), "\"a\uFFFD\uFFFDz\uFFFD\uFFFD\""},
        {BYTES("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\""},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_BUF_AUTO text = ry_buf_make(256);
        ry_json_print_str(&text, CASES[i].text);
        assert_string_equal(ry_buf_cstr(&text), CASES[i].json);
    }
}

static void write_all(struct ry_buf *text, bool pretty)
{
    struct ry_json_writer w = ry_json_writer(text, pretty);
    ry_json_put_object(&w, NULL);
    ry_json_put_text(&w, "s", "x");
    ry_json_put_str(&w, "absent", (struct ry_str){0});
    ry_json_put_u64(&w, "u", UINT64_MAX);
    ry_json_put_i64(&w, "i", INT64_MIN);
    ry_json_put_f64(&w, "f", 0.1, -1);
    ry_json_put_f64(&w, "d", 2.0 / 3, 3);
    ry_json_put_f64(&w, "n", NAN, -1);
    ry_json_put_array(&w, "e");
    ry_json_put_end(&w);
    ry_json_put_array(&w, "a");
    ry_json_put_bool(&w, NULL, true);
    ry_json_put_object(&w, NULL);
    ry_json_put_end(&w);
    ry_json_put_end(&w);
    ry_json_put_end(&w);
}

static void values_are_written_one_after_the_other(void **state)
{
    (void)state;
    RY_BUF_AUTO plain = ry_buf_make(4096);
    RY_BUF_AUTO pretty = ry_buf_make(4096);
    write_all(&plain, false);
    write_all(&pretty, true);
    assert_string_equal(ry_buf_cstr(&plain),
                        "{\"s\":\"x\",\"absent\":null,\"u\":18446744073709551615,\"i\":-9223372036854775808,\"f\":0.1,"
                        "\"d\":0.667,\"n\":null,\"e\":[],\"a\":[true,{}]}");
    assert_string_equal(ry_buf_cstr(&pretty),
                        "{\n  \"s\": \"x\",\n  \"absent\": null,\n  \"u\": 18446744073709551615,\n"
                        "  \"i\": -9223372036854775808,\n  \"f\": 0.1,\n  \"d\": 0.667,\n  \"n\": null,\n  \"e\": [],\n"
                        "  \"a\": [\n    true,\n    {}\n  ]\n}");
    for (size_t max = 0; max < plain.n; max++) {
        RY_BUF_AUTO small = ry_buf_make(max);
        write_all(&small, false);
        assert_true(small.failed);
    }
}

static void what_is_read_is_written_as_it_was(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "null",
        "true",
        "[]",
        "{}",
        "[[[]],{\"a\":{}}]",
        "\"a\\u0000\\\"\u00e9\"",
        "{\"a\\u0000b\":1,\"a\":2,\"a\":3}",
        "18446744073709551615",
        "-9223372036854775808",
        "123456789012345678901234567890",
        "1e400",
        "-1E400",
        "0.1",
        "1e+22",
        "5e-324",
        "1.7976931348623157e+308",
        "-0.0",
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        RY_JSON_AUTO *doc = NULL;
        assert_int_equal(ry_json_parse(ry_str_of(CASES[i]), &doc, NULL), RY_OK);
        RY_BUF_AUTO text = ry_buf_make(256);
        struct ry_json_writer writer = ry_json_writer(&text, false);
        ry_json_put_value(&writer, NULL, ry_json_root(doc));
        assert_string_equal(ry_buf_cstr(&text), CASES[i]);
    }
}

static void writing_too_deep_is_an_error_and_no_overrun(void **state)
{
    (void)state;
    RY_BUF_AUTO text = ry_buf_make(4096);
    struct ry_json_writer writer = ry_json_writer(&text, false);
    for (int i = 0; i < RY_JSON_DEPTH_MAX; i++)
        ry_json_put_array(&writer, NULL);
    assert_false(text.failed);
    ry_json_put_array(&writer, NULL);
    ry_json_put_object(&writer, NULL);
    assert_true(text.failed);
    for (int i = 0; i < RY_JSON_DEPTH_MAX + 2; i++)
        ry_json_put_end(&writer);
    assert_int_equal(writer.depth, 0);
}

/* What is wrong with a text is said of the text or of the field, and leaves no document behind. */
static void text_is_read_with_its_fields_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        const char *says;
    } cases[] = {
        {"{\"id\":\"1\",\"name\":\"a\"}", RY_OK, NULL},
        {"{\"id\":\"1\"}", RY_OK, NULL},
        {"{\"id\":\"1\",\"name\":null,\"more\":[1,2]}", RY_OK, NULL},
        {"{\"id\":\"2\",\"id\":\"1\"}", RY_OK, NULL},
        {"", RY_EINVAL, "the job is empty"},
        {"nothing", RY_EINVAL, "the job is not JSON: "},
        {"{\"id\":\"1\"", RY_EINVAL, "the job is not JSON: it ends too early, at byte 9"},
        {"{\"id\":\"1\"}x", RY_EINVAL, "the job is not JSON: "},
        {"[]", RY_EINVAL, "the job is not a JSON object"},
        {"null", RY_EINVAL, "the job is not a JSON object"},
        {"{\"name\":\"a\"}", RY_EINVAL, "id is missing"},
        {"{\"id\":null}", RY_EINVAL, "id is missing"},
        {"{\"id\":1}", RY_EINVAL, "id is not a string"},
        {"{\"id\":\"1\",\"name\":7}", RY_EINVAL, "name is not a string"},
        {"{\"id\":\"1\",\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}", RY_ELIMIT,
         "the job has 51 bytes; at most 40 are allowed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_str id = {0}, name = {0};
        const struct ry_json_want wants[] = {{"id", &id, true}, {"name", &name, false}};
        struct ry_json_doc *doc = NULL;
        const struct ry_json *object = NULL;
        struct ry_error err = {.code = RY_OK};
        int rc = ry_json_read_text(ry_str_of(cases[i].text), "the job", 40, wants, 2, &doc, &object, &err);
        if (rc != cases[i].rc || (rc != RY_OK && strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0))
            fail_msg("%s: %d, %s", cases[i].text, rc, err.text);
        assert_true((doc != NULL) == (rc == RY_OK));
        if (rc == RY_OK)
            assert_true(ry_str_is(id, "1"));
        ry_json_free(&doc);
    }
}

/* Old programs print some numbers where new ones print strings. */
static void text_of_a_member_may_stand_there_as_a_number(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text; /* NULL: absent */
    } cases[] = {
        {"{\"a\":\"x\"}", "x"},
        {"{\"a\":\"\"}", ""},
        {"{\"a\":0}", "0"},
        {"{\"a\":18446744073709551615}", "18446744073709551615"},
        {"{\"a\":null}", NULL},
        {"{\"b\":\"x\"}", NULL},
        {"{\"a\":-1}", NULL},
        {"{\"a\":1.5}", NULL},
        {"{\"a\":true}", NULL},
        {"{\"a\":[]}", NULL},
        {"{\"a\":18446744073709551616}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char digits[RY_JSON_DIGITS_BYTES];
        RY_JSON_AUTO *doc = NULL;
        assert_int_equal(ry_json_parse(ry_str_of(cases[i].json), &doc, NULL), RY_OK);
        struct ry_str text = ry_json_text(ry_json_root(doc), "a", digits);
        assert_true(cases[i].text != NULL ? ry_str_is(text, cases[i].text) : text.p == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_with_its_fields_or_refused),
        cmocka_unit_test(text_of_a_member_may_stand_there_as_a_number),
        cmocka_unit_test(what_the_grammar_allows_is_read),
        cmocka_unit_test(what_the_grammar_does_not_allow_is_refused),
        cmocka_unit_test(an_error_says_where_it_is),
        cmocka_unit_test(a_settings_file_may_have_comments_and_commas),
        cmocka_unit_test(nested_beyond_the_limit_is_refused),
        cmocka_unit_test(no_memory_is_not_bad_syntax),
        cmocka_unit_test(a_string_is_read_with_every_character),
        cmocka_unit_test(a_number_is_read_in_its_range),
        cmocka_unit_test(the_last_of_members_with_one_name_counts),
        cmocka_unit_test(a_value_ends_where_it_ends),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(a_string_is_written_escaped_and_always_utf8),
        cmocka_unit_test(values_are_written_one_after_the_other),
        cmocka_unit_test(what_is_read_is_written_as_it_was),
        cmocka_unit_test(writing_too_deep_is_an_error_and_no_overrun),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
