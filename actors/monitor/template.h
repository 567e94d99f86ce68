/* template.h: fills in the page's templates (the HTML files of web/).
 *
 * A template is HTML with slots, in the notation of Mustache (mustache.github.io), of which this is a small part:
 *   {{name}}                     the slot's value: text is escaped, HTML that reelyard made stands as it is
 *   {{#name}}...{{/name}}        only if the slot has a value
 *   {{^name}}...{{/name}}        only if it has none
 * What a value is (text or HTML) is said where it is given, so no template can leave an escape out by mistake. */
#ifndef REELYARD_ACTORS_MONITOR_TEMPLATE_H
#define REELYARD_ACTORS_MONITOR_TEMPLATE_H

#include "runtime/base/buf.h"

struct slot {
    const char *name;
    struct ry_str value; /* absent or empty: no value */
    bool html;           /* the value is HTML that was made by a template or by html.h */
};

#define SLOT_TEXT(slot_name, slot_value) \
    { \
        slot_name, slot_value, false \
    }
#define SLOT_HTML(slot_name, slot_value) \
    { \
        slot_name, slot_value, true \
    }
/* A section that is shown or not. */
#define SLOT_IF(slot_name, condition) \
    { \
        slot_name, (condition) ? RY_STR("1") : (struct ry_str){NULL, 0}, true \
    }

/* Appends the template with its slots filled in. Every name in it must be in `slots`, and every section must end;
 * anything else is a mistake in the program and asserts. */
void template_fill(const char *name, const struct slot *slots, size_t slots_n, struct ry_buf *out);

#define TEMPLATE_FILL(name, slots, out) template_fill(name, slots, sizeof(slots) / sizeof(slots)[0], out)

#endif
