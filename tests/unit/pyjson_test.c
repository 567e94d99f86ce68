/* pyjson_test.c: the text is Python's, byte for byte. Expectations were printed by Python 3.11's json.dumps(value,
 * sort_keys=True) and repr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/pyjson.h"
#include "runtime/json/number.h"

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
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {0};
        if (ry_json_parse(ry_str_of(CASES[i].json), &doc, &err) != RY_OK)
            fail_msg("%s: %s", CASES[i].json, err.text);
        RY_BUF_AUTO text = ry_buf_make(4096);
        assert_int_equal(pyjson_print(ry_json_root(doc), &text), RY_OK);
        assert_string_equal(ry_buf_cstr(&text), CASES[i].python);
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
        char text[RY_JSON_F64_BYTES];
        ry_json_print_f64(CASES[i].value, text);
        assert_string_equal(text, CASES[i].repr);
    }
}

static void a_number_prints_as_python_prints_it(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *python;
    } CASES[] = {
#define NUMBER(json, python) {json, python},
#include "tests/unit/pyjson_numbers.def"
#undef NUMBER
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        RY_JSON_AUTO *doc = NULL;
        struct ry_error err = {0};
        if (ry_json_parse(ry_str_of(CASES[i].json), &doc, &err) != RY_OK)
            fail_msg("%s: %s", CASES[i].json, err.text);
        RY_BUF_AUTO text = ry_buf_make(4096);
        assert_int_equal(pyjson_print(ry_json_root(doc), &text), RY_OK);
        if (strcmp(ry_buf_cstr(&text), CASES[i].python) != 0)
            fail_msg("%s is printed as %s, not %s", CASES[i].json, ry_buf_cstr(&text), CASES[i].python);
    }
}

static void a_text_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    RY_JSON_AUTO *doc = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_json_parse(RY_STR("[[1, 2, 3], {\"a\": \"bcdefgh\"}]"), &doc, &err), RY_OK);
    for (size_t max = 0; max < 29; max++) {
        RY_BUF_AUTO text = ry_buf_make(max);
        assert_int_equal(pyjson_print(ry_json_root(doc), &text), RY_ELIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_prints_as_python_prints_it),
        cmocka_unit_test(a_float_prints_as_repr_does),
        cmocka_unit_test(a_number_prints_as_python_prints_it),
        cmocka_unit_test(a_text_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests_name("pyjson", tests, NULL, NULL);
}
