/* content_range.c: the grammar of RFC 9110, section 14.4, and nothing more lenient: a server that cannot say which
 * bytes it sends is not believed. */
#include "runtime/net/content_range.h"

#include "runtime/base/assert.h"

#include <strings.h>

/* Cuts what stands before the separator off *rest; absent if it is not there. */
static struct ry_str cut(struct ry_str *rest, char separator)
{
    const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    if (!at)
        return (struct ry_str){0};
    struct ry_str head = {rest->p, (size_t)(at - rest->p)};
    *rest = (struct ry_str){at + 1, rest->n - head.n - 1};
    return head;
}

static bool parse_offset(struct ry_str text, uint64_t *out)
{
    return ry_str_u64(text, out) && *out <= INT64_MAX;
}

bool ry_content_range_parse(struct ry_str text, struct ry_content_range *range)
{
    struct ry_content_range got = {.has_bytes = true, .has_total = true};
    struct ry_str rest = text;
    struct ry_str unit = cut(&rest, ' ');
    if (unit.n != 5 || strncasecmp(unit.p, "bytes", 5) != 0)
        return false;
    struct ry_str span = cut(&rest, '/');
    if (ry_str_is(span, "*")) {
        got.has_bytes = false;
    } else {
        struct ry_str first = cut(&span, '-');
        if (!parse_offset(first, &got.first) || !parse_offset(span, &got.last) || got.first > got.last)
            return false;
    }
    if (ry_str_is(rest, "*"))
        got.has_total = false;
    else if (!parse_offset(rest, &got.total))
        return false;
    if (!got.has_bytes && !got.has_total)
        return false;
    if (got.has_bytes && got.has_total && got.last >= got.total)
        return false;
    RY_ASSERT(!got.has_bytes || got.first <= got.last);
    *range = got;
    return true;
}
