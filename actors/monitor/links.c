/* links.c: URLs of the page. Owns nothing; pure functions on borrowed strings. */
#include "actors/monitor/links.h"

#include "actors/monitor/html.h"
#include "runtime/base/assert.h"

static const char *const names[LINK_COUNT] = {
    [LINK_GUILD] = "guild", [LINK_CHANNEL] = "channel", [LINK_STATUS] = "status", [LINK_BEFORE] = "before"};

const char *link_name(enum link_arg arg)
{
    RY_ASSERT(arg < LINK_COUNT, "argument %d", (int)arg);
    return names[arg];
}

struct links link_with(const struct links *links, enum link_arg arg, struct ry_str value)
{
    struct links with = *links;
    with.values[LINK_BEFORE] = (struct ry_str){NULL, 0};
    with.values[arg] = value;
    return with;
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
        if (links->values[arg].n == 0 || (except & (1u << arg)))
            continue;
        (void)ry_buf_addf(out, "<input type=\"hidden\" name=\"%s\" value=\"", names[arg]);
        html_text(out, links->values[arg]);
        (void)ry_buf_add_str(out, RY_STR("\">"));
    }
}

bool link_narrows(const struct links *links)
{
    for (unsigned arg = 0; arg < LINK_COUNT; arg++)
        if (arg != LINK_BEFORE && links->values[arg].n > 0)
            return true;
    return false;
}
