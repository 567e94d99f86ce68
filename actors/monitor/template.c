/* template.c: filling in templates.
 *
 * Owns nothing; writes into the caller's buffer. Templates come from this program and are trusted; values are not, and
 * are escaped unless the caller says that they are HTML. */
#include "actors/monitor/template.h"

#include "actors/monitor/html.h"
#include "actors/monitor/web.h"
#include "runtime/base/assert.h"

#define SECTIONS_MAX 8

struct filling {
    const char *name; /* of the template */
    const struct slot *slots;
    size_t slots_n;
    struct ry_buf *out;
    struct ry_str sections[SECTIONS_MAX];
    size_t depth;
    size_t hidden; /* the depth of the outermost section that is not shown; 0: all are */
};

static const struct slot *find_slot(const struct filling *filling, struct ry_str name)
{
    for (size_t i = 0; i < filling->slots_n; i++)
        if (ry_str_is(name, filling->slots[i].name))
            return &filling->slots[i];
    RY_ASSERT(false, "the template %s has no value for %.*s", filling->name, RY_STR_ARG(name));
    return NULL;
}

static void open_section(struct filling *filling, struct ry_str name, bool wanted)
{
    bool has = find_slot(filling, name)->value.n > 0;
    RY_ASSERT(filling->depth < SECTIONS_MAX, "the template %s nests too deep", filling->name);
    filling->sections[filling->depth++] = name;
    if (filling->hidden == 0 && has != wanted)
        filling->hidden = filling->depth;
}

static void close_section(struct filling *filling, struct ry_str name)
{
    RY_ASSERT(filling->depth > 0 && ry_str_eq(filling->sections[filling->depth - 1], name),
              "the template %s ends a section %.*s that is not open", filling->name, RY_STR_ARG(name));
    if (filling->hidden == filling->depth)
        filling->hidden = 0;
    filling->depth--;
}

static void put(struct filling *filling, struct ry_str tag)
{
    const struct ry_str name = {tag.p + 1, tag.n - 1};
    RY_ASSERT(tag.n > 0, "the template %s has an empty slot", filling->name);
    if (tag.p[0] == '#' || tag.p[0] == '^') {
        open_section(filling, name, tag.p[0] == '#');
    } else if (tag.p[0] == '/') {
        close_section(filling, name);
    } else {
        const struct slot *slot = find_slot(filling, tag);
        if (filling->hidden > 0)
            return;
        if (slot->html)
            (void)ry_buf_add_str(filling->out, slot->value);
        else
            html_text(filling->out, slot->value);
    }
}

void template_fill(const char *name, const struct slot *slots, size_t slots_n, struct ry_buf *out)
{
    struct ry_str text = web_template(name);
    struct filling filling = {.name = name, .slots = slots, .slots_n = slots_n, .out = out};
    while (text.n > 0) {
        const char *open = memmem(text.p, text.n, "{{", 2);
        size_t plain = open ? (size_t)(open - text.p) : text.n;
        if (filling.hidden == 0)
            (void)ry_buf_add(out, text.p, plain);
        text = (struct ry_str){text.p + plain, text.n - plain};
        if (open == NULL)
            break;
        const char *close = memmem(text.p, text.n, "}}", 2);
        RY_ASSERT(close != NULL, "the template %s has a slot without an end", name);
        size_t tag_n = (size_t)(close - text.p) - 2;
        put(&filling, (struct ry_str){text.p + 2, tag_n});
        text = (struct ry_str){text.p + tag_n + 4, text.n - tag_n - 4};
    }
    RY_ASSERT(filling.depth == 0, "the template %s has a section without an end", name);
}
