/* csv_test.c: cells are quoted as RFC 4180 says, and no spreadsheet runs what somebody wrote into a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cli/csv.h"

static void cells_are_quoted_and_formulas_disarmed(void **state)
{
    static const struct {
        struct ry_str cell;
        const char *text;
    } cases[] = {
        {{NULL, 0}, ""},
        {{"", 0}, ""},
        {{"plain", 5}, "plain"},
        {{"a,b", 3}, "\"a,b\""},
        {{"say \"hi\"", 8}, "\"say \"\"hi\"\"\""},
        {{"two\nlines", 9}, "\"two\nlines\""},
        {{" a", 2}, "\" a\""},
        {{"a\0b", 3}, "ab"},
        {{"-12.5", 5}, "-12.5"},
        {{"=1+1", 4}, "'=1+1"},
        {{"+1", 2}, "'+1"},
        {{"-", 1}, "'-"},
        {{"-2+3", 4}, "'-2+3"},
        {{"@SUM(A1)", 8}, "'@SUM(A1)"},
        {{"\t=1", 3}, "'\t=1"},
        {{"\r=1", 3}, "\"'\r=1\""},
        {{"=HYPERLINK(\"x\",\"y\")", 19}, "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
        {{"\xef\xbc\x9d"
          "1",
          4},
         "'\xef\xbc\x9d"
         "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RY_BUF_AUTO out = ry_buf_make(256);
        const struct ry_str row[] = {cases[i].cell, RY_STR("x")};
        ry_csv_row(&out, row, 2);
        RY_BUF_AUTO expected = ry_buf_make(256);
        (void)ry_buf_addf(&expected, "%s,x\r\n", cases[i].text);
        assert_string_equal(ry_buf_cstr(&out), ry_buf_cstr(&expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cells_are_quoted_and_formulas_disarmed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
