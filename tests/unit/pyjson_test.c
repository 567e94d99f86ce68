/* pyjson_test.c: the text is Python's, byte for byte. Expectations were printed by Python 3.11's json.dumps(value,
 * sort_keys=True) and repr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/json_read.h"
#include "actors/scanner/pyjson.h"

static void a_value_prints_as_python_prints_it(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *python;
    } CASES[] = {
        {"null", "null"},
        {"[true,false,null]", "[true, false, null]"},
        {"{}", "{}"},
        {"[]", "[]"},
        {"{\"b\":1,\"a\":{\"d\":[1,2],\"c\":{}}}", "{\"a\": {\"c\": {}, \"d\": [1, 2]}, \"b\": 1}"},
        {"{\"a\":1,\"a\":2}", "{\"a\": 2}"},
        {"{\"Z\":1,\"a\":2,\"\u00e9\":3,\"\uff5e\":4,\"\U0001F600\":5,\"\":6}",
         "{\"\": 6, \"Z\": 1, \"a\": 2, \"\\u00e9\": 3, \"\\uff5e\": 4, \"\\ud83d\\ude00\": 5}"},
        {"\"clip|n\u00e9 \U0010FFFF\"", "\"clip|n\\u00e9 \\udbff\\udfff\""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\""},
        {"[0,-0,1,-1,9223372036854775807,-9223372036854775808,18446744073709551615]",
         "[0, 0, 1, -1, 9223372036854775807, -9223372036854775808, 18446744073709551615]"},
        {"[1.0,1.50,-0.0,1e5,1E-5,1e16,123456789012345680.0,0.1,2.5e-8]",
         "[1.0, 1.5, -0.0, 100000.0, 1e-05, 1e+16, 1.2345678901234568e+17, 0.1, 2.5e-08]"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct json_object *value = NULL;
        struct ry_error err = {0};
        if (json_read_text(ry_str_of(CASES[i].json), &value, &err) != RY_OK)
            fail_msg("%s: %s", CASES[i].json, err.text);
        RY_BUF_AUTO text = ry_buf_make(4096);
        assert_int_equal(pyjson_print(value, &text), RY_OK);
        assert_string_equal(ry_buf_cstr(&text), CASES[i].python);
        json_object_put(value);
    }
}

static void a_float_prints_as_repr_does(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *repr;
    } CASES[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.3333333333333333, "0.3333333333333333"},
        {0.6666666666666666, "0.6666666666666666"},
        {100.0, "100.0"},
        {1000000000000000.0, "1000000000000000.0"},
        {1e+16, "1e+16"},
        {9999999999999998.0, "9999999999999998.0"},
        {123456789012345.67, "123456789012345.67"},
        {1e+22, "1e+22"},
        {1e+23, "1e+23"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {9.999e-05, "9.999e-05"},
        {1e-05, "1e-05"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e+308, "1.7976931348623157e+308"},
        {5.684341886080802e-14, "5.684341886080802e-14"},
        {9007199254740992.0, "9007199254740992.0"},
        {9007199254740994.0, "9007199254740994.0"},
        {1.1805916207174113e+21, "1.1805916207174113e+21"},
        {4.35, "4.35"},
        {0.3, "0.3"},
        {2.675, "2.675"},
        {1e+100, "1e+100"},
        {-1e-07, "-1e-07"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[PYJSON_FLOAT_BYTES];
        pyjson_float(CASES[i].value, text);
        assert_string_equal(text, CASES[i].repr);
    }
}

static void a_text_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct json_object *value = NULL;
    struct ry_error err = {0};
    assert_int_equal(json_read_text(RY_STR("[[1, 2, 3], {\"a\": \"bcdefgh\"}]"), &value, &err), RY_OK);
    for (size_t max = 0; max < 29; max++) {
        RY_BUF_AUTO text = ry_buf_make(max);
        assert_int_equal(pyjson_print(value, &text), RY_ELIMIT);
    }
    json_object_put(value);
}

static void json_that_is_none_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *says;
    } CASES[] = {
        {"", "ends too early"},  {"{", "ends too early"}, {"{\"a\":}", "at byte 5"}, {"{} x", "at byte 3"},
        {"{a: 1}", "at byte 1"}, {"[1,]", "at byte 3"},   {"\"\xff\"", "utf-8"},     {"/* c */ 1", "at byte 0"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct json_object *value = NULL;
        struct ry_error err = {0};
        int rc = json_read_text(ry_str_of(CASES[i].json), &value, &err);
        if (rc != RY_EINVAL)
            fail_msg("%s is taken", CASES[i].json);
        assert_null(value);
        if (strcasestr(err.text, CASES[i].says) == NULL)
            fail_msg("%s: %s", CASES[i].json, err.text);
    }
}

static void json_nested_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    for (size_t depth = JSON_READ_DEPTH_MAX - 1; depth <= JSON_READ_DEPTH_MAX + 1; depth++) {
        RY_BUF_AUTO text = ry_buf_make(4096);
        for (size_t i = 0; i < depth; i++)
            ry_buf_add(&text, "[", 1);
        for (size_t i = 0; i < depth; i++)
            ry_buf_add(&text, "]", 1);
        struct json_object *value = NULL;
        struct ry_error err = {0};
        int expected = depth <= JSON_READ_DEPTH_MAX ? RY_OK : RY_EINVAL;
        assert_int_equal(json_read_text(ry_buf_str(&text), &value, &err), expected);
        json_object_put(value);
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
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(json_read_cut(ry_str_of(CASES[i].text), CASES[i].max).n, CASES[i].n);
    assert_null(json_read_cut((struct ry_str){0}, 1).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_prints_as_python_prints_it),
        cmocka_unit_test(a_float_prints_as_repr_does),
        cmocka_unit_test(a_text_that_does_not_fit_is_an_error),
        cmocka_unit_test(json_that_is_none_is_refused_with_its_place),
        cmocka_unit_test(json_nested_beyond_the_limit_is_refused),
        cmocka_unit_test(a_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests_name("pyjson", tests, NULL, NULL);
}
