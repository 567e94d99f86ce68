/* filter_fuzz.c: whatever bytes a pattern has, it is refused with a reason, or searched for within its budget. The
 * pattern ends at the first NUL; the text is what follows it, again and again up to a message's length. */
#include "actors/scanner/text_filter.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES ((size_t)4000)
#define BUDGET_NS  INT64_C(5000000)
#define STEP_NS    INT64_C(10000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

static int64_t now_ns(void *arg)
{
    int64_t *clock_ns = arg;
    return *clock_ns += STEP_NS;
}

/* Searches for the filter in the unit n times over. */
static void search(const struct text_filter *filter, struct ry_str unit, size_t n)
{
    struct ry_error err;
    struct text_searcher *searcher = NULL;
    char text[TEXT_BYTES];
    int64_t clock_ns = 0;
    int64_t left_ns = BUDGET_NS;
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * unit.n, unit.p, unit.n);
    check(text_searcher_new(&searcher, &(struct text_clock){now_ns, &clock_ns}, &err) == RY_OK);
    enum text_found found = text_filter_search(filter, searcher, (struct ry_str){text, n * unit.n}, &left_ns);
    check(found == TEXT_ABSENT || found == TEXT_FOUND || found == TEXT_GIVEN_UP);
    check(left_ns >= 0 && clock_ns <= BUDGET_NS + 3 * STEP_NS);
    text_searcher_free(&searcher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const char *end = size > 0 ? memchr(bytes, '\0', size) : NULL;
    struct ry_str pattern = {bytes, end ? (size_t)(end - bytes) : size};
    struct ry_str unit = {bytes + pattern.n + (end != NULL), size - pattern.n - (end != NULL)};
    struct text_filter *filter = NULL;
    struct ry_error err = {.text = ""};
    if (pattern.n == 0 || !ry_str_is_utf8(pattern) || !ry_str_is_utf8(unit) || unit.n > TEXT_BYTES)
        return 0;
    int rc = text_filter_compile("text_include_regex", pattern, &filter, &err);
    if (rc != RY_OK) {
        check(filter == NULL && err.text[0] != '\0');
        return 0;
    }
    search(filter, unit, unit.n > 0 ? TEXT_BYTES / unit.n : 0);
    search(filter, unit, 1);
    text_filter_free(&filter);
    return 0;
}
