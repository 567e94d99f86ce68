/* links.c: URLs of the page. Owns nothing; pure functions on borrowed strings. */
#include "actors/monitor/links.h"

#include "actors/monitor/html.h"
#include "runtime/base/assert.h"

static const char *const names[LINK_COUNT] = {
#define LINK(name, text) [LINK_##name] = (text),
    LINKS(LINK)
#undef LINK
};

static const struct ry_str absent = {NULL, 0};

const char *link_name(enum link_arg arg)
{
    RY_ASSERT(arg < LINK_COUNT, "argument %d", (int)arg);
    return names[arg];
}

bool link_is_place(enum link_arg arg)
{
    return arg == LINK_CURSOR || arg == LINK_BACKWARDS || arg == LINK_BEFORE;
}

struct links link_with(const struct links *links, enum link_arg arg, struct ry_str value)
{
    struct links with = link_at(links, absent, false);
    with.values[arg] = value;
    return with;
}

struct links link_at(const struct links *links, struct ry_str cursor, bool backwards)
{
    struct links at = *links;
    at.values[LINK_BEFORE] = absent;
    at.values[LINK_CURSOR] = cursor;
    at.values[LINK_BACKWARDS] = backwards ? RY_STR("1") : absent;
    return at;
}

void link_add(const char *path, const struct links *links, struct ry_buf *out)
{
    char separator = '?';
    (void)ry_buf_add_str(out, ry_str_of(path));
    for (unsigned arg = 0; arg < LINK_COUNT; arg++) {
        if (links->values[arg].n == 0)
            continue;
        (void)ry_buf_addf(out, "%c%s=", separator, names[arg]);
        html_component(out, links->values[arg]);
        separator = '&';
    }
}

void link_hidden(const struct links *links, unsigned except, struct ry_buf *out)
{
    for (unsigned arg = 0; arg < LINK_COUNT; arg++) {
        if (links->values[arg].n == 0 || link_is_place((enum link_arg)arg) || (except & (1u << arg)))
            continue;
        (void)ry_buf_addf(out, "<input type=\"hidden\" name=\"%s\" value=\"", names[arg]);
        html_text(out, links->values[arg]);
        (void)ry_buf_add_str(out, RY_STR("\">"));
    }
}

bool link_narrows(const struct links *links)
{
    for (unsigned arg = 0; arg < LINK_COUNT; arg++)
        if (arg != LINK_SORT && !link_is_place((enum link_arg)arg) && links->values[arg].n > 0)
            return true;
    return false;
}

bool link_has_place(const struct links *links)
{
    return links->values[LINK_CURSOR].n > 0 || links->values[LINK_BEFORE].n > 0;
}
